"""A small model server: the demo model, or one that says always the same, behind the OpenAI protocol.

Faults are asked for in the address, so that one server does for all tests: what comes before "/v1" names
them. Of http://127.0.0.1:8000/one,drop=2/v1 the first two completions are dropped, of /drop=3-4/v1 the third
and the fourth; they are counted by address. "/log" tells what was received, "/forget" makes it forget.

It shows the prompt that the model reads as vLLM does (``return_token_ids``, then /detokenize), unless it is
"blind". Of vLLM's ways: "untrusting" refuses fields for the processor in a request, "sampling" shows two
frames a second of whatever is sent, "wrapped" keeps the outer pair of tokens around the video.

Examples:
    python tests/serve_demo.py --port 8000             # the demo model
    python tests/serve_demo.py --port 8000 --constant  # the same answer to everything, at once
"""

from __future__ import annotations

import argparse
import base64
import functools
import io
import json
import os
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

CAPTION = "Scene: A test picture.\n\nEvents:\n<1.0 - 4.0> A square moves.\n<10.0 - 12.5> The counter turns."
SPANS = {
    "Identify the timestamps": "From 1.0 to 4.0.",
    "The event happens in": "The event happens in 1.0 - 4.0 seconds.",
    "JSON array of [start, end] pairs": "[[1.0, 4.0], [10.0, 12.5]]",
}
"""Answers to the find prompts of several models, by words of the prompt."""
KEY = "sk-the-right-key-0123456789"
"""What a server with the fault "key" wants."""
PLAIN_FIELDS = {
    *("model", "messages", "max_tokens", "temperature", "top_p", "seed", "logprobs", "stream"),
    *("chat_template_kwargs", "return_token_ids"),
}
UNTRUSTED_FIELDS = ("mm_processor_kwargs", "media_io_kwargs")
"""What vLLM takes with a request only when it was started to trust it."""
NAMES = ("demo", "other/model")


class State:
    """What the server was asked so far, and what it answers with."""

    def __init__(self, answer):
        self.answer = answer
        self.lock = threading.Lock()
        self.forget()

    def forget(self):
        self.seen: list[dict] = []
        self.times: Counter[str] = Counter()
        self.busy = self.most_busy = 0
        self.since = object()


class DemoAnswers:
    """The demo model; asked about one window a time, and holding those it saw last, as servers do."""

    def __init__(self):
        from footage.vlm import load_model

        self.model = load_model("demo", device="cpu", offline=True)
        self.lock = threading.Lock()
        self.prepare = functools.lru_cache(16)(self.prepare)

    def __call__(self, body):
        with self.lock:
            return self.answer(body)

    def prepare(self, content):
        return self.model.prepare(window_of(json.loads(content)))

    def answer(self, body):
        from footage.vlm.protocol import Prompt
        from footage.vlm.sampling import Sampling

        *window, question = body["messages"][-1]["content"]
        sampling = Sampling(body.get("temperature", 0.0), body.get("top_p", 1.0), seed=body.get("seed", 0))
        prompt = Prompt("raw", question["text"], body["max_tokens"], sampling)
        (answer,) = self.model.run([(self.prepare(json.dumps(window)), prompt)])
        logprobs = None
        if body.get("logprobs") and answer.token_logprobs is not None:
            texts = [*answer.token_texts]
            if answer.finish_reason == "stop" and texts[-1] == "":
                texts[-1] = "<|im_end|>"  # as vLLM tells it
            pairs = zip(texts, answer.token_logprobs, strict=True)
            logprobs = {"content": [{"token": t, "bytes": [*t.encode()], "logprob": p} for t, p in pairs]}
        return answer.raw, answer.finish_reason, logprobs


def constant(body):
    """Always the same; a span for whoever asks for one."""
    question = json.dumps(body["messages"][-1]["content"][-1])
    answers = (answer for words, answer in SPANS.items() if words in question)
    return next(answers, CAPTION), "stop", None


def window_of(content):
    """The frames of a message: a clip or pictures as data URLs, decoded, with their times."""
    import av
    from PIL import Image

    from footage.core.types import Frames, Span

    pictures, times, end = [], [], 0.0
    for part in content:
        if part["type"] == "video_url":
            with av.open(io.BytesIO(data_of(part["video_url"]["url"]))) as file:
                end = float(file.duration / av.time_base)
                for frame in file.decode(video=0):
                    pictures.append(frame.to_ndarray(format="rgb24"))
                    times.append(frame.time)
        elif part["type"] == "image_url":
            pictures.append(np.array(Image.open(io.BytesIO(data_of(part["image_url"]["url"])))))
        else:  # "<0.2 seconds>": the time of the pair that follows
            at = float(part["text"][1:].split()[0])
            times += [at, at]
    times = times[: len(pictures)]
    span = Span(0, max(end, times[-1]))
    return Frames(np.stack(pictures), tuple(times), span)


def prompt_of(faults, body):
    """The prompt that a model reads, as text; times are frame numbers divided by the file's rate."""
    import av

    *window, question = body["messages"][-1]["content"]
    video = ""
    for part in window:
        if part["type"] != "video_url":
            continue
        with av.open(io.BytesIO(data_of(part["video_url"]["url"]))) as file:
            rate, count = float(file.streams.video[0].average_rate), sum(1 for _ in file.decode(video=0))
        taken = range(count)
        if "sampling" in faults:
            most = min(max(int(count / rate * 2), 4), count)
            taken = np.linspace(0, count - 1, most).round().astype(int).tolist()
        times = [number / rate for number in [*taken, *[taken[-1]] * (len(taken) % 2)]]
        pairs = zip(times[::2], times[1::2], strict=True)
        video += "".join(f"<{(a + b) / 2:.1f} seconds><|vision_start|><|vision_end|>" for a, b in pairs)
    if "wrapped" in faults:
        video = f"<|vision_start|>{video}<|vision_end|>"
    return f"<|im_start|>user\n{video}{question['text']}<|im_end|>\n"


def data_of(url):
    head, _, data = url.partition(",")
    assert head in ("data:video/mp4;base64", "data:image/jpeg;base64"), head
    return base64.b64decode(data)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer in two writes may wait 40 ms
    state: State

    def log_message(self, *_):
        pass

    def do_GET(self):
        faults, path = self.split()
        if path == "/log":
            with self.state.lock:
                result = {"seen": self.state.seen, "most_busy": self.state.most_busy}
            self.reply(200, result)
        elif path == "/forget":
            with self.state.lock:
                self.state.forget()
            self.reply(200, {})
        elif self.refuse_key(faults):
            pass
        elif path != "/v1/models" or "nolist" in faults:
            self.reply(404, {"detail": "Not Found"})
        else:
            names = NAMES[: int(faults.get("names", 1))]
            self.reply(200, {"object": "list", "data": [{"id": n, "root": "org/of-" + n[:4]} for n in names]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        faults, path = self.split()
        if path == "/detokenize":
            return self.detokenize(faults, body)
        probe = body["max_tokens"] == 1
        state = self.state
        with state.lock:
            since = state.since
            state.busy += not probe
            state.most_busy = max(state.most_busy, state.busy)
            state.seen.append(
                {
                    "path": self.path,
                    "key": self.headers.get("Authorization", ""),
                    "fields": {name: value for name, value in body.items() if name != "messages"},
                    "parts": [part["type"] for part in body["messages"][-1]["content"]],
                    "text": body["messages"][-1]["content"][-1].get("text", ""),
                    "probe": probe,
                }
            )
        try:
            if path != "/v1/chat/completions":
                self.reply(404, {"detail": "Not Found"})
            elif not self.refuse_key(faults) and not self.fault(faults, body, probe):
                self.complete(faults, body)
        finally:
            with state.lock:
                state.busy -= not probe and since is state.since

    def detokenize(self, faults, body):
        if "blind" in faults:
            return self.reply(404, {"detail": "Not Found"})
        return self.reply(200, {"prompt": "".join(map(chr, body["tokens"]))})

    def complete(self, faults, body, half=False):
        if body["model"] not in NAMES:
            error = {"message": f"The model `{body['model']}` does not exist.", "type": "NotFoundError"}
            return self.reply(404, {"error": error})
        raw, reason, logprobs = ("Events:", "stop", None) if "mute" in faults else self.state.answer(body)
        choice = {"index": 0, "message": {"role": "assistant", "content": raw}, "finish_reason": reason}
        if logprobs and "nologprobs" not in faults:
            choice["logprobs"] = logprobs
        if half:
            choice = {**choice, "finish_reason": None}
        shown = {}
        if body.get("return_token_ids") and "blind" not in faults:
            shown["prompt_token_ids"] = [ord(character) for character in prompt_of(faults, body)]
        return self.reply(200, {"object": "chat.completion", "choices": [choice], **shown})

    def fault(self, faults, body, probe) -> bool:
        """Do what the address asks for; False when the request is to be answered properly."""
        types = {part["type"] for part in body["messages"][-1]["content"]}
        if "novideo" in faults and "video_url" in types:
            self.reply(400, {"error": {"message": "At most 0 video(s) may be provided in one prompt."}})
            return True
        images = sum(part["type"] == "image_url" for part in body["messages"][-1]["content"])
        if "images" in faults and images > int(faults["images"]):
            self.reply(400, {"error": {"message": f"At most {faults['images']} image(s) may be provided."}})
            return True
        if "plain" in faults and (extra := set(body) - PLAIN_FIELDS):
            self.reply(422, {"detail": f"Unexpected fields in the request: {extra}"})
            return True
        if "untrusting" in faults and (named := [name for name in UNTRUSTED_FIELDS if name in body]):
            message = f"Per-request {named[0]} are disabled by default. Start the server to trust them."
            self.reply(400, {"error": {"message": message, "param": named[0]}})
            return True
        if "vague" in faults and "stop_token_ids" in body:
            self.reply(400, {"error": {"message": "Bad request."}})
            return True
        clips = [part["video_url"]["url"] for part in body["messages"][-1]["content"] if "video_url" in part]
        if "longest" in faults and any(len(clip) > int(faults["longest"]) for clip in clips):
            self.reply(413, {"error": {"message": "this clip is too long"}})
            return True
        if probe and "probed" not in faults:
            return False
        if "fatal" in faults and any(len(clip) > int(faults["fatal"]) for clip in clips):
            os._exit(1)  # as an engine that dies of one request
        if "slow" in faults:
            time.sleep(float(faults["slow"]))
        for name in (
            "drop",
            "429",
            "404",
            "500",
            "503",
            "nonsense",
            "deep",
            "empty",
            "half",
            "filtered",
            "cut",
            "redirect",
            "echo",
        ):
            if name not in faults:
                continue
            key = self.path.partition("/v1")[0] + name
            with self.state.lock:
                self.state.times[key] += 1
                number = self.state.times[key]
            first, _, last = faults[name].partition("-")
            if int(first) <= number <= int(last or first) if last else number <= int(first):
                self.do_fault(name, faults, body)
                return True
        return False

    def do_fault(self, name, faults, body):
        if name == "drop":
            self.close_connection = True
            self.connection.close()
        elif name == "429":
            self.reply(429, {"error": {"message": "slow down"}}, {"Retry-After": faults.get("after", "0")})
        elif name == "404":
            self.reply(404, {"error": {"message": "The model does not exist."}})
        elif name in ("500", "503"):
            self.reply(int(name), {"error": {"message": "the engine is gone"}})
        elif name == "nonsense":
            self.send(200, b"<html>Welcome!</html>", "text/html")
        elif name == "deep":
            self.send(200, b"[" * 200_000, "application/json")
        elif name == "empty":
            self.reply(200, {"object": "chat.completion", "choices": []})
        elif name == "half":
            self.complete(faults, body, half=True)
        elif name == "filtered":
            message = {"role": "assistant", "content": ""}
            choice = {"index": 0, "message": message, "finish_reason": "content_filter"}
            self.reply(200, {"object": "chat.completion", "choices": [choice]})
        elif name == "cut":
            data = b'{"choices": [{"message": {"content": "Scene: A p'
            self.send(200, data, "application/json", length=len(data) + 100)
            self.close_connection = True
            self.connection.close()
        elif name == "redirect":
            self.send(307, b"", "text/plain", {"Location": f"/stolen{self.path}"})
        elif name == "echo":
            self.reply(400, {"error": {"message": f"Bad request with {self.headers.get('Authorization')}"}})

    def refuse_key(self, faults) -> bool:
        if "key" not in faults or self.headers.get("Authorization") == f"Bearer {KEY}":
            return False
        self.reply(401, {"error": {"message": f"Incorrect API key: {self.headers.get('Authorization')}"}})
        return True

    def split(self):
        """The faults of the address, and the path after them."""
        steps = self.path.split("/")[1:]
        named = steps[: steps.index("v1")] if "v1" in steps else []
        if steps[-1] == "detokenize":  # beside /v1
            named = steps[:-1]
        pairs = (step.partition("=") for one in named for step in one.split(","))
        return {name: value for name, _, value in pairs}, "/" + "/".join(steps[len(named) :])

    def reply(self, status, result, headers=None):
        self.send(status, json.dumps(result).encode(), "application/json", headers)

    def send(self, status, data, kind, headers=None, length=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="0 for any; the port is printed")
    parser.add_argument("--constant", action="store_true", help="answer at once, always the same")
    arguments = parser.parse_args()

    Handler.state = State(constant if arguments.constant else DemoAnswers())
    ThreadingHTTPServer.request_queue_size = 64
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(server.server_address[1], flush=True)  # noqa: T201
    server.serve_forever()


if __name__ == "__main__":
    main()
