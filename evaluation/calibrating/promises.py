"""Whether promises about "found" are kept, on libraries of kept answers; asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.calibrating.answers import KeptAnswer
from evaluation.calibrating.own import Fitting, PromiseWanted, halves, promised
from evaluation.intervals import FigureInterval, share_interval
from search.grounding.calibration import Calibration
from search.grounding.promise import LabelledConfidence, NoPromise, choose_threshold

DRAWS = 1_000
"""Sets of labelled queries drawn from all libraries together."""
TRAVELS = 500
"""Sets of labelled libraries; they overlap, so that no interval of independent draws fits their rate."""


@dataclass(frozen=True, slots=True)
class KeptPromise:
    """A promise of one library, and what came of it on its other queries."""

    library: int
    """Number of the library."""
    found_from: float | None
    """The threshold; None where nothing could be promised."""
    more: int | None
    """About how many more labels it takes, where nothing could be promised."""
    found: int
    """Test queries that are found."""
    present: int
    """Those of them that are present."""
    recall: float
    """Share of the present test queries that are found."""
    precision: float
    """The precision that was promised."""

    @property
    def kept(self) -> bool:
        """Whether the precision on the test queries is what was promised; also where nothing is found."""
        return self.present >= self.precision * self.found

    @property
    def broken(self) -> bool:
        """Whether the test queries show that it is not: their exact 95 % interval lies below it."""
        return share_interval(self.present, self.found).high < self.precision


def kept_promises(
    libraries: Sequence[Sequence[KeptAnswer]], base: Calibration, wanted: PromiseWanted
) -> list[KeptPromise]:
    """Label half of each library's queries, promise, and hold the promise against the other half."""
    out = []
    for number, answers in enumerate(libraries):
        first, second = halves(answers)
        labels, tested = [answers[n] for n in first], [answers[n] for n in second]
        fitted, promising = Fitting(base=base, model="", data="", date="").fit(labels, promising=True)
        result = promised([labels[n] for n in promising], fitted, wanted, date="")
        if isinstance(result, NoPromise):
            out.append(KeptPromise(number, None, result.more, 0, 0, 0.0, wanted.precision))
            continue
        found = [answer for answer in tested if answer.finding(fitted) >= result.found_from]
        right = sum(answer.present for answer in found)
        there = sum(answer.present for answer in tested)
        out.append(
            KeptPromise(
                number, result.found_from, None, len(found), right, right / max(1, there), wanted.precision
            )
        )
    return out


def promise_figures(promises: Sequence[KeptPromise]) -> dict[str, float]:
    """In how many libraries something was promised, in how many it was kept, and what it cost."""
    made = [each for each in promises if each.found_from is not None]
    rate = share_interval(sum(each.kept for each in made), len(made))
    found, right = sum(each.found for each in made), sum(each.present for each in made)
    return {
        "libraries": len(promises),
        "promised": len(made),
        "kept": sum(each.kept for each in made),
        "kept_rate": rate.value,
        "kept_low": rate.low,
        "kept_high": rate.high,
        "broken": sum(each.broken for each in made),
        "precision_of_all": right / found if found else float("nan"),
        "recall_mean": float(np.mean([each.recall for each in made])) if made else float("nan"),
    }


def pooled_promises(
    libraries: Sequence[Sequence[KeptAnswer]],
    base: Calibration,
    wanted: PromiseWanted,
    *,
    labels: int,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, float]:
    """How often a promise is kept when labels are drawn from all libraries: on all other queries together.

    These are so many that their precision is nearly the true one. A shift and a scale change no order, and so
    no promise: the default is not moved here.

    Args:
        libraries: The kept answers.
        base: The default fit.
        wanted: What is promised.
        labels: Labelled queries in a set.
        draws: How many sets.
        seed: Of the draws.
    """
    pool = [LabelledConfidence(answer.finding(base), answer.present) for held in libraries for answer in held]
    rng = np.random.default_rng([seed, 0x9007])
    made = kept = 0
    recalls: list[float] = []
    for _ in range(draws):
        order = rng.permutation(len(pool)).tolist()
        result = choose_threshold(
            [pool[n] for n in order[:labels]],
            precision=wanted.precision,
            confidence=wanted.confidence,
            present_share=wanted.present_share,
        )
        if isinstance(result, NoPromise):
            continue
        rest = [pool[n] for n in order[labels:]]
        holds, recall = _held(result.found_from, rest, wanted.precision)
        made += 1
        kept += holds
        recalls.append(recall)
    rate: FigureInterval = share_interval(kept, made)
    return {
        "labels": labels,
        "draws": draws,
        "promised": made,
        "kept_or_refused_rate": 1 - (made - kept) / draws,
        "kept_rate": rate.value,
        "kept_low": rate.low,
        "kept_high": rate.high,
        "recall_mean": float(np.mean(recalls)) if recalls else float("nan"),
    }


def travelling_promises(
    libraries: Sequence[Sequence[KeptAnswer]],
    base: Calibration,
    wanted: PromiseWanted,
    *,
    labelled: int,
    draws: int = TRAVELS,
    seed: int = 0,
) -> dict[str, float]:
    """How often a promise is kept on libraries without a label: those of some others are all labelled.

    Each draw deals the libraries out anew. As in ``pooled_promises``, the default is not moved.

    Args:
        libraries: The kept answers.
        base: The default fit.
        wanted: What is promised.
        labelled: Libraries whose queries are labelled; fewer than there are.
        draws: How many sets of libraries.
        seed: Of the draws.
    """
    sure = [[LabelledConfidence(each.finding(base), each.present) for each in held] for held in libraries]
    rng = np.random.default_rng([seed, 0x7A5E])
    made = kept = 0
    recalls: list[float] = []
    for _ in range(draws):
        order = rng.permutation(len(sure)).tolist()
        result = choose_threshold(
            [each for n in order[:labelled] for each in sure[n]],
            precision=wanted.precision,
            confidence=wanted.confidence,
            present_share=wanted.present_share,
        )
        if isinstance(result, NoPromise):
            continue
        rest = [each for n in order[labelled:] for each in sure[n]]
        holds, recall = _held(result.found_from, rest, wanted.precision)
        made += 1
        kept += holds
        recalls.append(recall)
    return {
        "labelled_libraries": labelled,
        "labels": labelled * sum(map(len, sure)) / len(sure),
        "draws": draws,
        "promised": made,
        "kept_or_refused_rate": 1 - (made - kept) / draws,
        "kept_rate": kept / made if made else float("nan"),
        "recall_mean": float(np.mean(recalls)) if recalls else float("nan"),
    }


def _held(found_from: float, tested: Sequence[LabelledConfidence], precision: float) -> tuple[bool, float]:
    """Whether a threshold reaches a precision on some queries, and its recall."""
    found = [each for each in tested if each.confidence >= found_from]
    right = sum(each.present for each in found)
    return right >= precision * len(found), right / max(1, sum(each.present for each in tested))
