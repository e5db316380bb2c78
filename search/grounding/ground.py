"""Grounds a query: asks a model when it takes place, in candidates of an index or in one file.

It knows neither how the candidates were found nor how frames are decoded. The rounds of asking are in
``search.grounding.rounds``, the evidence in ``search.grounding.evidence``, the matches in
``search.grounding.matches``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

from footage.core.errors import DecodeError, UsageError
from footage.core.timecode import clamp
from footage.core.types import Candidate, Hit, Match, Span, Video
from footage.core.windows import runs
from footage.media import sandbox
from footage.vlm.protocol import VideoModel
from search.grounding.evidence import format_span
from search.grounding.matches import text_matches
from search.grounding.options import DEFAULT, MAX_WINDOWS, GroundingOptions
from search.grounding.pictures import VideoPictures
from search.grounding.proposals import planned_windows
from search.grounding.rounds import GroundingSearch
from search.grounding.verdict import MATCHES_PER_VIDEO
from search.grounding.window_queries import EventFinder, Reply
from search.query.parser import Query, parse_query

__all__ = [
    "DEFAULT",
    "MAX_WINDOWS",
    "Grounded",
    "GroundingOptions",
    "find_in_file",
    "find_in_video",
    "ground",
    "planned_windows",
    "text_matches",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grounded:
    """The result of asking the model about some candidates."""

    matches: list[Match]
    """Best first (see ``search.grounding.verdict.rank``)."""
    replies: list[Reply]
    """All replies, by video."""
    faults: Mapping[str, str]
    """Videos that could not be checked because of an unexpected error: the reason, one sentence, by path."""


def ground(
    query: Query,
    candidates: Sequence[Candidate],
    *,
    paths: Mapping[str, str],
    captions: Mapping[str, Sequence[Hit] | None] | None,
    asker: EventFinder,
    looking: GroundingOptions,
    pictures: Mapping[str, VideoPictures] | None = None,
    limit: int = 5,
    per_video: int = MATCHES_PER_VIDEO,
    on_progress: Callable[[int, int], None] | None = None,
    on_matches: Callable[[list[Match]], None] | None = None,
) -> Grounded:
    """Ask the model when the query takes place in the candidates.

    Candidates whose file is gone or cannot be decoded, and windows beyond what the options allow, keep the
    match of the index, ungrounded and with the reason as evidence.

    Args:
        query: What to look for.
        candidates: Where to look, best first.
        paths: A file that holds each candidate, by content id; empty where there is none.
        captions: Captioned events by content id, with their cosine to the query; None to do without, of all
            videos or of one.
        asker: Asks the model.
        looking: How far to go in asking.
        pictures: What pictures say to the query, by content id; None without image vectors.
        limit: Most matches.
        per_video: Most matches of one video that are not found.
        on_progress: Called with (windows done, windows in all); the second number grows with what is found.
        on_matches: Called with the matches so far after every batch of windows.

    Returns:
        The matches; a video in which something unexpected failed is among the ``faults``.

    Raises:
        UsageError: when nothing of the query can go into a prompt.
        StoreError: when answers cannot be read from the index.
        ModelError: when the model fails.
    """
    search = GroundingSearch(
        query,
        candidates,
        paths=paths,
        captions=captions,
        finder=asker,
        options=looking,
        pictures=pictures,
        limit=limit,
        per_video=per_video,
    )
    matches, replies = search.run(on_progress, on_matches)
    return Grounded(matches, replies, {state.path: state.fault for state in search.states if state.fault})


def find_in_file(
    path: str | PathLike[str],
    text: str,
    *,
    model: VideoModel,
    looking: GroundingOptions = DEFAULT,
    span: Span | None = None,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> Grounded:
    """Ask the model about every window of one file, without an index.

    Without captions, only ``calibration.uncaptioned`` of the options counts.

    Args:
        path: The file.
        text: What to look for.
        model: The grounding model.
        looking: Lengths of windows, calibration and thresholds; the model is asked about all windows.
        span: Look only here, in video time; everywhere when None.
        timeout_seconds: Give up on decoding after this long without progress.
        on_progress: Called with (windows done, windows in all).

    Returns:
        The matches, one for each span the model named, and the replies; never with ``faults``.

    Raises:
        UsageError: when the query is no query, or the span lies outside the video.
        VideoError: when the file cannot be read, or none of its windows can.
        ModelError: when the model fails.
    """
    query = parse_query(text, plain=True)
    video = sandbox.probe(path, timeout_seconds=timeout_seconds)
    whole = Span(0, video.duration_seconds)
    segment = whole if span is None else clamp(span, whole)
    if segment is None or segment.duration_seconds == 0:
        raise UsageError(
            f"There is no video at {format_span(span or whole)}: {path} lasts {video.duration_seconds:.1f} s."
        )
    if not runs(segment, video.gaps):
        raise UsageError(
            f"{path} has no frames at {format_span(segment)}.", hint="Choose another part of the video."
        )
    finder = EventFinder(model, timeout_seconds=timeout_seconds)
    return find_in_video(
        video, path, query, finder=finder, looking=looking, segment=segment, on_progress=on_progress
    )


def find_in_video(
    video: Video,
    path: str | PathLike[str],
    query: Query,
    *,
    finder: EventFinder,
    looking: GroundingOptions = DEFAULT,
    segment: Span | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Grounded:
    """As ``find_in_file``, of a probed file, with a finder that may have asked about some windows already.

    Args:
        video: The probe of the file; its content id is empty.
        path: The file.
        query: What to look for.
        finder: Asks the model.
        looking: As of ``find_in_file``.
        segment: Look only here, in video time; everywhere when None.
        on_progress: As of ``find_in_file``.

    Raises:
        UsageError: when nothing of the query can go into a prompt.
        VideoError: when none of the windows can be decoded.
        ModelError: when the model fails.
    """
    search = GroundingSearch(
        query,
        [Candidate(video, (), 0.0)],
        paths={video.content_id: str(path)},
        captions=None,
        finder=finder,
        options=looking,
        segment=segment or Span(0, video.duration_seconds),
    )
    matches, replies = search.run(on_progress, None)
    if search.states[0].fault:
        raise DecodeError(f"{path}: {search.states[0].fault}", hint="Run it with --debug, and report it.")
    failed = [reply for reply in replies if reply.problem]
    if len(failed) == len(replies):
        raise DecodeError(failed[0].problem)
    for reply in failed:
        logger.warning("%s was not looked at: %s", format_span(reply.seen), reply.problem)
    return Grounded(matches, replies, {})
