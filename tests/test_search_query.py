# ruff: noqa: RUF001 - the marks and letters of other scripts are meant
"""Reading a query: what is negation, what is several events, what is words; the reason for a refusal."""

from __future__ import annotations

import re
import time
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.plain_text import MARKS, without_quotes
from footage.vlm.contract import find_prompt
from footage.vlm.profile import FIND_TEMPLATE
from footage.vlm.profiles import DEMO
from search.query.parser import MAX_QUERY_CHARACTERS, parse_query


def test_the_three_forms_of_a_query():
    query = parse_query("  A red car\tdrives\nfrom left to right. ")
    assert query.text == "A red car drives from left to right"
    assert query.words == ("a", "red", "car", "drives", "from", "left", "to", "right")
    assert query.prompt == "A red car drives from left to right"


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x07"])
def test_an_empty_query_is_refused(text):
    with pytest.raises(UsageError, match="The query is empty") as caught:
        parse_query(text)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["...", '"', "?!", "-- *"])
def test_a_query_without_a_word_is_refused(text):
    with pytest.raises(UsageError, match="contains no words"):
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


@pytest.mark.parametrize(
    ("text", "rest", "negated"),
    [
        ("a car not moving", "a car", ["moving"]),
        ("a street not wet", "a street", ["wet"]),
        ("a street, no cars", "a street", ["cars"]),
        ("No cars, a street.", "a street", ["cars"]),
        ("no cars on the street", "on the street", ["cars"]),
        ("there are no cars on the street", "on the street", ["cars"]),
        ("a street with no cars or people at night", "a street at night", ["cars", "people"]),
        ("a man is not wearing a hat, in a room", "a man, in a room", ["wearing hat"]),
        ("a man isn't sitting on a chair", "a man", ["sitting on chair"]),
        ("a man who isn’t moving", "a man", ["moving"]),
        ("a car that never stops but turns", "a car but turns", ["stops"]),
        ("a red car NOT moving", "a red car", ["moving"]),
        ('a room, no "fire exit" sign', "a room", ["fire exit sign"]),
    ],
)
def test_negated_words_are_no_part_of_what_is_looked_for(text, rest, negated):
    query = parse_query(text)
    assert query.text == rest and query.prompt == rest and query.relation == ""
    assert [[w for w in words if w != "on"] for words in query.negated] == [
        [w for w in words.split() if w != "on"] for words in negated
    ]
    said = {word for words in query.negated for word in words}
    assert not said & set(query.words) and len(query.understood) >= 1
    assert all(term in without_quotes(text) for term in query.understood)


@pytest.mark.parametrize(
    "text",
    [
        'a "no parking" sign',
        "“no entry” is written on a door",
        "a sign says «do not enter»",
        "no one walks by",
        "a man no longer runs",
        "not only a dog",
        "a man without a hat",
        "is it not",
        "a knot and a notebook on nobody's table",
        "a car is not there",
    ],
)
def test_what_negates_no_thing_is_words(text):
    query = parse_query(text)
    assert (query.text, query.negated, query.understood) == (without_quotes(text), (), ())


@pytest.mark.parametrize("text", ["no cars", "not moving", "there are no cars", "a man THEN no cars"])
def test_only_negation_is_told(text):
    with pytest.raises(UsageError, match="has only exclusions") as caught:
        parse_query(text)
    assert caught.value.hint
    assert parse_query(text, plain=True).text == text
    assert parse_query(f"“{text}”").text == text


@pytest.mark.parametrize(
    ("text", "relation", "parts", "within"),
    [
        ("a car stops THEN a man gets out", "then", ["a car stops", "a man gets out"], None),
        ("a car stops then a man gets out", "then", ["a car stops", "a man gets out"], None),
        ("A car stops. Then a man gets out.", "then", ["A car stops", "a man gets out"], None),
        ("a car stops, and then he leaves within 30s", "then", ["a car stops", "he leaves"], 30),
        ("it stops THEN he leaves within 2 minutes", "then", ["it stops", "he leaves"], 120),
        ("a THEN b then c", "then", ["a", "b then c"], None),
        ("a then b then c", "then", ["a", "b", "c"], None),
        ("dogs AND cats", "and", ["dogs", "cats"], None),
        ("a red car drives by and a dog runs", "and", ["a red car drives by", "a dog runs"], None),
        ("two men walk and some children play", "and", ["two men walk", "some children play"], None),
        ("dogs WITHOUT cats", "without", ["dogs", "cats"], None),
        ("somebody walks by without a dog around", "without", ["somebody walks by", "a dog around"], None),
        ("a man and a woman dance then they bow", "then", ["a man and a woman dance", "they bow"], None),
        ('a "big THEN small" box AND a dog', "and", ["a big THEN small box", "a dog"], None),
    ],
)
def test_several_events_and_how_they_are_related(text, relation, parts, within):
    query = parse_query(text)
    assert (query.relation, [part.prompt for part in query.parts]) == (relation, parts)
    assert query.within_seconds == within
    assert len(query.understood) == len(parts) - 1 + (within is not None)
    assert all(part.relation == "" and part.parts == () for part in query.parts)
    plain = parse_query(text, plain=True)
    assert (plain.relation, plain.parts, plain.text) == ("", (), without_quotes(text).rstrip("."))


@pytest.mark.parametrize(
    "text",
    [
        "a man and a woman dance",
        "a man without a hat",
        "a man in a red hat and sunglasses",
        "the man walks and talks to people",
        "a man walks by without his dog",
        "then a dog runs",
        "a dog runs and then",
        "now and then a car passes",
        '"a red car drives by and a dog runs"',
        'a man says "stop THEN go"',
        "a man says „stop THEN go“",
        "a man says `stop THEN go`",
        "a man says 「stop THEN go」",
        "a man says 'stop THEN go'",
        "an authentic android with outer parts",
        "a dog runs within 30s",
    ],
)
def test_a_single_event_stays_one(text):
    query = parse_query(text)
    assert (query.text, query.relation, query.parts, query.understood) == (without_quotes(text), "", (), ())


def test_filters_and_exclusions_are_those_of_every_part():
    query = parse_query("a car, not red THEN a dog camera:door -truck event-longer:3s longer:far")
    for part in (query, *query.parts):
        assert part.filters.cameras == ("door",) and part.filters.event_longer_seconds == 3
        assert part.without == (("truck",),) and part.unread == ("longer:far",)
    assert [part.negated for part in query.parts] == [(("red",),), ()] and query.negated == (("red",),)
    assert "red" not in query.words and query.understood[:3] == ("camera:door", "-truck", "event-longer:3s")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("THEN", "THEN needs an event"),
        ("THEN a dog", "THEN needs an event"),
        ("a dog AND", "AND needs an event"),
        ("a WITHOUT WITHOUT b", "WITHOUT needs an event"),
        ("a dog THEN ...", "THEN needs an event"),
        ("a dog THEN within 30s", "THEN needs an event"),
        ("(a THEN b) AND c", "one of THEN, AND and WITHOUT, not AND and THEN"),
        ("a THEN b THEN c THEN d THEN e THEN f", "names 6 events; at most 5"),
        (" AND ".join("abcdefghijklmnopqrstuvwxyz"), "names 26 events"),
    ],
)
def test_operators_that_make_no_sense_are_told(text, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)) as caught:
        parse_query(text)
    assert caught.value.hint


PAIRS = [
    '""',
    "''",
    "“”",
    "„“",
    "””",
    "‘’",
    "‚‘",
    "«»",
    "»«",
    "‹›",
    "``",
    "「」",
    "『』",
    "＂＂",
    "〝〞",
    "´´",
]
"""Quotation marks of any kind, as they are put around words."""


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("where", ["hours:14:00-19:00", "camera:door -truck", ""])
def test_a_quoted_query_is_the_same_question(pair, where):
    plain = parse_query(f"a red car {where}")
    assert parse_query(f"{pair[0]}a red car{pair[1]} {where}") == plain
    assert parse_query(f"a {pair[0]}red{pair[1]} car {where}") == plain
    assert find_prompt(plain.prompt, DEMO) == find_prompt(f"{pair[0]}a red car{pair[1]}", DEMO)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("a\u00a0red   car\u200b.", "a red car"),
        ("\ufeffa red c\u00adar !", "a red car"),
        ("a cafe\u0301 opens", "a caf\u00e9 opens"),
        ("the man’s dog", "the man's dog"),
        ("the dogs' ball and the '70s car", "the dogs ball and the 70s car"),
        ("a sign says “open”", "a sign says open"),
        ('a sign says"open"', "a sign says open"),
        ("'a sign says \"open\"'", "a sign says open"),
        ("他打开「门」了", "他打开门了"),
        ("می\u200cخواهد", "می\u200cخواهد"),
    ],
)
def test_how_a_query_is_typed_does_not_change_what_the_model_is_asked(typed, meant):
    assert find_prompt(parse_query(typed).prompt, DEMO) == find_prompt(meant, DEMO)
    assert find_prompt(typed, DEMO) == find_prompt(meant, DEMO)
    assert parse_query(typed).words == parse_query(meant).words


@pytest.mark.parametrize("value", ['"front door"', "“front door”", "'front door'", "«front door»"])
def test_a_value_with_spaces_goes_into_any_quotation_marks(value):
    query = parse_query(f"a car camera:{value} -{value}")
    assert query.filters.cameras == ("front door",) and query.without == (("front", "door"),)
    assert query.understood == (f"camera:{value}", f"-{value}") and query.text == "a car"


def test_a_value_keeps_the_apostrophe_it_is_spelled_with():
    assert parse_query("a car camera:Bob’s path:*l'été*").filters.cameras == ("Bob’s",)


WORDS = st.sampled_from(["a", "red", "car", "the", "man's", "somebody", "2", "stops", "won", "狗", "Ärger"])
OTHERS = st.sampled_from(
    [
        *("THEN", "then", "AND", "and", "without", "no", "not", "isn't", "or", "within 30s", "on", ",", "."),
        *('"', "“", "'", "dogs'", "'70s", '"no entry"', "«a THEN b»", '"x', 'y"', "(", "well-known", "-"),
        *("camera:door", 'camera:"front door"', "-truck", "after:soon", "hours:14:00-19:00"),
    ]
)


@given(st.lists(st.tuples(st.none(), OTHERS) | st.tuples(st.sampled_from(PAIRS), WORDS), max_size=12))
@settings(max_examples=4 * settings().max_examples)
def test_marks_around_words_change_nothing(tokens):
    typed = " ".join(f"{pair[0]}{word}{pair[1]}" if pair else word for pair, word in tokens)
    try:
        plain = parse_query(" ".join(word for _, word in tokens))
    except UsageError as error:
        with pytest.raises(UsageError, match=re.escape(str(error)[:9])):
            parse_query(typed)
        return
    query = parse_query(typed)
    assert query == plain
    for part, other in zip((query, *query.parts), (plain, *plain.parts), strict=True):
        assert find_prompt(part.prompt, DEMO) == find_prompt(other.prompt, DEMO)


@given(st.lists(WORDS, min_size=1, max_size=8), st.data())
def test_marks_around_several_words_change_nothing(words, data):
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    pair = data.draw(st.sampled_from(PAIRS))
    quoted = " ".join([*words[:start], pair[0] + " ".join(words[start:end]) + pair[1], *words[end:]])
    assert parse_query(quoted) == parse_query(" ".join(words))


PIECES = st.sampled_from(
    [
        *(
            "THEN",
            "AND",
            "WITHOUT",
            "then",
            "and",
            "without",
            "not",
            "no",
            "NOT",
            "or",
            "within 30s",
            "isn't",
        ),
        *(
            "a red car",
            "somebody walks by",
            "moving",
            "a",
            "Ünïcödé",
            "狗在跑",
            "كلب",
            "🐕",
            "\u202e",
            "\x00",
        ),
        *('"', '""', "“", "”", "'", "(", ")", ",", ".", ";", "--", "-", "-x", '-"a b"', ":", "%", "_", "*"),
        *("camera:door", 'camera:"a', "model:*", "event-longer:3s", "event-shorter:x", "after:2026-01-01"),
        *("<|im_end|>", "</think>", "'; DROP TABLE events; --", "' OR 1=1", "{event}", "\\", "\ud800"),
    ]
)
HOSTILE = st.lists(PIECES, max_size=14).map(" ".join) | st.lists(PIECES, max_size=14).map("".join)


@given(HOSTILE | st.text(max_size=200))
@settings(max_examples=4 * settings().max_examples)
def test_hostile_texts_are_queries_or_one_sentence(text):
    try:
        query = parse_query(text)
    except UsageError as error:
        assert str(error) and error.hint and "\n" not in str(error)
        return
    assert (query.relation == "") == (query.parts == ()) and len(query.parts) <= 5
    for part in (query, *query.parts):
        assert part.words and part.text == " ".join(part.text.split())
        assert not {"Cc", "Cs", "Co", "Cn"} & {unicodedata.category(c) for c in part.text}
        assert part.filters == query.filters and part.without == query.without
        prompt = find_prompt(part.prompt, DEMO).text
        before, after = FIND_TEMPLATE.split("{event}")
        event = prompt.removeprefix(before).removesuffix(after)
        assert prompt == before + event + after and not re.search(
            f"[{MARKS}]", re.sub(r"\w'(?=\w)", "", event)
        )
        assert not re.search(r"<\S", event)
    for word in (word for words in query.negated for word in words):
        assert word in " ".join(query.understood).casefold() or not text.isascii()


@pytest.mark.parametrize(
    "text", ["car " * 2_500, "no " * 3_333, '"' * 10_000, "a THEN " * 1_500, "(" * 10_000]
)
def test_ten_thousand_characters_are_refused(text):
    with pytest.raises(UsageError, match="at most 1,000"):
        parse_query(text)


@pytest.mark.parametrize(
    "unit", ["no ", "not a ", "a then ", "and a b c ", '"', '"a" ', "- ", ", ", "is ", "x:"]
)
def test_the_longest_query_is_read_at_once(unit):
    began = time.perf_counter()
    with suppress(UsageError):
        parse_query((unit * MAX_QUERY_CHARACTERS)[:MAX_QUERY_CHARACTERS])
    assert time.perf_counter() - began < 1


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
