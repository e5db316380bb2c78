"""Reads what `footage search --json` printed into clips; believes nothing but what the index bears out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, get_args

from footage.errors import UsageError
from footage.store import Store
from footage.types import Span, Verdict
from search.export.clips import Clip, Origins, captioned_by

_MOST = 1e9
"""Numbers stay below this; no video lasts as many seconds."""


def read_results(lines: Iterable[str], store: Store, origins: Origins) -> list[Clip]:
    """Read matches, each line one JSON object.

    The line of type "coverage" that ends the answers to a query names the query. Each match has to name a
    file that the index knows, with the content it had there.

    Raises:
        UsageError: A line is something else; nothing is read then.
        StoreError: The index cannot be read.
    """
    clips: list[Clip] = []
    waiting: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = _object(line, number)
        if row.get("type") == "match":
            waiting.append((number, row))
        elif row.get("type") == "coverage":
            query = _field(row, "query", str, number)
            clips += [_clip(each, query, store, origins, at) for at, each in waiting]
            waiting = []
        else:
            raise _bad(number, f'its "type" is {row.get("type")!r}, neither "match" nor "coverage"')
    return clips + [_clip(each, "", store, origins, at) for at, each in waiting]


def _clip(row: dict[str, Any], query: str, store: Store, origins: Origins, number: int) -> Clip:
    path, content_id = _field(row, "video", str, number), _field(row, "content_id", str, number)
    file = store.file_at(path)
    if file is None or file.state == "gone":
        raise _bad(number, f"the index knows no file {path!r}", "Search the index again that it came from.")
    video = store.videos([content_id]).get(content_id)
    if file.content_id != content_id or video is None:
        raise _bad(number, f"{path!r} holds another video now", "Search again.")
    start, end = _number(row, "start_seconds", number), _number(row, "end_seconds", number)
    if not 0 <= start <= end or start >= video.duration_seconds:
        raise _bad(number, f"there is no span from {start} to {end} s in {path!r}")
    verdict: Any = row.get("verdict")
    confidence = row.get("confidence")
    if verdict not in get_args(Verdict):
        raise _bad(number, f'its "verdict" is {verdict!r}')
    if confidence is not None and not 0 <= _number(row, "confidence", number) <= 1:
        raise _bad(number, f'its "confidence" is {confidence!r}, not from 0 to 1')
    text = _field(row, "text", str, number)
    return Clip(
        path=path,
        video=video,
        span=Span(start, end),
        title=text or query,
        query=query,
        text=text,
        verdict=verdict,
        confidence=confidence,
        score=_number(row, "score", number),
        grounded=_field(row, "grounded", bool, number),
        recorded_at=origins.recorded_at.get(path, ""),
        captioned_by=captioned_by(content_id, None, origins),
    )


def _object(line: str, number: int) -> dict[str, Any]:
    def constant(name: str) -> None:
        raise ValueError(f"{name} is no number")

    try:
        row = json.loads(line, parse_constant=constant)
    except (ValueError, RecursionError) as exc:
        raise _bad(number, f"it is no JSON ({exc})") from exc
    if not isinstance(row, dict):
        raise _bad(number, "it is no JSON object")
    return row


def _field(row: dict[str, Any], name: str, kind: type, number: int) -> Any:
    value = row.get(name)
    if not isinstance(value, kind):
        raise _bad(number, f"its {name!r} is {value!r}")
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise _bad(number, f"its {name!r} is no text")
    return value


def _number(row: dict[str, Any], name: str, number: int) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        raise _bad(number, f"its {name!r} is not a number that can be")
    return float(value)


def _bad(
    number: int, why: str, hint: str = "Give what `footage search --json` prints, as it is."
) -> UsageError:
    return UsageError(f"Line {number} of the results cannot be used: {why}.", hint=hint)
