"""`footage alerts`: the commands, and that what they print is what their schemas say."""

from __future__ import annotations

import json

import pytest
from command_runner import CommandRunner
from standin_model import BRIGHT, StandinEmbedder, StandinModel, write_levels

from footage.store.state.database import FILE_NAME
from service.session import Loaders
from ui.cli.main import app

D, B = 20, 220


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command on an index whose model tells bright from dark; gives its lines of JSON, or its text."""
    monkeypatch.setenv("FOOTAGE_DB", str(tmp_path / "index"))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    monkeypatch.setenv("FOOTAGE_TRACKS", "caption")
    model = StandinModel()
    runner = CommandRunner()
    runner.loaders = Loaders(lambda settings: model, lambda settings: StandinEmbedder())

    def command(*arguments, code=0):
        result = runner.invoke(app, [str(each) for each in arguments])
        assert result.exit_code == code, result.output + result.stderr
        if "--json" in arguments:
            return [json.loads(line) for line in result.stdout.splitlines()]
        return result.stdout + result.stderr

    library = tmp_path / "library"
    write_levels(library / "gate_2026-03-01_08-00-00.mp4", [D, B, B, D])
    command("index", library, "--camera-from", "{camera}_*", "--time-zone", "UTC")
    return command


def program(tmp_path, name="take", code=0):
    """A program that appends what it is given on standard input to a file, and ends with a code."""
    path = tmp_path / name
    path.write_text(f'#!/bin/sh\ncat >> "{tmp_path}/taken"\necho >> "{tmp_path}/taken"\nexit {code}\n')
    path.chmod(0o700)
    return path


def taken(tmp_path):
    return [json.loads(line) for line in (tmp_path / "taken").read_text().splitlines()]


def add(run, tmp_path, *more, name="bright", code=0):
    script = program(tmp_path, code=code)
    return run(
        *("alerts", "add", name, "--query", BRIGHT, "--from-start", "--command", f"{script} {{camera}}"),
        *more,
        "--json",
    )


def test_an_alert_from_its_making_to_its_history_and_removal(run, tmp_path):
    [made] = add(run, tmp_path, "--camera", "gate", "--cool-down", "90s", "--quiet-hours", "03:00-03:01")
    assert (made["name"], made["filters"], made["cool_down_seconds"]) == ("bright", 'camera:"gate"', 90.0)
    assert made["sinks"] == [{"kind": "command", "name": "command take"}]

    [test] = run("alerts", "test", "bright", "--json")
    assert test["delivered"] and taken(tmp_path)[0]["kind"] == "test"

    moment, summary = run("alerts", "run", "--json")
    assert (moment["camera"], moment["verdict"], moment["alert"]) == ("gate", "found", "bright")
    assert (summary["moments"], summary["delivered"], summary["problems"]) == (1, 1, [])
    assert taken(tmp_path)[1]["moments"][0]["id"] == moment["id"]
    assert run("alerts", "run", "--json")[-1]["windows"] == 0

    [entry] = run("alerts", "history", "--json")
    assert entry["id"] == moment["id"] and entry["deliveries"][0]["state"] == "delivered"
    [listed] = run("alerts", "list", "--json")
    assert (listed["moments"], listed["delivered"], listed["failed"]) == (1, 1, 0)

    assert run("alerts", "disable", "bright", "--json")[0]["enabled"] is False
    assert run("alerts", "enable", "BRIGHT", "--json")[0]["enabled"] is True
    assert run("alerts", "remove", "bright", "--json")[0]["removed"] is True
    assert run("alerts", "list", "--json") == run("alerts", "history", "--json") == []


def test_a_sink_that_fails_is_seen_and_its_letters_are_sent_again(run, tmp_path):
    add(run, tmp_path, code=7)
    [test] = run("alerts", "test", "bright", "--json", code=3)
    assert not test["delivered"] and "exit code 7" in test["error"]
    assert run("alerts", "run", "--json")[-1]["retrying"] == 1
    [entry] = run("alerts", "history", "--failed", "--json")
    assert entry["deliveries"][0]["attempts"] == 1 and "exit code 7" in entry["deliveries"][0]["last_error"]
    program(tmp_path)  # repaired
    assert run("alerts", "retry", "--json") == [{"type": "retry", "deliveries": 0}]  # it only waited
    assert run("alerts", "run", "--json")[-1]["delivered"] == 1
    assert run("alerts", "history", "--failed", "--json") == []


def test_what_people_read(run, tmp_path):
    assert "There is no alert." in run("alerts", "list")
    assert "No alert has found anything so far." in run("alerts", "history")
    script = program(tmp_path)
    added = run("alerts", "add", "bright", "--query", BRIGHT, "--from-start", "--command", script)
    assert "Added the alert 'bright'; it goes to: command take." in added
    said = run("alerts", "run")
    assert "bright: gate, 2026-03-01 08:00:0" in said and "1 windows examined, 1 new, 1 sent." in said
    assert "command take: delivered" in run("alerts", "history")
    shown = run("alerts", "show", "bright")
    assert "query:" in shown and BRIGHT in shown and "1 moments, 1 delivered" in shown
    assert BRIGHT in run("alerts", "list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--query", "x y", "--sink-option", "webhook:secret=env:A"), "--sink-option"),
        (("--query", "a car", "--desktop", "--sink-option", "desktop"), "KIND:NAME=VALUE"),
        (("--query", "a car", "--cool-down", "soon"), "--cool-down cannot be 'soon'"),
        (("--query", "a car", "--command", "'open"), "--command"),
        (("--query", "a car", "--search", "cars"), "needs a query or a saved search"),
        (("--search", "cars"), "there is no saved search 'cars'"),
        (("--query", "a car", "--webhook", "http://127.0.0.1/x"), "private network"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(run, arguments, said):
    assert said in run("alerts", "add", "cars", *arguments, code=2)
    assert run("alerts", "list", "--json") == []


def test_a_backup_takes_alerts_and_their_history_along(run, tmp_path):
    add(run, tmp_path)
    run("alerts", "run")
    before = run("alerts", "history", "--json")
    run("db", "backup", tmp_path / "copy")
    run("db", "restore", tmp_path / "copy", "--db", tmp_path / "again")
    assert (tmp_path / "again" / FILE_NAME).stat().st_mode & 0o077 == 0
    assert run("alerts", "history", "--json", "--db", tmp_path / "again") == before
    run("alerts", "remove", "bright")
    run("db", "backup", tmp_path / "copy", "--incremental")
    run("db", "restore", tmp_path / "copy", "--db", tmp_path / "third")
    assert run("alerts", "list", "--json", "--db", tmp_path / "third") == []
