"""A track for tests about what surrounds the recognisers: its events stand in a text file beside the video.

A line is "START END text"; "START damaged" makes the window at that time unreadable, "broken" the whole file,
"no engine" the maker. An event belongs to the window that it begins in, as far as that goes.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from footage.core.errors import DependencyError, VideoError
from footage.core.types import CaptionEvent, Provenance, Span, SpokenWord, Video, Window
from footage.core.windows import plan_windows
from indexer.tracks.merging import merge_of
from indexer.tracks.protocol import TrackReading

WINDOW_SECONDS = 3.0


class NotesMaker:
    """Reads a track from the file beside the video whose name ends in the name of the track.

    Every window that it reads is added to ``log``, and to the file ``log_path``, as "track name index".
    """

    def __init__(
        self,
        track: str,
        *,
        model: str = "notes",
        revision: str | None = None,
        window_seconds: float = WINDOW_SECONDS,
        log_path: Path | None = None,
        sleep_seconds: float = 0.0,
    ) -> None:
        self.track = track
        self.log: list[str] = []
        self.opened: list[str] = []
        self._model, self._revision = model, revision
        self._window_seconds = window_seconds
        self._log_path, self._sleep_seconds = log_path, sleep_seconds
        merge = merge_of(track)
        assert merge is not None
        self.merge = merge

    def windows(self, video: Video) -> tuple[Window, ...]:
        return plan_windows(
            video.content_id,
            video.duration_seconds,
            gaps=video.gaps,
            window_seconds=self._window_seconds,
            overlap_seconds=0.0,
        )

    def open(self, path: str, video: Video) -> NotesReader:
        self.opened.append(Path(path).name)
        beside = Path(f"{path}.{self.track}")
        text = beside.read_text(encoding="utf-8") if beside.is_file() else ""
        if text.startswith("broken"):
            raise VideoError(f"{beside.name} cannot be read")
        digest = hashlib.sha256(text.encode()).hexdigest()[:12] if self._revision is None else self._revision
        under = Provenance(self._model, digest, "1", "all of it")
        return NotesReader(self, Path(path).name, text.splitlines(), under)

    def note(self, name: str, window: Window) -> None:
        line = f"{self.track} {name} {window.index}"
        self.log.append(line)
        if self._log_path is not None:
            with self._log_path.open("a") as file:
                file.write(line + "\n")
        time.sleep(self._sleep_seconds)


class NotesReader:
    def __init__(self, maker: NotesMaker, name: str, lines: list[str], provenance: Provenance) -> None:
        self._maker, self._name, self._lines = maker, name, lines
        self.provenance = provenance

    def read(self, window: Window) -> TrackReading:
        self._maker.note(self._name, window)
        events = []
        for line in self._lines:
            if line == "no engine":
                raise DependencyError("the recogniser is not installed")
            start, _, rest = line.partition(" ")
            if not window.span.start_seconds <= float(start) < window.span.end_seconds:
                continue
            if rest == "damaged":
                raise VideoError(f"damaged at {start} s")
            if rest == "beyond":
                raise RuntimeError("the engine did not expect that")
            end, _, text = rest.partition(" ")
            span = Span.clamped(float(start), float(end), within=window.span)
            events.append(CaptionEvent(span, text, 0.75, "en", (SpokenWord(span, text, 0.5),)))
        return TrackReading(tuple(events), () if self._lines else ("no notes",))

    def close(self) -> None:
        self._lines = []


def write_notes(video: Path, track: str, *lines: str) -> Path:
    """Write the file beside a video that ``NotesMaker`` reads."""
    path = Path(f"{video}.{track}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
