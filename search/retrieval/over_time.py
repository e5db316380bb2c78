"""How near pictures are to a query over a few seconds, not only for an instant; pure functions of hits.

What is seen is seen in several pictures in a row, and what is only mistaken for it is often near in a single
one. On three drawn libraries the mean over three seconds raises the AUROC of absence from 0.983 to
0.997 for boxed pictures, from 0.962 to 0.990 for whole ones and from 0.986 to 1.0 for words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from footage.core.image_hit import ImageHit
from footage.core.types import Span
from search.retrieval.images import runs_around_peaks

BESIDE_SECONDS = 1.0
"""How long before and after the time that a picture stands for its neighbours count."""


def over_time(
    hits: Sequence[ImageHit],
    similarities: np.ndarray,
    *,
    durations_seconds: Mapping[str, float],
    elsewhere: float | None,
) -> np.ndarray:
    """The mean similarity over the time that each picture stands for, and a second before and after.

    Args:
        hits: The pictures, in any order.
        similarities: Of each to the query, (hits,).
        durations_seconds: Length of each video, by content id: nothing is beside its start and end.
        elsewhere: Similarity of every picture that is not among the hits, as it is at most that of the
            farthest; None where all pictures are among them, so that there are none.

    Returns:
        float64 (hits,); never above the largest similarity.
    """
    similar = np.asarray(similarities, np.float64)
    result = np.zeros(len(hits))
    by_video: dict[str, list[int]] = defaultdict(list)
    for number, hit in enumerate(hits):
        by_video[hit.content_id].append(number)
    for content_id, numbers in by_video.items():
        order = sorted(numbers, key=lambda n: hits[n].span)
        starts = np.array([hits[n].span.start_seconds for n in order])
        ends = np.array([hits[n].span.end_seconds for n in order])
        opens = np.maximum(starts - BESIDE_SECONDS, 0.0)
        closes = np.minimum(ends + BESIDE_SECONDS, max(durations_seconds[content_id], ends.max()))
        for place, number in enumerate(order):
            # Windows share some seconds, so a picture may stand for time that another stands for, too.
            shared = np.minimum(ends, closes[place]) - np.maximum(starts, opens[place])
            weights = np.maximum(shared, 0.0)
            total, length = weights @ similar[order], weights.sum()
            missing = max(closes[place] - opens[place] - length, 0.0)
            if elsewhere is not None:
                total, length = total + missing * elsewhere, length + missing
            result[number] = total / length if length > 0 else similar[number]
    return result


def cut_at_half(
    hits: Sequence[ImageHit], similarities: np.ndarray, over_seconds: np.ndarray, middle: float
) -> list[tuple[Span, int, list[int]]]:
    """Pictures in a row that are near a query, as one span, nearest first.

    With each span the number of its nearest picture, and those of all its pictures in the order of time.

    A span goes on from its nearest picture as far as the similarity stays above half of what the nearest has
    above the middle. On drawn footage the mean IoU with what happens is 0.83, and 0.68 to 0.71 with a fixed
    distance of 0.05 below the nearest.

    Args:
        hits: The pictures, in any order.
        similarities: Of each to the query, (hits,).
        over_seconds: The same from ``over_time``: the nearest by this is the nearest of a span.
        middle: The median similarity of the library to the query.
    """
    by_video: dict[str, list[int]] = defaultdict(list)
    for number, hit in enumerate(hits):
        by_video[hit.content_id].append(number)
    found: list[tuple[Span, int, list[int]]] = []
    for numbers in by_video.values():
        mine, near = [hits[n] for n in numbers], similarities[numbers]
        floors = middle + (near - middle) / 2
        for peak, run in runs_around_peaks(mine, near, nearness=over_seconds[numbers], floors=floors):
            end = max(mine[n].span.end_seconds for n in run)
            span = Span(mine[run[0]].span.start_seconds, end)
            found.append((span, numbers[peak], [numbers[n] for n in run]))
    return sorted(found, key=lambda each: (-over_seconds[each[1]], hits[each[1]].content_id, each[0]))
