"""The local executor: decodes in a thread, and captions in batches in the thread of the run."""

from __future__ import annotations

from collections.abc import Sequence

from footage.core.errors import WaitStoppedError, WindowError
from footage.core.types import WindowRecord
from footage.vlm.deferred import DeferredModel
from footage.vlm.protocol import PreparesAhead, VideoModel
from indexer.captioning import CaptionTask, caption_windows
from indexer.executors.protocol import CaptionWork, ModelFacts
from indexer.openings import OpenedFile, UnusableFile
from indexer.prefetch import (
    DecodedWindow,
    Message,
    Prefetcher,
    UndecodedWindow,
    decoded,
    frame_bytes,
)
from indexer.reuse import CaptionReuse
from indexer.tracks.protocol import TrackMaker


class LocalExecutor:
    """Captions with one model in this process; a deferred one is loaded once a window is missing."""

    def __init__(
        self, model: VideoModel | DeferredModel | None, *, batch_size: int = 8, queue_windows: int = 4
    ) -> None:
        """Take a model.

        Args:
            model: Captions the windows; None to make no captions.
            batch_size: Windows per call of the model, as far as it takes as many.
            queue_windows: Decoded windows that may wait for the model.
        """
        self._model = model
        self._batch_size = batch_size
        self._queue_windows = queue_windows

    @property
    def facts(self) -> ModelFacts | None:
        """As ``Executor.facts``."""
        model = self._model
        if isinstance(model, DeferredModel):
            return ModelFacts(model.profile, model.provenance, self._batch_size)
        return None if model is None else ModelFacts.of(model)

    @property
    def track_lanes(self) -> int:
        """One: the recognisers of this process."""
        return 1

    def makers(self, makers: Sequence[TrackMaker]) -> Sequence[TrackMaker]:
        """The same: they read here."""
        return makers

    def caption(self, work: CaptionWork) -> None:
        """Caption windows as they come decoded, until there are no more or the run is stopped."""
        ahead = Prefetcher(
            decoded(
                work.openings,
                profile=None if self._model is None else self._model.profile,
                timeout_seconds=work.decode_timeout_seconds,
                meter=work.meter,
            ),
            most=self._queue_windows,
            size_bytes=frame_bytes,
        )
        with ahead as messages:
            self._caption(messages, work)

    def _caption(self, messages: Prefetcher[Message], work: CaptionWork) -> None:
        run, batch = work.run, list[DecodedWindow]()
        for message in messages:
            if work.stop():
                work.meter.stopped = True
                break
            match message:
                case OpenedFile():
                    if message.due:
                        self._load()
                    run.open(message)
                case DecodedWindow():
                    if run.tracks is not None:
                        run.tracks.see(message.window, message.frames)
                    self._prepare_ahead(message, run.reuse)
                    batch.append(message)
                    if len(batch) >= self._most_at_once:
                        if not self._commit(batch, work):
                            break
                        batch = []
                case UndecodedWindow():
                    run.give_up(message)
                case UnusableFile():
                    run.record(message.file)
            if run.tracks is not None:
                run.tracks.take()
            work.meter.tell()
        if batch and not work.meter.stopped:
            self._commit(batch, work)

    def _prepare_ahead(self, decoded: DecodedWindow, reuse: CaptionReuse) -> None:
        """Have a window prepared while the next ones are decoded, where the model will look at it."""
        if isinstance(self._model, PreparesAhead) and reuse.look(decoded).picture is None:
            self._model.prepare_ahead(decoded.frames)

    def _load(self) -> None:
        """Load the model, unless it is loaded."""
        if isinstance(self._model, DeferredModel):
            self._model = self._model.load()

    @property
    def _most_at_once(self) -> int:
        """Windows per call of the loaded model."""
        assert self._model is not None and not isinstance(self._model, DeferredModel)
        return max(1, min(self._batch_size, self._model.capabilities.max_batch))

    def _commit(self, batch: Sequence[DecodedWindow], work: CaptionWork) -> bool:
        """Caption some windows and commit the captions.

        Returns:
            Whether to go on; False where the run was asked to stop while the model had to be waited for.
        """

        def make(windows: Sequence[DecodedWindow]) -> list[WindowRecord | WindowError]:
            assert self._model is not None and not isinstance(self._model, DeferredModel)
            assert work.provenance is not None
            tasks = [CaptionTask(each.window, each.frames, work.provenance) for each in windows]
            return caption_windows(tasks, model=self._model, timing=work.meter.timing)

        try:
            results = work.run.reuse.caption(batch, make)
        except WaitStoppedError:
            work.meter.stopped = True
            return False
        work.run.commit([each.window for each in batch], results)
        return True
