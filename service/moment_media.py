"""Gives the clip or picture that a signed address names, cut now if need be; serves nothing.

Only videos of the index are cut, from files in folders that were indexed, and only while the file is the one
that was indexed. The work is bounded: a few cuts at a time, a limited wait, clips of a minute at most, and a
cache folder of limited size.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, VideoError
from footage.core.types import File, Span
from service import browse, previews, sources
from service.sources import ShownSources

if TYPE_CHECKING:
    from service.media_links import MediaClaim
    from service.session import Service
    from service.waveform import WaveformPart

AT_ONCE = 2
"""Clips and pictures that are cut at the same time."""
PATIENCE_SECONDS = 20.0
"""How long a request waits for its turn to cut."""


class MediaGoneError(VideoError):
    """The index has no such video any more, or none of its files may be read."""


class MediaBusyError(FootageError):
    """Too many clips are being cut already."""

    retry_after_seconds: float = 5.0
    """When there is probably room again."""

    def __init__(self) -> None:
        super().__init__("Too many clips are being cut at the moment.", hint="Try again in 5 s.")


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file to send to a client."""

    path: Path
    """The file, in the cache folder."""
    media_type: str
    """Its MIME type."""
    name: str
    """A name for people who save it; plain ASCII without a path."""


class MomentMedia:
    """Cuts clips and pictures of moments of the index; safe to use from threads."""

    def __init__(
        self,
        service: Service,
        *,
        at_once: int = AT_ONCE,
        patience_seconds: float = PATIENCE_SECONDS,
        roots: Callable[[], Collection[str]] | None = None,
    ) -> None:
        """Cut nothing yet.

        Args:
            service: Its index has the videos, its cache folder keeps what is cut.
            at_once: Most cuts at the same time.
            patience_seconds: How long a request waits for its turn.
            roots: Gives the real paths of the folders whose files may be read; None for the indexed ones.
        """
        self._service = service
        self._turns = threading.BoundedSemaphore(at_once)
        self._patience_seconds = patience_seconds
        self._shown = ShownSources(roots or (lambda: browse.indexed_roots(service)))

    def file(self, claim: MediaClaim) -> MediaFile:
        """The file that a checked address names.

        Raises:
            MediaGoneError: the index has no such video, or none of its files may be read.
            MediaBusyError: the time to wait is over.
            VideoError: the file was changed or cannot be read.
            FootageError: the index cannot be read, or the cache folder cannot be written.
        """
        if claim.kind == "clip":
            return self.clip(claim.content_id, claim.span)
        return self.picture(claim.content_id, claim.middle_seconds, width=claim.width)

    def clip(self, content_id: str, span: Span) -> MediaFile:
        """A clip of a moment with some context; errors as of ``file``."""
        video = browse.videos(self._service, [content_id]).get(content_id)
        stretch = previews.around(span, video.duration_seconds) if video else span
        clip = self.stretch(content_id, stretch)
        return _used(MediaFile(clip.path, "video/mp4", _name(content_id, span.start_seconds, "mp4")))

    def stretch(self, content_id: str, stretch: Span) -> previews.Preview:
        """A clip of exactly a part of a video, clamped to its length; errors as of ``file``."""
        path, file = self._source(content_id)
        video = browse.videos(self._service, [content_id])[content_id]
        end_seconds = min(stretch.end_seconds, video.duration_seconds)
        stretch = Span(min(stretch.start_seconds, end_seconds), end_seconds)
        cache = self._service.settings.cache_dir
        with sources.unchanged(path, file):
            clip = previews.kept_preview(cache, path, content_id=content_id, stretch=stretch, file=file)
        if clip is None:
            with self._turn():
                clip = previews.preview(cache, path, content_id=content_id, stretch=stretch, file=file)
        return clip

    def picture(self, content_id: str, seconds: float, *, width: int) -> MediaFile:
        """The picture on show at a moment; errors as of ``file``."""
        path, file = self._source(content_id)
        wanted = partial(
            previews.kept_picture,
            self._service.settings.cache_dir,
            path,
            content_id=content_id,
            seconds=seconds,
            file=file,
            width=width,
        )
        made = wanted()
        if made is None:
            with self._turn():
                made = previews.picture(*wanted.args, **wanted.keywords)
        return _used(MediaFile(made, "image/jpeg", _name(content_id, seconds, "jpg")))

    def waveform(self, content_id: str, part: int) -> WaveformPart:
        """A part of the waveform of a video; errors as of ``file``, and ValueError for a part it has not."""
        from service.waveform import waveform

        path, file = self._source(content_id)
        video = browse.videos(self._service, [content_id])[content_id]
        settings = self._service.settings
        return waveform(
            settings.cache_dir,
            path,
            part,
            content_id=content_id,
            duration_seconds=video.duration_seconds,
            file=file,
            timeout_seconds=settings.decode_timeout_seconds,
        )

    def _source(self, content_id: str) -> tuple[str, File]:
        """The path of a file that holds a video and may be read, and the file as the index knows it."""
        path = browse.path_of(self._service, content_id)
        file = browse.file_at(self._service, path) if path else None
        if file is None or not self._shown.holds(path, file):
            raise MediaGoneError(
                "The video of this link is not in the index, or lies outside the indexed folders.",
                hint="Index its folder with `footage index`, and repeat the search.",
            )
        return path, file

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._patience_seconds):
            raise MediaBusyError
        try:
            yield
        finally:
            self._turns.release()


def _used(media: MediaFile) -> MediaFile:
    """Mark a file as just used: the cache removes first what was not used for longest."""
    with suppress(OSError):
        os.utime(media.path)
    return media


def _name(content_id: str, seconds: float, ending: str) -> str:
    """A file name that says which moment it is, without anything of the video's own name."""
    plain = "".join(each for each in content_id if each.isascii() and each.isalnum())
    return f"moment-{plain[:12]}-{seconds:.1f}s.{ending}"
