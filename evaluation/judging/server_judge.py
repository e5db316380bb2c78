"""Asks a language model behind an OpenAI-compatible server; knows no prompt and no benchmark.

An address is written as for video models: ``http://127.0.0.1:8000/v1#model``. Another machine is asked only
over https and where the settings allow it, and the key is in FOOTAGE_API_KEY alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import anyio

from evaluation.judging.answers import estimated_tokens
from evaluation.judging.asking import JudgeDoor, JudgeHistory, JudgeRun
from evaluation.judging.budget import JudgeBudget, JudgeCost
from evaluation.judging.cache import AnswerCache, KeptJudgement, answer_key
from evaluation.judging.dialect import JudgeDialect, JudgeSampling, request_of
from evaluation.judging.protocol import JudgeQuestion, JudgeReply
from footage.core.endpoint import Access, Address, check_allowed, parse_address
from footage.core.errors import FootageError, ModelUnavailableError, UsageError
from footage.vlm.backends.server.chat import read_models
from footage.vlm.backends.server.client import BROKEN_TRIES, FIRST_SECONDS, FIRST_TRIES, chosen_name
from footage.vlm.backends.server.http_client import (
    Patience,
    RefusedError,
    ServerConnection,
    key_from_environment,
)

OnJudged = Callable[[str, int, int], None]
"""Called with "judging", how many questions are answered, and how many there are."""
ANSWER_TOKENS = 150
"""Tokens of an answer in estimates, where nothing is known of it."""


@dataclass(frozen=True, slots=True)
class JudgeModel:
    """A model as a server offers it."""

    name: str
    """What the server calls it."""
    root: str = ""
    """Its repository, where the server says."""

    @property
    def identity(self) -> str:
        """The model wherever it is served; kept answers belong to it."""
        return f"{self.name}@{self.root}" if self.root else self.name


class ServerJudge:
    """A judge of texts behind a server (``evaluation.judging.protocol.TextJudge``); one thread may use it."""

    def __init__(
        self,
        connection: ServerConnection,
        model: JudgeModel,
        *,
        sampling: JudgeSampling | None = None,
        cache: AnswerCache | None = None,
        budget: JudgeBudget | None = None,
        patience: Patience | None = None,
        on_progress: OnJudged | None = None,
    ) -> None:
        """Take a connection; ``connect`` makes one from an address.

        Args:
            connection: With the server.
            model: The model to ask.
            sampling: How answers are drawn; None for the likeliest ones.
            cache: Where answers are kept; None for nowhere.
            budget: What may be spent, shared with other judges or not; None for no bound.
            patience: Of waits for a server that is away; None for that of the connection.
            on_progress: Called after each answer.
        """
        self.model, self.sampling = model, sampling or JudgeSampling()
        self.cost = JudgeCost()
        """What this judge was asked and what it took so far."""
        self._cache, self._on_progress, self._run_number = cache, on_progress, 0
        patience = patience or Patience(away_seconds=connection.access.patience_seconds)
        self._door = JudgeDoor(
            connection,
            model.name,
            self.sampling,
            budget or JudgeBudget(),
            replace(patience, tries=1, broken_tries=1),
            JudgeHistory(),
        )

    @classmethod
    def connect(
        cls,
        text: str,
        *,
        access: Access,
        sampling: JudgeSampling | None = None,
        cache: AnswerCache | None = None,
        budget: JudgeBudget | None = None,
        patience: Patience | None = None,
        on_progress: OnJudged | None = None,
        must_answer: bool = True,
    ) -> ServerJudge:
        """Connect to the server of an address and find its model; asks no question.

        Args:
            text: The address, as in http://127.0.0.1:8000/v1#model.
            access: How servers may be used.
            sampling: As of ``ServerJudge``.
            cache: As of ``ServerJudge``.
            budget: As of ``ServerJudge``.
            patience: As of ``ServerJudge``.
            on_progress: As of ``ServerJudge``.
            must_answer: Whether the server must be there now. Without it, an estimate needs no server if the
                address names the model; answers kept under the repository of the model are not found then.

        Raises:
            UsageError: when the address makes no sense or may not be used, or it does not say which model.
            ModelUnavailableError: when the server cannot be reached, refuses the key, or has no such model.
        """
        address = judge_address(text, allow_remote=access.allow_remote)
        connection = ServerConnection(address, access, key_from_environment())
        patience = patience or Patience(away_seconds=access.patience_seconds)
        try:
            model = anyio.run(_find_model, connection, patience)
        except ModelUnavailableError:
            if must_answer or not address.model:
                raise
            model = JudgeModel(address.model)
        return cls(
            connection,
            model,
            sampling=sampling,
            cache=cache,
            budget=budget,
            patience=patience,
            on_progress=on_progress,
        )

    @property
    def name(self) -> str:
        """Model and server, without secrets."""
        again = f", run {self._run_number + 1}" if self._run_number else ""
        return f"{self.model.name} at {self._door.connection.address.url}{again}"

    def run(self, number: int) -> ServerJudge:
        """The same judge in another run: drawn with other seeds, under the same budget.

        Args:
            number: 0 for this run, 1 for the next.
        """
        other = copy.copy(self)
        other.sampling, other.cost, other._run_number = self.sampling.of_run(number), JudgeCost(), number
        other._door = replace(self._door, sampling=other.sampling)
        return other

    def kept(self, questions: Sequence[JudgeQuestion]) -> list[JudgeReply | None]:
        """The answers that are kept, in order; None for a question that would be asked."""
        found = [self._kept(question) for question in questions]
        return [None if each is None else JudgeReply(each.value, kept=True) for each in found]

    def estimate(
        self, questions: Sequence[JudgeQuestion], *, answer_tokens: int = ANSWER_TOKENS
    ) -> JudgeCost:
        """What ``ask`` would take if every first try succeeds; asks nothing. Kept answers take nothing.

        Args:
            questions: What would be asked.
            answer_tokens: Tokens of one answer, estimated.
        """
        new = {self._key(question): question for question in questions if self._kept(question) is None}
        dialect = JudgeDialect()
        prompts = [request_of(self.model.name, each, dialect, self.sampling)[1] for each in new.values()]
        return JudgeCost(
            questions=len(questions),
            kept=len(questions) - len(new),
            calls=len(new),
            prompt_tokens=sum(map(estimated_tokens, prompts)),
            answer_tokens=answer_tokens * len(new),
            estimated=bool(new),
        )

    def ask(self, questions: Sequence[JudgeQuestion]) -> list[JudgeReply]:
        """Answer questions, in order; equal ones are asked once. Answers are kept as they come.

        Raises:
            ModelError: when the server cannot be used at all.
            UsageError: when the budget does not allow another question; answers so far are kept.
            FootageError: when an answer cannot be kept.
        """
        # 1. What is kept, or the same as another question, is not asked.
        keys = [self._key(question) for question in questions]
        by_key = dict(zip(keys, questions, strict=True))
        found = {key: self._kept(question) for key, question in by_key.items()}
        replies = {key: JudgeReply(each.value, kept=True) for key, each in found.items() if each is not None}
        asked = {key: question for key, question in by_key.items() if key not in replies}
        done = len(replies)
        self.cost += JudgeCost(questions=len(questions), kept=len(questions) - len(asked))

        # 2. The others are, several at once.
        def keep(key: str, reply: JudgeReply) -> None:
            if self._cache is not None:
                kept = KeptJudgement(reply.value, reply.prompt_tokens, reply.answer_tokens)
                self._cache.put(key, kept, model=self.model.identity, question=asked[key])

        def note(answered: int) -> None:
            if self._on_progress is not None:
                self._on_progress("judging", done + answered, len(by_key))

        if asked:
            run = JudgeRun(self._door, asked, keep, note)
            try:
                anyio.run(run.all)
            finally:
                self.cost += run.cost
            if run.stopped is not None:
                raise self._worded(run.stopped, done + len(run.replies), len(by_key)) from run.stopped
            replies |= run.replies

        # 3. A question that comes twice is paid for once.
        result, paid = [], set[str]()
        for key in keys:
            reply = replies[key]
            result.append(replace(reply, prompt_tokens=0, answer_tokens=0) if key in paid else reply)
            paid.add(key)
        return result

    def _worded(self, error: FootageError, done: int, total: int) -> FootageError:
        """What stopped the judge; of the budget, with how far it got."""
        if not isinstance(error, UsageError):
            return error
        kept = " Answers so far are kept: the same command continues from there." if self._cache else ""
        return UsageError(
            f"{error}; {done:,} of {total:,} questions to {self.model.name} are answered",
            hint=f"Raise the bound; --dry-run estimates what is left.{kept}",
        )

    def _key(self, question: JudgeQuestion) -> str:
        return answer_key(self.model.identity, question, self.sampling)

    def _kept(self, question: JudgeQuestion) -> KeptJudgement | None:
        return self._cache.get(self._key(question), question) if self._cache else None


def judge_address(text: str, *, allow_remote: bool) -> Address:
    """The address of a judge, which may be used.

    Raises:
        UsageError: when it makes no sense as one, or is another machine and that is not allowed.
    """
    address = parse_address(text)
    if address.way or address.profile:
        raise UsageError(
            "the address of a judge of texts takes no options",
            hint="As in http://127.0.0.1:8000/v1#name; leave out what follows the question mark.",
        )
    try:
        check_allowed(address, allow_remote=allow_remote)
    except UsageError as error:
        sentence = str(error).replace("parts of your videos", "captions of your videos")
        raise UsageError(sentence, hint=error.hint) from error
    return address


async def _find_model(connection: ServerConnection, patience: Patience) -> JudgeModel:
    """The model that an address means."""
    few = replace(
        patience,
        tries=min(FIRST_TRIES, patience.tries),
        broken_tries=BROKEN_TRIES,
        away_seconds=min(FIRST_SECONDS, patience.away_seconds),
    )
    async with connection.client() as client:
        try:
            served = await connection.ask(client, "/models", read=read_models, patience=few)
        except RefusedError:  # it does not list its models
            served = {}
    name = chosen_name(connection.address, served)
    return JudgeModel(name, served.get(name, ""))
