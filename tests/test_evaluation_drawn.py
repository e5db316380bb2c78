"""Drawn footage asked for what is there and what is not: a model that knows the truth is believed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from standin_oracle import OracleModel

from evaluation.suites.drawn import (
    FOREIGN,
    draw_questions,
    evaluate_end_to_end,
    evaluate_occurrences,
    repeated_clip,
)
from evaluation.suites.drawn_verdicts import evaluate_verdicts
from evaluation.suites.scoring import draw_clips
from footage.core.errors import UsageError
from footage.embed.text_embedder import load_embedder
from footage.synthetic.clips import ALL_EVENTS, SyntheticClip, random_scene
from search.grounding.calibration import UNCALIBRATED
from search.grounding.options import GroundingOptions

SEED = 3
LONG = (32.0, 34.0)


def drawn(clips, **more):
    named = {f"/{number}.mp4": clip for number, clip in enumerate(clips)}
    return draw_questions(named, **{"seed": 1, "present": 20, "absent": 20, "half": None, **more})


def test_a_whole_run_over_an_index_of_drawn_clips():
    stages = []
    model = OracleModel(draw_clips(SEED, 2, LONG))
    scores, answers = evaluate_end_to_end(
        model,
        load_embedder("minilm"),
        seed=SEED,
        videos=2,
        max_queries=6,
        clip_seconds=LONG,
        on_progress=lambda stage, done, total: stages.append(stage),
    )
    assert (scores["queries"], scores["absent_queries"]) == (6, 6) and len(answers) == 12
    assert scores["video_R@1"] == scores["text_video_R@1"] == 1.0
    assert scores["span_R@1@0.5"] == 1.0 and scores["mIoU"] > 0.9
    assert scores["found_precision"] == 1.0 and scores["verdict_AUROC"] == 1.0
    assert scores["start_error_seconds"] < 0.1
    assert list(dict.fromkeys(stages)) == ["drawing", "indexing", "asking"]


def test_verdicts_of_a_model_that_knows_the_truth():
    libraries = [draw_clips(2 * SEED + number, 3, (20.0, 60.0)) for number in range(2)]
    scores, curve = evaluate_verdicts(
        OracleModel([clip for clips in libraries for clip in clips]),
        load_embedder("minilm"),
        seed=SEED,
        libraries=2,
        videos=3,
        present=8,
        absent=8,
        looking=GroundingOptions(calibration=UNCALIBRATED),
    )
    # It knows nothing but captions' own words, so that paraphrases are answered with whole windows.
    assert scores["present"] and scores["swapped"] and scores["foreign"]
    assert scores["found_recall"] < 1 and scores.get("found_precision", 1.0) == 1.0
    assert 0 <= scores["verdict_AUROC_swapped"] <= 1 and scores["verdict_AUROC_foreign"] == 1.0
    assert sum(row.count for row in curve) == scores["present"] + scores["swapped"] + scores["foreign"]


def test_every_time_is_found_by_a_model_that_knows_also_where_captions_lost_it():
    rng = np.random.default_rng([0x5EE4, 5, 3])
    clips = [repeated_clip(rng)[0] for _ in range(2)]
    scores = evaluate_occurrences(OracleModel(clips), load_embedder("minilm"), seed=5, videos=2)
    assert scores["occurrences"] == sum(
        clip.events.count(event) for clip in clips for event in clip.events if _repeats(clip, event)
    )
    assert scores["occurrence_recall"] == 1.0 and scores["occurrence_precision"] == 1.0


def _repeats(clip, event):
    return sum(other.sentence == event.sentence for other in clip.events) > 1 and event.sentence == max(
        (other.sentence for other in clip.events),
        key=lambda said: sum(other.sentence == said for other in clip.events),
    )


def test_what_is_said_to_be_there_is_and_what_is_said_not_to_be_is_not():
    clips = draw_clips(SEED, 6, LONG)
    happens = {event.sentence for clip in clips for event in clip.events}
    questions = drawn(clips, plain=True)
    assert {each.kind for each in questions} == {"present", "swapped", "foreign"}
    for each in questions:
        sentence = each.question.text[0].upper() + each.question.text[1:] + "."
        assert (sentence in happens) == bool(each.question.truths) == (each.kind == "present")
        assert each.near


def test_the_halves_share_neither_events_nor_wordings_nor_foreign_queries():
    clips = draw_clips(SEED, 12, LONG)
    fit, test = ({each.question.text for each in drawn(clips, half=half)} for half in (0, 1))
    assert fit and test and not fit & test
    assert not {each.question.text for each in drawn(clips, half=0, absent=200)} & set(FOREIGN[1::2])
    assert drawn(clips, half=1) == drawn(clips, half=1)


def test_footage_in_which_nothing_happens_is_told():
    empty = SyntheticClip(random_scene(np.random.default_rng(0)), (), 10.0, 1)
    with pytest.raises(UsageError, match="Nothing happens"):
        drawn([empty])


def test_a_repeated_clip_repeats_one_thing_half_of_the_time_within_30_s():
    rng = np.random.default_rng(4)
    for _ in range(50):
        clip, what = repeated_clip(rng)
        assert what in ALL_EVENTS
        same = [e for e in clip.events if (e.kind, e.colour, e.verb, e.where) == what]
        assert 2 <= len(same) <= 5
        gaps = [b.start_seconds - a.end_seconds for a, b in pairwise(same)]
        assert all((gap < 8.5) == (number % 2 == 0) for number, gap in enumerate(gaps))
        assert all(event.end_seconds <= clip.duration_seconds for event in clip.events)
