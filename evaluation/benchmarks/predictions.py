"""Writes predictions in the form that a benchmark's own evaluator reads.

=============  ======================================================================================
windows        JSON lines of qid, query, vid, pred_relevant_windows [start, end, score]; an empty list
               where the model named no span. ``footage eval grounding --predictions`` reads it
qvhighlights   the same; the evaluator of github.com/jayleicn/moment_detr cannot read an empty list,
               so that [0, 0, 0], which overlaps nothing, stands for one
timelens       one JSON object of "VIDEO>>>QUERY>>>[START, END]" to timestamps (the first span alone, or
               [[-100, -100]]) and answers, the model's text. ``evaluation/compute_metrics.py`` of
               github.com/TencentARC/TimeLens reads it
gmr            as "windows", with pred_exist_score, the confidence of the surest span, 0 to 1
=============  ======================================================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.benchmarks.names import PredictionForm
from evaluation.benchmarks.work_file import QueryAnswer
from evaluation.json_text import escaped_json
from evaluation.readers import MomentQuery
from footage.core.atomic import whole_file

NO_SPAN = (-100.0, -100.0)
"""Stands for an answer without a span in TimeLens's evaluator: its IoU is 0."""
DUMMY = (0.0, 0.0, 0.0)
"""Stands for an empty list in QVHighlights' evaluator."""
SUFFIXES: dict[PredictionForm, str] = {"timelens": ".json"}
"""Ending of the file, ".jsonl" unless it stands here."""


def write_predictions(
    path: Path,
    form: PredictionForm,
    queries: Sequence[MomentQuery],
    answers: Mapping[str, QueryAnswer],
    *,
    files: Mapping[str, str],
) -> None:
    """Write the answers to some queries; the file appears when it is whole.

    Args:
        path: The file.
        form: Its form.
        queries: The queries, in the order of the annotations.
        answers: By id of the query; a query without one has named no span.
        files: Name of the file of each video, by its name in the annotations.

    Raises:
        FootageError: when it cannot be written.
    """
    given = [(query, answers.get(query.id, QueryAnswer(query.id, ()))) for query in queries]
    if form == "timelens":
        records = (f"{_json(key)}: {_json(value)}" for key, value in _timelens(given, files).items())
        text = "{\n" + ",\n".join(records) + "\n}\n"
    else:
        lines = (_json(line) for line in _lines(given, form))
        text = "".join(f"{line}\n" for line in lines)
    with whole_file(path) as partial:
        partial.write_bytes(escaped_json(text))


def timelens_query(text: str) -> str:
    """A query as TimeLens's loader evens it: single spaces, no full stop at either end."""
    return re.sub(r"\s+", " ", text).strip().strip(".").strip()


def timelens_key(query: MomentQuery, file: str) -> str:
    """The name of a record in TimeLens's results; annotations that agree in it are one record."""
    span = query.spans[0]
    ends = [float(span.start_seconds), float(span.end_seconds)]
    return f"{file}>>>{timelens_query(query.text)}>>>{ends}"


def _timelens(
    given: Iterable[tuple[MomentQuery, QueryAnswer]], files: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    return {
        timelens_key(query, files.get(query.video, query.video)): {
            "timestamps": [list(answer.spans[0][:2] if answer.spans else NO_SPAN)],
            "answers": answer.raw,
        }
        for query, answer in given
    }


def _lines(
    given: Iterable[tuple[MomentQuery, QueryAnswer]], form: PredictionForm
) -> Iterator[dict[str, Any]]:
    for query, answer in given:
        spans = [list(span) for span in answer.spans]
        line: dict[str, Any] = {
            "qid": int(query.id) if form != "windows" and query.id.isdecimal() else query.id,
            "query": query.text,
            "vid": query.video,
            "pred_relevant_windows": spans or ([list(DUMMY)] if form == "qvhighlights" else []),
        }
        if form == "gmr":
            line["pred_exist_score"] = exist_score(answer)
        yield line


def exist_score(answer: QueryAnswer) -> float:
    """The confidence that there is such a moment at all: that of the surest span, 0 without one."""
    return max((span[2] for span in answer.spans), default=0.0)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
