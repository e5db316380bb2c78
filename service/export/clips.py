"""The moments that are exported, and what led to them; reads and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from footage.core.types import CaptionEvent, Match, Provenance, Span, Verdict, Video


@dataclass(frozen=True, slots=True)
class Clip:
    """A moment of a video that is to be exported."""

    path: str
    """The file it is taken from."""
    video: Video
    """The video in it, as it was indexed."""
    span: Span
    """What is wanted, in video time; what is written begins and ends with a frame (see ``Cut``)."""
    title: str
    """What it is called where people read it."""
    query: str = ""
    """What was looked for; empty where nothing was."""
    text: str = ""
    """The indexed text that led there."""
    verdict: Verdict = "uncertain"
    """What the evidence says."""
    confidence: float | None = None
    """How sure the evidence makes, 0 to 1; None where the model was not asked."""
    score: float = 0.0
    """How near the indexed text comes to the query, 0 to 1."""
    grounded: bool = False
    """True when the model was asked about this very moment."""
    recorded_at: str = ""
    """Wall-clock time of the video's first frame, ISO 8601, where known."""
    timecode: str = ""
    """Timecode of the video's first frame, where the container's is not to count."""
    captioned_by: Provenance | None = None
    """Under what the indexed text was made, as far as known."""
    carried_over_from: str = ""
    """Where the indexed text was carried over from, as ``Match.carried_over_from``."""
    grounded_by: Provenance | None = None
    """Under what the model was asked, as far as known."""
    spoken: tuple[CaptionEvent, ...] = ()
    """What is said in the video at the time of the clip, for subtitles; empty unless they are wanted."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Where moments come from, beside what a match says itself."""

    captioned: Mapping[str, Mapping[int, Provenance]]
    """The provenance of each window, by content id and index (``WindowRepository.provenance_by_index``)."""
    recorded_at: Mapping[str, str]
    """Wall-clock time of the first frame, by path."""
    grounded_by: Provenance | None = None
    """The model that was asked; None where none was."""


def clips_of(matches: Sequence[Match], *, query: str, origins: Origins) -> list[Clip]:
    """The moments that a search found; one of several events lasts from the first start to the last end."""
    return [_clip_of(match, query, origins) for match in matches]


def widened(clip: Clip, before_seconds: float, after_seconds: float) -> Clip:
    """A clip with handles, as far as its video goes."""
    end = max(clip.span.end_seconds, clip.video.duration_seconds)
    span = Span(
        max(0.0, clip.span.start_seconds - before_seconds), min(end, clip.span.end_seconds + after_seconds)
    )
    return replace(clip, span=span)


def captioned_by(content_id: str, window: int | None, origins: Origins) -> Provenance | None:
    """Under what a video was captioned, or the window where its windows differ; None where that is open."""
    under = origins.captioned.get(content_id, {})
    if len(set(under.values())) == 1:
        return next(iter(under.values()))
    return None if window is None else under.get(window)


def _clip_of(match: Match, query: str, origins: Origins) -> Clip:
    parts = match.parts or (match,)
    window = parts[0].window.index if len(parts) == 1 and parts[0].window else None
    content_id = match.video.content_id
    return Clip(
        path=match.path,
        video=match.video,
        span=match.span,
        title=match.text or query,
        query=query,
        text=match.text,
        verdict=match.verdict,
        confidence=match.confidence,
        score=match.score,
        grounded=match.grounded,
        recorded_at=origins.recorded_at.get(match.path, ""),
        captioned_by=captioned_by(content_id, window, origins),
        carried_over_from=next((part.carried_over_from for part in parts if part.carried_over_from), ""),
        grounded_by=origins.grounded_by if match.grounded else None,
    )
