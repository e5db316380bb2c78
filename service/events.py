"""What a service function reports while it works; how a surface shows it is not known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from footage.core.errors import FootageError
    from footage.core.types import Match
    from indexer.progress import Progress as IndexReading
    from search.results import SearchResult
    from service.cancellation import CancelToken
    from service.index import IndexResult
    from service.point import PointResult
    from service.scenes import SceneAnswers


@dataclass(frozen=True, slots=True)
class Busy:
    """Something without countable steps begins, or has ended."""

    what: str
    """For people, such as "loading marlin-2b"."""
    ended: bool = False
    """False when it begins, True when it has ended, for better or worse."""


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Steps of a stage are done."""

    stage: str
    """What is going on, in a word, such as "searching"."""
    done: int
    """Steps done."""
    total: int
    """Steps in all; 0 while that is unknown."""
    detail: str = ""
    """Replaces the time left, where it is shown; empty for none."""


@dataclass(frozen=True, slots=True)
class WindowsPlanned:
    """What an exhaustive search is about to look at."""

    windows: int
    """Windows that the model will be shown."""
    seconds: float
    """About how long that takes; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Answers so far: of the index alone, then after every batch of windows shown to the model."""

    matches: Sequence[Match]
    """Best first."""


@dataclass(frozen=True, slots=True)
class ServerSampling:
    """What a model server shows the model, where that is not what it is sent."""

    sees: str
    """A clause, such as "every second frame"."""


@dataclass(frozen=True, slots=True)
class TrackLeftOut:
    """A track that is not made because it cannot be made here."""

    track: str
    """The track."""
    reason: str
    """Why, one sentence."""


@dataclass(frozen=True, slots=True)
class Indexing:
    """A reading of an index run."""

    reading: IndexReading
    """How far it is."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """One of the runs of ``service.index.watch`` ended."""

    result: IndexResult
    """What it did."""


@dataclass(frozen=True, slots=True)
class IndexingFailed:
    """One of the runs of ``service.index.watch`` failed; the watching goes on."""

    error: FootageError
    """Why."""


@dataclass(frozen=True, slots=True)
class SceneAnswered:
    """One of several scenes that a question is about has its answers."""

    answers: SceneAnswers
    """The answers."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A search has ended with a result; for observers of a service (``Service.observe``)."""

    result: SearchResult
    """What it answers."""


@dataclass(frozen=True, slots=True)
class PointsFound:
    """The model has pointed at things; a drawing of them, if one was asked for, is still to be written."""

    result: PointResult
    """What it pointed at."""


ServiceEvent: TypeAlias = Union[  # noqa: UP007 - a forward reference is no type for |
    Busy,
    StageProgress,
    WindowsPlanned,
    Hits,
    ServerSampling,
    TrackLeftOut,
    Indexing,
    Indexed,
    IndexingFailed,
    SceneAnswered,
    PointsFound,
    Searched,
]
Listener = Callable[[ServiceEvent], None]
"""Called with every event, from whichever thread the work is done in; must not block for long."""


def ignore(event: ServiceEvent) -> None:
    """The listener of a caller that shows no progress."""


def both(one: Listener, other: Listener) -> Listener:
    """A listener that passes every event to two."""

    def passed(event: ServiceEvent) -> None:
        one(event)
        other(event)

    return passed


@contextmanager
def busy(what: str, on_event: Listener) -> Iterator[None]:
    """Report that something is going on for as long as the context lasts."""
    on_event(Busy(what))
    try:
        yield
    finally:
        on_event(Busy(what, ended=True))


def steps(stage: str, on_event: Listener, cancel: CancelToken | None = None) -> Callable[[int, int], None]:
    """A function of (steps done, steps in all) that reports progress of a stage.

    It raises ``Cancelled`` once the token is cancelled, which is how a function that reports progress is
    stopped between two steps.
    """
    on_event(StageProgress(stage, 0, 0))

    def step(done: int, total: int) -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()
        on_event(StageProgress(stage, done, total))

    return step
