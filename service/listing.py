"""Lists videos, events, transcript lines and corrections page by page; changes nothing, loads no model.

Every function here raises a ``StoreError`` when there is no index, or it cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, get_args

from pydantic import Field

from footage.core.errors import UsageError
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import CaptionEvent, Event, File, Span, Video
from service.requests import Request
from service.transcript import VideoTrack, track_coverage, transcripts

if TYPE_CHECKING:
    from footage.core.corrections import Correction
    from footage.store import Store
    from service.browse import VideoDetails
    from service.session import Service

T = TypeVar("T")

MOST = 1000
"""Most entries of a page."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, in its order."""

    entries: tuple[T, ...]
    """The entries."""
    total: int
    """Entries of the whole list."""
    next_after: str | None
    """``after`` of the request for the next page; None at the end."""


class PageRequest(Request):
    """A part of a list."""

    after: str = ""
    """Id of the last entry of the page before; the first page when empty."""
    limit: int = Field(default=100, ge=1, le=MOST)
    """Most entries."""


class VideosRequest(PageRequest):
    """The videos of the index, by content id."""


class VideoRequest(Request):
    """One video of the index."""

    video: str = Field(min_length=1)
    """Its content id, a file that holds it, or the end of the path of one."""


VideoPart = Literal["events", "transcript", "corrections"]
"""A part of a video's details that has lines of its own."""
VIDEO_PARTS: tuple[VideoPart, ...] = get_args(VideoPart)


class VideoDetailsRequest(VideoRequest):
    """One video of the index, and what to list of it."""

    parts: tuple[VideoPart, ...] = VIDEO_PARTS
    """What is listed after the first line."""


TrackName = Literal["caption", "speech", "screen-text", "subtitles"]


class EventsRequest(PageRequest):
    """The events of one track of a video, by time."""

    video: str = Field(min_length=1)
    """The video, as that of ``VideoRequest``."""
    track: TrackName = CAPTION_TRACK  # type: ignore[assignment] # a constant of this value
    """The track."""
    start_seconds: float = Field(default=0, ge=0)
    """Only events that overlap this time or later, in video time."""
    end_seconds: float | None = Field(default=None, ge=0)
    """Only events that begin before this time; to the end when None."""


class TranscriptRequest(Request):
    """What is said and written in a video, by track and time."""

    video: str = Field(min_length=1)
    """The video, as that of ``VideoRequest``."""
    tracks: tuple[Literal["speech", "screen-text", "subtitles"], ...] = ()
    """Only these tracks; all of them when there are none."""
    language: str = ""
    """Only lines in this language, such as "en"; all when empty."""
    start_seconds: float = Field(default=0, ge=0)
    """Only lines that overlap this time or later, in video time."""
    end_seconds: float | None = Field(default=None, ge=0)
    """Only lines that begin before this time; to the end when None."""


class CorrectionsRequest(PageRequest):
    """All versions of all corrections, or of those of one video, in the order made."""

    video: str = ""
    """The video, as that of ``VideoRequest``; all videos when empty."""


@dataclass(frozen=True, slots=True)
class ListedVideo:
    """A video of the index, and how far it is indexed."""

    video: Video
    """The video."""
    files: tuple[File, ...]
    """The files that hold it and are not gone, by path."""
    tracks: tuple[VideoTrack, ...]
    """How far each track is indexed."""


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One line of a transcript."""

    track: str
    """The track."""
    line: CaptionEvent
    """What is said or written, and when."""


def content_id_of(service: Service, video: str) -> str:
    """The content id of a video that is named by it, by a file, or by the end of the path of one.

    Raises:
        UsageError: the index knows no such video, or several.
    """
    from search.retrieval.similar import content_of

    store = service.store()
    return video if store.videos.of([video]) else content_of(store, video)


def videos(service: Service, request: VideosRequest) -> Page[ListedVideo]:
    """A page of the videos of the index, by content id."""
    store = service.store()
    with store.at_once():
        known = store.videos.all()
        ids = sorted(known)
        rest = [content_id for content_id in ids if content_id > request.after]
        chosen = rest[: request.limit]
        entries = _listed(service, store, {content_id: known[content_id] for content_id in chosen})
    more = len(rest) > len(chosen)
    return Page(tuple(entries), len(ids), chosen[-1] if more else None)


def video(
    service: Service, request: VideoRequest
) -> tuple[ListedVideo, VideoDetails, tuple[TranscriptLine, ...]]:
    """Everything that the index has of one video, and the lines of its transcript.

    Raises:
        UsageError: the index knows no such video, or several.
    """
    from service import browse

    content_id = content_id_of(service, request.video)
    details = browse.video(service, content_id)
    if details is None:
        raise _unknown(request.video)
    [listed] = _listed(service, service.store(), {content_id: details.video})
    _, _, lines = transcript(service, TranscriptRequest(video=content_id))
    return listed, details, lines


def events(service: Service, request: EventsRequest) -> tuple[str, Page[Event]]:
    """The path of a file of a video, and a page of its events.

    Raises:
        UsageError: the index knows no such video, or no such event to continue after.
    """
    content_id = content_id_of(service, request.video)
    store = service.store()
    found = sorted(
        (
            event
            for event in store.events.of(content_id, track=request.track)
            if _is_between(event.span, request.start_seconds, request.end_seconds)
        ),
        key=lambda event: (event.span, event.id),
    )
    return store.files.path_of(content_id), _page(found, request, lambda event: event.id)


def transcript(service: Service, request: TranscriptRequest) -> tuple[str, str, tuple[TranscriptLine, ...]]:
    """The content id of a video, a file that holds it, and its lines.

    Raises:
        UsageError: the index knows no such video, or several.
    """
    content_id = content_id_of(service, request.video)
    lines = [
        TranscriptLine(each.track, line)
        for each in transcripts(service, content_id)
        for line in each.lines
        if (not request.tracks or each.track in request.tracks)
        and request.language in ("", line.language)
        and _is_between(line.span, request.start_seconds, request.end_seconds)
    ]
    return content_id, service.store().files.path_of(content_id), tuple(lines)


def corrections(service: Service, request: CorrectionsRequest) -> Page[Correction]:
    """A page of the versions of corrections, in the order made.

    Raises:
        UsageError: the index knows no such video, or no such correction to continue after.
    """
    wanted = [content_id_of(service, request.video)] if request.video else None
    found = service.store().annotations.corrections.all(wanted)
    ordered = sorted(found, key=lambda each: (each.made_at, each.id))
    return _page(ordered, request, lambda each: each.id)


def _listed(service: Service, store: Store, known: Mapping[str, Video]) -> list[ListedVideo]:
    files: dict[str, list[File]] = {content_id: [] for content_id in known}
    for file in store.files.all():
        if file.content_id in files and file.state != "gone":
            files[file.content_id].append(file)
    tracks = track_coverage(service, known.keys())
    return [
        ListedVideo(
            each,
            tuple(sorted(files[content_id], key=lambda file: file.path)),
            tuple(track for track in tracks[content_id] if track.seconds),
        )
        for content_id, each in known.items()
    ]


def _page(found: Sequence[T], request: PageRequest, id_of: Callable[[T], str]) -> Page[T]:
    first = 0
    if request.after:
        places = [number for number, each in enumerate(found) if id_of(each) == request.after]
        if not places:
            raise UsageError(
                f"There is no entry {request.after!r} to continue after.",
                hint="Start again without `after`: the list has changed since.",
            )
        first = places[0] + 1
    entries = found[first : first + request.limit]
    more = first + len(entries) < len(found)
    return Page(tuple(entries), len(found), id_of(entries[-1]) if more else None)


def _is_between(span: Span, start_seconds: float, end_seconds: float | None) -> bool:
    end = float("inf") if end_seconds is None else end_seconds
    if span.duration_seconds == 0:
        return start_seconds <= span.start_seconds < end
    return span.end_seconds > start_seconds and span.start_seconds < end


def _unknown(video: str) -> UsageError:
    return UsageError(
        f"The index has no video {video}.", hint="To list all indexed videos: `footage videos`."
    )
