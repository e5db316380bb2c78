"""Text models of a few random numbers, written to a folder as real ones are."""

from __future__ import annotations

import string
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

PROMPTS = {"query": "query: ", "document": "passage: "}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LETTERS = string.ascii_lowercase + string.digits
_WORDS = ("query", "passage", "a", "red", "green", "car", "dog", "runs", "stops", ":", ".")


def write_embedder(folder: Path, *, prompts: dict[str, str], default: str | None = None) -> Path:
    """A sentence-transformers model of 16 numbers a text; ``default`` names its prompt for any text."""
    bare = folder / "bare"
    _write(bare, BertModel)
    model = SentenceTransformer(
        str(bare), device="cpu", local_files_only=True, prompts=prompts, default_prompt_name=default
    )
    model.save(str(folder / "embedder"))
    return folder / "embedder"


def write_cross_encoder(folder: Path, *, figures: int = 1) -> Path:
    """A cross-encoder that gives so many figures for two texts."""
    _write(folder / "cross-encoder", BertForSequenceClassification, num_labels=figures)
    return folder / "cross-encoder"


def _write(folder: Path, kind: type, **options: int) -> None:
    """A Bert of 16 dimensions and its word pieces: some words, and letters for all others."""
    pieces = dict.fromkeys((*_SPECIAL, *_WORDS, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)))
    vocabulary = {piece: n for n, piece in enumerate(pieces)}
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.3,
        **options,
    )
    kind(config).save_pretrained(folder)
    BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
