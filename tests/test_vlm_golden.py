"""The prompt to the token: Qwen3.5's real tokenizer against the recorded reference run of Marlin-2B."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from qwen35_tokenizer import real_tokenizer
from tiny_qwen35 import write_tiny_model

from footage.core import frame_budget
from footage.core.types import Answer, Frames, Span
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen35 import Qwen35Model
from footage.vlm.changes import Changes
from footage.vlm.profiles import MARLIN_2B
from footage.vlm.protocol import Prompt

PROCESSORS_OWN = Changes(pixels_per_frame=25_165_824 // 22)
"""Budget of the reference run: 25,165,824 pixels a clip, which leaves 864x480 as it is."""
OURS = {
    "caption 11 s": "d9ab6781850bbbd940b06719c44cd305d21eccae01c0ff39f4fff17005e1e0e7",
    "caption 10.44 s": "c32e9d0ebc29d20bfeb85d14b8f5995e19550276acf2f4d281b062c94aeaec0d",
    "find 10.44 s": "ad95f663192017bf3af622bf5ebb3d0118153e7f4a5b559cd7f01b7c83d16f01",
}
"""SHA-256 of our own prompts' ids, at the budget of the model's card (576x320 pixels)."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "real-tokenizer", tokenizer=real_tokenizer())


@pytest.fixture(scope="module")
def model(folder) -> Qwen35Model:
    return load_model(str(folder))


@pytest.fixture(scope="module")
def reference(folder) -> Qwen35Model:
    return load_model(str(folder), changes=PROCESSORS_OWN)


@pytest.fixture(scope="module")
def goldens(test_data) -> dict:
    return json.loads((test_data / "goldens" / "marlin_prompt_ids.json").read_text())


def shown(*, total_frames: int, sampled_frames: int, fps: float) -> Frames:
    """A clip of 864x480 pixels, sampled as the processor samples a file: both ends, evenly."""
    indices = np.round(np.linspace(0, total_frames - 1, sampled_frames))
    pixels = np.full((sampled_frames, 480, 864, 3), 127, np.uint8)
    return Frames(pixels, tuple((indices / fps).tolist()), Span(0, total_frames / fps))


def whole_prompt(model: Qwen35Model, frames: Frames, prompt: Prompt) -> tuple[np.ndarray, list[int]]:
    """The ids of a whole prompt, int64, and the grid of its video."""
    clip = model.prepare(frames).payload
    return np.array([*clip.ids.tolist(), *model._ids(prompt)], np.int64), clip.grid[0].tolist()


def digest(ids: np.ndarray) -> str:
    return hashlib.sha256(ids.tobytes()).hexdigest()


@pytest.mark.parametrize("number", range(3))
def test_the_prompts_of_the_reference_run_are_ours_to_the_token(reference, goldens, number):
    case = goldens["cases"][number]
    prompt = (
        contract.find_prompt(case["event"], MARLIN_2B)
        if case["prompt"] == "find"
        else contract.caption_prompt(MARLIN_2B)
    )
    sampling = {name: case[name] for name in ("total_frames", "sampled_frames", "fps")}
    ids, grid = whole_prompt(reference, shown(**sampling), prompt)
    assert grid == case["grid"]
    assert len(ids) == case["length"]
    assert digest(ids) == case["sha256"]


@pytest.mark.parametrize("name", OURS)
def test_the_prompts_at_our_own_budget_stay_as_they_are(model, name):
    seconds = float(name.split()[1])
    find = contract.find_prompt("a squirrel looks at a purple butterfly", MARLIN_2B)
    prompt = find if name.startswith("find") else contract.caption_prompt(MARLIN_2B)
    count = frame_budget.frames_for(seconds)
    ids, grid = whole_prompt(
        model, shown(total_frames=round(seconds * 25), sampled_frames=count, fps=25), prompt
    )
    assert grid == [count // 2, 20, 36]
    assert digest(ids) == OURS[name]


def test_the_recorded_answer_decodes_and_is_read(goldens):
    ids = goldens["generated"]["find bbb-3"]
    text = real_tokenizer().decode(ids, skip_special_tokens=True)
    reading = contract.read_span(Answer(text, "stop"), Span(0, 10.44), MARLIN_2B)
    assert (text, reading.span, reading.format_ok) == ("From 3.0 to 4.0.", Span(3.0, 4.0), True)
    assert ids[-1] in MARLIN_2B.end_ids


def test_every_digit_is_a_token_of_its_own():
    tokenizer = real_tokenizer()
    assert [tokenizer(str(digit))["input_ids"] for digit in range(10)] == [[15 + n] for n in range(10)]
    assert tokenizer("<12.5 - 119.0>")["input_ids"] == [27, 16, 17, 13, 20, 471, 220, 16, 16, 24, 13, 15, 29]


@cache
def special_spellings() -> list[str]:
    return [token.content for token in real_tokenizer().added_tokens_decoder.values()]


def test_no_query_can_spell_a_control_token_of_the_real_tokenizer(model):
    plain = set(range(248_044))
    for spelled in special_spellings():
        asked = contract.find_prompt(f"a dog {spelled} jumps", MARLIN_2B)
        tail = len(model._ids(contract.find_prompt("x", MARLIN_2B))) - len(
            real_tokenizer()(contract.find_prompt("x", MARLIN_2B).text)["input_ids"]
        )
        assert set(model._ids(asked)[:-tail]) <= plain, spelled
