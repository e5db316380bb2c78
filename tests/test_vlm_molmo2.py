"""Running the native Molmo2 class, on a tiny random model in the form of the real folder."""

from __future__ import annotations

import json
import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_molmo2 import VISION_TOKENS, write_tiny_model

from footage.core.errors import DecodeError, ModelError, ModelMemoryError, UsageError, WrongCheckpointError
from footage.core.types import Frames, Span
from footage.vlm import contract, load_model, pointing
from footage.vlm.backends import molmo2
from footage.vlm.profiles import MARLIN_2B, MOLMO2_4B
from footage.vlm.protocol import PictureModel, Prompt
from footage.vlm.sampling import Sampling
from footage.vlm.weights import locate

TIMES = (10.0, 10.517, 11.03, 11.5, 12.0, 12.96)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder, placed) -> molmo2.Molmo2Model:
    return load_model(str(folder), **placed)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def frames(times=TIMES, span=(10.0, 13.0), *, height=48, width=96, seed=0) -> Frames:
    pixels = np.random.default_rng(seed).integers(0, 256, (len(times), height, width, 3), dtype=np.uint8)
    return Frames(pixels, tuple(times), Span(*span))


def picture(seconds=4.0, *, seed=1, **size) -> Frames:
    return frames((seconds,), (seconds, seconds), seed=seed, **size)


def prompt(text="Point to the ball.", cap=12, **sampling) -> Prompt:
    return Prompt("point", text, cap, Sampling(**sampling))


def before_the_text(model, prepared) -> str:
    return model._tokenizer.decode([*prepared.payload.ids[0], *prepared.payload.opening[0]])


# --- what the model is shown --------------------------------------------------------------------------------


def test_it_is_a_picture_model_with_its_provenance(model):
    assert isinstance(model, PictureModel)
    assert model.profile is MOLMO2_4B
    result = model.provenance
    assert (result.model, result.prompt_version) == ("tiny", "molmo2-1")
    assert result.budget == "fps=2 frames=2..384 pixels=285768"
    assert re.fullmatch("sha256:[0-9a-f]{64}", result.revision)


def test_a_window_is_a_video_whose_frames_carry_their_exact_times(model):
    text = before_the_text(model, model.prepare(frames()))
    assert re.findall(r"[0-9]+\.[0-9]+", text) == ["0.0", "0.5", "1.0", "1.5", "2.0", "3.0"]
    assert text.startswith("<|im_end|>0.0 <im_start><im_patch>") and text.endswith("<|im_start|>user\n")
    assert text.count("<im_start>") == 6


def test_a_single_frame_is_an_image_even_when_it_comes_doubled(model):
    lone = picture()
    doubled = Frames(np.repeat(lone.pixels, 2, axis=0), (4.0, 4.0), lone.span)
    one, two = model.prepare(lone), model.prepare(doubled)
    assert before_the_text(model, one).startswith("<|im_end|><low_res_im_start>")
    assert torch.equal(one.payload.ids, two.payload.ids)
    assert torch.equal(one.payload.seen["pixel_values"], two.payload.seen["pixel_values"])


def test_a_large_picture_is_seen_in_more_detail_than_a_frame_of_a_window(model):
    small, large = (model.prepare(picture(height=h, width=w)) for h, w in ((48, 48), (300, 400)))
    count = [p.payload.seen["image_num_crops"].item() for p in (small, large)]
    assert count[0] < count[1]
    window = model.prepare(frames(height=300, width=400))
    assert window.payload.seen["pixel_values_videos"].shape[0] == len(TIMES)


def test_several_pictures_are_numbered_in_one_prompt(model):
    prepared = model.prepare_pictures([picture(40.0), picture(7.0, seed=2, height=64)])
    text = before_the_text(model, prepared)
    assert text.startswith("<|im_end|>Image 1<low_res_im_start>") and text.count("Image 2") == 1
    assert prepared.span == Span(7.0, 40.0)
    assert prepared.payload.seen["image_grids"].shape[0] == 2


def test_the_prompt_is_what_the_processor_makes_of_the_whole_turn(model):
    shown = frames()
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "Where is it at 3.5?"}]}]
    whole = model._processor(
        text=[model._processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)],
        videos=[torch.from_numpy(shown.pixels).permute(0, 3, 1, 2)],
        video_metadata=[
            {"fps": 1000, "total_num_frames": 3000, "frames_indices": [round((t - 10) * 1000) for t in TIMES]}
        ],
        do_sample_frames=False,
        return_tensors="pt",
    )
    with torch.inference_mode():
        ids = model._model.generate(**whole.to(model._model.device), do_sample=False, max_new_tokens=12)
    prepared = model.prepare(shown)
    [answer] = model.run([(prepared, prompt("Where is it at 3.5?"))])
    assert torch.equal(prepared.payload.seen["pixel_values_videos"], whole["pixel_values_videos"])
    assert answer.raw == model._spell(ids[0, whole["input_ids"].shape[1] :].tolist())


def test_subtitles_stand_between_the_video_and_the_users_turn(model):
    """Where the released chat template puts a first message of the role "subtitle"."""
    shown, said = frames(), "subtitle\n0.5 - 1.0 Hi <|im_end|>\n"
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": "What is said?"}]}]
    rendered = model._processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    assert rendered.startswith("<|video|><|im_start|>user\n")
    whole = model._processor(
        text=[rendered.replace("<|video|>", "<|video|>subtitle\n0.5 - 1.0 Hi < |im_end|>\n")],
        videos=[torch.from_numpy(shown.pixels).permute(0, 3, 1, 2)],
        video_metadata=[
            {"fps": 1000, "total_num_frames": 3000, "frames_indices": [round((t - 10) * 1000) for t in TIMES]}
        ],
        do_sample_frames=False,
        return_tensors="pt",
    )
    with torch.inference_mode():
        ids = model._model.generate(**whole.to(model._model.device), do_sample=False, max_new_tokens=12)
    asked = prompt("What is said?")
    cleaned = replace(asked, subtitles=said.replace("<|", "< |"))
    prepared = model.prepare(shown)
    answers = model.run([(prepared, cleaned), (prepared, asked), (prepared, replace(asked, subtitles=said))])
    assert answers[0].raw == model._spell(ids[0, whole["input_ids"].shape[1] :].tolist())
    assert answers[0].raw != answers[1].raw
    assert answers[2].raw  # control tokens in subtitles are words, cleaned or not


def test_words_that_look_like_control_tokens_stay_words(model):
    asked = prompt("".join(VISION_TOKENS) + "<|im_end|>")
    ids = model._text_tokenizer(asked.text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert max(ids) < 256
    assert model.run([(model.prepare(frames()), asked)])[0].raw


# --- answers ------------------------------------------------------------------------------------------------


def test_what_is_seen_and_what_is_asked_change_the_answer(model):
    one, other = model.prepare(frames()), model.prepare(frames(seed=5))
    answers = model.run([(one, prompt()), (other, prompt()), (one, prompt("Count the dogs."))])
    assert len({answer.raw for answer in answers}) == 3
    assert model.run([(one, prompt())])[0] == answers[0]
    assert set(model.stage_seconds) == {"prefill", "generate"}


def test_the_order_of_pictures_counts(model):
    prepared = model.prepare_pictures([picture(1.0), picture(2.0, seed=7)])
    swapped = model.prepare_pictures([picture(2.0, seed=7), picture(1.0)])
    first, second = model.run([(prepared, prompt()), (swapped, prompt())])
    assert first.raw != second.raw


def test_answers_carry_the_logarithms_of_their_probabilities(model):
    [answer] = model.run([(model.prepare(frames()), prompt(cap=6))])
    assert answer.finish_reason == "length"
    assert len(answer.token_logprobs) == len(answer.token_texts) == 6
    assert all(-6 < logprob < 0 for logprob in answer.token_logprobs)


def test_drawn_answers_repeat_with_their_seed_alone(model):
    prepared = model.prepare(picture())
    first, again, other = model.run([(prepared, prompt(temperature=1.5, seed=seed)) for seed in (1, 1, 2)])
    assert first == again and first.raw != other.raw
    assert first.token_logprobs is None


def test_an_answer_ends_at_any_end_token_of_the_configs(model, copy):
    path = copy / "generation_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"eos_token_id": list(range(256))}))
    eager = load_model(str(copy))
    [answer] = eager.run([(eager.prepare(frames()), prompt())])
    assert (answer.raw, answer.finish_reason, answer.token_texts) == ("", "stop", ("",))
    assert model.run([(model.prepare(frames()), prompt())])[0].finish_reason == "length"


def test_a_request_past_the_context_is_refused_in_a_sentence(model):
    with pytest.raises(
        ModelError, match="tokens were requested from tiny, which accepts at most 4,096"
    ) as error:
        model.run([(model.prepare(frames()), prompt(cap=4096))])
    assert "shorter segment" in error.value.hint


def test_running_out_of_memory_is_a_sentence(model):
    class Full(torch.nn.Module):
        config, device, dtype = model._model.config, model._model.device, model._model.dtype
        generation_config = model._model.generation_config

        def forward(self, **inputs):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    prepared = model.prepare(frames())
    full = molmo2.Molmo2Model(Full(), model._processor, model._weights)
    with pytest.raises(ModelMemoryError, match="ran out of memory on cpu"):
        full.run([(prepared, prompt())])


def test_frames_outside_of_their_window_are_a_mistake_of_the_caller(model):
    with pytest.raises(ValueError, match="are not within their window"):
        model.prepare(frames((1.0, 11.0)))
    empty = Frames(np.zeros((0, 8, 8, 3), np.uint8), (), Span(3, 4))
    with pytest.raises(DecodeError, match="there is no frame between 3 and 4 s"):
        model.prepare(empty)


def test_what_the_model_cannot_do_is_said(model):
    with pytest.raises(UsageError, match="molmo2-4b cannot find; it can caption, ask, point, track"):
        contract.find_prompt("a dog runs", model.profile)
    assert contract.ask_prompt("Which animal?", model.profile).max_new_tokens == 2048
    assert pointing.track_prompt("the dog", model.profile)


# --- folders ------------------------------------------------------------------------------------------------


def test_the_hubs_form_and_the_one_transformers_saves_are_the_same_model(model, tmp_path):
    native = load_model(str(write_tiny_model(tmp_path / "native", native=True)))
    assert "vision_config" in json.loads((tmp_path / "native" / "config.json").read_text())
    shown = frames()
    answers = [each.run([(each.prepare(shown), prompt())])[0] for each in (model, native)]
    assert answers[0] == answers[1]


def test_no_code_of_a_checkpoint_runs(folder):
    assert "raise RuntimeError" in (folder / "modeling_molmo2.py").read_text()
    load_model(str(folder))


def test_the_profile_is_inferred_from_the_kind_and_another_kind_refused(folder):
    assert locate(str(folder)).profile is MOLMO2_4B
    with pytest.raises(WrongCheckpointError, match=r"of another type .*molmo2.*needed is 'qwen3_5'"):
        locate(MARLIN_2B.name, model_path=folder)


def test_a_folder_without_a_vision_tower_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    del config["vit_config"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(WrongCheckpointError, match="without a vision tower"):
        load_model(str(copy))


def test_missing_tensors_are_refused(copy):
    weights = load_file(copy / "model.safetensors")
    weights.pop("model.transformer.ln_f.weight")
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WrongCheckpointError, match="does not match the model: 1 tensors are missing"):
        load_model(str(copy))


def test_a_broken_file_is_refused(copy):
    (copy / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WrongCheckpointError, match="cannot be loaded as a molmo2 model"):
        load_model(str(copy))


def test_a_template_without_pictures_is_refused(copy):
    (copy / "chat_template.jinja").write_text("{{ messages[0].content[-1].text }}")
    with pytest.raises(WrongCheckpointError, match="does not put videos before the text"):
        load_model(str(copy))


def test_an_unknown_device_is_refused(folder):
    with pytest.raises(UsageError, match="no device 'tpu'"):
        load_model(str(folder), device="tpu")


def test_weights_that_run_code_are_refused(copy, caplog):
    caplog.set_level(logging.ERROR)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(WrongCheckpointError, match="can run code when loaded"):
        load_model(str(copy))


def test_the_profile_is_pinned_and_says_its_licence():
    assert re.fullmatch("[0-9a-f]{40}", MOLMO2_4B.revision or "")
    assert (MOLMO2_4B.repository, MOLMO2_4B.licence) == ("allenai/Molmo2-4B", "Apache-2.0")
