"""What evidence is worth, and which match comes first."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import Answer, Hit, Match, Span, Video, Window
from search.grounding.calibration import UNCALIBRATED
from search.grounding.evidence import (
    CAPTION_MEASURES,
    MODEL_MEASURES,
    confirmed,
    digits,
    evidence_for,
)
from search.grounding.span_merge import merge_replies
from search.grounding.verdict import CAUTIOUS, Thresholds, rank
from search.grounding.window_queries import Reply, WindowQuestion
from search.query.parser import parse_query

VIDEO = Video("v", 120, 480, 320, 25, "h264")
SURE = Answer("From 3.0 to 8.0.", "stop", (0.0, 0.0, 0.0, 0.0, 0.0), ("From ", "3.0", " to ", "8.0", "."))
QUERY = "a red car drives from left to right"


def reply(window, start=None, end=None, answer=SURE):
    question = WindowQuestion(VIDEO, "v.mp4", Window("v", -1, Span(*window)))
    return Reply(question, answer, None if start is None else Span(start, end))


def caption(start, end, text="A red car drives from left to right.", cosine=0.95):
    return Hit("event", f"{text} {start}", "v", (0,), Span(start, end), text, cosine, cosine)


def evidence(replies, captions, query=QUERY):
    return evidence_for(merge_replies(replies)[0], replies, parse_query(query), captions)


def confidence(replies, captions, query=QUERY):
    return UNCALIBRATED.confidence(evidence(replies, captions, query).measures())


HERE = reply((0, 30), 3, 8)
AGREES, MOVES = reply((2, 32), 3, 8), reply((2, 32), 20, 25)


def test_what_models_and_captions_agree_on_is_found_and_nothing_less():
    said = [caption(3, 8)]
    assert CAUTIOUS.verdict(confidence([HERE, AGREES], said)) == "found"
    for replies, captions, query in (
        ([HERE, AGREES], [], QUERY),
        ([HERE, AGREES], None, QUERY),
        ([HERE, AGREES], [caption(40, 45)], QUERY),
        ([HERE, AGREES], said, "a white car drives from left to right"),
        ([HERE, AGREES], said, "a red car drives from right to left"),
        ([HERE, AGREES], [caption(3, 8, "A dog runs.", 0.3)], QUERY),
        ([HERE, AGREES], said, "a car, not red"),
    ):
        assert CAUTIOUS.verdict(confidence(replies, captions, query)) != "found"
    assert confidence([HERE, MOVES], said) < confidence([HERE], said) < confidence([HERE, AGREES], said)


def test_the_measures_are_what_they_are_called():
    result = evidence([HERE, AGREES], [caption(4, 8), caption(50, 55, cosine=0.99)]).measures()
    assert result == {
        "start": 1.0,
        "end": 1.0,
        "shift": 1.0,
        "inside": 1.0,
        "share": pytest.approx(5 / 30, abs=1e-3),
        "similarity": 0.95,
        "said": 1.0,
        "agreed": 1.0,
        "clash": 0.0,
        "elsewhere": pytest.approx(0.04),
    }
    alone = evidence([HERE], None).measures()
    assert alone.keys() == MODEL_MEASURES.keys() and alone["shift"] == 0.5
    silent = evidence([HERE], [caption(50, 55)]).measures()
    assert silent == alone | {"elsewhere": 0.95}


def test_a_span_that_runs_to_the_edge_of_its_only_window_is_not_inside():
    assert evidence([reply((30, 60), 40, 60)], None).measures()["inside"] == 0
    assert evidence([reply((30, 60), 30, 40)], None).measures()["inside"] == 0
    # At the ends of the video there is nothing beyond.
    assert evidence([reply((0, 30), 0, 10)], None).measures()["inside"] == 1
    assert evidence([reply((90, 120), 110, 120)], None).measures()["inside"] == 1
    # Another window saw on.
    assert evidence([reply((30, 60), 50, 60), reply((50, 80), 50, 70)], None).measures()["inside"] == 1


def test_of_two_captions_in_the_span_the_one_that_does_not_clash_counts():
    white = caption(3, 8, "A white car drives from left to right.", 0.97)
    assert evidence([HERE], [white, caption(3, 8)]).caption.text == "A red car drives from left to right."
    assert evidence([HERE], [white]).measures()["clash"] == 1


def test_windows_that_do_not_show_the_place_say_nothing_about_it():
    elsewhere = reply((8, 38), 20, 25)
    assert evidence([HERE, elsewhere], None).others == ()
    assert evidence([HERE, MOVES], None).others == (MOVES,)
    unseen = replace(MOVES, answer=None, span=None, problem="cannot be read")
    assert evidence([HERE, unseen], None).others == ()


def test_a_window_that_named_another_confirmed_place_says_nothing_about_this_one():
    first, again = reply((0, 30), 20, 25), reply((2, 32), 20, 25)
    alone = reply((0, 18), 3, 8)
    named = merge_replies([first, again, alone])
    place = next(place for place in named if place.span == Span(3, 8))
    result = evidence_for(place, [first, again, alone], parse_query(QUERY), None)
    assert result.measures()["shift"] == 0
    result = evidence_for(place, [first, again, alone], parse_query(QUERY), None, rivals=confirmed(named))
    assert result.measures()["shift"] == 0.5


def test_the_probability_of_a_number_is_that_of_all_its_tokens():
    pieces = ("From", " ", "1", "2", ".", "5", " to ", "20", ".0", ".", "")
    logprobs = (-9.0, -9.0, -0.1, -0.2, 0.0, -0.3, -9.0, -0.5, -0.25, -9.0, -9.0)
    start, end = digits(Answer("From 12.5 to 20.0.", "stop", logprobs, pieces))
    assert start == pytest.approx(math.exp(-0.6)) and end == pytest.approx(math.exp(-0.75))
    assert digits(Answer("From 12.5 to 20.0.", "stop")) == (0.5, 0.5)
    assert digits(Answer("Nowhere.", "stop", (-1.0,), ("Nowhere.",))) == (0.5, 0.5)


half_seconds = st.integers(0, 60).map(lambda half: half / 2)


@given(
    st.lists(st.tuples(half_seconds, half_seconds), min_size=1, max_size=4),
    st.lists(st.tuples(half_seconds, half_seconds, st.floats(-1, 1)), max_size=4),
    st.text(max_size=30).map(lambda text: parse_query(f"car {text}", plain=True)),
)
def test_every_measure_lies_between_0_and_1_and_every_confidence(spans, events, query):
    replies = [reply((n, 30 + n), n + min(pair), n + max(pair) or 0.5) for n, pair in enumerate(spans)]
    captions = [caption(min(a, b), max(a, b), "A red car stops.", cosine) for a, b, cosine in events]
    for place in merge_replies(replies):
        result = evidence_for(place, replies, query, captions).measures()
        assert result.keys() in (
            MODEL_MEASURES.keys() | CAPTION_MEASURES.keys(),
            MODEL_MEASURES.keys() | {"elsewhere"},
        )
        assert all(0 <= value <= 1 for value in result.values())
        assert 0 <= UNCALIBRATED.confidence(result) <= 1


def test_the_evidence_is_told_in_sentences():
    assert evidence([HERE, MOVES], [caption(4, 8, "A white car drives from left to right.")]).sentences() == (
        'The captions have "A white car drives from left to right." at 0:04.0-0:08.0.',
        "It says white, not red.",
        "Asked about 0:00.0-0:30.0, the model returned 0:03.0-0:08.0 (start 100%, end 100% sure).",
        "A second look did not agree.",
    )
    assert evidence([reply((0, 30), 0, 30, Answer("", "stop"))], []).sentences() == (
        "There is no caption there.",
        "Asked about 0:00.0-0:30.0, the model returned 0:00.0-0:30.0.",
        "The span covers the whole window, which is weak evidence.",
    )
    assert (
        'It does not mention "drives".'
        in evidence([HERE], [caption(3, 8, "A red car to the right.")]).sentences()
    )


def test_thresholds_make_the_verdict():
    strict = Thresholds(found=0.9, not_found=0.3)
    result = [strict.verdict(value) for value in (None, 0.0, 0.29, 0.3, 0.89, 0.9, 1.0)]
    assert result == ["uncertain", "not found", "not found", "uncertain", "uncertain", "found", "found"]


def match(content_id, score, start=0.0, verdict="uncertain"):
    video = Video(content_id, 60, 480, 320, 25, "h264")
    return Match(video, f"{content_id}.mp4", Span(start, start + 2), "text", score, True, verdict)


def test_what_is_found_comes_first_then_the_order_given():
    alike, other = match("a", 0.9), match("b", 0.9)
    assert rank([(alike, 0.9), (other, 0.92)], limit=5) == [other, alike]
    found = replace(alike, verdict="found")
    assert rank([(other, 9.0), (found, 0.1)], limit=5) == [found, other]


def test_ties_go_by_content_id_and_start_whatever_the_order():
    tied = [match("b", 0.5), match("a", 0.5, 7), match("a", 0.5, 3)]
    expected = [tied[2], tied[1], tied[0]]
    for order in (tied, tied[::-1], expected):
        assert rank([(m, 0.0) for m in order], limit=5) == expected


def test_one_video_does_not_fill_the_list_unless_all_of_it_is_found():
    many = [(match("a", 0.9, start), 0.0) for start in range(0, 20, 2)]
    kept = rank([*many, (match("b", 0.1), 0.0)], limit=5)
    assert [m.video.content_id for m in kept] == ["a", "a", "a", "b"]
    assert len(rank(many, limit=2)) == 2
    found = [(replace(each, verdict="found"), order) for each, order in many]
    assert len(rank(found, limit=20)) == 10
