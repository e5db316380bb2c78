"""Captions out of an index and into it, as JSON Lines (docs/reference/captions.md); knows no model."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from footage.core.errors import UsageError, VideoError
from footage.core.track_events import events_from_json, track_caption
from footage.core.tracks import CAPTION_TRACK, TRACKS
from footage.core.types import (
    Caption,
    CaptionEvent,
    ClockSource,
    File,
    FileState,
    FinishReason,
    Provenance,
    Span,
    Video,
    Window,
    WindowRecord,
)
from footage.embed.protocol import TextEmbedder
from footage.media import sandbox
from footage.objects.paths import located
from footage.store import Store
from footage.store import records as layout
from footage.store.forgetting import FORGOTTEN
from indexer import library
from indexer.events import Projector
from indexer.tracks.merging import merge_of

GRACE_SECONDS = 0.05
"""Tolerance for times outside a window: the rounding error of times with one decimal."""
BY_HAND = "by hand"
"""The model of captions that name none."""
_CONTENT_ID = r"[\w.-]{1,64}"
_LATEST_SECONDS = 2.5e11
"""Before the year 10,000, in seconds since the epoch: later times are none that a calendar knows."""


class Imported(NamedTuple):
    """The result of an import."""

    videos: int
    """Videos with imported captions."""
    windows: int
    """Windows."""
    events: int
    """Caption lines."""


def export_captions(store: Store, *, tracks: Collection[str] = TRACKS) -> Iterator[dict[str, Any]]:
    """Everything that was captioned and read, as JSON objects: each video, its files, its windows by track.

    Args:
        store: The index.
        tracks: The tracks that are wanted.

    Raises:
        StoreError: when the index cannot be read.
    """
    files: dict[str, list[File]] = {}
    for file in store.files.all():
        files.setdefault(file.content_id, []).append(file)
    videos = store.videos.all()
    held = {track: store.windows.spans(track=track).keys() for track in TRACKS if track in tracks}
    for content_id in sorted(set().union(*held.values())):
        if content_id in videos:
            yield {"type": "video", **layout.video_to_row(videos[content_id])}
            yield from ({"type": "file", **layout.file_to_row(file)} for file in files.get(content_id, ()))
            ours = [track for track in held if content_id in held[track]]
            for record in (each for track in ours for each in store.windows.of(content_id, track=track)):
                row = layout.window_to_row(record)
                yield {
                    "type": "window",
                    **{name: row[name] for name in row if name not in ("id", "checksum")},
                }


def import_captions(lines: Iterable[str], *, store: Store, embedder: TextEmbedder) -> Imported:
    """Bring captions into an index: those of another index, or made elsewhere, by hand or by a bigger model.

    All lines are checked before the first one is written. The format: docs/reference/captions.md. Windows
    that are there already are replaced.

    Args:
        lines: JSON Lines.
        store: The index.
        embedder: Embeds the captions.

    Raises:
        UsageError: a line is no caption, or its times lie outside its window or video; names the line.
        StoreError: another process is writing to the index, or it cannot be written.
    """
    reader = _CaptionReader(store)
    for number, line in enumerate(lines, start=1):
        if line.strip():
            reader.take(number, line)
    records = reader.records()
    with store.writing():
        store.embedders.claim_timeline(embedder.name)
        for video in reader.videos.values():
            store.videos.put([video])
        store.files.put(reader.files.values())
        for (content_id, track), group in records.items():
            projector = Projector(store, embedder, track=track, merge=merge_of(track))
            if store.windows.spans([content_id], track=track):
                projector.replacing(content_id)
            if track == CAPTION_TRACK:  # a picture of the windows that were there may not be one of these
                store.stills.remove(content_id, [record.window.index for record in group])
            store.windows.commit(group)
            projector.add(content_id, group)
            projector.finish(content_id)
        store.tidy()
    windows = [record for group in records.values() for record in group]
    videos = {content_id for content_id, _ in records}
    return Imported(len(videos), len(windows), sum(len(record.caption.events) for record in windows))


class _EventLine(BaseModel):
    start_seconds: float
    end_seconds: float
    text: str
    confidence: float | None = None
    language: str = ""


class _WindowLine(BaseModel):
    """A line about one window, as docs/reference/captions.md describes it; other keys are ignored."""

    start_seconds: float
    end_seconds: float
    content_id: str | None = None
    path: str | None = None
    window_index: int | None = None
    track: str = CAPTION_TRACK
    scene: str = ""
    events: list[_EventLine] = []
    raw: str = ""
    finish_reason: str | None = None
    notes: list[str] = []
    draft: str = ""
    model: str = BY_HAND
    revision: str = ""
    prompt_version: str = ""
    budget: str = ""
    cutting: str = ""
    reused_from: str = ""


_KINDS = {
    "string": "text",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "an object",
}
"""What pydantic expects, by the first word of its error."""


def _fault(error: ValidationError) -> str:
    """The first thing that is wrong with a line, as a clause."""
    first = error.errors(include_url=False)[0]
    place, kind = ".".join(map(str, first["loc"])), first["type"].partition("_")[0]
    if kind == "missing":
        return f"'{place}' is missing"
    return f"{place}: {first['input']!r:.80} is not {_KINDS[kind]}" if kind in _KINDS else first["msg"]


class _CaptionReader:
    """Reads and checks lines; writes nothing."""

    def __init__(self, store: Store) -> None:
        self.videos: dict[str, Video] = {}
        self.files: dict[str, File] = {}
        self._known = store.videos.all()
        self._captioned = store.windows.spans()
        self._by_path: dict[str, str] = {}
        self._windows: list[tuple[int, dict[str, Any]]] = []

    def take(self, number: int, line: str) -> None:
        """Take in one line."""
        try:
            row = _with_whole_characters(json.loads(line))
            if not isinstance(row, dict):
                raise ValueError(f"{row!r:.80} is not an object")
            kind = row.pop("type", "window")
            if kind == "video":
                video = layout.video_from_row(row)
                if not re.fullmatch(_CONTENT_ID, video.content_id):  # previews are files of that name
                    raise ValueError(f"{video.content_id!r} is not a valid content id")
                self.videos[video.content_id] = video
            elif kind == "file":
                file = _checked(layout.file_from_row(row))
                self.files[file.path] = file
            elif kind == "window":
                self._windows.append((number, row))
            else:
                raise ValueError(f"unknown type {kind!r}")
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise UsageError(
                f"line {number} is not a valid caption: {error}",
                hint="For the format, see docs/reference/captions.md.",
            ) from error

    def records(self) -> dict[tuple[str, str], list[WindowRecord]]:
        """The windows by content id and track, once every line has been taken in."""
        records: dict[tuple[str, str], list[WindowRecord]] = {}
        for number, row in self._windows:
            try:
                record = self._record(row, taken=records)
            except (ValueError, VideoError) as error:
                what = _fault(error) if isinstance(error, ValidationError) else str(error)
                raise UsageError(
                    f"line {number} is not a valid caption: {what}",
                    hint="For the format, see docs/reference/captions.md.",
                ) from error
            records.setdefault((record.window.content_id, record.track), []).append(record)
        return records

    def _record(
        self, row: dict[str, Any], *, taken: dict[tuple[str, str], list[WindowRecord]]
    ) -> WindowRecord:
        line = _WindowLine.model_validate(row)
        content_id = line.content_id or self._content_at(line.path)
        video = self.videos.get(content_id) or self._known.get(content_id)
        if video is None:
            raise ValueError(f"neither the file nor the index has a video {content_id}")
        if line.track not in TRACKS:
            raise ValueError(f"there is no track {line.track!r}, only {', '.join(TRACKS)}")
        whole = Span(0, video.duration_seconds)
        span = _inside(Span(line.start_seconds, line.end_seconds), whole, "window")
        caption = _caption(line, span) if line.track == CAPTION_TRACK else _reading(line, span)
        number = len(taken.get((content_id, line.track), ()))
        index = number if line.window_index is None else line.window_index
        provenance = Provenance(**{name: getattr(line, name) for name in layout.PROVENANCE_COLUMNS})
        reused_from = _reused(line)
        return WindowRecord(Window(content_id, index, span), caption, provenance, line.track, reused_from)

    def _content_at(self, path: str | None) -> str:
        """The content of a file that a line names; each file is read once."""
        if not path:
            raise ValueError("'path' is missing")
        place = located(path)
        name = library.shown(place)
        if name not in self._by_path:
            source = library.MediaSource(place)
            content_id = source.content_id()
            video = sandbox.probe(place, content_id=content_id)
            status = source.stat()
            self._by_path[name] = content_id
            self.videos[content_id] = video
            self.files[name] = File(
                path=name,
                content_id=content_id,
                size_bytes=status.st_size,
                modified_at=status.st_mtime,
                fingerprint=source.fingerprint(),
                root=name,
                duration_seconds=video.duration_seconds,
                state="indexed",
            )
        return self._by_path[name]


def _caption(line: _WindowLine, span: Span) -> Caption:
    """The caption of a window."""
    events = tuple(
        CaptionEvent(_inside(Span(event.start_seconds, event.end_seconds), span, "event"), event.text)
        for event in line.events
    )
    ended: FinishReason = "length" if line.finish_reason == "length" else "stop"
    return Caption(line.scene, events, line.raw, ended, tuple(line.notes), line.draft)


def _reading(line: _WindowLine, span: Span) -> Caption:
    """What a track has in a window: as it was exported, with every detail, or as it is written by hand."""
    if line.raw:
        events = events_from_json(line.raw)
    else:
        events = tuple(
            CaptionEvent(
                Span(event.start_seconds, event.end_seconds), event.text, event.confidence, event.language
            )
            for event in line.events
        )
    for event in events:
        if event.confidence is not None and not 0 <= event.confidence <= 1:
            raise ValueError(f"a confidence is 0 to 1, not {event.confidence}")
    kept = (replace(event, span=_inside(event.span, span, "event", empty=True)) for event in events)
    return track_caption(kept, notes=line.notes)


def _reused(line: _WindowLine) -> str:
    """The window that a caption was carried over from, if it names one."""
    if not line.reused_from:
        return ""
    if line.track != CAPTION_TRACK:
        raise ValueError(
            "only a caption can be carried over from another window: 'reused_from' must be empty"
        )
    if not re.fullmatch(rf"{_CONTENT_ID}/\d{{1,9}}|{FORGOTTEN}", line.reused_from):
        raise ValueError(
            f"'reused_from' is a content id, '/' and a window number, not {line.reused_from!r:.80}"
        )
    return line.reused_from


def _with_whole_characters(row: Any) -> Any:
    """The content of a line; raises for half characters, which JSON can write and no index can store."""
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{error.object[error.start]!r} is an incomplete character") from error
    return row


def _checked(file: File) -> File:
    """The file in a line, if its values can be shown in pages."""
    if not file.path or "\0" in file.path:
        raise ValueError(f"{file.path!r} is not a valid path")
    if file.state not in get_args(FileState) or file.clock_source not in get_args(ClockSource):
        raise ValueError(f"invalid file state {file.state!r} or clock source {file.clock_source!r}")
    if not all(abs(each) < _LATEST_SECONDS for each in (file.modified_at, file.tried_at)):
        raise ValueError(f"a file was not changed at {file.modified_at} and tried at {file.tried_at}")
    return file


def _inside(span: Span, bounds: Span, what: str, *, empty: bool = False) -> Span:
    """A span cut to its bounds, with a small tolerance; it may have no length only with ``empty``."""
    start, end = max(span.start_seconds, bounds.start_seconds), min(span.end_seconds, bounds.end_seconds)
    off = max(start - span.start_seconds, span.end_seconds - end)
    too_short = start > end if empty else start >= end
    if off > GRACE_SECONDS or not math.isfinite(off) or too_short:
        raise ValueError(
            f"the {what} from {span.start_seconds:g} to {span.end_seconds:g} s is not within "
            f"{bounds.start_seconds:g} to {bounds.end_seconds:g} s"
        )
    return replace(span, start_seconds=start, end_seconds=end)
