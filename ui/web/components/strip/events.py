"""Reads a change that the browser sends; pure. It is not trusted: what does not fit counts for nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from footage.core.errors import UsageError
from service.reels import (
    MOST_CLIPS,
    MoveClipsRequest,
    RemoveClipsRequest,
    TrimClipRequest,
)

_MOST_LETTERS = 64
_LONGEST_SECONDS = 1e7
ReelEdit = MoveClipsRequest | TrimClipRequest | RemoveClipsRequest


@dataclass(frozen=True, slots=True)
class StripEdit:
    """One change of the strip."""

    tab: str
    """Names the page in the browser."""
    number: int
    """Counts the changes of that page."""
    request: ReelEdit
    """What is to be done."""


def read_edit(value: object) -> StripEdit | None:
    """The change that the browser sent; None where it makes no sense.

    Args:
        value: ``{"tab", "number", "reel", "edition", "do"}``, and with "move" ``ids`` and ``before``, with
            "trim" ``id``, ``start`` and ``end`` in seconds, with "remove" ``ids``.
    """
    if not isinstance(value, dict):
        return None
    tab, number, edition = _name(value.get("tab")), _whole(value.get("number")), _whole(value.get("edition"))
    if tab is None or number is None or edition is None:
        return None
    request = _request(value, edition)
    return StripEdit(tab, number, request) if request else None


def _request(value: dict[str, object], edition: int) -> ReelEdit | None:
    about = {"id": _name(value.get("reel")), "edition": edition}
    ids, before = _names(value.get("ids")), value.get("before")
    try:
        if value.get("do") == "move" and ids and (before is None or _name(before)):
            return MoveClipsRequest.model_validate({**about, "clip_ids": ids, "before": before})
        if value.get("do") == "remove" and ids:
            return RemoveClipsRequest.model_validate({**about, "clip_ids": ids})
        start, end = _seconds(value.get("start")), _seconds(value.get("end"))
        if value.get("do") == "trim" and start is not None and end is not None and start < end:
            cut = {"clip_id": _name(value.get("id")), "start_seconds": start, "end_seconds": end}
            return TrimClipRequest.model_validate({**about, **cut})
    except UsageError:
        return None
    return None


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MOST_LETTERS else None


def _names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_CLIPS:
        return None
    names = tuple(_name(each) for each in value)
    return tuple(name for name in names if name) if all(names) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= _LONGEST_SECONDS else None
