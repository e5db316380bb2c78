"""A served model behind the ``VideoModel`` protocol: sends windows and prompts, several at once.

It knows no file and no index; which server, which model and what it takes is found out in
``footage.vlm.backends.server.client``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal

from footage.core.errors import ModelError, WindowError, WindowRefusedError
from footage.core.types import Answer, Frames, Provenance, Span
from footage.vlm import contract
from footage.vlm.backends.server import payload
from footage.vlm.backends.server.ahead import PreparingAhead
from footage.vlm.backends.server.chat import read_completion, request_body, window_parts
from footage.vlm.backends.server.check import Dialect
from footage.vlm.backends.server.http_client import FellError, Patience, RefusedError, ServerConnection
from footage.vlm.profile import Profile
from footage.vlm.protocol import Capabilities, Prepared, Prompt

logger = logging.getLogger(__name__)

MOST_LEFT_OUT = 3
"""Windows left out one after the other, without an answer in between, at which a server counts as broken."""
BATCHES_AHEAD = 4
"""Multiple of the requests on their way at once that is worth giving to one call."""
_ABOUT_THE_REQUEST = (400, 413, 422)  # too long, too large, or not accepted
_NO_SUCH_MODEL = frozenset({404})
"""Of a server that has answered: it was started again, and has not loaded the model yet."""


class ServerModel:
    """A served model behind the ``VideoModel`` protocol; threads may share one."""

    stage_seconds: Mapping[str, float] = {}
    """Empty: only the server knows them."""
    on_wait: Callable[[str], bool] | None = None
    """See ``footage.vlm.protocol.Waits``."""

    def __init__(
        self,
        connection: ServerConnection,
        profile: Profile,
        *,
        name: str,
        revision: str,
        dialect: Dialect,
        patience: Patience,
    ) -> None:
        self._connection, self._profile = connection, profile
        self._name, self._revision, self._dialect, self._patience = name, revision, dialect, patience
        self._has_answered = False
        self._has_noted = False
        self._left_out_in_a_row = 0
        self._waiting: dict[object, str] = {}
        self._ahead = PreparingAhead(self._prepare)

    @property
    def profile(self) -> Profile:
        """Its profile."""
        return self._profile

    @property
    def capabilities(self) -> Capabilities:
        """Token log-probabilities, if it sends them, and enough requests a call to keep it busy."""
        at_once = self._connection.access.requests
        return Capabilities(
            token_logprobs="logprobs" not in self._dialect.without,
            max_batch=at_once * BATCHES_AHEAD,
            windows_ahead=at_once,
            several_pictures="point" in self._profile.skills,
            multi_span=self._profile.multi_span,
            says_absent=self._profile.says_absent,
        )

    @property
    def provenance(self) -> Provenance:
        """The served name, the repository that the server reports, prompt version, budget; no address.

        The budget names the encoding, and otherwise only what is known to differ from a model in this
        process: what the model sees counts, not the form of the request.
        """
        dialect, profile = self._dialect, self._profile
        sent = f"h264 crf={payload.CRF}" if dialect.way == "video" else f"jpeg q={payload.JPEG_QUALITY}"
        budget = [contract.budget_text(profile), f"sent={sent}"]
        if not dialect.as_sent:
            budget.append("sampling=server")
        if dialect.form not in (None, profile.video_form):
            budget.append(f"video={dialect.form}")
        if profile.sampling.repetition_penalty != 1 and "repetition_penalty" in dialect.without:
            budget.append("penalty=server")
        return Provenance(self._name, self._revision, profile.prompt_version, " ".join(budget))

    @property
    def sees(self) -> str:
        """What the model was found to see, in a few words."""
        return self._dialect.sees

    def prepare(self, frames: Frames) -> Prepared:
        """Encode a window; for a model that points, a single frame as the picture that it names 1.

        Raises:
            DecodeError: when there is no frame in it.
        """
        if "point" in self._profile.skills and len(set(frames.times_seconds)) == 1:
            return self.prepare_pictures([frames])
        return self._ahead.take(frames)

    def prepare_ahead(self, frames: Frames) -> None:
        """As ``footage.vlm.protocol.PreparesAhead``."""
        self._ahead.begin(frames)

    def _prepare(self, frames: Frames) -> Prepared:
        parts = window_parts(frames, self._dialect.way)
        notes = payload.clip_notes(frames) if self._dialect.way == "video" else ()
        if notes and not self._has_noted:
            self._has_noted = True
            logger.warning("A window of uneven frames is not sent exactly: %s.", ", ".join(notes))
        size = sum(len(part.get("text") or part[part["type"]]["url"]) for part in parts)
        return Prepared(frames.span, parts, nbytes=size, notes=notes)

    def prepare_pictures(self, pictures: Sequence[Frames]) -> Prepared:
        """The first frame of each as a picture; the span is from the earliest to the latest of them.

        Raises:
            DecodeError: when there is no frame.
        """
        parts = [
            next(part for part in payload.picture_parts(picture) if part["type"] == "image_url")
            for picture in pictures
        ]
        times = [picture.times_seconds[0] for picture in pictures]
        span = pictures[0].span if len(pictures) == 1 else Span(min(times), max(times))
        return Prepared(span, parts, nbytes=sum(len(part["image_url"]["url"]) for part in parts))

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answer every request, in order, several at once; the answers do not depend on how many.

        Drawn tokens have no probabilities. A server's penalty for repetition may count the question's
        tokens, too.

        Raises:
            WindowRefusedError: when the server refuses a window (400, 413, 422) and has answered others, or
                went away or broke twice over one.
            ModelUnavailableError: when the server cannot be used (any more); open requests are dropped.
        """
        answers = []
        for each in self.run_each(requests):
            if isinstance(each, WindowError):
                raise each
            answers.append(each)
        return answers

    def run_each(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer | WindowError]:
        """As ``run``, with an error in place of the answer about a window that ``run`` would raise.

        The call waits for a server that goes away. The requests on their way then are sent again one at a
        time; a window over which the server goes away once more is left out.

        Raises:
            ModelUnavailableError: as ``run``.
        """
        if not requests:
            return []
        with start_blocking_portal() as portal:
            return portal.call(self._answers, requests)

    async def _answers(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer | WindowError]:
        outcomes: dict[int, Answer | WindowError] = {}
        refused: dict[int, RefusedError] = {}
        fallen: list[int] = []
        room = anyio.CapacityLimiter(self._connection.access.requests)

        async def answer(number: int) -> None:
            async with room:
                try:
                    outcomes[number] = await self._answer(client, *requests[number])
                except FellError as error:
                    logger.info("%s", error)
                    fallen.append(number)
                except RefusedError as error:
                    if error.status not in _ABOUT_THE_REQUEST:
                        raise
                    refused[number] = error

        async with self._connection.client() as client:
            # 1. All, several at once.
            try:
                async with anyio.create_task_group() as group:
                    for number in range(len(requests)):
                        group.start_soon(answer, number)
            except* ModelError as failed:
                raise _first(failed) from None
            # 2. Over which window does the server fail? One at a time, as only one may be the cause.
            if fallen:
                logger.warning(
                    "The server at %s failed or disconnected with %d windows: they are sent again one by "
                    "one.",
                    self._connection.address.url,
                    len(fallen),
                )
            for number in sorted(fallen):
                try:
                    outcomes[number] = await self._answer(client, *requests[number])
                except FellError as error:
                    outcomes[number] = self._left_out(error)
        # A server that refuses everything from the start is set up wrong.
        if refused and not self._has_answered:
            first = next(iter(refused.values()))
            if self._dialect.way == "frames":
                first.hint = (
                    "The server may limit the pictures of a request: send fewer, as with --max-frames 20, or "
                    "use shorter windows (--window)."
                )
            raise first
        for number, refusal in refused.items():
            outcomes[number] = WindowRefusedError(
                str(refusal), hint="Shorter windows may work: see --window."
            )
        return [outcomes[number] for number in range(len(requests))]

    async def _answer(self, client: httpx2.AsyncClient, prepared: Prepared, prompt: Prompt) -> Answer:
        body = request_body(self._name, prepared.payload, prompt, self._profile, self._dialect)
        waiter = object()

        def waits(sentence: str) -> bool:
            if not self._waiting and self.on_wait is None:
                logger.warning("Waiting for %s.", sentence)
            self._waiting[waiter] = sentence
            return self.on_wait is None or self.on_wait(sentence)

        try:
            answer = await self._connection.ask(
                client,
                "/chat/completions",
                json.dumps(body).encode(),
                read=lambda data: read_completion(data, prompt),
                patience=self._patience,
                away=_NO_SUCH_MODEL if self._has_answered else frozenset(),
                on_wait=waits,
            )
        finally:
            if self._waiting.pop(waiter, None) and not self._waiting and self.on_wait:
                self.on_wait("")
        self._has_answered, self._left_out_in_a_row = True, 0
        return answer

    def _left_out(self, error: FellError) -> WindowRefusedError:
        """The error of a window over which the server fell twice.

        Raises:
            FellError: when it fell over the windows before as well.
        """
        self._left_out_in_a_row += 1
        if self._left_out_in_a_row >= MOST_LEFT_OUT:
            raise error
        return WindowRefusedError(f"{error}, twice", hint=error.hint)


def _first(group: BaseExceptionGroup[ModelError]) -> ModelError:
    """One of the errors of a group."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
