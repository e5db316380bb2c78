"""The steps of a search in order; knows nothing of terminals and pages."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from footage.core.errors import UsageError
from footage.core.timeline import covered_seconds
from footage.core.types import Candidate, Match, Provenance, Span, Window
from footage.vlm.protocol import VideoModel
from search.grounding.ground import DEFAULT, Grounded, Looking, planned_windows, text_matches
from search.grounding.ground import ground as grounded
from search.grounding.verdict import MATCHES_PER_VIDEO, NEAR
from search.grounding.window_queries import KEPT_BYTES, Asker
from search.query.filters import NO_FILTERS, fitting, unknown_names
from search.query.lexical_match import clash
from search.query.parser import Query, parse_query
from search.retrieval.retriever import Arm, Retriever

if TYPE_CHECKING:
    from footage.embed.text_embedder import Embedder
    from footage.store import Store
    from search.retrieval.rerank import Reranker

CANDIDATES = 8
"""Videos taken from the index for a query, or as many as matches are wanted if that is more."""
_LOOKING_STAGES = ("decode", "vision", "prefill")  # of an index run, what looking at a window takes as well
LIKELY = 0.5
"""Confidence from which something is more likely there than not."""
Outcome = Literal["found", "uncertain", "not checked", "not found", "no caption matches"]


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
class Looked:
    """What the model looked at."""

    windows: int = 0
    """Windows it was shown, now or when the same was asked before."""
    seconds: float = 0.0
    """Footage seconds of those, overlaps counted once."""
    videos: int = 0
    """Videos they are of."""
    unseen: int = 0
    """Windows it was to look at and did not, because the time was spent or the pictures could not be had."""
    shown: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """The windows, in video time, by content id."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Videos that could not be checked because of an unexpected error: the reason, one sentence, by path."""


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
    looked: Looked = field(default_factory=Looked)
    """What the model looked at."""
    notes: tuple[str, ...] = ()
    """What of the query can match nothing, such as a camera that there is not: a sentence each."""

    @property
    def outcome(self) -> Outcome:
        """The answer as a whole.

        "uncertain" takes something that is more likely there than not, "not checked" a caption that comes
        near where the model did not look. "not found" is said only where the model looked; where it looked at
        nothing and no caption comes near, "no caption matches".
        """
        near = {match.verdict for match in self.matches if match.verdict == "found" or self.near(match)}
        for verdict in ("found", "uncertain", "not checked"):
            if verdict in near:
                return verdict
        return "not found" if self.looked.windows else "no caption matches"

    def near(self, match: Match) -> bool:
        """Whether a match is likely it or, where the model did not look, its caption comes near."""
        if match.confidence is not None:
            return match.confidence >= LIKELY
        return match.score >= NEAR and not clash(self.query.text, match.text)


class Engine:
    """Answers queries from an index, asking a model to ground them.

    Several threads may search: texts are looked up for one at a time, and the model sees a batch of windows
    of one at a time.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        model: VideoModel | Callable[[], VideoModel] | None = None,
        *,
        reranker: Reranker | None = None,
        looking: Looking = DEFAULT,
        keep_bytes: int = KEPT_BYTES,
    ) -> None:
        """Put the parts together; nothing is loaded.

        Args:
            store: The index.
            embedder: What its vectors were made with; None for words alone (``arm="text"``).
            model: Who grounds, or a function that loads it, called once, when it is first needed. None:
                nobody, so searches must say ``ground=False``.
            reranker: Puts the best texts into their last order, if there is one.
            looking: How far a search looks, unless it is told otherwise.
            keep_bytes: For windows held ready for the next search.
        """
        self._store = store
        self._retriever = Retriever(store, embedder, reranker)
        self._model = model
        self.looking = looking
        """How far a search looks, unless it is told otherwise."""
        self._keep_bytes = keep_bytes
        self._asker: Asker | None = None
        self._lock = threading.Lock()

    def search(
        self,
        text: str | Query,
        *,
        limit: int = 5,
        per_video: int = MATCHES_PER_VIDEO,
        ground: bool = True,
        looking: Looking | None = None,
        content_ids: Collection[str] | None = None,
        arm: Arm = "hybrid",
        on_hits: Callable[[list[Match]], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> SearchResult:
        """Search the index for a sentence.

        Args:
            text: What to look for. One that names several events is searched as one sentence (for more see
                ``search.composite``).
            limit: Most matches.
            per_video: Most matches of one video beside those that are found.
            ground: Ask the model about the best windows; without, the index's own texts and spans are the
                answer.
            looking: How far to look; the engine's own when None.
            content_ids: Search only these videos; all when None.
            arm: By what the index's texts are ordered; "text" needs no embedder.
            on_hits: Called with what the index alone answers, before the model is loaded or asked, and then
                with the matches after every round of asking.
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
        looking = looking or self.looking

        # 1. Retrieve. An empty index has no vectors to search.
        with self._store.at_once():
            notes = (
                unknown_names(query.filters, self._store.files.all()) if query.filters != NO_FILTERS else ()
            )
            if query.filters != NO_FILTERS:
                chosen = fitting(query.filters, self._store)
                content_ids = chosen if content_ids is None else chosen & set(content_ids)
            coverage = self.coverage(content_ids)
            began = time.perf_counter()
            candidates = (
                self._retriever.retrieve(
                    query, limit=max(CANDIDATES, limit), content_ids=content_ids, arm=arm
                )
                if coverage.videos
                else []
            )
            if looking.exhaustive and ground:
                candidates = [*candidates, *self._others(candidates, content_ids)]
            paths = {
                candidate.video.content_id: self._store.files.path_of(candidate.video.content_id)
                for candidate in candidates
            }
        matches = text_matches(candidates, paths=paths, limit=limit, per_video=per_video)
        retrieved = time.perf_counter()
        if on_hits:
            on_hits(matches)
        if not (ground and candidates):
            timings = Timings(retrieved - began, 0.0, 0.0)
            return SearchResult(query, tuple(matches), coverage, timings, notes=notes)

        # 2. Ground.
        loading = time.perf_counter()
        asker = self._ready_asker()
        loaded = time.perf_counter()
        found = grounded(
            query,
            candidates,
            paths=paths,
            captions=self._retriever.captions(query, list(paths)),
            asker=asker,
            looking=looking,
            limit=limit,
            per_video=per_video,
            on_progress=on_progress,
            on_matches=on_hits,
        )
        timings = Timings(retrieved - began, loaded - loading, time.perf_counter() - loaded)
        return SearchResult(query, tuple(found.matches), coverage, timings, looked_at(found), notes)

    def estimate(self, query: Query) -> tuple[int, float]:
        """What it takes to look at every window of the videos that a query's filters leave.

        Returns:
            How many windows, and about how many seconds, going by how fast the indexer last decoded
            and read them; 0 seconds where there was none.

        Raises:
            StoreError: when the index cannot be read.
            ModelError: when the model cannot be loaded.
        """
        model = self._loaded_model()
        videos = self._store.videos.of(
            None if query.filters == NO_FILTERS else sorted(fitting(query.filters, self._store))
        )
        windows = sum(len(planned_windows(video, model.profile, self.looking)) for video in videos.values())
        run = next((run for run in self._store.runs.all() if run.windows_captioned), None)
        seconds = sum(
            seconds for stage, seconds in (run.stage_seconds if run else ()) if stage in _LOOKING_STAGES
        )
        return windows, windows * seconds / run.windows_captioned if run else 0.0

    def coverage(self, content_ids: Collection[str] | None = None) -> Coverage:
        """What a search of these videos looks at now; of all when None.

        Raises:
            StoreError: when the index cannot be read.
        """
        status = self._store.status()
        if content_ids is not None:
            covered = self._store.windows.covered_seconds(sorted(content_ids)).values()
            return Coverage(
                videos=sum(indexed > 0 for indexed, _ in covered),
                seconds_indexed=sum(indexed for indexed, _ in covered),
                seconds_total=sum(length for _, length in covered),
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

    def _others(
        self, candidates: Sequence[Candidate], content_ids: Collection[str] | None
    ) -> list[Candidate]:
        """The videos beside the candidates, by content id: nothing in the index leads to them."""
        known = {candidate.video.content_id for candidate in candidates}
        videos = self._store.videos.of(None if content_ids is None else sorted(content_ids))
        worst = min((candidate.score for candidate in candidates), default=0.0)
        return [
            Candidate(videos[content_id], (), worst)
            for content_id in sorted(videos)
            if content_id not in known
        ]

    @property
    def provenance(self) -> Provenance | None:
        """Under what the model answers; None as long as it was never asked."""
        return self._asker.model.provenance if self._asker else None

    @property
    def model(self) -> VideoModel:
        """The model, loaded when it is first asked for.

        Raises:
            FootageError: when there is none, or it cannot be had.
        """
        with self._lock:
            return self._loaded_model()

    def _ready_asker(self) -> Asker:
        with self._lock:
            if self._asker is None:
                self._asker = Asker(
                    self._loaded_model(), notebook=self._store.annotations, keep_bytes=self._keep_bytes
                )
            return self._asker

    def _loaded_model(self) -> VideoModel:
        if self._model is None:
            raise UsageError(
                "There is no model to ground with.", hint="Search without grounding, or give a model."
            )
        if not isinstance(self._model, VideoModel):
            self._model = self._model()
        return self._model


def looked_at(found: Grounded) -> Looked:
    """What the model looked at, by its replies."""
    seen: dict[str, list[Window]] = defaultdict(list)
    for reply in found.replies:
        if reply.answer is not None:
            seen[reply.question.video.content_id].append(reply.question.window)
    return Looked(
        windows=sum(map(len, seen.values())),
        seconds=round(sum(map(covered_seconds, seen.values())), 3),
        videos=len(seen),
        unseen=sum(reply.answer is None for reply in found.replies),
        faults=found.faults,
        shown={content_id: tuple(window.span for window in windows) for content_id, windows in seen.items()},
    )
