"""The `footage` command from outside: what it prints where, and how it exits."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from footage.core.config import CARD_VARIABLES, Settings
from footage.core.errors import StoreError, UsageError
from footage.vlm.profiles import PROFILES
from ui.cli import console, formatting, options
from ui.cli.commands.ui import environment
from ui.cli.groups import Command
from ui.cli.main import app

COMMANDS = (
    *("search", "find", "ask", "point", "track"),
    *("index", "status", "retry", "forget", "prune", "db", "captions"),
    *("export", "reel", "verify", "save", "review", "correct"),
    *("calibrate", "audit", "eval", "models", "ui", "demo", "doctor"),
)
ROOT = Path(__file__).resolve().parents[1]
runner = CliRunner()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(f"FOOTAGE_{name}", raising=False)
    for name in ("HF_TOKEN", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name in CARD_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def footage(*arguments: str, **options_: object) -> subprocess.CompletedProcess[str]:
    code = "from ui.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, **options_
    )


# Help and usage


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"$ footage {command}" in result.stdout


@pytest.mark.parametrize("command", [*COMMANDS, "eval run"])
def test_whatever_takes_a_model_may_be_allowed_to_use_a_remote_server(command: str) -> None:
    help_ = runner.invoke(app, [*command.split(), "--help"]).stdout
    assert bool(re.search(r"--model +NAME", help_)) == ("--allow-remote" in help_)


def test_the_main_help_lists_every_command_and_the_exit_codes() -> None:
    result = runner.invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(f" {command} " in result.stdout for command in COMMANDS)
    words = " ".join(result.stdout.split())
    assert all(part in words for part in ("0 success", "1 could not run", "2 bad usage", "3 partial success"))


def test_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.split()[0]) == (0, "footage")


@pytest.mark.parametrize(
    "arguments",
    [
        ["serch"],
        ["search"],
        ["search", "a", "--limit", "0"],
        ["search", "a", "--limit", "many"],
        ["search", "a", "--nonsense"],
        ["find", "a.mp4"],
        ["ui", "--port", "0"],
        ["index"],
    ],
)
def test_what_the_parser_refuses_is_bad_usage(arguments: list[str]) -> None:
    result = runner.invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["search", ""], "query is empty"),
        (["search", " \t\n"], "query is empty"),
        (["search", "?!"], "contains no words"),
        (["search", "red " * 2500], "characters; at most"),
        (["find", "{clip}", ""], "query is empty"),
        (["search", "no cars"], "has only exclusions (no cars)"),
        (["search", "a dog THEN"], "THEN needs an event"),
        (["search", "a AND b THEN c"], "one of THEN, AND and WITHOUT"),
        (["search", "a car", "--limit", "50", "--page", "3"], "There is no page 3"),
        (["search"], "needs a query, --image FILE or --like VIDEO@TIME"),
        (["search", "a car", "--device", "gpu"], "--device cannot be 'gpu'"),
        (["find", "{clip}", "a car", "--model", "marlin-3b"], "no model 'marlin-3b'"),
        (["index", "{clip}", "--model", "marlin-3b"], "no model 'marlin-3b'"),
        (["find", "{clip}", "a car", "--model", "molmo2-4b"], "molmo2-4b cannot find"),
        (["search", "a car", "--model", "molmo2-4b"], "molmo2-4b cannot find"),
        (["index", "{clip}", "--window", "5", "--overlap", "5"], "must be smaller than window_seconds"),
        (["find", "{clip}", "a car", "--from", "soon"], "'soon' is not a time"),
        (["find", "{clip}", "a car", "--from", "0:05"], "no video from 0:05.0"),
    ],
)
def test_bad_usage_is_one_sentence(arguments: list[str], sentence: str, clip: Path) -> None:
    places = {"{clip}": str(clip)}
    result = runner.invoke(app, [places.get(part, part) for part in arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    [first, *_] = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert sentence in first
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["search", "a car"], "no index found at"),
        (["status"], "no index found at"),
        (["db", "reembed"], "no index found at"),
        (["find", "none.mp4", "a car"], "none.mp4"),
        (["find", "{folder}", "a car"], "is a folder, not a video"),
        (["find", "{pipe}", "a car"], "pipe.mp4 is a named pipe, not a video file"),
        (["ask", "{pipe}@0:01", "Who comes?"], "pipe.mp4 is a named pipe, not a video file"),
        (["models", "prompt", "{pipe}", "Describe it."], "pipe.mp4 is a named pipe, not a video file"),
        (["index", "none.mp4"], "none.mp4"),
        (["index", "{clip}", "--model", "{folder}"], "{folder}"),
        (["find", "{text}", "a car"], "notes.mp4"),
        (["find", "{clip}", "a car", "--model", "{folder}"], "{folder}"),
        (["find", "{clip}", "a car", "--model-path", "{folder}"], "{folder}"),
        (["status", "--db", "{folder}"], "{folder}"),
        (["index", "{empty}"], "no video file found in"),
        (["status", "--config", "none.toml"], "There is no config file none.toml"),
        (["index", "{clip}", "--log-file", "none/log", "--model", "demo"], "none/log cannot be written"),
        (["export", "--results", "none.jsonl"], "none.jsonl cannot be read: No such file or directory"),
        (["verify", "none.json"], "none.json cannot be read"),
        (["captions", "import", "none.jsonl"], "none.jsonl cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_run_is_one_sentence(
    arguments: list[str], sentence: str, clip: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    places = {
        "{clip}": str(clip),
        "{folder}": str(tmp_path),
        "{empty}": str(tmp_path / "empty"),
        "{pipe}": str(tmp_path / "pipe.mp4"),
        "{text}": str(tmp_path / "notes.mp4"),
    }

    def filled(text: str) -> str:
        for name, place in places.items():
            text = text.replace(name, place)
        return text

    result = runner.invoke(app, [filled(part) for part in arguments])
    assert (result.exit_code, result.stdout) == (1, "")
    assert filled(sentence) in result.stderr.splitlines()[0]
    assert "Traceback" not in result.stderr


def test_after_json_an_error_is_an_object_on_stderr() -> None:
    result = runner.invoke(app, ["search", "", "--json"])
    assert (result.exit_code, result.stdout) == (2, "")
    error = json.loads(result.stderr)
    assert error["error"] == "The query is empty."
    assert error["hint"]


def test_bad_settings_come_from_the_named_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("modle = 'demo'")
    result = runner.invoke(app, ["status", "--config", str(file)])
    assert result.exit_code == 2
    assert "Did you mean model?" in result.stderr


# What goes wrong inside

broken = typer.Typer()


@broken.command("fail", cls=Command)
def _fail(
    how: Annotated[str, typer.Argument()],
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    typer.echo("so far so good")
    raise {
        "usage": UsageError("The number is 7.", hint="Give 8."),
        "store": StoreError("The index is\x1b[2J full."),
        "bug": ZeroDivisionError("division by zero"),
        "stop": KeyboardInterrupt(),
        "partly": typer.Exit(console.EXIT_PARTLY),
    }[how]


@pytest.mark.parametrize(
    ("how", "code", "stderr"),
    [
        ("usage", 2, "error: The number is 7.\nGive 8.\n"),
        ("store", 1, "error: The index is\N{REPLACEMENT CHARACTER}[2J full.\n"),
        (
            "bug",
            1,
            "error: Something unexpected went wrong (ZeroDivisionError: division by zero).\n"
            "Run the command again with --debug to see where.\n",
        ),
        ("stop", 130, "error: Stopped.\nRun the same command again to go on.\n"),
        ("partly", 3, ""),
    ],
)
def test_exit_codes_and_wording(how: str, code: int, stderr: str) -> None:
    result = runner.invoke(broken, [how])
    assert (result.exit_code, result.stdout, result.stderr) == (code, "so far so good\n", stderr)


def test_debug_adds_the_traceback() -> None:
    result = runner.invoke(broken, ["bug", "--debug"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" not in runner.invoke(broken, ["bug"]).stderr


def test_a_reader_that_has_had_enough_gets_no_traceback() -> None:
    code = "import sys; sys.argv[0] = 'footage'; from ui.cli.main import main; main()"
    for command in (["models"], ["models", "--json"], ["--help"]):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        stderr = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=60)
        assert stderr == ""


def test_a_file_name_that_is_no_text_is_named_all_the_same(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.mp4"
    done = subprocess.run(
        [sys.executable, "-c", "from ui.cli.main import main; main()", "find", name, "a car"],
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b".mp4" in done.stderr


# Pieces


def test_plain_text_cannot_drive_the_terminal() -> None:
    assert console.plain(
        "a\x1b[31m\r\nb\udcff é"
    ) == "a\N{REPLACEMENT CHARACTER}[31m" + "\N{REPLACEMENT CHARACTER}" * 2 + ("b\N{REPLACEMENT CHARACTER} é")


def test_paths_are_shown_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert formatting.short_path(str(here / "a.mp4")) == "a.mp4"
    assert formatting.short_path(str(tmp_path / "b.mp4")) == f"~{os.sep}b.mp4"
    assert formatting.short_path("/elsewhere/c.mp4") == "/elsewhere/c.mp4"


def test_counts_agree_with_their_nouns() -> None:
    assert [formatting.count(n, "video") for n in (0, 1, 1234)] == ["0 videos", "1 video", "1,234 videos"]


def test_models_are_objects_one_a_line() -> None:
    result = runner.invoke(app, ["models", "--json"])
    assert result.exit_code == 0
    models = {line["name"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert models["marlin-2b"]["gated"] is True
    assert models["marlin-2b"]["weights_local"] is False
    assert models["demo"]["repository"] == "" and models["demo"]["runs"] == ["here"]
    marlin = models["marlin-2b"]
    assert (marlin["repository"], marlin["revision"][:8]) == ("NemoStation/Marlin-2B", "fd111fca")
    assert (marlin["billions"], marlin["skills"]) == (2.2, ["caption", "find", "ask"])
    assert marlin["sampling"]["temperature"] == 0 and "folder" not in marlin
    assert [line for line in result.stdout.splitlines() if str(ROOT) in line] == []


def test_models_as_a_table() -> None:
    result = runner.invoke(app, ["models"])
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert set(PROFILES) <= set(rows)
    response = ["qwen3_5", "2.2B", "Apache-2.0", "caption, find, ask", "here, server", "gated, not here"]
    assert [part for part in response if part not in rows["marlin-2b"]] == []
    assert "2M" in rows["demo"] and "server" not in rows["demo"]


def test_the_app_gets_its_settings_through_the_environment(tmp_path: Path) -> None:
    settings = Settings(db=tmp_path / "i", model="demo", device="cpu", allow_remote=True)
    response = environment(settings, config=Path("mine.toml"))
    assert response["FOOTAGE_DB"] == str(tmp_path / "i")
    assert (response["FOOTAGE_MODEL"], response["FOOTAGE_DEVICE"]) == ("demo", "cpu")
    assert response["FOOTAGE_ALLOW_REMOTE"] == "True"
    assert "FOOTAGE_MODEL_PATH" not in response
    assert response["FOOTAGE_CONFIG"] == str(Path("mine.toml").absolute())


@contextmanager
def started(tmp_path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The app as the command starts it, on a free port; ended at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "ui.cli", "ui", "--port", str(port), "--db", str(tmp_path / "none")]
    process = subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process, port
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_app_of_this_machine_alone_asks_for_no_token(tmp_path: Path, host: str) -> None:
    with started(tmp_path, "--host", host) as (process, port):
        assert process.stdout.readline() == f"The app is at http://{host}:{port} (Ctrl-C ends it).\n"
        process.terminate()
        assert "encrypted" not in process.communicate(timeout=60)[1]


def test_an_app_that_others_reach_asks_for_a_token_and_says_what_is_not_encrypted(tmp_path: Path) -> None:
    with started(tmp_path, "--host", "0.0.0.0") as (process, port):
        lines = [process.stdout.readline().strip() for _ in range(3)]
        process.terminate()
        response = process.communicate(timeout=60)[1]
    assert lines[0] == "The app is at (Ctrl-C ends it):"
    place = rf"http://{re.escape(socket.gethostname())}:{port}/\?token=([\w-]{{43}})"
    edit = re.fullmatch(rf"to search and to edit\s+{place}", lines[1])[1]
    view = re.fullmatch(rf"to search only\s+{place}", lines[2])[1]
    assert edit != view and edit not in response and view not in response
    assert "not encrypted" in response and "docs/how-to/serve.md" in response
    assert (ROOT / "docs" / "how-to" / "serve.md").is_file()


def test_behind_a_proxy_that_asks_for_a_password_no_token_is_needed(tmp_path: Path) -> None:
    with started(tmp_path, "--allow-host", "Footage.example.org", "--no-token", "--json") as (process, _):
        assert json.loads(process.stdout.readline())["address"] == "https://footage.example.org"
        process.terminate()
        assert "the proxy must ask for a password" in process.communicate(timeout=60)[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0", "--no-token"], "--no-token would open the app"),
        (["--host", "192.0.2.1", "--no-token"], "--no-token would open the app"),
        (["--allow-host", "https://a.example"], "--allow-host cannot be"),
        (["--allow-host", "a.example:8501"], "--allow-host cannot be"),
        (["--allow-host", "*"], "--allow-host cannot be"),
    ],
)
def test_an_app_that_would_be_open_to_everyone_is_not_started(options: list[str], said: str) -> None:
    result = runner.invoke(app, ["ui", *options])
    assert result.exit_code == 2 and said in result.stderr


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = runner.invoke(app, ["ui", "--host", "127.0.0.1", "--port", port, "--db", str(tmp_path)])
    assert (
        result.exit_code == 1 and "cannot listen on 127.0.0.1" in result.stderr and "--port" in result.stderr
    )


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of drawn footage."""
    import numpy as np

    from footage.synthetic.clips import random_clip, write_clip

    path = tmp_path_factory.mktemp("clips") / "street.mp4"
    write_clip(random_clip(np.random.default_rng(1), duration_seconds=4.0), path, fps=10, width=96, height=64)
    return path


@pytest.mark.parametrize(
    "command", [["db", "check", "--nope"], ["captions", "export", "--out"], ["eval", "grounding"]]
)
def test_bad_usage_of_a_command_in_a_group_is_bad_usage(command: list[str]) -> None:
    result = runner.invoke(app, command)
    assert (result.exit_code, result.stdout) == (2, "") and "unexpected" not in result.stderr
