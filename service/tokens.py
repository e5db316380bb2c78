"""Tokens of the service: makes, lists, revokes and recognises them; knows no HTTP.

A token is 256 random bits, so its SHA-256 is kept and no slow password hash: there is no list of likely
tokens that somebody who reads the digests could try, and a slow hash would only slow down every request.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from footage.core.errors import FileError, UsageError
from footage.core.index_place import place_digest
from footage.core.private_files import FILE_MODE, close_to_others, private_folder
from service.requests import Request
from service.roles import ROLES, Role

if TYPE_CHECKING:
    from footage.store.state.tokens import TokenRow as TokenRow
    from footage.store.state.tokens import TokenRows
    from service.session import Service

TOKEN_BYTES = 32
"""Random bytes of a token; written in Base64, that are 43 characters."""
SHORTEST_TOKEN = 32
"""Fewest characters of a token that a file may hold."""
OWN_TOKEN = "owner"
"""Name of the token that the first start over TCP makes."""
FRESH_SECONDS = 1.0
"""How long a token may be accepted after it was revoked by another process."""
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


class CreateTokenRequest(Request):
    """A new token."""

    name: str = Field(pattern=f"^{_NAME}$", max_length=64)
    """Names it in lists and in the audit log: letters, digits, dots, hyphens and underscores."""
    role: Role = "view"
    """What it allows."""


class ListTokensRequest(Request):
    """All tokens."""


class RevokeTokenRequest(Request):
    """The token to revoke."""

    name: str = Field(min_length=1, max_length=64)
    """Its name."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; shown once."""

    token: str
    """The token itself."""
    row: TokenRow
    """What is kept of it."""


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Whose token it is."""

    name: str
    """Name of the token."""
    role: Role
    """What it allows."""


def create_token(service: Service, request: CreateTokenRequest) -> NewToken:
    """Make a token; only its digest is kept.

    Raises:
        UsageError: there is a token of that name, revoked or not.
        StoreError: the state of the index cannot be written.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = _row(request.name, token, request.role)
    if not _rows(service).add(row):
        raise UsageError(
            f"There is a token {request.name!r} already.",
            hint="Choose another name; a revoked token keeps its name for the audit log.",
        )
    return NewToken(token, row)


def list_tokens(service: Service, request: ListTokensRequest | None = None) -> list[TokenRow]:
    """Every token by name, those that were revoked included.

    Raises:
        StoreError: the state of the index cannot be read.
    """
    return _rows(service).all()


def revoke_token(service: Service, request: RevokeTokenRequest) -> TokenRow:
    """Revoke a token at once, for good.

    Raises:
        UsageError: there is no token of that name.
        StoreError: the state of the index cannot be written.
    """
    row = _rows(service).revoke(request.name)
    if row is None:
        raise UsageError(f"There is no token {request.name!r}.", hint="List them with `footage tokens list`.")
    return row


class TokenBook:
    """Recognises tokens; keeps the list of them in memory for ``FRESH_SECONDS``. Safe to use from threads."""

    def __init__(self, service: Service, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is read yet."""
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._holders: Mapping[str, TokenHolder] = {}

    def holder(self, token: str) -> TokenHolder | None:
        """Whose token it is; None for a wrong or revoked one.

        It is looked up by its digest, so that the time it takes says nothing of how near a guess is.

        Raises:
            StoreError: the state of the index cannot be read.
        """
        with self._lock:
            if self._clock() - self._read_at > FRESH_SECONDS:
                self._holders = {
                    row.digest: _holder(row) for row in list_tokens(self._service) if _valid(row)
                }
                self._read_at = self._clock()
            return self._holders.get(digest_of(token))


def own_token(service: Service, file: Path) -> str:
    """The owner's token, role "admin"; the first start of the service makes it and its file, mode 0600.

    Raises:
        FileError: the file cannot be written or read, or holds no token.
        UsageError: its token was revoked.
        StoreError: the state of the index cannot be read or written.
    """
    try:
        token = _read_or_make(file)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise FileError(
            f"The token file {file} cannot be used: {why}.", hint="Name another with --token-file."
        ) from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise FileError(
            f"The token file {file} holds no token of at least {SHORTEST_TOKEN} characters.",
            hint="Remove the file; the next start makes a new token.",
        )
    digest = digest_of(token)
    kept = next((row for row in list_tokens(service) if row.digest == digest), None)
    if kept is not None and kept.revoked_at:
        raise UsageError(
            f"The token in {file} was revoked.", hint="Remove the file; the next start makes a new token."
        )
    if kept is None:
        _rows(service).add(_row(OWN_TOKEN, token, "admin"), replace=True)
    return token


def token_file(service: Service) -> Path:
    """Where the owner's token is: as the settings say, else a file of this index in the state folder."""
    if service.settings.token_file is not None:
        return service.settings.token_file
    import platformdirs

    name = place_digest(service.settings.db)[:20]
    return platformdirs.user_state_path("footage") / "tokens" / f"{name}.token"


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _read_or_make(file: Path) -> str:
    """The text of the file; it is made where there is none, whole or not at all."""
    if not file.exists():
        private_folder(file.parent)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        draft.touch(mode=FILE_MODE, exist_ok=False)
        draft.write_text(secrets.token_urlsafe(TOKEN_BYTES) + "\n", encoding="ascii")
        try:
            os.link(draft, file)  # fails where another start was faster: its token counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    close_to_others(file)
    return file.read_text(encoding="utf-8").strip()


def _rows(service: Service) -> TokenRows:
    from footage.store.state.tokens import TokenRows

    return TokenRows(service.state())


def _row(name: str, token: str, role: Role) -> TokenRow:
    from footage.store.state.tokens import TokenRow

    return TokenRow(name, digest_of(token), role, time.time())


def _valid(row: TokenRow) -> bool:
    return not row.revoked_at and row.role in ROLES


def _holder(row: TokenRow) -> TokenHolder:
    return TokenHolder(row.name, next(role for role in ROLES if role == row.role))
