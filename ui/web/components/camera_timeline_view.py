"""Shows footage of several cameras on one wall clock, to choose a moment or a period."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from ui.text import count, plain
from ui.web.components import camera_timeline

_draw = st.components.v2.component(
    "footage.wall", js=Path(__file__).with_name("camera_timeline.js").read_text("utf-8"), isolate_styles=False
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen on the wall clock; of both at most one."""

    moment: datetime | None
    """A moment that was clicked."""
    stretch: camera_timeline.View | None
    """The period that was selected by dragging."""


def show(
    recorded: Sequence[camera_timeline.Recording],
    view: camera_timeline.View,
    *,
    events: Mapping[camera_timeline.Row, Sequence[tuple[float, float]]],
    matches: Mapping[camera_timeline.Row, Sequence[tuple[float, float]]],
    cursor: datetime | None,
    on_change: Callable[[], None],
    key: str,
) -> None:
    """Draw a view of the recordings.

    Args:
        recorded: What there is around the view.
        view: What to show.
        events: When anything indexed happens, by row, from 0 to 1; faint.
        matches: What a search found; strong.
        cursor: The moment that is looked at.
        on_change: Called when something was chosen; ``chosen`` reads what from the session state at ``key``.
        key: Names the widget.
    """
    rows = [
        {
            "name": plain(row.name) or "(no name)",
            "note": "" if row.named else "folder, no camera named",
            "lanes": [[_bar(bar, recorded) for bar in lane] for lane in lanes],
            "events": [[*piece, ""] for piece in events.get(row, ())],
            "matches": [[*piece, ""] for piece in matches.get(row, ())],
        }
        for row, lanes in camera_timeline.lanes(recorded, view).items()
    ]
    _draw(
        data={
            "rows": rows,
            "ticks": camera_timeline.ticks(view, recorded),
            "zone": camera_timeline.zone_name(camera_timeline.offset_at(recorded, view.start)),
            "cursor": view.fraction(cursor) if cursor and view.start <= cursor < view.end else None,
        },
        key=key,
        on_picked_change=on_change,
        on_range_change=on_change,
    )


def chosen(result: Mapping[str, Any] | None, view: camera_timeline.View) -> Chosen:
    """Read what the widget returns; what is no place on it counts as nothing."""
    values = result or {}
    at, ends = values.get("picked"), values.get("range")
    if isinstance(at, int | float):
        return Chosen(view.moment(float(at)), None)
    if (
        isinstance(ends, list | tuple)
        and len(ends) == 2
        and all(isinstance(end, int | float) for end in ends)
    ):
        first, last = sorted(view.moment(float(end)) for end in ends)
        return Chosen(None, camera_timeline.View(first, last) if last > first else None)
    return Chosen(None, None)


def _bar(bar: camera_timeline.Bar, recorded: Sequence[camera_timeline.Recording]) -> list[Any]:
    """A bar with the words that explain it."""
    start, end = camera_timeline.local(recorded, bar.start), camera_timeline.local(recorded, bar.end)
    words = [f"{start:%H:%M:%S} \N{EN DASH} {end:%H:%M:%S}"]
    if bar.files > 1:
        words.append(count(bar.files, "file"))
    if bar.guessed:
        words.append("the clock is a guess")
    if not bar.indexed:
        words.append("not indexed")
    kinds = " ".join(
        kind for kind, holds in (("fx-guessed", bar.guessed), ("fx-unindexed", not bar.indexed)) if holds
    )
    return [round(bar.left, 5), round(bar.width, 5), ", ".join(words), kinds]
