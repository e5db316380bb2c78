"""How a batch of windows and prompts goes through the model, each video once for all its prompts.

Knows the prompt's ids, the positions and the losses; knows nothing of schedules, optimisers or files.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
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
from demo_training.vision import VisionHeads
from demo_training.windows import Sample
from footage import synthetic
from footage.vlm import contract
from footage.vlm.profiles import Profile, get_profile


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


SIGHT_WORDS = sorted(
    {word for k, c, v, where in synthetic.ALL_EVENTS for word in (k, c, v, where.split()[-1])}
)
"""The words for what is to be seen: kinds, colours, what they do, and where they are or go."""


AttentionInterface.register("pairwise", pairwise_attention)


class Runner:
    """The model, its processor, and how a batch of windows and prompts goes through both."""

    def __init__(self, model: Qwen3_5ForConditionalGeneration, processor: Qwen3VLProcessor) -> None:
        self.model, self.processor, self.tokenizer = model, processor, processor.tokenizer
        self.profile = get_profile("demo")
        self.number_ids = set(
            self.tokenizer.convert_tokens_to_ids([f"{n / 10:.1f}" for n in range(LARGEST_NUMBER + 1)])
        )
        model.model.visual.config._attn_implementation = "pairwise"
        self.positions: dict[tuple[int, ...], Tensor] = {}
        self.halfway = torch.empty(0)
        self.heads = VisionHeads()
        self.sight_ids = torch.tensor(
            [self.tokenizer(f" {word}", add_special_tokens=False)["input_ids"][-1] for word in SIGHT_WORDS]
        )
        self.edges = nn.Linear(TOKENS_PER_PAIR * model.config.text_config.hidden_size, 4)
        middle = model.model.language_model.layers[len(model.model.language_model.layers) // 2 - 1]
        middle.register_forward_hook(self._keep_halfway)

    def _keep_halfway(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        self.halfway = output

    def helpers(self) -> list[nn.Parameter]:
        """The parameters that only help to train, and are not part of the model."""
        return [*self.edges.parameters(), *self.heads.parameters()]

    def stamp_loss(self, prefix: Tensor) -> Tensor:
        """How badly each video token's state, halfway up, tells the stamp of its own frame pair.

        Training only: carrying the stamp to the pictures is the first half of looking a time up, and the
        language loss by itself is slow to find it.
        """
        pads = prefix == self.model.config.video_token_id
        stamps = torch.isin(prefix, torch.tensor(sorted(self.number_ids)))
        numbers = torch.tensor(sorted(self.number_ids))
        targets = torch.searchsorted(numbers, prefix[stamps]).repeat_interleave(TOKENS_PER_PAIR)
        states = self.model.model.language_model.norm(self.halfway[pads])
        return F.cross_entropy(states @ self.model.get_input_embeddings().weight[numbers].T, targets)

    def sight_loss(self, prefix: Tensor, samples: Sequence[Sample]) -> Tensor:
        """How badly each frame pair's states, halfway up, tell the words of what is to be seen in it.

        Training only: a picture's state then lies near the embeddings of its words, so that a question can be
        matched with pictures and a picture be put into words.
        """
        states = self.model.model.language_model.norm(
            self.halfway[prefix == self.model.config.video_token_id]
        )
        pooled = states.view(-1, TOKENS_PER_PAIR, states.shape[-1]).mean(1)
        logits = pooled @ self.model.get_input_embeddings().weight[self.sight_ids].T
        targets = torch.zeros(len(samples), len(samples[0].frames) // 2, len(SIGHT_WORDS))
        for row, sample in enumerate(samples):
            for event, start, end in sample.events:
                words = (event.kind, event.colour, event.verb, event.where.split()[-1])
                columns = [SIGHT_WORDS.index(word) for word in words]
                for index, ms in enumerate(sample.milliseconds):
                    if start <= ms / 1000 < end:
                        targets[row, index // 2, columns] = 1
        targets = targets.flatten(0, 1)
        seen = targets.sum(1) > 0
        shares = targets[seen] / targets[seen].sum(1, keepdim=True)
        return F.cross_entropy(logits[seen], shares) if seen.any() else logits.sum() * 0

    def edge_loss(self, prefix: Tensor, samples: Sequence[Sample]) -> Tensor:
        """How badly each frame pair's states, halfway up, tell that something came or went in its lane.

        Training only: the other half of looking a time up is to know the pair to look at.
        """
        states = self.model.model.language_model.norm(
            self.halfway[prefix == self.model.config.video_token_id]
        )
        targets = torch.zeros(len(samples), len(samples[0].frames) // 2, 4)
        for row, sample in enumerate(samples):
            for event, start, end in sample.events:
                seen = [index for index, ms in enumerate(sample.milliseconds) if start <= ms / 1000 < end]
                lane = 0 if event.lane == "far" else 2
                if seen and seen[0] > 0:
                    targets[row, seen[0] // 2, lane] = 1
                if seen and seen[-1] + 1 < len(sample.frames):
                    targets[row, (seen[-1] + 1) // 2, lane + 1] = 1
        logits = self.edges(states.view(-1, self.edges.in_features))
        return F.binary_cross_entropy_with_logits(logits, targets.flatten(0, 1), pos_weight=torch.tensor(4.0))

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
                    "shortest_edge": contract.SHORTEST_EDGE,
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
        """The rendered template up to the text."""
        return "<|im_start|>user\n<|vision_start|><|video_pad|><|vision_end|>"

    def prefix_text(self, sample: Sample) -> str:
        """What the processor makes of the video placeholder, from the start of the prompt."""
        t = sample.milliseconds
        stamps = [(t[2 * k] + t[2 * k + 1]) / 2000 for k in range(len(t) // 2)]
        pads = "<|video_pad|>" * TOKENS_PER_PAIR
        pairs = "".join(f"<{stamp:.1f} seconds><|vision_start|>{pads}<|vision_end|>" for stamp in stamps)
        return f"<|im_start|>user\n<|vision_start|>{pairs}<|vision_end|>"

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
        """Mean loss over the answers of one batch, numbers weighted 4x, finds 60 % and captions 40 %."""
        # 1. The videos, once.
        prefix = torch.tensor([self.tokenizer(self.prefix_text(s))["input_ids"] for s in samples])
        grid = (len(samples[0].frames) // 2, FRAME_HEIGHT // 16, FRAME_WIDTH // 16)
        embeds = self.model.get_input_embeddings()(prefix)
        holes = (prefix == self.model.config.video_token_id)[..., None].expand_as(embeds)
        pictures = self.see(samples)
        embeds = embeds.masked_scatter(holes, pictures)
        position = self.prefix_positions(prefix[0], grid)
        cache = BranchingCache()
        self.decode(embeds, position[:, None].expand(-1, len(samples), -1), None, cache)
        seen, sights = self.heads(pictures, samples)
        stamps, edges = self.stamp_loss(prefix), self.edge_loss(prefix, samples)
        sights_told = self.sight_loss(prefix, samples)
        # 2. The prompts, captions and finds apart because their lengths differ.
        asked = [
            (row, *item) for row, s in enumerate(samples) for item in questions(s, rng, finds, self.profile)
        ]
        captions = [(row, prompt, answer) for row, kind, prompt, answer in asked if kind == "caption"]
        spans = [(row, prompt, answer) for row, kind, prompt, answer in asked if kind == "find"]
        caption_loss, words, caption_numbers = self.answer_loss(captions, cache, position)
        find_loss, _, find_numbers = (
            self.answer_loss(spans, cache, position) if spans else (caption_loss, 0.0, math.nan)
        )
        return (
            0.4 * caption_loss
            + 0.6 * find_loss
            + 0.3 * stamps
            + 0.5 * edges
            + 0.1 * seen
            + 0.3 * sights_told,
            {
                "caption words": words,
                "caption numbers": caption_numbers,
                "find numbers": find_numbers,
                "stamps": stamps.item(),
                "edges": edges.item(),
                "sight words": sights_told.item(),
                **{name: sights[name] for name in ("kind", "colour", "where")},
            },
        )

    def answer_loss(
        self, asked: Sequence[tuple[int, str, str]], cache: BranchingCache, position: Tensor
    ) -> tuple[Tensor, float, float]:
        """Loss of (row of the video, prompt, answer), each continuing its own video; mean over the answers.

        Numbers weigh 4x within an answer. Returns the loss and, for the log, the mean over words and numbers.
        """
        encoded = [
            (
                self.tokenizer(prompt + ANSWER_OPENING)["input_ids"],
                self.tokenizer(answer + "<|im_end|>")["input_ids"],
            )
            for _, prompt, answer in asked
        ]
        length = max(len(prompt) + len(answer) for prompt, answer in encoded)
        ids = torch.full((len(asked), length), self.tokenizer.pad_token_id)
        weights = torch.zeros(len(asked), length)
        numbers = torch.zeros(len(asked), length, dtype=torch.bool)
        for row, (prompt, answer) in enumerate(encoded):
            stretch = slice(len(prompt), len(prompt) + len(answer))
            is_number = torch.tensor([token in self.number_ids for token in answer])
            weight = torch.where(is_number, 4.0, 1.0)
            ids[row, : stretch.stop] = torch.tensor(prompt + answer)
            weights[row, stretch] = weight / weight.sum() / len(asked)
            numbers[row, stretch] = is_number
        seen = cache.attention[1][0].shape[2]
        mask = torch.cat(
            [torch.ones(length, seen, dtype=torch.bool), torch.ones(length, length, dtype=torch.bool).tril()],
            dim=1,
        )
        hidden = self.decode(
            self.model.get_input_embeddings()(ids),
            (position.max() + 1 + torch.arange(length)).expand(3, len(asked), -1),
            mask.expand(len(asked), 1, -1, -1),
            cache.branch(torch.tensor([row for row, *_ in asked])),
        )
        answered = weights[:, 1:] > 0
        logits = self.model.lm_head(hidden[:, :-1][answered]).float()
        losses = F.cross_entropy(logits, ids[:, 1:][answered], reduction="none")
        number = numbers[:, 1:][answered]
        told = losses.detach()
        return (
            (losses * weights[:, 1:][answered]).sum(),
            told[~number].mean().item(),
            told[number].mean().item(),
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


def questions(
    sample: Sample, rng: random.Random, finds: int, profile: Profile
) -> Iterator[tuple[str, str, str]]:
    """(kind, prompt, answer) for one window: a caption and up to ``finds`` finds, of present events only."""
    yield "caption", contract.caption_prompt(profile).text, caption_answer(sample)
    numpy_rng = np.random.default_rng(rng.getrandbits(32))
    first: dict[str, tuple[synthetic.SyntheticEvent, float, float]] = {}
    for item in sample.events:
        first.setdefault(item[0].sentence, item)
    chosen = list(first.values())
    rng.shuffle(chosen)
    for event, start, end in (chosen * 2)[:finds]:
        plain = event.sentence.removesuffix(".")
        wording = rng.choice([event.sentence, plain, plain[0].lower() + plain[1:], None, None])
        wording = wording or synthetic.paraphrase(event, numpy_rng)
        yield "find", contract.find_prompt(wording, profile).text, f"From {start:.1f} to {end:.1f}."
