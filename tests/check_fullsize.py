"""Marlin-2B's whole shape with random weights, in this process and behind vLLM: ``make test-fullsize``.

Not one of ``make test``: it writes 4.4 GB of weights, needs 16 GB of memory, for vLLM a CPU with AVX512-BF16,
and half an hour. Random weights say nothing that can be read; what is checked is that a window of the full
length is processed, with the real tokenizer and prompt, within the memory that the docs name.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from qwen35_tokenizer import real_tokenizer
from serve_vllm import ROUNDED_OTHERWISE, read_by, serving_with, stamps_off
from tiny_qwen35 import write_model, write_tiny_model

from footage.core.types import Span
from footage.media.video import sample
from footage.store import Store
from footage.vlm import contract, load_model
from footage.vlm.profiles import MARLIN_2B
from tests.benchmarks.gpu.marlin import network

PARAMETERS = 2_213_241_664
"""Of Marlin-2B, without the copy of the embedding that its files hold as the head."""
MEMORY_BYTES = 16e9
ANSWER_TOKENS = "24"
START_SECONDS = 900
logger = logging.getLogger(__name__)

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif("VLLM_COMMAND" not in os.environ, reason="needs vLLM: see make test-fullsize"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The weights, gone when the checks are done."""
    with tempfile.TemporaryDirectory(prefix="footage-fullsize-") as made:
        write_fullsize_model(Path(made))
        yield Path(made)


def write_fullsize_model(folder: Path) -> None:
    """Writes random weights in Marlin-2B's shape, and keeps none of them in memory."""
    tokenizer = real_tokenizer()
    torch.manual_seed(0)
    model = network(tiny=False, device="cpu", dtype=torch.bfloat16, tokenizer=tokenizer)
    assert sum(weight.numel() for weight in model.parameters()) == PARAMETERS
    write_model(folder, model, tokenizer)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """30 s of 640x360: one window of the profile's length, at its whole budget."""
    path = tmp_path_factory.mktemp("clip") / "moving.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=30", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-loglevel", "error", *source, str(path)], check=True)
    return path


def run(*words: str) -> tuple[list[dict], float, float]:
    """The JSON lines of a command that ends, the seconds it took, and its most resident memory in bytes.

    The system counts the memory of this process before the command began in it, too: 6 GB at least.
    """
    began = time.monotonic()
    command = [sys.executable, "-m", "ui.cli", *words, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as going:
        assert going.stdout is not None
        lines = [json.loads(line) for line in going.stdout]
        _, status, usage = os.wait4(going.pid, 0)
        going.returncode = os.waitstatus_to_exitcode(status)
    assert going.returncode in (0, 3), lines
    return lines, time.monotonic() - began, usage.ru_maxrss * 1024


def check_index(clip: Path, index: Path, model: str, name: str) -> float:
    """Index the clip and look at its window; returns the most memory of the command, in bytes."""
    words = ["index", str(clip), "--db", str(index), "--model", model, "--caption-tokens", ANSWER_TOKENS]
    _, seconds, peak = run(*words)
    status = Store.open(index).status()
    assert status.windows == 1, status
    logger.info("%s: index of a 30 s window: %.0f s, %.1f GB", name, seconds, peak / 1e9)
    return peak


def check_find(clip: Path, model: str, name: str) -> float:
    """Find something in the clip; returns the most memory of the command, in bytes."""
    lines, seconds, peak = run("find", str(clip), "a square moves", "--model", model)
    assert lines
    logger.info("%s: find in a 30 s window: %.0f s, %.1f GB", name, seconds, peak / 1e9)
    return peak


def test_it_indexes_and_finds_in_this_process(folder: Path, clip: Path, tmp_path: Path) -> None:
    peaks = [
        check_index(clip, tmp_path / "index", str(folder), "in process"),
        check_find(clip, str(folder), "in process"),
    ]
    assert max(peaks) < MEMORY_BYTES


def test_it_indexes_and_finds_behind_vllm(folder: Path, clip: Path, tmp_path: Path) -> None:
    extra = ("--dtype", "bfloat16")
    with serving_with(
        tmp_path, *extra, profile=MARLIN_2B, folder=folder, start_seconds=START_SECONDS
    ) as started:
        logger.info("vLLM %s answers after %.0f s", started.version(), started.start_seconds)
        # 1. The prompt of the whole budget is the one of a model in this process.
        small = load_model(str(write_tiny_model(tmp_path / "small", tokenizer=real_tokenizer())))
        frames = sample(clip, Span(0, 30), **MARLIN_2B.frame_budget)
        prompt = contract.caption_prompt(MARLIN_2B)
        ids = read_by(small, frames, prompt)
        assert max(stamps_off(started.spelled(ids), started.prompt_of(frames, prompt))) < ROUNDED_OTHERWISE
        logger.info("the prompt of a 30 s window: %d tokens, equal but for rounded stamps", len(ids))
        # 2. The commands succeed, and the server stays within its memory.
        with started.watched() as memory:
            check_index(clip, tmp_path / "index", started.address, "vLLM")
            check_find(clip, started.address, "vLLM")
        logger.info("vLLM's processes: %.1f GB", max(memory) / 1e9)
        assert max(memory) < MEMORY_BYTES
