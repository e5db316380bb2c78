"""What the states halfway up the language model should tell: losses that help to train, thrown away after.

Looking up a time, and then what is seen at that time, are lookups in two steps; with the language loss alone
neither forms in hours. The hints say what each state should hold; the upper half then only has to match them.
Knows windows and states; knows nothing of prompts or of the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from demo_training.folder import LARGEST_NUMBER, TOKENS_PER_PAIR
from demo_training.windows import Sample
from footage.synthetic import clips

WORDS = sorted({word for event in clips.ALL_EVENTS for word in (*event[:3], event[3].split()[-1])})
"""The words for what is to be seen: kinds, colours, what they do, and where they are or go."""
NONE = -100
"""No target, as in torch's cross_entropy."""


def words_of(event: clips.SyntheticEvent) -> list[int]:
    """The columns of WORDS that say this event."""
    return [WORDS.index(w) for w in (event.kind, event.colour, event.verb, event.where.split()[-1])]


def number_of(seconds: float) -> int:
    """Which of the numbers 0.0, 0.1, ... writes this time."""
    return round(10 * float(f"{seconds:.1f}"))


class Hints(nn.Module):
    """Projections of states halfway up, scored against the embeddings of words and numbers."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        names = ("begun words", "begun at", "ended words", "ended at", "carried", "wanted")
        self.project = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in names})
        for projection in self.project.values():
            nn.init.eye_(projection.weight)
        self.rarity = nn.Parameter(torch.full((2,), -3.0))
        self.edges = nn.Linear(TOKENS_PER_PAIR * hidden, 4)

    def pictures(
        self, states: Tensor, samples: Sequence[Sample], words: Tensor, numbers: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of the video tokens' states.

        Each token should name the stamp of its pair; each pair what is seen in it, whether something came or
        went, and, where it did, the words for it and the time.

        Args:
            states: (windows * pairs * 6, hidden), normalised.
            samples: The windows.
            words: Embeddings of WORDS, (words, hidden).
            numbers: Embeddings of 0.0, 0.1, ..., (330, hidden).
        """
        target = _Targets(samples)
        pooled = states.view(-1, TOKENS_PER_PAIR, states.shape[-1]).mean(1)
        losses = {
            "stamps": F.cross_entropy(states @ numbers.T, target.stamps.repeat_interleave(TOKENS_PER_PAIR))
        }
        edges = self.edges(states.view(-1, self.edges.in_features))
        losses["edges"] = F.binary_cross_entropy_with_logits(
            edges, target.edges, pos_weight=torch.tensor(4.0)
        )
        losses["seen"] = _bag_loss(pooled @ words.T, target.seen)
        for row, (name, said, at) in enumerate(
            (("begun", target.begun, target.begun_at), ("ended", target.ended, target.ended_at))
        ):
            logits = self.project[name + " words"](pooled) @ words.T + self.rarity[row]
            losses[name + " words"] = (
                F.binary_cross_entropy_with_logits(logits, said, reduction="none").sum(1).mean()
            )
            there = at != NONE
            losses[name + " at"] = (
                F.cross_entropy(self.project[name + " at"](pooled[there]) @ numbers.T, at[there])
                if there.any()
                else pooled.sum() * 0
            )
        weights = {"stamps": 0.3, "edges": 0.5, "seen": 0.3}
        total = torch.stack([weights.get(name, 0.2) * loss for name, loss in losses.items()]).sum()
        return total, {name: loss.item() for name, loss in losses.items()}

    def answers(
        self, states: Tensor, carried: Tensor, wanted: Tensor, words: Tensor, numbers: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of the answers' states: the time they speak of, and what was asked for.

        Args:
            states: (rows, length, hidden), normalised.
            carried: The last start time written, as its number, or NONE; (rows, length).
            wanted: 1 for the words of the event asked for, where the answer is; (rows, length, words).
            words: Embeddings of WORDS, (words, hidden).
            numbers: Embeddings of 0.0, 0.1, ..., (330, hidden).
        """
        total, figures = states.sum() * 0, {}
        there = carried != NONE
        if there.any():
            loss = F.cross_entropy(self.project["carried"](states[there]) @ numbers.T, carried[there])
            total, figures["carried"] = total + 0.2 * loss, loss.item()
        asking = wanted.sum(-1) > 0
        if asking.any():
            loss = _bag_loss(self.project["wanted"](states[asking]) @ words.T, wanted[asking])
            total, figures["wanted"] = total + 0.3 * loss, loss.item()
        return total, figures


class _Targets:
    """What each pair of frames should tell, for windows * pairs rows."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        pairs = len(samples[0].frames) // 2
        shape = (len(samples), pairs)
        stamps = torch.tensor([[number_of(stamp) for stamp in s.stamps] for s in samples])
        assert int(stamps.max()) <= LARGEST_NUMBER
        seen, begun, ended = (torch.zeros(*shape, len(WORDS)) for _ in range(3))
        begun_at, ended_at = (torch.full(shape, NONE) for _ in range(2))
        edges = torch.zeros(*shape, 4)
        for row, sample in enumerate(samples):
            for event, start, end in sample.events:
                frames = [i for i, ms in enumerate(sample.milliseconds) if start <= ms / 1000 < end]
                if not frames:
                    continue
                columns, lane = words_of(event), 0 if event.lane == "far" else 2
                first, gone = frames[0], frames[-1] + 1
                for index in frames:
                    seen[row, index // 2, columns] = 1
                # What enters from the side shows a sliver at first: the pair after it tells what it is.
                result, over = min((first + 2) // 2, frames[-1] // 2), min(gone // 2, pairs - 1)
                begun[row, result, columns] = 1
                begun_at[row, result] = number_of(start)
                ended[row, over, columns] = 1
                ended_at[row, over] = number_of(end)
                if first > 0:
                    edges[row, first // 2, lane] = 1
                if gone < len(sample.frames):
                    edges[row, gone // 2, lane + 1] = 1
        self.stamps, self.begun_at, self.ended_at = stamps.flatten(), begun_at.flatten(), ended_at.flatten()
        self.seen, self.begun, self.ended, self.edges = (x.flatten(0, 1) for x in (seen, begun, ended, edges))


def _bag_loss(logits: Tensor, bags: Tensor) -> Tensor:
    """Cross entropy with equal shares for the words of each bag; rows without a word do not count."""
    result = bags.sum(1) > 0
    if not result.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[result], bags[result] / bags[result].sum(1, keepdim=True))
