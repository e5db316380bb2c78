"""Reads files of texts and JSON that people and benchmarks write; knows no format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_text


def text_of(path: Path, what: str, *, hint: str = "") -> str:
    """The text of a file.

    Args:
        path: The file.
        what: Kind of file, for the message: "annotation file".
        hint: Hint of the message.

    Raises:
        FileError: when it cannot be read.
    """
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FileError(f"The {what} {path} cannot be read: {reason}.", hint=hint) from error


def lines_of(path: Path, text: str) -> Iterator[tuple[str, int, str]]:
    """(place for messages, line number from 1, line) of every line of a file's text that is not blank."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}, line {number}", number, line


def unique_keys(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dictionary, for ``json.loads``: a repeated key would silently hide its first value.

    Args:
        where: Place for the message.
        pairs: Keys and values as written.

    Raises:
        UsageError: a key is repeated.
    """
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for number, key in enumerate(names) if key in names[:number])
        raise UsageError(f'{where}: the key "{twice}" stands twice in one object.')
    return held
