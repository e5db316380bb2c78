"""Reads what `footage search --json` or `find --json` printed into clips; believes what it can check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

from footage.core.errors import UsageError, VideoError
from footage.core.types import Span, Verdict, Video
from footage.media.sandbox import probe
from footage.objects.paths import media_path
from footage.store import Store
from service.export.clips import Clip, Origins, captioned_by

_MOST = 1e9
"""Numbers stay below this; no video lasts as many seconds."""


def read_results(
    lines: Iterable[str], store: Store | None, origins: Origins, *, identify: Callable[[Path], str]
) -> list[Clip]:
    """Read matches, each line one JSON object.

    The line of type "coverage" that ends the answers to a query names the query. Each match has to name a
    file that the index knows, with the content it had there, or a file on disk that holds that content.

    Args:
        lines: What was printed.
        store: The index; None where there is none.
        origins: What the index knows of where its texts come from.
        identify: Gives the content id of a file, from all of its bytes; asked where the index knows none.

    Raises:
        UsageError: A line is something else; nothing is read then.
        StoreError: The index cannot be read.
    """
    files = _Files(store, identify)
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
            clips += [_clip(each, query, files, origins, at) for at, each in waiting]
            waiting = []
        else:
            raise _bad(number, f'its "type" is {row.get("type")!r}, neither "match" nor "coverage"')
    return clips + [_clip(each, "", files, origins, at) for at, each in waiting]


class _Files:
    """The files that matches name, each looked at once."""

    def __init__(self, store: Store | None, identify: Callable[[Path], str]) -> None:
        self._store, self._identify = store, identify
        self._on_disk: dict[str, Video] = {}

    def video(self, path: str, content_id: str, number: int) -> Video:
        """The video in a file, by the index or else by the file itself."""
        file = self._store.files.at(path) if self._store else None
        if self._store is None or file is None or file.state == "gone" or not file.content_id:
            return self._unindexed(path, content_id, number)
        video = self._store.videos.of([content_id]).get(content_id)
        if file.content_id != content_id or video is None:
            raise _bad(number, f"{path!r} now contains another video", "Search again.")
        return video

    def _unindexed(self, path: str, content_id: str, number: int) -> Video:
        """As it is on disk, with the content that the match names."""
        if path not in self._on_disk:
            if "\0" in path or not media_path(path).is_file():
                hint = "Repeat the search on the same index."
                raise _bad(number, f"the index has no file {path!r}, and the file does not exist", hint)
            try:
                self._on_disk[path] = probe(path, content_id=self._identify(media_path(path)))
            except VideoError as error:
                raise _bad(number, f"{path!r} cannot be used: {error}", error.hint) from error
        video = self._on_disk[path]
        if video.content_id != content_id:
            raise _bad(number, f"{path!r} now contains another video", "Search again.")
        return video


def _clip(row: dict[str, Any], query: str, files: _Files, origins: Origins, number: int) -> Clip:
    path, content_id = _field(row, "video", str, number), _field(row, "content_id", str, number)
    video = files.video(path, content_id, number)
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
        carried_over_from=_field({"carried_over_from": "", **row}, "carried_over_from", str, number),
    )


def _object(line: str, number: int) -> dict[str, Any]:
    def constant(name: str) -> None:
        raise ValueError(f"{name} is not a number")

    try:
        row = json.loads(line, parse_constant=constant)
    except (ValueError, RecursionError) as exc:
        raise _bad(number, f"it is not valid JSON ({exc})") from exc
    if not isinstance(row, dict):
        raise _bad(number, "it is not a JSON object")
    return row


def _field(row: dict[str, Any], name: str, kind: type, number: int) -> Any:
    value = row.get(name)
    if not isinstance(value, kind):
        raise _bad(number, f"its {name!r} is {value!r}")
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise _bad(number, f"its {name!r} is not text")
    return value


def _number(row: dict[str, Any], name: str, number: int) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MOST:
        raise _bad(number, f"its {name!r} is not a number below {_MOST:g}")
    return float(value)


def _bad(
    number: int,
    why: str,
    hint: str = "Use the unchanged output of `footage search --json` or `footage find --json`.",
) -> UsageError:
    return UsageError(f"Line {number} of the results cannot be used: {why}.", hint=hint)
