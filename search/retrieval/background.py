"""What similarity means "not there": a query against the library it is asked of, and against other queries.

A similarity says nothing by itself: one embedder's 0.1 is a match where another's 0.3 is none, and some
queries are nearer to everything than others. So a peak is measured twice. First against the middle of the
query's own similarities to the library, most of which it has nothing to do with. Then against the peaks of
background queries, which this library does not answer: how many reach as high, and how much do these differ?
The spread of a query's own similarities is no measure: it is small exactly where nothing answers (drawn
footage, boxed pictures, AUROC of absence: 0.44 in units of it, 0.977 above the middle, 0.974 as it is).
Nothing here knows an index, a model or a verdict; pure functions of vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_LEAST_SPREAD = 1e-4
"""Least spread of heights: below it, vectors of float32 and 16-bit models differ by rounding."""
_NORMAL = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""
LEAST_QUERIES = 20
"""Fewest background queries from which a share of them means something."""
BACKGROUND_TEXTS: tuple[str, ...] = (
    "a horse in a field", "people at a long table", "a kitchen with copper pans", "a mountain under snow",
    "a black cat on a wall", "a ship in a harbour", "an old wooden bridge", "a crowd at a concert",
    "a man reads a book", "children in a classroom", "a bowl of fruit", "an aeroplane above clouds",
    "a lift door opens", "a woman pours tea", "a train at a platform", "a bicycle against a tree",
    "a green forest path", "a tower with a clock", "a flock of birds", "a market stall with fish",
    "somebody types on a keyboard", "a football match", "an empty corridor", "a desert with dunes",
    "a candle in the dark", "a brown bear in a river", "a doctor with a patient", "a lorry on a motorway",
    "rain on a window", "a painting on a white wall", "a swimming pool", "a couple dances",
    "a shelf of bottles", "a map on a screen", "a hand holds a phone", "a baby in a pram",
    "a tractor on a farm", "a flag in the wind", "a stone staircase", "a firework at night",
)  # fmt: skip
"""Things that most libraries do not show most of, in the plain words of queries. A library that shows some of
them is no harm: medians are taken."""


@dataclass(frozen=True)
class Background:
    """A library as queries that it does not answer see it. Make it with ``measure_background``."""

    sample: np.ndarray
    """Unit vectors of the library, float32 (count, dimension): all of them, or a sample."""
    peaks: np.ndarray
    """How high the peak of each background query stands above its middle, ascending, float64 (queries,)."""

    @property
    def usable(self) -> bool:
        """Whether there is enough of it to judge a peak by."""
        return len(self.peaks) >= LEAST_QUERIES and len(self.sample) > 0

    @property
    def typical(self) -> float:
        """How high a background query's peak usually stands; of one that is ``usable``."""
        import numpy as np

        return float(np.median(self.peaks))

    @property
    def deviation(self) -> float:
        """How much these heights differ, as a standard deviation; of one that is ``usable``."""
        import numpy as np

        return max(_NORMAL * float(np.median(np.abs(self.peaks - self.typical))), _LEAST_SPREAD)


@dataclass(frozen=True)
class Standing:
    """How the peak of a query compares with the background."""

    height: float
    """The peak above the middle of the query's similarities."""
    score: float
    """The height above that of a typical background query, in standard deviations; low speaks against."""
    chance: float
    """Share of background queries whose peak stands as high or higher, this one among them; above 0, to 1."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What the similarities of one query mean in one library."""

    origin: float
    """The similarity of no evidence: the peak of a typical background query stands as high."""
    unit: float
    """A standard deviation of those peaks, above 0; infinite where the background is not ``usable``."""

    def evidence(self, similarity: float) -> float:
        """The evidence of a similarity, in standard deviations; below 0 it speaks against."""
        return (similarity - self.origin) / self.unit


def measure_background(
    sample: np.ndarray, queries: np.ndarray, *, peaks: np.ndarray | None = None
) -> Background:
    """The background of a library.

    Args:
        sample: Unit vectors of the library, (count, dimension).
        queries: Unit vectors of background queries of the same sort as those to be judged (texts, or
            pictures), most of which the library does not answer; (queries, dimension).
        peaks: Their largest similarity to the whole library, (queries,), where ``sample`` is only a part of
            it: a peak grows with what it is searched in.

    Raises:
        ValueError: the shapes do not fit.
    """
    import numpy as np

    if sample.ndim != 2 or queries.ndim != 2 or sample.shape[1] != queries.shape[1]:
        raise ValueError(f"a sample of shape {sample.shape} and queries of shape {queries.shape} do not fit")
    if peaks is not None and peaks.shape != (len(queries),):
        raise ValueError(f"{len(queries)} queries have as many peaks, not an array of shape {peaks.shape}")
    if not len(sample) or not len(queries):
        return Background(sample, np.zeros(0))
    similar = queries @ sample.T
    top = similar.max(axis=1) if peaks is None else peaks
    return Background(sample, np.sort(heights(similar, top)))


def heights(similar: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """How far peaks stand above the middle of their query's similarities.

    Args:
        similar: Similarities of each query to a sample of the library, (queries, count).
        peaks: The similarity of each query to be judged, (queries,).

    Returns:
        float64 (queries,); zero for an empty sample.
    """
    import numpy as np

    if similar.shape[1] == 0:
        return np.zeros(len(peaks))
    result: np.ndarray = np.asarray(peaks, np.float64) - np.median(similar.astype(np.float64), axis=1)
    return result


def standing(query: np.ndarray, peak: float, background: Background) -> Standing:
    """How a query's peak compares with the background.

    Args:
        query: Its unit vector, (dimension,).
        peak: Its largest similarity to what is judged: the library, a video, a window.
        background: Of this library, for this sort of query.

    Returns:
        A standing that says nothing (score 0, chance 1) where the background is not ``usable``.
    """
    import numpy as np

    if not background.usable:
        return Standing(0.0, 0.0, 1.0)
    height = float(heights((background.sample @ query)[None], np.array([peak]))[0])
    reach = len(background.peaks) - int(np.searchsorted(background.peaks, height, side="left"))
    score = (height - background.typical) / background.deviation
    return Standing(height, score, (1 + reach) / (1 + len(background.peaks)))


def scale(query: np.ndarray, background: Background) -> Scale:
    """What the similarities of a query mean: its ``evidence`` is the ``score`` of ``standing``.

    Args:
        query: Its unit vector, (dimension,).
        background: Of this library, for this sort of query.
    """
    import numpy as np

    if not background.usable:
        return Scale(0.0, float("inf"))
    middle = float(np.median((background.sample @ query).astype(np.float64)))
    return Scale(middle + background.typical, background.deviation)
