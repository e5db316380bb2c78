"""A model whose every step takes a turn in the work queue; knows nothing of what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from service.callers import Caller, current_caller

if TYPE_CHECKING:
    from footage.core.disk_cache import Shelf
    from footage.core.errors import WindowError
    from footage.core.types import Answer, Frames, Provenance, Span
    from footage.vlm.profile import Profile
    from footage.vlm.protocol import Capabilities, ModelWork, Prepared, Prompt, VideoModel
    from service.work_queue import WorkQueue

Request = tuple["Prepared", "Prompt"]
OnWait = Callable[[str], bool]

_on_wait: ContextVar[OnWait | None] = ContextVar("on_wait of the caller", default=None)


def queued(model: VideoModel, queue: WorkQueue) -> VideoModel:
    """A model as it is, with a turn around each of its steps for ``service.callers.current_caller``.

    It has the abilities of the model, and no others (``Recalling``, ``RunsEach``, ``Waits``,
    ``PictureModel``, ``CountsWork``). A step raises ``Cancelled`` where the caller was cancelled while it
    waited, and the first step of a request ``OverloadedError`` where too many wait.
    """
    from footage.vlm.protocol import CountsWork, PictureModel, Recalling, RunsEach, Waits

    parts = {
        Recalling: _Recalling,
        RunsEach: _RunsEach,
        Waits: _Waits,
        PictureModel: _Pictures,
        CountsWork: _Counts,
    }
    bases = tuple(part for ability, part in parts.items() if isinstance(model, ability))
    return type("QueuedModel", (*bases, _QueuedModel), {})(model, queue)  # type: ignore[no-any-return]


class _QueuedModel:
    """The part that every model has."""

    takes_turns = True
    """See ``footage.vlm.protocol.TakesTurns``."""

    def __init__(self, model: Any, queue: WorkQueue) -> None:
        self._model, self._queue = model, queue

    @property
    def profile(self) -> Profile:
        """Of the model."""
        return self._model.profile  # type: ignore[no-any-return]

    @property
    def capabilities(self) -> Capabilities:
        """Of the model."""
        return self._model.capabilities  # type: ignore[no-any-return]

    @property
    def provenance(self) -> Provenance:
        """Of the model."""
        return self._model.provenance  # type: ignore[no-any-return]

    @property
    def stage_seconds(self) -> Mapping[str, float]:
        """Of the model; the time of waiting for a turn is in no stage."""
        return self._model.stage_seconds  # type: ignore[no-any-return]

    @property
    def sees(self) -> str:
        """What a served model was found to see; empty for others."""
        return getattr(self._model, "sees", "")

    def prepare(self, frames: Frames) -> Prepared:
        """As the model; takes no turn, as windows are prepared beside the model's steps."""
        return self._model.prepare(frames)  # type: ignore[no-any-return]

    def run(self, requests: Sequence[Request]) -> list[Answer]:
        """As the model, in a turn."""
        with self._turn():
            return self._model.run(requests)  # type: ignore[no-any-return]

    @contextmanager
    def _turn(self) -> Iterator[Caller]:
        """A turn for the current caller."""
        caller = current_caller()
        with self._queue.turn(
            client=caller.client, priority=caller.priority, cancel=caller.cancel, admitted=caller.admitted
        ):
            caller.admitted = True
            yield caller


class _Recalling(_QueuedModel):
    """The part of a model that keeps windows on disk; takes no turn."""

    @property
    def shelf(self) -> Shelf | None:
        """Of the model."""
        return self._model.shelf  # type: ignore[no-any-return]

    @shelf.setter
    def shelf(self, shelf: Shelf | None) -> None:
        self._model.shelf = shelf

    def recall(self, content_id: str, span: Span) -> Prepared | None:
        """As the model."""
        return self._model.recall(content_id, span)  # type: ignore[no-any-return]

    def keep(self, content_id: str, prepared: Prepared) -> None:
        """As the model."""
        self._model.keep(content_id, prepared)


class _RunsEach(_QueuedModel):
    """The part of a model that can refuse single windows."""

    def run_each(self, requests: Sequence[Request]) -> list[Answer | WindowError]:
        """As the model, in a turn."""
        with self._turn():
            return self._model.run_each(requests)  # type: ignore[no-any-return]


class _Waits(_QueuedModel):
    """The part of a model that may have to be waited for: each caller hears of its own steps alone."""

    @property
    def on_wait(self) -> OnWait | None:
        """What the current caller does while its step waits."""
        return _on_wait.get()

    @on_wait.setter
    def on_wait(self, on_wait: OnWait | None) -> None:
        _on_wait.set(on_wait)

    @contextmanager
    def _turn(self) -> Iterator[Caller]:
        with super()._turn() as caller:
            own = _on_wait.get()

            def on_wait(reason: str) -> bool:
                goes_on = own is None or own(reason)
                return goes_on and not (caller.cancel is not None and caller.cancel.cancelled)

            self._model.on_wait = on_wait
            try:
                yield caller
            finally:
                self._model.on_wait = None


class _Pictures(_QueuedModel):
    """The part of a model that compares pictures."""

    def prepare_pictures(self, pictures: Sequence[Frames]) -> Prepared:
        """As the model; takes no turn."""
        return self._model.prepare_pictures(pictures)  # type: ignore[no-any-return]


class _Counts(_QueuedModel):
    """The part of a model that counts what it does."""

    @property
    def work(self) -> ModelWork:
        """Of the model."""
        return self._model.work  # type: ignore[no-any-return]
