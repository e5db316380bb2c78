"""Lines of JSON about single videos: of videos, video, events, transcript, corrections and label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from service.schemas.base import Record, span_fields
from service.schemas.review import CorrectionFields, SpanFields

if TYPE_CHECKING:
    from footage.core.corrections import Correction
    from footage.core.types import Event
    from footage.store import Mark
    from service.browse import VideoDetails
    from service.listing import ListedVideo, Page, TranscriptLine


class PageRecord(Record):
    """The last line of a list that comes in pages."""

    type: Literal["page"] = Field(default="page")
    """What the line is."""
    entries: int
    """Entries of this page."""
    total: int
    """Entries of the whole list."""
    next_after: str | None
    """What `--after` is for the next page; null at the end."""

    @classmethod
    def of(cls, page: Page[Any]) -> Self:
        """A page."""
        return cls(type="page", entries=len(page.entries), total=page.total, next_after=page.next_after)


class HeldFileFields(Record):
    """A file that holds a video."""

    path: str
    """Absolute path."""
    state: str
    """What the index holds of it, such as "indexed" or "offline"."""
    collection: str
    """The collection; empty for a single file."""
    camera: str
    """The camera, where known."""
    recorded_at: str
    """Wall-clock time of the first frame, ISO 8601, where known."""


class VideoRecord(Record):
    """A video of the index."""

    type: Literal["video"] = Field(default="video")
    """What the line is."""
    content_id: str
    """The video, by its bytes."""
    duration_seconds: float
    """Its length."""
    width: int
    """Width in pixels, as shown."""
    height: int
    """Height in pixels, as shown."""
    fps: float
    """Average frames per second."""
    codec: str
    """The video codec."""
    container: str
    """The container format."""
    files: list[HeldFileFields]
    """The files that hold it."""
    tracks: dict[str, float]
    """Footage seconds that are indexed, by track; tracks without any are left out."""

    @classmethod
    def of(cls, listed: ListedVideo, **more: Any) -> Self:
        """A video."""
        video = listed.video
        names = ("path", "state", "collection", "camera", "recorded_at")
        return cls(
            type="video",
            content_id=video.content_id,
            duration_seconds=video.duration_seconds,
            width=video.width,
            height=video.height,
            fps=round(video.fps, 3),
            codec=video.codec,
            container=video.container,
            files=[HeldFileFields(**{name: getattr(file, name) for name in names}) for file in listed.files],
            tracks={each.track: round(each.seconds, 3) for each in listed.tracks},
            **more,
        )


class VideoDetailsRecord(VideoRecord):
    """The first line of `video`: one video in detail."""

    size_bytes: int
    """Size of its file."""
    created_at: str
    """When it was recorded according to the container; empty where that says nothing."""
    warnings: list[str]
    """What is known to be wrong with it, a sentence each."""
    gaps: list[SpanFields]
    """Where it has no frames."""
    scene: str
    """Description of the place in the captions; may be empty."""
    covered: list[SpanFields]
    """Captioned windows; windows of other tracks where there is none."""
    events: int
    """Captioned events."""
    corrections: int
    """Versions of corrections."""

    @classmethod
    def with_details(cls, listed: ListedVideo, details: VideoDetails) -> Self:
        """A video in detail."""
        video = details.video
        return cls.of(
            listed,
            size_bytes=video.size_bytes,
            created_at=video.created_at,
            warnings=list(video.warnings),
            gaps=[SpanFields(**span_fields(gap)) for gap in video.gaps],
            scene=details.scene,
            covered=[SpanFields(**span_fields(span)) for span in details.outline.covered],
            events=len(details.outline.events),
            corrections=len(details.corrections),
        )


class EventRecord(Record):
    """An event of a video, as the index has it."""

    type: Literal["event"] = Field(default="event")
    """What the line is."""
    id: str
    """Names it."""
    video: str
    """A file that holds the video; empty where none is known."""
    content_id: str
    """The video, by its bytes."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    track: str
    """The track that it is of."""
    text: str
    """What happens, is said or is written."""
    confidence: float | None
    """How sure the recogniser is of the text, 0 to 1; null for captions."""
    language: str
    """Language of the text; empty while unknown."""

    @classmethod
    def of(cls, event: Event, path: str) -> Self:
        """An event."""
        return cls(
            type="event",
            id=event.id,
            video=path,
            content_id=event.content_id,
            **span_fields(event.span),
            track=event.track,
            text=event.text,
            confidence=event.confidence,
            language=event.language,
        )


class TranscriptRecord(Record):
    """A line of what is said or written in a video."""

    type: Literal["line"] = Field(default="line")
    """What the line is."""
    video: str
    """A file that holds the video; empty where none is known."""
    content_id: str
    """The video, by its bytes."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    track: str
    """The track: "speech", "subtitles" or "screen-text"."""
    text: str
    """The words."""
    confidence: float | None
    """How sure the recogniser is of them, 0 to 1; null where nothing says so."""
    language: str
    """Language of the words; empty while unknown."""

    @classmethod
    def of(cls, each: TranscriptLine, content_id: str, path: str) -> Self:
        """A line."""
        line = each.line
        return cls(
            type="line",
            video=path,
            content_id=content_id,
            **span_fields(line.span),
            track=each.track,
            text=line.text,
            confidence=line.confidence,
            language=line.language,
        )


class CorrectionVersionRecord(CorrectionFields):
    """One version of a correction, of `corrections` and `video`."""

    type: Literal["correction"] = Field(default="correction")
    """What the line is."""
    made_at: float
    """When it was made, seconds since the epoch."""
    undone_at: float
    """When it was taken back, seconds since the epoch; 0 while it stands."""

    @classmethod
    def of(cls, correction: Correction) -> Self:
        """A version."""
        return cls(
            type="correction",
            id=correction.id,
            event=correction.event_id,
            content_id=correction.content_id,
            original_text=correction.original_text,
            original_start_seconds=correction.original_span.start_seconds,
            original_end_seconds=correction.original_span.end_seconds,
            removed=correction.removes,
            text=correction.text,
            **span_fields(correction.span),
            author=correction.author,
            made_at=correction.made_at,
            undone_at=correction.undone_at,
        )


class MarkRecord(Record):
    """What a person noted about a moment: a judgement of an answer, or a decision about an item."""

    type: Literal["mark"] = Field(default="mark")
    """What the line is."""
    id: str
    """Names it."""
    kind: Literal["label", "review"]
    """"label" for a judgement of an answer, "review" for an item of a saved search."""
    content_id: str
    """The video, by its bytes."""
    start_seconds: float
    """When the moment begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    state: str
    """"present" or "absent" for a label; "open", "reviewed" or "flagged" for an item."""
    query: str
    """The query; empty for a search of similar moments."""
    text: str
    """The indexed text that led there, as it was then."""
    note: str
    """The person's words."""
    author: str
    """The person, as typed."""
    made_at: float
    """When, seconds since the epoch."""

    @classmethod
    def of(cls, mark: Mark) -> Self:
        """A mark."""
        return cls(
            type="mark",
            id=mark.id,
            kind=mark.kind,
            content_id=mark.content_id,
            **span_fields(mark.span),
            state=mark.state,
            query=mark.query,
            text=mark.found_text,
            note=mark.text,
            author=mark.author,
            made_at=mark.made_at,
        )
