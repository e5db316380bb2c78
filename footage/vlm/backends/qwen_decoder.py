"""The language model of a Qwen checkpoint: continues states with tokens, writes answers; sees no picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from footage.vlm.batching import end_ids
from footage.vlm.generation import AnswerDraft
from footage.vlm.kv_cache import State, merge, split


class QwenDecoder:
    """Base of the Qwen models: everything after the vision tower. One thread at a time may use it."""

    def __init__(self, model: Any, tokenizer: Any, *, stop_ids: Collection[int] | None = None) -> None:
        """Serve a loaded model.

        Args:
            model: Of transformers, on its device.
            tokenizer: Of the checkpoint.
            stop_ids: Tokens that end an answer; None for the checkpoint's own, none for answers that are all
                as long as their prompt allows.
        """
        self._model, self._tokenizer = model, tokenizer
        own = end_ids(model, tokenizer)
        self._end_ids = own if stop_ids is None else stop_ids
        pad = tokenizer.pad_token_id
        self._pad_id = own[0] if pad is None else pad

    def _ahead(self, state: State, ids: list[int]) -> State:
        """A state continued by some tokens; the given one stays unchanged."""
        if not ids:
            return state
        cache, _ = merge([state], self._text_config, room=len(ids))
        tokens = torch.tensor([ids], device=self._model.device)
        self._read(tokens, cache, None, self._positions([state], len(ids)))
        return split(cache, [state.length + len(ids)], [state.offset])[0]

    def _write(
        self,
        going: list[AnswerDraft],
        logits: Tensor,
        cache: DynamicCache,
        mask: Tensor | None,
        positions: Tensor,
        used: int,
    ) -> None:
        """Write every answer to its end; finished rows leave the batch once half of them are finished.

        Args:
            going: The answers.
            logits: After what was read, (rows, vocabulary).
            cache: What was read, with room for the rest.
            mask: Of all the cache's room; None where no row is padded.
            positions: Of the next token of each row, (4, rows, 1).
            used: Tokens in the cache, pads among them.
        """
        while True:
            # 1. Take the likeliest tokens and their probabilities.
            best, tokens = logits.float().log_softmax(-1).max(-1)
            likeliest = zip(going, tokens.tolist(), best.tolist(), strict=True)
            chosen = [
                draft.take(token, logprob, logits[n]) for n, (draft, token, logprob) in enumerate(likeliest)
            ]
            left = [n for n, draft in enumerate(going) if not draft.finished]
            if not left:
                return
            # 2. Drop the rows that are finished, once they are half.
            if 2 * len(left) <= len(going):
                rows = torch.tensor(left, device=positions.device)
                cache.reorder_cache(rows)
                mask, positions = mask if mask is None else mask[rows], positions[:, rows]
                going, chosen = [going[n] for n in left], [chosen[n] for n in left]
            # 3. Read the chosen tokens.
            ids = torch.tensor(chosen, device=positions.device)[:, None]
            used += 1
            logits = self._read(ids, cache, up_to(mask, used), positions)
            positions = positions + 1

    def _read(self, ids: Tensor, cache: DynamicCache, mask: Tensor | None, positions: Tensor) -> Tensor:
        """Continue a cache with some tokens a row, (rows, tokens); the logits after the last of them."""
        return self._forward(self._model.get_input_embeddings()(ids), cache, mask, positions)

    def _forward(
        self,
        embeds: Tensor,
        cache: DynamicCache,
        mask: Tensor | None,
        positions: Tensor,
        **deepstack: Any,
    ) -> Tensor:
        """Run the language model alone: the module around it would take positions from the last video it saw.

        Args:
            embeds: (rows, tokens, hidden).
            cache: What came before; these tokens are added to it.
            mask: (rows, tokens before and now), 0 where a row is padded; None where none is.
            positions: (4, rows, tokens): the number in the row, then time, height and width of M-RoPE.
            deepstack: For a model with DeepStack, when these tokens are a video's: "visual_pos_masks", bool
                (rows, tokens), and "deepstack_visual_embeds", for each of the first layers (video tokens,
                hidden).

        Returns:
            The logits after the last token, (rows, vocabulary).
        """
        hidden = self._model.model.language_model(
            inputs_embeds=embeds,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            **deepstack,
        ).last_hidden_state
        logits: Tensor = self._model.lm_head(hidden[:, -1])
        return logits

    def _positions(self, states: Sequence[State], count: int) -> Tensor:
        """Positions of the next tokens of some rows, (4, rows, count)."""
        starts = torch.tensor([[state.length, *[state.length + state.offset] * 3] for state in states]).T
        return (starts[..., None] + torch.arange(count)).to(self._model.device)

    def _spell(self, tokens: list[int]) -> str:
        """The text of tokens."""
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    @property
    def _text_config(self) -> Any:
        return self._model.config.text_config


def up_to(mask: Tensor | None, used: int) -> Tensor | None:
    """The part of a cache's mask that is in use."""
    return None if mask is None else mask[:, :used]
