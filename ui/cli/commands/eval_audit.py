"""`footage eval audit`: check a truth file against its videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    from evaluation.audit.figures import AuditFigures
    from evaluation.audit.kept import KeptChecks
    from evaluation.audit.results import TruthAudit
    from evaluation.audit.run import OpenedVideo
    from evaluation.audit.written import WrittenFile
    from footage.core.config import Settings
    from search.claims.records import ClaimJudge

EXAMPLES = options.examples(
    "footage eval audit truth.json --report audit.html",
    "footage eval audit truth.json --out proposed.json --fail-over 0.05",
    "footage eval audit charades_sta_test.txt --format charades --videos ~/charades --no-judge",
    "footage eval audit val.jsonl --format qvhighlights --videos ~/qvh --judge marlin-2b --sample 200",
)
ALL_ENTRIES = "entries with an error"
"""The row of the table that --fail-over bounds."""
WORST = 10
"""Maximum number of entries and problems in the tables."""
Format = Literal["footage", "qvhighlights", "charades", "activitynet", "timelens", "dream1k", "gmr"]


@takes_settings(*FINDS, "embedder")
def run(
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="The truth file, yours or a benchmark's.")],
    form: Annotated[Format, typer.Option("--format", help="Format of the file.")] = "footage",
    videos: Annotated[
        Path | None,
        typer.Option("--videos", metavar="DIR", help="Folder of the videos; unset: the folder of the file."),
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            "--judge",
            metavar="MODEL",
            help="Model that judges, as in --model; repeat for several. Unset: the model that finds events.",
        ),
    ] = None,
    no_judge: Annotated[
        bool, typer.Option("--no-judge", help="Check only times, durations and duplicates, without a model.")
    ] = False,
    runs: Annotated[
        int,
        typer.Option(
            "--runs", metavar="N", min=1, max=9, help="Runs of each judge, with other windows or sampled."
        ),
    ] = 1,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Videos for the judges, drawn; unset: all."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="Output: the report, one HTML page.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Output: a truth file with the findings as proposals."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FOLDER", help="Folder for results; unset: a folder of the cache."),
    ] = None,
    fail_over: Annotated[
        float | None,
        typer.Option(
            "--fail-over",
            metavar="SHARE",
            min=0,
            max=1,
            help="Exit with code 1 if a greater share of the entries has an error.",
        ),
    ] = None,
    judge_accuracy: Annotated[
        str,
        typer.Option(
            "--judge-accuracy",
            metavar="FOUND/WRONG,ALARMS/RIGHT",
            help="Counts of entries that you settled, to estimate the true share of errors: 42/50,3/120",
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be checked, without a model.")
    ] = False,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Audit a truth file: check every entry against its video.

    Times and duplicates are checked by arithmetic, texts and times by judges: models that look at the videos.
    Results are kept; a run that was stopped continues where it was. The truth file is never changed.
    """
    from evaluation.audit.figures import figures_of_audit, read_accuracy
    from evaluation.audit.run import open_videos, run_audit
    from evaluation.audit.written import read_written
    from evaluation.outputs import check_outputs

    # 1. Refuse what makes no sense before anything is opened.
    if judge and no_judge:
        raise UsageError("--judge and --no-judge exclude each other.", hint="Leave one of them out.")
    options.check_page_name(report)
    accuracy = read_accuracy(judge_accuracy) if judge_accuracy else None
    outs = {"--out": out, "--report": report, "--keep": None if no_judge else keep}
    check_outputs({"the truth file": truth}, outs, new=["--out"], folders=["--keep"])
    written = read_written(truth, form)
    if not (no_judge or dry_run):
        _check_judges(settings, judge or [])
    # 2. Open the videos, do the arithmetic.
    with console.stages() as show:
        opened = open_videos(written, videos, sample=sample, needed=not no_judge, on_progress=show)
    if dry_run:
        asked = [] if no_judge else judge or [settings.for_finds.model]
        _print_plan(written, opened, asked * runs, as_json=json)
        return
    # 3. Ask the judges.
    judges, kept = _judges(settings, judge or [], runs=runs, keep=keep, without=no_judge)
    with console.stages() as show:
        audit = run_audit(written, opened, judges, kept=kept, on_progress=show)
    # 4. Write and print.
    figures = figures_of_audit(audit, accuracy=accuracy)
    _finish(audit, figures, written, report=report, out=out, fail_over=fail_over, as_json=json)


def _check_judges(settings: Settings, names: Sequence[str]) -> None:
    """Refuse unknown models before videos are opened, which may take long."""
    from evaluation.video_judges import check_judges

    with progress.shown() as display:
        check_judges(options.service_for(settings), names, loaders=options.loaders(), on_event=display)


def _judges(
    settings: Settings, names: Sequence[str], *, runs: int, keep: Path | None, without: bool
) -> tuple[list[ClaimJudge], KeptChecks]:
    """The judges, and where their rulings are kept."""
    from evaluation.audit.kept import KeptChecks
    from evaluation.video_judges import load_judges

    folder = keep or settings.cache_dir / "audits"
    if without:
        return [], KeptChecks(folder)
    service = options.service_for(settings)
    with progress.shown() as display:
        judges = load_judges(service, names, runs=runs, loaders=options.loaders(), on_event=display)
    return judges, KeptChecks(folder, setup=repr(service.looking()))


def _finish(
    audit: TruthAudit,
    figures: AuditFigures,
    written: WrittenFile,
    *,
    report: Path | None,
    out: Path | None,
    fail_over: float | None,
    as_json: bool,
) -> None:
    """Write the files, print the results, and fail where the bound or a video calls for it."""
    from evaluation.audit.correction import write_correction
    from evaluation.audit.lines import audit_lines

    row = figures.row(ALL_ENTRIES)
    over = fail_over is not None and (row is None or row.consensus.interval.value > fail_over)
    if report is not None:
        _write_report(audit, figures, report)
    correction = None if out is None else write_correction(audit, written, out)
    if as_json:
        console.emit_records(audit_lines(audit, figures, report=report, out=out, over=over))
    else:
        _print_tables(audit, figures)
        for sentence in _remarks(audit, figures):
            console.results().print(console.plain(sentence), soft_wrap=True)
        if report is not None:
            console.results().print(console.plain(f"Wrote {report}."), soft_wrap=True)
        if correction is not None:
            changed = f"{correction.to_check} to check, {correction.proposed} with a proposal"
            sentence = f"Wrote {out}: {changed}, {correction.added} added. {written.path.name} is unchanged."
            console.results().print(console.plain(sentence), soft_wrap=True)
    if over:
        share = (
            "nothing could be checked" if row is None else f"{row.consensus.interval.value:.1%} have an error"
        )
        console.notes().print(f"Over the bound of {fail_over:.1%}: {share}.", soft_wrap=True)
        raise typer.Exit(console.EXIT_FAILED)
    if any(video.problem for video in audit.videos):
        raise typer.Exit(console.EXIT_PARTLY)


def _write_report(audit: TruthAudit, figures: AuditFigures, report: Path) -> None:
    from evaluation.audit.report import write_report

    with console.stages() as show:
        write_report(audit, figures, report, on_progress=show)


def _print_plan(
    written: WrittenFile, opened: Sequence[OpenedVideo], judges: Sequence[str], *, as_json: bool
) -> None:
    """Print what would be checked."""
    from evaluation.audit.plan import plan_of

    plan = plan_of(written, opened, judges)
    if as_json:
        console.emit_record(plan)
        return
    out = console.results()
    missing = len(plan.videos_not_found)
    videos = formatting.count(plan.videos, "video")
    out.print(f"{videos} in the file: {plan.videos_opened:,} opened, {missing:,} not found.")
    for name in plan.videos_not_found[:WORST]:
        out.print(console.plain(f"  not found: {name}"), soft_wrap=True)
    entries = formatting.count(plan.entries, "entry", "entries")
    out.print(f"{entries}; by arithmetic, {plan.arithmetic_errors:,} have an error.")
    if judges:
        asked = f"{formatting.count(plan.entries_to_check, 'entry', 'entries')} with {plan.claims:,} claims"
        seconds = console.rough_time(plan.footage_seconds)
        out.print(f"{', '.join(judges)} would check {asked} in {seconds} of footage.", soft_wrap=True)


def _print_tables(audit: TruthAudit, figures: AuditFigures) -> None:
    """The shares, and the worst entries."""
    from evaluation.audit.wording import percent, range_of, votes_of
    from search.claims.records import ERROR_NAMES

    out = console.results()
    # 1. The shares.
    columns = ("share", "consensus", "95 % interval", "count", "any judge")
    table = console.table(*columns, right=columns[1:])
    for row in figures.rows:
        share = row.consensus
        counted = f"{share.count:,} of {share.total:,}"
        table.add_row(row.name, percent(share), range_of(share), counted, percent(row.any))
    out.print(table)
    # 2. The worst entries, with their first error.
    worst = audit.with_errors[:WORST]
    if worst:
        listed = console.table("video", "entry", "error", "seen by", "finding", whole=("error", "seen by"))
        for video, entry in worst:
            error = entry.errors[0]
            found_by = "arithmetic" if error in entry.by_arithmetic else votes_of(error)
            suggestion = f" Suggestion: {error.suggestion}" if error.suggestion else ""
            listed.add_row(
                console.PathCell(formatting.short_path(video.path or video.name)),
                console.plain(f"{entry.written.id}: {entry.written.text}"),
                f"{error.severity}, {ERROR_NAMES[error.kind]}",
                found_by,
                console.plain(f"{error.sentence}{suggestion}"),
            )
        out.print()
        out.print(listed)
    # 3. Videos that were not checked.
    formatting.print_failures(
        [(each.name, each.problem) for each in audit.videos if each.problem], "not checked"
    )
    out.print()


def _remarks(audit: TruthAudit, figures: AuditFigures) -> Iterator[str]:
    """What the figures stand for."""
    from evaluation.audit.wording import agreement_sentence, estimate_sentence

    checked = sum(entry.is_checked for _, entry in audit.entries)
    errors = len(audit.with_errors)
    if audit.judges:
        yield f"Judges: {', '.join(audit.judges)}. Entries checked: {checked:,} of {len(audit.entries):,}."
    else:
        yield f"Checked without a judge: times, durations and duplicates of {len(audit.entries):,} entries."
    yield f"Entries with errors: {errors:,}" + (f", {WORST} shown." if errors > WORST else ".")
    if unchecked := len(audit.unchecked):
        yield f"Entries that could not be checked: {unchecked:,}."
    if missing := sum(len(video.missing) for video in audit.videos):
        yield f"Events that no entry has: {missing:,}."
    if wrong := sum(len(video.errors) for video in audit.videos):
        yield f"Videos with a wrong duration: {wrong:,}."
    if audit.proposals:
        yield f"Entries left out, still marked to_check: {audit.proposals:,}."
    if figures.agreement is not None:
        yield agreement_sentence(figures.agreement)
    if estimate := estimate_sentence(figures):
        yield estimate
