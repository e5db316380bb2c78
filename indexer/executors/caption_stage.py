"""The captions of one run on a cluster: hands out windows, takes captions, commits them in order.

    openings ─▶ groups of windows ─▶ decode tasks ─▶ frames (stay on the nodes) ─▶ models ─▶ one committer
                                          └─▶ what each window shows ─▶ driver: reuse, image vectors

The driver holds no frames. What it decides about windows and commits, it does in the order of the windows of
each lane: all files of one camera where captions are carried over, else each file.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from footage.core.errors import FootageError, WindowError
from footage.core.types import Window, WindowRecord
from indexer.executors.caption_pool import Batch, CaptionPool
from indexer.executors.cluster import RETRIES, ActorLostError, Cluster, WorkerLostError
from indexer.executors.on_workers import CaptionedBatch, DecodedGroup, GroupTask, SeenFrames, decode_group
from indexer.executors.protocol import CaptionWork
from indexer.openings import OpenedFile, Opening, UnusableFile
from indexer.plan import Job
from indexer.prefetch import Prefetcher, UndecodedWindow
from indexer.reuse import CaptionQueue
from indexer.tracks.worker import FAULTS

OPENED_AHEAD = 16
"""Most files that are named by their bytes before their turn, and groups that wait to be decoded."""
_WAIT_SECONDS = 0.2
_STORE_SHARE = 0.5  # of the memory for what tasks pass on, which frames may take


@dataclass(eq=False, slots=True)
class _Group:
    """Windows of one file that are decoded by one task."""

    job: Job
    windows: tuple[Window, ...]
    source: Any = None
    outcome: Sequence[SeenFrames | UndecodedWindow] | None = None
    """None until it is decoded."""


@dataclass(eq=False, slots=True)
class _Lane:
    """What is decided and committed in order."""

    queue: CaptionQueue
    groups: deque[_Group] = field(default_factory=deque)
    """Those whose windows are not in the queue yet."""


class CaptionStage:
    """Captions the windows of one run."""

    def __init__(
        self, cluster: Cluster, pool: CaptionPool, work: CaptionWork, *, batch_size: int, code: str
    ) -> None:
        """Take a run.

        Args:
            cluster: Decodes the windows.
            pool: Captions them.
            work: The run.
            batch_size: Windows of a group, and of a batch for a model.
            code: Digest of the code that nodes must have.
        """
        assert work.provenance is not None
        self._cluster = cluster
        self._pool = pool
        self._work = work
        self._run = work.run
        self._provenance = work.provenance
        self._profile = pool.facts.profile
        self._batch_size = max(1, min(batch_size, pool.facts.max_batch))
        self._code = code
        self._lanes: dict[Hashable, _Lane] = {}
        self._waiting: deque[_Group] = deque()
        self._decoding: dict[Any, tuple[_Group, list[Any]]] = {}
        self._frames: dict[Window, Any] = {}
        self._window_bytes = 0
        self._due: deque[Window] = deque()
        self._tries: Counter[Window] = Counter()
        self._offline: set[str] = set()

    def go(self) -> None:
        """Caption all due windows, until none is left or the run is stopped.

        Raises:
            FootageError: The work cannot go on.
        """
        work, meter = self._work, self._work.meter
        with Prefetcher(work.openings, most=OPENED_AHEAD) as openings:
            try:
                while not self._is_done(openings):
                    if work.stop():
                        meter.stopped = True
                        break
                    is_busy = bool(self._decoding or self._pool.batches)
                    self._open(
                        openings, seconds=0 if is_busy or self._waiting or self._due else _WAIT_SECONDS
                    )
                    self._decode()
                    self._caption()
                    references = [*self._decoding, *self._pool.references]
                    is_busy = bool(self._decoding or self._pool.batches or self._due)
                    self._take_all(self._cluster.done(references, seconds=_WAIT_SECONDS if is_busy else 0))
                    if self._run.tracks is not None:
                        self._run.tracks.take()
                    meter.waiting = "" if self._pool.is_ready else "a node of the cluster for the model"
                    meter.tell()
            finally:
                meter.waiting = ""
                self._cluster.cancel(list(self._decoding), force=True)
                self._pool.drop_batches()

    def _is_done(self, openings: Prefetcher[Opening]) -> bool:
        held = (
            self._waiting or self._decoding or any(lane.groups or lane.queue for lane in self._lanes.values())
        )
        return openings.ended and not held

    def _open(self, openings: Prefetcher[Opening], *, seconds: float) -> None:
        """Open files, as long as there are too few groups to decode; wait so long for the first."""
        while len(self._waiting) < OPENED_AHEAD and (ready := openings.ready(seconds=seconds)):
            seconds = 0
            for opening in ready:
                if isinstance(opening, UnusableFile):
                    self._run.record(opening.file)
                else:
                    self._run.open(opening)
                    self._queue(opening)

    def _queue(self, opened: OpenedFile) -> None:
        """Cut the due windows of a file into groups."""
        if not opened.due:
            return
        key = self._run.reuse.lane(opened.job.file.content_id)
        lane = self._lanes.setdefault(key, _Lane(CaptionQueue(self._run.reuse)))
        source = None if opened.job.growing is None else self._cluster.put(opened.job.growing)
        for start in range(0, len(opened.due), self._batch_size):
            group = _Group(opened.job, opened.due[start : start + self._batch_size], source)
            lane.groups.append(group)
            self._waiting.append(group)

    @property
    def _most_windows(self) -> int:
        """How many windows may be decoded at once, or wait as frames for a model: enough for every worker.

        Their frames take half of the memory that the nodes have for them, at most.
        """
        most = self._batch_size * (self._cluster.cpus + 2 * self._pool.count)
        if self._window_bytes:
            most = min(most, int(_STORE_SHARE * self._cluster.store_bytes / self._window_bytes))
        return max(most, 2 * self._batch_size)

    def _decode(self) -> None:
        """Start decoding, as far as there is place for the frames."""
        held = len(self._frames) + sum(len(group.windows) for group, _ in self._decoding.values())
        while self._waiting and held + len(self._waiting[0].windows) <= self._most_windows:
            group = self._waiting.popleft()
            held += len(group.windows)
            image_windows, pixels = self._pictures(group)
            task = GroupTask(
                replace(group.job, growing=None),
                group.windows,
                self._profile,
                self._work.decode_timeout_seconds,
                looks=self._run.reuse.enabled,
                image_windows=image_windows,
                picture_pixels=pixels,
                code=self._code,
            )
            returns = 1 + len(group.windows)
            first, *frames = self._cluster.task(decode_group, task, group.source, returns=returns, cpus=1)
            self._decoding[first] = group, frames

    def _pictures(self, group: _Group) -> tuple[tuple[Window, ...], int]:
        """Image windows that a group touches, and the pixels of a picture; none where none are wanted."""
        if self._run.tracks is None:
            return (), 0
        try:
            wanted, pixels = self._run.tracks.wanted_pictures(group.job.file.content_id)
        except (FootageError, *FAULTS):  # the reader of the track meets it, too, and it is reported there
            return (), 0
        start, end = group.windows[0].span.start_seconds, group.windows[-1].span.end_seconds
        return tuple(
            each for each in wanted if each.span.start_seconds < end and start < each.span.end_seconds
        ), pixels

    def _caption(self) -> None:
        """Hand batches to models that take one; a batch that is not full goes to an idle one alone."""
        while self._due:
            is_full = len(self._due) >= self._batch_size
            worker = self._pool.free(idle=not is_full)
            if worker is None:
                return
            size = 1 if self._tries[self._due[0]] else min(self._batch_size, len(self._due))
            windows = [self._due.popleft() for _ in range(size)]
            frames = [self._frames[window] for window in windows]
            self._pool.submit(worker, self._provenance, windows, frames)

    def _take_all(self, references: Sequence[Any]) -> None:
        """Take what has come, and commit; where some of it is a fault, after the rest is committed."""
        fault: FootageError | None = None
        for reference in references:
            try:
                self._take(reference)
            except FootageError as error:
                fault = fault or error
        self._commit()
        if fault is not None:
            raise fault

    def _take(self, reference: Any) -> None:
        """Take a group of decoded windows, a batch of captions, or a model that is loaded now."""
        if reference in self._decoding:
            self._decoded(reference, *self._decoding.pop(reference))
        elif (batch := self._pool.take(reference)) is not None:
            self._captioned(reference, batch)
        else:
            self._pool.settle(reference)

    def _decoded(self, reference: Any, group: _Group, frames: Sequence[Any]) -> None:
        """Take what the windows of a group show, and what lies behind it in the lane."""
        try:
            decoded: DecodedGroup = self._cluster.get(reference)
        except WorkerLostError as error:
            reason = f"the workers that decoded it were lost {1 + RETRIES} times: {error}"
            group.outcome = [UndecodedWindow(window, reason) for window in group.windows]
        else:
            self._work.meter.spend("decode", decoded.seconds)
            group.outcome = decoded.windows
            if decoded.unusable is not None and decoded.unusable.path not in self._offline:
                self._offline.add(decoded.unusable.path)
                self._run.record(decoded.unusable)
        lane = self._lanes[self._run.reuse.lane(group.job.file.content_id)]
        for each, held in zip(group.outcome, frames, strict=False):  # fewer where the file is offline
            if isinstance(each, SeenFrames):
                self._frames[each.seen.window] = held
                self._window_bytes = max(self._window_bytes, each.size_bytes)
                if each.seen.picture is None:  # the model looks, whatever is before it
                    lane.queue.ask(each.seen.window)
                    self._due.append(each.seen.window)
        while lane.groups and (outcome := lane.groups[0].outcome) is not None:
            lane.groups.popleft()
            self._enter(lane, outcome)
        self._due.extend(lane.queue.due())

    def _enter(self, lane: _Lane, outcome: Sequence[SeenFrames | UndecodedWindow]) -> None:
        """Put windows into the queue of their lane."""
        tracks = self._run.tracks
        for each in outcome:
            if isinstance(each, UndecodedWindow):
                self._run.give_up(each)
                continue
            lane.queue.add([each.seen])
            if tracks is not None:
                tracks.see_picked(each.seen.window, each.shots)

    def _captioned(self, reference: Any, batch: Batch) -> None:
        """Take the captions of a batch; one whose worker was lost goes to another."""
        try:
            captioned: CaptionedBatch = self._cluster.get(reference)
        except ActorLostError as error:
            self._again(batch, error)
            for other in self._pool.lose(batch.worker, error):
                self._due.extendleft(reversed(other.windows))
            return
        except WorkerLostError as error:  # its frames were lost with a node, and could not be made again
            self._again(batch, error)
            return
        self._pool.succeeded()
        for stage, seconds in captioned.stage_seconds.items():
            self._work.meter.spend(stage, seconds)
        for window, result in zip(batch.windows, captioned.results, strict=True):
            self._made(window, result)

    def _again(self, batch: Batch, error: WorkerLostError) -> None:
        """Have windows captioned again, alone, unless that failed too often."""
        for window in reversed(batch.windows):
            self._tries[window] += 1
            if self._tries[window] > RETRIES:
                reason = f"the workers that captioned it were lost {self._tries[window]} times: {error}"
                self._made(window, WindowError(reason))
            else:
                self._due.appendleft(window)

    def _made(self, window: Window, result: WindowRecord | WindowError) -> None:
        queue = self._lanes[self._run.reuse.lane(window.content_id)].queue
        queue.made(window, result)
        self._frames.pop(window, None)
        self._tries.pop(window, None)
        self._due.extend(queue.due())

    def _commit(self) -> None:
        """Commit what is certain, of all lanes at once, and drop the frames of what no model looks at."""
        windows: list[Window] = []
        results: list[WindowRecord | WindowError] = []
        for key in list(self._lanes):
            lane = self._lanes[key]
            given = lane.queue.ready()
            windows += [window for window, _ in given]
            results += [result for _, result in given]
            if not lane.queue and not lane.groups:
                del self._lanes[key]
        if windows:
            self._run.commit(windows, results)
        for window in windows:
            self._frames.pop(window, None)
