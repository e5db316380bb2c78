"""Asking a model about segments and moments of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_clips import index_of, write_clip
from tiny_molmo2 import write_tiny_model
from tiny_qwen35 import write_tiny_model as write_tiny_qwen

from footage.core.errors import VideoError
from footage.core.types import Span
from footage.inference.segment_queries import Segment, ask_moments, ask_segment
from footage.media.video import probe
from footage.vlm import load_model
from footage.vlm.protocol import Prompt

QUESTION = Prompt("ask", "What is it?", 4)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", count=40, size=(96, 64))


@pytest.fixture(scope="module", params=[write_tiny_model, write_tiny_qwen], ids=["molmo2", "qwen35"])
def model(request, tmp_path_factory):
    return load_model(str(request.param(tmp_path_factory.mktemp("models") / "tiny")))


def segment(path: Path, start: float, end: float) -> Segment:
    return Segment(path, probe(path), Span(start, end))


def test_every_window_is_asked_about_with_its_own_frames(clip, model):
    seen = []
    result = list(
        ask_segment(
            model,
            segment(clip, 0.5, 3.5),
            QUESTION,
            window_seconds=1.0,
            on_progress=lambda done, of: seen.append((done, of)),
        )
    )
    assert [each.shown.span for each in result] == [Span(0.5, 1.5), Span(1.5, 2.5), Span(2.5, 3.5)]
    assert seen == [(1, 3), (2, 3), (3, 3)]
    for each in result:
        assert each.answer is not None and not each.problem
        span = each.shown.span
        assert all(span.start_seconds <= time < span.end_seconds for time in each.shown.times_seconds)
        assert (each.shown.width, each.shown.height, each.shown.is_picture) == (96, 64, False)


def test_a_moment_is_the_picture_on_show_in_its_own_size(clip, model, monkeypatch):
    prepared = []
    monkeypatch.setattr(
        model, "prepare", lambda frames, real=model.prepare: prepared.append(frames) or real(frames)
    )
    [result] = ask_segment(model, segment(clip, 1.25, 1.25), QUESTION)
    assert result.shown.is_picture and result.shown.times_seconds == (1.25,)
    assert prepared[0].pixels.shape == (1, 64, 96, 3) and index_of(prepared[0].pixels[0]) == 12


def test_a_window_that_cannot_be_read_does_not_keep_the_others_from_being_asked(clip, model):
    past = Segment(clip, probe(clip), Span(3.0, 7.0))
    result = list(ask_segment(model, past, QUESTION, window_seconds=2.0))
    assert result[0].answer is not None
    assert result[1].answer is None and "ends at 4.0 s" in result[1].problem


def test_pictures_of_several_files_are_asked_about_together(clip, tmp_path):
    model = load_model(str(write_tiny_model(tmp_path / "tiny")))
    other = write_clip(tmp_path / "other.mp4", count=10, size=(64, 48))
    answer = ask_moments(model, [segment(clip, 1.0, 1.0), segment(other, 0.5, 0.5)], QUESTION)
    assert answer.raw
    missing = Segment(tmp_path / "gone.mp4", probe(other), Span(0, 0))
    with pytest.raises(VideoError, match=r"gone\.mp4"):
        ask_moments(model, [segment(clip, 1.0, 1.0), missing], QUESTION)
