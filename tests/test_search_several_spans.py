"""Finds that return several spans at once, or none: fewer calls, and evidence of absence."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_finder import StandinFinder, TestVideo, index_videos, write_grey_video
from standin_several import SEVERAL, SeveralFinder, answer_with_tokens

from footage.core.timecode import overlap_seconds
from footage.core.types import Answer, Span, Video, Window
from footage.embed.text_embedder import load_embedder
from search.engine import Engine
from search.grounding.evidence import confirmed, evidence_for, sureness
from search.grounding.ground import find_in_file
from search.grounding.options import GroundingOptions
from search.grounding.proposals import uncovered
from search.grounding.span_merge import merge_replies
from search.grounding.window_queries import EventFinder, Reply, WindowQuestion
from search.query.parser import parse_query

DOG, CAR = "A white dog runs from left to right.", "A red car drives from left to right."
TIMES = [(4, 7), (12, 15), (20, 23), (33, 36), (58, 61)]
BUSY = TestVideo("busy", 60, 75, {DOG: TIMES})
LIAR = TestVideo("liar", 210, 20, {}, captioned={CAR: [(4, 9)]})
VIDEO = Video("v", 120, 480, 320, 25, "h264")


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def store(tmp_path_factory, embedder):
    return index_videos(tmp_path_factory.mktemp("several"), [BUSY, LIAR], embedder)


def reply(window, *spans, answer=None, **more):
    question = WindowQuestion(VIDEO, "v.mp4", Window("v", -1, Span(*window)))
    first, *rest = [Span(*span) for span in spans] or [None]
    return Reply(question, answer or Answer("raw", "stop"), first, further=tuple(rest), **more)


def found(result):
    return [match.span for match in result.matches if match.verdict == "found"]


def test_all_occurrences_are_found_with_fewer_calls(store, embedder):
    fresh = GroundingOptions(fresh=True)
    one, several = StandinFinder([BUSY, LIAR]), SeveralFinder([BUSY, LIAR])
    spans = [Span(*pair) for pair in TIMES]
    slow = Engine(store, embedder, one).search(DOG, limit=20, looking=fresh)
    quick = Engine(store, embedder, several).search(DOG, limit=20, looking=fresh)
    assert found(slow) == found(quick) == spans
    assert (slow.looked.windows, quick.looked.windows) == (len(one.asked), len(several.asked))
    assert (len(one.asked), len(several.asked)) == (16, 6)
    assert len(several.asked) == len(set(several.asked))


def test_occurrences_that_no_caption_leads_to_are_found_too(tmp_path, embedder):
    video = replace(BUSY, captioned={DOG: TIMES[:1]})
    store, finder = index_videos(tmp_path, [video], embedder), SeveralFinder([video])
    Engine(store, embedder, finder).search(DOG, limit=20)
    seen = [window for _, window, _ in finder.asked]
    assert not [part for start, end in TIMES[:4] for part in uncovered(Span(start, end), seen)]


def test_one_file_is_asked_about_without_an_index(tmp_path):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=75)
    finder = SeveralFinder([BUSY])
    result = find_in_file(path, DOG, model=finder)
    assert [match.span for match in sorted(result.matches, key=lambda match: match.span)] == [
        Span(*pair) for pair in TIMES
    ]
    assert find_in_file(path, CAR, model=finder).matches == []


def test_without_the_capability_only_the_first_span_counts(tmp_path):
    path = write_grey_video(tmp_path / "somewhere.mp4", grey=60, seconds=25)
    finder = SeveralFinder([BUSY], profile=replace(SEVERAL, multi_span=False))
    video = Video("", 25, 96, 64, 4, "h264")
    [answered] = EventFinder(finder).ask(DOG, [WindowQuestion(video, str(path), Window("", 0, Span(0, 25)))])
    assert answered.spans == (Span(4, 7),) and not answered.complete
    [answered] = EventFinder(SeveralFinder([BUSY])).ask(
        DOG, [WindowQuestion(video, str(path), Window("", 0, Span(0, 25)))]
    )
    assert answered.spans == (Span(4, 7), Span(12, 15), Span(20, 23)) and answered.complete


def test_an_empty_answer_speaks_against_a_caption_where_the_model_says_absent(store, embedder):
    fresh = GroundingOptions(fresh=True)

    def liar(finder):
        result = Engine(store, embedder, finder).search(CAR, looking=fresh)
        return next(match for match in result.matches if match.path.endswith("liar.mp4"))

    silent = liar(SeveralFinder([BUSY, LIAR], profile=replace(SEVERAL, says_absent=False)))
    absent = liar(SeveralFinder([BUSY, LIAR]))
    assert absent.confidence < silent.confidence and absent.verdict != "found"
    assert any("returned that it does not happen there" in line for line in absent.evidence)
    assert any("returned no usable time" in line for line in silent.evidence)
    assert dict(absent.measures)["start"] == pytest.approx(1 - math.exp(-0.02), abs=1e-3)


def test_an_answer_in_no_form_says_nothing_about_absence(store, embedder):
    finder = SeveralFinder([BUSY, LIAR], answers={"liar": "I cannot say."})
    result = Engine(store, embedder, finder).search(CAR, looking=GroundingOptions(fresh=True))
    liar = next(match for match in result.matches if match.path.endswith("liar.mp4"))
    assert any("returned no usable time" in line for line in liar.evidence)
    assert dict(liar.measures)["start"] == 0.5


def test_spans_of_one_window_are_no_evidence_against_each_other():
    both = reply((0, 30), (3, 8), (20, 25), complete=True)
    again = reply((2, 32), (3, 8), (20, 25), complete=True)
    first, second = merge_replies([both, again])
    assert [first.span, second.span] == [Span(3, 8), Span(20, 25)]
    for named in (first, second):
        evidence = evidence_for(named, [both, again], parse_query(DOG), None)
        assert evidence.others == () and evidence.measures()["shift"] == 1


def test_a_window_that_named_all_but_this_span_is_evidence_against_it():
    both = reply((0, 30), (3, 8), (20, 25), complete=True)
    moved = reply((2, 32), (20, 25), complete=True)
    third = reply((4, 34), (20, 25), complete=True)
    named = merge_replies([both, moved, third])
    place = next(place for place in named if place.span == Span(3, 8))
    evidence = evidence_for(place, [both, moved, third], parse_query(DOG), None, rivals=confirmed(named))
    assert evidence.others == (moved,) and evidence.measures()["shift"] == 0


def test_each_span_has_the_probability_of_its_own_numbers():
    text = "[[3.0, 8.0], [20.0, 25.5]]"
    sure = [-0.5 if 13 <= n < 24 else 0.0 for n in range(len(text))]
    answer = Answer(text, "stop", tuple(sure), tuple(text))
    first, second = reply((0, 30), (3, 8), (20, 25.5), answer=answer, complete=True).each()
    assert sureness(first) == (1, 1)
    assert sureness(second) == (pytest.approx(math.exp(-2.0)), pytest.approx(math.exp(-2.0)))
    absent = reply((0, 30), answer=answer_with_tokens("[]", sure=-0.5), complete=True, absent=True)
    assert sureness(absent) == (pytest.approx(1 - math.exp(-1.0)),) * 2


spans = st.tuples(st.integers(0, 240), st.integers(0, 40)).map(
    lambda pair: Span(pair[0] / 2, (pair[0] + pair[1]) / 2)
)


@given(spans, st.lists(spans, max_size=6))
def test_parts_that_no_window_shows_and_windows_make_up_the_span(span, windows):
    parts = uncovered(span, windows)
    assert parts == sorted(parts)
    assert all(overlap_seconds(part, window) == 0 for part in parts for window in windows)
    for half in range(int(2 * span.start_seconds), int(2 * span.end_seconds)):
        piece = Span(half / 2, half / 2 + 0.5)
        shown = [overlap_seconds(piece, other) for other in (*parts, *windows)]
        assert max(shown) == 0.5


@given(st.lists(st.lists(spans, min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_span_of_an_answer_is_lost(answers):
    replies = []
    for number, named in enumerate(answers):
        window = (10 * number, 10 * number + 150)
        real = [(span.start_seconds, max(span.end_seconds, span.start_seconds + 0.5)) for span in named]
        replies.append(reply(window, *real, complete=True))
    merged = merge_replies(replies)
    assert sum(len(place.replies) for place in merged) == sum(map(len, answers))
