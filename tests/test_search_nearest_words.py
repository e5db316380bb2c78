"""What is listed where no line has the words: the nearest ones by sound or letters, never as found."""

from __future__ import annotations

import pytest
from tiny_tracks import add_video, sign, speech

from footage.store import Store
from search.engine import Engine
from search.words.sounds import sounds_of

SPOKEN = (
    "The train talks for leaves from platform 6.",
    "The train to Paris leaves from platform 60.",
    "Please call Kevin in room 16 before Sunday.",
    "You can buy chocolate at the museum until Friday.",
    "We have 30 visitors from Denver this week.",
    "Turn right at the library and walk for 50 minutes.",
    "Go to the parking lot and weight for me.",
    "They said it leaves from platform 12.",
)
SIGNS = ("PLATFORM 9", "Welcome to Dublin", "EXIT I2", "Bakery open on Monday")


@pytest.fixture(scope="module")
def search(tmp_path_factory, embedder):
    store = Store.open(tmp_path_factory.mktemp("nearest") / "index.lancedb", create=True)
    lines = [speech(6 * n, 6 * n + 4, text) for n, text in enumerate(SPOKEN)]
    lines[-1] = speech(42, 46, SPOKEN[-1], confidence=0.3)
    signs = [sign(8 * n, 8 * n + 5, text) for n, text in enumerate(SIGNS)]
    add_video(store, embedder, "hall", seconds=60, tracks={"speech": lines, "screen-text": signs})
    engine = Engine(store, None)
    return lambda text: engine.search(text, ground=False, arm="text")


@pytest.fixture(scope="module")
def embedder():
    from footage.embed.text_embedder import load_embedder

    return load_embedder("minilm")


@pytest.mark.parametrize(
    ("wanted", "line", "marked"),
    [
        ("train to oxford leaves", 0, "train talks for leaves"),
        ("room sixty before sunday", 2, "room 16 before Sunday"),
        ("wait for me", 6, "weight for me"),
        ("buy chocolates at the music", 3, "buy chocolate at the museum"),
    ],
)
def test_misheard_words_are_listed_below_not_found(search, wanted, line, marked):
    result = search(f'said:"{wanted}"')
    first = result.matches[0]
    assert result.outcome == "not found"
    assert (first.verdict, first.text, first.track) == ("uncertain", SPOKEN[line], "speech")
    assert [first.text[start:end] for start, end in first.marks] == [marked]
    assert first.evidence[0].startswith("The words are not there. Closest in sound:")
    assert all(match.verdict == "uncertain" and match.confidence < 0.5 for match in result.matches)


def test_lines_that_have_the_words_are_not_joined_by_near_ones(search):
    assert [match.text for match in search('said:"leaves from platform 60"').matches] == [SPOKEN[1]]


@pytest.mark.parametrize(
    "wanted", ["elephants dance", "a purple giraffe sings", "quarterly figures", "zebra"]
)
def test_of_what_nobody_says_nothing_is_listed(search, wanted):
    result = search(f'said:"{wanted}"')
    assert (result.outcome, result.matches) == ("not found", ())
    assert search(f'shows:"{wanted}"').matches == ()


def test_texts_on_screen_are_compared_by_letters(search):
    result = search('shows:"welcome to berlin"')
    assert (result.outcome, result.matches[0].text) == ("not found", "Welcome to Dublin")
    assert "Closest in letters" in result.matches[0].evidence[0]


@pytest.mark.parametrize(
    "text",
    [
        'said:"train to oxford leaves" THEN said:"visitors from denver"',
        'said:"visitors from denver" AND said:"train to oxford leaves"',
        'said:"visitors from denver" shows:"welcome to berlin"',
    ],
)
def test_words_that_are_only_near_are_combined_with_nothing(search, text):
    assert search(text).matches == ()


def test_words_that_are_only_near_exclude_nothing(search):
    for text in (
        'said:"visitors from denver" -said:"have thirty tea visitors"',
        'said:"visitors from denver"',
    ):
        assert [match.text for match in search(text).matches] == [SPOKEN[4]]


def test_numbers_match_exactly_where_typing_errors_are_allowed(search):
    assert not [match for match in search('shows:~"platform 7"').matches if match.verdict == "found"]
    assert [match.text for match in search('shows:~"platfrom 9"').matches] == ["PLATFORM 9"]
    assert [match.text for match in search('shows:~"exit 12"').matches] == ["EXIT I2"]
    assert [match.text for match in search('said:~"from platfrom 60"').matches] == [SPOKEN[1]]


def test_the_very_words_come_before_similar_ones_of_which_the_recogniser_is_surer(search):
    matches = search('said:~"it leaves from platform twelve"').matches
    assert matches[0].text == SPOKEN[-1] and matches[0].verdict == "uncertain"
    first = search("said:~leaves").matches[0]
    assert first.score == 1


def test_words_that_sound_alike_are_written_alike():
    for one, other in (("wait", "weight"), ("knight", "night"), ("4", "four"), ("theatre", "theater")):
        assert sounds_of(one) == sounds_of(other)
    assert sounds_of("oxford") != sounds_of("dublin") and sounds_of("дом") == "дом"
