"""Image-text models of a few random numbers, written to a folder in the form of the real repositories."""

from __future__ import annotations

import json
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tiny_qwen3vl import write_tiny_model
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipProcessor,
)

from tests.tiny_weights import drawn

PROMPTS = {"query": "Retrieve pictures of this.", "document": "Represent this."}
_CHAT_TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{ message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{ part.text }}{%- endif %}{%- endfor %}{%- endif %}{{ '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)
_TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_VISION = {**_TEXT, "image_size": 32, "patch_size": 16}


def _tokenizer(*, lower: bool) -> PreTrainedTokenizerFast:
    """Single characters, so that every text has tokens of its own."""
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = {piece: n for n, piece in enumerate(("<pad>", "<unk>", "<x>", "<bos>", "<eos>", *letters))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 3), ("<eos>", 4)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"] if lower else ["input_ids"],
    )


def write_clip(folder: Path, *, seed: int = 0) -> Path:
    """Files as in openai/clip-vit-base-patch32: no word of sentence-transformers."""
    config = CLIPConfig(
        text_config={
            **_TEXT,
            "vocab_size": 100,
            "max_position_embeddings": 24,
            "bos_token_id": 3,
            "eos_token_id": 4,
            "pad_token_id": 0,
        },
        vision_config=_VISION,
        projection_dim=24,
    )
    drawn(CLIPModel, config, seed=seed).save_pretrained(folder)
    square = {"height": 32, "width": 32}
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=square)
    CLIPProcessor(image_processor=pictures, tokenizer=_tokenizer(lower=True)).save_pretrained(folder)
    return folder


def write_siglip(folder: Path, *, seed: int = 0) -> Path:
    """Files as in google/siglip2-base-patch16-224, which has the classes of the first SigLIP."""
    config = SiglipConfig(
        text_config={**_TEXT, "vocab_size": 100, "max_position_embeddings": 24, "projection_size": 32},
        vision_config=_VISION,
    )
    drawn(SiglipModel, config, seed=seed).save_pretrained(folder)
    pictures = SiglipImageProcessor(size={"height": 32, "width": 32})
    SiglipProcessor(image_processor=pictures, tokenizer=_tokenizer(lower=False)).save_pretrained(folder)
    return folder


def write_qwen3_vl_bare(folder: Path, *, seed: int = 0) -> Path:
    """Files as in Qwen/Qwen3-VL-2B-Instruct: a language model that sees, and no embedder."""
    write_tiny_model(folder, seed=seed)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": _CHAT_TEMPLATE}))
    return folder


def write_qwen3_vl_embedding(folder: Path, *, seed: int = 0) -> Path:
    """Files as in Qwen/Qwen3-VL-Embedding-2B: the state of the last token, and instructions."""
    bare = write_qwen3_vl_bare(folder / "bare", seed=seed)
    first = Transformer(str(bare), model_kwargs={"dtype": "float32"})
    size = first.config.text_config.hidden_size
    whole = SentenceTransformer(
        modules=[first, Pooling(size, pooling_mode="lasttoken"), Normalize()], prompts=PROMPTS, device="cpu"
    )
    whole.save(str(folder / "embedder"))
    return folder / "embedder"
