"""Addresses of moments: signed, expiring ones of clips and pictures, and pages of the app; reads no video.

An address names a video by its content, never a file. Whoever has an address may use it until it expires, so
only callers that may see the video are given one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import quote, urlencode

from footage.core.errors import FootageError, StoreError
from footage.core.private_files import FILE_MODE
from footage.core.types import Span
from service.previews import PREVIEW_WIDTH, THUMBNAIL_WIDTH

if TYPE_CHECKING:
    from service.session import Service

MediaKind = Literal["clip", "poster", "thumbnail"]
"""A short clip, a large and a small picture of a moment."""
MEDIA_KINDS: tuple[MediaKind, ...] = get_args(MediaKind)
WIDTHS: dict[MediaKind, int] = {"clip": PREVIEW_WIDTH, "poster": 960, "thumbnail": THUMBNAIL_WIDTH}
"""Widths in pixels unless another one is asked for."""
LIFETIME_SECONDS = 3600.0
"""How long an address is valid."""
PREFIX = "/media"
"""Where the addresses are on a server."""
USUAL_APP = "http://localhost:8501"
"""Where `footage ui` is unless the settings say otherwise."""
KEY_FILE = ".media-key"
"""Name of the key in the folder of the index."""
_KEY_BYTES = 32


class LinkInvalidError(FootageError):
    """The address was not made here, or was changed since."""


class LinkExpiredError(FootageError):
    """The address was valid once."""


@dataclass(frozen=True, slots=True)
class MediaClaim:
    """What an address gives access to, and until when."""

    kind: MediaKind
    """Clip or picture."""
    content_id: str
    """The video, by its bytes."""
    span: Span
    """The moment, in video time; a picture is of its middle."""
    width: int
    """Wider pictures are scaled down to this, in pixels; of a clip always ``PREVIEW_WIDTH``."""
    expires_at: int
    """Seconds since the epoch."""

    @property
    def middle_seconds(self) -> float:
        """The middle of the moment, in video time."""
        return self.span.middle_seconds


class MediaSigner:
    """Makes addresses and checks them, with one key."""

    def __init__(
        self,
        key: bytes,
        *,
        lifetime_seconds: float = LIFETIME_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take a key.

        Args:
            key: Secret bytes, see ``media_key``.
            lifetime_seconds: How long an address is valid.
            clock: The time, in seconds since the epoch.
        """
        self._key = key
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock

    def address(self, kind: MediaKind, content_id: str, span: Span, *, width: int | None = None) -> str:
        """The address of a clip or picture on the server, "/media/KIND/TICKET"."""
        claim = MediaClaim(
            kind, content_id, span, width or WIDTHS[kind], int(self._clock() + self._lifetime_seconds)
        )
        payload = _payload(claim)
        return f"{PREFIX}/{kind}/{payload}.{self._signature(kind, payload)}"

    def verified(self, kind: str, ticket: str) -> MediaClaim:
        """What an address gives access to.

        Args:
            kind: The part of the address after "/media/".
            ticket: The part after that.

        Raises:
            LinkInvalidError: it was not made with this key, or was changed since.
            LinkExpiredError: it was valid once.
        """
        payload, _, signature = ticket.partition(".")
        expected = self._signature(kind, payload)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
            raise LinkInvalidError(
                "This media link is not valid: it was changed, or the index has another key.",
                hint="Repeat the request that gave the link.",
            )
        claim = _claim(kind, payload)
        if claim.expires_at <= self._clock():
            raise LinkExpiredError(
                "This media link has expired.", hint="Repeat the request that gave the link."
            )
        return claim

    def _signature(self, kind: str, payload: str) -> str:
        signed = f"{kind}.{payload}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()


def _payload(claim: MediaClaim) -> str:
    """Everything of a claim but its kind, as text for an address."""
    start, end = (round(each * 1e6) for each in (claim.span.start_seconds, claim.span.end_seconds))
    spelled = f"{start} {end} {claim.width} {claim.expires_at} {claim.content_id}"
    return base64.urlsafe_b64encode(spelled.encode()).rstrip(b"=").decode("ascii")


def _claim(kind: str, payload: str) -> MediaClaim:
    """The claim of a payload whose signature was right.

    Raises:
        LinkInvalidError: it is none of this version of the program.
    """
    try:
        padded = payload + "=" * (-len(payload) % 4)
        start, end, width, expires_at, content_id = (
            base64.urlsafe_b64decode(padded).decode("utf-8").split(" ", 4)
        )
        span = Span(int(start) / 1e6, int(end) / 1e6)
        [known] = (each for each in MEDIA_KINDS if each == kind)
        return MediaClaim(known, content_id, span, int(width), int(expires_at))
    except (ValueError, binascii.Error) as error:
        raise LinkInvalidError(
            "This media link was made by another version of footage.",
            hint="Repeat the request that gave the link.",
        ) from error


def moment_address(app_address: str, content_id: str, span: Span) -> str:
    """The page of a video in the app, open at a moment; asks for the app's own token."""
    moment = {"video": content_id, "start": f"{span.start_seconds:.3f}", "end": f"{span.end_seconds:.3f}"}
    return f"{app_address.rstrip('/')}/library?{urlencode(moment, quote_via=quote)}"


def index_signer(service: Service) -> MediaSigner:
    """The signer of the index that the settings name; its key is made when there is none.

    Raises:
        StoreError: the key cannot be read or written.
    """
    return MediaSigner(media_key(service.state().path.parent))


def media_key(folder: Path) -> bytes:
    """The key of an index; a random one is made where there is none, in a file for its owner alone.

    Args:
        folder: The folder of the index, which must be there.

    Raises:
        StoreError: the key cannot be read or written.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"The key of media links, {path}, cannot be used: {error.strerror}.",
            hint="Check the permissions of the folder of the index.",
        ) from error
    if len(key) != _KEY_BYTES:
        raise StoreError(f"{path} is no key of media links.", hint="Remove the file; a new one will be made.")
    return key


def _make_key(path: Path) -> None:
    """Write a random key, unless another process does so at the same time; whole or not at all."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(draft, path)  # never replaces a key that is there
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)
