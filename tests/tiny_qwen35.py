"""Writes a tiny, randomly initialised model folder in the form of NemoStation/Marlin-2B, for tests."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from tests.tiny_weights import drawn

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
TAG_TOKENS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
"""Whole tokens in the Qwen vocabularies that are not marked special."""

CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{ part.text }}{%- endif %}{%- endfor %}{{ '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
)
"""One turn of the Qwen3.5 template, with its think block closed."""


def write_tiny_model(
    folder: Path,
    *,
    number_tokens: bool = False,
    profile: str = "",
    seed: int = 0,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> Path:
    """Writes config, safetensors, tokenizer, processor, template and generation config into ``folder``.

    Args:
        folder: made when missing.
        tokenizer: a real one; None for ``tiny_tokenizer``.
        number_tokens: "0.0" to "32.9" are single tokens, as the demo model has them; otherwise digits are.
        profile: value of "footage_profile" in the config; empty for none.
        seed: of the weights.
    """
    tokenizer = tokenizer or tiny_tokenizer(number_tokens=number_tokens)
    return write_model(folder, tiny_model(tokenizer, seed=seed), tokenizer, profile=profile)


def write_model(
    folder: Path,
    model: Qwen3_5ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    *,
    profile: str = "",
) -> Path:
    """Writes everything that Marlin-2B's repository holds around ``model``; see ``write_tiny_model``."""
    pixels = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5] * 3}
    pixels["image_std"] = [0.5] * 3
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(size={"shortest_edge": 4096, "longest_edge": 6144}, **pixels),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(
            size={"shortest_edge": 4096, "longest_edge": 25165824},
            fps=2,
            min_frames=4,
            max_frames=768,
            **pixels,
        ),
        chat_template=CHAT_TEMPLATE,
    )
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["architectures"] = ["MarlinForConditionalGeneration"]
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_marlin.MarlinForConditionalGeneration"}
    config["use_cache"] = False
    if profile:
        config["footage_profile"] = profile
    path.write_text(json.dumps(config, indent=2))
    (folder / "modeling_marlin.py").write_text('raise RuntimeError("code from a checkpoint was executed")\n')
    return folder


def tiny_tokenizer(*, number_tokens: bool = False) -> PreTrainedTokenizerFast:
    """Single bytes and Qwen's special tokens; with ``number_tokens`` whole numbers besides."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    numbers = [f"{n / 10:.1f}" for n in range(330)] if number_tokens else []
    bpe.add_tokens([AddedToken(text, special=False, normalized=False) for text in (*numbers, *TAG_TOKENS)])
    bpe.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_bos_token": "<|vision_start|>",
            "vision_eos_token": "<|vision_end|>",
        },
    )


def tiny_model(tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Qwen3_5ForConditionalGeneration:
    """About 300,000 random weights, large enough that what is seen and asked changes the answer."""
    ids = tokenizer.convert_tokens_to_ids
    config = Qwen3_5Config(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 4,
            "layer_types": ["linear_attention", "full_attention", "full_attention", "full_attention"],
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 2,
            "linear_key_head_dim": 16,
            "linear_value_head_dim": 16,
            "linear_conv_kernel_dim": 4,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e7,
                "partial_rotary_factor": 0.25,
                "mrope_section": [2, 1, 1],
                "mrope_interleaved": True,
            },
            "eos_token_id": tokenizer.pad_token_id,
            "tie_word_embeddings": True,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "out_hidden_size": 64,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [],
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
    )
    model = drawn(Qwen3_5ForConditionalGeneration, config, seed=seed)
    model.tie_weights()
    return model
