"""Copies a run of frames and its sound into an MP4, encoding nothing; knows no spans and names no file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footage.core.errors import DecodeError
from footage.core.timeout import Pulse
from footage.media import demux, encode, frame_reader
from footage.media.audio_tracks import AudioChoice, AudioTrack, audio_tracks, choose, keep_names
from footage.media.segment import Stretch

_INTERLEAVING_SECONDS = 1.0
"""How far behind its pictures the sound of a file is waited for."""


def copy(
    stretch: Stretch, out: Path | int, pulse: Pulse, *, audio: AudioChoice = "all"
) -> tuple[Stretch, tuple[AudioTrack, ...]]:
    """Copy packets, from the keyframe before the first frame to where nothing that was copied is missing.

    Args:
        stretch: What is wanted.
        out: Where to write: a path, or the descriptor of an open file.
        pulse: Beats once per packet.
        audio: Which audio tracks to copy along.

    Returns:
        What was copied, and which audio tracks.

    Raises:
        VideoError: The file cannot be read there, or an MP4 cannot hold its streams as they are.
    """
    import av

    copying = _Copying(stretch.table, stretch.table.keyframe_at(stretch.first), stretch.past)
    try:
        with (
            frame_reader.open_before(stretch.table, copying.first) as (source, video),
            encode.open_mp4(out) as target,
        ):
            sounds = choose(audio_tracks(source), audio)
            streams = [video, *(source.streams[track.stream_index] for track in sounds)]
            kept = {stream.index: target.add_stream_from_template(stream) for stream in streams}
            for track in sounds:
                keep_names(kept[track.stream_index], track)
            last: dict[int, int] = {}
            for packet in demux.packets(source, streams, stretch.table.parts):
                pulse.beat()
                if packet.pts is None or not packet.size:
                    continue
                if packet.dts is None:
                    packet.dts = copying.early(video.codec_context.reorder_depth)
                seconds = float(packet.pts * packet.time_base)
                if packet.stream_index != video.index:
                    wanted = copying.begin_seconds <= seconds < copying.end_seconds
                elif copying.whole and (not sounds or seconds >= copying.end_seconds + _INTERLEAVING_SECONDS):
                    break
                else:
                    wanted = copying.takes(packet)
                before = last.get(packet.stream_index)
                if wanted and before is not None and packet.dts <= before:  # where two parts of a file meet
                    packet.dts = before + 1
                    wanted = packet.stream_index == video.index  # of sound that overlaps the first is kept
                if wanted:
                    last[packet.stream_index] = packet.dts
                    offset = round(copying.begin_seconds / packet.time_base)
                    packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
                    packet.stream = kept[packet.stream_index]
                    target.mux(packet)
    except OSError:
        raise
    except (av.FFmpegError, ValueError) as exc:
        raise DecodeError(
            f"{stretch.name} cannot be copied into an MP4: {demux.why(exc)}",
            hint="export it without --copy (with re-encoding), or choose audio tracks with --audio",
        ) from exc
    if not copying.taken:
        raise DecodeError(f"{stretch.name} cannot be copied at {stretch.span.start_seconds:.1f} s")
    return Stretch(copying.table, copying.first, copying.past), sounds


@dataclass(slots=True)
class _Copying:
    """Which pictures a copy takes, as they come.

    Pictures are stored in another order than they are shown in: a later one may come before those that need
    it. The copy grows until it has every picture between its first and its last.
    """

    table: demux.FrameTable
    """Of the file."""
    first: int
    """Index of the keyframe that it begins with."""
    past: int
    """Index after the last picture, as far as known."""
    taken: int = 0
    """Pictures so far."""

    @property
    def begin_seconds(self) -> float:
        """When it begins, on the file's own clock."""
        return float(self.table.pts[self.first] * self.table.time_base)

    @property
    def end_seconds(self) -> float:
        """When it ends, on the file's own clock."""
        return float(Stretch(self.table, self.first, self.past).end * self.table.time_base)

    @property
    def whole(self) -> bool:
        """Whether it has every picture that it needs."""
        return self.taken >= self.past - self.first

    def early(self, depth: int) -> int:
        """When to decode a picture of which the container (Matroska) does not say it, in the file's ticks.

        Such are the first ones where pictures are stored in another order than they are shown in.

        Args:
            depth: How many pictures the decoder holds back.
        """
        step = int(self.table.durations[self.first])
        return int(self.table.pts[self.first]) - max(0, depth - self.taken) * step

    def takes(self, packet: Any) -> bool:
        """Whether a picture is to be copied.

        Raises:
            ValueError: The first one is no keyframe after all.
        """
        if self.whole or packet.pts < self.table.pts[self.first]:  # the latter needs what comes before it
            return False
        if not self.taken and not packet.is_keyframe:
            raise ValueError("its first frames depend on frames before its start")
        index = int(np.searchsorted(self.table.pts, packet.pts))
        packet.duration = int(self.table.durations[index])
        self.past = max(self.past, index + 1)
        self.taken += 1
        return True
