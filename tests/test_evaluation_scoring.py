"""Evaluation runs with a model that knows the truth: what is perfect scores 1, what is wrong does not."""

from __future__ import annotations

import pytest
from standin_oracle import OracleModel

from evaluation.readers import GroundTruth, TrueEvent, TrueVideo
from evaluation.suites.scoring import draw_clips, evaluate_demo_model, truth_questions
from footage.core.errors import UsageError
from footage.core.types import Span
from footage.synthetic.clips import random_clip

SEED = 3
SHORT, LONG = (6.0, 9.0), (20.0, 90.0)


def test_a_model_that_knows_the_truth_scores_one():
    result = []
    model = OracleModel(draw_clips(SEED, 3, SHORT))
    scores = evaluate_demo_model(
        model, seed=SEED, clips=3, clip_seconds=SHORT, on_progress=lambda *done: result.append(done)
    )
    assert scores["caption_recall"] == scores["caption_precision"] == 1.0
    assert scores["find_mIoU"] == scores["find_R@1@0.5"] == scores["find_R@1@0.7"] == 1.0
    assert scores["clips"] == 3 and scores["events_true"] == scores["events_written"] > 0
    assert result[-1] == ("captioning and asking", 3, 3)


def test_a_model_that_says_something_else_does_not():
    model = OracleModel(draw_clips(SEED, 1, SHORT), wrong=True)
    scores = evaluate_demo_model(model, seed=SEED, clips=1, clip_seconds=SHORT)
    assert scores["caption_recall"] == scores["caption_precision"] == 0.0
    assert scores["find_mIoU"] == 1.0


def test_clips_in_which_nothing_happens_cannot_be_scored():
    empty = next(seed for seed in range(100) if not draw_clips(seed, 1, (2.0, 2.0))[0].events)
    model = OracleModel(draw_clips(empty, 1, (2.0, 2.0)))
    with pytest.raises(UsageError, match="Nothing happens"):
        evaluate_demo_model(model, seed=empty, clips=1, clip_seconds=(2.0, 2.0))


def test_clips_are_the_same_for_a_seed_and_apart_from_other_draws():
    first = draw_clips(SEED, 5, LONG)
    assert draw_clips(SEED, 5, LONG) == first != draw_clips(SEED + 1, 5, LONG)
    assert all(20 <= clip.duration_seconds <= 90 for clip in first)
    import numpy as np

    plain = random_clip(np.random.default_rng(SEED), duration_seconds=first[0].duration_seconds)
    assert plain != first[0]


def test_questions_of_a_ground_truth_file(tmp_path):
    dog = TrueEvent("e1", "A dog runs.", "running dog", (Span(1, 2),))
    again = TrueEvent("e1", "A dog runs.", "", (Span(5, 7),))
    truth = GroundTruth((TrueVideo("a.mp4", 10, (dog,)), TrueVideo("b.mp4", 10, (again,))))
    [question] = truth_questions(truth, tmp_path)
    twice = GroundTruth((TrueVideo("a.mp4", None, (dog, again)),))
    assert list(truth_questions(twice, tmp_path)[0].truths.values()) == [(Span(1, 2), Span(5, 7))]
    assert question.text == "A dog runs."
    assert set(question.truths) == {str((tmp_path / name).resolve()) for name in ("a.mp4", "b.mp4")}
    [other] = truth_questions(truth, tmp_path, paraphrased=True)
    assert (other.text, other.truths) == ("running dog", question.truths)
