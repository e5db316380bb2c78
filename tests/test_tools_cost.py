"""What indexing costs: the page shows what the script prints, and the arithmetic follows the assumptions."""

from __future__ import annotations

import json

import pytest
from documented import ROOT

from tools import cost


def test_the_page_shows_the_tables_of_the_script():
    page = (ROOT / "docs" / "explanation" / "cost.md").read_text(encoding="utf-8")
    assumed = cost.Assumptions()
    for table in cost.tables(cost.HOURS, cost.rates(assumed), assumed):
        assert table in page, f"write this table into the page:\n{table}"


def printed(capsys, *options):
    cost.main([*options, "--json"])
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_own_rates_and_assumptions_replace_those_of_the_page(capsys):
    own = (
        "--gpu-seconds-per-hour",
        "180",
        "--dollars-per-gpu-hour",
        "2",
        "--days",
        "10",
        "--busy-share",
        "1",
    )
    [one, two] = printed(capsys, "--hours", "2400", "4800", *own, "--overlap-seconds", "0")
    assert (one["gpu_hours"], one["dollars"], one["gpus"]) == pytest.approx((120, 240, 0.5))
    assert one["windows"] == pytest.approx(2400 * 120)
    assert two["dollars"] == pytest.approx(2 * one["dollars"])


def test_overlap_is_shown_to_the_model_again(capsys):
    with_overlap = printed(capsys, "--hours", "100")
    without = printed(capsys, "--hours", "100", "--overlap-seconds", "0")
    ratio = {
        each["gpu"]: each["gpu_hours"] / other["gpu_hours"]
        for each, other in zip(with_overlap, without, strict=True)
    }
    assert ratio == pytest.approx({"L40S, 640x360": 1.2, "L40S, 1920x1080": 1.2, "A10G": 1.0})
