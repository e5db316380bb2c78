"""What the command and the service exchange, and what the command finds without parsing its arguments."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.config import Settings, default_config_file
from ui.cli import start, wire

KINDS = st.sampled_from([wire.OUT, wire.ERR, wire.EXIT, wire.DECLINED, wire.DIFFERS])
FRAMES = st.lists(st.tuples(KINDS, st.binary(max_size=50)))


@given(FRAMES, st.integers(1, 9), st.integers(0, 60))
def test_frames_come_back_however_they_are_cut(sent, piece, lost):
    stream = b"".join(wire.frame(*each) for each in sent)
    whole = io.BytesIO(stream)
    assert [*wire.frames(lambda size: whole.read(min(size, piece)))] == sent
    cut = io.BytesIO(stream[: max(len(stream) - lost, 0)])
    got = [*wire.frames(cut.read)]
    assert got == sent[: len(got)]


@given(st.binary(max_size=40))
def test_what_is_no_frame_is_refused_or_ends(data):
    try:
        got = [*wire.frames(io.BytesIO(data).read)]
    except ValueError:
        return
    assert data.startswith(b"".join(wire.frame(*each) for each in got))


@given(st.lists(st.binary(min_size=1, max_size=40)), st.integers(1, 9))
def test_chunks_are_joined(parts, piece):
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    read = start.chunks(io.BytesIO(body))
    assert b"".join(iter(lambda: read(piece), b"")) == b"".join(parts)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["search", "--db", "a"], "a"),
        (["search", "--db=a b"], "a b"),
        (["search", "--db", "a", "--db=b"], "b"),
        (["search", "--", "--db", "a"], ""),
        (["search", "--db"], ""),
        (["search", "--dbx", "a"], ""),
    ],
)
def test_an_option_is_found_without_parsing(arguments, value):
    assert start.given(arguments, "--db") == value


@given(
    st.dictionaries(
        st.sampled_from(["FOOTAGE_MODEL", "FPS", "HOME", "PATH", "FOOTAGE_DB"]), st.text(max_size=5)
    )
)
def test_the_stamp_of_an_environment_shows_what_counts(variables):
    stamp = wire.environment_stamp(variables)
    assert stamp == wire.environment_stamp({**variables, "PATH": "elsewhere", "FOOTAGE_DB": "another"})
    assert stamp != wire.environment_stamp({**variables, "FPS": variables.get("FPS", "") + "1"})


def test_the_defaults_are_those_of_the_settings(monkeypatch):
    monkeypatch.delenv("FOOTAGE_DB", raising=False)
    assert str(Path(start.DEFAULT_DB).expanduser()) == str(Settings(model="demo").db)
    assert start.default_config() == default_config_file()


def test_the_client_imports_nothing_heavy():
    code = "import sys; import ui.cli.start; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert (
        loaded & {"typer", "rich", "pydantic", "numpy", "socket", "tomllib", "tempfile", "http", "email"}
        == set()
    )
