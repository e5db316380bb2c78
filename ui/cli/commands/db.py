"""`footage db`: check, repair and upgrade the index."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings
from ui.text import sentence

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.store.findings import Checked
    from indexer.repairing import RepairReport

CHECK_EXAMPLES = options.examples("footage db check", "footage db check --repair --db cameras.lancedb")
UPGRADE_EXAMPLES = options.examples("footage db upgrade", "footage db upgrade --db cameras.lancedb")


@takes_settings("db")
def upgrade(
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Upgrade an index from an older version.

    Old tables are deleted only after a row-by-row comparison with the new ones. An interrupted upgrade
    continues with the next run. Every command that writes to an index upgrades it first.
    """
    from service.db import UpgradeRequest
    from service.db import upgrade as bring_up_to_date

    service = options.service_for(settings)
    with progress.shown() as display:
        upgraded = bring_up_to_date(service, UpgradeRequest(), on_event=display)
    if json:
        from service.operations.database import upgrade_record

        console.emit_record(upgrade_record(upgraded))
    elif not upgraded.done:
        console.results().print(f"The index is up to date (version {upgraded.version}).")
    else:
        console.results().print(
            f"Upgraded from version {upgraded.before} to {upgraded.version}: {'; '.join(upgraded.done)}.",
            soft_wrap=True,
        )


@takes_settings("db")
def check(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Rebuild events, vectors and indexes, move unreadable rows to quarantine, and list the "
            "windows that must be captioned again.",
        ),
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Check all data of the index; exit code 1 if it is damaged.

    The command reads every row of every table. It compares captions with their checksums, events, passages
    and vectors with the captions, and file states with both. It queries the text and vector indexes for
    known rows. A repair keeps every readable caption.
    """
    from service.db import CheckRequest
    from service.db import check as read_all

    service = options.service_for(settings)
    with progress.shown() as display:
        result = read_all(service, CheckRequest(repair=repair), on_event=display)
    if json:
        from service.operations.database import check_records

        console.emit_records(check_records(result))
    else:
        for finding in result.found.findings:
            console.results().print(console.plain(sentence(finding.sentence)), soft_wrap=True)
        _print_summary(result.found, result.repaired)
    if not result.sound:
        raise typer.Exit(console.EXIT_FAILED)


def _print_summary(found: Checked, report: RepairReport | None) -> None:
    """Print the rows read, the repairs, and the next steps."""
    print_line = partial(console.results().print, soft_wrap=True)
    rows = sum(readout.rows for readout in found.readouts.values())
    outcome = formatting.count(len(found.findings), "problem") if found.findings else "no problems found"
    tables = formatting.count(len(found.readouts), "table")
    print_line(f"Read {formatting.count(rows, 'row')} of {tables}: {outcome}.")
    again = sum(map(len, found.recaption.values()))
    if again:
        of = formatting.count(len(found.recaption), "video")
        print_line(f"{formatting.count(again, 'window')} of {of} must be captioned again.")
    for track in sorted({track for tracks in found.reread.values() for track in tracks}):
        lost = [len(tracks[track]) for tracks in found.reread.values() if track in tracks]
        windows, of = formatting.count(sum(lost), "window"), formatting.count(len(lost), "video")
        print_line(f"{windows} of {track} of {of} must be read again.")
    if report is None:
        if found.findings:
            print_line("`footage db check --repair` repairs what can be repaired.")
        return
    if report.repaired.quarantine:
        print_line(f"Unreadable rows were moved to {console.plain(report.repaired.quarantine)}.")
    for path in report.repaired.marked:
        print_line(f"Must be indexed again: {console.plain(formatting.short_path(path))}")
    for name, why in report.missing.items():
        print_line(console.plain(f"The vectors of {name} were not rebuilt: {why}"))
    left = len(report.after.findings)
    print_line("Repaired." if not left else f"{formatting.count(left, 'problem')} left; run it once more.")
    if report.repaired.marked:
        print_line("`footage index` makes missing windows again.")
