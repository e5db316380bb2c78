"""Where a model's answers fall on the timeline of a drawn clip."""

from __future__ import annotations

from itertools import pairwise

import pytest

from footage.core.types import Span
from service.model_check import CLIP_SECONDS, drawn_clip, timeline

TRUE = [Span(event.start_seconds, event.end_seconds) for event in drawn_clip().events]


def moved(scale: float, offset: float) -> list[Span]:
    return [Span(scale * span.start_seconds + offset, scale * span.end_seconds + offset) for span in TRUE]


@pytest.mark.parametrize(
    ("scale", "offset", "right"), [(1, 0, True), (1.05, 0.5, True), (2, 0, False), (1, 2, False)]
)
def test_scale_and_offset_are_measured(scale, offset, right):
    result = timeline(moved(scale, offset))
    assert (result.found, result.events) == (3, 3)
    assert result.scale == pytest.approx(scale) and result.offset_seconds == pytest.approx(offset)
    assert result.is_right == right and f"scale {scale:.2f}, offset {offset:+.1f} s" in str(result)


def test_what_is_not_answered_is_counted_and_never_right():
    two = timeline([None, *TRUE[1:]])
    assert (two.found, two.is_right) == (2, False) and two.scale == pytest.approx(1)
    one = timeline([TRUE[0], None, None])
    assert (one.found, one.scale, one.is_right) == (1, None, False) and "1 of 3" in str(one)
    assert str(timeline([None] * 3)) == "times for 0 of 3 events"


def test_the_events_are_apart_and_within_the_clip():
    assert all(one.end_seconds < other.start_seconds for one, other in pairwise(TRUE))
    assert drawn_clip().duration_seconds == CLIP_SECONDS >= TRUE[-1].end_seconds
