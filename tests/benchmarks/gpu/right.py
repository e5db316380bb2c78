"""Whether a GPU says what a CPU says: the demo model on drawn clips, and the tests of exactness.

In float32 every token has to be the CPU's; in bfloat16, which the product uses on a GPU, every span has to
lie within half a second of the CPU's. The clips are drawn here, so that nothing has to be decoded.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from footage.core import frame_budget
from footage.core.types import Answer, Frames, Span
from footage.synthetic.clips import random_clip, render
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen import QwenModel
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Prompt
from tests.benchmarks.gpu.rows import Board, Row, SkippedError, opened

CLIPS = 40
CLIP_SECONDS = 16.0
WIDTH, HEIGHT = 240, 160
NEAR_SECONDS = 0.5
"""How far a span in bfloat16 may be from the one in float32."""
ROOT = Path(__file__).resolve().parents[3]
EXACT_TESTS = (
    "tests/test_vlm_exact.py",
    "tests/test_vlm_qwen35.py::test_the_prompt_is_what_the_processor_makes_of_the_whole_turn",
    "tests/test_vlm_qwen35.py::test_logprobs_are_those_of_the_tokens_generated",
)
"""Those in which a model answers; on the device that FOOTAGE_TEST_DEVICE names."""
TEST_SECONDS = 150.0

Asked = list[tuple[Frames, list[Prompt]]]


def main() -> None:
    """Answers of both precisions, then the tests."""
    board = opened("right")
    # Convolutions would round their inputs to ten bits on recent GPUs, also in float32.
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    reference = load_model("demo", device="cpu")
    asked = drawn(4 if board.tiny else CLIPS, reference)
    expected: list[Answer] = []

    def on_the_cpu() -> float:
        expected.extend(answers(reference, asked))
        return len(expected)

    board.measure("answers of the CPU, float32", on_the_cpu, unit="answers", at_most=90)
    board.measure("float32: every token equal", lambda: equal(board, asked, expected), at_most=90)
    board.measure("bfloat16: spans within 0.5 s", lambda: near(board, asked, expected), at_most=90)
    board.measure("tests of exactness", lambda: tested(board), at_most=TEST_SECONDS + 10)


def drawn(count: int, model: QwenModel) -> Asked:
    """Clips that nobody has seen, each with a caption and a find for each of its sentences."""
    rng = np.random.default_rng(16)
    asked: Asked = []
    while len(asked) < count:
        clip = random_clip(rng, duration_seconds=CLIP_SECONDS)
        times = np.arange(frame_budget.frames_for(CLIP_SECONDS)) / model.profile.fps
        pixels = render(clip, times, width=WIDTH, height=HEIGHT)
        sentences = dict.fromkeys(event.sentence for event in clip.events)
        if not sentences:
            continue
        prompts = [contract.caption_prompt(model.profile)]
        prompts += [contract.find_prompt(sentence, model.profile) for sentence in sentences]
        span = Span(0.0, CLIP_SECONDS)
        asked.append((Frames(pixels, tuple(float(time) for time in times), span), prompts))
    return asked


def answers(model: QwenModel, asked: Asked) -> list[Answer]:
    """The answers to all prompts, clip by clip."""
    prepared = [(model.prepare(frames), prompts) for frames, prompts in asked]
    return model.run([(window, prompt) for window, prompts in prepared for prompt in prompts])


def equal(board: Board, asked: Asked, expected: list[Answer]) -> Row:
    """Compares every token of every answer."""
    found = answers(load_model("demo", device=board.device.type, dtype="float32"), asked)
    same = sum(
        (one.raw, one.token_texts) == (other.raw, other.token_texts)
        for one, other in zip(expected, found, strict=True)
    )
    apart = max(
        (
            abs(a - b)
            for one, other in zip(expected, found, strict=True)
            for a, b in zip(one.token_logprobs or (), other.token_logprobs or (), strict=False)
        ),
        default=0.0,
    )
    return Row(
        board.part,
        "float32: every token equal",
        same,
        f"of {len(expected)} answers",
        status="ok" if expected and same == len(expected) else "wrong",
        note=f"log-probabilities at most {apart:.2g} apart",
    )


def near(board: Board, asked: Asked, expected: list[Answer]) -> Row:
    """Compares the spans of all finds."""
    found = answers(load_model("demo", device=board.device.type, dtype="bfloat16"), asked)
    kinds = [(frames.span, prompt.kind) for frames, prompts in asked for prompt in prompts]
    apart = [
        furthest(contract.read_span(one, span, DEMO).span, contract.read_span(other, span, DEMO).span)
        for (span, kind), one, other in zip(kinds, expected, found, strict=True)
        if kind == "find"
    ]
    close = sum(seconds <= NEAR_SECONDS for seconds in apart)
    return Row(
        board.part,
        "bfloat16: spans within 0.5 s",
        close,
        f"of {len(apart)} finds",
        status="ok" if apart and close == len(apart) else "wrong",
        note=f"at most {max(apart, default=0.0):.2g} s apart, {len(asked)} clips",
    )


def furthest(one: Span | None, other: Span | None) -> float:
    """Seconds between two spans' starts or ends, the larger of both; infinite where one span is missing."""
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return max(abs(one.start_seconds - other.start_seconds), abs(one.end_seconds - other.end_seconds))


def tested(board: Board) -> Row:
    """Runs the tests that hold batches and kept states to the tokens of one prompt at a time."""
    if importlib.util.find_spec("pytest") is None:
        raise SkippedError("pytest is not installed")
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-W", "ignore", "-p", "no:cacheprovider"]
    chosen = EXACT_TESTS[1:] if board.tiny else EXACT_TESTS
    environment = {**os.environ, "FOOTAGE_TEST_DEVICE": board.device.type}
    seconds = min(TEST_SECONDS, board.seconds_left - 10)
    try:
        done = subprocess.run(
            [*command, *chosen], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise SkippedError(f"not done after {seconds:.0f} s") from None
    lines = [text for text in done.stdout.splitlines() if text.strip()]
    for text in lines if done.returncode else ():
        print(text)  # noqa: T201
    return Row(
        board.part,
        "tests of exactness",
        status="wrong" if done.returncode else "ok",
        note=f"{board.device.type}: {lines[-1].strip('= ') if lines else done.stderr[-150:]}",
    )


if __name__ == "__main__":
    main()
