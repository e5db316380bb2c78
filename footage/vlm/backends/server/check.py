"""Finds out which requests a server accepts, and whether the model sees what is sent; opens no connection."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np

from footage.core.endpoint import Way
from footage.core.errors import ModelUnavailableError
from footage.core.types import Answer, Frames, Span
from footage.vlm import contract
from footage.vlm.backends.server import clip_probe
from footage.vlm.backends.server.clip_probe import ShownPrompt
from footage.vlm.backends.server.http_client import RefusedError
from footage.vlm.profile import Profile, VideoForm
from footage.vlm.protocol import Prompt

logger = logging.getLogger(__name__)

OPTIONAL_FIELDS = (
    "mm_processor_kwargs",
    "media_io_kwargs",
    "repetition_penalty",
    "stop_token_ids",
    "chat_template_kwargs",
    "logprobs",
)
"""Fields of a request that a server can do without; each is left out where it is refused."""
STAMPED_FAMILIES = ("qwen35", "qwen3vl", "server")
"""Families in whose prompts the time of each pair of frames is written; of an unknown model it may be."""
_GREY = 128
_ONE_TOKEN = Prompt("raw", "Describe the video.", 1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of requests that a server accepts."""

    way: Way = "video"
    """How windows travel."""
    refuses_video: bool = False
    """Whether pictures are sent because the server refuses clips, not because the address says so."""
    without: frozenset[str] = frozenset()
    """Those of ``OPTIONAL_FIELDS`` that it refuses, or that do nothing there."""
    as_sent: bool = True
    """False where the model is known to see other frames, or other times, than are sent."""
    form: VideoForm | None = None
    """How the video stands in the model's prompt; None where that is not shown."""

    @property
    def sees(self) -> str:
        """What the model sees, in a few words."""
        if self.way == "frames":
            why = "the server refuses clips" if self.refuses_video else "the address asks for pictures"
            return f"single pictures with their times, as {why}"
        if not self.as_sent:
            return "other frames or times than sent, as accepted by the settings"
        if self.form is None:
            return "a clip, with unknown frames and times"
        return f"every frame at its time, and the video {self.form}"


class Conversation(Protocol):
    """One model of a server."""

    @property
    def url(self) -> str:
        """The server's address."""
        ...

    @property
    def name(self) -> str:
        """What the server calls the model."""
        ...

    @property
    def profile(self) -> Profile:
        """What the model is run under."""
        ...

    async def complete(self, frames: Frames, prompt: Prompt, dialect: Dialect) -> Answer:
        """The answer about some frames.

        Raises:
            ModelUnavailableError: when there is none; RefusedError when the server will not.
        """
        ...

    async def prompt_text(self, frames: Frames, prompt: Prompt, dialect: Dialect) -> str:
        """The whole prompt that the model read, special tokens and all; empty where that is not shown.

        Raises:
            ModelUnavailableError: as ``complete``.
        """
        ...


# --- 1. Fields ----------------------------------------------------------------------------------------------


async def refused_fields(ask: Callable[[frozenset[str]], Awaitable[T]]) -> tuple[frozenset[str], T]:
    """Which of the optional fields a server refuses, and its answer without them.

    Fields that a refusal names are left out and the others asked with again. Where it names none, the server
    is asked without any, and then with one more field at a time.

    Args:
        ask: Sends the same request without some fields.

    Raises:
        RefusedError: the first one, when the request is refused even without all of them.
    """
    refused: frozenset[str] = frozenset()
    while True:
        try:
            return refused, await ask(refused)
        except RefusedError as error:
            first = error
        named = {name for name in OPTIONAL_FIELDS if name in str(first)} - refused
        if not named:
            break
        refused |= named
    refused = frozenset(OPTIONAL_FIELDS)
    try:
        answer = await ask(refused)
    except RefusedError:
        raise first from None
    for name in OPTIONAL_FIELDS:
        try:
            answer = await ask(refused - {name})
        except RefusedError:
            continue
        refused -= {name}
    return refused, answer


async def find_dialect(conversation: Conversation, ways: Sequence[Way]) -> Dialect:
    """The first way in which the server answers about a grey clip, and the fields that it refuses.

    Raises:
        RefusedError: the first one, when it takes none of the ways.
        ModelUnavailableError: when it has no such model, or cannot be used.
    """
    grey = Frames(np.full((4, 128, 128, 3), _GREY, np.uint8), (0.0, 0.5, 1.0, 1.5), Span(0, 2))
    first: RefusedError | None = None
    for way in ways:

        async def ask(without: frozenset[str], way: Way = way) -> Answer:
            try:
                return await conversation.complete(grey, _ONE_TOKEN, Dialect(way, without=without))
            except RefusedError as error:
                if error.status == 404:
                    raise ModelUnavailableError(
                        f"there is no model {conversation.name!r} at {conversation.url}, or no "
                        "/chat/completions (404)",
                        hint="List the models of the server: open the address with /models at its end.",
                    ) from error
                logger.info("%s, without %s, sent as %s", error, sorted(without), way)
                raise

        try:
            without, answer = await refused_fields(ask)
        except RefusedError as error:
            first = first or error
            continue
        untold = {"logprobs"} if answer.token_logprobs is None else set()
        return Dialect(way, refuses_video=first is not None, without=without | untold)
    assert first is not None
    raise first


# --- 2. What the model sees ---------------------------------------------------------------------------------


async def look(conversation: Conversation, dialect: Dialect, *, accept: bool) -> Dialect:
    """A dialect with what the model is found to see of clips; a problem is logged in one line.

    Args:
        conversation: With the server.
        dialect: In which it answers.
        accept: Whether the model may see other frames or times than are sent.

    Raises:
        ModelUnavailableError: when it does, and that is not accepted.
    """
    if dialect.way != "video" or conversation.profile.family not in STAMPED_FAMILIES:
        return dialect
    where, problems = f"the server at {conversation.url}", []
    for frames in clip_probe.clips_to_look_at(conversation.profile):
        if (found := await _seen(conversation, frames, dialect)) is None:
            problems = [await _drawn_problem(conversation, dialect)]
            break
        dialect = replace(dialect, form=found.form)
        problems.append(clip_probe.problem_with(found, frames))
    if problem := ", and ".join(filter(None, problems)):
        if not accept:
            raise ModelUnavailableError(
                f"{where} shows the model {problem}: the times would be wrong",
                hint=f"Start the server as footage models serve-command {conversation.profile.name} prints; "
                f"or "
                "accept what the model sees with --accept-server-sampling "
                "(FOOTAGE_ACCEPT_SERVER_SAMPLING=true).",
            )
        logger.warning("%s shows the model %s; that is accepted.", where, problem)
        return replace(dialect, as_sent=False)
    if dialect.form not in (None, conversation.profile.video_form):
        logger.warning(
            "%s shows the model every frame at its time, but the video %s: its reference run had it %s. "
            "Start the server with the --chat-template that footage models serve-command prints.",
            where,
            dialect.form,
            conversation.profile.video_form,
        )
    return dialect


async def _seen(conversation: Conversation, frames: Frames, dialect: Dialect) -> ShownPrompt | None:
    """What the model sees of a clip; None where the server does not show it, or there are no times in it."""
    try:
        return clip_probe.read_prompt(await conversation.prompt_text(frames, _ONE_TOKEN, dialect))
    except RefusedError as error:
        logger.info("%s: the frames seen by the model cannot be checked", error)
        return None


async def _drawn_problem(conversation: Conversation, dialect: Dialect) -> str:
    """What is wrong with the model's answer about a drawn clip; empty where it fits or names no time."""
    frames, prompt = (
        clip_probe.drawn_frames(conversation.profile),
        contract.find_prompt(clip_probe.DRAWN_EVENT, conversation.profile),
    )
    answer = await conversation.complete(frames, prompt, dialect)
    span = contract.read_span(answer, frames.span, conversation.profile).span
    if span is None:
        logger.warning(
            "the server at %s does not show the frames and times seen by the model, and an answer about a "
            "test clip had no time: try `footage find` on a clip with a known event.",
            conversation.url,
        )
        return ""
    return clip_probe.problem_with_span(span)
