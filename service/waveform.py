"""Makes the waveform of a video's sound, part by part, and keeps it in the cache folder; draws nothing.

The sound is decoded in a child process (``footage.media.sandbox``), and a file is read only if it is still
the one that was indexed (``service.sources``).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.atomic import whole_file
from footage.core.disk_cache import keep_small
from footage.core.types import File, Span
from service import previews, sources

if TYPE_CHECKING:
    import numpy as np

    from footage.media.audio import SoundSource

PEAKS_PER_SECOND = 20
"""Peaks of a second of sound."""
PART_SECONDS = 600.0
"""What is made at a time."""
CACHE_BYTES = 64 * 1024 * 1024
"""The oldest parts go when the folder holds more than this."""
_SILENT_FILE = b"-"
"""What is kept of a file without sound."""
_turn = threading.Lock()


@dataclass(frozen=True, slots=True)
class WaveformPart:
    """The loudness of a part of a video."""

    parts: int
    """How many parts the video has; 0 where it has no sound."""
    start_seconds: float
    """Where this one begins, in video time."""
    peaks: bytes
    """The loudest sample of each twentieth of a second, 0 to 255."""


def parts_of(duration_seconds: float) -> int:
    """How many parts a video is made in."""
    return max(1, ceil(duration_seconds / PART_SECONDS))


def waveform(
    cache: Path,
    path: str,
    part: int,
    *,
    content_id: str,
    duration_seconds: float,
    file: File | None = None,
    timeout_seconds: float = 120,
) -> WaveformPart:
    """A part of the waveform of a video's first sound track, one at a time; what was made before is read.

    Args:
        cache: Folder to keep it in.
        path: The video file.
        part: Which part, from 0.
        content_id: What the file holds.
        duration_seconds: Length of the video.
        file: The file as the index knows it: another one in its place is not read.
        timeout_seconds: Give up after this long without progress.

    Raises:
        ValueError: The video has no such part.
        VideoError: The file cannot be read there, or is not the one that was indexed.
        FootageError: The cache folder cannot be written.
    """
    parts = parts_of(duration_seconds)
    if not 0 <= part < parts:
        raise ValueError(f"the waveform has the parts 0 to {parts - 1}, not {part}")
    start = part * PART_SECONDS
    identity = sources.identity(path, file)
    place = previews.place(cache / "waveforms", content_id, Span(start, start + PART_SECONDS), identity)
    out = place.with_name(f"{place.name}.peaks")
    with _turn, sources.unchanged(path, file):
        kept = _read(out)
        if not kept:
            span = Span(start, min(duration_seconds, start + PART_SECONDS))
            kept = _measured(path, span, identity, timeout_seconds) or _SILENT_FILE
            with whole_file(out) as partial:
                partial.write_bytes(kept)
            keep_small(out.parent, CACHE_BYTES)
    return WaveformPart(0, start, b"") if kept == _SILENT_FILE else WaveformPart(parts, start, kept)


def peaks_of(samples: np.ndarray, rate: int) -> bytes:
    """The loudest sample of each twentieth of a second as a byte.

    Args:
        samples: float32 (n,), from -1 to 1.
        rate: Samples a second.
    """
    import numpy as np

    wide = rate // PEAKS_PER_SECOND
    padded = np.zeros(ceil(len(samples) / wide) * wide, np.float32)
    padded[: len(samples)] = np.abs(np.nan_to_num(samples, posinf=0.0, neginf=0.0))
    loudest: np.ndarray = padded.reshape(-1, wide).max(axis=1, initial=0.0)
    return bytes(np.rint(loudest.clip(0.0, 1.0) * 255).astype(np.uint8))


def _measured(path: str, span: Span, identity: str, timeout_seconds: float) -> bytes:
    """The peaks of a stretch; none where the file has no sound that can be decoded."""
    from footage.media.audio import HEARING_RATE
    from footage.media.sandbox import read_sound

    source = _sound(path, identity, timeout_seconds)
    track = next((track for track in source.tracks if track.codec), None)
    if track is None or span.duration_seconds <= 0:
        return b""
    heard = read_sound(source, track, span, timeout_seconds=timeout_seconds)
    return peaks_of(heard.samples, HEARING_RATE)


@lru_cache(maxsize=4)
def _sound(path: str, identity: str, timeout_seconds: float) -> SoundSource:
    """The sound of a file in one state; its parts need its packets scanned only once."""
    from footage.media.sandbox import open_sound

    return open_sound(path, timeout_seconds=timeout_seconds)


def _read(out: Path) -> bytes:
    try:
        return out.read_bytes()
    except OSError:
        return b""
