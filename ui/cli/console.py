"""Output of commands: results to stdout, progress and errors to stderr; knows no video, index or model."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from footage.core.errors import FootageError, UsageError
from footage.core.timecode import format_time
from ui.cli import served
from ui.text import plain as plain

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.live import Live
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    from service.schemas.base import Record

EXIT_ANSWERED = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTLY = 3
EXIT_INTERRUPTED = 130
EXIT_CODES = {
    EXIT_ANSWERED: "success, also without results",
    EXIT_FAILED: "could not run: a file, folder, index, model or server is missing, empty or cannot be used",
    EXIT_USAGE: "bad usage: an invalid option, value, query or file content",
    EXIT_PARTLY: "partial success: some files failed (`footage status` lists them with the reason)",
    EXIT_INTERRUPTED: "stopped with Ctrl-C; the same command continues where it stopped",
}
"""The meaning of each exit code, for the help and its page."""

LOG_EVERY_SECONDS = 15.0
"""Interval between progress lines if stderr is not a terminal."""

NARROW = 100
"""Minimum terminal width for optional table columns."""
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)
_PIPED_WIDTH = 100_000  # nothing that is piped is ever wrapped or cut


def results() -> Console:
    """The console for answers, on stdout; in a pipe, lines are not wrapped."""
    return _console(stderr=False)


def notes() -> Console:
    """The console for progress and remarks, on stderr; silent after --quiet."""
    return _console(stderr=True, quiet=_quiet.get())


def be_quiet(quiet: bool) -> None:
    """Turn progress and remarks off or on; errors and questions are always shown."""
    _quiet.set(quiet)


def _console(*, stderr: bool, quiet: bool = False) -> Console:
    from rich.console import Console

    plainly: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False, "quiet": quiet}
    stream = errors() if stderr else output()
    width = None if stream.isatty() else _PIPED_WIDTH
    if (command := served.current()) is None:
        return Console(stderr=stderr, width=width, **plainly)
    size = (width or command.columns, command.lines)
    return Console(file=stream, width=size[0], height=size[1], _environ=command.terminal, **plainly)


def output() -> TextIO:
    """Where answers go: stdout, or the client's where the service runs the command."""
    command = served.current()
    return sys.stdout if command is None else command.out


def errors() -> TextIO:
    """Where progress, remarks and errors go: stderr, or the client's where the service runs the command."""
    command = served.current()
    return sys.stderr if command is None else command.err


def emit_record(record: Record) -> None:
    """Print one record of ``service.schemas`` or ``evaluation.schemas`` as one line of JSON on stdout."""
    output().write(json.dumps(record.fields()) + "\n")


def emit_records(records: Iterable[Record]) -> None:
    """Print records, each as one line of JSON."""
    for record in records:
        emit_record(record)


def table(*columns: str, right: Sequence[str] = (), whole: Sequence[str] = ()) -> Table:
    """An empty table in the house style.

    Args:
        columns: Their heads.
        right: Those aligned to the right: numbers and times, never broken.
        whole: Others that are never broken, such as names. Paths are cells of their own kind (``PathCell``).
    """
    from rich import box
    from rich.table import Table

    narrow = results().width < NARROW
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=narrow)
    for column in columns:
        unbroken = column in right or column in whole
        made.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=unbroken
        )
    return made


@dataclass(frozen=True, slots=True)
class PathCell:
    """A path in a table: one line, shortened from the left if necessary: "…/day 2/gate.mp4"."""

    text: str
    """The path, safe for a terminal."""
    shortest: int = 16
    """Minimum width, in columns."""

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.cells import cell_len
        from rich.measure import Measurement

        length = cell_len(self.text)
        return Measurement(min(length, self.shortest), min(length, max(options.max_width, 1)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.text import Text

        yield Text(cut_from_left(self.text, options.max_width), no_wrap=True)


def cut_from_left(text: str, columns: int) -> str:
    """A text shortened from the left to a maximum number of terminal columns, with an ellipsis."""
    from rich.cells import cell_len

    if cell_len(text) <= columns:
        return text
    while text and cell_len(text) > max(columns - 1, 0):
        text = text[1:]
    return f"\N{HORIZONTAL ELLIPSIS}{text}" if columns else ""


def report_error(error: BaseException, *, as_json: bool) -> int:
    """Print an error on stderr (as JSON after ``--json``) and return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        message, hint, code = "Stopped.", "Run the same command again to go on.", EXIT_INTERRUPTED
    elif isinstance(error, FootageError):
        code = EXIT_USAGE if isinstance(error, UsageError) else EXIT_FAILED
        message, hint = str(error), error.hint
    else:
        message = f"Something unexpected went wrong ({type(error).__name__}: {error})."
        hint, code = "Run the command again with --debug to see where.", EXIT_FAILED
    if as_json:
        errors().write(json.dumps({"error": message, "hint": hint}) + "\n")
        return code
    console = _console(stderr=True)
    console.print(f"error: {plain(message)}", style="red", soft_wrap=True)
    if hint:
        console.print(plain(hint), soft_wrap=True)
    return code


def agreed(question: str, *, yes: bool) -> bool:
    """Ask for confirmation on a terminal; True without a question after --yes or without a terminal.

    Ctrl-C while it asks raises KeyboardInterrupt, as anywhere else.
    """
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    _console(stderr=True).print(f"{plain(question)} [y/N] ", end="", soft_wrap=True)
    if sys.stdin.readline().strip().casefold() in ("y", "yes"):
        return True
    notes().print("Nothing was removed.")
    return False


class Show(Protocol):
    """Shows progress."""

    def __call__(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Show that ``done`` of ``total`` (0: unknown) are done; ``detail`` stands in for the time left."""
        ...


def spinner(what: str) -> Live:
    """A line on stderr that says what goes on, in a terminal; to be started and stopped."""
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

    alone = served.current() is None  # the streams of the service's process are left as they are
    return Live(
        Spinner("dots", text=Text(what), style="status.spinner"),
        console=notes(),
        refresh_per_second=12.5,
        transient=True,
        redirect_stdout=alone,
        redirect_stderr=alone,
    )


@contextmanager
def stages() -> Iterator[Show]:
    """Progress on stderr: a bar in a terminal, otherwise a line from time to time."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = notes()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    current, base, began = "", 0, 0.0
    said = time.monotonic()
    alone = served.current() is None
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=alone,
        redirect_stderr=alone,
    ) as bar:
        task = bar.add_task("", total=None, detail="")

        def show(stage: str, done: int, total: int, detail: str = "") -> None:
            nonlocal current, base, began, said
            now = time.monotonic()
            if stage != current:
                bar.reset(task)
                current, base, began = stage, done, now
            if not detail and base < done < total:
                detail = f"{rough_time((now - began) / (done - base) * (total - done))} left"
            bar.update(task, description=stage, completed=done, total=total or None, detail=detail)
            if bar.disable and now - said >= LOG_EVERY_SECONDS:
                said = now
                count = f"{done} of {total}" if total else ""
                console.print(" ".join(part for part in (f"{stage}:", count, detail) if part), soft_wrap=True)

        yield show


def rough_time(seconds: float) -> str:
    """A length of time to the second: "0:42", "1:02:03"."""
    return format_time(round(seconds)).removesuffix(".0")


def close_stdout() -> None:
    """Discard all further output after the reader of the pipe has closed it."""
    if served.current() is not None:
        return  # the client has gone, and with it the streams
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
