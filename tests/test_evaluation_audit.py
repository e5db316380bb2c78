"""A short audit of drawn footage by the demo models, by the command line."""

from __future__ import annotations

import json

import pytest

from evaluation.suites.__main__ import main
from evaluation.suites.corrupted import PLANTED


def test_planted_errors_are_found_and_nothing_else(tmp_path, capsys):
    arguments = ["audit", "--seed", "11", "--videos", "4", "--rate", "0.1", "--keep", str(tmp_path), "--json"]
    assert main(arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["model"], figures["find_model"]) == ("demo", "demo-find")
    planted = sum(figures[f"{kind}_planted"] for kind in PLANTED)
    found = sum(figures[f"{kind}_planted"] * figures[f"{kind}_recall"] for kind in PLANTED)
    assert planted >= 10
    assert found >= 0.8 * planted
    assert figures["precision"] >= 0.8  # of about 15 reported errors: three wrong ones
    assert figures["entries"] == figures["with_error"] + figures["without_error"]
    assert 0 <= figures["raw_rate"] <= 1
    assert figures["corrected_rate_interval"][0] <= figures["corrected_rate_interval"][1]
    # Nothing is asked again: the answers are kept.
    assert main(arguments) == 0
    again = json.loads(capsys.readouterr().out)
    assert {**again, "seconds": 0} == {**figures, "seconds": 0}


def test_a_rate_that_leaves_nothing_right_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["audit", "--rate", "0.5"])
    assert "0.15" in capsys.readouterr().err
