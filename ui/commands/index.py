"""`footage index`: caption videos and write what happens in them to the index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.timecode import format_time
from ui import console, options, parts, shown

if TYPE_CHECKING:
    from footage.config import Settings
    from footage.embedder import Embedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from indexer.pipeline import IndexReport, Progress

EXAMPLES = options.examples(
    "footage index ~/Videos",
    "footage index gate.mp4 yard.mkv --db cameras.lancedb --device cuda",
    "footage index ~/Videos --json | jq 'select(.state == \"failed\")'",
)


def run(
    paths: Annotated[list[Path], typer.Argument(help="Video files, and folders to look for them in.")],
    window_seconds: options.WindowSeconds = None,
    overlap_seconds: options.OverlapSeconds = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", metavar="N", help="Windows captioned in one go (4).")
    ] = None,
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Caption videos and write what happens in them to the index.

    A file that is already indexed is skipped, whatever it is called now. A run that was stopped goes on where
    it stopped. A file that cannot be read is recorded with its reason, and the others go on.
    """
    from footage.store import Store
    from indexer.library import walk

    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        embedder=embedder,
        window_seconds=window_seconds,
        overlap_seconds=overlap_seconds,
        batch_size=batch_size,
    )
    # 1. Everything that can be wrong before the first window, the quick things first.
    for path in paths:
        next(walk([path]))
    store = Store.open(settings.db, create=True)
    video_model, text_embedder = parts.load_model(settings), parts.load_embedder(settings)
    # 2. The windows, one after the other.
    report = index_paths(paths, settings, store=store, model=video_model, embedder=text_embedder)
    # 3. What came of it.
    if json:
        _print_json(report)
    else:
        _print_report(report)
    if report.failed or report.partial:
        usable = report.indexed + report.skipped + report.partial
        raise typer.Exit(console.EXIT_PARTLY if usable else console.EXIT_FAILED)


def index_paths(
    paths: Sequence[Path], settings: Settings, *, store: Store, model: VideoModel, embedder: Embedder
) -> IndexReport:
    """Index files and folders, with progress on stderr.

    Args:
        paths: Files and folders.
        settings: How to cut and decode.
        store: The index.
        model: Captions the windows.
        embedder: Embeds the captions.

    Raises:
        FootageError: when nothing can be indexed at all; a single bad file is in the report instead.
    """
    from indexer.pipeline import index

    with console.stages() as show:
        return index(
            paths,
            store=store,
            model=model,
            embedder=embedder,
            window_seconds=settings.window_seconds,
            overlap_seconds=settings.overlap_seconds,
            batch_size=settings.batch_size,
            queue_windows=settings.queue_windows,
            decode_timeout_seconds=settings.decode_timeout_seconds,
            on_progress=lambda progress: _show(progress, show),
        )


def _show(progress: Progress, show: console.Show) -> None:
    """One reading of the run as a line of progress."""
    name = console.plain(Path(progress.current).name)
    if progress.stage == "looking":
        show("looking", progress.files_done, 0, f"{shown.count(progress.files_total, 'file')} {name}")
        return
    files = f"{progress.files_done}/{progress.files_total} files"
    speed = f"{progress.speed:.1f} footage-s/s"
    left = "" if progress.eta_seconds is None else f"{console.rough_time(progress.eta_seconds)} left"
    detail = ", ".join(part for part in (f"windows, {files}", speed, left, name) if part)
    show(progress.stage, progress.windows_done, progress.windows_total, detail)


def _failures(report: IndexReport) -> list[tuple[str, str]]:
    return [(file.path, file.reason) for file in report.files if file.state in ("failed", "partial")]


def _print_report(report: IndexReport) -> None:
    counts = (
        ("indexed", report.indexed),
        ("already indexed", report.skipped),
        ("in part", report.partial),
        ("failed", report.failed),
        ("gone", report.gone),
    )
    files = ", ".join(f"{number:,} {what}" for what, number in counts if number)
    sentence = f"{shown.count(len(report.files), 'file')}: {files or 'nothing to do'}."
    if report.windows_captioned:
        speed = report.seconds_captioned / report.wall_seconds
        sentence += (
            f" Captioned {shown.count(report.windows_captioned, 'window')}, "
            f"{format_time(report.seconds_captioned)} of footage, "
            f"in {format_time(report.wall_seconds)} ({speed:.1f} footage-seconds per second)."
        )
    shown.print_failures(_failures(report))
    console.results().print(sentence, soft_wrap=True)


def _print_json(report: IndexReport) -> None:
    for file in report.files:
        console.emit(
            type="file", path=file.path, content_id=file.content_id, state=file.state, reason=file.reason
        )
    console.emit(
        type="summary",
        files=len(report.files),
        indexed=report.indexed,
        skipped=report.skipped,
        partial=report.partial,
        failed=report.failed,
        gone=report.gone,
        windows_captioned=report.windows_captioned,
        seconds_captioned=round(report.seconds_captioned, 3),
        wall_seconds=round(report.wall_seconds, 3),
    )
