"""Says where an MP4 or MOV file keeps its samples, from the heads of its outermost boxes alone."""

from __future__ import annotations

import struct
from typing import BinaryIO

_HEAD = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")
_MOST_BOXES = 32
_NEAR_BYTES = 4096


def sample_bytes(file: BinaryIO) -> tuple[tuple[int, int], ...]:
    """Where the samples lie, as half-open spans of bytes; none where that is not clear.

    A file in many fragments has a table for each of them between its samples: all of it has to be read.
    """
    size = file.seek(0, 2)
    at, found = 0, []
    for _ in range(_MOST_BOXES):
        if at >= size:
            break
        file.seek(at)
        head = file.read(_HEAD.size + _LARGE.size)
        if len(head) < _HEAD.size:
            break
        length, kind = _HEAD.unpack_from(head)
        start = at + _HEAD.size
        if length == 1 and len(head) == _HEAD.size + _LARGE.size:
            length, start = _LARGE.unpack_from(head, _HEAD.size)[0], start + _LARGE.size
        end = size if length == 0 else at + length
        if kind == b"moof" or end < start:
            return ()
        if kind == b"mdat" and min(end, size) - start > _NEAR_BYTES:
            found.append((start, min(end, size)))
        at = end
    else:
        found = []
    file.seek(0)
    return tuple(found)
