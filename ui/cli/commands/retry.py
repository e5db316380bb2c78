"""`footage retry`: try the files again that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ui.cli import console, options, progress, run_report
from ui.cli.setting_options import MODEL, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples("footage retry", "footage retry --db cameras.lancedb --json")


@takes_settings("db", *MODEL, "embedder")
def run(
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Try the files again that failed, in whole or in part.

    `footage index` tries them by itself, three times; then it leaves them alone until they change, or until
    this is run.
    """
    from service.index import RetryRequest
    from service.index import retry as retry_failed

    with progress.shown() as display:
        result = retry_failed(options.service_for(settings), RetryRequest(), on_event=display)
    if result is None:
        console.results().print("No file that failed is there to be tried again.")
        return
    run_report.show(result, as_json=json)
    if code := run_report.exit_code(result):
        raise typer.Exit(code)
