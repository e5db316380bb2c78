"""Compares names that people type with names as they are stored; knows neither files nor the index.

macOS stores names decomposed (NFD: "u" and a combining mark), keyboards and most other systems write them
composed (NFC: one letter). Both look the same, so they are compared in one form and in any case.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

_GLOB_CHARACTERS = frozenset("*?[")


def composed(name: str) -> str:
    """A name in composed form (NFC), the form that is stored."""
    return unicodedata.normalize("NFC", name)


@lru_cache(maxsize=65_536)  # many files share few collections and cameras
def folded(name: str) -> str:
    """A name as it is compared: composed, and without upper and lower case."""
    return composed(unicodedata.normalize("NFD", name).casefold())


def is_glob(text: str) -> bool:
    """Whether a text has a character with a meaning in a glob (``*``, ``?`` or ``[``)."""
    return not _GLOB_CHARACTERS.isdisjoint(text)


def exact_names(patterns: Iterable[str], paths: Iterable[str]) -> frozenset[str]:
    """Those of some patterns that are the very name of a file, or the end of its path, and so no globs.

    "[2024-05-01] Home vs Away.mp4" is one where there is such a file. Compared by ``folded``.
    """
    globs = {folded(pattern): pattern for pattern in patterns if is_glob(pattern)}
    if not globs:
        return frozenset()
    found: set[str] = set()
    for path in paths:
        found.update(pattern for glob, pattern in globs.items() if is_at_end(path, glob))
    return frozenset(found)


def fits(path: str, pattern: str, exact: Collection[str] = ()) -> bool:
    """Whether a path, or its end, is what a person typed, or fits it as a glob; compared by ``folded``.

    Args:
        path: The path, its folders separated by "/".
        pattern: What was typed.
        exact: Patterns that are no globs, see ``exact_names``.
    """
    if is_at_end(path, pattern):
        return True
    if pattern in exact:
        return False
    path, pattern = folded(path), folded(pattern)
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"*/{pattern}")


def is_at_end(path: str, ending: str) -> bool:
    """Whether a path is, or ends with, the names that a person typed, compared by ``folded``."""
    path, ending = folded(path), folded(ending)
    return path == ending or path.endswith("/" + ending.lstrip("/"))


def absolute(path: Path | str) -> Path:
    """A path as typed, made absolute; links in it stay."""
    return Path(os.path.abspath(Path(path).expanduser()))


def on_disk(path: Path) -> Path:
    """The path of what a person typed, in the spelling that it has on disk.

    Where nothing is at the path, each name in it may stand for the one entry of its folder that is spelled
    in another Unicode form or case. A path that cannot be found so is returned as it is.
    """
    if os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for name in path.parts[1:] if path.anchor else path.parts:
        if os.path.lexists(found / name):
            found /= name
            continue
        try:
            alike = [entry for entry in os.listdir(found) if folded(entry) == folded(name)]
        except OSError:
            return path
        if len(alike) != 1:
            return path
        found /= alike[0]
    return found
