"""Folds answers whose pictures show one scene; reads image vectors of an index, loads no model.

Nothing is lost: what is folded away stays with the answer that stands for it, and a better answer is never
folded into a worse one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from footage.core.tracks import image_track
from footage.core.types import Span
from search.retrieval.alignment import SAME_SCENE, SAMPLE, PictureSequence, scene_distance

if TYPE_CHECKING:
    import numpy as np

    from footage.core.types import Match
    from footage.store import Store
    from search.results import SearchResult

_PICTURES = 8
"""Most pictures of an answer that are compared, evenly spread over its span."""
_BEST_FIRST = ("found", "uncertain", "not checked", "not found")


def fold_scenes(result: SearchResult, store: Store, embedder: str) -> SearchResult:
    """A result in which answers that show one scene are one, the first, with the others as its ``similar``.

    Two answers show one scene where their pictures are on average at most ``SAME_SCENE`` as far apart as
    unrelated pictures of the library. An answer without image vectors stays by itself, as does one with a
    better verdict than the answers before it.

    Args:
        result: A finished result.
        store: The index.
        embedder: Name of the image embedder whose vectors are compared.

    Raises:
        SchemaMismatchError: the index holds no vectors of this embedder.
        StoreError: the index cannot be read.
    """
    with store.at_once():
        largest = SAME_SCENE * scene_distance(store.images.sample(embedder, SAMPLE)[1])
        pictures = pictures_of(result.matches, store, embedder)
    heads: list[int] = []
    folded: dict[int, list[Match]] = defaultdict(list)
    for place, match in enumerate(result.matches):
        for head in heads:
            if may_stand_for(result, result.matches[head], match) and (
                apart(pictures[head], pictures[place]) <= largest
            ):
                folded[head].append(match)
                break
        else:
            heads.append(place)
    kept = tuple(replace(result.matches[head], similar=tuple(folded[head])) for head in heads)
    return replace(result, matches=kept)


def may_stand_for(result: SearchResult, head: Match, match: Match) -> bool:
    """Whether an answer may be listed under another one: it says no more than that one does."""
    no_better = _BEST_FIRST.index(head.verdict) <= _BEST_FIRST.index(match.verdict)
    return no_better and (result.near(head) or not result.near(match))


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far apart two sets of pictures are, (count, dimension) each: the mean distance to the nearest one.

    Returns:
        A cosine distance; infinite where one of them is empty.
    """
    if not len(one) or not len(other):
        return float("inf")
    distances = 1.0 - one @ other.T
    return float((distances.min(axis=1).mean() + distances.min(axis=0).mean()) / 2)


def pictures_of(matches: Sequence[Match], store: Store, embedder: str) -> list[np.ndarray]:
    """The image vectors of some answers, (up to ``_PICTURES``, dimension) each."""
    import numpy as np

    wanted: dict[str, list[Span]] = defaultdict(list)
    for match in matches:
        wanted[match.video.content_id].append(match.span)
    windows = store.windows.spans(wanted.keys(), track=image_track(embedder))
    sequences: dict[str, PictureSequence] = {}
    for content_id, spans in wanted.items():
        indexes = [
            index
            for index, held in windows.get(content_id, {}).items()
            if any(_touch(held, span) for span in spans)
        ]
        held, vectors = store.images.arrays(embedder, content_id, indexes)
        sequences[content_id] = PictureSequence(content_id, held[:, 0], held[:, 1], vectors)
    found = []
    for match in matches:
        sequence, span = sequences[match.video.content_id], match.span
        inside = np.flatnonzero((sequence.starts <= span.end_seconds) & (sequence.ends > span.start_seconds))
        spread = np.unique(np.linspace(0, len(inside) - 1, min(_PICTURES, len(inside))).astype(int))
        found.append(sequence.vectors[inside[spread]])
    return found


def _touch(one: Span, other: Span) -> bool:
    return one.start_seconds <= other.end_seconds and other.start_seconds <= one.end_seconds
