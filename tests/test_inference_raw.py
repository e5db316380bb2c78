"""Raw use of a model as on Marlin's card: the processor, generate(), and what both leave alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_molmo2
import torch
from standin_model import StandinModel

from footage import open_model
from footage.core.errors import UsageError
from footage.core.types import Frames, Span
from footage.inference.models import OpenModel
from footage.media.sandbox import sample
from footage.vlm import contract
from footage.vlm.profiles import DEMO
from footage.vlm.protocol import Prompt

CLIP = Path(__file__).resolve().parents[1] / "data" / "footage" / "gate_cam1.mp4"
WINDOW = Span(0.0, 16.0)
PROMPT = DEMO.caption_prompt

pytestmark = [
    pytest.mark.demo_model,
    pytest.mark.skipif(
        not any((DEMO.folder or Path()).glob("*.safetensors")), reason="needs the weights in data/demo-model"
    ),
]


@pytest.fixture(scope="module")
def demo() -> OpenModel:
    return open_model("demo", device="cpu", offline=True)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return sample(CLIP, WINDOW, **DEMO.frame_budget)


def inputs_for(demo: OpenModel, frames: Frames, text: str) -> dict:
    """As on the card, with the frames that the other methods show, at their times."""
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "video", "video": torch.from_numpy(frames.pixels.copy()).permute(0, 3, 1, 2)},
                {"type": "text", "text": text},
            ],
        }
    ]
    milliseconds = [round(1000 * time) for time in frames.times_seconds]
    return demo.processor.apply_chat_template(
        messages,
        tokenize=True,
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
        processor_kwargs={
            "do_sample_frames": False,
            "video_metadata": [
                {"fps": 1000, "total_num_frames": milliseconds[-1] + 1, "frames_indices": milliseconds}
            ],
        },
    ).to(demo.device)


def said(demo: OpenModel, inputs: dict, **options) -> str:
    with torch.inference_mode():
        out = demo.generate(**inputs, max_new_tokens=DEMO.caption_tokens, **options)
    out = out[:, inputs["input_ids"].shape[1] :]
    return demo.processor.batch_decode(out, skip_special_tokens=True)[0]


def test_the_pattern_of_the_card_gives_the_text_of_prompt(demo, frames):
    inputs = inputs_for(demo, frames, PROMPT)
    assert inputs["pixel_values_videos"].shape[0] == 16 * 4 * 6  # pairs of frames, 96 x 64 pixels each
    asked = demo.prompt(CLIP, PROMPT, start=WINDOW.start_seconds, end=WINDOW.end_seconds)
    answer = said(demo, inputs, do_sample=False)
    assert answer == asked["text"] and "Events:" in answer


def test_what_was_read_before_is_left_as_it_was(demo, frames):
    model = demo.model
    prepared = model.prepare(frames)
    questions = [(prepared, contract.find_prompt(event, DEMO)) for event in ("a car drives", "a dog runs")]
    [before] = model.run(questions[:1])
    offset = model._model.model.rope_deltas
    short = {name: value for name, value in inputs_for(demo, frames, "What?").items()}
    demo.generate(**short, max_new_tokens=3)
    assert model._model.model.rope_deltas is offset
    after, other = model.run(questions)
    assert after == before and other != before
    [afresh] = open_model("demo", device="cpu", offline=True).model.run(
        [(model.prepare(frames), questions[1][1])]
    )
    assert other.raw == afresh.raw


@pytest.mark.parametrize("name", ["eos_token_id", "pad_token_id"])
def test_both_end_tokens_end_an_answer(demo, frames, name):
    """Where the model would end its answer, it is made to write the given token."""
    tokenizer, model = demo.processor.tokenizer, demo.model._model
    wanted, usual = getattr(tokenizer, name), tokenizer.eos_token_id
    inputs = inputs_for(demo, frames, PROMPT)

    def force(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if bool((scores.argmax(-1) == usual).all()):
            scores = torch.full_like(scores, -torch.inf)
            scores[:, wanted] = 0
        return scores

    out = demo.generate(
        **inputs, max_new_tokens=DEMO.caption_tokens, do_sample=False, logits_processor=[force]
    )
    answer = out[0, inputs["input_ids"].shape[1] :]
    assert answer[-1] == wanted and len(answer) < DEMO.caption_tokens
    assert {tokenizer.eos_token_id, tokenizer.pad_token_id} <= set(demo.model._end_ids)
    assert out.device == model.device


def test_tokens_can_be_drawn(demo, frames):
    inputs = inputs_for(demo, frames, PROMPT)
    answers = set()
    for seed in range(3):
        torch.manual_seed(seed)
        out = demo.generate(**inputs, max_new_tokens=40, do_sample=True, temperature=3.0, top_p=0.99)
        answers.add(tuple(out[0, inputs["input_ids"].shape[1] :].tolist()))
    assert len(answers) == 3
    assert (
        demo.generate(**inputs, max_new_tokens=2, do_sample=False).shape[1]
        == inputs["input_ids"].shape[1] + 2
    )


def test_a_model_that_runs_elsewhere_has_neither():
    away = OpenModel(StandinModel())
    for use in (lambda: away.processor, lambda: away.device, lambda: away.generate(input_ids=None)):
        with pytest.raises(UsageError, match="does not run in this process") as refused:
            use()
        assert "prompt()" in refused.value.hint


def test_molmo2_answers_the_same_through_its_own_processor(tmp_path):

    opened = open_model(str(tiny_molmo2.write_tiny_model(tmp_path / "tiny")), device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 48, 96, 3), dtype=np.uint8)
    picture = Frames(pixels, (0.0,), Span(0.0, 0.0))
    [answer] = opened.model.run([(opened.model.prepare(picture), Prompt("raw", "What is there?", 12))])
    content = [{"type": "image"}, {"type": "text", "text": "What is there?"}]
    text = opened.processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    inputs = opened.processor(text=[text], images=[pixels[0]], return_tensors="pt")
    out = opened.generate(**inputs, max_new_tokens=12, do_sample=False)
    ids = out[0, inputs["input_ids"].shape[1] :]
    assert opened.processor.decode(ids, skip_special_tokens=True) == answer.raw
