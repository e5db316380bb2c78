"""`footage status`: what the index holds, and which files it could not read."""

from __future__ import annotations

from dataclasses import asdict

from ui import console, options, shown

EXAMPLES = options.examples("footage status", "footage status --db cameras.lancedb --json")


def run(
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Say what the index holds, and which files could not be read."""
    from footage.store import Store
    from footage.timecode import format_time

    store = Store.open(options.settings_from(config, db=db).db)
    status = store.status()
    if json:
        console.emit(
            type="status",
            db=store.path,
            videos=status.videos,
            files=dict(status.files),
            windows=status.windows,
            events=status.events,
            seconds_indexed=round(status.seconds_indexed, 3),
            seconds_total=round(status.seconds_total, 3),
            model=None if status.model is None else asdict(status.model),
            embedders=list(status.embedders),
            schema_version=status.schema_version,
        )
        for path, reason in status.failures:
            console.emit(type="failure", path=path, reason=reason)
        return
    out = console.results()
    table = console.table("", "")
    table.show_header = False
    states = ", ".join(f"{number:,} {state}" for state, number in status.files.items() if number)
    indexed, total = format_time(status.seconds_indexed), format_time(status.seconds_total)
    for name, value in (
        ("index", shown.short_path(str(store.path))),
        ("files", states or "none"),
        ("videos", f"{status.videos:,}"),
        ("indexed", f"{indexed} of {total}"),
        ("windows", f"{status.windows:,}"),
        ("events", f"{status.events:,}"),
        ("model", console.plain(status.model.model if status.model else "none yet")),
        ("embedders", console.plain(", ".join(status.embedders) or "none yet")),
    ):
        table.add_row(name, value)
    out.print(table)
    shown.print_failures(status.failures)
