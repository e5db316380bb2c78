"""The demo model behind a real vLLM on this CPU, against the same model in this process: ``make test-vllm``.

Not one of ``make test``: it needs an environment of its own, a CPU with AVX512-BF16, and minutes.
VLLM_COMMAND is vLLM's command; FOOTAGE_TEST_DEMO_MODEL a folder to serve instead of the demo model's own.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from footage.errors import ModelUnavailableError, StoreMissingError
from footage.store import Store
from footage.types import Frames, Span
from footage.video import probe, sample
from footage.vlm import contract, load_model, sending, server
from footage.vlm.address import Access
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Answer, Prompt
from footage.vlm.server import Manner, request_body
from footage.vlm.vllm import serving
from ui.cli import app

ROOT = Path(__file__).resolve().parents[1]
CLIPS = sorted((ROOT / "data" / "footage").glob("*.mp4"))
PARKS = [path for path in CLIPS if path.name.startswith("park")]
TRUTH = json.loads((ROOT / "data" / "footage" / "ground_truth.json").read_text())
START_SECONDS = 300
AGREEING = 0.95
"""Least part of what is said that agrees: the server computes in bfloat16, on clips that H.264 changed."""
NEAR_SECONDS = 0.5
"""The grid on which the model writes times."""
ROUNDED_OTHERWISE = 0.11
"""Stamps have one decimal: what is equal to a millisecond may be rounded to either side."""
runner = CliRunner()
logger = logging.getLogger(__name__)

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif("VLLM_COMMAND" not in os.environ, reason="needs vLLM: see make test-vllm"),
]


class Vllm:
    """A server in a process group of its own."""

    def __init__(self, arguments: list[str], log: Path, port: int) -> None:
        self._arguments, self._log, self.port = arguments, log, port
        self.root, self.address = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/v1#demo"
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the cores are shared with the model in this process
            "OMP_NUM_THREADS": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [os.environ["VLLM_COMMAND"], *self._arguments, "--enforce-eager"],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        while not self._answers():
            tail = self._log.read_text(errors="replace")[-3000:]
            assert self._process.poll() is None, f"vLLM ended: {tail}"
            assert time.monotonic() - began < START_SECONDS, f"vLLM does not answer: {tail}"
            threading.Event().wait(0.5)
        self.start_seconds = time.monotonic() - began

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.root}/health", timeout=5) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(
            self.root + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:
            return json.load(response)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def serve_command(port: int) -> list[str]:
    """What ``footage models serve-command demo`` prints, without "vllm"."""
    command, options = serving(DEMO, port=port)
    folder = os.environ.get("FOOTAGE_TEST_DEMO_MODEL", command[2])
    return ["serve", folder, *(word for option in options for word in option)]


@contextmanager
def serving_with(folder: Path, *extra: str, without: tuple[str, ...] = ()) -> Iterator[Vllm]:
    """A server that is started with the printed command, less some options and with others."""
    port = free_port()
    command = serve_command(port)
    kept = list(command[:2])
    for name, value in zip(command[2::2], command[3::2], strict=True):
        kept += [] if name in without else [name, value]
    started = Vllm([*kept, *extra], folder / f"vllm-{port}.log", port)
    try:
        yield started
    finally:
        started.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Vllm]:
    """The demo model, served with the printed command."""
    with serving_with(tmp_path_factory.mktemp("vllm")) as started:
        logger.info("vLLM %s answers after %.0f s", version(started), started.start_seconds)
        yield started


def version(started: Vllm) -> str:
    with urllib.request.urlopen(f"{started.root}/version", timeout=5) as response:
        return json.load(response)["version"]


@pytest.fixture(scope="module")
def here():
    """The demo model in this process."""
    return load_model("demo", device="cpu", offline=True)


def windows(clips: list[Path] = CLIPS) -> list[Frames]:
    """All windows of the sample clips, the last ones of odd lengths among them."""
    found = []
    for path in clips:
        end = probe(path).duration_seconds
        starts = np.arange(0, end, DEMO.window_seconds - DEMO.overlap_seconds)
        for start in starts:
            span = Span(float(start), min(end, float(start) + DEMO.window_seconds))
            found.append(sample(path, span, **DEMO.frame_budget))
    return found


def seen_by(started: Vllm, frames: Frames, prompt: Prompt) -> str:
    """The prompt as the served model reads it."""
    refused = Manner(without=frozenset({"mm_processor_kwargs", "media_io_kwargs"}))
    body = request_body("demo", sending.clip_parts(frames), prompt, DEMO, refused)
    asked = {**body, "max_tokens": 1, "return_token_ids": True}
    ids = started.post("/v1/chat/completions", asked)["prompt_token_ids"]
    return started.post("/detokenize", {"model": "demo", "tokens": ids})["prompt"]


def read_here(started: Vllm, model, frames: Frames, prompt: Prompt) -> str:
    """The prompt as the model in this process reads it."""
    ids = [*model.prepare(frames).payload.ids.tolist(), *model._ids(prompt)]
    return started.post("/detokenize", {"model": "demo", "tokens": ids})["prompt"]


STAMP = re.compile(r"<([0-9]+\.[0-9]) seconds>")


def stamps_off(one: str, other: str) -> list[float]:
    """By how many seconds the stamps of two prompts differ that are equal but for these."""
    assert STAMP.sub("<>", one) == STAMP.sub("<>", other)
    stamps = (map(float, STAMP.findall(text)) for text in (one, other))
    return [abs(a - b) for a, b in zip(*stamps, strict=True)]


# What the model sees


def test_the_printed_command_shows_the_prompt_of_the_model_in_this_process(served: Vllm, here) -> None:
    """Form, frames, size and stamps of every window."""
    model = server.load(served.address, access=Access())
    assert model.provenance.budget == f"{contract.budget_text(DEMO)} sent=h264 crf={sending.CRF}"
    prompt = contract.find_prompt("a red car drives from left to right", DEMO)
    off = []
    for frames in windows():
        off += stamps_off(read_here(served, here, frames, prompt), seen_by(served, frames, prompt))
    logger.info("%d of %d stamps are the same, the others 0.1 s off", off.count(0), len(off))
    assert max(off) < ROUNDED_OTHERWISE


CASES = [
    *((2.0, seconds) for seconds in (1.0, 2.0, 5.3, 7.3, 8.0, 12.7, 15.9, 16.0, 30.0, 61.0, 68.7, 120.0)),
    *((1.0, seconds) for seconds in (7.3, 30.0)),
    *((4.0, seconds) for seconds in (7.3, 16.0, 30.0)),
    *((8.0, seconds) for seconds in (3.1, 16.0)),
]


@pytest.mark.parametrize(("fps", "seconds"), CASES)
def test_no_frame_is_lost_and_no_stamp_is_off(served: Vllm, here, fps: float, seconds: float) -> None:
    count = contract.frames_for(seconds, fps=fps)
    times = np.linspace(0, seconds - 0.04, count)
    frames = Frames(np.full((count, 64, 96, 3), 99, np.uint8), tuple(times.tolist()), Span(0, seconds))
    prompt = contract.raw_prompt("What is there?", DEMO)
    text = seen_by(served, frames, prompt)
    assert text.count("<|video_pad|>") == contract.video_tokens(count, 64, 96)
    assert max(stamps_off(read_here(served, here, frames, prompt), text)) < ROUNDED_OTHERWISE


# Answers


Said = list[tuple[str, float, float]]
"""What is said, from when to when in seconds."""


def agreeing(one: Said, other: Said) -> float:
    """The part of what either says that the other says, too: the same words at nearly the same time."""

    def has(said: Said, text: str, *times: float) -> bool:
        return any(
            text == each and np.abs(np.subtract(times, theirs)).max() <= NEAR_SECONDS
            for each, *theirs in said
        )

    agreed = [has(other, *each) for each in one] + [has(one, *each) for each in other]
    assert agreed, "nothing is said"
    return float(np.mean(agreed))


def said_in(answer: Answer, prompt: Prompt, span: Span, number: int) -> Said:
    """What an answer says about a window, marked with the request's number."""
    if prompt.kind == "caption":
        caption = contract.read_caption(answer, span)
        return [(f"{number} {each.text}", *span_of(each.span)) for each in caption.events]
    found = contract.read_span(answer, span).span
    return [(f"{number}", *span_of(found))] if found else [(f"{number} nothing", 0.0, 0.0)]


def span_of(span: Span) -> tuple[float, float]:
    return span.start_seconds, span.end_seconds


def test_captions_and_finds_are_those_of_the_model_in_this_process(served: Vllm, here) -> None:
    model = server.load(served.address, access=Access())
    assert model.capabilities.token_logprobs
    queries = [event["query"] for clip in TRUTH["videos"].values() for event in clip["events"]][:2]
    watched = windows()[::2]
    for kind, prompts in (
        ("caption", [contract.caption_prompt(DEMO)]),
        ("find", [contract.find_prompt(query, DEMO) for query in queries]),
    ):
        asked = [(frames, prompt) for frames in watched for prompt in prompts]
        told = [
            each.run([(each.prepare(frames), prompt) for frames, prompt in asked]) for each in (here, model)
        ]
        equal = sum(one.raw == other.raw for one, other in zip(*told, strict=True))
        said: list[Said] = [[], []]
        for mine, answers in zip(said, told, strict=True):
            for number, ((frames, prompt), answer) in enumerate(zip(asked, answers, strict=True)):
                mine += said_in(answer, prompt, frames.span, number)
        share = agreeing(*said)
        logger.info("%d of %d %s answers equal, %.3f agrees", equal, len(asked), kind, share)
        assert share >= AGREEING


def run(*words: str) -> list[dict]:
    """The JSON lines of a command that succeeds."""
    done = runner.invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_index_search_find_and_ask_do_what_they_do_here(served: Vllm, tmp_path: Path) -> None:
    query = TRUTH["videos"]["park_day.mp4"]["events"][0]["query"]
    clip = str(ROOT / "data" / "footage" / "park_day.mp4")
    told: list[dict[str, Said]] = []
    for name, model in (("here", "demo"), ("there", served.address)):
        use, db = ["--model", model, "--device", "cpu"], ["--db", str(tmp_path / name)]
        run("index", *map(str, PARKS), *db, *use)
        store = Store.open(tmp_path / name)
        told.append(
            {
                "index": [
                    (each.text, *span_of(each.span)) for key in store.videos() for each in store.events(key)
                ],
                "search": matches(run("search", query, *db, *use)),
                "find": matches(run("find", clip, query, *use)),
            }
        )
        answers = [line["text"] for line in run("ask", clip, "What is there?", *use)]
        assert len(answers) == 3 and all(answers)  # one a window; the model was not taught what to say
    for command, said in told[0].items():
        share = agreeing(said, told[1][command])
        logger.info("%s: %.3f of %d agrees", command, share, len(said))
        assert share >= AGREEING, command


def matches(lines: list[dict]) -> Said:
    """The moments that a search or a find takes for what was asked; where it does not, a span is a guess."""
    named = [line for line in lines if line["type"] == "match" and line["verdict"] != "not found"]
    return [(Path(line["video"]).name, line["start_seconds"], line["end_seconds"]) for line in named]


# Trouble


def windows_in(index: Path) -> int:
    """How many windows an index holds; 0 where it is not there yet."""
    try:
        return Store.open(index).status().windows
    except StoreMissingError:
        return 0


def test_an_index_run_goes_on_after_the_server_was_killed_and_started_again(
    served: Vllm, tmp_path: Path
) -> None:
    some = CLIPS[:4]
    command = ["index", *map(str, some), "--db", str(tmp_path / "index"), "--model", served.address]
    command += ["--batch-size", "2"]
    with (tmp_path / "log").open("w") as log:
        going = subprocess.Popen([sys.executable, "-m", "ui.cli", *command], cwd=ROOT, stdout=log, stderr=log)
    while windows_in(tmp_path / "index") < 2:
        assert going.poll() is None, "it ended before the server was killed"
        threading.Event().wait(0.1)
    served.kill()
    done = windows_in(tmp_path / "index")
    served.start()
    logger.info("killed after %d windows, answers again after %.0f s", done, served.start_seconds)
    assert going.wait(300) == 0, (tmp_path / "log").read_text()
    assert done < windows_in(tmp_path / "index") == len(windows(some))


def test_a_server_with_its_own_sampling_is_refused_unless_that_is_accepted(tmp_path: Path) -> None:
    """The default of vLLM: two frames a second whatever is sent, and no request changes that."""
    plain = ("--media-io-kwargs", "--mm-processor-kwargs", "--chat-template")
    with serving_with(tmp_path, without=plain) as started:
        with pytest.raises(ModelUnavailableError, match="its times would be wrong") as refused:
            server.load(started.address, access=Access())
        logger.info("%s", refused.value)
        assert "serve-command demo" in refused.value.hint
        model = server.load(started.address, access=Access(accept_server_sampling=True))
        assert model.provenance.budget.endswith("sampling=server video=template")


def test_fields_of_a_request_count_where_the_server_trusts_them(tmp_path: Path, caplog) -> None:
    plain = ("--media-io-kwargs", "--mm-processor-kwargs")
    with serving_with(tmp_path, "--trust-request-mm-kwargs", without=plain) as started:
        model = server.load(started.address, access=Access())
        assert model.provenance.budget == f"{contract.budget_text(DEMO)} sent=h264 crf={sending.CRF}"
