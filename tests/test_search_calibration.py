"""Confidence from evidence: fitted on labelled answers, written down with how it did, read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.errors import FileError, UsageError
from search.grounding import calibration
from search.grounding.calibration import (
    AGAINST,
    CARDS,
    UNCALIBRATED,
    Calibration,
    Fit,
    card_name,
    load_calibration,
    read_calibration,
)
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES
from search.grounding.fitting import (
    LEAST_EXAMPLES,
    LEAST_SCALE,
    MONOTONE,
    PRIOR,
    LabelledMatch,
    Prior,
    fit_calibration,
    moved,
)
from search.grounding.logistic import fitted_logistic
from search.grounding.pictures import PICTURE_MEASURES
from search.grounding.verdict import CAUTIOUS

NAMES = [*MODEL_MEASURES, *CAPTION_MEASURES]


def examples(count=300):
    """Matches that are right where the caption says the query, mostly; what else is measured is noise."""
    rng = np.random.default_rng(1)
    right = rng.random(count) < 0.5
    rows = [dict(zip(NAMES, rng.random(len(NAMES)).tolist(), strict=True)) for _ in range(count)]
    for row, is_right in zip(rows, right, strict=True):
        row["similarity"] = float(np.clip(rng.normal(0.8 if is_right else 0.4, 0.15), 0, 1))
    return rows, right.tolist(), [f"query {n // 3}" for n in range(count)]


def fitted():
    return fit_calibration(*examples(), model="demo", data="made up", date="2026-01-31")


def test_a_fit_tells_right_from_wrong_and_says_how_well():
    made = fitted()
    rows, right, _ = examples()
    result = np.array([made.confidence(row) for row in rows])
    assert result[np.array(right)].mean() > 0.75 > 0.25 > result[~np.array(right)].mean()
    assert made.captioned.weights["similarity"] > 5
    card = made.card
    assert (card.examples, card.positives, card.data, card.date) == (300, sum(right), "made up", "2026-01-31")
    assert card.auroc > 0.9
    assert sum(count for _, count, _ in card.reliability) == 300
    assert all(abs(result - share) < 0.35 for result, count, share in card.reliability if count > 20)
    # Without captions there is nothing but noise to go by.
    alone = {name: row for name, row in rows[0].items() if name in MODEL_MEASURES}
    assert 0.2 < made.confidence(alone) < 0.8


def test_where_captions_are_never_silent_the_scaled_default_holds_there():
    made = fitted()
    assert abs(made.silent.weights["start"] / UNCALIBRATED.silent.weights["start"] - 1) < 0.6  # scaled alone
    assert len({round(made.silent.weights[n] / w, 3) for n, w in UNCALIBRATED.silent.weights.items()}) == 1
    rows, right, groups = examples()
    for row in rows[::2]:
        del row["similarity"]
    made = fit_calibration(rows, right, groups, model="demo", data="", date="")
    assert made.silent.weights.keys() == MODEL_MEASURES.keys() | {"elsewhere"}


def with_pictures(rows, right):
    """The same with pictures, which are better where the match is right."""
    rng = np.random.default_rng(2)
    return [
        {**row, "pictured": 0.9 if is_right else 0.5, "pictured_elsewhere": rng.random() / 2, "contrast": 0.5}
        for row, is_right in zip(rows, right, strict=True)
    ]


def fitted_with_pictures():
    rows, right, groups = examples()
    shown = with_pictures(rows, right)
    return fit_calibration(
        shown, right, groups, model="demo", data="made up", date="2026-01-31", embedder="demo-clip"
    )


def test_pictures_get_fits_of_their_own_and_change_no_other():
    made, plain = fitted_with_pictures(), fitted()
    assert made.model_copy(update={"pictured": None}) == plain and plain.pictured is None
    assert made.pictured.embedder == "demo-clip"
    assert made.pictured.captioned.weights.keys() == {*NAMES, *PICTURE_MEASURES}
    assert made.pictured.uncaptioned.weights.keys() == MODEL_MEASURES.keys() | PICTURE_MEASURES.keys()
    assert made.pictured.silent == made.pictured.uncaptioned  # no span is silent here
    assert made.pictured.card.auroc >= made.card.auroc


def test_the_measures_choose_the_fit():
    made = fitted_with_pictures()
    rows, right, _ = examples()
    row, shown = rows[0], with_pictures(rows[:1], right[:1])[0]
    assert made.confidence(row) == fitted().confidence(row)
    assert made.confidence(shown) == made.pictured.captioned.confidence(shown)
    alone = {name: value for name, value in shown.items() if name not in CAPTION_MEASURES}
    assert (
        made.confidence(alone) == made.without_captions(shown) == made.pictured.uncaptioned.confidence(alone)
    )
    assert fitted().confidence(shown) == fitted().confidence(row)


@pytest.mark.parametrize(("name", "counts"), [("demo-clip", True), ("siglip2-base", False), ("", False)])
def test_pictures_of_another_embedder_do_not_count(name, counts):
    made = fitted_with_pictures()
    assert (made.for_embedder(name).pictured is not None) == counts
    assert made.for_embedder(name).captioned == made.captioned


def test_a_file_from_before_pictures_is_read(tmp_path):
    fields = json.loads(fitted().model_dump_json())
    del fields["pictured"]
    (tmp_path / "fit.json").write_text(json.dumps(fields))
    assert read_calibration(tmp_path / "fit.json") == fitted()


def test_what_is_written_is_read_back(tmp_path):
    made, path = fitted(), tmp_path / "fit.json"
    path.write_text(made.model_dump_json())
    assert read_calibration(path) == made


def test_a_users_own_fit_goes_before_the_projects_and_the_default_comes_last(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "OWN_CARDS", tmp_path)
    assert load_calibration("no-such-model") is UNCALIBRATED
    assert load_calibration("demo") == read_calibration(CARDS / "demo.json")
    own = fitted()
    (tmp_path / "demo.json").write_text(own.model_dump_json())
    assert load_calibration("demo") == own


def test_the_projects_own_fit_is_for_the_demo_model_and_was_judged():
    made = read_calibration(CARDS / "demo.json")
    assert made.model == "demo" and made.card.auroc >= 0.9
    assert made.captioned.weights.keys() == set(NAMES)
    assert made.uncaptioned.weights.keys() == MODEL_MEASURES.keys()
    assert made.silent.weights.keys() == MODEL_MEASURES.keys() | {"elsewhere"}
    assert made.captioned.weights["clash"] < 0 < made.captioned.weights["similarity"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is invalid: Invalid JSON"),
        (json.dumps({"model": "demo"}), "captioned"),
        (
            json.dumps(
                {
                    "model": "demo",
                    "captioned": {"intercept": 0, "weights": {"luck": 1}},
                    "silent": {"intercept": 0, "weights": {}},
                    "uncaptioned": {"intercept": 0, "weights": {}},
                }
            ),
            "there is no measure 'luck'",
        ),
    ],
)
def test_what_is_no_calibration_is_refused_in_a_sentence(tmp_path, text, message):
    path = tmp_path / "fit.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        read_calibration(path)
    with pytest.raises(FileError, match="cannot be read"):
        read_calibration(tmp_path / "nothing.json")


def test_too_few_labels_are_refused_and_one_sided_ones_only_shift():
    rows, right, groups = examples(LEAST_EXAMPLES - 1)
    with pytest.raises(UsageError, match="too few"):
        fit_calibration(rows, right, groups, model="demo", data="", date="")
    rows, _, groups = examples(100)
    made = fit_calibration(rows, [True] * 100, groups, model="demo", data="", date="")
    assert made.card.auroc is None and all(-40 < fit.intercept < 40 for fit in (made.captioned, made.silent))
    assert made.confidence(rows[0]) >= UNCALIBRATED.confidence(rows[0])
    assert read_back(made) == made


def read_back(made):
    return Calibration.model_validate_json(made.model_dump_json())


def default_for(rows, right, *, weight=9.0):
    """A default fit that suits the examples about as well as any."""
    captioned = Fit(intercept=-0.6 * weight, weights={"similarity": weight})
    return UNCALIBRATED.model_copy(update={"captioned": captioned})


def loss(made, rows, right):
    sure = np.clip([made.confidence(row) for row in rows], 1e-4, 1 - 1e-4)
    truth = np.array(right, float)
    return float(-(truth * np.log(sure) + (1 - truth) * np.log(1 - sure)).mean())


def drawn(seed, count):
    """Labelled matches as ``examples``, others with every seed; three matches a query."""
    rng = np.random.default_rng(seed)
    right = rng.random(count) < 0.5
    rows = [dict(zip(NAMES, rng.random(len(NAMES)).tolist(), strict=True)) for _ in range(count)]
    for row, is_right in zip(rows, right, strict=True):
        row["similarity"] = float(np.clip(rng.normal(0.75 if is_right else 0.45, 0.15), 0, 1))
    return rows, right.tolist(), [f"query {n // 3}" for n in range(count)]


def test_few_labels_leave_a_default_that_suits_as_it_is():
    base = default_for(*drawn(0, 1)[:2], weight=13.3)  # the true log-odds: 2 * 0.3 / 0.15 ** 2 / 2
    tested = drawn(999, 400)[:2]
    before = loss(base, *tested)
    after = [
        loss(fit_calibration(*drawn(seed, 60), model="", data="", date="", base=base), *tested)
        for seed in range(4)
    ]
    assert np.mean(after) <= before + 0.02 and max(after) <= before + 0.08


def test_few_labels_correct_a_default_that_is_far_too_sure():
    base = UNCALIBRATED.model_copy(update={"captioned": Fit(intercept=-9.0, weights={"similarity": 30.0})})
    tested = drawn(999, 400)[:2]
    after = [
        loss(fit_calibration(*drawn(seed, 60), model="", data="", date="", base=base), *tested)
        for seed in range(4)
    ]
    assert max(after) < loss(base, *tested) - 0.3


def test_many_labels_overrule_the_default():
    rows, right, groups = drawn(5, 1_500)
    made = fit_calibration(rows, right, groups, model="", data="", date="")
    intercept, weights, _ = fitted_logistic(rows, right, groups, names=NAMES, data="", date="")
    assert made.captioned.weights["similarity"] == pytest.approx(weights["similarity"], rel=0.1)
    assert loss(made, rows, right) == pytest.approx(
        loss(made.model_copy(update={"captioned": Fit(intercept=intercept, weights=weights)}), rows, right),
        abs=0.005,
    )


def odds(made, row):
    fit = made.fit_for(row)
    return fit.intercept + sum(weight * row[name] for name, weight in fit.weights.items())


def labelled(rows, right, groups):
    return [LabelledMatch(*each) for each in zip(rows, right, groups, strict=True)]


def test_a_prior_that_allows_nothing_is_the_default():
    still = Prior(shift=1e-4, scale_mean=1.0, scale=1e-4, weights=1e-4)
    found = moved(labelled(*drawn(3, 90)), UNCALIBRATED, still)
    made = found.calibration
    for kind in ("captioned", "silent", "uncaptioned"):
        fit, default = getattr(made, kind), getattr(UNCALIBRATED, kind)
        assert fit.intercept == pytest.approx(default.intercept, abs=0.01)
        assert fit.weights == pytest.approx(dict.fromkeys(fit.weights, 0.0) | default.weights, abs=0.01)
    assert found.sentence.startswith("log-odds scaled by 1.00 and shifted by +0.00")


def test_without_labels_the_fit_is_the_mean_of_the_prior():
    made = moved([], UNCALIBRATED, PRIOR).calibration
    for kind in ("captioned", "silent", "uncaptioned"):
        fit, default = getattr(made, kind), getattr(UNCALIBRATED, kind)
        assert fit.intercept == pytest.approx(PRIOR.scale_mean * default.intercept, abs=1e-3)
        scaled = {name: PRIOR.scale_mean * weight for name, weight in default.weights.items()}
        assert fit.weights == pytest.approx(dict.fromkeys(fit.weights, 0.0) | scaled, abs=1e-3)


def test_a_monotone_fit_keeps_every_order():
    rows, right, groups = drawn(3, 90)
    made = fit_calibration(rows, right, groups, model="", data="", date="", monotone=True)
    assert "each weight" not in made.card.moved
    silent = [{k: v for k, v in row.items() if k not in CAPTION_MEASURES or k == "elsewhere"} for row in rows]
    order = np.argsort([odds(UNCALIBRATED, row) for row in [*rows, *silent]])
    after = np.array([odds(made, row) for row in [*rows, *silent]])
    assert (np.diff(after[order]) >= -2e-3).all()  # weights are rounded to four decimals


@given(seed=st.integers(0, 10**6), count=st.integers(5, 60), captions=st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_the_fit_is_the_most_probable_one(seed, count, captions):
    """Against the posterior of plain weights, written down again: no small step makes it likelier."""
    rows, right, groups = drawn(seed, count)
    rng = np.random.default_rng([seed, 1])
    for row in rows:
        if rng.random() > captions:
            for name in CAPTION_MEASURES.keys() - {"elsewhere"}:
                del row[name]
    labels = labelled(rows, right, groups)
    found = moved(labels, UNCALIBRATED, PRIOR)
    made, scale, shift = found.calibration, found.scale, found.shift
    best = posterior(made, scale, shift, labels)
    for _ in range(20):
        step = rng.normal(0, 0.1, 2)
        nearby = max(LEAST_SCALE, scale + step[0])
        near = {
            kind: Fit(
                intercept=fit.intercept,
                weights={
                    name: (min if name in AGAINST else max)(0.0, weight + rng.normal(0, 0.3))
                    for name, weight in fit.weights.items()
                },
            )
            for kind, fit in (("captioned", made.captioned), ("silent", made.silent))
        }
        other = posterior(made.model_copy(update=near), nearby, shift + step[1], labels)
        assert other <= best + 1e-3


def posterior(made, scale, shift, labels):
    """The log posterior, up to a constant; intercepts follow from the scale and the shift."""
    total = -(shift**2) / PRIOR.shift**2 / 2 - (scale - PRIOR.scale_mean) ** 2 / PRIOR.scale**2 / 2
    for captioned in (True, False):
        fit, default = (
            (made.captioned, UNCALIBRATED.captioned) if captioned else (made.silent, UNCALIBRATED.silent)
        )
        mine = [each for each in labels if (each.measures.keys() >= CAPTION_MEASURES.keys()) == captioned]
        if not mine:
            continue
        names = list(fit.weights)
        table = np.array([[each.measures[name] for name in names] for each in mine])
        weights = np.array([fit.weights[name] for name in names])
        before = np.array([default.weights.get(name, 0.0) for name in names])
        middle, spread = table.mean(axis=0), table.std(axis=0)
        weights = np.where(spread > 1e-6, weights, scale * before)
        sure = shift + scale * (default.intercept + before @ middle) + (table - middle) @ weights
        truth = np.array([each.right for each in mine], float)
        total += truth @ sure - np.logaddexp(0, sure).sum()
        total -= (((weights - scale * before) * spread / PRIOR.weights) ** 2).sum() / 2
    return total


@pytest.mark.parametrize("prior", [PRIOR, MONOTONE, Prior(5.0, 1.0, 1.0, 3.0)])
def test_signs_hold_whatever_labels_say(prior):
    rows, right, groups = drawn(4, 90)
    turned = labelled(rows, [not each for each in right], groups)
    made = moved(turned, UNCALIBRATED, prior).calibration
    for fit in (made.captioned, made.silent, made.uncaptioned):
        assert all((value <= 0) if name in AGAINST else (value >= 0) for name, value in fit.weights.items())


def test_the_default_never_says_found_of_what_the_model_alone_names():
    best = dict.fromkeys(MODEL_MEASURES, 1.0) | {"share": 0.0}
    assert CAUTIOUS.verdict(UNCALIBRATED.confidence(best)) == "uncertain"
    silent = best | {"elsewhere": 1.0}
    assert CAUTIOUS.verdict(UNCALIBRATED.confidence(silent)) == "uncertain"
    other = best | dict.fromkeys(CAPTION_MEASURES, 0.0)
    assert CAUTIOUS.verdict(UNCALIBRATED.confidence(other)) == "not found"
    said = other | {"similarity": 1.0, "said": 1.0, "agreed": 1.0}
    assert CAUTIOUS.verdict(UNCALIBRATED.confidence(said)) == "found"


def test_confidence_is_logistic_and_stays_within_bounds():
    fit = Fit(intercept=0.0, weights={"start": 2.0})
    assert fit.confidence({"start": 0.0}) == 0.5
    assert fit.confidence({"start": 1.0}) == pytest.approx(0.8808, abs=1e-4)
    assert Fit(intercept=1e9, weights={}).confidence({}) == 1.0
    assert Fit(intercept=-1e9, weights={}).confidence({}) == 0.0


@pytest.mark.parametrize("name", ["some/model", "/etc/model", "../../model", ".."])
def test_a_calibration_lies_in_its_folder_whatever_a_server_calls_its_model(tmp_path, monkeypatch, name):
    monkeypatch.setattr(calibration, "OWN_CARDS", tmp_path)
    place = tmp_path / card_name(name)
    assert place.resolve().parent == tmp_path.resolve()
    place.write_text(fitted().model_dump_json())
    assert load_calibration(name) == fitted()
    assert load_calibration(f"{name}_") is UNCALIBRATED
