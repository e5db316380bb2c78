"""Which requests to a Qwen model are answered together, and how much is kept; runs no model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from footage.vlm.backends.qwen_window import QwenWindow
from footage.vlm.protocol import Prompt

PROMPT_TOKENS_APART = 16
"""Largest difference in length of the prompts of one batch: the rest of a longer one is read a token at a
time."""
LONG_PROMPT_TOKENS = 128
"""Longer prompts, such as those with a draft in them, share a batch whatever their lengths: the part of each
beyond the shortest is read beforehand, by itself."""
SMALL_PARAMETERS = 100_000_000
"""A model below this size answers within seconds on a CPU."""


@dataclass(frozen=True, slots=True)
class QwenRequest:
    """One prompt about one window, tokenised."""

    window: QwenWindow
    """The window."""
    ids: list[int]
    """Tokens after the video."""
    prompt: Prompt
    """The prompt."""

    @property
    def tokens(self) -> int:
        """Most tokens of window, prompt and answer together."""
        return len(self.window.ids) + len(self.ids) + self.prompt.max_new_tokens


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """How much is computed and kept at once."""

    rows: int
    """Most answers written together."""
    tokens: int
    """Most tokens, windows', prompts' and answers', in a batch of answers."""
    prefill_tokens: int
    """Most tokens of windows read in together."""
    kept_bytes: int
    """Window states on an accelerator."""
    kept_memory_bytes: int
    """Window states in main memory."""


def bounds_for(model: Any, place: torch.device, *, memory_bytes: int | None = None) -> BatchBounds:
    """The bounds for a device: a GPU reads its weights once for all rows, a CPU gains little from many.

    A fifth of a GPU's memory is for the answers being written and another for kept states; of main memory a
    gigabyte is for either.

    Args:
        model: Of transformers.
        place: Its device.
        memory_bytes: A GPU's memory; None for all that it has.
    """
    text = model.config.text_config
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * text.num_hidden_layers
    full = sum(kind == "full_attention" for kind in kinds)
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    token_bytes = 2 * full * text.num_key_value_heads * head_dim * model.dtype.itemsize
    if place.type == "cuda":
        share = (memory_bytes or torch.cuda.get_device_properties(place).total_memory) // 5
        return BatchBounds(64, share // token_bytes, 32_768, share, 2 << 30)
    rows = 32 if model.num_parameters() < SMALL_PARAMETERS else 2  # minutes a window: each is worth keeping
    return BatchBounds(rows, (1 << 30) // token_bytes, 8_192, 1 << 30, 1 << 30)


def of_like_prompts(requests: Sequence[QwenRequest]) -> Iterator[list[int]]:
    """Numbers of requests whose prompts are of like length, or all long; in each, longest answers first."""
    pending = sorted(range(len(requests)), key=lambda n: -len(requests[n].ids))
    while pending:
        least = min(len(requests[pending[0]].ids) - PROMPT_TOKENS_APART, LONG_PROMPT_TOKENS)
        group = [n for n in pending if len(requests[n].ids) >= least]
        pending = pending[len(group) :]
        yield sorted(group, key=lambda n: (-requests[n].prompt.max_new_tokens, -requests[n].tokens, n))
