"""Reads video files in child processes; what each function does is said at its namesake.

The namesakes are in ``footage.media.video``, ``footage.media.frame_grid``, ``footage.media.images``,
``footage.media.audio`` and ``footage.media.subtitles``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from footage.core.errors import DecodeError
from footage.core.types import IMAGE, Frames, Span, Video
from footage.media.containers import display_name
from footage.media.sandbox import plausible, pool
from footage.media.sandbox.child import Child
from footage.media.sandbox.jobs import checked, most_seconds, read_job

if TYPE_CHECKING:
    from footage.media.audio import SoundSource, Waveform
    from footage.media.audio_tracks import AudioTrack
    from footage.media.decode import Source
    from footage.media.frame_grid import FrameGrid
    from footage.media.images import StillImage
    from footage.media.subtitles import Cue, SubtitleTrack

WHOLE = 1 << 16
"""As ``max_width``: the picture in its own size."""
_MOST_TRIES = 3
_numbers = itertools.count()


def scan(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> Source:
    """As ``footage.media.video.scan``."""
    from footage.media.decode import Source

    accept = partial(plausible.is_source, path=checked(path)[0])
    source: Source = read_job(
        "footage.media.video:scan", path, timeout_seconds=timeout_seconds, expected=Source, accept=accept
    )
    return source


def digests(source: Source, spans: Sequence[Span], *, timeout_seconds: float = 120) -> list[str]:
    """As ``footage.media.video.digests``."""
    if not spans:
        return []
    found: list[str] = pool.run(
        "footage.media.video:digests",
        source,
        list(spans),
        own={"timeout_seconds": timeout_seconds},
        name=display_name(source.table.path),
        timeout_seconds=timeout_seconds,
        most_seconds=most_seconds(source.table.path, timeout_seconds),
        sources=(source.table.path,),
        expected=list[str],
        accept=lambda result: plausible.are_digests(result, len(spans)),
    )
    return found


def probe(
    path: str | os.PathLike[str],
    *,
    content_id: str = "",
    source: Source | None = None,
    timeout_seconds: float = 120,
) -> Video:
    """As ``footage.media.video.probe``."""
    video: Video = read_job(
        "footage.media.video:probe",
        path,
        content_id=content_id,
        source=source,
        timeout_seconds=timeout_seconds,
        expected=Video,
        accept=partial(plausible.is_video, content_id=content_id),
    )
    return video


def recorded_tag_of(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> str:
    """As ``footage.media.video.recorded_tag_of``."""
    tag: str = read_job(
        "footage.media.video:recorded_tag_of",
        path,
        timeout_seconds=timeout_seconds,
        expected=str,
        accept=plausible.is_text,
    )
    return tag


def frame_at(
    path: str | os.PathLike[str], seconds: float, *, max_width: int = 480, timeout_seconds: float = 120
) -> np.ndarray:
    """As ``footage.media.video.frame_at``."""
    pixels: np.ndarray = read_job(
        "footage.media.video:frame_at",
        path,
        seconds,
        max_width=max_width,
        timeout_seconds=timeout_seconds,
        expected=np.ndarray,
        accept=partial(plausible.is_picture, max_width=max_width),
    )
    return pixels


def cut_start(path: str | os.PathLike[str], span: Span, *, timeout_seconds: float = 120) -> float:
    """As ``footage.media.video.cut_start``."""
    seconds: float = read_job(
        "footage.media.video:cut_start",
        path,
        span,
        timeout_seconds=timeout_seconds,
        expected=float,
        accept=lambda result: result >= 0,
    )
    return seconds


def sample(
    path: str | os.PathLike[str],
    span: Span,
    *,
    video: Video | None = None,
    timeout_seconds: float = 120,
    **budget: Any,
) -> Frames:
    """As ``footage.media.video.sample``; ``budget`` is the rest of its options."""
    frames: Frames = read_job(
        "footage.media.video:sample",
        path,
        span,
        video=video,
        timeout_seconds=timeout_seconds,
        expected=Frames,
        accept=partial(plausible.are_frames, span=span),
        **budget,
    )
    return frames


class SandboxSampler:
    """As ``footage.media.video.Sampler``, which lives in one child as long as that child does."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        spans: Sequence[Span],
        *,
        timeout_seconds: float = 120,
        **options: Any,
    ) -> None:
        """Takes the options of ``footage.media.video.Sampler``; opens nothing yet."""
        self._path, self._spans = path, list(spans)
        self._options = options | {"timeout_seconds": timeout_seconds}
        self._timeout_seconds = timeout_seconds
        self._key = f"sampler {next(_numbers)}"
        self._child: Child | None = None

    def take(self, number: int) -> Frames:
        """As ``footage.media.video.Sampler.take``."""
        absolute, name = checked(self._path)
        patience = self._timeout_seconds
        options: dict[str, Any] = {
            "name": name,
            "timeout_seconds": patience,
            "most_seconds": most_seconds(absolute, patience),
            "sources": (absolute,),
        }

        def prepare(child: Child) -> None:
            if child is not self._child:
                opening = self._key, absolute, self._spans, self._options
                child.run("footage.media.sandbox.worker:open_sampler", opening, {}, expected=None, **options)
                self._child = child

        for _ in range(_MOST_TRIES):
            frames: Frames | None = pool.run(
                "footage.media.sandbox.worker:take",
                self._key,
                number,
                prepare=prepare,
                preferred=self._child,
                expected=Frames | None,
                accept=lambda result: (
                    result is None or plausible.are_frames(result, span=self._spans[number])
                ),
                **options,
            )
            if frames is not None:
                return frames
            self._child = None  # many other samplers were used since
        raise DecodeError(f"{name} cannot be decoded: its decoder failed repeatedly")


def read_grid(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> FrameGrid:
    """As ``footage.media.frame_grid.read_grid``."""
    from footage.media.frame_grid import FrameGrid

    accept = partial(plausible.is_grid, path=checked(path)[0])
    grid: FrameGrid = read_job(
        "footage.media.frame_grid:read_grid",
        path,
        timeout_seconds=timeout_seconds,
        expected=FrameGrid,
        accept=accept,
    )
    return grid


def read_image(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> StillImage:
    """As ``footage.media.images.read_image``."""
    from footage.media.images import StillImage

    image: StillImage = read_job(
        "footage.media.images:read_image",
        path,
        timeout_seconds=timeout_seconds,
        expected=StillImage,
        accept=plausible.is_still_image,
        kind="image",
    )
    return image


def probe_image(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> Video:
    """An image file as a ``Video`` without a length (``Video.is_image``); all of it is decoded to be sure.

    Raises:
        VideoError: As ``read_image``.
    """
    image = read_image(path, timeout_seconds=timeout_seconds)
    return Video("", 0.0, image.width, image.height, 0.0, image.form.lower(), container=IMAGE)


def open_sound(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> SoundSource:
    """As ``footage.media.audio.open_sound``."""
    from footage.media.audio import SoundSource

    source: SoundSource = read_job(
        "footage.media.audio:open_sound",
        path,
        timeout_seconds=timeout_seconds,
        expected=SoundSource,
        accept=partial(plausible.is_sound_source, path=checked(path)[0]),
    )
    return source


def read_sound(
    source: SoundSource, track: AudioTrack, span: Span, *, timeout_seconds: float = 120
) -> Waveform:
    """As ``footage.media.audio.read_sound``."""
    from footage.media.audio import Waveform

    assert source.table is not None
    path = source.table.path
    heard: Waveform = pool.run(
        "footage.media.audio:read_sound",
        source,
        track,
        span,
        own={"timeout_seconds": timeout_seconds},
        name=display_name(path),
        timeout_seconds=timeout_seconds,
        most_seconds=most_seconds(path, timeout_seconds),
        sources=(path,),
        expected=Waveform,
        accept=partial(plausible.is_waveform, span=span),
    )
    return heard


def read_subtitles(
    path: str | os.PathLike[str], *, language: str = "", timeout_seconds: float = 120
) -> list[Cue]:
    """As ``footage.media.subtitles.read_subtitles``."""
    from footage.media.subtitles import Cue

    cues: list[Cue] = read_job(
        "footage.media.subtitles:read_subtitles",
        path,
        language=language,
        timeout_seconds=timeout_seconds,
        expected=list[Cue],
        accept=plausible.are_cues,
        kind="text",
    )
    return cues


def embedded_subtitles(
    path: str | os.PathLike[str], *, start_pts_seconds: float = 0.0, timeout_seconds: float = 120
) -> list[Cue]:
    """As ``footage.media.subtitles.embedded_subtitles``."""
    from footage.media.subtitles import Cue

    cues: list[Cue] = read_job(
        "footage.media.subtitles:embedded_subtitles",
        path,
        start_pts_seconds=start_pts_seconds,
        timeout_seconds=timeout_seconds,
        expected=list[Cue],
        accept=plausible.are_cues,
    )
    return cues


def subtitle_tracks(
    path: str | os.PathLike[str], *, start_pts_seconds: float = 0.0, timeout_seconds: float = 120
) -> list[SubtitleTrack]:
    """As ``footage.media.subtitles.subtitle_tracks``."""
    from footage.media.subtitles import SubtitleTrack

    tracks: list[SubtitleTrack] = read_job(
        "footage.media.subtitles:subtitle_tracks",
        path,
        start_pts_seconds=start_pts_seconds,
        timeout_seconds=timeout_seconds,
        expected=list[SubtitleTrack],
        accept=plausible.are_subtitle_tracks,
    )
    return tracks
