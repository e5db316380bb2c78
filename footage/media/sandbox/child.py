"""One child process that does jobs: starts it, hands it a job, waits, and words its end; knows no video.

Its side of the socket is ``footage.media.sandbox.worker``. What it answers is not trusted.
"""

from __future__ import annotations

import json
import logging
import math
import os
import pickle
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import numpy as np

from footage.core import errors
from footage.core.errors import DecodeError, DependencyError, FootageError, UsageError, VideoError
from footage.core.timeout import hung
from footage.media.sandbox.confinement import MEMORY_BYTES
from footage.media.sandbox.feed import Feed
from footage.media.sandbox.messages import MOST_HEADER_BYTES, unpacked
from footage.media.sandbox.worker import BEAT, CALL, ERROR, HEAD, LOG, PROGRESS, READY, RESULT

Role = Literal["read", "write"]
START_SECONDS = 120.0
"""How long a child may take to start, and to import its libraries."""
_GRACE_SECONDS = 5.0
"""The child stops a job without progress; if it fails to do so, it is killed this much
later."""
_MOST_LOGGED = 1000
"""Most records of the log of one job that are kept."""
_LOOK_SECONDS = 0.5
"""How often the size of a file that a child writes is looked at."""
_MOST_TEXT = 2000
"""Most letters of a sentence that is kept of what a child says."""
_ENVIRONMENT = re.compile(
    r"PATH|HOME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TEMP|TMP|LD_LIBRARY_PATH|DYLD_\w+|PYTHON\w*|VIRTUAL_ENV|"
    r"(OMP|MKL|OPENBLAS)_\w+"
)
"""What a child gets to see of the environment: no key and no token."""
_BOOT = """
import sys
sys.path[:] = sys.argv[4:]
from footage.media.sandbox.worker import main
main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
"""

_BELIEVED = (VideoError, UsageError)
"""Errors of a job which are raised as what they say they are; others are damage of the file."""

_MAY_BE_HARMFUL = "the file may be damaged or malicious; other files are not affected"

logger = logging.getLogger(__name__)


class _Ended(Exception):
    """The child is gone."""


class _FalseAnswer(Exception):
    """The child answers what no honest one does."""


class Child:
    """One child process; it does one job at a time."""

    def __init__(self, role: Role) -> None:
        """Start it; it is not waited for."""
        try:
            self._socket, theirs = socket.socketpair()
        except OSError as exc:
            raise _cannot_start(exc) from exc
        try:
            ours, feed = socket.socketpair()
        except OSError as exc:
            self._socket.close()
            theirs.close()
            raise _cannot_start(exc) from exc
        self._feed = Feed(ours)
        descriptors = [theirs.fileno(), feed.fileno()]
        with theirs, feed:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _BOOT, *map(str, descriptors), role, *sys.path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=descriptors,
                    env={name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)},
                    start_new_session=True,  # away from the terminal
                )
            except OSError as exc:
                self._socket.close()
                self._feed.close()
                raise _cannot_start(exc) from exc
        self.role = role
        self.usable = True
        """Whether it can do another job."""
        self._missing: FootageError | None = None
        """Which library it lacks, as it said before it was given any file."""
        self._heard = False
        self._deadline = math.inf
        self._look: Callable[[], None] = _nothing

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    @property
    def started(self) -> bool:
        """Whether it has imported its libraries, or ended instead; for a child that does no job."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return self._heard or bool(waiting.poll(0))

    def run(
        self,
        job: str,
        arguments: tuple[Any, ...],
        options: dict[str, Any],
        *,
        name: str,
        timeout_seconds: float,
        most_seconds: float = math.inf,
        place: int | None = None,
        most_bytes: float = math.inf,
        on_progress: Callable[[int, int], None] | None = None,
        expected: Any = Any,
        accept: Callable[[Any], bool] | None = None,
        sources: Collection[str] = (),
    ) -> Any:
        """As ``isolation.run``."""
        with self._brought(sources):
            self.usable = False  # until it has answered
            options = options | {"with_progress": on_progress is not None}
            began, patience, logged = math.inf, START_SECONDS, 0
            self._look = _nothing if place is None else partial(_refuse_larger, place, most_bytes, name)
            try:
                call = pickle.dumps((job, arguments, options, place is not None))
                self._socket.settimeout(START_SECONDS)
                self._socket.sendall(HEAD.pack(CALL, len(call)) + call)
                if place is not None:
                    socket.send_fds(self._socket, [b"F"], [place])
                while True:
                    self._deadline = time.monotonic() + patience
                    kind, body = self._message(timeout_seconds + _GRACE_SECONDS)
                    self._look()
                    if kind == RESULT:
                        value = self._value(body, expected)
                        if accept is not None and not accept(value):
                            raise _FalseAnswer("it is about something else than what was asked")
                        self.usable = True
                        return value
                    if kind == ERROR:
                        error, last = _error(name, body, self._missing, writes=place is not None)
                        self.usable = not last
                        break
                    if kind == READY:
                        self._missing = _missing(body)
                    elif kind == LOG:
                        logged += 1
                        if logged <= _MOST_LOGGED:
                            _log(body)
                        elif logged == _MOST_LOGGED + 1:
                            logger.info("%s: further records of its decoder are left out", name)
                    elif kind == PROGRESS and on_progress is not None:
                        on_progress(*_two_numbers(body))
                    began, patience = min(began, time.monotonic()), timeout_seconds + _GRACE_SECONDS
                    if time.monotonic() - began > most_seconds:
                        raise DecodeError(
                            f"{name} was stopped: decoding took longer than {most_seconds:,.0f} s",
                            hint="the file may be damaged or the disk too slow; the setting "
                            "decode_timeout_seconds allows more time",
                        )
            except TimeoutError as exc:
                raise hung(name, timeout_seconds) from exc
            except _FalseAnswer as exc:
                logger.warning("%s: a child's answer is not taken: %s", name, _plain(str(exc)))
                raise DecodeError(
                    f"{name} cannot be decoded: its decoder sent an unreadable response", hint=_MAY_BE_HARMFUL
                ) from exc
            except (OSError, _Ended) as exc:
                raise self._death(name) from exc
            finally:
                if not self.usable:
                    self.end()
            raise error

    @contextmanager
    def _brought(self, sources: Collection[str]) -> Iterator[None]:
        """Bring objects to the child meanwhile, and say what was wrong with one of them."""
        self._feed.begin(sources)
        try:
            yield
        finally:
            # An object that cannot be read looks to a decoder as if it ended there.
            if (error := self._feed.error()) is not None:
                self.end()
                raise error

    def end(self) -> None:
        """End it, whatever it does."""
        self.usable = False
        self._socket.close()
        self._feed.close()
        self._process.kill()
        self._process.wait()

    def abandon(self) -> None:
        """Forget it in a process that was forked: it is the parent's."""
        self._socket.close()
        self._feed.close()
        self._process.returncode = 0  # not this process's child: it is not waited for

    def _message(self, patience: float) -> tuple[bytes, bytearray]:
        """The next message; after its first byte, the rest must arrive within this number of seconds."""
        head = bytearray(HEAD.size)
        self._fill(memoryview(head))
        kind, size = HEAD.unpack(head)
        known = (BEAT, LOG, PROGRESS, RESULT, ERROR) if self._heard else (READY,)
        if kind not in known or size > MOST_HEADER_BYTES:
            raise _FalseAnswer(f"a message {kind!r} of {size:,} bytes")
        self._heard = True
        self._deadline = time.monotonic() + patience
        body = bytearray(size)
        self._fill(memoryview(body))
        return kind, body

    def _value(self, header: bytearray, expected: Any) -> Any:
        def read(array: np.ndarray) -> None:
            if array.size:
                self._fill(array.reshape(-1).view(np.uint8).data)

        try:
            return unpacked(bytes(header), read, expected)
        except ValueError as exc:
            raise _FalseAnswer(str(exc)) from exc

    def _fill(self, view: memoryview) -> None:
        while view:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(min(left, _LOOK_SECONDS))
            try:
                count = self._socket.recv_into(view)
            except TimeoutError:
                self._look()
                continue
            if not count:
                raise _Ended
            view = view[count:]

    def _death(self, name: str) -> FootageError:
        """Why it ended, as what is wrong with the file at hand, or where it never began with this machine."""
        try:
            code = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return DecodeError(
                f"{name} cannot be decoded: its decoder stopped answering", hint=_MAY_BE_HARMFUL
            )
        how = f"ended unexpectedly (exit code {code})"
        if code < 0:
            known = -code in {int(each) for each in signal.Signals}
            what = f"signal {-code}, {signal.Signals(-code).name}" if known else f"signal {-code}"
            how = f"was killed ({what})" if -code == signal.SIGKILL else f"crashed ({what})"
        if not self._heard and code > 0:
            return DependencyError(
                f"the decoder process cannot start: it {how}",
                hint=f"{sys.executable} -c 'import footage.media.sandbox.worker, av, torchcodec' may show "
                f"the reason",
            )
        return DecodeError(f"{name} cannot be decoded: its decoder {how}", hint=_MAY_BE_HARMFUL)


def _cannot_start(exc: OSError) -> DependencyError:
    """What is said where the machine has no room for a child."""
    return DependencyError(
        f"the decoder process cannot start: {exc.strerror or exc}",
        hint="The machine may have reached its limit for memory, processes or open files.",
    )


def _nothing() -> None:
    """Look at nothing."""


def _refuse_larger(place: int, most_bytes: float, name: str) -> None:
    """Make sure that the file a child writes to has not become larger than it may.

    Raises:
        DecodeError: It has.
    """
    if os.fstat(place).st_size > most_bytes:
        raise DecodeError(
            f"{name} was stopped: its output is larger than {most_bytes / 1e9:,.1f} GB",
            hint="use a shorter segment; the file may be malicious",
        )


def _missing(body: bytearray) -> DependencyError | None:
    """Which library a child lacks, as it says before it is given any file."""
    said = _said(body, {"text": str, "hint": str})
    return DependencyError(said["text"], hint=said["hint"]) if said["text"] else None


def _error(
    name: str, body: bytearray, missing: FootageError | None, *, writes: bool
) -> tuple[Exception, bool]:
    """The exception that a job raised, made again, and whether the child is to do no further job.

    That a library is missing is believed only where the child said so before it was given any file.
    """
    said = _said(body, {"kind": str, "text": str, "last": bool})
    kind, text, last = said["kind"], _plain(said["text"]), said["last"]
    made = getattr(errors, kind, None) if said.get("known") else None
    if made is DependencyError and missing is not None:
        return missing, last
    if isinstance(made, type) and issubclass(made, _BELIEVED):
        return made(text, hint=_plain(str(said.get("hint", "")))), last
    if made is FootageError and writes:
        return FootageError(text, hint=_plain(str(said.get("hint", "")))), last
    if kind == "memory":
        hint = "scale it down with ffmpeg"
        most = f"{MEMORY_BYTES / 2**30:g} GiB of memory"
        return DecodeError(f"{name} cannot be decoded: it needs more than {most}", hint=hint), last
    if kind == "system":
        number = said.get("errno")
        return OSError(number if type(number) is int else 0, text) if writes else DecodeError(
            f"{name} cannot be read: {text}"
        ), last
    hint = "the file may be damaged; see the log"
    return DecodeError(f"{name} cannot be decoded: {_plain(kind)}: {text}", hint=hint), True


def _plain(text: str) -> str:
    """What a child says, short enough to keep and fit to be written anywhere."""
    return text[:_MOST_TEXT].encode("utf-8", "replace").decode()


def _log(body: bytearray) -> None:
    """Keep what a child wrote to its log."""
    said = _said(body, {"name": str, "level": int, "text": str})
    logger.log(said["level"], "%s: %s", _plain(said["name"]), _plain(said["text"]))


def _two_numbers(body: bytearray) -> tuple[int, int]:
    said = _said(body, {"done": int, "total": int})
    return said["done"], said["total"]


def _said(body: bytearray, kinds: Mapping[str, type]) -> dict[str, Any]:
    """What a child says, when it has the right form."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise _FalseAnswer(f"a message that is no JSON: {type(exc).__name__}") from exc
    if not isinstance(said, dict) or not all(type(said.get(key)) is kind for key, kind in kinds.items()):
        raise _FalseAnswer("a message without what belongs into it")
    return said
