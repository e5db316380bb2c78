"""`footage eval compare`: saved runs of `footage eval run --json` side by side, query by query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from footage.core.errors import UsageError
from ui.cli import console, options

if TYPE_CHECKING:
    from evaluation.comparing import Comparison, FigureDifference
    from evaluation.saved_runs import SavedRun
    from evaluation.schemas.comparing import RunCostFields

EXAMPLES = options.examples(
    "footage eval compare before.jsonl after.jsonl",
    "footage eval compare before.jsonl after.jsonl --fail-if-worse span_R@1@0.5,found_precision",
)
SHOWN = 10
"""Maximum number of changed queries in a table."""
SHARES_FROM = 1.5
"""Figures below this size are shown with three decimals, others with one."""


_LONG_HASH = re.compile(r"([0-9a-f]{12})[0-9a-f]{20,}")


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Saved output of `footage eval run --json`: two files or more."
        ),
    ],
    fail_if_worse: Annotated[
        str,
        typer.Option(
            "--fail-if-worse",
            metavar="FIGURE,...",
            help="Exit with code 1 if one of these is worse, with its whole interval, than in the first run.",
        ),
    ] = "",
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Compare saved runs with the first one: differences with intervals, changed queries, cost, time.

    The runs must have the same queries. They may differ in the model, the index or the settings.
    """
    from evaluation.comparing import compare_runs, read_figures
    from evaluation.saved_runs import read_run

    if len(runs) < 2:
        raise UsageError(
            "A comparison needs two runs or more.", hint="Save each with: footage eval run FILE --json > RUN"
        )
    gate = read_figures(fail_if_worse)
    first, *others = [read_run(path) for path in runs]
    failed: set[str] = set()
    for comparison in [compare_runs(first, other) for other in others]:
        worse = [each.name for each in comparison.figures if each.name in gate and each.direction == "worse"]
        failed.update(worse)
        if json:
            _print_json(comparison, worse)
        else:
            _print_tables(comparison)
    if failed:
        console.notes().print(f"Worse than in {first.name}: {', '.join(sorted(failed))}.", soft_wrap=True)
        raise typer.Exit(console.EXIT_FAILED)


def _print_json(comparison: Comparison, failed: Sequence[str]) -> None:
    from evaluation.schemas.comparing import ChangedQueryRecord, ComparisonRecord, FigureDifferenceRecord

    run = comparison.after.name
    for each in comparison.figures:
        held = each.interval
        known = held is not None and held.low == held.low
        console.emit_record(
            FigureDifferenceRecord(
                type="figure",
                run=run,
                figure=each.name,
                before=_rounded(each.before),
                after=_rounded(each.after),
                difference=_rounded(held.value) if held else None,
                low=_rounded(held.low) if held and known else None,
                high=_rounded(held.high) if held and known else None,
                verdict=each.direction,
            )
        )
    for change in comparison.changed:
        console.emit_record(
            ChangedQueryRecord(
                type="changed",
                run=run,
                query=change.text,
                present=change.present,
                verdict=change.direction,
                iou_before=change.iou_before,
                iou_after=change.iou_after,
            )
        )
    console.emit_record(
        ComparisonRecord(
            type="comparison",
            before=_cost_fields(comparison.before),
            after=_cost_fields(comparison.after),
            queries=comparison.queries,
            better=comparison.better,
            worse=comparison.worse,
            p_value=round(comparison.p_value, 6),
            failed=list(failed),
        )
    )


def _print_tables(comparison: Comparison) -> None:
    out = console.results()
    before, after = comparison.before, comparison.after
    # 1. The figures.
    title = f"{before.name} (before) and {after.name} (after), {comparison.queries:,} queries:"
    out.print(console.plain(title), soft_wrap=True)
    columns = ("before", "after", "difference", "95 % interval")
    table = console.table("figure", *columns, "", right=columns)
    for each in comparison.figures:
        digits = 3 if max(abs(each.before or 0), abs(each.after or 0)) < SHARES_FROM else 1
        values = ("none" if value is None else f"{value:.{digits}f}" for value in (each.before, each.after))
        table.add_row(each.name, *values, *_difference(each, digits), each.direction)
    out.print(table)
    # 2. The queries with another result.
    for direction, count in (("worse", comparison.worse), ("better", comparison.better)):
        changed = [change for change in comparison.changed if change.direction == direction]
        if not changed:
            continue
        listed = console.table(f"{direction} now", "IoU before", "after", right=("IoU before", "after"))
        for change in changed[:SHOWN]:
            ious = (change.iou_before, change.iou_after) if change.present else (None, None)
            listed.add_row(console.plain(change.text), *("" if iou is None else f"{iou:.2f}" for iou in ious))
        out.print()
        out.print(listed)
        if count > SHOWN:
            out.print(f"{count:,} in all; --json lists them.")
    # 3. What both took.
    costs = console.table("cost", "before", "after", right=("before", "after"))
    one, other = _cost_fields(before), _cost_fields(after)
    for label, name in _COSTS.items():
        costs.add_row(label, _amount(getattr(one, name)), _amount(getattr(other, name)))
    out.print()
    out.print(costs)
    out.print()
    for sentence in _remarks(comparison):
        out.print(console.plain(sentence), soft_wrap=True)


_COSTS = {
    "model of captions": "caption_model",
    "model of answers": "find_model",
    "seconds, all queries": "seconds",
    "windows asked": "windows_asked",
    "model calls": "model_calls",
    "model tokens": "model_tokens",
    "seconds, indexing": "index_run_seconds",
    "windows captioned": "index_windows_captioned",
}


def _remarks(comparison: Comparison) -> Iterator[str]:
    before, after = comparison.before, comparison.after
    yield (
        f"Right: {_right(before):,} before, {_right(after):,} after, of {comparison.queries:,}; "
        f"{comparison.better:,} better, {comparison.worse:,} worse "
        f"(McNemar's exact test: p = {comparison.p_value:.2g})."
    )
    if not any(each.direction for each in comparison.figures):
        yield "No difference is beyond chance: every interval contains 0."
    if before.library_seconds != after.library_seconds:
        yield (
            f"The indexes hold different footage ({before.library_seconds:,.0f} s and "
            f"{after.library_seconds:,.0f} s): a larger one is harder to search."
        )
    if not (before.counts_work and after.counts_work):
        yield "Calls and tokens are not counted by every model, such as one behind a server."


def _cost_fields(run: SavedRun) -> RunCostFields:
    from evaluation.schemas.comparing import RunCostFields

    answers = run.answers.values()
    calls, tokens = (
        sum(getattr(each, name) for each in answers) if run.counts_work else None
        for name in ("calls", "tokens")
    )
    return RunCostFields(
        run=run.name,
        caption_model=run.caption_model,
        find_model=run.find_model,
        right=_right(run),
        seconds=round(sum(each.score.seconds for each in answers), 3),
        windows_asked=sum(each.windows for each in answers),
        model_calls=calls,
        model_tokens=tokens,
        index_run_seconds=run.index_seconds,
        index_windows_captioned=run.windows_captioned,
    )


def _right(run: SavedRun) -> int:
    return sum(each.score.right for each in run.answers.values())


def _difference(figure: FigureDifference, digits: int) -> tuple[str, str]:
    """The difference and its interval."""
    held = figure.interval
    if held is None:
        return "", ""
    known = held.low == held.low
    return f"{held.value:+.{digits}f}", f"{held.low:+.{digits}f} to {held.high:+.{digits}f}" if known else ""


def _amount(value: float | str | None) -> str:
    if value is None:
        return "not counted"
    if isinstance(value, str):
        return console.plain(_LONG_HASH.sub(r"\1…", value))
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
