"""Reads a picture that the browser sent; pure, decodes no picture. What the browser sends is not trusted."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from footage.core.errors import UsageError
from ui.text import plain
from ui.web.components.markup import shortened

MOST_BYTES = 8 << 20
"""Largest picture that is taken: in Base64, it fits into one message (``ui.web.serving``)."""
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody gave to search by; whether it is a picture is not known yet."""

    name: str
    """What it is called there."""
    data: bytes = field(repr=False)
    """Its bytes."""


def read_upload(value: object) -> Upload:
    """The file that was given.

    Args:
        value: What the browser sent: ``{"name": …, "size": bytes, "data": Base64}``; no data of a file that
            is too large or could not be read there.

    Raises:
        UsageError: the file is too large, empty, or did not arrive.
    """
    sent = value if isinstance(value, dict) else {}
    name, size, encoded = sent.get("name"), sent.get("size"), sent.get("data")
    called = shortened(plain(name), _LONGEST_NAME) if isinstance(name, str) and name else "the picture"
    if isinstance(size, int) and size > MOST_BYTES:
        raise UsageError(
            f"{called} has {size / 1e6:,.1f} MB; at most {MOST_BYTES / 1e6:.1f} MB are taken",
            hint="Use a smaller picture: a JPEG of one megabyte shows as much.",
        )
    data = _decoded(encoded)
    if data is None:
        raise UsageError(f"{called} did not arrive", hint="Choose one file, not a folder, and try again.")
    if not data:
        raise UsageError(f"{called} is empty", hint="Choose another picture.")
    return Upload(called, data)


def _decoded(encoded: object) -> bytes | None:
    """The bytes, or None where it is no Base64 or too long."""
    if not isinstance(encoded, str) or len(encoded) > -(-MOST_BYTES // 3) * 4:
        return None
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
