"""Marlin-2B's shape with random weights, and windows for it; the configuration is that of Qwen3.5-2B.

Random weights say nothing, so answers are given their length: that of a caption of the real model, or of a
find. They cost what the real ones cost.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    PreTrainedTokenizerBase,
    Qwen2VLImageProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from footage.core import frame_budget
from footage.core.types import Frames, Span
from footage.vlm.backends.qwen35 import Qwen35Model
from footage.vlm.backends.qwen_batches import BatchBounds
from footage.vlm.profiles import MARLIN_2B
from footage.vlm.protocol import Prepared, Prompt
from footage.vlm.weights import Weights
from tests.tiny_qwen35 import CHAT_TEMPLATE, tiny_tokenizer

VOCABULARY = 248_320
CAPTION_TOKENS, FIND_TOKENS = 300, 12
"""Of the real model's answers about 11 s of video: 270 to 330, and 12."""
TINY_SCALE = 0.15
CAPTION_LETTERS, FIND_LETTERS = 36, 40
"""A letter is a token here: with the end of the turn, about the 46 and 50 tokens of the real prompts."""


def network(
    *,
    tiny: bool,
    device: torch.device | str,
    dtype: torch.dtype,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> Any:
    """Random weights at transformers' own scale, in Marlin-2B's shape or a fraction of it.

    At that scale the fraction would repeat its first token: its matrices are larger.

    Args:
        tiny: a fraction of the shape.
        device: where the weights are made.
        dtype: of the weights.
        tokenizer: names the ids of the special tokens; None for a small one.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            made = Qwen3_5ForConditionalGeneration(configuration(tiny=tiny, tokenizer=tokenizer)).eval()
    finally:
        torch.set_default_dtype(before)
    if tiny:
        for weight in made.parameters():
            if weight.ndim >= 2:
                torch.nn.init.normal_(weight, std=TINY_SCALE)
    return made


def configuration(*, tiny: bool, tokenizer: PreTrainedTokenizerBase | None = None) -> Qwen3_5Config:
    """Qwen3.5-2B's; the ids of the special tokens are those of ``tokenizer``, by default a small one."""
    tokenizer = tokenizer or tiny_tokenizer(number_tokens=True)
    ids = tokenizer.convert_tokens_to_ids
    period = ["linear_attention", "linear_attention", "linear_attention", "full_attention"]
    text = {
        "vocab_size": 1024 if tiny else VOCABULARY,
        "hidden_size": 256 if tiny else 2048,
        "intermediate_size": 512 if tiny else 6144,
        "num_hidden_layers": 4 if tiny else 24,
        "layer_types": period * (1 if tiny else 6),
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 64 if tiny else 256,
        "attn_output_gate": True,
        "linear_num_key_heads": 2 if tiny else 16,
        "linear_num_value_heads": 2 if tiny else 16,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e7,
            "partial_rotary_factor": 0.25,
            "mrope_section": [3, 3, 2] if tiny else [11, 11, 10],
            "mrope_interleaved": True,
        },
        "tie_word_embeddings": True,
        "use_cache": True,
    }
    vision = {
        "depth": 2 if tiny else 24,
        "hidden_size": 128 if tiny else 1024,
        "intermediate_size": 256 if tiny else 4096,
        "num_heads": 2 if tiny else 16,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "out_hidden_size": text["hidden_size"],
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [],
    }
    return Qwen3_5Config(
        text_config=text,
        vision_config=vision,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )


def model(network: Any, bounds: BatchBounds, *, stop_ids: Collection[int] = ()) -> Qwen35Model:
    """The product's model around a random network; without ``stop_ids`` answers have their full length."""
    pixels = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3}
    pixels["image_std"] = [0.5] * 3
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=tiny_tokenizer(number_tokens=True),
        video_processor=Qwen3VLVideoProcessor(
            size={"shortest_edge": 4096, "longest_edge": 25_165_824}, cap_pixels_per_frame=False, **pixels
        ),
        chat_template=CHAT_TEMPLATE,
    )
    weights = Weights(Path(), MARLIN_2B, "random", "random")
    return Qwen35Model(network, processor, weights, bounds=bounds, stop_ids=stop_ids)


def frames(*, tiny: bool, seconds: float = 30.0) -> Frames:
    """Random 16:9 pictures at the contract's rate; ``tiny`` ones are small, and 4 s at most."""
    seconds = min(seconds, 4.0) if tiny else seconds
    width, height = (96, 64) if tiny else (640, 360)
    times = np.linspace(0, seconds - 0.04, frame_budget.frames_for(seconds))
    pixels = np.random.default_rng(0).integers(0, 255, (len(times), height, width, 3), np.uint8)
    return Frames(pixels, tuple(float(time) for time in times), Span(0.0, seconds))


def another(prepared: Prepared) -> Prepared:
    """The same window as if it were one more: nothing that was made of it is shared but its pictures.

    What the vision tower saw is shared as well, once it is there.
    """
    return replace(prepared, payload=replace(prepared.payload, state=None))


def caption(*, tiny: bool = False) -> Prompt:
    """A question whose answer is as long as a caption."""
    return Prompt("ask", "x" * CAPTION_LETTERS, 8 if tiny else CAPTION_TOKENS)


def find(number: int) -> Prompt:
    """A question whose answer is as long as a find's, one of many."""
    return Prompt("ask", f"{number:04}".ljust(FIND_LETTERS, "x"), FIND_TOKENS)
