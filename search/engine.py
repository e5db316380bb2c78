"""The steps of a search in order; knows nothing of terminals and pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.errors import UsageError
from footage.timeline import covered_seconds
from footage.types import Match, Window
from footage.vlm.protocol import VideoModel
from search import ground as grounding
from search.filters import NO_FILTERS, fitting
from search.query import Query, parse_query
from search.retrieve import Arm, Retriever

if TYPE_CHECKING:
    from footage.embedder import Embedder
    from footage.store import Store

CANDIDATES = 8
"""Videos taken from the index for a query, or as many as matches are wanted if that is more."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was searched: an answer is only as good as what it looked at."""

    videos: int
    """Videos with captioned windows."""
    seconds_indexed: float
    """Footage seconds that captioned windows cover."""
    seconds_total: float
    """Footage seconds of all videos the index knows."""
    files_failed: int
    """Files that could not be indexed, wholly or in part."""
    model: str
    """What captioned them; empty for an empty index."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of a search went, in seconds."""

    retrieve_seconds: float
    """Embedding the query and searching the index."""
    load_seconds: float
    """Loading the model; 0 when it was there already or not needed."""
    ground_seconds: float
    """Decoding windows and asking the model about them; 0 without grounding."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search answers."""

    query: Query
    """What was looked for."""
    matches: tuple[Match, ...]
    """Answers, best first; none only when the index holds nothing."""
    coverage: Coverage
    """What was searched."""
    timings: Timings
    """Where the time went."""


class Engine:
    """Answers queries from an index, asking a model to ground them."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        model: VideoModel | Callable[[], VideoModel] | None = None,
    ) -> None:
        """Put the parts together; nothing is loaded.

        Args:
            store: The index.
            embedder: What its vectors were made with; None for words alone (``arm="text"``).
            model: Who grounds, or a function that loads it, called once, when it is first needed. None:
                nobody, so searches must say ``ground=False``.
        """
        self._store = store
        self._retriever = Retriever(store, embedder)
        self._model = model

    def search(
        self,
        text: str | Query,
        *,
        limit: int = 5,
        per_video: int = grounding.MATCHES_PER_VIDEO,
        ground: bool = True,
        max_windows: int = grounding.MAX_WINDOWS,
        content_ids: Collection[str] | None = None,
        arm: Arm = "hybrid",
        on_hits: Callable[[list[Match]], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> SearchResult:
        """Search the index for a sentence.

        Args:
            text: What to look for. One that names several events is searched as one sentence (for more see
            ``search.joint``).
            limit: Most matches.
            per_video: Most matches of one video.
            ground: Ask the model about the best windows; without, the index's own texts and spans are the
            answer.
            max_windows: Most windows to ask the model about.
            content_ids: Search only these videos; all when None.
            arm: By what the index's texts are ordered; "text" needs no embedder.
            on_hits: Called with what the index alone answers, before the model is loaded or asked.
            on_progress: Called with (windows done, windows in all) while the model is asked.

        Raises:
            UsageError: when the query is no query, or there is no model to ground it.
            StoreError: when the index cannot be read, or holds no vectors of this embedder.
            ModelError: when the model cannot be loaded or fails.
        """
        if limit < 1:
            raise UsageError(f"A search needs a limit of 1 or more, got {limit}.")
        if ground and self._model is None:
            raise UsageError(
                "There is no model to ground with.", hint="Search without grounding, or give a model."
            )
        query = parse_query(text) if isinstance(text, str) else text
        if query.filters != NO_FILTERS:
            chosen = fitting(query.filters, self._store)
            content_ids = chosen if content_ids is None else chosen & set(content_ids)
        coverage = self.coverage(content_ids)

        # 1. Retrieve. An empty index has no vectors to search.
        began = time.perf_counter()
        candidates = (
            self._retriever.retrieve(query, limit=max(CANDIDATES, limit), content_ids=content_ids, arm=arm)
            if coverage.videos
            else []
        )
        matches = grounding.text_matches(candidates, store=self._store, limit=limit, per_video=per_video)
        retrieved = time.perf_counter()
        if on_hits:
            on_hits(matches)
        if not (ground and candidates):
            return SearchResult(query, tuple(matches), coverage, Timings(retrieved - began, 0.0, 0.0))

        # 2. Ground.
        loading = time.perf_counter()
        model = self._loaded_model()
        loaded = time.perf_counter()
        matches = grounding.ground(
            query.prompt,
            candidates,
            store=self._store,
            model=model,
            max_windows=max_windows,
            limit=limit,
            per_video=per_video,
            on_progress=on_progress,
        )
        timings = Timings(retrieved - began, loaded - loading, time.perf_counter() - loaded)
        return SearchResult(query, tuple(matches), coverage, timings)

    def coverage(self, content_ids: Collection[str] | None = None) -> Coverage:
        """What a search of these videos looks at now; of all when None.

        Raises:
            StoreError: when the index cannot be read.
        """
        status = self._store.status()
        if content_ids is not None:
            held = self._store.held(sorted(content_ids)).items()
            captioned = [(video, committed) for _, (video, committed) in held if committed]
            return Coverage(
                videos=len(captioned),
                seconds_indexed=sum(
                    covered_seconds(Window(video.content_id, n, span) for n, span in committed.items())
                    for video, committed in captioned
                ),
                seconds_total=sum(video.duration_seconds for _, (video, _) in held),
                files_failed=len(status.failures),
                model=status.model.model if status.model else "",
            )
        return Coverage(
            videos=status.videos,
            seconds_indexed=status.seconds_indexed,
            seconds_total=status.seconds_total,
            files_failed=len(status.failures),
            model=status.model.model if status.model else "",
        )

    def _loaded_model(self) -> VideoModel:
        if self._model is None:
            raise UsageError(
                "There is no model to ground with.", hint="Search without grounding, or give a model."
            )
        if not isinstance(self._model, VideoModel):
            self._model = self._model()
        return self._model
