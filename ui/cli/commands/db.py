"""`footage db`: is the index sound, and is it up to date?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, formatting, options

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.store.checking import Checked
    from indexer.repairing import RepairReport

HELP = "Check, repair and upgrade the index."
CHECK_EXAMPLES = options.examples("footage db check", "footage db check --repair --db cameras.lancedb")
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
            status.update(f"{what}: {rows} of {formatting.count(total, 'row')}")

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


def check(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Make events, vectors and indexes again, move what cannot be read aside, and say which "
            "windows must be captioned again.",
        ),
    ] = False,
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Read all of the index, and say whether it can be believed: exit code 1 when it cannot.

    Every row of every table is read. Captions are compared with their checksums; events, passages and vectors
    with the captions; the states of files with both; the indexes of words and vectors are asked for rows that
    are known. A repair loses no caption that can be read.
    """
    from footage.store.checking import check as check_index
    from footage.store.repairing import as_json

    settings = options.settings_from(config, db=db)
    with console.notes().status("reading") as status:

        def on_progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done} of {total}")

        if repair:
            report = _repair(settings, on_progress)
            found, after = report.repaired.checked, report.after
        else:
            report, found = None, check_index(settings.db, on_progress)
            after = found
    for finding in found.findings:
        if json:
            console.emit(
                type="finding",
                kind=finding.kind,
                table=finding.table,
                content_id=finding.content_id,
                problem=finding.sentence,
            )
        else:
            console.results().print(console.plain(_sentence(finding.sentence)), soft_wrap=True)
    if json:
        repaired = {} if report is None else _repair_fields(report)
        console.emit(type="summary", **as_json(found), **repaired)
    else:
        _print_summary(found, report)
    if [finding for finding in after.findings if finding.kind != "behind"]:
        raise typer.Exit(console.EXIT_FAILED)


def _repair(settings: Settings, on_progress: Callable[[str, int, int], None]) -> RepairReport:
    from footage.embed import text_embedder
    from indexer.repairing import repair

    return repair(settings.db, load=text_embedder.load_embedder, on_progress=on_progress)


def _repair_fields(report: RepairReport) -> dict[str, object]:
    return {
        "repaired": True,
        "quarantine": report.repaired.quarantine,
        "rebuilt": report.repaired.rebuilt,
        "vectors_made": report.vectors,
        "embedders_missing": report.missing,
        "files_marked": report.repaired.marked,
        "findings_left": len(report.after.findings),
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _print_summary(found: Checked, report: RepairReport | None) -> None:
    """What was read, what was done, and what is to be done next."""
    print_line = partial(console.results().print, soft_wrap=True)
    rows = sum(readout.rows for readout in found.readouts.values())
    outcome = formatting.count(len(found.findings), "problem") if found.findings else "all of it is sound"
    tables = formatting.count(len(found.readouts), "table")
    print_line(f"Read {formatting.count(rows, 'row')} of {tables}: {outcome}.")
    again = sum(map(len, found.recaption.values()))
    if again:
        of = formatting.count(len(found.recaption), "video")
        print_line(f"{formatting.count(again, 'window')} of {of} must be captioned again.")
    if report is None:
        if found.findings:
            print_line("`footage db check --repair` repairs what can be repaired.")
        return
    if report.repaired.quarantine:
        print_line(f"What cannot be read was moved to {console.plain(report.repaired.quarantine)}.")
    for path in report.repaired.marked:
        print_line(f"To be captioned again: {console.plain(formatting.short_path(path))}")
    for name, why in report.missing.items():
        print_line(console.plain(f"The vectors of {name} were not made again: {why}"))
    left = len(report.after.findings)
    print_line("Repaired." if not left else f"{formatting.count(left, 'problem')} left; run it once more.")
    if report.repaired.marked:
        print_line("`footage index` captions what is missing.")
