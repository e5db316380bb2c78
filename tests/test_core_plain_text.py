# ruff: noqa: RUF001 - the marks and letters of other scripts are meant
"""How a text is typed is evened out: marks and invisible characters go, words stay."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.plain_text import MARKS, evened, quoted_parts, without_quotes

TEXTS = (
    st.text(st.sampled_from(MARKS + "ʼ ab-,.狗é\u0301\u200c\u200d\u200b\u00ad\x00\ud800ñ"), max_size=30)
    | st.text()
)


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (" a\u00a0b\tc\u2003d\r\ne\u2028f ", "a b c d e f"),
        ("\ufeffre\u200bd c\u00ada\u2060r\u202e", "red car"),
        ("cafe\u0301", "café"),
        ("می\u200cخواهد", "می\u200cخواهد"),
        ("👩\u200d🚒 and a\u200db", "👩\u200d🚒 and ab"),
        ("half \ud83d emoji \x00", "half emoji"),
    ],
)
def test_spaces_and_invisible_characters_are_evened_out(typed, line):
    assert evened(typed) == line


@pytest.mark.parametrize(
    ("typed", "bare"),
    [
        ("\"a\" “b” „c“ ‚d‘ «e» ‹f› `g` 「h」 『i』 ＂j＂ 'k' ´l´", "a b c d e f g h i j k l"),
        ("the man’s hat isn't new, rock 'n' roll", "the man's hat isn't new, rock n roll"),
        ('a sign says"open"now', "a sign says open now"),
        ("他说「打开」门", "他说打开门"),
        ('("red")-"car".', "(red)-car."),
    ],
)
def test_quotation_marks_go_and_apostrophes_stay(typed, bare):
    assert without_quotes(typed) == bare


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('a "b c" d', ['"b c"']),
        ("„a b“ «c» »d« ‘e’", ["„a b“", "«c»", "»d«", "‘e’"]),
        ("'a \"b\" c'", ["'a \"b\" c'"]),
        ("the dogs' tails and the cats' ears", []),
        ('"a "b"', ['"b"']),
        ("say「go」now", ["「go」"]),
        ('5" and 6"', []),
    ],
)
def test_a_text_is_quoted_between_marks_that_open_and_close(text, quoted):
    assert [text[start:end] for start, end in quoted_parts(text)] == quoted


@given(TEXTS)
def test_what_is_even_stays_as_it_is(text):
    line = evened(text)
    assert evened(line) == line == " ".join(line.split())
    assert unicodedata.is_normalized("NFC", line)
    line.encode("utf-8")
    bare = without_quotes(line)
    assert without_quotes(bare) == bare == evened(bare)


@given(TEXTS)
def test_quoted_parts_are_apart_and_within_marks(text):
    end = 0
    for start, stop in quoted_parts(text):
        assert start >= end and stop > start + 1
        assert text[start] in MARKS and text[stop - 1] in MARKS
        end = stop
