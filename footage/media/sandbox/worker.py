"""The process that reads hostile files: takes jobs from a socket, one at a time, until the socket closes.

It is confined before the first job (``footage.media.sandbox.confinement``). Its other end is
``footage.media.sandbox.child``.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import logging
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

HEAD = struct.Struct("=cI")
"""A message is its kind, the length of its body, the body; the arrays of a result follow it."""
CALL, READY, BEAT, LOG, PROGRESS, RESULT, ERROR = b"C", b"Y", b"B", b"L", b"P", b"R", b"E"
_BEAT_SECONDS = 0.2
_MOST_SAMPLERS = 8
_MOST_THREADS = 8
"""Threads that resize pictures: more are no faster, and the stack of each counts as memory."""

_samplers: OrderedDict[str, Any] = OrderedDict()


def main(descriptor: int, feed: int, role: str) -> None:
    """Do jobs until the caller is gone.

    Args:
        descriptor: Of the socket to the caller.
        feed: Of the socket that objects come through.
        role: "read", or "write" for jobs that write to a file that comes with them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's, who ends this process
    caller = _Caller(socket.socket(fileno=descriptor))
    channel = socket.socket(fileno=feed)
    from footage.core.process import settle

    settle()
    os.environ.setdefault("OMP_NUM_THREADS", str(min(_MOST_THREADS, os.cpu_count() or 1)))
    missing = _load(role)
    _rank_first_for_the_kernel()
    from footage.media.sandbox.confinement import confine

    confine(writes=role == "write")
    # Landlock holds for the thread that asks for it and those it starts: no earlier than here.
    threading.Thread(target=_end_with, args=(caller.socket,), daemon=True).start()
    logging.basicConfig(level=logging.INFO, handlers=[_Forward(caller)], force=True)
    from footage.core import timeout
    from footage.media.sandbox.feed import Channel
    from footage.objects.paths import open_through

    open_through(Channel(channel).open)
    timeout.on_beat = caller.beat
    caller.ready(missing)
    while job := caller.next_job():
        caller.do(*job)
        gc.collect(0)


class _Caller:
    """The other end of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._lock = threading.Lock()
        self._beaten = 0.0

    def next_job(self) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        """A job's function, and its arguments; None when the caller is gone."""
        head = self._read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        body = self._read(HEAD.unpack(head)[1])
        job, arguments, options, with_file = pickle.loads(body)  # the caller is trusted
        if with_file:
            options["place"] = _received_file(self.socket)
        return job, arguments, options

    def do(self, job: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Run a job, and send what came of it."""
        from footage.core import timeout
        from footage.core.errors import FootageError
        from footage.media.sandbox.messages import packed

        if options.pop("with_progress", False):
            options["on_progress"] = self._progress
        place = options.get("place")
        self._beaten = 0.0
        try:
            module, _, name = job.partition(":")
            header, arrays = packed(getattr(import_module(module), name)(*arguments, **options))
        except BaseException as exc:
            if not isinstance(exc, FootageError):
                logging.getLogger(__name__).warning("%s failed", job, exc_info=True)
            last = timeout.given_up > 0 or isinstance(exc, MemoryError)
            self._send(ERROR, json.dumps(_described(exc) | {"last": last}).encode())
        else:
            self._send(RESULT, header, arrays)
        finally:
            if place is not None:
                os.close(place)

    def ready(self, missing: dict[str, str]) -> None:
        """Say, before the first job, that it can begin, and which library is missing."""
        self._send(READY, json.dumps(missing).encode())

    def beat(self) -> None:
        """Say that the job gets further, now and then."""
        now = time.monotonic()
        if now - self._beaten >= _BEAT_SECONDS:
            self._beaten = now
            self._send(BEAT)

    def log(self, record: logging.LogRecord) -> None:
        """Hand on a record of the log."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
        said = {"name": record.name, "level": record.levelno, "text": text}
        self._send(LOG, json.dumps(said).encode())

    def _progress(self, done: int, total: int) -> None:
        self._send(PROGRESS, json.dumps({"done": done, "total": total}).encode())

    def _send(self, kind: bytes, body: bytes = b"", arrays: Any = ()) -> None:
        with self._lock:
            try:
                self.socket.sendall(HEAD.pack(kind, len(body)) + body)
                for each in arrays:
                    if each.size:
                        self.socket.sendall(memoryview(each.reshape(-1)).cast("B"))
            except OSError:
                os._exit(0)  # nobody waits for it

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(min(1 << 20, count - len(parts)))
            if not part:
                break
            parts += part
        return bytes(parts)


class _Forward(logging.Handler):
    """Sends the log to the caller, who keeps it."""

    def __init__(self, caller: _Caller) -> None:
        super().__init__()
        self._caller = caller

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        self._caller.log(record)


def open_sampler(key: str, path: str, spans: Any, options: dict[str, Any]) -> None:
    """Keep a ``footage.media.video.Sampler`` for further jobs; those that were not used for longest go."""
    from footage.media.video import Sampler

    _samplers[key] = Sampler(path, spans, **options)
    while len(_samplers) > _MOST_SAMPLERS:
        _samplers.popitem(last=False)


def take(key: str, number: int) -> Any:
    """The frames of a window of a kept sampler; None where it is kept no longer."""
    if key not in _samplers:
        return None
    _samplers.move_to_end(key)
    return _samplers[key].take(number)


def _load(role: str) -> dict[str, str]:
    """Import what jobs need while files may still be read and run freely: no hostile byte is here yet.

    Returns:
        What is missing, as the text and the hint of an error; both empty where nothing is.
    """
    missing = {"text": "", "hint": ""}
    import_module("footage.media.clip")
    import_module("av")
    if role == "read":
        from footage.core.errors import DependencyError
        from footage.media import decode

        with _without_compiler():
            try:
                decode.decoder_class()
            except DependencyError as exc:
                missing = {"text": str(exc), "hint": exc.hint}
            import_module("qwen_vl_utils")
            import_module("torchvision.transforms.v2")
        for name in (
            "footage.media.frame_grid",
            "footage.media.images",
            "footage.media.audio",
            "footage.media.subtitles",
            "charset_normalizer",
        ):
            import_module(name)
        import_module("PIL.Image").init()
    else:
        for name in (
            "PIL.Image",
            "footage.media.concat",
            "footage.media.animation",
            "footage.media.annotate",
        ):
            import_module(name)
    return missing


class _NoCompiler(ModuleType):
    """Stands for ``torch._dynamo`` where nothing is compiled; imports the real one for anything else."""

    disallow_in_graph = allow_in_graph = staticmethod(lambda function: function)

    @staticmethod
    def disable(function: Any, *_: Any, **__: Any) -> Any:
        """A function as it is: nothing traces it."""
        return function

    @staticmethod
    def is_compile_supported(device: Any) -> bool:
        """Whether models can be compiled."""
        return False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _remove_stand_ins()
        return getattr(import_module(self.__name__), name)


def _remove_stand_ins() -> None:
    for name in [name for name, module in sys.modules.items() if isinstance(module, _NoCompiler)]:
        del sys.modules[name]


@contextlib.contextmanager
def _without_compiler() -> Iterator[None]:
    """Import torchcodec and torchvision without PyTorch's compiler, which is 40 % of the start of a process.

    They want three functions of it, for programs that compile their models.
    """
    for name in ("torch._dynamo", "torch._dynamo.utils"):
        sys.modules[name] = _NoCompiler(name)
    try:
        yield
    finally:
        _remove_stand_ins()


def _rank_first_for_the_kernel() -> None:
    """Where memory runs out, the kernel is to end this process, not the caller."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("700")


def _end_with(connection: socket.socket) -> None:
    """End this process when the caller is gone, also in the middle of a job."""
    poll = select.poll()
    poll.register(connection, 0)  # hanging up is reported unasked
    poll.poll()
    os._exit(0)


def _received_file(connection: socket.socket) -> int:
    """A descriptor that comes with a job."""
    size = array.array("i").itemsize
    _, ancillary, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(size))
    descriptors = array.array("i")
    descriptors.frombytes(ancillary[0][2][:size])
    return descriptors[0]


def _described(exc: BaseException) -> dict[str, Any]:
    """An exception as the caller can make it again."""
    from footage.core.errors import FootageError

    hint = exc.hint if isinstance(exc, FootageError) else ""
    known = isinstance(exc, FootageError)
    kind = "memory" if isinstance(exc, MemoryError) else type(exc).__name__
    if isinstance(exc, OSError) and exc.errno and not known:
        return {"kind": "system", "errno": exc.errno, "text": exc.strerror or str(exc)}
    return {"kind": kind, "known": known, "text": str(exc), "hint": hint}
