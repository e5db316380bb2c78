"""The indexing run, step by step: files to windows to captions to events to vectors; it may stop anywhere.

A stopped or killed run loses the batch at hand; the next one goes on, to the index of an unbroken run.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from footage.core.names import absolute, composed, on_disk
from footage.core.timeline import covered_seconds
from footage.core.types import File, FileState
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from footage.vlm.profile import Profile
from footage.vlm.protocol import VideoModel
from indexer import library
from indexer.catching_up import catch_up
from indexer.events import Projector
from indexer.forecast import Forecast, forecast
from indexer.library import EVERYTHING, IgnoredEntry, Selection
from indexer.observer import NobodyWatches, RunObserver
from indexer.plan import Cutting, Job, Known, Mix, ReadingOptions, refuse_mixing, remembered
from indexer.prefetch import DecodedWindow, OpenedFile, Prefetcher, UndecodedWindow, UnusableFile
from indexer.progress import IndexReport, Progress, ProgressTracker
from indexer.reuse import Reuse
from indexer.run import IndexRun
from indexer.run_record import recorded, waits_shown
from indexer.timestamps import NO_CLOCKS, Clocks
from indexer.tracks.protocol import TrackMaker
from indexer.tracks.run import TrackRun
from indexer.unfinished_files import Settling

__all__ = ["Forecast", "IndexReport", "Progress", "forecast", "index", "reembed"]


def index(
    paths: Sequence[Path | str],
    *,
    store: Store,
    model: VideoModel | None,
    embedder: TextEmbedder,
    makers: Sequence[TrackMaker] = (),
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
    reuse: Reuse = "no",
    observer: RunObserver = NobodyWatches(),  # noqa: B008 - it has no state
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] | None = None,
) -> IndexReport:
    """Bring the index up to date with files and folders; those that cannot be used are recorded.

    Args:
        paths: files and folders.
        store: the index.
        model: captions the windows; None to make no captions.
        embedder: turns texts into vectors.
        makers: make the other tracks, in this order of each file.
        window_seconds: length of a window; None for the model's own.
        overlap_seconds: what neighbouring windows share, in seconds; None for the model's own.
        batch_size: windows per call of the model, as far as it takes as many.
        queue_windows: decoded windows that may wait for the model.
        decode_timeout_seconds: longest silence of a decoder.
        selection: which files of a folder are wanted; the others are recorded as skipped.
        clocks: reads cameras and wall clocks of the files; the index keeps the settings of cameras' clocks.
        collection: what to file everything under; None for the name of each folder.
        max_seconds: footage to caption at most, and of each other track; the rest waits for another run.
        mix: what to do about windows captioned under other settings.
        retry: whether to try files again that failed too often.
        settling: says which files are still being written, and wait for a later run; None where none is.
        follow: whether the complete windows of such files are captioned as they come.
        reuse: what to do about windows in which nothing changes.
        observer: follows the commits.
        stop: asked after every batch; once it says yes, the run ends there, as if it were through.
        on_progress: called after every file looked at and every window done.

    Raises:
        UsageError: there is nothing to index, or the windows cannot be cut so.
        VideoNotFoundError: a given path does not exist.
        SchemaMismatchError: the index was made with another model or other windows, and ``mix`` is "refuse".
        StoreError: another run is writing to the index, or it cannot be written or read.
        ModelError: the model gave up; a window that is too much for its memory alone is recorded instead.
        DependencyError: FFmpeg's libraries are missing.
    """
    options = _RunOptions(
        None if model is None else _cutting(model.profile, window_seconds, overlap_seconds),
        batch_size=1 if model is None else max(1, min(batch_size, model.capabilities.max_batch)),
        queue_windows=queue_windows,
        decode_timeout_seconds=decode_timeout_seconds,
        selection=selection,
        clocks=clocks,
        collection=collection,
        max_seconds=max_seconds,
        mix=mix,
        retry=retry,
        settling=settling,
        follow=follow,
        reuse=reuse,
        stop=stop,
    )
    given = [on_disk(absolute(path)) for path in paths]
    meter = ProgressTracker(on_progress)
    with store.writing(), recorded(store, given, meter), waits_shown(model, meter, stop):
        run, away, ignored = _index(given, store, model, embedder, makers, meter, options, observer)
    return run.report(away, ignored, wall_seconds=meter.finish())


def _cutting(profile: Profile, window_seconds: float | None, overlap_seconds: float | None) -> Cutting:
    """How to cut videos: as requested, otherwise as the model's profile says.

    Raises:
        UsageError: length and overlap do not fit.
    """
    cutting = Cutting(
        profile.window_seconds if window_seconds is None else window_seconds,
        profile.overlap_seconds if overlap_seconds is None else overlap_seconds,
    )
    cutting.windows("", 0.0)
    return cutting


@dataclass(frozen=True, slots=True)
class _RunOptions:
    """Options of a run, as those of ``index``; what depends on the model is filled in."""

    cutting: Cutting | None
    batch_size: int
    queue_windows: int
    decode_timeout_seconds: float
    selection: Selection
    clocks: Clocks
    collection: str | None
    max_seconds: float
    mix: Mix
    retry: bool
    settling: Settling | None
    follow: bool
    reuse: Reuse
    stop: Callable[[], bool]


def _index(
    paths: Sequence[Path],
    store: Store,
    model: VideoModel | None,
    embedder: TextEmbedder,
    makers: Sequence[TrackMaker],
    meter: ProgressTracker,
    options: _RunOptions,
    observer: RunObserver,
) -> tuple[IndexRun, Counter[FileState], Counter[str]]:
    """The run itself; returns what it did, which files are away, and what else lay on the way."""
    # 1. Make sure that nothing mixes unasked; note which files went away, and which are out of reach.
    provenance = None
    if model is not None:
        provenance = replace(model.provenance, cutting=str(options.cutting))
        if options.mix == "refuse":
            refuse_mixing(store, provenance)
    store.embedders.claim_timeline(embedder.name)
    clocks = remembered(store, options.clocks)
    reachable, away = _mark_away(paths, store)

    # 2. Look at every file: what is it, and how much of it is still to be done?
    known = Known(store, provenance, options.mix, recaption_reused=options.reuse == "undo")
    run = IndexRun(
        store,
        model,
        provenance,
        Projector(store, embedder),
        known,
        meter,
        clocks,
        reuse=options.reuse == "yes",
        observer=observer,
    )
    if makers:
        run.tracks = TrackRun(
            store,
            embedder,
            makers,
            meter=meter,
            on_begin=run.tracks_begin,
            on_ended=run.tracks_ended,
            on_commit=observer.committed,
            anew=options.mix == "replace",
            max_seconds=options.max_seconds,
        )
        known.tracks = run.tracks.held
    jobs, ignored = _look(reachable, run, known, meter, replace(options, clocks=clocks))

    # 3. Caption what is missing, batch by batch, while the next windows are being decoded; beside it the
    #    other tracks are read, which may take longer.
    meter.start_captioning()
    ahead = Prefetcher(
        jobs,
        known=known,
        store=store,
        cutting=options.cutting,
        profile=model.profile if model else None,
        queue_windows=options.queue_windows,
        timeout_seconds=options.decode_timeout_seconds,
        meter=meter,
        max_seconds=options.max_seconds,
    )
    with run.tracks or nullcontext(), run.projector, ahead as messages:
        _caption(messages, run, meter, batch_size=options.batch_size, stop=options.stop)
        if run.tracks is not None and not meter.stopped:
            run.tracks.finish(options.stop)

    # 4. Repair what an earlier run left behind its windows, then clear up.
    catch_up(store, embedder)
    run.drop_what_was_kept()
    with meter.timing("tidy"):
        store.tidy()
    return run, away, ignored


def _look(
    paths: Sequence[Path], run: IndexRun, known: Known, meter: ProgressTracker, options: _RunOptions
) -> tuple[list[Job], Counter[str]]:
    """Look at every file; files that will not be used are recorded at once."""
    reading = ReadingOptions(
        options.clocks,
        retry=options.retry,
        timeout_seconds=options.decode_timeout_seconds,
        rehash=options.mix == "replace",
        settling=options.settling,
        follow=options.cutting if options.follow else None,
    )
    jobs: list[Job] = []
    ignored: Counter[str] = Counter()
    for found in library.walk(paths, selection=options.selection) if paths else ():
        if isinstance(found, IgnoredEntry):
            ignored[found.why] += 1
            continue
        if options.collection is not None:
            found = replace(found, collection=composed(options.collection))
        meter.files_total += 1
        meter.current = library.shown(found.path)
        looked = known.identify(found, reading)
        if isinstance(looked, File):
            run.record(looked)
            run.unchanged += looked.state == "indexed"
        else:
            _expect(looked, run, meter, options.cutting)
            jobs.append(looked)
            run.note_clock(looked)
        meter.tell()
    return jobs, ignored


def _expect(job: Job, run: IndexRun, meter: ProgressTracker, cutting: Cutting | None) -> None:
    """Count what a file adds to what is to be done."""
    video = job.video
    if cutting is not None and job.growing is not None:
        plan = cutting.complete_windows("", video.duration_seconds, video.gaps)
        meter.expect(len(plan), covered_seconds(plan))
    elif cutting is not None:
        plan = cutting.windows("", video.duration_seconds, video.gaps)
        meter.expect(len(plan), video.footage_seconds)
    if run.tracks is not None and job.growing is None:
        run.tracks.expect(video.footage_seconds)


def _caption(
    messages: Prefetcher, run: IndexRun, meter: ProgressTracker, *, batch_size: int, stop: Callable[[], bool]
) -> None:
    """Caption windows as they come decoded, until there are no more or the run is stopped."""
    batch: list[DecodedWindow] = []
    for message in messages:
        if stop():
            meter.stopped = True
            break
        match message:
            case OpenedFile():
                run.open(message)
            case DecodedWindow():
                if run.tracks is not None:
                    run.tracks.see(message.window, message.frames)
                run.prepare_ahead(message)
                batch.append(message)
                if len(batch) == batch_size:
                    if not run.caption(batch):
                        break
                    batch = []
            case UndecodedWindow():
                run.give_up(message)
            case UnusableFile():
                run.record(message.file)
        if run.tracks is not None:
            run.tracks.take()
        meter.tell()
    if batch and not meter.stopped:
        run.caption(batch)


def reembed(
    store: Store, embedder: TextEmbedder, on_progress: Callable[[int, int], None] | None = None
) -> int:
    """Fill an embedder's vector table from the windows in the index; no model and no video is needed.

    Returns:
        How many vectors were written; 0 when the table was complete.

    Raises:
        StoreError: another run is writing to the index, or it cannot be written or read.
    """
    with store.writing():
        written = catch_up(store, embedder, on_progress)
        store.tidy()
    return written


def _mark_away(paths: Sequence[Path | str], store: Store) -> tuple[list[Path], Counter[FileState]]:
    """Mark the files under the given paths that are no longer there, or whose root cannot be reached.

    A root that is not there, of which the index knows files, is out of reach: a disk that is not plugged in.

    Returns:
        The paths that can be walked, and how many files are newly gone or offline.
    """
    files = [file for file in store.files.all() if file.state != "gone"]
    reachable, marked = [], []
    for path in map(absolute, paths):
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
