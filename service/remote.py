"""Searches in the running service of an index, from another process of the same user; both ends of it.

The app asks it, so that the embedder and the model are loaded once on a machine. One request is one HTTP
request over the Unix socket; the answer is lines of JSON: events, then the result or the error. Where the
service cannot answer for certain as this process would, this process searches itself.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from footage.core import errors
from footage.core.code_stamp import code_stamp
from footage.core.errors import FootageError
from footage.core.service_socket import is_own_socket, socket_path
from service.cancellation import Cancelled
from service.events import Busy, Hits, StageProgress, WindowsPlanned

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.core.types import Match
    from search.results import SearchResult
    from service.cancellation import CancelToken
    from service.events import Listener, ServiceEvent
    from service.search import SearchRequest
    from service.session import Service

PATH = "/calls/search"
"""Where the service takes searches, on its Unix socket alone."""
ACCEPT_SECONDS = 15.0
"""How long the service may take to accept a search."""
_APP_SETTINGS = ("export_dir", "library_roots", "allow_indexing_from_app", "audit_log")
_OTHERS = frozenset(("service", "token_file", "traces", "keep_jobs_days", *_APP_SETTINGS))
"""Settings that change no search."""
_EVENTS: Mapping[str, type[Any]] = {each.__name__: each for each in (Busy, StageProgress, WindowsPlanned)}

logger = logging.getLogger(__name__)


def settings_stamp(settings: Settings) -> str:
    """A digest of the code and of the settings that change what a search answers."""
    text = settings.model_dump_json(exclude=set(_OTHERS))
    return hashlib.sha256(f"{code_stamp()}\n{text}".encode(errors="surrogatepass")).hexdigest()


# -- The end that asks -----------------------------------------------------


class RemoteService:
    """The running service of an index, if there is one; safe to use from threads."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is asked yet.

        Args:
            settings: Those of this process; a service with others is not asked.
        """
        self._path = socket_path(settings.db)
        self._use = settings.service != "never"
        self._stamp = settings_stamp(settings)

    def search(
        self,
        request: SearchRequest,
        *,
        on_event: Listener,
        cancel: CancelToken | None = None,
        without_model: str = "",
    ) -> SearchResult | None:
        """Have the service search; arguments as those of ``service.search.search``.

        Returns:
            None where no service answered; events may have been reported then.

        Raises:
            FootageError: as the search.
            Cancelled: the token was cancelled.
        """
        if not self._use or not is_own_socket(self._path):
            return None
        asked = {
            "stamp": self._stamp,
            "request": request.model_dump(mode="json"),
            "without_model": without_model,
        }
        try:
            with closing(_LocalConnection(self._path)) as connection:
                for line in connection.lines(json.dumps(asked)):
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    if "event" in line:
                        on_event(_read_event(line))
                    elif "error" in line:
                        raise _read_error(line)
                    elif "result" in line:
                        return _results().validate_python(line["result"])
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            logger.info("the running service did not answer: %s", error)
        return None


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ACCEPT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ACCEPT_SECONDS)
        self.sock.connect(os.fspath(self._path))

    def lines(self, body: str) -> Iterator[dict[str, Any]]:
        """Ask, and give the lines of the answer; none where the service refuses."""
        self.request("POST", PATH, body, {"Content-Type": "application/json"})
        sock = self.sock
        answer = self.getresponse()
        if answer.status != http.client.OK:
            return
        sock.settimeout(None)  # accepted: the model may take its time
        while line := answer.readline():
            yield json.loads(line)


def _read_event(line: Mapping[str, Any]) -> ServiceEvent:
    if line["event"] == Hits.__name__:
        return Hits(_matches().validate_python(line["matches"]))
    event: ServiceEvent = _EVENTS[line["event"]](**line["fields"])
    return event


def _read_error(line: Mapping[str, Any]) -> FootageError:
    kind = Cancelled if line["error"] == Cancelled.__name__ else getattr(errors, line["error"], FootageError)
    made: FootageError = kind(line["message"], hint=line["hint"])
    return made


@cache
def _results() -> TypeAdapter[SearchResult]:
    from search.results import SearchResult

    return TypeAdapter(SearchResult)


@cache
def _matches() -> TypeAdapter[tuple[Match, ...]]:
    from footage.core.types import Match

    return TypeAdapter(tuple[Match, ...])


# -- The end that answers --------------------------------------------------


class SearchCalls:
    """Searches for other processes of the user; safe to call from threads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stamp = settings_stamp(service.settings)

    def __call__(self, body: bytes, emit: Callable[[bytes], None], cancel: CancelToken) -> None:
        """Search, and send the lines of the answer; none where the caller must search itself.

        Args:
            body: What ``RemoteService`` has sent.
            emit: Sends a line; raises ``BrokenPipeError`` once the caller has gone.
            cancel: Set when the caller has gone.
        """
        from service.callers import Caller, acting_for
        from service.search import SearchRequest, search

        def send(**line: object) -> None:
            emit(json.dumps(line).encode() + b"\n")

        def on_event(event: ServiceEvent) -> None:
            cancel.raise_if_cancelled()
            if isinstance(event, Hits):
                send(event="Hits", matches=_matches().dump_python(tuple(event.matches), mode="json"))
            elif type(event).__name__ in _EVENTS:
                send(event=type(event).__name__, fields=asdict(event))

        try:
            asked = json.loads(body)
            if asked["stamp"] != self._stamp:
                return
            request = SearchRequest.model_validate(asked["request"])
            with acting_for(Caller(client="app", cancel=cancel)):
                result = search(
                    self._service,
                    request,
                    on_event=on_event,
                    cancel=cancel,
                    without_model=asked["without_model"],
                )
            send(result=_results().dump_python(result, mode="json"))
        except FootageError as error:
            send(error=type(error).__name__, message=str(error), hint=error.hint)
        except BrokenPipeError:
            pass  # the caller has gone
        except (ValueError, KeyError, TypeError) as error:
            logger.info("a search of another process cannot be read: %s", error)
