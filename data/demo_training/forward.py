"""How a batch of windows and prompts goes through the model, each video once for all its prompts.

Knows the prompt's ids, the positions and the losses; knows nothing of schedules, optimisers or files.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, Qwen3_5ForConditionalGeneration, Qwen3VLProcessor

from demo_training.folder import (
    ANSWER_OPENING,
    FRAME_HEIGHT,
    FRAME_WIDTH,
    LARGEST_NUMBER,
    PATCHES_PER_PAIR,
    TOKENS_PER_PAIR,
)
from demo_training.hints import NONE, WORDS, Hints, words_of
from demo_training.vision import VisionHeads
from demo_training.windows import Sample
from footage.core import frame_budget
from footage.synthetic import clips
from footage.vlm import contract
from footage.vlm.profile import Profile
from footage.vlm.profiles import get_profile


class BranchingCache:
    """The states of a shared prefix, kept differentiable; ``branch`` repeats them for several suffixes.

    Stands in for transformers' Cache, which updates in place and so cannot be trained through.
    """

    def __init__(self) -> None:
        self.conv: dict[int, Tensor] = {}
        self.recurrent: dict[int, Tensor] = {}
        self.attention: dict[int, tuple[Tensor, Tensor]] = {}

    def branch(self, owners: Tensor) -> BranchingCache:
        """A cache whose row i continues row ``owners[i]`` of this one."""
        other = BranchingCache()
        other.conv = {layer: state[owners] for layer, state in self.conv.items()}
        other.recurrent = {layer: state[owners] for layer, state in self.recurrent.items()}
        other.attention = {layer: (k[owners], v[owners]) for layer, (k, v) in self.attention.items()}
        return other

    def get_conv_state(self, layer_idx: int, state_idx: int = 0) -> Tensor | None:
        """The last inputs of a linear layer's convolution."""
        return self.conv.get(layer_idx)

    def get_recurrent_state(self, layer_idx: int, state_idx: int = 0) -> Tensor | None:
        """The memory of a linear layer."""
        return self.recurrent.get(layer_idx)

    def is_recording_past(self, layer_idx: int) -> bool:
        """Never: nothing is rolled back."""
        return False

    def update_conv_state(self, states: Tensor, layer_idx: int, conv_kernel_size: int, **_: Any) -> Tensor:
        """Appends to the convolution's inputs."""
        if layer_idx in self.conv:
            states = torch.cat([self.conv[layer_idx], states], dim=-1)
        self.conv[layer_idx] = states[..., -conv_kernel_size:]
        return states

    def update_recurrent_state(self, states: Tensor, layer_idx: int, **_: Any) -> Tensor:
        """Replaces the memory."""
        self.recurrent[layer_idx] = states
        return states

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, **_: Any) -> tuple[Tensor, Tensor]:
        """Appends keys and values of a full-attention layer."""
        if layer_idx in self.attention:
            past_keys, past_values = self.attention[layer_idx]
            keys, values = torch.cat([past_keys, keys], dim=2), torch.cat([past_values, values], dim=2)
        self.attention[layer_idx] = keys, values
        return keys, values


def pairwise_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: None,
    scaling: float,
    **_: Any,
) -> tuple[Tensor, None]:
    """Vision attention over (1, heads, pairs * 24, dim): one call for all pairs, not one call a pair."""
    query, key, value = (
        x[0].unflatten(1, (-1, PATCHES_PER_PAIR)).transpose(0, 1) for x in (query, key, value)
    )
    out = F.scaled_dot_product_attention(query, key, value, scale=scaling)
    return out.transpose(1, 2).flatten(0, 1).unsqueeze(0), None


AttentionInterface.register("pairwise", pairwise_attention)

HEAVY = 4.0
"""Weight of what an answer is about, such as its numbers, in the loss of its tokens; others weigh 1."""


@dataclass(frozen=True)
class Batch:
    """Questions and their answers as tokens."""

    ids: Tensor
    """(rows, length); pads on the right."""
    weights: Tensor
    """(rows, length): weight of each token of an answer in the loss, 0 elsewhere; their sum is 1."""
    answers: tuple[slice, ...]
    """The tokens of each answer."""


class Runner:
    """The model, its processor, and how a batch of windows and prompts goes through both."""

    def __init__(
        self, model: Qwen3_5ForConditionalGeneration, processor: Qwen3VLProcessor, *, hint_weight: float = 1.0
    ) -> None:
        self.model, self.processor, self.tokenizer = model, processor, processor.tokenizer
        self.hint_weight = hint_weight
        self.profile = get_profile("demo")
        first = self.tokenizer.convert_tokens_to_ids("0.0")
        self.number_ids = range(first, first + LARGEST_NUMBER + 1)
        model.model.visual.config._attn_implementation = "pairwise"
        self.positions: dict[tuple[int, ...], Tensor] = {}
        self.halfway = torch.empty(0)
        self.heads = VisionHeads()
        self.word_ids = [
            self.tokenizer(f" {word}", add_special_tokens=False)["input_ids"][-1] for word in WORDS
        ]
        self.hints = Hints(model.config.text_config.hidden_size)
        middle = model.model.language_model.layers[len(model.model.language_model.layers) // 2 - 1]
        middle.register_forward_hook(self._keep_halfway)

    def _keep_halfway(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        self.halfway = output

    def helpers(self) -> list[nn.Parameter]:
        """The parameters that only help to train, and are not part of the model."""
        return [*self.hints.parameters(), *self.heads.parameters()]

    def vocabulary(self) -> tuple[Tensor, Tensor]:
        """The embeddings of what hints are given in: words (words, hidden) and numbers (330, hidden)."""
        weight = self.model.get_input_embeddings().weight
        return weight[self.word_ids], weight[self.number_ids.start : self.number_ids.stop]

    def pixels(self, samples: Sequence[Sample]) -> Tensor:
        """Patches (windows * pairs * 24, 1536), as the video processor makes them, several times faster."""
        frames = torch.from_numpy(np.stack([s.frames for s in samples]))
        rows, columns = FRAME_HEIGHT // 32, FRAME_WIDTH // 32
        blocks = frames.view(len(samples), -1, 2, 3, rows, 2, 16, columns, 2, 16)
        return blocks.permute(0, 1, 4, 7, 5, 8, 3, 2, 6, 9).reshape(-1, 1536).float() / 127.5 - 1

    def see(self, samples: Sequence[Sample]) -> Tensor:
        """Merged vision tokens, (windows * pairs * 6, hidden)."""
        patches = self.pixels(samples)
        whole = torch.tensor([0, len(patches)], dtype=torch.int32)
        grid = torch.tensor([[len(s.frames) // 2, FRAME_HEIGHT // 16, FRAME_WIDTH // 16] for s in samples])
        return self.model.model.visual(patches, grid_thw=grid, cu_seqlens=whole).pooler_output

    def check(self, sample: Sample) -> None:
        """Raises AssertionError unless ids and patches equal what the real processor makes of this window."""
        out = self.processor(
            text=[self.prefix_text_source() + "x" + ANSWER_OPENING],
            videos=[torch.from_numpy(sample.frames)],
            video_metadata=[
                {
                    "fps": 1000,
                    "total_num_frames": len(sample.milliseconds),
                    "frames_indices": list(sample.milliseconds),
                }
            ],
            do_sample_frames=False,
            videos_kwargs={
                "size": {
                    "shortest_edge": frame_budget.SHORTEST_EDGE,
                    "longest_edge": len(sample.frames) * FRAME_WIDTH * FRAME_HEIGHT,
                }
            },
            return_tensors="pt",
        )
        mine = self.tokenizer(self.prefix_text(sample) + "x" + ANSWER_OPENING)["input_ids"]
        assert out["input_ids"][0].tolist() == mine, "the prompt differs from the processor's"
        assert torch.allclose(out["pixel_values_videos"], self.pixels([sample]), atol=1e-5), (
            "the patches differ"
        )

    def prefix_text_source(self) -> str:
        """The rendered template up to the text, in the profile's video form (bare)."""
        return "<|im_start|>user\n<|video_pad|>"

    def prefix_text(self, sample: Sample) -> str:
        """What the processor makes of the video placeholder, from the start of the prompt."""
        pads = "<|video_pad|>" * TOKENS_PER_PAIR
        pairs = "".join(
            f"<{stamp:.1f} seconds><|vision_start|>{pads}<|vision_end|>" for stamp in sample.stamps
        )
        return f"<|im_start|>user\n{pairs}"

    def prefix_positions(self, ids: Tensor, grid: tuple[int, int, int]) -> Tensor:
        """M-RoPE positions of one prefix, (3, length); equal for all windows with as many pairs."""
        key = (len(ids), *grid)
        if key not in self.positions:
            kinds = (ids == self.model.config.video_token_id).int() * 2
            positions, _ = self.model.model.get_rope_index(
                ids[None], mm_token_type_ids=kinds[None], video_grid_thw=torch.tensor([grid])
            )
            self.positions[key] = positions[:, 0]
        return self.positions[key]

    def loss(
        self, samples: Sequence[Sample], rng: random.Random, *, finds: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Mean loss over the answers of one batch, numbers weighted 4x, hints added."""
        # 1. The videos, once.
        pictures = self.see(samples)
        cache, position, holes = self.prefill(samples, pictures)
        seen, sights = self.heads(pictures, samples)
        states = self.model.model.language_model.norm(self.halfway[holes])
        hints, figures = self.hints.pictures(states, samples, *self.vocabulary())
        # 2. The prompts, captions and finds apart because their lengths differ.
        asked = [
            question
            for row, s in enumerate(samples)
            for question in questions(row, s, rng, finds, self.profile)
        ]
        captions = [question for question in asked if question.event is None]
        spans = [question for question in asked if question.event is not None]
        caption_loss, result = self.answer_loss(captions, cache, position)
        find_loss, found = self.answer_loss(spans, cache, position) if spans else (caption_loss, {})
        return (
            0.5 * caption_loss + 0.5 * find_loss + self.hint_weight * (0.2 * seen + hints),
            {
                "caption words": result["words"],
                "caption numbers": result["numbers"],
                "find numbers": found.get("numbers", math.nan),
                **figures,
                "carried": result.get("carried", math.nan),
                "wanted": found.get("wanted", math.nan),
                **{name: sights[name] for name in ("kind", "colour", "where")},
            },
        )

    def prefill(self, samples: Sequence[Sample], pictures: Tensor) -> tuple[BranchingCache, Tensor, Tensor]:
        """The language model over the videos of a batch.

        Args:
            samples: Windows with equally many frames.
            pictures: Their merged vision tokens, as ``see`` returns them.

        Returns:
            The states after the videos; the M-RoPE positions of one of them, (3, length); which tokens are
            pictures, bool (windows, length).
        """
        prefix = torch.tensor([self.tokenizer(self.prefix_text(s))["input_ids"] for s in samples])
        grid = (len(samples[0].frames) // 2, FRAME_HEIGHT // 16, FRAME_WIDTH // 16)
        embeds = self.model.get_input_embeddings()(prefix)
        holes = prefix == self.model.config.video_token_id
        embeds = embeds.masked_scatter(holes[..., None].expand_as(embeds), pictures)
        position = self.prefix_positions(prefix[0], grid)
        cache = BranchingCache()
        self.decode(embeds, position[:, None].expand(-1, len(samples), -1), None, cache)
        return cache, position, holes

    def answer_loss(
        self, asked: Sequence[Question], cache: BranchingCache, position: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of questions of one kind, each continuing its own video; mean over the answers.

        Numbers weigh 4x within an answer. Returns the loss, hints included, and figures for the log.
        """
        batch = self.encode(asked, heavy=set(self.number_ids))
        carried = torch.full(batch.ids.shape, NONE)
        wanted = torch.zeros(*batch.ids.shape, len(WORDS))
        for row, (question, stretch) in enumerate(zip(asked, batch.answers, strict=True)):
            answer = batch.ids[row, stretch].tolist()
            starts = [at for at, token in enumerate(answer) if token in self.number_ids][::2]
            for at, following in zip(starts, [*starts, len(answer)][1:], strict=True):
                carried[row, stretch.start + at : stretch.start + following] = (
                    answer[at] - self.number_ids.start
                )
            if question.event is not None:
                wanted[row, stretch.start - 1 : stretch.stop, words_of(question.event)] = 1
        hidden = self.follow(batch, asked, cache, position)
        states = self.model.model.language_model.norm(self.halfway)
        hints, figures = self.hints.answers(states, carried, wanted, *self.vocabulary())
        answered = batch.weights[:, 1:] > 0
        targets = batch.ids[:, 1:][answered]
        losses = F.cross_entropy(
            self.model.lm_head(hidden[:, :-1][answered]).float(), targets, reduction="none"
        )
        result = losses.detach()
        numbers = (targets >= self.number_ids.start) & (targets < self.number_ids.stop)
        figures |= {"words": result[~numbers].mean().item(), "numbers": result[numbers].mean().item()}
        return (losses * batch.weights[:, 1:][answered]).sum() + self.hint_weight * hints, figures

    def encode(self, asked: Sequence[Question], *, heavy: Collection[int]) -> Batch:
        """Prompts and answers as tokens; the ids in ``heavy`` weigh ``HEAVY`` in the loss, others 1."""
        encoded = [
            (
                self.tokenizer(question.prompt + ANSWER_OPENING)["input_ids"],
                self.tokenizer(question.answer + "<|im_end|>")["input_ids"],
            )
            for question in asked
        ]
        length = max(len(prompt) + len(answer) for prompt, answer in encoded)
        ids = torch.full((len(asked), length), self.tokenizer.pad_token_id)
        weights = torch.zeros(len(asked), length)
        stretches = []
        for row, (prompt, answer) in enumerate(encoded):
            stretch = slice(len(prompt), len(prompt) + len(answer))
            weight = torch.where(torch.tensor([token in heavy for token in answer]), HEAVY, 1.0)
            ids[row, : stretch.stop] = torch.tensor(prompt + answer)
            weights[row, stretch] = weight / weight.sum() / len(asked)
            stretches.append(stretch)
        return Batch(ids, weights, tuple(stretches))

    def follow(
        self, batch: Batch, asked: Sequence[Question], cache: BranchingCache, position: Tensor
    ) -> Tensor:
        """Final states of questions and answers, (rows, length, hidden), each continuing its own video."""
        rows, length = batch.ids.shape
        seen = cache.attention[1][0].shape[2]
        mask = torch.cat(
            [torch.ones(length, seen, dtype=torch.bool), torch.ones(length, length, dtype=torch.bool).tril()],
            dim=1,
        )
        return self.decode(
            self.model.get_input_embeddings()(batch.ids),
            (position.max() + 1 + torch.arange(length)).expand(3, rows, -1),
            mask.expand(rows, 1, -1, -1),
            cache.branch(torch.tensor([question.window for question in asked])),
        )

    def decode(self, embeds: Tensor, positions: Tensor, mask: Tensor | None, cache: BranchingCache) -> Tensor:
        """The language model over embeddings (batch, length, hidden), positions (3, batch, length)."""
        return self.model.model.language_model(
            inputs_embeds=embeds,
            position_ids=torch.cat([positions[:1], positions]),
            attention_mask={"full_attention": mask, "linear_attention": None},
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state


def caption_answer(sample: Sample) -> str:
    """The caption in Marlin's form; a window in which nothing happens ends after the heading."""
    lines = [f"\n<{start:.1f} - {end:.1f}> {event.sentence}" for event, start, end in sample.events]
    return f"Scene: {sample.scene}\n\nEvents:" + "".join(lines)


@dataclass(frozen=True)
class Question:
    """One prompt about a window, and its answer."""

    window: int
    """Row of the window in the batch."""
    prompt: str
    """The user's text."""
    answer: str
    """What Marlin would write."""
    event: clips.SyntheticEvent | None = None
    """What a find asks for; None for a caption."""


def questions(
    window: int, sample: Sample, rng: random.Random, finds: int, profile: Profile
) -> Iterator[Question]:
    """A caption and up to ``finds`` finds, of present events only, for the window in this row of a batch."""
    yield Question(window, contract.caption_prompt(profile).text, caption_answer(sample))
    numpy_rng = np.random.default_rng(rng.getrandbits(32))
    first: dict[str, tuple[clips.SyntheticEvent, float, float]] = {}
    for item in sample.events:
        first.setdefault(item[0].sentence, item)
    chosen = list(first.values())
    rng.shuffle(chosen)
    for event, start, end in (chosen * 2)[:finds]:
        plain = event.sentence.removesuffix(".")
        wording = rng.choice([event.sentence, plain, plain[0].lower() + plain[1:], None, None])
        wording = wording or clips.paraphrase(event, numpy_rng)
        prompt = contract.find_prompt(wording, profile).text
        yield Question(window, prompt, f"From {start:.1f} to {end:.1f}.", event)
