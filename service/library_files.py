"""The files of an index as a list to look through: chosen, ordered, and whether they are still there.

It changes nothing. Every function that takes a service raises a ``StoreError`` when the index cannot be read.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Literal, get_args

from footage.core.names import folded
from footage.core.types import File
from footage.objects.address import is_object_address
from service.browse import files
from service.session import Service

Order = Literal["name", "recorded", "changed", "length", "camera", "state"]
"""What a list of files can be ordered by; "changed" is when the file was last written."""
ORDERS: tuple[Order, ...] = get_args(Order)
STATES = ("failed", "partial", "offline", "gone", "waiting", "new", "skipped", "indexed")
"""States of files, those that need attention first."""
FAILED = ("failed", "partial")
"""States of files that were not indexed, or in part, because something is wrong with them."""
AWAY = ("offline", "gone")
"""States of files that were not where they were when the index last looked."""
_DIGITS = re.compile(r"(\d+)")
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which files are wanted, and in which order."""

    words: str = ""
    """Part of a name, folder, camera or collection; case does not matter."""
    states: tuple[str, ...] = ()
    """Their states; empty for all."""
    cameras: tuple[str, ...] = ()
    """Their cameras; empty for all."""
    collections: tuple[str, ...] = ()
    """Their collections; empty for all."""
    order: Order = "name"
    """What they are ordered by."""
    descending: bool = False
    """Whether the order is turned round."""


@dataclass(frozen=True, slots=True)
class FileList:
    """The chosen files, and what can be chosen among all."""

    files: Sequence[File]
    """The chosen ones, in order."""
    states: Mapping[str, int]
    """Number of files by state, of all."""
    cameras: Sequence[str]
    """Every camera, by name."""
    collections: Sequence[str]
    """Every collection, by name."""

    @property
    def total(self) -> int:
        """How many files there are in all."""
        return sum(self.states.values())


def chosen_files(service: Service, choice: FileChoice) -> FileList:
    """The files that a person wants to see."""
    known = files(service)
    wanted = folded(choice.words.strip())
    found = [
        file
        for file in known
        if (not choice.states or file.state in choice.states)
        and (not choice.cameras or file.camera in choice.cameras)
        and (not choice.collections or file.collection in choice.collections)
        and (not wanted or wanted in folded(f"{file.path}\n{file.camera}\n{file.collection}"))
    ]
    found.sort(key=_KEYS[choice.order], reverse=choice.descending)
    return FileList(
        found,
        Counter(file.state for file in known),
        sorted({file.camera for file in known} - {""}),
        sorted({file.collection for file in known} - {""}),
    )


def failed_files(service: Service) -> list[File]:
    """The files that were not indexed, or in part, because something is wrong with them; by path."""
    return [file for file in files(service) if file.state in FAILED]


def missing(listed: Iterable[File]) -> set[str]:
    """Paths of those files that are not where the index has them; objects in a store count as there."""
    return {
        file.path
        for file in listed
        if file.state in AWAY or not (is_object_address(file.path) or os.path.exists(file.path))
    }


def recorded_at(file: File) -> datetime | None:
    """When a file was recorded, as far as it is known; without a zone where the clock had none."""
    try:
        return datetime.fromisoformat(file.recorded_at) if file.recorded_at else None
    except ValueError:
        return None


def _by_name(file: File) -> tuple[Any, ...]:
    """Numbers in names count as numbers: clip2 comes before clip10."""
    name = PurePath(file.path).name.casefold()
    parts = tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name) if part
    )
    return parts, file.path


def _by_clock(file: File) -> tuple[Any, ...]:
    moment = recorded_at(file) or _EARLIEST
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), file.path


_KEYS: Mapping[Order, Callable[[File], tuple[Any, ...]]] = {
    "name": _by_name,
    "recorded": _by_clock,
    "changed": lambda file: (file.modified_at, file.path),
    "length": lambda file: (file.duration_seconds, file.path),
    "camera": lambda file: (file.camera.casefold(), _by_clock(file)),
    "state": lambda file: (STATES.index(file.state) if file.state in STATES else len(STATES), file.path),
}
