"""What tables look like on a terminal of 80 columns, and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from standin_finder import TestVideo, index_videos
from test_ui_commands import bare_environment  # noqa: F401

from footage.core.types import File
from footage.embed.text_embedder import load_embedder
from ui.cli import console

DEEP = "a folder with a long name/and another one below it/of the camera at the gate/on day 2"
REASON = "it holds no video stream, and what it holds is of no kind that is known to be one"


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a file far down, with a clock, and of one that failed."""
    folder = tmp_path_factory.mktemp("deep") / DEEP
    folder.mkdir(parents=True)
    store = index_videos(
        folder, [TestVideo("gate", 40, 24.0, {"A white dog runs.": [(2, 6)]})], load_embedder()
    )
    failed = File(str(folder / "broken.mp4"), "", state="failed", reason=REASON, tries=3)
    store.files.put([failed, *store.files.all()])
    return store.path


def footage(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from ui.cli.main import main; main()", *arguments]


def on_80_columns(*arguments: str) -> list[str]:
    """The lines that a command shows on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    nothing = subprocess.DEVNULL
    with subprocess.Popen(
        footage(*arguments), stdin=nothing, stdout=theirs, stderr=nothing, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # how Linux says that the other end was closed
            pass
        assert process.wait(timeout=120) == 0
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r\n", "\n").splitlines()


COMMANDS = {
    "status --files": ("broken.mp4", "gate.mp4"),
    "status": ("index.lancedb", "broken.mp4"),
    "search dog --mode text --no-ground": ("gate.mp4",),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_on_80_columns_paths_are_cut_from_the_left_and_never_broken(deep: Path, command: str) -> None:
    shown = on_80_columns(*command.split(), "--db", str(deep))
    assert max(map(cell_len, shown)) <= 80
    for name in COMMANDS[command]:
        assert [line for line in shown if f"{name} " in f"{line} " and "\N{HORIZONTAL ELLIPSIS}" in line], (
            shown
        )


@pytest.mark.parametrize("command", COMMANDS)
def test_in_a_pipe_nothing_is_cut_or_wrapped(deep: Path, command: str) -> None:
    environment = {**os.environ, "COLUMNS": "80"}
    result = subprocess.run(
        footage(*command.split(), "--db", str(deep)),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    ).stdout
    for name in COMMANDS[command]:
        assert f"{DEEP}/{name}" in result
    assert command.startswith("search") or REASON in result


@pytest.mark.parametrize("model", ["qwen2.5-vl-7b", "marlin-2b"])
def test_names_and_licences_of_models_are_whole_on_80_columns(model: str) -> None:
    shown = on_80_columns("models")
    [line] = [line for line in shown if line.startswith(model)]
    assert "Apache-2.0" in line and max(map(cell_len, shown)) <= 80


@given(st.text(max_size=40), st.integers(1, 50))
def test_a_path_that_is_cut_ends_as_the_whole_one(text: str, columns: int) -> None:
    text = console.plain(text)
    cut = console.cut_from_left(text, columns)
    assert cell_len(cut) <= columns
    assert cut == text if cell_len(text) <= columns else text.endswith(cut[1:]) and cut[0] == "\u2026"
