"""Keeps a long-running process's memory flat; knows the allocator and nothing else."""

from __future__ import annotations

import ctypes
import sys

_ARENAS = 2
_M_ARENA_MAX = -8  # glibc's malloc.h


def keep_flat() -> None:
    """Let glibc share two arenas among all threads; does nothing where there is no glibc.

    By default it gives each thread one, up to eight a core. A database's worker threads take turns at work of
    the same kind, and every arena keeps the most that any turn ever needed: a process that writes for days
    would grow all the while. Call it before threads start.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
