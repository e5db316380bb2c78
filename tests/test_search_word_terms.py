# ruff: noqa: RUF001 - the marks and letters of other scripts are meant
"""Terms about words: how a query with them is read, and how words are compared."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import UsageError
from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from search.query.parser import did_you_mean, parse_query
from search.words import matching
from search.words.tokens import folded, tokens_of


def parts_of(text):
    query = parse_query(text)
    return query, [part.text for part in query.parts or (query,)]


def hits(wanted, text, compare=matching.same, *, loose=False):
    """The pieces of a text that are the wanted words."""
    asked, said = tokens_of(wanted, loose=loose), tokens_of(text, loose=loose)
    return [
        text[said.places[found.first][0] : said.places[found.end - 1][1]]
        for found in matching.occurrences(asked, said, compare)
    ]


@pytest.mark.parametrize(
    ("text", "kind", "words", "exact", "fuzzy"),
    [
        ('said:"webb telescope"', "said", "webb telescope", True, False),
        ("said:“webb telescope”.", "said", "webb telescope", True, False),
        ("SAID:telescope", "said", "telescope", False, False),
        ('said:~"web teleskope"', "said", "web teleskope", True, True),
        ("shows:~exlt", "shows", "exlt", False, True),
        ('shows:"exit 12",', "shows", "exit 12", True, False),
    ],
)
def test_a_term_alone_is_a_full_query(text, kind, words, exact, fuzzy):
    query = parse_query(text)
    term = query.term
    assert (term.kind, term.text, term.exact, term.fuzzy) == (kind, words, exact, fuzzy)
    assert not query.needs_pictures and query.only_words and query.words == () and query.prompt == ""
    assert query.understood == (text,) and not query.unread


def test_terms_and_an_event_are_parts_of_one_moment():
    query, parts = parts_of('said:"stop it" a man waves')
    assert (query.relation, query.together, parts) == ("and", True, ['said:"stop it"', "a man waves"])
    assert query.needs_pictures and not query.only_words
    assert parts_of('a man waves while said:"stop it"')[1] == parts
    assert parts_of('said:"stop it" and waves')[1] == ['said:"stop it"', "waves"]


def test_terms_stay_with_their_part_of_a_query():
    query, parts = parts_of('said:"goal" THEN a player celebrates within 20s')
    assert (query.relation, query.within_seconds) == ("then", 20)
    assert parts == ['said:"goal"', "a player celebrates"]
    nested, _ = parts_of('said:"goal" a crowd cheers THEN a player runs')
    assert [part.text for part in nested.parts[0].parts] == ['said:"goal"', "a crowd cheers"]
    assert parts_of('a man waves WITHOUT said:"bye"')[0].relation == "without"
    assert parts_of('said:"one then two"')[1] == ['said:"one then two"']
    assert parts_of('a street, no cars said:"go"')[0].negated == (("cars",),)


def test_tracks_and_excluded_words():
    query = parse_query('a man waves in:screen in:captions -said:"stop it" -dog')
    assert query.tracks == (SCREEN_TEXT_TRACK, CAPTION_TRACK)
    assert [term.typed for term in query.without_terms] == ['said:"stop it"']
    assert query.without == (("dog",),)
    assert parse_query("webb in:speech").needs_pictures is False
    assert parse_query("webb in:subtitles").word_tracks == {SUBTITLE_TRACK}
    assert parse_query("said:webb").word_tracks == {SPEECH_TRACK, SUBTITLE_TRACK}


@pytest.mark.parametrize("text", ['said:"..."', "said:", "in:nowhere", "shows:~"])
def test_a_term_that_cannot_be_read_is_words(text):
    query = parse_query(f"a dog {text}")
    assert query.term is None and not query.parts


def test_a_misspelled_term_is_suggested():
    assert did_you_mean("sayd:x") == "said:"
    assert did_you_mean("show:x") == "shows:"


@pytest.mark.parametrize("text", ['-said:"x"', "in:speech"])
def test_a_query_of_conditions_alone_is_refused(text):
    with pytest.raises(UsageError):
        parse_query(text)


def test_quoted_terms_and_plain_queries_are_words():
    assert parse_query('"said:webb" dog').term is None
    assert parse_query('said:"webb"', plain=True).term is None


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    *(
                        'said:"a b"',
                        "said:~x",
                        'shows:"12"',
                        "-said:no",
                        "in:speech",
                        "THEN",
                        "AND",
                        "WITHOUT",
                    ),
                    *("and", "without", "no cars,", '"', "“", "~", "said:", "a man waves", "within 3s"),
                ]
            ),
            st.text(max_size=12),
        ),
        max_size=8,
    )
)
def test_any_query_is_read_or_refused(pieces):
    with suppress(UsageError):
        query = parse_query(" ".join(pieces))
        for part in query.parts or (query,):
            assert not any("\ue000" <= char <= "\uefff" for char in part.text + part.prompt)
            assert part.parts or (part.term is None) != (part.words == ())
            assert part.needs_pictures or part.word_tracks or part.tracks


@pytest.mark.parametrize(
    ("wanted", "text", "found"),
    [
        ("webb telescope", "The WEBB-Telescope's mirror", ["WEBB-Telescope"]),
        ("webb telescope", "a telescope, Webb", []),
        ("webcam", "my web-cam", ["web-cam"]),
        ("web-cam", "my webcam and web cam", ["webcam", "web cam"]),
        ("therapist", "the rapist", []),
        ("21 people", "twenty-one people", ["twenty-one people"]),
        ("two hundred and five", "205 and 2,050", ["205"]),
        ("1000", "1,000 or one thousand", ["1,000", "one thousand"]),
        ("20", "twenty one", []),
        ("exit 12", "EXIT12", ["EXIT12"]),
        ("don't", "dont don’t", ["dont", "don’t"]),
        ("cafe", "CAFÉ", ["CAFÉ"]),
        ("strasse", "Straße", ["Straße"]),
        ("３４", "34", ["34"]),
        ("東京", "我在東京都", ["東京"]),
        ("to be or not to be", "To be, or not to be?", ["To be, or not to be"]),
        ("50 percent", "50%", ["50%"]),
        ("first", "1st", ["1st"]),
        ("cat", "concatenate", []),
        ("theater", "the Theatre", ["Theatre"]),
        ("grey harbours", "Grey Harbors", ["Grey Harbors"]),
        ("organized", "we organised it", ["organised"]),
        ("for", "four hours", []),
    ],
)
def test_quoted_words_are_found_however_they_are_written(wanted, text, found):
    assert hits(wanted, text) == found


def test_single_words_are_found_in_other_forms():
    assert hits("telescope", "many telescopes", matching.same_stem) == ["telescopes"]
    assert hits("studies", "we studied", matching.same_stem) == ["studied"]
    assert hits("car", "a carpet in a carriage", matching.same_stem) == []


def test_typing_errors_are_tolerated_in_long_words_alone():
    assert hits("web teleskope", "the webb telescope", matching.alike, loose=True) == ["webb telescope"]
    assert hits("recieve", "we receive", matching.alike, loose=True) == ["receive"]
    assert hits("cat", "a hat", matching.alike, loose=True) == []
    assert hits("1234", "1235", matching.alike, loose=True) == []
    assert hits("exit 12", "EX1T I2", matching.alike_in_print, loose=True) == ["EX1T I2"]
    for compare in (matching.alike, matching.alike_in_print):
        assert hits("platform 12", "platform 6, PLATFORM6, platfrom 12", compare, loose=True) == [
            "platfrom 12"
        ]


def test_a_typing_error_makes_it_less_sure():
    [exact], [near] = (
        matching.occurrences(tokens_of("telescope"), tokens_of(text), matching.alike)
        for text in ("telescope", "teleskope")
    )
    assert exact.likeness == 1 > near.likeness > 0.7


@given(st.text(max_size=60))
def test_tokens_lie_in_their_text_in_order(text):
    tokens = tokens_of(text)
    ends = [0, *(end for _, end in tokens.places)]
    for token, (start, end), before in zip(tokens.tokens, tokens.places, ends, strict=False):
        assert before <= start < end <= len(text) and token
    assert all(
        1 <= count <= len(tokens.tokens) - n for n, each in enumerate(tokens.readings) for _, count in each
    )


@given(st.text(max_size=40), st.text(max_size=40))
def test_what_a_text_has_is_found_in_it(before, words):
    wanted = tokens_of(words)
    if wanted.tokens:
        text = f"{before} | {words} |"
        assert hits(words, text), text
    assert folded(folded(words)) == folded(words)


@given(st.text("ab1-", max_size=20), st.text("ab1-", max_size=20))
def test_edits_are_symmetric(one, other):
    assert matching.edits_between(one, other) == matching.edits_between(other, one)


def test_a_long_row_of_numbers_is_compared_quickly():
    digits = "-".join("1" * 400)
    assert hits(digits, digits) == [digits]
