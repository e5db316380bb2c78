"""`footage status`: what the index holds, how much of the library it covers, and what it could not read."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ui.cli import console, formatting, options

if TYPE_CHECKING:
    from footage.core.types import File, Run
    from footage.store import IndexStatus, Store

EXAMPLES = options.examples(
    "footage status", "footage status --failed", "footage status --db cameras.lancedb --json"
)


def run(
    failed: Annotated[
        bool, typer.Option("--failed", help="Only the files that failed, with the reason.")
    ] = False,
    files: Annotated[bool, typer.Option("--files", help="Every file, with its state.")] = False,
    db: options.Db = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Say what the index holds, how much of what lies on disk it covers, and which files failed.

    The hours of a collection add up: found = indexed + failed + waiting + left out + offline.
    """
    from footage.store import Store

    store = Store.open(options.settings_from(config, db=db).db)
    if failed or files:
        listed = [file for file in store.files.all() if files or file.state in ("failed", "partial")]
        _print_files(listed, as_json=json)
        return
    if json:
        _print_json(store)
    else:
        _print_status(store)


def _print_json(store: Store) -> None:
    status = store.status()
    console.emit(
        type="status",
        db=store.path,
        videos=status.videos,
        files=dict(status.files),
        windows=status.windows,
        events=status.events,
        seconds_indexed=round(status.seconds_indexed, 3),
        seconds_total=round(status.seconds_total, 3),
        gaps=status.gaps,
        seconds_gaps=round(status.seconds_gaps, 3),
        size_bytes=store.size_bytes(),
        models=[{**asdict(provenance), "windows": count} for provenance, count in status.models.items()],
        embedders=list(status.embedders),
        schema_version=status.schema_version,
        last_run=_run_fields(next(iter(store.runs.all()), None)),
        audit=_audit_fields(store),
    )
    for name, coverage in store.coverage().items():
        console.emit(type="collection", name=name, **formatting.collection_fields(coverage))
    for state, reason, number in _reasons(store):
        console.emit(type="left", state=state, reason=reason, files=number)
    for path, reason in status.failures:
        console.emit(type="failure", path=path, reason=reason)


def _reasons(store: Store) -> list[tuple[str, str, int]]:
    """Why files that did not fail are not indexed, and how many each time."""
    states = ("skipped", "waiting", "offline")
    counted = Counter((file.state, file.reason) for file in store.files.all() if file.state in states)
    return [
        ("left out" if state == "skipped" else state, why, n) for (state, why), n in sorted(counted.items())
    ]


def _run_fields(run: Run | None) -> dict[str, Any] | None:
    return None if run is None else {**asdict(run), "stage_seconds": dict(run.stage_seconds)}


def _audit_fields(store: Store) -> dict[str, Any] | None:
    """How many captioned events were audited, and the share that the model bears out; None before any."""
    from search.audit import agreement_rate

    audits = store.annotations.audits.all()
    return {"events": len(audits), "agreement_rate": round(agreement_rate(audits), 4)} if audits else None


def _audit_rows(store: Store) -> list[tuple[str, str]]:
    audited = _audit_fields(store)
    if audited is None:
        return []
    return [
        ("audit", f"{audited['agreement_rate']:.1%} of {formatting.count(audited['events'], 'event')} agree")
    ]


def _print_status(store: Store) -> None:
    from footage.core.timecode import format_time

    out, status = console.results(), store.status()
    table = console.table("", "")
    table.show_header = False
    indexed, total = format_time(status.seconds_indexed), format_time(status.seconds_total)
    empty = f"none: {formatting.empty_index(len(status.failures))}"
    table.add_row("index", console.PathCell(formatting.short_path(str(store.path))))
    for name, value in (
        ("size", f"{store.size_bytes() / 1e6:,.1f} MB"),
        ("videos", f"{status.videos:,}, {indexed} of {total} indexed" if status.videos else empty),
        ("windows", f"{status.windows:,}"),
        ("events", f"{status.events:,}"),
        *_gap_rows(status),
        *_model_rows(status),
        ("embedders", console.plain(", ".join(status.embedders) or "none yet")),
        ("last run", _run_line(next(iter(store.runs.all()), None))),
        *_audit_rows(store),
    ):
        table.add_row(name, value)
    out.print(table)
    formatting.print_coverage(store.coverage())
    for state, reason, number in _reasons(store):
        out.print(f"{formatting.count(number, 'file')} {state}: {console.plain(reason)}", soft_wrap=True)
    formatting.print_failures(status.failures)


def _gap_rows(status: IndexStatus) -> list[tuple[str, str]]:
    """How long videos have no frames, where any has such a gap."""
    from footage.core.timecode import format_time

    if not status.gaps:
        return []
    gaps = formatting.count(status.gaps, "gap")
    return [("no frames", f"{format_time(status.seconds_gaps)} in {gaps}, not counted as footage")]


def _model_rows(status: IndexStatus) -> list[tuple[str, str]]:
    """The model, or, of an index that mixes settings, each of them with its windows."""
    if len(status.models) < 2:
        made_with = status.model
        shown_as = f"{made_with.model}, prompts {made_with.prompt_version}" if made_with else "none yet"
        return [("model", console.plain(shown_as))]
    return [
        (
            "mixed" if number == 0 else "",
            console.plain(
                f"{formatting.count(count, 'window')}: {made.model} {made.revision[:12]}, "
                f"prompts {made.prompt_version}, {made.budget}, windows of {made.cutting}"
            ),
        )
        for number, (made, count) in enumerate(status.models.items())
    ]


def _run_line(run: Run | None) -> str:
    if run is None:
        return "none yet"
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_at))
    if not run.ended_at:
        return f"{began}, still going on, or killed"
    line = f"{began}, {console.plain(run.outcome)}"
    lasted = run.ended_at - run.started_at
    if run.seconds_captioned and lasted:
        line += f", {run.seconds_captioned / lasted:.1f} hours of footage an hour"
    return line


def _print_files(files: list[File], *, as_json: bool) -> None:
    if as_json:
        for file in files:
            console.emit(type="file", **asdict(file))
        return
    if not files:
        console.results().print("No such file.")
        return
    out = console.results()
    narrow = out.width < console.NARROW
    table = console.table("file", "state", "tries", "recorded", "because", right=("tries",), whole=("state",))
    for file in files:
        clock = (
            file.recorded_at[:16].replace("T", " ") if narrow else f"{file.recorded_at} ({file.clock_source})"
        )
        table.add_row(
            console.PathCell(formatting.short_path(file.path)),
            file.state,
            str(file.tries or ""),
            clock if file.recorded_at else "",
            console.plain(file.reason),
        )
    out.print(table)
