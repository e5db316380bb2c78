"""Keeps a long-running process's memory flat; knows the allocator and what LanceDB reads ahead."""

from __future__ import annotations

import ctypes
import os
import sys

_ARENAS = 2
_M_ARENA_MAX = -8  # glibc's malloc.h


_READ_AHEAD_BYTES = 32 * 2**20


def keep_flat() -> None:
    """Bound what grows without need; call it before threads start and before LanceDB is opened.

    LanceDB reads up to 2 GiB ahead when it joins the files of a table, so that each time takes the memory of
    the whole table; what somebody set in its environment variable stays. glibc gives each thread an arena of
    its own, up to eight a core: worker threads take turns at work of the same kind, and every arena keeps the
    most that any turn ever needed. They share two, where there is glibc.
    """
    os.environ.setdefault("LANCE_DEFAULT_IO_BUFFER_SIZE", str(_READ_AHEAD_BYTES))
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
