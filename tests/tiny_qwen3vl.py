"""Writes a tiny, randomly initialised model folder in the form of Qwen/Qwen3-VL-8B-Instruct, for tests."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_qwen35 import tiny_tokenizer
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLForConditionalGeneration

from tests.tiny_weights import drawn

CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{ part.text }}{%- endif %}{%- endfor %}{{ '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""One turn as the real template renders it: neither a system prompt nor thinking."""

DEEPSTACK_LAYERS = [0, 2]
"""Layers of the vision tower whose features go to the first layers of the language model."""


def write_tiny_model(folder: Path, *, profile: str = "", seed: int = 0) -> Path:
    """Writes a folder with the files of the real repository.

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
    pixels = {
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "processor_class": "Qwen3VLProcessor",
    }
    image = {"size": {"longest_edge": 16777216, "shortest_edge": 65536}}
    image["image_processor_type"] = "Qwen2VLImageProcessorFast"
    video = {"size": {"longest_edge": 25165824, "shortest_edge": 4096}}
    video["video_processor_type"] = "Qwen3VLVideoProcessor"
    _write(folder / "preprocessor_config.json", pixels | image)
    _write(folder / "video_preprocessor_config.json", pixels | video)
    _write(folder / "chat_template.json", {"chat_template": CHAT_TEMPLATE})
    # The language model's settings have the names of when the model was published.
    config = json.loads((folder / "config.json").read_text())
    rope = config["text_config"].pop("rope_parameters")
    config["text_config"] |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope}
    _write(folder / "config.json", config | ({"footage_profile": profile} if profile else {}))
    return folder


def tiny_model(tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Qwen3VLForConditionalGeneration:
    """About 300,000 random weights, large enough that what is seen and asked changes the answer."""
    ids = tokenizer.convert_tokens_to_ids
    config = Qwen3VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5e6,
                "mrope_section": [4, 2, 2],
                "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 4,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 16,
            "temporal_patch_size": 2,
            "spatial_merge_size": 2,
            "out_hidden_size": 64,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": DEEPSTACK_LAYERS,
        },
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    return drawn(Qwen3VLForConditionalGeneration, config, seed=seed)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2))
