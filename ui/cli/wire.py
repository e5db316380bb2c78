"""What the command and the service exchange: frames, and what output depends on; knows neither of them.

The command is a process of a few milliseconds, so only the standard library is imported here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping

PATH = "/commands"
"""Where the service takes commands, on its Unix socket alone."""
COMMANDS = ("search", "find", "ask", "point", "track", "status")
"""Commands that the service runs: they gain by what it keeps loaded, change nothing, and ask no questions."""

OUT, ERR, EXIT, DECLINED, DIFFERS = b"o", b"e", b"x", b"d", b"s"
"""Kinds of frames: bytes for stdout, bytes for stderr, the exit code, the reason why the command must run by
itself, and such a reason that lies in the service: it has other settings or code. A stream of frames is
complete with one of the last three."""
_HEAD_BYTES = 5
MAX_PAYLOAD_BYTES = 2**20
"""Longest payload of a frame."""

_SETTINGS_PREFIX = "FOOTAGE_"
_FREE = ("FOOTAGE_DB", "FOOTAGE_SERVICE", "FOOTAGE_CONFIG")
"""Variables of the project that are compared in another way, or need not be equal."""
_TEST_PREFIX = "FOOTAGE_TEST_"
_ALIKE_PREFIXES = (_SETTINGS_PREFIX, "HF_", "HUGGINGFACE_", "TRANSFORMERS_", "CUDA_")
_CARD_NAMES = ("FPS", "FPS_MIN_FRAMES", "FPS_MAX_FRAMES", "VIDEO_MAX_PIXELS")
_FOLDER_NAMES = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_VIDEOS_DIR")
_ALIKE_NAMES = ("HOME", "TZ", *_CARD_NAMES, *_FOLDER_NAMES)
_TERMINAL_PREFIXES = ("JUPYTER_", "TTY_")
_TERMINAL_NAMES = (
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "LINES",
    "DATABRICKS_RUNTIME_VERSION",
)


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame: its kind (1 byte), the length of its payload (4 bytes, big-endian), the payload."""
    return kind + len(payload).to_bytes(4, "big") + payload


def frames(read: Callable[[int], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The frames of a stream, as kind and payload; ends with the last complete one.

    Args:
        read: Reads up to so many bytes; none at the end of the stream.

    Raises:
        ValueError: the stream is none of frames.
    """
    while len(head := _exactly(read, _HEAD_BYTES)) == _HEAD_BYTES:
        kind, size = head[:1], int.from_bytes(head[1:], "big")
        if kind not in (OUT, ERR, EXIT, DECLINED, DIFFERS) or size > MAX_PAYLOAD_BYTES:
            raise ValueError(f"{head!r} begins no frame")
        payload = _exactly(read, size)
        if len(payload) < size:
            return
        yield kind, payload


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    """So many bytes, or fewer at the end of the stream."""
    parts: list[bytes] = []
    while size and (part := read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def environment_stamp(environment: Mapping[str, str]) -> str:
    """A digest of the variables that change what commands do; their values are not shown by it.

    The index that ``FOOTAGE_DB`` names is no part of it, as the client sends that along.
    """
    own = {
        name: value
        for name, value in environment.items()
        if (name in _ALIKE_NAMES or name.startswith(_ALIKE_PREFIXES))
        and name not in _FREE
        and not name.startswith(_TEST_PREFIX)
        and value
    }
    if config := environment.get("FOOTAGE_CONFIG"):
        own["FOOTAGE_CONFIG"] = os.path.abspath(os.path.expanduser(config))
    text = "\0".join(f"{name}={value}" for name, value in sorted(own.items()))
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def terminal_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say what a terminal can do."""
    return {
        name: value
        for name, value in environment.items()
        if name in _TERMINAL_NAMES or name.startswith(_TERMINAL_PREFIXES)
    }
