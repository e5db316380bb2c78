"""Runs of frames: which frames a span holds, and their pictures and sound, decoded; writes nothing."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from footage.core.errors import DecodeError
from footage.core.timeout import Pulse
from footage.core.types import Span
from footage.media import demux, frame_reader
from footage.media.audio_tracks import AudioTrack, audio_tracks
from footage.media.containers import display_name
from footage.media.creation_time import plain_tag
from footage.media.deinterlace import deinterlaced
from footage.media.frame_reader import Damage, SoundFrame, before, in_order, open_before

SOUND_RATE = 48_000
"""Samples per second of all sound that is written."""
_SAME_TIME_SECONDS = 1e-6
"""Two times this near are one: they went through floating point."""
_INTERLEAVING_SECONDS = 1.0
"""How far behind its pictures the sound of a file is waited for."""
_SOUND_JITTER = SOUND_RATE // 50
"""Most samples by which the times of sound may be off before silence is put in, or sound left out: containers
round them, some to a millisecond."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of frames of one file, never empty."""

    table: demux.FrameTable
    """Where the frames of the file lie."""
    first: int
    """Index of the first frame."""
    past: int
    """Index after the last frame."""

    @property
    def name(self) -> str:
        """The file's own name, printable."""
        return display_name(self.table.path)

    @property
    def begin(self) -> int:
        """When the first frame comes on, in the file's ticks."""
        return int(self.table.pts[self.first])

    @property
    def end(self) -> int:
        """When the last frame goes off, in the file's ticks."""
        return int(self.table.pts[self.past - 1] + self.table.durations[self.past - 1])

    @property
    def span(self) -> Span:
        """From when to when, in video time."""
        return Span(float(self.table.seconds(self.begin)), float(self.table.seconds(self.end)))

    def at_most(self, seconds: float) -> Stretch:
        """As many of its frames, from the first on, as are over after so long; at least one."""
        ends = self.table.seconds(self.table.pts + self.table.durations) - self.span.start_seconds
        past = int(np.searchsorted(ends, seconds + _SAME_TIME_SECONDS, side="right"))
        return Stretch(self.table, self.first, min(self.past, max(self.first + 1, past)))


@dataclass(frozen=True, slots=True)
class Streams:
    """The header of a file: its pictures and its sound."""

    rate: Fraction
    """Frames per second, on average."""
    pixel_shape: Fraction
    """Width of a pixel by its height, before any rotation."""
    colours: tuple[int, int]
    """FFmpeg's numbers of the colour primaries and of the transfer characteristic."""
    tracks: tuple[AudioTrack, ...]
    """Its audio tracks."""
    timecode: str
    """The timecode of the first frame, as written there; empty where there is none."""


def stretch_in(table: demux.FrameTable, span: Span) -> Stretch:
    """The frames that begin in a span: from the first at or after its start to the last before its end.

    A span in which no frame begins has the one on show. What lies past the end of the video is left out. Of a
    span that holds a gap of the video, the frames of its longest run are taken.

    Raises:
        DecodeError: The span lies past the end.
    """
    if span.start_seconds >= table.duration_seconds - _SAME_TIME_SECONDS:
        raise DecodeError(
            f"{display_name(table.path)} ends at {table.duration_seconds:.1f} s; "
            f"there is no video at {span.start_seconds:.1f} s"
        )
    ends = np.array([span.start_seconds, span.end_seconds]) - _SAME_TIME_SECONDS
    first, past = np.searchsorted(table.times_seconds, ends).tolist()
    if past <= first:
        return Stretch(table, max(0, first - 1), max(past, 1))
    breaks = table.gap_frames + 1
    edges = [first, *breaks[(breaks > first) & (breaks < past)].tolist(), past]
    stretches = [Stretch(table, begin, end) for begin, end in pairwise(edges)]
    return max(stretches, key=lambda stretch: stretch.end - stretch.begin)


def decoded(
    stretch: Stretch, pulse: Pulse, *, sound: Sequence[AudioTrack] = ()
) -> Generator[Any, None, None]:
    """The pictures of a stretch in order, and the sound around it, as they come.

    Args:
        stretch: What to decode.
        pulse: Beats once per packet.
        sound: Audio tracks that are wanted.

    Yields:
        PyAV frames: pictures with times in ticks since the stretch began, each as long as it is on show, and
        progressive; sound as ``framereader.SoundFrame``.

    Raises:
        VideoError: The file cannot be read there, or none of its pictures decodes.
    """
    begin, end = stretch.begin, stretch.end
    end_seconds = float(end * stretch.table.time_base)
    last = -1
    with open_before(stretch.table, before(stretch.table, stretch.first)) as (source, video):
        patience = _INTERLEAVING_SECONDS if sound else 0.0
        streams = [video, *(source.streams[track.stream_index] for track in sound)]
        until = end + float(patience / stretch.table.time_base)
        frames = in_order(
            frame_reader.decoded(source, streams, pulse, Damage(), stretch.table.parts, until=until)
        )
        for frame in deinterlaced(frames, stretch.table.interlacing):
            if isinstance(frame, SoundFrame):
                yield frame
            elif begin + last < frame.pts < end:
                index = int(np.searchsorted(stretch.table.pts, frame.pts, side="right")) - 1
                last = frame.pts - begin
                frame.pts, frame.time_base = last, stretch.table.time_base
                frame.duration = int(stretch.table.durations[index])
                yield frame
            elif frame.pts >= end and float(frame.pts * frame.time_base) >= end_seconds + patience:
                break
    if last < 0:
        raise DecodeError(f"{stretch.name} does not decode at {stretch.span.start_seconds:.1f} s")


def read_streams(path: str) -> Streams:
    """The streams in a file's header.

    Raises:
        VideoError: The file cannot be opened.
    """
    with demux.open_video(path) as (source, video):
        result = [video.metadata, source.metadata, *(stream.metadata for stream in source.streams)]
        lowered = [{key.lower(): value for key, value in metadata.items()} for metadata in result]
        timecodes = (plain_tag(each, "timecode") for each in lowered)
        return Streams(
            rate=Fraction(video.average_rate or video.guessed_rate or 25),
            pixel_shape=Fraction(video.sample_aspect_ratio or 1),
            colours=(int(video.codec_context.color_primaries), int(video.codec_context.color_trc)),
            tracks=audio_tracks(source),
            timecode=next(filter(None, timecodes), ""),
        )


class Sound:
    """The sound of a stretch to the sample: cut where the pictures begin and end, silence in its gaps."""

    def __init__(self, stretch: Stretch, samples: int, *, layout: str) -> None:
        """Begin with nothing written.

        Args:
            stretch: Whose sound.
            samples: How many are wanted, at ``SOUND_RATE``.
            layout: "mono" or "stereo"; anything else is mixed down.
        """
        import av

        self._begin_seconds = float(stretch.begin * stretch.table.time_base)
        self._samples, self._written = samples, 0
        self._channels = 1 if layout == "mono" else 2
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE)

    def take(self, frame: Any) -> Iterator[np.ndarray]:
        """What a decoded frame of sound adds: float32 (channels, samples), each right after the last."""
        for part in self._resampler.resample(frame):
            yield from self._place(part)

    def rest(self) -> Iterator[np.ndarray]:
        """What is still missing when all is decoded, as silence where there is nothing left."""
        for part in self._resampler.resample(None):
            yield from self._place(part)
        yield from self._silence(self._samples - self._written)

    def _place(self, part: Any) -> Iterator[np.ndarray]:
        values = part.to_ndarray()
        place = round((float(part.pts * part.time_base) - self._begin_seconds) * SOUND_RATE)
        if abs(place - self._written) <= _SOUND_JITTER and self._written:
            place = self._written
        yield from self._silence(min(place, self._samples) - self._written)
        heard = values[:, max(0, self._written - place) : max(0, self._samples - place)]
        if heard.shape[1]:
            self._written += heard.shape[1]
            yield np.ascontiguousarray(heard)

    def _silence(self, samples: int) -> Iterator[np.ndarray]:
        while samples > 0:
            part = min(samples, SOUND_RATE)
            self._written += part
            samples -= part
            yield np.zeros((self._channels, part), np.float32)
