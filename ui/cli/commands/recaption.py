"""`footage db recaption`: caption reused windows anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from footage.objects.paths import typed_path
from ui.cli import console, formatting, options, progress, run_report
from ui.cli.setting_options import CAPTIONS, FRAMES, MODEL, SAMPLING, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.recaption import RecaptionResult

EXAMPLES = options.examples(
    "footage db recaption --reused", "footage db recaption --reused cameras/gate --db cameras.lancedb"
)


@takes_settings(
    "db",
    *MODEL,
    "accept_server_sampling",
    "embedder",
    "window_seconds",
    "overlap_seconds",
    *FRAMES,
    *CAPTIONS,
    *SAMPLING,
    "batch_size",
)
def run(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Only these files, and files in these folders; unset: all.", show_default=False),
    ] = None,
    reused: Annotated[
        bool, typer.Option("--reused", help="Caption the windows that carry over the caption of another one.")
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Caption windows again that carry over the caption of another window.

    The model and its settings must be those of the index. Each window keeps its old caption until the new one
    is stored. An interrupted run continues with the next one. Exit code 3: some windows are still reused.
    """
    from service.recaption import RecaptionRequest, recaption

    if not reused:
        raise UsageError(
            "footage db recaption needs to know which windows to caption again.",
            hint="Add --reused for the windows that carry over the caption of another one.",
        )
    service = options.service_for(settings)
    with progress.shown() as display, progress.cancelled_by_signals(display) as cancel:
        result = recaption(
            service,
            RecaptionRequest(paths=tuple(map(typed_path, paths or ()))),
            on_event=display,
            cancel=cancel,
        )
    if json:
        from service.schemas.library import RecaptionRecord

        console.emit_record(RecaptionRecord.of(result))
    else:
        _print(result)
    if result.run is not None and result.run.report.stopped:
        raise KeyboardInterrupt
    if result.left:
        raise typer.Exit(console.EXIT_PARTLY)


def _print(result: RecaptionResult) -> None:
    if result.run is not None:
        run_report.print_failures(result.run)
    for path in result.out_of_reach:
        console.results().print(
            f"Not accessible: {console.plain(formatting.short_path(path))}", soft_wrap=True
        )
    if not result.windows and not result.left:
        console.results().print("No window carries over a caption.")
        return
    sentence = f"{formatting.count(result.windows, 'window')} captioned again."
    if result.left:
        sentence += f" {formatting.count(result.left, 'window')} still reused; run the command again."
    console.results().print(sentence, soft_wrap=True)
