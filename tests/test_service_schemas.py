"""The lines of JSON: their page is up to date, and every line that commands print is described."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_runner import CommandRunner, described
from pydantic import ValidationError
from standin_finder import TestVideo, index_videos
from test_docs_reference import reference

from evaluation.schemas import COMMANDS
from footage.embed.text_embedder import load_embedder
from service.schemas.answers import CombinedMatchRecord, FindRecord, MatchRecord
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
CAR, DOG = "A red car drives by.", "A white dog runs."
runner = CommandRunner()


def test_the_page_is_what_the_tool_writes_now() -> None:
    command = [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run tools/reference.py"


def test_every_field_says_what_it_is() -> None:
    for records in COMMANDS.values():
        for record in records:
            assert record.__doc__
            for name, field in record.model_fields.items():
                assert field.description, f"{record.__name__}.{name}"


def test_a_line_has_the_keys_that_were_given_and_no_others() -> None:
    given = {"answers": 0, "outcome": "not found", "seconds_total": 1.5}
    looked = {"windows_looked_at": 1, "seconds_looked_at": 1.5, "windows_left_out": 0}
    line = FindRecord(type="coverage", query="a dog", **given, **looked).fields()
    assert line == {"type": "coverage", "query": "a dog", **given, **looked}
    assert next(iter(line)) == "type"
    with pytest.raises(ValidationError):
        FindRecord(type="coverage", query="a dog", **given, **looked, more=1)


def test_what_commands_print_is_what_the_models_describe(tmp_path: Path) -> None:
    video = TestVideo("order", 40, 25, {CAR: [(2, 6)], DOG: [(8, 12)]})
    db = index_videos(tmp_path, [video], load_embedder())

    def lines(*arguments: str) -> list[dict]:
        result = runner.invoke(app, [*arguments, "--db", str(db.path), "--json"])  # compares each line
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    plain, *_ = lines("search", DOG, "--no-ground")
    assert MatchRecord.model_validate(plain).fields() == plain
    combined, *_ = lines("search", "a red car drives by THEN a white dog runs", "--no-ground")
    assert CombinedMatchRecord.model_validate(combined).fields() == combined
    for arguments in (
        ["status"],
        ["status", "--files"],
        ["prune", "--dry-run"],
        ["forget", str(tmp_path / "order.mp4"), "--dry-run"],
        ["db", "check"],
        ["db", "upgrade"],
        ["review"],
        ["eval", "init", str(db.path), "--out", str(tmp_path / "truth.json")],
    ):
        assert lines(*arguments) or arguments == ["review"]


def test_lines_about_models_are_what_the_models_describe() -> None:
    for arguments in (["models"], ["models", "serve-command", "marlin-2b"]):
        result = runner.invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0 and result.stdout


def test_a_line_that_no_schema_describes_is_seen() -> None:
    line = json.loads(runner.invoke(app, ["models", "serve-command", "marlin-2b", "--json"]).stdout)
    assert described("models serve-command", line)
    assert not described("models serve-command", {**line, "more": 1})
    assert not described("models serve-command", {"command": line["command"]})


def test_every_command_with_json_has_a_schema() -> None:
    printing = {
        name
        for name, command in reference.all_commands()
        if any("--json" in parameter.opts for parameter in command.params)
    }
    assert printing - {"models"} == set(COMMANDS)  # "models" is "models list"
