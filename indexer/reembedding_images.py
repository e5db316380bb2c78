"""Makes the vectors of an image embedder of all videos that an index knows; captions nothing, finds no files.

Unlike texts, pictures are not in the index: the files are read again. Each window is committed by itself, so
that a run that is stopped goes on where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from footage.core.errors import VideoError
from footage.core.types import File, Video, Window
from footage.objects.paths import media_path
from footage.store import Store
from indexer import library
from indexer.growing_files import is_provisional
from indexer.progress import ProgressTracker
from indexer.tracks.held import HeldTrack
from indexer.tracks.images import ImageMaker
from indexer.tracks.worker import FAULTS, track_read
from indexer.tracks.writers import ImageTrackWriter


@dataclass(slots=True)
class ReembeddedImages:
    """What was made, and what was not."""

    windows: int = 0
    """Windows that were read."""
    vectors: int = 0
    """Vectors of those."""
    away: list[str] = field(default_factory=list)
    """A path of each video that was not read: none of its files is there, or it is not as it was."""
    failed: dict[str, str] = field(default_factory=dict)
    """Files that could not be read, in whole or in part, with the reason."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A video of which windows are missing."""

    files: Sequence[File]
    video: Video
    missing: tuple[Window, ...]
    stale: tuple[int, ...]


def reembed_images(
    store: Store, maker: ImageMaker, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> ReembeddedImages:
    """Make the vectors that an index lacks of an image embedder; those of other embedders stay.

    Args:
        store: The index.
        maker: Makes the vectors.
        on_progress: Called after each window with how many are done, and how many are missing in all.

    Raises:
        FootageError: The embedder cannot be loaded, another run is writing to the index, or it cannot be
            written or read.
    """
    done = ReembeddedImages()
    with store.writing():
        held = HeldTrack(store, maker.track)
        writer = ImageTrackWriter(store, maker, held=held, meter=ProgressTracker(None))
        due = _due(store, maker, held)
        total, reached = sum(len(each.missing) for each in due), 0
        on_progress(0, total)
        for each in due:
            path = _there(each.files)
            if path is None:
                done.away.append(each.files[0].path)
            else:
                _read(path, each, maker, writer, done, partial(_step, on_progress, reached, total))
            reached += len(each.missing)
            on_progress(reached, total)
        store.tidy()
    return done


def _step(on_progress: Callable[[int, int], None], before: int, total: int, number: int) -> None:
    on_progress(before + number, total)


def _due(store: Store, maker: ImageMaker, held: HeldTrack) -> list[_Due]:
    """The videos of which vectors are missing, by path."""
    files: dict[str, list[File]] = {}
    for file in store.files.all():
        if file.state != "gone" and file.content_id and not is_provisional(file.content_id):
            files.setdefault(file.content_id, []).append(file)
    videos = store.videos.all()
    due = []
    for content_id in (content_id for content_id in files if content_id in videos):
        windows = maker.windows(videos[content_id])
        missing = held.missing(windows, maker.provenance)
        if missing:
            stale = held.stale(content_id, windows)
            due.append(_Due(files[content_id], videos[content_id], missing, stale))
    return due


def _there(files: Sequence[File]) -> str | None:
    """A file that is there and as it was when it was indexed."""
    return next(
        (file.path for file in files if media_path(file.path).is_file() and not library.changed(file)), None
    )


def _read(
    path: str,
    due: _Due,
    maker: ImageMaker,
    writer: ImageTrackWriter,
    done: ReembeddedImages,
    on_window: Callable[[int], None],
) -> None:
    """Read the missing windows of one file; those that cannot be read are noted."""
    reader = maker.open(path, due.video)
    try:
        for number, window in enumerate(due.missing, start=1):
            try:
                reading = reader.read(window)
            except (VideoError, *FAULTS) as error:
                reason = str(error) if isinstance(error, VideoError) else f"{type(error).__name__}: {error}"
                done.failed.setdefault(path, reason)
                continue
            writer.write([track_read(window, reading, maker.provenance, maker.track)])
            done.windows += 1
            done.vectors += len(reading.images)
            on_window(number)
    finally:
        reader.close()
    if due.stale and path not in done.failed:
        writer.remove(due.video.content_id, due.stale)
