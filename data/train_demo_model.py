"""Trains the demo model: Marlin's architecture, prompts and processor at about 2.5 M parameters, on drawn footage.

Knows how to build the folder, draw the training windows and run the two stages (vision, then language); knows
nothing of how the product uses the model. The saved folder has the same form as NemoStation/Marlin-2B.

    python data/train_demo_model.py --hours 3                  # resumes from the checkpoint when there is one
    python data/train_demo_model.py --export-only              # writes the folder from the latest checkpoint
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import (
    AttentionInterface,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from footage import synthetic
from footage.vlm import contract
from footage.vlm.profiles import get_profile

ROOT = Path(__file__).resolve().parent
FRAME_WIDTH, FRAME_HEIGHT = 96, 64
PATCHES_PER_PAIR, TOKENS_PER_PAIR = 24, 6
LARGEST_NUMBER = 329
"""Numbers 0.0 to 32.9 are single tokens, so that looking a time up is one step and not four."""

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{ message.content }}{%- else %}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{ part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}{{ '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is true %}{{ '<think>\\n' }}"
    "{%- else %}{{ '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)
ANSWER_OPENING = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


# --- 1. The folder: tokenizer, processor, model -----------------------------------------------------------------


def build_tokenizer(seed: int = 0) -> PreTrainedTokenizerFast:
    """A byte-level BPE over the domain's sentences, with Qwen's special tokens and the numbers as whole tokens."""
    rng = np.random.default_rng(seed)
    profile = get_profile("demo")
    texts = [
        contract.caption_prompt(profile).text,
        contract.find_prompt("x", profile).text,
        "user\n",
        "assistant\n",
    ]
    for _ in range(3000):
        clip = synthetic.random_clip(rng, duration_seconds=20.0)
        texts.append(f"Scene: {clip.scene.sentence}\n\nEvents:\n")
        for event in clip.events:
            texts += [event.sentence, synthetic.paraphrase(event, rng), "From 1 to 2.", "<1 - 2> "]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(
        [AddedToken(f"{n / 10:.1f}", special=False, normalized=False) for n in range(LARGEST_NUMBER + 1)]
        + [AddedToken(text, special=False, normalized=False) for text in ("<think>", "</think>", " seconds>")]
    )
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in SPECIAL_TOKENS]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_bos_token": "<|vision_start|>",
            "vision_eos_token": "<|vision_end|>",
        },
    )


def build_processor(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLProcessor:
    """The real Qwen3-VL processor, with the demo model's pixel budget as its default size."""
    pixels = {
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    frame = FRAME_WIDTH * FRAME_HEIGHT
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": 4096, "longest_edge": frame}, **pixels),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(
            size={"shortest_edge": 4096, "longest_edge": 60 * frame},
            fps=2,
            min_frames=4,
            max_frames=240,
            **pixels,
        ),
        chat_template=CHAT_TEMPLATE,
    )


def build_model(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> Qwen3_5ForConditionalGeneration:
    """The model with fresh weights; number embeddings start as sinusoids of their value, so that order is given."""
    torch.manual_seed(seed)
    ids = {
        name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("image_pad", "video_pad", "im_end")
    }
    vocabulary = math.ceil(len(tokenizer) / 8) * 8
    config = Qwen3_5Config(
        text_config={
            "vocab_size": vocabulary,
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_hidden_layers": 6,
            "layer_types": ["linear_attention", "full_attention", "full_attention"] * 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 40,
            "linear_num_key_heads": 4,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 32,
            "linear_value_head_dim": 32,
            "linear_conv_kernel_dim": 4,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.5,
                "mrope_section": [4, 3, 3],
                "mrope_interleaved": True,
            },
            "eos_token_id": ids["im_end"],
            "pad_token_id": tokenizer.pad_token_id,
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_heads": 4,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "out_hidden_size": 128,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [],
        },
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    config.architectures = ["MarlinForConditionalGeneration"]
    model = Qwen3_5ForConditionalGeneration(config)
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2 and "conv1d" not in name and "norm" not in name:
            fan_in = parameter[0].numel()
            nn.init.normal_(parameter, std=0.02 if "embed" in name else fan_in**-0.5)
    with torch.no_grad():
        embedding = model.get_input_embeddings().weight
        embedding.normal_(std=0.05)
        seconds = torch.arange(LARGEST_NUMBER + 1) / 10
        periods = torch.logspace(math.log10(0.6), math.log10(80.0), 24)
        angles = 2 * math.pi * seconds[:, None] / periods
        first = tokenizer.convert_tokens_to_ids("0.0")
        embedding[first : first + LARGEST_NUMBER + 1, :48] = 0.15 * torch.cat(
            [angles.sin(), angles.cos()], dim=1
        )
    model.tie_weights()
    return model


def export(model: Qwen3_5ForConditionalGeneration, processor: Qwen3VLProcessor, folder: Path) -> None:
    """Writes the folder in the form of NemoStation/Marlin-2B: config, safetensors, tokenizer, processor, template."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.update(
        do_sample=False,
        use_cache=True,
        eos_token_id=[processor.tokenizer.eos_token_id, processor.tokenizer.pad_token_id],
        pad_token_id=processor.tokenizer.pad_token_id,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["MarlinForConditionalGeneration"]
    config["footage_profile"] = "demo"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


# --- 2. The data: windows as the product would cut and sample them ----------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One drawn window."""

    frames: np.ndarray
    """uint8, (frames, 3, height, width); frames is even."""
    milliseconds: tuple[int, ...]
    """Time of each frame from the window's start."""
    duration_seconds: float
    """Length of the window."""
    scene: str
    """The scene sentence."""
    events: tuple[tuple[synthetic.SyntheticEvent, float, float], ...]
    """What happens, with start and end in window time, clipped to the window."""


def frame_times(duration: float, fps: float, start: float) -> np.ndarray:
    """Presentation times (video time) of the frames the contract samples from [start, start + duration)."""
    first, last = math.ceil(start * fps - 1e-6), math.ceil((start + duration) * fps - 1e-6) - 1
    count = min(contract.frames_for(duration), last - first + 1)
    return (first + np.round(np.linspace(0, last - first, count))) / fps


def draw_sample(rng: np.random.Generator, difficulty: float, pairs: int) -> Sample:
    """Draws one window of ``pairs`` frame pairs; difficulty 0 is one event, 1 everything the product meets."""
    whole = rng.random() < 0.35
    window = float(pairs) if rng.random() < 0.6 else round(pairs - float(rng.uniform(0, 0.4)), 1)
    margin = 0.0 if whole else 16.0
    most = 1 + round(7 * difficulty)
    least = 1 if rng.random() > 0.1 * difficulty else 0
    for _ in range(30):
        rate = float(rng.uniform(0.3, 1.3)) * most * 60 / window
        clip = synthetic.random_clip(
            rng, duration_seconds=math.ceil(window + margin), events_per_minute=min(24.0, rate)
        )
        start = float(rng.integers(0, int(2 * margin) + 1)) / 2 if margin else 0.0
        end = start + window
        visible = [
            (event, max(0.0, event.start_seconds - start), min(window, event.end_seconds - start))
            for event in clip.events
            if min(end, event.end_seconds) - max(start, event.start_seconds) >= 0.5
        ]
        if least <= len(visible) <= most:
            break
    fps = float(rng.choice([12.5, 15.0, 24.0, 25.0, 25.0, 30.0]))
    times = frame_times(window, fps, start)
    scale = 1.0 if rng.random() < 0.05 else 0.5
    width, height = int(480 * scale), int(320 * scale)
    frames = synthetic.render(clip, times, width=width, height=height)
    if rng.random() < 0.12:
        frames = compress(frames, crf=int(rng.integers(22, 36)))
    small = F.interpolate(
        torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous(),
        size=(FRAME_HEIGHT, FRAME_WIDTH),
        mode="bicubic",
        antialias=True,
    )
    if len(small) % 2:
        small = torch.cat([small, small[-1:]])
        times = np.append(times, times[-1])
    visible.sort(key=lambda item: (item[1], item[2], item[0].sentence))
    return Sample(
        small.numpy(),
        tuple(int(round((t - start) * 1000)) for t in times),
        window,
        clip.scene.sentence,
        tuple(visible),
    )


def compress(frames: np.ndarray, *, crf: int) -> np.ndarray:
    """Sends frames (uint8, (n, h, w, 3)) through H.264 and back, for the noise real files have."""
    import io

    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        stream.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as container:
        container.streams.video[0].thread_type = "NONE"
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def produce(queue: Any, seed: int, pairs: int, difficulty: Any) -> None:
    """Endless: draws batches of windows and puts them on the queue (runs in a process of its own)."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    while True:
        level = difficulty.value * (rng.random() if rng.random() < 0.4 else 1.0)
        longest = 12 + round(18 * level)
        length = longest if rng.random() < 0.25 * level else int(rng.integers(4, longest + 1))
        size = min(24, max(6, pairs // length))
        queue.put([draw_sample(rng, level, length) for _ in range(size)])


class Footage:
    """Batches of freshly drawn windows with equally many frames, drawn ahead in other processes.

    No window is used twice: a model this small learns a few thousand windows' times by heart before it learns to
    look a time up, and its training loss then says nothing.
    """

    def __init__(self, seed: int, *, pairs: int, processes: int = 1) -> None:
        context = get_context("spawn")
        self.difficulty = context.Value("d", 0.0)
        self.queue = context.Queue(maxsize=8)
        for number in range(processes):
            arguments = (self.queue, seed + number, pairs, self.difficulty)
            context.Process(target=produce, args=arguments, daemon=True).start()

    def batch(self) -> list[Sample]:
        """6 to 24 windows with equally many frames."""
        return self.queue.get()

    def pairs(self, rng: random.Random, *, count: int) -> list[Sample]:
        """``count`` random frame pairs from each window of three batches."""
        chosen = []
        for sample in [sample for _ in range(3) for sample in self.batch()]:
            starts = rng.choices(range(0, len(sample.frames), 2), k=count)
            keep = [index for start in starts for index in (start, start + 1)]
            chosen.append(
                replace(
                    sample,
                    frames=sample.frames[keep],
                    milliseconds=tuple(sample.milliseconds[index] for index in keep),
                )
            )
        return chosen


# --- 3. Running the model with the video prefilled once for all its prompts -------------------------------------


class BranchingCache:
    """The states of a shared prefix, kept differentiable; ``branch`` repeats them for several suffixes.

    Stands in for transformers' Cache in the layers' forward, which updates in place and so cannot be trained through.
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
    """Vision attention for equal frame pairs: (1, heads, pairs * 24, dim) in one call instead of one call a pair."""
    query, key, value = (
        x[0].unflatten(1, (-1, PATCHES_PER_PAIR)).transpose(0, 1) for x in (query, key, value)
    )
    out = F.scaled_dot_product_attention(query, key, value, scale=scaling)
    return out.transpose(1, 2).flatten(0, 1).unsqueeze(0), None


AttentionInterface.register("pairwise", pairwise_attention)


class Trainer:
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
        self.edges = nn.Linear(TOKENS_PER_PAIR * model.config.text_config.hidden_size, 4)
        middle = model.model.language_model.layers[len(model.model.language_model.layers) // 2 - 1]
        middle.register_forward_hook(self._keep_halfway)

    def _keep_halfway(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        self.halfway = output

    def stamp_loss(self, prefix: Tensor) -> Tensor:
        """How badly each video token's state, halfway up, tells the stamp of its own frame pair.

        Training only: carrying the stamp to the pictures is the first half of looking a time up, and by itself the
        language loss is slow to find it.
        """
        pads = prefix == self.model.config.video_token_id
        stamps = torch.isin(prefix, torch.tensor(sorted(self.number_ids)))
        targets = prefix[stamps].repeat_interleave(TOKENS_PER_PAIR)
        states = self.model.model.language_model.norm(self.halfway[pads])
        return F.cross_entropy(self.model.lm_head(states), targets)

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
        embeds = embeds.masked_scatter(holes, self.see(samples).to(embeds.dtype))
        position = self.prefix_positions(prefix[0], grid)
        cache = BranchingCache()
        self.decode(embeds, position[:, None].expand(-1, len(samples), -1), None, cache)
        stamps, edges = self.stamp_loss(prefix), self.edge_loss(prefix, samples)
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
        return 0.4 * caption_loss + 0.6 * find_loss + 0.3 * stamps + 0.5 * edges, {
            "caption words": words,
            "caption numbers": caption_numbers,
            "find numbers": find_numbers,
            "stamps": stamps.item(),
            "edges": edges.item(),
        }

    def answer_loss(
        self, asked: Sequence[tuple[int, str, str]], cache: BranchingCache, position: Tensor
    ) -> tuple[Tensor, float, float]:
        """Loss of (row of the video, prompt, answer), each continuing its own video; mean over the answers.

        Numbers weigh 4x within an answer. Returns the loss and, for the log, the mean loss of words and of numbers.
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
        """The language model over embeddings (batch, length, hidden) with M-RoPE positions (3, batch, length)."""
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


def questions(sample: Sample, rng: random.Random, finds: int, profile: Any) -> Iterator[tuple[str, str, str]]:
    """(kind, prompt, answer) for one window: one caption and up to ``finds`` finds, of present events only."""
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


# --- 4. The two stages -------------------------------------------------------------------------------------------


SCENES = sorted(
    synthetic.SyntheticScene(backdrop=backdrop, prop=prop, side=side, light=light, seed=0).sentence
    for backdrop in synthetic.BACKDROPS
    for prop in synthetic.PROPS
    for side in synthetic.SIDES
    for light in synthetic.LIGHTS
)
WHERES = (*synthetic.DIRECTIONS, *synthetic.PLACES)
SLOT_CLASSES = {
    "kind": ["nothing", *synthetic.KINDS],
    "colour": ["nothing", *synthetic.COLOURS],
    "where": ["nothing", *WHERES],
}


class VisionHeads(nn.Module):
    """Linear read-outs on the six merged tokens of a frame pair; thrown away after the vision stage.

    Each of the two frames has two slots, the far and the near lane (things seen at once never share a lane).
    """

    def __init__(self) -> None:
        super().__init__()
        self.slots = nn.ModuleDict({name: nn.Linear(6 * 128, 4 * len(c)) for name, c in SLOT_CLASSES.items()})
        self.scene = nn.Linear(6 * 128, len(SCENES))

    def targets(self, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """Class numbers, (pairs, 4) in the order frame x lane, for each slot property."""
        targets = {name: [] for name in SLOT_CLASSES}
        for sample in samples:
            for milliseconds in sample.milliseconds:
                for lane in ("far", "near"):
                    seen = next(
                        (
                            e
                            for e, start, end in sample.events
                            if e.lane == lane and start <= milliseconds / 1000 < end
                        ),
                        None,
                    )
                    for name, classes in SLOT_CLASSES.items():
                        targets[name].append(classes.index(getattr(seen, name)) if seen else 0)
        return {name: torch.tensor(values).view(-1, 4) for name, values in targets.items()}

    def forward(self, tokens: Tensor, samples: Sequence[Sample]) -> tuple[Tensor, dict[str, float]]:
        """Loss and accuracies (where something is to be seen) for merged tokens (pairs * 6, hidden)."""
        flat = tokens.view(-1, 6 * 128)
        scene = torch.tensor([SCENES.index(s.scene) for s in samples for _ in range(len(s.frames) // 2)])
        predicted = self.scene(flat)
        loss = F.cross_entropy(predicted, scene)
        accuracies = {"scene": (predicted.argmax(-1) == scene).float().mean().item()}
        for name, target in self.targets(samples).items():
            logits = self.slots[name](flat).view(*target.shape, -1)
            weight = torch.ones(logits.shape[-1])
            weight[0] = 0.3
            loss = loss + 2 * F.cross_entropy(logits.flatten(0, 1), target.flatten(), weight)
            right = logits.argmax(-1) == target
            accuracies[name] = right[target > 0].float().mean().item()
            accuracies["no " + name] = right[target == 0].float().mean().item()
        return loss, accuracies


class Optimizer:
    """Muon for the hidden matrices (Jordan et al. 2024), AdamW for the rest; one cosine schedule for both."""

    def __init__(
        self, model: nn.Module, extra: Sequence[nn.Parameter], *, lr: float, vision: float, warmup: int
    ) -> None:
        groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            matrix = parameter.ndim == 2 and "embed" not in name
            groups.setdefault((matrix, "visual" in name), []).append(parameter)
        self.muon = torch.optim.Muon(
            [{"params": groups[True, v], "base": lr * (vision if v else 1.0)} for v in (False, True)],
            lr=lr,
            weight_decay=0.01,
            adjust_lr_fn="match_rms_adamw",
        )
        self.adam = torch.optim.AdamW(
            [{"params": groups[False, v], "base": lr * (vision if v else 1.0)} for v in (False, True)]
            + ([{"params": list(extra), "base": lr}] if extra else []),
            lr=lr,
            betas=(0.9, 0.95),
            weight_decay=0.01,
        )
        self.parameters = [p for group in groups.values() for p in group] + list(extra)
        self.warmup = warmup

    def step(self, step: int, progress: float) -> float:
        """One update at a share ``progress`` of the planned training; returns the gradient norm."""
        scale = min(1.0, (step + 1) / self.warmup) * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        )
        for optimizer in (self.muon, self.adam):
            for group in optimizer.param_groups:
                group["lr"] = group["base"] * scale
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.muon.step()
        self.adam.step()
        self.muon.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)
        return float(norm)


def log(text: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(time.strftime("%H:%M:%S ") + text + "\n")
    sys.stderr.flush()


def mean_of(history: Sequence[dict[str, float]]) -> str:
    """The means of the last figures, for a log line."""
    means = {key: np.nanmean([row[key] for row in history]) for key in history[0]}
    return ", ".join(f"{key} {value:.3f}" for key, value in means.items())


def train_vision(trainer: Trainer, footage: Footage, *, steps: int, lr: float, seed: int) -> None:
    """Stage one: the vision tower learns to see, with linear heads on its merged tokens."""
    rng = random.Random(seed)
    heads = VisionHeads()
    optimizer = Optimizer(trainer.model, list(heads.parameters()), lr=lr, vision=1.0, warmup=50)
    history: list[dict[str, float]] = []
    began = time.monotonic()
    for step in range(steps):
        samples = footage.pairs(rng, count=6)
        tokens = trainer.see(samples)
        loss, figures = heads(tokens, samples)
        loss.backward()
        norm = optimizer.step(step, step / steps)
        history.append({"loss": loss.item(), "norm": norm, **figures})
        if step % 25 == 24:
            log(
                f"vision {step + 1}/{steps} {(time.monotonic() - began) / (step + 1):.2f} s a step: "
                + mean_of(history[-25:])
            )


def train_language(
    trainer: Trainer, footage: Footage, checkpoint: Path, arguments: argparse.Namespace
) -> None:
    """Stage two: captions and finds, from one event in short windows to all that the product meets."""
    rng = random.Random(arguments.seed + 1)
    optimizer = Optimizer(
        trainer.model, list(trainer.edges.parameters()), lr=arguments.lr, vision=0.3, warmup=100
    )
    state = torch.load(checkpoint, weights_only=False) if checkpoint.exists() else {}
    start, spent = state.get("step", 0), state.get("seconds", 0.0)
    if "edges" in state:
        trainer.edges.load_state_dict(state["edges"])
        optimizer.muon.load_state_dict(state["muon"])
        optimizer.adam.load_state_dict(state["adam"])
    budget = arguments.hours * 3600
    difficulty, learned = state.get("difficulty", 0.0), 3.0
    began, history, step = time.monotonic() - spent, [], start
    while (elapsed := time.monotonic() - began) < budget:
        progress = elapsed / budget
        floor = (progress - arguments.easy) / 0.25
        rising = difficulty + 0.001 * (learned < 1.0)
        footage.difficulty.value = difficulty = min(1.0, max(rising, floor, 0.0))
        samples = footage.batch()
        loss, figures = trainer.loss(samples, rng, finds=arguments.finds)
        loss.backward()
        norm = optimizer.step(step, progress)
        history.append({"loss": loss.item(), "norm": norm, **figures})
        if not math.isnan(figures["find numbers"]):
            learned += 0.05 * (figures["find numbers"] - learned)
        step += 1
        if step % 25 == 0:
            log(
                f"language {step} ({100 * progress:.1f} %, difficulty {footage.difficulty.value:.2f}, "
                f"{elapsed / step:.2f} s a step): " + mean_of(history[-25:])
            )
        if step % 100 == 0:
            save(trainer, optimizer, checkpoint, step, elapsed, difficulty)
    save(trainer, optimizer, checkpoint, step, time.monotonic() - began, difficulty)


def save(
    trainer: Trainer, optimizer: Optimizer, checkpoint: Path, step: int, seconds: float, difficulty: float
) -> None:
    """Writes the checkpoint under another name first, so that a kill leaves the last whole one."""
    temporary = checkpoint.with_suffix(".part")
    torch.save(
        {
            "model": trainer.model.state_dict(),
            "edges": trainer.edges.state_dict(),
            "muon": optimizer.muon.state_dict(),
            "adam": optimizer.adam.state_dict(),
            "step": step,
            "seconds": seconds,
            "difficulty": difficulty,
        },
        temporary,
    )
    temporary.replace(checkpoint)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--out", type=Path, default=ROOT / "demo-model", help="folder the model is written to"
    )
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".training", help="folder for checkpoints")
    parser.add_argument(
        "--hours", type=float, default=3.0, help="length of the language stage, all runs together"
    )
    parser.add_argument("--vision-steps", type=int, default=500)
    parser.add_argument(
        "--easy",
        type=float,
        default=0.4,
        help="share of the time after which harder windows come in any case",
    )
    parser.add_argument("--pairs", type=int, default=144, help="frame pairs a step, all its windows together")
    parser.add_argument("--finds", type=int, default=4, help="find prompts a window")
    parser.add_argument("--lr", type=float, default=2.5e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--export-only", action="store_true", help="write the folder from the checkpoint and stop"
    )
    return parser.parse_args(argv)


def main() -> None:
    """Builds or resumes, trains, writes the folder."""
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    arguments.work.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    trainer = Trainer(build_model(tokenizer, arguments.seed), build_processor(tokenizer))
    log(f"{sum(p.numel() for p in trainer.model.parameters()):,} parameters, {len(tokenizer)} tokens")
    vision, language = arguments.work / "vision.pt", arguments.work / "language.pt"
    if not arguments.export_only:
        trainer.check(draw_sample(np.random.default_rng(0), 1.0, 30))
        footage = Footage(arguments.seed * 1000 + int(time.time()) % 1000, pairs=arguments.pairs)
        if not vision.exists():
            footage.difficulty.value = 0.6
            train_vision(trainer, footage, steps=arguments.vision_steps, lr=arguments.lr, seed=arguments.seed)
            torch.save({"model": trainer.model.state_dict()}, vision)
        latest = language if language.exists() else vision
        trainer.model.load_state_dict(torch.load(latest, weights_only=False)["model"])
        train_language(trainer, footage, language, arguments)
    trainer.model.load_state_dict(torch.load(language, weights_only=False)["model"])
    trainer.model.model.visual.config._attn_implementation = "sdpa"
    export(trainer.model, trainer.processor, arguments.out)
    log(f"written to {arguments.out}")


if __name__ == "__main__":
    main()
