"""Limits of a whole process: memory and threads of the libraries below."""

from __future__ import annotations

import ctypes
import math
import os
import sys

_ARENAS = 2
_M_ARENA_MAX = -8  # glibc's malloc.h


_READ_AHEAD_BYTES = 32 * 2**20


def available_memory() -> float:
    """Bytes of memory that new work may take before anything is swapped out; infinite where unknown."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            fields = dict(line.split(":", 1) for line in lines)
        return 1024 * float(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):  # not Linux, or an old one
        return math.inf


def settle() -> None:
    """Bound what grows without need; call it before numpy and LanceDB are imported and before threads start.

    LanceDB reads up to 2 GiB ahead when it joins the files of a table, so that each time takes the memory of
    the whole table. glibc gives each thread an arena of its own, up to eight a core: worker threads take
    turns at work of the same kind, and every arena keeps the most that any turn ever needed. They share two,
    where there is glibc. numpy's products are small here, and its threads, waiting, take the cores from
    torch's: it has one. What somebody set in an environment variable stays.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("LANCE_DEFAULT_IO_BUFFER_SIZE", str(_READ_AHEAD_BYTES))
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
