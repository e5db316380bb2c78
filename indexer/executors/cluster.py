"""The connection to a Ray cluster: connects, starts tasks and actors, words what fails; knows no video.

The only module that imports Ray. Nothing leaves the machines of the cluster: usage statistics are off.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from footage.core.errors import DependencyError, FootageError, UsageError
from footage.core.extras import require_extra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SCHEME = "ray://"
ADDRESS_VARIABLE = "RAY_ADDRESS"
_FOUND_BY_RAY = "auto"
_LOOK_SECONDS = 5.0
_ANSWER_SECONDS = 5.0
_RAY_CONNECTS = {
    "RAY_py_gcs_connect_timeout_s": "10",
    "RAY_gcs_server_port_wait_time_s": "1",  # here: attempts
}
"""Deadlines of Ray for a server that answers and is no head; of its own they add up to minutes."""
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HTTP2_SETTINGS = 4  # type of the first frame that a server of gRPC, as every head is one, sends
RETRIES = 3
"""How often a task is started anew whose worker was lost."""


class WorkerLostError(FootageError):
    """The worker of a task ended before the task did, or its node was lost."""


class ActorLostError(WorkerLostError):
    """An actor ended, or its node was lost."""


def cluster_address(executor: str) -> str:
    """The address in a setting such as "ray" or "ray://head:6379"; empty for a Ray of its own.

    Raises:
        UsageError: The setting names no Ray, or not as HOST:PORT.
    """
    if executor == "ray":
        address = os.environ.get(ADDRESS_VARIABLE, "").strip()
        if address in ("", "local"):
            return ""
        return address if address == _FOUND_BY_RAY else _checked(address, ADDRESS_VARIABLE)
    if executor.startswith(SCHEME):
        return _checked(executor, "The executor")
    raise UsageError(
        f"there is no executor {executor!r}", hint="Known are local, ray, and ray://HOST:PORT for a cluster."
    )


def _checked(address: str, where: str) -> str:
    """An address as HOST:PORT; what stands before an "@" is never shown.

    Raises:
        UsageError: It is none.
    """
    hint = "Write the address that `ray start --head` printed, as in ray://10.0.0.5:6379."
    rest = address.removeprefix(SCHEME).rstrip("/")
    if "@" in rest:
        shown = "@" + rest.rpartition("@")[2]
        raise UsageError(f"{where} names a user before {shown!r}, and Ray has no users.", hint=hint)
    try:
        parts = urlsplit(f"//{rest}")
        is_address = bool(parts.hostname and parts.port) and parts.netloc == rest
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError(f"{where} must be ray://HOST:PORT, and {address!r} is not.", hint=hint)
    return rest


class Cluster:
    """A Ray cluster that this process is connected to."""

    def __init__(self, address: str = "") -> None:
        """Connect, or start Ray on this machine where there is no address.

        A connection that this process has already is used as it is, and not closed.

        Raises:
            DependencyError: Ray is not installed, or the cluster does not answer.
        """
        require_extra("cluster")
        if address and address != _FOUND_BY_RAY:
            _check_answer(address)
        self._ray = _imported(connects=bool(address))
        self._held: Mapping[str, float] = {}
        self._looked_at = -math.inf
        self._functions: dict[Callable[..., Any], Any] = {}
        self._is_own = not self._ray.is_initialized()
        if self._is_own:
            self._connect(address)

    def _connect(self, address: str) -> None:
        own = {"num_cpus": _cores(), "include_dashboard": False} if not address else {}
        try:
            with _signals_kept(), warnings.catch_warnings():
                # Ray forks to start programs, which use no database.
                warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)
                self._ray.init(
                    address or "local",
                    log_to_driver=False,
                    configure_logging=False,
                    logging_level="error",
                    **own,
                )
        except (OSError, RuntimeError, ValueError, self._ray.exceptions.RayError) as exc:
            reason = (str(exc).strip() or type(exc).__name__).splitlines()[0].rstrip(".")
            if not address:
                raise DependencyError(f"Ray cannot be started on this machine: {reason}.") from exc
            raise _no_answer(address, reason) from exc

    @property
    def cpus(self) -> int:
        """Processor cores of all nodes."""
        return int(self._resources().get("CPU", 0))

    @property
    def gpus(self) -> float:
        """GPUs of all nodes."""
        return float(self._resources().get("GPU", 0))

    @property
    def store_bytes(self) -> float:
        """Memory of all nodes for what tasks pass on."""
        return float(self._resources().get("object_store_memory", 0))

    def _resources(self) -> Mapping[str, float]:
        """What all nodes have together, some seconds ago at most: nodes come and go."""
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._held = self._ray.cluster_resources()
            self._looked_at = time.monotonic()
        return self._held

    @property
    def nodes(self) -> int:
        """How many nodes there are with a core for tasks."""
        alive = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        return max(1, len(alive))

    def task(self, function: Callable[..., Any], *arguments: Any, returns: int, cpus: float) -> list[Any]:
        """Start a task; it is started anew where its worker is lost.

        Returns:
            A reference for each of the values that it returns.
        """
        if function not in self._functions:  # Ray sends it to the nodes once
            self._functions[function] = self._ray.remote(function)
        options = {"num_cpus": cpus, "num_returns": returns, "max_retries": RETRIES}
        task = self._functions[function].options(**options, scheduling_strategy="SPREAD")
        references = task.remote(*arguments)
        return list(references) if returns > 1 else [references]

    def actor(self, kind: type, *arguments: Any, gpus: float, **named: Any) -> Any:
        """Start an actor; it is not started anew where it is lost.

        It takes no core: it shares those of the tasks, so that none of both waits for the other.
        """
        options = {"num_cpus": 0, "num_gpus": gpus, "max_restarts": 0, "max_task_retries": 0}
        actor = self._ray.remote(kind).options(**options, scheduling_strategy="SPREAD")
        return actor.remote(*arguments, **named)

    def put(self, value: Any) -> Any:
        """Store a value that several tasks take."""
        return self._ray.put(value)

    def done(self, references: Sequence[Any], *, seconds: float) -> list[Any]:
        """Those of some references whose values are there, after at most so many seconds."""
        if not references:
            return []
        first, rest = self._ray.wait(list(references), num_returns=1, timeout=seconds, fetch_local=False)
        more = self._ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)[0] if rest else []
        return [*first, *more] if first else []

    def get(self, reference: Any) -> Any:
        """The value of a reference.

        Raises:
            ActorLostError: The actor that was to make it ended.
            WorkerLostError: The worker that was to make it ended, or what it was to be made of is lost.
            Exception: What the task raised.
        """
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as exc:
            cause = exc.cause
            if isinstance(cause, errors.RayError) or not isinstance(cause, Exception):
                raise WorkerLostError(_first_line(exc)) from exc
            raise cause from exc
        except errors.RayActorError as exc:
            raise ActorLostError(_first_line(exc)) from exc
        except errors.RayError as exc:
            raise WorkerLostError(_first_line(exc)) from exc

    def cancel(self, references: Sequence[Any], *, force: bool) -> None:
        """Take tasks or calls of actors back; with ``force``, for tasks alone, also those that run."""
        for reference in references:
            self._ray.cancel(reference, force=force)

    def end(self, actor: Any) -> None:
        """End an actor."""
        self._ray.kill(actor)

    def close(self) -> None:
        """Disconnect, and end the Ray that was started here."""
        if self._is_own and self._ray.is_initialized():
            with _signals_kept():
                self._ray.shutdown()


def _check_answer(address: str) -> None:
    """See within seconds that a server of gRPC listens: Ray itself tries for minutes, deaf to Ctrl-C.

    Raises:
        DependencyError: None does.
    """
    parts = urlsplit(f"//{address}")
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=_ANSWER_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
                return
            connection.sendall(_HTTP2_PREFACE)
            header = connection.recv(9, socket.MSG_WAITALL)
    except TimeoutError as exc:
        raise _no_answer(address, f"nothing came for {_ANSWER_SECONDS:g} s") from exc
    except OSError as exc:
        raise _no_answer(address, exc.strerror or str(exc)) from exc
    if len(header) < 9 or header[3] != _HTTP2_SETTINGS:
        raise _no_answer(address, "the server there is no head of Ray")


def _no_answer(address: str, reason: str) -> DependencyError:
    return DependencyError(
        f"The Ray cluster at {address} does not answer: {reason}.",
        hint="Name the address that `ray start --head` printed, and run the command on a machine of "
        f"the cluster (ray start --address={address}).",
    )


def _imported(*, connects: bool) -> ModuleType:
    """Ray, without its statistics, and with deadlines where it connects to a head."""
    for name, value in _RAY_CONNECTS.items() if connects else ():
        os.environ.setdefault(name, value)
    import ray
    import ray.exceptions

    logging.getLogger("ray").setLevel(logging.ERROR)  # importing it sets up a handler for standard error
    return ray


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handlers of signals, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Mapping[int, Any] = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
