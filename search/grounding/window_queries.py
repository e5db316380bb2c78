"""Shows windows to a model and reads when it says something happens; knows no index and weighs nothing.

What was answered once is remembered, where there is a notebook to remember it in: the same question about the
same window of the same video to the same model has the same answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, VideoError, WindowError
from footage.core.types import Answer, Span, Video, Window
from footage.media.sandbox import sample
from footage.vlm.contract import find_prompt, read_span
from footage.vlm.protocol import Prepared, Prompt, Recalling, RunsEach, VideoModel

if TYPE_CHECKING:
    from footage.store.annotations import Annotations

logger = logging.getLogger(__name__)

KEPT_BYTES = 512 << 20
"""Windows held ready: whoever asks twice asks mostly about the same. What one takes is its pictures as the
vision tower saw them, 22 MB for 30 s of Marlin's."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a window could not be made ready; the fields of ``Reply``."""

    sentence: str
    unexpected: bool = False


OUT_OF_TIME = "The time allowed was spent before the model could look here."
"""Problem of a question that the budget left no time for."""


@dataclass(frozen=True, slots=True)
class Question:
    """One window to be asked about."""

    video: Video
    """The video."""
    path: str
    """A file that holds it."""
    window: Window
    """Which part of it; index -1 where it is none of the windows a video is cut into."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one question."""

    question: Question
    """The question."""
    answer: Answer | None = None
    """What the model said; None when the window was not looked at."""
    span: Span | None = None
    """When, in video time and inside the window; None when the answer names no usable time."""
    problem: str = ""
    """Why the window was not looked at, one sentence; empty when it was."""
    unexpected: bool = False
    """True when the problem is a fault of this program, or of a library, whose traceback is in the log."""

    @property
    def seen(self) -> Span:
        """The window, in video time."""
        return self.question.window.span


class Asker:
    """Asks one model; keep it for further questions, as it holds the windows it showed last.

    Several threads may ask: the model sees one batch of windows at a time, whoever wants it.
    """

    def __init__(
        self,
        model: VideoModel,
        *,
        notebook: Annotations | None = None,
        keep_bytes: int = KEPT_BYTES,
        timeout_seconds: float = 120,
    ) -> None:
        """Put the parts together.

        Args:
            model: Whom to ask.
            notebook: Where answers are remembered; None for nowhere.
            keep_bytes: For windows held ready for the next question, decoded and seen; the last one is held
                in any case.
            timeout_seconds: Give up on a window's decoding after this long without progress.
        """
        self.model = model
        self._notebook = notebook
        self._keep_bytes = keep_bytes
        self._ready: OrderedDict[tuple[str, Span], Prepared] = OrderedDict()
        self._timeout_seconds = timeout_seconds
        self._lock, self._ready_lock = threading.Lock(), threading.Lock()

    def ask(
        self,
        event: str,
        questions: Sequence[Question],
        *,
        fresh: bool = False,
        until: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Reply]:
        """Ask when ``event`` takes place in each window.

        Args:
            event: What to look for, as the prompt takes it.
            questions: The windows.
            fresh: Ask again what was answered before.
            until: Begin no batch after this moment of ``time.monotonic``; None for no bound.
            on_progress: Called with (windows done, windows in all) after every batch.

        Returns:
            One reply a question, in order. A window that was not looked at has a ``problem`` and no answer.

        Raises:
            UsageError: when nothing of the event can go into a prompt.
            StoreError: when answers cannot be remembered.
            ModelError: when the model fails.
        """
        prompt = find_prompt(event, self.model.profile)
        answers = {} if fresh else self._remembered(questions, prompt)
        replies = {n: _reply(questions[n], answer) for n, answer in answers.items()}
        unknown = [n for n in range(len(questions)) if n not in replies]
        can = self.model.capabilities
        batches = list(_batches(unknown, max(1, min(can.windows_ahead, can.max_batch))))
        with ThreadPoolExecutor(1, "decode ahead") as ahead:
            coming: Future[list[Prepared | _Problem]] | None = None
            for batch, after in zip_longest(batches, batches[1:]):
                if until is not None and time.monotonic() >= until:
                    replies.update((n, Reply(questions[n], problem=OUT_OF_TIME)) for n in batch)
                    continue
                # 1. Have this batch's windows, and have the next one's decoded meanwhile.
                coming = coming or ahead.submit(self._prepare, [questions[n] for n in batch])
                prepared = coming.result()
                coming = ahead.submit(self._prepare, [questions[n] for n in after]) if after else None
                # 2. Look.
                with self._lock:
                    told = self._look([questions[n] for n in batch], prepared, prompt)
                self._keep([questions[n] for n in batch], prepared)
                replies.update(zip(batch, told, strict=True))
                self._remember(told, prompt)
                if on_progress:
                    on_progress(len(replies), len(questions))
        if on_progress and not unknown:
            on_progress(len(questions), len(questions))
        return [replies[n] for n in range(len(questions))]

    def _look(
        self, questions: Sequence[Question], prepared: Sequence[Prepared | _Problem], prompt: Prompt
    ) -> list[Reply]:
        ready = [window for window in prepared if isinstance(window, Prepared)]
        answers = iter(self._answers(ready, prompt))
        results = (window if isinstance(window, _Problem) else next(answers) for window in prepared)
        return [
            Reply(question, problem=each.sentence, unexpected=each.unexpected)
            if isinstance(each, _Problem)
            else _reply(question, each)
            for question, each in zip(questions, results, strict=True)
        ]

    def _answers(self, windows: Sequence[Prepared], prompt: Prompt) -> Sequence[Answer | _Problem]:
        """What the model says of each window, or why it was refused."""
        requests = [(window, prompt) for window in windows]
        if not isinstance(self.model, RunsEach):
            return self.model.run(requests) if windows else []
        return [
            _Problem(str(each)) if isinstance(each, WindowError) else each
            for each in self.model.run_each(requests)
        ]

    def _keep(self, questions: Sequence[Question], prepared: Sequence[Prepared | _Problem]) -> None:
        """Leave what was seen for other runs, where the model does that."""
        if isinstance(self.model, Recalling):
            for question, window in zip(questions, prepared, strict=True):
                if isinstance(window, Prepared) and question.video.content_id:
                    self.model.keep(question.video.content_id, window)

    def _prepare(self, questions: Sequence[Question]) -> list[Prepared | _Problem]:
        """The windows ready for the model, or why they cannot be."""
        return [self._ready_window(question) for question in questions]

    def _ready_window(self, question: Question) -> Prepared | _Problem:
        try:
            return self._held(question) or self._recalled(question) or self._decode(question)
        except VideoError as error:
            return _Problem(str(error))
        except FootageError:  # of the model or the index: no window would fare better
            raise
        except Exception as error:
            logger.exception("%s of %s could not be made ready", question.window.span, question.path)
            return _Problem(unexpected_sentence(error), unexpected=True)

    def _held(self, question: Question) -> Prepared | None:
        with self._ready_lock:
            if (key := _key(question)) in self._ready:
                self._ready.move_to_end(key)
            return self._ready.get(key)

    def _recalled(self, question: Question) -> Prepared | None:
        if not isinstance(self.model, Recalling) or not question.video.content_id:
            return None
        prepared = self.model.recall(question.video.content_id, question.window.span)
        return self._hold(question, prepared) if prepared else None

    def _decode(self, question: Question) -> Prepared:
        frames = sample(
            question.path,
            question.window.span,
            **self.model.profile.frame_budget,
            video=question.video,
            timeout_seconds=self._timeout_seconds,
        )
        return self._hold(question, self.model.prepare(frames))

    def _hold(self, question: Question, prepared: Prepared) -> Prepared:
        """Hold a window ready for further questions; those asked about longest ago make room for it."""
        with self._ready_lock:
            self._ready[_key(question)] = prepared
            held = sum(window.nbytes for window in self._ready.values())
            while held > self._keep_bytes and len(self._ready) > 1:
                held -= self._ready.popitem(last=False)[1].nbytes
        return prepared

    def _remembered(self, questions: Sequence[Question], prompt: Prompt) -> dict[int, Answer]:
        """Answers given before, by number of the question."""
        if self._notebook is None:
            return {}
        keys = {n: self._remembered_as(question, prompt) for n, question in enumerate(questions)}
        known = self._notebook.groundings.of(list(keys.values()))
        return {n: known[key].answer for n, key in keys.items() if key in known}

    def _remember(self, replies: Sequence[Reply], prompt: Prompt) -> None:
        from footage.store.annotations import Grounding

        if self._notebook is None:
            return
        self._notebook.groundings.put(
            Grounding(
                reply.question.video.content_id, reply.seen, prompt.text, self.model.provenance, reply.answer
            )
            for reply in replies
            if reply.answer is not None
        )

    def _remembered_as(self, question: Question, prompt: Prompt) -> str:
        from footage.store.annotations import grounding_key

        return grounding_key(
            question.video.content_id, question.window.span, prompt.text, self.model.provenance
        )


def unexpected_sentence(error: Exception) -> str:
    """One sentence for an error that nobody foresaw."""
    reason = str(error).strip().splitlines()
    return f"It could not be checked: {type(error).__name__}{': ' + reason[0] if reason else ''}."


def _key(question: Question) -> tuple[str, Span]:
    """What a window is held under."""
    return question.video.content_id or question.path, question.window.span


def _reply(question: Question, answer: Answer) -> Reply:
    return Reply(question, answer, read_span(answer, question.window.span).span)


def _batches(numbers: Sequence[int], size: int) -> Iterator[list[int]]:
    remaining = iter(numbers)
    while batch := list(islice(remaining, size)):
        yield batch
