"""The indexing run, step by step: files to windows to captions to events to vectors; it may stop anywhere."""

from __future__ import annotations

import hashlib
import logging
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from footage.core.errors import FootageError, WaitStoppedError, WindowError
from footage.core.names import composed, on_disk
from footage.core.timeline import covered_seconds
from footage.core.types import Answer, File, FileState, Provenance, Run, Window, WindowRecord
from footage.embed.text_embedder import Embedder
from footage.store import Store
from footage.vlm.captioning import captions
from footage.vlm.protocol import Prepared, Prompt, Recalling, RunsEach, VideoModel, Waits
from indexer import library
from indexer.growing_files import is_provisional, sentence
from indexer.library import EVERYTHING, Ignored, Selection
from indexer.plan import Cutting, Job, Known, Mix, Reading, failed, refuse_mixing, remembered
from indexer.prefetch import GROWING, Ahead, Decoded, Opened, Undecoded, Unusable
from indexer.progress import ClockDoubt, IndexReport, Meter, Progress, new_seconds
from indexer.projection import Projector
from indexer.timestamps import NO_CLOCKS, Clocks
from indexer.unfinished_files import Settling

__all__ = ["Forecast", "IndexReport", "Progress", "forecast", "index", "reembed"]

logger = logging.getLogger(__name__)

_REASONS = 3  # distinct reasons that go into a file's row


def index(
    paths: Sequence[Path | str],
    *,
    store: Store,
    model: VideoModel,
    embedder: Embedder,
    window_seconds: float | None = None,
    overlap_seconds: float | None = None,
    batch_size: int = 8,
    queue_windows: int = 4,
    decode_timeout_seconds: float = 120,
    selection: Selection = EVERYTHING,
    clocks: Clocks = NO_CLOCKS,
    collection: str | None = None,
    max_seconds: float = math.inf,
    mix: Mix = "refuse",
    retry: bool = False,
    settling: Settling | None = None,
    follow: bool = False,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] | None = None,
) -> IndexReport:
    """Bring the index up to date with the given files and folders.

    Each captioned window is committed at once. A run that is stopped, even killed, loses the batch at hand
    and no more: the next one goes on at the next window, and its index equals that of an unbroken run. A file
    that cannot be used is recorded with its reason, and the rest go on.

    Args:
        paths: files and folders.
        store: the index.
        model: captions the windows.
        embedder: turns texts into vectors.
        window_seconds: length of a window; None for the model's own.
        overlap_seconds: what neighbouring windows share, in seconds; None for the model's own.
        batch_size: windows per call of the model, as far as it takes as many.
        queue_windows: decoded windows that may wait for the model.
        decode_timeout_seconds: longest silence of a decoder.
        selection: which files of a folder are wanted; the others are recorded as skipped.
        clocks: reads cameras and wall clocks off the files; the index keeps what is said of cameras' clocks.
        collection: what to file everything under; None for the name of each folder.
        max_seconds: footage to caption at most; what is left waits for another run.
        mix: what to do about windows captioned under other settings.
        retry: whether to try files again that failed too often.
        settling: says which files are still being written, and wait for a later run; None where none is.
        follow: whether the complete windows of such files are captioned as they come.
        stop: asked after every batch; once it says yes, the run ends there, as if it were through.
        on_progress: called after every file looked at and every window done.

    Raises:
        UsageError: there is nothing to index, or the windows cannot be cut so.
        VideoNotFoundError: a given path does not exist.
        SchemaMismatchError: the index was made with another model or other windows, and ``mix`` is "refuse".
        StoreError: another run is writing to the index, or it cannot be written or read.
        ModelError: the model gave up; of memory that does not do even for one window, the window is recorded
            as failed instead.
        DependencyError: FFmpeg's libraries are missing.
    """
    began = time.monotonic()
    profile = model.profile
    cutting = Cutting(
        profile.window_seconds if window_seconds is None else window_seconds,
        profile.overlap_seconds if overlap_seconds is None else overlap_seconds,
    )
    cutting.windows("", 0.0)  # refuses a length and an overlap that do not fit
    paths = [on_disk(library.absolute(path)) for path in paths]
    meter = Meter(on_progress)
    with store.writing(), _recorded(store, paths, meter), _waits_shown(model, meter, stop):
        # 1. Make sure that nothing mixes unasked; note which files went away, and which are out of reach.
        provenance = replace(model.provenance, cutting=str(cutting))
        if mix == "refuse":
            refuse_mixing(store, provenance)
        store.embedders.claim_timeline(embedder.name)
        clocks = remembered(store, clocks)
        reachable, away = _mark_away(paths, store)

        # 2. Look at every file: what is it, and how much of it is still to be done?
        known = Known(store, provenance, mix)
        run = _Run(store, model, provenance, Projector(store, embedder), known, meter)
        reading = Reading(
            clocks,
            retry=retry,
            timeout_seconds=decode_timeout_seconds,
            rehash=mix == "replace",
            settling=settling,
            follow=cutting if follow else None,
        )
        jobs: list[Job] = []
        ignored: Counter[str] = Counter()
        for found in library.walk(reachable, selection=selection) if reachable else ():
            if isinstance(found, Ignored):
                ignored[found.why] += 1
                continue
            if collection is not None:
                found = replace(found, collection=composed(collection))
            meter.files_total += 1
            meter.current = library.shown(found.path)
            looked = known.identify(found, reading)
            if isinstance(looked, File):
                run.record(looked)
                run.unchanged += looked.state == "indexed"
            else:
                video = looked.video
                plan, seconds = cutting.windows("", video.duration_seconds, video.gaps), video.footage_seconds
                if looked.growing is not None:
                    plan = cutting.complete_windows("", video.duration_seconds, video.gaps)
                    seconds = covered_seconds(plan)
                meter.expect(len(plan), seconds)
                jobs.append(looked)
                run.note_clock(looked)
            meter.tell()

        # 3. Caption what is missing, batch by batch, while the next windows are being decoded.
        meter.start_captioning()
        size = max(1, min(batch_size, model.capabilities.max_batch))
        batch: list[Decoded] = []
        with (
            run.projector,
            Ahead(
                jobs,
                known=known,
                store=store,
                cutting=cutting,
                profile=profile,
                queue_windows=queue_windows,
                timeout_seconds=decode_timeout_seconds,
                meter=meter,
                max_seconds=max_seconds,
            ) as messages,
        ):
            for message in messages:
                if stop():
                    meter.stopped = True
                    break
                match message:
                    case Opened():
                        run.open(message)
                    case Decoded():
                        batch.append(message)
                        if len(batch) == size:
                            if not run.caption(batch):
                                break
                            batch = []
                    case Undecoded():
                        run.give_up(message)
                    case Unusable():
                        run.record(message.file)
                meter.tell()
            if batch and not meter.stopped:
                run.caption(batch)

        # 4. Repair what an earlier run left behind its windows, then clear up.
        run.projector.catch_up()
        run.drop_what_was_kept()
        with meter.timing("tidy"):
            store.tidy()
    meter.stage, meter.current = "done", ""
    meter.tell()
    return run.report(away, ignored, wall_seconds=time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do."""

    files: Mapping[str, int]
    """Number of files that are "new", "begun", "indexed" already, "failed", "waiting" or "skipped"."""
    windows_new: int
    """Windows to caption."""
    seconds_new: float
    """Footage seconds of those, overlaps counted once."""
    speed: float
    """Footage seconds captioned per second in earlier runs on this index; 0 where there were none."""


def forecast(
    paths: Sequence[Path | str],
    *,
    store: Store | None,
    window_seconds: float,
    overlap_seconds: float,
    selection: Selection = EVERYTHING,
    everything: bool = False,
    decode_timeout_seconds: float = 120,
    on_file: Callable[[int, str], None] = lambda number, path: None,
) -> Forecast:
    """Look at files and folders as ``index`` would, and change nothing; ``store`` is None before any index.

    Windows captioned before count as done when they were cut so, under whatever model, unless ``everything``
    is to be captioned anew.

    Raises:
        UsageError: there is nothing to index, or the windows cannot be cut so.
        VideoNotFoundError: a given path does not exist.
        StoreError: the index cannot be read.
    """
    cutting = Cutting(window_seconds, overlap_seconds)
    known = Known(store, None)
    reading = Reading(timeout_seconds=decode_timeout_seconds, rehash=everything)
    states: Counter[str] = Counter()
    windows, seconds = 0, 0.0
    counted: set[str] = set()
    for number, found in enumerate(library.walk(paths, selection=selection)):
        if isinstance(found, Ignored):
            continue
        on_file(number, library.shown(found.path))
        looked = known.identify(found, reading)
        if isinstance(looked, File):
            states[looked.state] += 1
            continue
        content_id = looked.file.content_id
        plan = cutting.windows(content_id, looked.video.duration_seconds, looked.video.gaps)
        missing = plan if everything or not content_id else known.missing(plan)
        states["indexed" if not missing else "begun" if len(missing) < len(plan) else "new"] += 1
        if content_id not in counted:
            added = new_seconds(plan)
            windows, seconds = (
                windows + len(missing),
                seconds + sum(added[window.index] for window in missing),
            )
        counted |= {content_id} - {""}
    earlier = store.runs.all() if store else []
    runs = [run for run in earlier if run.seconds_captioned and run.ended_at > run.started_at]
    took = sum(run.ended_at - run.started_at for run in runs)
    return Forecast(
        dict(states), windows, seconds, sum(run.seconds_captioned for run in runs) / took if took else 0.0
    )


def reembed(store: Store, embedder: Embedder, on_progress: Callable[[int, int], None] | None = None) -> int:
    """Fill an embedder's vector table from the captions in the index; no model and no video is needed.

    Returns:
        How many vectors were written; 0 when the table was complete.

    Raises:
        StoreError: another run is writing to the index, or it cannot be written or read.
    """
    with store.writing():
        written = Projector(store, embedder).catch_up(on_progress)
        store.tidy()
    return written


@dataclass
class _Content:
    """One content while its windows come in."""

    plan: tuple[Window, ...]
    seconds: dict[int, float]
    waiting: set[int]
    complete_before: bool
    lost: set[int] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


class _Run:
    """What the run writes to the index and counts."""

    def __init__(
        self,
        store: Store,
        model: VideoModel,
        provenance: Provenance,
        projector: Projector,
        known: Known,
        meter: Meter,
    ) -> None:
        self.projector = projector
        self._store = store
        self._model = model
        self._provenance = provenance
        self._known = known
        self._meter = meter
        self._contents: dict[str, _Content] = {}
        self._files: dict[str, File] = {}
        self._warnings: dict[str, tuple[str, ...]] = {}
        self._clock_doubts: dict[tuple[str, float], list[str]] = {}
        self._earlier: set[str] = set()
        self.unchanged = 0

    def open(self, opened: Opened) -> None:
        """Take up a file: record it, so that what is captioned of it is found, and see what is missing."""
        file, video = opened.job.file, opened.job.video
        self._meter.current = file.path
        content = self._contents.get(file.content_id)
        if content is None:
            content = _Content(
                opened.plan,
                new_seconds(opened.plan),
                {window.index for window in opened.missing},
                complete_before=not opened.missing,
            )
            self._contents[file.content_id] = content
            self._keep(opened)
            self._store.windows.remove(file.content_id, self._known.stale(file.content_id, opened.plan))
            if file.content_id not in self._known.videos and not opened.kept:
                self.projector.begin(file.content_id)
            if self._known.videos.get(file.content_id) != video:
                self._store.videos.put([video])
            for window in opened.plan:
                if window.index not in content.waiting:
                    self._meter.done(content.seconds[window.index], captioned=False)
        else:  # a copy of a file that came before: nothing more to do
            self._meter.expect(-len(opened.plan), -video.footage_seconds)
        content.files.append(file)
        if content.waiting:
            self._put(file)
            if video.warnings:
                self._warnings[file.path] = video.warnings
        self._close_if_done(file.content_id)

    def _keep(self, opened: Opened) -> None:
        """Commit what was captioned while the file was being written, or note by what to know it again."""
        content_id = opened.job.file.content_id
        if opened.digests:  # before their windows: a digest without a window does no harm
            known = self._known.followed.setdefault(content_id, {})
            known.update(opened.digests)
            self._store.growing.put(content_id, known)
        if opened.kept:
            self._store.windows.commit(opened.kept)
            self._store.annotations.move(opened.earlier, content_id)
            self._earlier.add(opened.earlier)
            self.projector.add(content_id, opened.kept)

    def drop_what_was_kept(self) -> None:
        """Remove the windows of files while they were being written that are windows of finished ones now."""
        for content_id in sorted(self._earlier):
            self._store.contents.drop_unheld(content_id)

    def caption(self, batch: Sequence[Decoded]) -> bool:
        """Let the model see some windows, commit its answers, bring events and vectors in step.

        Returns:
            Whether to go on; False where the run was asked to stop while the model had to be waited for.
        """
        with self._meter.timing("prepare"):
            prepared = [self._model.prepare(decoded.frames) for decoded in batch]
        try:
            told = captions(
                prepared,
                seeds=[_seed(decoded.window) for decoded in batch],
                profile=self._model.profile,
                run=self._answers,
            )
        except WaitStoppedError:
            self._meter.stopped = True
            return False
        if isinstance(self._model, Recalling):
            for decoded, window in zip(batch, prepared, strict=True):
                self._model.keep(decoded.window.content_id, window)
        records: dict[str, list[WindowRecord]] = {}
        for decoded, caption in zip(batch, told, strict=True):
            if isinstance(caption, WindowError):
                self.give_up(Undecoded(decoded.window, str(caption)))
                continue
            record = WindowRecord(decoded.window, caption, self._provenance)
            records.setdefault(decoded.window.content_id, []).append(record)
        self._commit([record for group in records.values() for record in group])
        for content_id, group in records.items():
            with self._meter.timing("embed and project"):
                self.projector.add(content_id, group)
            for record in group:
                self._window_done(record.window, captioned=True)
                _log_window(record)
            self._close_if_done(content_id)
        with self._meter.timing("tidy"):
            self._store.tidy_if_due()
        return True

    def _answers(self, requests: Sequence[tuple[Prepared, Prompt]]) -> Sequence[Answer | WindowError]:
        """The model's answers; where memory does not do for all windows at once, one after the other."""
        told = dict(self._model.stage_seconds)
        try:
            with self._meter.timing("caption", told=lambda: _since(told, self._model.stage_seconds)):
                if isinstance(self._model, RunsEach):
                    return self._model.run_each(requests)
                return self._model.run(requests)
        except WindowError as error:
            if len(requests) == 1:
                return [error]
        return [answer for request in requests for answer in self._answers([request])]

    def _commit(self, records: Sequence[WindowRecord]) -> None:
        """Commit windows; the index is searched for those alone that it may hold from before."""
        replacing: list[WindowRecord] = []
        new: list[WindowRecord] = []
        for record in records:
            held = self._known.committed.get(record.window.content_id, {})
            (replacing if record.window.index in held else new).append(record)
        with self._meter.timing("write"):
            self._store.windows.commit(replacing)
            self._store.windows.add(new)

    def give_up(self, undecoded: Undecoded) -> None:
        """Note a window that cannot be decoded, or is too much for the model."""
        window = undecoded.window
        content = self._contents[window.content_id]
        content.lost.add(window.index)
        if undecoded.reason not in content.reasons:
            content.reasons.append(undecoded.reason)
        self._window_done(window, captioned=False)
        self._close_if_done(window.content_id)

    def note_clock(self, job: Job) -> None:
        """Note that a file's clocks differ as if one were in another time zone."""
        if job.zone_difference_seconds:
            key = job.file.camera, job.zone_difference_seconds
            self._clock_doubts.setdefault(key, []).append(job.file.path)

    def record(self, file: File) -> None:
        """Note how a file fared."""
        self._put(file)
        self._files[file.path] = file
        fields = {
            "path": file.path,
            "state": file.state,
            "reason": file.reason,
            "content_id": file.content_id,
        }
        level = logging.WARNING if file.state in ("failed", "partial") else logging.INFO
        logger.log(level, "file %s", file.state, extra={"fields": fields})
        self._meter.files_done += 1

    def _put(self, file: File) -> None:
        """Write a file's row, unless it says nothing new."""
        if self._known.files.get(file.path) != file:
            self._store.files.put([file])
            self._known.files[file.path] = file

    def _window_done(self, window: Window, *, captioned: bool) -> None:
        content = self._contents[window.content_id]
        content.waiting.discard(window.index)
        self._meter.done(content.seconds[window.index], captioned=captioned)

    def _close_if_done(self, content_id: str) -> None:
        """Once no window of a content is waited for, record how its files fared."""
        content = self._contents[content_id]
        if content.waiting:
            return
        with self._meter.timing("embed and project"):
            self.projector.finish(content_id)
        state, reason = _verdict(content)
        for file in content.files:
            if is_provisional(content_id):
                reason = sentence(len(content.plan) - len(content.lost))
                self.record(replace(file, state="waiting", reason=reason))
            elif library.changed(file):
                self.record(replace(file, state="waiting", reason=GROWING))
            elif state == "failed":
                self.record(failed(file, reason))
            elif state == "partial":
                self.record(replace(failed(file, reason), state="partial"))
            else:
                self.record(replace(file, state=state, reason=reason, tries=0, tried_at=0.0))
            self.unchanged += content.complete_before and state == "indexed"
        content.files.clear()

    def report(self, away: Counter[FileState], ignored: Counter[str], *, wall_seconds: float) -> IndexReport:
        """Sum up."""
        files = tuple(self._files[path] for path in sorted(self._files))
        states = Counter(file.state for file in files)
        return IndexReport(
            files=files,
            indexed=states["indexed"] - self.unchanged,
            unchanged=self.unchanged,
            partial=states["partial"],
            failed=states["failed"],
            waiting=states["waiting"],
            skipped=states["skipped"],
            gone=away["gone"],
            offline=away["offline"],
            ignored=dict(ignored),
            warnings=self._warnings,
            clock_doubts=tuple(
                ClockDoubt(camera, difference, tuple(paths))
                for (camera, difference), paths in sorted(self._clock_doubts.items())
            ),
            windows_captioned=self._meter.windows_captioned,
            seconds_captioned=self._meter.seconds_captioned,
            wall_seconds=wall_seconds,
            stage_seconds=self._meter.stage_seconds,
            stopped=self._meter.stopped,
        )


def _seed(window: Window) -> int:
    """A window's own, the same in every run."""
    digest = hashlib.sha256(f"{window.content_id}/{window.index}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _since(before: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {stage: seconds - before.get(stage, 0.0) for stage, seconds in now.items()}


def _log_window(record: WindowRecord) -> None:
    fields = {
        "content_id": record.window.content_id,
        "window": record.window.index,
        "start_seconds": record.window.span.start_seconds,
        "end_seconds": record.window.span.end_seconds,
        "events": len(record.caption.events),
        "notes": list(record.caption.notes),
    }
    logger.info("window captioned", extra={"fields": fields})


def _verdict(content: _Content) -> tuple[FileState, str]:
    """State and reason of a content of which every window is either captioned or lost."""
    if not content.plan:
        return "failed", "it has no duration"
    if not content.lost:
        return "indexed", ""
    state: FileState = "failed" if len(content.lost) == len(content.plan) else "partial"
    lost = f"{len(content.lost)} of {len(content.plan)} windows cannot be captioned"
    return state, f"{lost}: {'; '.join(content.reasons[:_REASONS])}"


@contextmanager
def _waits_shown(model: VideoModel, meter: Meter, stop: Callable[[], bool]) -> Iterator[None]:
    """Show in the progress when the model has to be waited for, and let a stop end the waiting."""

    def on_wait(what: str) -> bool:
        meter.waiting = what
        meter.tell()
        return not stop()

    if not isinstance(model, Waits):
        yield
        return
    model.on_wait = on_wait
    try:
        yield
    finally:
        model.on_wait = None


@contextmanager
def _recorded(store: Store, paths: Sequence[Path | str], meter: Meter) -> Iterator[None]:
    """Keep a row of the run: from the start, so that a killed one shows, and again at its end."""
    now = time.time()
    asked = tuple(library.shown(path) for path in map(library.absolute, paths))
    run = Run(f"{now:017.6f}-{os.getpid()}", now, paths=asked)
    store.runs.put(run)
    logger.info("run begins", extra={"fields": {"run": run.id, "paths": list(asked)}})
    outcome = "stopped"
    try:
        yield
        outcome = "stopped" if meter.stopped else "done"
    except FootageError as error:
        outcome = str(error)
        raise
    finally:
        run = replace(
            run,
            ended_at=time.time(),
            outcome=outcome,
            windows_captioned=meter.windows_captioned,
            seconds_captioned=meter.seconds_captioned,
            stage_seconds=tuple(
                (stage, round(spent, 3)) for stage, spent in sorted(meter.stage_seconds.items())
            ),
        )
        logger.info("run ends", extra={"fields": {**asdict(run), "stage_seconds": dict(run.stage_seconds)}})
        store.runs.put(run)


def _mark_away(paths: Sequence[Path | str], store: Store) -> tuple[list[Path], Counter[FileState]]:
    """Mark the files under the given paths that are no longer there, or whose root cannot be reached.

    A root that is not there, of which the index knows files, is out of reach: a disk that is not plugged in.

    Returns:
        The paths that can be walked, and how many files are newly gone or offline.
    """
    files = [file for file in store.files.all() if file.state != "gone"]
    reachable, marked = [], []
    for path in map(library.absolute, paths):
        under = [file for file in files if library.is_under(file.path, [path])]
        away = not os.path.lexists(path) and any(file.path != str(path) for file in under)
        for file in under:
            there = library.still_there(file.path)
            state: FileState = "offline" if away or there is None else "gone"
            if not there and file.state != state:
                reason = f"{library.shown(path)} cannot be reached" if state == "offline" else ""
                marked.append(replace(file, state=state, reason=reason))
        if not away:
            reachable.append(path)
    store.files.put(marked)
    return reachable, Counter(file.state for file in marked)
