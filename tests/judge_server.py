"""A judge behind the OpenAI protocol, in a thread of the test: answers by a function, faults, an account.

``JudgeServer(answer)`` calls ``answer(text, schema)`` with the question and its schema (None where none is
sent) and sends what it returns, a string or a value that becomes JSON. ``fault(text, number)`` names the
fault of a request, "" for none; requests are counted from 0. Faults:

429 500 503 redirect echo 401   statuses; 429 with Retry-After, echo with the key in the message
html deep nochoice              a body that is no completion
close cut hang                  the connection closes before or within the answer, or stays silent
length refusal filtered         an answer that is cut off, refused, or filtered
prose empty wrong short nan     text around the JSON; none; another schema; one item less; NaN

``refuses`` are values of response_format.type, and names of fields, that get a 400; ``vague`` hides which.
Types in ``breaks`` get a 500.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-judge-0123456789-the-right-key"
NAME, ROOT = "judge-a", "org/judge-a"


class JudgeServer:
    """The server, and what it was asked; leave it with ``stop``, or use ``serving``."""

    def __init__(
        self,
        answer: Callable[[str, dict | None], object],
        *,
        fault: Callable[[str, int], str] = lambda text, number: "",
        refuses: tuple[str, ...] = (),
        breaks: tuple[str, ...] = (),
        vague: bool = False,
        key: str = "",
        models: dict[str, str] | None = None,
        usage: bool = True,
        retry_after: str = "0",
        wait: threading.Event | None = None,
    ):
        self.answer, self.fault, self.refuses, self.vague = answer, fault, refuses, vague
        self.breaks = breaks
        self.key, self.usage, self.retry_after, self.wait = key, usage, retry_after, wait
        self.models = {NAME: ROOT} if models is None else models
        self.lock, self.released = threading.Lock(), threading.Event()
        self.bodies: list[dict] = []
        """All requests for a completion."""
        self.calls = self.prompt_tokens = self.answer_tokens = 0
        """Completions that were worked on, and their tokens: what would be paid for."""
        self.busy = self.most_busy = 0
        self.keys: set[str] = set()
        server = self

        class Handler(JudgeHandler):
            state = server

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    def stop(self):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()


@contextmanager
def serving(answer, **options):
    """A server for the time of a test."""
    server = JudgeServer(answer, **options)
    try:
        yield server
    finally:
        server.stop()


def tokens_of(text: str) -> int:
    """How many tokens this server counts: about as many as a true one, above four characters a token."""
    return len(text.encode("utf-8", "replace")) // 3 + 7


class JudgeHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer in two writes may wait 40 ms
    state: JudgeServer

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.has_key() and self.path == "/v1/models":
            rows = [
                {"id": name, **({"root": root} if root else {})} for name, root in self.state.models.items()
            ]
            self.send_json(200, {"object": "list", "data": rows})
        elif self.has_key():
            self.send_json(404, {"detail": "Not Found"})
        else:
            self.send_json(401, {"error": {"message": "Incorrect API key"}})

    def do_POST(self):
        state = self.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            number = len(state.bodies)
            state.bodies.append(body)
            state.keys.add(self.headers.get("Authorization", ""))
            state.busy += 1
            state.most_busy = max(state.most_busy, state.busy)
        try:
            self.complete(body, number)
        finally:
            with state.lock:
                state.busy -= 1

    def complete(self, body, number):
        state = self.state
        if not self.has_key():
            return self.send_json(401, {"error": {"message": "Incorrect API key"}})
        form = body.get("response_format", {"type": "text"})
        unknown = [name for name in state.refuses if name in body or name == form["type"]]
        if unknown:
            words = "Bad request." if state.vague else f"'{unknown[0]}' is not supported"
            return self.send_json(400, {"error": {"message": words}})
        if body["model"] not in state.models:
            return self.send_json(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
        if form["type"] in state.breaks:
            return self.send_json(500, {"error": {"message": "the grammar cannot be compiled"}})
        text = body["messages"][-1]["content"]
        fault = state.fault(text, number)
        if not self.refused_by(fault):
            self.worked_on(body, text, fault, form.get("json_schema", {}).get("schema"))

    def refused_by(self, fault) -> bool:
        """Answer with a status, before any work."""
        if fault == "429":
            self.send_json(429, {"error": {"message": "slow down"}}, {"Retry-After": self.state.retry_after})
        elif fault in ("401", "503", "400"):
            self.send_json(int(fault), {"error": {"message": "no"}})
        elif fault == "redirect":
            self.send_json(307, {}, {"Location": "http://127.0.0.1:9/stolen"})
        elif fault == "echo":
            self.send_json(
                400, {"error": {"message": f"Bad request with {self.headers.get('Authorization')}"}}
            )
        else:
            return False
        return True

    def worked_on(self, body, text, fault, schema):
        """A completion, which costs tokens whatever becomes of it."""
        state = self.state
        if state.wait is not None:
            state.wait.wait(30)
        value = state.answer(text, schema)
        written = value if isinstance(value, str) else json.dumps(value)
        written = spoiled(written, value, fault)
        most = body.get("max_tokens", body.get("max_completion_tokens"))
        ended = {"length": "length", "filtered": "content_filter"}.get(fault, "stop")
        counts = {"prompt_tokens": tokens_of(text), "completion_tokens": min(tokens_of(written), most)}
        with state.lock:
            state.calls += 1
            state.prompt_tokens += counts["prompt_tokens"]
            state.answer_tokens += counts["completion_tokens"]
        if fault in ("close", "hang"):
            if fault == "hang":
                state.released.wait(30)
            self.close_connection = True
            return self.connection.close()
        if fault == "500":
            return self.send_json(500, {"error": {"message": "the engine is gone"}})
        if fault in ("html", "deep", "nochoice"):
            data = {"html": b"<html>", "deep": b"[" * 100_000, "nochoice": b'{"choices": []}'}[fault]
            return self.send_bytes(200, data)
        message = {"role": "assistant", "content": written}
        if fault == "refusal":
            message = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
        result = {"object": "chat.completion", "choices": [{"message": message, "finish_reason": ended}]}
        if state.usage:
            result["usage"] = counts
        data = json.dumps(result).encode()
        self.send_bytes(200, data[:30] if fault == "cut" else data, length=len(data))
        if fault == "cut":
            self.close_connection = True
            self.connection.close()

    def has_key(self) -> bool:
        return not self.state.key or self.headers.get("Authorization") == f"Bearer {self.state.key}"

    def send_json(self, status, value, headers=None):
        self.send_bytes(status, json.dumps(value).encode(), headers)

    def send_bytes(self, status, data, headers=None, length=None):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)


def spoiled(written: str, value: object, fault: str) -> str:
    """An answer with a fault."""
    if fault == "length":
        return written[: len(written) // 2]
    if fault == "prose":
        thought = '<think>Maybe {"verdicts": []}?</think>'
        return f"{thought}\nSure! Here it is:\n```json\n{written}\n```\nAnything else?"
    if fault == "empty":
        return ""
    if fault == "wrong":
        return '{"verdict_list": [1, 2, 3]}'
    if fault == "nan":
        return '{"verdicts": NaN}'
    if fault == "short" and isinstance(value, dict):
        name = next(name for name, each in value.items() if isinstance(each, list))
        return json.dumps({**value, name: value[name][:-1]})
    return written
