"""Cursors: where the next part of an answer begins, as a text that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import UsageError

if TYPE_CHECKING:
    from service.requests import Request

LONGEST = 1000
"""Characters of the longest cursor."""
_VERSION = 1
_MOST = 2**31
_HINT = "Repeat the request without a cursor to begin again."


@dataclass(frozen=True, slots=True)
class CursorCodec:
    """Cursors of one request; those of another request are refused."""

    digest: str
    """Stands for the request and its operation."""

    @classmethod
    def of(cls, operation: str, request: Request, *, but: frozenset[str] = frozenset()) -> CursorCodec:
        """The cursors of a request.

        Args:
            operation: Name of the operation.
            request: The request.
            but: Fields that say where in the answer to begin, and so differ from part to part.
        """
        fields = request.model_dump(exclude=set(but), exclude_defaults=True)
        text = json.dumps([operation, fields], sort_keys=True, default=repr)
        return cls(hashlib.sha256(text.encode()).hexdigest()[:32])

    def encode(self, position: int | str) -> str:
        """The cursor of a position in the answer: a number from 1, or the id of an entry."""
        text = json.dumps([_VERSION, self.digest, position], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode("ascii")).decode("ascii").rstrip("=")

    def decode(self, cursor: str) -> int | str:
        """The position that a cursor stands for.

        Raises:
            UsageError: it is no cursor, or one of another request.
        """
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            version, digest, position = json.loads(base64.b64decode(padded, b"-_", validate=True))
            number = type(position) is int and 0 < position < _MOST
            sound = version == _VERSION and (number or (type(position) is str and position != ""))
        except (ValueError, TypeError, binascii.Error, RecursionError):
            sound = False
        if not sound or len(cursor) > LONGEST:
            raise UsageError("The cursor is not one that this service gave.", hint=_HINT)
        if digest != self.digest:
            raise UsageError("The cursor belongs to another request.", hint=_HINT)
        result: int | str = position
        return result
