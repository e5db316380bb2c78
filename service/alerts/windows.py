"""Which windows of an index an alert has still to examine; asks no query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from footage.core.types import Span

if TYPE_CHECKING:
    from footage.core.types import File
    from footage.store import Store
    from search.query.filters import Filters

Windows = dict[tuple[str, str], set[int]]
"""Indexes of windows by content id and track."""
VIDEOS_AT_ONCE = 16
"""Videos whose windows are examined together, and are marked as examined together."""


def committed(store: Store) -> Windows:
    """Every window of an index.

    Raises:
        StoreError: the index cannot be read.
    """
    return {
        (content_id, track): indexes
        for track in (*store.windows.tracks(), *store.windows.image_tracks())
        for content_id, (indexes, _) in store.windows.covered(track=track).items()
    }


def searchable(store: Store, embedder: str) -> Windows:
    """The windows of an index whose texts and vectors can be searched: those are made a little later.

    Raises:
        StoreError: the index cannot be read.
    """
    found: Windows = {}
    for track in store.windows.tracks():
        covered = store.windows.covered(track=track)
        for content_id, projected in store.vectors.projected(embedder, track=track).items():
            if content_id in covered:
                found[content_id, track] = covered[content_id][0] & set(projected)
    for track in store.windows.image_tracks():
        for content_id, (indexes, _) in store.windows.covered(track=track).items():
            found[content_id, track] = set(indexes)
    return found


def unexamined(
    windows: Windows, examined: Mapping[tuple[str, str], set[int]], aliases: Mapping[str, str]
) -> Windows:
    """The windows that an alert has not examined.

    Args:
        windows: Those of the index.
        examined: Those that it has examined, by the earliest content id.
        aliases: The earliest id of each content that continues another.
    """
    left = {
        (content_id, track): indexes - examined.get((aliases.get(content_id, content_id), track), set())
        for (content_id, track), indexes in windows.items()
    }
    return {place: indexes for place, indexes in left.items() if indexes}


def by_key(windows: Windows, aliases: Mapping[str, str]) -> Windows:
    """Windows by the earliest content id in place of the present one."""
    found: Windows = defaultdict(set)
    for (content_id, track), indexes in windows.items():
        found[aliases.get(content_id, content_id), track] |= indexes
    return dict(found)


def batches(windows: Windows) -> Iterable[Windows]:
    """Windows a few videos at a time, by content id."""
    content_ids = sorted({content_id for content_id, _ in windows})
    for first in range(0, len(content_ids), VIDEOS_AT_ONCE):
        some = set(content_ids[first : first + VIDEOS_AT_ONCE])
        yield {place: indexes for place, indexes in windows.items() if place[0] in some}


def spans_of(store: Store, windows: Windows) -> dict[str, dict[str, dict[int, Span]]]:
    """The spans of windows, by content id, track and index.

    Raises:
        StoreError: the index cannot be read.
    """
    found: dict[str, dict[str, dict[int, Span]]] = {}
    for track in sorted({track for _, track in windows}):
        contents = sorted({content_id for content_id, each in windows if each == track})
        for content_id, spans in store.windows.spans(contents, track=track).items():
            wanted = windows[content_id, track]
            kept = {index: span for index, span in spans.items() if index in wanted}
            found.setdefault(content_id, {})[track] = kept
    return found


def waits_for_clock(filters: Filters, files: Iterable[File]) -> bool:
    """Whether windows cannot be judged yet, as the time of recording that a filter asks for is still read."""
    if filters.after is None and filters.before is None and filters.hours is None:
        return False
    here = list(files)
    return any(file.state in ("new", "waiting") for file in here) and not any(
        file.recorded_at for file in here
    )
