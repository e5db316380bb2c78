"""How a job gets into a child process: checked path, limits of time and size, a file to write to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from footage.core.atomic import whole_file
from footage.core.types import Span
from footage.media.containers import check, check_image, display_name, held_bytes
from footage.media.sandbox import pool
from footage.objects.paths import absolute as absolute_path
from footage.objects.paths import media_path

if TYPE_CHECKING:
    from footage.media.clip import Written

_MOST_TIMEOUTS = 20
_LEAST_SECONDS = 60.0
_LEAST_BYTES_PER_SECOND = 500_000
"""Time limit of a job, in timeouts, plus the time to read the file twice from a slow network drive."""
MOST_SECONDS_A_SECOND = 300.0
"""Extra time limit of a writing job, per second of output; 8K at 60 frames a second
takes 90 on two cores."""
_LEAST_WRITTEN_BYTES = 1 << 30
_MOST_TIMES_AS_LARGE = 20
"""Limit of the output of a job: this number of bytes, plus this multiple of the size of its input files."""


def read_job(
    job: str,
    path: str | os.PathLike[str],
    *arguments: Any,
    timeout_seconds: float,
    expected: Any,
    accept: Callable[[Any], bool],
    kind: Literal["video", "image", "text"] = "video",
    **options: Any,
) -> Any:
    """Run a job that reads one file; what is neither a video nor an image is checked by the job alone."""
    absolute, name = checked(path) if kind == "video" else named(path)
    if kind == "image":
        check_image(absolute)
    return pool.run(
        job,
        absolute,
        *arguments,
        name=name,
        timeout_seconds=timeout_seconds,
        most_seconds=most_seconds(absolute, timeout_seconds),
        expected=expected,
        accept=accept,
        own={**options, "timeout_seconds": timeout_seconds},
        sources=(absolute,),
    )


def write_clip_job(
    job: str, path: str | os.PathLike[str], span: Span, out: Path, timeout_seconds: float, **options: Any
) -> Written:
    """Run a job that writes a clip; where that is, the child need not say."""
    from footage.media.clip import Written

    written: Written = write_job(job, path, span, out, timeout_seconds, expected=Written, **options)
    return replace(written, path=out)


def write_job(
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

    absolute, name = checked(path)
    refuse_source(out, absolute)
    with draft(out) as place:
        return pool.run(
            job,
            absolute,
            span,
            out,
            name=name,
            timeout_seconds=timeout_seconds,
            most_seconds=most_seconds(absolute, timeout_seconds)
            + MOST_SECONDS_A_SECOND * span.duration_seconds,
            own={**options, "timeout_seconds": timeout_seconds},
            place=place,
            most_bytes=most_written_bytes(absolute),
            expected=expected,
            sources=(absolute,),
        )


@contextmanager
def draft(out: Path) -> Iterator[int]:
    """A descriptor to write to; what is written takes the name ``out`` at the end."""
    with whole_file(out) as draft:
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def checked(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Absolute path and display name of a file on the allow-list."""
    absolute, _ = check(path)
    return absolute, display_name(absolute)


def named(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Absolute path and display name of a file that is no video."""
    absolute = os.fspath(absolute_path(path))
    return absolute, display_name(absolute)


def most_seconds(absolute: str, timeout_seconds: float) -> float:
    """How long a job that reads a file may take in all, however much progress it makes."""
    reading = _held_bytes(absolute) / _LEAST_BYTES_PER_SECOND
    return max(_LEAST_SECONDS, _MOST_TIMEOUTS * timeout_seconds) + reading


def most_written_bytes(*sources: str) -> float:
    """How large a file made of some others may become."""
    return _LEAST_WRITTEN_BYTES + _MOST_TIMES_AS_LARGE * sum(map(_held_bytes, sources))


def _held_bytes(absolute: str) -> int:
    """How much a file holds; 0 if unknown."""
    try:
        return held_bytes(media_path(absolute).stat())
    except OSError:
        return 0
