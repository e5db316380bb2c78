"""Which videos a search goes over, and how far the index covers them, track by track."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from footage.core.tracks import TRACKS, image_track
from search.query.filters import NO_FILTERS, Filters, fitting, unknown_names
from search.query.parser import Query
from search.results import SearchCoverage, TrackCoverage

if TYPE_CHECKING:
    from footage.store import Store

_KEPT_FILTERS = 16


class Scope:
    """The videos of one index."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fitting: tuple[object, dict[Filters, tuple[frozenset[str], tuple[str, ...]]]] = (None, {})

    def holding(self, tracks: Collection[str], content_ids: Collection[str] | None) -> set[str]:
        """The videos that have any of some tracks, of all that a file holds or of some."""
        known = self.known(content_ids)
        return {
            content_id
            for track in tracks
            for content_id in self._store.windows.covered(track=track)
            if content_id in known
        }

    def known(self, content_ids: Collection[str] | None) -> frozenset[str]:
        """The videos that are searched: of all that a file holds, or of some."""
        if content_ids is not None:
            return frozenset(content_ids)
        files = self._store.files.all()
        return frozenset(file.content_id for file in files if file.content_id and file.state != "gone")

    def chosen(
        self, query: Query, content_ids: Collection[str] | None
    ) -> tuple[Collection[str] | None, tuple[str, ...]]:
        """The videos that the filters leave, all when None, and what of the filters can match nothing."""
        if query.filters == NO_FILTERS:
            return content_ids, ()
        chosen, unknown = self._chosen(query.filters)
        return chosen if content_ids is None else chosen & set(content_ids), unknown

    def _chosen(self, filters: Filters) -> tuple[frozenset[str], tuple[str, ...]]:
        """What ``chosen`` gives for filters alone; the same objects until a file is written."""
        files = self._store.files.by_path()
        if self._fitting[0] is not files:
            self._fitting = files, {}
        known = self._fitting[1]
        if filters not in known or filters.models:  # which models captioned a video is said elsewhere
            if len(known) == _KEPT_FILTERS:
                known.clear()
            known[filters] = fitting(filters, self._store), unknown_names(filters, files.values())
        return known[filters]

    def coverage(self, content_ids: Collection[str] | None = None) -> SearchCoverage:
        """What a search of these videos looks at now; of all when None.

        Raises:
            StoreError: when the index cannot be read.
        """
        status = self._store.status()
        tracks = {
            track: self._track_coverage(track, content_ids) for track in TRACKS if track in status.tracks
        }
        if content_ids is not None:
            covered = self._store.windows.covered_seconds(sorted(content_ids)).values()
            return SearchCoverage(
                videos=sum(indexed > 0 for indexed, _ in covered),
                seconds_indexed=sum(indexed for indexed, _ in covered),
                seconds_total=sum(length for _, length in covered),
                files_failed=len(status.failures),
                model=status.model.model if status.model else "",
                tracks=tracks,
            )
        return SearchCoverage(
            videos=status.videos,
            seconds_indexed=status.seconds_indexed,
            seconds_total=status.seconds_total,
            files_failed=len(status.failures),
            model=status.model.model if status.model else "",
            tracks=tracks,
        )

    def pictures(self, embedder: str, content_ids: Collection[str] | None = None) -> SearchCoverage:
        """What a search of the image vectors of an embedder looks at, as ``coverage``; no other track."""
        known, track = self.known(content_ids), image_track(embedder)
        covered = self._store.windows.covered(track=track)
        seconds = [covered[content_id][1] for content_id in known if content_id in covered]
        tracks = {track: TrackCoverage(len(seconds), sum(seconds))} if covered else {}
        return replace(self.coverage(content_ids), videos=0, seconds_indexed=0.0, model="", tracks=tracks)

    def _track_coverage(self, track: str, content_ids: Collection[str] | None) -> TrackCoverage:
        """What of a track is searched, in all videos or in some."""
        if content_ids is None:
            held = self._store.status().tracks[track]
            return TrackCoverage(held.videos, held.seconds)
        covered = self._store.windows.covered(track=track)
        seconds = [covered[content_id][1] for content_id in content_ids if content_id in covered]
        return TrackCoverage(len(seconds), sum(seconds))
