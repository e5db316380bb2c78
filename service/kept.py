"""Keeps things that are made once, for threads that ask at the same time; knows nothing of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Things made once by key; threads that ask for one while it is made wait for it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._made: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T], *, only: bool = False) -> T:
        """What is kept under a key, made now if it is not there; ``only`` drops those under other keys."""
        with self._lock:
            if key not in self._made:
                made = make()
                if only:
                    self._made.clear()
                self._made[key] = made
            return self._made[key]

    def has(self, key: Hashable) -> bool:
        """Whether something is kept under a key."""
        return key in self._made

    def clear(self) -> None:
        """Forget everything that is kept."""
        with self._lock:
            self._made.clear()

    def all(self) -> list[T]:
        """Everything that is kept; what is being made at the moment is not waited for."""
        return list(self._made.values())
