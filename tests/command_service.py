"""A service that runs commands, for tests: HTTP over a Unix socket, in a thread of the test process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from waiting import wait_until

from service.session import Service
from ui.api.app import create_app
from ui.api.serving import ApiConnection, ApiServer, unix_socket
from ui.cli.remote import RemoteCommands


@dataclass
class Commands:
    """Runs commands as the service does, and counts them."""

    runner: RemoteCommands
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

    def prepare(self) -> None:
        self.runner.prepare()


@contextmanager
def serving(service: Service) -> Iterator[Commands]:
    """Serve the API of an index on its Unix socket, as ``footage serve`` does."""
    commands = Commands(RemoteCommands(service))
    app = create_app(service, run_command=commands)
    config = uvicorn.Config(app, http=ApiConnection, ws="none", log_level="warning")
    server = ApiServer(config, app.state.api.running)
    with unix_socket(service.settings.db) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield commands
        finally:
            server.should_exit = True
            thread.join()
