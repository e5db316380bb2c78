"""Asks an index every question of a truth file and scores the answers; words nothing for people.

Here because only commands may both index and search. Videos are compared by content, so that a copy in
another place is the same video.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.metrics import (
    Counts,
    Moment,
    boundary_errors,
    matched_spans,
    moment_iou,
    moment_recall_at,
    occurrence_counts,
    video_recall_at,
)
from evaluation.readers import read_ground_truth
from evaluation.suites.scoring import OnProgress, Scores, TruthQuery, truth_questions
from evaluation.verdicts import (
    Judged,
    auroc,
    calibration_error,
    found_counts,
    fpr_at_recall,
    precision_at_prevalence,
)
from footage.core.errors import UsageError
from footage.core.names import on_disk
from footage.core.types import Match, Span
from search.query.parser import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from footage.core.config import Settings
    from footage.embed.protocol import TextEmbedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from indexer.pipeline import Progress
    from search.engine import Engine
    from search.grounding.options import GroundingOptions

RIGHT_IOU = 0.5
"""A span is right from this IoU on; the field's usual bar."""
AT_LEAST = (
    *("video_R@1", "video_R@5", "span_R@1@0.5", "mIoU", "text_video_R@1", "text_span_R@1@0.5"),
    *("occurrence_precision", "occurrence_recall"),
    *("found_recall", "found_precision", "found_precision@1in10", "verdict_AUROC"),
)
"""Figures that are shares, 0 to 1, better the higher."""
AT_MOST = (
    *("fpr_at_90_recall", "ece", "start_error_seconds", "end_error_seconds"),
    *("latency_p50_seconds", "latency_p95_seconds"),
)
"""Figures that are better the lower: two shares, then seconds."""
NEED_ABSENT = ("found_precision", "found_precision@1in10", "verdict_AUROC", "fpr_at_90_recall", "ece")
"""Figures that cannot be had without queries that nothing answers."""

_FOUND = 0.5  # lies between the 0 and the 1 that stand for a verdict


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what truly answers it, and what the search listed."""

    text: str
    """What was asked."""
    truths: Mapping[str, tuple[Span, ...]]
    """When it happens, in video time, by content id; empty for an absent query."""
    matches: tuple[Match, ...]
    """What was listed, best first."""
    seconds: float
    """How long it took, loading the model left out."""
    indexed: tuple[Match, ...] = ()
    """What the index alone had answered, best first."""
    windows_asked: int = 0
    """Windows that the model was asked about, once each."""
    shown: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    """Those that it was shown, in video time, by content id."""

    @property
    def found(self) -> tuple[Match, ...]:
        """The matches that the search is sure of."""
        return tuple(match for match in self.matches if match.verdict == "found")

    @property
    def in_a_true_video(self) -> bool:
        """Whether it truly happens in the video of the first match."""
        return bool(self.matches) and self.matches[0].video.content_id in self.truths

    @property
    def iou(self) -> float:
        """IoU of the first match with the best fitting true span of its video; 0 in a wrong one."""
        return moment_iou(_moment(self.matches[0]), self.truths) if self.matches else 0.0

    @property
    def right(self) -> bool:
        """Whether the first match is the moment; for an absent query, whether nothing is said to be found."""
        return self.iou >= RIGHT_IOU if self.truths else not self.found


@dataclass(frozen=True, slots=True)
class TruthFile:
    """What is to be asked of a library."""

    questions: tuple[TruthQuery, ...]
    """The questions; absent ones are last and have no truths."""
    to_check: int
    """Queries left out because nobody has checked them, in one video at least."""

    @property
    def present(self) -> int:
        """How many questions something answers; at least one."""
        return sum(bool(question.truths) for question in self.questions)

    @property
    def absent(self) -> int:
        """How many questions nothing answers."""
        return len(self.questions) - self.present


def read_truth(path: Path, *, library: Path | None = None) -> TruthFile:
    """Read the questions of a truth file (see ``evaluation.readers.read_ground_truth``).

    Args:
        path: The file; what it names lies relative to its folder.
        library: Where a video lies that is not there.

    Raises:
        UsageError: when the file cannot be read or is wrong, or asks for nothing that is there.
    """
    truth = read_ground_truth(path)
    # What is unchecked in one video leaves the truth about the query incomplete.
    unchecked = {event.query for video in truth.videos for event in video.events if event.to_check}
    checked = [
        replace(
            video,
            name=str(_place(video.name, path.parent, library)),
            events=tuple(event for event in video.events if event.query not in unchecked),
        )
        for video in truth.videos
    ]
    present = truth_questions(replace(truth, videos=tuple(checked)), path.parent)
    if not present:
        raise UsageError(
            f"{path} asks for nothing that is known to be there.",
            hint='Write what happens in your videos, and take "to_check" out of what you have checked.',
        )
    questions = [*present, *(TruthQuery(text, {}) for text in dict.fromkeys(truth.negative_queries))]
    for question in questions:
        try:
            parse_query(question.text)
        except UsageError as error:
            raise UsageError(f'{path}, query "{question.text}": {error}', hint=error.hint) from error
    return TruthFile(tuple(questions), len(unchecked))


def read_bounds(text: str, truth: TruthFile) -> Scores:
    """Bounds by figure from ``"span_R@1@0.5=0.6,ece=0.2"``; none of an empty text.

    Raises:
        UsageError: for an unknown figure, one that cannot be had, or a bound that is no number.
    """
    bounds: Scores = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in (*AT_LEAST, *AT_MOST):
            raise UsageError(
                f"There is no figure {name!r} to hold a bound against.",
                hint=f"Known are {', '.join((*AT_LEAST, *AT_MOST))}.",
            )
        if name in NEED_ABSENT and not truth.absent:
            raise UsageError(
                f"{name} needs queries that nothing answers, and the file has none.",
                hint='Add some under "negative_queries", or take the bound away.',
            )
        try:
            bounds[name] = float(value)
        except ValueError:
            bounds[name] = math.nan
        if not math.isfinite(bounds[name]):
            raise UsageError(
                f"The bound of {name} must be a number, got {value!r}.", hint=f"Write {name}=0.5."
            )
    return bounds


def missed(figures: Mapping[str, float], bounds: Mapping[str, float]) -> list[str]:
    """The figures that are on the wrong side of their bound, or could not be had at all."""
    return [
        name
        for name, bound in bounds.items()
        if name not in figures or (figures[name] < bound if name in AT_LEAST else figures[name] > bound)
    ]


def check_videos(questions: Sequence[TruthQuery], known: Collection[str], *, where: str) -> None:
    """Refuse questions about videos that are not there: every such query would be a miss.

    Args:
        questions: What is to be asked.
        known: Resolved paths of the videos there are.
        where: What holds them, for the message.

    Raises:
        UsageError: when a video is not among them.
    """
    named = sorted({path for question in questions for path in question.truths} - set(known))
    if named:
        raise UsageError(
            f"The truth file names {named[0]}, which is not in {where}"
            + (f" (nor are {len(named) - 1} more)." if len(named) > 1 else "."),
            hint="Paths are relative to the truth file; correct them, or index these videos first.",
        )


def indexed_contents(questions: Sequence[TruthQuery], store: Store) -> dict[str, str]:
    """Content id by resolved path of every file of an index that is not gone.

    The path itself stands for the content of a file that could not be read: it is never answered with.

    Raises:
        UsageError: when a question names a video that the index does not know.
    """
    contents = {
        str(Path(file.path).resolve()): file.content_id or file.path
        for file in store.files.all()
        if file.state != "gone"
    }
    check_videos(questions, contents, where=f"the index {store.path}")
    return contents


def ask_own(
    engine: Engine,
    store: Store,
    questions: Sequence[TruthQuery],
    *,
    looking: GroundingOptions | None = None,
    on_progress: OnProgress,
) -> list[Asked]:
    """Ask every question as a search does, and keep all that is listed.

    Args:
        engine: Searches the index.
        store: The index.
        questions: The questions.
        looking: How far to look; the engine's own when None.
        on_progress: Called with (stage, done, total).

    Raises:
        UsageError: when a question names a video that the index does not know.
        FootageError: when the index cannot be read or the model fails.
    """
    from search.engine import CANDIDATES

    contents = indexed_contents(questions, store)
    asked = []
    for number, question in enumerate(questions, start=1):
        began = time.perf_counter()
        # As many matches as any search takes videos: a longer list would search differently.
        response: list[list[Match]] = []
        result = engine.search(question.text, limit=CANDIDATES, looking=looking, on_hits=response.append)
        seconds = time.perf_counter() - began - result.timings.load_seconds
        truths: dict[str, tuple[Span, ...]] = {}
        for path, spans in question.truths.items():  # two copies of a video may both be named
            held = truths.get(contents[path], ())
            truths[contents[path]] = (*held, *(span for span in spans if span not in held))
        listed = tuple(response[0])
        looked = result.looked
        asked.append(
            Asked(question.text, truths, result.matches, seconds, listed, looked.windows, looked.shown)
        )
        on_progress("asking", number, len(questions))
    return asked


def index_library(
    library: Path,
    truth: TruthFile,
    settings: Settings,
    *,
    model: VideoModel,
    embedder: TextEmbedder,
    root: Path,
    on_progress: Callable[[Progress], None] | None = None,
) -> Store:
    """Index a folder of videos into ``root``/index.lancedb, which may be there from an earlier run.

    Raises:
        UsageError: when a question names a video that is not in the folder.
        FootageError: when nothing can be indexed at all.
    """
    from footage.store import Store
    from indexer.library import WITH_LINKS, FoundFile, walk
    from service.index import index_paths

    known = {
        str(found.path.resolve())
        for found in walk([library], selection=WITH_LINKS)
        if isinstance(found, FoundFile)
    }
    check_videos(truth.questions, known, where=str(library))
    store = Store.open(root / "index.lancedb", create=True)
    index_paths([library], settings, store=store, model=model, embedder=embedder, on_progress=on_progress)
    return store


def confidence_of(matches: Sequence[Match]) -> float:
    """How sure an answer is that something is there: as its surest match; 0 where no model was asked."""
    return max((match.confidence or 0.0 for match in matches), default=0.0)


def judged(asked: Sequence[Asked]) -> list[Judged]:
    """How sure each answer was, and whether there was anything to find."""
    return [
        Judged(min(max(confidence_of(answer.matches), 0.0), 1.0), bool(answer.truths)) for answer in asked
    ]


def figures_of(asked: Sequence[Asked]) -> Scores:
    """The figures of a set of answers, named as in ``AT_LEAST`` and ``AT_MOST``, to four decimals.

    ====================== =================================================================================
    video_R@1, video_R@5   share of present queries with a true video among the first videos listed
    span_R@1@0.5, mIoU     of the first match: share with IoU >= 0.5, and the mean IoU
    text_...               the same of what the index alone had answered
    occurrence_...         precision and recall of the moments called "found", one to one with all true ones
    start_, end_error_...  median over the listed moments that are right (IoU >= 0.5), in seconds
    found_recall           share of the present queries of which something is called "found"
    found_precision        share of the queries with something called "found" that are present; ``@1in10`` as
                           it would be if one query in ten were
    verdict_AUROC, ...     how well the confidence tells present from absent queries
    latency_...            seconds a query, loading the model left out
    ====================== =================================================================================

    Without absent queries ``NEED_ABSENT`` are left out, without a right moment the errors, and where nothing
    is called "found" its precision: a bound must not hold because nothing was said.

    Raises:
        ValueError: when there are no present queries.
    """
    present = {number: answer for number, answer in enumerate(asked) if answer.truths}
    truths = {number: answer.truths for number, answer in present.items()}
    moments = {number: [_moment(match) for match in answer.matches] for number, answer in present.items()}
    videos = {number: [moment.video for moment in listed] for number, listed in moments.items()}
    indexed = {number: [_moment(match) for match in answer.indexed] for number, answer in present.items()}
    indexed_videos = {number: [moment.video for moment in listed] for number, listed in indexed.items()}
    occurrences = reduce(add, map(_occurrences, present.values()), Counts(0, 0, 0))
    verdicts = [Judged(float(bool(answer.found)), bool(answer.truths)) for answer in asked]
    claimed = found_counts(verdicts, threshold=_FOUND)
    figures = {
        "video_R@1": video_recall_at(videos, truths, k=1),
        "video_R@5": video_recall_at(videos, truths, k=5),
        "span_R@1@0.5": moment_recall_at(moments, truths, iou=RIGHT_IOU, k=1),
        "mIoU": float(np.mean([answer.iou for answer in present.values()])),
        "text_video_R@1": video_recall_at(indexed_videos, truths, k=1),
        "text_span_R@1@0.5": moment_recall_at(indexed, truths, iou=RIGHT_IOU, k=1),
        "occurrence_recall": occurrences.recall,
        "found_recall": claimed.recall,
    }
    if occurrences.predicted:
        figures["occurrence_precision"] = occurrences.precision
    if len(present) < len(asked):
        answers = judged(asked)
        if claimed.predicted:
            figures["found_precision"] = claimed.precision
            figures["found_precision@1in10"] = precision_at_prevalence(verdicts, threshold=_FOUND)
        figures |= {
            "verdict_AUROC": auroc(answers),
            "fpr_at_90_recall": fpr_at_recall(answers, 0.9),
            "ece": calibration_error(answers),
        }
    errors = boundary_errors([pair for answer in present.values() for pair in _right_pairs(answer)])
    if errors:
        start, end = np.median(np.asarray(errors), axis=0)
        figures |= {"start_error_seconds": float(start), "end_error_seconds": float(end)}
    p50, p95 = np.percentile([answer.seconds for answer in asked], [50, 95])
    figures |= {"latency_p50_seconds": float(p50), "latency_p95_seconds": float(p95)}
    return {name: round(figures[name], 4) for name in (*AT_LEAST, *AT_MOST) if name in figures}


def labelled(asked: Sequence[Asked]) -> tuple[list[dict[str, float]], list[bool], list[str]]:
    """What a calibration is fitted on: measures of every match that the model named, and was it right.

    Returns:
        Measures, whether the span is a true one (IoU >= 0.5), and the query, one each a match.
    """
    rows = [
        (dict(match.measures), moment_iou(_moment(match), answer.truths) >= RIGHT_IOU, answer.text)
        for answer in asked
        for match in answer.matches
        if match.grounded
    ]
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]


def worst(asked: Sequence[Asked]) -> list[Asked]:
    """The answers that are wrong, the worst first: absent queries said to be found, then by IoU."""
    wrong = [answer for answer in asked if not answer.right]
    return sorted(wrong, key=lambda answer: (bool(answer.truths), answer.iou))


def _place(name: str, folder: Path, library: Path | None) -> Path:
    """Where a video of a truth file lies."""
    beside = on_disk((folder / name).absolute())
    return on_disk((library / name).absolute()) if library is not None and not beside.exists() else beside


def _occurrences(answer: Asked) -> Counts:
    """What is called found, held against every time it happens, video by video."""
    response = [_moment(match) for match in answer.found]
    return reduce(
        add,
        (
            occurrence_counts(
                [moment.span for moment in response if moment.video == video],
                answer.truths.get(video, ()),
                min_iou=RIGHT_IOU,
            )
            for video in {*answer.truths, *(moment.video for moment in response)}
        ),
    )


def _right_pairs(answer: Asked) -> list[tuple[Span, Span]]:
    """The listed spans that are right, each with the true one."""
    return [
        pair
        for video, spans in answer.truths.items()
        for pair in matched_spans(
            [match.span for match in answer.matches if match.video.content_id == video],
            spans,
            min_iou=RIGHT_IOU,
        )
    ]


def _moment(match: Match) -> Moment:
    return Moment(match.video.content_id, match.span, match.score)
