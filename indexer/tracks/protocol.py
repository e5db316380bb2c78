"""What makes one track of a video, as the indexer sees it; knows neither the index nor any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from footage.core.types import CaptionEvent, Provenance, Span, Video, Window
from footage.store.records import ImageVectorRow


@dataclass(frozen=True, slots=True)
class TrackReading:
    """What a track has in one window."""

    events: tuple[CaptionEvent, ...] = ()
    """Its events in video time, ascending, each inside the window."""
    notes: tuple[str, ...] = ()
    """What there is to know about it, a few words each, such as "no sound track"; the same in every window
    of a file when it is about the file."""
    images: tuple[ImageVectorRow, ...] = ()
    """Of an image track: the vectors of its pictures, in order of time."""


class FileReader(Protocol):
    """Reads one track of one file, window after window in order of time; the first window may be any."""

    @property
    def provenance(self) -> Provenance:
        """Under what the file is read: engine and model, revision, contract version, settings.

        Windows of an earlier run that were read under another ``revision`` of the same model are read again;
        a reader of subtitles puts the digest of all its sources there.
        """
        ...

    def read(self, window: Window) -> TrackReading:
        """Read one window.

        Raises:
            VideoError: The file cannot be read there; the other windows may be.
        """
        ...

    def close(self) -> None:
        """Free what the file needed; the reader is not used again."""
        ...


class TrackMaker(Protocol):
    """Makes one track; one of each kind serves a whole run, in one thread."""

    @property
    def track(self) -> str:
        """Which track: one of ``footage.core.tracks.TRACKS``, or that of an image embedder."""
        ...

    def windows(self, video: Video) -> tuple[Window, ...]:
        """How it cuts a video: windows that cover it, each committed on its own; gaps may be left out."""
        ...

    def open(self, path: str, video: Video) -> FileReader:
        """Begin a file; cheap, for it is called for finished files as well.

        Raises:
            VideoError: The track of this file cannot be read at all.
        """
        ...

    def merge(
        self, content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
    ) -> tuple[CaptionEvent, ...]:
        """Join what windows cut in two: the events of all windows, ascending, and the windows' spans."""
        ...


@runtime_checkable
class ChoosesFile(Protocol):
    """A maker that reads more than a file's own bytes, so that copies of one content are not alike to it."""

    def choose(self, paths: Sequence[str]) -> str:
        """Which of some files with the same bytes is read, always the same of the same files."""
        ...
