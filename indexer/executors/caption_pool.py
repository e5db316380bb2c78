"""The models of a cluster run, one for each worker: hands them batches, replaces workers that are lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from footage.core.errors import ModelError, WrongCheckpointError
from footage.core.types import Provenance, Window
from indexer.executors.cluster import ActorLostError, Cluster
from indexer.executors.protocol import ModelFacts

_AHEAD = 2  # batches that a worker has at once: one at hand, one whose frames are being fetched
_MOST_DEATHS = 5  # workers in a row, per model, that may end without having captioned anything


@dataclass(eq=False, slots=True)
class Batch:
    """Windows that a worker captions."""

    windows: tuple[Window, ...]
    """Which."""
    worker: _Worker
    """Where."""


@dataclass(eq=False, slots=True)
class _Worker:
    """One actor with a model."""

    actor: Any
    is_ready: bool = False
    batches: dict[Any, Batch] = field(default_factory=dict)


class CaptionPool:
    """The workers of one model."""

    def __init__(self, cluster: Cluster, start: Callable[[], Any], *, count: int) -> None:
        """Start the workers; those for which the cluster has no place yet start when there is one.

        Args:
            cluster: Runs them.
            start: Starts a ``CaptionWorker`` as an actor.
            count: How many.
        """
        self._cluster = cluster
        self._start = start
        self._count = count
        self._workers: list[_Worker] = []
        self._loading: dict[Any, _Worker] = {}
        self._facts: ModelFacts | None = None
        self._deaths = 0
        for _ in range(count):
            self._add()

    def _add(self) -> None:
        worker = _Worker(self._start())
        self._workers.append(worker)
        self._loading[worker.actor.load.remote()] = worker

    @property
    def facts(self) -> ModelFacts:
        """The model, as the first worker that has loaded it says.

        Raises:
            FootageError: It cannot be loaded.
        """
        while self._facts is None:
            for reference in self._cluster.done(list(self._loading), seconds=0.5):
                self.settle(reference)
        return self._facts

    @property
    def is_ready(self) -> bool:
        """Whether any worker has loaded the model."""
        return any(worker.is_ready for worker in self._workers)

    @property
    def batches(self) -> list[Any]:
        """References of the batches that workers have."""
        return [reference for worker in self._workers for reference in worker.batches]

    @property
    def references(self) -> list[Any]:
        """What is waited for: models that load, and batches."""
        return [*self._loading, *self.batches]

    @property
    def count(self) -> int:
        """How many workers there are to be."""
        return self._count

    def settle(self, reference: Any) -> None:
        """Note that a worker has loaded its model; ignores other references.

        Raises:
            FootageError: It cannot be loaded there.
        """
        worker = self._loading.pop(reference, None)
        if worker is None:
            return
        try:
            facts: ModelFacts = self._cluster.get(reference)
        except ActorLostError as error:
            self.lose(worker, error)
            return
        self._facts = self._facts or facts
        if facts.provenance != self._facts.provenance:
            held, other = self._facts.provenance, facts.provenance
            raise WrongCheckpointError(
                f"The nodes of the cluster have different weights of {held.model}: {held.revision} and "
                f"{other.revision}.",
                hint="Put the same weights on every node.",
            )
        worker.is_ready = True

    def free(self, *, idle: bool) -> _Worker | None:
        """The worker with the fewest batches that takes another; with ``idle`` one that has none."""
        most = 1 if idle else _AHEAD
        ready = [each for each in self._workers if each.is_ready and len(each.batches) < most]
        return min(ready, key=lambda each: len(each.batches), default=None)

    def submit(
        self, worker: _Worker, provenance: Provenance, windows: Sequence[Window], frames: Sequence[Any]
    ) -> None:
        """Hand a batch to a worker, the frames as references."""
        reference = worker.actor.caption.remote(provenance, tuple(windows), *frames)
        worker.batches[reference] = Batch(tuple(windows), worker)

    def take(self, reference: Any) -> Batch | None:
        """The batch of a reference, which the worker is through with; None where it is none."""
        for worker in self._workers:
            if reference in worker.batches:
                return worker.batches.pop(reference)
        return None

    def drop_batches(self) -> None:
        """Forget the batches that workers have: the run is stopped."""
        self._cluster.cancel(self.batches, force=False)
        for worker in self._workers:
            worker.batches.clear()

    def succeeded(self) -> None:
        """Note that a batch was captioned."""
        self._deaths = 0

    def lose(self, worker: _Worker, error: ActorLostError) -> list[Batch]:
        """Replace a worker that ended.

        Returns:
            The batches that it had, for another worker.

        Raises:
            ModelError: Workers end again and again.
        """
        if worker not in self._workers:
            return []
        self._deaths += 1
        if self._deaths > _MOST_DEATHS * self._count:
            raise ModelError(
                f"The workers of the model end again and again: {error}",
                hint="The logs of Ray on the nodes say why; most often memory ran out.",
            )
        self._workers.remove(worker)
        self._cluster.end(worker.actor)
        self._add()
        return list(worker.batches.values())

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            self._cluster.end(worker.actor)
        self._workers, self._loading = [], {}
