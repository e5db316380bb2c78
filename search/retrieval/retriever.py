"""Finds the texts of the index that match a query, grouped into candidate videos; asks no model.

Texts are ordered by one sum. On real language, a fusion of ranks is worse than the better of its rankings::

    score = event + 1.3 passage

    event    = cosine - 0.6 hubness + 0.2 order + 0.2 said - 0.1 clash
    passage  = cosine - 0.6 hubness + 0.013 words

cosine   of the vectors of query and text
hubness  how near the text lies to everything (see ``search.retrieval.hubness``)
order    Dice coefficient of the two sets of adjacent word pairs. Vectors and BM25 hardly see word order:
         sentences that differ only in "from left to right" and "from right to left" have a cosine of 0.997 in
         MiniLM
said     1 when the text has every content word of the query in the same order
         (``search.query.lexical_match``)
clash    1 when it contradicts the query: white, not red
words    BM25 in which a similar word counts in part (``search.retrieval.bm25``)

The passage holds the events around an event (see ``footage.store.records``), so that "he" has a meaning.

A video has the score of its best text, and of the best of what is said or written in it
(``search.retrieval.lines``)::

    video = score + 0.05 evidence of the best line, 3 at most + 0.025 evidence of the best picture, 4 at most

A video whose pictures come near, and no text, has in place of its score that of the best text of all, less
0.345 where that text may mean the same (``PICTURE_BEHIND``).

The order of the texts of one video comes from another sum::

    score + 0.2 length + 0.2 place

length   the event's share of its passage: of two equal texts the longer event holds more of what is meant
place    where in its passage an event lies, 0 to 1, when the query refers to an earlier event ("then",
         "finally", "again"); else 0

The weights of hubness, passage, words, length and place were chosen on the development queries of ActivityNet
Captions; docs/explanation/evaluation.md has the gain of each there.

Beside the score, which orders texts, a hit has a similarity that is comparable between queries, for the
verdict::

    similarity = (cosine + 0.2 order) / 1.2

A caption that an audit found wrong, other than in its time alone, is lowered: its cosines count as less by
0.15, and its similarity is (``CONTRADICTED_WEIGHT``).

With ``arm="text"`` it is the share of the query's words that the text has.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Candidate, Hit, Span
from search.grounding.verdict import NEAR
from search.query.lexical_match import LATER_WORDS, clash, said_share, says, unsaid, words_of
from search.query.negation import affirms
from search.query.parser import Query
from search.retrieval.hubness import HUB_WEIGHT, HubnessScorer
from search.retrieval.lines import LineHit, LineRetriever, video_bonus
from search.retrieval.passages import Passages
from search.retrieval.query_pictures import picture_bonus

if TYPE_CHECKING:
    import numpy as np

    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.store.audits import Contradiction
    from footage.store.records import OwnerKind
    from search.grounding.pictures import PictureLead
    from search.retrieval.rerank import Reranker

Arm = Literal["text", "vector", "hybrid"]
ARMS: tuple[Arm, ...] = get_args(Arm)
"""What orders the texts: the events' words (BM25) alone, the events' vectors alone, or all evidence."""

PASSAGE_WEIGHT = 1.3
"""Weight of the passage score, added to the score of the event's own text."""
ORDER_WEIGHT = 0.2
"""Weight of the word order, added to the event's cosine."""
SAID_WEIGHT = 0.2
"""Added to the score of an event with all words of the query."""
LENGTH_WEIGHT = 0.2
"""Weight of an event's share of its passage, among the texts of one video."""
LATER_WEIGHT = 0.2
"""Weight of an event's place in its passage, among the texts of one video, for a query with "then"."""
CLASH_WEIGHT = 0.1
"""Subtracted from the score of an event that contradicts the query."""
SAID_COSINE = 0.5
"""Least cosine at which a text is checked for all words of the query."""
DEPTH = 100
"""Texts asked of each search of the index; a text below that rank everywhere is not considered."""

PICTURE_BEHIND = 0.345
"""How far the pictures of a video stand behind the best text, before the evidence is added: as a text whose
cosines are lower by 0.15, which is still worth asking about (``search.grounding.rounds.ASK_WITHIN``), times
the weights of event and passage."""
NEGATED_WEIGHT = 0.3
"""Subtracted from the similarity of a text that has what the query negates, and from its score as if its
cosines were lower by this much (with ``arm="text"``: times the best score). It is more than the differences
between similar texts, and less than the distance to other texts; none of these can make "found"
(``search.grounding.evidence``)."""
CONTRADICTED_WEIGHT = 0.15
"""Subtracted from the similarity of a caption that an audit found wrong, and from its score as if its cosines
were lower by this much. It is how far below the best text a text is still worth asking about
(``search.grounding.rounds.ASK_WITHIN``): a wrong caption comes after right ones of like words, and its window
is still shown to the model, since an audit may err, too."""
_DEEPER = 10  # times the texts asked for where events of another length are left out after the search

_MOMENTS: tuple[OwnerKind, ...] = ("event", "scene")


class Retriever:
    """Retrieves from one index. Keep it for further queries: it caches what is expensive to compute.

    Several threads may ask; one is answered at a time.
    """

    def __init__(self, store: Store, embedder: TextEmbedder | None, reranker: Reranker | None = None) -> None:
        """Put the parts together; without an embedder only the arm "text" can be used.

        A re-ranker, if there is one, decides the order of the best texts.
        """
        self._store = store
        self._embedder = embedder
        self._reranker = reranker
        self._hubs = HubnessScorer(store, embedder.name) if embedder else None
        self._last: tuple[str, np.ndarray] | None = None
        self._lock = threading.RLock()
        self._passages = Passages(store, embedder, self._hubs) if embedder and self._hubs else None
        self._lines = LineRetriever(store, embedder.name) if embedder else None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="further texts")

    def retrieve(
        self,
        query: Query,
        *,
        limit: int = 8,
        depth: int = DEPTH,
        content_ids: Collection[str] | None = None,
        arm: Arm = "hybrid",
        pictures: Mapping[str, Sequence[PictureLead]] | None = None,
    ) -> list[Candidate]:
        """The videos whose texts match a query best, best first; ties by content id.

        Args:
            query: What to look for.
            limit: Most candidates.
            depth: Texts asked of each search.
            content_ids: Only these videos; every one when None.
            arm: What orders the texts.
            pictures: The moments whose pictures come near the query, by content id; they count for their
                videos, with or without texts.

        Raises:
            SchemaMismatchError: when the index holds no vectors of this embedder.
            StoreError: when the index cannot be read.
        """
        with self._lock, self._store.at_once():
            # 1. The texts near the query.
            by_video: dict[str, list[Hit]] = defaultdict(list)
            deep = max(depth, limit) * (_DEEPER if query.filters.about_events else 1)
            hits = self._ordered(query, deep, limit, content_ids, arm)
            bonus = dict(self._bonus(query, content_ids)) if arm == "hybrid" else {}
            shown = picture_bonus(pictures or {})
            for content_id, more in shown.items():
                bonus[content_id] = bonus.get(content_id, 0.0) + more
            if bonus:
                hits = _sorted(
                    replace(hit, score=round(hit.score + bonus.get(hit.content_id, 0.0), 6)) for hit in hits
                )
            if self._reranker:
                hits = self._reranker.reordered(query.text, [hit for hit in hits if _fits(query, hit)])
            for hit in _lowered(query, hits, arm, self._store.annotations.audits.contradicted()):
                if _fits(query, hit):
                    by_video[hit.content_id].append(hit)

            # 2. The best videos.
            scores = {content_id: own[0].score for content_id, own in by_video.items()}
            behind = _picture_score([own[0] for own in by_video.values()])
            for content_id, more in shown.items():
                scores[content_id] = max(scores.get(content_id, behind + more), behind + more)
            best = sorted(scores, key=lambda content_id: (-scores[content_id], content_id))[:limit]
            videos = self._store.videos.known(best)
            return [
                Candidate(videos[content_id], tuple(by_video.get(content_id, ())), scores[content_id])
                for content_id in best
                if content_id in videos
            ]

    def lines(self, query: Query, content_ids: Collection[str] | None) -> list[LineHit]:
        """What is said or written near the meaning of a query, most evidence first; none without an embedder.

        Raises:
            StoreError: when the index cannot be read.
        """
        if self._lines is None or not self._store.texts.among_others((CAPTION_TRACK,)):
            return []
        with self._lock:
            vector = self._vector_of(query.text)
            return self._lines.near(vector, tracks=query.word_tracks, content_ids=content_ids)

    def beyond_chance(self, query: Query, cosine: float) -> float:
        """The evidence of a caption in the unit of ``LineHit.evidence``; itself without embedder."""
        if self._lines is None:
            return cosine
        with self._lock:
            return self._lines.beyond_chance(self._vector_of(query.text), cosine)

    def _bonus(self, query: Query, content_ids: Collection[str] | None) -> Mapping[str, float]:
        """What is added to the scores of videos for what is said or written in them."""
        return video_bonus(self.lines(query, content_ids))

    def captions(self, query: Query, content_ids: Collection[str]) -> dict[str, list[Hit]] | None:
        """Every captioned event of some videos, its similarity the plain cosine to the query.

        Returns:
            Hits by content id, nearest first; None without an embedder.

        Raises:
            StoreError: when the index cannot be read.
        """
        if self._embedder is None:
            return None
        with self._lock:
            name, vector = self._embedder.name, self._vector_of(query.text)
            hits, _ = self._store.vectors.nearest(
                name,
                vector,
                limit=self._store.vectors.count(name),
                owner_kinds=["event"],
                content_ids=content_ids,
            )
        by_video: dict[str, list[Hit]] = defaultdict(list)
        for hit in hits:
            by_video[hit.content_id].append(replace(hit, similarity=max(hit.score, 0.0)))
        contradicted = self._store.annotations.audits.contradicted()
        if not contradicted:
            return by_video
        return {
            content_id: [_marked(hit, contradicted) for hit in found]
            for content_id, found in by_video.items()
        }

    def _ordered(
        self, query: Query, depth: int, limit: int, content_ids: Collection[str] | None, arm: Arm
    ) -> list[Hit]:
        if arm == "text" or not (self._embedder and self._hubs and self._passages):
            worded = self._store.texts.search(" ".join(query.words), limit=depth, content_ids=content_ids)
            return _sorted(replace(hit, similarity=said_share(query.words, hit.text)) for hit in worded)
        name, vector = self._embedder.name, self._vector_of(query.text)
        nearest = partial(self._store.vectors.nearest, name, vector, limit=depth, owner_kinds=_MOMENTS)
        if arm == "vector":
            return _sorted(
                replace(hit, similarity=max(hit.score, 0.0)) for hit in nearest(content_ids=content_ids)[0]
            )

        # Events, and passages, of which one whose video no event brought up brings its own.
        kinds, passages_with = self._passages.begin(query.words, vector, limit=depth, content_ids=content_ids)
        (near, vectors), *of_passages = self._store.vectors.nearest_of(
            name, vector, (_MOMENTS, *kinds), limit=depth, content_ids=content_ids
        )
        seen = {hit.content_id for hit in near}
        passages = passages_with(seen, *of_passages)
        unseen = {hit.content_id for hit in passages[:limit]} - seen
        others = None
        if unseen:  # found while the hubness of the first is computed
            others = self._beside.submit(copy_context().run, partial(nearest, content_ids=unseen))
        hubness = self._hubs.of(near, vectors).tolist()
        if others is not None:
            more, more_vectors = others.result()
            near, hubness = [*near, *more], [*hubness, *self._hubs.of(more, more_vectors).tolist()]
        return _scored(query, near, hubness, passages)

    def _vector_of(self, text: str) -> np.ndarray:
        """The vector of a query, float32 (dimension,); that of the last one is remembered."""
        if self._last is None or self._last[0] != text:
            assert self._embedder is not None
            self._last = text, self._embedder.embed([text], kind="query")[0]
        return self._last[1]


def word_order(query_words: Sequence[str], text: str) -> float:
    """Dice coefficient of the sets of adjacent word pairs of a query and a text, 0 to 1."""
    words = words_of(text)
    ours, theirs = set(pairwise(query_words)), set(pairwise(words))
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours and theirs else 0.0


def _scored(
    query: Query,
    near: Sequence[Hit],
    hubness: Sequence[float],
    passages: Sequence[Hit],
) -> list[Hit]:
    """Every distinct hit with its score and its similarity, best first."""
    least = min((passage.score for passage in passages), default=0.0)
    around: dict[str, list[Hit]] = defaultdict(list)
    for passage in passages:
        around[passage.content_id].append(passage)
    later = not LATER_WORDS.isdisjoint(query.words)

    # 1. For every text: its score, its score among the texts of its video, its similarity.
    rated: dict[str, list[tuple[Hit, float, float, float]]] = defaultdict(list)
    for hit, hub in zip(near, hubness, strict=True):
        cosine = hit.score
        order = word_order(query.words, hit.text)
        own = (
            cosine
            - HUB_WEIGHT * hub
            + ORDER_WEIGHT * order
            + SAID_WEIGHT * (cosine >= SAID_COSINE and not unsaid(query.words, hit.text))
            - CLASH_WEIGHT * bool(clash(query.text, hit.text))
        )
        among = next((each for each in around[hit.content_id] if _meet(each.span, hit.span)), None)
        score = own + PASSAGE_WEIGHT * (among.score if among else least)
        similarity = _similarity(cosine, order)
        rated[hit.content_id].append((hit, score, score + _fitness(hit, among, later=later), similarity))

    # 2. A video has the score of its best text; its texts are ordered by how well they fit.
    scored = []
    for texts in rated.values():
        above = max(score for _, score, _, _ in texts) - max(fitting for _, _, fitting, _ in texts)
        scored += [
            replace(hit, score=round(fitting + above, 6), similarity=similarity)
            for hit, _, fitting, similarity in texts
        ]
    return _sorted(scored)


def _picture_score(hits: Sequence[Hit]) -> float:
    """The score of a video by its pictures alone, before their evidence is added.

    Args:
        hits: The best text of each video.
    """
    best = max(hits, key=lambda hit: hit.score, default=None)
    if best is None:
        return 0.0
    return best.score - PICTURE_BEHIND * (best.similarity >= NEAR)


def _fitness(hit: Hit, passage: Hit | None, *, later: bool) -> float:
    """Added to an event's score among those of its video, for its length and its place."""
    if passage is None or hit.owner_kind != "event":
        return 0.0
    length = max(passage.span.duration_seconds, hit.span.duration_seconds)
    middle = hit.span.middle_seconds - passage.span.start_seconds
    return LENGTH_WEIGHT * hit.span.duration_seconds / length + later * LATER_WEIGHT * middle / length


def _marked(hit: Hit, contradicted: Mapping[str, Contradiction]) -> Hit:
    """A hit with what an audit found wrong in its caption."""
    found = contradicted.get(hit.owner_id)
    return hit if found is None else replace(hit, wrong=found.sentence)


def _lowered(query: Query, hits: list[Hit], arm: Arm, contradicted: Mapping[str, Contradiction]) -> list[Hit]:
    """The hits, best first, with lower scores for those that have what the query negates, or are wrong."""
    best = max((hit.score for hit in hits), default=0.0)
    scale = {"text": best, "vector": 1.0, "hybrid": 1.0 + PASSAGE_WEIGHT}[arm]

    def lowered(hit: Hit) -> Hit:
        weight = NEGATED_WEIGHT if any(affirms(words, hit.text) for words in query.negated) else 0.0
        found = contradicted.get(hit.owner_id)
        if found is not None and not found.time_only:  # what happens at another time happens all the same
            weight += CONTRADICTED_WEIGHT
        if not weight:
            return _marked(hit, contradicted)
        return replace(
            _marked(hit, contradicted),
            score=round(hit.score - weight * scale, 6),
            similarity=max(round(hit.similarity - weight, 6), 0.0),
        )

    return _sorted(map(lowered, hits)) if query.negated or contradicted else hits


def _fits(query: Query, hit: Hit) -> bool:
    """Whether a text has no excluded word, and belongs to an event of the wanted length."""
    if query.filters.about_events and not (hit.owner_kind == "event" and query.filters.fits_event(hit.span)):
        return False
    return not any(says(words, hit.text) for words in query.without)


def _similarity(cosine: float, order: float) -> float:
    """Similarity of a text and a query, 0 to 1."""
    return round(min((max(cosine, 0.0) + ORDER_WEIGHT * order) / (1 + ORDER_WEIGHT), 1.0), 6)


def _sorted(hits: Iterable[Hit]) -> list[Hit]:
    """Best first; ties by video, start, end and id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.content_id, hit.span, hit.owner_id))


def _meet(one: Span, other: Span) -> bool:
    return one.start_seconds <= other.end_seconds and other.start_seconds <= one.end_seconds
