"""A service that runs commands, for tests: HTTP over a Unix socket, in a thread of the test process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from waiting import wait_until

from footage.core.private_files import private_folder
from footage.core.service_socket import socket_path
from service.session import Service
from ui.api.commands import add_routes
from ui.cli.remote import CommandRunner


@dataclass
class Commands:
    """Runs commands as the service does, and counts them."""

    runner: CommandRunner
    begun: int = 0
    ended: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, body: bytes, emit: Any, cancel: Any) -> None:
        with self._lock:
            self.begun += 1
        try:
            self.runner(body, emit, cancel)
        finally:
            with self._lock:
                self.ended += 1


@contextmanager
def serving(service: Service) -> Iterator[Commands]:
    """Serve commands on the socket of the service's index."""
    commands = Commands(CommandRunner(service))
    app = Starlette()
    add_routes(app, commands)
    path = socket_path(service.settings.db)
    private_folder(path.parent)
    with listening(app, path):
        yield commands


@contextmanager
def listening(app: Any, path: Path) -> Iterator[None]:
    """Serve an ASGI application on a Unix socket."""
    server = uvicorn.Server(uvicorn.Config(app, uds=str(path), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()
        path.unlink(missing_ok=True)
