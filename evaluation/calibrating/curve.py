"""How good verdicts are by number of labelled queries, from kept answers; asks nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.calibrating.answers import KeptAnswer, labelled_matches
from evaluation.calibrating.own import Fitting
from evaluation.verdicts import Judged, auroc, calibration_error, found_counts
from footage.core.errors import UsageError
from search.grounding.calibration import SILENT_MEASURES, UNCALIBRATED, Calibration, Fit
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES
from search.grounding.logistic import fitted_logistic
from search.grounding.verdict import CAUTIOUS

RESAMPLES = 24
"""Sets of labelled queries drawn for each size."""
LABELS = (20, 50, 100)
"""Sizes of the sets."""
FIGURES = ("found_precision", "found_recall", "ece", "AUROC", "log_loss", "span_ece")
"""Figures of a calibration, as of ``evaluation.own_library.figures_of``; ``log_loss`` and ``span_ece`` are of
spans, as a confidence is: right with IoU >= 0.5. ``ece`` is of queries: present at all."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One kind of fit from one number of labels."""

    labels: int
    """Labelled queries; 0 for the default."""
    start: str
    """The default fit that it starts from, or is compared with."""
    fit: str
    """"default", "calibrate" (from the default) or "from nothing"."""
    fits: int
    """Sets of labels from which a fit was possible."""
    figures: dict[str, tuple[float, float, float]]
    """By name: the mean, and the 2.5 and 97.5 percentiles, over the sets of labels and the queries tested."""
    better: dict[str, float]
    """Share of the sets for which the figure is at least as good as that of the default on the same
    queries."""


def figures_on(answers: Sequence[KeptAnswer], calibration: Calibration) -> dict[str, float]:
    """The figures of a calibration on some answers; NaN where nothing is found, or all is right or wrong."""
    judged = [Judged(answer.confidence(calibration), answer.present) for answer in answers]
    claimed = found_counts(
        [Judged(answer.finding(calibration), answer.present) for answer in answers], threshold=CAUTIOUS.found
    )
    measures, right, _ = labelled_matches(answers)
    sure = np.clip([calibration.confidence(each) for each in measures], 1e-4, 1 - 1e-4)
    truth = np.array(right, float)
    return {
        "found_precision": claimed.precision if claimed.predicted else math.nan,
        "found_recall": claimed.recall,
        "ece": calibration_error(judged),
        "AUROC": auroc(judged),
        "log_loss": float(-(truth * np.log(sure) + (1 - truth) * np.log(1 - sure)).mean()),
        "span_ece": calibration_error([Judged(*each) for each in zip(sure.tolist(), right, strict=True)]),
    }


def curve(
    libraries: Sequence[Sequence[KeptAnswer]],
    starts: Mapping[str, Calibration],
    *,
    labels: Sequence[int] = LABELS,
    resamples: int = RESAMPLES,
    seed: int = 0,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> list[CurvePoint]:
    """Fit from sets of labelled queries of all libraries but one, and test on the queries of that one.

    Args:
        libraries: The kept answers of two libraries or more; each is tested on in turn.
        starts: The default fits to start from, by name.
        labels: Sizes of the sets; each has as many present queries as absent ones.
        resamples: How many sets of each size.
        seed: Of the draws.
        on_progress: Called with (stage, done, total).

    Raises:
        UsageError: when there are fewer than two libraries, or too few queries for a size.
    """
    if len(libraries) < 2:
        raise UsageError("Labels and tests need a library each.", hint="Draw two libraries or more.")
    points: list[CurvePoint] = []
    rng = np.random.default_rng([seed, 0xCA11])
    for size in labels:
        rows: dict[tuple[str, str], list[dict[str, float]]] = {}
        defaults: dict[str, list[dict[str, float]]] = {name: [] for name in starts}
        for number in range(resamples):
            tested = number % len(libraries)
            pool = [answer for n, held in enumerate(libraries) if n != tested for answer in held]
            drawn = _drawn(pool, size, rng)
            for name, start in starts.items():
                before = figures_on(libraries[tested], start)
                defaults[name].append(before)
                fitting = Fitting(base=start, model="", data="", date="")
                made, _ = fitting.fit(drawn)
                rows.setdefault((name, "calibrate"), []).append(figures_on(libraries[tested], made))
            alone = from_nothing(drawn)
            if alone is not None:
                figures = figures_on(libraries[tested], alone)
                rows.setdefault(("", "from nothing"), []).append(figures)
            if on_progress:
                on_progress(f"fitting from {size} labels", number + 1, resamples)
        for (name, kind), held in rows.items():
            against = defaults[name] if name else []
            points.append(CurvePoint(size, name, kind, len(held), _summary(held), _better(held, against)))
    for name, start in starts.items():
        held = [figures_on(library, start) for library in libraries]
        points.insert(0, CurvePoint(0, name, "default", len(held), _summary(held), {}))
    return points


def from_nothing(answers: Sequence[KeptAnswer]) -> Calibration | None:
    """A fit of the labels alone, by scikit-learn's defaults; None where they are too few.

    Where only one kind of spans (with a captioned event, or without) has enough labels, the other keeps the
    weights of ``UNCALIBRATED``.
    """
    measures, right, groups = labelled_matches(answers)
    with_captions = [each.keys() >= CAPTION_MEASURES.keys() for each in measures]
    fits: list[Fit | None] = []
    for captioned in (True, False):
        at = [n for n, kind in enumerate(with_captions) if kind == captioned]
        names = [*MODEL_MEASURES, *CAPTION_MEASURES] if captioned else list(SILENT_MEASURES)
        try:
            intercept, weights, _ = fitted_logistic(
                [measures[n] for n in at],
                [right[n] for n in at],
                [groups[n] for n in at],
                names=names,
                data="",
                date="",
            )
        except UsageError:
            fits.append(None)
        else:
            fits.append(Fit(intercept=intercept, weights=weights))
    if fits == [None, None]:
        return None
    return Calibration(
        model="",
        captioned=fits[0] or UNCALIBRATED.captioned,
        silent=fits[1] or UNCALIBRATED.silent,
        uncaptioned=UNCALIBRATED.uncaptioned,
    )


def rows_of(points: Sequence[CurvePoint]) -> list[dict[str, object]]:
    """The points as records, figures to four decimals."""
    return [
        {
            **asdict(point),
            "figures": {name: [round(each, 4) for each in held] for name, held in point.figures.items()},
            "better": {name: round(value, 4) for name, value in point.better.items()},
        }
        for point in points
    ]


def _drawn(pool: Sequence[KeptAnswer], size: int, rng: np.random.Generator) -> list[KeptAnswer]:
    """Some answers of a pool, half of them present."""
    drawn: list[KeptAnswer] = []
    for present, count in ((True, size - size // 2), (False, size // 2)):
        kind = [answer for answer in pool if answer.present == present]
        if len(kind) < count:
            raise UsageError(
                f"{size} labelled queries cannot be drawn from {len(pool)}.",
                hint="Draw more libraries, or ask for fewer labels.",
            )
        drawn += [kind[int(n)] for n in rng.choice(len(kind), count, replace=False)]
    return drawn


def _summary(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float, float]]:
    out = {}
    for name in FIGURES:
        values = np.array([row[name] for row in rows])
        values = values[~np.isnan(values)]
        if len(values):
            low, high = np.quantile(values, [0.025, 0.975])
            out[name] = (float(values.mean()), float(low), float(high))
    return out


def _better(rows: Sequence[Mapping[str, float]], against: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Share of the rows whose loss and error of calibration are at most those of the default."""
    if not against:
        return {}
    return {
        name: float(np.mean([row[name] <= other[name] for row, other in zip(rows, against, strict=True)]))
        for name in ("ece", "log_loss", "span_ece")
    }
