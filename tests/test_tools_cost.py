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


@pytest.mark.parametrize(
    "options",
    [
        ("--overlap-seconds", "30"),
        ("--window-seconds", "4"),
        ("--busy-share", "0"),
        ("--busy-share", "1.5"),
        ("--days", "0"),
        ("--days", "1e-320"),
        ("--gpu-seconds-per-hour", "0"),
        ("--dollars-per-gpu-hour", "nan"),
        ("--vector-bytes=-1",),
        ("--hours", "1e400"),
        ("--hours", "many"),
        ("--hours", "0,5"),
    ],
    ids="=".join,
)
def test_impossible_numbers_are_refused_with_the_option(options, capsys):
    with pytest.raises(SystemExit, match="2"):
        cost.main([*options, "--json"])
    printed = capsys.readouterr()
    assert printed.out == "" and options[0].partition("=")[0] in printed.err.splitlines()[-1]


def test_hours_are_read_as_the_tables_write_them(capsys):
    assert printed(capsys, "--hours", "5,000") == printed(capsys, "--hours", "5000")


def test_the_source_of_a_given_assumption_is_given(capsys):
    cost.main(["--dollars-per-gpu-hour", "3", "--decode-cpu-seconds", "0.1", "--overlap-seconds", "5"])
    given = [line for line in capsys.readouterr().out.splitlines() if line.endswith("| given |")]
    assert sum("price of a GPU hour" in what for what in given) == 3
    assert sum("processor time to decode" in what for what in given) == 3
    assert sum("what neighbouring windows share" in what for what in given) == 1 and len(given) == 7
