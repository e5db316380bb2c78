"""The demo find model: its tokens, its questions with answers of several spans, and their loss.

Knows how questions and answers are written; knows nothing of schedules, optimisers or files of weights.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import AddedToken
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen3_5ForConditionalGeneration, Qwen3VLProcessor

from demo_training.forward import BranchingCache, Question, Runner
from demo_training.windows import Sample
from footage.synthetic import clips
from footage.vlm import contract
from footage.vlm.profile import Profile
from footage.vlm.profiles import get_profile

MARKS = ("[[", "], [", "]]", "[]")
"""Single tokens, so that "no span", "one more span" and "no more" are one decision each."""
ABSENT, NEAR, FOREIGN = 0.4, 0.75, 0.1
"""Share of questions about what does not happen; of those, the share one detail apart from something that
does, and the share about things that are never drawn."""
ELSEWHERE = tuple(
    f"a {who} {does}"
    for who in ("cat", "bird", "woman", "truck", "bicycle", "chair", "robot", "horse")
    for does in ("sings a song", "falls over", "eats something", "opens a window", "swims", "is painted")
)
"""Things that are never drawn."""
NEAR_TENTHS = 5
"""A number counts as right in the log up to this many tenths of a second off."""


def add_find_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    """Append single tokens for the two halves of the find prompt and the marks of answers; old ids stay."""
    halves = get_profile("demo-find").find_template.split("{event}")
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in (*halves, *MARKS)])


def widen(model: Qwen3_5ForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, old: int) -> None:
    """Give the model rows for tokens from number ``old`` on, small and random as at the start of training."""
    model.resize_token_embeddings(math.ceil(len(tokenizer) / 8) * 8)
    with torch.no_grad():
        model.get_input_embeddings().weight[old:].normal_(std=0.05)
    model.tie_weights()


def find_answer(spans: Sequence[tuple[float, float]]) -> str:
    """Spans as a JSON array, by start; "[]" for none."""
    return "[" + ", ".join(f"[{start:.1f}, {end:.1f}]" for start, end in sorted(spans)) + "]"


def find_questions(
    window: int, sample: Sample, rng: random.Random, finds: int, profile: Profile
) -> Iterator[Question]:
    """``finds`` questions, about what happens and what does not, for the window in this row of a batch.

    Nothing is asked about what the window shows for less than half a second.
    """
    spans: dict[str, list[tuple[float, float]]] = {}
    events: dict[str, clips.SyntheticEvent] = {}
    for event, start, end in sample.events:
        spans.setdefault(event.sentence, []).append((start, end))
        events.setdefault(event.sentence, event)
    present = [sentence for sentence in events if sentence not in sample.unclear]
    often = [sentence for sentence in present if len(spans[sentence]) > 1]
    numpy_rng = np.random.default_rng(rng.getrandbits(32))
    for _ in range(finds):
        asked: clips.SyntheticEvent | None = None
        if present and rng.random() >= ABSENT:
            asked = events[rng.choice(often if often and rng.random() < 0.5 else present)]
        elif rng.random() >= FOREIGN:
            asked = _absent(sample, events, rng)
        text = rng.choice(ELSEWHERE) if asked is None else _worded(asked, rng, numpy_rng)
        answer = find_answer(spans.get(asked.sentence, ()) if asked else ())
        yield Question(window, contract.find_prompt(text, profile).text, answer, asked)


def _absent(
    sample: Sample, events: dict[str, clips.SyntheticEvent], rng: random.Random
) -> clips.SyntheticEvent:
    """Something drawable that the window does not show, mostly one detail apart from what it does."""
    shown = {*events, *sample.unclear}
    for _ in range(50):
        kind, colour, verb, where = rng.choice(clips.ALL_EVENTS)
        if events and rng.random() < NEAR:
            near = rng.choice(list(events.values()))
            if rng.random() < 0.5:
                kind, verb, where = near.kind, near.verb, near.where
            else:
                places = clips.DIRECTIONS if near.crosses else clips.PLACES
                kind, colour, verb, where = near.kind, near.colour, near.verb, rng.choice(places)
        event = clips.SyntheticEvent(kind, colour, verb, where, 0.0, 1.0, 0)
        if event.sentence not in shown:
            return event
    raise AssertionError("every event happens in one window")


def _worded(event: clips.SyntheticEvent, rng: random.Random, numpy_rng: np.random.Generator) -> str:
    """An event as a query may word it."""
    plain = event.sentence.removesuffix(".")
    wording = rng.choice([event.sentence, plain, plain[0].lower() + plain[1:], None, None, None])
    return wording or clips.paraphrase(event, numpy_rng)


class FindRunner(Runner):
    """Finds only, with a vision tower that stays as it is."""

    def __init__(self, model: Qwen3_5ForConditionalGeneration, processor: Qwen3VLProcessor) -> None:
        super().__init__(model, processor, hint_weight=0.0)
        self.profile = get_profile("demo-find")
        self.heavy = {*self.number_ids, *self.tokenizer.convert_tokens_to_ids(list(MARKS))}
        """Ids that weigh more in the loss: numbers and marks."""

    def loss(
        self, samples: Sequence[Sample], rng: random.Random, *, finds: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Mean loss over the answers of one batch, numbers and marks weighted ``HEAVY``."""
        with torch.no_grad():
            pictures = self.see(samples)
        cache, position, _ = self.prefill(samples, pictures)
        asked = [
            question
            for row, sample in enumerate(samples)
            for question in find_questions(row, sample, rng, finds, self.profile)
        ]
        return self.find_loss(asked, cache, position)

    def find_loss(
        self, asked: Sequence[Question], cache: BranchingCache, position: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of questions, each continuing its own video; with the share of answers that are right."""
        batch = self.encode(asked, heavy=self.heavy)
        hidden = self.follow(batch, asked, cache, position)
        answered = batch.weights[:, 1:] > 0
        targets = batch.ids[:, 1:][answered]
        logits = self.model.lm_head(hidden[:, :-1][answered]).float()
        losses = F.cross_entropy(logits, targets, reduction="none")
        guess = logits.detach().argmax(-1)
        first, last = self.number_ids.start, self.number_ids.stop
        near = (
            (guess - targets).abs().le(NEAR_TENTHS) & (targets >= first) & (guess >= first) & (guess < last)
        )
        wrong = torch.zeros(answered.shape, dtype=torch.bool)
        wrong[answered] = (guess != targets) & ~near
        right = ~wrong.any(1)
        counts = [question.answer.count("[") - 1 for question in asked]
        figures = {
            name: float(right[rows].float().mean())
            if (rows := [n for n, c in enumerate(counts) if keep(c)])
            else math.nan
            for name, keep in (
                ("right none", lambda c: c == 0),
                ("right one", lambda c: c == 1),
                ("right several", lambda c: c > 1),
            )
        }
        numbers = (targets >= first) & (targets < last)
        each = losses.detach()
        figures |= {"marks": each[~numbers].mean().item(), "numbers": each[numbers].mean().item()}
        return (losses * batch.weights[:, 1:][answered]).sum(), figures
