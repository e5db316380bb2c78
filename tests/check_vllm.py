"""The demo model behind a real vLLM on this CPU, against the same model in this process: ``make test-vllm``.

Not one of ``make test``: it needs an environment of its own, a CPU with AVX512-BF16, and minutes.
VLLM_COMMAND is vLLM's command.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from serve_vllm import ROUNDED_OTHERWISE, Vllm, read_by, serving_with, stamps_off
from typer.testing import CliRunner

from footage.core import frame_budget
from footage.core.endpoint import Access
from footage.core.errors import ModelUnavailableError, StoreMissingError
from footage.core.types import Answer, Frames, Span
from footage.media.video import probe, sample
from footage.store import Store
from footage.vlm import contract, load_model
from footage.vlm.backends.server import client, payload
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Prompt
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
CLIPS = sorted((ROOT / "data" / "footage").glob("*.mp4"))
TRUTH = json.loads((ROOT / "data" / "footage" / "ground_truth.json").read_text())
AGREEING = 0.95
"""Least part of what is said that agrees: the server computes in bfloat16, on clips that H.264 changed."""
AGREEING_EVENTS = 0.9
"""Least part of an index's events that agrees: one that differs is joined otherwise across windows, too."""
NEAR_SECONDS = 0.5
"""The grid on which the model writes times."""
runner = CliRunner()
logger = logging.getLogger(__name__)

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif("VLLM_COMMAND" not in os.environ, reason="needs vLLM: see make test-vllm"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Vllm]:
    """The demo model, served with the printed command."""
    with serving_with(tmp_path_factory.mktemp("vllm")) as started:
        logger.info("vLLM %s answers after %.0f s", started.version(), started.start_seconds)
        yield started


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


# What the model sees


def test_the_printed_command_shows_the_prompt_of_the_model_in_this_process(served: Vllm, here) -> None:
    """Form, frames, size and stamps of every window."""
    model = client.load(served.address, access=Access())
    assert model.provenance.budget == f"{contract.budget_text(DEMO)} sent=h264 crf={payload.CRF}"
    prompt = contract.find_prompt("a red car drives from left to right", DEMO)
    off = []
    for frames in windows():
        off += stamps_off(served.spelled(read_by(here, frames, prompt)), served.prompt_of(frames, prompt))
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
    count = frame_budget.frames_for(seconds, fps=fps)
    times = np.linspace(0, seconds - 0.04, count)
    frames = Frames(np.full((count, 64, 96, 3), 99, np.uint8), tuple(times.tolist()), Span(0, seconds))
    prompt = contract.raw_prompt("What is there?", DEMO)
    text = served.prompt_of(frames, prompt)
    assert text.count("<|video_pad|>") == frame_budget.video_tokens(count, 64, 96)
    assert max(stamps_off(served.spelled(read_by(here, frames, prompt)), text)) < ROUNDED_OTHERWISE


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
    found = contract.read_span(answer, span, DEMO).span
    return [(f"{number}", *span_of(found))] if found else [(f"{number} nothing", 0.0, 0.0)]


def span_of(span: Span) -> tuple[float, float]:
    return span.start_seconds, span.end_seconds


def test_captions_and_finds_are_those_of_the_model_in_this_process(served: Vllm, here) -> None:
    model = client.load(served.address, access=Access())
    assert model.capabilities.token_logprobs
    queries = [event["query"] for clip in TRUTH["videos"].values() for event in clip["events"]][:2]
    watched = windows()[::2]
    for kind, prompts in (
        ("caption", [contract.caption_prompt(DEMO)]),
        ("find", [contract.find_prompt(query, DEMO) for query in queries]),
    ):
        asked = [(frames, prompt) for frames in watched for prompt in prompts]
        result = [
            each.run([(each.prepare(frames), prompt) for frames, prompt in asked]) for each in (here, model)
        ]
        equal = sum(one.raw == other.raw for one, other in zip(*result, strict=True))
        said: list[Said] = [[], []]
        for mine, answers in zip(said, result, strict=True):
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
    result: list[dict[str, Said]] = []
    for name, model in (("here", "demo"), ("there", served.address)):
        use, db = ["--model", model, "--device", "cpu"], ["--db", str(tmp_path / name)]
        run("index", *map(str, CLIPS), *db, *use)
        store = Store.open(tmp_path / name)
        result.append(
            {
                "index": [
                    (each.text, *span_of(each.span))
                    for key in store.videos.all()
                    for each in store.events.of(key)
                ],
                "search": matches(run("search", query, *db, *use)),
                "find": matches(run("find", clip, query, *use)),
            }
        )
        answers = [line["text"] for line in run("ask", clip, "What is there?", *use)]
        assert len(answers) == 3 and all(answers)  # one a window; the model was not taught what to say
    for command, said in result[0].items():
        share = agreeing(said, result[1][command])
        logger.info("%s: %.3f of %d agrees", command, share, len(said))
        assert share >= (AGREEING_EVENTS if command == "index" else AGREEING), command


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
        with pytest.raises(ModelUnavailableError, match="the times would be wrong") as refused:
            client.load(started.address, access=Access())
        logger.info("%s", refused.value)
        assert "serve-command demo" in refused.value.hint
        model = client.load(started.address, access=Access(accept_server_sampling=True))
        assert model.provenance.budget.endswith("sampling=server video=template")


def test_fields_of_a_request_count_where_the_server_trusts_them(tmp_path: Path, caplog) -> None:
    plain = ("--media-io-kwargs", "--mm-processor-kwargs")
    with serving_with(tmp_path, "--trust-request-mm-kwargs", without=plain) as started:
        model = client.load(started.address, access=Access())
        assert model.provenance.budget == f"{contract.budget_text(DEMO)} sent=h264 crf={payload.CRF}"
