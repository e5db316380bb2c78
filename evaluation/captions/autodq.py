"""The arithmetic of AutoDQ (Wang et al., 2024, "Tarsier", the measure of DREAM-1K) and of CapST; pure.

Per clip, recall is the share of the reference's claims that the caption entails, and precision the share of
the caption's claims that the reference entails; a side without claims gets 1. Per category, recall and
precision are the means over its clips, and F1 is their harmonic mean: not the mean of the clips' F1. The
figures over all are those of the unweighted means over the categories. CapST (Xu et al., 2025, "CaReBench")
is the same for events and for objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evaluation.captions.relations import (
    RELATIONS,
    RULINGS,
    Basis,
    JudgedClip,
    JudgedItem,
    Side,
)
from evaluation.intervals import DRAWS, FigureInterval, bootstrap

NO_RULING = "no ruling"
"""Column of the claims about which no video judge could say anything."""


@dataclass(frozen=True, slots=True)
class CaptionScores:
    """Recall, precision and F1, as shares."""

    recall: float
    """Share of the reference that the captions say, 0 to 1."""
    precision: float
    """Share of the captions that is right, 0 to 1."""

    @property
    def f1(self) -> float:
        """Harmonic mean of both; 0 where both are 0."""
        total = self.recall + self.precision
        return 2 * self.recall * self.precision / total if total else 0.0


def clip_scores(clip: JudgedClip, basis: Basis = "text") -> CaptionScores:
    """The figures of one clip.

    On the basis of the video, a claim of the caption is right where the video supports it and wrong where the
    video contradicts it; claims of the reference that the video contradicts are left out of recall, which is
    still a matter of what the caption says.
    """
    reference: Iterable[JudgedItem] = clip.reference
    if basis == "video":
        reference = (item for item in reference if item.ruling != "contradicted")
    return CaptionScores(
        _share(item.is_right("text") for item in reference),
        _share(item.is_right(basis) for item in clip.predicted),
    )


def category_scores(clips: Sequence[JudgedClip], basis: Basis = "text") -> dict[str, CaptionScores]:
    """The figures of each category, by name, in the order of the names; clips with a problem are left out."""
    by_category: dict[str, list[CaptionScores]] = {}
    for clip in clips:
        if not clip.problem:
            by_category.setdefault(clip.category, []).append(clip_scores(clip, basis))
    return {name: _mean(by_category[name]) for name in sorted(by_category)}


def overall_scores(clips: Sequence[JudgedClip], basis: Basis = "text") -> CaptionScores | None:
    """The figures over all categories; None where no clip could be judged."""
    categories = category_scores(clips, basis)
    return _mean(list(categories.values())) if categories else None


def overall_intervals(
    clips: Sequence[JudgedClip], basis: Basis = "text", *, draws: int = DRAWS, seed: int = 0
) -> dict[str, FigureInterval]:
    """F1, recall and precision over all categories with their bootstrap intervals over clips.

    Clips are drawn from all categories together; a draw without a category leaves that category out.

    Raises:
        ValueError: when no clip could be judged.
    """
    scored = [(clip.category, clip_scores(clip, basis)) for clip in clips if not clip.problem]

    def figure(read: Callable[[CaptionScores], float]) -> FigureInterval:
        return bootstrap(scored, lambda drawn: read(_over_categories(drawn)), draws=draws, seed=seed)

    return {
        "f1": figure(lambda scores: scores.f1),
        "recall": figure(lambda scores: scores.recall),
        "precision": figure(lambda scores: scores.precision),
    }


def relation_shares(clips: Sequence[JudgedClip], side: Side) -> dict[str, float]:
    """Share of each relation among all claims of one side, 0 to 1; empty where there are no claims."""
    counts = Counter(
        item.relation for clip in clips if not clip.problem for item in clip.side(side) if item.relation
    )
    total = counts.total()
    return {relation: counts[relation] / total for relation in RELATIONS} if total else {}


def side_by_side(clips: Sequence[JudgedClip], side: Side) -> dict[str, dict[str, int]]:
    """Claims of one side by relation of the texts, then by what the video says, with ``NO_RULING``."""
    table: dict[str, dict[str, int]] = {
        relation: dict.fromkeys((*RULINGS, NO_RULING), 0) for relation in RELATIONS
    }
    for clip in clips:
        for item in () if clip.problem else clip.side(side):
            if item.relation is not None:
                table[item.relation][item.ruling or NO_RULING] += 1
    return table


def better_than_reference(clips: Sequence[JudgedClip]) -> list[tuple[JudgedClip, JudgedItem]]:
    """Claims of captions that the reference does not have, or contradicts, and the video supports."""
    return [
        (clip, item)
        for clip in clips
        if not clip.problem
        for item in clip.predicted
        if item.relation in ("neutral", "contradiction") and item.ruling == "supported"
    ]


def wrong_references(clips: Sequence[JudgedClip]) -> list[tuple[JudgedClip, JudgedItem]]:
    """Claims of references that the video contradicts."""
    return [
        (clip, item)
        for clip in clips
        if not clip.problem
        for item in clip.reference
        if item.ruling == "contradicted"
    ]


def _over_categories(scored: Sequence[tuple[str, CaptionScores]]) -> CaptionScores:
    by_category: dict[str, list[CaptionScores]] = {}
    for category, scores in scored:
        by_category.setdefault(category, []).append(scores)
    return _mean([_mean(each) for each in by_category.values()])


def _mean(scores: Sequence[CaptionScores]) -> CaptionScores:
    return CaptionScores(
        sum(each.recall for each in scores) / len(scores),
        sum(each.precision for each in scores) / len(scores),
    )


def _share(right: Iterable[bool]) -> float:
    """Share of claims that are right; 1 for none."""
    held = list(right)
    return sum(held) / len(held) if held else 1.0
