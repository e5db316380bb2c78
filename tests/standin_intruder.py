"""What code that took over a decoding process would try; runs as a job in one, and says what came of it."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path


def threads() -> list[list[str]]:
    """Of each thread of this process, whether new rights are forbidden, and its seccomp mode."""
    return [
        [
            line.split()[1]
            for line in (task / "status").read_text().splitlines()
            if line.startswith(("NoNewPrivs:", "Seccomp:"))
        ]
        for task in Path("/proc/self/task").iterdir()
    ]


def environment() -> list[str]:
    """Names of the variables it sees."""
    return sorted(os.environ)


def attempts(victim: str) -> dict[str, str]:
    """By name, the error of each attempt; "done" where there was none."""
    parent = os.getppid()

    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)

    tried: dict[str, Callable[[], object]] = {
        "limits of the parent": lambda: resource.prlimit(
            parent, resource.RLIMIT_CORE, resource.prlimit(parent, resource.RLIMIT_CORE)
        ),
        "priority of the parent": lambda: os.setpriority(os.PRIO_PROCESS, parent, 5),
        "fork": fork,
        "program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "mode": lambda: os.chmod(victim, 0o777),
        "owner": lambda: os.chown(victim, os.getuid(), os.getgid()),
        "times": lambda: os.utime(victim, (0, 0)),
        "attribute": lambda: os.setxattr(victim, "user.x", b"x"),
        "terminal": lambda: os.open("/dev/tty", os.O_RDONLY),
        "write": lambda: os.open(victim, os.O_WRONLY),
    }
    return {name: _outcome(attempt) for name, attempt in tried.items()}


def lie() -> None:
    """Blame the index for what the file did."""
    from footage.core.errors import StoreFullError

    raise StoreFullError("the disk is full\ud800" + "!" * 100_000)


def drip() -> None:
    """Answer a byte now and then, for ever."""
    import threading

    (caller,) = filter(_is_socket, map(int, os.listdir("/proc/self/fd")))
    os.write(caller, b"R" + (1000).to_bytes(4, "little"))
    while True:
        os.write(caller, b" ")
        threading.Event().wait(0.5)


def _is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


def own_limits() -> bool:
    """Whether it may still ask for its own limits and start threads."""
    import threading

    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    return bool(resource.getrlimit(resource.RLIMIT_DATA))


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "done"
