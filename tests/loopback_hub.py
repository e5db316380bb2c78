"""As much of the model hub as its client asks for: repositories with commits and files, over HTTP.

It can be gated, drop a connection in the middle of a file, and continue one from where it was dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LoopbackHub(ThreadingHTTPServer):
    """A hub on this machine; its attributes are what a test sets and looks at."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commits: dict[str, dict[str, bytes]] = {}
        """Files of each commit, by path; the last commit is the main branch."""
        self.gate: int = 0
        """Status with which files are refused; 0 for none."""
        self.drops: int = 0
        """Connections that are still to be dropped in the middle of a large file."""
        self.ranges: list[str] = []
        """The Range headers that were received for file contents."""
        self.served: list[str] = []
        """Paths of the files whose contents were asked for."""

    @property
    def address(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackHub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer in two writes may wait 40 ms

    def do_GET(self) -> None:
        """Metadata to anybody; files unless they are gated."""
        path = self.path.partition("?")[0]
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            if (commit := self.commit(match[2])) is None:
                return self.reply(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
            files = [{"rfilename": name} for name in self.server.commits[commit]]
            return self.reply(200, {"id": match[1], "sha": commit, "siblings": files})
        if match := re.fullmatch(r"/api/models/[^/]+/[^/]+/tree/([^/]+)/?", path):
            files = self.server.commits[self.commit(match[1]) or ""]
            return self.reply(
                200,
                [
                    {"type": "file", "path": name, "size": len(data), "oid": _etag(data)}
                    for name, data in files.items()
                ],
            )
        if match := re.fullmatch(r"/[^/]+/[^/]+/resolve/([^/]+)/(.+)", path):
            return self.resolve(self.commit(match[1]) or "", match[2])
        return self.reply(404, {"error": "Not found"})

    do_HEAD = do_GET

    def commit(self, revision: str | None) -> str | None:
        """The commit of a branch or a commit."""
        if revision in (None, "main"):
            return next(reversed(self.server.commits))
        return revision if revision in self.server.commits else None

    def resolve(self, commit: str, name: str) -> None:
        """A file, or the part of it that is asked for."""
        hub = self.server
        if hub.gate:
            return self.reply(hub.gate, {"error": "Access is restricted"}, {"X-Error-Code": "GatedRepo"})
        data = hub.commits[commit][name]
        headers = {"ETag": f'"{_etag(data)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        status, first = 200, 0
        if self.command == "GET":
            hub.served.append(name)
            if match := re.fullmatch(r"bytes=(\d+)-\d*", self.headers.get("Range", "")):
                hub.ranges.append(self.headers["Range"])
                status, first = 206, int(match[1])
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        dropped = self.command == "GET" and hub.drops > 0 and len(data) - first > 1 << 20
        if dropped:
            hub.drops -= 1
        self.send(status, data[first:], headers, half=dropped)
        return None

    def reply(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """One JSON answer."""
        self.send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def send(self, status: int, data: bytes, headers: dict[str, str], *, half: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(data[: len(data) // 2] if half else data)
        if half:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Quiet."""


def _etag(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """A hub for as long as the context lasts."""
    hub = LoopbackHub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
