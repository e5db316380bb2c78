"""Gathers the pictures of image windows from the frames that captioning decodes; knows no index.

Captions and image vectors cut a video in different ways. Frames come window by window of the captions, in
order; an image window is complete once these windows have covered all of it. What never becomes complete,
as where some captions were made in an earlier run, is read from the file afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from footage.core.timeline import merge_spans
from footage.core.types import Frames, Span, Window
from indexer.tracks.images import ImageMaker
from indexer.tracks.pictures import STEP_SECONDS, Shot, frame_for, shrunk, standing, steps
from indexer.tracks.protocol import TrackReading


@dataclass(slots=True)
class _Gathering:
    """One image window while its pictures come in."""

    window: Window
    shots: dict[float, Shot] = field(default_factory=dict)
    covered: tuple[Span, ...] = ()

    def take(self, frames: Frames, shared: Span, most_pixels: int) -> None:
        """Take the pictures of a part of the window; a second that has one keeps it."""
        self.covered = merge_spans([*self.covered, shared])
        for at_seconds in steps(self.window.span, shared):
            place = frame_for(frames.times_seconds, at_seconds, self.window.span)
            if at_seconds not in self.shots and place is not None:
                pixels = shrunk(frames.pixels[place], most_pixels)
                self.shots[at_seconds] = Shot(frames.times_seconds[place], pixels)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is to come; one without any picture never is."""
        return self.covered == (self.window.span,) and bool(self.shots)

    def ordered(self) -> list[Shot]:
        """The pictures in order of time, each once."""
        once = {shot.at_seconds: shot for shot in self.shots.values()}
        return [once[at_seconds] for at_seconds in sorted(once)]


class ImageFeed:
    """Takes the frames of windows that are captioned, and gives the image windows that are complete."""

    def __init__(self, maker: ImageMaker) -> None:
        self._maker = maker
        self._gathering: dict[str, list[_Gathering]] = {}

    def begin(self, content_id: str, missing: Sequence[Window]) -> None:
        """Expect frames of a video, of which these image windows are wanted, in order."""
        self._gathering[content_id] = [_Gathering(window) for window in missing]

    def end(self, content_id: str) -> None:
        """Expect no more frames of a video."""
        self._gathering.pop(content_id, None)

    def take(self, window: Window, frames: Frames) -> list[tuple[Window, TrackReading]]:
        """Take the frames of a window that is captioned.

        Returns:
            The image windows that are complete with it, embedded. Frames that are more than a second apart
            leave theirs incomplete.

        Raises:
            FootageError: The embedder cannot be loaded.
        """
        waiting = self._gathering.get(window.content_id, [])
        seen = window.span.duration_seconds
        if len(frames.times_seconds) * STEP_SECONDS < seen:
            return []
        for each in waiting:
            start = max(each.window.span.start_seconds, window.span.start_seconds)
            end = min(each.window.span.end_seconds, window.span.end_seconds)
            if start < end:
                each.take(frames, Span(start, end), self._maker.picture_pixels)
        complete = [each for each in waiting if each.is_complete]
        # Windows come in order: what ends before this one begins is never completed.
        self._gathering[window.content_id] = [
            each
            for each in waiting
            if not each.is_complete and each.window.span.end_seconds > window.span.start_seconds
        ]
        return [(each.window, self._embedded(each)) for each in complete]

    def _embedded(self, gathered: _Gathering) -> TrackReading:
        pictures = standing(gathered.ordered(), gathered.window.span)
        return TrackReading(images=self._maker.vectors(gathered.window, pictures))
