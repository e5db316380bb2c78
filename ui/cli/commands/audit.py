"""`footage audit`: compare the times of captions with the times given by the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.timecode import format_time
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples("footage audit", "footage audit --sample 500 --worst 20", "footage audit --json")


@takes_settings("db", *FINDS)
def run(
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Maximum number of events to check; unset: all."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="Number of worst events to list.")] = 10,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Check the times of captions with the model.

    The model gives a time for each captioned event; the command compares it with the time in the caption.
    Events with the largest difference come first. Results are stored; `footage status` shows the share of
    agreement.
    """
    from service.audit import AuditRequest
    from service.audit import audit as compare

    with progress.shown() as display:
        result = compare(options.service_for(settings), AuditRequest(sample=sample), on_event=display)
    if json:
        from service.operations.correcting import audit_records

        console.emit_records(audit_records(result, worst=worst))
        return
    rate, shown = result.agreement_rate, list(zip(result.paths, result.audits, strict=True))[:worst]
    events, out = len(result.audits), console.results()
    if not events:
        out.print("There is nothing to audit: the index has no captioned event with an accessible file.")
        return
    table = console.table("video", "caption", "at", "model says", "IoU", right=("IoU",))
    for path, each in shown:
        found = each.found
        table.add_row(
            console.PathCell(formatting.short_path(path)),
            console.plain(each.text),
            f"{format_time(each.span.start_seconds)}-{format_time(each.span.end_seconds)}",
            f"{format_time(found.start_seconds)}-{format_time(found.end_seconds)}" if found else "no time",
            f"{each.agreement:.2f}",
        )
    if worst:
        out.print(table)
    counted = formatting.count(events, "event")
    out.print(f"{rate:.1%} of {counted} agree (IoU {result.at_iou:g} or more).")
