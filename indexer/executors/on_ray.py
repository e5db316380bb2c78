"""The Ray executor: decodes, captions and reads other tracks on the nodes of a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from footage.core.code_stamp import code_digest
from footage.core.endpoint import KEY_VARIABLE
from indexer.executors.caption_pool import CaptionPool
from indexer.executors.caption_stage import CaptionStage
from indexer.executors.cluster import Cluster
from indexer.executors.on_workers import CaptionWorker, TrackReader
from indexer.executors.protocol import CaptionWork, ModelFacts, WorkerParts
from indexer.executors.remote_tracks import ReaderPool, remote
from indexer.tracks.protocol import TrackMaker

CPUS_PER_READER = 8
"""Processor cores for each worker that reads other tracks: recognisers use several."""


@dataclass(frozen=True, slots=True)
class ClusterShares:
    """How the GPUs of a cluster are shared out."""

    models: int | None = None
    """How many models caption; None for as many as there are GPUs for, without GPUs one for each node."""
    gpus_per_model: float | None = None
    """GPUs of each model; less than 1 for several models on one GPU, 0 for models that need none. None for
    one where the cluster has GPUs."""
    gpus_per_reader: float = 0.0
    """GPUs of each worker that reads other tracks or embeds pictures."""

    def on(self, cluster: Cluster) -> tuple[int, float]:
        """How many models to start on a cluster, and GPUs of each."""
        each = self.gpus_per_model
        if each is None:
            each = 1.0 if cluster.gpus else 0.0
        most = max(1, int(cluster.gpus / each + 1e-9)) if each else cluster.nodes
        return self.models or most, each


@dataclass(frozen=True, slots=True)
class _Pools:
    """What was started for other tracks."""

    readers: list[ReaderPool] = field(default_factory=list)
    embedders: list[ReaderPool] = field(default_factory=list)


class RayExecutor:
    """Captions with the models of a cluster; they stay loaded for further runs until it is closed."""

    def __init__(
        self,
        cluster: Cluster,
        parts: WorkerParts,
        *,
        captions: bool = True,
        batch_size: int = 8,
        shares: ClusterShares = ClusterShares(),
    ) -> None:
        """Start the workers that caption; they load their models meanwhile.

        Args:
            cluster: The cluster.
            parts: Makes models and makers on the nodes.
            captions: Whether captions are made.
            batch_size: Windows that are decoded by one task, and captioned at once as far as the model takes
                as many.
            shares: How many models there are, and what they take.
        """
        self._cluster = cluster
        self._parts = parts
        self._batch_size = batch_size
        self._shares = shares
        self._code = code_digest()
        self._pools = _Pools()
        self._captions: CaptionPool | None = None
        if captions:
            count, gpus = shares.on(cluster)
            self._captions = CaptionPool(cluster, partial(self._caption_worker, gpus), count=count)

    @property
    def facts(self) -> ModelFacts | None:
        """As ``Executor.facts``; waits until the first worker has loaded the model.

        Raises:
            FootageError: It cannot be loaded.
        """
        return None if self._captions is None else self._captions.facts

    @property
    def track_lanes(self) -> int:
        """One for each worker that reads other tracks: at least one on each node, more on large ones."""
        return max(self._cluster.nodes, self._cluster.cpus // CPUS_PER_READER)

    def makers(self, makers: Sequence[TrackMaker]) -> Sequence[TrackMaker]:
        """Makers that have the nodes read."""
        if not makers:
            return makers
        readers = self._pool(self._pools.readers)
        return [remote(maker, readers, lambda: self._pool(self._pools.embedders)) for maker in makers]

    def caption(self, work: CaptionWork) -> None:
        """As ``Executor.caption``."""
        if self._captions is None:
            _open_all(work)
            return
        stage = CaptionStage(
            self._cluster, self._captions, work, batch_size=self._batch_size, code=self._code
        )
        stage.go()

    def close(self) -> None:
        """End the workers; the connection to the cluster stays."""
        for pool in (*self._pools.readers, *self._pools.embedders):
            pool.close()
        if self._captions is not None:
            self._captions.close()

    def _pool(self, held: list[ReaderPool]) -> ReaderPool:
        """The pool of one kind, started when it is first needed."""
        if not held:
            held.append(ReaderPool(self._cluster, self._track_reader, count=self.track_lanes))
        return held[0]

    def _caption_worker(self, gpus: float) -> object:
        key = os.environ.get(KEY_VARIABLE, "")
        return self._cluster.actor(
            CaptionWorker,
            self._parts,
            code=self._code,
            environment={KEY_VARIABLE: key} if key else {},
            gpus=gpus,
        )

    def _track_reader(self) -> object:
        return self._cluster.actor(
            TrackReader, self._parts, code=self._code, gpus=self._shares.gpus_per_reader
        )


def _open_all(work: CaptionWork) -> None:
    """Take the turn of all files, where no captions are made: their other tracks are read."""
    from indexer.executors.local import LocalExecutor

    LocalExecutor(None).caption(work)
