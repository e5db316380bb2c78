"""What is said, written or seen in videos as subtitle files, one for each video and language."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from footage.core.errors import FileError, UsageError
from footage.core.tracks import CAPTION_TRACK, SPEECH_TRACK, SUBTITLE_TRACK, TRACKS
from footage.core.types import CaptionEvent, File
from footage.objects.paths import absolute
from service.export.names import safe_stem
from service.export.staging import staging
from service.export.subtitles import SubtitleFormat, write_subtitles
from service.requests import MediaPath, Request
from service.transcript import Transcript, transcripts

if TYPE_CHECKING:
    from service.session import Service

SUFFIXES = {SPEECH_TRACK: "", SUBTITLE_TRACK: "", CAPTION_TRACK: ".captions"}
"""What the name of a file says about its track; players find speech and subtitles by the video's own name."""


class SubtitleRequest(Request):
    """Which tracks of which videos, and as what."""

    tracks: tuple[str, ...] = Field(default=(SPEECH_TRACK,), min_length=1)
    """Some of ``footage.core.tracks.TRACKS``; each makes files of its own."""
    form: SubtitleFormat
    """What to write."""
    paths: tuple[MediaPath, ...] = ()
    """Video files, or folders of them, as they are in the index; all videos when empty."""


@dataclass(frozen=True, slots=True)
class SubtitleText:
    """The subtitles of one video in one language."""

    video: str
    """Path of the video file."""
    track: str
    """The track."""
    language: str
    """The language as the index has it; empty while unknown."""
    text: str
    """What the file holds."""

    @property
    def stem(self) -> str:
        """Name of the file, without the ending of its format."""
        track = SUFFIXES.get(self.track, f".{self.track}")
        language = f".{self.language}" if self.language else ""
        return safe_stem(f"{Path(self.video).stem}{track}{language}")


def subtitle_texts(service: Service, request: SubtitleRequest) -> list[SubtitleText]:
    """The subtitle files of some videos, by path; a video without a line of the track has none.

    Raises:
        UsageError: there is no such track, or the index does not know a path.
        StoreError: there is no index, or it cannot be read.
    """
    for track in request.tracks:
        if track not in TRACKS:
            raise UsageError(f"--track cannot be {track!r}: use one of {', '.join(TRACKS)}")
    made = []
    for file in _files(service, request.paths):
        for each in _transcripts(service, file.content_id, request.tracks):
            text = write_subtitles(each.lines, request.form)
            made.append(SubtitleText(file.path, each.track, each.language, text))
    return made


def write_subtitle_files(
    service: Service, request: SubtitleRequest, folder: Path
) -> list[tuple[Path, SubtitleText]]:
    """Write subtitle files into a folder, all or none; existing files are not replaced.

    Returns:
        Each file and what it holds, in order of their videos.

    Raises:
        UsageError: as ``subtitle_texts``, or there is nothing to write.
        FootageError: the folder cannot be written, or the index not read.
    """
    texts = subtitle_texts(service, request)
    if not texts:
        raise nothing_there(request)
    sources = {file.path for file in service.store().files.all()}
    with staging(folder, overwrite=False, sources=sources) as place:
        made = [(place.write_text(each.stem, f".{request.form}", each.text), each) for each in texts]
    return [(folder / path.name, each) for path, each in made]


def nothing_there(request: SubtitleRequest) -> UsageError:
    """That no video has anything of the tracks."""
    named = ", ".join(request.tracks)
    return UsageError(
        f"the index has nothing of the track {named} of these videos",
        hint=f"Index it first: footage index --tracks {named} FOLDER. What there is: footage status",
    )


def _files(service: Service, paths: tuple[Path, ...]) -> list[File]:
    """The files that are meant, each content once, by path."""
    known = [file for file in service.store().files.all() if file.content_id and file.state != "gone"]
    if paths:
        wanted = [str(absolute(path)) for path in paths]
        for path in wanted:
            if not any(_is_in(file.path, path) for file in known):
                raise FileError(
                    f"{path} is not in the index", hint="See footage status, or index it: footage index PATH"
                )
        known = [file for file in known if any(_is_in(file.path, path) for path in wanted)]
    first: dict[str, File] = {}
    for file in sorted(known, key=lambda file: (file.state == "offline", file.path)):
        first.setdefault(file.content_id, file)
    return sorted(first.values(), key=lambda file: file.path)


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)


def _transcripts(service: Service, content_id: str, tracks: tuple[str, ...]) -> list[Transcript]:
    """The transcripts of some tracks of a video; what happens is one of them."""
    found = []
    if CAPTION_TRACK in tracks and (events := service.store().events.of(content_id)):
        lines = tuple(CaptionEvent(event.span, event.text) for event in events)
        found.append(Transcript(CAPTION_TRACK, "", lines))
    return [*found, *(each for each in transcripts(service, content_id) if each.track in tracks)]
