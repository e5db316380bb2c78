"""Reads what the wall sends from the browser; pure. It is not trusted: what does not fit is left out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeGuard

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 253_402_300_799_000  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class WallWish:
    """What a press on an event, or on a tile, asked for."""

    action: str
    """One of the page's actions."""
    content_id: str
    """The video."""
    seconds: float
    """The moment, in video time."""
    moment: datetime
    """The moment by the clock, UTC."""


def read_moment(result: Mapping[str, Any] | None) -> datetime | None:
    """The moment at which the person paused, or to which they went, UTC; None for none."""
    return _moment((result or {}).get("moment"))


def read_day(result: Mapping[str, Any] | None, days: Collection[date]) -> date | None:
    """The day that was chosen in the calendar; None unless it is one of ``days``."""
    value = (result or {}).get("day")
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return day if day in days else None


def read_asked(
    result: Mapping[str, Any] | None, *, actions: Collection[str], content_ids: Collection[str]
) -> WallWish | None:
    """What was asked for, or None.

    Args:
        result: What the component holds.
        actions: What the page does.
        content_ids: The videos on the wall.
    """
    value = (result or {}).get("asked")
    if not isinstance(value, dict):
        return None
    action, content_id, seconds = value.get("action"), value.get("content"), value.get("seconds")
    moment = _moment(value.get("moment"))
    if action not in actions or content_id not in content_ids or moment is None or not _number(seconds):
        return None
    at_seconds = max(0.0, round(float(seconds), 3))
    return WallWish(str(action), str(content_id), at_seconds, moment)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, int | float) or not _number(value) or not 0 <= value <= _LATEST_MS:
        return None
    return _EPOCH + timedelta(milliseconds=round(value))


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
