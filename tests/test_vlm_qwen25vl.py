"""Running the native Qwen2.5-VL class, on a tiny random model in the form of the real folder.

That batches, shared windows and single prompts say the same, token for token, is in test_vlm_exact.
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
from hypothesis import given
from hypothesis import strategies as st
from random_windows import frames, prompt_ids, window
from safetensors.torch import load_file, save_file
from standin_model import StandinEmbedder, write_levels
from test_vlm_qwen35 import HOSTILE
from tiny_qwen25vl import write_tiny_model
from tiny_qwen35 import SPECIAL_TOKENS, TAG_TOKENS
from tiny_qwen35 import write_tiny_model as write_other_model

from footage.core.errors import (
    DecodeError,
    ModelError,
    ModelUnavailableError,
    UsageError,
    WrongCheckpointError,
)
from footage.store import Store
from footage.vlm import contract, load_model
from footage.vlm.backends import qwen25vl
from footage.vlm.changes import Changes
from footage.vlm.profiles import QWEN25_VL_7B, TIMELENS_7B
from footage.vlm.protocol import Prepared, Prompt, VideoModel
from footage.vlm.sampling import Sampling
from indexer.import_export import export_captions, import_captions
from indexer.pipeline import index

SMALL: Changes = {"pixels_per_frame": 10 * 28 * 28, "caption_tokens": 48}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder) -> qwen25vl.Qwen25VLModel:
    return load_model(str(folder), device="cpu", changes=SMALL)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def times_of(model, prepared: Prepared) -> list[int]:
    """The position in time of each pair of frames, less that of the video's first token."""
    clip = prepared.payload
    _, rows, columns = clip.grid[0].tolist()
    video = clip.ids == model._model.config.video_token_id
    return (clip.places[0, video][:: rows * columns // 4] - int(video.int().argmax())).tolist()


# --- what the model is shown --------------------------------------------------------------------------------


def test_it_is_a_video_model_with_its_provenance(model):
    assert isinstance(model, VideoModel)
    assert (model.profile.name, model.profile.sampling) == ("qwen2.5-vl-7b", Sampling(0.1, 0.001, 1.05))
    result = model.provenance
    assert (result.model, result.prompt_version) == ("tiny", model.profile.prompt_version)
    assert result.budget == "fps=2 frames=4..240 pixels=7840"
    assert model.capabilities.token_logprobs and model.capabilities.max_batch >= 2


def test_the_profile_is_pinned_and_asks_for_what_the_parser_reads():
    assert QWEN25_VL_7B.revision == "cc594898137f460bfe9f0759e9844b3ce807cfb5"
    assert (QWEN25_VL_7B.caption_tokens, QWEN25_VL_7B.prose) == (512, True)
    for prompt in (QWEN25_VL_7B.caption_prompt, QWEN25_VL_7B.second_prompt):
        assert "Scene:" in prompt and "Events:" in prompt and "\n<start - end> " in prompt
    assert QWEN25_VL_7B.second_prompt.count("{caption}") == 1


def test_the_prompt_is_what_the_processor_makes_of_the_whole_turn(model):
    shown = window(5.0, 6.0)
    asked = contract.find_prompt("a dog jumps at 3.5", model.profile)
    processor = model._processor
    turn = [{"role": "user", "content": [{"type": "video"}, {"type": "text", "text": asked.text}]}]
    whole = processor(
        text=[processor.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)],
        videos=[torch.from_numpy(shown.pixels).permute(0, 3, 1, 2)],
        do_sample_frames=False,
        size={"shortest_edge": 3920, "longest_edge": 7840},
        return_tensors="pt",
    )
    prepared = model.prepare(shown)
    assert prompt_ids(model, prepared, asked) == whole["input_ids"][0].tolist()
    assert torch.equal(prepared.payload.pixels, whole["pixel_values_videos"])
    text = model._tokenizer.decode(whole["input_ids"][0])
    assert text.startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n")
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_frames_two_a_second_stand_where_transformers_would_put_them(model):
    prepared = model.prepare(frames(np.arange(20) / 2, (0, 10)))
    clip = prepared.payload
    video = clip.ids == model._model.config.video_token_id
    theirs, _ = model._model.model.get_rope_index(
        clip.ids[None],
        video_grid_thw=clip.grid,
        second_per_grid_ts=torch.tensor([1.0]),
        mm_token_type_ids=video[None].int() * 2,
    )
    before = int(video.nonzero().max()) + 1  # what follows the video is our own affair
    assert torch.equal(clip.places[:, :before], theirs[:, 0, :before])
    assert times_of(model, prepared) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_frames_at_uneven_intervals_keep_their_times(model):
    times = [25.0, 25.033, 25.1, 27.7, 31.366, 40.0, 40.1, 54.97]
    assert times_of(model, model.prepare(frames(times, (25.0, 55.0)))) == [0, 0, 13, 30]
    assert times_of(model, model.prepare(frames([27.5], (25, 55)))) == [5]


def test_what_follows_the_video_begins_after_its_last_time(model):
    clip = model.prepare(frames(np.arange(20) / 2, (0, 10))).payload
    last = int((clip.ids == model._model.config.video_token_id).nonzero().max())
    start = int(clip.places[0, last]) - 18
    assert clip.places[:, last + 1 :].tolist() == [[start + 19]] * 3  # the end of the picture
    assert clip.offset == start + 20 - len(clip.ids)


@given(
    st.integers(0, 40),
    st.tuples(st.integers(1, 20), st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 30),
    st.data(),
)
def test_places_rise_with_time_and_no_text_shares_one(start, shape, after, data):
    pairs, rows, columns = shape
    times = sorted(data.draw(st.lists(st.integers(0, 60_000), min_size=pairs, max_size=pairs)))
    count = pairs * rows * columns
    places = qwen25vl.video_places(start, shape, times, steps_per_second=2, length=start + count + after)
    assert places.shape == (3, start + count + after)
    video = places[:, start : start + count]
    assert video.min() >= start and places[:, :start].tolist() == [list(range(start))] * 3
    steps = video[0].reshape(pairs, -1) - start
    assert all(len(set(pair.tolist())) == 1 for pair in steps)
    assert all(abs(int(step) - time / 500) <= 0.5 for step, time in zip(steps[:, 0], times, strict=True))
    assert (video[1].max() - start, video[2].max() - start) == (rows - 1, columns - 1)
    tail = places[:, start + count :]
    assert tail[0].tolist() == list(range(int(video.max()) + 1, int(video.max()) + 1 + after))
    assert torch.equal(tail[0], tail[1]) and torch.equal(tail[0], tail[2])


@pytest.mark.parametrize(
    ("count", "height", "width", "grid"),
    [
        (4, 64, 96, [2, 4, 6]),
        (5, 64, 96, [3, 4, 6]),
        (1, 64, 96, [1, 4, 6]),
        (2, 8, 8, [1, 6, 6]),
        (20, 320, 576, [10, 4, 8]),
    ],
)
def test_grids_follow_the_budget_of_a_frame(model, count, height, width, grid):
    prepared = model.prepare(frames(np.linspace(0, 9, count), (0, 10), height=height, width=width))
    assert prepared.payload.grid.tolist() == [grid]
    ids = prepared.payload.ids.tolist()
    assert ids.count(model._model.config.video_token_id) == grid[0] * grid[1] * grid[2] // 4


def test_the_real_budget_is_256_tokens_a_pair_and_30_s_fit_the_context(folder):
    full = load_model(str(folder), device="cpu")
    prepared = full.prepare(frames(np.linspace(0, 29.9, 60), (0, 30), height=448, width=448))
    assert prepared.payload.grid.tolist() == [[30, 32, 32]]
    assert len(prepared.payload.ids) - 30 * 256 < 100
    small = full.prepare(frames([0, 1], (0, 30), height=120, width=160))
    assert small.payload.grid.tolist() == [[1, 20, 28]]  # enlarged, as qwen_vl_utils does


def test_no_frames_and_needles_are_refused(model):
    with pytest.raises(DecodeError, match="no frame between 0 and 1"):
        model.prepare(frames([], (0, 1)))
    with pytest.raises(DecodeError, match="2x402 pixels are too narrow"):
        model.prepare(frames([0, 0.5], (0, 1), height=402, width=2))
    with pytest.raises(ValueError, match="are not within their window"):
        model.prepare(frames([0.5, 4.0], (3, 9)))


def test_a_processor_that_makes_other_tokens_is_found_out(model, monkeypatch):
    monkeypatch.setattr(
        type(model._processor), "replace_video_token", lambda self, *a, **k: "<|video_pad|>" * 5
    )
    with pytest.raises(ModelError, match="made 5 tokens of 4 frames"):
        model.prepare(window(0, 2))


@pytest.mark.parametrize("typed", HOSTILE)
def test_no_query_and_no_draft_reaches_the_prompt_as_control_tokens(model, typed):
    prepared = model.prepare(window(0, 2))
    control = set(model._tokenizer.convert_tokens_to_ids([*SPECIAL_TOKENS, *TAG_TOKENS]))
    for build in (
        contract.find_prompt,
        contract.ask_prompt,
        lambda text, profile: contract.second_prompt(contract.Answer(text, "stop"), profile),
    ):
        plain, ids = (prompt_ids(model, prepared, build(text, model.profile)) for text in ("a dog", typed))
        assert [n for n in ids if n in control] == [n for n in plain if n in control]
    special = set(model._tokenizer.convert_tokens_to_ids(SPECIAL_TOKENS))
    ids = model._ids(Prompt("ask", typed, 4))  # even of a prompt that was not cleaned
    assert len([n for n in ids if n in special]) == 2, "the turn's end and the next one's begin, no more"
    assert typed in model._tokenizer.decode(ids)


# --- TimeLens-7B: times as text -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stamped(tmp_path_factory) -> qwen25vl.Qwen25VLModel:
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny", profile="timelens-7b")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    settings |= {"processor_class": "TimeLensProcessor"}
    settings |= {"auto_map": {"AutoProcessor": "processing_timelens.TimeLensProcessor"}}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    (folder / "processing_timelens.py").write_text("raise RuntimeError('code of a checkpoint was executed')")
    return load_model(str(folder), device="cpu", changes={"pixels_per_frame": 10 * 28 * 28})


def test_the_time_of_its_first_frame_stands_before_each_pair(stamped):
    times = [25.0, 25.033, 25.1, 27.7, 31.366, 40.0, 40.1, 54.97]
    clip = stamped.prepare(frames(times, (25.0, 55.0))).payload
    pairs, rows, columns = clip.grid[0].tolist()
    pad = "<|video_pad|>" * (rows * columns // 4)
    pair = f"<|vision_start|>{pad}<|vision_end|>"
    text = stamped._tokenizer.decode(clip.ids)
    assert text.endswith(f"<|im_start|>user\n0.0s{pair}0.1s{pair}6.4s{pair}15.1s{pair}")
    assert text.count("<|vision_start|>") == pairs == 4, "none around the whole video"


def test_each_pair_is_a_video_by_itself_in_the_positions(stamped):
    clip = stamped.prepare(frames(np.arange(8) / 2, (0, 4))).payload
    video = (clip.ids == stamped._model.config.video_token_id).nonzero().squeeze()
    each = len(video) // 4
    for pair in range(4):
        places = clip.places[:, video[pair * each : (pair + 1) * each]]
        assert set(places[0].tolist()) == {int(places.min())}, "one moment"
        assert int(places.min()) == int(clip.places[0, video[pair * each] - 1]) + 1, "right after the text"
    assert clip.offset < 0


def test_it_finds_and_does_nothing_else(stamped):
    assert stamped.profile.skills == ("find",)
    assert not stamped.capabilities.multi_span and not stamped.capabilities.says_absent
    asked = contract.find_prompt("a red car", stamped.profile)
    assert asked.text.startswith("You are given a video with multiple frames. The numbers before each video")
    [answer] = stamped.run([(stamped.prepare(window(0, 4)), replace(asked, max_new_tokens=8))])
    assert answer.token_logprobs is not None
    with pytest.raises(UsageError, match="timelens-7b cannot caption; it can find"):
        contract.caption_prompt(stamped.profile)


@pytest.mark.parametrize(
    ("count", "pixels"), [(60, 374_647), (120, 187_323), (220, 102_176), (448, 52_684), (900, 52_684)]
)
def test_a_clips_budget_is_shared_by_its_frames(count, pixels):
    assert contract.frame_pixels(TIMELENS_7B, count) == pixels


# --- what it answers ----------------------------------------------------------------------------------------


def requests_of(model) -> list[tuple[Prepared, Prompt]]:
    """A caption, a find and a question about windows of different lengths."""
    clips = [
        model.prepare(window(start, seconds, seed=n)) for n, (start, seconds) in enumerate([(0, 2), (25, 10)])
    ]
    asked = [
        contract.caption_prompt(model.profile),
        contract.find_prompt("a red car", model.profile),
        contract.ask_prompt("Who is there?", model.profile),
    ]
    return [(clip, replace(prompt, max_new_tokens=16)) for clip in clips for prompt in asked]


def test_captions_finds_and_questions_are_answered_alike_alone_and_together(model):
    asked = requests_of(model)
    together = model.run(asked)
    alone = [model.run([request])[0] for request in asked]
    assert [a.raw for a in together] == [a.raw for a in alone]
    assert len({a.raw for a in together}) == len(asked), (
        "the tiny model must tell windows and questions apart"
    )
    for (_, prompt), answer in zip(asked, together, strict=True):
        assert (answer.token_logprobs is None) == (prompt.kind != "find"), "finds are the likeliest tokens"
        assert answer.finish_reason in ("stop", "length")


def test_a_seed_draws_the_same_answer_every_time(model):
    warm = Sampling(0.9, 0.95, seed=5)
    drawn = [(clip, replace(asked, sampling=warm)) for clip, asked in requests_of(model)]
    first = [answer.raw for answer in model.run(drawn)]
    assert [answer.raw for answer in model.run(drawn)] == first
    other = [(clip, replace(asked, sampling=replace(warm, seed=6))) for clip, asked in drawn]
    assert [answer.raw for answer in model.run(other)] != first


def test_both_stages_read_the_window_once(model):
    model._kept.clear()
    clip = model.prepare(window(0, 4))
    misses = model._kept.misses
    (first,) = model.run([(clip, contract.caption_prompt(model.profile))])
    model.run([(clip, contract.second_prompt(first, model.profile))])
    assert (model._kept.misses - misses, model._kept.hits > 0) == (1, True)


class Cramped(qwen25vl.Qwen25VLModel):
    """A model on a machine with room for two rows."""

    def _answer(self, rows):
        if len(rows) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super()._answer(rows)


def test_out_of_memory_halves_the_batch(model):
    bounds = replace(model._bounds, rows=8)
    small = Cramped(model._model, model._processor, model._weights, bounds=bounds)
    asked = [(clip, replace(asked, sampling=Sampling())) for clip, asked in requests_of(model)]
    assert [a.raw for a in small.run(asked)] == [a.raw for a in model.run(asked)]


# --- an index -----------------------------------------------------------------------------------------------


def test_an_index_keeps_both_stages_and_hands_them_on(model, tmp_path):
    pytest.importorskip("lancedb")
    write_levels(tmp_path / "clips" / "a.mp4", [20, 200, 90, 240, 30, 150])
    store = Store.open(tmp_path / "index.lancedb", create=True)
    options = {"model": model, "embedder": StandinEmbedder(), "window_seconds": 2.0, "overlap_seconds": 0.5}
    report = index([tmp_path / "clips"], store=store, **options)
    assert report.indexed == 1
    (content_id,) = store.videos.all()
    records = store.windows.of(content_id)
    staged = [record for record in records if record.caption.draft]
    assert staged, "the tiny model must say something that can be read"
    for record in staged:
        assert record.caption.draft != record.caption.raw
        assert record.provenance.prompt_version == model.profile.prompt_version
    again = Store.open(tmp_path / "again.lancedb", create=True)
    lines = [json.dumps(row) for row in export_captions(store)]
    import_captions(lines, store=again, embedder=StandinEmbedder())
    assert again.windows.of(content_id) == records
    assert index([tmp_path / "clips"], store=store, **options).windows_captioned == 0


def test_prompts_of_ones_own_are_recorded(folder, model):
    own = load_model(
        str(folder), device="cpu", changes={**SMALL, "second_prompt": "Shorter, please: {caption}"}
    )
    assert re.fullmatch("own-[0-9a-f]{12}", own.provenance.prompt_version)
    other = load_model(str(folder), device="cpu", changes={**SMALL, "second_prompt": ""})
    versions = {each.provenance.prompt_version for each in (model, own, other)}
    assert len(versions) == 3


# --- loading ------------------------------------------------------------------------------------------------


def test_the_published_layout_is_read(folder, model):
    config = json.loads((folder / "config.json").read_text())
    assert "text_config" not in config and "hidden_size" in config
    names = load_file(folder / "model.safetensors")
    assert "visual.patch_embed.proj.weight" in names and "model.layers.0.mlp.up_proj.weight" in names
    result = model._model.state_dict()["model.visual.patch_embed.proj.weight"]
    assert torch.equal(result, names["visual.patch_embed.proj.weight"])
    assert type(model._model).__name__ == "Qwen2_5_VLForConditionalGeneration"


def test_only_a_folder_of_its_kind_is_taken_for_it(folder, tmp_path):
    assert load_model("qwen2.5-vl-7b", model_path=folder, device="cpu").provenance.model == "tiny"
    with pytest.raises(WrongCheckpointError, match=r"'qwen2_5_vl'\); needed is 'qwen3_5'"):
        load_model("marlin-2b", model_path=folder)
    other = write_other_model(tmp_path / "other")
    with pytest.raises(WrongCheckpointError, match=r"'qwen3_5'\); needed is 'qwen2_5_vl'"):
        load_model("qwen2.5-vl-7b", model_path=other)


def test_a_text_model_of_the_family_is_refused(copy):
    config = json.loads((copy / "config.json").read_text())
    del config["vision_config"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(WrongCheckpointError, match="without a vision tower"):
        load_model(str(copy))


def test_weights_that_do_not_fill_the_model_are_refused(copy):
    tensors = {k: v for k, v in load_file(copy / "model.safetensors").items() if "visual" not in k}
    save_file(tensors, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(WrongCheckpointError, match=r"tensors are missing, first \['model.visual"):
        load_model(str(copy))


def test_damaged_pickled_and_incomplete_folders_are_refused(copy):
    (copy / "model.safetensors").write_bytes((copy / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(WrongCheckpointError, match="cannot be loaded as a qwen2_5_vl model"):
        load_model(str(copy))
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(WrongCheckpointError, match="can run code when loaded"):
        load_model(str(copy))
    (copy / "pytorch_model.bin").unlink()
    with pytest.raises(ModelUnavailableError, match="incomplete"):
        load_model(str(copy))


def test_a_folder_without_a_template_is_refused(copy):
    (copy / "chat_template.json").unlink()
    with pytest.raises(WrongCheckpointError, match="does not put one video before the text"):
        load_model(str(copy))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_it_runs_in_bfloat16(folder):
    fast = load_model(str(folder), device="cuda", changes=SMALL)
    assert fast._model.dtype == torch.bfloat16
    assert len(fast.run(requests_of(fast))) == 6
