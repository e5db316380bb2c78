"""Reads what the browser sends; pure. It is not trusted: what does not fit counts for nothing."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from footage.core.types import Span, on_grid
from ui.web.components.region import Box, read_box

_BROWSER_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for by one press."""

    action: str | None = None
    """One of the page's actions."""
    seconds: float | None = None
    """A moment outside the preview that is to be shown, in video time."""
    play: bool = False
    """Whether it is to play from there."""
    view: Span | None = None
    """The part of the timeline that is looked at, where its pieces are wanted one by one."""
    at_seconds: float | None = None
    """The moment whose picture is to be searched by, in video time."""
    box: Box | None = None
    """The part of that picture that counts; all of it when None."""


def read_marks(value: object, *, of: str, duration_seconds: float) -> Span | None:
    """The in and out points, or None when they are of another span or make none inside the video.

    Args:
        value: What the browser sent: ``{"of": …, "in": seconds, "out": seconds}``.
        of: Names the span that is shown.
        duration_seconds: Length of the video.
    """
    if not isinstance(value, dict) or value.get("of") != of:
        return None
    return _span(value.get("in"), value.get("out"), duration_seconds)


def read_wishes(value: object, *, of: str, duration_seconds: float, actions: Collection[str]) -> Wishes:
    """What was asked for; nothing when it was asked of another span.

    Args:
        value: What the browser sent: ``{"of": …}`` with ``action``, ``seconds`` and ``play``, or ``view``;
            with the action "picture", ``at`` and ``box``.
        of: Names the span that is shown.
        duration_seconds: Length of the video.
        actions: What the page does.
    """
    if not isinstance(value, dict) or value.get("of") != of:
        return Wishes()
    action, view = value.get("action"), value.get("view")
    return Wishes(
        action=action if isinstance(action, str) and action in actions else None,
        seconds=_moment(value.get("seconds"), duration_seconds),
        play=value.get("play") is True,
        view=_span(view[0], view[1], duration_seconds) if isinstance(view, list) and len(view) == 2 else None,
        at_seconds=_moment(value.get("at"), duration_seconds),
        box=read_box(value.get("box")),
    )


def pressed_elsewhere(value: object, *, of: str, actions: Collection[str]) -> bool:
    """Whether a button was pressed while another span was shown; arguments as of ``read_wishes``."""
    if not isinstance(value, dict) or value.get("of") == of:
        return False
    action = value.get("action")
    return isinstance(action, str) and action in actions and action not in ("previous", "next")


def _span(start: object, end: object, duration_seconds: float) -> Span | None:
    first, past = _moment(start, duration_seconds), _moment(end, duration_seconds)
    return Span(first, past) if first is not None and past is not None and first < past else None


def _moment(value: object, duration_seconds: float) -> float | None:
    """Seconds inside the video, or None; a browser rounds to the millisecond, also past the video's end."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(duration_seconds):
        return None
    inside = 0 <= value <= duration_seconds + _BROWSER_SECONDS
    return min(on_grid(float(value)), duration_seconds) if inside else None
