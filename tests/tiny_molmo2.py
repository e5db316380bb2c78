"""Writes a tiny, randomly initialised model folder in the form of allenai/Molmo2-4B, for tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Molmo2Config,
    Molmo2ForConditionalGeneration,
    Molmo2ImageProcessor,
    Molmo2Processor,
    Molmo2VideoProcessor,
    PreTrainedTokenizerFast,
)

from footage.core.types import Frames
from footage.vlm import load_model
from footage.vlm.protocol import Prompt
from tests.tiny_weights import drawn

TEXT_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VISION_TOKENS = (
    "<im_start>",
    "<im_end>",
    "<im_patch>",
    "<im_col>",
    "<low_res_im_start>",
    "<|image|>",
    "<im_low>",
    "<frame_start>",
    "<frame_end>",
    "<|video|>",
)
"""Read and never written: they lie past the end of what the model's head knows."""

CHAT_TEMPLATE = (
    "{%- set seen = namespace(images=0, videos=0) %}"
    "{%- for message in messages %}{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{%- set seen.images = seen.images + 1 %}"
    "{%- elif part.type == 'video' %}{%- set seen.videos = seen.videos + 1 %}{%- endif %}"
    "{%- endfor %}{%- endfor %}"
    "{%- if seen.images == 1 %}{{ '<|image|>' }}"
    "{%- else %}{%- for n in range(seen.images) %}{{ 'Image ' ~ (n + 1) ~ '<|image|>' }}{%- endfor %}"
    "{%- endif %}"
    "{%- for n in range(seen.videos) %}{{ '<|video|>' }}{%- endfor %}"
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- for part in message.content %}{%- if part.type == 'text' %}{{ part.text }}{%- endif %}{%- endfor %}"
    "{{ '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""What the released template makes of a turn: pictures first, numbered when there are several, then words."""

SIDE, PATCH = 56, 14
"""Side of what the vision tower sees, and of its patches, in pixels."""
LAYERS = 3
"""Layers that the vision tower has weights for; the config claims two more, as the released one does."""


def write_tiny_model(folder: Path, *, native: bool = False, seed: int = 0) -> Path:
    """Writes config, safetensors, tokenizer, processor, template and generation config into ``folder``.

    Args:
        folder: made when missing.
        native: as transformers saves it, not as the hub has it.
        seed: of the weights.
    """
    tokenizer = tiny_tokenizer()
    pixels = {"size": {"height": SIDE, "width": SIDE}, "patch_size": PATCH}
    pixels |= {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    processor = Molmo2Processor(
        image_processor=Molmo2ImageProcessor(
            **pixels, max_crops=4, overlap_margins=[1, 1], pooling_size=[2, 2]
        ),
        video_processor=Molmo2VideoProcessor(**pixels, pooling_size=[2, 2], num_frames=384, max_fps=2.0),
        tokenizer=tokenizer,
        chat_template=CHAT_TEMPLATE,
        use_single_crop_col_tokens=False,
        use_frame_special_tokens=False,
    )
    model = tiny_model(tokenizer, seed=seed)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder, save_original_format=not native)
    processor.save_pretrained(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["auto_map"] = {"AutoModelForImageTextToText": "modeling_molmo2.Molmo2ForConditionalGeneration"}
    if not native:
        vision, adapter = config.pop("vision_config"), config["adapter_config"]
        vision["num_hidden_layers"] = LAYERS + 2
        vision["image_default_input_size"] = vision.pop("image_size")
        vision["image_patch_size"] = vision.pop("patch_size")
        vision["image_num_pos"] = vision.pop("num_position_embeddings")
        vision["model_type"] = adapter["model_type"] = "molmo2"
        adapter.pop("vision_feature_layer")
        adapter["vit_layers"] = [-3, -4]
        config["vit_config"] = vision
        text = config["text_config"]
        text["rope_theta"] = text.pop("rope_parameters")["rope_theta"]
        text |= {"rope_scaling": None, "rope_scaling_layers": None, "use_qk_norm": True}
        text["layer_norm_eps"], text["qkv_bias"] = text.pop("rms_norm_eps"), text.pop("attention_bias")
        _split_processor_config(folder)
    path.write_text(json.dumps(config, indent=2))
    (folder / "modeling_molmo2.py").write_text('raise RuntimeError("code from a checkpoint was executed")\n')
    return folder


def teach(folder: Path, lessons: Sequence[tuple[Frames | list[Frames], str | Prompt, str]]) -> Path:
    """Teaches a model of ``write_tiny_model`` what to answer when it is shown and asked something.

    Args:
        folder: the model; its weights are replaced. Takes seconds.
        lessons: frames, or several pictures, a prompt and the answer, byte for byte.
    """
    taught = load_model(str(folder))
    model, tokenizer = taught._model.train(), taught._tokenizer
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    turns = [
        (
            (taught.prepare_pictures(seen) if isinstance(seen, list) else taught.prepare(seen)).payload,
            prompt if isinstance(prompt, Prompt) else Prompt("ask", prompt, 1),
            answer,
        )
        for seen, prompt, answer in lessons
    ]
    for _ in range(400):
        losses = []
        for turn, prompt, answer in turns:
            before, words = (
                tokenizer(text, add_special_tokens=False)["input_ids"]
                for text in (prompt.subtitles, prompt.text)
            )
            asked = [*before, *turn.opening[0].tolist(), *words, *taught._tail_ids]
            said = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
            rest = torch.tensor([asked + said])
            logits = model(
                input_ids=torch.cat([turn.ids, rest], dim=1),
                mm_token_type_ids=torch.cat([turn.kinds, torch.zeros_like(rest)], dim=1),
                **turn.seen,
            ).logits[0, -len(said) - 1 : -1]
            losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(said)))
        loss = torch.stack(losses).max()
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()
        if loss.item() < 0.01:
            break
    model.eval().save_pretrained(folder)
    return folder


def _split_processor_config(folder: Path) -> None:
    """One file for each part of the processor, with the names and the extras of the hub's."""
    path = folder / "processor_config.json"
    config = json.loads(path.read_text())
    image, video = config.pop("image_processor"), config.pop("video_processor")
    image["auto_map"] = {"AutoImageProcessor": "image_processing_molmo2.Molmo2ImageProcessor"}
    video["auto_map"] = {"AutoVideoProcessor": "video_processing_molmo2.Molmo2VideoProcessor"}
    video |= {
        "frame_sample_mode": "uniform_last_frame",
        "sampling_fps": 2,
        "fps": None,
        "do_center_crop": None,
    }
    config["auto_map"] = {"AutoProcessor": "processing_molmo2.Molmo2Processor"}
    names = ("preprocessor_config.json", "video_preprocessor_config.json", "processor_config.json")
    for name, part in zip(names, (image, video, config), strict=True):
        part["processor_class"] = "Molmo2Processor"
        (folder / name).write_text(json.dumps(part, indent=2))


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Single bytes and Molmo2's special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in (*TEXT_TOKENS, *VISION_TOKENS)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|im_end|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )


def tiny_model(tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Molmo2ForConditionalGeneration:
    """Some 100,000 random weights, large enough that what is seen and asked changes the answer."""
    ids = tokenizer.convert_tokens_to_ids
    config = Molmo2Config(
        text_config={
            "vocab_size": len(tokenizer) - len(VISION_TOKENS),
            "additional_vocab_size": len(VISION_TOKENS),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 16,
            "max_position_embeddings": 4096,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5e6},
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "image_size": [SIDE, SIDE],
            "patch_size": PATCH,
        },
        adapter_config={
            "vision_feature_layer": [2, 1],
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "text_hidden_size": 32,
        },
        image_start_token_id=ids("<im_start>"),
        low_res_image_start_token_id=ids("<low_res_im_start>"),
        image_end_token_id=ids("<im_end>"),
        image_patch_id=ids("<im_patch>"),
        frame_start_token_id=ids("<frame_start>"),
        frame_end_token_id=ids("<frame_end>"),
        tie_word_embeddings=False,
    )
    return drawn(Molmo2ForConditionalGeneration, config, seed=seed)
