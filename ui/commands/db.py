"""`footage db`: is the index sound, and is it up to date?"""

from __future__ import annotations

from ui import console, options, shown

HELP = "Check, repair and upgrade the index."
UPGRADE_EXAMPLES = options.examples("footage db upgrade", "footage db upgrade --db cameras.lancedb")


def upgrade(
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Bring an index that an older version wrote up to date; it can be stopped, and goes on.

    The tables that are rewritten are kept until the new ones were compared with them row by row. Every
    command that writes to an index does this first.
    """
    from footage.store import SCHEMA_VERSION, Store

    store = Store.open(options.settings_from(config, db=db).db)
    before = store.status().schema_version
    done: list[str] = []
    with console.notes().status("upgrading") as status:

        def on_progress(what: str, rows: int, total: int) -> None:
            if what not in done:
                done.append(what)
            status.update(f"{what}: {rows} of {shown.count(total, 'row')}")

        with store.writing(on_progress):
            pass
    if json:
        console.emit(before=before, version=SCHEMA_VERSION, done=done)
    elif not done:
        console.results().print(f"The index is up to date (version {SCHEMA_VERSION}).")
    else:
        console.results().print(
            f"Upgraded from version {before} to {SCHEMA_VERSION}: {'; '.join(done)}.", soft_wrap=True
        )
