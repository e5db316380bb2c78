"""Reads text files that people write: UTF-8, with or without a byte-order mark, or UTF-16 with one.

Editors on Windows put a byte-order mark at the start of a file, and PowerShell writes UTF-16. Old subtitles
are in the code page of the machine they were written on, which only their letters and their language show.
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
    return _with_line_feeds(without_mark(text))


_WESTERN = "cp1252"
_PAGES_BY_LANGUAGE = {
    **dict.fromkeys(["pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro"], ("cp1250",)),
    **dict.fromkeys(["ru", "uk", "bg", "be", "mk", "sr"], ("cp1251", "koi8_r")),
    **dict.fromkeys(["lt", "lv", "et"], ("cp1257",)),
    "el": ("cp1253",),
    "tr": ("cp1254",),
    "he": ("cp1255",),
    **dict.fromkeys(["ar", "fa", "ur"], ("cp1256",)),
    "ja": ("cp932", "euc_jp"),
    "zh": ("gb18030", "big5"),
    "ko": ("cp949",),
    "th": ("cp874",),
    "vi": ("cp1258",),
    **dict.fromkeys(["de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "is", "ca"], (_WESTERN,)),
}
"""Code pages of Windows, and others in use, in which text of a language (ISO 639-1) was written."""
_PAGES = tuple(dict.fromkeys(page for pages in _PAGES_BY_LANGUAGE.values() for page in pages))
_MOST_ALIKE = 0.05
"""Differences of coherence that tell nothing between two code pages; the Western one is taken then."""
_MOSTLY = 0.4
"""From this part of letters beyond ASCII on a text is not in a Western language."""


def decode_legacy_text(data: bytes, *, language: str = "") -> str:
    """As ``decode_text``, and text in an old code page, which is guessed.

    Args:
        data: The bytes of the file.
        language: ISO 639-1 code of the language, where something names it.

    Raises:
        UnicodeDecodeError: It is no text in any of them.
    """
    try:
        return decode_text(data)
    except UnicodeDecodeError as exc:
        if _is_binary(data):
            raise
        known = (page for page in _PAGES_BY_LANGUAGE.get(language, ()) if _decodes(data, page))
        page = next(known, None) or _guessed_page(data)
        if page is None:
            raise exc
        return _with_line_feeds(data.decode(page))


def _guessed_page(data: bytes) -> str | None:
    """The code page that the lines beyond ASCII speak for."""
    from charset_normalizer import from_bytes

    foreign = b"\n".join(line for line in data.splitlines() if not line.isascii())
    found = list(from_bytes(foreign, cp_isolation=list(_PAGES), enable_fallback=False))
    alike = [match for match in found if match.coherence >= found[0].coherence - _MOST_ALIKE]
    letters = sum(byte > 127 or bytes((byte,)).isalpha() for byte in foreign)
    western = sum(byte > 127 for byte in foreign) < _MOSTLY * letters
    unsure = not found or found[0].coherence == 0 or any(match.encoding == _WESTERN for match in alike)
    pages = [_WESTERN] if western and unsure else []
    pages += [match.encoding for match in found]
    return next((page for page in [*pages, _WESTERN] if _decodes(data, page)), None)


def _decodes(data: bytes, page: str) -> bool:
    try:
        data.decode(page)
    except UnicodeDecodeError:
        return False
    return True


def _is_binary(data: bytes) -> bool:
    """Whether it has control characters that no text has."""
    return any(byte < 32 and byte not in b"\t\n\r\f\x1a\x1b" for byte in data[:4096])


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
