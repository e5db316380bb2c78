"""Joins stretches of videos of any size, frame rate and sound into one film; knows no model and no index.

Pictures are fitted into a common size with black around them, and shown at one constant rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from footage.core.atomic import whole_file
from footage.core.errors import DecodeError, UsageError
from footage.core.timeout import Pulse, supervise
from footage.core.types import Span
from footage.media import demux, encode
from footage.media.audio_tracks import AudioChoice, AudioTrack, choose
from footage.media.clip import refuse_source
from footage.media.encode import FULL, Quality
from footage.media.segment import SOUND_RATE, Sound, Streams, Stretch, decoded, read_streams
from footage.media.text_overlay import write_on, write_subtitle

_NUMBER_709 = 1
"""FFmpeg's number of the colours of HDTV, which all pictures are brought to."""
_LIMITED_RANGE = 1
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Piece:
    """One stretch of a reel, and what is written on it."""

    stretch: Stretch
    """What is shown."""
    title: str = ""
    """Written into the lower left corner; nothing where it is empty."""
    clock: Callable[[float], str] | None = None
    """Says what is written into the upper left corner at a moment of the source, in video time."""
    audio: AudioChoice = "main"
    """Which audio track of its file is heard: the first of those chosen."""
    subtitles: tuple[tuple[Span, str], ...] = ()
    """What is written below the middle, and when, in video time of the source; by start."""
    on_grid: bool = False
    """Whether each picture comes on with the nearest frame as ``FrameGrid.frame`` counts at the reel's rate,
    and the piece lasts as many; otherwise pictures keep their distance to the first one."""

    def subtitle_at(self, seconds: float) -> str:
        """What is to be read at a moment of the source; of more than two at once the last two."""
        on = [text for span, text in self.subtitles if span.start_seconds <= seconds < span.end_seconds]
        return "\n".join(on[-2:])


@dataclass(frozen=True, slots=True)
class WrittenReel:
    """What a reel holds."""

    path: Path
    """Where it is."""
    rate: Fraction
    """Frames per second, constant."""
    spans: tuple[Span, ...]
    """When each piece is on, in seconds of the reel."""


def write_reel(
    pieces: Sequence[Piece],
    out: Path,
    *,
    rate: Fraction,
    quality: Quality = FULL,
    max_width: int = 1920,
    timecode: str = "",
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
    place: int | None = None,
) -> WrittenReel:
    """Join pieces into one MP4 (H.264, and AAC where any of them has sound).

    The picture is as large as the largest piece. A piece takes as many whole frames of the reel as fit into
    its own length, at least one; frames are repeated or left out where its rate differs. A piece without
    sound is silent.

    Args:
        pieces: What to join, in this order; at least one.
        out: Where to write; replaced when there, but never one of the videos.
        rate: Frames per second of the reel.
        quality: How good.
        max_width: Widest picture, in pixels.
        timecode: Of the reel's first frame, for the file's own timecode track; none where it is empty.
        timeout_seconds: Give up after this long without progress.
        on_progress: Called with (pieces done, pieces in all), in the thread that writes.
        place: Descriptor of an open file to write to instead of ``out``.

    Raises:
        VideoError: One of the videos cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    if not pieces:
        raise UsageError("There are no clips to join.", hint="Name at least one clip.")
    refuse_source(out, *(piece.stretch.table.path for piece in pieces))

    def work(pulse: Pulse) -> WrittenReel:
        import av

        try:
            drafting: AbstractContextManager[Path | int] = (
                whole_file(out) if place is None else nullcontext(place)
            )
            with drafting as partial:
                spans = _write(pieces, partial, pulse, rate, quality, max_width, timecode, on_progress)
        except (av.FFmpegError, ValueError) as exc:
            raise DecodeError(f"the clips cannot be joined: {demux.why(exc)}") from exc
        return WrittenReel(out, rate, tuple(spans))

    return supervise(work, name=out.name, timeout_seconds=timeout_seconds)


def _write(
    pieces: Sequence[Piece],
    partial: Path | int,
    pulse: Pulse,
    rate: Fraction,
    quality: Quality,
    max_width: int,
    timecode: str,
    on_progress: Callable[[int, int], None] | None,
) -> list[Span]:
    # 1. What the whole of it looks and sounds like.
    result = [read_streams(piece.stretch.table.path) for piece in pieces]
    shapes = [_shape(piece.stretch, streams, pulse) for piece, streams in zip(pieces, result, strict=True)]
    size = encode.even_size(*max(shapes, key=math.prod), max_width)
    with encode.open_mp4(partial) as target:
        tracks = [
            choose(streams.tracks, piece.audio)[:1] for piece, streams in zip(pieces, result, strict=True)
        ]
        film = _Film(target, size, rate, quality, sound=any(tracks), timecode=timecode)

        # 2. One piece after the other.
        spans: list[Span] = []
        for done, (piece, sound, streams) in enumerate(zip(pieces, tracks, result, strict=True)):
            if on_progress:
                on_progress(done, len(pieces))
            begin = film.frames
            film.add(piece, streams.pixel_shape, pulse, sound=sound)
            spans.append(Span(float(begin / rate), float(film.frames / rate)))

        # 3. What the encoders still hold.
        for stream in target.streams:
            target.mux(stream.encode(None))
    if on_progress:
        on_progress(len(pieces), len(pieces))
    return spans


class _Film:
    """A reel on its way."""

    def __init__(
        self,
        target: Any,
        size: tuple[int, int],
        rate: Fraction,
        quality: Quality,
        *,
        sound: bool,
        timecode: str = "",
    ) -> None:
        self.frames = 0
        self._target, self._size, self._rate = target, size, rate
        self._pictures = encode.add_pictures(target, size, quality, rate=rate, time_base=1 / rate)
        encode.keep_timecode(self._pictures, timecode)
        context = self._pictures.codec_context
        context.color_range, context.colorspace = _LIMITED_RANGE, _NUMBER_709
        context.color_primaries, context.color_trc = _NUMBER_709, _NUMBER_709
        self._track = encode.SoundTrack(target, "stereo", quality) if sound else None

    def add(self, piece: Piece, pixel_shape: Fraction, pulse: Pulse, *, sound: Sequence[AudioTrack]) -> None:
        """Put in as many whole frames of a piece as fit into its length, and exactly as much sound."""
        import av

        stretch, track = piece.stretch, self._track
        exact = (
            (stretch.end - stretch.begin) * stretch.table.time_base * self._rate
        )  # a Fraction: no rounding
        first = float((stretch.begin - int(stretch.table.pts[0])) * stretch.table.time_base * self._rate)
        length = round(first + float(exact)) - round(first) if piece.on_grid else math.floor(exact + _EPSILON)
        end = self.frames + max(1, length)
        heard = Sound(stretch, self._sample(end) - self._sample(self.frames), layout="stereo")
        begin, shown, source, read = self.frames, None, None, ""

        def show(until: float) -> None:
            """Show the current picture up to a moment of the piece, with what is to be read then."""
            nonlocal shown, read
            while source is not None and self.frames < end:
                moment = (self.frames - begin) / self._rate
                if moment >= until - _EPSILON:
                    break
                text = piece.subtitle_at(stretch.span.start_seconds + float(moment))
                if shown is None or text != read:
                    picture, at_seconds = source
                    shown, read = _fitted(picture, pixel_shape, self._size, piece, at_seconds, text), text
                shown.pts, shown.time_base, shown.duration = self.frames, 1 / self._rate, 1
                self._target.mux(self._pictures.encode(shown))
                self.frames += 1

        for frame in decoded(stretch, pulse, sound=sound):
            if isinstance(frame, av.VideoFrame):
                seconds = float(frame.pts * frame.time_base)
                comes_on = seconds
                if piece.on_grid:
                    comes_on = float((round(first + seconds * self._rate) - round(first)) / self._rate)
                show(comes_on)
                if self.frames < end:
                    source, shown = (frame, stretch.span.start_seconds + seconds), None
            elif track is not None:
                parts: list[np.ndarray] = []
                with suppress(av.FFmpegError, ValueError):  # what does not sound is silent
                    parts += heard.take(frame.frame)
                for part in parts:
                    track.write(part)
        show(math.inf)
        if track is not None:
            for part in heard.rest():
                track.write(part)

    def _sample(self, frame: int) -> int:
        """The sample that sounds when a frame of the reel comes on."""
        return round(frame / self._rate * SOUND_RATE)


def _shape(stretch: Stretch, streams: Streams, pulse: Pulse) -> tuple[int, int]:
    """Width and height of its pictures, upright, in square pixels."""
    with closing(decoded(stretch, pulse)) as frames:
        return encode.shown_size(next(frames), streams.pixel_shape)


def _fitted(
    frame: Any, pixel_shape: Fraction, size: tuple[int, int], piece: Piece, seconds: float, subtitle: str
) -> Any:
    """A decoded frame in the middle of a black picture of the reel's size, with what is written on it."""
    fitted = encode.within(frame, size, encode.shown_size(frame, pixel_shape), matrix=_NUMBER_709)
    if not piece.title and piece.clock is None and not subtitle:
        return fitted

    def write(planes: list[np.ndarray]) -> None:
        write_on(planes, piece.title, "bottom")
        if piece.clock is not None:
            write_on(planes, piece.clock(seconds), "top")
        if subtitle:
            write_subtitle(planes, subtitle, above_title=bool(piece.title))

    made = encode.painted(fitted, write)
    made.color_range, made.colorspace = _LIMITED_RANGE, _NUMBER_709
    return made
