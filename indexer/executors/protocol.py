"""The seam between an index run and what decodes and captions its windows; knows no executor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from footage.core.types import Provenance
from footage.vlm.profile import Profile
from footage.vlm.protocol import VideoModel
from indexer.openings import Opening
from indexer.progress import ProgressTracker
from indexer.run import IndexRun
from indexer.tracks.protocol import TrackMaker


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a run has to know of a model that captions, wherever it is."""

    profile: Profile
    """Its row in the table of known models."""
    provenance: Provenance
    """Under what it captions."""
    max_batch: int
    """Most windows worth giving to it at once."""
    sees: str = ""
    """How a model server changes frames before the model sees them; empty where it does not."""

    @classmethod
    def of(cls, model: VideoModel) -> ModelFacts:
        """Those of a model that is at hand."""
        return cls(
            model.profile, model.provenance, model.capabilities.max_batch, getattr(model, "sees", "") or ""
        )


@dataclass(frozen=True, slots=True)
class CaptionWork:
    """The captions of one run: what is to be made, and who takes it."""

    openings: Iterable[Opening]
    """The files in order, with their due windows; going through them reads files."""
    run: IndexRun
    """Takes files, windows and captions; the one writer of the index, used by one thread."""
    meter: ProgressTracker
    """Counts and measures."""
    decode_timeout_seconds: float
    """Longest silence of a decoder."""
    stop: Callable[[], bool]
    """Whether the run is to end after the windows at hand."""
    provenance: Provenance | None
    """Under what windows are captioned; None where none are."""


class Executor(Protocol):
    """Decodes and captions the windows of runs."""

    @property
    def facts(self) -> ModelFacts | None:
        """The model; None where no captions are made."""
        ...

    @property
    def track_lanes(self) -> int:
        """How many files are read for other tracks at the same time."""
        ...

    def makers(self, makers: Sequence[TrackMaker]) -> Sequence[TrackMaker]:
        """Makers of the other tracks that read where this executor has them read."""
        ...

    def caption(self, work: CaptionWork) -> None:
        """Caption every due window, until the work is done or stopped.

        Raises:
            ModelError: The model gave up.
            FootageError: The work cannot go on; what was committed stays.
        """
        ...


class WorkerParts(Protocol):
    """Makes what a worker in another process needs; can be pickled, and holds every setting it uses."""

    def model(self) -> VideoModel:
        """The model that captions.

        Raises:
            FootageError: It cannot be loaded there.
        """
        ...

    def maker(self, track: str) -> TrackMaker:
        """The maker of a track other than captions.

        Raises:
            FootageError: Its recogniser or model is not there.
        """
        ...
