"""Lines of JSON that answer a question: of search, find, ask, prompt, point and track."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.types import Answer, FinishReason, Match, Span, Verdict
from service.schemas.base import Record, span_fields

if TYPE_CHECKING:
    from footage.inference.responses import MultichunkWindow
    from footage.inference.segment_queries import Segment
    from search.query.parser import Query
    from search.results import SearchCoverage, SearchResult
    from service.find import FindResult
    from service.point import PointResult, WindowPoints


class BoxFields(Record):
    """Where in the picture a text is at one time, as shares of its width and height, 0 to 1."""

    at_seconds: float
    """When, in seconds of video time."""
    left: float
    """Distance of its left edge from the left edge of the picture."""
    top: float
    """Distance of its upper edge from the upper edge of the picture."""
    right: float
    """Distance of its right edge from the left edge of the picture."""
    bottom: float
    """Distance of its lower edge from the upper edge of the picture."""
    text: str
    """What is read there at that time, where it differs from the text of the answer."""


class MatchFields(Record):
    """One answer about one event."""

    video: str
    """A file that holds it."""
    content_id: str
    """The video in that file, by its bytes."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    verdict: Verdict
    """What the evidence says; "not checked" where the model did not look."""
    confidence: float | None
    """How sure the evidence makes, 0 to 1; null where the model was not asked."""
    calibrated: bool
    """Whether the confidence was fitted on labelled answers of this model."""
    grounded: bool
    """Whether the model was asked about this very window and the span is its answer."""
    offline: bool
    """Whether none of the files that hold it can be reached now."""
    score: float
    """How near the indexed text comes to the query, 0 to 1."""
    text: str
    """The indexed text that led there; of the track "speech", "subtitles" or "screen-text" the words
    themselves."""
    track: str
    """The track that answers: "caption" for what is seen, "speech", "subtitles", "screen-text"."""
    marks: list[tuple[int, int]]
    """Where in ``text`` the wanted words are: first character and the one after the last."""
    language: str
    """Language of the text; empty while unknown."""
    boxes: list[BoxFields]
    """Where the text is in the picture, by time; of "screen-text" alone."""
    raw: str
    """The model's answer, untouched; empty without grounding."""
    evidence: list[str]
    """Why the verdict is what it is, a sentence each."""
    measures: dict[str, float]
    """The evidence in numbers, by name."""


def match_fields(match: Match) -> dict[str, Any]:
    """An answer about one event, as the fields of ``MatchFields``."""
    return {
        "video": match.path,
        "content_id": match.video.content_id,
        **span_fields(match.span),
        "verdict": match.verdict,
        "confidence": match.confidence,
        "calibrated": match.calibrated,
        "grounded": match.grounded,
        "offline": match.offline,
        "score": round(match.score, 6),
        "text": match.text,
        "track": match.track,
        "marks": list(match.marks),
        "language": match.language,
        "boxes": [BoxFields(**asdict(box)) for box in match.boxes],
        "raw": match.raw,
        "evidence": list(match.evidence),
        "measures": dict(match.measures),
    }


class MatchRecord(MatchFields):
    """One answer of `search` or `find`."""

    type: Literal["match"] = Field(default="match")
    """What the line is."""
    rank: int
    """Place among the answers, from 1."""
    others: int = 0
    """How many more answers are in its group; of `search` only."""


class PartFields(MatchFields):
    """The answer to one of several events."""

    query: str
    """What was looked for."""


class CombinedMatchRecord(Record):
    """One answer of `search` to a query that combines several events."""

    type: Literal["match"] = Field(default="match")
    """What the line is."""
    rank: int
    """Place among the answers, from 1."""
    others: int
    """How many more answers are in its group."""
    video: str
    """A file that holds it."""
    content_id: str
    """The video in that file, by its bytes."""
    start_seconds: float
    """When it begins: the first start of its parts, in seconds of video time."""
    end_seconds: float
    """When it ends: the last end of its parts; with WITHOUT those of the first part."""
    verdict: Verdict
    """"found" where every part is."""
    confidence: float | None
    """That of the least sure part; null where the model was not asked about one."""
    grounded: bool
    """Whether the model was asked about every part."""
    offline: bool
    """Whether none of the files that hold it can be reached now."""
    score: float
    """That of the weakest part."""
    text: str
    """The indexed texts that led there."""
    relation: str
    """How the parts are related: "then", "and" or "without"."""
    parts: list[PartFields]
    """The answer to each part, in the order of the query; with WITHOUT to the first alone."""
    evidence: list[str]
    """Why the verdict is what it is, beside the evidence of the parts."""


def answer_record(query: Query, match: Match, *, rank: int, others: int) -> MatchRecord | CombinedMatchRecord:
    """One answer of a search as a line."""
    if not match.parts:
        return MatchRecord(type="match", rank=rank, others=others, **match_fields(match))
    return CombinedMatchRecord(
        type="match",
        rank=rank,
        others=others,
        video=match.path,
        content_id=match.video.content_id,
        **span_fields(match.span),
        verdict=match.verdict,
        confidence=match.confidence,
        grounded=match.grounded,
        offline=match.offline,
        score=round(match.score, 6),
        text=match.text,
        relation=query.relation,
        parts=[
            PartFields(query=part.text, **match_fields(answer))
            for part, answer in zip(query.parts, match.parts, strict=False)
        ],
        evidence=list(match.evidence),
    )


class NotChecked(Record):
    """A video that could not be checked because of an unexpected error."""

    video: str
    """The file."""
    reason: str
    """Why, one sentence."""


class SearchedTrackFields(Record):
    """What was searched of one track."""

    videos: int
    """Videos with windows of it."""
    seconds: float
    """Footage seconds that these cover."""


class CoverageFields(Record):
    """What was searched."""

    videos: int
    """Videos with captioned windows."""
    seconds_indexed: float
    """Footage seconds that captioned windows cover."""
    seconds_total: float
    """Footage seconds of all videos that the index knows."""
    files_failed: int
    """Files that could not be indexed, wholly or in part."""
    model: str
    """What captioned them; empty for an index without captions."""
    tracks: dict[str, SearchedTrackFields]
    """What was searched of each track that the index has, captions included, by name of the track."""


def coverage_fields(coverage: SearchCoverage) -> dict[str, Any]:
    """What was searched, as the fields of ``CoverageFields``."""
    return {
        "videos": coverage.videos,
        "seconds_indexed": round(coverage.seconds_indexed, 3),
        "seconds_total": round(coverage.seconds_total, 3),
        "files_failed": coverage.files_failed,
        "model": coverage.model,
        "tracks": {
            name: SearchedTrackFields(videos=each.videos, seconds=round(each.seconds, 3))
            for name, each in coverage.tracks.items()
        },
    }


class SearchRecord(CoverageFields):
    """The last line of `search`: the answer as a whole, and what it rests on."""

    type: Literal["coverage"] = Field(default="coverage")
    """What the line is."""
    query: str
    """What was looked for, as it was read."""
    understood: list[str]
    """What was read as filters and operators, as typed."""
    as_words: list[str]
    """What looks like a filter and was searched as words."""
    did_you_mean: dict[str, str]
    """Filters that those may have been meant to be."""
    notes: list[str]
    """What of the query can match nothing, a sentence each."""
    outcome: str
    """"found", "uncertain", "not checked", "not found", "no caption matches", or "not indexed" where the
    index holds nothing of the tracks that were asked for."""
    windows_looked_at: int
    """Windows that the model was shown."""
    seconds_looked_at: float
    """Footage seconds of those, overlaps counted once."""
    windows_left_out: int
    """Windows that it was to look at and did not."""
    not_checked: list[NotChecked]
    """Videos that could not be checked."""
    retrieve_seconds: float
    """Embedding the query and searching the index took so long."""
    load_seconds: float
    """Loading the model took so long."""
    ground_seconds: float
    """Decoding windows and asking the model took so long."""

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """The answer as a whole."""
        from search.query.parser import did_you_mean

        query, looked, timings = result.query, result.looked, result.timings
        return cls(
            type="coverage",
            query=query.text,
            understood=list(query.understood),
            as_words=list(query.unread),
            did_you_mean={term: meant for term in query.unread if (meant := did_you_mean(term))},
            notes=list(result.notes),
            **coverage_fields(result.coverage),
            outcome=result.outcome,
            windows_looked_at=looked.windows,
            seconds_looked_at=looked.seconds,
            windows_left_out=looked.unseen,
            not_checked=[NotChecked(video=path, reason=why) for path, why in looked.faults.items()],
            retrieve_seconds=round(timings.retrieve_seconds, 3),
            load_seconds=round(timings.load_seconds, 3),
            ground_seconds=round(timings.ground_seconds, 3),
        )


class FindRecord(Record):
    """The last line of `find`: the answer as a whole, and what it rests on."""

    type: Literal["coverage"] = Field(default="coverage")
    """What the line is."""
    query: str
    """What was looked for, as it was read."""
    answers: int
    """Answers in all, listed or not."""
    outcome: Verdict
    """The best verdict of any answer."""
    seconds_total: float
    """Footage seconds of the whole video."""
    windows_looked_at: int
    """Windows that the model was shown."""
    seconds_looked_at: float
    """Footage seconds of those, overlaps counted once."""
    windows_left_out: int
    """Windows that could not be decoded."""

    @classmethod
    def of(cls, result: FindResult) -> Self:
        """The answer as a whole."""
        return cls(
            type="coverage",
            query=result.query,
            answers=len(result.matches),
            outcome=result.outcome,
            seconds_total=round(result.seconds_total, 3),
            windows_looked_at=result.looked.windows,
            seconds_looked_at=result.looked.seconds,
            windows_left_out=result.looked.unseen,
        )


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
        from footage.vlm.contract import read_text

        return cls(
            type="answer",
            about=[PlaceFields(video=scene.source, **span_fields(span)) for scene, span in shown],
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
