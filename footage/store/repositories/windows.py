"""Rows of ``windows``: captioned windows, each the single commit of what is derived from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.tracks import CAPTION_TRACK, is_image_track
from footage.core.types import Provenance, Span, Video, WindowRecord
from footage.store import records as layout
from footage.store.keyed_cache import KeyedCache
from footage.store.repositories.files import CACHED_ROWS
from footage.store.repositories.videos import VideoRepository
from footage.store.tables import Row, Tables, Wanted, given
from footage.store.versioned_cache import VersionedCache

if TYPE_CHECKING:
    import pyarrow as pa

_NONE: frozenset[int] = frozenset()
Covered = dict[str, tuple[set[int], float]]
"""By content id: the indexes of its captioned windows, and the seconds they cover, overlaps counted once."""
_NO_COUNTS: dict[Provenance, int] = {}


@dataclass(frozen=True, slots=True)
class _Held:
    """What is kept of the windows of one content."""

    covered: dict[str, tuple[set[int], float]]
    """By track, the indexes of its windows, and the seconds they cover."""
    provenances: dict[str, dict[Provenance, int]]
    """By track, how many windows have each provenance."""
    reused: dict[int, str]
    """Captioned windows that carry over a caption, and from which window."""


class WindowRepository:
    """The captioned windows of an index; got from ``Store.windows``."""

    def __init__(self, tables: Tables, videos: VideoRepository) -> None:
        self._tables = tables
        self._videos = videos
        self._spans: VersionedCache[tuple[dict[str, dict[int, Span]], bool]] = VersionedCache("windows")
        columns = ["start_seconds", "end_seconds", "window_index", "track", "reused_from"]
        self._held: KeyedCache[_Held] = KeyedCache(
            "windows", "content_id", [*columns, *layout.PROVENANCE_COLUMNS], _held
        )
        self._covered_by_track: dict[str, tuple[object, Covered]] = {}
        self._tracks: tuple[object, tuple[str, ...]] | None = None

    def commit(self, records: Iterable[WindowRecord]) -> None:
        """Commit captioned windows, all or none; one with the same content and index is replaced."""
        self._tables.upsert("windows", [layout.window_to_row(record) for record in records])

    def add(self, records: Iterable[WindowRecord]) -> None:
        """Commit captioned windows that the index does not hold, all or none, without looking for them."""
        self._tables.insert("windows", [layout.window_to_row(record) for record in records])

    def remove(self, content_id: str, indexes: Collection[int], *, track: str = CAPTION_TRACK) -> None:
        """Take back windows that are no part of a track's plan any more."""
        ids = [layout.window_id(content_id, index, track) for index in indexes]
        self._tables.delete("windows", {"id": ids})

    def of(self, content_id: str, *, track: str = CAPTION_TRACK) -> list[WindowRecord]:
        """The windows of one track of a video, by index."""
        found = map(layout.window_from_row, self._tables.read("windows", {"content_id": [content_id]}))
        return sorted(
            (record for record in found if record.track == track), key=lambda record: record.window.index
        )

    def some(self, places: Iterable[tuple[str, int]], *, track: str) -> dict[tuple[str, int], WindowRecord]:
        """Windows of a track, by content id and index; those that the index lacks are left out."""
        ids = sorted({layout.window_id(content_id, index, track) for content_id, index in places})
        found = map(layout.window_from_row, self._tables.read("windows", {"id": ids}))
        return {(record.window.content_id, record.window.index): record for record in found}

    def spans(
        self, content_ids: Collection[str] | None = None, *, track: str = CAPTION_TRACK
    ) -> dict[str, dict[int, Span]]:
        """Spans of a track's windows, by content id and index: of all videos, or of the given ones."""
        columns = ["content_id", "window_index", "start_seconds", "end_seconds"]
        spans: dict[str, dict[int, Span]] = {}
        for row in self._read_track(track, given(content_id=content_ids), columns):
            span = Span(row["start_seconds"], row["end_seconds"])
            spans.setdefault(row["content_id"], {})[row["window_index"]] = span
        return spans

    def with_videos(self, content_ids: Sequence[str]) -> dict[str, tuple[Video, dict[int, Span]]]:
        """Some videos with the spans of their captioned windows, by content id, in the order given."""
        videos, spans = self._videos.known(content_ids), self._known_spans(content_ids)
        return {
            content_id: (videos[content_id], spans.get(content_id, {}))
            for content_id in content_ids
            if content_id in videos
        }

    def reused(self, content_ids: Collection[str] | None = None) -> dict[str, dict[int, str]]:
        """Windows that carry over a caption, and from which window, by content id and index.

        Of all videos, or of the given ones.
        """
        held = self._held.get(self._tables)
        wanted = held if content_ids is None else held.keys() & set(content_ids)
        return {content_id: dict(held[content_id].reused) for content_id in wanted if held[content_id].reused}

    def provenances(self, *, track: str = CAPTION_TRACK) -> Counter[Provenance]:
        """The provenances of a track's windows, and how many windows have each; most first."""
        # By object first: thousands of videos share the few that there are, and to hash one takes longer.
        counts: Counter[int] = Counter()
        objects: dict[int, Provenance] = {}
        for held in self._held.get(self._tables).values():
            for provenance, count in held.provenances.get(track, _NO_COUNTS).items():
                counts[id(provenance)] += count
                objects[id(provenance)] = provenance
        found: Counter[Provenance] = Counter()
        for number, count in counts.items():
            found[objects[number]] += count
        return Counter(dict(found.most_common()))

    def notes(self, *, track: str) -> dict[str, int]:
        """What the windows of a track say beside their events, and of how many videos each is true."""
        videos: dict[str, set[str]] = {}
        for row in self._read_track(track, {}, ["content_id", "notes"]):
            for note in row["notes"] or ():
                videos.setdefault(note, set()).add(row["content_id"])
        return {note: len(each) for note, each in sorted(videos.items())}

    def provenance_by_index(self, *, track: str = CAPTION_TRACK) -> dict[str, dict[int, Provenance]]:
        """The provenance of each window of a track, by content id and index."""
        columns = ["content_id", "window_index", *layout.PROVENANCE_COLUMNS]
        found: dict[str, dict[int, Provenance]] = {}
        known: dict[Provenance, Provenance] = {}  # a run has one, its windows are many
        for row in self._read_track(track, {}, columns):
            under = layout.provenance_from_row(row)
            found.setdefault(row["content_id"], {})[row["window_index"]] = known.setdefault(under, under)
        return found

    def covered_seconds(
        self, content_ids: Collection[str], *, track: str = CAPTION_TRACK
    ) -> dict[str, tuple[float, float]]:
        """Of some videos, how many seconds a track's windows cover, and how many seconds there are.

        By content id; overlaps count once, and a video that the index does not know is left out.
        """
        lengths, covered = self._videos.lengths(), self.covered(track=track)
        return {
            content_id: (covered.get(content_id, (_NONE, 0.0))[1], lengths[content_id].footage_seconds)
            for content_id in content_ids
            if content_id in lengths
        }

    def covered(self, *, track: str = CAPTION_TRACK) -> Covered:
        """Which windows of each content a track has, and what they cover; cached until one is written."""
        by_content = self._held.get(self._tables)
        held = self._covered_by_track.get(track)
        if held is None or held[0] is not by_content:
            covered = {
                content_id: each.covered[track]
                for content_id, each in by_content.items()
                if track in each.covered
            }
            held = self._covered_by_track[track] = by_content, covered
        return held[1]

    def tracks(self) -> tuple[str, ...]:
        """The tracks with texts that any window is of, by name; cached until one is written."""
        return tuple(track for track in self._all_tracks() if not is_image_track(track))

    def image_tracks(self) -> tuple[str, ...]:
        """The image tracks that any window is of, by name; cached until one is written."""
        return tuple(filter(is_image_track, self._all_tracks()))

    def owned(self, rows: Sequence[Row]) -> list[int]:
        """The places of derived rows whose windows are all committed; readers ignore the others."""
        if not rows:
            return []
        by_content = self._held.get(self._tables)
        return [
            place
            for place, row in enumerate(rows)
            if (held := by_content.get(row["content_id"]))
            and (covered := held.covered.get(layout.track_of(row)))
            and covered[0].issuperset(row["window_indexes"])
        ]

    def _all_tracks(self) -> tuple[str, ...]:
        by_content = self._held.get(self._tables)
        if self._tracks is None or self._tracks[0] is not by_content:
            tracks = {track for held in by_content.values() for track in held.covered}
            self._tracks = by_content, tuple(sorted(tracks))
        return self._tracks[1]

    def _track_column(self) -> list[str]:
        """The column "track", where the table has it: one of a version before 11 holds captions alone."""
        return ["track"] if self._tables.has_column("windows", "track") else []

    def _read_track(self, track: str, wanted: Wanted, columns: Sequence[str]) -> list[Row]:
        rows = self._tables.read("windows", wanted, columns=[*columns, *self._track_column()])
        return [row for row in rows if layout.track_of(row) == track]

    def _known_spans(self, content_ids: Collection[str]) -> dict[str, dict[int, Span]]:
        """Spans of the windows of some videos at least; cached until a window is written.

        Of a large table, those of the videos that were asked for.
        """
        known, whole = self._spans.get(self._tables, self._read_spans_of_few)
        if not whole and (unknown := set(content_ids) - known.keys()):
            found = self.spans(unknown)
            known.update({content_id: found.get(content_id, {}) for content_id in unknown})
        return known

    def _read_spans_of_few(self) -> tuple[dict[str, dict[int, Span]], bool]:
        """Spans of every window, and whether they are: a large table begins with none."""
        whole = self._tables.count("windows") <= CACHED_ROWS
        return (self.spans() if whole else {}), whole


def _held(rows: pa.Table) -> dict[str, _Held]:
    """What is kept of each content."""
    covered, provenances, reused = _covered(rows), _provenances(rows), _reused(rows)
    return {
        content_id: _Held(each, provenances[content_id], reused.get(content_id, {}))
        for content_id, each in covered.items()
    }


def _covered(rows: pa.Table) -> dict[str, dict[str, tuple[set[int], float]]]:
    """What windows cover, by content and track; no spans are made of the rows, for there may be a million."""
    columns = ["content_id", *_track_in(rows), "start_seconds", "end_seconds", "window_index"]
    rows = rows.select(columns).sort_by([(column, "ascending") for column in columns])
    covered: dict[str, dict[str, tuple[set[int], float]]] = {}
    reached = 0.0
    contents, *tracks, starts, ends, indexes = (column.to_pylist() for column in rows.columns)
    named = tracks[0] if tracks else [CAPTION_TRACK] * len(contents)
    for content_id, track, start, end, index in zip(contents, named, starts, ends, indexes, strict=True):
        track = track or CAPTION_TRACK
        by_track = covered.setdefault(content_id, {})
        if track not in by_track:
            by_track[track], reached = (set(), 0.0), start
        held, seconds = by_track[track]
        held.add(index)
        by_track[track] = (held, seconds + max(0.0, end - max(start, reached)))
        reached = max(reached, end)
    return covered


def _provenances(rows: pa.Table) -> dict[str, dict[str, dict[Provenance, int]]]:
    """How many windows have each provenance, by content and track."""
    columns = ["content_id", *_track_in(rows), *layout.PROVENANCE_COLUMNS]
    counted = rows.group_by(columns, use_threads=False).aggregate([([], "count_all")])
    found: dict[str, dict[str, dict[Provenance, int]]] = {}
    known: dict[Provenance, Provenance] = {}  # thousands of videos share few
    for row in counted.to_pylist():
        provenance = layout.provenance_from_row(row)
        counts = found.setdefault(row["content_id"], {}).setdefault(layout.track_of(row), {})
        provenance = known.setdefault(provenance, provenance)
        counts[provenance] = counts.get(provenance, 0) + row["count_all"]
    return found


def _reused(rows: pa.Table) -> dict[str, dict[int, str]]:
    """Windows that carry over a caption, and from which window, by content and index."""
    import pyarrow.compute as pc

    if "reused_from" not in rows.column_names:  # of a version before 13
        return {}
    found: dict[str, dict[int, str]] = {}
    for row in rows.filter(pc.greater(pc.utf8_length(rows.column("reused_from")), 0)).to_pylist():
        if layout.track_of(row) == CAPTION_TRACK:
            found.setdefault(row["content_id"], {})[row["window_index"]] = row["reused_from"]
    return found


def _track_in(rows: pa.Table) -> list[str]:
    """The column "track", where rows have it: those of a version before 11 are captions."""
    return [name for name in rows.column_names if name == "track"]
