"""Reads what ``footage eval run --json`` printed; of each line only what a comparison needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evaluation.data_files import lines_of, text_of
from evaluation.gmr import GMR_RANKS
from evaluation.metrics import Counts
from evaluation.query_scores import QueryScore
from footage.core.errors import FileError

_AGAIN = "Save a run with: footage eval run truth.json --json > run.jsonl"

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class _SavedCounts(_Lenient):
    right: Count
    found: Count
    true: Count


class _SavedQuery(_Lenient):
    """What is read of a line about a query: see ``evaluation.schemas.measuring.ScoredQueryRecord``."""

    query: str
    present: bool
    right: bool
    iou: Share
    confidence: Share
    seconds: Seconds
    found: bool
    video_rank: Annotated[int, Field(ge=1)] | None
    text_video_rank: Annotated[int, Field(ge=1)] | None
    set_ious: Annotated[list[Share], Field(min_length=len(GMR_RANKS), max_length=len(GMR_RANKS))]
    text_right: bool
    occurrences: _SavedCounts
    boundary_errors: list[tuple[Seconds, Seconds]]
    windows_asked: Count
    model_calls: Count | None
    model_tokens: Count | None
    truth_id: str


class _SavedFigures(_Lenient):
    """What is read of the last line: see ``evaluation.schemas.measuring.FiguresRecord``."""

    index_model: str
    index_seconds_total: Seconds
    index_run_seconds: Seconds
    index_windows_captioned: Count
    find_model: str


class _SavedLine(_Lenient):
    type: str


@dataclass(frozen=True, slots=True)
class RunAnswer:
    """One query of a saved run."""

    score: QueryScore
    """What its answer is worth."""
    truth_id: str
    """Hash of the truth about it."""
    windows: int
    """Windows that the model was asked about."""
    calls: int | None
    """Answers that the model gave; None where it does not count."""
    tokens: int | None
    """Tokens of these; None where it does not count."""


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A saved run."""

    name: str
    """Name of its file."""
    answers: Mapping[str, RunAnswer]
    """By query, in the order of the file; at least one is present."""
    caption_model: str
    """What captioned the index."""
    find_model: str
    """What was asked about windows."""
    library_seconds: float
    """Footage seconds of all videos of the index."""
    index_seconds: float
    """How long the runs that made the index took."""
    windows_captioned: int
    """Windows that these runs captioned."""

    @property
    def counts_work(self) -> bool:
        """Whether the model counted its calls and tokens."""
        return all(each.calls is not None and each.tokens is not None for each in self.answers.values())


def read_run(path: Path) -> SavedRun:
    """Read a saved run.

    Raises:
        FileError: when it cannot be read, is no such run, or is not whole.
    """
    answers: dict[str, RunAnswer] = {}
    last: _SavedFigures | None = None
    for where, _, line in lines_of(path, text_of(path, "run", hint=_AGAIN)):
        try:
            kind = _SavedLine.model_validate_json(line).type
            if last is not None or kind not in ("query", "figures"):
                raise FileError(f"{where}: a run ends with its figures.", hint=_AGAIN)
            if kind == "figures":
                last = _SavedFigures.model_validate_json(line)
                continue
            saved = _SavedQuery.model_validate_json(line)
        except ValidationError as exc:
            raise FileError(f"{where}: {_fault(exc)}.", hint=_AGAIN) from exc
        if saved.query in answers:
            raise FileError(f'{where}: the query "{saved.query}" comes twice.', hint=_AGAIN)
        answers[saved.query] = _answer(saved)
    if last is None:
        raise FileError(f"{path} has no figures at its end: the run was cut off, or is none.", hint=_AGAIN)
    if not any(answer.score.present for answer in answers.values()):
        raise FileError(f"{path} has no query that something answers.", hint=_AGAIN)
    return SavedRun(
        path.name,
        answers,
        last.index_model,
        last.find_model,
        last.index_seconds_total,
        last.index_run_seconds,
        last.index_windows_captioned,
    )


def _answer(saved: _SavedQuery) -> RunAnswer:
    counts = saved.occurrences
    score = QueryScore(
        text=saved.query,
        present=saved.present,
        right=saved.right,
        iou=saved.iou,
        video_rank=saved.video_rank,
        text_video_rank=saved.text_video_rank,
        set_ious=tuple(saved.set_ious),
        text_right=saved.text_right,
        occurrences=Counts(counts.right, counts.found, counts.true),
        errors=tuple(saved.boundary_errors),
        found=saved.found,
        confidence=saved.confidence,
        seconds=saved.seconds,
    )
    return RunAnswer(score, saved.truth_id, saved.windows_asked, saved.model_calls, saved.model_tokens)


def _fault(error: ValidationError) -> str:
    """The first fault of a line, in a few words."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{place} is missing; the run was made by another version of footage"
    if first["type"] == "json_invalid":
        return "it is no JSON"
    return f"{place}: {first['msg']}" if place else str(first["msg"])
