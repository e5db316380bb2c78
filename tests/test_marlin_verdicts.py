"""The default verdict on recorded answers of the real Marlin-2B: right ones are not called "not found"."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from footage.core.types import Answer, Hit, Span, Video, Window
from footage.embed.text_embedder import load_embedder
from footage.vlm.contract import read_caption
from search.grounding.calibration import UNCALIBRATED, default_calibration
from search.grounding.evidence import evidence_for
from search.grounding.span_merge import merge_replies
from search.grounding.verdict import CAUTIOUS
from search.grounding.window_queries import Reply, WindowQuestion
from search.query.parser import parse_query

GOLDENS = Path(os.environ.get("FOOTAGE_TEST_DATA", "/nowhere")) / "goldens" / "marlin_outputs.json"
pytestmark = pytest.mark.skipif(not GOLDENS.is_file(), reason="the recorded outputs are not on this machine")


@pytest.fixture(scope="module")
def outputs():
    return json.loads(GOLDENS.read_text())["outputs"]


def verdict(outputs, query, clip, span):
    """What the default makes of a span in a clip, with the recorded captions and no probabilities."""
    recorded = next(each for each in outputs if (each["clip"], each["mode"]) == (clip, "caption"))
    seconds = recorded["duration_seconds"]
    window = Span(0, seconds)
    caption = read_caption(Answer(recorded["raw"], "stop"), window)
    vectors = load_embedder().embed([query, *(event.text for event in caption.events)])
    hits = [
        Hit("event", str(n), clip, (0,), event.span, event.text, float(near), float(near))
        for n, (event, near) in enumerate(zip(caption.events, vectors[1:] @ vectors[0], strict=True))
    ]
    video = Video(clip, seconds, 480, 320, 25, "h264")
    answer = Answer(f"From {span[0]:.1f} to {span[1]:.1f}.", "stop")
    reply = Reply(WindowQuestion(video, "v.mp4", Window(clip, 0, window)), answer, Span(*span))
    evidence = evidence_for(merge_replies([reply])[0], [reply], parse_query(query), hits)
    return CAUTIOUS.verdict(UNCALIBRATED.confidence(evidence.measures()))


def test_marlin_has_the_default():
    assert default_calibration("marlin-2b") is UNCALIBRATED


def test_the_recorded_answer_is_right_and_not_called_not_found(outputs):
    [recorded] = [each for each in outputs if each["mode"] == "find"]
    assert verdict(outputs, recorded["event"], recorded["clip"], recorded["span"]) == "uncertain"


@pytest.mark.parametrize(
    ("query", "clip", "span"),
    [
        ("a large grey rabbit runs through the field", "bbb-3", (4, 5)),
        ("a small grey mouse sits on the ground", "bbb-3", (0, 0.5)),
    ],
)
def test_found_comes_where_a_caption_has_the_words(outputs, query, clip, span):
    assert verdict(outputs, query, clip, span) == "found"


@pytest.mark.parametrize(
    ("query", "clip", "span"),
    [
        ("a dog chases a cat", "bbb-3", (3, 4)),
        ("a man in a suit gives a speech", "bbb-1", (9, 11)),
        ("a person drives a car", "bbb-2", (8, 9)),
        ("a woman pours coffee", "bbb-3", (0, 10.4)),
    ],
)
def test_what_is_not_there_is_not_found_though_marlin_always_names_a_span(outputs, query, clip, span):
    assert verdict(outputs, query, clip, span) == "not found"
