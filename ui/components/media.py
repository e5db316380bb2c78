"""Thumbnails and previews, cut once and kept in the cache folder; knows neither pages nor the index."""

from __future__ import annotations

import base64
import glob
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from footage.errors import VideoError
from footage.types import Span

LEAD_SECONDS = 2
"""Context before a span, in whole seconds, because a Streamlit player starts at whole seconds."""
TAIL_SECONDS = 2.0
"""Context after a span."""
LONGEST_SECONDS = 60.0
"""A preview of a longer span ends here."""
CACHE_BYTES = 512 * 1024 * 1024
"""The oldest previews and thumbnails go when the folder holds more than this."""
_THUMBNAIL_WIDTH = 360
_PREVIEW_WIDTH = 720

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Preview:
    """A short clip around a span."""

    path: Path
    """The clip, an MP4 that browsers play."""
    span: Span
    """What it shows, in video time; the part past the video's end is not there."""
    start_seconds: int
    """Where in the clip the span begins."""


def preview(cache: Path, path: str, *, content_id: str, span: Span) -> Preview:
    """Cut a clip around a span, or take the one that was cut before.

    Args:
        cache: Folder to keep it in.
        path: The video file.
        content_id: What the file holds.
        span: What to show, in video time.

    Raises:
        VideoError: The file cannot be read there.
        FootageError: The cache folder cannot be written.
    """
    from footage.clip import write_preview

    lead = min(LEAD_SECONDS, int(span.start_seconds))
    start = span.start_seconds - lead
    shown = Span(start, min(span.end_seconds + TAIL_SECONDS, start + LONGEST_SECONDS))
    out = _place(cache / "previews", content_id, shown, ".mp4")
    if not out.is_file():
        write_preview(path, shown, out, max_width=_PREVIEW_WIDTH)
        keep_small(out.parent)
    return Preview(out, shown, lead)


def thumbnail(cache: Path, path: str, *, content_id: str, seconds: float) -> str:
    """A frame as a data address for an HTML image; empty when the file cannot be read there.

    Args:
        cache: Folder to keep the picture in.
        path: The video file.
        content_id: What the file holds.
        seconds: Which moment, in video time.

    Raises:
        FootageError: The cache folder cannot be written.
    """
    from footage.clip import write_thumbnail

    out = _place(cache / "thumbnails", content_id, Span(seconds, seconds), ".jpg")
    if not out.is_file():
        try:
            write_thumbnail(path, seconds, out, max_width=_THUMBNAIL_WIDTH)
        except VideoError as error:
            logger.info("no thumbnail at %.1f s: %s", seconds, error)
            return ""
        keep_small(out.parent)
    return "data:image/jpeg;base64," + base64.b64encode(out.read_bytes()).decode("ascii")


def _place(folder: Path, content_id: str, span: Span, suffix: str) -> Path:
    stamp = f"{content_id}\n{span.start_seconds:.3f}\n{span.end_seconds:.3f}"
    name = hashlib.blake2b(stamp.encode(), digest_size=16).hexdigest()
    return folder / f"{content_id}-{name}{suffix}"


def forget(cache: Path, content_id: str) -> None:
    """Remove every thumbnail and preview of a content."""
    for kind in ("previews", "thumbnails"):
        for entry in (cache / kind).glob(f"{glob.escape(content_id)}-*"):
            entry.unlink(missing_ok=True)


def keep_small(folder: Path, most_bytes: int = CACHE_BYTES) -> None:
    """Remove the oldest files of a folder until it holds at most ``most_bytes``; the newest stays."""
    files = sorted(
        (
            (entry.stat().st_mtime, entry.stat().st_size, entry)
            for entry in folder.iterdir()
            if entry.is_file()
        ),
        reverse=True,
    )
    held = 0
    for number, (_, size_bytes, entry) in enumerate(files):
        held += size_bytes
        if number and held > most_bytes:
            entry.unlink(missing_ok=True)
