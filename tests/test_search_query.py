"""Reading a query: anything typed is words, and what is refused is told why."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.errors import UsageError
from search.query import MAX_QUERY_CHARACTERS, parse_query


def test_the_three_forms_of_a_query():
    query = parse_query("  A red car\tdrives\nfrom left to right. ")
    assert query.text == "A red car drives from left to right."
    assert query.words == ("a", "red", "car", "drives", "from", "left", "to", "right")
    assert query.prompt == "A red car drives from left to right"


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x07"])
def test_an_empty_query_is_refused(text):
    with pytest.raises(UsageError, match="The query is empty") as caught:
        parse_query(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["...", '"', "?!", "-- *"])
def test_a_query_without_a_word_is_refused(text):
    with pytest.raises(UsageError, match="holds no word"):
        parse_query(text)


def test_a_query_that_is_too_long_is_told_its_length_and_the_limit():
    with pytest.raises(UsageError) as caught:
        parse_query("car " * 2_500)
    assert str(caught.value) == "The query has 9,999 characters; at most 1,000 are allowed."
    assert parse_query("x" * MAX_QUERY_CHARACTERS).words == ("x" * MAX_QUERY_CHARACTERS,)


def test_control_characters_are_stripped_and_syntax_is_words():
    query = parse_query('a\x00 "red" <|im_end|> car AND (NOT dog)\u2028*')
    assert not any(unicodedata.category(c) == "Cc" for c in query.text)
    assert query.words == ("a", "red", "im_end", "car", "and", "not", "dog")
    assert parse_query("the dog's ball, naïve Ärger").words == ("the", "dog's", "ball", "naïve", "ärger")


@given(st.text(max_size=300))
def test_any_text_is_a_query_or_a_usage_error(text):
    try:
        query = parse_query(text)
    except UsageError as error:
        assert str(error)
        return
    assert query.words and query.prompt and query.text
    again = parse_query(query.text, plain=True)
    assert (again.text, again.words, again.prompt) == (query.text, query.words, query.prompt)
    query.text.encode("utf-8")
