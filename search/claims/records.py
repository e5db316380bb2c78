"""Claims, the votes of judges on them, and the errors that follow; pure data.

A text about a video consists of claims. Each judge votes on each claim. A claim that most judges with a
ruling contradict is an error of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from footage.core.claim_errors import ClaimError as ClaimError
from footage.core.claim_errors import ErrorKind as ErrorKind
from footage.core.claim_errors import Severity as Severity
from footage.core.types import CaptionEvent, Span, Video

ClaimKind = Literal["object", "attribute", "action", "count", "order", "time", "text"]
"""What a claim is about: a thing, how it looks or where it is, what it does or which way it moves, how many
there are, what comes first, when it happens, and what is written or said."""
ERROR_NAMES: dict[ErrorKind, str] = {
    "object": "wrong thing",
    "attribute": "wrong attribute",
    "action": "wrong action",
    "count": "wrong count",
    "order": "wrong order",
    "time": "wrong time",
    "text": "wrong words",
    "invented": "invented",
    "missing": "left out",
}
"""What an error of each kind is called."""
Ruling = Literal["supported", "contradicted", "not visible"]
"""What a judge says of a claim: the video shows it, shows otherwise, or shows neither."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One statement about a video that can be true or false by itself."""

    text: str
    """The sentence that makes it."""
    kind: ClaimKind
    """What it is about."""
    span: Span | None = None
    """Where to look, in video time; None for the whole video."""
    part: str = ""
    """The words of ``text`` that it is about, as in "red"; empty for all of them."""
    entry: str = ""
    """Id of the entry that makes it; empty where there is none. Claims of one entry are judged together."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one judge says of one claim."""

    judge: str
    """Name of the judge: model and revision."""
    ruling: Ruling | None
    """The ruling; None where the judge could not answer."""
    confidence: float | None = None
    """How sure the judge is of the ruling, 0 to 1; None where it does not say."""
    instead: str = ""
    """What the judge sees in place of what is claimed; empty where it sees nothing else or does not say."""
    span: Span | None = None
    """When the judge sees it, in video time; None where it does not say."""
    frames: tuple[float, ...] = ()
    """Moments that show it, seconds of video time: evidence to look at."""
    evidence: tuple[str, ...] = ()
    """Reasons, in sentences."""
    problem: str = ""
    """Why there is no ruling, in one sentence; empty where there is one."""


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim and the votes on it."""

    claim: Claim
    """The claim."""
    votes: tuple[Vote, ...]
    """One for each judge, in the order of the judges."""


@dataclass(frozen=True, slots=True)
class TextEntry:
    """A text to be checked: a captioned event, or an entry of a truth file."""

    id: str
    """Name of the entry, unique in its video."""
    text: str
    """What happens."""
    spans: tuple[Span, ...]
    """When, in video time; empty where the text has no time."""


@dataclass(frozen=True, slots=True)
class CheckedEntry:
    """An entry, its claims with their votes, and its errors."""

    entry: TextEntry
    """The entry."""
    claims: tuple[CheckedClaim, ...]
    """Its claims."""
    errors: tuple[ClaimError, ...]
    """Its errors, those that most judges see first; empty for an entry without one."""
    problem: str = ""
    """Why it could not be checked, in one sentence; empty where it was."""

    @property
    def is_checked(self) -> bool:
        """Whether at least one judge gave a ruling on one claim."""
        return any(vote.ruling is not None for each in self.claims for vote in each.votes)


@dataclass(frozen=True, slots=True)
class CheckedVideo:
    """The entries of one video, and what they leave out."""

    video: Video
    """The video."""
    path: str
    """A file that holds it."""
    entries: tuple[CheckedEntry, ...]
    """The entries, in their order."""
    missing: tuple[ClaimError, ...] = ()
    """Events that the judges see and no entry has; kind "missing"."""


class ClaimJudge(Protocol):
    """Something that can look at a video and say whether a claim holds."""

    @property
    def name(self) -> str:
        """Name for reports: model and revision."""
        ...

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        """One vote for each claim, in order; what cannot be decided is a vote with a ``problem``.

        Raises:
            ModelError: when the model fails as a whole.
        """
        ...


@dataclass(frozen=True, slots=True)
class SeenVideo:
    """What a judge sees in a video by itself, whatever any text says."""

    votes: tuple[Vote, ...]
    """One vote for each claim, in order."""
    unnamed: tuple[CaptionEvent, ...]
    """Events that the judge sees, has confirmed, and that none of the claims is about."""


@runtime_checkable
class WatchingJudge(ClaimJudge, Protocol):
    """A judge that also sees events which no claim is about."""

    def watch(
        self, video: Video, path: str, claims: list[Claim], *, seen: Sequence[CaptionEvent] | None = None
    ) -> SeenVideo:
        """The votes of ``check``, and the events that no claim is about.

        Args:
            video: The video.
            path: A file that holds it.
            claims: All claims about it.
            seen: Captioned events that were made without the claims; None to caption the video anew, where
                the judge can. Captions that are checked must not be given: they would confirm themselves.

        Raises:
            ModelError: when the model fails as a whole.
        """
        ...


def error_name(kind: str) -> str:
    """What an error is called; its kind where that is a new one, as in an index of a later version."""
    return next((name for known, name in ERROR_NAMES.items() if known == kind), kind)
