"""Makes foreign text harmless in HTML and in Streamlit's Markdown labels; pure, knows no page.

File names, captions and queries are foreign: whatever they hold is shown as the characters it is.
"""

from __future__ import annotations

import html
import re
from pathlib import PurePath

from footage.core.timecode import format_time
from footage.core.types import Span
from search.query.lexical_match import FUNCTION_WORDS, same_word, words_of
from ui.text import plain

_MARKDOWN_SIGNS = re.compile(r"([!-/:-@\[-`{-~])")
_CODE = re.compile(r"`(footage [^`]+)`")
_WORD_JOINER = "\N{WORD JOINER}"


def text(value: object) -> str:
    """A text for use in HTML, in an element or in a quoted attribute."""
    return html.escape(plain(value), quote=True)


def coded(value: str) -> str:
    """``text`` in which our commands between backticks are code; a file name keeps its backticks."""
    return _CODE.sub(r"<code>\1</code>", text(value))


def marked(value: str, words: str) -> str:
    """A text for use in HTML in which the content words that ``words`` has, too, are marked."""
    wanted = [word for word in words_of(words) if word not in FUNCTION_WORDS]
    pieces = re.split(r"(\w+)", value)  # every second piece is a word
    return "".join(
        f"<mark>{text(piece)}</mark>"
        if number % 2 and any(same_word(piece.casefold(), word) for word in wanted)
        else text(piece)
        for number, piece in enumerate(pieces)
    )


def label(value: object, *, most: int = 80) -> str:
    """A text for use as a Streamlit label, which is Markdown.

    Every ASCII sign gets a backslash. Streamlit looks for ``:icon:`` directives and addresses after that has
    been resolved, so an invisible word joiner behind colons, dots and at signs breaks those up as well.

    Args:
        value: What to show.
        most: Longer texts are cut to this many characters and end in an ellipsis.
    """
    short = shortened(plain(value), most)
    escaped = _MARKDOWN_SIGNS.sub(r"\\\1", short)
    return re.sub(r"([:.@])", rf"\1{_WORD_JOINER}", escaped)


def shortened(value: str, most: int) -> str:
    """The text, cut to ``most`` characters with an ellipsis for the last where it is longer."""
    return value if len(value) <= most else value[: most - 1].rstrip() + "…"


def file_name(path: str) -> str:
    """The last part of a path, or a word for a video that no file holds."""
    return PurePath(path).name or "(no file)"


def clock(seconds: float) -> str:
    """Seconds as a clock reading, without the tenth where there is none: ``"10:05"``, ``"0:03.5"``."""
    return format_time(seconds).removesuffix(".0")


def clock_span(span: Span) -> str:
    """A span as two clock readings with a dash between."""
    return f"{format_time(span.start_seconds)} \N{EN DASH} {format_time(span.end_seconds)}"
