"""The forms in which models answer when an event takes place; pure text, knows no window and no backend.

    from-to   From 3.0 to 4.0.
    seconds   The event happens in 3.0 - 4.0 seconds.
    pairs     [[3.0, 4.0], [8.5, 9.0]]

Nothing here raises on any text, and every reader takes time in proportion to it: numbers and white space are
matched possessively, and arrays by a pattern, so that no depth of brackets matters.
"""

from __future__ import annotations

import re

from footage.vlm.profile import FindForm

NUMBER = r"([0-9]++(?:\.[0-9]*+)?+)(?!:[0-9])"  # possessive: a number is never cut short to make a line fit
UNIT = r"(?:\s*+(?:seconds?|secs?|s)\b)?+"
DASH = "[-\u2013\u2014]"

ENDINGS: dict[FindForm, str] = {"from-to": ".", "seconds": ".", "pairs": "]"}
"""Text in the last token of a whole answer, by form."""

_FROM_TO = re.compile(rf"\bfrom\s+<?{NUMBER}{UNIT}>?\s*to\s+<?{NUMBER}{UNIT}", re.IGNORECASE)
_RANGE = re.compile(
    rf"(?<![0-9.:\-\u2013\u2014]){NUMBER}{UNIT}\s*+(?:{DASH}|to\b)\s*+{NUMBER}{UNIT}", re.IGNORECASE
)
_NEXT = re.compile(r"\s*+(?:,\s*+(?:and\s++)?+|and\s++)", re.IGNORECASE)
_JSON_NUMBER = r"-?+[0-9]++(?:\.[0-9]*+)?+(?:e[+-]?+[0-9]++)?+"
_PAIR_TEXT = rf'\[\s*+"?+({_JSON_NUMBER})"?+\s*+,\s*+"?+({_JSON_NUMBER})"?+\s*+\]'
_PAIR = re.compile(_PAIR_TEXT, re.IGNORECASE)
_ARRAY = re.compile(rf"\[\s*+{_PAIR_TEXT}(?:\s*+,\s*+{_PAIR_TEXT})*+\s*+\]", re.IGNORECASE)
_EMPTY = re.compile(r"[^][]*+\[\s*+\][^][]*+")

Ranges = list[tuple[float, float]]
"""Starts and ends in seconds, as they were written: perhaps reversed, negative or endless."""


def read_ranges(text: str, form: FindForm, *, cut: bool) -> Ranges | None:
    """The ranges of an answer.

    Args:
        text: The answer without thinking.
        form: Of the answer.
        cut: Whether the token cap cut it; a range that more digits might follow then counts for nothing.

    Returns:
        The ranges in order; empty when the answer says, in its form, that there are none; None when it is not
        in the form.
    """
    if form == "pairs":
        return _pairs(text, cut=cut)
    if form == "seconds":
        matches = _ranges(text)
    else:
        first = _FROM_TO.search(text)
        matches = [first] if first else []
    if cut and matches and not _is_ended(matches[-1], text, form):
        matches.pop()
    return [(float(match[1]), float(match[2])) for match in matches] or None


def is_whole(text: str, form: FindForm) -> bool:
    """Whether nothing that may follow an answer's text so far changes what is read of it.

    "from-to": with the full stop after the second number, when that number has decimals (of "4." more may
    follow). "seconds": with the full stop after the unit. "pairs": with the end of the first array.
    """
    if form == "pairs":
        return _ARRAY.search(text) is not None
    if form == "seconds":
        matches = _ranges(text)
        return bool(matches) and _has_unit(matches[-1]) and text[matches[-1].end() :].startswith(".")
    match = _FROM_TO.search(text)
    return match is not None and bool(re.search(r"\.[0-9]", match[2])) and text[match.end() :] == "."


def _ranges(text: str) -> list[re.Match[str]]:
    """The first range of the form "seconds", and those listed after it."""
    matches = []
    match = _RANGE.search(text)
    while match:
        matches.append(match)
        separator = _NEXT.match(text, match.end())
        match = _RANGE.match(text, separator.end()) if separator else None
    return matches


def _pairs(text: str, *, cut: bool) -> Ranges | None:
    """The pairs of the first whole array; without one, all that stand alone or in a broken array."""
    array = _ARRAY.search(text)
    found = _PAIR.findall(array[0] if array else text)
    if found:
        return [(float(start), float(end)) for start, end in found]
    return [] if not cut and _EMPTY.fullmatch(text) else None


def _is_ended(match: re.Match[str], text: str, form: FindForm) -> bool:
    """Whether the second number of a range is certainly whole."""
    if form == "seconds" and _has_unit(match):
        return True
    rest = text[match.end() :]
    return bool(rest) and (rest != "." or "." in match[2])


def _has_unit(match: re.Match[str]) -> bool:
    return match.end() > match.end(2)
