"""Asks a server some questions, several at once, with further tries where they may help; keeps no answers.

What a call may cost is reserved before it is made. A failure of the server, a spent budget or an answer that
cannot be kept ends the asking; calls under way are waited for, so that nothing that was paid for is lost.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import anyio
import httpx2

from evaluation.judging.answers import JudgeCompletion, answer_in, estimated_tokens, most_tokens, read_judged
from evaluation.judging.budget import JudgeBudget, JudgeCost
from evaluation.judging.dialect import JudgeDialect, JudgeSampling, request_of
from evaluation.judging.protocol import JudgeQuestion, JudgeReply
from footage.core.errors import FootageError, ModelUnavailableError, UsageError
from footage.vlm.backends.server.http_client import (
    FellError,
    NoAnswerError,
    Patience,
    RefusedError,
    ServerConnection,
)

logger = logging.getLogger(__name__)

TRIES = 4
"""Tries in all of a question whose answers cannot be used, or over which the server breaks."""
LATE_TRIES = 2
"""Tries in all of a question without a response in time."""
HOPELESS = 8
"""Questions that the server fails at, without an answer in between, at which the asking ends."""
USELESS = 20
"""Questions without a valid answer, before there is any, at which the asking ends."""
BREAKS = 2
"""Times that a server breaks over the first form of a request until another form is tried."""
TEMPLATE_TOKENS = 256
"""Upper bound of the tokens that a server puts around a question."""
_ABOUT_THE_REQUEST = (400, 413, 415, 422, 501)


@dataclass(slots=True)
class JudgeHistory:
    """What a server has done so far."""

    dialects: dict[str, JudgeDialect] = field(default_factory=dict)
    """The form of requests that it accepts, by the hash of a prompt."""
    broken: dict[str, int] = field(default_factory=dict)
    """How often it broke over a prompt of which the form is not found yet, by the hash of the prompt."""
    failed: int = 0
    """Questions that it failed at since its last answer."""
    invalid: int = 0
    """Questions without a valid answer."""
    any_valid: bool = False
    """Whether it ever gave one."""


@dataclass(frozen=True, slots=True)
class JudgeDoor:
    """A model of a server, and how it is asked."""

    connection: ServerConnection
    """With the server."""
    model: str
    """What the server calls the model."""
    sampling: JudgeSampling
    """How answers are drawn."""
    budget: JudgeBudget
    """What may be spent."""
    patience: Patience
    """Of waits; it counts one try, as further ones are counted here."""
    history: JudgeHistory
    """What the server has done so far; kept up here."""


class JudgeRun:
    """Asks some questions once."""

    def __init__(
        self,
        door: JudgeDoor,
        questions: Mapping[str, JudgeQuestion],
        keep: Callable[[str, JudgeReply], None],
        note: Callable[[int], None],
    ) -> None:
        """Take what is to be asked.

        Args:
            door: The judge.
            questions: By key.
            keep: Called with the key and each valid answer, as it comes; may raise FootageError.
            note: Called with the number of questions that have a reply.
        """
        self.replies: dict[str, JudgeReply] = {}
        """The replies by key, as they come."""
        self.cost = JudgeCost()
        """What the calls took."""
        self.stopped: FootageError | None = None
        """What ended the asking early."""
        self._door, self._questions, self._keep, self._note = door, questions, keep, note
        self._settled = anyio.Event()
        self._finding = anyio.Lock()

    async def all(self) -> None:
        """Ask everything, or until something ends it: see ``stopped``."""
        workers = min(self._door.connection.access.requests, len(self._questions))
        pending = iter(self._questions.items())
        async with self._door.connection.client() as client, anyio.create_task_group() as group:
            for _ in range(workers):
                group.start_soon(self._work, client, pending)

    async def _work(self, client: httpx2.AsyncClient, pending: Iterator[tuple[str, JudgeQuestion]]) -> None:
        """Ask questions from the common list until it is empty."""
        for key, question in pending:
            if self.stopped is not None:
                return
            try:
                reply = await self._answer(client, question)
                if reply is not None:
                    self.replies[key] = reply
                    if not reply.problem:
                        self._keep(key, reply)
                    self._note(len(self.replies))
            except FootageError as error:
                self.stopped = self.stopped or error

    # --- One question ---------------------------------------------------------------------------------------

    async def _answer(self, client: httpx2.AsyncClient, question: JudgeQuestion) -> JudgeReply | None:
        """The reply to a question; None where the asking ended over it.

        Raises:
            FootageError: what ends the asking.
        """
        fault, cut_off = "", False
        prompt_tokens = answer_tokens = 0
        for number in range(TRIES):
            sampling = self._door.sampling.of_try(number, cut_off=cut_off)
            # 1. The server answers, or it is tried again after a pause.
            try:
                completion = await self._found(client, question, sampling, fault)
            except (FellError, NoAnswerError) as error:
                most = TRIES if isinstance(error, FellError) else LATE_TRIES
                if number + 1 >= most:
                    return self._failure(error, prompt_tokens, answer_tokens)
                await self._pause(number)
                if self.stopped is not None:
                    return None
                continue
            except RefusedError as error:
                if error.status not in _ABOUT_THE_REQUEST:
                    raise
                return self._failure(error, prompt_tokens, answer_tokens)
            # 2. Its answer fits, or it is asked again for another one.
            self._door.history.failed = 0
            prompt_tokens += completion.prompt_tokens or 0
            answer_tokens += completion.answer_tokens or 0
            value, fault = answer_in(completion.text, question)
            if not fault:
                self._door.history.any_valid = True
                return JudgeReply(value, prompt_tokens, answer_tokens)
            if completion.refused:
                return self._unusable(f"{self._door.model} refuses to answer", prompt_tokens, answer_tokens)
            cut_off = not completion.whole
            fault = f"an answer cut off after {sampling.max_answer_tokens:,} tokens" if cut_off else fault
            logger.info("%s: unusable answer: %s", self._door.model, fault)
            if self.stopped is not None:
                return None
        return self._unusable(
            f"{self._door.model} gave no valid answer in {TRIES} tries: {fault}", prompt_tokens, answer_tokens
        )

    async def _found(
        self, client: httpx2.AsyncClient, question: JudgeQuestion, sampling: JudgeSampling, fault: str
    ) -> JudgeCompletion:
        """The completion, in the form that the server accepts; the first question of a prompt finds it."""
        history, key = self._door.history, question.prompt.hash
        dialects = history.dialects
        if key in dialects:
            return await self._call(client, question, dialects[key], sampling, fault)
        async with self._finding:
            if key not in dialects:
                # Most likely the one that the other prompts came to.
                dialect = next(reversed(dialects.values()), JudgeDialect())
                for _ in range(history.broken.get(key, 0) // BREAKS):
                    dialect = dialect.after("") or dialect
                first: RefusedError | None = None
                while True:
                    try:
                        completion = await self._call(client, question, dialect, sampling, fault)
                    except FellError:
                        history.broken[key] = history.broken.get(key, 0) + 1
                        raise
                    except RefusedError as error:
                        first = first or error
                        after = dialect.after(str(error)) if error.status in _ABOUT_THE_REQUEST else None
                        if after is None:
                            raise first from None
                        logger.info("%s: asked in another form: %s", self._door.model, after)
                        dialect = after
                    else:
                        dialects[key] = dialect
                        return completion
        return await self._call(client, question, dialects[key], sampling, fault)

    async def _call(
        self,
        client: httpx2.AsyncClient,
        question: JudgeQuestion,
        dialect: JudgeDialect,
        sampling: JudgeSampling,
        fault: str,
    ) -> JudgeCompletion:
        """One completion, paid from the budget; its tokens are estimated where the server does not count."""
        door = self._door
        body, text = request_of(door.model, question, dialect, sampling, fault=fault)
        reserved = most_tokens(text) + TEMPLATE_TOKENS + sampling.max_answer_tokens
        await self._reserve(reserved)
        calls, used, spent = (
            1,
            reserved,
            JudgeCost(calls=1, prompt_tokens=estimated_tokens(text), estimated=True),
        )
        try:
            answer = await door.connection.ask(
                client, "/chat/completions", body, read=read_judged, patience=door.patience
            )
            estimated = answer.prompt_tokens is None or answer.answer_tokens is None
            answer = replace(
                answer,
                prompt_tokens=estimated_tokens(text)
                if answer.prompt_tokens is None
                else answer.prompt_tokens,
                answer_tokens=estimated_tokens(answer.text)
                if answer.answer_tokens is None
                else answer.answer_tokens,
            )
            spent = JudgeCost(
                calls=1,
                prompt_tokens=answer.prompt_tokens or 0,
                answer_tokens=answer.answer_tokens or 0,
                estimated=estimated,
            )
            used = spent.tokens
        except (FellError, NoAnswerError):
            raise  # the server may have worked on it: counted in full
        except ModelUnavailableError:
            calls, used, spent = 0, 0, JudgeCost()
            raise
        finally:
            door.budget.settle(reserved, used, calls=calls)
            self.cost += spent
            self._settled.set()
            self._settled = anyio.Event()
        return answer

    async def _reserve(self, most_tokens: int) -> None:
        """Reserve a call, once calls under way leave room for it.

        Raises:
            UsageError: when the budget does not allow it.
        """
        budget = self._door.budget
        while lacks := budget.lacks(most_tokens):
            if not budget.under_way:
                raise UsageError(lacks)
            await self._settled.wait()
        budget.reserve(most_tokens)

    async def _pause(self, number: int) -> None:
        """Wait before another try, longer with each."""
        patience = self._door.patience
        await patience.sleep(min(patience.first_seconds * 2**number, patience.longest_seconds))

    # --- Questions without an answer ------------------------------------------------------------------------

    def _failure(self, error: ModelUnavailableError, prompt_tokens: int, answer_tokens: int) -> JudgeReply:
        """The reply to a question that the server failed at.

        Raises:
            ModelUnavailableError: when it failed at all of the last ones.
        """
        history = self._door.history
        history.failed += 1
        if history.failed >= HOPELESS:
            history.failed = 0  # a new call is a new attempt
            raise error
        return JudgeReply(None, prompt_tokens, answer_tokens, problem=str(error))

    def _unusable(self, problem: str, prompt_tokens: int, answer_tokens: int) -> JudgeReply:
        """The reply to a question without a valid answer.

        Raises:
            ModelUnavailableError: when there were only such answers so far.
        """
        history = self._door.history
        history.invalid += 1
        if history.invalid >= USELESS and not history.any_valid:
            raise ModelUnavailableError(
                f"{problem}; nor did it to any of the {USELESS} first questions",
                hint="Choose a larger model as the judge, or a server with structured output (JSON schema).",
            )
        return JudgeReply(None, prompt_tokens, answer_tokens, problem=problem)
