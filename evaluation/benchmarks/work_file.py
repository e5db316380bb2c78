"""The answers of a benchmark run, on disk as they come: a killed run goes on where it stopped.

A file of JSON lines. The first names what the answers are about (annotations, model, protocol); each other
one holds the answers about one video. A line that a kill cut off is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter

from evaluation.benchmarks.protocol import ShownAs
from footage.core.atomic import writing
from footage.core.errors import FileError, UsageError
from footage.core.private_files import private_folder

VERSION = 1
"""Goes up with any change to the lines."""


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """The answer to one query."""

    id: str
    """Of the query."""
    spans: tuple[tuple[float, float, float], ...]
    """Start and end in seconds of video time, and confidence from 0 to 1; the surest first."""
    raw: str = ""
    """The answer that the first span comes from, or the only answer."""
    problem: str = ""
    """Why it was not asked, one sentence; empty when it was."""


@dataclass(frozen=True, slots=True)
class VideoAnswers:
    """The answers about one video."""

    video: str
    """Its name in the annotations."""
    size_bytes: int
    """Size of its file: another file of that name is asked about anew."""
    answers: tuple[QueryAnswer, ...]
    """One for each query about it."""
    duration_seconds: float = 0.0
    """Its length; 0 where it could not be read."""
    shown_as: ShownAs = "single pass"
    """How it was shown."""
    windows: int = 0
    """Windows that were shown for the first question; 0 where none could be."""
    unseen: int = 0
    """Windows among them that could not be decoded or were refused."""
    problem: str = ""
    """Why it could not be asked about at all, one sentence; empty when it could."""
    seconds: float = 0.0
    """Time since the video before it was done."""


_HEAD = b'{"work of": "footage eval benchmark"'
"""How the first line begins."""
_LINE = TypeAdapter(VideoAnswers)


class WorkFile:
    """A work file that this process may write to."""

    def __init__(self, path: Path, stream: IO[bytes], answers: dict[str, VideoAnswers]) -> None:
        """Take an open file; ``opened`` makes one."""
        self.path = path
        self._stream = stream
        self._answers = answers

    @property
    def answers(self) -> Mapping[str, VideoAnswers]:
        """What is known so far, by name of the video."""
        return self._answers

    def add(self, answers: VideoAnswers) -> None:
        """Note the answers about a video; they are on disk on return.

        Raises:
            FootageError: nothing can be written.
        """
        with writing(self.path):
            # Not dump_json: the name of a file may hold bytes that are no UTF-8.
            self._stream.write(json.dumps(_LINE.dump_python(answers, mode="json")).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self._answers[answers.video] = answers


@contextmanager
def opened(path: Path, identity: Mapping[str, str]) -> Iterator[WorkFile]:
    """Open a work file for writing, begun if there is none.

    Args:
        path: The file.
        identity: What the answers are about; by name, each a text that people can compare.

    Raises:
        UsageError: when it is about something else, or no work file.
        FileError: when another run writes to it.
        FootageError: when it cannot be read or written.
    """
    from filelock import FileLock, Timeout

    with writing(path), ExitStack() as kept:
        private_folder(path.parent)
        try:
            kept.enter_context(FileLock(path.with_name(path.name + ".lock"), timeout=0))
        except Timeout as error:
            raise FileError(
                f"Another run is writing to {path}.", hint="Wait until it ends, or choose another --out."
            ) from error
        stream = kept.enter_context(open(path, "a+b"))
        stream.seek(0)
        content = stream.read()
        opened_now = kept.pop_all()
    with opened_now:
        whole = content[: content.rfind(b"\n") + 1]
        lines = whole.splitlines()
        if lines:
            _check(lines[0], identity, path)
        elif content and not (content.startswith(_HEAD) or _HEAD.startswith(content)):
            raise _foreign(path)
        with writing(path):
            stream.truncate(len(whole))
            if not lines:
                head = {"work of": "footage eval benchmark", "version": VERSION, "about": dict(identity)}
                stream.write(json.dumps(head).encode() + b"\n")
                stream.flush()
        yield WorkFile(path, stream, _answers(lines[1:], path))


def read_answers(path: Path, identity: Mapping[str, str]) -> dict[str, VideoAnswers]:
    """The answers in a work file, by name of the video; none where there is no such file. Writes nothing.

    Raises:
        UsageError: as ``opened``.
        FileError: when it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise FileError(f"The work file {path} cannot be read: {error.strerror}.") from error
    lines = content[: content.rfind(b"\n") + 1].splitlines()
    if not lines:
        return {}
    _check(lines[0], identity, path)
    return _answers(lines[1:], path)


def _answers(lines: list[bytes], path: Path) -> dict[str, VideoAnswers]:
    """The answers in some lines, by name of the video; of several about one the last counts."""
    answers: dict[str, VideoAnswers] = {}
    for number, line in enumerate(lines, start=2):
        try:
            answer = _LINE.validate_python(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"{path}, line {number}: not the answers about a video.",
                hint="Delete the work file to begin again, or choose another --out.",
            ) from error
        answers[answer.video] = answer
    return answers


def _check(line: bytes, identity: Mapping[str, str], path: Path) -> None:
    """Raise an error unless the first line of a work file names the same run."""
    try:
        head = json.loads(line)
        about, version = dict(head["about"]), head["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise _foreign(path) from error
    if version != VERSION:
        raise UsageError(
            f"{path} was written by another version of footage.",
            hint="Delete it to begin again, or choose another --out.",
        )
    for name in identity:
        if about.get(name) != identity[name]:
            raise UsageError(
                f"{path} holds answers with another {name} ({about.get(name)}; now {identity[name]}), which "
                "do not mix.",
                hint="Choose another --out, or delete the work file to begin again.",
            )


def _foreign(path: Path) -> UsageError:
    return UsageError(f"{path} is not a work file of this command.", hint="Choose another --out.")
