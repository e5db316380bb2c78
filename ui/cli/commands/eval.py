"""`footage eval`: measure the search on your own videos, or predictions against a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path
from typing import Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, options
from ui.cli.commands import eval_audit, eval_benchmark, eval_captions, eval_compare, measure

HELP = "Measure search quality on your videos or a benchmark."
EXAMPLES = options.examples(
    "footage eval init ~/Videos --out truth.json",
    "footage eval run truth.json --library ~/Videos",
    "footage eval run truth.json --fail-under span_R@1@0.5=0.6,found_precision=0.9",
    "footage eval grounding --annotations val.jsonl --predictions guesses.jsonl",
    "footage eval grounding --format gmr --annotations test.jsonl --predictions guesses.jsonl",
    "footage eval benchmark --name charades-timelens --videos videos --annotations charades-timelens.json",
    "footage eval audit truth.json --report audit.html",
)

Format = Literal["qvhighlights", "charades", "activitynet", "timelens", "gmr", "footage"]


def grounding(
    annotations: Annotated[
        Path,
        typer.Option("--annotations", metavar="FILE", help="Annotations in the format of the benchmark."),
    ],
    predictions: Annotated[
        Path,
        typer.Option(
            "--predictions",
            metavar="FILE",
            help="JSON Lines: qid, and pred_relevant_windows as [start, end, score].",
        ),
    ],
    form: Annotated[Format, typer.Option("--format", help="The benchmark.")] = "qvhighlights",
    thresholds: Annotated[
        str | None,
        typer.Option(
            "--thresholds",
            metavar="SCORE,...",
            help="With gmr: a query counts as rejected up to this pred_exist_score; 0.4,0.6 by default.",
        ),
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Score predictions against a public benchmark, in percent.

    Query ids are qid in QVHighlights and GMR, line numbers in Charades-STA, "video/number" in ActivityNet
    Captions and TimeLens, event ids in this project's own ground truth. In GMR, a query may have several
    moments or none, and a prediction has a pred_exist_score; the first threshold also decides which queries
    have an empty set.
    """
    if form == "gmr":
        _generalised(annotations, predictions, thresholds, as_json=json)
        return
    if thresholds is not None:
        raise UsageError("--thresholds needs --format gmr.", hint="Other formats have no existence scores.")
    from evaluation import readers
    from evaluation.grounding import grounding_rows
    from evaluation.schemas.measuring import BenchmarkRecord

    queries = readers.FORMATS[form](annotations)
    guessed = readers.read_qvhighlights_predictions(predictions)
    _check_same({query.id for query in queries}, guessed.keys())
    rows = grounding_rows(queries, guessed, precision=form == "qvhighlights")
    own = rows.pop("predictions")
    if json:
        scores = {**own, "queries": len(queries), "format": form, "beside": rows}
        console.emit_record(BenchmarkRecord.model_validate(scores))
        return
    table = console.table("", *own, right=tuple(own))
    for name, row in {"predictions": own, **rows}.items():
        table.add_row(name, *("" if row.get(key) is None else f"{row[key]:.2f}" for key in own))
    console.results().print(table)
    console.results().print(f"{len(queries):,} queries, {form}.")


def _generalised(annotations: Path, predictions: Path, thresholds: str | None, *, as_json: bool) -> None:
    """Score predictions that may be sets of moments, or the empty set."""
    from evaluation.grounding import gmr_record
    from evaluation.readers import FORMATS, read_gmr_predictions, read_thresholds

    levels = read_thresholds(thresholds)
    record = gmr_record(FORMATS["gmr"](annotations), read_gmr_predictions(predictions), thresholds=levels)
    if as_json:
        console.emit_record(record)
        return
    out = console.results()
    table = console.table("figure", "percent", right=("percent",))
    for name, value in record.metrics.items():
        table.add_row(name, "" if value is None else f"{value:.2f}")
    out.print(table)
    columns = tuple(record.rejection[f"{levels[0]:g}"].model_dump(by_alias=True))
    rejected = console.table("rejected up to", *columns, right=columns)
    for level, fields in record.rejection.items():
        rejected.add_row(level, *(f"{value:g}" for value in fields.model_dump(by_alias=True).values()))
    out.print(rejected)
    out.print(
        f"{record.queries:,} queries: {record.present:,} with a moment, {record.several:,} of them with "
        f"several; {record.ignored:,} predictions for other queries were ignored.",
        soft_wrap=True,
    )


COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "init": (measure.init, EXAMPLES),
    "run": (measure.run, EXAMPLES),
    "grounding": (grounding, EXAMPLES),
    "captions": (eval_captions.captions, eval_captions.EXAMPLES),
    "benchmark": (eval_benchmark.benchmark, eval_benchmark.EXAMPLES),
    "audit": (eval_audit.run, eval_audit.EXAMPLES),
    "compare": (eval_compare.compare, eval_compare.EXAMPLES),
}


def _check_same(truths: Set[str], guessed: Set[str]) -> None:
    """Raise an error if a query has no prediction or the reverse: the figures would be too good."""
    if missing := sorted(truths - guessed):
        raise UsageError(
            f"{len(missing):,} of {len(truths):,} queries have no prediction, the first is {missing[0]!r}.",
            hint="For a query without a predicted moment, give an empty list of windows.",
        )
    if unknown := sorted(guessed - truths):
        raise UsageError(f"There is a prediction for the unknown query {unknown[0]!r}.")
