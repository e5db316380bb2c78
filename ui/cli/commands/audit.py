"""`footage audit`: does the model, asked for what its captions say, name the same moments?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from footage.core.timecode import format_time
from service import factories
from ui.cli import console, formatting, options

EXAMPLES = options.examples("footage audit", "footage audit --sample 500 --worst 20", "footage audit --json")


def run(
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Ask about at most so many events; unset: all."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="List so many of the worst.")] = 10,
    db: options.Db = None,
    model: options.Model = None,
    model_path: options.ModelPath = None,
    device: options.Device = None,
    allow_remote: options.AllowRemote = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Ask the model when each captioned event happens, and compare that with the caption's own time.

    What is compared is kept, and footage status shows the share that agrees. Captions that the model does not
    bear out are the ones to look at first.
    """
    from footage.store import Store
    from search.audit import RIGHT_IOU, agreement_rate, audit
    from search.grounding.window_queries import Asker

    settings = options.settings_from(
        config, db=db, model=model, model_path=model_path, device=device, allow_remote=allow_remote
    )
    store = Store.open(settings.db)
    factories.check_model(settings, "find", store=store)
    asker = Asker(
        factories.load_model(settings),
        notebook=store.annotations,
        timeout_seconds=settings.decode_timeout_seconds,
    )
    with console.steps("auditing") as step:
        audits = audit(store, asker, sample=sample, on_progress=step)
    rate = agreement_rate(audits)
    if json:
        for each in audits[:worst]:
            console.emit(
                type="audit", path=next(iter(store.files.paths_of(each.content_id)), ""), **asdict(each)
            )
        console.emit(type="summary", events=len(audits), agreement_rate=round(rate, 4), at_iou=RIGHT_IOU)
        return
    out = console.results()
    if not audits:
        out.print("There is nothing to audit: no captioned event whose file can be reached.")
        return
    table = console.table("video", "caption", "at", "model says", "IoU", right=("IoU",))
    for each in audits[:worst]:
        found = each.found
        table.add_row(
            console.PathCell(formatting.short_path(next(iter(store.files.paths_of(each.content_id)), ""))),
            console.plain(each.text),
            f"{format_time(each.span.start_seconds)}-{format_time(each.span.end_seconds)}",
            f"{format_time(found.start_seconds)}-{format_time(found.end_seconds)}" if found else "no time",
            f"{each.agreement:.2f}",
        )
    if worst:
        out.print(table)
    out.print(f"{rate:.1%} of {formatting.count(len(audits), 'event')} agree (IoU {RIGHT_IOU:g} or more).")
