"""Calibrates a model on the user's own labelled queries: asks them, fits, chooses the promised threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evaluation.calibrating.answers import KeptAnswer, kept, labelled_matches
from evaluation.own_library import ask_own
from evaluation.suites.scoring import OnProgress, TruthQuery
from footage.core.errors import UsageError
from search.grounding.calibration import Calibration, Promise
from search.grounding.fitting import fit_calibration
from search.grounding.promise import LabelledConfidence, NoPromise, choose_threshold

if TYPE_CHECKING:
    import numpy as np

    from footage.store import Store
    from search.engine import Engine

SPLIT_FROM = 200
"""From so many labelled queries on, those for a promise are others than those for the fit. With fewer, all
serve
both: then the fit only shifts and scales the default, which leaves the order of answers, all that a promise
rests on, as it was without any label."""


@dataclass(frozen=True, slots=True)
class PromiseWanted:
    """What is to be promised."""

    precision: float
    """Least share of the queries with the verdict "found" that are present, in (0, 1)."""
    confidence: float
    """In (0, 1)."""
    present_share: float | None = None
    """Share of present queries among those that will be asked; as labelled if None."""

    def __post_init__(self) -> None:
        for option, value in (
            ("--promise", self.precision),
            ("--confidence", self.confidence),
            ("--present-share", self.present_share),
        ):
            if value is not None and not 0 < value < 1:
                raise UsageError(
                    f"{option} must lie between 0 and 1, both left out, got {value:g}.",
                    hint=f"For example: {option} 0.9",
                )


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A fit, and what came of the promise."""

    calibration: Calibration
    """The fit; with a promise where one was wanted and can be made."""
    refused: NoPromise | None
    """Why nothing can be promised; None where nothing was wanted, or it is promised."""


def calibrate_own(
    engine: Engine,
    store: Store,
    questions: Sequence[TruthQuery],
    *,
    base: Calibration,
    model: str,
    data: str,
    date: str,
    embedder: str = "",
    wanted: PromiseWanted | None = None,
    on_progress: OnProgress,
) -> Calibrated:
    """Ask every labelled query, fit a calibration, and choose the threshold of a promise.

    Args:
        engine: Searches the index.
        store: The index.
        questions: The labelled queries.
        base: The default fit, where the fit starts.
        model: Name of the profile.
        data: What the queries are, in a sentence.
        date: Today, ISO 8601.
        embedder: The image embedder of the index; empty for none.
        wanted: What is to be promised; nothing if None.
        on_progress: Called with (stage, done, total).

    Raises:
        UsageError: when there are too few answers to fit from, or a promise lacks present or absent queries.
        FootageError: when the index cannot be read or the model fails.
    """
    if wanted is not None and len({bool(question.truths) for question in questions}) < 2:
        raise UsageError(
            "A promise needs queries that nothing answers, and the file has none.",
            hint='Add some under "negative_queries".',
        )

    # 1. Ask, listing everything that was weighed.
    def ask(calibration: Calibration) -> list[KeptAnswer]:
        looking = replace(engine.looking, calibration=calibration, everything=True, promised=False)
        return kept(ask_own(engine, store, questions, looking=looking, on_progress=on_progress))

    answers = ask(base)
    # 2. Fit.
    fitting = Fitting(base=base, model=model, data=data, date=date, embedder=embedder)
    fitted, promising = fitting.fit(answers, promising=wanted is not None)
    if wanted is None:
        return Calibrated(fitted, None)
    # 3. Ask again as searches will: the fit decides where they look. Most answers of the model are
    # remembered.
    answers = ask(fitted)
    result = promised([answers[n] for n in promising], fitted, wanted, date=date)
    if isinstance(result, NoPromise):
        return Calibrated(fitted, result)
    return Calibrated(fitted.model_copy(update={"promise": result}), None)


@dataclass(frozen=True, slots=True)
class Fitting:
    """How to fit from kept answers."""

    base: Calibration
    """The default fit, where the fit starts."""
    model: str
    """Name of the profile."""
    data: str
    """What the queries are, in a sentence."""
    date: str
    """Today, ISO 8601."""
    embedder: str = ""
    """The image embedder of the index; empty for none."""

    def fit(self, answers: Sequence[KeptAnswer], *, promising: bool = False) -> tuple[Calibration, list[int]]:
        """The fit, and the numbers of the answers that a promise may rest on.

        Args:
            answers: Labelled answers.
            promising: Whether a promise is wanted: then the fit must not have seen the truth of the answers
                that it rests on, or must keep their order.

        Raises:
            UsageError: when there are too few matches.
        """
        numbers, mine = list(range(len(answers))), list(answers)
        split = promising and len(answers) >= SPLIT_FROM
        if split:
            first, numbers = halves(answers)
            mine = [answers[n] for n in first]
        made = fit_calibration(
            *labelled_matches(mine),
            model=self.model,
            data=self.data if not split else f"{self.data}; {len(mine)} of the queries",
            date=self.date,
            embedder=self.embedder,
            base=self.base,
            monotone=promising and not split,
        )
        return made, numbers


def halves(answers: Sequence[KeptAnswer]) -> tuple[list[int], list[int]]:
    """The numbers of two random halves of some answers, each with half of the present and the absent ones."""
    import numpy as np

    rng: np.random.Generator = np.random.default_rng(0)
    order = rng.permutation(len(answers)).tolist()
    parts: tuple[list[int], list[int]] = ([], [])
    for present in (True, False):
        for turn, number in enumerate(n for n in order if answers[n].present == present):
            parts[turn % 2].append(number)
    return sorted(parts[0]), sorted(parts[1])


def promised(
    answers: Sequence[KeptAnswer], fitted: Calibration, wanted: PromiseWanted, *, date: str
) -> Promise | NoPromise:
    """The threshold of "found" for a promise, from labelled answers.

    Raises:
        ValueError: when there are not both present and absent queries.
    """
    return choose_threshold(
        [LabelledConfidence(answer.finding(fitted), answer.present) for answer in answers],
        precision=wanted.precision,
        confidence=wanted.confidence,
        present_share=wanted.present_share,
        date=date,
    )
