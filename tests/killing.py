"""Kills a process at the n-th step of what it does, a step being a call or return in this project's code.

The code under test knows nothing of it: the process watches itself with ``sys.setprofile`` and sends itself
SIGKILL, which nothing can catch, when its count is reached.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

PACKAGES = tuple(
    str(Path(__file__).parent.parent / name) + os.sep for name in ("footage", "indexer", "search", "ui")
)
# One server of child processes serves all tests: whichever starts it, it has imported these.
PRELOADED = [
    "torch",
    "torchcodec",
    "torchvision.transforms.v2",
    "transformers",
    "sentence_transformers",
    "lancedb",
    "stressing",
    "test_store_checking",
]


@cache
def processes():
    """Starts child processes that have imported the heavy libraries, and hold no lock or thread."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    first = context.Process(target=int)  # the imports are no part of what a test times
    first.start()
    first.join()
    return context


def _watched(step: int, counter, body: Callable[..., None], arguments: tuple) -> None:
    """Run ``body`` and die at the step; counts all steps where it is 0."""
    count = 0

    def watch(frame, event, argument):
        nonlocal count
        if event in ("call", "return") and frame.f_code.co_filename.startswith(PACKAGES):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    try:
        body(*arguments)
    finally:
        sys.setprofile(None)
    counter.value = count


def _run(step: int, body, arguments) -> tuple[int, int]:
    context = processes()
    counter = context.Value("q", 0)
    child = context.Process(target=_watched, args=(step, counter, body, arguments))
    child.start()
    child.join(120)
    if child.is_alive():
        child.kill()
        child.join()
        raise AssertionError(f"{body.__name__} hangs")
    return child.exitcode, counter.value


def fresh_copy(of: Path, copies: Path) -> Path:
    """A copy of a folder, in the place of the last one."""
    shutil.rmtree(copies, ignore_errors=True)
    copies.mkdir(parents=True)
    return Path(shutil.copytree(of, copies / of.name, symlinks=True))


def steps_of(body: Callable[..., None], folder: Path, *arguments, copies: Path) -> int:
    """How many steps ``body(copy of the folder, ...)`` takes when nothing kills it."""
    code, steps = _run(0, body, (fresh_copy(folder, copies), *arguments))
    assert code == 0, f"{body.__name__} ends with {code}"
    return steps


def kill_at(step: int, body: Callable[..., None], folder: Path, *arguments, copies: Path) -> Path:
    """Run ``body(copy of the folder, ...)``, kill it at the step, and return the copy."""
    path = fresh_copy(folder, copies)
    code, _ = _run(step, body, (path, *arguments))
    assert code in (-signal.SIGKILL, 0), f"{body.__name__} ends with {code}"
    return path
