"""Connections that bring no request are closed, whoever opened them; tried on a real server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from websockets.sync.client import connect

from ui.connections import Connection

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class Impatient(Connection):
    """As it is served, with less time."""

    patience_seconds = 0.5


async def answer(scope, receive, send) -> None:
    """Say yes to everything; a websocket is sent back what it says."""
    message = await receive()
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"yes"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(answer, http=Impatient, ws="websockets-sansio", lifespan="off", log_level="error")
    server, listening = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    serving.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    serving.join(30)


def closed(stream: socket.socket) -> bytes:
    """All that still comes until the server closes."""
    stream.settimeout(30)
    return b"".join(iter(lambda: stream.recv(4096), b""))


@pytest.mark.parametrize("begun", [b"", b"GET / HT", HEAD, HEAD + b"X-A: "])
def test_a_request_that_never_comes_is_not_waited_for(port, begun):
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.sendall(begun)
        assert closed(stream) == b""


def test_a_request_that_comes_bit_by_bit_is_not_waited_for(port):
    end = time.monotonic() + 30
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.sendall(HEAD)
        stream.settimeout(0.05)
        open_still = True
        while open_still and time.monotonic() < end:
            try:
                stream.sendall(b"X: y\r\n")
                open_still = stream.recv(1) != b""
            except TimeoutError:
                continue
            except ConnectionError:
                open_still = False
    assert not open_still


def test_a_second_request_that_never_comes_is_not_waited_for(port):
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.sendall(HEAD + b"\r\n")
        said = stream.recv(4096)
        while b"yes" not in said:
            said += stream.recv(4096)
        stream.sendall(HEAD)
        assert closed(stream) == b""


def test_a_websocket_stays_open_however_long_nothing_is_said(port):
    with connect(f"ws://127.0.0.1:{port}/") as stream:
        with pytest.raises(TimeoutError):
            stream.recv(timeout=4 * Impatient.patience_seconds)
        stream.send("still there?")
        assert stream.recv(timeout=30) == "still there?"
