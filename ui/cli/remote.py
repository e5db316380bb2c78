"""Runs commands in the service for its clients: many at once, each with streams of its own; knows no HTTP.

The service gives each request to a ``RemoteCommands`` in a thread and sends on the frames that it makes. The
output is that of the command run alone, or the client is asked to run it itself: whatever the output depends
on and may differ between the two processes is compared first.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from footage.core.code_stamp import code_stamp
from footage.core.errors import FootageError
from service.callers import Caller, acting_for
from service.cancellation import CancelToken
from ui.cli import served, wire

if TYPE_CHECKING:
    from service.session import Service

logger = logging.getLogger(__name__)

Emit = Callable[[bytes], None]
"""Sends bytes to the client; may wait for it, and raises ``BrokenPipeError`` once it has gone."""


class CommandRequest(BaseModel):
    """A command as the client sends it (``ui.cli.start``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """``footage.core.code_stamp`` of the client."""
    environment: str
    """``wire.environment_stamp`` of the client."""
    arguments: tuple[str, ...] = Field(min_length=1)
    """Name and arguments of the command."""
    db: str
    """The index, as the client has found it."""
    folder: str
    """The client's current folder."""
    columns: int = Field(ge=1, le=100_000)
    """Width of its terminal."""
    lines: int = Field(ge=1, le=100_000)
    """Height of its terminal."""
    terminal: dict[str, str]
    """``wire.terminal_variables`` of the client."""
    out_terminal: bool
    """Whether its stdout is a terminal."""
    err_terminal: bool
    """Whether its stderr is a terminal."""
    encoding: str
    """Encoding of its stdout and stderr."""


class RemoteCommands:
    """Runs commands with what a ``Service`` keeps loaded; safe to call from threads.

    Make it when the process starts: its code and its environment count as they are then.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        # Settings are read from this process's environment, which is safe as a client whose environment
        # differs in anything that counts is refused.
        self._code = code_stamp()
        self._environment = wire.environment_stamp(os.environ)
        self._numbers = itertools.count(1)
        _show_warnings()

    def __call__(self, body: bytes, emit: Emit, cancel: CancelToken) -> None:
        """Run one command and send its frames; returns when it has ended.

        Args:
            body: A ``CommandRequest`` as JSON.
            emit: Receives the frames.
            cancel: Set when the client has gone; the command ends at its next step.
        """
        copy_context().run(self._run, body, emit, cancel)  # nothing that a command sets outlives it

    def prepare(self) -> None:
        """Load the embedder and what else a search needs, except for the model."""
        from service.search import SearchRequest, search

        _command_group()
        try:
            search(self._service, SearchRequest(query="anything", limit=1, ground=False))
        except FootageError as reason:  # such as that there is no index yet
            logger.info("commands are not prepared: %s", reason)

    def _run(self, body: bytes, emit: Emit, cancel: CancelToken) -> None:
        sent = _Sent(emit)
        try:
            request = CommandRequest.model_validate_json(body)
            self._check(request)
            code = self._answer(request, sent, cancel)
            emit(wire.frame(wire.EXIT, str(code).encode()))
        except BrokenPipeError:
            pass  # the client has gone
        except ValidationError as error:
            emit(wire.frame(wire.DECLINED, f"The service cannot read the command: {error.title}.".encode()))
        except served.RunLocallyError as reason:
            if not sent.any:  # otherwise the client sees that the answer is not complete
                kind = wire.DIFFERS if isinstance(reason, served.OtherServiceError) else wire.DECLINED
                emit(wire.frame(kind, str(reason).encode(errors="replace")))

    def _check(self, request: CommandRequest) -> None:
        """Make sure that the client is of the same code and environment.

        Raises:
            RunLocallyError: it is not.
        """
        if request.code != self._code:
            raise served.OtherServiceError("The service runs another version of the code; restart it.")
        if request.environment != self._environment:
            raise served.OtherServiceError("The service has other settings in its environment.")
        if request.arguments[0] not in wire.COMMANDS:
            raise served.RunLocallyError(f"The service does not run {request.arguments[0]}.")

    def _answer(self, request: CommandRequest, sent: _Sent, cancel: CancelToken) -> int:
        """Run the command; its exit code."""
        out = _stream(sent, wire.OUT, request.encoding, terminal=request.out_terminal)
        err = _stream(sent, wire.ERR, request.encoding, terminal=request.err_terminal, always=True)
        command = served.ServedCommand(
            service=self._service,
            out=out,
            err=err,
            folder=request.folder,
            in_same_folder=_is_current(request.folder),
            columns=request.columns,
            lines=request.lines,
            terminal=request.terminal,
            cancel=cancel,
        )
        caller = Caller(client=f"command {next(self._numbers)}", cancel=cancel)
        with served.serving(command), acting_for(caller):
            code = _invoke(request)
        out.flush()
        err.flush()
        return code


def _is_current(folder: str) -> bool:
    """Whether a folder is the current one of this process."""
    try:
        return os.path.samefile(folder, os.curdir)
    except OSError:
        return False


def _invoke(request: CommandRequest) -> int:
    """Parse the arguments and run the command.

    Raises:
        RunLocallyError: the arguments are wrong, or mean something else here.
        BrokenPipeError: the client has gone.
    """
    from ui.cli.start import given

    name, *arguments = request.arguments
    group = _command_group()
    if not given(arguments, "--db") and "db" in _setting_names(group.commands[name]):
        arguments = ["--db", request.db, *arguments]
    try:
        code = group.main(args=[name, *arguments], prog_name="footage", standalone_mode=False)
    except (served.RunLocallyError, BrokenPipeError):
        raise
    except Exception as error:  # commands word their own errors: this one is the parser's
        raise served.RunLocallyError(f"The arguments cannot be parsed: {error}") from error
    return code if isinstance(code, int) else 0


@cache
def _command_group() -> Any:
    """The parser of all commands."""
    from typer.main import get_command

    from ui.cli.main import app

    return get_command(app)


def _setting_names(command: Any) -> Sequence[str]:
    from ui.cli import setting_options

    return setting_options.names_of(command.callback)


class _Sent:
    """Sends frames, and knows whether any was sent."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.any = False
        """Whether the client has some of the output."""

    def __call__(self, kind: bytes, payload: bytes) -> None:
        self.any = True
        for start in range(0, len(payload), wire.MAX_PAYLOAD_BYTES):
            self._emit(wire.frame(kind, payload[start : start + wire.MAX_PAYLOAD_BYTES]))


class _FrameWriter(io.RawIOBase):
    """A stream whose bytes become frames of one kind."""

    def __init__(self, sent: _Sent, kind: bytes, *, terminal: bool) -> None:
        self._sent = sent
        self._kind = kind
        self._terminal = terminal

    def writable(self) -> bool:
        """It only takes bytes."""
        return True

    def isatty(self) -> bool:
        """Whether the client's stream is a terminal."""
        return self._terminal

    def write(self, data: Any) -> int:
        """Send bytes."""
        payload = bytes(data)
        self._sent(self._kind, payload)
        return len(payload)


def _stream(
    sent: _Sent, kind: bytes, encoding: str, *, terminal: bool, always: bool = False
) -> io.TextIOWrapper:
    """A text stream of the client, buffered as Python buffers its own.

    Args:
        sent: Sends the frames.
        kind: Of which kind they are.
        encoding: The client's.
        terminal: Whether it is a terminal, where every line is sent at once.
        always: Whether lines are sent at once in a pipe, too, as those on stderr are.
    """
    raw = io.BufferedWriter(_FrameWriter(sent, kind, terminal=terminal))
    return io.TextIOWrapper(
        raw, encoding=encoding, errors="backslashreplace", newline="\n", line_buffering=terminal or always
    )


class _ClientWarnings(logging.Handler):
    """Sends the warnings of a command to its client, as they go to stderr without a service."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one on."""
        if (command := served.current()) is not None:
            command.err.write(self.format(record) + "\n")
        elif logging.lastResort is not None and len(logging.getLogger().handlers) == 1:
            logging.lastResort.handle(record)


def _show_warnings() -> None:
    """Install the handler, once in a process."""
    root = logging.getLogger()
    if not any(isinstance(handler, _ClientWarnings) for handler in root.handlers):
        root.addHandler(_ClientWarnings(logging.WARNING))
