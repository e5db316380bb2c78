"""Writes a tiny, randomly initialised model folder in the form of Qwen/Qwen2.5-VL-7B-Instruct, for tests."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file, save_file
from tiny_qwen35 import tiny_tokenizer
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)

from tests.tiny_weights import drawn

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{%- if loop.first and message.role != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{%- endif %}"
    "{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{ part.text }}{%- endif %}{%- endfor %}{{ '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""One turn as the real template renders it."""


def write_tiny_model(folder: Path, *, profile: str = "", seed: int = 0) -> Path:
    """Writes a folder with the files, the names of tensors and the flat config of the real repository.

    Args:
        folder: made when missing.
        profile: value of "footage_profile" in the config; empty for none.
        seed: of the weights.
    """
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer, seed=seed)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # 1. Tensors are named as when the model was published.
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    save_file({_published(name): part for name, part in tensors.items()}, weights, metadata={"format": "pt"})
    # 2. The language model's settings stand beside the vision tower's.
    config = json.loads((folder / "config.json").read_text())
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    text |= {
        "rope_theta": rope["rope_theta"],
        "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]},
    }
    kept = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    kept += ("num_key_value_heads", "rope_theta", "rope_scaling", "rms_norm_eps", "hidden_act")
    config |= {name: text[name] for name in kept} | {"use_sliding_window": False, "sliding_window": 32768}
    _write(folder / "config.json", config | ({"footage_profile": profile} if profile else {}))
    # 3. The processor's settings and the chat template are files of their own.
    processor = {
        "min_pixels": 3136,
        "max_pixels": 12845056,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2_5_VLProcessor",
    }
    _write(folder / "preprocessor_config.json", processor)
    _write(folder / "chat_template.json", {"chat_template": CHAT_TEMPLATE})
    return folder


def tiny_model(tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Qwen2_5_VLForConditionalGeneration:
    """About 200,000 random weights, large enough that what is seen and asked changes the answer."""
    ids = tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 14,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "window_size": 56,
            "fullatt_block_indexes": [1],
            "out_hidden_size": 64,
            "tokens_per_second": 2,
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        bos_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    return drawn(Qwen2_5_VLForConditionalGeneration, config, seed=seed)


def _published(name: str) -> str:
    """A tensor's name in the published checkpoint."""
    for now, then in (("model.visual.", "visual."), ("model.language_model.", "model.")):
        if name.startswith(now):
            return then + name.removeprefix(now)
    return name


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))
