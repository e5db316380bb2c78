"""Lines of JSON that answer a query: of search and find."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.types import Match, Verdict
from service.schemas.base import Record, span_fields

if TYPE_CHECKING:
    from search.query.parser import Query
    from search.results import SearchCoverage, SearchResult
    from service.find import FindResult


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
    """The track that answers: "caption" for what is seen, "image" for what looks like a picture, "speech",
    "subtitles", "screen-text"."""
    marks: list[tuple[int, int]]
    """Where in ``text`` the wanted words are: first character and the one after the last."""
    language: str
    """Language of the text; empty while unknown."""
    boxes: list[BoxFields]
    """Where the text is in the picture, by time; of "screen-text" alone."""
    carried_over_from: str
    """Where the caption was carried over from, because the picture is the same: a time such as "0:30.0", of
    another video with its file; empty for a caption of its own."""
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
        "carried_over_from": match.carried_over_from,
        "raw": match.raw,
        "evidence": list(match.evidence),
        "measures": dict(match.measures),
    }


class SimilarFields(Record):
    """An answer that is listed under another one because it shows the same scene."""

    video: str
    """A file that holds it."""
    content_id: str
    """The video in that file, by its bytes."""
    start_seconds: float
    """When it begins, in seconds of video time."""
    end_seconds: float
    """When it ends."""
    verdict: Verdict
    """What the evidence says."""
    confidence: float | None
    """How sure the evidence makes, 0 to 1; null where the model was not asked."""
    score: float
    """How near the indexed text comes to the query, 0 to 1."""
    text: str
    """The indexed text that led there."""


def similar_fields(match: Match) -> dict[str, Any]:
    """The answers that are listed under one, as the field ``similar``; no field where there are none."""
    listed = [
        SimilarFields(
            video=each.path,
            content_id=each.video.content_id,
            **span_fields(each.span),
            verdict=each.verdict,
            confidence=each.confidence,
            score=round(each.score, 6),
            text=each.text,
        )
        for each in match.similar
    ]
    return {"similar": listed} if listed else {}


class MatchRecord(MatchFields):
    """One answer of `search` or `find`."""

    type: Literal["match"] = Field(default="match")
    """What the line is."""
    rank: int
    """Place among the answers, from 1."""
    others: int = 0
    """How many more answers are in its group; of `search` only."""
    similar: list[SimilarFields] = Field(default=[])
    """These answers, with `--group scene`."""


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
    similar: list[SimilarFields] = Field(default=[])
    """The other answers of its group, with `--group scene`."""


def answer_record(query: Query, match: Match, *, rank: int, others: int) -> MatchRecord | CombinedMatchRecord:
    """One answer of a search as a line."""
    if not match.parts:
        return MatchRecord(
            type="match", rank=rank, others=others, **match_fields(match), **similar_fields(match)
        )
    return CombinedMatchRecord(
        type="match",
        rank=rank,
        others=others,
        video=match.path,
        content_id=match.video.content_id,
        start_seconds=match.span.start_seconds,
        end_seconds=match.span.end_seconds,
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
        **similar_fields(match),
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
    """What was looked for, as it was read; empty for a picture alone."""
    picture: str
    """Name of the picture that was searched for; empty for words alone."""
    understood: list[str]
    """What was read as filters and operators, as typed."""
    as_words: list[str]
    """What looks like a filter and was searched as words."""
    did_you_mean: dict[str, str]
    """Filters that those were probably meant to be, by term."""
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
        from search.query.suggestions import suggestions

        query, looked, timings = result.query, result.looked, result.timings
        return cls(
            type="coverage",
            query=query.text,
            picture=result.picture,
            understood=list(query.understood),
            as_words=list(query.unread),
            did_you_mean={each.term: each.better for each in suggestions(query)},
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
