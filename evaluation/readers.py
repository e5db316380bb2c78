"""Readers of annotation formats, this project's own and four public ones; knows no index.

Every reader checks what it reads and, when something is wrong, raises one sentence with the file and the line
or entry.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.data_files import lines_of, text_of
from evaluation.gmr import EXISTENCE_THRESHOLDS, GmrPrediction
from evaluation.json_text import parsed_json, whole_text
from evaluation.metrics import ScoredSpan
from footage.core.errors import UsageError
from footage.core.timecode import parse_time
from footage.core.types import Span

_WHAT = "annotation file"


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """Something that truly happens in a video, and how somebody would ask for it."""

    id: str
    """Name of the event in its file."""
    query: str
    """How to ask for it."""
    paraphrase: str
    """Another way to ask for it; may be empty."""
    spans: tuple[Span, ...]
    """Every time it happens, in video time; at least one."""
    to_check: bool = False
    """True for a proposal that nobody has checked yet: not known to be true."""


@dataclass(frozen=True, slots=True)
class TrueVideo:
    """A video whose events are known."""

    name: str
    """Path of the file relative to the annotation's folder."""
    duration_seconds: float | None
    """Length of the video, where the file says so."""
    events: tuple[TrueEvent, ...]
    """What happens."""


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """What is known to be true of some videos."""

    videos: tuple[TrueVideo, ...]
    """The videos, in the order written."""
    negative_queries: tuple[str, ...] = ()
    """Questions that none of the videos answers."""


@dataclass(frozen=True, slots=True)
class MomentQuery:
    """One line of a public benchmark: a sentence and where in which video it is true."""

    id: str
    """Name of the query, unique in its file."""
    video: str
    """Name of the video."""
    text: str
    """The sentence."""
    spans: tuple[Span, ...]
    """Every true span, in video time."""
    duration_seconds: float | None = None
    """Length of the video, where the format says so."""


def read_ground_truth(path: Path) -> GroundTruth:
    """Read this project's own ground truth.

    A JSON object: ``videos`` maps a file's path, relative to the JSON file's folder, to ``{"duration":
    seconds, "events": [{"id", "query", "paraphrase", "spans": [[start, end], ...], "to_check"}]}``;
    ``negative_queries`` is a list of sentences that nothing answers. Times are seconds or texts as in 83.5,
    "1:23.5", "1:02:03". ``query`` and ``spans`` are needed; an id is "path/number" unless given. Other keys
    are allowed and ignored.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when it is not of this form, or contradicts itself.
    """
    content = _json(path)
    where = str(path)
    videos = tuple(
        _true_video(name, entry, f'{where}, video "{name}"')
        for name, entry in _object(_field(content, "videos", where), where).items()
    )
    negatives = tuple(
        _sentence(query, f"{where}, negative query {i}")
        for i, query in enumerate(_list(content.get("negative_queries", []), where))
    )
    asked = {event.query for video in videos for event in video.events}
    if both := asked & set(negatives):
        raise UsageError(f'{where}: "{min(both)}" stands among the negative queries and among the events.')
    return GroundTruth(videos, negatives)


def read_qvhighlights(path: Path) -> list[MomentQuery]:
    """Read QVHighlights annotations: JSON lines with qid, query, vid, duration and relevant_windows.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when a line is malformed.
    """
    queries = []
    for where, line in _json_lines(path):
        spans = [_span(pair, where) for pair in _list(_field(line, "relevant_windows", where), where)]
        queries.append(
            MomentQuery(
                id=_qid(line, where),
                video=_text(_field(line, "vid", where), where),
                text=whole_text(_text(_field(line, "query", where), where)),
                spans=tuple(spans),
                duration_seconds=_number(_field(line, "duration", where), where),
            )
        )
    return _unique(queries, path)


def read_qvhighlights_predictions(path: Path) -> dict[str, list[ScoredSpan]]:
    """Read QVHighlights predictions: JSON lines with qid and pred_relevant_windows [start, end, score].

    A prediction that is no interval (reversed, or before the start of the video) becomes an empty span: it
    overlaps nothing and counts as a miss, as in the benchmark's own evaluator.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when a line is malformed.
    """
    predictions: dict[str, list[ScoredSpan]] = {}
    for where, line in _json_lines(path):
        qid = _qid(line, where)
        if qid in predictions:
            raise UsageError(f"{where}: query {qid} has predictions already.")
        predictions[qid] = []
        for triple in _list(_field(line, "pred_relevant_windows", where), where):
            numbers = [_number(value, where) for value in _list(triple, where)]
            if len(numbers) != 3:
                raise UsageError(f"{where}: a prediction must be [start, end, score], got {triple!r}.")
            start, end = max(numbers[0], 0.0), max(numbers[1], 0.0)
            predictions[qid].append(ScoredSpan(Span(start, max(start, end)), numbers[2]))
    return predictions


def read_gmr_predictions(path: Path) -> dict[str, GmrPrediction]:
    """Read predictions of generalised moment retrieval: JSON lines as of QVHighlights, with pred_exist_score.

    Without an existence score, that of the surest window stands for it, and 0 where there is no window. A
    window that is no interval is an error, not a miss.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when a line is malformed.
    """
    predictions: dict[str, GmrPrediction] = {}
    for where, line in _json_lines(path):
        qid = _qid(line, where)
        if qid in predictions:
            raise UsageError(f"{where}: query {qid} has predictions already.")
        windows = []
        for triple in _list(_field(line, "pred_relevant_windows", where), where):
            if len(_list(triple, where)) != 3:
                raise UsageError(f"{where}: a prediction must be [start, end, score], got {triple!r}.")
            windows.append(ScoredSpan(_span(triple[:2], where), _number(triple[2], where)))
        surest = max((window.score for window in windows), default=0.0)
        score = _number(line.get("pred_exist_score", surest), where)
        if not 0 <= score <= 1:
            raise UsageError(
                f"{where}: an existence score must lie between 0 and 1, got {score:g}.",
                hint="Turn logits into probabilities, and write them as pred_exist_score.",
            )
        predictions[qid] = GmrPrediction(tuple(windows), score)
    return predictions


def read_thresholds(text: str | None) -> tuple[float, ...]:
    """Existence thresholds from "0.4,0.6", each once; the benchmark's for None.

    Raises:
        UsageError: when one is no number from 0 to 1.
    """
    if text is None:
        return EXISTENCE_THRESHOLDS
    levels = []
    for part in text.split(","):
        try:
            level = float(part)
        except ValueError:
            level = math.nan
        if not 0 <= level <= 1:
            raise UsageError(
                f"A threshold must be a number from 0 to 1, got {part.strip()!r}.",
                hint="Write --thresholds 0.4,0.6.",
            )
        levels.append(level)
    return tuple(dict.fromkeys(levels))


def read_charades_sta(path: Path) -> list[MomentQuery]:
    """Read Charades-STA annotations: lines of ``VIDEO START END##SENTENCE``; ids are the line numbers.

    Ends may lie past the end of the video (a known flaw of the data set, which holds no durations): clip
    before use.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when a line is malformed.
    """
    queries = []
    for where, number, line in lines_of(path, text_of(path, _WHAT)):
        head, mark, sentence = line.partition("##")
        parts = head.split()
        if not mark or len(parts) != 3 or not sentence.strip():
            raise UsageError(f'{where}: expected "VIDEO START END##SENTENCE", got {line[:80]!r}.')
        span = _span([_parse(parts[1], where), _parse(parts[2], where)], where)
        queries.append(MomentQuery(str(number), parts[0], sentence.strip(), (span,)))
    return queries


def read_activitynet(path: Path) -> list[MomentQuery]:
    """Read ActivityNet Captions: JSON of video to duration, timestamps and sentences; ids are "video/number".

    Ends past the end of the video are clamped to it.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when an entry is malformed.
    """
    return [
        replace(query, spans=tuple(_inside(span, query.duration_seconds) for span in query.spans))
        for query in _by_video(path, spans="timestamps", texts="sentences")
    ]


def read_timelens(path: Path) -> list[MomentQuery]:
    """Read TimeLens annotations: JSON of video to duration, spans and queries; ids are "video/number".

    Raises:
        FileError: when the file cannot be read.
        UsageError: when an entry is malformed.
    """
    return _by_video(path, spans="spans", texts="queries")


def read_own(path: Path) -> list[MomentQuery]:
    """Read this project's own ground truth (see ``read_ground_truth``) query by query; ids are the events'.

    Raises:
        FileError: when the file cannot be read.
        UsageError: when it is not of this form.
    """
    queries = [
        MomentQuery(event.id, video.name, event.query, event.spans, video.duration_seconds)
        for video in read_ground_truth(path).videos
        for event in video.events
    ]
    return _unique(queries, path)


def _by_video(path: Path, *, spans: str, texts: str) -> list[MomentQuery]:
    """Read JSON of video to duration and, under two keys, as many spans as texts; ids are "video/number"."""
    queries = []
    for video, entry in _object(_json(path), str(path)).items():
        where = f'{path}, video "{video}"'
        duration = _number(_field(entry, "duration", where), where)
        pairs = _list(_field(entry, spans, where), where)
        sentences = _list(_field(entry, texts, where), where)
        if len(pairs) != len(sentences):
            raise UsageError(f"{where}: {len(pairs)} {spans} but {len(sentences)} {texts}.")
        for index, (pair, sentence) in enumerate(zip(pairs, sentences, strict=True)):
            text = whole_text(_text(sentence, where)).strip()
            queries.append(MomentQuery(f"{video}/{index}", video, text, (_span(pair, where),), duration))
    return queries


def _inside(span: Span, duration: float | None) -> Span:
    """A span cut at the end of its video, where that is known."""
    end = span.end_seconds if duration is None else duration
    return Span(min(span.start_seconds, end), min(span.end_seconds, end))


def _true_video(name: str, entry: Any, where: str) -> TrueVideo:
    length = _object(entry, where).get("duration")
    duration = None if length is None else _number(length, where)
    events = tuple(
        _true_event(event, f"{name}/{i}", f"{where}, event {i}")
        for i, event in enumerate(_list(_field(entry, "events", where), where))
    )
    for i, event in enumerate(events):
        late = max(span.start_seconds for span in event.spans)
        if duration is not None and late >= duration:
            raise UsageError(
                f"{where}, event {i}: a span starts at {late:g} s, but the video lasts {duration:g} s."
            )
    return TrueVideo(name, duration, events)


def _true_event(entry: Any, name: str, where: str) -> TrueEvent:
    spans = tuple(_timed_span(pair, where) for pair in _list(_field(entry, "spans", where), where))
    if not spans:
        raise UsageError(f"{where}: an event needs one span at least.")
    to_check = entry.get("to_check", False)
    if not isinstance(to_check, bool):
        raise UsageError(f'{where}: "to_check" must be true or false, got {to_check!r}.')
    return TrueEvent(
        id=str(entry.get("id", name)),
        query=_sentence(_field(entry, "query", where), where),
        paraphrase=whole_text(_text(entry.get("paraphrase", ""), where)),
        spans=spans,
        to_check=to_check,
    )


def _json(path: Path) -> dict[str, Any]:
    return _object(parsed_json(text_of(path, _WHAT), str(path), lines=True), str(path))


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for where, _, line in lines_of(path, text_of(path, _WHAT)):
        yield where, _object(parsed_json(line, where), where)


def _unique(queries: list[MomentQuery], path: Path) -> list[MomentQuery]:
    seen: set[str] = set()
    for query in queries:
        if query.id in seen:
            raise UsageError(f"{path}: query {query.id} occurs twice.")
        seen.add(query.id)
    return queries


def _qid(line: dict[str, Any], where: str) -> str:
    """The name of a query, a number or a text."""
    value = _field(line, "qid", where)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise UsageError(f"{where}: qid must be a number or a text, got {value!r}.")
    return str(value)


def _field(entry: Any, name: str, where: str) -> Any:
    content = _object(entry, where)
    if name not in content:
        raise UsageError(f'{where}: the key "{name}" is missing.')
    return content[name]


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: expected a JSON object, got {type(value).__name__}.")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UsageError(f"{where}: expected a list, got {type(value).__name__}.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where}: expected a text, got {type(value).__name__}.")
    return value


def _sentence(value: Any, where: str) -> str:
    if not _text(value, where).strip():
        raise UsageError(f"{where}: a query needs words.")
    return whole_text(value)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{where}: expected a number, got {value!r}.")
    if not math.isfinite(value):
        raise UsageError(f"{where}: expected a finite number, got {value!r}.")
    return float(value)


def _parse(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{where}: expected a number, got {text!r}.") from error


def _timed_span(pair: Any, where: str) -> Span:
    """As ``_span``, of times that may be written as clock readings."""
    return _span([_time(value, where) for value in _list(pair, where)], where)


def _time(value: Any, where: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_time(value)
    except UsageError as error:
        raise UsageError(f"{where}: {error}.", hint=error.hint) from error


def _span(pair: Any, where: str) -> Span:
    numbers = [_number(value, where) for value in _list(pair, where)]
    try:
        start, end = numbers
        return Span(start, end)
    except ValueError as error:
        raise UsageError(
            f"{where}: expected [start, end] in seconds with 0 <= start <= end, got {pair!r}."
        ) from error


FORMATS: dict[str, Callable[[Path], list[MomentQuery]]] = {
    "qvhighlights": read_qvhighlights,
    "gmr": read_qvhighlights,
    "charades": read_charades_sta,
    "activitynet": read_activitynet,
    "timelens": read_timelens,
    "footage": read_own,
}
"""Reader by the name of a format."""
