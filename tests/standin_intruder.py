"""What code that took over a decoding process would try; runs as a job in one, and says what came of it."""

from __future__ import annotations

import ctypes
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

    def libc(name: str, *arguments: object) -> None:
        if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "refused")

    def fork() -> None:
        if os.fork() == 0:
            os._exit(0)

    tried: dict[str, Callable[[], object]] = {
        "limits of the parent": lambda: resource.prlimit(
            parent, resource.RLIMIT_CORE, resource.prlimit(parent, resource.RLIMIT_CORE)
        ),
        "priority of the parent": lambda: os.setpriority(os.PRIO_PROCESS, parent, 5),
        "a signal to the parent": lambda: os.kill(parent, 0),
        "a signal to a thread of the parent": lambda: libc("tgkill", parent, parent, 0),
        "truncate": lambda: libc("truncate", os.fsencode(victim), 0),
        "truncate while it is opened": lambda: os.open(victim, os.O_RDONLY | os.O_TRUNC),
        "a new file": lambda: os.open(victim + ".new", os.O_RDONLY | os.O_CREAT),
        "a file without a name": lambda: os.open(os.path.dirname(victim), os.O_RDWR | os.O_TMPFILE),
        "rename": lambda: os.rename(victim, victim + ".new"),
        "link": lambda: os.link(victim, victim + ".new"),
        "symlink": lambda: os.symlink(victim, victim + ".new"),
        "folder": lambda: os.mkdir(victim + ".new"),
        "pipe": lambda: os.mkfifo(victim + ".new"),
        "remove": lambda: os.unlink(victim),
        "cores of the parent": lambda: os.sched_setaffinity(parent, os.sched_getaffinity(parent)),
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


def blame_a_library() -> None:
    """Claim that a library is missing."""
    from footage.core.errors import DependencyError

    raise DependencyError("torchcodec cannot be loaded")


def answer(header: str) -> None:
    """Send a result as it is given, and wait."""
    import threading

    caller = min(filter(_is_socket, map(int, os.listdir("/proc/self/fd"))))  # the other one brings objects
    os.write(caller, b"R" + len(header).to_bytes(4, "little") + header.encode())
    threading.Event().wait()


def chatter() -> int:
    """Log without end."""
    import logging

    for number in range(3000):
        logging.getLogger("footage").warning("record %d", number)
    return 1


def fill(place: int) -> None:
    """Write to the file it was given without end."""
    from footage.core import timeout

    pulse = timeout.Pulse()
    while True:
        pulse.beat()
        os.write(place, bytes(1 << 20))


def fill_silently(place: int) -> None:
    """Write much to the file it was given at once, and say nothing for ever."""
    import threading

    os.ftruncate(place, 1 << 40)
    threading.Event().wait()


def beat_for_ever(place: int) -> None:
    """Get on and on, and never to an end."""
    import threading

    from footage.core import timeout

    while True:
        timeout.Pulse()
        threading.Event().wait(0.1)


def drip() -> None:
    """Answer a byte now and then, for ever."""
    import threading

    caller = min(filter(_is_socket, map(int, os.listdir("/proc/self/fd"))))  # the other one brings objects
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
