"""Asks a model whether and when an event happens in windows of video; knows no index and weighs nothing.

Answers are remembered where there is a store to remember them in: the same question about the same window of
the same video to the same model has the same answer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, WindowError
from footage.core.timecode import iou
from footage.core.types import Answer, Span, Video, Window
from footage.inference.runner import WindowedRunner, WindowResult, WindowSource
from footage.vlm.contract import find_prompt, read_span
from footage.vlm.protocol import Prepared, Prompt, RunsEach, VideoModel

if TYPE_CHECKING:  # without an index, LanceDB is not loaded
    from footage.store.annotations import Annotations

logger = logging.getLogger(__name__)

KEPT_BYTES = 512 << 20
"""Prepared windows held: successive queries mostly ask about the same windows. One takes what the vision
tower made of its frames, 22 MB for 30 s of Marlin's."""
OUT_OF_TIME = "The time limit was reached before the model checked this part."
"""Problem of a question that the time budget left out."""


@dataclass(frozen=True, slots=True)
class WindowQuestion:
    """One window to ask about."""

    video: Video
    """The video."""
    path: str
    """A file that holds it."""
    window: Window
    """Which part of it; index -1 for a window that is not one of the video's planned windows."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of one question."""

    question: WindowQuestion
    """The question."""
    answer: Answer | None = None
    """The model's answer; None when the window was not shown."""
    span: Span | None = None
    """The span in the answer, in video time and inside the window; None when it names no usable time. Of an
    answer with several, the first."""
    problem: str = ""
    """Why the window was not shown, one sentence; empty when it was."""
    unexpected: bool = False
    """True when the problem is a fault of this program or of a library, whose traceback is in the log."""
    further: tuple[Span, ...] = ()
    """The other spans in the answer."""
    complete: bool = False
    """Whether the answer names every span in the window (``Capabilities.multi_span``)."""
    absent: bool = False
    """Whether the answer says that the event is not in the window, and that is evidence
    (``Capabilities.says_absent``)."""

    @property
    def seen(self) -> Span:
        """The window, in video time."""
        return self.question.window.span

    @property
    def spans(self) -> tuple[Span, ...]:
        """All spans in the answer."""
        return () if self.span is None else (self.span, *self.further)

    def each(self) -> tuple[Reply, ...]:
        """One reply for each span in the answer; this one where there are not several."""
        if not self.further:
            return (self,)
        return tuple(replace(self, span=span, further=()) for span in self.spans)

    def nearest(self, span: Span) -> Reply:
        """The reply with the span in the answer that agrees best with another one."""
        return max(self.each(), key=lambda reply: iou(reply.span, span) if reply.span else 0.0)


class EventFinder:
    """Asks one model when events happen. Keep it for further questions: it holds the windows shown last.

    Several threads may ask: the model gets one batch of windows at a time.
    """

    def __init__(
        self,
        model: VideoModel,
        *,
        annotations: Annotations | None = None,
        keep_bytes: int = KEPT_BYTES,
        timeout_seconds: float = 120,
    ) -> None:
        """Put the parts together.

        Args:
            model: The grounding model.
            annotations: Remembers answers; None for no memory.
            keep_bytes: Bound on prepared windows held for the next question; the last one is held in any
                case.
            timeout_seconds: Give up on a window's decoding after this long without progress.
        """
        self.model = model
        self._annotations = annotations
        self._ahead: dict[tuple[str, Span, str], Answer | Exception] = {}
        self._runner = WindowedRunner(model, keep_bytes=keep_bytes, timeout_seconds=timeout_seconds)

    def ask(
        self,
        event: str,
        questions: Sequence[WindowQuestion],
        *,
        fresh: bool = False,
        until: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        on_replies: Callable[[Mapping[int, Reply]], None] | None = None,
    ) -> list[Reply]:
        """Ask when ``event`` takes place in each window.

        Args:
            event: The event, as the prompt takes it.
            questions: The windows.
            fresh: Ask again where an answer is remembered.
            until: Begin no batch after this moment of ``time.monotonic``; None for no bound.
            on_progress: Called with (windows done, windows in all) after every batch.
            on_replies: Called with the replies so far, by number of the question, after every batch.

        Returns:
            One reply a question, in order. A window that was not shown has a ``problem`` and no answer.

        Raises:
            UsageError: when nothing of the event can go into a prompt.
            StoreError: when answers cannot be remembered.
            ModelError: when the model fails.
        """
        prompt = find_prompt(event, self.model.profile)
        # 1. Recall the answers that were given before.
        replies = {
            n: self._reply_with(question, self._ahead[key])
            for n, question in enumerate(questions)
            if (key := _ahead_key(question, prompt)) in self._ahead
        }
        answers = {} if fresh else self._remembered(questions, prompt)
        replies |= {n: self._reply(questions[n], answer) for n, answer in answers.items()}
        unknown = [n for n in range(len(questions)) if n not in replies]
        if on_progress and not unknown:
            on_progress(len(questions), len(questions))
        # 2. Ask about the other windows, until the time is up.
        batches = self._runner.batches(
            [WindowSource(questions[n].path, questions[n].video, questions[n].window.span) for n in unknown],
            lambda _, prepared: self._answers(prepared, prompt),
            should_stop=lambda: until is not None and time.monotonic() >= until,
            eager=True,
        )
        for batch in batches:
            new = {
                unknown[result.number]: self._reply_to(questions[unknown[result.number]], result)
                for result in batch
            }
            replies |= new
            self._remember(list(new.values()), prompt)
            if on_progress:
                on_progress(len(replies), len(questions))
            if on_replies:
                on_replies(replies)
        out_of_time = (Reply(question, problem=OUT_OF_TIME) for question in questions)
        return [replies.get(n, reply) for n, reply in enumerate(out_of_time)]

    def ask_ahead(self, questions: Sequence[tuple[WindowQuestion, Sequence[str]]]) -> Iterator[list[int]]:
        """Ask each window about several events at once; ``ask`` has the answers afterwards.

        A window is decoded and read once for all of its events, whose answers are written together. What
        could not be decoded or was refused is not tried again by ``ask``.

        Args:
            questions: Each window with its events, as the prompt takes them.

        Yields:
            After each batch, the numbers of the questions that are answered; while the caller goes on, the
            next windows are decoded.

        Raises:
            UsageError: when nothing of an event can go into a prompt.
            ModelError: when the model fails.
        """
        profile = self.model.profile
        prompts = [
            [find_prompt(event, profile) for event in dict.fromkeys(events)] for _, events in questions
        ]
        sources = [WindowSource(each.path, each.video, each.window.span) for each, _ in questions]

        def answers(
            numbers: Sequence[int], prepared: Sequence[Prepared]
        ) -> list[list[Answer | WindowError] | WindowError]:
            pairs = list(zip(numbers, prepared, strict=True))
            try:
                given = iter(self._run([(window, prompt) for n, window in pairs for prompt in prompts[n]]))
            except WindowError as error:  # one of them is too much: each by itself
                return (
                    [error]
                    if len(pairs) == 1
                    else [outcome for n, window in pairs for outcome in answers([n], [window])]
                )
            return [[next(given) for _ in prompts[n]] for n in numbers]

        for batch in self._runner.batches(sources, answers):
            for result in batch:
                question, asked = questions[result.number][0], prompts[result.number]
                outcomes = result.result if result.error is None else [result.error] * len(asked)
                for prompt, outcome in zip(asked, outcomes or (), strict=True):
                    self._ahead[_ahead_key(question, prompt)] = outcome
            yield [result.number for result in batch]

    def _answers(self, windows: Sequence[Prepared], prompt: Prompt) -> Sequence[Answer | WindowError]:
        """The model's answer about each window, or its refusal where the model can refuse a single one."""
        return self._run([(window, prompt) for window in windows])

    def _run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> Sequence[Answer | WindowError]:
        return self.model.run_each(requests) if isinstance(self.model, RunsEach) else self.model.run(requests)

    def _reply_to(self, question: WindowQuestion, result: WindowResult[Answer]) -> Reply:
        outcome = result.error if result.result is None else result.result
        assert outcome is not None
        return self._reply_with(question, outcome)

    def _reply_with(self, question: WindowQuestion, outcome: Answer | Exception) -> Reply:
        if isinstance(outcome, Answer):
            return self._reply(question, outcome)
        if isinstance(outcome, FootageError):
            return Reply(question, problem=str(outcome))
        logger.error("%s of %s could not be prepared", question.window.span, question.path, exc_info=outcome)
        return Reply(question, problem=unexpected_sentence(outcome), unexpected=True)

    def _reply(self, question: WindowQuestion, answer: Answer) -> Reply:
        can = self.model.capabilities
        reading = read_span(answer, question.window.span, self.model.profile)
        spans = reading.spans if can.multi_span else reading.spans[:1]
        return Reply(
            question,
            answer,
            spans[0] if spans else None,
            further=spans[1:],
            complete=can.multi_span and (bool(spans) or reading.absent),
            absent=can.says_absent and reading.absent,
        )

    def _remembered(self, questions: Sequence[WindowQuestion], prompt: Prompt) -> dict[int, Answer]:
        """Answers given before, by number of the question."""
        if self._annotations is None:
            return {}
        from footage.store.annotations import grounding_key

        keys = {
            n: grounding_key(
                question.video.content_id, question.window.span, prompt.text, self.model.provenance
            )
            for n, question in enumerate(questions)
        }
        known = self._annotations.groundings.of(list(keys.values()))
        return {n: known[key].answer for n, key in keys.items() if key in known}

    def _remember(self, replies: Sequence[Reply], prompt: Prompt) -> None:
        if self._annotations is None:
            return
        from footage.store.annotations import Grounding

        self._annotations.groundings.put(
            Grounding(
                reply.question.video.content_id, reply.seen, prompt.text, self.model.provenance, reply.answer
            )
            for reply in replies
            if reply.answer is not None
        )


def _ahead_key(question: WindowQuestion, prompt: Prompt) -> tuple[str, Span, str]:
    return question.path, question.window.span, prompt.text


def unexpected_sentence(error: Exception) -> str:
    """One sentence for an error that no caller expects."""
    reason = str(error).strip().splitlines()
    return f"It could not be checked: {type(error).__name__}{': ' + reason[0] if reason else ''}."
