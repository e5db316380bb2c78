"""Says whether what a decoding process answers can be true of what it was asked; opens and decodes nothing.

The types of all fields are checked before (``footage.media.sandbox.messages``). Here it is about the shapes
of arrays, the order of numbers, and the names that the answer must repeat; whoever goes on with it relies on
those.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from footage.core.types import Frames, Span, Video
from footage.media.audio import HEARING_RATE, SoundSource, Waveform
from footage.media.audio_tracks import MOST_TRACKS, AudioTrack
from footage.media.containers import READABLE_IMAGES
from footage.media.demux import LARGE_PIXELS, MAX_FRAMES, MAX_GAPS, MAX_PIXELS, MAX_SECONDS
from footage.media.images import MAX_IMAGE_PIXELS, MOST_SIDE, StillImage
from footage.media.subtitles import MOST_CUE_LETTERS, MOST_CUES, Cue, SubtitleTrack

if TYPE_CHECKING:
    from footage.media.decode import Source
    from footage.media.demux import FrameTable
    from footage.media.frame_grid import FrameGrid

MOST_LETTERS = 2000
"""Most letters of a text that is no sentence of an error."""
_MOST_TEXTS = 1000
_DIGITS = frozenset("0123456789abcdef")


def is_text(text: str) -> bool:
    """Whether a text is short, and can be written anywhere."""
    return len(text) <= MOST_LETTERS and text.isprintable()


def is_video(video: Video, *, content_id: str) -> bool:
    """Whether it can be what ``footage.media.video.probe`` found."""
    ends = (0.0, *(edge for gap in video.gaps for edge in (gap.start_seconds, gap.end_seconds)))
    texts = (video.codec, video.container, video.decoder, video.created_at, *video.warnings)
    return (
        video.content_id == content_id
        and 0 < video.width * video.height <= MAX_PIXELS
        and min(video.width, video.stream_index + 1, video.size_bytes + 1) > 0
        and video.rotation_degrees in range(360)
        and video.fps >= 0
        and len(video.gaps) <= MAX_GAPS
        and all(before <= after for before, after in pairwise((*ends, video.duration_seconds)))
        and video.footage_seconds <= MAX_SECONDS
        and len(texts) <= _MOST_TEXTS
        and all(map(is_text, texts))
    )


def is_source(source: Source, *, path: str) -> bool:
    """Whether it can be the scan of a file."""
    return source.first_way >= 0 and is_table(source.table, path=path)


def is_grid(grid: FrameGrid, *, path: str) -> bool:
    """Whether it can be how the frames of a file are counted."""
    texts = [grid.timecode, *grid.warnings]
    for track in grid.tracks:
        texts += [track.codec, track.language, track.title]
    return (
        grid.rate > 0
        and len(texts) <= _MOST_TEXTS
        and all(map(is_text, texts))
        and is_table(grid.table, path=path)
    )


def is_table(table: FrameTable, *, path: str) -> bool:
    """Whether it can be the scan of a file: frames in order, keyframes among them, and short texts."""
    texts = (table.codec, table.pixel_format, table.container, table.created_at)
    parts = table.parts
    return (
        table.path == path
        and table.time_base > 0
        and table.stream_index >= 0
        and min(table.size) >= 0
        and all(map(is_text, texts))
        and _are_times(table.pts)
        and _are_integers(table.durations)
        and len(table.durations) == len(table.pts)
        and bool((table.durations > 0).all())
        and _are_times(table.keyframes)
        and table.keyframes[0] == 0
        and table.keyframes[-1] < len(table.pts)
        and (
            parts is None
            or (
                _are_times(parts.begins)
                and all(map(_are_integers, (parts.shifts, parts.positions)))
                and len(parts.begins) == len(parts.shifts)
                and len(parts.positions) == len(table.keyframes)
            )
        )
    )


def is_sound_source(source: SoundSource, *, path: str) -> bool:
    """Whether it can be the sound tracks of a file."""
    return (
        len(source.tracks) <= MOST_TRACKS
        and (source.table is None) == (not source.tracks)
        and all(map(_is_audio_track, source.tracks))
        and (source.table is None or is_table(source.table, path=path))
    )


def is_waveform(heard: Waveform, *, span: Span) -> bool:
    """Whether it can be a stretch of sound: as many samples as that takes, all of them in range."""
    samples = heard.samples
    return (
        heard.span == span
        and samples.dtype == np.float32
        and samples.shape == (round(span.duration_seconds * HEARING_RATE),)
        and heard.heard_seconds >= 0
        and heard.damaged_packets >= 0
        and bool((np.abs(samples) <= 1).all())
    )


def are_digests(digests: list[str], count: int) -> bool:
    """Whether this is a list of that length of digests, hexadecimal or empty."""
    return len(digests) == count and all(len(each) in (0, 64) and set(each) <= _DIGITS for each in digests)


def is_picture(pixels: np.ndarray, *, max_width: int) -> bool:
    """Whether it can be one picture in RGB."""
    return (
        pixels.dtype == np.uint8
        and pixels.ndim == 3
        and pixels.shape[2] == 3
        and 0 < pixels.shape[0] * pixels.shape[1] <= LARGE_PIXELS
        and pixels.shape[1] <= max_width
    )


def is_still_image(image: StillImage) -> bool:
    """Whether it can be an image file, decoded."""
    return (
        is_picture(image.pixels, max_width=MOST_SIDE)
        and image.pixels.shape[0] <= MOST_SIDE
        and 0 < image.width * image.height <= MAX_IMAGE_PIXELS
        and image.width > 0
        and image.form in READABLE_IMAGES
    )


def are_cues(cues: list[Cue]) -> bool:
    """Whether they can be the subtitles of a file."""
    return (
        len(cues) <= MOST_CUES
        and all(0 < len(cue.text) <= MOST_CUE_LETTERS and cue.text.isprintable() for cue in cues)
        and all(one.span.start_seconds <= other.span.start_seconds for one, other in pairwise(cues))
    )


def are_subtitle_tracks(tracks: list[SubtitleTrack]) -> bool:
    """Whether they can be the subtitle tracks of a file."""
    return (
        len(tracks) <= MOST_TRACKS
        and sum(len(track.cues) for track in tracks) <= MOST_CUES
        and all(are_cues(list(track.cues)) for track in tracks)
        and all(is_text(track.language) and is_text(track.title) and track.number >= 1 for track in tracks)
    )


def are_frames(frames: Frames, *, span: Span) -> bool:
    """Whether they can be the pictures of a window."""
    times = frames.times_seconds
    return (
        frames.span == span
        and frames.pixels.dtype == np.uint8
        and frames.pixels.size > 0
        and is_text(frames.decoder)
        and times[0] >= 0
        and all(before <= after for before, after in pairwise(times))
    )


def _is_audio_track(track: AudioTrack) -> bool:
    return (
        track.number >= 1
        and track.stream_index >= 0
        and all(map(is_text, (track.codec, track.language, track.title)))
    )


def _are_integers(numbers: np.ndarray) -> bool:
    return numbers.dtype == np.int64 and numbers.ndim == 1


def _are_times(numbers: np.ndarray) -> bool:
    """Whether they ascend, and are neither none nor too many."""
    return (
        _are_integers(numbers) and 0 < len(numbers) <= MAX_FRAMES and bool((numbers[1:] > numbers[:-1]).all())
    )
