"""Shows windows of video files to a model: decodes ahead, prepares, batches, and reports what failed.

Knows no prompt and no index: the caller gives the function that runs a batch of prepared windows, and decides
what becomes of a window that could not be decoded.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from footage.core.errors import FootageError, VideoError, WindowError
from footage.core.types import Frames, Span, Video
from footage.inference.decode_ahead import DecodeAhead
from footage.media.sandbox import WHOLE, SandboxSampler, frame_at, read_image, sample
from footage.media.sandbox.pool import MOST_READING
from footage.vlm.profile import Profile
from footage.vlm.protocol import Prepared, PreparesAhead, Recalling, TakesTurns, VideoModel

R = TypeVar("R")
RunBatch = Callable[[Sequence[int], Sequence[Prepared]], Sequence["R | WindowError"]]
"""Asks the model about prepared windows, given after their numbers; one result or refusal each, in order."""


@dataclass(frozen=True, slots=True)
class WindowSource:
    """A window and the file that holds it."""

    path: str | os.PathLike[str]
    """The file."""
    video: Video
    """Its probe; the content id may be empty."""
    span: Span
    """The window, in video time; without length it is a moment, shown as one frame of full size."""


@dataclass(frozen=True, slots=True)
class WindowResult(Generic[R]):
    """The outcome for one window: a result or an error."""

    number: int
    """Position of the window among those that were given."""
    source: WindowSource
    """The window."""
    result: R | None = None
    """What the batch function returned; None for an error."""
    error: Exception | None = None
    """Why there is no result: a VideoError (not decoded), a WindowError (refused by the model), or any other
    exception that is no FootageError: a fault of this program or a library."""
    frame_times_seconds: tuple[float, ...] = ()
    """Times of the frames shown, in video time, ascending, each once; empty for a window that was not decoded
    now."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A window that is ready for the model."""

    prepared: Prepared
    frame_times_seconds: tuple[float, ...] = ()


class WindowedRunner:
    """Runs one model over windows. Threads may share a runner: the model gets one batch at a time."""

    def __init__(
        self, model: VideoModel, *, keep_bytes: int | None = None, timeout_seconds: float = 120
    ) -> None:
        """Take a loaded model.

        Args:
            model: The model.
            keep_bytes: Bound on prepared windows held for further runs (the last one is held in any case). A
                model that can (see ``Recalling``) also recalls windows from disk and keeps them there. None:
                every window is decoded, and none is held.
            timeout_seconds: Give up on a window's decoding after this long without progress.
        """
        self.model = model
        self._keep_bytes = keep_bytes
        self._timeout_seconds = timeout_seconds
        self._held: OrderedDict[tuple[str, Span], Prepared] = OrderedDict()
        self._held_lock = threading.Lock()
        self._model_lock: AbstractContextManager[object] = (
            nullcontext() if isinstance(model, TakesTurns) else threading.Lock()
        )
        self._preparing: AbstractContextManager[object] = (
            nullcontext() if isinstance(model, PreparesAhead) else threading.Lock()
        )
        self._last_run_seconds = 0.0

    def batches(
        self,
        sources: Sequence[WindowSource],
        run_batch: RunBatch[R],
        *,
        should_stop: Callable[[], bool] = lambda: False,
        eager: bool = False,
    ) -> Iterator[list[WindowResult[R]]]:
        """Run the model over windows, in order, in batches of the size that suits it.

        While one batch runs, the next one is decoded, several files at once. Closing the iterator decodes
        nothing more.

        Args:
            sources: The windows.
            run_batch: Called with one batch at a time, never with an empty one.
            should_stop: Asked before each batch; True ends the iteration, and the rest has no results.
            eager: Let a batch begin with the windows that are ready, as soon as its first one is. It waits
                for the others no longer than the model took for the last batch.

        Yields:
            The results of one batch, one for each of its windows, errors included.

        Raises:
            FootageError: as ``run_batch`` or the model raises it; a VideoError while decoding is a result.
        """
        can = self.model.capabilities
        size = max(1, min(can.windows_ahead, can.max_batch))
        with self._held_lock:
            to_decode = [n for n, source in enumerate(sources) if _held_key(source) not in self._held]
        decoder = _Decoder(sources, to_decode, self.model.profile, self._timeout_seconds)
        passes = [decoder.pass_of(number) for number in range(len(sources))]
        coming = DecodeAhead(
            lambda number: self._ready(number, sources[number], decoder), passes, most=2 * size
        )
        first = 0
        with coming.running(min(MOST_READING, len(sources)), "decode ahead"):
            while first < len(sources) and not should_stop():
                # 1. Wait for this batch's windows, and have the next one's decoded meanwhile.
                coming.allow(first + 2 * size)
                past = min(first + size, len(sources))
                ready = [coming.take(first)]
                if eager:
                    past = coming.ready(first + 1, past, self._last_run_seconds)
                ready += [coming.take(number) for number in range(first + 1, past)]
                # 2. Run.
                yield self._run(range(first, past), sources, ready, run_batch)
                first = past

    def _run(
        self,
        batch: range,
        sources: Sequence[WindowSource],
        ready: Sequence[_Ready | Exception],
        run_batch: RunBatch[R],
    ) -> list[WindowResult[R]]:
        shown = {n: each for n, each in zip(batch, ready, strict=True) if isinstance(each, _Ready)}
        outcomes: dict[int, R | Exception] = {
            n: each for n, each in zip(batch, ready, strict=True) if isinstance(each, Exception)
        }
        if shown:
            with self._model_lock:
                began = time.monotonic()
                results = run_batch(list(shown), [each.prepared for each in shown.values()])
                self._last_run_seconds = time.monotonic() - began
            outcomes.update(zip(shown, results, strict=True))
            self._keep_on_disk([(sources[n], each.prepared) for n, each in shown.items()])
        return [
            WindowResult(n, sources[n], error=outcome)
            if isinstance(outcome := outcomes[n], Exception)
            else WindowResult(n, sources[n], outcome, None, shown[n].frame_times_seconds)
            for n in batch
        ]

    # -- Windows -------------------------------------------------------------------------------------------

    def _ready(self, number: int, source: WindowSource, decoder: _Decoder) -> _Ready | Exception:
        """A window ready for the model, or why it cannot be shown."""
        try:
            if (known := self._held_window(source) or self._recalled(source)) is not None:
                return _Ready(known)
            frames = decoder.decode(number)
            with self._preparing:
                prepared = self.model.prepare(frames)
            self._hold(source, prepared)
            return _Ready(prepared, tuple(dict.fromkeys(frames.times_seconds)))
        except VideoError as error:
            return error
        except FootageError:  # of the model or the index: no other window would fare better
            raise
        except Exception as error:  # in the results: the other windows go on
            return error

    def _held_window(self, source: WindowSource) -> Prepared | None:
        with self._held_lock:
            if (key := _held_key(source)) in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def _recalled(self, source: WindowSource) -> Prepared | None:
        """The window as the model kept it on disk."""
        content_id = source.video.content_id
        if self._keep_bytes is None or not content_id or not isinstance(self.model, Recalling):
            return None
        prepared = self.model.recall(content_id, source.span)
        return self._hold(source, prepared) if prepared else None

    def _hold(self, source: WindowSource, prepared: Prepared) -> Prepared:
        """Hold a window for further runs, in place of those that were used longest ago."""
        if self._keep_bytes is None:
            return prepared
        with self._held_lock:
            self._held[_held_key(source)] = prepared
            held_bytes = sum(window.nbytes for window in self._held.values())
            while held_bytes > self._keep_bytes and len(self._held) > 1:
                held_bytes -= self._held.popitem(last=False)[1].nbytes
        return prepared

    def _keep_on_disk(self, shown: Sequence[tuple[WindowSource, Prepared]]) -> None:
        """Let the model keep what it was shown for other runs, where it can."""
        if self._keep_bytes is not None and isinstance(self.model, Recalling):
            for source, prepared in shown:
                if source.video.content_id:
                    self.model.keep(source.video.content_id, prepared)


class _Decoder:
    """Decodes windows of several files; successive windows of one file in one pass, where they ascend."""

    def __init__(
        self,
        sources: Sequence[WindowSource],
        to_decode: Sequence[int],
        profile: Profile,
        timeout_seconds: float,
    ) -> None:
        """Plan the passes; opens nothing yet.

        Args:
            sources: All windows.
            to_decode: Numbers of those that are probably decoded: a pass holds the frames that they share.
            profile: Of the model.
            timeout_seconds: Give up after this long without progress.
        """
        self._sources = sources
        self._profile, self._timeout_seconds = profile, timeout_seconds
        self._passes: dict[int, tuple[SandboxSampler, int]] = {}
        """By number of the window: the pass that decodes it, and its place in there."""
        for numbers in _ascending(sources, to_decode):
            if len(numbers) > 1:
                sampler = self._sampler([sources[n] for n in numbers])
                self._passes.update((n, (sampler, place)) for place, n in enumerate(numbers))

    def pass_of(self, number: int) -> SandboxSampler | None:
        """The pass that decodes a window together with others; None for a window by itself."""
        return self._passes[number][0] if number in self._passes else None

    def decode(self, number: int) -> Frames:
        """The frames of a window.

        Raises:
            VideoError: when it cannot be decoded.
        """
        source = self._sources[number]
        if number in self._passes:
            sampler, place = self._passes[number]
            return sampler.take(place)
        if source.span.duration_seconds == 0:
            return full_size_frame(source, self._timeout_seconds)
        return sample(
            source.path,
            source.span,
            **self._profile.frame_budget,
            video=source.video,
            timeout_seconds=self._timeout_seconds,
        )

    def _sampler(self, sources: Sequence[WindowSource]) -> SandboxSampler:
        return SandboxSampler(
            sources[0].path,
            [source.span for source in sources],
            **self._profile.frame_budget,
            video=sources[0].video,
            timeout_seconds=self._timeout_seconds,
        )


def full_size_frame(source: WindowSource, timeout_seconds: float) -> Frames:
    """The frame on show at the start of a window, in the size of the source; or the image that it is.

    Raises:
        VideoError: when it cannot be read.
    """
    seconds = source.span.start_seconds
    if source.video.is_image:
        pixels = read_image(source.path, timeout_seconds=timeout_seconds).pixels
    else:
        pixels = frame_at(source.path, seconds, max_width=WHOLE, timeout_seconds=timeout_seconds)
    return Frames(pixels[None], (seconds,), source.span)


def _ascending(sources: Sequence[WindowSource], numbers: Sequence[int]) -> list[list[int]]:
    """The numbers of the windows for each pass: of one file, in order of their starts."""
    passes: list[list[int]] = []
    last: dict[tuple[str, str], list[int]] = {}
    for number in numbers:
        source = sources[number]
        if source.span.duration_seconds == 0:
            continue
        key = os.fspath(source.path), source.video.content_id
        going = last.get(key)
        if going is None or source.span.start_seconds <= sources[going[-1]].span.start_seconds:
            going = last[key] = []
            passes.append(going)
        going.append(number)
    return passes


def _held_key(source: WindowSource) -> tuple[str, Span]:
    return source.video.content_id or os.fspath(source.path), source.span
