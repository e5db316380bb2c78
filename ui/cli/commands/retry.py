"""`footage retry`: try the files again that could not be read."""

from __future__ import annotations

import typer

from ui.cli import console, options, progress, run_report

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
    from service.index import RetryRequest
    from service.index import retry as retry_failed

    settings = options.settings_from(
        config,
        db=db,
        model=model,
        model_path=model_path,
        device=device,
        allow_remote=allow_remote,
        embedder=embedder,
    )
    with progress.shown() as display:
        result = retry_failed(options.service_for(settings), RetryRequest(), on_event=display)
    if result is None:
        console.results().print("No file that failed is there to be tried again.")
        return
    run_report.show(result, as_json=json)
    if code := run_report.exit_code(result):
        raise typer.Exit(code)
