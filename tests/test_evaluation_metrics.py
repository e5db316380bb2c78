"""Metrics: hand cases, laws that must hold for any input, and the official scores of a public benchmark."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import (
    Counts,
    Moment,
    ScoredSpan,
    best_iou,
    caption_counts,
    mean_average_precision,
    mean_iou,
    moment_recall_at,
    ranked,
    recall_at,
    video_recall_at,
)
from evaluation.readers import read_qvhighlights, read_qvhighlights_predictions
from footage.core.types import CaptionEvent, Span

seconds = st.integers(0, 60).map(lambda half: half / 2)
spans = st.tuples(seconds, seconds).map(lambda pair: Span(min(pair), max(pair)))


def test_best_iou_takes_the_best_fitting_true_span():
    assert best_iou(Span(0, 10), [Span(20, 30), Span(5, 15)]) == pytest.approx(5 / 15)
    assert best_iou(Span(0, 10), [Span(10, 20)]) == 0.0
    assert best_iou(Span(3, 7), [Span(3, 7)]) == 1.0
    assert best_iou(Span(3, 3), [Span(3, 3)]) == 0.0
    assert best_iou(Span(0, 1), []) == 0.0


def test_threshold_is_inclusive():
    predictions, truths = {"q": [Span(0, 5)]}, {"q": [Span(0, 10)]}
    assert recall_at(predictions, truths, iou=0.5) == 1.0
    assert recall_at(predictions, truths, iou=0.51) == 0.0


def test_only_the_first_listed_predictions_count():
    predictions = {"q": [Span(50, 60), Span(0, 10)]}
    truths = {"q": [Span(0, 10)]}
    assert recall_at(predictions, truths, iou=0.5, k=1) == 0.0
    assert recall_at(predictions, truths, iou=0.5, k=2) == 1.0
    assert mean_iou(predictions, truths) == 0.0


def test_an_empty_list_is_a_miss_and_a_missing_query_an_error():
    truths = {"q": [Span(0, 10)]}
    assert recall_at({"q": []}, truths, iou=0.5) == 0.0
    assert mean_iou({"q": []}, truths) == 0.0
    assert list(mean_average_precision({"q": []}, truths).values()) == [0.0] * 10
    for score in (mean_iou, mean_average_precision):
        with pytest.raises(ValueError, match="1 have no prediction"):
            score({}, truths)
        with pytest.raises(ValueError, match="1 predictions have no truth"):
            score({"q": [], "r": []}, truths)
        with pytest.raises(ValueError, match="no queries"):
            score({}, {})


def test_video_recall_counts_distinct_videos():
    predictions = {"q": ["a", "a", "b"]}
    assert video_recall_at(predictions, {"q": {"b"}}, k=1) == 0.0
    assert video_recall_at(predictions, {"q": {"b"}}, k=2) == 1.0


def test_moment_recall_needs_the_video_and_the_span():
    truths = {"q": {"a": [Span(0, 10)], "c": [Span(4, 8)]}}
    assert moment_recall_at({"q": [Moment("b", Span(0, 10))]}, truths, iou=0.5) == 0.0
    assert moment_recall_at({"q": [Moment("c", Span(0, 10))]}, truths, iou=0.5) == 0.0
    assert moment_recall_at({"q": [Moment("c", Span(4, 10))]}, truths, iou=0.5) == 1.0


def test_ties_are_broken_by_video_start_and_end():
    tied = [
        Moment("b", Span(0, 1)),
        Moment("a", Span(2, 3)),
        Moment("a", Span(1, 5)),
        Moment("a", Span(1, 4)),
    ]
    best = Moment("z", Span(9, 10), score=1.0)
    assert ranked([*tied, best]) == [best, tied[3], tied[2], tied[1], tied[0]]


def test_average_precision_by_hand():
    truths = {"q": [Span(0, 10), Span(20, 30)]}
    first_right = {
        "q": [ScoredSpan(Span(0, 10), 0.9), ScoredSpan(Span(50, 60), 0.5), ScoredSpan(Span(20, 30), 0.1)]
    }
    assert mean_average_precision(first_right, truths, thresholds=[0.5]) == {
        0.5: pytest.approx(0.5 + 0.5 * 2 / 3)
    }
    twice_the_same = {"q": [ScoredSpan(Span(0, 10), 0.9), ScoredSpan(Span(0, 10), 0.8)]}
    assert mean_average_precision(twice_the_same, truths, thresholds=[0.5]) == {0.5: pytest.approx(0.5)}
    too_late = {"q": [ScoredSpan(Span(50, 60), 0.0)] * 10 + [ScoredSpan(Span(0, 10), 0.9)]}
    assert mean_average_precision(too_late, truths, thresholds=[0.5]) == {0.5: 0.0}


@given(
    st.lists(st.tuples(spans, st.sampled_from([0.1, 0.5, 0.9])), max_size=12),
    st.lists(spans, min_size=1, max_size=4),
)
def test_average_precision_is_a_share_and_falls_with_the_threshold(predicted, truths):
    values = mean_average_precision({0: [ScoredSpan(s, score) for s, score in predicted]}, {0: truths})
    listed = list(values.values())
    assert all(0 <= value <= 1 for value in listed)
    assert listed[0] >= listed[-1] - 1e-12


@given(st.lists(spans.filter(lambda s: s.duration_seconds > 0), min_size=1, max_size=5, unique=True))
def test_perfect_predictions_score_one(truths):
    assert mean_iou({0: truths}, {0: truths}) == 1.0
    perfect = {0: [ScoredSpan(span, 1.0) for span in truths]}
    assert math.isclose(mean_average_precision(perfect, {0: truths}, thresholds=[0.95])[0.95], 1.0)


def test_caption_counts_need_text_and_place():
    true = [CaptionEvent(Span(0, 4), "A dog runs."), CaptionEvent(Span(6, 8), "A ball bounces.")]
    assert caption_counts(true, true) == Counts(2, 2, 2)
    late = [CaptionEvent(Span(3, 7), "A dog runs.")]
    assert caption_counts(late, true) == Counts(0, 1, 2)
    wrong_words = [CaptionEvent(Span(0, 4), "A cat runs.")]
    assert caption_counts(wrong_words, true) == Counts(0, 1, 2)


def test_a_true_event_is_claimed_once_by_the_best_fit():
    true = [CaptionEvent(Span(0, 4), "A dog runs."), CaptionEvent(Span(3, 7), "A dog runs.")]
    written = [CaptionEvent(Span(0, 4), "A dog runs."), CaptionEvent(Span(0, 5), "A dog runs.")]
    assert caption_counts(written, true) == Counts(1, 2, 2)
    assert caption_counts([*written, CaptionEvent(Span(3, 6.5), "A dog runs. ")], true) == Counts(2, 3, 2)


@given(
    st.lists(st.builds(CaptionEvent, spans, st.sampled_from("ab")), max_size=6),
    st.lists(st.builds(CaptionEvent, spans, st.sampled_from("ab")), max_size=6),
)
def test_matches_never_exceed_either_side(written, true):
    counts = caption_counts(written, true)
    assert 0 <= counts.matched <= min(counts.predicted, counts.true)
    assert 0 <= counts.recall <= 1 and 0 <= counts.precision <= 1


def test_counts_add_up_and_empty_captions_of_empty_clips_are_perfect():
    total = Counts(1, 2, 4) + Counts(2, 2, 2)
    assert (total.recall, total.precision) == (0.5, 0.75)
    assert (Counts(0, 0, 0).recall, Counts(0, 0, 0).precision) == (1.0, 1.0)


def test_official_qvhighlights_scores_are_reproduced(test_data):
    truth_file = test_data / "qvhighlights" / "highlight_val_release.jsonl"
    prediction_file = test_data / "goldens" / "qvh_sample_val_preds.jsonl"
    if not (truth_file.exists() and prediction_file.exists()):
        pytest.skip("needs the QVHighlights validation annotations and the sample predictions")
    truths = {query.id: query.spans for query in read_qvhighlights(truth_file)}
    scored = read_qvhighlights_predictions(prediction_file)
    listed = {qid: [p.span for p in predicted] for qid, predicted in scored.items()}
    average_precision = mean_average_precision(scored, truths)

    assert round(100 * recall_at(listed, truths, iou=0.5), 2) == 53.94
    assert round(100 * recall_at(listed, truths, iou=0.7), 2) == 34.84
    assert round(100 * sum(average_precision.values()) / len(average_precision), 2) == 32.20
    assert round(100 * average_precision[0.5], 2) == 54.96
    assert round(100 * average_precision[0.75], 2) == 31.01
    assert round(100 * mean_iou(listed, truths), 2) == 49.21
