"""Shared windows and batches say, token for token, what one prompt at a time says.

The reference is transformers' own ``generate`` on the whole prompt with its pixels, for each request anew.
Five models: the demo model, and random ones of each family, and of each form of the video in its prompt,
whose matrices are large enough (std 0.15) that what is seen and asked changes every answer.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import tiny_qwen3vl
import tiny_qwen25vl
import torch
from tiny_qwen35 import write_tiny_model

from footage.core import frame_budget
from footage.core.types import Frames, Span
from footage.vlm import contract, kv_cache, load_model
from footage.vlm.backends.qwen import QwenModel
from footage.vlm.backends.qwen25vl import Qwen25VLModel, pair_grids
from footage.vlm.backends.qwen_batches import LONG_PROMPT_TOKENS
from footage.vlm.changes import Changes
from footage.vlm.generation import AnswerDraft
from footage.vlm.profile import CAPTION_PROMPT
from footage.vlm.protocol import Prepared, Prompt
from footage.vlm.sampling import LIKELIEST, Sampling

EVENTS = (
    "a dog",
    "A red car drives from left to right.",
    "a person in a very long coat opens the third door on the left and walks away",
    "x",
)
SMALL: Changes = {"pixels_per_frame": 10 * 28 * 28}
WINDOWS = ((0.0, 2.0), (25.0, 10.0), (7.04, 20.0), (100.0, 0.3), (3.0, 4.7))


@pytest.fixture(scope="module", params=["random", "demo", "qwen2.5", "timelens-7b", "qwen3"])
def model(request, tmp_path_factory, placed) -> QwenModel:
    if request.param == "demo":
        return load_model("demo", **placed)
    place = tmp_path_factory.mktemp("model") / "tiny"
    if request.param == "qwen3":
        return load_model(str(tiny_qwen3vl.write_tiny_model(place)), **placed, changes=SMALL)
    if request.param in ("qwen2.5", "timelens-7b"):
        name = request.param if request.param == "timelens-7b" else ""
        return load_model(str(tiny_qwen25vl.write_tiny_model(place, profile=name)), **placed, changes=SMALL)
    folder = write_tiny_model(place, profile="marlin-2b", seed=5)
    return load_model(str(folder), **placed)


def shown(number: int) -> Frames:
    start, seconds = WINDOWS[number % len(WINDOWS)]
    times = np.linspace(start, start + seconds - 0.04, frame_budget.frames_for(seconds))
    pixels = np.random.default_rng(number).integers(0, 255, (len(times), 64, 96, 3), np.uint8)
    return Frames(pixels, tuple(float(time) for time in times), Span(start, start + seconds))


def prompts(model, *, most: int = 24) -> list[Prompt]:
    """A caption, or a free prompt of a model that writes none, and finds, of different lengths."""
    if "caption" in model.profile.skills:
        asked = [contract.caption_prompt(model.profile)]
    else:
        asked = [contract.raw_prompt(CAPTION_PROMPT, model.profile)]
    asked += [contract.find_prompt(event, model.profile) for event in EVENTS]
    return [
        replace(prompt, max_new_tokens=min(prompt.max_new_tokens, most), sampling=LIKELIEST)
        for prompt in asked
    ]


@torch.inference_mode()
def one_at_a_time(model, frames: Frames, prompt: Prompt) -> list[int]:
    """The answer's tokens by ``generate``, from pixels and whole prompt, up to where it may be stopped."""
    clip = model.prepare(frames).payload
    ids = torch.tensor([[*clip.ids.tolist(), *model._ids(prompt)]])
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values_videos": clip.pixels,
        "video_grid_thw": clip.grid,
        "mm_token_type_ids": (ids == model._model.config.video_token_id).int() * 2,
    }
    if model.profile.video_form == "stamped":
        inputs["video_grid_thw"] = pair_grids(clip.grid)
    elif isinstance(model, Qwen25VLModel):
        inputs["position_ids"] = positions(clip, ids.shape[1])
    out = model._model.generate(
        **{name: value.to(model._model.device) for name, value in inputs.items()},
        max_new_tokens=prompt.max_new_tokens,
        do_sample=False,
        use_cache=True,
        eos_token_id=model._end_ids,
        pad_token_id=model._pad_id,
    )[0, ids.shape[1] :].tolist()
    whole = (n for n in range(1, len(out) + 1) if contract.is_whole(prompt, model._spell(out[:n])))
    return out[: next(whole, len(out))]


def positions(clip, length: int) -> torch.Tensor:
    """Of a whole prompt, as ``generate`` takes them: the token's number, then time, height and width."""
    after = torch.arange(len(clip.ids), length).expand(3, -1) + clip.offset
    return torch.cat([torch.arange(length)[None], torch.cat([clip.places, after], dim=1)])[:, None]


def tokens_of(model, requests: Sequence[tuple[Prepared, Prompt]], monkeypatch) -> list[list[int]]:
    """The answers' tokens by ``run``, in the order of the requests."""
    result: dict[int, list[int]] = {}
    answer = AnswerDraft.answer

    def noting(self: AnswerDraft):
        made = answer(self)
        result[id(made)] = self._tokens
        return made

    monkeypatch.setattr(AnswerDraft, "answer", noting)
    answers = model.run(requests)
    return [result[id(made)] for made in answers]


@contextmanager
def forward_passes(model) -> Iterator[list[tuple[int, int]]]:
    """(rows, tokens) of every pass through the language model meanwhile, by a hook of torch."""
    passes: list[tuple[int, int]] = []

    def note(module, args, inputs):
        passes.append(tuple(inputs["inputs_embeds"].shape[:2]))

    with model._model.model.language_model.register_forward_pre_hook(note, with_kwargs=True):
        yield passes


def fresh(model) -> None:
    model._kept.clear()


# -- The same tokens -------------------------------------------------------


@pytest.fixture(scope="module")
def reference(model) -> dict[tuple[int, str], list[int]]:
    return {
        (n, prompt.text): one_at_a_time(model, shown(n), prompt)
        for n in range(len(WINDOWS))
        for prompt in prompts(model)
    }


def test_the_reference_tells_windows_and_prompts_apart(reference):
    assert len({tuple(tokens) for tokens in reference.values()}) > len(reference) // 3


@pytest.mark.parametrize("size", [1, 2, 5, 20, 32])
def test_a_batch_of_any_size_says_what_one_at_a_time_says(model, reference, size, monkeypatch):
    windows = [model.prepare(shown(n)) for n in range(len(WINDOWS))]
    asked = prompts(model)
    pairs = [(n % len(WINDOWS), asked[(n * 7 + n // 5) % len(asked)]) for n in range(size)]
    result = tokens_of(model, [(windows[n], prompt) for n, prompt in pairs], monkeypatch)
    assert result == [reference[n, prompt.text] for n, prompt in pairs]


def test_one_window_and_many_prompts(model, reference, monkeypatch):
    window, asked = model.prepare(shown(2)), prompts(model) * 4
    result = tokens_of(model, [(window, prompt) for prompt in asked], monkeypatch)
    assert result == [reference[2, prompt.text] for prompt in asked]


def test_a_window_asked_again_between_others_says_the_same(model, reference, monkeypatch):
    """Its state is the first one's still, whatever continued copies of it, and whatever was seen since."""
    windows = [model.prepare(shown(n)) for n in range(len(WINDOWS))]
    for n, prompt in [(n, prompt) for prompt in prompts(model) for n in (1, 2, 1)]:
        assert tokens_of(model, [(windows[n], prompt)], monkeypatch) == [reference[n, prompt.text]]


def test_long_prompts_of_any_length_are_answered_together(model, monkeypatch):
    asked = [Prompt("ask", f"what happens {'and then ' * count}?", 12) for count in (70, 71, 78, 90)]
    assert min(len(model._ids(prompt)) for prompt in asked) >= LONG_PROMPT_TOKENS
    windows = [model.prepare(shown(n)) for n in range(len(asked))]
    alone = [one_at_a_time(model, shown(n), prompt) for n, prompt in enumerate(asked)]
    shortest = min(len(model._ids(prompt)) for prompt in asked)
    assert all(len(window.payload.ids) != shortest for window in windows)
    with forward_passes(model) as passes:
        assert tokens_of(model, list(zip(windows, asked, strict=True)), monkeypatch) == alone
    assert [rows for rows, tokens in passes if tokens == shortest] == [4]
    assert tokens_of(model, list(zip(windows, asked, strict=True)), monkeypatch) == alone


def test_small_batches_say_what_large_ones_say(model, reference, monkeypatch):
    bounds = replace(model._bounds, tokens=900, prefill_tokens=300)
    small = type(model)(model._model, model._processor, model._weights, bounds=bounds)
    windows = [small.prepare(shown(n)) for n in range(len(WINDOWS))]
    pairs = [(n, prompt) for n in range(len(WINDOWS)) for prompt in prompts(small)]
    result = tokens_of(small, [(windows[n], prompt) for n, prompt in pairs], monkeypatch)
    assert result == [reference[n, prompt.text] for n, prompt in pairs]


def test_other_pictures_are_other_answers(model):
    """What is kept of one window is not taken for another's."""
    asked = prompts(model, most=6)[0]
    windows = [model.prepare(shown(n)) for n in (1, 6, 11)]  # of one length, with other pictures
    result = [answer.token_logprobs for answer in model.run([(window, asked) for window in windows])]
    assert len(set(result)) == 3


def test_drawn_answers_do_not_depend_on_who_is_asked_with_them(model):
    windows = [model.prepare(shown(n)) for n in range(3)]
    drawn = [
        replace(prompt, sampling=Sampling(0.7, 0.8, seed=7 + n))
        for n, prompt in enumerate(prompts(model)[:3])
    ]
    alone = [model.run([(window, prompt)])[0].raw for window, prompt in zip(windows, drawn, strict=True)]
    others = [(window, prompt) for window in windows for prompt in prompts(model)]
    together = model.run([*others, *zip(windows, drawn, strict=True)])
    assert [answer.raw for answer in together[-3:]] == alone


# -- Once ------------------------------------------------------------------


def test_a_window_is_read_once_for_all_its_prompts_and_for_later_ones(model):
    fresh(model)
    window = model.prepare(shown(2))
    length = len(window.payload.ids)
    with forward_passes(model) as passes:
        model.run([(window, prompt) for prompt in prompts(model)])
    assert [count for _, count in passes].count(length) == 1
    with forward_passes(model) as passes:
        model.run([(window, prompt) for prompt in prompts(model)])
    assert passes and (1, length) not in passes


def test_a_find_ends_with_its_second_numbers_full_stop(placed):
    model = load_model("demo", **placed)
    window = model.prepare(shown(1))
    asked = contract.find_prompt("A red car drives from left to right.", model.profile)
    [answer] = model.run([(window, asked)])
    assert answer.raw.endswith(".") and answer.finish_reason == "stop"
    assert contract.read_span(answer, window.span, model.profile).format_ok
    assert answer.token_texts is not None and answer.token_texts[-1].endswith(".")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_says_what_the_cpu_says():
    said = []
    for each in (load_model("demo", device="cpu"), load_model("demo", device="cuda", dtype="float32")):
        asked = [(each.prepare(shown(n)), prompt) for n in range(len(WINDOWS)) for prompt in prompts(each)]
        said.append([(answer.raw, answer.token_texts) for answer in each.run(asked)])
    assert said[0] == said[1]


def test_finished_rows_leave_the_batch(model):
    window = model.prepare(shown(1))
    caption = prompts(model)[0]
    short = replace(caption, kind="ask", max_new_tokens=2)
    model.run([(window, caption)])  # so that the window's own pass is not counted
    with forward_passes(model) as passes:
        model.run([(window, caption), *[(window, short)] * 7])
    assert passes[:2] == [(8, len(model._ids(caption))), (8, 1)]
    assert set(passes[2:]) == {(1, 1)}


# -- What is kept ----------------------------------------------------------


class Holder:
    """Holds a state, as a window does."""

    state: kv_cache.State | None = None


def a_state(kilobytes: int) -> kv_cache.State:
    part = torch.zeros(1, 1, kilobytes, 128)  # half a kilobyte each
    return kv_cache.State(((part, part),), kilobytes, 0)


def test_states_unused_for_longest_are_let_go_of_when_the_bound_is_met():
    kept = kv_cache.StateCache(device_bytes=0, memory_bytes=10 << 10)
    holders = [Holder() for _ in range(4)]
    for holder in holders[:3]:
        kept.put(holder, a_state(3))
    assert kept.use(holders[0], torch.device("cpu")) is not None
    kept.put(holders[3], a_state(3))
    assert [holder.state is not None for holder in holders] == [True, False, True, True]
    assert kept.nbytes <= 10 << 10
    assert kept.use(holders[1], torch.device("cpu")) is None
    assert (kept.hits, kept.misses) == (1, 1)


def test_a_state_larger_than_the_bound_is_not_kept():
    kept = kv_cache.StateCache(device_bytes=0, memory_bytes=2 << 10)
    holder = Holder()
    kept.put(holder, a_state(3))
    assert holder.state is None and kept.nbytes == 0


def test_a_state_goes_with_its_window(model):
    fresh(model)
    window = model.prepare(shown(2))
    model.run([(window, prompts(model)[1])])
    assert model._kept.nbytes == window.payload.state.nbytes > 0
    del window
    gc.collect()
    assert model._kept.nbytes == 0


def test_a_window_whose_state_was_let_go_of_is_read_again_from_what_was_seen(model, reference, monkeypatch):
    window, asked = model.prepare(shown(1)), prompts(model)[2]
    model.run([(window, asked)])
    fresh(model)
    assert window.payload.state is None
    assert tokens_of(model, [(window, asked)], monkeypatch) == [reference[1, asked.text]]


def test_the_log_says_how_many_windows_were_known(model, caplog):
    window = model.prepare(shown(1))
    asked = [(window, prompt) for prompt in prompts(model)]
    with caplog.at_level(logging.DEBUG, logger="footage.vlm"):
        model.run(asked)
        model.run(asked)
    result = [record.getMessage() for record in caplog.records if "window states" in record.getMessage()]
    assert ", 1 made" in result[0] and ", 0 made" in result[1]
