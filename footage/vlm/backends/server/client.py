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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx2
from anyio.from_thread import start_blocking_portal

from footage.core.endpoint import Access, Address, check_allowed, parse_address
from footage.core.errors import ModelUnavailableError, UsageError
from footage.core.types import Answer, Frames
from footage.vlm.backends.server import check, payload
from footage.vlm.backends.server.chat import (
    Body,
    read_completion,
    read_detokenized,
    read_models,
    read_prompt_ids,
    request_body,
    window_parts,
)
from footage.vlm.backends.server.check import Dialect
from footage.vlm.backends.server.http_client import (
    Patience,
    RefusedError,
    ServerConnection,
    key_from_environment,
)
from footage.vlm.backends.server.server_model import ServerModel
from footage.vlm.changes import Changes, changed
from footage.vlm.profile import Profile
from footage.vlm.profiles import find_profile, get_profile, require_served
from footage.vlm.protocol import Prompt

logger = logging.getLogger(__name__)

FIRST_TRIES = 3
"""Tries of asking which models a server serves: the address may be wrong."""
FIRST_SECONDS = 3.0
"""Longest wait for a server that cannot be reached when it is asked which models it serves."""
BROKEN_TRIES = 2
"""Tries of finding out whether a server breaks down over a request."""
_SHOWN_NAMES = 5

T = TypeVar("T")


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
    connection = ServerConnection(address, access, key_from_environment())
    with start_blocking_portal() as portal:
        return portal.call(
            _connect, connection, changes or {}, patience or Patience(away_seconds=access.patience_seconds)
        )


async def _connect(connection: ServerConnection, changes: Changes, patience: Patience) -> ServerModel:
    address = connection.address
    async with connection.client() as client:
        # 1. Which model?
        try:
            few = replace(
                patience,
                tries=min(FIRST_TRIES, patience.tries),
                broken_tries=BROKEN_TRIES,
                away_seconds=min(FIRST_SECONDS, patience.away_seconds),
            )
            served = await connection.ask(client, "/models", read=read_models, patience=few)
        except RefusedError as error:
            logger.info("%s: the server does not list its models", error)
            served = {}
        name = chosen_name(address, served)
        profile = changed(profile_for(name, address.profile), changes)
        require_served(profile)
        # 2. What does it take?
        conversation = _Conversation(
            connection, client, name, profile, replace(patience, broken_tries=BROKEN_TRIES)
        )
        dialect = await check.find_dialect(
            conversation, [address.way] if address.way else ["video", "frames"]
        )
        if dialect.way == "video" and profile.fps > payload.MOST_FPS:
            raise UsageError(
                f"a server drops frames of a clip with {profile.fps:g} frames per second",
                hint=f"Use --fps {payload.MOST_FPS} at most, or send pictures: ?frames after the address.",
            )
        # 3. What does the model see?
        dialect = await check.look(conversation, dialect, accept=connection.access.accept_server_sampling)
    logger.info("%s serves %s: %s", address.url, name, dialect)
    revision = f"server of {served[name]}" if served.get(name) else "server"
    return ServerModel(connection, profile, name=name, revision=revision, dialect=dialect, patience=patience)


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
        notice=f"{name} is an unknown model: footage uses the prompts of Marlin-2B. A caption without times "
        f"applies to its whole window.",
    )


def chosen_name(address: Address, served: Mapping[str, str]) -> str:
    """The served name: the address's, or the only one there is.

    Args:
        address: Of the server.
        served: As of ``read_models``; empty where the server does not list its models.

    Raises:
        UsageError: when the address names none, and there is not one alone.
        ModelUnavailableError: when the server does not serve the one of the address.
    """
    names = ", ".join(list(served)[:_SHOWN_NAMES]) + (", …" if len(served) > _SHOWN_NAMES else "")
    if address.model and (not served or address.model in served):
        return address.model
    if address.model:
        raise ModelUnavailableError(
            f"the server at {address.url} has no model called {address.model!r}; it serves {names}",
            hint="Add one of these names after the address, as in http://host:8000/v1#name.",
        )
    if len(served) != 1:
        what = f"serves {names}" if served else "does not list its models"
        raise UsageError(
            f"the server at {address.url} {what}; which model is meant?",
            hint="Add its name after the address, as in http://host:8000/v1#name.",
        )
    return next(iter(served))


@dataclass(frozen=True, slots=True)
class _Conversation:
    """One model of a server, as ``footage.vlm.backends.server.check`` asks it."""

    connection: ServerConnection
    client: httpx2.AsyncClient
    name: str
    profile: Profile
    patience: Patience

    async def complete(self, frames: Frames, prompt: Prompt, dialect: Dialect) -> Answer:
        body = request_body(self.name, window_parts(frames, dialect.way), prompt, self.profile, dialect)
        return await self._ask(body, lambda data: read_completion(data, prompt))

    async def prompt_text(self, frames: Frames, prompt: Prompt, dialect: Dialect) -> str:
        body = request_body(self.name, window_parts(frames, dialect.way), prompt, self.profile, dialect)
        ids = await self._ask({**body, "return_token_ids": True}, read_prompt_ids)
        if not ids:
            return ""
        root = replace(
            self.connection, address=replace(self.connection.address, url=self.url.removesuffix("/v1"))
        )
        tokens = json.dumps({"model": self.name, "tokens": ids}).encode()
        return await root.ask(
            self.client, "/detokenize", tokens, read=read_detokenized, patience=self.patience
        )

    @property
    def url(self) -> str:
        return self.connection.address.url

    async def _ask(self, body: Body, read: Callable[[Any], T]) -> T:
        data = json.dumps(body).encode()
        return await self.connection.ask(
            self.client, "/chat/completions", data, read=read, patience=self.patience
        )
