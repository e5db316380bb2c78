"""Answers kept for calibration, the curve by number of labels, and promises held against other queries."""

from __future__ import annotations

import numpy as np
import pytest
from standin_oracle import OracleModel

from evaluation.calibrating.answers import KeptAnswer, KeptMatch, read_answers, write_answers
from evaluation.calibrating.curve import curve, figures_on, from_nothing
from evaluation.calibrating.own import PromiseWanted, halves
from evaluation.calibrating.promises import (
    kept_promises,
    pooled_promises,
    promise_figures,
    travelling_promises,
)
from evaluation.suites.drawn_styles import style_answers
from evaluation.suites.scoring import draw_clips
from footage.core.errors import FileError, UsageError
from footage.embed.text_embedder import load_embedder
from footage.synthetic.styles import STYLES
from search.grounding.calibration import UNCALIBRATED
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES

NAMES = [*MODEL_MEASURES, *CAPTION_MEASURES]


def library(seed, count=80):
    """Answers whose best match is near the query where something answers it."""
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(count):
        present = number % 2 == 0
        matches = []
        for best in (True, False):
            measures = dict(zip(NAMES, rng.random(len(NAMES)).tolist(), strict=True))
            right = present and best
            measures["similarity"] = float(np.clip(rng.normal(0.8 if right else 0.4, 0.12), 0, 1))
            measures["clash"] = 0.0
            matches.append(KeptMatch(measures=measures, grounded=True, right=right))
        text = f"query {seed} {number}"
        answers.append(KeptAnswer(text=text, kind="", present=present, matches=tuple(matches)))
    return answers


def test_answers_are_kept_for_what_they_are_about_alone(tmp_path):
    place, answers = tmp_path / "kept" / "answers.json", library(1, 6)
    assert read_answers(place, {"seed": 1}) is None
    write_answers(place, answers, {"seed": 1})
    assert read_answers(place, {"seed": 1}) == answers and read_answers(place, {"seed": 2}) is None
    place.write_text("{")
    with pytest.raises(FileError, match="cannot be read"):
        read_answers(place, {"seed": 1})


def test_only_what_the_model_names_can_be_found():
    measures = dict.fromkeys(NAMES, 1.0) | {"share": 0.0, "clash": 0.0, "elsewhere": 0.0}
    named, captioned = (
        KeptAnswer(
            text="q", kind="", present=True, matches=(KeptMatch(measures=measures, grounded=g, right=True),)
        )
        for g in (True, False)
    )
    assert named.finding(UNCALIBRATED) == named.confidence(UNCALIBRATED) > 0.7
    assert captioned.finding(UNCALIBRATED) == 0.0 and captioned.confidence(UNCALIBRATED) < 0.7


def test_the_halves_are_apart_and_of_the_same_mixture():
    answers = library(1, 41)
    first, second = halves(answers)
    assert sorted([*first, *second]) == list(range(41))
    assert abs(sum(answers[n].present for n in first) - sum(answers[n].present for n in second)) <= 1


def test_the_curve_has_the_default_and_every_size():
    points = curve([library(1), library(2)], {"uncalibrated": UNCALIBRATED}, labels=(20,), resamples=2)
    kinds = [(point.labels, point.fit, point.fits) for point in points]
    assert kinds[0] == (0, "default", 2) and (20, "calibrate", 2) in kinds
    assert all(low <= mean <= high for point in points for mean, low, high in point.figures.values())
    with pytest.raises(UsageError, match="cannot be drawn"):
        curve([library(1, 10), library(2, 10)], {"uncalibrated": UNCALIBRATED}, labels=(200,), resamples=1)
    with pytest.raises(UsageError, match="a library each"):
        curve([library(1)], {"uncalibrated": UNCALIBRATED})


def test_a_fit_from_nothing_needs_enough_labels():
    assert from_nothing(library(1, 6)) is None
    made = from_nothing(library(1, 80))
    assert figures_on(library(2), made)["log_loss"] < figures_on(library(2), UNCALIBRATED)["log_loss"]


def test_promises_are_held_against_the_queries_that_are_not_labelled():
    wanted = PromiseWanted(0.8, 0.9)
    libraries = [library(seed, 120) for seed in range(3)]
    held = kept_promises(libraries, UNCALIBRATED, wanted)
    figures = promise_figures(held)
    assert figures["libraries"] == 3 and 0 <= figures["kept"] <= figures["promised"] <= 3
    assert all((each.found_from is None) == (each.found == 0 and each.recall == 0.0) for each in held)
    pooled = pooled_promises(libraries, UNCALIBRATED, wanted, labels=100, draws=50)
    assert pooled["draws"] == 50 and pooled["kept_or_refused_rate"] >= 0.8


def test_labels_of_some_libraries_promise_for_the_others():
    wanted = PromiseWanted(0.8, 0.9)
    alike = [library(seed, 120) for seed in range(4)]
    figures = travelling_promises(alike, UNCALIBRATED, wanted, labelled=2, draws=40)
    assert figures["labels"] == 240 and figures["promised"] > 20
    assert figures["kept_or_refused_rate"] >= 0.8 and figures["recall_mean"] > 0.3
    # What a good library promises does not hold in one where little of what is asked is present.
    poor = [each.model_copy(update={"present": n % 20 == 0}) for n, each in enumerate(library(9, 120))]
    figures = travelling_promises([alike[0], poor], UNCALIBRATED, wanted, labelled=1, draws=40)
    assert figures["promised"] > 5 and figures["kept_rate"] == 0.0


def test_the_error_of_spans_is_that_of_what_a_confidence_is_about():
    """Present queries with wrong spans: sure of every one is wrong about spans, and right about queries."""
    measures = dict.fromkeys(NAMES, 1.0) | {"share": 0.0, "clash": 0.0, "elsewhere": 0.0}
    wrong = KeptMatch(measures=measures, grounded=True, right=False)
    answers = [KeptAnswer(text=f"q{n}", kind="", present=True, matches=(wrong,)) for n in range(4)]
    figures = figures_on(answers, UNCALIBRATED)
    assert figures["ece"] < 0.1 and figures["span_ece"] > 0.9


def test_a_drawn_library_of_a_style_is_asked_once(tmp_path):
    model, seed = OracleModel(draw_clips(3, 2, (20.0, 60.0))), 3

    def ask():
        return style_answers(
            model,
            load_embedder("minilm"),
            seed=seed,
            style=STYLES["shake"],
            videos=2,
            queries=4,
            folder=tmp_path,
        )

    answers = ask()
    [place] = tmp_path.iterdir()
    before = place.stat().st_mtime_ns
    assert ask() == answers and place.stat().st_mtime_ns == before
    assert {answer.present for answer in answers} == {True, False}
    assert any(match.right for answer in answers if answer.present for match in answer.matches)
    assert not any(match.right for answer in answers if not answer.present for match in answer.matches)
