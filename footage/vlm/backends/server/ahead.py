"""Prepares windows in threads before they are asked for; knows neither servers nor encodings."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property

import numpy as np

from footage.core.types import Frames
from footage.vlm.protocol import Prepared

_MOST_THREADS = 4


class PreparingAhead:
    """Windows that are being prepared; a result is dropped with the frames that it is of."""

    def __init__(self, prepare: Callable[[Frames], Prepared]) -> None:
        """Take the function that prepares a window; threads call it."""
        self._prepare = prepare
        self._coming: dict[int, tuple[weakref.ref[np.ndarray], Future[Prepared]]] = {}

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        # One core is the decoder's.
        count = max(1, min(_MOST_THREADS, (os.cpu_count() or 1) - 1))
        return ThreadPoolExecutor(count, "prepare ahead")

    def begin(self, frames: Frames) -> None:
        """Begin to prepare a window."""
        key = id(frames.pixels)
        held = weakref.ref(frames.pixels, lambda _: self._coming.pop(key, None))
        self._coming[key] = held, self._threads.submit(self._prepare, frames)

    def take(self, frames: Frames) -> Prepared:
        """The window prepared: the result of ``begin``, which may be waited for, or made now.

        Raises:
            Exception: As the function that prepares it.
        """
        held, coming = self._coming.pop(id(frames.pixels), (None, None))
        if held is None or coming is None or held() is not frames.pixels:
            return self._prepare(frames)
        return coming.result()
