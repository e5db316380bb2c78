"""`footage eval`: measure the search on your own videos, or predictions against a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Set
from pathlib import Path
from typing import Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import console, options
from ui.cli.commands import eval_compare, measure

HELP = "Measure search quality on your videos or a benchmark."
EXAMPLES = options.examples(
    "footage eval init ~/Videos --out truth.json",
    "footage eval run truth.json --library ~/Videos",
    "footage eval run truth.json --fail-under span_R@1@0.5=0.6,found_precision=0.9",
    "footage eval grounding --annotations val.jsonl --predictions guesses.jsonl",
)

Format = Literal["qvhighlights", "charades", "activitynet", "timelens", "footage"]


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
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Score predictions against a public benchmark, in percent.

    Query ids are qid in QVHighlights, line numbers in Charades-STA, "video/number" in ActivityNet Captions
    and TimeLens, event ids in this project's own ground truth.
    """
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


COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "init": (measure.init, EXAMPLES),
    "run": (measure.run, EXAMPLES),
    "grounding": (grounding, EXAMPLES),
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
