"""Runs a model behind a server that speaks the OpenAI chat completions protocol; knows no file and no index.

A window travels as a small H.264 clip or, where the server takes no video, as pictures with their times as
text; nothing else of a video does. What the server takes is found out once, with a grey test clip, when the
model is loaded: everything after goes the same way, so that all windows of an index are seen alike.

What vLLM does with the clip: its loaders take 32 frames of any video or, for some models, 2 a second, unless
they are set up to take all (the server's ``--media-io-kwargs``; the request's, ``sending.ALL_FRAMES``, only
where the server trusts them), and hand the processor their numbers and the file's rate; with
``do_sample_frames`` false the time stamps are made of these: number divided by rate. So a clip is seen whole,
at its times (looked at in ``footage.vlm.backends.server.check``). fps, min_frames and max_frames are for
releases that sample all the same: they come to about as many frames as there are. The frames have the
budget's size already, and ``size`` keeps the processor from changing it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal

from footage.core import frame_budget
from footage.core.endpoint import Access, Address, Way, check_allowed, parse_address
from footage.core.errors import ModelError, ModelUnavailableError, UsageError, WindowError, WindowRefusedError
from footage.core.types import Answer, FinishReason, Frames, Provenance
from footage.vlm import contract
from footage.vlm.backends.server import check, payload
from footage.vlm.backends.server.check import Manner
from footage.vlm.backends.server.http_client import (
    FellError,
    Patience,
    RefusedError,
    Wire,
    key_from_environment,
)
from footage.vlm.profiles import Changes, Profile, changed, find_profile, get_profile
from footage.vlm.protocol import LIKELIEST, Capabilities, Prepared, Prompt

logger = logging.getLogger(__name__)

FIRST_TRIES = 3
"""Of asking what a server serves: the address may be wrong."""
FIRST_SECONDS = 3.0
"""Longest wait for a server that cannot be reached when it is asked what it serves."""
MOST_LEFT_OUT = 3
"""Windows left out one after the other, without an answer in between, at which a server counts as broken."""
BROKEN_TRIES = 2
"""Of finding out whether a server breaks down over a way of asking."""
BATCHES_AHEAD = 4
"""So many times the requests on their way at once are worth giving to one call."""
_SHOWN_NAMES, _LONGEST_NAME = 5, 200
_ABOUT_THE_REQUEST = (400, 413, 422)  # too long, too large, not to its liking
_NO_SUCH_MODEL = frozenset({404})
"""Of a server that has answered: it was started again, and has not loaded the model yet."""

Body = dict[str, Any]
T = TypeVar("T")


class ServerModel:
    """A served model behind the ``VideoModel`` protocol; threads may share one."""

    stage_seconds: Mapping[str, float] = {}
    """Nothing: only the server knows."""
    on_wait: Callable[[str], bool] | None = None
    """See ``footage.vlm.protocol.Waits``."""

    def __init__(
        self, wire: Wire, profile: Profile, *, name: str, revision: str, manner: Manner, patience: Patience
    ) -> None:
        self._wire, self._profile = wire, profile
        self._name, self._revision, self._manner, self._patience = name, revision, manner, patience
        self._has_answered = False
        self._has_noted = False
        self._left_out_in_a_row = 0
        self._waiting: dict[object, str] = {}

    @property
    def profile(self) -> Profile:
        """The contract it is run under."""
        return self._profile

    @property
    def capabilities(self) -> Capabilities:
        """Token log-probabilities, if it tells them, and enough requests a call to keep it busy."""
        at_once = self._wire.access.requests
        return Capabilities(
            token_logprobs="logprobs" not in self._manner.without,
            max_batch=at_once * BATCHES_AHEAD,
            windows_ahead=at_once,
        )

    @property
    def provenance(self) -> Provenance:
        """The served name, what the server says it is made of, prompt version, budget; no address.

        What the model sees counts, not how a server is asked for it: the budget names the encoding, and
        besides only where the server is known to do otherwise than a model in this process.
        """
        manner, profile = self._manner, self._profile
        sent = f"h264 crf={payload.CRF}" if manner.way == "video" else f"jpeg q={payload.JPEG_QUALITY}"
        budget = [contract.budget_text(profile), f"sent={sent}"]
        if not manner.as_sent:
            budget.append("sampling=server")
        if manner.form not in (None, profile.video_form):
            budget.append(f"video={manner.form}")
        if profile.sampling.repetition_penalty != 1 and "repetition_penalty" in manner.without:
            budget.append("penalty=server")
        return Provenance(self._name, self._revision, profile.prompt_version, " ".join(budget))

    @property
    def sees(self) -> str:
        """What the model was found to see, in a few words."""
        return self._manner.sees

    def prepare(self, frames: Frames) -> Prepared:
        """Encode a window; for a model that points, a single frame as the picture that it names 1.

        Raises:
            DecodeError: when there is no frame in it.
        """
        notes: tuple[str, ...] = ()
        if "point" in self._profile.skills and len(set(frames.times_seconds)) == 1:
            parts = [part for part in payload.picture_parts(frames) if part["type"] == "image_url"][:1]
        else:
            parts = _parts(frames, self._manner.way)
            notes = payload.clip_notes(frames) if self._manner.way == "video" else ()
        if notes and not self._has_noted:
            self._has_noted = True
            logger.warning("A window of uneven frames is not sent exactly: %s.", ", ".join(notes))
        size = sum(len(part.get("text") or part[part["type"]]["url"]) for part in parts)
        return Prepared(frames.span, parts, nbytes=size, notes=notes)

    def run(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer]:
        """Answer every request, in order, several at once; the answers do not depend on how many.

        Of drawn tokens no probabilities are told. A server's penalty for repetition may count the question's
        tokens, too.

        Raises:
            WindowRefusedError: when the server refuses a window (400, 413, 422) and has answered others, or
                went away or broke twice over one.
            ModelUnavailableError: when the server cannot be used (any more); what was on its way is given up.
        """
        answers = []
        for each in self.run_each(requests):
            if isinstance(each, WindowError):
                raise each
            answers.append(each)
        return answers

    def run_each(self, requests: Sequence[tuple[Prepared, Prompt]]) -> list[Answer | WindowError]:
        """As ``run``, with an error in place of the answer about a window that ``run`` would raise.

        A server that goes away is waited for. The windows that were on their way then are asked about again
        one at a time; the one over which it goes away once more is left out.

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
        room = anyio.CapacityLimiter(self._wire.access.requests)

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

        async with self._wire.client() as client:
            # 1. All, several at once.
            try:
                async with anyio.create_task_group() as group:
                    for number in range(len(requests)):
                        group.start_soon(answer, number)
            except* ModelError as failed:
                raise _first(failed) from None
            # 2. Over which of these does the server fall? One at a time, as only one may be to blame.
            if fallen:
                logger.warning(
                    "The server at %s went away or broke over %d windows: they are asked about one by one.",
                    self._wire.address.url,
                    len(fallen),
                )
            for number in sorted(fallen):
                try:
                    outcomes[number] = await self._answer(client, *requests[number])
                except FellError as error:
                    outcomes[number] = self._left_out(error)
        # A server that refuses all from the first on is set up wrong.
        if refused and not self._has_answered:
            raise next(iter(refused.values()))
        for number, refusal in refused.items():
            outcomes[number] = WindowRefusedError(
                str(refusal), hint="Shorter windows may be taken: see --window."
            )
        return [outcomes[number] for number in range(len(requests))]

    async def _answer(self, client: httpx2.AsyncClient, prepared: Prepared, prompt: Prompt) -> Answer:
        body = request_body(self._name, prepared.payload, prompt, self._profile, self._manner)
        waiter = object()

        def waits(sentence: str) -> bool:
            if not self._waiting and self.on_wait is None:
                logger.warning("Waiting for %s.", sentence)
            self._waiting[waiter] = sentence
            return self.on_wait is None or self.on_wait(sentence)

        try:
            answer = await self._wire.ask(
                client,
                "/chat/completions",
                json.dumps(body).encode(),
                read=lambda told: read_completion(told, prompt),
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


# --- 1. Getting to know a server ----------------------------------------------------------------------------


def load(
    text: str, *, access: Access, changes: Changes | None = None, patience: Patience | None = None
) -> ServerModel:
    """Connect to the server of an address: which model it serves, and what it takes.

    Args:
        text: the address.
        access: how servers may be used.
        changes: what is to differ from the model's profile.
        patience: how often a request is tried; None for the usual, and as long as ``access`` says.

    Raises:
        UsageError: when the address makes no sense or may not be used, or it does not say which model.
        ModelUnavailableError: when the server cannot be reached, refuses the key, or has no such model.
    """
    address = parse_address(text)
    check_allowed(address, allow_remote=access.allow_remote)
    wire = Wire(address, access, key_from_environment())
    with start_blocking_portal() as portal:
        return portal.call(
            _connect, wire, changes or {}, patience or Patience(away_seconds=access.patience_seconds)
        )


async def _connect(wire: Wire, changes: Changes, patience: Patience) -> ServerModel:
    address = wire.address
    async with wire.client() as client:
        # 1. Which model?
        try:
            few = replace(
                patience,
                tries=min(FIRST_TRIES, patience.tries),
                broken_tries=BROKEN_TRIES,
                away_seconds=min(FIRST_SECONDS, patience.away_seconds),
            )
            served = await wire.ask(client, "/models", read=read_models, patience=few)
        except RefusedError as error:
            logger.info("%s: it does not tell what it serves", error)
            served = {}
        name = _chosen(address, served)
        profile = changed(profile_for(name, address.profile), changes)
        # 2. What does it take?
        talk = _Talk(wire, client, name, profile, replace(patience, broken_tries=BROKEN_TRIES))
        manner = await check.find_manner(talk, [address.way] if address.way else ["video", "frames"])
        if manner.way == "video" and profile.fps > payload.MOST_FPS:
            raise UsageError(
                f"a clip of {profile.fps:g} frames a second is not shown whole by a server",
                hint=f"Use --fps {payload.MOST_FPS} at most, or send pictures: ?frames after the address.",
            )
        # 3. What does the model see?
        manner = await check.look(talk, manner, accept=wire.access.accept_server_sampling)
    logger.info("%s serves %s: %s", address.url, name, manner)
    revision = f"server of {served[name]}" if served.get(name) else "server"
    return ServerModel(wire, profile, name=name, revision=revision, manner=manner, patience=patience)


def profile_for(name: str, wanted: str = "") -> Profile:
    """The profile that a served model is run under.

    Args:
        name: what the server calls it.
        wanted: name of a profile; empty for the known one of that name or repository, else one that asks with
            Marlin's prompts and takes free prose for an answer.

    Raises:
        UsageError: when there is no profile of the wanted name.
    """
    if wanted:
        return get_profile(wanted)
    return find_profile(name) or Profile(
        name=name,
        repository="",
        revision=None,
        licence="",
        family="server",
        model_type="",
        prose=True,
        notice=f"{name} is no model known here: it is asked as Marlin-2B is, and what it writes without "
        "times counts for a whole window.",
    )


def _chosen(address: Address, served: Mapping[str, str]) -> str:
    """The served name: the address's, or the only one there is."""
    names = ", ".join(list(served)[:_SHOWN_NAMES]) + (", …" if len(served) > _SHOWN_NAMES else "")
    if address.model and (not served or address.model in served):
        return address.model
    if address.model:
        raise ModelUnavailableError(
            f"the server at {address.url} has no model called {address.model!r}; it serves {names}",
            hint="Name one of these after the address, as in http://host:8000/v1#name.",
        )
    if len(served) != 1:
        what = f"serves {names}" if served else "does not tell what it serves"
        raise UsageError(
            f"the server at {address.url} {what}; which model is meant?",
            hint="Name it after the address, as in http://host:8000/v1#name.",
        )
    return next(iter(served))


@dataclass(frozen=True, slots=True)
class _Talk:
    """One model of a server, as ``server_check`` asks it."""

    wire: Wire
    client: httpx2.AsyncClient
    name: str
    profile: Profile
    patience: Patience

    async def complete(self, frames: Frames, prompt: Prompt, manner: Manner) -> Answer:
        body = request_body(self.name, _parts(frames, manner.way), prompt, self.profile, manner)
        return await self._ask(body, lambda told: read_completion(told, prompt))

    async def prompt_text(self, frames: Frames, prompt: Prompt, manner: Manner) -> str:
        body = request_body(self.name, _parts(frames, manner.way), prompt, self.profile, manner)
        ids = await self._ask({**body, "return_token_ids": True}, read_prompt_ids)
        if not ids:
            return ""
        root = replace(self.wire, address=replace(self.wire.address, url=self.url.removesuffix("/v1")))
        tokens = json.dumps({"model": self.name, "tokens": ids}).encode()
        return await root.ask(
            self.client, "/detokenize", tokens, read=read_detokenized, patience=self.patience
        )

    @property
    def url(self) -> str:
        return self.wire.address.url

    async def _ask(self, body: Body, read: Callable[[Any], T]) -> T:
        data = json.dumps(body).encode()
        return await self.wire.ask(self.client, "/chat/completions", data, read=read, patience=self.patience)


# --- 2. What is sent ----------------------------------------------------------------------------------------


def request_body(
    name: str, parts: Sequence[payload.Part], prompt: Prompt, profile: Profile, manner: Manner
) -> Body:
    """The JSON of one chat completion: one user turn, the window and then the prompt's text."""
    sampling = prompt.sampling
    body: Body = {
        "model": name,
        "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": prompt.text}]}],
        "max_tokens": prompt.max_new_tokens,
        "temperature": sampling.temperature,
    }
    if sampling.temperature > 0:
        # No seed: some servers draw without one alone, and the engine of others dies of it (vLLM on a CPU).
        body["top_p"] = sampling.top_p
    body["logprobs"] = True
    body["chat_template_kwargs"] = {"enable_thinking": False}
    body["repetition_penalty"] = sampling.repetition_penalty
    if profile.end_ids:
        body["stop_token_ids"] = list(profile.end_ids)
    if manner.way == "video":
        body["media_io_kwargs"] = {"video": payload.ALL_FRAMES}
        if profile.model_type.startswith("qwen"):
            body["mm_processor_kwargs"] = _processor_fields(profile)
    return {name: value for name, value in body.items() if name not in manner.without}


def _processor_fields(profile: Profile) -> Body:
    """Equal for all windows: a server may set itself up anew for every other set of these."""
    return {
        "fps": profile.fps,
        "min_frames": profile.min_frames,
        "max_frames": profile.max_frames,
        "do_sample_frames": False,
        "size": {
            "shortest_edge": frame_budget.SHORTEST_EDGE,
            "longest_edge": frame_budget.longest_edge(profile.max_frames, profile.pixels_per_frame),
        },
    }


def _parts(frames: Frames, way: Way) -> list[payload.Part]:
    return payload.clip_parts(frames) if way == "video" else payload.picture_parts(frames)


# --- 3. What comes back -------------------------------------------------------------------------------------


def read_models(told: Any) -> dict[str, str]:
    """The names of the served models, and the repository of each where that is told.

    Raises:
        ValueError: when it is no list of models.
    """
    rows = told.get("data") if isinstance(told, dict) else None
    if not isinstance(rows, list):
        raise ValueError("no list of models")
    found = {}
    for row in rows:
        name = row.get("id") if isinstance(row, dict) else None
        if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST_NAME:
            root = row.get("root")
            is_repository = isinstance(root, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", root) and root != name
            found[name] = str(root) if is_repository else ""
    return found


def read_completion(told: Any, prompt: Prompt) -> Answer:
    """The answer in a chat completion.

    Raises:
        ValueError: when there is none, or only half of one.
    """
    choices = told.get("choices") if isinstance(told, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("no chat completion")
    choice = choices[0]
    message = choice.get("message")
    raw = message.get("content", "") if isinstance(message, dict) else None
    raw = "" if raw is None and isinstance(message, dict) else raw
    if not isinstance(raw, str):
        raise ValueError("no chat completion")
    raw = raw.encode("utf-8", "replace").decode()  # JSON can spell half of a character
    ended = choice.get("finish_reason")
    if ended == "content_filter":  # another try would end the same way
        return Answer(raw, "length")
    if ended not in ("stop", "length"):
        raise ValueError(f"half an answer (finish_reason {ended!r})")
    reason: FinishReason = "stop" if ended == "stop" or contract.is_whole(prompt, raw) else "length"
    if prompt.sampling != LIKELIEST:
        return Answer(raw, reason)
    tokens = list(_tokens(choice.get("logprobs")))
    logprobs = tuple(logprob for _, logprob in tokens)
    texts = _spelled([token for token, _ in tokens], raw)
    return Answer(raw, reason, logprobs, texts) if texts else Answer(raw, reason)


def read_prompt_ids(told: Any) -> list[int]:
    """The prompt's token ids in a completion that was asked for them; none where it does not hold them."""
    ids = told.get("prompt_token_ids") if isinstance(told, dict) else None
    return ids if isinstance(ids, list) and all(isinstance(each, int) for each in ids) else []


def read_detokenized(told: Any) -> str:
    """What token ids spell, by vLLM's /detokenize; empty where it does not say."""
    text = told.get("prompt") if isinstance(told, dict) else None
    return text if isinstance(text, str) else ""


def _tokens(told: Any) -> Iterator[tuple[bytes, float]]:
    """What tokens spell and the natural log of each one's probability; nothing where that is not told."""
    rows = told.get("content") if isinstance(told, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        text, data, logprob = row.get("token"), row.get("bytes"), row.get("logprob")
        if not isinstance(text, str) or not isinstance(logprob, int | float):
            continue
        try:
            yield (bytes(data) if isinstance(data, list) else text.encode()), float(logprob)
        except (TypeError, ValueError):
            yield text.encode("utf-8", "replace"), float(logprob)


def _spelled(tokens: Sequence[bytes], raw: str) -> tuple[str, ...]:
    """What each token adds to the answer: "" for what is not in it, such as end tokens and thinking.

    Nothing at all when the tokens do not spell the answer.
    """
    whole, wanted = b"".join(tokens), raw.encode()
    first = whole.rfind(wanted)
    if first < 0 or not tokens:
        return ()
    texts, at = [], 0
    for token in tokens:
        inside = first <= at and at + len(token) <= first + len(wanted)
        texts.append(token.decode("utf-8", "replace") if inside else "")
        at += len(token)
    return tuple(texts)


def _first(group: BaseExceptionGroup[ModelError]) -> ModelError:
    """One of the errors of a group."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
