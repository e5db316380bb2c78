"""Puts the camera wall on a page, and hands the browser a day; plays nothing itself.

The browser's part lies beside this file, as HTML, CSS and JavaScript without a build step; to it, it is all
one module. The day itself comes by address, so that it is loaded once however often the page is drawn.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import streamlit as st

from ui.web.components import dates
from ui.web.components.addresses import address_of

_HERE = Path(__file__).parent
_SCRIPTS = (
    "clock.js",
    "segments.js",
    "tile.js",
    "lanes.js",
    "timeline.js",
    "calendar.js",
    "around.js",
    "wall.js",
)
_STYLES = ("wall.css", "panels.css")


def show(
    day: str,
    *,
    chosen: date,
    days: Mapping[date, timedelta],
    cursor: datetime | None,
    jump: int,
    zone: str,
    actions: tuple[str, ...],
    on_change: Callable[[], None],
    key: str,
) -> None:
    """Draw the wall; what happens on it is in the session state at ``key`` when ``on_change`` is called.

    Args:
        day: The day (``wall.day.encoded``).
        chosen: Which day it is.
        days: The days with footage, and how much.
        cursor: The moment to open at; the beginning of the footage when None.
        jump: Another number sends the browser to ``cursor``, wherever it is.
        zone: Names the zone of the clock.
        actions: What the page does with an event: of "player" and "search".
        on_change: Called for "moment", "day" and "asked" (``wall.messages``).
        key: Names the widget.
    """
    _component()(
        key=key,
        data={
            "address": address_of(day.encode(), "application/json", f"wall {key}"),
            "cursor": round(cursor.timestamp() * 1000) if cursor else None,
            "jump": jump,
            "chosen": chosen.isoformat(),
            "chosen_label": dates.day(chosen),
            "days": {each.isoformat(): round(footage.total_seconds()) for each, footage in days.items()},
            "zone": zone,
            "actions": list(actions),
        },
        on_moment_change=on_change,
        on_day_change=on_change,
        on_asked_change=on_change,
    )


@functools.cache
def _component() -> Any:
    """The browser's part, registered once."""
    return st.components.v2.component(
        "footage_wall",
        html=(_HERE / "wall.html").read_text("utf-8"),
        css="\n".join((_HERE / name).read_text("utf-8") for name in _STYLES),
        js="\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS),
    )
