"""The commands end to end on drawn clips; the model is tiny and random, its words and spans mean nothing."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import stat
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_runner import CommandRunner
from tiny_qwen35 import write_tiny_model
from waiting import wait_until

from footage.core.config import CARD_VARIABLES, Settings
from footage.store import Store
from footage.synthetic.clips import random_clip, write_clip
from footage.vlm.changes import Changes, changed
from footage.vlm.profiles import DEMO, PROFILES
from indexer.library import content_id
from service import factories
from service.session import Loaders
from ui.cli.main import app

runner = CommandRunner()


def needs_demo_model(test: Any) -> Any:
    """Mark a test of the bundled model; where it has not been trained yet, skip it and say so."""
    there = any((PROFILES["demo"].folder or Path()).glob("*.safetensors"))
    return pytest.mark.demo_model(
        pytest.mark.skipif(not there, reason="needs the weights in data/demo-model")(test)
    )


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(f"FOOTAGE_{name}", raising=False)
    for name in CARD_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("FOOTAGE_TRACKS", "caption")  # tests of other tracks name them


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", profile="demo")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good clips and a file that is no video."""
    folder = tmp_path_factory.mktemp("library")
    for name, seed in (("gate", 1), ("it's yard", 2)):
        drawn = random_clip(np.random.default_rng(seed), duration_seconds=4.0)
        write_clip(drawn, folder / f"{name}.mp4", fps=10, width=96, height=64)
    (folder / "broken.mp4").write_bytes(b"no video at all " * 64)
    return folder


@pytest.fixture(scope="module")
def filled(model: Path, library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the library, and of nothing else."""
    db = tmp_path_factory.mktemp("index") / "index.lancedb"
    result = runner.invoke(app, ["index", str(library), "--db", str(db), "--model", str(model), "--json"])
    assert result.exit_code == 3, result.stderr
    return db


@pytest.fixture
def own(filled: Path, tmp_path: Path) -> Path:
    """An index of the library that a test may change."""
    return Path(shutil.copytree(filled, tmp_path / "own.lancedb"))


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_index_goes_on_past_a_bad_file_and_says_partly(model: Path, library: Path, tmp_path: Path) -> None:
    db = tmp_path / "index.lancedb"
    first = runner.invoke(app, ["index", str(library), "--db", str(db), "--model", str(model), "--json"])
    assert first.exit_code == 3
    *files, collection, summary = lines(first.stdout)
    states = {Path(file["path"]).name: file["state"] for file in files}
    assert states == {"gate.mp4": "indexed", "it's yard.mp4": "indexed", "broken.mp4": "failed"}
    assert (summary["indexed"], summary["failed"], summary["windows_captioned"]) == (2, 1, 2)
    assert collection["seconds_found"] == collection["seconds_indexed"] > 0
    assert (collection["type"], collection["files_of_unknown_length"]) == ("collection", 1)
    assert stat.S_IMODE(db.stat().st_mode) == 0o700

    again = runner.invoke(app, ["index", str(library), "--db", str(db), "--model", str(model)])
    assert again.exit_code == 3
    assert "2 already indexed, 1 failed" in again.stdout
    assert "broken.mp4" in again.stdout
    assert "Captioned" not in again.stdout


def test_the_exit_codes_are_those_of_the_reference(
    model: Path, library: Path, own: Path, tmp_path: Path
) -> None:
    """One case of each kind that the table names; other tests have more of each."""
    page = Path(__file__).resolve().parents[1] / "docs" / "reference" / "exit-codes.md"
    table = page.read_text("utf-8").partition("| Exit code |")[2].partition("\n\n")[0]
    (tmp_path / "empty").mkdir()
    forget = ["forget", str(library / "gate.mp4"), "--db", str(own)]
    at_model = ["--model", str(model)]
    cases: list[tuple[int, list[str]]] = [
        (0, ["search", "nothing like it", "--mode", "text", "--no-ground", "--db", str(own)]),
        (1, ["find", str(tmp_path / "none.mp4"), "a car", *at_model]),
        (1, ["index", str(tmp_path / "none.mp4"), "--db", str(own), *at_model]),
        (1, ["index", str(tmp_path / "empty"), "--db", str(own), *at_model]),
        (1, ["export", "--results", str(tmp_path / "none.jsonl")]),
        (1, ["index", str(library), "--prompt-file", str(tmp_path / "none.txt")]),
        (1, ["status", "--db", str(tmp_path / "none.lancedb")]),
        (2, ["search", ""]),
        (2, ["search", "a dog", "--limit", "many"]),
        (3, ["index", str(library), "--db", str(own), *at_model]),
    ]
    ended = {tuple(arguments): runner.invoke(app, arguments).exit_code for _, arguments in cases}
    assert ended == {tuple(arguments): code for code, arguments in cases}
    stopped, shown = on_a_terminal(forget, "\x03")
    assert (stopped, "Stopped." in shown) == (130, True)
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert documented == {code for code, _ in cases} | {stopped}


@pytest.mark.parametrize("logged", [False, True])
def test_without_a_terminal_progress_names_the_file_that_failed(
    model: Path, library: Path, tmp_path: Path, logged: bool
) -> None:
    command = ["index", str(library), "--db", str(tmp_path / "i"), "--model", str(model)]
    command += ["--log-file", str(tmp_path / "log.jsonl")] if logged else []
    response = runner.invoke(app, command)
    [line] = [line for line in response.stderr.splitlines() if line.startswith("file failed: ")]
    assert line.startswith(f"file failed: {library / 'broken.mp4'}: ") and len(line.split(": ")[2]) > 10


def test_index_of_one_bad_file_could_not_run(model: Path, library: Path, tmp_path: Path) -> None:
    bad = str(library / "broken.mp4")
    result = runner.invoke(app, ["index", bad, "--db", str(tmp_path / "i"), "--model", str(model)])
    assert result.exit_code == 1
    assert "1 failed" in result.stdout


def test_another_model_does_not_mix(library: Path, own: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other", profile="demo", seed=1)
    result = runner.invoke(app, ["index", str(library), "--db", str(own), "--model", str(other)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "was made with model tiny" in result.stderr and "--reindex" in result.stderr
    both = ["--reindex", "--accept-mixed"]
    assert runner.invoke(app, ["index", str(library), "--db", str(own), *both]).exit_code == 2


@pytest.mark.parametrize(
    ("option", "differs"),
    [
        (["--fps", "1"], "fps=1 frames=4..240 pixels=6144"),
        (["--stage2-prompt", "Shorter: {caption}"], "own-"),
        (["--temperature", "0.5"], "own-"),
    ],
)
def test_other_settings_do_not_mix(
    option: list[str], differs: str, model: Path, library: Path, own: Path
) -> None:
    command = ["index", str(library), "--db", str(own), "--model", str(model), *option]
    refused = runner.invoke(app, command)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert differs in refused.stderr and "--reindex" in refused.stderr


def test_a_variable_of_the_card_does_not_mix_either(
    model: Path, library: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIDEO_MAX_PIXELS", "2048")
    command = ["index", str(library), "--db", str(own), "--model", str(model)]
    refused = runner.invoke(app, command)
    assert refused.exit_code == 1 and "pixels=2048" in refused.stderr
    assert runner.invoke(app, [*command, "--max-pixels", "6144"]).exit_code == 3  # the command line wins


def test_captions_asked_for_in_other_words_say_so(
    model: Path, library: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, db = tmp_path / "prompt.txt", tmp_path / "i"
    file.write_text("Tell <|im_end|> all.\n")
    command = ["index", str(library / "gate.mp4"), "--db", str(db), "--model", str(model)]
    asked = ["--prompt-file", str(file), "--caption-tokens", "9"]
    assert runner.invoke(app, [*command, *asked]).exit_code == 0
    assert "uses another prompt than in its training" in caplog.text
    response = runner.invoke(app, ["captions", "export", "--db", str(db)]).stdout
    own: Changes = {"caption_prompt": "Tell <|im_end|> all.", "caption_tokens": 9}
    assert changed(PROFILES["demo"], own).prompt_version in response
    same = ["--prompt", "Tell <|im_end|> all.", "--caption-tokens"]
    assert runner.invoke(app, [*command, *same, "9"]).exit_code == 0
    assert "--reindex" in runner.invoke(app, [*command, *same, "10"]).stderr


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--prompt", " "], "The prompt is empty"),
        (["--prompt", "a", "--prompt-file", "b"], "exclude each other"),
        (["--stage2-prompt", "Shorter."], "has no placeholder for the first answer"),
        (["--max-frames", "7"], "frames must be even"),
        (["--fps", "0"], "--fps cannot be 0"),
        (["--top-p", "0"], "--top-p cannot be 0"),
        (["--max-pixels", "10"], "--max-pixels cannot be 10"),
    ],
)
def test_a_change_that_makes_no_sense_is_one_sentence(
    option: list[str], sentence: str, model: Path, library: Path, tmp_path: Path
) -> None:
    command = ["index", str(library / "gate.mp4"), "--db", str(tmp_path / "i"), "--model", str(model)]
    refused = runner.invoke(app, [*command, *option])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert sentence in refused.stderr.splitlines()[0]


def test_a_search_and_a_find_look_with_the_budget_they_are_given(
    filled: Path, model: Path, library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    budget = ["--fps", "1", "--max-frames", "4", "--max-pixels", "2048", "--model", str(model), "--json"]
    clip = str(library / "gate.mp4")
    for command in (["search", "a red car", "--db", str(filled)], ["find", clip, "a red car"]):
        caplog.clear()
        assert runner.invoke(app, [*command, *budget]).exit_code == 0
        assert "demo is shown windows at fps=1.0, max_frames=4, pixels_per_frame=2048" in caplog.text


def test_the_settings_change_the_model(model: Path) -> None:
    settings = Settings(model=str(model), device="cpu", fps=1, max_pixels=2048, temperature=0.5)
    profile = factories.load_model(settings).profile
    assert (profile.fps, profile.pixels_per_frame, profile.sampling.temperature) == (1, 2048, 0.5)


def test_status_as_text_and_json(filled: Path, library: Path) -> None:
    text = runner.invoke(app, ["status", "--db", str(filled)])
    assert text.exit_code == 0
    assert "0:08.0 of 0:08.0 indexed" in text.stdout and "done" in text.stdout
    assert "tiny, prompts marlin-2" in text.stdout
    assert "broken.mp4" in text.stdout

    status, collection, failure = lines(runner.invoke(app, ["status", "--db", str(filled), "--json"]).stdout)
    assert (status["videos"], status["windows"], status["files"]["failed"]) == (2, 2, 1)
    assert status["seconds_indexed"] == pytest.approx(8.0)
    assert [(model["model"], model["windows"]) for model in status["models"]] == [("tiny", 2)]
    assert status["last_run"]["outcome"] == "done" and status["size_bytes"] > 1000
    assert collection["seconds_found"] == collection["seconds_indexed"] == pytest.approx(8.0)
    assert (collection["files"], collection["files_of_unknown_length"]) == ({"indexed": 2, "failed": 1}, 1)
    assert collection["name"] == library.name
    assert (failure["type"], Path(failure["path"]).name) == ("failure", "broken.mp4")

    (failed,) = lines(runner.invoke(app, ["status", "--db", str(filled), "--failed", "--json"]).stdout)
    assert (Path(failed["path"]).name, failed["tries"]) == ("broken.mp4", 1)
    every = runner.invoke(app, ["status", "--db", str(filled), "--files"]).stdout
    assert every.count("indexed") == 2 and "failed" in every


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(
    own: Path, library: Path, tmp_path: Path
) -> None:
    before = sorted(path.name for path in own.rglob("*"))
    command = ["index", str(library), "--db", str(own), "--model", "demo", "--dry-run"]
    (response,) = lines(runner.invoke(app, [*command, "--json"]).stdout)
    assert (response["files"], response["windows_new"]) == ({"failed": 1, "indexed": 2}, 0)
    (other,) = lines(runner.invoke(app, [*command, "--json", "--window", "3", "--overlap", "1"]).stdout)
    assert (other["windows_new"], other["seconds_new"]) == (4, 8.0) and other["takes_seconds"] > 0
    text = runner.invoke(app, [*command, "--reindex", "--exclude", "gate*"])
    assert (
        text.exit_code == 0
        and "1 failed, 1 indexed, 1 new" in text.stdout
        and "0:04.0 of footage, about" in text.stdout
    )
    assert sorted(path.name for path in own.rglob("*")) == before


def test_a_dry_run_without_an_index_forecasts_and_makes_none(library: Path, tmp_path: Path) -> None:
    db = tmp_path / "folder" / "none"
    command = ["index", str(library), "--db", str(db), "--model", "demo", "--dry-run"]
    (response,) = lines(runner.invoke(app, [*command, "--json"]).stdout)
    assert (response["files"], response["windows_new"]) == ({"failed": 1, "new": 2}, 2)
    assert (response["seconds_new"], response["speed"], response["takes_seconds"]) == (8.0, None, None)
    text = runner.invoke(app, command)
    assert text.exit_code == 0 and "0:08.0 of footage. Nothing was changed." in text.stdout
    assert not db.parent.exists()


def test_a_refused_index_leaves_none_behind(library: Path, model: Path, tmp_path: Path) -> None:
    db = tmp_path / "i"
    for wrong in (["--model", str(tmp_path)], ["--model", str(model), "--embedder", str(tmp_path)]):
        refused = runner.invoke(app, ["index", str(library), "--db", str(db), *wrong])
        assert refused.exit_code in (1, 2) and not db.exists()


def test_an_empty_index_is_said_to_be_empty(tmp_path: Path) -> None:
    db = str(tmp_path / "i")
    Store.open(db, create=True)
    found = runner.invoke(app, ["search", "a red car", "--db", db, "--mode", "text"])
    assert (found.exit_code, found.stdout) == (0, "Nothing found.\n")
    said = "the index is empty (fill it with footage index FOLDER)"
    assert found.stderr == f"Nothing was searched: {said}.\n"
    status = runner.invoke(app, ["status", "--db", db])
    assert status.exit_code == 0 and f"none: {said}" in status.stdout


def test_a_log_for_machines(model: Path, library: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    command = ["index", str(library), "--db", str(tmp_path / "i"), "--model", str(model), "--log-file"]
    assert runner.invoke(app, [*command, str(log)]).exit_code == 3
    response = [line for line in lines(log.read_text()) if line["logger"].startswith("indexer.")]
    assert (response[0]["message"], response[-1]["message"]) == ("run begins", "run ends")
    assert sum(line["message"] == "window captioned" for line in response) == 2
    (failed,) = [line for line in response if line.get("state") == "failed"]
    assert failed["level"] == "warning" and failed["path"].endswith("broken.mp4")
    assert {"decode", "caption", "write"} <= response[-1]["stage_seconds"].keys()
    refused = runner.invoke(app, [*command, str(tmp_path / "none" / "log")])
    assert refused.exit_code == 1 and "cannot be written" in refused.stderr


def test_pruning_and_forgetting(own: Path, library: Path) -> None:
    pruned = runner.invoke(app, ["prune", "--db", str(own)])
    assert (pruned.exit_code, pruned.stdout) == (0, "Removed 0 files and 0 videos.\n")
    response = runner.invoke(app, ["forget", str(library / "it's yard.mp4"), "--db", str(own)])
    assert response.exit_code == 0 and "(1 file)" in response.stdout
    status, *_ = lines(runner.invoke(app, ["status", "--db", str(own), "--json"]).stdout)
    assert (status["videos"], status["files"]) == (1, {"indexed": 1, "failed": 1})
    again = runner.invoke(app, ["forget", str(library / "it's yard.mp4"), "--db", str(own)])
    assert again.exit_code == 2 and "has no video" in again.stderr


def test_a_dry_run_of_prune_and_forget_lists_and_removes_nothing(own: Path, library: Path) -> None:
    store = Store.open(own)
    [gone, kept] = [file for file in store.files.all() if file.state == "indexed"]
    store.files.put([replace(gone, state="gone")])
    prune = ["prune", "--db", str(own), "--dry-run"]
    assert lines(runner.invoke(app, [*prune, "--json"]).stdout) == [
        {"files": 1, "videos": 1, "dry_run": True, "paths": [gone.path]}
    ]
    text = runner.invoke(app, prune).stdout
    assert gone.path in text and "Would remove 1 file and 1 video. Nothing was removed." in text
    forget = ["forget", kept.path, "--db", str(own), "--dry-run"]
    [response] = lines(runner.invoke(app, [*forget, "--json"]).stdout)
    assert (response["content_id"], response["paths"], response["dry_run"]) == (
        kept.content_id,
        [kept.path],
        True,
    )
    assert "Nothing was removed." in runner.invoke(app, forget).stdout
    assert len(store.files.all()) == 3 and len(store.videos.all()) == 2
    removed = runner.invoke(app, ["prune", "--db", str(own)])  # without a terminal nothing is asked
    assert removed.stdout == "Removed 1 file and 1 video.\n" and len(store.videos.all()) == 1


def _as_a_terminal_starts_it() -> None:
    """Its terminal is stdin, and Ctrl-C counts, which it does not where the tests run in the background."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def on_a_terminal(arguments: list[str], answer: str) -> tuple[int, str]:
    """Run a command whose stdin and stderr are a terminal; type an answer where it asks.

    Returns:
        The exit code, and what the terminal showed.
    """
    ours, theirs = pty.openpty()
    code = "from ui.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_as_a_terminal_starts_it,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
                if shown.endswith(b"[y/N] "):
                    os.write(ours, answer.encode())
        except OSError:  # how Linux says that the other end was closed
            pass
        process.wait(timeout=120)
    os.close(ours)
    return process.returncode, shown.decode()


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("n\n", 0, 2), ("\n", 0, 2), ("\x03", 130, 2), ("y\n", 0, 1)]
)
def test_on_a_terminal_forget_asks_first(own: Path, library: Path, answer: str, code: int, left: int) -> None:
    arguments = ["forget", str(library / "gate.mp4"), "--db", str(own)]
    assert on_a_terminal(arguments, answer)[0] == code
    assert len(Store.open(own).videos.all()) == left


def test_what_failed_is_tried_again_when_asked(own: Path, model: Path) -> None:
    response = runner.invoke(app, ["retry", "--db", str(own), "--model", str(model), "--json"])
    assert response.exit_code == 1
    file, _, summary = lines(response.stdout)
    assert (Path(file["path"]).name, summary["failed"]) == ("broken.mp4", 1)


def test_a_backup_goes_back(own: Path, tmp_path: Path) -> None:
    copied = runner.invoke(app, ["db", "backup", str(tmp_path / "safe"), "--db", str(own)])
    assert copied.exit_code == 0 and "Copied 2 videos and 2 windows" in copied.stdout
    refused = runner.invoke(app, ["db", "restore", str(tmp_path / "safe"), "--db", str(own)])
    assert refused.exit_code == 2 and "already exists" in refused.stderr
    restored = runner.invoke(app, ["db", "restore", str(tmp_path / "safe"), "--db", str(tmp_path / "new")])
    assert restored.exit_code == 0
    status, *_ = lines(runner.invoke(app, ["status", "--db", str(tmp_path / "new"), "--json"]).stdout)
    assert status["videos"] == 2


def test_captions_go_out_and_in(filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "captions.jsonl"
    assert runner.invoke(app, ["captions", "export", "--out", str(out), "--db", str(filled)]).exit_code == 0
    plain = runner.invoke(app, ["captions", "export", "--db", str(filled)])
    assert lines(plain.stdout) == lines(out.read_text())
    taken = runner.invoke(app, ["captions", "import", str(out), "--db", str(tmp_path / "new"), "--json"])
    (counts,) = lines(taken.stdout)
    assert (counts["videos"], counts["windows"]) == (2, 2)
    piped = runner.invoke(
        app, ["captions", "import", "-", "--db", str(tmp_path / "piped")], input=plain.stdout
    )
    assert piped.exit_code == 0 and "2 windows of 2 videos" in piped.stdout
    over = runner.invoke(app, ["captions", "export", "--out", str(out), "--db", str(filled)])
    assert over.exit_code == 2 and "already exists" in over.stderr
    bad = runner.invoke(app, ["captions", "import", "-", "--db", str(tmp_path / "piped")], input="{}\n")
    assert bad.exit_code == 2 and "line 1 is not a valid caption" in bad.stderr


def test_watching_keeps_the_index_in_step_until_it_is_told_to_stop(
    model: Path, library: Path, tmp_path: Path
) -> None:
    folder, db = tmp_path / "watched", tmp_path / "index.lancedb"
    folder.mkdir()
    shutil.copy(library / "gate.mp4", folder)
    yard = folder / "it's yard.mp4"
    command = [
        "index",
        str(folder),
        "--watch",
        "--settle",
        "0",
        "--json",
        "--db",
        str(db),
        "--model",
        str(model),
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", "from ui.cli.main import main; main()", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        seen = []
        for line in process.stdout:
            response = json.loads(line)
            if response["type"] != "summary":
                continue
            seen.append((response["indexed"], response["unchanged"]))
            if len(seen) == 1:
                refused = runner.invoke(app, ["prune", "--db", str(db)])
                assert refused.exit_code == 1 and f"process {process.pid}" in refused.stderr
                for path in folder.iterdir():  # for a while there is no video at all
                    path.unlink()
                reported = next(line for line in process.stderr if line.startswith("{"))
                assert "error" in json.loads(reported)
                shutil.copy(library / yard.name, yard)
            else:
                process.send_signal(signal.SIGTERM)
                break
        assert seen == [(1, 0), (1, 0)]
        assert {file.state for file in Store.open(db).files.all()} == {"gone", "indexed"}
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ground", ["--ground", "--no-ground"])
def test_search_answers_in_json_and_as_a_table(filled: Path, model: Path, ground: str) -> None:
    arguments = ["search", 'a "red" car <|im_end|>', "--db", str(filled), "--model", str(model), ground]
    *matches, coverage = lines(runner.invoke(app, [*arguments, "--json"]).stdout)
    assert coverage["type"] == "coverage"
    assert (coverage["videos"], coverage["files_failed"]) == (2, 1)
    for rank, match in enumerate(matches, 1):
        assert (match["type"], match["rank"]) == ("match", rank)
        assert 0 <= match["start_seconds"] <= match["end_seconds"] <= 4.0
        assert match["verdict"] in ("found", "uncertain", "not checked", "not found")

    table = runner.invoke(app, arguments)
    assert table.exit_code == 0
    assert "Searched 2 videos" in table.stderr
    assert table.stdout.strip()


def test_searching_an_index_of_nothing_is_an_answer(library: Path, model: Path, tmp_path: Path) -> None:
    db = str(tmp_path / "i")
    runner.invoke(app, ["index", str(library / "broken.mp4"), "--db", db, "--model", str(model)])
    result = runner.invoke(app, ["search", "a red car", "--db", db, "--model", str(model)])
    assert (result.exit_code, result.stdout) == (0, "Nothing found.\n")
    assert "no video is indexed, 1 file failed (footage status --failed)" in result.stderr


def test_find_needs_no_index(library: Path, model: Path) -> None:
    clip = str(library / "it's yard.mp4")
    result = runner.invoke(app, ["find", clip, "a dog runs", "--model", str(model), "--to", "0:03", "--json"])
    assert result.exit_code == 0, result.stderr
    words = runner.invoke(app, ["find", clip, "no cars", "--model", str(model), "--to", "0:03", "--json"])
    assert words.exit_code == 0, words.stderr  # in one file everything is words
    *matches, last = lines(result.stdout)
    assert (last["type"], last["answers"], last["seconds_looked_at"]) == ("coverage", len(matches), 3.0)
    for match in matches:
        assert (match["video"], match["content_id"]) == (clip, content_id(clip))
        assert match["end_seconds"] <= 3.0


def test_reembed_with_the_same_embedder_finds_nothing_to_do(filled: Path) -> None:
    result = runner.invoke(app, ["db", "reembed", "--db", str(filled), "--json"])
    assert (result.exit_code, lines(result.stdout)) == (0, [{"embedder": "minilm", "vectors": 0}])


def test_settings_come_from_the_config_file(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"db = {json.dumps(str(filled))}")
    assert runner.invoke(app, ["status", "--config", str(file), "--json"]).exit_code == 0


def test_ctrl_c_says_how_to_go_on_and_the_next_run_does(model: Path, library: Path, tmp_path: Path) -> None:
    db = tmp_path / "index.lancedb"
    arguments = ["index", str(library), "--db", str(db), "--model", str(model)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from ui.cli.main import main; main()", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: db.exists() or process.poll() is not None, seconds=240)  # it is past the parser then
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    if process.returncode != 3:  # else it was through before the signal came
        assert process.returncode == 130, stderr
        assert stderr.splitlines()[-1] == "Run the same command again to go on."
        assert "Traceback" not in stderr
    assert runner.invoke(app, arguments).exit_code == 3
    [status, *_] = lines(runner.invoke(app, ["status", "--db", str(db), "--json"]).stdout)
    assert status["windows"] == 2


def test_predictions_are_scored(tmp_path: Path) -> None:
    truth, guess = tmp_path / "truth.txt", tmp_path / "guess.jsonl"
    truth.write_text("a 0 10##A door opens.\nb 5 9##A dog runs.\n")
    guess.write_text(
        '{"qid": 1, "pred_relevant_windows": [[0, 10, 1]]}\n{"qid": 2, "pred_relevant_windows": []}\n'
    )
    arguments = ["eval", "grounding", "--annotations", str(truth), "--predictions", str(guess)]
    arguments += ["--format", "charades"]
    [scores] = lines(runner.invoke(app, [*arguments, "--json"]).stdout)
    assert (scores["R@1@0.5"], scores["mIoU"], scores["queries"]) == (50.0, 50.0, 2)
    assert scores["beside"]["whole video"]["mIoU"] is None  # the format tells no lengths
    assert "R@1@0.5" in runner.invoke(app, arguments).stdout

    guess.write_text('{"qid": 1, "pred_relevant_windows": [[0, 10, 1]]}\n')
    lacking = runner.invoke(app, arguments)
    assert (lacking.exit_code, lacking.stdout) == (2, "")
    assert "1 of 2 queries have no prediction" in lacking.stderr


def test_golden_predictions_score_as_the_benchmark_says(test_data: Path) -> None:
    arguments = [
        *("eval", "grounding", "--json"),
        *("--annotations", str(test_data / "qvhighlights" / "highlight_val_release.jsonl")),
        *("--predictions", str(test_data / "goldens" / "qvh_sample_val_preds.jsonl")),
    ]
    [scores] = lines(runner.invoke(app, arguments).stdout)
    official = {"R@1@0.5": 53.94, "R@1@0.7": 34.84, "mAP": 32.20, "mAP@0.5": 54.96, "mAP@0.75": 31.01}
    assert {name: scores[name] for name in official} == official
    assert (scores["R@1@0.3"], scores["mIoU"]) == (67.48, 49.21)
    assert (
        scores["beside"]["oracle"]["R@1@0.5"] > scores["R@1@0.5"] > scores["beside"]["whole video"]["R@1@0.5"]
    )


def test_words_alone_are_searched_without_an_embedder(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("nobody asked for an embedder or a model")

    monkeypatch.setattr(runner, "loaders", Loaders(never, never, never))
    arguments = ["search", "zebra", "--db", str(own), "--mode", "text", "--no-ground", "--json"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert [line["type"] for line in lines(result.stdout)] == ["coverage"]


def test_doctor_looks_at_everything_and_says_what_to_do() -> None:
    result = runner.invoke(app, ["doctor", "--json"])
    checks = {check["name"]: check for check in lines(result.stdout)}
    names = [
        "Python",
        "torch",
        "video",
        "model",
        "verdicts",
        "captions",
        "embedder",
        "database",
        "index",
        "disk",
    ]
    assert list(checks) == [*names, "service", "privacy", "state", "extras"]
    for name in ("Python", "torch", "video", "embedder", "database", "index", "service", "state", "extras"):
        assert checks[name]["state"] == "ok", checks[name]
    gated = checks["model"]
    assert gated["state"] == "warn"
    assert "gated and there is no token" in gated["detail"] and "model not tested" in gated["detail"]
    for way in (
        "https://huggingface.co/NemoStation/Marlin-2B",
        "HF_TOKEN",
        "--model-path",
        "--model http://",
    ):
        assert way in gated["hint"]
    failed = [name for name in names if checks[name]["state"] == "fail"]
    assert result.exit_code == (1 if failed else 0)
    assert all(checks[name]["hint"] for name in failed)


@needs_demo_model
def test_doctor_trusts_the_demo_models_timeline() -> None:
    [check] = [c for c in lines(runner.invoke(app, ["doctor", "--json"]).stdout) if c["name"] == "captions"]
    assert check["state"] == "ok", check["detail"]


@needs_demo_model
def test_doctor_tests_the_chosen_model_itself() -> None:
    response = lines(runner.invoke(app, ["doctor", "--model", "demo", "--json"]).stdout)
    [tested] = [check for check in response if check["name"] == "model test"]
    assert tested["state"] == "ok", tested
    detail = tested["detail"]
    assert re.search(r"loaded in [\d.]+ s, [\d.]+ GiB .*; first answer after [\d.]+ s, \d+ tokens", detail)
    for name in ("asked when", "captions"):
        assert re.search(f"{name}: times for 3 of 3 events, scale (1.0|0.9)", detail)


@needs_demo_model
@pytest.mark.parametrize(
    ("finds", "states"),
    [(str(DEMO.folder), {"find model": "ok", "find test": "ok"}), ("molmo2-4b", {"find model": "fail"})],
)
def test_doctor_tests_a_find_model_of_its_own(finds: str, states: dict[str, str]) -> None:
    result = runner.invoke(app, ["doctor", "--find-model", finds, "--json"])
    checks = {check["name"]: check for check in lines(result.stdout)}
    assert checks["model"]["state"] == "warn"  # marlin-2b is not here
    assert {name: check["state"] for name, check in checks.items() if "find" in name} == states
    assert result.exit_code == ("fail" in states.values())
    if finds == "molmo2-4b":
        assert (
            "cannot find" in checks["find model"]["detail"] and "--find-model" in checks["find model"]["hint"]
        )


@pytest.mark.parametrize(
    "command", ["search", "index", "find", "ask", "models prompt", "audit", "review", "export"]
)
def test_missing_weights_are_told_before_anything_slow_with_what_to_do(
    command: str, tmp_path: Path, library: Path, own: Path
) -> None:
    clip, fresh, db = str(library / "gate.mp4"), tmp_path / "fresh.lancedb", ["--db", str(own)]
    # An embedder that is not there would be an error, too, if it were loaded first.
    absent = ["--embedder", "no/such-embedder"]
    if command == "review":
        assert runner.invoke(app, ["save", "cars", "a car", "--closely", *db]).exit_code == 0
    arguments = {
        "search": ["a car", *db, *absent],
        "index": [str(library), "--db", str(fresh), *absent],
        "find": [clip, "a car"],
        "ask": [clip, "Who comes?"],
        "models prompt": [clip, "Describe."],
        "audit": db,
        "review": ["cars", *db, *absent],
        "export": ["a car", "--out", str(tmp_path / "out"), *db, *absent],
    }[command]
    result = runner.invoke(app, [*command.split(), *arguments, "--model", "marlin-2b", "--json"])
    assert result.exit_code == 1, result.stdout
    [response] = lines(result.stderr)
    assert "weights of marlin-2b are not on this machine" in response["error"]
    for way in ("HF_TOKEN", "--model-path", "--model http://"):
        assert way in response["hint"]
    on_an_index = command in ("search", "audit", "review", "export")
    assert ("this index was captioned by tiny" in response["error"]) == on_an_index
    assert ("--no-ground" in response["hint"]) == (command in ("search", "export"))
    assert not fresh.exists()


def test_captions_are_searched_without_the_model(filled: Path) -> None:
    arguments = [
        "a car",
        "--db",
        str(filled),
        "--model",
        "marlin-2b",
        "--no-ground",
        "--mode",
        "text",
        "--json",
    ]
    result = runner.invoke(app, ["search", *arguments])
    assert result.exit_code == 0, result.stderr
    assert lines(result.stdout)[-1]["type"] == "coverage"


@needs_demo_model
def test_demo_answers_beside_the_truth_and_captions_once() -> None:
    first = runner.invoke(app, ["demo", "--queries", "4", "--json"])
    assert first.exit_code == 0, first.stderr
    *answers, said, shown, absent, summary = lines(first.stdout)
    assert summary["type"] == "demo"
    assert [(words["verdict"], words["ok"]) for words in (said, shown, absent)] == [
        ("found", True),
        ("found", True),
        ("not found", True),
    ]
    assert said["query"].startswith("said:") and shown["query"].startswith("shows:")
    assert {said["video"], shown["video"]} == {"park_announcements.mp4", "street_signs.mp4"}
    assert (summary["videos"], summary["queries"]) == (8, 4)
    assert len(answers) == 4
    for answer in answers:
        assert answer["video_ok"] == (answer["video"] in answer["true_videos"])
    assert summary["video_R@1"] == pytest.approx(sum(a["video_ok"] for a in answers) / 4, abs=1e-3)
    assert summary["mIoU"] == pytest.approx(sum(a["iou"] for a in answers) / 4, abs=1e-3)

    second = runner.invoke(app, ["demo", "--queries", "4"])
    assert second.exit_code == 0
    figures = " ".join(
        f"{k}={summary[k]:g}" for k in ("videos", "queries", "video_R@1", "span_R@1@0.5", "mIoU")
    )
    assert f"demo: {figures}" in second.stdout
    assert said["query"] in second.stdout and absent["query"] in second.stdout
    assert "footage ui --db" in second.stdout
