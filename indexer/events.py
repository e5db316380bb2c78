"""Derives events, texts and vectors from committed windows, idempotently; knows neither files nor models.

Corrections (see ``footage.core.corrections``) are applied here, in the one step that every way to events
includes: indexing, catching up after a killed run, embedding anew, correcting.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from footage.core import corrections
from footage.core.timeline import Likeness, merge_events
from footage.core.track_projection import Merge, track_events
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Event, WindowRecord
from footage.embed.protocol import TextEmbedder
from footage.store import Store, TextRow, VectorRow
from footage.store.records import track_key

if TYPE_CHECKING:
    import numpy as np

WINDOWS_AT_ONCE, SECONDS_AT_ONCE = 256, 30.0
"""A projection looks through whole tables for the rows it replaces; so many windows share the cost, or as
many as come in so much time.
"""


class Projector:
    """Keeps the events of one track, and their vectors of one embedder, in step with its windows.

    A video that is being captioned is projected from time to time, and at its end: what its windows hold is
    safe before that, and found a little later. Leaving a ``with`` block projects what lags. Remembers the
    windows, texts and vectors of the videos it is working on, so that a video that grows by a few windows
    costs a few embeddings, until it is through.
    """

    def __init__(
        self, store: Store, embedder: TextEmbedder, *, track: str = CAPTION_TRACK, merge: Merge | None = None
    ) -> None:
        """Take an index that is locked for writing.

        Args:
            store: The index.
            embedder: Embeds the texts.
            track: The track.
            merge: Joins what windows cut in two, for another track than captions: called with a content id,
                the events of all windows, ascending, and the windows' spans.
        """
        self._store = store
        self._embedder = embedder
        self._track = track
        self._merge = merge
        self._merges = store.embedders.timeline() in ("", embedder.name)
        self._lines: dict[str, dict[str, np.ndarray]] = {}
        self._records: dict[str, dict[int, WindowRecord]] = {}
        self._projected_at = time.monotonic()
        self._lag: Counter[str] = Counter()
        self._texts: dict[str, tuple[TextRow, ...]] = {}
        self._vectors: dict[str, dict[str, VectorRow]] = {}
        self._unmarked: set[str] = set()

    def begin(self, content_id: str) -> None:
        """Note that the index holds nothing of a video yet, so that nothing is looked up."""
        self._records[content_id], self._texts[content_id], self._vectors[content_id] = {}, (), {}

    def replacing(self, content_id: str) -> None:
        """Note that committed windows of a video are about to be replaced.

        Until it is projected anew it counts as behind, also for a later run if this one is killed.
        """
        if content_id in self._unmarked:
            return
        self._unmarked.add(content_id)
        owner_id = track_key(content_id, self._track)
        self._store.texts.remove_whole(owner_id)
        self._store.vectors.remove(self._embedder.name, {owner_id})
        self._texts.pop(content_id, None)
        self._vectors.pop(content_id, None)

    def drop(self, content_id: str, indexes: Collection[int]) -> None:
        """Note that windows of a video were taken back."""
        for index in indexes:
            self._windows(content_id).pop(index, None)
        self._lag[content_id] += len(indexes)

    def add(self, content_id: str, fresh: Sequence[WindowRecord]) -> None:
        """Note windows of a video that were just committed, and project the video if there are enough."""
        self._windows(content_id).update((record.window.index, record) for record in fresh)
        self._lag[content_id] += len(fresh)
        late = time.monotonic() - self._projected_at > SECONDS_AT_ONCE
        if late or self._lag[content_id] >= WINDOWS_AT_ONCE:
            self.project(content_id)

    def __enter__(self) -> Projector:
        return self

    def __exit__(self, *error: object) -> None:
        """Project every video with noted windows that are not projected yet."""
        for content_id in [content_id for content_id, lag in self._lag.items() if lag]:
            self.project(content_id)

    def finish(self, content_id: str) -> None:
        """Project the rest of a finished video, and forget its noted windows."""
        if self._lag[content_id]:
            self.project(content_id)
        self._forget(content_id)

    def project(self, content_id: str) -> int:
        """Project a video anew.

        Returns:
            How many vectors were written.
        """
        # 1. All windows: those remembered, else those in the index.
        records = self._windows(content_id)
        self._lag[content_id] = 0
        self._unmarked.discard(content_id)
        self._projected_at = time.monotonic()

        # 2. Events and texts. Another embedder than the timeline's takes those of captions as they are.
        if self._merges or self._track != CAPTION_TRACK:
            ordered = [records[index] for index in sorted(records)]
            events = self._events(content_id, ordered)
            before = self._texts.get(content_id)
            texts = self._store.texts.put(content_id, events, records=ordered, held=before, track=self._track)
        else:
            texts = tuple(self._store.texts.of(content_id, track=self._track))
        self._texts[content_id] = texts

        # 3. Vectors: what vanished goes first, and the row of the whole video, which says how far the
        #    projection has come, is written together with all that is new.
        name = self._embedder.name
        if content_id not in self._vectors:
            self._vectors[content_id] = self._store.vectors.of(name, content_id, track=self._track)
        held = self._vectors[content_id]
        rows = self._embed(texts, held)
        vanished = held.keys() - {row.owner_id for row in rows}
        changed = [row for row in rows if held.get(row.owner_id) is not row]
        self._store.vectors.remove(name, vanished)
        self._store.vectors.put(name, changed, new=not held)
        self._vectors[content_id] = {row.owner_id: row for row in rows}
        return len(changed)

    def _events(self, content_id: str, records: Sequence[WindowRecord]) -> tuple[Event, ...]:
        """The events of a video, given its windows by index; corrections are applied to those of captions."""
        if self._track != CAPTION_TRACK:
            assert self._merge is not None
            return track_events(content_id, records, track=self._track, merge=self._merge)
        merged = merge_events(content_id, records, likeness=self._likeness(content_id, records))
        said = self._store.annotations.corrections.all([content_id])
        windows = {record.window.index: record.window.span for record in records}
        return corrections.apply(content_id, merged, said, windows=windows).events

    def _windows(self, content_id: str) -> dict[int, WindowRecord]:
        if content_id not in self._records:
            held = self._store.windows.of(content_id, track=self._track)
            self._records[content_id] = {record.window.index: record for record in held}
        return self._records[content_id]

    def _forget(self, content_id: str) -> None:
        for kept in (self._records, self._lines, self._texts, self._vectors, self._lag):
            kept.pop(content_id, None)

    def catch_up(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Project every video whose events or vectors lag behind, as after a killed run.

        They may lag behind the windows, or behind corrections that were made while a run went on.

        Args:
            on_progress: called after each such video with how many are done, and how many there are.

        Returns:
            How many vectors were written.
        """
        projected = self._store.vectors.projected(self._embedder.name, track=self._track)
        uncorrected: set[str] = set()
        if self._track == CAPTION_TRACK:
            uncorrected = self._store.vectors.uncorrected(self._embedder.name)
        behind = [
            content_id
            for content_id, (indexes, _) in sorted(self._store.windows.covered(track=self._track).items())
            if content_id in uncorrected or projected.get(content_id) != tuple(sorted(indexes))
        ]
        written = 0
        for done, content_id in enumerate(behind, start=1):
            self._forget(content_id)
            written += self.project(content_id)
            self._forget(content_id)
            if on_progress:
                on_progress(done, len(behind))
        return written

    def _likeness(self, content_id: str, records: Sequence[WindowRecord]) -> Likeness:
        """Cosine similarity of caption lines, each embedded once."""
        vectors = self._lines.setdefault(content_id, {})
        lines = {line.text for record in records for line in record.caption.events}
        new = sorted(lines - vectors.keys())
        vectors.update(zip(new, self._embedder.embed(new), strict=True))
        return lambda one, other: float(vectors[one] @ vectors[other])

    def _embed(self, texts: Sequence[TextRow], held: dict[str, VectorRow]) -> list[VectorRow]:
        """Give every text its vector: known vectors are reused, and each distinct new text is embedded once.

        The vector of a whole video is the mean of what happens in it.
        """
        import numpy as np

        parts = [text for text in texts if text.owner_kind != "video"]
        vectors: dict[str, np.ndarray] = {
            row.text: row.vector for row in held.values() if row.owner_kind != "video"
        }
        for content_id in {text.content_id for text in parts}:
            vectors |= self._lines.get(content_id, {})
        new = list(dict.fromkeys(text.text for text in parts if text.text not in vectors))
        vectors.update(zip(new, self._embedder.embed(new), strict=True))
        rows = [_with_vector(text, vectors[text.text], held.get(text.owner_id)) for text in parts]
        for text in texts:
            if text.owner_kind == "video":
                own = dict.fromkeys(part.text for part in parts if part.owner_kind != "passage")
                distinct = [vectors[words] for words in own]
                total = np.sum(distinct, axis=0) if distinct else self._embedder.embed([""])[0]
                length = float(np.linalg.norm(total))
                whole = (total / length if length > 0 else total).astype(np.float32)
                rows.append(_with_vector(text, whole, held.get(text.owner_id)))
        return rows


def _with_vector(text: TextRow, vector: np.ndarray, before: VectorRow | None) -> VectorRow:
    """A text with its vector; the same row as before if nothing changed."""
    if (
        before is not None
        and (before.text, before.span, before.window_indexes) == (text.text, text.span, text.window_indexes)
        and (before.confidence, before.language) == (text.confidence, text.language)
        and (before.vector == vector).all()
    ):
        return before
    return VectorRow(
        text.owner_kind,
        text.owner_id,
        text.content_id,
        text.window_indexes,
        text.span,
        text.text,
        vector,
        text.track,
        text.confidence,
        text.language,
    )
