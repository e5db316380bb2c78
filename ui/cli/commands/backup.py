"""`footage db backup` and `footage db restore`: copy a complete index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.index_place import IndexPlace
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.store.backup import Copied

EXAMPLES = options.examples(
    "footage db backup /mnt/safe/2026-03-01", "footage db backup ~/index-copy --incremental"
)
RESTORE_EXAMPLES = options.examples("footage db restore /mnt/safe/2026-03-01 --db cameras.lancedb")


@takes_settings("db")
def run(
    folder: Annotated[Path, typer.Argument(help="Folder of the copy. It must be empty or not exist.")],
    incremental: Annotated[
        bool,
        typer.Option("--incremental", help="Update the copy in that folder: copy only new files."),
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Copy the index to another folder and verify the copy.

    Videos are not copied. A manifest in the copy holds the SHA-256 of each file, for `footage db restore`.
    A damaged index is not copied: see `footage db check`.
    """
    from service import backup

    request = backup.BackupRequest(folder=folder, incremental=incremental)
    with progress.shown() as display:
        service = options.service_for(settings)
        copied = backup.backup(service, request, on_event=display)
    _print(copied, "Copied", folder, as_json=json)


@takes_settings("db")
def restore(
    folder: Annotated[Path, typer.Argument(help="A copy made by `footage db backup`.")],
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Restore an index from a copy.

    The target (--db) must be empty or not exist. Every file of the copy is compared with the manifest first.
    """
    from service import backup

    service = options.service_for(settings)
    with progress.shown() as display:
        copied = backup.restore(service, backup.RestoreRequest(folder=folder), on_event=display)
    _print(copied, "Restored", service.settings.db, as_json=json)


def _print(copied: Copied, what: str, place: IndexPlace, *, as_json: bool) -> None:
    if as_json:
        from service.schemas.database import CopyRecord

        console.emit_record(CopyRecord.of(copied, place))
        return
    rows = copied.rows
    videos, windows = formatting.count(rows["videos"], "video"), formatting.count(rows["windows"], "window")
    console.results().print(f"{what} {videos} and {windows} to {console.plain(place)}.", soft_wrap=True)
    if copied.new_files < copied.files:
        console.results().print(f"{copied.new_files} of {formatting.count(copied.files, 'file')} were new.")
    for finding in copied.findings:
        console.notes().print(console.plain(f"Copied without change: {finding.sentence}."), soft_wrap=True)
