"""Cuts previews and pictures of moments, once each, and keeps them in the cache folder; knows no index.

A file is read only if it is still the one that was indexed (``service.sources``).
"""

from __future__ import annotations

import glob
import hashlib
import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from footage.core.disk_cache import keep_small
from footage.core.errors import FootageError, VideoError
from footage.core.types import File, Span
from service import sources

KINDS = ("previews", "thumbnails", "waveforms")
"""Folders of the cache that hold files named after a video's content id."""
LEAD_SECONDS = 2.0
"""Context before a span."""
TAIL_SECONDS = 2.0
"""Context after a span."""
LONGEST_SECONDS = 60.0
"""Longest preview, in seconds."""
CACHE_BYTES = 512 * 1024 * 1024
"""The oldest previews and thumbnails go when the folder holds more than this."""
PREVIEW_WIDTH = 720
"""Wider pictures of a clip are scaled down to this, in pixels."""
THUMBNAIL_WIDTH = 360
"""Wider thumbnails are scaled down to this, in pixels."""

logger = logging.getLogger(__name__)
_ahead: dict[Path, Future[None]] = {}
_ahead_lock = threading.Lock()
_prefetching = ThreadPoolExecutor(max_workers=1, thread_name_prefix="preview")


@dataclass(frozen=True, slots=True)
class Preview:
    """A short clip of a segment of a video."""

    path: Path
    """The clip, an MP4 that browsers play."""
    stretch: Span
    """What was to be shown, in video time."""
    start_seconds: float
    """Presentation time of the clip's first frame, in video time: at most a frame from ``stretch``."""


def around(span: Span, duration_seconds: float) -> Span:
    """The segment to show for a span: some context on both sides, inside the video, not too long."""
    start = max(0.0, min(span.start_seconds, duration_seconds) - LEAD_SECONDS)
    end = min(duration_seconds, span.end_seconds + TAIL_SECONDS, start + LONGEST_SECONDS)
    return Span(start, max(start, end))


def preview(cache: Path, path: str, *, content_id: str, stretch: Span, file: File | None = None) -> Preview:
    """Cut a clip, or take the one that was cut before; one that is damaged is cut again.

    Args:
        cache: Folder to keep it in.
        path: The video file.
        content_id: What the file holds.
        stretch: What to show, in video time.
        file: The file as the index knows it: another one in its place is not shown.

    Raises:
        VideoError: The file cannot be read there, or is not the one that was indexed.
        FootageError: The cache folder cannot be written.
    """
    stem = place(cache / "previews", content_id, stretch, sources.identity(path, file))
    with _ahead_lock:
        ahead = _ahead.get(stem)
    if ahead and not ahead.cancel():  # it is being cut at this moment, or was
        ahead.result()
    with sources.unchanged(path, file):
        kept = _kept(stem, stretch)
    return kept or _cut(path, stretch, stem, file)


def _cut(path: str, stretch: Span, stem: Path, file: File | None) -> Preview:
    from footage.media.sandbox import cut_start, write_preview

    out = None
    try:
        with sources.unchanged(path, file):
            # A clip's name says where in the video it begins, so that a kept one needs no look at the video.
            start_seconds = cut_start(path, stretch)
            out = stem.with_name(f"{stem.name}@{round(start_seconds * 1e6)}.mp4")
            write_preview(path, stretch, out, max_width=PREVIEW_WIDTH)
    except VideoError:
        if out is not None:
            out.unlink(missing_ok=True)
        raise
    keep_small(out.parent, CACHE_BYTES)
    return Preview(out, stretch, start_seconds)


def kept_preview(
    cache: Path, path: str, *, content_id: str, stretch: Span, file: File | None = None
) -> Preview | None:
    """The clip as it was cut before from such a file, or None; what is damaged is removed."""
    return _kept(place(cache / "previews", content_id, stretch, sources.identity(path, file)), stretch)


def _kept(stem: Path, stretch: Span) -> Preview | None:
    """The clip as it was cut before, or None; what is damaged is removed."""
    for out in stem.parent.glob(f"{glob.escape(stem.name)}@*.mp4"):
        if is_whole(out):
            return Preview(out, stretch, int(out.stem.rpartition("@")[2]) / 1e6)
        out.unlink(missing_ok=True)
    return None


def is_whole(clip: Path) -> bool:
    """Whether a file looks like an MP4 that nothing was cut off of: its outermost boxes fill it exactly."""
    names: list[bytes] = []
    try:
        with clip.open("rb") as file:
            size_bytes, at = clip.stat().st_size, 0
            while at < size_bytes:
                file.seek(at)
                head = file.read(16)
                length = int.from_bytes(head[:4])
                if length == 1:  # a long box: its length stands behind its name
                    length = int.from_bytes(head[8:16])
                if length < 8 or (not names and head[4:8] != b"ftyp"):
                    return False
                names.append(head[4:8])
                at += length
    except OSError:
        return False
    return at == size_bytes and b"moov" in names and b"mdat" in names


def prefetch(
    cache: Path, path: str, *, content_id: str, stretch: Span, file: File | None = None
) -> Future[None]:
    """Cut a clip in the background, one at a time; an error is reported when the clip is requested."""
    stem = place(cache / "previews", content_id, stretch, sources.identity(path, file))

    def cut() -> None:
        try:
            if not _kept(stem, stretch):
                _cut(path, stretch, stem, file)
        except FootageError as error:
            logger.info("no preview ahead of time: %s", error)

    with _ahead_lock:
        for done in [place for place, future in _ahead.items() if future.done()]:
            del _ahead[done]
        if stem not in _ahead:
            _ahead[stem] = _prefetching.submit(cut)
        return _ahead[stem]


def picture(
    cache: Path,
    path: str,
    *,
    content_id: str,
    seconds: float,
    file: File | None = None,
    width: int = THUMBNAIL_WIDTH,
) -> Path:
    """The frame on show at a moment, as a JPEG in the cache folder; written now if it is not there.

    Args:
        cache: Folder to keep the picture in.
        path: The video file.
        content_id: What the file holds.
        seconds: Which moment, in video time.
        file: The file as the index knows it: another one in its place is not shown.
        width: A wider picture is scaled down to this, in pixels.

    Raises:
        VideoError: The file cannot be read there, or is not the one that was indexed.
        FootageError: The cache folder cannot be written.
    """
    from footage.media.sandbox import write_thumbnail

    if kept := kept_picture(cache, path, content_id=content_id, seconds=seconds, file=file, width=width):
        return kept
    out = _picture_place(cache, path, content_id, seconds, file, width)
    try:
        with sources.unchanged(path, file):
            write_thumbnail(path, seconds, out, max_width=width)
    except VideoError:
        out.unlink(missing_ok=True)
        raise
    keep_small(out.parent, CACHE_BYTES)
    return out


def kept_picture(
    cache: Path,
    path: str,
    *,
    content_id: str,
    seconds: float,
    file: File | None = None,
    width: int = THUMBNAIL_WIDTH,
) -> Path | None:
    """The picture as it was cut before, or None; arguments and errors as of ``picture``."""
    out = _picture_place(cache, path, content_id, seconds, file, width)
    with sources.unchanged(path, file):
        return out if out.is_file() else None


def _picture_place(
    cache: Path, path: str, content_id: str, seconds: float, file: File | None, width: int
) -> Path:
    stamp = "" if width == THUMBNAIL_WIDTH else f"\n{width}"
    stem = place(
        cache / "thumbnails", content_id, Span(seconds, seconds), sources.identity(path, file) + stamp
    )
    return stem.with_name(f"{stem.name}.jpg")


def forget(cache: Path, content_id: str) -> None:
    """Remove every thumbnail and preview of a content."""
    for kind in KINDS:
        for entry in (cache / kind).glob(f"{glob.escape(content_id)}-*"):
            entry.unlink(missing_ok=True)


def place(folder: Path, content_id: str, span: Span, identity: str) -> Path:
    """Where something is kept that was cut from a file of some identity (see ``sources``), without ending."""
    stamp = f"{content_id}\n{span.start_seconds:.3f}\n{span.end_seconds:.3f}\n{identity}"
    name = hashlib.blake2b(stamp.encode(), digest_size=16).hexdigest()
    return folder / f"{content_id}-{name}"
