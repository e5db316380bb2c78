"""Gathers the pictures of image windows from the frames that captioning decodes; knows no index.

Captions and image vectors cut a video in different ways. Frames come window by window of the captions, in
order; an image window is complete once these windows have covered all of it. What never becomes complete,
as where some captions were made in an earlier run, is read from the file afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from footage.core.timeline import merge_spans
from footage.core.types import Frames, Span, Window
from indexer.tracks.images import ImageMaker
from indexer.tracks.pictures import STEP_SECONDS, Shot, frame_for, shrunk, standing, steps
from indexer.tracks.protocol import TrackReading


@dataclass(frozen=True, slots=True, eq=False)
class PickedShots:
    """The pictures that the frames of one captioned window bring to one image window."""

    window: Window
    """The image window."""
    shared: Span
    """What both windows share, in video time."""
    shots: Mapping[float, Shot]
    """The pictures, by the second that each is for, in video time."""


def picked(
    window: Window,
    frames: Frames,
    image_windows: Sequence[Window],
    *,
    most_pixels: int,
    have: Callable[[Window], Collection[float]] = lambda window: (),
) -> list[PickedShots]:
    """The pictures that the frames of a captioned window bring to image windows.

    Args:
        window: The captioned window.
        frames: Its frames. Frames that are more than a second apart bring nothing.
        image_windows: Image windows of the same video; those that it does not touch are passed over.
        most_pixels: Of how many pixels the embedder sees a picture.
        have: Which seconds of an image window have a picture already.
    """
    if len(frames.times_seconds) * STEP_SECONDS < window.span.duration_seconds:
        return []
    found = []
    for each in image_windows:
        start = max(each.span.start_seconds, window.span.start_seconds)
        end = min(each.span.end_seconds, window.span.end_seconds)
        if start >= end:
            continue
        shared, held = Span(start, end), have(each)
        shots: dict[float, Shot] = {}
        for at_seconds in steps(each.span, shared):
            place = frame_for(frames.times_seconds, at_seconds, each.span)
            if at_seconds not in held and place is not None:
                pixels = shrunk(frames.pixels[place], most_pixels)
                shots[at_seconds] = Shot(frames.times_seconds[place], pixels)
        found.append(PickedShots(each, shared, shots))
    return found


@dataclass(slots=True)
class _Gathering:
    """One image window while its pictures come in."""

    window: Window
    shots: dict[float, Shot] = field(default_factory=dict)
    covered: tuple[Span, ...] = ()

    def take(self, picked: PickedShots) -> None:
        """Take the pictures of a part of the window; a second that has one keeps it."""
        self.covered = merge_spans([*self.covered, picked.shared])
        self.shots = {**picked.shots, **self.shots}

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

    def __init__(self, maker: ImageMaker, *, threads: int = 0) -> None:
        """Begin empty.

        Args:
            maker: Embeds the pictures.
            threads: How many image windows are embedded beside the caller, in threads; 0 to embed at once.
        """
        self._maker = maker
        self._gathering: dict[str, list[_Gathering]] = {}
        self._threads = ThreadPoolExecutor(threads, "embed pictures") if threads else None
        self._embedding: list[tuple[Window, Future[TrackReading]]] = []

    def begin(self, content_id: str, missing: Sequence[Window]) -> None:
        """Expect frames of a video, of which these image windows are wanted, in order."""
        self._gathering[content_id] = [_Gathering(window) for window in missing]

    def waiting(self, content_id: str) -> tuple[Window, ...]:
        """The image windows of a video that are still incomplete, in order."""
        return tuple(each.window for each in self._gathering.get(content_id, []))

    def end(self, content_id: str) -> list[tuple[Window, TrackReading]]:
        """Expect no more frames of a video; its image windows that were not given out yet."""
        self._gathering.pop(content_id, None)
        return self.finished(content_id)

    def finished(self, content_id: str = "") -> list[tuple[Window, TrackReading]]:
        """The image windows that are embedded now, and all of a video, which is waited for.

        Raises:
            FootageError: The embedder cannot be loaded.
        """
        wanted = [each for each in self._embedding if each[1].done() or each[0].content_id == content_id]
        self._embedding = [each for each in self._embedding if each not in wanted]
        return [(window, embedding.result()) for window, embedding in wanted]

    def close(self) -> None:
        """End the threads; what they do is not waited for."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def take(self, window: Window, frames: Frames) -> list[tuple[Window, TrackReading]]:
        """Take the frames of a window that is captioned.

        Returns:
            The image windows that are complete with it, embedded. Frames that are more than a second apart
            leave theirs incomplete.

        Raises:
            FootageError: The embedder cannot be loaded.
        """
        waiting = {each.window: each for each in self._gathering.get(window.content_id, [])}
        if not waiting:
            return []
        shots = picked(
            window,
            frames,
            list(waiting),
            most_pixels=self._maker.picture_pixels,
            have=lambda each: waiting[each].shots,
        )
        return self.add(window, shots)

    def add(self, window: Window, shots: Sequence[PickedShots]) -> list[tuple[Window, TrackReading]]:
        """As ``take``, with pictures that were picked elsewhere; none where the frames were too few."""
        if not shots:
            return []
        waiting = self._gathering.get(window.content_id, [])
        by_window = {each.window: each for each in shots}
        for each in waiting:
            if each.window in by_window:
                each.take(by_window[each.window])
        complete = [each for each in waiting if each.is_complete]
        # Windows come in order: what ends before this one begins is never completed.
        self._gathering[window.content_id] = [
            each
            for each in waiting
            if not each.is_complete and each.window.span.end_seconds > window.span.start_seconds
        ]
        self._embedding += [(each.window, self._embed(each)) for each in complete]
        return self.finished()

    def _embed(self, gathered: _Gathering) -> Future[TrackReading]:
        if self._threads is not None:
            return self._threads.submit(self._embedded, gathered)
        embedded: Future[TrackReading] = Future()
        embedded.set_result(self._embedded(gathered))
        return embedded

    def _embedded(self, gathered: _Gathering) -> TrackReading:
        pictures = standing(gathered.ordered(), gathered.window.span)
        return TrackReading(images=self._maker.vectors(gathered.window, pictures))
