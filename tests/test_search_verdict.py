"""What evidence is worth, and which match comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.types import Match, Span, Video, Window
from footage.vlm.protocol import Answer
from search.verdict import (
    AGREEMENT_BONUS,
    FOUND_SCORE,
    NOT_FOUND_SCORE,
    SIGHTINGS_BONUS,
    Evidence,
    answer_score,
    chosen_span,
    confidence,
    covers,
    describe,
    judge,
    rank,
)

WINDOW = Span(30, 60)


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (Evidence(0.97, Span(32, 38), Span(33, 38)), "found"),
        (Evidence(FOUND_SCORE, Span(32, 38), Span(33, 38)), "found"),
        (Evidence(FOUND_SCORE - 0.01, Span(32, 38), Span(33, 38)), "uncertain"),
        (Evidence(0.97, Span(32, 38), Span(33, 38), unsaid="red"), "uncertain"),
        (Evidence(0.97, Span(32, 38), Span(50, 55)), "uncertain"),
        (Evidence(0.97, Span(32, 38), None), "uncertain"),
        (Evidence(0.97, None, Span(33, 38)), "uncertain"),
        (Evidence(NOT_FOUND_SCORE - 0.01, Span(32, 38), Span(32, 38)), "not found"),
        (Evidence(NOT_FOUND_SCORE - 0.01, Span(32, 38), None), "uncertain"),
    ],
)
def test_verdicts(evidence, verdict):
    assert judge(evidence) == verdict


spans = st.tuples(st.integers(60, 120), st.integers(60, 120)).map(
    lambda pair: Span(min(pair) / 2, max(pair) / 2)
)


@given(st.floats(0, 1), st.none() | spans, st.none() | spans)
def test_neither_witness_alone_makes_found(score, indexed, answered):
    evidence = Evidence(score, indexed, answered)
    if judge(evidence) == "found":
        assert evidence.agree and indexed is not None and answered is not None and score >= FOUND_SCORE
    assert chosen_span(evidence, WINDOW) in (indexed, answered, WINDOW)


def test_the_models_span_is_the_answer_unless_it_says_nothing():
    indexed = Span(32, 38)
    assert chosen_span(Evidence(0.9, indexed, Span(33, 38)), WINDOW) == Span(33, 38)
    assert chosen_span(Evidence(0.9, indexed, Span(50, 55)), WINDOW) == Span(50, 55)
    assert chosen_span(Evidence(0.9, indexed, Span(30, 60)), WINDOW) == indexed
    assert chosen_span(Evidence(0.9, Span(31, 59), Span(30, 60)), WINDOW) == Span(30, 60)
    assert chosen_span(Evidence(0.9, indexed, None), WINDOW) == indexed
    assert chosen_span(Evidence(0.9, None, None), WINDOW) == WINDOW


def test_confidence_is_the_geometric_mean_of_probabilities():
    assert confidence(Answer("", "stop", None)) is None
    assert confidence(Answer("", "stop", ())) is None
    assert confidence(Answer("", "stop", (0.0, 0.0))) == 1.0
    assert confidence(Answer("", "stop", (-1.0, -3.0))) == pytest.approx(0.1353, abs=1e-3)


def test_an_answer_over_the_whole_window_is_worth_half():
    sure = Answer("", "stop", (0.0,))
    assert answer_score(sure, Span(32, 38), WINDOW) == 1.0
    assert answer_score(sure, Span(30, 60), WINDOW) == 0.5
    assert answer_score(Answer("", "stop"), Span(32, 38), WINDOW) == 0.5
    assert covers(Span(30, 57), WINDOW) and not covers(Span(30, 56.5), WINDOW)


def test_the_evidence_is_told_in_sentences():
    told = describe(
        Evidence(0.9, Span(32, 38), Span(50, 55)),
        "A dog runs.",
        Window("v", 1, WINDOW),
        Answer("From 20.0 to 25.0.", "stop", (0.0,)),
    )
    assert told == (
        'The index has "A dog runs." at 0:32.0-0:38.0.',
        "Asked about 0:30.0-1:00.0, the model named 0:50.0-0:55.0 (mean token probability 1.00).",
        "The two disagree: IoU 0.00.",
    )
    assert describe(Evidence(0.9, None, None), "A street.", None, None) == (
        'The index has "A street." as a scene.',
    )


def match(content_id, score, start=0.0):
    video = Video(content_id, 60, 480, 320, 25, "h264")
    return Match(video, f"{content_id}.mp4", Span(start, start + 2), "text", score, True, "uncertain")


def test_agreement_and_a_second_sighting_decide_between_equals_and_not_between_unequals():
    alone = Evidence(0.9, Span(32, 38), Span(50, 55))
    half, full = Evidence(0.9, Span(32, 38), Span(32, 35)), Evidence(0.9, Span(32, 38), Span(32, 38))
    twice = Evidence(0.9, Span(32, 38), Span(32, 38), sightings=2)
    assert alone.bonus == 0 < half.bonus < full.bonus == AGREEMENT_BONUS
    assert twice.bonus == AGREEMENT_BONUS + SIGHTINGS_BONUS < 0.04
    assert Evidence(0.9, Span(32, 38), None, sightings=2).bonus == SIGHTINGS_BONUS
    alike, other = match("a", 0.9), match("b", 0.9)
    assert rank([(alike, 0.9), (other, 0.9 + full.bonus)], limit=5, per_video=3) == [other, alike]
    better = match("c", 0.9)
    assert rank([(better, 0.9 + 1.1 * twice.bonus), (other, 0.9 + twice.bonus)], limit=5, per_video=3) == [
        better,
        other,
    ]
    found = replace(alike, verdict="found")
    assert rank([(other, 9.0), (found, 0.1)], limit=5, per_video=3) == [found, other]


def test_ties_go_by_content_id_and_start_whatever_the_order():
    tied = [match("b", 0.5), match("a", 0.5, 7), match("a", 0.5, 3)]
    expected = [tied[2], tied[1], tied[0]]
    for order in (tied, tied[::-1], expected):
        assert rank([(m, 0.0) for m in order], limit=5, per_video=3) == expected


def test_one_video_does_not_fill_the_list():
    many = [(match("a", 0.9, start), 0.0) for start in range(0, 20, 2)]
    kept = rank([*many, (match("b", 0.1), 0.0)], limit=5, per_video=3)
    assert [m.video.content_id for m in kept] == ["a", "a", "a", "b"]
    assert len(rank(many, limit=2, per_video=3)) == 2
