"""The demo models together: one captions drawn footage, the other finds all spans of a window at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.suites.drawn import evaluate_occurrences
from evaluation.suites.scoring import evaluate_demo_model
from footage.core.errors import ModelUnavailableError
from footage.core.timecode import iou
from footage.core.types import Span
from footage.embed.text_embedder import load_embedder
from footage.media.sandbox import probe, sample
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, random_scene, write_clip
from footage.vlm import contract, load_model
from footage.vlm.profiles import DEMO_FIND, PROFILES
from footage.vlm.weights import locate

DOG = ("dog", "white", "runs", "from left to right")
BALL = ("ball", "red", "bounces", "on the left")
TIMES = [(1.0, 4.0), (6.5, 9.0), (12.0, 15.0)]


@pytest.fixture(scope="module")
def finder():
    return load_model("demo-find", device="cpu", offline=True)


def test_all_occurrences_of_a_window_come_in_one_answer_and_none_for_what_is_absent(finder, tmp_path):
    events = [SyntheticEvent(*DOG, *span, seed=n) for n, span in enumerate(TIMES)]
    events.append(SyntheticEvent(*BALL, 5.0, 11.0, seed=7, lane="far"))
    scene = random_scene(np.random.default_rng(1))
    write_clip(SyntheticClip(scene, tuple(events), 16.0, 0), tmp_path / "clip.mp4", fps=15)
    video = probe(tmp_path / "clip.mp4")
    frames = sample(tmp_path / "clip.mp4", Span(0, 16), **finder.profile.frame_budget, video=video)
    window = finder.prepare(frames)
    asked = [
        "a white dog runs from left to right",
        "a red ball bounces on the left",
        "a purple light blinks on the right",
    ]
    answers = finder.run([(window, contract.find_prompt(event, finder.profile)) for event in asked])
    dogs, balls, lights = (contract.read_span(answer, window.span, finder.profile) for answer in answers)
    for reading, true in ((dogs, TIMES), (balls, [(5.0, 11.0)])):
        assert len(reading.spans) == len(true)
        assert all(iou(span, Span(*pair)) >= 0.7 for span, pair in zip(reading.spans, true, strict=True))
    assert lights.absent and lights.spans == ()


def test_two_demo_models_find_occurrences_with_fewer_windows_than_one(finder):
    captioner, embedder = load_model("demo", device="cpu", offline=True), load_embedder("minilm")
    one = evaluate_occurrences(captioner, embedder, seed=11, videos=2)
    two = evaluate_occurrences(captioner, embedder, seed=11, videos=2, find_model=finder)
    assert two["occurrence_recall"] >= one["occurrence_recall"] - 0.15
    assert two["windows_asked"] < one["windows_asked"]


def test_its_spans_are_scored_and_its_captions_are_not(finder):
    scores = evaluate_demo_model(finder, seed=4711, clips=6)
    assert scores["find_recall"] >= 0.9 and scores["find_precision"] >= 0.9 and scores["find_absent"] >= 0.9
    assert scores["find_R@1@0.5"] >= 0.9 and "caption_recall" not in scores


def test_a_find_model_that_was_not_trained_says_how_to(tmp_path, monkeypatch):
    monkeypatch.setitem(PROFILES, "demo-find", replace(DEMO_FIND, folder=tmp_path))
    with pytest.raises(ModelUnavailableError) as caught:
        locate("demo-find")
    script = caught.value.hint.removeprefix("Train it with: python ")
    assert (Path(__file__).resolve().parents[1] / script).is_file()
