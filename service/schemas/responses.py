"""Lines of JSON that hold what a model responds about segments: of ask, prompt, point and track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.types import Answer, FinishReason, Span
from service.schemas.base import Record, span_fields

if TYPE_CHECKING:
    from footage.inference.responses import MultichunkWindow
    from footage.inference.segment_queries import Segment
    from service.point import PointResult, WindowPoints


class PlaceFields(Record):
    """A segment or a moment of a video, or an image."""

    video: str
    """The file; its address, without query, where it was downloaded."""
    start_seconds: float
    """Where it begins, in seconds of video time; 0 for an image."""
    end_seconds: float
    """Where it ends; where it begins for a moment, 0 for an image."""


class AnswerRecord(Record):
    """One answer of `ask`."""

    type: Literal["answer"] = Field(default="answer")
    """What the line is."""
    about: list[PlaceFields]
    """What the model was shown."""
    text: str
    """Its answer, without what it says while thinking."""
    raw: str
    """Its answer, untouched."""
    finish_reason: FinishReason
    """"stop" when the model ended by itself, "length" when the cap cut it."""

    @classmethod
    def of(cls, shown: list[tuple[Segment, Span]], answer: Answer) -> Self:
        """An answer, and what it is about."""
        return cls._about(
            [PlaceFields(video=scene.source, **span_fields(span)) for scene, span in shown], answer
        )

    @classmethod
    def about_file(cls, path: str, span: Span, answer: Answer) -> Self:
        """An answer about a span of one file."""
        return cls._about([PlaceFields(video=path, **span_fields(span))], answer)

    @classmethod
    def _about(cls, places: list[PlaceFields], answer: Answer) -> Self:
        from footage.vlm.contract import read_text

        return cls(
            type="answer",
            about=places,
            text=read_text(answer),
            raw=answer.raw,
            finish_reason=answer.finish_reason,
        )


class PromptRecord(PlaceFields):
    """One answer of `prompt`: the raw words of the model about one window."""

    type: Literal["answer"] = Field(default="answer")
    """What the line is."""
    text: str
    """Its answer, without what it says while thinking unless that was to be kept."""
    raw: str
    """Its answer, untouched."""
    finish_reason: FinishReason
    """"stop" when the model ended by itself, "length" when the cap cut it."""
    model: str
    """Repository or folder name of the model."""
    revision: str
    """Commit, or content hash for a local folder."""
    prompt_version: str
    """Version of the prompt contract."""
    budget: str
    """Pixel and frame budget, spelled out."""


class ChunkTimeFields(Record):
    """A time that a multichunk answer gives within a chunk."""

    chunk: int
    """Number of the chunk, from 1."""
    chunk_start_seconds: float
    """Start as written, from the start of the chunk."""
    chunk_end_seconds: float
    """End as written, from the start of the chunk; the start again for a single time."""
    start_seconds: float | None
    """Start in video time, inside the chunk; null when the chunk time makes no sense."""
    end_seconds: float | None
    """End in video time; null as above."""
    clamped: bool
    """Whether the end was past the end of the chunk."""
    written: list[float] | None
    """Start and end in video time as the model computed them; null where it did not."""
    agrees: bool | None
    """Whether the model computed them correctly; null where it did not."""
    thinking: bool
    """Whether the time comes from the thinking part."""


class MultichunkRecord(PlaceFields):
    """One answer of `prompt --multichunk`: about one group of chunks."""

    type: Literal["multichunk"] = Field(default="multichunk")
    """What the line is."""
    text: str
    """The answer without the thinking part."""
    think: str
    """The thinking part; empty without one."""
    raw: str
    """The answer, untouched."""
    finish_reason: FinishReason
    """"stop" when the model ended by itself, "length" when the cap cut it."""
    chunks: list[list[float]]
    """Start and end of each chunk, in seconds of video time."""
    times: list[ChunkTimeFields]
    """The times in the answer, in its order."""
    unknown_chunks: int
    """Number of times left out because they name a chunk that does not exist."""
    model: str
    """Repository or folder name of the model."""
    revision: str
    """Commit, or content hash for a local folder."""
    prompt_version: str
    """Version of the prompt's wording."""
    budget: str
    """Pixel and frame budget, spelled out."""

    @classmethod
    def of(cls, video: str, window: MultichunkWindow, provenance: dict[str, str]) -> Self:
        """The line of one group."""
        times = [
            ChunkTimeFields(
                chunk=time["chunk"],
                chunk_start_seconds=time["chunk_start"],
                chunk_end_seconds=time["chunk_end"],
                start_seconds=time["span"][0] if time["span"] else None,
                end_seconds=time["span"][1] if time["span"] else None,
                clamped=time["clamped"],
                written=list(time["written"]) if time["written"] else None,
                agrees=time["agrees"],
                thinking=time["thinking"],
            )
            for time in window["times"]
        ]
        return cls(
            type="multichunk",
            video=video,
            start_seconds=window["start"],
            end_seconds=window["end"],
            text=window["text"],
            think=window["think"],
            raw=window["raw"],
            finish_reason=window["finish_reason"],
            chunks=[list(chunk) for chunk in window["chunks"]],
            times=times,
            unknown_chunks=window["unknown_chunks"],
            **provenance,
        )


class PointFields(Record):
    """One place at one moment."""

    time_seconds: float
    """When, in seconds of video time."""
    object: int
    """Which object: points with the same number are of one. Valid within the line; with a `picture`, and of
    `track`, within all lines of the command."""
    x: float
    """Pixels from the left edge of the source's frame."""
    y: float
    """Pixels from its top."""


class PointsRecord(PlaceFields):
    """One window or picture of `point` or `track`."""

    type: Literal["points", "tracks"]
    """"points" of `point`, "tracks" of `track`."""
    picture: int | None = None
    """Number of the picture, from 1, where several were shown together; such lines share `text` and `raw`."""
    width: int
    """Of the source's frame, in pixels."""
    height: int
    """Of the source's frame, in pixels."""
    count: int
    """How many different objects."""
    points: list[PointFields]
    """Where they are, by time."""
    dropped: int
    """Points that were unreadable or outside of the frame."""
    text: str
    """What the model calls them."""
    raw: str
    """Its answer, untouched."""
    finish_reason: FinishReason
    """"stop" when the model ended by itself, "length" when the cap cut it."""

    @classmethod
    def of(cls, result: PointResult, window: WindowPoints) -> Self:
        """One window of a result."""
        shown, places = window.shown, window.places
        place: dict[str, Any] = {"video": window.scene.source, **span_fields(shown.span)}
        if window.picture is not None:
            place["picture"] = window.picture
        return cls(
            type="tracks" if result.trails else "points",
            **place,
            width=shown.width,
            height=shown.height,
            count=places.count,
            points=[
                PointFields(time_seconds=p.time_seconds, object=p.object_id, x=p.x, y=p.y)
                for p in places.points
            ],
            dropped=places.dropped,
            text=places.text,
            raw=places.raw,
            finish_reason=places.finish_reason,
        )
