"""`footage index`: caption videos and write what happens in them to the index."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import FileError, UsageError, VideoError
from footage.core.names import on_disk
from footage.core.timecode import format_time
from indexer.library import FoundFile, Selection, absolute, parse_since, walk
from indexer.library import shown as spelled
from indexer.timestamps import (
    Clocks,
    parse_clock_from,
    parse_container_clocks,
    parse_offsets,
    parse_zone,
)
from indexer.unfinished_files import SETTLE_SECONDS, Settling
from service import factories
from service.indexing import IndexOptions, index_paths
from ui.cli import console, formatting, logs, options

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.store import Store
    from indexer.pipeline import IndexReport, Progress
    from indexer.progress import ClockDoubt

EXAMPLES = options.examples(
    "footage index ~/Videos",
    "footage index gate.mp4 yard.mkv --db cameras.lancedb --device cuda",
    "footage index /footage --since 7d --exclude 'proxies/*' --camera-from folder",
    "footage index ~/Videos --json | jq 'select(.state == \"failed\")'",
)


LOG_EVERY_SECONDS = 1.0
"""How often progress goes to the log."""

logger = logging.getLogger(__name__)

_SELECT = "Which files"
_CLOCK = "When and where it was recorded"
_AGAIN = "What is already there"


def run(
    paths: Annotated[list[Path], typer.Argument(help="Video files, and folders to look for them in.")],
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="GLOB",
            help="Only files of that name, or that fit; may be repeated.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="GLOB",
            help="No files of that name, or that fit; may be repeated.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Only files changed since: 2026-03-01, 36h, 7d.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    max_hours: Annotated[
        float | None,
        typer.Option(
            "--max-hours",
            metavar="H",
            min=0,
            help="Caption so much footage at most; run again to go on.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    follow_links: Annotated[
        bool,
        typer.Option(
            "--follow-links",
            help="Follow links that lead out of the folder; else they are passed over.",
            rich_help_panel=_SELECT,
        ),
    ] = False,
    collection: Annotated[
        str | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="File everything under this name, not the folder's.",
            rich_help_panel=_SELECT,
        ),
    ] = None,
    camera_from: Annotated[
        str,
        typer.Option(
            "--camera-from",
            metavar="PATTERN",
            help='"folder", or a pattern such as "{camera}_*".',
            rich_help_panel=_CLOCK,
        ),
    ] = "",
    clock_offset: Annotated[
        list[str] | None,
        typer.Option(
            "--clock-offset",
            metavar="CAMERA=SECONDS",
            help="Set a camera's clock right; the index remembers it.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    clock_from: Annotated[
        list[str] | None,
        typer.Option(
            "--clock-from",
            metavar="name|container|auto",
            help="Which clock comes first; CAMERA=name for one camera. The index remembers it.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    container_clock: Annotated[
        list[str] | None,
        typer.Option(
            "--container-clock",
            metavar="CAMERA=local|utc|ZONE",
            help="What a camera writes into files as UTC; the index remembers it.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            metavar="ZONE",
            help="Where clocks without a zone hang: Europe/Berlin. This machine's.",
            rich_help_panel=_CLOCK,
        ),
    ] = None,
    guess_time: Annotated[
        bool,
        typer.Option(
            "--guess-time",
            help="Where nothing else tells: modification time less the length.",
            rich_help_panel=_CLOCK,
        ),
    ] = False,
    reindex: Annotated[
        bool,
        typer.Option(
            "--reindex",
            help="Hash every file again, and caption anew what was captioned under other settings.",
            rich_help_panel=_AGAIN,
        ),
    ] = False,
    accept_mixed: Annotated[
        bool,
        typer.Option("--accept-mixed", help="Keep it, and caption only what is new.", rich_help_panel=_AGAIN),
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Then keep the index in step with what changes, until Ctrl-C.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow", help="Index what is complete of files that are still being written, and keep it."
        ),
    ] = False,
    settle: Annotated[
        float | None,
        typer.Option(
            "--settle",
            metavar="SECONDS",
            min=0,
            help="With --watch or --follow: a file that did not change for so long is finished. 30.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be indexed, and about how long it would take.")
    ] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Append a log as JSON Lines.")
    ] = None,
    retry: Annotated[
        bool,
        typer.Option("--retry", help="Try files again that failed too often.", rich_help_panel=_AGAIN),
    ] = False,
    window_seconds: options.WindowSeconds = None,
    overlap_seconds: options.OverlapSeconds = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", help="Windows captioned in one go (8).")
    ] = None,
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    accept_server_sampling: options.AcceptServerSampling = None,
    embedder: options.Embedder = None,
    fps: options.Fps = None,
    min_frames: options.MinFrames = None,
    max_frames: options.MaxFrames = None,
    max_pixels: options.MaxPixels = None,
    prompt: options.CaptionPrompt = None,
    prompt_file: options.PromptFile = None,
    stage2_prompt: options.SecondPrompt = None,
    caption_tokens: options.CaptionTokens = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    repetition_penalty: options.RepetitionPenalty = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Caption videos and write what happens in them to the index.

    A file that is already indexed is skipped, whatever it is called now. A run that was stopped goes on where
    it stopped. A file that cannot be read is recorded with its reason, and the others go on.
    """
    from footage.store import Store

    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        accept_server_sampling=accept_server_sampling,
        embedder=embedder,
        window_seconds=window_seconds,
        overlap_seconds=overlap_seconds,
        fps=fps,
        min_frames=min_frames,
        max_frames=max_frames,
        max_pixels=max_pixels,
        prompt=prompt,
        prompt_file=prompt_file,
        stage2_prompt=stage2_prompt,
        caption_tokens=caption_tokens,
        temperature=temperature,
        top_p=top_p,
        repetition_penalty=repetition_penalty,
        batch_size=batch_size,
    )
    if reindex and accept_mixed:
        raise UsageError("--reindex and --accept-mixed exclude each other.")
    if settle is not None and not (watch or follow):
        raise UsageError("--settle says nothing without --watch or --follow.", hint="Add one of them.")
    settling = Settling(SETTLE_SECONDS if settle is None else settle) if watch or follow else None
    chosen = IndexOptions(
        selection=Selection(
            tuple(include or ()),
            tuple(exclude or ()),
            parse_since(since) if since else None,
            follow_links=follow_links,
        ),
        clocks=Clocks(
            parse_zone(time_zone),
            camera_from,
            parse_offsets(clock_offset or []),
            guess_time,
            parse_clock_from(clock_from or []),
            parse_container_clocks(container_clock or []),
        ),
        collection=collection,
        max_seconds=math.inf if max_hours is None else 3600 * max_hours,
        mix="replace" if reindex else "accept" if accept_mixed else "refuse",
        retry=retry,
        settling=settling,
        follow=follow,
    )
    # 1. Everything that can be wrong before the first window, the quick things first.
    held = factories.existing_store(settings.db)
    known = {file.root for file in held.files.all()} if held else set()
    links = Selection(follow_links=follow_links)
    for path in paths:
        if spelled(on_disk(absolute(path))) not in known:  # else it may be a disk that is not plugged in
            next(each for each in walk([path], selection=links) if isinstance(each, FoundFile))
    if dry_run:
        _print_forecast(paths, settings, chosen, held, as_json=json)
        return
    factories.check_model(settings, "caption")
    video_model, text_embedder = factories.load_model(settings), factories.load_embedder(settings)
    store = Store.open(settings.db, create=True)  # last: without a model no empty index is left behind
    if sees := getattr(video_model, "sees", ""):
        console.notes().print(f"The server shows the model {sees}.", soft_wrap=True)
    # 2. The windows, one after the other; 3. what came of it.
    with logs.logging_to(log_file), _asked_to_stop() as stop:

        def once() -> IndexReport:
            with shown_progress() as tell:
                report = index_paths(
                    paths,
                    settings,
                    chosen,
                    store=store,
                    model=video_model,
                    embedder=text_embedder,
                    on_progress=tell,
                    stop=stop.is_set,
                )
            print_report(report, store, as_json=json)
            return report

        if watch:
            from indexer.watch import RETRY_SECONDS
            from indexer.watch import watch as keep_watching

            def look() -> bool:
                try:
                    return once().waiting > 0
                except (FileError, UsageError, VideoError) as error:  # what was taken away may come back
                    console.report_error(error, as_json=json)
                    return False

            with store.writing():
                keep_watching(
                    paths,
                    look,
                    stop=stop,
                    ignore=[settings.db, settings.cache_dir],
                    retry_seconds=max(
                        1.0, min(RETRY_SECONDS, settling.seconds if settling else RETRY_SECONDS)
                    ),
                )
            return
        report = once()
    if report.stopped:
        raise KeyboardInterrupt
    code = exit_code(report)
    if code:
        raise typer.Exit(code)


def exit_code(report: IndexReport) -> int:
    """0 when all went well, 3 when some files failed and are recorded, 1 when nothing could be used."""
    if not (report.failed or report.partial):
        return console.EXIT_ANSWERED
    usable = report.indexed + report.unchanged + report.partial + report.waiting
    return console.EXIT_PARTLY if usable else console.EXIT_FAILED


@contextmanager
def shown_progress() -> Iterator[Callable[[Progress], None]]:
    """Progress of a run on stderr and in the log; call what it gives with every reading."""
    logged = _Logged()
    with console.stages() as show:

        def tell(progress: Progress) -> None:
            _show(progress, show)
            logged.tell(progress)

        yield tell


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second one interrupts at once."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        console.notes().print(
            "Stopping after the windows at hand; once more to stop at once.", soft_wrap=True
        )

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Logged:
    """Progress for the log: each stage, and a reading a second of it, for whoever watches from outside."""

    def __init__(self) -> None:
        self._stage, self._at = "", 0.0

    def tell(self, progress: Progress) -> None:
        """Log a reading, unless the last one was just now."""
        now = time.monotonic()
        if progress.stage != self._stage or now - self._at >= LOG_EVERY_SECONDS:
            self._stage, self._at = progress.stage, now
            logger.info("progress", extra={"fields": asdict(progress)})


def _show(progress: Progress, show: console.Show) -> None:
    """One reading of the run as a line of progress."""
    name = console.plain(Path(progress.current).name)
    if progress.waiting:
        waiting = f"waiting for {console.plain(progress.waiting)}"
        show(progress.stage, progress.windows_done, progress.windows_total, waiting)
        return
    if progress.stage == "looking":
        show("looking", progress.files_done, 0, f"{formatting.count(progress.files_total, 'file')} {name}")
        return
    files = f"{progress.files_done}/{progress.files_total} files"
    speed = f"{progress.speed:.1f} footage-s/s"
    left = "" if progress.eta_seconds is None else f"{console.rough_time(progress.eta_seconds)} left"
    detail = ", ".join(part for part in (f"windows, {files}", speed, left, name) if part)
    show(progress.stage, progress.windows_done, progress.windows_total, detail)


def _failures(report: IndexReport) -> list[tuple[str, str]]:
    return [(file.path, file.reason) for file in report.files if file.state in ("failed", "partial")]


def _print_forecast(
    paths: Sequence[Path], settings: Settings, chosen: IndexOptions, store: Store | None, *, as_json: bool
) -> None:
    """What a run would do, without the model; the time is that of earlier runs on this index."""
    from footage.core.endpoint import is_address
    from footage.vlm.profiles import PROFILES, get_profile, require
    from footage.vlm.weights import locate
    from indexer.pipeline import forecast

    if is_address(settings.model):
        profile = factories.load_model(settings).profile
    elif settings.model in PROFILES:
        profile = get_profile(settings.model)
    else:
        profile = locate(settings.model, model_path=settings.model_path).profile
    require(profile, "caption")
    with console.stages() as show:
        told = forecast(
            paths,
            store=store,
            window_seconds=settings.window_seconds or profile.window_seconds,
            overlap_seconds=profile.overlap_seconds
            if settings.overlap_seconds is None
            else settings.overlap_seconds,
            selection=chosen.selection,
            everything=chosen.mix == "replace",
            decode_timeout_seconds=settings.decode_timeout_seconds,
            on_file=lambda number, path: show("looking", number, 0, console.plain(Path(path).name)),
        )
    takes = told.seconds_new / told.speed if told.speed else None
    if as_json:
        console.emit(
            type="forecast",
            files=dict(told.files),
            windows_new=told.windows_new,
            seconds_new=round(told.seconds_new, 3),
            speed=round(told.speed, 3) if told.speed else None,
            takes_seconds=None if takes is None else round(takes, 1),
        )
        return
    files = ", ".join(f"{number:,} {what}" for what, number in told.files.items() if number)
    sentence = f"{files or 'nothing to do'}. To caption: {formatting.count(told.windows_new, 'window')}, "
    sentence += f"{format_time(told.seconds_new)} of footage"
    if takes is not None:
        speed = f"{told.speed:.1f} footage-seconds per second"
        sentence += f", about {console.rough_time(takes)} at the speed of earlier runs ({speed})"
    console.results().print(f"{sentence}. Nothing was changed.", soft_wrap=True)


def print_report(report: IndexReport, store: Store, *, as_json: bool) -> None:
    """Print on stdout what a run did, and how far the index covers what lies on disk now."""
    if as_json:
        _print_json(report, store)
        return
    counts = (
        ("indexed", report.indexed),
        ("already indexed", report.unchanged),
        ("in part", report.partial),
        ("failed", report.failed),
        ("waiting", report.waiting),
        ("left out", report.skipped),
        ("gone", report.gone),
        ("offline", report.offline),
    )
    files = ", ".join(f"{number:,} {what}" for what, number in counts if number)
    sentence = f"{formatting.count(len(report.files), 'file')}: {files or 'nothing to do'}."
    if report.windows_captioned:
        speed = report.seconds_captioned / report.wall_seconds
        sentence += (
            f" Captioned {formatting.count(report.windows_captioned, 'window')}, "
            f"{format_time(report.seconds_captioned)} of footage, "
            f"in {format_time(report.wall_seconds)} ({speed:.1f} footage-seconds per second)."
        )
    waiting = [(file.path, file.reason) for file in report.files if file.state == "waiting"]
    formatting.print_failures(_failures(report))
    formatting.print_failures(waiting, "left for another run")
    out = console.results()
    out.print(sentence, soft_wrap=True)
    if report.ignored:
        passed = ", ".join(_counted(number, what) for what, number in sorted(report.ignored.items()))
        out.print(f"Passed over: {passed}.", soft_wrap=True)
    for path, warnings in sorted(report.warnings.items()):
        for warning in warnings:
            out.print(f"Note on {formatting.short_path(path)}: {console.plain(warning)}.", soft_wrap=True)
    for doubt in report.clock_doubts:
        out.print(f"Clocks differ: {console.plain(_doubt_sentence(doubt))}", soft_wrap=True)
    formatting.print_coverage(store.coverage())


def _counted(number: int, what: str) -> str:
    """A number of files or folders: "2 system folders", "2 folders that may not be read"."""
    noun, that, rest = what.partition(" that ")
    return f"{number:,} {what}" if what == "hidden" else formatting.count(number, noun) + that + rest


def _doubt_sentence(doubt: ClockDoubt) -> str:
    """What two clocks say of some files, and what can be done about it."""
    hours = f"{abs(doubt.ahead_seconds) / 3600:g} h {'ahead of' if doubt.ahead_seconds > 0 else 'behind'}"
    others = len(doubt.paths) - 1
    which = Path(doubt.paths[0]).name + (f" and {formatting.count(others, 'other file')}" if others else "")
    camera = f"{doubt.camera}=" if doubt.camera else ""
    return (
        f"in {which} the container's clock is {hours} the time in the name, as in another time zone. The "
        f"container's was used. If it is local time, add --container-clock {camera}local; if the name is "
        f"right, --clock-from {camera}name; if nothing is wrong, --container-clock {camera}utc."
    )


def _print_json(report: IndexReport, store: Store) -> None:
    for file in report.files:
        console.emit(
            type="file",
            path=file.path,
            content_id=file.content_id,
            state=file.state,
            reason=file.reason,
            warnings=report.warnings.get(file.path, ()),
        )
    for name, coverage in store.coverage().items():
        console.emit(type="collection", name=name, **formatting.collection_fields(coverage))
    for doubt in report.clock_doubts:
        console.emit(
            type="clock doubt", camera=doubt.camera, ahead_seconds=doubt.ahead_seconds, paths=doubt.paths
        )
    console.emit(
        type="summary",
        files=len(report.files),
        indexed=report.indexed,
        unchanged=report.unchanged,
        partial=report.partial,
        failed=report.failed,
        waiting=report.waiting,
        skipped=report.skipped,
        gone=report.gone,
        offline=report.offline,
        ignored=report.ignored,
        windows_captioned=report.windows_captioned,
        seconds_captioned=round(report.seconds_captioned, 3),
        wall_seconds=round(report.wall_seconds, 3),
        stage_seconds={stage: round(seconds, 3) for stage, seconds in report.stage_seconds.items()},
        stopped=report.stopped,
    )
