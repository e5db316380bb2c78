"""The indexing run, step by step: files to windows to captions to events to vectors; it may stop anywhere.

A stopped or killed run loses the batch at hand; the next one goes on, to the index of an unbroken run.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from footage.core.errors import FootageError
from footage.core.names import composed
from footage.core.timeline import covered_seconds
from footage.core.types import File, Window
from footage.embed.protocol import TextEmbedder
from footage.objects.paths import ObjectPath, located
from footage.store import Store
from footage.vlm.deferred import DeferredModel
from footage.vlm.profile import Profile
from footage.vlm.protocol import VideoModel
from indexer import library
from indexer.catching_up import catch_up
from indexer.events import Projector
from indexer.executors.local import LocalExecutor
from indexer.executors.protocol import CaptionWork, Executor
from indexer.forecast import Forecast, forecast
from indexer.library import EVERYTHING, FoundFile, IgnoredEntry, Selection
from indexer.observer import NobodyWatches, RunObserver
from indexer.openings import Openings
from indexer.plan import Cutting, Job, Known, Mix, ReadingOptions, refuse_mixing, remembered
from indexer.presence import Presence, presence
from indexer.progress import Away, IndexReport, Progress, ProgressTracker
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
    model: VideoModel | DeferredModel | None,
    embedder: TextEmbedder,
    makers: Sequence[TrackMaker] = (),
    window_seconds: float | None = None,
    overlap_seconds: float | None = None,
    batch_size: int = 8,
    queue_windows: int = 4,
    executor: Executor | None = None,
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
        model: captions the windows, a deferred one loaded once one is missing; None to make no captions.
        embedder: turns texts into vectors.
        makers: make the other tracks, in this order of each file.
        window_seconds: length of a window; None for the model's own.
        overlap_seconds: what neighbouring windows share, in seconds; None for the model's own.
        batch_size: windows per call of the model, as far as it takes as many.
        queue_windows: decoded windows that may wait for the model.
        executor: captions and reads tracks elsewhere, with a model of its own; None for this process.
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
        UsageError, VideoNotFoundError: there is nothing to index, no such path, or no way to cut windows so.
        SchemaMismatchError: the index was made with another model or other windows, and ``mix`` is "refuse".
        StoreError: another run is writing to the index, or it cannot be written or read.
        ModelError, DependencyError: the model gave up on more than one window, or FFmpeg is missing.
    """
    executor = executor or LocalExecutor(model, batch_size=batch_size, queue_windows=queue_windows)
    options = _RunOptions(
        _cutting(executor.facts.profile, window_seconds, overlap_seconds) if executor.facts else None,
        executor=executor,
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
    given = [located(path) for path in paths]
    meter = ProgressTracker(on_progress)
    with store.writing(), recorded(store, given, meter), waits_shown(model, meter, stop):
        run, away, ignored = _index(given, store, embedder, makers, meter, options, observer)
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
    """Options of a run, as those of ``index``; how videos are cut is filled in."""

    cutting: Cutting | None
    executor: Executor
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
    embedder: TextEmbedder,
    makers: Sequence[TrackMaker],
    meter: ProgressTracker,
    options: _RunOptions,
    observer: RunObserver,
) -> tuple[IndexRun, Away, Counter[str]]:
    """The run itself; returns what it did, what is away, and what else lay on the way."""
    # 1. Make sure that nothing mixes unasked; note which files went away, and which are out of reach.
    provenance, executor = None, options.executor
    if executor.facts is not None:
        provenance = replace(executor.facts.provenance, cutting=str(options.cutting))
        if options.mix == "refuse":
            refuse_mixing(store, provenance)
    store.embedders.claim_timeline(embedder.name)
    clocks = remembered(store, options.clocks)
    out_of_reach = _out_of_reach(paths, store)
    reachable = [path for path in paths if path not in out_of_reach]
    listed, fault = _listed(reachable, options.selection, meter)
    found = {library.shown(each.path) for each in listed if isinstance(each, FoundFile)}
    away = _mark_away(paths, store, found, out_of_reach)
    if fault is not None:
        raise fault

    # 2. Look at every file: what is it, and how much of it is still to be done?
    known = Known(store, provenance, options.mix, recaption_reused=options.reuse == "undo")
    run = IndexRun(
        store,
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
            executor.makers(makers),
            meter=meter,
            on_begin=run.tracks_begin,
            on_ended=run.tracks_ended,
            on_commit=observer.committed,
            anew=options.mix == "replace",
            max_seconds=options.max_seconds,
            lanes=executor.track_lanes,
        )
        known.tracks = run.tracks.held
    jobs, ignored = _look(listed, run, known, meter, replace(options, clocks=clocks))

    # 3. Caption what is missing, batch by batch, while the next windows are being decoded; beside it the
    #    other tracks are read, which may take longer.
    meter.start_captioning()
    openings = Openings(
        jobs,
        known=known,
        store=store,
        cutting=options.cutting,
        timeout_seconds=options.decode_timeout_seconds,
        max_seconds=options.max_seconds,
    )
    work = CaptionWork(openings, run, meter, options.decode_timeout_seconds, options.stop, provenance)
    with run.tracks or nullcontext(), run.projector:
        executor.caption(work)
        if run.tracks is not None and not meter.stopped:
            run.tracks.finish(options.stop)

    # 4. Repair what an earlier run left behind its windows, then clear up.
    catch_up(store, embedder)
    run.drop_what_was_kept()
    with meter.timing("tidy"):
        store.tidy()
    return run, away, ignored


def _listed(
    paths: Sequence[Path], selection: Selection, meter: ProgressTracker
) -> tuple[list[FoundFile | IgnoredEntry], FootageError | None]:
    """What lies under some paths, as far as they can be walked, and why not all of them can."""
    listed: list[FoundFile | IgnoredEntry] = []
    try:
        for each in library.walk(paths, selection=selection) if paths else ():
            listed.append(each)
            if isinstance(each, FoundFile):
                meter.files_total += 1
                meter.current = library.shown(each.path)
                meter.tell()
    except FootageError as error:
        return listed, error
    return listed, None


def _look(
    listed: Sequence[FoundFile | IgnoredEntry],
    run: IndexRun,
    known: Known,
    meter: ProgressTracker,
    options: _RunOptions,
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
    for found in listed:
        if isinstance(found, IgnoredEntry):
            ignored[found.why] += 1
            if found.detail:
                run.note(found.path, found.detail)
            continue
        if options.collection is not None:
            found = replace(found, collection=composed(options.collection))
        meter.current = library.shown(found.path)
        looked = known.identify(found, reading)
        if isinstance(looked, File) and _has_slash_at_end(found, looked):
            ignored["object with a slash at the end of its key"] += 1
            run.note(looked.path, "its key ends in a slash, so it cannot be read; rename the object")
            run.drop(looked.path)
        elif isinstance(looked, File):
            run.record(looked)
            run.unchanged += looked.state == "indexed"
        else:
            plan = _expect(looked, run, meter, options.cutting)
            run.note_clock(looked)
            if run.is_settled(looked, plan):
                run.settle(looked, plan)
            else:
                jobs.append(looked)
        meter.tell()
    return jobs, ignored


def _expect(job: Job, run: IndexRun, meter: ProgressTracker, cutting: Cutting | None) -> tuple[Window, ...]:
    """Count what a file adds to what is to be done; returns the windows to be captioned in it."""
    video, plan = job.video, tuple[Window, ...]()
    if cutting is not None and job.growing is not None:
        plan = cutting.complete_windows("", video.duration_seconds, video.gaps)
        meter.expect(len(plan), covered_seconds(plan))
    elif cutting is not None:
        plan = cutting.windows(job.file.content_id, video.duration_seconds, video.gaps)
        meter.expect(len(plan), video.footage_seconds)
    if run.tracks is not None and job.growing is None:
        run.tracks.expect(video.footage_seconds)
    return plan


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


def _has_slash_at_end(found: FoundFile, looked: File) -> bool:
    """Whether a listing names an object that is not there: listings leave out a slash at the end of a key."""
    return found.is_object and looked.state == "failed" and library.still_there(str(found.path)) is False


def _out_of_reach(paths: Sequence[Path], store: Store) -> dict[Path, Presence]:
    """The roots that cannot be walked, of which the index knows files: a disk that is not plugged in."""
    away: dict[Path, Presence] = {}
    for path in paths:
        under = _known_under(path, store)
        if under and (isinstance(path, ObjectPath) or not os.path.lexists(path)):
            found = presence(path, [file.path for file in under])
            if all(there is None for there in found.there.values()):
                away[path] = found
    return away


def _known_under(path: Path, store: Store) -> list[File]:
    """The files of the index that are the path or lie under it, but for those that are gone."""
    itself, inside = str(path), str(path).rstrip(os.sep) + os.sep
    files = (file for file in store.files.all() if file.state != "gone")
    return [file for file in files if file.path == itself or file.path.startswith(inside)]


def _mark_away(
    paths: Sequence[Path], store: Store, found: Collection[str], out_of_reach: Mapping[Path, Presence]
) -> Away:
    """Mark the files under the given paths that are no longer there, or that cannot be reached.

    Args:
        paths: Absolute paths.
        store: The index.
        found: Paths of files that are there.
        out_of_reach: The paths that cannot be walked.
    """
    marked, reasons, gone, offline = [], dict[str, str](), 0, set[str]()
    for path in paths:
        unseen = [file for file in _known_under(path, store) if file.path not in found]
        known = out_of_reach.get(path) or presence(path, [file.path for file in unseen])
        reason = known.reason or f"{library.shown(path)} cannot be reached"
        for file in unseen:
            there = known.there[file.path]
            if there is None:
                offline.add(file.path)
                reasons[library.shown(path)] = reason
                if (file.state, file.reason) != ("offline", reason):
                    marked.append(replace(file, state="offline", reason=reason))
            elif not there:
                gone += 1
                marked.append(replace(file, state="gone", reason=""))
    store.files.put(marked)
    return Away(gone, len(offline), reasons)
