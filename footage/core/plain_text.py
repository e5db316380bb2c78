# ruff: noqa: RUF001 - the marks and letters of other scripts are meant
"""Evens out how a text is typed: invisible characters, white space, quotation marks; knows no query.

A query means the same with and without quotation marks around its words, whatever keyboard it was typed on,
and whether it was pasted from a page with invisible characters in it. Models and embedders do not know that:
each spelling is another text to them. So every spelling is made one.
"""

from __future__ import annotations

import re
import unicodedata

_FAMILIES = ('"“”„‟＂〝〞〟❝❞', "'‘’‚‛＇❛❜", "`´", "«»", "‹›", "「」｢｣", "『』")
"""Quotation marks; those of one string open and close one another, as usage differs between languages."""
MARKS = "".join(_FAMILIES)
"""Every quotation mark: straight, curly, low, fullwidth, guillemets, backticks, CJK corner brackets."""
APOSTROPHES = "'’‘ʼ`´＇"
"""What stands for an apostrophe between two letters."""
CLOSING = " .!?;:,…。"
"""Punctuation, and spaces, that say nothing at the end of a query."""
WORD_MARK = "\x01"
"""May stand at the beginning of a word in a text without control characters; counts as part of that word."""

_FAMILY = {mark: family for family in _FAMILIES for mark in family}
_CORNERS = "「」｢｣『』"
_OPENING_CORNERS = "「｢『"
_JOINERS = "\u200c\u200d"
_ALL_MARKS = re.escape(MARKS) + "ʼ"
_JOINED = rf"[^\x00-\x7f\s{_ALL_MARKS}]"
_UNJOINED = re.compile(rf"(?<!{_JOINED})[{_JOINERS}]+|[{_JOINERS}]+(?!{_JOINED})")
_RUN = re.compile(f"[{_ALL_MARKS}]+")


def evened(text: str) -> str:
    """A text as one line in Unicode's composed form (NFC), without control and other invisible characters.

    Control characters, line ends, unpaired surrogates and code points without a character count as spaces,
    runs of white space (the no-break space, too) become one space. Format characters such as zero-width
    spaces, soft hyphens, byte order marks and direction marks are left out; joiners stay between letters that
    are not ASCII, where scripts and emoji need them.
    """
    kept = "".join(_visible(char) for char in unicodedata.normalize("NFC", text))
    return " ".join(unicodedata.normalize("NFC", _UNJOINED.sub("", kept)).split())


def without_quotes(text: str) -> str:
    """A text of one line without its quotation marks; apostrophes inside words stay, as "'".

    An apostrophe at the end of a word ("the dogs' ball") looks like a quotation mark and goes, too.
    Where a mark alone divides two words ('says"open"') a space takes its place, except beside wide
    characters, as scripts that have these write words without spaces.
    """
    return " ".join(unicodedata.normalize("NFC", _RUN.sub(_unquoted, text)).split())


def quoted_parts(text: str) -> list[tuple[int, int]]:
    """Where a text of one line is quoted: start and end of each outermost pair of marks, the marks included.

    A mark opens where no letter or digit stands before it and no space behind it, and closes the other way
    round; corner brackets say themselves what they do. A mark without a partner quotes nothing.
    """
    parts: list[tuple[int, int]] = []
    opened: list[int] = []
    for place, char in enumerate(text):
        family = _FAMILY.get(char)
        if family is None:
            continue
        before, after = text[place - 1 : place] or " ", text[place + 1 : place + 2] or " "
        corner = char in _CORNERS
        closes = char not in _OPENING_CORNERS if corner else not (before.isspace() or _in_word(after))
        opens = char in _OPENING_CORNERS if corner else not (after.isspace() or _in_word(before))
        partner = next((n for n in reversed(opened) if text[n] in family), None) if closes else None
        if partner is not None:
            del opened[opened.index(partner) :]
            while parts and parts[-1][0] > partner:
                parts.pop()
            parts.append((partner, place + 1))
        elif opens:
            opened.append(place)
    return parts


def _visible(char: str) -> str:
    """A character, a space for one that is none, nothing for an invisible one."""
    category = unicodedata.category(char)
    if category in ("Cc", "Co", "Cn", "Cs", "Zl", "Zp"):
        return " "
    return "" if category == "Cf" and char not in _JOINERS else char


def _in_word(char: str) -> bool:
    return char.isalnum() or char in (WORD_MARK, "_")


def _unquoted(run: re.Match[str]) -> str:
    """What takes the place of some quotation marks in a row."""
    before, after = run.string[run.start() - 1 : run.start()], run.string[run.end() : run.end() + 1]
    if not (before and after and _in_word(before) and _in_word(after)):
        return ""
    if len(run[0]) == 1 and run[0] in APOSTROPHES:
        return "'"
    wide = any(unicodedata.east_asian_width(char) in "WF" for char in (before, after))
    return "" if wide else " "
