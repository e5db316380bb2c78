"""Asks judges of texts what captions claim and how the other text relates to it; knows no server.

The first judge takes claims out of captions. All judges, the first among them, decide about the same claims,
so that their votes can be compared claim by claim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluation.captions.drafts import (
    NEUTRAL,
    SIDES,
    CaptionedClip,
    ClipDraft,
    comparisons,
    extractions,
    take_claims,
    take_relations,
)
from evaluation.captions.prompts import MOST_ITEMS, plain_text
from evaluation.captions.relations import Aspect, JudgedClip, Side
from evaluation.judging.budget import JudgeCost
from evaluation.judging.protocol import JudgeQuestion, JudgeReply, TextJudge

OnClips = Callable[[str, int, int], None]
"""Called with (stage, clips done, clips in all)."""
AT_ONCE = 32
"""Clips whose questions are given to a judge together, and after which progress is reported."""
LIKELY_ITEMS = 5
"""Claims of a caption in a plan, where nothing says how many there are."""
CLAIM_WORDS = 10
"""Words of a claim in a plan."""
CLAIM_TOKENS, RELATION_TOKENS = 15, 25
"""Tokens of an answer for each claim, in a plan."""


class PlanningJudge(TextJudge, Protocol):
    """A judge of texts that knows what it would have to ask."""

    def kept(self, questions: Sequence[JudgeQuestion]) -> list[JudgeReply | None]:
        """The answers that are kept, in order; None for a question that would be asked."""
        ...

    def estimate(self, questions: Sequence[JudgeQuestion], *, answer_tokens: int) -> JudgeCost:
        """What the questions would cost; kept answers cost nothing."""
        ...


@dataclass(frozen=True, slots=True)
class JudgingPlan:
    """What judging would cost."""

    costs: tuple[tuple[str, JudgeCost], ...]
    """Calls and tokens of each judge, by its name."""
    guessed: int
    """Captions whose claims are not known yet. Each of them that has none saves every judge one call; where
    this is 0, the calls are exact."""

    @property
    def total(self) -> JudgeCost:
        """All judges together."""
        return sum((cost for _, cost in self.costs), JudgeCost())


def judge_captions(
    clips: Sequence[CaptionedClip],
    judges: Sequence[TextJudge],
    aspects: Sequence[Aspect],
    *,
    on_progress: OnClips | None = None,
) -> list[JudgedClip]:
    """Judge captions against their references, clip by clip, one result for each clip and aspect.

    A clip without a caption is judged too: it says nothing. A clip about which the judges give no valid
    answer has a ``problem``.

    Args:
        clips: References and captions.
        judges: At least one; the first one takes the claims out of texts.
        aspects: What the claims are about.
        on_progress: Called after every ``AT_ONCE`` clips.

    Raises:
        ModelError: when a judge cannot be used at all.
        UsageError: when a budget does not allow another question.
    """
    judged: list[JudgedClip] = []
    for first in range(0, len(clips), AT_ONCE):
        several = clips[first : first + AT_ONCE]
        drafts = [ClipDraft(clip, aspect) for clip in several for aspect in aspects]
        # 1. What both sides claim.
        asked = extractions(drafts)
        for (draft, side, _), reply in zip(asked, _answers(judges[0], asked), strict=True):
            take_claims(draft, side, reply)
        # 2. How the other text relates to each claim, by every judge.
        known = [draft for draft in drafts if not draft.problem]
        for draft in known:
            for side in SIDES:
                if draft.says_nothing(side):
                    draft.votes[side] = [(NEUTRAL,) * len(draft.claims[side])] * len(judges)
        asked = comparisons(known)
        for judge in judges:
            for (draft, side, _), reply in zip(asked, _answers(judge, asked), strict=True):
                take_relations(draft, side, reply, judge=judge.name)
        # 3. The consensus.
        judged += [draft.finished() for draft in drafts]
        if on_progress:
            on_progress("judging", first + len(several), len(clips))
    return judged


def plan_judging(
    clips: Sequence[CaptionedClip], judges: Sequence[PlanningJudge], aspects: Sequence[Aspect]
) -> JudgingPlan:
    """What ``judge_captions`` would cost; asks nothing.

    Claims that are not known yet are taken to be as many as those of the reference, and cut from the caption.
    """
    drafts = [ClipDraft(clip, aspect) for clip in clips for aspect in aspects]
    # 1. What must be asked to learn the claims; the answers that are kept say what follows.
    asked = extractions(drafts)
    questions = [question for _, _, question in asked]
    first = judges[0].estimate(questions, answer_tokens=LIKELY_ITEMS * CLAIM_TOKENS)
    guessed = 0
    for (draft, side, _), reply in zip(asked, judges[0].kept(questions), strict=True):
        if reply is None:
            guessed += 1
            draft.claims[side] = _likely(draft, side)
        else:
            take_claims(draft, side, reply)
    # 2. What each judge must be asked about them.
    compared = comparisons(drafts)
    items = sum(len(draft.claims[side]) for draft, side, _ in compared) / max(len(compared), 1)
    tokens = round(items * RELATION_TOKENS)
    questions = [question for _, _, question in compared]
    costs = [judge.estimate(questions, answer_tokens=tokens) for judge in judges]
    costs[0] += first
    names = [judge.name for judge in judges]
    return JudgingPlan(tuple(zip(names, costs, strict=True)), guessed)


def _answers(judge: TextJudge, asked: Sequence[tuple[ClipDraft, Side, JudgeQuestion]]) -> list[JudgeReply]:
    return judge.ask([question for _, _, question in asked]) if asked else []


def _likely(draft: ClipDraft, side: Side) -> tuple[str, ...]:
    """As many claims as the reference is known to have, cut from the text they would be taken from."""
    count = min(len(draft.clip.reference.items(draft.aspect) or ()) or LIKELY_ITEMS, MOST_ITEMS)
    words = plain_text(draft.text(side)).split()
    starts = range(0, min(len(words), count * CLAIM_WORDS), CLAIM_WORDS)
    return tuple(" ".join(words[start : start + CLAIM_WORDS]) for start in starts)
