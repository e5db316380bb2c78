"""The screen-text track: what is written in the picture, from first to last sight; knows no index.

Pictures are sampled every quarter of a second, and a text begins in the middle between the last one without
it and the first one with it: its ends are off by an eighth of a second where it stands still, and by up to
``WatchSettings.changing_seconds`` where it moves faster than it can be followed.
"""

from __future__ import annotations

from bisect import bisect_left

from footage.core.errors import DecodeError
from footage.core.tracks import SCREEN_TEXT_TRACK
from footage.core.types import CaptionEvent, Provenance, Span, Video, Window
from footage.core.windows import plan_windows
from footage.media.sandbox import SandboxSampler
from indexer.tracks.protocol import FileReader, TrackReading
from indexer.tracks.text_recogniser import MODEL, TextRecogniser, check_engine
from indexer.tracks.text_sightings import events_of, join_cut
from indexer.tracks.text_watch import SETTINGS, TextWatch, WatchSettings

CONTRACT_VERSION = "screen-text-1"
"""Changes when other events would come of the same pictures."""
WINDOW_SECONDS = 60.0
_PIECE_SECONDS = 5.0
"""What is decoded at once: 20 pictures, 60 MB."""


class ScreenTextMaker:
    """Makes the track for a run; the models are loaded when the first text is looked for."""

    def __init__(
        self,
        *,
        settings: WatchSettings = SETTINGS,
        recogniser: TextRecogniser | None = None,
        decode_timeout_seconds: float = 120.0,
    ) -> None:
        """Make sure that the engine is there, without loading it.

        Args:
            settings: How often, and at what size, text is looked for.
            recogniser: Reads; one of its own where none is given.
            decode_timeout_seconds: Give up on a decoder after this long without progress.

        Raises:
            DependencyError: A package or a model is missing.
        """
        check_engine()
        self._settings = settings
        self._timeout_seconds = decode_timeout_seconds
        self._recogniser = recogniser or TextRecogniser()

    @property
    def track(self) -> str:
        """Which track."""
        return SCREEN_TEXT_TRACK

    def windows(self, video: Video) -> tuple[Window, ...]:
        """A minute each, without overlap; none of an image."""
        return plan_windows(
            video.content_id,
            video.duration_seconds,
            window_seconds=WINDOW_SECONDS,
            overlap_seconds=0.0,
            gaps=video.gaps,
        )

    def open(self, path: str, video: Video) -> FileReader:
        """Begin a file; opens nothing yet."""
        pieces = [piece for window in self.windows(video) for piece in _pieces(window.span)]
        sampler = SandboxSampler(
            path,
            pieces,
            fps=self._settings.frames_per_second,
            pixels_per_frame=self._settings.pixels_per_frame,
            video=video,
            on_ticks=True,
            timeout_seconds=self._timeout_seconds,
        )
        return ScreenTextReader(sampler, pieces, self._recogniser, self._settings)

    def merge(
        self, content_id: str, events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...]
    ) -> tuple[CaptionEvent, ...]:
        """Join the texts that windows cut in two."""
        return joined_windows(events, cuts, settings=self._settings)


def joined_windows(
    events: tuple[CaptionEvent, ...], cuts: tuple[Span, ...], *, settings: WatchSettings = SETTINGS
) -> tuple[CaptionEvent, ...]:
    """As ``ScreenTextMaker.merge``, without a recogniser."""
    return join_cut(events, cuts, near_seconds=2.1 / settings.frames_per_second)


class ScreenTextReader:
    """Reads the text of one file, window after window."""

    def __init__(
        self, sampler: SandboxSampler, pieces: list[Span], recogniser: TextRecogniser, settings: WatchSettings
    ) -> None:
        """Take what ``ScreenTextMaker.open`` has made; ``pieces`` are the spans of the sampler."""
        self._sampler = sampler
        self._pieces = pieces
        self._recogniser = recogniser
        self._settings = settings
        self.looks = self.lines = 0
        """How often the detector was run so far, and how many lines were read."""

    @property
    def provenance(self) -> Provenance:
        """Engine, models and settings."""
        return Provenance(
            model=f"{self._recogniser.engine} {MODEL}",
            revision=self._recogniser.revision,
            prompt_version=CONTRACT_VERSION,
            budget=str(self._settings),
        )

    def read(self, window: Window) -> TrackReading:
        """Read one window; of a window that is damaged in part, what decodes.

        Raises:
            VideoError: None of it decodes.
        """
        watch = TextWatch(self._recogniser, self._settings, window.span)
        first = bisect_left(self._pieces, window.span.start_seconds, key=lambda piece: piece.start_seconds)
        failed: DecodeError | None = None
        seen_seconds = -1.0
        for number in range(first, len(self._pieces)):
            if self._pieces[number].start_seconds >= window.span.end_seconds:
                break
            try:
                frames = self._sampler.take(number)
            except DecodeError as error:
                failed = error
                continue
            for picture, at_seconds in zip(frames.pixels, frames.times_seconds, strict=True):
                if at_seconds > seen_seconds:
                    watch.see(picture, at_seconds)
                    seen_seconds = at_seconds
        if failed is not None and seen_seconds < 0:
            raise failed
        events = events_of(watch.sightings(), within=window.span)
        self.looks += watch.looks
        self.lines += watch.lines
        notes = ("some of it cannot be decoded",) if failed is not None else ()
        return TrackReading(events, notes)

    def close(self) -> None:
        """Nothing is held open."""


def _pieces(span: Span) -> list[Span]:
    """A window in pieces that are decoded at once, in order."""
    edges = [span.start_seconds]
    while edges[-1] + _PIECE_SECONDS < span.end_seconds:
        edges.append(edges[-1] + _PIECE_SECONDS)
    return [Span(start, end) for start, end in zip(edges, [*edges[1:], span.end_seconds], strict=True)]
