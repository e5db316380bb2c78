"""Model servers that go away and come back, or not: real processes, and what starts them again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import anyio.lowlevel
import numpy as np
import pytest
from serve_demo import CAPTION
from standin_model import StandinEmbedder, write_levels

from footage.core.endpoint import Access
from footage.core.errors import ModelUnavailableError
from footage.core.types import Frames, Span
from footage.media.video import sample
from footage.store import Store
from footage.vlm import contract
from footage.vlm.backends.server import client, payload, server_model
from footage.vlm.backends.server.http_client import Patience
from footage.vlm.captioning import SECOND_TRY
from footage.vlm.profiles import DEMO
from indexer.pipeline import IndexReport, index
from indexer.progress import Progress

SCRIPT = Path(__file__).resolve().parent / "serve_demo.py"
PROMPT = contract.caption_prompt(DEMO)
PATIENCE_SECONDS = 600


class Supervisor:
    """Runs a server; starts it again once it has been down for so many waits. Time passes by waits alone."""

    def __init__(self, *, restarts_after: int | None = 40) -> None:
        self.restarts_after = restarts_after
        self.starts = 0
        self.port = 0
        self.start()
        self.seconds = 0.0
        self._down = 0

    def start(self) -> None:
        if self.starts:
            self.process.wait()
            self.process.stdout.close()
        command = [sys.executable, "-W", "ignore", str(SCRIPT), "--constant", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.starts += 1

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        if self.process.poll() is not None:
            self._down += 1
            if self._down == self.restarts_after:
                self._down = 0
                self.start()
        await anyio.lowlevel.checkpoint()

    @property
    def patience(self) -> Patience:
        return Patience(away_seconds=PATIENCE_SECONDS, sleep=self.sleep, clock=lambda: self.seconds)

    def connect(self, faults: str = "run", *, requests: int = 8) -> client.ServerModel:
        address = f"http://127.0.0.1:{self.port}/{faults}/v1"
        return client.load(address, access=Access(requests=requests), patience=self.patience)


@pytest.fixture
def supervisor():
    one = Supervisor()
    yield one
    one.stop()


def grey() -> Frames:
    return Frames(np.full((4, 64, 96, 3), 90, np.uint8), (0.0, 0.5, 1.0, 1.5), Span(0, 2))


def requests_of(model: client.ServerModel, number: int) -> list[tuple]:
    return [(model.prepare(grey()), PROMPT)] * number


def test_a_restart_is_waited_for_and_said(supervisor: Supervisor) -> None:
    model = supervisor.connect()
    said: list[str] = []
    model.on_wait = lambda what: said.append(what) or True
    supervisor.process.kill()
    supervisor.process.wait()
    answers = model.run(requests_of(model, 5))
    assert [answer.raw for answer in answers] == [CAPTION] * 5
    assert supervisor.starts == 2
    assert said[0].startswith(
        f"the server at http://127.0.0.1:{supervisor.port}/run/v1: it cannot be reached"
    )
    assert said[-1] == ""
    assert 15 < supervisor.seconds < PATIENCE_SECONDS


def test_patience_has_an_end(supervisor: Supervisor) -> None:
    supervisor.restarts_after = None
    model = supervisor.connect(requests=1)
    supervisor.process.kill()
    supervisor.process.wait()
    with pytest.raises(ModelUnavailableError, match=r"cannot be reached .* tries\)") as caught:
        model.run(requests_of(model, 1))
    assert "continues where this one stopped" in caught.value.hint
    assert PATIENCE_SECONDS <= supervisor.seconds < PATIENCE_SECONDS + 30


def test_nobody_waits_long_for_a_server_that_was_never_there(supervisor: Supervisor) -> None:
    supervisor.restarts_after = None
    supervisor.process.kill()
    supervisor.process.wait()
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        supervisor.connect()
    assert supervisor.seconds < 5


def restless(path: Path, *, first: bool = False) -> tuple[Path, int]:
    """A clip of 7 windows of which the last, or first, takes more bytes than the others; a number between."""
    still, unrest = [128] * 76, [0, 255] * 6
    clip = write_levels(path, unrest + still if first else still + unrest)
    frames = [
        sample(clip, Span(start, start + 16), **DEMO.frame_budget) for start in (36, 0 if first else 72)
    ]
    least, most = (len(payload.clip_parts(each)[0]["video_url"]["url"]) for each in frames)
    assert least < most
    return clip, (least + most) // 2


def run_index(clip: Path, db: Path, model: client.ServerModel, **more) -> IndexReport:
    store = Store.open(db, create=True)
    return index([clip], store=store, model=model, embedder=StandinEmbedder(), **more)


@pytest.mark.parametrize(("requests", "first"), [(1, False), (8, False), (8, True)])
def test_a_window_that_the_engine_dies_of_is_left_out_after_two_deaths(
    supervisor: Supervisor, tmp_path: Path, requests: int, first: bool
) -> None:
    clip, size = restless(tmp_path / "clips" / "clip.mp4", first=first)
    model = supervisor.connect(f"fatal={size}", requests=requests)
    seen: list[Progress] = []
    report = run_index(clip, tmp_path / "index", model, on_progress=seen.append)
    (file,) = report.files
    assert (file.state, report.windows_captioned) == ("partial", 6)
    assert "1 of 7 windows cannot be captioned" in file.reason
    assert "went away over a request" in file.reason and "twice" in file.reason
    down = supervisor.process.poll() is not None
    assert supervisor.starts - 1 + down == 2  # deaths
    waiting = [progress.waiting for progress in seen if progress.waiting]
    assert all(what.startswith("the server at http://127.0.0.1:") for what in waiting) and waiting
    assert seen[-1].waiting == ""
    assert model.on_wait is None
    # Once the server is mended, `footage retry` captions what is missing.
    if down:
        supervisor.start()
    again = run_index(clip, tmp_path / "index", supervisor.connect(), retry=True)
    assert (again.files[0].state, again.windows_captioned) == ("indexed", 1)


def test_an_engine_that_dies_of_every_window_ends_the_run(supervisor: Supervisor, tmp_path: Path) -> None:
    clip, _ = restless(tmp_path / "clips" / "clip.mp4")
    with pytest.raises(ModelUnavailableError, match="went away over a request"):
        run_index(clip, tmp_path / "index", supervisor.connect("fatal=1", requests=1), batch_size=1)
    deaths = supervisor.starts - 1 + (supervisor.process.wait() != 0)
    assert deaths == 2 * server_model.MOST_LEFT_OUT


def test_a_stop_ends_the_waiting_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.restarts_after = None
    clip, _ = restless(tmp_path / "clips" / "clip.mp4")
    model = supervisor.connect()
    supervisor.process.kill()
    supervisor.process.wait()
    seen: list[str] = []
    report = run_index(
        clip,
        tmp_path / "index",
        model,
        on_progress=lambda progress: seen.append(progress.waiting),
        stop=lambda: any(seen),
    )
    assert report.stopped
    assert report.windows_captioned == 0
    assert supervisor.seconds < 10 * 8


def test_what_cannot_be_read_is_drawn_once_more_without_a_seed(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    clip = write_levels(tmp_path / "clips" / "clip.mp4", [0, 255] * 6)
    report = run_index(clip, tmp_path / "index", supervisor.connect("mute"))
    assert report.windows_captioned == 1
    with urllib.request.urlopen(f"http://127.0.0.1:{supervisor.port}/log", timeout=60) as answer:
        fields = [seen["fields"] for seen in json.load(answer)["seen"] if not seen["probe"]]
    assert [each["temperature"] for each in fields] == [0, SECOND_TRY.temperature]
    assert not any("seed" in each for each in fields)


def test_ctrl_c_ends_the_waiting_of_the_command_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    clip = write_levels(tmp_path / "clips" / "clip.mp4", [0, 255] * 6)
    address = f"http://127.0.0.1:{supervisor.port}/fatal=1/v1"
    command = ["index", str(clip), "--db", str(tmp_path / "index"), "--model", address]
    process = subprocess.Popen(
        [sys.executable, "-c", "from ui.cli.main import main; main()", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if "sent again one by one" in line:  # the server is gone, and nothing starts it again
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130, said
    process.stderr.close()
    assert said[-1] == "Run the same command again to go on.\n"
    assert "Traceback" not in "".join(said)
