"""A real S3 server on this machine (moto's), with a proxy before it that makes faults on request.

What moto lacks: it checks no signatures, no permissions and no expiry of credentials, throttles nothing, and
knows no roles of machines; the proxy stands in for throttling and for refused credentials. It checks
If-None-Match and If-Match of a PUT (412).
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

ACCESS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


_ACCOUNT = "123456789012"  # of everything in moto
_CODES = {"503": "SlowDown", "429": "TooManyRequests", "403": "AccessDenied", "400": "ExpiredToken"}
_OWN_HEADERS = ("transfer-encoding", "connection", "content-length", "date", "server")


@dataclass
class Fault:
    """What to do with some requests instead of answering them as they should be."""

    kind: str
    """429, 503, 403, 400 (an expired token), slow (waits ``seconds`` before each part of the body), cut (half
    of the body, then nothing), gone (the connection ends before the request is carried out) or lost (it ends
    before the answer)."""
    times: int = 1
    """How many requests it meets."""
    method: str = "GET"
    """Of which method."""
    matches: Callable[[str], bool] = lambda path: True
    """Of which path and query."""
    seconds: float = 0.2
    """How long a slow answer waits."""


@dataclass
class S3Server:
    """The server, as clients see it: through the proxy."""

    endpoint: str
    direct: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and range of every request, in order."""
    before_answer: list[Callable[[str, str], None]] = field(default_factory=list)
    """Called with the method and the path of a request before it is passed on."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self) -> dict[str, str]:
        """The variables that a client needs."""
        return {**ACCESS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true"}

    def bytes_asked(self, since: int = 0) -> int:
        """Bytes of all ranges that were asked for, from some request on."""
        ranges = [each[2].removeprefix("bytes=").split("-") for each in self.requests[since:] if each[2]]
        return sum(int(last) - int(first) + 1 for first, last in ranges)

    def client(self):
        """A client of boto3 that goes round the proxy."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.direct,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def age(self, bucket: str, key: str, seconds: float) -> None:
        """Let an object have been written earlier than it was."""
        from datetime import timedelta

        from moto.s3.models import s3_backends

        for backend in s3_backends[_ACCOUNT].values():
            if bucket in backend.buckets:
                backend.buckets[bucket].keys[key].last_modified -= timedelta(seconds=seconds)

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets, counted down."""
        with self.lock:
            for each in self.faults:
                if each.times > 0 and each.method == method and each.matches(path):
                    each.times -= 1
                    return each
        return None


def _proxy(served: S3Server, port: int) -> type[BaseHTTPRequestHandler]:
    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are sent apart: else each answer waits 40 ms

        def log_message(self, *arguments):
            pass

        def _hang_up(self):
            self.close_connection = True
            self.connection.shutdown(2)

        def _pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with served.lock:
                served.requests.append((self.command, self.path, self.headers.get("Range", "")))
            for each in served.before_answer:
                each(self.command, self.path)
            fault = served.fault_for(self.command, self.path)
            if fault and fault.kind == "gone":
                self._hang_up()
                return
            if fault and fault.kind in _CODES:
                text = b"<Error><Code>%s</Code></Error>" % _CODES[fault.kind].encode()
                self.send_response(int(fault.kind))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return
            upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                upstream.request(self.command, self.path, body=body, headers=headers)
                answer = upstream.getresponse()
                data = answer.read()
            finally:
                upstream.close()
            if fault and fault.kind == "lost":
                self._hang_up()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN_HEADERS:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            if fault and fault.kind == "cut":
                self.wfile.write(data[: len(data) // 2])
                self._hang_up()
                return
            for start in range(0, len(data), 1 << 16):
                if fault and fault.kind == "slow":
                    time.sleep(fault.seconds)
                self.wfile.write(data[start : start + (1 << 16)])

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

    return Proxy


@contextmanager
def s3_server(*buckets: str) -> Iterator[S3Server]:
    """Serve until the context ends, with some buckets."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    _, port = moto.get_host_and_port()
    served = S3Server("", f"http://127.0.0.1:{port}")
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), _proxy(served, port))
    proxy.daemon_threads = True
    served.endpoint = f"http://127.0.0.1:{proxy.server_address[1]}"
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        for bucket in buckets:
            served.client().create_bucket(Bucket=bucket)
        yield served
    finally:
        proxy.shutdown()
        proxy.server_close()
        moto.stop()


@contextmanager
def s3_environment(*buckets: str) -> Iterator[S3Server]:
    """As ``s3_server``, with the variables of its clients in this process's environment."""
    from footage.objects import client, requests

    with s3_server(*buckets) as served, pytest.MonkeyPatch.context() as patch:
        for name, value in served.environment().items():
            patch.setenv(name, value)
        client.forget_clients()
        requests.forget_statuses()
        yield served
        client.forget_clients()
        requests.forget_statuses()
