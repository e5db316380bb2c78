"""Cuts joined into one film: what is written on them, at which rate; chooses none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from footage.core.timecode import overlap_seconds
from footage.core.types import Span
from footage.media.audio_tracks import AudioChoice
from footage.media.concat import Piece
from footage.media.sandbox import write_reel
from search.query.filters import read_moment
from service.export.cuts import Cut
from service.export.smpte import Counting
from service.export.subtitles import subtitle_cues

TitleKind = Literal["file", "clock", "query", "caption"]


@dataclass(frozen=True, slots=True)
class Lettering:
    """What is written on the pictures."""

    titles: TitleKind | None = None
    """Under each clip: the file's name, the wall clock when it begins, what was looked for, the caption."""
    source_time: bool = False
    """Whether the source's timecode runs along."""
    subtitles: bool = False
    """Whether the spoken words of each clip (``Clip.spoken``) are written as subtitles."""


NO_LETTERING = Lettering()


def join(
    cuts: Sequence[Cut],
    out: Path,
    *,
    lettering: Lettering = NO_LETTERING,
    audio: AudioChoice = "main",
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Span, ...]:
    """Write cuts as one MP4, one after the other, at the highest of their rates.

    Args:
        cuts: At least one.
        out: Where to write.
        lettering: What is written on the pictures.
        audio: Which audio track of each is heard; the first of those chosen.
        timeout_seconds: Give up after this long without progress.
        on_progress: Called with (cuts done, cuts in all), in the thread that writes.

    Returns:
        When each is on, in seconds of the film.

    Raises:
        VideoError: One of the sources cannot be read.
        FootageError: ``out`` cannot be written.
    """
    pieces = [
        Piece(
            each.stretch,
            title_of(each, lettering.titles) if lettering.titles else "",
            _SourceTime(each.counting, each.source_start) if lettering.source_time else None,
            audio,
            subtitles_of(each) if lettering.subtitles else (),
        )
        for each in cuts
    ]
    rate = max(each.counting.rate for each in cuts)
    return write_reel(pieces, out, rate=rate, timeout_seconds=timeout_seconds, on_progress=on_progress).spans


def title_of(cut: Cut, kind: TitleKind) -> str:
    """What is written under a cut; the file's name where the wall clock or the query is not known."""
    if kind == "caption" and (cut.clip.text or cut.clip.title):
        return cut.clip.text or cut.clip.title
    if kind == "query" and (cut.clip.query or cut.clip.title):
        return cut.clip.query or cut.clip.title
    if kind == "clock":
        began = read_moment(cut.clip.recorded_at)
        if began is not None:
            return f"{began + timedelta(seconds=cut.span.start_seconds):%Y-%m-%d %H:%M:%S}"
    return cut.name


def subtitles_of(cut: Cut) -> tuple[tuple[Span, str], ...]:
    """The subtitles that are on while a cut is, in video time of its source."""
    return tuple(
        (span, "\n".join(cue.lines))
        for cue in subtitle_cues(cut.clip.spoken)
        if overlap_seconds(span := Span(cue.start_milliseconds / 1000, cue.end_milliseconds / 1000), cut.span)
    )


@dataclass(frozen=True, slots=True)
class _SourceTime:
    """Says the source's timecode at a moment of it, in video time."""

    counting: Counting
    """How its frames are counted."""
    start: int
    """Timecode of the video's first frame, as a number of frames."""

    def __call__(self, seconds: float) -> str:
        label: str = self.counting.label(self.start + round(seconds * self.counting.rate))
        return label
