"""Indexes files and folders, once or for as long as they change; words nothing for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from footage.core.errors import FileError, UsageError, VideoError
from footage.core.index_place import state_folder
from footage.objects.paths import located, media_path
from indexer.library import FoundFile, Selection, parse_since, shown, walk
from indexer.timestamps import (
    Clocks,
    parse_clock_from,
    parse_container_clocks,
    parse_offsets,
    parse_zone,
)
from indexer.unfinished_files import SETTLE_SECONDS, Settling
from service.cancellation import CancelToken
from service.events import (
    Indexed,
    Indexing,
    IndexingFailed,
    Listener,
    ServerSampling,
    StageProgress,
    both,
    ignore,
)
from service.requests import MediaPath, Request
from service.tracks import ChosenTracks, choose_tracks

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.coverage import Coverage
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.vlm.profile import Profile
    from footage.vlm.protocol import VideoModel
    from indexer.pipeline import Forecast, IndexReport
    from indexer.pipeline import Progress as IndexReading
    from indexer.tracks.protocol import TrackMaker
    from service.session import Service


class IndexRequest(Request):
    """What to index, and how to read and repeat it; texts are written as on the command line."""

    paths: tuple[MediaPath, ...]
    """Files, and folders to look for them in; also addresses such as s3://bucket/prefix."""
    include: tuple[str, ...] = ()
    """Names or globs of which one must fit; all files when there are none."""
    exclude: tuple[str, ...] = ()
    """Names or globs of which none may fit."""
    since: str | None = None
    """Index only files changed since then: 2026-03-01, 36h or 7d."""
    max_hours: float | None = Field(default=None, ge=0)
    """Most hours of footage to caption; no limit when None."""
    follow_links: bool = False
    """Follow links that lead out of the folder."""
    within: tuple[MediaPath, ...] = ()
    """Real paths that every file must lie in when it is found; no check when there are none."""
    collection: str | None = None
    """Name of the collection; unset: the name of the folder."""
    camera_from: str = ""
    """Source of the camera name: "folder", or a file name pattern such as "{camera}_*"."""
    clock_offsets: tuple[str, ...] = ()
    """CAMERA=SECONDS, each to set a camera's clock right."""
    clock_from: tuple[str, ...] = ()
    """Which clock comes first: name, container or auto; CAMERA=name for one camera."""
    container_clocks: tuple[str, ...] = ()
    """CAMERA=local, utc or a zone: what a camera writes into files as UTC."""
    time_zone: str | None = None
    """Time zone for timestamps without one; None: the time zone of this machine."""
    guess_time: bool = False
    """Take the modification time less the length where nothing else is known."""
    reindex: bool = False
    """Hash all files again, and caption videos again if their settings differ."""
    accept_mixed: bool = False
    """Keep what was captioned under other settings, and caption only what is new."""
    watch: bool = False
    """Whether the request is for ``watch``."""
    follow: bool = False
    """Index what is complete of files that are still being written."""
    settle_seconds: float | None = Field(default=None, ge=0)
    """A file that did not change for so long is finished; for ``watch`` and ``follow``."""
    retry: bool = False
    """Retry all failed files, also after three failed attempts."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.reindex and self.accept_mixed:
            raise UsageError("--reindex and --accept-mixed exclude each other.")
        if self.settle_seconds is not None and not (self.watch or self.follow):
            raise UsageError("--settle needs --watch or --follow.", hint="Add one of them.")
        return self

    @property
    def settling(self) -> Settling | None:
        """When files count as finished; None where they are not waited for."""
        if not (self.watch or self.follow):
            return None
        return Settling(SETTLE_SECONDS if self.settle_seconds is None else self.settle_seconds)

    def selection(self) -> Selection:
        """Which files.

        Raises:
            UsageError: ``since`` is no time.
        """
        return Selection(
            self.include,
            self.exclude,
            parse_since(self.since) if self.since else None,
            follow_links=self.follow_links,
            within=tuple(map(str, self.within)),
        )

    def clocks(self) -> Clocks:
        """When and where they were recorded.

        Raises:
            UsageError: one of the texts is not what it should be.
        """
        return Clocks(
            parse_zone(self.time_zone),
            self.camera_from,
            parse_offsets(list(self.clock_offsets)),
            self.guess_time,
            parse_clock_from(list(self.clock_from)),
            parse_container_clocks(list(self.container_clocks)),
        )


class RetryRequest(Request):
    """Retry files that failed completely or partly."""


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What a run did."""

    report: IndexReport
    """The run."""
    coverage: Mapping[str, Coverage]
    """How far the files of each collection are indexed now, by name."""
    left_out: Mapping[str, str]
    """Tracks that cannot be made here and were not asked for by name, with the reason."""
    reused_kept: int = 0
    """Windows of the files of a run without reuse that carry over a caption of earlier runs."""

    @property
    def failed(self) -> bool:
        """Whether some files failed, in whole or in part."""
        return bool(self.report.failed or self.report.partial)

    @property
    def usable(self) -> bool:
        """Whether any file could be used."""
        report = self.report
        return bool(report.indexed + report.unchanged + report.partial + report.waiting)


def index(
    service: Service, request: IndexRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> IndexResult:
    """Caption videos and add them to the index.

    Events: ``Busy`` while models load, ``ServerSampling``, then ``Indexing``. A cancelled run ends after the
    windows at hand; its report says that it was stopped.

    Raises:
        FootageError: nothing can be indexed at all; a single bad file is in the report instead.
    """
    clocks, selection = request.clocks(), request.selection()
    check_paths(service, request)
    tracks = _prepare(service, on_event)
    return run_index(service, request, tracks, selection, clocks, on_event, cancel or CancelToken())


def watch(
    service: Service, request: IndexRequest, *, on_event: Listener = ignore, cancel: CancelToken
) -> None:
    """Index now, and again whenever something changes, until cancelled; each run ends with ``Indexed``.

    A run that fails is reported as ``IndexingFailed``; what was taken away may come back.

    Raises:
        FootageError: nothing can be indexed at all.
    """
    from indexer.watch import RETRY_SECONDS
    from indexer.watch import watch as keep_watching

    clocks, selection = request.clocks(), request.selection()
    check_paths(service, request)
    tracks = _prepare(service, on_event)
    settings, settling = service.settings, request.settling

    def look() -> bool:
        try:
            result = run_index(service, request, tracks, selection, clocks, on_event, cancel)
        except (FileError, UsageError, VideoError) as error:
            on_event(IndexingFailed(error))
            return False
        on_event(Indexed(result))
        return result.report.waiting > 0

    with service.created_store().writing():
        keep_watching(
            request.paths,
            look,
            stop=cancel,
            ignore=[state_folder(settings.db), settings.cache_dir],
            retry_seconds=max(1.0, min(RETRY_SECONDS, settling.seconds if settling else RETRY_SECONDS)),
        )


def retry(
    service: Service, request: RetryRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> IndexResult | None:
    """Try the files again that failed; None where none of them is there.

    Raises:
        FootageError: as ``index``.
    """
    store = service.store()
    paths = [media_path(file.path) for file in store.files.all() if file.state in ("failed", "partial")]
    there = tuple(path for path in paths if path.exists())
    if not there:
        return None
    tracks = choose_tracks(service, on_event, store=store)
    again = IndexRequest(paths=there, retry=True)
    cancel = cancel or CancelToken()
    return run_index(service, again, tracks, again.selection(), again.clocks(), on_event, cancel)


def forecast(service: Service, request: IndexRequest, *, on_event: Listener = ignore) -> Forecast:
    """What a run would do, without the models; the speed is that of earlier runs on this index.

    Raises:
        FootageError: there is nothing to index, or the model of the settings cannot caption.
    """
    from footage.vlm.profiles import require
    from indexer.pipeline import forecast as look

    selection = request.selection()
    request.clocks()
    check_paths(service, request)
    settings = service.settings
    tracks = choose_tracks(service, on_event)
    cutting = None
    if tracks.captions:
        profile = _profile(service, on_event)
        require(profile, "caption")
        overlap = settings.overlap_seconds
        cutting = (
            settings.window_seconds or profile.window_seconds,
            profile.overlap_seconds if overlap is None else overlap,
        )
    return look(
        request.paths,
        store=service.existing_store(),
        cutting=cutting,
        makers=tracks.makers,
        selection=selection,
        everything=request.reindex,
        decode_timeout_seconds=settings.decode_timeout_seconds,
        on_file=lambda number, path: on_event(StageProgress("looking", number, 0, Path(path).name)),
    )


def check_not_writing(service: Service) -> None:
    """See that no run is writing to the index; there need be none.

    Raises:
        StoreBusyError: another run is writing to it.
        StoreError: the index cannot be read.
    """
    store = service.existing_store()
    if store is not None:
        with store.writing():
            pass


def checked_camera_pattern(text: str) -> str:
    """A source of the camera name as typed, without the spaces around it; see ``IndexRequest.camera_from``.

    Raises:
        UsageError: it is neither "folder" nor a pattern.
    """
    return Clocks(camera_from=text.strip()).camera_from


def index_paths(
    paths: Sequence[Path],
    settings: Settings,
    *,
    store: Store,
    model: VideoModel | None,
    embedder: TextEmbedder,
    makers: Sequence[TrackMaker] = (),
    on_progress: Callable[[IndexReading], None] | None = None,
) -> IndexReport:
    """Index files and folders under the settings into an index that is open already.

    Args:
        paths: Files and folders.
        settings: How to cut and decode.
        store: The index.
        model: Captions the windows; None to make no captions.
        embedder: Embeds the texts.
        makers: Make the other tracks.
        on_progress: Called with every reading of the run.

    Raises:
        FootageError: nothing can be indexed at all; a single bad file is in the report instead.
    """
    from indexer.pipeline import index as run

    return run(
        paths,
        store=store,
        model=model,
        embedder=embedder,
        makers=makers,
        window_seconds=settings.window_seconds,
        overlap_seconds=settings.overlap_seconds,
        batch_size=settings.batch_size,
        queue_windows=settings.queue_windows,
        decode_timeout_seconds=settings.decode_timeout_seconds,
        reuse="yes" if settings.reuse else "no",
        on_progress=on_progress,
    )


def check_paths(service: Service, request: IndexRequest) -> None:
    """See that each path can be read, or is a root that the index knows: a disk may be unplugged.

    A folder that is watched may be empty.

    Raises:
        FootageError: one is not.
    """
    store = service.existing_store()
    known = {file.root for file in store.files.all()} if store else set()
    links = Selection(follow_links=request.follow_links, within=tuple(map(str, request.within)))
    for path in request.paths:
        place = located(path)
        if request.watch and place.is_dir():
            continue  # its first file may come later
        if shown(place) not in known:
            next(each for each in walk([path], selection=links) if isinstance(each, FoundFile))


def _prepare(service: Service, on_event: Listener) -> ChosenTracks:
    """See that a run has what it needs, then make the index: without a model no empty one is left behind."""
    tracks = choose_tracks(service, on_event)
    executor = service.executor(on_event, captions=tracks.captions)
    if executor is not None:
        sees = executor.facts.sees if executor.facts is not None else ""
    else:
        sees = getattr(service.model_when_needed(on_event), "sees", "") if tracks.captions else ""
    service.embedder_when_needed(on_event)
    service.created_store()
    if sees:
        on_event(ServerSampling(sees))
    return tracks


def run_index(
    service: Service,
    request: IndexRequest,
    tracks: ChosenTracks,
    selection: Selection,
    clocks: Clocks,
    on_event: Listener,
    cancel: CancelToken,
    *,
    recaption_reused: bool = False,
) -> IndexResult:
    """One run on checked paths with chosen tracks; other arguments as of ``indexer.pipeline.index``.

    Raises:
        FootageError: nothing can be indexed at all.
    """
    from indexer.pipeline import index as run
    from service.alerts.while_indexing import IndexingAlerts

    settings, store = service.settings, service.store()
    executor = service.executor(on_event, captions=tracks.captions)
    with service.noticing_failures(), IndexingAlerts(service, cancel=cancel) as alerts:
        report = run(
            request.paths,
            store=store,
            model=service.model_when_needed(on_event) if tracks.captions and executor is None else None,
            embedder=service.embedder_when_needed(on_event),
            makers=tracks.makers,
            window_seconds=settings.window_seconds,
            overlap_seconds=settings.overlap_seconds,
            batch_size=settings.batch_size,
            queue_windows=settings.queue_windows,
            executor=executor,
            decode_timeout_seconds=settings.decode_timeout_seconds,
            on_progress=lambda reading: both(on_event, service.notice)(Indexing(reading)),
            stop=cancel.is_set,
            selection=selection,
            clocks=clocks,
            collection=request.collection,
            max_seconds=math.inf if request.max_hours is None else 3600 * request.max_hours,
            mix="replace" if request.reindex else "accept" if request.accept_mixed else "refuse",
            retry=request.retry,
            settling=request.settling,
            follow=request.follow,
            reuse="undo" if recaption_reused else "yes" if settings.reuse else "no",
            observer=alerts,
        )
    kept = 0
    if not settings.reuse:
        found = {file.content_id for file in report.files} - {""}
        kept = sum(map(len, store.windows.reused(found).values()))
    result = IndexResult(report, store.coverage(), tracks.left_out, kept)
    service.notice(Indexed(result))
    return result


def _profile(service: Service, on_event: Listener) -> Profile:
    """The profile of the model that the settings name; that of a server only it can say."""
    from footage.core.endpoint import is_address
    from footage.vlm.profiles import PROFILES, get_profile
    from footage.vlm.weights import locate

    settings = service.settings
    if is_address(settings.model):
        return service.model(on_event).profile
    if settings.model in PROFILES:
        return get_profile(settings.model)
    return locate(settings.model, model_path=settings.model_path).profile
