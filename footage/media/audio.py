"""Decodes stretches of one sound track to samples in video time; knows neither words nor models.

Runs in a child process: ``footage.media.sandbox.open_sound`` and ``read_sound``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from footage.core.errors import DecodeError
from footage.core.timeout import Pulse, supervise
from footage.core.types import Span
from footage.media.audio_tracks import AudioTrack, audio_tracks
from footage.media.containers import display_name
from footage.media.demux import FrameTable, open_video, packets, read_table, why
from footage.media.frame_reader import open_before
from footage.objects.paths import absolute as absolute_path

HEARING_RATE = 16_000
"""Samples per second of what is read: what recognisers of speech and detectors of voice take."""
MOST_HEARD_SECONDS = 1200.0
"""Longest stretch that is read at once: 77 MB of samples."""
_RUN_UP_SECONDS = 1.0
"""Decoding begins this much earlier: codecs need packets to settle, and containers interleave roughly."""
_FAR_RUN_UP_SECONDS = 15.0
"""The same for a second try, where the first one landed behind the first wanted sound."""
_PATIENCE_SECONDS = 5.0
"""How far behind its pictures the sound of a file is waited for."""
_JITTER = HEARING_RATE // 50
"""Most samples by which the times of sound may be off before silence is put in, or sound left out: containers
round them, some to a millisecond. Clocks that drift apart are put right at this step."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class SoundSource:
    """The sound tracks of a file, and what reading them needs."""

    tracks: tuple[AudioTrack, ...]
    """Its sound tracks; none where it has no sound."""
    table: FrameTable | None = None
    """Where its pictures lie in time, which sound is placed beside; None where there are no tracks."""


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """A stretch of one sound track."""

    samples: np.ndarray
    """float32 (n,), mono, ``HEARING_RATE`` a second, from -1 to 1; the first is at the start of the span."""
    span: Span
    """Where it lies, in video time."""
    heard_seconds: float
    """For how much of it the track has sound; the rest is silence."""
    damaged_packets: int = 0
    """Packets in it that did not decode."""


def open_sound(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> SoundSource:
    """Look which sound tracks a file has; where it has any, its packets are scanned once, for their times.

    Args:
        path: A local video file.
        timeout_seconds: Give up after this long without progress.

    Raises:
        VideoError: It cannot be opened.
    """
    absolute = os.fspath(absolute_path(path))

    def work(pulse: Pulse) -> SoundSource:
        with open_video(absolute) as (container, _):
            tracks = audio_tracks(container)
        return SoundSource(tracks, read_table(absolute, pulse) if tracks else None)

    return supervise(work, name=display_name(absolute), timeout_seconds=timeout_seconds)


def read_sound(
    source: SoundSource, track: AudioTrack, span: Span, *, timeout_seconds: float = 120
) -> Waveform:
    """Decode a stretch of one sound track.

    Each sample stands where its time stamp puts it beside the pictures: sound that begins later than they do,
    pauses of the track and damaged packets are silence, and sound before the first picture is left out.

    Args:
        source: The file.
        track: One of its tracks.
        span: What to read, in video time; at most ``MOST_HEARD_SECONDS`` long.
        timeout_seconds: Give up after this long without progress.

    Raises:
        VideoError: The file cannot be read there, or nothing in the stretch decodes.
    """
    table = source.table
    if table is None or track not in source.tracks:
        raise ValueError(f"the file has no sound track {track.number}")
    if not 0 < span.duration_seconds <= MOST_HEARD_SECONDS:
        raise ValueError(f"at most {MOST_HEARD_SECONDS:g} s of sound are read, got {span.duration_seconds}")
    name = display_name(table.path)
    if not track.codec:
        raise DecodeError(f"sound track {track.number} of {name} has a codec that cannot be decoded")

    def work(pulse: Pulse) -> Waveform:
        hearing = _Hearing(span)
        for run_up in (_RUN_UP_SECONDS, _FAR_RUN_UP_SECONDS):
            hearing = _Hearing(span)
            from_start = _fill(hearing, table, track, max(0.0, span.start_seconds - run_up), pulse)
            if from_start or hearing.reached_back:
                break
        if hearing.damaged and not hearing.heard:
            raise DecodeError(
                f"sound track {track.number} of {name} cannot be decoded from {span.start_seconds:.1f} s "
                f"to {span.end_seconds:.1f} s"
            )
        return Waveform(hearing.samples, span, hearing.heard / HEARING_RATE, hearing.damaged)

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def _fill(hearing: _Hearing, table: FrameTable, track: AudioTrack, from_seconds: float, pulse: Pulse) -> bool:
    """Decode from a time on until all that is wanted is there.

    Returns:
        Whether decoding began where the file begins.
    """
    import av

    index = max(0, int(np.searchsorted(table.times_seconds, from_seconds, side="right")) - 1)
    zero_seconds = float(int(table.pts[0]) * table.time_base)
    end_seconds = hearing.span.end_seconds
    with open_before(table, index) as (container, video):
        stream = container.streams[track.stream_index]
        for packet in packets(container, [video, stream], table.parts):
            pulse.beat()
            ticks = packet.dts if packet.dts is not None else packet.pts
            at = None if ticks is None else float(ticks * packet.time_base) - zero_seconds
            if packet.stream_index == video.index:
                if at is not None and at > end_seconds + _PATIENCE_SECONDS:
                    break
                continue
            if at is not None and at > end_seconds + _RUN_UP_SECONDS:
                break
            try:
                frames = packet.decode()
            except av.FFmpegError as exc:
                if at is None or hearing.span.start_seconds <= at <= end_seconds:
                    hearing.damaged += 1
                log.info("%s: a packet does not decode: %s", display_name(table.path), why(exc))
                continue
            finally:
                if table.parts is not None and not packet.size:
                    packet.stream.codec_context.flush_buffers()  # to go on with the next part
            for frame in frames:
                hearing.take(frame, zero_seconds)
    hearing.end(zero_seconds)
    return table.keyframe_at(index) == 0


class _Hearing:
    """Puts decoded sound where its time stamps say; silence everywhere else."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.samples = np.zeros(round(span.duration_seconds * HEARING_RATE), np.float32)
        self.heard = 0
        """Samples that are sound."""
        self.damaged = 0
        """Packets that did not decode."""
        self.reached_back = False
        """Whether sound from before the span, or from its very beginning, came along."""
        self._next: int | None = None
        self._resampler: Any = None
        self._form: tuple[Any, ...] = ()

    def take(self, frame: Any, zero_seconds: float) -> None:
        """Put in a decoded frame."""
        import av

        if frame.pts is None or not frame.samples:
            return
        form = (frame.format.name, frame.layout.name, frame.sample_rate, frame.time_base)
        if form != self._form:  # the first one, or a track that changes within
            self.end(zero_seconds)
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=HEARING_RATE)
            self._form = form
        try:
            parts = self._resampler.resample(frame)
        except (av.FFmpegError, ValueError) as exc:
            log.info("some sound cannot be resampled: %s", why(exc))
            self.damaged, self._form = self.damaged + 1, ()
            self._resampler = None
            return
        self._place(parts, zero_seconds)

    def end(self, zero_seconds: float) -> None:
        """Put in what the resampler still holds."""
        if self._resampler is not None:
            self._place(self._resampler.resample(None), zero_seconds)
            self._resampler = None

    def _place(self, parts: Iterator[Any], zero_seconds: float) -> None:
        for part in parts:
            if part.pts is None:
                continue
            values = part.to_ndarray().reshape(-1)
            at = float(part.pts * part.time_base) - zero_seconds - self.span.start_seconds
            place = round(at * HEARING_RATE)
            if self._next is not None and abs(place - self._next) <= _JITTER:
                place = self._next
            elif self._next is not None and place < self._next:  # what was there already stays
                values, place = values[self._next - place :], self._next
            self._next = place + len(values)
            self.reached_back |= place <= _JITTER
            first, past = max(0, place), min(len(self.samples), place + len(values))
            if past > first:
                some = np.nan_to_num(values[first - place : past - place], posinf=0.0, neginf=0.0)
                self.samples[first:past] = some.clip(-1.0, 1.0)
                self.heard += past - first
