"""Makes the track of subtitles: files beside the video, and the text tracks inside it.

Knows neither the index nor how subtitles are read (``footage.media.subtitles``).
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from footage.core.errors import VideoError
from footage.core.languages import language_code, same_language
from footage.core.names import folded
from footage.core.tracks import SUBTITLE_TRACK
from footage.core.types import CaptionEvent, Provenance, Span, Video, Window
from footage.media.containers import display_name, open_regular
from footage.media.sandbox import read_subtitles, subtitle_tracks
from footage.media.subtitles import MOST_CUES, MOST_FILE_BYTES, Cue
from footage.objects.paths import ObjectPath, media_path
from footage.objects.requests import object_names
from indexer.library import VIDEO_SUFFIXES
from indexer.tracks.protocol import TrackReading

SUBTITLE_CONTRACT = "subtitles-1"
"""Version of how subtitles become events."""
SIDECAR_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
"""Kinds of files beside a video that are read."""
_FLAGS = frozenset({"forced", "sdh", "cc", "hi", "default", "full", "foreign", "commentary"})
"""Parts of names that say what subtitles are for."""
_BETWEEN = re.compile(r"[.\s_()\[\]]+|^-|-(?=forced|sdh|cc)")
_MOST_SIDECARS = 50
"""Most files beside one video; further ones are passed over."""
_SAME_SECONDS = 0.6
"""Two subtitles of the same text whose starts are this near are one."""

NO_SUBTITLES = "no subtitles"
PICTURES = "subtitles that are pictures"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A subtitle file beside a video."""

    path: Path
    """Where it lies."""
    language: str = ""
    """ISO 639-1 code of the language that its name gives; empty where it gives none."""


class SubtitleMaker:
    """The maker of the track of subtitles."""

    def __init__(self, *, offset_seconds: float = 0.0, timeout_seconds: float = 120) -> None:
        """Read nothing yet.

        Args:
            offset_seconds: What is added to the times of files beside the video; those inside it fit.
            timeout_seconds: Longest time without progress while a file is read.
        """
        self._offset_seconds, self._timeout_seconds = offset_seconds, timeout_seconds
        self._listed: tuple[Path, int, list[str]] | None = None

    @property
    def track(self) -> str:
        """The subtitle track."""
        return SUBTITLE_TRACK

    def windows(self, video: Video) -> tuple[Window, ...]:
        """One window, the whole video; images have none."""
        if video.is_image or not video.duration_seconds:
            return ()
        return (Window(video.content_id, 0, Span(0.0, video.duration_seconds)),)

    def choose(self, paths: Sequence[str]) -> str:
        """The first of some copies that has subtitles beside it; where none has, the first."""
        return next((path for path in paths if self._beside(path)), paths[0])

    def open(self, path: str, video: Video) -> SubtitleReader:
        """A reader of one file; the files beside it are looked for now, and read later."""
        found = self._beside(path)
        return SubtitleReader(
            path, video, found, offset_seconds=self._offset_seconds, timeout_seconds=self._timeout_seconds
        )

    def merge(
        self, content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
    ) -> tuple[CaptionEvent, ...]:
        """The events as they are: there is one window."""
        return events

    def _beside(self, path: str) -> tuple[Sidecar, ...]:
        video = media_path(path)
        return sidecars(video, self._names(video.parent))

    def _names(self, folder: Path) -> list[str]:
        """The names in a folder; those of the last one are kept until it changes."""
        if isinstance(folder, ObjectPath):
            return self._names_of_objects(folder)
        try:
            changed = folder.stat().st_mtime_ns
            if self._listed is None or self._listed[:2] != (folder, changed):
                self._listed = (folder, changed, os.listdir(folder))
        except OSError as exc:
            log.info("%s cannot be listed: %s", display_name(folder), exc.strerror or exc)
            return []
        return self._listed[2]

    def _names_of_objects(self, folder: ObjectPath) -> list[str]:
        """As ``_names``; kept for a minute at most."""
        minute = int(time.monotonic() // 60)
        if self._listed is None or self._listed[:2] != (folder, minute):
            try:
                self._listed = (folder, minute, object_names(folder.address))
            except VideoError as exc:
                log.info("%s", exc)
                return []
        return self._listed[2]


class SubtitleReader:
    """Reads the subtitles of one file."""

    def __init__(
        self,
        path: str,
        video: Video,
        found: tuple[Sidecar, ...],
        *,
        offset_seconds: float,
        timeout_seconds: float,
    ) -> None:
        """Read nothing yet.

        Args:
            path: The video file.
            video: What it holds.
            found: The files beside it.
            offset_seconds: What is added to their times.
            timeout_seconds: Longest time without progress.
        """
        self._path, self._video, self._found = path, video, found
        self._offset_seconds, self._timeout_seconds = offset_seconds, timeout_seconds
        self._revision: str | None = None

    @property
    def provenance(self) -> Provenance:
        """The contract; as revision a digest of all sources, which notices files added, changed or gone."""
        if self._revision is None:
            self._revision = _digest(self._found, self._offset_seconds)
        return Provenance(
            "subtitles", self._revision, SUBTITLE_CONTRACT, f"offset {self._offset_seconds:g} s"
        )

    def read(self, window: Window) -> TrackReading:
        """All subtitles, by time, each text once at a time; what cannot be read is noted by its name.

        Raises:
            VideoError: The video itself cannot be opened, and no file beside it can be read.
        """
        events: list[CaptionEvent] = []
        notes: list[str] = []
        for sidecar in self._found:
            name = display_name(sidecar.path)
            try:
                cues = read_subtitles(
                    sidecar.path, language=sidecar.language, timeout_seconds=self._timeout_seconds
                )
            except VideoError as exc:
                notes.append(f"{name} cannot be read")
                log.warning("%s", exc)
                continue
            moved = _events(cues, sidecar.language, window.span, self._offset_seconds)
            if len(moved) < len(cues):
                notes.append(f"{name}: {len(cues) - len(moved)} subtitles outside the video")
            events += moved
        try:
            events += self._inside(window, notes)
        except VideoError as exc:
            if not events:
                raise
            notes.append("subtitle tracks cannot be read")
            log.info("%s", exc)
        once = _each_once(events)[:MOST_CUES]
        return TrackReading(once, tuple(notes) or (() if once else (NO_SUBTITLES,)))

    def close(self) -> None:
        """Nothing is held."""

    def _inside(self, window: Window, notes: list[str]) -> list[CaptionEvent]:
        """The subtitles of the tracks inside the video."""
        tracks = subtitle_tracks(
            self._path,
            start_pts_seconds=self._video.start_pts_seconds,
            timeout_seconds=self._timeout_seconds,
        )
        if any(not track.is_text for track in tracks):
            notes.append(PICTURES)
        return [
            event
            for track in tracks
            for event in _events(
                list(track.cues), language_code(track.language) or track.language, window.span, 0.0
            )
        ]


def sidecars(video: Path, names: Iterable[str]) -> tuple[Sidecar, ...]:
    """The subtitle files of a video among the names in its folder, in order of their names.

    "name.srt" belongs to "name.mp4", as do "name.en.srt", "name.de.forced.vtt" and "name.mp4.srt"; a file
    that fits another video there better ("name.2.srt" beside "name.2.mp4") does not. Case does not count.
    """
    every = list(names)
    stem, whole = folded(video.stem), folded(video.name)
    others = {
        folded(Path(name).stem)
        for name in every
        if Path(name).suffix.casefold() in VIDEO_SUFFIXES and folded(name) != whole
    }
    found = []
    for name in every:
        base, suffix = os.path.splitext(name)
        if suffix.casefold() not in SIDECAR_SUFFIXES:
            continue
        bare = folded(base)
        prefix = next((each for each in (whole, stem) if _begins(bare, each)), None)
        if prefix is None:
            continue
        rest = bare[len(prefix) :]
        if any(len(other) > len(prefix) and _begins(bare, other) for other in others):
            continue
        found.append(Sidecar(video.parent / name, _language_in(rest)))
    return tuple(sorted(found, key=lambda each: each.path.name)[:_MOST_SIDECARS])


def _begins(name: str, prefix: str) -> bool:
    """Whether a name is another one, alone, with parts after a dot, or with a language after another mark."""
    rest = name.removeprefix(prefix)
    if not name.startswith(prefix) or rest[:1] in ("", "."):
        return name.startswith(prefix)
    parts = [part for part in _BETWEEN.split(rest) if part]
    return not rest[0].isalnum() and all(part in _FLAGS or language_code(part) for part in parts)


def _language_in(rest: str) -> str:
    """The language that the parts of a name give, the last one that does."""
    parts = [part for part in _BETWEEN.split(rest) if part and part not in _FLAGS]
    codes = [language_code(part) for part in parts]
    return next((code for code in reversed(codes) if code), "")


def _digest(found: Iterable[Sidecar], offset_seconds: float) -> str:
    """Digest of the names and bytes of all files beside a video; those inside are its own bytes."""
    digest = hashlib.sha256(f"{offset_seconds:g}".encode())
    for sidecar in found:
        digest.update(b"\0" + os.fsencode(sidecar.path.name) + b"\0")
        try:
            with open_regular(sidecar.path) as file:
                digest.update(hashlib.sha256(file.read(MOST_FILE_BYTES + 1)).digest())
        except (OSError, VideoError):
            digest.update(b"unreadable")
    return f"sha256:{digest.hexdigest()}"


def _events(cues: list[Cue], language: str, within: Span, offset_seconds: float) -> list[CaptionEvent]:
    """Cues as events inside a span: those outside are left out, those that reach out are cut."""
    events = []
    for cue in cues:
        span = Span.clamped(
            cue.span.start_seconds + offset_seconds, cue.span.end_seconds + offset_seconds, within=within
        )
        if span.duration_seconds > 0:
            events.append(CaptionEvent(span, cue.text, None, language))
    return events


def _each_once(events: list[CaptionEvent]) -> tuple[CaptionEvent, ...]:
    """Events by time; of several with the same text at the same time the one that is first in the list."""
    kept: list[CaptionEvent] = []
    by_text: dict[str, list[CaptionEvent]] = {}
    for event in events:
        alike = by_text.setdefault(" ".join(event.text.casefold().split()), [])
        if any(
            abs(event.span.start_seconds - other.span.start_seconds) <= _SAME_SECONDS
            and same_language(event.language, other.language)
            for other in alike
        ):
            continue
        alike.append(event)
        kept.append(event)
    return tuple(sorted(kept, key=lambda event: (event.span, event.text)))
