"""Starts vLLM with the line that ``footage models serve-command`` prints, for the checks that need it.

VLLM_COMMAND is vLLM's command.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from footage.core.types import Frames
from footage.vlm.backends.server import payload
from footage.vlm.backends.server.chat import request_body
from footage.vlm.backends.server.check import Dialect
from footage.vlm.profile import Profile
from footage.vlm.profiles import DEMO, get_profile
from footage.vlm.protocol import Prompt
from footage.vlm.vllm_command import serving

START_SECONDS = 300
STAMP = re.compile(r"<([0-9]+\.[0-9]) seconds>")
ROUNDED_OTHERWISE = 0.11
"""Stamps have one decimal: what is equal to a millisecond may be rounded to either side."""


class Vllm:
    """A server in a process group of its own."""

    def __init__(
        self, arguments: list[str], log: Path, port: int, *, start_seconds: float = START_SECONDS
    ) -> None:
        self._arguments, self._log, self._start_seconds = arguments, log, start_seconds
        self.root, self.name = (
            f"http://127.0.0.1:{port}",
            arguments[arguments.index("--served-model-name") + 1],
        )
        self.address = f"{self.root}/v1#{self.name}"
        self.start()

    def start(self) -> None:
        environment = {
            **os.environ,
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the cores are shared with the model in this process
            "OMP_NUM_THREADS": "1",
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        began = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [os.environ["VLLM_COMMAND"], *self._arguments, "--enforce-eager"],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        while not self._answers():
            tail = self._log.read_text(errors="replace")[-3000:]
            assert self._process.poll() is None, f"vLLM ended: {tail}"
            assert time.monotonic() - began < self._start_seconds, f"vLLM does not answer: {tail}"
            threading.Event().wait(0.5)
        self.start_seconds = time.monotonic() - began

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.root}/health", timeout=5) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def version(self) -> str:
        with urllib.request.urlopen(f"{self.root}/version", timeout=5) as response:
            return json.load(response)["version"]

    def prompt_of(self, frames: Frames, prompt: Prompt) -> str:
        """The prompt as the served model reads it."""
        refused = Dialect(without=frozenset({"mm_processor_kwargs", "media_io_kwargs"}))
        body = request_body(self.name, payload.clip_parts(frames), prompt, get_profile(self.name), refused)
        asked = {**body, "max_tokens": 1, "return_token_ids": True}
        return self.spelled(self.post("/v1/chat/completions", asked)["prompt_token_ids"])

    def spelled(self, ids: list[int]) -> str:
        """The text of tokens, special ones included."""
        return self.post("/detokenize", {"model": self.name, "tokens": ids})["prompt"]

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """The memory of its processes together in bytes, every second; shared pages count once."""
        memory = [self._bytes()]
        over = threading.Event()

        def watch() -> None:
            while not over.wait(1):
                memory.append(self._bytes())

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield memory
        finally:
            over.set()
            watching.join()

    def _bytes(self) -> int:
        return sum(_bytes_of(process) for process in _group(self._process.pid))

    def post(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(
            self.root + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:
            return json.load(response)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _group(leader: int) -> list[Path]:
    """The folders in /proc of the processes of a group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            if (folder / "stat").read_text().rpartition(")")[2].split()[2] == str(leader):
                found.append(folder)
    return found


def _bytes_of(process: Path) -> int:
    """Its share of the memory it uses: proportional set size."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = (line.split() for line in (process / "smaps_rollup").read_text().splitlines()[1:])
        return next(int(words[1]) for words in lines if words[0] == "Pss:") * 1024
    return 0


def serve_command(port: int, profile: Profile = DEMO, folder: Path | None = None) -> list[str]:
    """What ``footage models serve-command`` prints, without "vllm"; ``folder`` stands in for the weights."""
    command, options = serving(profile, port=port)
    if folder is not None:
        options = [option for option in options if "revision" not in option[0]]
    weights = str(folder) if folder else command[2]
    return ["serve", weights, *(word for option in options for word in option)]


@contextmanager
def serving_with(
    logs: Path,
    *extra: str,
    without: tuple[str, ...] = (),
    profile: Profile = DEMO,
    folder: Path | None = None,
    start_seconds: float = START_SECONDS,
) -> Iterator[Vllm]:
    """A server that is started with the printed command, less some options and with others.

    Args:
        logs: folder for its log.
        extra: more options.
        without: names of printed options to leave out.
        profile: what is served.
        folder: weights to serve instead of the profile's own.
        start_seconds: how long it may take to answer.
    """
    port = free_port()
    command = serve_command(port, profile, folder)
    kept = list(command[:2])
    for name, value in zip(command[2::2], command[3::2], strict=True):
        kept += [] if name in without else [name, value]
    started = Vllm([*kept, *extra], logs / f"vllm-{port}.log", port, start_seconds=start_seconds)
    try:
        yield started
    finally:
        started.kill()


def read_by(model: Any, frames: Frames, prompt: Prompt) -> list[int]:
    """The ids of a whole prompt as a model in this process reads it."""
    return [*model.prepare(frames).payload.ids.tolist(), *model._ids(prompt)]


def stamps_off(one: str, other: str) -> list[float]:
    """By how many seconds the stamps of two prompts differ that are equal but for these."""
    assert STAMP.sub("<>", one) == STAMP.sub("<>", other)
    stamps = (map(float, STAMP.findall(text)) for text in (one, other))
    return [abs(a - b) for a, b in zip(*stamps, strict=True)]
