"""What a check of an index found, as dataclasses; checks nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from footage.store.reading import Readout

Kind = Literal["damaged", "derived", "behind", "images", "files", "index"]
Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of an index."""

    kind: Kind
    """A table or row that cannot be read or believed ("damaged"); events or vectors that are not what the
    captions say ("derived"), or do not hold all of it yet, as after a killed run ("behind"); windows that
    lack image vectors ("images"); files whose state does not fit ("files"); an index of words or vectors that
    gives wrong answers ("index")."""
    table: str
    """The table."""
    sentence: str
    """What is wrong."""
    content_id: str = ""
    """The video, where it is about one."""


@dataclass(slots=True)
class Checked:
    """What a check found."""

    version: int | None = None
    """Version of the tables; None where that is lost."""
    readouts: dict[str, Readout] = field(default_factory=dict)
    """The result of reading each table, by name."""
    findings: list[Finding] = field(default_factory=list)
    """What is wrong, in the order of the tables."""
    recaption: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Windows that must be captioned again, by content id."""
    reread: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    """Windows of other tracks that must be read again, by content id and track."""
    marked: set[str] = field(default_factory=set)
    """Contents whose files' states do not fit."""

    @property
    def is_damaged(self) -> bool:
        """Whether anything cannot be read or is invalid."""
        return any(finding.kind == "damaged" for finding in self.findings)

    def contents(self, *kinds: Kind) -> set[str]:
        """The videos that findings of these kinds are about."""
        return {each.content_id for each in self.findings if each.kind in kinds and each.content_id}


def listed(indexes: Collection[int]) -> str:
    """Numbers of windows in a sentence, the first ten."""
    few = sorted(indexes)[:10]
    return ", ".join(map(str, few)) + (" and more" if len(indexes) > len(few) else "")
