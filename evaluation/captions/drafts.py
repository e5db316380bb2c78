"""Clips on their way to being judged: the questions each needs, what answers make of it; asks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from evaluation.captions.prompts import (
    claims_question,
    plain_text,
    read_claims,
    read_relations,
    relations_question,
)
from evaluation.captions.relations import (
    Aspect,
    JudgedClip,
    JudgedItem,
    ReferenceClip,
    Relation,
    Side,
)
from evaluation.judging.agreement import consensus
from evaluation.judging.protocol import JudgeQuestion, JudgeReply
from footage.core.types import Span

SIDES: tuple[Side, Side] = ("reference", "predicted")
NEUTRAL: Relation = "neutral"

Vote = TypeVar("Vote", bound=str)


@dataclass(frozen=True, slots=True)
class CaptionedClip:
    """A clip with its reference and the caption that is measured."""

    reference: ReferenceClip
    """What a person wrote."""
    caption: str
    """What is measured; may be empty."""


@dataclass(slots=True)
class ClipDraft:
    """One clip and aspect on its way to a ``JudgedClip``."""

    clip: CaptionedClip
    """The clip."""
    aspect: Aspect
    """What the claims are about."""
    claims: dict[Side, tuple[str, ...]] = field(default_factory=dict)
    """Claims of each side, as far as they are known."""
    votes: dict[Side, list[tuple[Relation, ...] | None]] = field(
        default_factory=lambda: {"reference": [], "predicted": []}
    )
    """For each side, the relations of all its claims by each judge; None where a judge gave no answer."""
    problem: str = ""
    """Why something could not be judged, in one sentence."""

    def __post_init__(self) -> None:
        given = self.clip.reference.items(self.aspect)
        if given is not None or not plain_text(self.clip.reference.caption):
            self.claims["reference"] = given or ()
        if not plain_text(self.clip.caption):
            self.claims["predicted"] = ()

    def text(self, side: Side) -> str:
        """The text of one side."""
        return self.clip.reference.caption if side == "reference" else self.clip.caption

    def other(self, side: Side) -> str:
        """The text that the claims of one side are held against."""
        return self.text("predicted" if side == "reference" else "reference")

    def says_nothing(self, side: Side) -> bool:
        """Whether all claims of one side are neutral without a question: there are none, or no other text."""
        return not self.claims[side] or not plain_text(self.other(side))

    def finished(self) -> JudgedClip:
        """The judged clip, with a problem where no judge answered about one of the sides."""
        reference = self.clip.reference
        about = (reference.id, reference.category, self.aspect)
        if not all(any(votes is not None for votes in self.votes[side]) for side in SIDES):
            return JudgedClip(*about, problem=self.problem)
        spans = reference.spans if self.aspect == "events" else ()
        return JudgedClip(
            *about, reference=self._items("reference", spans), predicted=self._items("predicted", ())
        )

    def _items(self, side: Side, spans: Sequence[Span | None]) -> tuple[JudgedItem, ...]:
        items = []
        for number, text in enumerate(self.claims[side]):
            votes = tuple(None if each is None else each[number] for each in self.votes[side])
            span = spans[number] if number < len(spans) else None
            items.append(JudgedItem(text, votes, majority(votes, NEUTRAL), span))
        return tuple(items)


def majority(votes: Sequence[Vote | None], undecided: Vote) -> Vote | None:
    """What most of the votes say; ``undecided`` where several have the most; None without a vote."""
    result = consensus(votes)
    return undecided if result.tied else result.value


def extractions(drafts: Iterable[ClipDraft]) -> list[tuple[ClipDraft, Side, JudgeQuestion]]:
    """What a judge must be asked to learn the claims that are not known."""
    return [
        (draft, side, claims_question(draft.aspect, draft.text(side)))
        for draft in drafts
        for side in SIDES
        if side not in draft.claims
    ]


def take_claims(draft: ClipDraft, side: Side, reply: JudgeReply) -> None:
    """Note the claims of one side, or why there are none."""
    if reply.problem:
        whose = "the reference" if side == "reference" else "the caption"
        draft.problem = f"No {draft.aspect} could be taken from {whose}: {reply.problem}"
    else:
        draft.claims[side] = read_claims(reply.value)


def comparisons(drafts: Iterable[ClipDraft]) -> list[tuple[ClipDraft, Side, JudgeQuestion]]:
    """What each judge must be asked about claims that are known."""
    return [
        (draft, side, relations_question(draft.other(side), draft.claims[side]))
        for draft in drafts
        for side in SIDES
        if not draft.says_nothing(side)
    ]


def take_relations(draft: ClipDraft, side: Side, reply: JudgeReply, *, judge: str) -> None:
    """Note one judge's relations of all claims of one side, or that there is no answer."""
    relations = None if reply.problem else read_relations(reply.value, len(draft.claims[side]))
    draft.votes[side].append(relations)
    if relations is None and not draft.problem:
        draft.problem = reply.problem or f"{judge} did not answer about each of the statements."
