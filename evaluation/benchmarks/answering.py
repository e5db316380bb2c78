"""Asks a model all queries about some videos; reads no annotations and writes no file."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from evaluation.benchmarks.protocol import Protocol
from evaluation.benchmarks.work_file import QueryAnswer, VideoAnswers
from evaluation.readers import MomentQuery
from footage.core.errors import ModelError, UsageError, VideoError, WindowError
from footage.core.types import Match, Span, Video, Window
from footage.media import sandbox
from footage.vlm.contract import find_prompt
from footage.vlm.profiles import fitted_as
from footage.vlm.protocol import VideoModel
from search.grounding.calibration import Calibration, load_calibration
from search.grounding.evidence import evidence_for
from search.grounding.ground import find_in_video
from search.grounding.options import GroundingOptions
from search.grounding.span_merge import merge_replies
from search.grounding.window_queries import EventFinder, WindowQuestion, unexpected_sentence
from search.query.parser import Query, parse_query

logger = logging.getLogger(__name__)

LISTED = 10
"""Most spans listed for a query: as many as QVHighlights looks at."""


@dataclass(frozen=True, slots=True)
class VideoTask:
    """A video and what is asked about it."""

    name: str
    """Its name in the annotations."""
    path: Path
    """Its file."""
    queries: tuple[MomentQuery, ...]
    """The queries about it."""


@dataclass(slots=True)
class _Asked:
    """A video while it is asked about."""

    task: VideoTask
    queries: dict[str, Query] = field(default_factory=dict)
    """By id; those that can be asked."""
    answers: dict[str, QueryAnswer] = field(default_factory=dict)
    """By id of the query."""
    video: Video | None = None
    windows: tuple[Window, ...] = ()
    unseen: int = 0
    problem: str = ""


class BenchmarkAsker:
    """Asks one model under one protocol."""

    def __init__(
        self,
        model: VideoModel,
        protocol: Protocol,
        looking: GroundingOptions,
        *,
        timeout_seconds: float = 120,
    ) -> None:
        """Take a loaded model.

        Args:
            model: The model.
            protocol: How videos are shown.
            looking: Lengths of windows, calibration and thresholds.
            timeout_seconds: Give up on a window's decoding after this long without progress.
        """
        calibration = looking.calibration or load_calibration(fitted_as(model.profile))
        self.calibration: Calibration = calibration.for_embedder("")
        self._model, self._protocol = model, protocol
        self._looking = replace(looking, calibration=self.calibration)
        self._timeout_seconds = timeout_seconds

    def ask(self, tasks: Sequence[VideoTask]) -> Iterator[VideoAnswers]:
        """The answers about some videos, in order; they are prepared together, one ahead of the other.

        A video that cannot be used has a ``problem`` and no answers; the others go on.

        Raises:
            ModelError: when the model fails.
        """
        # 1. Read the queries and probe the files.
        every = [self._begun(task) for task in tasks]
        numbers = [n for n, asked in enumerate(every) for _ in self._questions(asked)]
        left = Counter(numbers)
        # 2. Ask all queries about each window while it is prepared.
        finder = EventFinder(self._model, timeout_seconds=self._timeout_seconds)
        batches = finder.ask_ahead(
            [
                (question, [query.prompt for query in asked.queries.values()])
                for asked in every
                for question in self._questions(asked)
            ]
        )
        began, done = time.monotonic(), 0
        for batch in chain([[]], batches):
            left.subtract(numbers[number] for number in batch)
            # 3. Read the answers about each video whose windows are all done; follow what they name.
            while done < len(every) and not left[done]:
                self._answer(every[done], finder)
                yield self._record(every[done], round(time.monotonic() - began, 3))
                began, done = time.monotonic(), done + 1

    def _begun(self, task: VideoTask) -> _Asked:
        asked = _Asked(task)
        for query in task.queries:
            try:
                read = parse_query(query.text, plain=True)
                find_prompt(read.prompt, self._model.profile)
                asked.queries[query.id] = read
            except UsageError as error:
                asked.answers[query.id] = QueryAnswer(query.id, (), problem=str(error))
        try:
            asked.video = sandbox.probe(task.path, timeout_seconds=self._timeout_seconds)
            asked.windows = self._protocol.windows(asked.video, self._model.profile, self._looking)
            if not asked.windows:
                asked.problem = f"{task.path} has no frames."
        except VideoError as error:
            asked.problem = str(error)
        except Exception as error:  # in the record: the other videos go on
            logger.exception("%s could not be probed", task.path)
            asked.problem = unexpected_sentence(error)
        return asked

    def _questions(self, asked: _Asked) -> list[WindowQuestion]:
        if asked.video is None or asked.problem or not asked.queries:
            return []
        return [WindowQuestion(asked.video, str(asked.task.path), window) for window in asked.windows]

    def _answer(self, asked: _Asked, finder: EventFinder) -> None:
        """Answer every query about one video."""
        if asked.video is None or asked.problem:
            return
        shown_as = self._protocol.shown_as(asked.video.duration_seconds, has_gaps=bool(asked.video.gaps))
        work = self._whole if shown_as == "single pass" else self._in_windows
        for id, query in asked.queries.items():
            try:
                asked.answers[id] = work(asked, id, query, finder)
            except (VideoError, WindowError) as error:
                asked.problem = str(error)
                return
            except ModelError:
                raise
            except Exception as error:  # in the record: the other videos go on
                logger.exception("%s could not be asked about", asked.task.path)
                asked.problem = unexpected_sentence(error)
                return

    def _whole(self, asked: _Asked, id: str, query: Query, finder: EventFinder) -> QueryAnswer:
        """The answer about a video that is shown whole."""
        [reply] = finder.ask(query.prompt, self._questions(asked))
        if reply.problem:
            raise WindowError(reply.problem)
        spans = [
            (
                *_ends(named.span),
                self.calibration.confidence(evidence_for(named, [reply], query, None).measures()),
            )
            for named in merge_replies([reply])
        ]
        spans.sort(key=lambda span: -span[2])  # stable: of equal ones, as the model listed them
        return QueryAnswer(id, tuple(spans[:LISTED]), reply.answer.raw if reply.answer else "")

    def _in_windows(self, asked: _Asked, id: str, query: Query, finder: EventFinder) -> QueryAnswer:
        """The answer about a video that is shown in windows: that of ``footage find``, the surest first."""
        assert asked.video is not None
        found = find_in_video(asked.video, asked.task.path, query, finder=finder, looking=self._looking)
        planned = {window.span for window in asked.windows}
        asked.unseen = sum(bool(reply.problem) for reply in found.replies if reply.seen in planned)
        matches: list[Match] = sorted(found.matches, key=lambda match: -(match.confidence or 0.0))
        spans = tuple((*_ends(match.span), match.confidence or 0.0) for match in matches)
        return QueryAnswer(id, spans[:LISTED], matches[0].raw if matches else "")

    def _record(self, asked: _Asked, seconds: float) -> VideoAnswers:
        video = asked.video
        answers = () if asked.problem else tuple(asked.answers[query.id] for query in asked.task.queries)
        record = VideoAnswers(
            asked.task.name,
            asked.task.path.stat().st_size if asked.task.path.exists() else 0,
            answers,
            problem=asked.problem,
            seconds=seconds,
        )
        if video is None:
            return record
        return replace(
            record,
            duration_seconds=video.duration_seconds,
            shown_as=self._protocol.shown_as(video.duration_seconds, has_gaps=bool(video.gaps)),
            windows=len(asked.windows),
            unseen=asked.unseen,
        )


def _ends(span: Span) -> tuple[float, float]:
    return float(span.start_seconds), float(span.end_seconds)
