"""The table of the cards' capabilities: its tests exist, and nothing is missing without a reason."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from command_runner import CommandRunner

from footage.vlm.cards import CAPABILITIES, CardCapability, capabilities_of
from footage.vlm.profiles import PROFILES, VIDEO_SCAN
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
runner = CommandRunner()


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("named", sorted({test for row in CAPABILITIES for test in row.tests}))
def test_every_named_test_exists(named):
    file, _, name = named.partition("::")
    assert name.startswith("test_") and name in names_in(file)


def test_every_model_has_rows_in_the_order_of_the_profiles():
    assert list(dict.fromkeys(row.model for row in CAPABILITIES)) == list(PROFILES)
    keys = [(row.model, row.capability) for row in CAPABILITIES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("ours", "reason", "tests"),
    [("partly", "", ("a::test_b",)), ("yes", "why", ("a::test_b",)), ("yes", "", ())],
)
def test_a_row_without_its_reason_or_its_test_is_refused(ours, reason, tests):
    with pytest.raises(ValueError, match="demo, x"):
        CardCapability("demo", "x", ours, reason, tests)


@pytest.mark.parametrize("name", PROFILES)
def test_show_prints_the_rows_of_a_model(name):
    result = runner.invoke(app, ["models", "show", name])
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    for row in capabilities_of(name):
        assert row.ours in shown and row.capability.split()[0] in shown
    [line] = map(json.loads, runner.invoke(app, ["models", "show", name, "--json"]).stdout.splitlines())
    assert [row["capability"] for row in line["capabilities"]] == [
        row.capability for row in capabilities_of(name)
    ]
    assert line["name"] == name and line["revision"] == PROFILES[name].revision


def test_show_prints_the_notice_of_a_licence():
    shown = " ".join(runner.invoke(app, ["models", "show", VIDEO_SCAN.repository]).stdout.split())
    assert VIDEO_SCAN.notice in shown


def test_show_of_an_unknown_model_is_one_sentence():
    result = runner.invoke(app, ["models", "show", "marlin"])
    assert result.exit_code == 2 and "there is no model 'marlin'" in result.stderr
