"""Finds events similar to an indexed one, by its stored vector; needs neither an embedder nor a model."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from footage.core.errors import UsageError
from footage.core.names import is_at_end
from footage.core.timecode import format_time, gap_seconds, parse_time
from footage.core.tracks import TRACKS
from footage.core.types import Candidate, Event, Hit, Match, Span
from footage.objects.paths import absolute, real_path
from search.carried_over import with_carried_over
from search.engine import Engine
from search.grounding.evidence import format_span
from search.grounding.matches import text_matches
from search.query.lexical_match import words_of
from search.query.parser import Query
from search.results import SearchResult, Timings
from search.retrieval.retriever import DEPTH

if TYPE_CHECKING:
    from footage.core.corrections import Correction
    from footage.store import Store, VectorRow


class NoEventError(UsageError):
    """The index has no event at a moment."""


T = TypeVar("T", "Event", "VectorRow", "Correction")


def read_moment_in_video(text: str) -> tuple[str, float]:
    """A video, and seconds of video time, from "garden.mp4@1:23.5".

    Raises:
        UsageError: when it is not that.
    """
    video, at, moment = text.rpartition("@")
    if not (video and at):
        raise UsageError(
            f"{text!r} is not a time in a video.", hint="Write VIDEO@TIME, for example garden.mp4@1:23."
        )
    return video, parse_time(moment)


def search_like(store: Store, moment: str, *, embedder: str, limit: int = 5, track: str = "") -> SearchResult:
    """Search for events like the one at "VIDEO@TIME"; errors as ``more_like``."""
    video, seconds = read_moment_in_video(moment)
    began = time.perf_counter()
    text, matches = more_like(store, video, seconds, embedder=embedder, limit=limit, track=track)
    timings = Timings(time.perf_counter() - began, 0.0, 0.0)
    coverage = Engine(store, None).coverage()
    marked = tuple(with_carried_over(matches, store))
    return SearchResult(Query(text, words_of(text), text), marked, coverage, timings)


def more_like(
    store: Store, video: str, seconds: float, *, embedder: str, limit: int = 5, track: str = ""
) -> tuple[str, list[Match]]:
    """The events of a track that are nearest to one of it, in whatever video, best first.

    Args:
        store: The index.
        video: Path of a file, or the end of one, such as its name.
        seconds: A moment of the event, in video time; of several the shortest is taken.
        embedder: Name of the embedder whose vectors to compare.
        limit: Most matches.
        track: The track of the event; when empty, captions or, where they have nothing at that moment,
            another track that has.

    Returns:
        The text of the event that others are like, and the matches, each "not checked", its score the cosine.

    Raises:
        UsageError: when the index holds no such video, several of that name, or no event at that moment.
        SchemaMismatchError: when the index holds no vectors of this embedder.
        StoreError: when the index cannot be read.
    """
    row = _event_at(store, video, seconds, embedder, track)
    found, _ = store.vectors.nearest(
        embedder, row.vector, limit=max(DEPTH, limit) + 1, owner_kinds=["event"], tracks=[row.track]
    )
    by_video: dict[str, list[Hit]] = defaultdict(list)
    for hit in found:
        if hit.owner_id != row.owner_id:
            by_video[hit.content_id].append(replace(hit, similarity=min(max(hit.score, 0.0), 1.0)))
    candidates = [
        Candidate(held, tuple(by_video[content_id]), by_video[content_id][0].score)
        for content_id, (held, _) in store.windows.with_videos(list(by_video)).items()
    ]
    paths = {content_id: store.files.path_of(content_id) for content_id in by_video}
    return row.text, text_matches(candidates, paths=paths, limit=limit)


def _event_at(store: Store, video: str, seconds: float, embedder: str, track: str) -> VectorRow:
    """The indexed event of a video at a moment, with its vector; the shortest of several."""
    content_id = content_of(store, video)
    by_track = {
        name: [
            row
            for row in store.vectors.of(embedder, content_id, track=name).values()
            if row.owner_kind == "event"
        ]
        for name in ([track] if track else TRACKS)
    }
    there = next((rows for rows in by_track.values() if events_at(rows, seconds)), None)
    return at_moment(there or next(filter(None, by_track.values()), []), seconds, video=video)


def events_at(events: Sequence[T], seconds: float) -> list[T]:
    """The events that happen at a moment of their video, in the order given."""
    return [event for event in events if event.span.start_seconds <= seconds < event.span.end_seconds]


def at_moment(events: Sequence[T], seconds: float, *, video: str) -> T:
    """The event at a moment of a video; the shortest of several.

    Raises:
        NoEventError: when there is none.
    """
    if there := events_at(events, seconds):
        return min(there, key=lambda event: (event.span.duration_seconds, event.span, event.text))
    if events:
        nearest = min(events, key=lambda event: (gap_seconds(event.span, Span(seconds, seconds)), event.span))
        hint = f'The nearest is "{nearest.text}" at {format_span(nearest.span)}.'
    else:
        hint = "Index the video first, or check that --embedder is the embedder of the index."
    raise NoEventError(f"The index has no event at {format_time(seconds)} of {video}.", hint=hint)


def content_of(store: Store, video: str) -> str:
    """The content of the file at a path, or of the only one whose path ends so.

    Raises:
        UsageError: when the index knows no such file, or several.
        StoreError: when the index cannot be read.
    """
    ending = f"/{Path(video).as_posix().lstrip('/')}"
    whole = real_path(absolute(video))
    files = [file for file in store.files.all() if file.content_id and file.state != "gone"]
    found = (
        [file for file in files if file.path == whole]
        or [file for file in files if Path(file.path).as_posix().endswith(ending)]
        or [file for file in files if is_at_end(Path(file.path).as_posix(), ending)]
    )
    contents = {file.content_id for file in found}
    if len(contents) > 1:
        raise UsageError(
            f"{len(found)} indexed videos are named {video}.",
            hint=f"Use a longer part of the path, for example {found[0].path}.",
        )
    if not contents:
        raise UsageError(
            f"The index has no video {video}.", hint="To list all indexed videos: `footage status --files`."
        )
    return contents.pop()
