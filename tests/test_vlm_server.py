"""Models behind a server: real requests over HTTP to a process of its own, and all that may go wrong."""

from __future__ import annotations

import base64
import io
import json
import logging
import math
import os
import shlex
import subprocess
import sys
import time
import urllib.request
from functools import partial
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from serve_demo import CAPTION, KEY, PLAIN_FIELDS
from standin_model import StandinEmbedder, write_levels
from typer.testing import CliRunner

from footage.core.config import Settings, load_settings
from footage.core.endpoint import Access, check_allowed, is_address, parse_address, shown_address
from footage.core.errors import DecodeError, ModelUnavailableError, UsageError
from footage.core.types import Answer, Frames, Span, Window
from footage.media.video import probe, sample
from footage.store import Store
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen_window import bare_video
from footage.vlm.backends.server import client, payload
from footage.vlm.backends.server import clip_probe as seen
from footage.vlm.backends.server.chat import read_completion, request_body
from footage.vlm.backends.server.check import OPTIONAL_FIELDS, Dialect
from footage.vlm.backends.server.client import profile_for
from footage.vlm.backends.server.http_client import Patience
from footage.vlm.changes import changed
from footage.vlm.pointing import point_prompt
from footage.vlm.profiles import DEMO, MARLIN_2B, TIMELENS2_4B, get_profile
from footage.vlm.protocol import Prompt
from footage.vlm.sampling import Sampling
from indexer.pipeline import index
from search.grounding.ground import find_in_file
from search.grounding.window_queries import EventFinder, WindowQuestion
from service.find import FindRequest, find
from service.index import IndexRequest
from service.index import index as index_clips
from service.search import SearchRequest, search
from service.session import Service
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
CLIPS = ROOT / "data" / "footage"
HURRY = Patience(tries=4, broken_tries=4, away_seconds=0.3, first_seconds=0.01, longest_seconds=0.05)
SECRET = "sk-not-the-right-key-98765"
WRONG_MODEL = "there is no model 'nope' at http"
runner = CliRunner()
runs = count()


class Served:
    """A server process."""

    def __init__(self, *arguments: str) -> None:
        script = str(ROOT / "tests" / "serve_demo.py")
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", script, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def at(self, faults: str = "", model: str = "") -> str:
        """An address of its own, with faults, and with a model's name if there is to be one."""
        path = "/".join(filter(None, (f"run{next(runs)}" + (f",{faults}" if faults else ""), "v1")))
        return f"http://127.0.0.1:{self.port}/{path}" + (f"#{model}" if model else "")

    def log(self) -> list[dict]:
        return self._get("log")["seen"]

    def most_busy(self) -> int:
        return self._get("log")["most_busy"]

    def forget(self) -> None:
        self._get("forget")

    def _get(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=60) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def demo():
    """The demo model behind HTTP."""
    served = Served()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def constant():
    """A server that says always the same."""
    served = Served("--constant")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", "API_KEY", *map(str.upper, Settings.model_fields)):
        monkeypatch.delenv(f"FOOTAGE_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def connect(address: str, *, patience: Patience = HURRY, **access) -> client.ServerModel:
    return client.load(address, access=Access(**access), patience=patience)


def windows_of(model, *, frames: int = 32, clips: int = 6):
    """A window of each sample clip, so long that the sampled frames lie evenly: then a clip is exact."""
    windows = []
    for path in sorted(CLIPS.glob("*.mp4"))[:clips]:
        fps = probe(path).fps
        end = ((frames - 1) * math.ceil(fps / 2) + 1) / fps
        budget = {**model.profile.frame_budget, "fps": frames / end}
        window = sample(path, Span(0, end), **budget)
        assert len(window.times_seconds) == frames
        assert payload.clip_timing(window).off_seconds <= 0.001
        windows.append(model.prepare(window))
    return windows


def grey(seconds=(0.0, 0.5, 1.0, 1.5), end=2.0) -> Frames:
    pixels = np.stack([np.full((64, 96, 3), 20 * n % 256, np.uint8) for n in range(len(seconds))])
    return Frames(pixels, tuple(seconds), Span(0, end))


# The address


@pytest.mark.parametrize(
    ("text", "url", "model"),
    [
        ("http://127.0.0.1:8000/v1#marlin-2b", "http://127.0.0.1:8000/v1", "marlin-2b"),
        ("http://localhost:8000", "http://localhost:8000/v1", ""),
        ("https://host/api/v1/#Qwen/Qwen2.5-VL-7B", "https://host/api/v1", "Qwen/Qwen2.5-VL-7B"),
        ("http://[::1]:1/v1?frames#a%20b", "http://[::1]:1/v1", "a b"),
    ],
)
def test_an_address_says_where_and_which_model(text: str, url: str, model: str) -> None:
    address = parse_address(text)
    assert (address.url, address.model) == (url, model)


def test_an_address_says_how_windows_travel_and_under_which_profile() -> None:
    address = parse_address("http://localhost/v1?frames&profile=marlin-2b#mine")
    assert (address.way, address.profile) == ("frames", "marlin-2b")
    assert parse_address("http://localhost/v1?video").way == "video"
    assert parse_address("http://localhost/v1").way is None


@pytest.mark.parametrize(
    "text",
    [
        f"http://user:{SECRET}@localhost/v1",
        f"http://{SECRET}@localhost/v1#demo",
        f"http://localhost/v1?api_key={SECRET}",
        f"http://localhost/v1?{SECRET}",
        f"http://localhost:{SECRET}/v1",
        f"http://[{SECRET}/v1",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(text: str) -> None:
    assert is_address(text)
    with pytest.raises(UsageError) as caught:
        load_model(text)
    assert SECRET not in str(caught.value) + caught.value.hint
    assert caught.value.hint
    assert SECRET not in shown_address(text)


def test_what_is_no_address_is_shown_as_it_is() -> None:
    assert shown_address("marlin-2b") == "marlin-2b"
    assert shown_address("http://localhost:1/v1?frames#x") == "http://localhost:1/v1#x"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machine_needs_no_permission(host: str) -> None:
    check_allowed(parse_address(f"http://{host}:8000/v1"), allow_remote=False)


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "0.0.0.0", "localhost.example.org", "[fe80::1]"])
def test_another_machine_needs_https_and_permission(host: str) -> None:
    for allow_remote in (False, True):
        with pytest.raises(UsageError, match="another machine"):
            check_allowed(parse_address(f"http://{host}/v1"), allow_remote=allow_remote)
    with pytest.raises(UsageError, match="would receive parts of your videos") as caught:
        check_allowed(parse_address(f"https://{host}/v1"), allow_remote=False)
    assert "--allow-remote" in caught.value.hint
    check_allowed(parse_address(f"https://{host}/v1"), allow_remote=True)


def test_a_server_takes_neither_a_folder_nor_a_revision(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="own weights"):
        load_model("http://localhost:1/v1#demo", model_path=tmp_path)


# What is sent


def decoded(parts) -> tuple[list[float], np.ndarray]:
    (part,) = parts
    data = io.BytesIO(base64.b64decode(part["video_url"]["url"].partition(",")[2]))
    with av.open(data) as file:
        pictures = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
        assert file.streams.video[0].average_rate is not None
    return [time for time, _ in pictures], np.stack([picture for _, picture in pictures])


def test_a_clip_holds_the_frames_at_the_rate_that_fits_their_times() -> None:
    frames = grey()
    later = Frames(frames.pixels, tuple(t + 30.01 for t in frames.times_seconds), Span(30, 32.01))
    times, pictures = decoded(payload.clip_parts(later))
    assert times == pytest.approx([0, 0.51, 1.01, 1.52], abs=0.01)
    assert pictures.shape == frames.pixels.shape
    assert np.abs(pictures.astype(int) - frames.pixels).max() <= 3


@pytest.mark.parametrize("colour", [(200, 30, 60), (20, 180, 40), (30, 40, 220), (240, 230, 30)])
def test_colours_survive(colour: tuple[int, int, int]) -> None:
    pixels = np.full((4, 64, 96, 3), colour, np.uint8)
    _, pictures = decoded(payload.clip_parts(Frames(pixels, (0.0, 0.5, 1.0, 1.5), Span(0, 2))))
    assert np.abs(pictures.astype(int) - pixels).max() <= 4


def test_readers_that_count_frames_find_the_true_rate() -> None:
    times = tuple(n * 0.508 for n in range(30))
    data = payload.encode_clip(grey(times, end=15.24))
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.video[0]
        assert float(stream.average_rate) == pytest.approx(1 / 0.508, rel=1e-3)
        assert stream.frames == 30
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


def test_no_frame_no_clip() -> None:
    with pytest.raises(DecodeError):
        payload.clip_parts(Frames(np.zeros((0, 8, 8, 3), np.uint8), (), Span(0, 1)))


def test_a_picture_of_odd_size_is_sent_a_pixel_larger() -> None:
    pixels = np.full((1, 241, 427, 3), 200, np.uint8)
    _, pictures = decoded(payload.clip_parts(Frames(pixels, (3.0,), Span(3, 3))))
    assert pictures.shape == (2, 242, 428, 3)
    assert np.abs(pictures.astype(int) - 200).max() <= 3


def test_pictures_have_their_times_before_each_pair() -> None:
    parts = payload.picture_parts(grey((0.0, 0.5, 1.0)))
    assert [part["type"] for part in parts] == ["text", "image_url", "image_url", "text", "image_url"]
    assert [part["text"] for part in parts if "text" in part] == ["<0.2 seconds>", "<1.0 seconds>"]


def test_marlin_is_asked_within_its_budget_and_with_both_stop_ids() -> None:
    prompt = contract.caption_prompt(MARLIN_2B)
    body = request_body("marlin-2b", payload.clip_parts(grey()), prompt, MARLIN_2B, Dialect())
    assert body["temperature"] == 0
    assert body["max_tokens"] == 2048
    assert set(body["stop_token_ids"]) == {248044, 248046}
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    processor = body["mm_processor_kwargs"]
    assert (processor["fps"], processor["min_frames"], processor["max_frames"]) == (2, 4, 240)
    assert processor["size"] == {"shortest_edge": 4096, "longest_edge": 240 * 200_704}
    assert processor["do_sample_frames"] is False
    assert body["media_io_kwargs"] == {"video": {"num_frames": -1, "fps": 30}}
    assert [part["type"] for part in body["messages"][0]["content"]] == ["video_url", "text"]
    assert body["messages"][0]["content"][-1]["text"] == prompt.text


def test_sampling_travels_along() -> None:
    drawn = Prompt(
        "caption", "what?", 9, Sampling(temperature=0.1, top_p=0.5, repetition_penalty=1.05, seed=7)
    )
    body = request_body("m", [], drawn, DEMO, Dialect())
    wanted = {"temperature": 0.1, "top_p": 0.5, "repetition_penalty": 1.05}
    assert {name: body[name] for name in wanted} == wanted
    plain = request_body("m", [], drawn, DEMO, Dialect(without=frozenset(OPTIONAL_FIELDS)))
    assert set(plain) == {"model", "messages", "max_tokens", "temperature", "top_p"}


# What comes back

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "logprobs", "finish_reason", "token", "bytes"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_comes_back_is_an_answer_or_refused(result) -> None:
    for given_ in (
        result,
        {"choices": [{"message": {"content": "x"}, "finish_reason": "stop", "logprobs": result}]},
    ):
        try:
            answer = read_completion(given_, Prompt("raw", "?", 9))
        except ValueError:
            continue
        assert isinstance(answer.raw, str)
        assert (answer.token_texts is None) == (answer.token_logprobs is None)


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1), st.text(max_size=5), st.booleans())
def test_tokens_spell_the_answer_and_nothing_else(pieces: list[str], thought: str, end: bool) -> None:
    raw = "".join(pieces)
    tokens = [*([thought + "</think>"]), *pieces, *(["<|im_end|>"] if end else [])]
    rows = [{"token": token, "logprob": -0.5} for token in tokens]
    choice = {"message": {"content": raw}, "finish_reason": "stop", "logprobs": {"content": rows}}
    answer = read_completion({"choices": [choice]}, Prompt("raw", "?", 9))
    assert answer.token_texts is not None and answer.token_logprobs is not None
    assert "".join(answer.token_texts) == raw
    assert len(answer.token_texts) == len(answer.token_logprobs) == len(tokens)


def test_drawn_answers_tell_no_probabilities() -> None:
    rows = {"content": [{"token": "x", "logprob": -1.0}]}
    result = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop", "logprobs": rows}]}
    assert read_completion(result, Prompt("raw", "?", 9)).token_logprobs == (-1.0,)
    assert read_completion(result, Prompt("raw", "?", 9, Sampling(temperature=1))).token_logprobs is None


# The demo model behind HTTP


ASKED = [
    contract.caption_prompt(DEMO),
    contract.find_prompt("a person walks from left to right", DEMO),
    contract.find_prompt("a ball bounces", DEMO),
]


def asked(model) -> list[tuple[Span, Prompt, Answer]]:
    """What a model says of the sample clips."""
    requests = [(window, prompt) for window in windows_of(model, clips=4) for prompt in ASKED]
    answers = model.run(requests)
    return [(window.span, prompt, result) for (window, prompt), result in zip(requests, answers, strict=True)]


@pytest.fixture(scope="module")
def here() -> list[tuple[Span, Prompt, Answer]]:
    """What the demo model says in this process."""
    return asked(load_model("demo", device="cpu", offline=True))


@pytest.mark.demo_model
def test_captions_and_finds_are_those_of_the_model_in_this_process(demo: Served, here) -> None:
    model = connect(demo.at())
    assert model.profile == DEMO
    assert model.capabilities.token_logprobs
    for (_, _, one), (_, _, other) in zip(here, asked(model), strict=True):
        assert (other.raw, other.finish_reason) == (one.raw, one.finish_reason)
        written = len(one.token_texts)  # to the end token, or to where it was stopped
        assert other.token_texts[:written] == one.token_texts
        assert np.abs(np.exp(other.token_logprobs[:written]) - np.exp(one.token_logprobs)).max() < 0.2


@pytest.mark.demo_model
def test_pictures_tell_the_model_the_same_within_a_second(demo: Served, here) -> None:
    for (window, prompt, one), (_, _, other) in zip(here, asked(connect(demo.at() + "?frames")), strict=True):
        if prompt.kind == "caption":
            result = [contract.read_caption(answer, window).events for answer in (one, other)]
            assert [event.text for event in result[0]] == [event.text for event in result[1]]
            spans = [[event.span for event in events] for events in result]
        else:
            spans = [[contract.read_span(answer, window, DEMO).span] for answer in (one, other)]
        for mine, theirs in zip(*spans, strict=True):
            assert theirs.start_seconds == pytest.approx(mine.start_seconds, abs=1)
            assert theirs.end_seconds == pytest.approx(mine.end_seconds, abs=1)


@pytest.mark.demo_model
def test_answers_do_not_depend_on_how_many_are_on_their_way(demo: Served) -> None:
    result = []
    for requests in (1, 8):
        model = connect(demo.at(), requests=requests)
        requests_ = [
            (window, prompt)
            for window in windows_of(model, clips=3)
            for prompt in (contract.find_prompt("a dog runs", DEMO), contract.caption_prompt(DEMO))
        ]
        result.append([answer.raw for answer in model.run(requests_)])
    assert result[0] == result[1]
    assert len(set(result[0])) > 3


@pytest.mark.demo_model
def test_index_and_search_through_a_server(demo: Served, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("FOOTAGE_API_KEY", SECRET)
    found = {}
    for name, model in (("here", "demo"), ("there", demo.at(model="demo"))):
        db = str(tmp_path / name)
        clips = [str(path) for path in sorted(CLIPS.glob("park_*.mp4"))]
        done = runner.invoke(app, ["index", *clips, "--db", db, "--model", model, "--device", "cpu"])
        assert done.exit_code == 0, done.output
        asked = ["search", "a person walks", "--db", db, "--model", model, "--device", "cpu", "--json"]
        answer = runner.invoke(app, asked)
        assert answer.exit_code == 0, answer.output
        lines = [json.loads(line) for line in answer.stdout.splitlines()]
        found[name] = [
            (line["video"], line["start_seconds"], line["end_seconds"], line["verdict"])
            for line in lines
            if line["type"] == "match"
        ]
    # Stamps are off by a little, and the model's grid is half a second.
    here, there = ([row for row in found[where] if row[-1] == "found"] for where in ("here", "there"))
    assert [row[0] for row in there] == [row[0] for row in here]
    assert here
    for mine, theirs in zip(here, there, strict=True):
        assert theirs[1:3] == pytest.approx(mine[1:3], abs=0.5)
    written = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]
    assert not [path for path in written if b"127.0.0.1" in path.read_bytes()]


# Getting to know a server


def test_the_only_model_is_taken_and_of_several_one_is_to_be_named(constant: Served) -> None:
    assert connect(constant.at()).profile == DEMO
    other = connect(constant.at("names=2", "other/model"))
    assert (other.provenance.model, other.profile.prose) == ("other/model", True)
    assert other.provenance.revision == "server of org/of-othe"
    with pytest.raises(UsageError, match="serves demo, other/model; which"):
        connect(constant.at("names=2"))
    with pytest.raises(UsageError, match="does not list its models"):
        connect(constant.at("nolist"))
    assert connect(constant.at("nolist", "demo")).provenance.revision == "server"


def test_a_model_it_does_not_have_is_told_at_once(constant: Served) -> None:
    with pytest.raises(ModelUnavailableError, match="has no model called 'nope'; it serves demo"):
        connect(constant.at(model="nope"))
    with pytest.raises(ModelUnavailableError, match=WRONG_MODEL):
        connect(constant.at("nolist", "nope"))


def test_a_served_model_is_run_under_the_profile_of_its_name_or_repository() -> None:
    assert profile_for("NemoStation/marlin-2b") is profile_for("Marlin-2B") is MARLIN_2B
    assert profile_for("").family == profile_for("some/model").family == "server"


def test_a_profile_can_be_named_and_a_wrong_one_is_refused(constant: Served) -> None:
    assert connect(constant.at() + "?profile=NemoStation/Marlin-2B").profile == MARLIN_2B
    with pytest.raises(UsageError, match="no model 'marlin-3b'"):
        connect(constant.at() + "?profile=marlin-3b")


def test_pictures_are_sent_where_no_video_is_taken(constant: Served) -> None:
    constant.forget()
    model = connect(constant.at("novideo"))
    assert "sent=jpeg" in model.provenance.budget
    model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    assert constant.log()[-1]["parts"] == ["text", "image_url", "image_url"] * 2 + ["text"]
    assert "the server refuses clips" in model.sees
    clips, asked_for = connect(constant.at()), connect(constant.at() + "?frames")
    assert "sent=h264" in clips.provenance.budget and "picture" not in clips.sees
    assert asked_for.provenance.budget.endswith("sent=jpeg q=95")
    assert "the address asks for pictures" in asked_for.sees
    with pytest.raises(ModelUnavailableError, match=r"At most 0 video\(s\)"):
        connect(constant.at("novideo") + "?video")


@pytest.mark.parametrize(
    ("name", "spans", "longest_edge"),
    [
        ("qwen3-vl-8b", [(1.0, 4.0)], 240 * 200_704),
        ("timelens-8b", [(1.0, 4.0)], 2 * 14_336 * 1024),
        ("timelens2-4b", [(1.0, 4.0), (10.0, 12.5)], 2 * 128_000 * 1024),
    ],
)
def test_models_of_qwen3_vl_are_asked_in_their_own_way(
    constant: Served, name: str, spans: list[tuple[float, float]], longest_edge: int
) -> None:
    constant.forget()
    model = connect(f"{constant.at()}?profile={name}#demo")
    profile = model.profile
    assert model.sees == "every frame at its time, and the video bare"
    assert model.provenance.budget == f"{contract.budget_text(profile)} sent=h264 crf={payload.CRF}"
    assert model.capabilities.multi_span == model.capabilities.says_absent == (len(spans) > 1)
    times = tuple(n / 2 for n in range(32))
    frames = Frames(np.full((32, 64, 96, 3), 90, np.uint8), times, Span(0, 16))
    (answer,) = model.run([(model.prepare(frames), contract.find_prompt("a dog runs", profile))])
    reading = contract.read_span(answer, frames.span, profile)
    assert [(span.start_seconds, span.end_seconds) for span in reading.spans] == spans
    fields = constant.log()[-1]["fields"]
    assert fields["stop_token_ids"] == [151645, 151643]
    assert fields["temperature"] == 0 and fields["max_tokens"] == profile.find_tokens
    processor = fields["mm_processor_kwargs"]
    assert (processor["fps"], processor["do_sample_frames"]) == (2.0, False)
    assert processor["size"] == {"shortest_edge": 4096, "longest_edge": longest_edge}
    assert fields["media_io_kwargs"] == {"video": {"num_frames": -1, "fps": 30}}


def test_a_server_that_leaves_frames_out_is_refused_for_qwen3_vl_too(constant: Served) -> None:
    address = f"{constant.at('untrusting,sampling')}?profile=timelens2-8b#demo"
    with pytest.raises(ModelUnavailableError, match=r"frames of a clip of 7\.3 s") as refused:
        connect(address)
    assert "footage models serve-command timelens2-8b" in refused.value.hint


def test_a_file_is_searched_by_a_model_that_lists_spans_on_a_server(constant: Served, tmp_path: Path) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255] * 10)
    found = find_in_file(clip, "a dog runs", model=connect(f"{constant.at()}?profile=timelens2-4b#demo"))
    [first] = [reply for reply in found.replies if reply.seen == Span(0, 20)]
    assert first.spans == (Span(1.0, 4.0), Span(10.0, 12.5))
    assert {Span(1.0, 4.0), Span(10.0, 12.5)} <= {match.span for match in found.matches}


def test_times_as_text_between_frames_are_beyond_any_server(constant: Served) -> None:
    for way in ("", "&frames"):
        with pytest.raises(UsageError, match="timelens-7b reads times as text between its frames, which no"):
            connect(f"{constant.at()}?profile=timelens-7b{way}#demo")
    refused = runner.invoke(app, ["models", "serve-command", "timelens-7b"])
    assert refused.exit_code != 0 and "which no server writes" in refused.stderr


def test_a_server_that_takes_few_pictures_says_what_to_do(constant: Served) -> None:
    model = connect(constant.at("novideo,images=4"))
    model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    fresh = connect(constant.at("novideo,images=4"))
    with pytest.raises(ModelUnavailableError, match="At most 4 image") as refused:
        many = grey(tuple(n / 2 for n in range(8)), end=4.0)
        fresh.run([(fresh.prepare(many), contract.caption_prompt(DEMO))])
    assert "--max-frames" in refused.value.hint


def test_doctor_says_in_which_form_windows_are_sent(constant: Served, tmp_path: Path) -> None:
    address = constant.at("novideo")
    result = runner.invoke(app, ["doctor", "--model", address, "--db", str(tmp_path / "x.lancedb"), "--json"])
    lines = {line["name"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert "single pictures with their times, as the server refuses clips" in lines["model"]["detail"]


def test_a_model_that_points_is_sent_a_moment_as_a_picture(constant: Served) -> None:
    constant.forget()
    model = connect(constant.at() + "?profile=molmo2-4b")
    moment = Frames(np.zeros((1, 90, 161, 3), np.uint8), (3.0,), Span(3, 3))
    for frames in (moment, grey((0.0, 0.0)), grey()):
        model.run([(model.prepare(frames), point_prompt("the dog", model.profile))])
    sent = [seen["parts"] for seen in constant.log() if not seen["probe"]]
    assert sent == [["image_url", "text"], ["image_url", "text"], ["video_url", "text"]]


def asked_of(served: Served, *arguments: str | Path) -> tuple[list[dict], list[dict]]:
    """What a command with Molmo2 on a server prints with --json, and the requests it sent."""
    served.forget()
    model = served.at() + "?profile=molmo2-4b"
    result = runner.invoke(app, [*map(str, arguments), "--model", model, "--json"])
    assert result.exit_code == 0, result.stderr
    sent = [seen for seen in served.log() if not seen["probe"]]
    return [json.loads(line) for line in result.stdout.splitlines()], sent


def test_several_images_are_one_request(constant: Served, tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.webp"]
    for path in paths:
        Image.new("RGB", (90, 61), "red").save(path)
    [answer], [request] = asked_of(constant, "ask", *paths, "Compare these images.")
    assert [each["video"] for each in answer["about"]] == [*map(str, paths)] and answer["text"] == CAPTION
    assert request["parts"] == ["image_url", "image_url", "text"]
    pointed, [request] = asked_of(constant, "point", *paths, "the boats")
    assert [(each["picture"], each["count"]) for each in pointed] == [(1, 0), (2, 0)]
    assert (request["parts"], request["text"]) == (["image_url", "image_url", "text"], "Point to the boats.")


def test_subtitles_go_before_the_question(constant: Served, tmp_path: Path) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255])
    subtitles = tmp_path / "clip.srt"
    subtitles.write_text("1\n00:00:00,500 --> 00:00:01,500\nHello <|im_end|>\n")
    _, [request] = asked_of(constant, "ask", clip, "What is said?", "--subtitles", subtitles)
    assert request["text"] == "subtitle\n0.5 - 1.5 Hello < |im_end|>\n\nWhat is said?"
    _, [plain] = asked_of(constant, "ask", clip, "What is said?")
    assert plain["text"] == "What is said?"


def test_molmo2_on_a_server_captions(constant: Served, tmp_path: Path) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255] * 8)
    _, [request] = asked_of(constant, "index", clip, "--db", tmp_path / "index")
    assert (request["parts"], request["text"]) == (["video_url", "text"], "Describe this video in detail")
    assert request["fields"]["max_tokens"] == 2048


def test_a_server_with_a_model_that_does_not_compare_is_asked_one_by_one(
    constant: Served, tmp_path: Path
) -> None:
    Image.new("RGB", (90, 61), "red").save(tmp_path / "a.png")
    constant.forget()
    places = [str(tmp_path / "a.png")] * 2
    result = runner.invoke(app, ["ask", *places, "What?", "--model", constant.at() + "?profile=marlin-2b"])
    assert result.exit_code == 0, result.stderr
    assert len([seen for seen in constant.log() if not seen["probe"]]) == 2


def test_fields_that_a_server_does_not_know_are_left_out(constant: Served) -> None:
    constant.forget()
    model = connect(constant.at("plain") + "?profile=marlin-2b")
    assert "sent=h264" in model.provenance.budget
    model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    fields = constant.log()[-1]["fields"]
    assert set(fields) == PLAIN_FIELDS - {
        "messages",
        "top_p",
        "seed",
        "stream",
        "return_token_ids",
        "logprobs",
    }
    assert fields["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("fault", "refused"),
    [("untrusting", {"mm_processor_kwargs", "media_io_kwargs"}), ("vague", {"stop_token_ids"})],
)
def test_a_field_that_is_refused_is_left_out_alone(constant: Served, fault: str, refused: set[str]) -> None:
    constant.forget()
    model = connect(constant.at(fault) + "?profile=marlin-2b")
    model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    fields = constant.log()[-1]["fields"]
    assert set(OPTIONAL_FIELDS) - set(fields) == refused | {"logprobs"}  # it tells none


def test_an_index_does_not_depend_on_how_the_server_is_asked(constant: Served) -> None:
    """A server that is upgraded may refuse fields that it took; what the model sees is the same."""
    result = {connect(constant.at(fault)).provenance for fault in ("", "untrusting", "plain", "vague")}
    assert [each.budget for each in result] == [f"{contract.budget_text(DEMO)} sent=h264 crf={payload.CRF}"]


# What the model sees


def test_frames_that_a_server_leaves_out_are_noticed_before_anything_is_indexed(
    constant: Served, tmp_path: Path
) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255] * 26)
    asked = [
        "index",
        str(clip),
        "--db",
        str(tmp_path / "index"),
        "--model",
        constant.at("untrusting,sampling"),
    ]
    refused = runner.invoke(app, asked)
    assert refused.exit_code == 1
    assert "shows the model the frames of a clip of 7.3 s at times that are up to" in refused.stderr
    assert "footage models serve-command demo" in refused.stderr
    accepted = runner.invoke(app, [*asked, "--accept-server-sampling"])
    assert accepted.exit_code == 0, accepted.output
    (provenance,) = Store.open(tmp_path / "index").windows.provenances()
    assert provenance.budget.endswith("sampling=server")


def test_a_video_that_is_wrapped_is_said_and_noted(constant: Served, caplog) -> None:
    model = connect(constant.at("wrapped"))
    assert "--chat-template that footage models serve-command prints" in caplog.text
    assert model.provenance.budget.endswith("video=template")


def test_a_server_that_shows_no_prompt_is_asked_about_a_drawn_clip(constant: Served, caplog) -> None:
    """The stand-in says 1 to 4 s of everything; the disc is in view from 12 to 16 s."""
    with pytest.raises(ModelUnavailableError, match="from 12 to 16 s of a drawn clip from 1 to 4 s"):
        connect(constant.at("blind"))
    assert connect(constant.at("blind"), accept_server_sampling=True).provenance.budget.endswith("=server")
    assert connect(constant.at("blind") + "?frames").provenance.budget.endswith(f"q={payload.JPEG_QUALITY}")


@given(st.floats(0.5, 8))
def test_true_stamps_are_no_problem_and_others_are(fps: float) -> None:
    profile = changed(DEMO, {"fps": fps})
    for frames in seen.clips_to_look_at(profile):
        milliseconds = payload.window_milliseconds(frames)
        stamps = contract.pair_stamps(milliseconds)
        found = seen.read_prompt("<|im_start|>user\n" + "<|video_pad|>".join(stamps))
        assert found is not None and found.form == "bare"
        assert seen.problem_with(found, frames) == ""
        late = seen.ShownPrompt(tuple(stamp + 0.25 for stamp in found.stamps), "bare")
        assert "s off" in seen.problem_with(late, frames)
        fewer = seen.ShownPrompt(found.stamps[1:], "bare")
        assert "pairs of frames" in seen.problem_with(fewer, frames)


@pytest.mark.demo_model
def test_probabilities_are_done_without_where_they_are_not_told(demo: Served) -> None:
    model = connect(demo.at("nologprobs"))
    assert not model.capabilities.token_logprobs
    (answer,) = model.run([(model.prepare(grey()), contract.find_prompt("a dog runs", DEMO))])
    assert answer.token_logprobs is None
    assert contract.read_span(answer, Span(0, 2), DEMO).format_ok


def test_half_a_character_is_a_question_mark_and_can_be_written_down() -> None:
    result = json.loads('{"choices": [{"message": {"content": "A dog \\ud83d"}, "finish_reason": "stop"}]}')
    assert read_completion(result, contract.caption_prompt(DEMO)).raw == "A dog ?"


def test_nobody_there_is_one_sentence() -> None:
    with pytest.raises(
        ModelUnavailableError, match=r"^the server at http://127.0.0.1:9/v1 cannot be reached"
    ):
        connect("http://127.0.0.1:9/v1#demo")


# Faults

PASSING = (
    "drop=2",
    "404=2-3",
    "429=2",
    "500=2",
    "503=1",
    "nonsense=1",
    "deep=1",
    "empty=1",
    "half=2",
    "cut=1",
)
LASTING = {
    "drop": "broke off",
    "404": "answered with 404: The model does not exist",
    "429": "answered with 429: slow down",
    "500": "answered with 500: the engine is gone",
    "503": "answered with 503: the engine is gone",
    "nonsense": "sent an unusable response: no JSON",
    "empty": "sent an unusable response: no chat completion",
    "half": "half an answer",
    "cut": "broke off",
    "redirect": "sends a redirect",
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_changes_no_answer(constant: Served, fault: str) -> None:
    model = connect(constant.at(fault))
    window, prompt = model.prepare(grey()), contract.caption_prompt(DEMO)
    first = model.run([(window, prompt)])
    answers = [*first, *model.run([(window, prompt)] * 3)]
    assert [(answer.raw, answer.finish_reason) for answer in answers] == [(CAPTION, "stop")] * 4


@pytest.mark.parametrize("fault", LASTING)
def test_a_fault_that_lasts_stops_the_run_keeps_what_is_done_and_resumes(
    constant: Served, fault: str, tmp_path: Path
) -> None:
    constant.forget()
    clip = write_levels(tmp_path / "clips" / "clip.mp4", [0, 255] * 44)  # 7 windows
    store, embedder = Store.open(tmp_path / "index", create=True), StandinEmbedder()
    with pytest.raises(ModelUnavailableError, match=LASTING[fault]) as caught:
        model = connect(constant.at(f"{fault}=3-99"), requests=1)
        index([clip], store=store, model=model, embedder=embedder, batch_size=1)
    assert str(caught.value).startswith("the server at http://127.0.0.1:")
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert store.status().windows == 2
    constant.forget()
    report = index([clip], store=store, model=connect(constant.at()), embedder=embedder)
    assert report.windows_captioned == 5
    assert sum(not seen["probe"] for seen in constant.log()) == 5
    whole = Store.open(tmp_path / "whole", create=True)
    index([clip], store=whole, model=connect(constant.at()), embedder=embedder)
    assert spans_of(store) == spans_of(whole)


def test_a_window_that_is_refused_is_recorded_and_the_others_go_on(constant: Served, tmp_path: Path) -> None:
    clip = write_levels(
        tmp_path / "clips" / "clip.mp4", [128] * 40 + [0, 255] * 6
    )  # unrest in the last window
    model = connect(constant.at())
    still, restless = (
        model.prepare(sample(clip, span, **model.profile.frame_budget))
        for span in (Span(12, 28), Span(36, 52))
    )
    assert still.nbytes < restless.nbytes
    picky = constant.at(f"longest={(still.nbytes + restless.nbytes) // 2}")
    store, embedder = Store.open(tmp_path / "index", create=True), StandinEmbedder()
    report = index([clip], store=store, model=connect(picky), embedder=embedder)
    (file,) = report.files
    assert (file.state, store.status().windows) == ("partial", 3)
    assert "refused a request (413: this clip is too long)" in file.reason
    # A question about it is answered where it can be.
    video = store.videos.all()[file.content_id]
    spans = [Span(12, 28), Span(36, 52)]
    asked = [
        WindowQuestion(video, str(clip), Window(file.content_id, n, span)) for n, span in enumerate(spans)
    ]
    first, second = EventFinder(connect(picky)).ask("a square moves", asked)
    assert first.answer is not None and second.answer is None
    assert "this clip is too long" in second.problem
    # A server that takes nothing at all is no matter of one window.
    with pytest.raises(ModelUnavailableError, match="refused a request"):
        again = Store.open(tmp_path / "again", create=True)
        nothing = constant.at(f"longest={9 * still.nbytes // 10}")
        index([clip], store=again, model=connect(nothing), embedder=embedder)


def test_an_answer_that_is_filtered_is_not_asked_for_again(constant: Served) -> None:
    constant.forget()
    model = connect(constant.at("filtered=1-99"))
    window, prompt = model.prepare(grey()), contract.caption_prompt(DEMO)
    (answer,) = model.run([(window, prompt)])
    assert (answer.raw, answer.finish_reason) == ("", "length")
    assert sum(not seen["probe"] for seen in constant.log()) == 1


def spans_of(store: Store) -> list[tuple[Span, str]]:
    return sorted((event.span, event.text) for key in store.videos.all() for event in store.events.of(key))


def test_a_slow_server_is_waited_for_and_given_up_in_time(constant: Served) -> None:
    window, prompt = connect(constant.at()).prepare(grey()), contract.caption_prompt(DEMO)
    (answer,) = connect(constant.at("slow=0.5")).run([(window, prompt)])
    assert answer.raw == CAPTION
    with pytest.raises(ModelUnavailableError, match=r"did not answer within 0\.3 s"):
        connect(constant.at("slow=2"), timeout_seconds=0.3).run([(window, prompt)])


def test_a_pause_that_is_asked_for_is_kept_unless_it_is_too_long(constant: Served) -> None:
    model = connect(constant.at("429=1,after=1"))
    window, prompt = model.prepare(grey()), contract.caption_prompt(DEMO)
    began = time.monotonic()
    model.run([(window, prompt)])
    assert time.monotonic() - began >= 1
    with pytest.raises(ModelUnavailableError, match="asks to wait 3600 s"):
        connect(constant.at("429=1,after=3600")).run([(window, prompt)])


def test_only_so_many_requests_are_on_their_way(constant: Served) -> None:
    for requests in (1, 4):
        constant.forget()
        model = connect(constant.at("slow=0.1"), requests=requests)
        window, prompt = model.prepare(grey()), contract.caption_prompt(DEMO)
        model.run([(window, prompt)] * 12)
        assert constant.most_busy() == requests


def test_finds_of_many_windows_are_on_their_way_at_once(constant: Served, tmp_path: Path) -> None:
    constant.forget()
    clip = write_levels(tmp_path / "clip.mp4", [0, 255] * 50)
    model = connect(constant.at("slow=0.3"), requests=6)
    matches = find_in_file(clip, "a square moves", model=model).matches
    assert constant.most_busy() == 6
    assert len(matches) > 6


# A server that only finds, beside a model that captions


def test_a_find_model_on_a_server_names_several_spans_of_an_index_of_another_model(
    constant: Served, tmp_path
) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [30, 220] * 8)
    finder = constant.at("plain") + "?profile=timelens2-4b#demo"
    settings = load_settings(db=tmp_path / "index.lancedb", model="demo", device="cpu", find_model=finder)
    service = Service(settings)
    constant.forget()
    index_clips(service, IndexRequest(paths=(clip,)))
    assert constant.log() == []
    request = SearchRequest(query="a square moves", exhaustive=True)
    result = search(service, request)
    asked = [seen for seen in constant.log() if not seen["probe"]]
    assert service.asked_under.prompt_version == "timelens2-1"
    assert {seen["fields"]["max_tokens"] for seen in asked} == {TIMELENS2_4B.find_tokens}
    named = find(service, FindRequest(video=str(clip), query="a square moves")).matches
    assert {match.span for match in named} >= {Span(1, 4), Span(10, 12.5)}
    # Answers that are known are not asked for again, and no other model is served them.
    constant.forget()
    again = search(service, request)
    assert again.looked == result.looked and not [seen for seen in constant.log() if not seen["probe"]]
    other = Service(settings.model_copy(update={"find_model": constant.at("plain") + "?profile=demo#demo"}))
    search(other, request)
    assert [seen for seen in constant.log() if not seen["probe"]]


# Keys


def test_a_key_that_is_missing_wrong_or_right(constant: Served, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ModelUnavailableError, match="needs an API key") as missing:
        connect(constant.at("key"))
    assert "FOOTAGE_API_KEY" in missing.value.hint
    monkeypatch.setenv("FOOTAGE_API_KEY", SECRET)
    with pytest.raises(ModelUnavailableError, match="rejects the API key") as wrong:
        connect(constant.at("key"))
    monkeypatch.setenv("FOOTAGE_API_KEY", KEY)
    model = connect(constant.at("key"))
    (answer,) = model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    assert answer.raw == CAPTION
    for text in (str(wrong.value), wrong.value.hint, caplog.text, repr(vars(model)), repr(model.provenance)):
        assert SECRET not in text
        assert KEY not in text


def test_a_server_that_repeats_the_key_is_not_repeated(constant: Served, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("FOOTAGE_API_KEY", SECRET)
    model = connect(constant.at("echo=9"))
    with pytest.raises(ModelUnavailableError, match="Bad request with Bearer …") as caught:
        model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    assert SECRET not in str(caught.value) + caplog.text


def test_a_redirect_is_not_followed_and_gets_no_key(constant: Served, monkeypatch) -> None:
    constant.forget()
    monkeypatch.setenv("FOOTAGE_API_KEY", SECRET)
    model = connect(constant.at("redirect=9"))
    with pytest.raises(ModelUnavailableError, match="sends a redirect"):
        model.run([(model.prepare(grey()), contract.caption_prompt(DEMO))])
    seen = constant.log()
    assert {entry["key"] for entry in seen} == {f"Bearer {SECRET}"}
    assert not [entry for entry in seen if entry["path"].startswith("/stolen")]


def test_a_key_that_is_none_is_refused_without_being_shown(monkeypatch) -> None:
    monkeypatch.setenv("FOOTAGE_API_KEY", "sk secret\nX-Other: 1")
    with pytest.raises(UsageError, match="FOOTAGE_API_KEY contains invalid characters") as caught:
        connect("http://127.0.0.1:9/v1#demo")
    assert "secret" not in str(caught.value) + caught.value.hint


def test_what_is_meant_for_this_machine_goes_through_no_proxy(constant: Served, monkeypatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert connect(constant.at()).profile == DEMO


# The commands


def test_the_command_refuses_another_machine_in_one_sentence(tmp_path: Path) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255])
    find = ["find", str(clip), "a dog runs", "--model"]
    plain = runner.invoke(app, [*find, "http://example.org/v1#demo", "--allow-remote"])
    asked = runner.invoke(app, [*find, "https://example.org/v1#demo"])
    assert plain.exit_code == asked.exit_code == 2
    assert "another machine" in plain.stderr
    assert "--allow-remote" in asked.stderr


@pytest.mark.parametrize("command", ["ask", "point", "track", "models prompt"])
def test_another_machine_is_asked_where_that_is_allowed(tmp_path: Path, command: str) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255])
    result = [*command.split(), str(clip), "the dog", "--model", "https://127.0.0.1.invalid/v1#molmo2-4b"]
    assert "another machine" in runner.invoke(app, result).stderr
    allowed = runner.invoke(app, [*result, "--allow-remote"], env={"FOOTAGE_SERVER_PATIENCE_SECONDS": "0.1"})
    assert allowed.exit_code == 1
    assert "cannot be reached" in allowed.stderr


def test_a_dry_run_asks_the_server_what_it_serves(constant: Served, tmp_path: Path) -> None:
    clip = write_levels(tmp_path / "clip.mp4", [0, 255] * 26)
    Store.open(tmp_path / "index", create=True)
    asked = ["index", str(clip), "--dry-run", "--json", "--db", str(tmp_path / "index")]
    result = runner.invoke(app, [*asked, "--model", constant.at()])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout.splitlines()[-1])["windows_new"] == 4  # of 16 s, 4 s shared


def serve_command(name: str) -> tuple[list[str], dict[str, str]]:
    result = runner.invoke(app, ["models", "serve-command", name, "--port", "9000", "--json"])
    command = json.loads(result.stdout)["command"]
    return command, dict(zip(command[3::2], command[4::2], strict=True))


def test_serve_command_prints_what_vllm_needs() -> None:
    command, given_ = serve_command("marlin-2b")
    assert command[:3] == ["vllm", "serve", "NemoStation/Marlin-2B"]
    assert given_["--revision"] == MARLIN_2B.revision
    assert given_["--served-model-name"] == "marlin-2b"
    assert json.loads(given_["--hf-overrides"]) == {"architectures": ["Qwen3_5ForConditionalGeneration"]}
    assert json.loads(given_["--media-io-kwargs"]) == {"video": {"num_frames": -1, "fps": 30}}
    processor = json.loads(given_["--mm-processor-kwargs"])
    assert processor["do_sample_frames"] is False
    assert processor["size"] == {"shortest_edge": 4096, "longest_edge": 240 * 200_704}
    assert given_["--mm-processor-cache-gb"] == "0"
    assert int(given_["--max-num-batched-tokens"]) >= 120 * 196 + 2048
    assert (given_["--host"], given_["--port"]) == ("127.0.0.1", "9000")
    spelled = runner.invoke(app, ["models", "serve-command", "marlin-2b", "--port", "9000"])
    assert shlex.split(spelled.stdout.replace("\\\n", " ")) == command
    assert "older versions" in spelled.stderr


def test_the_cache_of_processed_clips_has_the_size_that_is_asked_for() -> None:
    for size, written in (("4", "4"), ("0.5", "0.5"), ("0", "0")):
        result = runner.invoke(
            app, ["models", "serve-command", "qwen2.5-vl-7b", "--mm-cache-gb", size, "--json"]
        )
        command = json.loads(result.stdout)["command"]
        assert command[command.index("--mm-processor-cache-gb") + 1] == written
    assert runner.invoke(app, ["models", "serve-command", "demo", "--mm-cache-gb", "-1"]).exit_code == 2


@pytest.mark.demo_model
def test_the_chat_template_for_servers_is_the_models_own_with_the_bare_video() -> None:
    from transformers import AutoProcessor

    _, given_ = serve_command("demo")
    processor = AutoProcessor.from_pretrained(DEMO.folder)
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "What is there?"}]}]
    render = partial(processor.apply_chat_template, turn, add_generation_prompt=True, tokenize=False)
    ours = render(chat_template=Path(given_["--chat-template"]).read_text())
    assert ours == bare_video(render(), processor)
    answer = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert ours == f"<|im_start|>user\n<|video_pad|>What is there?<|im_end|>\n{answer}"


@pytest.mark.parametrize(
    ("name", "tokens"), [("qwen3-vl-8b", 32768), ("timelens-8b", 32768), ("timelens2-8b", 32768)]
)
def test_qwen3_vl_is_served_with_its_own_template_and_budget(name: str, tokens: int) -> None:
    command, given_ = serve_command(name)
    profile = get_profile(name)
    assert command[2] == profile.repository
    assert given_.get("--revision") == profile.revision
    assert "--hf-overrides" not in given_
    assert json.loads(given_["--mm-processor-kwargs"]) == {
        "do_sample_frames": False,
        "size": {"shortest_edge": 4096, "longest_edge": contract.clip_pixels(profile)},
    }
    assert given_["--max-model-len"] == given_["--max-num-batched-tokens"] == str(tokens)
    assert Path(given_["--chat-template"]).name == "qwen3vl_chat.jinja"


def test_the_chat_template_of_qwen3_vl_is_the_models_own_with_the_bare_video(tmp_path: Path) -> None:
    from tiny_qwen3vl import write_tiny_model
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(write_tiny_model(tmp_path / "tiny"))
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "What is there?"}]}]
    render = partial(processor.apply_chat_template, turn, add_generation_prompt=True, tokenize=False)
    _, given_ = serve_command("qwen3-vl-8b")
    ours = render(chat_template=Path(given_["--chat-template"]).read_text())
    assert ours == bare_video(render(), processor)
    assert ours == "<|im_start|>user\n<|video_pad|>What is there?<|im_end|>\n<|im_start|>assistant\n"


def test_the_demo_model_is_served_from_its_folder() -> None:
    command, given_ = serve_command("demo")
    assert command[2] == str(DEMO.folder)
    assert given_["--max-model-len"] == "4096"


def test_molmo2_is_served_with_the_positions_and_the_pictures_it_takes() -> None:
    _, given_ = serve_command("molmo2-4b")
    assert given_["--max-model-len"] == given_["--max-num-batched-tokens"] == "36864"
    assert json.loads(given_["--limit-mm-per-prompt"]) == {"video": 1, "image": 16}
    assert "--chat-template" not in given_ and "--mm-processor-kwargs" not in given_
