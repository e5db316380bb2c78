"""Asks an index every question of a truth file and scores the answers; words nothing for people.

Here because only commands may both index and search. Videos are compared by content, so that a copy in
another place is the same video.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.metrics import (
    Counts,
    Moment,
    boundary_errors,
    matched_spans,
    moment_iou,
    occurrence_counts,
)
from evaluation.own_gmr import own_set_ious
from evaluation.query_scores import AT_LEAST, AT_MOST, NEED_ABSENT, QueryScore, figures_of_scores
from evaluation.readers import read_ground_truth
from evaluation.suites.scoring import OnProgress, Scores, TruthQuery, truth_questions
from evaluation.verdicts import Judged
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
    model_calls: int | None = None
    """Answers that the model gave; None where it does not count."""
    model_tokens: int | None = None
    """Tokens of its prompts, windows included, and answers; None where it does not count."""

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
    model: VideoModel | None = None,
) -> list[Asked]:
    """Ask every question as a search does, and keep all that is listed.

    Args:
        engine: Searches the index.
        store: The index.
        questions: The questions.
        looking: How far to look; the engine's own when None.
        on_progress: Called with (stage, done, total).
        model: The model of the engine, where its calls and tokens are to be counted.

    Raises:
        UsageError: when a question names a video that the index does not know.
        FootageError: when the index cannot be read or the model fails.
    """
    from search.engine import CANDIDATES

    contents = indexed_contents(questions, store)
    asked = []
    for number, question in enumerate(questions, start=1):
        before = _work_of(model)
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
        calls, tokens = _work_since(before, model)
        asked.append(
            Asked(
                question.text,
                truths,
                result.matches,
                seconds,
                listed,
                looked.windows,
                looked.shown,
                calls,
                tokens,
            )
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


@dataclass(frozen=True, slots=True)
class IndexCost:
    """What the finished runs that made an index took, all together."""

    seconds: float
    """From start to end."""
    windows: int
    """Windows that a model captioned."""


def index_cost(store: Store) -> IndexCost:
    """What an index took to make; a run that was killed has no end and is left out."""
    runs = [run for run in store.runs.all() if run.ended_at]
    return IndexCost(
        sum(run.ended_at - run.started_at for run in runs), sum(run.windows_captioned for run in runs)
    )


def confidence_of(matches: Sequence[Match]) -> float:
    """How sure an answer is that something is there: as its surest match; 0 where no model was asked."""
    return max((match.confidence or 0.0 for match in matches), default=0.0)


def judged(asked: Sequence[Asked]) -> list[Judged]:
    """How sure each answer was, and whether there was anything to find."""
    return [
        Judged(min(max(confidence_of(answer.matches), 0.0), 1.0), bool(answer.truths)) for answer in asked
    ]


def figures_of(asked: Sequence[Asked]) -> Scores:
    """The figures of a set of answers: see ``evaluation.query_scores.figures_of_scores``.

    Raises:
        ValueError: when there are no present queries.
    """
    return figures_of_scores([score_of(answer) for answer in asked])


def score_of(answer: Asked) -> QueryScore:
    """What one answer adds to the figures."""
    listed, indexed = [[_moment(match) for match in each] for each in (answer.matches, answer.indexed)]
    return QueryScore(
        text=answer.text,
        present=bool(answer.truths),
        right=answer.right,
        iou=answer.iou,
        video_rank=_video_rank(listed, answer.truths),
        text_video_rank=_video_rank(indexed, answer.truths),
        set_ious=own_set_ious(answer),
        text_right=bool(indexed) and moment_iou(indexed[0], answer.truths) >= RIGHT_IOU,
        occurrences=_occurrences(answer) if answer.truths else Counts(0, 0, 0),
        errors=tuple(boundary_errors(_right_pairs(answer))),
        found=bool(answer.found),
        confidence=confidence_of(answer.matches),
        seconds=answer.seconds,
    )


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


def truth_id(truths: Mapping[str, Sequence[Span]]) -> str:
    """A hash of when a query is true, by content: equal wherever the videos lie. 12 hex digits."""
    times = {
        video: sorted((s.start_seconds, s.end_seconds) for s in spans) for video, spans in truths.items()
    }
    return hashlib.sha256(json.dumps(times, sort_keys=True).encode()).hexdigest()[:12]


def _work_of(model: VideoModel | None) -> tuple[int, int] | None:
    """Calls and tokens of a model since it was loaded; None where it does not count."""
    from footage.vlm.protocol import CountsWork

    if not isinstance(model, CountsWork):
        return None
    work = model.work
    return work.requests, work.prompt_tokens + work.answer_tokens


def _work_since(before: tuple[int, int] | None, model: VideoModel | None) -> tuple[int | None, int | None]:
    """Calls and tokens since an earlier count; None where the model does not count."""
    after = _work_of(model)
    if before is None or after is None:
        return None, None
    return after[0] - before[0], after[1] - before[1]


def _place(name: str, folder: Path, library: Path | None) -> Path:
    """Where a video of a truth file lies."""
    beside = on_disk((folder / name).absolute())
    return (
        on_disk((library / name).absolute()) if library is not None and not os.path.exists(beside) else beside
    )


def _video_rank(moments: Sequence[Moment], truths: Collection[str]) -> int | None:
    """The rank of the first true video among the distinct videos of a list, from 1; None for none."""
    videos = dict.fromkeys(moment.video for moment in moments)
    return next((rank for rank, video in enumerate(videos, start=1) if video in truths), None)


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
