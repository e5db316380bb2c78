"""Running the native Qwen3-VL class, on tiny random models in the form of the real folders.

That batches, shared windows and single prompts say the same, token for token, as transformers' ``generate``,
is in test_vlm_exact; here is what the model is shown, what is kept of it, and that an index and finds run.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from random_windows import frames, prompt_ids, window
from safetensors.torch import load as load_tensors
from standin_model import StandinEmbedder, write_levels
from test_vlm_qwen35 import HOSTILE, FastProcessor
from tiny_qwen3vl import DEEPSTACK_LAYERS, write_tiny_model
from tiny_qwen35 import SPECIAL_TOKENS, TAG_TOKENS

from footage.core.disk_cache import Shelf
from footage.core.errors import DecodeError, ModelError, UsageError, WrongCheckpointError
from footage.store import Store
from footage.vlm import contract, load_model
from footage.vlm.backends.qwen3vl import Qwen3VLModel
from footage.vlm.backends.qwen_window import QwenWindow
from footage.vlm.captioning import FIRST_STAGE_ONLY
from footage.vlm.changes import Changes
from footage.vlm.profiles import QWEN3_VL_8B, TIMELENS2_4B, TIMELENS_8B
from footage.vlm.protocol import Prepared, VideoModel
from indexer.pipeline import index
from search.engine import Engine
from search.grounding.ground import GroundingOptions, find_in_file
from service.model_check import examine_model

SMALL: Changes = {"pixels_per_frame": 10 * 32 * 32, "caption_tokens": 48}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=5)


@pytest.fixture(scope="module")
def model(folder, placed) -> Qwen3VLModel:
    return brief(load_model(str(folder), **placed, changes=SMALL))


@pytest.fixture(scope="module")
def finder(tmp_path_factory, placed) -> Qwen3VLModel:
    """A model in the form of TimeLens2."""
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "finder", profile="timelens2-4b", seed=3)
    return brief(load_model(str(folder), **placed, changes={"pixels_per_frame": 6 * 32 * 32}))


def brief(model: Qwen3VLModel) -> Qwen3VLModel:
    """The same model with short answers to finds: random weights seldom end one."""
    weights = replace(model._weights, profile=replace(model.profile, find_tokens=24))
    return type(model)(model._model, model._processor, weights, bounds=model._bounds)


# --- what the model is shown --------------------------------------------------------------------------------


def test_it_is_a_video_model_with_its_provenance(model, finder):
    assert isinstance(model, VideoModel) and isinstance(model, Qwen3VLModel)
    assert model.profile.name == "qwen3-vl-8b", "the first model of its kind"
    assert model.provenance.prompt_version.startswith("own-"), "its captions are shorter"
    assert model.provenance.budget == "fps=2 frames=4..240 pixels=10240"
    assert (model.capabilities.multi_span, model.capabilities.says_absent) == (False, False)
    assert finder.profile.name == "timelens2-4b"
    assert finder.provenance.prompt_version == "timelens2-1"
    assert finder.provenance.budget == "fps=2 frames=4..2048 pixels=6144 clip=262144000"
    assert (finder.capabilities.multi_span, finder.capabilities.says_absent) == (True, True)


def test_the_prompt_is_what_the_processor_makes_of_the_whole_turn(model):
    shown = window(5.0, 6.0)
    asked = contract.find_prompt("a dog jumps at 3.5", model.profile)
    processor = model._processor
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": asked.text}]}]
    rendered = processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    whole = processor(
        text=[rendered.replace("<|vision_start|><|video_pad|><|vision_end|>", "<|video_pad|>")],
        videos=[torch.from_numpy(shown.pixels).permute(0, 3, 1, 2)],
        video_metadata=[
            {
                "fps": 1000,
                "total_num_frames": 6000,
                "frames_indices": [round((t - 5.0) * 1000) for t in shown.times_seconds],
            }
        ],
        do_sample_frames=False,
        size={"shortest_edge": 12 * 5120, "longest_edge": 12 * 10240},
        return_tensors="pt",
    )
    prepared = model.prepare(shown)
    assert prompt_ids(model, prepared, asked) == whole["input_ids"][0].tolist()
    assert torch.equal(prepared.payload.pixels, whole["pixel_values_videos"])
    text = model._tokenizer.decode(whole["input_ids"][0])
    assert text.startswith("<|im_start|>user\n<0.3 seconds><|vision_start|><|video_pad|>")
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n"), "no think block"


def test_the_stamps_of_unevenly_spaced_frames_are_exact(model):
    times = [25.0, 25.033, 25.1, 27.7, 31.366, 40.0, 40.1, 54.97]
    text = model._tokenizer.decode(model.prepare(frames(times, (25.0, 55.0))).payload.ids)
    assert re.findall(r"<([0-9.]+) seconds>", text) == ["0.0", "1.4", "10.7", "22.5"]


def test_a_processor_that_writes_other_times_is_found_out(model):
    other = type(model)(model._model, FastProcessor(model._processor), model._weights, bounds=model._bounds)
    with pytest.raises(ModelError, match="the processor stamped 2 frame pairs"):
        other.prepare(window(0, 2))


@pytest.mark.parametrize(
    ("count", "height", "width", "grid"),
    [
        (4, 320, 576, [2, 20, 36]),
        (4, 720, 1280, [2, 20, 36]),
        (5, 64, 96, [3, 20, 28]),  # enlarged to 128 tokens a pair
        (1, 480, 480, [1, 28, 28]),
    ],
)
def test_grids_follow_the_real_budget(folder, placed, count, height, width, grid):
    full = load_model(str(folder), **placed)
    prepared = full.prepare(frames(np.linspace(0, 9, count), (0, 10), height=height, width=width))
    assert prepared.payload.grid.tolist() == [grid]
    assert grid[1] * grid[2] * 16 * 16 <= 200_704


def test_timelens_shares_a_clips_pixels_between_its_frames(folder, placed):
    full = load_model("timelens-8b", model_path=folder, **placed)
    for seconds, pixels in ((10, 786_432), (30, 489_335), (60, 244_667), (224, 68_812), (400, 68_812)):
        count = 2 * seconds
        assert contract.frame_pixels(TIMELENS_8B, count) == pixels
        size = full._size(count)
        assert size == {"shortest_edge": count * 65_536, "longest_edge": count * pixels}


def test_no_frames_and_needles_are_refused(model):
    with pytest.raises(DecodeError, match="no frame between 0 and 1"):
        model.prepare(frames([], (0, 1)))
    with pytest.raises(DecodeError, match="2x402 pixels are too narrow"):
        model.prepare(frames([0, 0.5], (0, 1), height=402, width=2))


@pytest.mark.parametrize("typed", HOSTILE)
def test_no_query_reaches_the_prompt_as_control_tokens(model, finder, typed):
    control = set(model._tokenizer.convert_tokens_to_ids([*SPECIAL_TOKENS, *TAG_TOKENS]))
    for each in (model, finder):
        prepared = each.prepare(window(0, 2))
        plain, ids = (
            prompt_ids(each, prepared, contract.find_prompt(text, each.profile)) for text in ("a dog", typed)
        )
        assert [n for n in ids if n in control] == [n for n in plain if n in control]


# --- DeepStack ----------------------------------------------------------------------------------------------


def answers_of(model, prepared: Prepared) -> list[tuple[str, tuple[float, ...] | None]]:
    asked = [contract.find_prompt(event, model.profile) for event in ("a dog", "a red car")]
    answers = model.run([(prepared, replace(prompt, max_new_tokens=12)) for prompt in asked])
    return [(answer.raw, answer.token_logprobs) for answer in answers]


def test_the_features_of_earlier_layers_change_the_answers(model):
    """Otherwise the tests that compare answers could not fail by losing them."""
    prepared = model.prepare(window(0, 4))
    with_them = answers_of(model, prepared)
    model._kept.clear()
    assert prepared.payload.deepstack.shape == (len(DEEPSTACK_LAYERS), *prepared.payload.features.shape)
    prepared.payload.deepstack = torch.zeros_like(prepared.payload.deepstack)
    assert answers_of(model, prepared) != with_them


def test_kept_features_answer_as_fresh_ones(model, folder, placed, tmp_path):
    shelf = Shelf(tmp_path, 1 << 22)
    one = load_model(str(folder), **placed, changes=SMALL, shelf=shelf)
    shown = one.prepare(window(10, 6))
    said = answers_of(one, shown)
    one.keep("video", shown)
    two = load_model(str(folder), **placed, changes=SMALL, shelf=shelf)
    recalled = two.recall("video", shown.span)
    assert recalled is not None and recalled.nbytes == shown.nbytes
    assert recalled.payload.pixels is None and recalled.payload.deepstack is not None
    assert answers_of(two, recalled) == said


def test_kept_features_without_those_of_earlier_layers_are_not_taken(folder, placed, tmp_path):
    """As an older release, or one for a model without DeepStack, would have kept them."""
    shelf = Shelf(tmp_path, 1 << 22)
    one = load_model(str(folder), **placed, changes=SMALL, shelf=shelf)
    shown = one.prepare(window(10, 6))
    answers_of(one, shown)
    whole = shown.payload.to_bytes()
    assert set(load_tensors(whole)) == {"ids", "grid", "places", "features", "deepstack"}
    shown.payload.deepstack = None
    one.keep("video", shown)
    assert set(load_tensors(shown.payload.to_bytes())) == {"ids", "grid", "places", "features"}
    assert one.recall("video", shown.span) is None
    assert not list(tmp_path.iterdir())
    assert QwenWindow.from_bytes(whole).deepstack_layers == len(DEEPSTACK_LAYERS)


# --- an index, searches and finds ---------------------------------------------------------------------------


def test_an_index_is_made_and_searched(model, tmp_path):
    write_levels(tmp_path / "clips" / "a.mp4", [20, 200, 90, 240, 30, 150])
    store = Store.open(tmp_path / "index.lancedb", create=True)
    options = {"model": model, "embedder": StandinEmbedder(), "window_seconds": 2.0, "overlap_seconds": 0.5}
    report = index([tmp_path / "clips"], store=store, **options)
    assert report.indexed == 1
    (content_id,) = store.videos.all()
    records = store.windows.of(content_id)
    assert records and all(
        record.provenance == replace(model.provenance, cutting=record.provenance.cutting)
        for record in records
    )
    readable = [record.caption for record in records if record.caption.scene]
    assert readable, "the tiny model must say something that can be read"
    assert all(caption.draft or FIRST_STAGE_ONLY in caption.notes for caption in readable), "in two stages"
    assert index([tmp_path / "clips"], store=store, **options).windows_captioned == 0
    looked = Engine(store, StandinEmbedder(), model, looking=GroundingOptions(fresh=True)).search("a red car")
    assert looked.looked.windows


def test_finds_of_a_model_that_lists_spans(finder, tmp_path):
    clip = write_levels(tmp_path / "a.mp4", [20, 200, 90, 240, 30, 150])
    found = find_in_file(clip, "a red car", model=finder)
    assert found.replies and all(reply.answer is not None for reply in found.replies)
    asked = contract.find_prompt("a red car", finder.profile)
    assert asked.text.startswith("When does 'a red car' happen in the video?")
    prepared = [finder.prepare(window(start, 3.0, seed=n)) for n, start in enumerate((0, 20))]
    answers = finder.run([(each, replace(asked, max_new_tokens=24)) for each in prepared])
    for each, answer in zip(prepared, answers, strict=True):
        reading = contract.read_span(answer, each.span, finder.profile)
        assert reading.raw == answer.raw
    with pytest.raises(UsageError, match="timelens2-4b cannot caption; it can find"):
        index(
            [tmp_path],
            store=Store.open(tmp_path / "i.lancedb", create=True),
            model=finder,
            embedder=StandinEmbedder(),
        )


def test_the_model_test_asks_a_find_model_for_spans_alone(finder, tmp_path):
    tested = examine_model(finder, tmp_path)
    assert tested.caption is None and tested.find is not None and tested.find.events == 3


# --- loading ------------------------------------------------------------------------------------------------


def test_a_folder_runs_under_the_model_that_is_named(folder, placed):
    for name in ("timelens-8b", "timelens2-8b", "qwen3-vl-8b"):
        assert load_model(name, model_path=folder, **placed).profile.name == name
    with pytest.raises(WrongCheckpointError, match=r"'qwen3_vl'\); needed is 'qwen2_5_vl'"):
        load_model("timelens-7b", model_path=folder)


def test_the_published_config_is_read(model):
    rope = model._model.config.text_config.rope_parameters
    assert (rope["rope_theta"], rope["mrope_section"], rope["mrope_interleaved"]) == (5e6, [4, 2, 2], True)
    assert model._end_ids == model._tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])


def test_weights_without_the_mergers_of_deepstack_are_refused(folder, tmp_path, placed):
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    config = json.loads((copy / "config.json").read_text())
    config["vision_config"]["deepstack_visual_indexes"] = [0, 1, 2]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(WrongCheckpointError, match=r"tensors are missing, first \['model.visual.deepstack"):
        load_model(str(copy), **placed)


def test_profiles_have_the_ends_of_qwen3():
    assert {each.end_ids for each in (QWEN3_VL_8B, TIMELENS_8B, TIMELENS2_4B)} == {(151645, 151643)}
