"""Runs a search, step by step: simple and combined queries alike; knows nothing of terminals and pages."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.core.timeline import covered_seconds
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Candidate, Hit, Match, Span, Window
from footage.vlm.protocol import VideoModel
from search import composite
from search.carried_over import with_carried_over
from search.grounding.ground import Grounded, planned_windows, text_matches
from search.grounding.ground import ground as grounded
from search.grounding.options import DEFAULT, GroundingOptions
from search.grounding.pictures import VideoPictures
from search.grounding.verdict import MATCHES_PER_VIDEO
from search.grounding.window_queries import KEPT_BYTES, EventFinder
from search.plain_queries import PlainQueries
from search.query.filters import NO_FILTERS, fitting
from search.query.parser import Query, parse_query
from search.results import Looked, SearchCoverage, SearchResult, Timings
from search.retrieval.query_pictures import PictureSearch, picture_leads, pictured_candidates
from search.retrieval.retriever import Arm, Retriever
from search.scope import Scope
from search.word_queries import WordQueries, moments_of, without_moments
from search.words.answers import at_moment
from search.words.lookup import WordHit

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from search.retrieval.images import ImageRetriever
    from search.retrieval.rerank import Reranker

CANDIDATES = 8
"""Videos taken from the index for a query, or as many as matches are wanted if that is more."""
_LOOKING_STAGES = ("decode", "vision", "prefill")  # of an index run, what looking at a window takes as well
_NO_MODEL = "A search with grounding needs a model."


@dataclass(frozen=True, slots=True)
class _Retrieved:
    """What the index alone says to a query about one event."""

    candidates: Sequence[Candidate]
    paths: Mapping[str, str]
    """A file of each candidate's video, by content id."""
    captions: Mapping[str, Sequence[Hit] | None] | None
    """With ``pictures``, their captioned events as ``search.grounding.ground.ground`` takes them."""
    pictures: Mapping[str, VideoPictures]
    """What their pictures say to the query, by content id."""
    coverage: SearchCoverage
    notes: tuple[str, ...]
    """Parts of the query that can match nothing, a sentence each."""
    content_ids: Collection[str] | None
    """The videos that were searched; all when None."""
    unwanted: Sequence[WordHit]
    """Where words are said that must not be at the time of an answer."""


class Engine:
    """Answers queries from an index, asking a model to ground them.

    Several threads may search: texts are looked up for one at a time, and the model sees a batch of windows
    of one at a time.
    """

    def __init__(
        self,
        store: Store,
        embedder: TextEmbedder | None,
        model: VideoModel | Callable[[], VideoModel] | None = None,
        *,
        reranker: Reranker | None = None,
        images: ImageRetriever | None = None,
        looking: GroundingOptions = DEFAULT,
        keep_bytes: int = KEPT_BYTES,
        notes: Sequence[str] = (),
    ) -> None:
        """Put the parts together; nothing is loaded.

        Args:
            store: The index.
            embedder: What its vectors were made with; None for words alone (``arm="text"``).
            model: The grounding model, or a function that loads it, called once, when first needed. With
                None, searches must say ``ground=False``.
            reranker: Puts the best texts into their last order, if there is one.
            images: Finds moments by their pictures, where the index has any; they join the texts.
            looking: How far a search looks by default.
            keep_bytes: Memory for prepared windows that are kept for the next search.
            notes: What every result says of the engine itself, such as what could not be loaded.
        """
        self._store = store
        self._notes = tuple(notes)
        self._pictures = PictureSearch(images) if images else None
        self._retriever = Retriever(store, embedder, reranker)
        self._scope = Scope(store)
        self._words = WordQueries(store, self._scope)
        self._plain = PlainQueries(store, self._words.words, self._retriever)
        self._model = model
        self.looking = looking
        """How far a search looks by default."""
        self._keep_bytes = keep_bytes
        self._asker: EventFinder | None = None
        self._lock = threading.Lock()

    def search(
        self,
        text: str | Query,
        *,
        limit: int = 5,
        per_video: int = MATCHES_PER_VIDEO,
        ground: bool = True,
        looking: GroundingOptions | None = None,
        content_ids: Collection[str] | None = None,
        arm: Arm = "hybrid",
        on_hits: Callable[[list[Match]], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> SearchResult:
        """Search the index for an event, or for several and how they are related ("A THEN B").

        Args:
            text: What to look for.
            limit: Most matches.
            per_video: Most matches of one video beside those that are found. A combined query sets its own
                limit for each part (``search.composite.PER_VIDEO``).
            ground: Ask the model about the best windows; without, the index's own texts and spans are the
                answer.
            looking: How far to look; the engine's own when None. For a combined query it holds for each part;
                most windows are most videos, too.
            content_ids: Search only these videos; all when None.
            arm: By what the index's texts are ordered; "text" needs no embedder.
            on_hits: Called with what the index alone answers, before the model is loaded or asked, and, for a
                query about one event, with the matches so far after every batch of windows.
            on_progress: Called with (windows done, windows in all) while the model is asked; of a combined
                query for each part in turn.

        Raises:
            UsageError: when the query is no query, or there is no model to ground it.
            StoreError: when the index cannot be read, or holds no vectors of this embedder.
            ModelError: when the model cannot be loaded or fails.
        """
        if limit < 1:
            raise UsageError(f"A search needs a limit of 1 or more, got {limit}.")
        query = parse_query(text) if isinstance(text, str) else text
        ground = ground and query.needs_pictures
        if ground and self._model is None:
            raise UsageError(_NO_MODEL, hint="Search without grounding, or specify a model.")
        return self._search(
            query,
            limit=limit,
            per_video=per_video,
            ground=ground,
            looking=looking or self.looking,
            content_ids=content_ids,
            arm=arm,
            on_hits=on_hits,
            on_progress=on_progress,
        )

    def _search(
        self,
        query: Query,
        *,
        limit: int,
        per_video: int,
        ground: bool,
        looking: GroundingOptions,
        content_ids: Collection[str] | None,
        arm: Arm,
        on_hits: Callable[[list[Match]], None] | None,
        on_progress: Callable[[int, int], None] | None,
        spoken: bool = True,
        nearest: bool = True,
    ) -> SearchResult:
        """Search for words, for one event, or for the parts of a query, which may have parts again."""
        if query.parts:
            return composite.search_parts(
                query,
                # What is to be seen in a part is not answered by words, unless the query says so.
                # Only the very words stand for a moment that is combined with others.
                partial(
                    self._search,
                    arm=arm,
                    on_hits=None,
                    on_progress=on_progress,
                    spoken=bool(query.tracks),
                    nearest=False,
                ),
                limit=limit,
                ground=ground and query.needs_pictures,
                looking=looking,
                content_ids=content_ids,
                on_hits=on_hits,
            )
        if query.term is not None:
            return self._words.answer(
                query,
                limit=limit,
                per_video=per_video,
                looking=looking,
                content_ids=content_ids,
                on_hits=on_hits,
                nearest=nearest,
            )
        return self._search_event(
            query,
            limit=limit,
            per_video=per_video,
            ground=ground,
            looking=looking,
            content_ids=content_ids,
            arm=arm,
            on_hits=on_hits,
            on_progress=on_progress,
            spoken=spoken,
        )

    def _search_event(
        self,
        query: Query,
        *,
        limit: int,
        per_video: int,
        ground: bool,
        looking: GroundingOptions,
        content_ids: Collection[str] | None,
        arm: Arm,
        on_hits: Callable[[list[Match]], None] | None,
        on_progress: Callable[[int, int], None] | None,
        spoken: bool,
    ) -> SearchResult:
        """Search for one event: retrieve, then ground; arguments as ``search``.

        With ``spoken``, what is said or written answers, too.
        """
        # 1. Retrieve.
        began = time.perf_counter()
        found = self._retrieve(
            query,
            limit=limit,
            content_ids=content_ids,
            arm=arm,
            every_video=looking.exhaustive and ground,
            at=looking.at if ground else {},
        )
        matches = text_matches(
            found.candidates,
            paths=found.paths,
            query=query,
            pictures=found.pictures,
            limit=limit,
            per_video=per_video,
        )

        def join(seen: Sequence[Match]) -> list[Match]:
            joined = self._with_words(
                query, seen, found, limit=limit, looking=looking, arm=arm, spoken=spoken
            )
            return with_carried_over(joined, self._store)

        joined = join(matches)
        retrieved = time.perf_counter()
        if on_hits:
            on_hits(joined)
        if not (ground and found.candidates):
            timings = Timings(retrieved - began, 0.0, 0.0)
            return SearchResult(query, tuple(joined), found.coverage, timings, notes=found.notes)

        # 2. Ground.
        loading = time.perf_counter()
        asker = self._ready_asker()
        loaded = time.perf_counter()
        answered = grounded(
            query,
            found.candidates,
            paths=found.paths,
            captions=found.captions if found.pictures else self._captions(query, list(found.paths)),
            asker=asker,
            looking=looking,
            pictures=found.pictures,
            limit=limit,
            per_video=per_video,
            on_progress=on_progress,
            on_matches=(lambda matches: on_hits(join(matches))) if on_hits else None,
        )
        timings = Timings(retrieved - began, loaded - loading, time.perf_counter() - loaded)
        return SearchResult(
            query, tuple(join(answered.matches)), found.coverage, timings, looked_at(answered), found.notes
        )

    def _captions(
        self, query: Query, content_ids: Sequence[str]
    ) -> Mapping[str, Sequence[Hit] | None] | None:
        """The captioned events of some videos, near the query first; None of a video without captions."""
        captioned = self._store.windows.covered().keys() & set(content_ids)
        captions = self._retriever.captions(query, content_ids) if captioned else None
        if captions is None:
            return None
        return {
            content_id: captions.get(content_id, ()) if content_id in captioned else None
            for content_id in content_ids
        }

    def _with_words(
        self,
        query: Query,
        seen: Sequence[Match],
        found: _Retrieved,
        *,
        limit: int,
        looking: GroundingOptions,
        arm: Arm,
        spoken: bool,
    ) -> list[Match]:
        """What is seen, without moments at which unwanted words are said; with the words that answer, too."""
        kept = [
            match
            for match in seen
            if not any(at_moment(hit, match.video.content_id, match.span) for hit in found.unwanted)
        ]
        if not spoken:
            return kept
        return self._plain.joined(
            query,
            kept,
            limit=limit,
            looking=looking,
            content_ids=found.content_ids,
            leave_out=found.unwanted,
            similar=arm != "text",
        )

    def _retrieve(
        self,
        query: Query,
        *,
        limit: int,
        content_ids: Collection[str] | None,
        arm: Arm,
        every_video: bool,
        at: Mapping[str, Sequence[Span]],
    ) -> _Retrieved:
        """The candidates from the index, then others: of ``at`` those without captions, or every video."""
        with self._store.at_once():
            content_ids, notes = self._scope.chosen(query, content_ids)
            coverage = self.coverage(content_ids)
            pictured = self._pictures if arm == "hybrid" and query.searches(CAPTION_TRACK) else None
            stretches = pictured.near(query, content_ids) if pictured else []
            if pictured:
                held = self._scope.pictures(pictured.embedder, content_ids).tracks
                coverage = replace(coverage, tracks={**coverage.tracks, **held})
            leads, most = picture_leads(stretches), max(CANDIDATES, limit)
            candidates: list[Candidate] = []
            if coverage.videos and query.searches(CAPTION_TRACK):  # an empty index has no vectors to search
                candidates = self._retriever.retrieve(
                    query, limit=most, content_ids=content_ids, arm=arm, pictures=leads
                )
            elif leads:
                candidates = pictured_candidates(leads, self._store.videos.of(leads), limit=most)
            if every_video:
                candidates = [*candidates, *self._others(candidates, content_ids)]
            elif uncaptioned := at.keys() - self._store.windows.covered().keys():
                candidates = [*candidates, *self._others(candidates, uncaptioned)]
            unwanted = self._words.unwanted(query, content_ids)
            if unwanted:
                candidates = list(without_moments(candidates, unwanted))
            paths = {
                candidate.video.content_id: self._store.files.path_of(candidate.video.content_id)
                for candidate in candidates
            }
            pictures = pictured.seen(query, list(paths), stretches) if pictured and stretches else {}
            captions = self._captions(query, list(paths)) if pictures else None
        pictures = {
            content_id: each.worth_asking(
                query, (captions or {}).get(content_id) or (), moments_of(unwanted, content_id)
            )
            for content_id, each in pictures.items()
        }
        notes = (*self._notes, *notes)
        return _Retrieved(candidates, paths, captions, pictures, coverage, notes, content_ids, unwanted)

    def estimate(self, query: Query) -> tuple[int, float]:
        """What it takes to look at every window of the videos that a query's filters leave.

        Returns:
            How many windows, and about how many seconds, going by how fast the indexer last decoded
            and read them; 0 seconds where there was none, or another model captioned the index.

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
        captioned = self._store.status().model
        if captioned is not None and captioned.model != model.provenance.model:
            run = None
        seconds = sum(
            seconds for stage, seconds in (run.stage_seconds if run else ()) if stage in _LOOKING_STAGES
        )
        return windows, windows * seconds / run.windows_captioned if run else 0.0

    def coverage(self, content_ids: Collection[str] | None = None) -> SearchCoverage:
        """What a search of these videos looks at now; of all when None.

        Raises:
            StoreError: when the index cannot be read.
        """
        return self._scope.coverage(content_ids)

    def _others(
        self, candidates: Sequence[Candidate], content_ids: Collection[str] | None
    ) -> list[Candidate]:
        """The other videos, by content id: no text of the index leads to them."""
        known = {candidate.video.content_id for candidate in candidates}
        videos = self._store.videos.of(None if content_ids is None else sorted(content_ids))
        worst = min((candidate.score for candidate in candidates), default=0.0)
        return [
            Candidate(videos[content_id], (), worst)
            for content_id in sorted(videos)
            if content_id not in known
        ]

    @property
    def model(self) -> VideoModel:
        """The model, loaded when it is first asked for.

        Raises:
            FootageError: when there is none, or it is unavailable.
        """
        with self._lock:
            return self._loaded_model()

    def _ready_asker(self) -> EventFinder:
        with self._lock:
            if self._asker is None:
                self._asker = EventFinder(
                    self._loaded_model(), annotations=self._store.annotations, keep_bytes=self._keep_bytes
                )
            return self._asker

    def _loaded_model(self) -> VideoModel:
        if self._model is None:
            raise UsageError(_NO_MODEL, hint="Search without grounding, or specify a model.")
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
