"""Aligns the pictures of two videos by time: where do both show the same, at one constant offset?

Pure functions of vectors with times; knows no index and no embedder. How near two pictures are means
something only against others, so nothing here is an absolute cosine. That two videos show one scene is judged
by what unrelated pictures of the library come to (``scene_distance``). That they are one recording is judged
by what moves: a picture less the mean of those around it must go along with its counterpart, and not with
what the other video shows some seconds earlier or later. A fixed camera on two days passes the first and
fails the second. A constant change, such as a logo or a crop, drops out with the mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.types import Span, on_grid

if TYPE_CHECKING:
    import numpy as np

CELL_SECONDS = 1.0
"""Two videos are compared once in so many seconds: as often as there is an image vector by default."""
LEAST_SECONDS = 8.0
"""Shortest stretch that is reported. Two events of one kind that last as long look alike by chance: on drawn
footage all such stretches but two of 36 were shorter, tried at every offset."""
SAMPLE = 2_000
"""Image vectors of a library that the distance of unrelated pictures is to be measured on."""
SAME_SCENE = 0.4
"""Largest distance of two pictures of one scene, as a share of the distance of unrelated pictures. Drawn
footage under two embedders: most copies stay below it, also scaled, cropped and drawn over."""
_SCENES = 40
"""Pictures that the distance of unrelated ones is measured on."""
_BRIDGED_CELLS = 2
"""Cells in a row that may be unlike inside a stretch: a flash, a cut that falls between two pictures."""
_AROUND_CELLS = 5
"""Cells on each side whose mean is taken off: slow changes, such as daylight, agree on any two days."""
_WRONG_CELLS = (3, 20)
"""Nearest and farthest wrong offset that the right one is compared with."""
_CERTAIN = ((0.6, 4.0), (0.45, 8.0))
"""Agreement that counts as one recording where wrong offsets agree not at all, and the number of cells that
the movement must be spread over: one short event can agree by chance, several are less likely to."""
_REACH = 0.3
"""Agreement down to which a stretch reaches from there."""
_END_LOSS = 0.1
"""Share of its evidence that a stretch may lose to reach over quiet cells at its ends."""
_STILL = 1e-6
"""Movement of unit vectors, per cell, that is rounding: they are stored with 16 bits a number."""


class PictureSequence:
    """The image vectors of one video in the order of time."""

    def __init__(self, content_id: str, starts: np.ndarray, ends: np.ndarray, vectors: np.ndarray) -> None:
        """Take over the pictures of a video.

        Args:
            content_id: The video.
            starts: When what each picture stands for begins, seconds of video time, ascending, (count,).
            ends: When it ends, (count,).
            vectors: Unit vectors, float32 (count, dimension).

        Raises:
            ValueError: the shapes do not fit, or the starts do not ascend.
        """
        if not len(starts) == len(ends) == len(vectors) or vectors.ndim != 2:
            raise ValueError(f"{len(starts)} starts, {len(ends)} ends and {vectors.shape} vectors do not fit")
        if (starts[1:] < starts[:-1]).any():
            raise ValueError("the pictures of a sequence are in the order of time")
        self.content_id = content_id
        self.starts, self.ends, self.vectors = starts, ends, vectors

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def end_seconds(self) -> float:
        """Where its last picture ends; 0 without pictures."""
        return float(self.ends.max()) if len(self) else 0.0

    def shown_at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The vectors at some times, between two pictures the mean by nearness, and which times have any.

        A picture that stands for longer than a cell is on show until the last cell before the next one.

        Returns:
            float32 (count, dimension), not quite unit vectors, and bool (count,).
        """
        import numpy as np

        if not len(self):
            return np.zeros((len(times), self.vectors.shape[1]), np.float32), np.zeros(len(times), bool)
        places = np.maximum(np.searchsorted(self.starts, times, side="right") - 1, 0)
        shown = (times >= self.starts[places]) & (times < self.ends[places])
        following = np.minimum(places + 1, len(self) - 1)
        joined = (following > places) & (self.starts[following] - self.ends[places] <= CELL_SECONDS)
        into = (times - (self.starts[following] - CELL_SECONDS)) / CELL_SECONDS
        share = np.where(joined, np.clip(into, 0.0, 1.0), 0.0).astype(np.float32)[:, None]
        return (1 - share) * self.vectors[places] + share * self.vectors[following], shown


@dataclass(frozen=True, slots=True)
class Alignment:
    """A stretch of one video that shows what a stretch of another one shows, as much later as ``offset``."""

    span: Span
    """Where, in the first video."""
    offset_seconds: float
    """What is added to a time in the first video to come to that in the second."""
    agreement: float
    """How far the movement agrees: 1 is the same, 0 is what unrelated movements come to."""
    distance: float
    """Mean cosine distance of the pictures."""

    @property
    def other(self) -> Span:
        """Where, in the second video."""
        return Span.clamped(
            self.span.start_seconds + self.offset_seconds, self.span.end_seconds + self.offset_seconds
        )


@dataclass(frozen=True, slots=True)
class Aligned:
    """What two videos have in common at one offset."""

    same: tuple[Alignment, ...]
    """Stretches of one recording, in the order of time."""
    alike_seconds: float
    """Seconds in which they show one scene without being one recording as far as movement can show."""


def scene_distance(sample: np.ndarray) -> float:
    """How far apart two unrelated pictures of a library are.

    The median distance of pictures that are chosen to be far from each other, one after the other: so a scene
    counts once, whether the library shows it for a minute or for a year.

    Args:
        sample: Unit vectors of the library, (count, dimension).

    Returns:
        A cosine distance; 0 for less than two pictures.
    """
    import numpy as np

    if len(sample) < 2:
        return 0.0
    chosen = [0]
    nearest = 1.0 - sample @ sample[0]
    while len(chosen) < min(_SCENES, len(sample)):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, 1.0 - sample @ sample[chosen[-1]])
    distances = 1.0 - sample[chosen] @ sample[chosen].T
    return max(0.0, float(np.median(distances[np.triu_indices(len(chosen), 1)])))


def align(
    one: PictureSequence, other: PictureSequence, offset_seconds: float, *, unrelated: float
) -> Aligned:
    """Find what two videos have in common where the second is ``offset_seconds`` later than the first.

    Args:
        one: The first video.
        other: The second one; the same for repeats within a video.
        offset_seconds: What is added to a time in the first to come to that in the second.
        unrelated: Distance of unrelated pictures of this library, see ``scene_distance``.
    """
    import numpy as np

    # 1. The cells that both have, and how far apart their pictures are.
    begin = max(0.0, -offset_seconds)
    end = min(one.end_seconds, other.end_seconds - offset_seconds)
    cells = int((end - begin) / CELL_SECONDS + 1e-9)
    if cells * CELL_SECONDS < LEAST_SECONDS:
        return Aligned((), 0.0)
    times = begin + CELL_SECONDS * np.arange(cells)
    left, here = one.shown_at(times)
    right, there = other.shown_at(times + offset_seconds)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    distances = 1.0 - np.einsum("ij,ij->i", left, right) / np.maximum(lengths, 1e-6)
    like = here & there & (distances <= SAME_SCENE * unrelated)

    # 2. In each run of cells that show one scene, the parts whose movement agrees.
    found: list[Alignment] = []
    alike = 0.0
    for first, past in runs(like, bridged=_BRIDGED_CELLS):
        if (past - first) * CELL_SECONDS < LEAST_SECONDS:
            continue
        parts = list(_agreeing(left[first:past], right[first:past]))
        alike += ((past - first) - sum(stop - start for start, stop, _ in parts)) * CELL_SECONDS
        for start, stop, agreement in parts:
            last = end if first + stop == cells else begin + CELL_SECONDS * (first + stop)
            span = Span.clamped(begin + CELL_SECONDS * (first + start), last)
            mean = float(distances[first + start : first + stop].mean())
            found.append(Alignment(span, on_grid(offset_seconds), agreement, max(0.0, mean)))
    return Aligned(tuple(found), alike)


def runs(mask: np.ndarray, *, bridged: int) -> list[tuple[int, int]]:
    """Runs of true cells, half-open; up to ``bridged`` false ones between two runs join them."""
    import numpy as np

    padded = np.concatenate([[False], mask, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    joined: list[tuple[int, int]] = []
    for first, past in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and first - joined[-1][1] <= bridged:
            joined[-1] = (joined[-1][0], past)
        else:
            joined.append((first, past))
    return joined


def best_parts(scores: np.ndarray) -> Iterator[tuple[int, int]]:
    """The parts of a sequence with the greatest sums, half-open and disjoint, the best first."""
    import numpy as np

    todo = [(0, len(scores))]
    while todo:
        first, past = todo.pop()
        sums = np.concatenate([[0.0], np.cumsum(scores[first:past])])
        lowest = np.minimum.accumulate(sums)
        stop = int(np.argmax(sums - lowest))
        if sums[stop] <= lowest[stop]:
            continue
        start = int(np.flatnonzero(sums[: stop + 1] == lowest[stop])[-1])
        yield first + start, first + stop
        todo += [(first, first + start), (first + stop, past)]


def _agreeing(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Parts of one scene, (cells, dimension) each, whose movement agrees: half-open, and how far it agrees.

    A part is one recording where its movement agrees well; from there it reaches as far as it agrees at all,
    because little is needed at an offset that is known to be right.
    """
    moved, other = movement(left), movement(right)
    together = (moved * other).sum(axis=1)
    energy = ((moved**2).sum(axis=1) + (other**2).sum(axis=1)) / 2
    if energy.mean() <= _STILL:
        return
    by_chance = _chance(moved, other, float(energy.sum()))
    certain = [
        part
        for least, cells in _CERTAIN
        for part in best_parts(together - _above(least, by_chance) * energy)
        if _active(energy[slice(*part)], cells)
    ]
    reaching = together - _above(_REACH, by_chance) * energy
    reached = 0
    for first, past in sorted(best_parts(reaching)):
        if not any(first <= start and stop <= past for start, stop in certain):
            continue
        first, past = _extended(reaching, max(first, reached), past, reached)
        if (past - first) * CELL_SECONDS >= LEAST_SECONDS:
            reached = past
            agreement = float(together[first:past].sum() / energy[first:past].sum())
            yield first, past, agreement


def _above(agreement: float, by_chance: float) -> float:
    """An agreement where wrong offsets agree by chance: as far up from there to identity."""
    return agreement + (1 - agreement) * by_chance


def _active(energy: np.ndarray, cells: float) -> bool:
    """Whether movement is spread over so many cells: the effective number of equally lively ones."""
    return float(energy.sum()) ** 2 >= cells * float((energy**2).sum()) > 0


def _extended(scores: np.ndarray, first: int, past: int, least: int) -> tuple[int, int]:
    """A part with the quiet cells beside it: each end may lose a share of what the part gained."""
    allowed = _END_LOSS * float(scores[first:past].sum())
    left = allowed
    while first > least and left + scores[first - 1] >= 0:
        first -= 1
        left += min(0.0, float(scores[first]))
    left = allowed
    while past < len(scores) and left + scores[past] >= 0:
        left += min(0.0, float(scores[past]))
        past += 1
    return first, past


def movement(vectors: np.ndarray) -> np.ndarray:
    """Vectors in the order of time less the mean of those around them, (count, dimension)."""
    import numpy as np

    count = len(vectors)
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    first = np.maximum(np.arange(count) - _AROUND_CELLS, 0)
    past = np.minimum(np.arange(count) + _AROUND_CELLS + 1, count)
    result: np.ndarray = vectors - (sums[past] - sums[first]) / (past - first)[:, None]
    return result


def _chance(moved: np.ndarray, other: np.ndarray, energy: float) -> float:
    """How far the movement agrees at wrong offsets: what one in four of them exceeds; 0 to below 1."""
    import numpy as np

    nearest, farthest = _WRONG_CELLS
    shifts = range(nearest, min(farthest, len(moved) - nearest) + 1)
    values = [
        float((moved[shift:] * other[:-shift]).sum() + (moved[:-shift] * other[shift:]).sum()) / 2 / energy
        for shift in shifts
    ]
    return min(max(0.0, float(np.quantile(values, 0.75))), 0.9) if values else 0.0
