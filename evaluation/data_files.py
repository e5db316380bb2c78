"""Reads text files that people and benchmarks write, whole or by line; knows no format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from footage.core.errors import FileError
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
