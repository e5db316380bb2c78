"""Writes clips cut out of videos; knows neither models nor the index.

Whatever is written appears under its name only when it is whole.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from footage.core.atomic import whole_file
from footage.core.errors import DecodeError, UsageError
from footage.core.timeout import Pulse, supervise
from footage.core.types import Span
from footage.media import demux, encode, remux
from footage.media.audio_tracks import AudioChoice, AudioTrack, choose
from footage.media.containers import check, display_name
from footage.media.decode import open_source
from footage.media.encode import FULL, Quality
from footage.media.segment import SOUND_RATE, Sound, Streams, Stretch, decoded, read_streams, stretch_in

Paint = Callable[[list[np.ndarray], float], None]
"""Draws onto the planes of a picture, in place, given its time in video time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """What a clip holds."""

    path: Path
    """Where it is."""
    span: Span
    """From when to when it shows the source, in video time: whole frames."""
    frames: int
    """How many pictures."""
    audio: tuple[AudioTrack, ...] = ()
    """The audio tracks of the source that it holds."""


def write_clip(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    quality: Quality = FULL,
    paint: Paint | None = None,
    audio: AudioChoice = "all",
    timecode: str = "",
    timeout_seconds: float = 120,
    place: int | None = None,
) -> Written:
    """Cut a span out of a video, to the frame: an MP4 of H.264, with AAC where there is sound.

    The clip begins with the first frame at or after the start and ends with the last that begins before the
    end. Pictures are upright and keep the distances in time they had; sound is cut to the sample. A span in
    which no frame begins gives the one on show.

    Args:
        path: A local video file.
        span: What to cut, in video time; the part past the end is left out.
        out: Where to write; replaced when there, but never the video itself.
        quality: How good; the pictures' own size by default.
        paint: Draws onto each picture; it is given Y, U and V (see ``footage.media.encode.planes_of``).
        audio: Which audio tracks to take along; each keeps its language and title, the default stays it.
        timecode: Of the clip's first frame, for the file's own timecode track; none where it is empty.
        timeout_seconds: Give up after this long without progress.
        place: Descriptor of an open file to write to instead of ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    write = _write_with_or_without_sound(quality, paint, audio, timecode)
    return _write(path, span, out, write, timeout_seconds, place)


def copy_clip(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    audio: AudioChoice = "all",
    timeout_seconds: float = 120,
    place: int | None = None,
) -> Written:
    """Cut a span out of a video without encoding anything again: as good as the source, and quick.

    The clip can begin only with a keyframe, so it begins with the last one at or before the first frame of
    the span, and it ends where no frame of it needs a later one; the span in the result is what it holds.

    Args:
        path: A local video file.
        span: What to cut, in video time; the part past the end is left out.
        out: Where to write the MP4; replaced when there, but never the video itself.
        audio: Which audio tracks to take along.
        timeout_seconds: Give up after this long without progress.
        place: Descriptor of an open file to write to instead of ``out``.

    Raises:
        VideoError: The video cannot be read there, or an MP4 cannot hold its streams as they are.
        FootageError: ``out`` cannot be written.
    """
    return _write(path, span, out, partial(remux.copy, audio=audio), timeout_seconds, place)


_Writer = Callable[[Stretch, Path | int, Pulse], tuple[Stretch, tuple[AudioTrack, ...]]]
"""Writes a stretch to a file and says what it wrote, and which of the source's audio tracks."""


def _write(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    write: _Writer,
    timeout_seconds: float,
    place: int | None,
) -> Written:
    """Find the frames, have them written under another name, and give the file its own."""
    absolute, _ = check(path)
    refuse_source(out, absolute)

    def work(pulse: Pulse) -> Written:
        stretch = stretch_in(open_source(absolute, pulse).table, span)
        drafting: AbstractContextManager[Path | int] = (
            whole_file(out) if place is None else nullcontext(place)
        )
        with drafting as draft:
            result, sound = write(stretch, draft, pulse)
        return Written(out, result.span, result.past - result.first, sound)

    return supervise(work, name=display_name(absolute), timeout_seconds=timeout_seconds)


def refuse_source(out: Path, *sources: str) -> None:
    """Refuse to write a file over one it is made from.

    Raises:
        UsageError: ``out`` is one of the sources, whatever the way to it.
    """
    for source in sources:
        if out.exists() and os.path.exists(source) and out.samefile(source):
            raise UsageError(
                f"{display_name(source)} is a source video and must not be overwritten",
                hint="Name another file.",
            )


def _write_with_or_without_sound(
    quality: Quality, paint: Paint | None, audio: AudioChoice, timecode: str
) -> _Writer:
    """Writes a clip; a broken sound track costs the sound, not the clip."""

    def write(stretch: Stretch, draft: Path | int, pulse: Pulse) -> tuple[Stretch, tuple[AudioTrack, ...]]:
        import av

        streams = read_streams(stretch.table.path)
        decodable = tuple(track for track in choose(streams.tracks, audio) if track.codec)
        for sound in (decodable, ()):
            try:
                _encode(stretch, draft, pulse, quality, paint, streams, sound, timecode)
                return stretch, sound
            except OSError:
                raise  # a full disk is not the sound's fault
            except (av.FFmpegError, ValueError) as exc:
                tried = "with" if sound else "without"
                log.info("%s: %s sound, writing fails: %s", stretch.name, tried, demux.why(exc))
                cause = exc
        raise DecodeError(f"{stretch.name} cannot be cut: {demux.why(cause)}") from cause

    return write


def _encode(
    stretch: Stretch,
    draft: Path | int,
    pulse: Pulse,
    quality: Quality,
    paint: Paint | None,
    streams: Streams,
    sound: Sequence[AudioTrack],
    timecode: str,
) -> None:
    """Decode, scale and encode frame by frame; nothing piles up."""
    import av

    frames = decoded(stretch, pulse, sound=sound)

    # 1. One stream for the pictures, as the first one is, and one for each audio track.
    early: list[Any] = []
    for frame in frames:
        early.append(frame)
        if isinstance(frame, av.VideoFrame):
            break
    first_size = encode.upright_size(early[-1])
    size = encode.even_size(*first_size, quality.max_width)
    rate = streams.rate.limit_denominator(1001)
    with encode.open_mp4(draft) as target:
        picture_out = encode.add_pictures(target, size, quality, rate=rate, time_base=stretch.table.time_base)
        encode.keep_timecode(picture_out, timecode)
        if streams.pixel_shape != 1:
            turned = round(early[-1].rotation / 90) % 2
            shape = 1 / streams.pixel_shape if turned else streams.pixel_shape
            picture_out.codec_context.sample_aspect_ratio = shape
        encode.keep_colours(picture_out, _fit(early[-1], size, first_size), streams.colours)
        samples = round(stretch.span.duration_seconds * SOUND_RATE)
        tracks = {
            track.stream_index: (
                Sound(stretch, samples, layout=track.layout),
                encode.SoundTrack(target, track.layout, quality, named=track),
            )
            for track in sound
        }

        # 2. Each frame on its way from one to the other, on the clip's own clock.
        for frame in chain(early, frames):
            if isinstance(frame, av.VideoFrame):
                seconds = stretch.span.start_seconds + float(frame.pts * frame.time_base)
                target.mux(picture_out.encode(_fit(frame, size, first_size, paint, seconds)))
            else:
                heard, track = tracks[frame.stream_index]
                for part in heard.take(frame.frame):
                    track.write(part)

        # 3. Silence where the sound ends early, and what the encoders still hold.
        for heard, track in tracks.values():
            for part in heard.rest():
                track.write(part)
        for stream in target.streams:
            target.mux(stream.encode(None))


def _fit(
    frame: Any,
    size: tuple[int, int],
    first: tuple[int, int],
    paint: Paint | None = None,
    seconds: float = 0.0,
) -> Any:
    """The frame upright, at the clip's size and in its format, painted on, with its own time.

    A frame that is not as large as the first one, where the picture changes its size, is fitted in.
    """
    shape = encode.upright_size(frame)
    fitted = encode.upright(frame, size) if shape == first else encode.within(frame, size, shape)
    if paint is not None:
        fitted = encode.painted(fitted, lambda planes: paint(planes, seconds))
    fitted.pts, fitted.time_base, fitted.duration = frame.pts, frame.time_base, frame.duration
    return fitted
