"""A command that the service runs is the command run alone: its output, its exit code, its end."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_service import serving
from standin_model import StandinEmbedder, StandinModel, write_levels
from typer.testing import CliRunner
from waiting import wait_until

from footage.core.config import CARD_VARIABLES, Settings, load_settings
from footage.core.service_socket import socket_path
from service.cancellation import CancelToken
from service.session import Loaders, Service
from ui.cli import start, wire
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
CLIENT = [sys.executable, "-m", "ui.cli"]


class HeldModel(StandinModel):
    """Waits in its first step for as long as a test wants."""

    def __init__(self) -> None:
        super().__init__(max_batch=1)
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()

    def run(self, requests):
        self.entered.set()
        self.go.wait(60)
        return super().run(requests)


@pytest.fixture(scope="module")
def model():
    return HeldModel()


@pytest.fixture(scope="module")
def loaders(model):
    embedder = StandinEmbedder()
    return Loaders(model=lambda settings: model, embedder=lambda settings: embedder)


@pytest.fixture(scope="module", autouse=True)
def environment(tmp_path_factory, module_runtime):
    """The same for the service, which is this process, and for its clients, which inherit it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", *map(str.upper, Settings.model_fields)):
            patch.delenv(f"FOOTAGE_{name}", raising=False)
        for name in (*CARD_VARIABLES.values(), "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home))
        patch.setenv("FOOTAGE_TRACKS", "caption")
        patch.setenv("FOOTAGE_MODEL", "demo")
        patch.setenv("PYTHONPATH", str(ROOT))
        yield home


@pytest.fixture(scope="module")
def library(tmp_path_factory, environment):
    folder = tmp_path_factory.mktemp("library")
    write_levels(folder / "gate.mp4", [20] * 6 + [220] * 6)
    write_levels(folder / "Höfe über Nacht ✓.mp4", [220] * 4 + [20] * 8)
    return folder


@pytest.fixture(scope="module")
def db(tmp_path_factory, library, loaders):
    path = tmp_path_factory.mktemp("index") / "index.lancedb"
    made = CliRunner().invoke(app, ["index", str(library), "--db", str(path)], obj=loaders)
    assert made.exit_code == 0, made.stderr
    return path


@pytest.fixture(scope="module")
def commands(db, loaders):
    with serving(Service(load_settings(db=db), loaders=loaders)) as running:
        yield running


def client(*arguments, service="always", **options):
    """Run the command as a shell does."""
    return subprocess.run(
        [*CLIENT, *arguments, "--service", service], capture_output=True, timeout=120, **options
    )


def alone(loaders, *arguments):
    """Run the command in this process, without the service."""
    return CliRunner().invoke(app, arguments, obj=loaders)


# The same as alone


LIKE_ALONE = [
    ["search", "the picture is bright", "--no-ground"],
    ["search", "the picture is bright", "--no-ground", "--json"],
    ["search", "the picture is bright"],
    ["search", "dark THEN bright", "--json"],
    ["search", "dark", "-n", "1", "--group", "video", "--quiet", "--no-ground"],
    ["search", "dark", "--limit=2", "--page", "2", "--no-ground"],
    ["search", 'Höfe ✓ "', "--mode", "text", "--no-ground"],
    ["search", 'path:nothing-like-this "dark"', "--no-ground"],
    ["search", " ", "--no-ground"],
    ["search", " ", "--no-ground", "--json"],
    ["search"],
    ["search", "dark", "--like", "gate.mp4@1", "--json"],
    ["status"],
    ["status", "--json"],
    ["status", "--files"],
    ["status", "--failed"],
    ["status", "--failed", "--files", "--json"],
]
TIMES = {"retrieve_seconds", "load_seconds", "ground_seconds"}


def steady(line: bytes) -> object:
    """A line of output; of JSON without how long things took."""
    if not line.startswith(b"{"):
        return line
    return {name: value for name, value in json.loads(line).items() if name not in TIMES}


@pytest.mark.parametrize("arguments", LIKE_ALONE, ids=" ".join)
def test_the_output_is_that_of_the_command_alone(commands, db, loaders, monkeypatch, arguments):
    monkeypatch.chdir(ROOT)
    command = [*arguments, "--db", str(db)]
    expected, served_before = alone(loaders, *command), commands.ended
    got = client(*command)
    assert commands.ended == served_before + 1
    assert [*map(steady, got.stdout.splitlines())] == [*map(steady, expected.stdout_bytes.splitlines())]
    assert got.stderr == expected.stderr_bytes
    assert got.returncode == expected.exit_code


def test_paths_are_shortened_as_seen_from_the_client(commands, db, loaders, library, monkeypatch):
    command = ["search", "dark", "--no-ground", "--db", str(db)]
    monkeypatch.chdir(library)
    expected = alone(loaders, *command)
    monkeypatch.chdir(ROOT)
    got = client(*command, cwd=library)
    assert (got.stdout, got.stderr) == (expected.stdout_bytes, expected.stderr_bytes)
    assert b"gate.mp4" in got.stdout and str(library).encode() not in got.stdout


def on_a_terminal(arguments, *, columns, **options):
    """Run a command whose stdout is a terminal; what it shows, and the exit code."""
    ours, theirs = pty.openpty()
    os.set_blocking(theirs, True)
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "40"}
    with subprocess.Popen(
        arguments, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environment, **options
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # how Linux says that the other end was closed
            pass
        errors = process.stderr.read()
    os.close(ours)
    return shown, errors, process.returncode


@pytest.mark.parametrize("columns", [50, 120])
def test_a_terminal_shows_the_same(commands, db, columns):
    command = [*CLIENT, "search", "dark", "--mode", "text", "--no-ground", "--db", str(db), "--service"]
    before = commands.ended
    got = on_a_terminal([*command, "always"], columns=columns)
    assert commands.ended == before + 1
    assert got == on_a_terminal([*command, "never"], columns=columns)
    seen = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", got[0].decode())
    assert b"\x1b[" in got[0] and max(map(len, seen.splitlines())) <= columns


def test_the_index_of_the_environment_and_of_the_config_file(commands, db, environment, loaders, tmp_path):
    command = ["search", "dark", "--no-ground"]
    expected = alone(loaders, *command, "--db", str(db)).stdout_bytes
    assert client(*command, env={**os.environ, "FOOTAGE_DB": str(db)}).stdout == expected
    config = environment / "footage" / "config.toml"
    config.parent.mkdir(mode=0o700, exist_ok=True)
    config.write_text(f"db = {json.dumps(str(db))}\n")
    try:
        assert client(*command).stdout == expected
    finally:
        config.unlink()


def test_commands_at_once_do_not_mix(commands, db, loaders):
    queries = [f"{word} {number}" for number in range(6) for word in ("bright", "dark", "plain")]
    asked = [["search", query, "--no-ground", "--json", "--db", str(db)] for query in queries]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda command: client(*command), asked))
    for query, answer in zip(queries, answers, strict=True):
        lines = [json.loads(line) for line in answer.stdout.splitlines()]
        assert (answer.returncode, answer.stderr) == (0, b"")
        assert lines[-1]["query"] == query and [line["type"] for line in lines].count("coverage") == 1


# Not by the service


def declined(got):
    """The reason why the service did not run a command, of a client that insists on it."""
    assert (got.returncode, got.stdout) == (1, b""), got.stderr
    return json.loads(got.stderr)["error"] if got.stderr.startswith(b"{") else got.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "variables", "reason"),
    [
        (["search", "dark", "--page", "0x"], {}, "cannot be parsed"),
        (["search", "--no-such-option"], {}, "cannot be parsed"),
        (["search", "dark", "--model", "marlin-2b"], {}, "another model"),
        (["search", "dark", "--max-frames", "12"], {}, "another max_frames"),
        (["search", "dark"], {"FOOTAGE_FOUND_FROM": "0.9"}, "environment"),
        (["search", "dark"], {"VIDEO_MAX_PIXELS": "200704"}, "environment"),
        (["search", "dark"], {"TZ": "Asia/Tokyo"}, "environment"),
        (["search", "--image", "photo.jpg"], {}, "relative to another folder"),
        (["search", "--like", "gate.mp4@1"], {}, "relative to another folder"),
        (["search", "dark", "--rerank", "models/one"], {}, "relative to another folder"),
        (["search", "no text \udcff"], {}, "cannot read the command"),
    ],
)
def test_what_may_differ_is_left_to_the_client(commands, db, tmp_path, arguments, variables, reason):
    environment = {**os.environ, **variables}
    got = client(*arguments, "--json", "--db", str(db), cwd=tmp_path, env=environment)
    assert reason in declined(got)


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--help"],
        ["search", "dark", "-qh"],
        ["search", "dark", "--debug"],
        ["search", "dark", "--verbose"],
        ["search", "--image", "-"],
        ["index", "folder"],
        ["models"],
        ["--version"],
        [],
    ],
)
def test_what_belongs_to_the_client_is_not_asked(arguments):
    assert not start.may_be_served(arguments)


def test_a_service_with_other_settings_is_mentioned(commands, db):
    command = ["search", "dark", "--mode", "text", "--no-ground", "--max-frames", "12", "--db", str(db)]
    note = b"note: the running service is not used. The service has another max_frames"
    assert client(*command, service="auto").stderr.startswith(note)
    assert note not in client(*command, "--quiet", service="auto").stderr


def test_help_never_reaches_the_service(commands, db, capfd):
    """Even where the client has not seen that help is wanted."""
    body = start.request_body(["search", "dark", "--help"], start.Found(["--db", str(db)]))
    sent = []
    commands.runner(body, sent.append, CancelToken())
    [(kind, payload)] = wire.frames(io.BytesIO(b"".join(sent)).read)
    assert kind == wire.DECLINED and b"Help" in payload
    assert capfd.readouterr() == ("", "")


def test_other_code_is_refused(commands, db):
    request = json.loads(start.request_body(["status"], start.Found(["--db", str(db)])))
    sent = []
    commands.runner(json.dumps({**request, "code": "another"}).encode(), sent.append, CancelToken())
    [(kind, payload)] = wire.frames(io.BytesIO(b"".join(sent)).read)
    assert kind == wire.DIFFERS and b"another version" in payload


def test_without_a_service_the_command_runs_by_itself(db, runtime, loaders):
    elsewhere = dict(os.environ)
    command = ["search", "dark", "--mode", "text", "--no-ground", "--db", str(db)]
    expected = alone(loaders, *command)
    got = client(*command, service="auto", env=elsewhere)
    assert (got.stdout, got.stderr) == (expected.stdout_bytes, expected.stderr_bytes)
    refused = client(*command, env=elsewhere)
    assert refused.returncode == 1 and refused.stdout == b""
    assert refused.stderr.decode() == (
        f"error: No service of the index {db} runs.\nStart one: footage serve --db {db}\n"
    )


def test_never_means_never(commands, db):
    before = commands.begun
    got = client("status", "--db", str(db), service="never")
    assert got.returncode == 0 and commands.begun == before
    got = client("status", "--db", str(db), service="sometimes")
    assert got.returncode == 2 and commands.begun == before + 1  # the service leaves it to the parser


# Whose service


@contextmanager
def fake(path, answer):
    """A listener on a socket that answers the first connection with some bytes, and closes it."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    asked = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(120)

        def serve():
            with listener.accept()[0] as connection:
                if question := connection.recv(1 << 20):
                    asked.append(question)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        with socket.socket(socket.AF_UNIX) as last:  # ends a listener that nobody has asked
            last.connect(str(path))
        thread.join()


def answered(*frames):
    """An HTTP answer of some frames, cut off after them."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in frames)


FORGED = answered(wire.frame(wire.OUT, b"forged\n"), wire.frame(wire.EXIT, b"0"))


@pytest.fixture
def other(runtime, tmp_path):
    """Where the service of an index without one would listen."""
    return socket_path(tmp_path / "other.lancedb")


def test_a_folder_that_others_may_enter_is_not_trusted(other, tmp_path):
    command = ["status", "--db", str(tmp_path / "other.lancedb")]
    with fake(other, FORGED) as asked:
        other.parent.chmod(0o755)
        assert "No service" in declined(client(*command))
        assert asked == []
        other.parent.chmod(0o700)
        assert client(*command).stdout == b"forged\n"  # the test can fail


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("whose", ["socket", "folder"])
def test_a_socket_of_another_user_is_not_trusted(other, tmp_path, whose):
    with fake(other, FORGED) as asked:
        os.chown(other if whose == "socket" else other.parent, 12345, -1)
        assert "No service" in declined(client("status", "--db", str(tmp_path / "other.lancedb")))
        assert asked == []


# The service ends


def test_a_service_that_ends_before_it_answers_is_done_without(other, tmp_path):
    command = ["status", "--db", str(tmp_path / "other.lancedb")]
    with fake(other, answered()):
        got = client(*command, service="auto")
    assert got.returncode == 1 and b"no index found" in got.stderr  # as the command says by itself


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nnonsense", b"\0" * 99]
)
def test_an_answer_that_is_none_is_done_without(other, tmp_path, answer):
    with fake(other, answer):
        got = client("status", "--db", str(tmp_path / "other.lancedb"), service="auto")
    assert got.returncode == 1 and b"no index found" in got.stderr


def test_a_service_that_ends_in_the_middle_is_one_sentence(other, tmp_path):
    command = ["status", "--db", str(tmp_path / "other.lancedb")]
    with fake(other, answered(wire.frame(wire.OUT, b"first\n"), wire.frame(wire.EXIT, b"0")[:3])):
        got = client(*command, service="auto")
    assert (got.returncode, got.stdout) == (1, b"first\n")
    assert b"ended before its answer did" in got.stderr and len(got.stderr.splitlines()) == 2


def test_a_stale_socket_is_no_service(other, tmp_path):
    other.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(other))
    got = client("status", "--db", str(tmp_path / "other.lancedb"), service="auto")
    assert got.returncode == 1 and b"no index found" in got.stderr


def test_a_killed_service_is_done_without(db, monkeypatch, runtime, tmp_path):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
    asked = tmp_path / "asked"
    serve = [sys.executable, str(ROOT / "tests" / "serve_commands.py"), str(db), str(asked)]
    search = ["search", "dark", "-n", "1", "--mode", "text", "--fresh", "--db", str(db)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE) as service:
        assert service.stdout.readline() == b"ready\n"
        with subprocess.Popen([*CLIENT, *search], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            wait_until(asked.exists)
            service.kill()
            out, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    assert b"verdict" in out


# The client ends


@pytest.fixture
def held(model, commands):
    """The model, which waits in its first step until ``go`` is set."""
    model.entered.clear()
    model.go.clear()
    model.log.clear()
    yield model
    model.go.set()
    wait_until(lambda: commands.begun == commands.ended)


def test_ctrl_c_ends_the_client_and_the_work(commands, held, db):
    command = [*CLIENT, "search", "bright", "--fresh", "--exhaustive", "--db", str(db), "--service", "always"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_lets_ctrl_c_count
    ) as process:
        wait_until(held.entered.is_set)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert errors.decode().endswith("error: Stopped.\nRun the same command again to go on.\n")
    held.go.set()
    wait_until(lambda: commands.begun == commands.ended)
    assert 0 < len(held.log) < 4, held.log  # of eight windows


def _lets_ctrl_c_count():
    """Which it does not where the tests run in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_reader_that_has_enough_ends_both(commands, db):
    command = [*CLIENT, "status", "--files", "--json", "--db", str(db), "--service", "always"]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(reading)
        os.close(writing)
        errors = process.stderr.read()
    assert (process.returncode, errors) == (1, b"")
