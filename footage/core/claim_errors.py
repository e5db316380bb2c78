"""Errors of texts about videos as judges report them, shared by the index and the checks; finds none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from footage.core.types import Span

ErrorKind = Literal["object", "attribute", "action", "count", "order", "time", "text", "invented", "missing"]
"""Kinds of errors: a wrong claim of each kind; an event that does not happen at all; one that is left out."""
Severity = Literal["minor", "major"]
"""Major: the text would lead a viewer to another event or another moment."""


@dataclass(frozen=True, slots=True)
class ClaimError:
    """An error of a text, and how many judges see it."""

    kind: ErrorKind
    """What is wrong."""
    severity: Severity
    """How bad it is."""
    sentence: str
    """What is wrong, for people, as in: The video shows a blue car, not a red car."""
    votes_for: int
    """Judges that see the error."""
    votes: int
    """Judges that gave a ruling."""
    span: Span | None = None
    """Where to look, in video time; None for the whole video."""
    suggestion: str = ""
    """What the text should say, or when, as in "0:12.0-0:16.5"; empty without a proposal."""
    frames: tuple[float, ...] = ()
    """Moments that show it, seconds of video time."""

    @property
    def is_consensus(self) -> bool:
        """Whether more than half of the judges with a ruling see it."""
        return 2 * self.votes_for > self.votes

    @property
    def is_slight(self) -> bool:
        """Whether it is a time that still shows most of the event: no reason to trust a caption less."""
        return self.kind == "time" and self.severity == "minor"
