"""`footage backup` and `footage restore`: an index, copied whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ui import console, options, shown

EXAMPLES = options.examples(
    "footage backup /mnt/safe/2026-03-01", "footage backup ~/index-copy --db cameras.lancedb"
)
RESTORE_EXAMPLES = options.examples("footage restore /mnt/safe/2026-03-01 --db cameras.lancedb")


def run(
    folder: Annotated[Path, typer.Argument(help="Where to; must not exist yet, or be empty.")],
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Copy the index to another folder, and make sure that the copy is whole. Videos are not copied."""
    from footage.store import Store
    from footage.store.backup import backup

    store = Store.open(options.settings_from(config, db=db).db)
    with console.notes().status("copying"):
        counts = backup(store, folder)
    _print(counts, "Copied", folder, as_json=json)


def restore(
    folder: Annotated[Path, typer.Argument(help="A copy that `footage backup` made.")],
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Put a copy of an index in its place (--db), which must be empty or not exist."""
    from footage.store.backup import restore as put_back

    target = options.settings_from(config, db=db).db
    with console.notes().status("copying"):
        counts = put_back(folder, target)
    _print(counts, "Restored", target, as_json=json)


def _print(counts: dict[str, int], what: str, folder: Path, *, as_json: bool) -> None:
    if as_json:
        console.emit(folder=folder, rows=counts)
        return
    videos, windows = shown.count(counts["videos"], "video"), shown.count(counts["windows"], "window")
    console.results().print(f"{what} {videos} and {windows} to {console.plain(folder)}.", soft_wrap=True)
