"""Reads quotation marks in a query: removes the marks, and keeps quoted words from being operators.

A quoted word that could be read as an operator or a negation gets an invisible mark at its beginning, with
which no rule of ``search.query.operators`` and ``search.query.negation`` recognises it. All other words are
the same quoted or not.
"""

from __future__ import annotations

import re
from itertools import pairwise

from footage.core.plain_text import MARKS, WORD_MARK, quoted_parts, without_quotes

_RESERVED = re.compile(
    r"(?<!\w)(?=(?:then|and|without|within|no|not|never|cannot|\w+n['’ʼ]t)(?!\w))",  # noqa: RUF001
    re.IGNORECASE,
)
_ANY_MARK = re.compile(f"[{re.escape(MARKS)}]")


def only_words(text: str) -> str:
    """A text of one line without quotation marks, its quoted operators and negations marked as words.

    ``unmarked`` removes the marks where the text is used.
    """
    if not _ANY_MARK.search(text):
        return text
    parts = quoted_parts(text)
    edges = [0, *(edge for part in parts for edge in part), len(text)]
    pieces = [text[start:end] for start, end in pairwise(edges)]
    pieces[1::2] = [_RESERVED.sub(WORD_MARK, piece) for piece in pieces[1::2]]
    return without_quotes("".join(pieces))


def unmarked(text: str) -> str:
    """A text of ``only_words``, or a piece of one, without its marks."""
    return text.replace(WORD_MARK, "")
