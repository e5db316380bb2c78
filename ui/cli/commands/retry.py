"""`footage retry`: try the files again that could not be read."""

from __future__ import annotations

from pathlib import Path

import typer

from service import factories
from service.indexing import IndexOptions, index_paths
from ui.cli import console, options
from ui.cli.commands import index

EXAMPLES = options.examples("footage retry", "footage retry --db cameras.lancedb --json")


def run(
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Try the files again that failed, in whole or in part.

    `footage index` tries them by itself, three times; then it leaves them alone until they change, or until
    this is run.
    """
    from footage.store import Store

    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    store = Store.open(settings.db)
    paths = [Path(file.path) for file in store.files.all() if file.state in ("failed", "partial")]
    there = [path for path in paths if path.exists()]
    if not there:
        console.results().print("No file that failed is there to be tried again.")
        return
    factories.check_model(settings, "caption", store=store)
    video_model, text_embedder = factories.load_model(settings), factories.load_embedder(settings)
    with index.shown_progress() as tell:
        report = index_paths(
            there,
            settings,
            IndexOptions(retry=True),
            store=store,
            model=video_model,
            embedder=text_embedder,
            on_progress=tell,
        )
    index.print_report(report, store, as_json=json)
    if code := index.exit_code(report):
        raise typer.Exit(code)
