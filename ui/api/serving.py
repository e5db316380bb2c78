"""Serves the API over a Unix socket and TCP until it is stopped; one service for each index."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from footage.core.errors import FileError, FootageError
from footage.core.index_place import IndexPlace, state_folder
from footage.core.private_files import FOLDER_MODE, keep_to_owner, private_folder
from footage.core.service_socket import socket_path
from ui.api.access import LOCAL_KEY
from ui.api.app import create_app
from ui.api.gate import ABORT_KEY
from ui.connections import Connection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from service.session import Service
    from ui.api.access import ApiAccess
    from ui.api.commands import RunCommand
    from ui.api.state import RunningWork

GRACE_SECONDS = 10
"""Time limit for requests at hand when the service ends; their work is cancelled at once."""
LOCK_NAME = ".lock-service"
"""File in the folder of the index that the service holds a lock on."""
BACKLOG = 128
"""Connections that may wait to be taken."""
_STOPS = (signal.SIGINT, signal.SIGTERM)
_TRUSTED_PROXIES = "127.0.0.1,::1"


def serve(
    service: Service,
    *,
    access: ApiAccess,
    sockets: Sequence[socket.socket],
    run_command: RunCommand | None = None,
) -> None:
    """Serve; returns when it was stopped, by Ctrl-C or SIGTERM.

    Args:
        service: Answers the requests.
        access: The rules of this start.
        sockets: Where to listen: ``unix_socket`` and ``ui.listening``.
        run_command: As of ``ui.api.app.create_app``.
    """
    keep_to_owner()
    app = create_app(service, access=access, run_command=run_command)
    server = api_server(app, access=access)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=list(sockets))


def api_server(app: FastAPI, *, access: ApiAccess, http: type[Connection] | None = None) -> ApiServer:
    """A server for an application, with the settings of every start.

    Args:
        app: The application.
        access: The rules of this start.
        http: What takes connections; ``ApiConnection`` when None.
    """
    config = uvicorn.Config(
        app,
        http=http or ApiConnection,
        ws="none",
        access_log=False,  # ui.api.request_log does, without addresses that may hold a signature
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(access.proxy_hosts),
        forwarded_allow_ips=_TRUSTED_PROXIES,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=30,
    )
    return ApiServer(config, app.state.api.running)


class ApiServer(uvicorn.Server):
    """A server that ends the work of its requests when it is stopped."""

    def __init__(self, config: uvicorn.Config, running: RunningWork) -> None:
        super().__init__(config)
        self._running = running

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM; unlike the usual server, let the caller tidy up afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in _STOPS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the work, then answer what is left."""
        self._running.stop()
        await super().shutdown(sockets)


class ApiConnection(Connection):
    """A connection that says in the scope whether it came over a Unix socket, and how to drop it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note what kind it is; every request of it gets that."""
        super().connection_made(transport)
        own = transport.get_extra_info("socket")
        local = own is not None and own.family == getattr(socket, "AF_UNIX", None)
        app: Any = self.app

        async def marked(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, LOCAL_KEY: local, ABORT_KEY: transport.abort}, receive, send)

        self.app = marked


@contextmanager
def only_service(db: IndexPlace) -> Iterator[None]:
    """Be the only service of an index for as long as the context lasts, on this machine.

    Raises:
        FootageError: there is one already, or the folder of the index cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        folder = state_folder(db)
        private_folder(folder)
        with FileLock(folder / LOCK_NAME, timeout=0):
            yield
    except Timeout:
        raise FootageError(
            f"A service is running already for the index {db}.",
            hint="Stop it first, or name another index with --db.",
        ) from None
    except OSError as error:
        raise FileError(
            f"The folder of the index {db} cannot be written: {error.strerror}.",
            hint="Name another folder with --db.",
        ) from error


@contextmanager
def unix_socket(db: IndexPlace, *, path: Path | None = None) -> Iterator[socket.socket]:
    """Listen on the Unix socket of an index, which its owner alone may open; call it inside ``only_service``.

    A socket that an earlier service has left behind is removed.

    Args:
        db: The folder of the index, or its address.
        path: The socket; the one of the index when None.

    Raises:
        FileError: it cannot be made, or its folder belongs to another user or is open to others.
    """
    path = path or socket_path(db)
    with ExitStack() as stack:
        try:
            private_folder(path.parent)
            _check_folder(path.parent)
            _remove_stale(path)
            made = stack.enter_context(socket.socket(socket.AF_UNIX))
            made.bind(str(path))
            stack.callback(path.unlink, missing_ok=True)
            path.chmod(0o600)
            made.listen(BACKLOG)
        except OSError as error:
            raise FileError(
                f"The socket {path} cannot be made: {error.strerror or error}.",
                hint="Name another with --socket, in a folder of your own.",
            ) from error
        yield made


def _check_folder(folder: Path) -> None:
    """Make sure that nobody else can put a socket in the place of ours.

    Raises:
        FileError: somebody else can.
    """
    found = folder.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or mode & ~FOLDER_MODE:
        raise FileError(
            f"The folder {folder} must belong to you and be closed to others (mode 0700).",
            hint="Change it, or name a socket in another folder with --socket.",
        )


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on any more.

    Raises:
        FileError: it is no socket of ours, or somebody listens on it.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        answers = stat.S_ISSOCK(found.st_mode) and probe.connect_ex(str(path)) == 0
    if answers or not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.getuid():
        why = "another program listens there" if answers else "something else is there"
        raise FileError(f"The socket {path} cannot be made: {why}.", hint="Name another with --socket.")
    path.unlink()
