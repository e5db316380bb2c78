"""The door to video files: what ``footage.media.video`` and the writers of clips do, done in child processes.

Everything that opens a file whose content is not trusted comes through here; what it does, and what may go
wrong, is said at the function of the same name in ``footage.media.video``, ``footage.media.clip``,
``footage.media.concat``, ``footage.media.animation`` and ``footage.media.frame_grid``. A crash, a hang, a
false answer or a hunger for memory of a decoder is a DecodeError of that one file.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from footage.core.atomic import whole_file
from footage.core.errors import DecodeError
from footage.core.types import Frames, Span, Video
from footage.media.containers import check, display_name, held_bytes
from footage.media.encode import FULL, PREVIEW, Quality
from footage.media.sandbox import plausible, pool
from footage.media.sandbox.child import Child

if TYPE_CHECKING:
    from footage.media.audio_tracks import AudioChoice
    from footage.media.clip import Paint, Written
    from footage.media.concat import Piece, Reel
    from footage.media.decode import Source
    from footage.media.frame_grid import FrameGrid

WHOLE = 1 << 16
"""As ``max_width``: the picture in its own size."""
_MOST_TIMEOUTS = 20
_LEAST_SECONDS = 60.0
_LEAST_BYTES_PER_SECOND = 500_000
"""A job takes at most so many timeouts, and as long as reading the file twice from a slow network drive."""
_MOST_SECONDS_A_SECOND = 300.0
"""A job that writes takes at most so much longer for each second that it writes; 8K at 60 frames a second
takes 90 on two cores."""
_LEAST_WRITTEN_BYTES = 1 << 30
_MOST_TIMES_AS_LARGE = 20
"""What is written of files may take so many bytes, and be so many times as large as they are together."""
_MOST_TRIES = 3
_JPEG_QUALITY = 85
_numbers = itertools.count()


def scan(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> Source:
    """As ``footage.media.video.scan``."""
    from footage.media.decode import Source

    accept = partial(plausible.is_source, path=_checked(path)[0])
    source: Source = _read(
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
        most_seconds=_most_seconds(source.table.path, timeout_seconds),
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
    video: Video = _read(
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
    tag: str = _read(
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
    pixels: np.ndarray = _read(
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
    seconds: float = _read(
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
    frames: Frames = _read(
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


class Sampler:
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
        absolute, name = _checked(self._path)
        patience = self._timeout_seconds
        options: dict[str, Any] = {
            "name": name,
            "timeout_seconds": patience,
            "most_seconds": _most_seconds(absolute, patience),
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
        raise DecodeError(f"{name} cannot be decoded: its decoder forgets it again and again")


def read_grid(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> FrameGrid:
    """As ``footage.media.frame_grid.read_grid``."""
    from footage.media.frame_grid import FrameGrid

    accept = partial(plausible.is_grid, path=_checked(path)[0])
    grid: FrameGrid = _read(
        "footage.media.frame_grid:read_grid",
        path,
        timeout_seconds=timeout_seconds,
        expected=FrameGrid,
        accept=accept,
    )
    return grid


# -- Pictures and clips as files ---------------------------------------------------------------------------


def write_preview(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    max_width: int = 640,
    pad_seconds: float = 0.0,
    timeout_seconds: float = 120,
) -> Path:
    """Cut a span out of a video as a small MP4 that any browser plays (H.264, AAC where there is sound).

    The cut is exact, as that of ``write_clip``.

    Args:
        path: A local video file.
        span: What to cut, in video time; the part past the end is left out.
        out: Where to write; replaced when there.
        max_width: Wider pictures are scaled down to this, in pixels.
        pad_seconds: Widens the span on both sides.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    padded = Span(max(0.0, span.start_seconds - pad_seconds), span.end_seconds + pad_seconds)
    quality = Quality(PREVIEW.crf, PREVIEW.preset, PREVIEW.sound_bits, max_width)
    written = write_clip(path, padded, out, quality=quality, audio="main", timeout_seconds=timeout_seconds)
    return written.path


def write_thumbnail(
    path: str | os.PathLike[str],
    seconds: float,
    out: Path,
    *,
    max_width: int = 480,
    timeout_seconds: float = 120,
) -> Path:
    """Write the picture on show at a moment as a JPEG.

    Args:
        path: A local video file.
        seconds: Video time.
        out: Where to write; replaced when there.
        max_width: Wider pictures are scaled down to this, in pixels.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    from PIL import Image

    pixels = frame_at(path, seconds, max_width=max_width, timeout_seconds=timeout_seconds)
    with whole_file(out) as draft:
        Image.fromarray(pixels).save(draft, "JPEG", quality=_JPEG_QUALITY)
    return out


def write_picture(
    path: str | os.PathLike[str],
    seconds: float,
    out: Path,
    *,
    paint: Paint | None = None,
    timeout_seconds: float = 120,
) -> Path:
    """Write the picture on show at a moment as a PNG of its own size.

    Args:
        path: A local video file.
        seconds: Video time.
        out: Where to write; replaced when there, but never the video itself.
        paint: Draws onto it; it is given R, G and B.
        timeout_seconds: Give up after this long without progress.

    Returns:
        ``out``.

    Raises:
        VideoError: The video cannot be read there.
        FootageError: ``out`` cannot be written.
    """
    from PIL import Image

    from footage.media.clip import refuse_source

    refuse_source(out, _checked(path)[0])
    pixels = painted_picture(path, seconds, paint, timeout_seconds=timeout_seconds)
    with whole_file(out) as draft:
        Image.fromarray(pixels).save(draft, "PNG")
    return out


def painted_picture(
    path: str | os.PathLike[str], seconds: float, paint: Paint | None, *, timeout_seconds: float = 120
) -> np.ndarray:
    """The picture on show at a moment in its own size, painted on: RGB, uint8 (height, width, 3).

    Raises:
        VideoError: The video cannot be read there.
    """
    pixels = frame_at(path, seconds, max_width=WHOLE, timeout_seconds=timeout_seconds)
    planes = [pixels[..., n].copy() for n in range(3)]
    if paint is not None:
        paint(planes, seconds)
    return np.stack(planes, axis=-1)


def write_clip(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    quality: Quality = FULL,
    paint: Paint | None = None,
    audio: AudioChoice = "all",
    timeout_seconds: float = 120,
) -> Written:
    """As ``footage.media.clip.write_clip``; ``paint`` is something that pickle can take."""
    options = {"quality": quality, "paint": paint, "audio": audio}
    return _write_clip("footage.media.clip:write_clip", path, span, out, timeout_seconds, **options)


def copy_clip(
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    *,
    audio: AudioChoice = "all",
    timeout_seconds: float = 120,
) -> Written:
    """As ``footage.media.clip.copy_clip``."""
    return _write_clip("footage.media.clip:copy_clip", path, span, out, timeout_seconds, audio=audio)


def write_animation(
    path: str | os.PathLike[str], span: Span, out: Path, *, timeout_seconds: float = 120
) -> Path:
    """As ``footage.media.animation.write_animation``."""
    _write("footage.media.animation:write_animation", path, span, out, timeout_seconds, expected=Path)
    return out


def write_reel(
    pieces: Sequence[Piece],
    out: Path,
    *,
    rate: Fraction,
    quality: Quality = FULL,
    max_width: int = 1920,
    timeout_seconds: float = 120,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reel:
    """As ``footage.media.concat.write_reel``; the clocks of the pieces are something that pickle can take."""
    from footage.media.clip import refuse_source
    from footage.media.concat import Reel

    stretches = [piece.stretch for piece in pieces]
    sources = sorted({stretch.table.path for stretch in stretches})
    refuse_source(out, *sources)
    with _draft(out) as place:
        reel: Reel = pool.run(
            "footage.media.concat:write_reel",
            list(pieces),
            out,
            own={
                "rate": rate,
                "quality": quality,
                "max_width": max_width,
                "timeout_seconds": timeout_seconds,
            },
            on_progress=on_progress,
            name=out.name,
            timeout_seconds=timeout_seconds,
            most_seconds=sum(_most_seconds(source, timeout_seconds) for source in sources)
            + _MOST_SECONDS_A_SECOND * sum(stretch.span.duration_seconds for stretch in stretches),
            place=place,
            most_bytes=_most_written_bytes(*sources),
            expected=Reel,
            accept=lambda result: len(result.spans) == len(pieces) and result.rate == rate,
        )
    return replace(reel, path=out)


# -- How a job gets into a child ---------------------------------------------------------------------------


def _read(
    job: str,
    path: str | os.PathLike[str],
    *arguments: Any,
    timeout_seconds: float,
    expected: Any,
    accept: Callable[[Any], bool],
    **options: Any,
) -> Any:
    """Run a job that reads one file."""
    absolute, name = _checked(path)
    return pool.run(
        job,
        absolute,
        *arguments,
        name=name,
        timeout_seconds=timeout_seconds,
        most_seconds=_most_seconds(absolute, timeout_seconds),
        expected=expected,
        accept=accept,
        own={**options, "timeout_seconds": timeout_seconds},
    )


def _write_clip(
    job: str, path: str | os.PathLike[str], span: Span, out: Path, timeout_seconds: float, **options: Any
) -> Written:
    """Run a job that writes a clip; where that is, the child need not say."""
    from footage.media.clip import Written

    written: Written = _write(job, path, span, out, timeout_seconds, expected=Written, **options)
    return replace(written, path=out)


def _write(
    job: str,
    path: str | os.PathLike[str],
    span: Span,
    out: Path,
    timeout_seconds: float,
    *,
    expected: Any,
    **options: Any,
) -> Any:
    """Run a job that reads one file and writes another."""
    from footage.media.clip import refuse_source

    absolute, name = _checked(path)
    refuse_source(out, absolute)
    with _draft(out) as place:
        return pool.run(
            job,
            absolute,
            span,
            out,
            name=name,
            timeout_seconds=timeout_seconds,
            most_seconds=_most_seconds(absolute, timeout_seconds)
            + _MOST_SECONDS_A_SECOND * span.duration_seconds,
            own={**options, "timeout_seconds": timeout_seconds},
            place=place,
            most_bytes=_most_written_bytes(absolute),
            expected=expected,
        )


@contextmanager
def _draft(out: Path) -> Iterator[int]:
    """A descriptor to write to; what is written takes the name ``out`` at the end."""
    with whole_file(out) as draft:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _checked(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Absolute path and display name of a file on the allow-list."""
    absolute, _ = check(path)
    return absolute, display_name(absolute)


def _most_seconds(absolute: str, timeout_seconds: float) -> float:
    """How long a job that reads a file may take in all, however much progress it makes."""
    reading = _held_bytes(absolute) / _LEAST_BYTES_PER_SECOND
    return max(_LEAST_SECONDS, _MOST_TIMEOUTS * timeout_seconds) + reading


def _most_written_bytes(*sources: str) -> float:
    """How large a file made of some others may become."""
    return _LEAST_WRITTEN_BYTES + _MOST_TIMES_AS_LARGE * sum(map(_held_bytes, sources))


def _held_bytes(absolute: str) -> int:
    """How much a file holds; 0 if unknown."""
    try:
        return held_bytes(os.stat(absolute))
    except OSError:
        return 0
