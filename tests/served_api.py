"""Serves the API as `footage serve` does, in a thread, over a Unix socket and TCP; and an index to search."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from standin_finder import StandinFinder, TestVideo, index_videos
from standin_model import StandinEmbedder
from waiting import wait_until

from footage.core.config import load_settings
from service.roles import Role
from service.session import Loaders, Service
from service.tokens import CreateTokenRequest, create_token
from ui.api.access import ApiAccess
from ui.api.app import create_app
from ui.api.serving import ApiConnection, ApiServer, api_server, unix_socket

CAR, DOG = "A red car drives by.", "A white dog runs."
VIDEOS = [
    TestVideo("gate", 40, 40, {CAR: [(2, 6), (31, 35)], DOG: [(8, 12)]}),
    TestVideo("yard", 90, 20, {CAR: [(4, 9)]}),
    TestVideo("hall", 140, 20, {DOG: [(1, 3)]}),
]
ROLES: tuple[Role, ...] = ("view", "edit", "admin")


@dataclass(frozen=True)
class ServedApi:
    """A service that runs."""

    service: Service
    socket: Path
    address: str
    tokens: dict[Role, str]
    app: Any
    server: ApiServer

    def local(self, **options: Any) -> httpx2.Client:
        """A client of the Unix socket."""
        transport = httpx2.HTTPTransport(uds=str(self.socket))
        return httpx2.Client(
            transport=transport, base_url="http://footage", timeout=60, verify=False, **options
        )

    def client(self, role: Role | None = "admin", **headers: str) -> httpx2.Client:
        """A client over TCP, with the token of a role or without any."""
        token = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx2.Client(base_url=self.address, headers={**token, **headers}, timeout=60, verify=False)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


def made_index(folder: Path) -> Path:
    """An index of tiny videos that the stand-in model knows."""
    return Path(index_videos(folder, VIDEOS, StandinEmbedder("minilm")).path)


def made_service(db: Path, *, model: Any = None, **settings: Any) -> Service:
    """A service with stand-ins for its models."""
    finder = model or StandinFinder(VIDEOS)
    loaders = Loaders(model=lambda _: finder, embedder=lambda _: StandinEmbedder("minilm"))
    return Service(load_settings(db=db, model="demo", **settings), loaders=loaders)


@contextmanager
def served(
    service: Service,
    access: ApiAccess | None = None,
    *,
    http: type[ApiConnection] = ApiConnection,
    lifespan: str = "auto",
    roles: tuple[Role, ...] = ROLES,
) -> Iterator[ServedApi]:
    """Serve until the context ends; with a token for each of some roles."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fx-")))
        folder.chmod(0o700)
        local = stack.enter_context(unix_socket(folder / "index", path=folder / "socket"))
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        tokens: dict[Role, str] = {}
        for role in roles:
            name = f"{role}-{folder.name}"
            tokens[role] = create_token(service, CreateTokenRequest(name=name, role=role)).token
        app = create_app(service, access=access)
        server = api_server(app, access=access or ApiAccess(), http=http)
        server.config.lifespan = lifespan  # "off": nothing works beside the requests
        thread = threading.Thread(target=server.run, kwargs={"sockets": [local, tcp]})
        thread.start()
        wait_until(lambda: server.started or not thread.is_alive(), failure="the server did not start")
        try:
            port = tcp.getsockname()[1]
            yield ServedApi(service, folder / "socket", f"http://127.0.0.1:{port}", tokens, app, server)
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()
