"""`footage retry`: retry failed files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ui.cli import console, options, progress, run_report
from ui.cli.setting_options import MODEL, TRACKS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples("footage retry", "footage retry --db cameras.lancedb --json")


@takes_settings("db", *TRACKS, *MODEL, "embedder")
def run(
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Retry files that failed completely or partly.

    `footage index` tries each file up to three times. After that, it skips the file until the file changes
    or this command runs.
    """
    from service.index import RetryRequest
    from service.index import retry as retry_failed

    with progress.shown() as display:
        result = retry_failed(options.service_for(settings), RetryRequest(), on_event=display)
    if result is None:
        (console.notes() if json else console.results()).print("There is no accessible file to retry.")
        return
    run_report.show(result, as_json=json)
    if code := run_report.exit_code(result):
        raise typer.Exit(code)
