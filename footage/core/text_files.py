"""Reads text files that people write: UTF-8, with or without a byte-order mark, or UTF-16 with one.

Editors on Windows put a byte-order mark at the start of a file, and PowerShell writes UTF-16.
"""

from __future__ import annotations

import codecs
import sys
from pathlib import Path

_MARK = "\ufeff"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_text(data: bytes) -> str:
    """The text of a file's bytes, without its byte-order mark, every line ended by a line feed.

    Raises:
        UnicodeDecodeError: It is neither UTF-8 nor UTF-16 with a byte-order mark.
    """
    text = data.decode("utf-16" if data.startswith(_UTF16_MARKS) else "utf-8")
    return without_mark(text).replace("\r\n", "\n").replace("\r", "\n")


def without_mark(text: str) -> str:
    """A text without the byte-order mark at its start."""
    return text.removeprefix(_MARK)


def read_text(path: Path) -> str:
    """The text of a file; see ``decode_text``.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: As ``decode_text``.
    """
    return decode_text(path.read_bytes())


def read_lines(path: Path) -> list[str]:
    """The lines of a file, or of stdin where the path is "-".

    Files that were joined end to end may have a byte-order mark at the start of any line; it is taken away.
    Errors are those of ``read_text``.
    """
    text = sys.stdin.read() if str(path) == "-" else read_text(path)
    return [without_mark(line) for line in text.split("\n")]
