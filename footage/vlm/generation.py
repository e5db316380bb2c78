"""One answer while it is written: which token comes next, and when it is whole; runs no model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor
from transformers import RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopPLogitsWarper

from footage.core.types import Answer, FinishReason
from footage.vlm import contract
from footage.vlm.protocol import Prompt
from footage.vlm.sampling import LIKELIEST

Spell = Callable[[list[int]], str]
"""Decodes tokens."""


class AnswerDraft:
    """One prompt's answer so far: the likeliest tokens, or drawn ones where the prompt has a temperature."""

    def __init__(
        self, prompt: Prompt, *, end_ids: Collection[int], spell: Spell, unread: Sequence[int] = ()
    ) -> None:
        """Begin.

        Args:
            prompt: The prompt.
            end_ids: Tokens that end an answer.
            spell: Decodes tokens.
            unread: Tokens of the prompt that are still to be read before the answer begins.
        """
        self.finished = False
        self._prompt = prompt
        self._end_ids = end_ids
        self._spell = spell
        self._tokens: list[int] = []
        self._logprobs: list[float] = []
        self._unread = list(unread)
        self._drawing = torch.Generator().manual_seed(prompt.sampling.seed)

    def take(self, likeliest: int, logprob: float, logits: Tensor) -> int:
        """Choose the next token, of the prompt or the answer; a finished answer no longer grows.

        Args:
            likeliest: The token with the largest logit.
            logprob: Natural log of its probability.
            logits: Of every token, (vocabulary,).
        """
        if self._unread:
            return self._unread.pop(0)
        token = likeliest if self._prompt.sampling == LIKELIEST else self._draw(logits)
        if self.finished:
            return token
        self._tokens.append(token)
        self._logprobs.append(logprob)
        self.finished = (
            token in self._end_ids
            or len(self._tokens) == self._prompt.max_new_tokens
            # To spell all tokens takes longer than to spell one.
            or (
                contract.may_end(self._prompt, self._spell([token]))
                and contract.is_whole(self._prompt, self._spell(self._tokens))
            )
        )
        return token

    @property
    def written(self) -> int:
        """Tokens of the answer so far."""
        return len(self._tokens)

    def answer(self) -> Answer:
        """The answer, up to and with the end token."""
        ended = self._tokens[-1] in self._end_ids
        tokens = self._tokens[:-1] if ended else self._tokens
        raw = self._spell(tokens)
        stopped = ended or contract.is_whole(self._prompt, raw)
        reason: FinishReason = "stop" if stopped else "length"
        if (
            self._prompt.sampling != LIKELIEST
        ):  # drawn tokens have no log-probabilities here: those noted are of the likeliest
            return Answer(raw, reason)
        spelled = [self._spell([token]) for token in tokens]
        return Answer(raw, reason, tuple(self._logprobs), (*spelled, *([""] if ended else [])))

    def _draw(self, logits: Tensor) -> int:
        sampling, scores = self._prompt.sampling, logits.float()[None].cpu()
        if sampling.repetition_penalty != 1:  # of the answer's own tokens: a question may be repeated
            penalise = RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)
            scores = penalise(torch.tensor([self._tokens], dtype=torch.int64), scores)
        if sampling.temperature == 0:
            return int(scores.argmax())
        for warp in (TemperatureLogitsWarper(sampling.temperature), TopPLogitsWarper(sampling.top_p)):
            scores = warp(None, scores)
        return int(torch.multinomial(scores.softmax(-1), 1, generator=self._drawing))
