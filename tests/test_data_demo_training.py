"""The demo model's trainer: what it feeds the model is what the product feeds it."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from demo_training.finding import MARKS, FindRunner, add_find_tokens, find_questions, widen
from demo_training.folder import ANSWER_OPENING, build_model, build_processor, build_tokenizer, export
from demo_training.forward import BranchingCache, Runner, caption_answer, questions
from demo_training.windows import draw_sample, frame_times
from train_demo_model import Optimizer, save

from footage.core import frame_budget
from footage.core.errors import UsageError
from footage.core.types import Answer, Frames, Span
from footage.media.sampling import spread
from footage.synthetic import clips
from footage.vlm import contract, load_model
from footage.vlm.profiles import DEMO, DEMO_FIND


@pytest.fixture(scope="module")
def runner():
    tokenizer = build_tokenizer()
    return Runner(build_model(tokenizer).eval(), build_processor(tokenizer))


@pytest.fixture(scope="module")
def sample():
    return draw_sample(np.random.default_rng(3), 1.0, 6)


def test_ids_and_patches_are_those_of_the_processor(runner, sample):
    runner.check(sample)


def test_a_shared_video_prefix_gives_what_a_plain_forward_gives(runner, sample):
    model, tokenizer = runner.model, runner.tokenizer
    prefix = tokenizer(runner.prefix_text(sample))["input_ids"]
    suffix = tokenizer("When?" + ANSWER_OPENING)["input_ids"]
    ids = torch.tensor([prefix + suffix])
    pictures = model.config.video_token_id
    grid = (len(sample.frames) // 2, 4, 6)
    with torch.no_grad():
        plain = model(
            input_ids=ids,
            pixel_values_videos=runner.pixels([sample]),
            video_grid_thw=torch.tensor([grid]),
            mm_token_type_ids=(ids == pictures).int() * 2,
        ).logits[0, -1]
        embeds = model.get_input_embeddings()(ids[:, : len(prefix)])
        holes = (ids[:, : len(prefix)] == pictures)[..., None].expand_as(embeds)
        embeds = embeds.masked_scatter(holes, runner.see([sample]))
        position = runner.prefix_positions(ids[0, : len(prefix)], grid)
        cache = BranchingCache()
        runner.decode(embeds, position[:, None], None, cache)
        count = len(suffix)
        mask = torch.cat([torch.ones(count, len(prefix)), torch.ones(count, count).tril()], dim=1).bool()
        hidden = runner.decode(
            model.get_input_embeddings()(torch.tensor([suffix, suffix])),
            (position.max() + 1 + torch.arange(count)).expand(3, 2, -1),
            mask.expand(2, 1, -1, -1),
            cache.branch(torch.tensor([0, 0])),
        )
    for row in (0, 1):
        torch.testing.assert_close(model.lm_head(hidden[row, -1]), plain, atol=1e-4, rtol=1e-3)


def test_the_untrained_folder_loads_and_answers(runner, sample, tmp_path):
    export(runner.model, runner.processor, tmp_path / "model")
    model = load_model(str(tmp_path / "model"), device="cpu")
    assert model.profile.name == "demo"
    frames = Frames(
        np.ascontiguousarray(sample.frames.transpose(0, 2, 3, 1)),
        tuple(ms / 1000 for ms in sample.milliseconds),
        Span(0, sample.duration_seconds),
    )
    prompt = contract.find_prompt("a red car drives", model.profile)
    assert model.run([(model.prepare(frames), prompt)])[0].finish_reason in ("stop", "length")


def test_numbers_are_single_tokens_and_every_answer_survives_the_tokenizer(runner):
    rng = np.random.default_rng(0)
    ids = runner.tokenizer("From 0.0 to 32.9.")["input_ids"]
    assert [runner.tokenizer.decode([token]) for token in ids if token in runner.number_ids] == [
        "0.0",
        "32.9",
    ]
    for _ in range(20):
        text = caption_answer(draw_sample(rng, 1.0, 5))
        assert runner.tokenizer.decode(runner.tokenizer(text)["input_ids"]) == text


def test_answers_are_what_the_contract_reads():
    rng = np.random.default_rng(1)
    for _ in range(30):
        sample = draw_sample(rng, float(rng.random()), int(rng.integers(4, 19)))
        window = Span(0, sample.duration_seconds)
        caption = contract.read_caption(Answer(caption_answer(sample), "stop"), window)
        assert caption.scene == sample.scene
        assert [event.text for event in caption.events] == [event.sentence for event, _, _ in sample.events]
        for event, (_, start, end) in zip(caption.events, sample.events, strict=True):
            assert abs(event.span.start_seconds - start) <= 0.051
            assert abs(event.span.end_seconds - end) <= 0.051
        for question in questions(0, sample, random.Random(0), 4, DEMO):
            assert (question.event is None) == ("\n" in question.prompt)
            if question.event is not None:
                assert contract.read_span(Answer(question.answer, "stop"), window, DEMO).span


def test_windows_of_every_length_are_drawn_that_give_as_many_frames():
    rng = np.random.default_rng(4)
    drawn = [draw_sample(rng, 0.0, 5) for _ in range(40)]
    assert {len(sample.frames) for sample in drawn} == {10}
    lengths = [sample.duration_seconds for sample in drawn]
    assert min(lengths) < 4.5 and max(lengths) > 5.0
    assert all(frame_budget.frames_for(length) == 10 for length in lengths)


@pytest.mark.parametrize(("duration", "fps"), [(16.0, 25.0), (4.3, 12.5), (29.9, 30.0)])
def test_frames_are_sampled_as_the_product_samples_them(duration, fps):
    every = np.arange(1000) / fps
    inside = every[every < duration]
    chosen = inside[spread(len(inside), frame_budget.frames_for(duration))]
    np.testing.assert_allclose(frame_times(duration, fps, 0.0), chosen)


def test_things_seen_at_once_never_share_a_lane():
    rng = np.random.default_rng(2)
    for _ in range(50):
        events = clips.random_clip(rng, duration_seconds=30, events_per_minute=24).events
        for n, one in enumerate(events):
            for other in events[n + 1 :]:
                if one.start_seconds < other.end_seconds and other.start_seconds < one.end_seconds:
                    assert one.lane != other.lane


def test_a_checkpoint_is_read_back_without_running_code(runner, tmp_path):
    optimizer = Optimizer(runner.model, runner.helpers(), lr=1e-3, vision=1.0, warmup=2)
    save(runner, optimizer, tmp_path / "language.pt", 3, 1.5, 0.25)
    state = torch.load(tmp_path / "language.pt", weights_only=True)
    assert (state["step"], state["seconds"], state["difficulty"]) == (3, 1.5, 0.25)
    optimizer.load(state["muon"], state["adam"])
    runner.model.load_state_dict(state["model"])


# Finds with all spans at once


@pytest.fixture(scope="module")
def finder():
    tokenizer = build_tokenizer()
    old = len(tokenizer)
    add_find_tokens(tokenizer)
    model = build_model(build_tokenizer())
    widen(model, tokenizer, old)
    return FindRunner(model.eval(), build_processor(tokenizer))


def test_old_ids_stay_and_marks_and_prompt_are_few_tokens(runner, finder):
    old, new = runner.tokenizer, finder.tokenizer
    assert {text: new.get_vocab()[text] for text in old.get_vocab()} == old.get_vocab()
    assert all(len(new(mark)["input_ids"]) == 1 for mark in MARKS)
    spelled = new(contract.find_prompt("a red car drives", DEMO_FIND).text)["input_ids"]
    assert len(spelled) == 2 + len(old("a red car drives")["input_ids"])
    for answer in ("[]", "[[0.0, 3.5]]", "[[0.0, 3.5], [10.0, 12.0]]"):
        assert new.decode(new(answer)["input_ids"]) == answer
    assert finder.model.get_input_embeddings().num_embeddings >= len(new)


def test_find_prompts_are_those_of_the_processor(finder, sample):
    finder.check(sample)


def test_find_answers_are_what_the_contract_reads_and_what_happens():
    rng, choose = np.random.default_rng(5), random.Random(5)
    several = absent = 0
    for _ in range(40):
        sample = draw_sample(rng, 1.0, 16, repeats=0.8)
        window = Span(0, sample.duration_seconds)
        for question in find_questions(3, sample, choose, 6, DEMO_FIND):
            reading = contract.read_span(Answer(question.answer, "stop"), window, DEMO_FIND)
            sentence = question.event.sentence if question.event else ""
            true = [(start, end) for event, start, end in sample.events if event.sentence == sentence]
            assert reading.format_ok and reading.absent == (not true) and question.window == 3
            assert sentence not in sample.unclear
            for span, (start, end) in zip(reading.spans, sorted(true), strict=True):
                assert abs(span.start_seconds - start) <= 0.051 and abs(span.end_seconds - end) <= 0.051
            several += len(true) > 1
            absent += not true
    assert several > 20 and absent > 60


def test_the_loss_counts_numbers_and_marks_and_says_which_answers_are_right(finder):
    rng = np.random.default_rng(6)
    samples = [draw_sample(rng, 1.0, 5, repeats=1.0) for _ in range(2)]
    before = {name: part.clone() for name, part in finder.model.model.visual.named_parameters()}
    loss, figures = finder.loss(samples, random.Random(0), finds=3)
    loss.backward()
    assert loss.item() > 1 and figures["right none"] == 0
    assert all(part.grad is None for part in finder.model.model.visual.parameters())
    assert all(torch.equal(part, before[name]) for name, part in finder.model.model.visual.named_parameters())
    assert finder.model.get_input_embeddings().weight.grad[finder.tokenizer.convert_tokens_to_ids("[[")].any()


def test_the_untrained_find_folder_loads_and_only_finds(finder, tmp_path):
    export(finder.model, finder.processor, tmp_path / "model", profile="demo-find")
    model = load_model(str(tmp_path / "model"), device="cpu")
    assert model.profile == DEMO_FIND and model.capabilities.multi_span and model.capabilities.says_absent
    with pytest.raises(UsageError, match="demo-find cannot caption; it can find"):
        contract.caption_prompt(model.profile)
