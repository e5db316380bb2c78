"""Clocks and names from the command line."""

from __future__ import annotations

import json

import pytest
from test_indexer_recorder_files import TUER_NFC, TUER_NFD, filmed
from test_ui_commands import bare_environment  # noqa: F401 (a fixture)
from tiny_qwen35 import write_tiny_model
from typer.testing import CliRunner

from footage.store import Store
from ui.cli.main import app


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", profile="demo")


@pytest.fixture
def footage(model, tmp_path):
    """Runs a command on an index of its own, with a tiny random model."""

    def run(*arguments, uses_model=False):
        more = ["--model", str(model), "--device", "cpu"] if uses_model else []
        result = CliRunner().invoke(app, [*map(str, arguments), "--db", str(tmp_path / "db"), *more])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_clocks_that_differ_by_hours_are_reported_and_decided(footage, tmp_path):
    folder = tmp_path / "gate"
    path = filmed(folder / "cam_20240714_153000.mp4", creation_time="2024-07-14T15:30:00Z")
    berlin = ("--time-zone", "Europe/Berlin", "--camera-from", "folder")
    said = footage("index", folder, *berlin, uses_model=True)
    assert "2 h ahead of the time in the name" in said and "--container-clock gate=local" in said
    rows = map(json.loads, footage("index", folder, *berlin, "--json", uses_model=True).splitlines())
    (doubt,) = [row for row in rows if row["type"] == "clock doubt"]
    assert doubt == {
        "type": "clock doubt",
        "camera": "gate",
        "ahead_seconds": 7200.0,
        "burned_in": False,
        "used": "container",
        "paths": [str(path)],
    }
    said = footage("index", folder, *berlin, "--container-clock", "gate=local", uses_model=True)
    assert "Clocks differ" not in said
    assert "2024-07-14T15:30:00+02:00" in footage("status", "--files", "--json")


@pytest.mark.parametrize("options", [("--clock-from", "first"), ("--container-clock", "gate=Berlin")])
def test_what_makes_no_sense_is_refused(tmp_path, options):
    filmed(tmp_path / "a.mp4")
    result = CliRunner().invoke(app, ["index", str(tmp_path), *options, "--db", str(tmp_path / "db")])
    assert result.exit_code == 2 and result.stderr.startswith("error:") and options[1][-5:] in result.stderr


def test_a_file_is_forgotten_by_its_name_as_typed(footage, tmp_path):
    filmed(tmp_path / "films" / f"{TUER_NFD}.mp4")
    footage("index", tmp_path / "films" / f"{TUER_NFC}.mp4", uses_model=True)
    footage("forget", tmp_path / "films" / f"{TUER_NFC.upper()}.mp4")
    assert Store.open(tmp_path / "db").files.all() == []
