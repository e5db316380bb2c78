"""One request to a server: time-outs, tries, and the sentence for what went wrong; knows no video, no prompt.

Redirects are not followed, so that neither the key nor pictures go to another address. The key is in one
header and nowhere else: not in an error, a log or a representation.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

import anyio
import httpx2

from footage.core.endpoint import KEY_VARIABLE, Access, Address
from footage.core.errors import ModelUnavailableError, UsageError, WaitStoppedError

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
"""Longest wait until a server accepts the connection."""
MOST_BYTES = 16 << 20
"""Largest response that is read."""
_REASON_LENGTH = 200
_SLICE_SECONDS = 0.5
_AWAY = {502, 503, 504, 529}
_BUSY = {408, 409, 425, 429}
_BROKEN = {500}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried again, and after how long."""

    tries: int = 8
    """Tries in all while the responses cannot be used."""
    broken_tries: int = 8
    """Tries in all while the server answers 500 or closes the connection."""
    away_seconds: float = 600.0
    """Longest wait for a server that cannot be reached, is starting (502, 503, 504) or busy (429)."""
    first_seconds: float = 1.0
    """Longest pause after the first try; it doubles with every further one. Half of it is random."""
    longest_seconds: float = 10.0
    """Longest pause."""
    longest_asked_seconds: float = 120.0
    """Longest pause that a server may ask for (Retry-After)."""
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    """Waits for some seconds."""
    clock: Callable[[], float] = time.monotonic
    """Seconds from any fixed moment."""


class RefusedError(ModelUnavailableError):
    """The server refuses the request, or stays broken."""

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class FellError(RefusedError):
    """The server went away, or stayed broken, over one request."""


class NoAnswerError(ModelUnavailableError):
    """The server took a request, and its response cannot be used or did not come in time."""


_Kind = Literal["away", "busy", "broken", "unusable", "late"]


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A failure of one try after which another may succeed."""

    kind: _Kind
    sentence: str
    asked_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ServerConnection:
    """Connection settings of one server."""

    address: Address
    access: Access
    key: str = field(default="", repr=False)
    """Sent as a bearer token; empty for none."""

    def client(self) -> httpx2.AsyncClient:
        """A client for some requests; to be closed.

        The proxies of the environment are used for other machines only: requests to this one do not leave it,
        and without TLS no certificates are loaded for them.
        """
        plain = self.address.is_loopback and self.address.url.startswith("http://")
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            timeout=httpx2.Timeout(self.access.timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=self.access.requests),
            follow_redirects=False,
            trust_env=not self.address.is_loopback,
            verify=not plain,
        )

    async def ask(
        self,
        client: httpx2.AsyncClient,
        path: str,
        body: bytes | None = None,
        *,
        read: Callable[[Any], T],
        patience: Patience,
        away: frozenset[int] = frozenset(),
        on_wait: Callable[[str], bool] | None = None,
    ) -> T:
        """Send a request, again where that may help, and read the answer.

        Args:
            client: Of ``client``.
            path: Below the address, as in "/models".
            body: JSON to post; None for a GET.
            read: Reads the JSON of the response; raises ValueError with a few words if it cannot.
            patience: How often, and after how long.
            away: Statuses that mean that the server is away, beside those that always do.
            on_wait: Called twice a second while the server is away or busy, with a sentence on its state;
                False ends the waiting.

        Raises:
            RefusedError: when the server refuses the request (4xx).
            FellError: when it broke or closed the connection over this request and then was away, or did so
                with every try.
            WaitStoppedError: when ``on_wait`` ended the waiting.
            ModelUnavailableError: when no try led to an answer.
        """
        pause = patience.first_seconds
        tried = broken = unusable = 0
        away_since: float | None = None
        while True:
            trouble = await self._try(client, path, body, read, away)
            if not isinstance(trouble, _Trouble):
                return trouble
            # 1. Is another try worth it?
            tried += 1
            if trouble.kind == "away" and broken:
                raise self._fell(f"went away over a request: it {trouble.sentence}")
            if trouble.kind in ("away", "busy"):
                now = patience.clock()
                away_since = now if away_since is None else away_since
                left = away_since + patience.away_seconds - now
                over = left <= 0 or trouble.asked_seconds > patience.longest_asked_seconds
            else:
                away_since, left = None, math.inf
                broken += trouble.kind == "broken"
                unusable += trouble.kind == "unusable"
                over = broken >= patience.broken_tries or unusable >= patience.tries or trouble.kind == "late"
            if over:
                raise self._given_up(trouble, tried)
            # 2. Not at once.
            wait = max(trouble.asked_seconds, min(left, pause * random.uniform(0.5, 1)))
            logger.info("%s %s; another try in %.1f s", self.address.url, trouble.sentence, wait)
            await self._wait(wait, trouble, patience, on_wait)
            pause = min(2 * pause, patience.longest_seconds)

    async def _wait(
        self,
        seconds: float,
        trouble: _Trouble,
        patience: Patience,
        on_wait: Callable[[str], bool] | None,
    ) -> None:
        """Wait in slices, and report it while the server is away."""
        until = patience.clock() + seconds
        sentence = f"the server at {self.address.url}: it {trouble.sentence}"
        while (left := until - patience.clock()) > 0:
            if on_wait and trouble.kind in ("away", "busy") and not on_wait(sentence):
                raise WaitStoppedError(f"stopped waiting for {sentence}")
            await patience.sleep(min(left, _SLICE_SECONDS))

    async def _try(
        self,
        client: httpx2.AsyncClient,
        path: str,
        body: bytes | None,
        read: Callable[[Any], T],
        away: frozenset[int],
    ) -> T | _Trouble:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        url = self.address.url + path
        try:
            with anyio.fail_after(self.access.timeout_seconds):
                async with client.stream(
                    "GET" if body is None else "POST", url, content=body, headers=headers
                ) as response:
                    data = await _read_bounded(response)
        except httpx2.ConnectTimeout:
            return _Trouble("away", f"cannot be reached within {CONNECT_SECONDS:g} s")
        except (TimeoutError, httpx2.TimeoutException):
            return _Trouble("late", f"did not answer within {self.access.timeout_seconds:g} s")
        except (httpx2.ConnectError, httpx2.ProxyError, httpx2.InvalidURL) as exc:
            return _Trouble("away", f"cannot be reached ({self._clean(str(exc) or type(exc).__name__)})")
        except httpx2.HTTPError as exc:
            return _Trouble("broken", f"broke off ({self._clean(str(exc) or type(exc).__name__)})")
        status, reason = response.status_code, self._reason(data)
        kind = _kind(status, away)
        if kind is not None:
            asked = _asked_seconds(response.headers.get("Retry-After", ""))
            return _Trouble(kind, f"answered with {status}{reason}", asked)
        if response.is_success:
            try:
                return read(json.loads(data))
            except (ValueError, RecursionError) as exc:
                unread = isinstance(exc, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
                fault = "no JSON" if unread else str(exc)
                sentence = f"sent an unusable response: {self._clean(fault)}{reason}"
                return _Trouble("unusable", sentence)
        raise self._refused(status, reason)

    def _refused(self, status: int, reason: str) -> ModelUnavailableError:
        """The sentence for a status that no further try will change."""
        url = self.address.url
        if 300 <= status < 400:
            return ModelUnavailableError(
                f"the server at {url} sends a redirect ({status}), which is not followed",
                hint="If you trust the new address, use it directly.",
            )
        if status in (401, 403):
            what = f"rejects the API key in {KEY_VARIABLE}" if self.key else "needs an API key"
            return ModelUnavailableError(
                f"the server at {url} {what} ({status})",
                hint=f"Put a valid one into the environment variable {KEY_VARIABLE}.",
            )
        hint = "To start a server correctly, see docs/how-to/models-server.md."
        return RefusedError(
            f"the server at {url} refused a request ({status}{reason})", status=status, hint=hint
        )

    def _fell(self, what: str) -> FellError:
        return FellError(
            f"the server at {self.address.url} {what}",
            status=500,
            hint="Check the log of the server. The same command continues where this one stopped.",
        )

    def _given_up(self, trouble: _Trouble, tried: int) -> ModelUnavailableError:
        times = f" ({tried} tries)" if tried > 1 else ""
        if trouble.kind == "broken":
            return self._fell(f"{trouble.sentence}{times}")
        asked = f" and asks to wait {trouble.asked_seconds:.0f} s" if trouble.asked_seconds else ""
        kind = NoAnswerError if trouble.kind in ("unusable", "late") else ModelUnavailableError
        return kind(
            f"the server at {self.address.url} {trouble.sentence}{times}{asked}",
            hint="Check that the server is running and the address is correct. The same command continues "
            "where this one stopped.",
        )

    def _reason(self, data: bytes) -> str:
        """The reason in the body of an error, as ": words"; empty where there is none."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return ""
        for name in ("error", "message", "detail"):
            if isinstance(value, dict) and name in value:
                value = value[name]
        words = self._clean(value) if isinstance(value, str) else ""
        return f": {words}" if words else ""

    def _clean(self, text: str) -> str:
        """Text of the server on one short line, without the key."""
        text = text.replace(self.key, "…") if self.key else text
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= _REASON_LENGTH else line[:_REASON_LENGTH] + "…"


def key_from_environment() -> str:
    """The key for servers; empty for none.

    Raises:
        UsageError: when it cannot go into a header.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError(f"{KEY_VARIABLE} contains invalid characters", hint="Copy the API key again.")
    return key


async def _read_bounded(response: httpx2.Response) -> bytes:
    """The body, up to ``MOST_BYTES``."""
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > MOST_BYTES:
            raise httpx2.DecodingError(f"its answer is larger than {MOST_BYTES >> 20} MiB")
    return bytes(data)


def _kind(status: int, away: frozenset[int]) -> _Kind | None:
    """The kind of temporary trouble that a status stands for; None for none."""
    if status in _AWAY or status in away:
        return "away"
    if status in _BUSY:
        return "busy"
    return "broken" if status in _BROKEN else None


def _asked_seconds(retry_after: str) -> float:
    """The pause that a Retry-After header asks for, in seconds or until a date; 0 for none."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
