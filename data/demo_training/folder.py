"""The demo model's folder: tokenizer, processor and fresh weights, in the form of NemoStation/Marlin-2B.

Knows shapes and files; knows nothing of training.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from footage.synthetic import clips
from footage.vlm import contract
from footage.vlm.profiles import get_profile

FRAME_WIDTH, FRAME_HEIGHT = 96, 64
"""What a 3:2 frame becomes under the profile's budget of 6,144 pixels."""
PATCHES_PER_PAIR, TOKENS_PER_PAIR = 24, 6
"""Patches of 16 x 16 in a pair of frames, and what 2 x 2 merging leaves of them."""
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
"""What the template writes between the user's text and the answer."""


def build_tokenizer(seed: int = 0) -> PreTrainedTokenizerFast:
    """A byte-level BPE over the domain's sentences, Qwen's special tokens, and numbers as whole tokens."""
    rng = np.random.default_rng(seed)
    profile = get_profile("demo")
    texts = [
        contract.caption_prompt(profile).text,
        contract.find_prompt("x", profile).text,
        "user\n",
        "assistant\n",
    ]
    for _ in range(3000):
        clip = clips.random_clip(rng, duration_seconds=20.0)
        texts.append(f"Scene: {clip.scene.sentence}\n\nEvents:\n")
        for event in clip.events:
            texts += [event.sentence, clips.paraphrase(event, rng), "From 1 to 2.", "<1 - 2> "]
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
    """The model with fresh weights; number embeddings start as sinusoids of their value, in order."""
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
            "head_dim": 64,
            "linear_num_key_heads": 4,
            "linear_num_value_heads": 4,
            "linear_key_head_dim": 128,
            "linear_value_head_dim": 128,
            "linear_conv_kernel_dim": 4,
            "rms_norm_eps": 6.25e-8,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "partial_rotary_factor": 0.3125,  # 20 of 64
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


def export(
    model: Qwen3_5ForConditionalGeneration,
    processor: Qwen3VLProcessor,
    folder: Path,
    *,
    profile: str = "demo",
) -> None:
    """Writes config, safetensors, tokenizer, processor and template, named as in NemoStation/Marlin-2B."""
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
    config["footage_profile"] = profile
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
