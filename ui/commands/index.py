"""`footage index`: caption videos and write what happens in them to the index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui import console, options

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from footage.config import Settings
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

    A file that is already indexed is skipped, whatever it is called now. A run that was stopped goes on where it
    stopped. A file that cannot be read is recorded with its reason, and the others go on.
    """
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
    report = index_paths(paths, settings)
    if json:
        _print_json(report)
    else:
        _print_report(report, settings)
    if report.failed:
        raise typer.Exit(console.EXIT_PARTLY if report.indexed or report.skipped else console.EXIT_FAILED)


def index_paths(paths: list[Path], settings: Settings) -> IndexReport:
    """Index these files and folders, with progress on stderr.

    Args:
        paths: Files and folders.
        settings: Where the index is, and under what to caption.

    Raises:
        FootageError: when nothing can be indexed at all; a single bad file is in the report instead.
    """
    from footage.embedder import load_embedder
    from footage.store import Store
    from footage.vlm import load_model
    from indexer.pipeline import index

    # 1. Everything that can be wrong before the first window.
    with console.notes().status("opening the index"):
        store = Store.open(settings.db, create=True)
    with console.notes().status(f"loading {settings.model}"):
        video_model = load_model(settings.model, device=settings.device, model_path=settings.model_path)
        text_embedder = load_embedder(settings.embedder)
    # 2. The windows, one after the other.
    with _bars() as bars:
        return index(
            paths,
            store=store,
            model=video_model,
            embedder=text_embedder,
            window_seconds=settings.window_seconds,
            overlap_seconds=settings.overlap_seconds,
            batch_size=settings.batch_size,
            queue_windows=settings.queue_windows,
            decode_timeout_seconds=settings.decode_timeout_seconds,
            on_progress=_Shown(bars),
        )
