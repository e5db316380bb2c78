"""Answers queries by a picture, alone or with words, from the image vectors of an index; asks no video model.

1. The pictures near the query are retrieved. With words, picture and words count alike, each in standard
   deviations of its own background: the sum of two such numbers is again one similarity, to one vector.
2. Pictures that look like an excluded one are left out.
3. What follows each other is one answer. How sure it is depends on the nearness over a few seconds
   (``search.retrieval.over_time``), against the background of the library; with words, both must fit.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.core.image_hit import ImageHit
from footage.core.timecode import format_time, overlap_seconds
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK
from footage.core.types import Event, Match, Span, Video
from footage.objects.paths import media_path
from search.grounding.verdict import MATCHES_PER_VIDEO, Thresholds
from search.picture_verdict import WORDS_PREFIX, PictureCalibration, measures_of
from search.query.negation import affirms
from search.query.parser import Query
from search.results import LIKELY, SearchResult, Timings
from search.retrieval.background import LEAST_QUERIES, Background
from search.retrieval.images import DEPTH, ImageRetriever, QueryKind
from search.retrieval.over_time import cut_at_half, over_time
from search.retrieval.similar import events_at
from search.scope import Scope
from search.word_queries import WordQueries
from search.words.answers import at_moment

if TYPE_CHECKING:
    import numpy as np

    from footage.store import Store

MOST_DEPTH = 16 * DEPTH
"""Most image vectors looked at where exclusions leave few answers."""
MOST_STRETCHES = 1_000
"""Most stretches that are weighed: as many as a search may return."""


@dataclass(frozen=True, slots=True, eq=False)
class QueryPicture:
    """A picture that is searched for."""

    vector: np.ndarray
    """Of unit length, (dimension,)."""
    name: str
    """What people call it."""
    content_id: str = ""
    """The indexed video that it is from; empty for any other picture."""
    at_seconds: float = 0.0
    """Its time there: the stretch it is from is no answer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """A vector that answers are to be near to."""

    kind: QueryKind
    vector: np.ndarray
    background: Background

    @property
    def scale(self) -> float:
        """One standard deviation of its background, in cosine."""
        return self.background.deviation if self.background.usable else 1.0


@dataclass(frozen=True, slots=True)
class NearStretch:
    """A stretch of pictures near the query."""

    span: Span
    frame: ImageHit
    """The nearest picture."""
    measures: tuple[Mapping[str, float], ...]
    """``PICTURE_MEASURES`` of each wanted vector."""
    confidences: tuple[float | None, ...]
    """Of each; None where the library is too small to say."""

    @property
    def confidence(self) -> float | None:
        """All must fit, so the least sure one decides."""
        known = [each for each in self.confidences if each is not None]
        return min(known) if len(known) == len(self.confidences) else None


class PictureQueries:
    """Answers queries by a picture from one index."""

    def __init__(self, store: Store, retriever: ImageRetriever, calibration: PictureCalibration) -> None:
        self._store = store
        self._retriever = retriever
        self._calibration = calibration
        self._scope = Scope(store)
        self._words = WordQueries(store, self._scope)

    def search(
        self,
        picture: QueryPicture,
        query: Query,
        *,
        exclude: Sequence[QueryPicture] = (),
        limit: int = 5,
        thresholds: Thresholds,
        per_video: int = MATCHES_PER_VIDEO,
    ) -> SearchResult:
        """Search for moments that look like a picture.

        Args:
            picture: What to look for.
            query: What must be seen, too, with filters and exclusions; without words where there is none.
            exclude: No moments that look like one of these.
            limit: Most matches.
            thresholds: Turn confidence into a verdict.
            per_video: Most matches of one video that are not "found".

        Raises:
            UsageError: the query asks for more than a picture shows.
            StoreError: the index cannot be read, or has no image vectors of the retriever's embedder.
        """
        check_words(query)
        began = time.perf_counter()
        wanted: dict[QueryKind, np.ndarray] = {"picture": picture.vector}
        if query.words:
            wanted["text"] = self._retriever.vector_of(query.text)
        with self._store.at_once():
            content_ids, notes = self._scope.chosen(query, None)
            near = self.near(wanted, exclude=exclude, content_ids=content_ids, least=limit)
            near = [each for each in near if not _is_source(each, picture)]
            events = self._store.events.by_video({each.frame.content_id for each in near})
            near = self._fitting(query, near, events, content_ids)
            matches = self._matches(near, events, picture, query, thresholds)
            coverage = self._scope.pictures(self._retriever.embedder.name, content_ids)
        if (query.without or query.negated) and not any(events.values()):
            notes = (*notes, "No captions are indexed there, so nothing is left out by its words.")
        timings = Timings(time.perf_counter() - began, 0.0, 0.0)
        kept = _few_of_each(matches, per_video)[:limit]
        return SearchResult(query, tuple(kept), coverage, timings, notes=notes, picture=picture.name)

    def near(
        self,
        vectors: Mapping[QueryKind, np.ndarray],
        *,
        exclude: Sequence[QueryPicture] = (),
        content_ids: Collection[str] | None = None,
        least: int = 1,
    ) -> list[NearStretch]:
        """The stretches near a picture, words or both, nearest first.

        Args:
            vectors: Of unit length, (dimension,), by kind.
            exclude: Nothing that looks like one of these.
            content_ids: Only these videos; all when None.
            least: With exclusions, more pictures are read where there are fewer stretches.

        Raises:
            StoreError: the index cannot be read, or has no image vectors of the retriever's embedder.
        """
        wanted = [self._wanted(kind, vector) for kind, vector in vectors.items()]
        depth = DEPTH
        while True:
            near, exhausted = self._at_depth(wanted, exclude, content_ids, depth)
            if len(near) >= least or exhausted or depth >= MOST_DEPTH or not exclude:
                return near
            depth *= 4

    def _wanted(self, kind: QueryKind, vector: np.ndarray) -> _Wanted:
        return _Wanted(kind, vector, self._retriever.background(kind))

    def _at_depth(
        self,
        wanted: Sequence[_Wanted],
        exclude: Sequence[QueryPicture],
        content_ids: Collection[str] | None,
        depth: int,
    ) -> tuple[list[NearStretch], bool]:
        """The stretches among so many pictures, and whether these are all there are."""
        import numpy as np

        # 1. Pictures near the sum of all that is wanted.
        direction = np.sum([each.vector / each.scale for each in wanted], axis=0)
        direction /= max(float(np.linalg.norm(direction)), 1e-9)
        hits, vectors = self._store.images.nearest(
            self._retriever.embedder.name, direction, limit=depth, content_ids=content_ids
        )
        if not hits:
            return [], True
        exhausted = len(hits) < depth
        videos = self._store.videos.known(sorted({hit.content_id for hit in hits}))
        durations = {content_id: video.duration_seconds for content_id, video in videos.items()}

        # 2. Over a few seconds each, without what is excluded.
        def near_to(vector: np.ndarray) -> np.ndarray:
            similar = vectors @ vector  # its least is a bound for ``direction``, and a guess for a part of it
            floor = None if exhausted else float(similar.min())
            return over_time(hits, similar, durations_seconds=durations, elsewhere=floor)

        kept = np.ones(len(hits), bool)
        for picture in exclude:
            kept &= ~self._looks_like(picture.vector, vectors @ picture.vector, near_to(picture.vector))
        places = np.flatnonzero(kept)
        exact = [vectors @ each.vector for each in wanted]
        similar = [near_to(each.vector) for each in wanted]

        # 3. What follows each other is one.
        sample = wanted[0].background.sample
        middle = float(np.median(sample @ direction)) if len(sample) else 0.0
        stretches = cut_at_half(
            [hits[n] for n in places], (vectors @ direction)[places], near_to(direction)[places], middle
        )
        found = []
        for span, number, members in stretches[:MOST_STRETCHES]:
            weighed = [
                self._weighed(one, float(near[places[number]]), float(alone[places[members]].max()))
                for one, near, alone in zip(wanted, similar, exact, strict=True)
            ]
            measures, confidences = zip(*weighed, strict=True)
            found.append(NearStretch(span, hits[places[number]], measures, confidences))
        return found, exhausted

    def _weighed(
        self, wanted: _Wanted, similarity: float, exact: float
    ) -> tuple[Mapping[str, float], float | None]:
        """The measures of a similarity, and how sure it makes; ``exact`` is that of the nearest picture."""
        measures = measures_of(wanted.vector, similarity, wanted.background)
        if wanted.background.usable or (
            self._calibration.fitted and len(wanted.background.sample) >= LEAST_QUERIES
        ):
            return measures, self._calibration.confidence(wanted.kind, measures, exact)
        return measures, self._calibration.unjudged(wanted.kind, exact)

    def _looks_like(self, vector: np.ndarray, exact: np.ndarray, similar: np.ndarray) -> np.ndarray:
        """Which pictures more likely look like another than not, by their similarity, also over time."""
        import numpy as np

        wanted = self._wanted("picture", vector)
        sure = [
            self._weighed(wanted, float(near), float(alone))[1]
            for near, alone in zip(similar, exact, strict=True)
        ]
        return np.array([each is not None and each >= LIKELY for each in sure])

    def _fitting(
        self,
        query: Query,
        near: Sequence[NearStretch],
        events: Mapping[str, Sequence[Event]],
        content_ids: Collection[str] | None,
    ) -> list[NearStretch]:
        """Stretches of the wanted length at whose time nothing is captioned or said that must not be."""
        unwanted = self._words.unwanted(query, content_ids)
        barred = [*query.without, *query.negated]
        return [
            each
            for each in near
            if query.filters.fits_event(each.span)
            and not any(at_moment(words, each.frame.content_id, each.span) for words in unwanted)
            and not any(
                affirms(words, event.text)
                for event in _during(events[each.frame.content_id], each.span)
                for words in barred
            )
        ]

    def _matches(
        self,
        near: Sequence[NearStretch],
        events: Mapping[str, Sequence[Event]],
        picture: QueryPicture,
        query: Query,
        thresholds: Thresholds,
    ) -> list[Match]:
        videos = self._store.videos.known(sorted(events))
        paths = {content_id: self._store.files.path_of(content_id) for content_id in events}
        matches = []
        for each in near:
            content_id = each.frame.content_id
            captions = events_at(events[content_id], each.frame.at_seconds)
            matches.append(
                _match(
                    each,
                    videos[content_id],
                    paths[content_id],
                    text=min(captions, key=lambda event: (event.span.duration_seconds, event.span)).text
                    if captions
                    else "",
                    evidence=self._evidence(each, picture, query),
                    thresholds=thresholds,
                    calibrated=self._calibration.fitted,
                )
            )
        return matches

    def _evidence(self, near: NearStretch, picture: QueryPicture, query: Query) -> tuple[str, ...]:
        """Why the verdict is what it is, a sentence each."""
        sentences = [
            f"Around {format_time(near.frame.at_seconds)} the picture is like {picture.name}: "
            f"{_compared(near.measures[0])}."
        ]
        if len(near.measures) > 1:
            sentences.append(
                f'To "{query.text}" it has {_compared(near.measures[1])}. Movement was not looked at.'
            )
        if near.confidence is None:
            sentences.append("The index holds too few pictures of other videos to judge by.")
        elif not self._calibration.fitted:
            sentences.append(
                f"No verdict was fitted to {self._retriever.embedder.name}: only what is almost the same "
                f"picture counts as found."
            )
        return tuple(sentences)


def check_words(query: Query) -> None:
    """Refuse what no picture shows beside a picture.

    Raises:
        UsageError: the query has several events, words that are said or written, or leaves pictures out.
    """
    if query.parts or query.term is not None or not query.searches(CAPTION_TRACK):
        raise UsageError(
            "Beside a picture, a query can describe one thing that is seen, with filters and exclusions.",
            hint="Leave out THEN, AND, WITHOUT, said:, shows: and in:, or search without the picture.",
        )


def _compared(measures: Mapping[str, float]) -> str:
    """A similarity beside that of the library's other pictures."""
    similarity, middle = measures["similarity"], measures["similarity"] - measures["height"]
    return f"similarity {similarity:.2f}, where half of the library's pictures have {middle:.2f} or less"


def _is_source(near: NearStretch, picture: QueryPicture) -> bool:
    """Whether a stretch is the one that the picture was taken from."""
    same = near.frame.content_id == picture.content_id
    return same and near.span.start_seconds <= picture.at_seconds < near.span.end_seconds


def _during(events: Sequence[Event], span: Span) -> list[Event]:
    return [event for event in events if overlap_seconds(event.span, span) > 0]


def _match(
    near: NearStretch,
    video: Video,
    path: str,
    *,
    text: str,
    evidence: tuple[str, ...],
    thresholds: Thresholds,
    calibrated: bool,
) -> Match:
    names = ("", WORDS_PREFIX)
    measures = {
        f"{prefix}{name}": value
        for prefix, each in zip(names, near.measures, strict=False)
        for name, value in each.items()
    }
    return Match(
        video=video,
        path=path,
        span=near.span,
        text=text,
        score=round(min(max(near.measures[0]["similarity"], 0.0), 1.0), 6),
        grounded=False,
        verdict=thresholds.verdict(near.confidence),
        confidence=near.confidence,
        calibrated=calibrated and near.confidence is not None,
        measures=(*measures.items(), ("at_seconds", near.frame.at_seconds)),
        evidence=evidence,
        offline=not media_path(path).is_file(),
        track=IMAGE_TRACK,
    )


def _few_of_each(matches: Sequence[Match], per_video: int) -> list[Match]:
    """The surest first, with at most so many of one video that are not "found"."""
    count: Counter[str] = Counter()
    kept = []
    for match in sorted(matches, key=lambda match: -(match.confidence or 0.0)):
        count[match.video.content_id] += match.verdict != "found"
        if match.verdict == "found" or count[match.video.content_id] <= per_video:
            kept.append(match)
    return kept
