"""Captioned clips, what their captions and references claim, and how each claim was judged; pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from footage.core.types import Span
from search.claims.records import Ruling, Vote

Relation = Literal["entailment", "neutral", "contradiction"]
"""How a text relates to a claim: it says so, says nothing of it, or says otherwise."""
RELATIONS: tuple[Relation, ...] = get_args(Relation)
RULINGS: tuple[Ruling, ...] = get_args(Ruling)
Aspect = Literal["events", "objects"]
"""What the claims are about: actions and movements, or things and how they look."""
Basis = Literal["text", "video"]
"""What decides whether a claim is right: the other text alone, or the video where it shows the answer."""
Side = Literal["reference", "predicted"]
"""Whose claims: the reference's, which give recall, or the caption's, which give precision."""

ONE_CATEGORY = "all"
"""Category of clips whose format has none."""


@dataclass(frozen=True, slots=True)
class ReferenceClip:
    """A clip of a benchmark or of a user's truth file, with what a person wrote about it."""

    id: str
    """Name of the clip, unique in its file."""
    caption: str
    """The reference caption; may be empty."""
    category: str = ONE_CATEGORY
    """Source or kind of the clip; figures are given for each."""
    events: tuple[str, ...] | None = None
    """Atomic events of the reference; None where they must be extracted from the caption."""
    objects: tuple[str, ...] | None = None
    """Objects of the reference, one attribute each; None where they must be extracted."""
    spans: tuple[Span | None, ...] = ()
    """When each event happens, in video time, in the order of ``events``; empty where nothing says so."""
    spatial: str = ""
    """The caption of objects and scene alone; empty where the format has none."""
    temporal: str = ""
    """The caption of actions alone; empty where the format has none."""
    video: str = ""
    """File name of the clip, with or without its folder; empty where the id is the name."""
    predicted: str | None = None
    """A caption to be measured that stands in the same file; None for none."""

    def items(self, aspect: Aspect) -> tuple[str, ...] | None:
        """The claims of the reference about one aspect; None where they must be extracted."""
        return self.events if aspect == "events" else self.objects


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """One claim of one side, and how it was judged."""

    text: str
    """The claim."""
    votes: tuple[Relation | None, ...]
    """How the other text relates to it, by each judge in their order; None where a judge gave no answer."""
    relation: Relation | None
    """The consensus of the judges; None where none of them gave an answer."""
    span: Span | None = None
    """When it happens, in video time, where the reference says so."""
    seen: tuple[Vote, ...] = ()
    """Rulings of the video judges, in their order; empty where none was asked."""
    ruling: Ruling | None = None
    """The consensus of the video judges; None where none gave a ruling."""

    def is_right(self, basis: Basis) -> bool:
        """Whether the claim holds: entailed by the other text or, on the basis of the video, seen there.

        Where the video decides nothing ("not visible", or no ruling), the text does.
        """
        if basis == "video" and self.ruling in ("supported", "contradicted"):
            return self.ruling == "supported"
        return self.relation == "entailment"


@dataclass(frozen=True, slots=True)
class JudgedClip:
    """All claims about one clip and one aspect."""

    id: str
    """Name of the clip."""
    category: str
    """Category of the clip."""
    aspect: Aspect
    """What the claims are about."""
    reference: tuple[JudgedItem, ...] = ()
    """Claims of the reference, judged against the caption."""
    predicted: tuple[JudgedItem, ...] = ()
    """Claims of the caption, judged against the reference."""
    problem: str = ""
    """Why the clip could not be judged, in one sentence; empty where it was. Such a clip has no figures."""

    def side(self, side: Side) -> tuple[JudgedItem, ...]:
        """The claims of one side."""
        return self.reference if side == "reference" else self.predicted
