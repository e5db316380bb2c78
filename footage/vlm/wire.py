"""One request to a server: time-outs, tries, and the sentence for what went wrong; knows no video, no prompt.

Redirects are not followed, so that neither key nor pictures go where nobody sent them. The key is in one
header and nowhere else: not in an error, a log or a representation.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import anyio
import httpx2

from footage.errors import ModelUnavailableError, UsageError
from footage.vlm.address import KEY_VARIABLE, Access, Address

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
"""Until a server takes the connection."""
MOST_BYTES = 16 << 20
"""An answer larger than this is none."""
_SAID_LENGTH = 200
_PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_BROKEN = {500, 501}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried again, and after how long."""

    tries: int = 8
    """Tries in all."""
    broken_tries: int = 8
    """Tries in all while the server says that it is broken (500)."""
    first_seconds: float = 1.0
    """Longest pause after the first try; it doubles with every further one. Half of it is random."""
    longest_seconds: float = 30.0
    """Longest pause."""
    longest_asked_seconds: float = 120.0
    """Longest pause that a server may ask for (Retry-After)."""


class RefusedError(ModelUnavailableError):
    """The server understood and will not, or is broken for good."""

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What went wrong with one try that another may mend."""

    sentence: str
    status: int = 0
    asked_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Wire:
    """The way to one server."""

    address: Address
    access: Access
    key: str = field(default="", repr=False)
    """Sent as a bearer token; empty for none."""

    def client(self) -> httpx2.AsyncClient:
        """A client for some requests; to be closed.

        What the environment says of proxies holds for other machines alone: what is meant for this one does
        not leave it.
        """
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            timeout=httpx2.Timeout(self.access.timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=self.access.requests),
            follow_redirects=False,
            trust_env=not self.address.is_loopback,
        )

    async def ask(
        self,
        client: httpx2.AsyncClient,
        path: str,
        body: bytes | None = None,
        *,
        read: Callable[[Any], T],
        patience: Patience,
    ) -> T:
        """Send a request, again where that may help, and read the answer.

        Args:
            client: Of ``client``.
            path: Below the address, as in "/models".
            body: JSON to post; None to get.
            read: Makes of the answer's JSON what is wanted; raises ValueError with a few words if it cannot.
            patience: How often, and after how long.

        Raises:
            RefusedError: when the server says no (4xx), or keeps being broken (500).
            ModelUnavailableError: when no try led to an answer.
        """
        began = time.monotonic()
        pause = patience.first_seconds
        tried = 0
        while True:
            outcome = await self._try(client, path, body, read)
            if not isinstance(outcome, _Trouble):
                return outcome
            tried += 1
            wait = max(outcome.asked_seconds, pause * random.uniform(0.5, 1))
            most = patience.broken_tries if outcome.status in _BROKEN else patience.tries
            late = time.monotonic() + wait - began > self.access.timeout_seconds
            if tried >= most or late or outcome.asked_seconds > patience.longest_asked_seconds:
                raise self._given_up(outcome, tried)
            logger.info("%s %s; another try in %.1f s", self.address.url, outcome.sentence, wait)
            await anyio.sleep(wait)
            pause = min(2 * pause, patience.longest_seconds)

    async def _try(
        self, client: httpx2.AsyncClient, path: str, body: bytes | None, read: Callable[[Any], T]
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
            return _Trouble(f"cannot be reached within {CONNECT_SECONDS:g} s")
        except (TimeoutError, httpx2.TimeoutException):
            return _Trouble(f"did not answer within {self.access.timeout_seconds:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
            return _Trouble(f"cannot be reached ({self._clean(str(exc) or type(exc).__name__)})")
        status, said = response.status_code, self._said(data)
        if status in _PASSING:
            asked = _asked_seconds(response.headers.get("Retry-After", ""))
            return _Trouble(f"answered with {status}{said}", status, asked)
        if response.is_success:
            try:
                return read(json.loads(data))
            except (ValueError, RecursionError) as exc:
                unread = isinstance(exc, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
                reason = "no JSON" if unread else str(exc)
                return _Trouble(f"answered with what cannot be used: {self._clean(reason)}{said}")
        raise self._refused(status, said)

    def _refused(self, status: int, said: str) -> ModelUnavailableError:
        """The sentence for a status that no further try will change."""
        url = self.address.url
        if 300 <= status < 400:
            return ModelUnavailableError(
                f"the server at {url} redirects elsewhere ({status}), and redirects are not followed",
                hint="Give the address that it redirects to, if you trust it.",
            )
        if status in (401, 403):
            what = f"refuses the key in {KEY_VARIABLE}" if self.key else "wants a key"
            return ModelUnavailableError(
                f"the server at {url} {what} ({status})",
                hint=f"Put a valid one into the environment variable {KEY_VARIABLE}.",
            )
        hint = "See docs/models-server.md for how a server is to be started."
        return RefusedError(
            f"the server at {url} refused a request ({status}{said})", status=status, hint=hint
        )

    def _given_up(self, trouble: _Trouble, tried: int) -> ModelUnavailableError:
        times = f" ({tried} tries)" if tried > 1 else ""
        if trouble.status in _BROKEN:
            return RefusedError(
                f"the server at {self.address.url} {trouble.sentence}{times}",
                status=trouble.status,
                hint="Look at what the server writes; the same command goes on where this one stopped.",
            )
        asked = f" and asks to wait {trouble.asked_seconds:.0f} s" if trouble.asked_seconds else ""
        return ModelUnavailableError(
            f"the server at {self.address.url} {trouble.sentence}{times}{asked}",
            hint="Is it running, and the address right? The same command goes on where this one stopped.",
        )

    def _said(self, data: bytes) -> str:
        """What an answer says was wrong, as ": words"; empty where it does not say."""
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            return ""
        for name in ("error", "message", "detail"):
            if isinstance(told, dict) and name in told:
                told = told[name]
        words = self._clean(told) if isinstance(told, str) else ""
        return f": {words}" if words else ""

    def _clean(self, text: str) -> str:
        """A stranger's words on one short line, without the key."""
        text = text.replace(self.key, "…") if self.key else text
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= _SAID_LENGTH else line[:_SAID_LENGTH] + "…"


def key_from_environment() -> str:
    """The key for servers; empty for none.

    Raises:
        UsageError: when it cannot go into a header.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError(f"{KEY_VARIABLE} holds characters that no key has", hint="Copy the key once more.")
    return key


async def _read_bounded(response: httpx2.Response) -> bytes:
    """The body, as far as it is of a sensible size."""
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > MOST_BYTES:
            raise httpx2.DecodingError(f"its answer is larger than {MOST_BYTES >> 20} MiB")
    return bytes(data)


def _asked_seconds(retry_after: str) -> float:
    """The pause that a Retry-After header asks for, in seconds or until a date; 0 for none."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
