"""`footage`: asks the running service to run the command, else runs it here; standard library only.

It parses nothing: the service does, or `ui.cli.main`, which takes a tenth of a second to import.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from footage.core.code_stamp import code_stamp
from footage.core.index_place import index_place
from footage.core.service_socket import is_own_socket, socket_path
from ui.cli import wire

DEFAULT_DB = "~/.footage/index.lancedb"
"""As the setting ``db``; its module is too slow to import."""
ANSWER_SECONDS = 15.0
"""How long the service may take to accept a command before the command is run here."""
EXIT_FAILED = 1
_USUAL_SIZE = (80, 25)
_CLEAR_LINE = "\r\x1b[2K\x1b[?25h"
_HELP = ("--help", "--debug", "--verbose")


class Declined(Exception):
    """The command is run here; ``str`` of it says why, one sentence."""


class Differs(Declined):
    """As ``Declined``: the service has other settings or other code, which the user may not know."""


class Lost(Exception):
    """The service ended in the middle of an answer, of which a part is printed."""


def main() -> None:
    """Run the command line; never returns."""
    arguments = sys.argv[1:]
    if may_be_served(arguments):
        options = Found(arguments)
        if options.service != "never":
            try:
                sys.exit(_served(arguments, options))
            except Declined as reason:
                if options.service == "always":
                    sys.exit(_report(str(reason), f"Start one: footage serve --db {options.db}", arguments))
                if isinstance(reason, Differs) and not _is_quiet(arguments):
                    sys.stderr.write(f"note: the running service is not used. {reason}\n")
            except Lost as reason:
                sys.exit(_report(str(reason), "Run the same command again.", arguments))
            except KeyboardInterrupt:
                sys.exit(_stopped(arguments))
    from ui.cli.main import main as run_here

    run_here()


def may_be_served(arguments: Sequence[str]) -> bool:
    """Whether the service can run a command, as far as can be seen without parsing it.

    Help, logs, tracebacks and standard input belong to this process.
    """
    if not arguments or arguments[0] not in wire.COMMANDS:
        return False
    if sys.stdout is None or sys.stderr is None or not hasattr(os, "getuid"):
        return False
    return not any(each == "-" or each in _HELP or _is_short(each, "hv") for each in arguments)


def _is_short(argument: str, letters: str) -> bool:
    """Whether an argument may hold one of these one-letter options."""
    return argument[:1] == "-" and argument[1:2] != "-" and any(letter in argument for letter in letters)


def _is_quiet(arguments: Sequence[str]) -> bool:
    """Whether no remarks are wanted."""
    return any(each == "--quiet" or _is_short(each, "q") for each in arguments)


class Found:
    """The settings that find the service: from the arguments, the environment or the config file."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = arguments
        self._config: dict[str, object] | None = None
        self.service = self._setting("service") or "auto"
        """``auto``, ``never`` or ``always``."""
        self.db = self._setting("db") or DEFAULT_DB
        """Folder or address of the index, as it was written."""

    def _setting(self, name: str) -> str:
        value = given(self._arguments, f"--{name}") or os.environ.get(f"FOOTAGE_{name.upper()}")
        return value or str(self._in_config().get(name, ""))

    def _in_config(self) -> dict[str, object]:
        if self._config is None:
            named = given(self._arguments, "--config") or os.environ.get("FOOTAGE_CONFIG")
            self._config = _read_config(Path(named).expanduser() if named else default_config())
        return self._config


def given(arguments: Sequence[str], option: str) -> str:
    """The last value of an option among the arguments; empty where it is not there."""
    value = ""
    for number, each in enumerate(arguments):
        if each == "--":
            break
        if each == option and number + 1 < len(arguments):
            value = arguments[number + 1]
        elif each.startswith(f"{option}="):
            value = each[len(option) + 1 :]
    return value


def default_config() -> Path:
    """The same file as ``footage.core.config.default_config_file``."""
    if sys.platform == "linux":
        folder = os.environ.get("XDG_CONFIG_HOME", "").strip()
        usual = Path(folder if os.path.isabs(folder) else "~/.config").expanduser()
        return usual / "footage" / "config.toml"
    import platformdirs

    return platformdirs.user_config_path("footage") / "config.toml"


def _read_config(file: Path) -> dict[str, object]:
    """The config file; empty where there is none, or none that can be read: the command says so itself."""
    if not file.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}


def _served(arguments: Sequence[str], options: Found) -> int:
    """Have the service run the command, and pass on what it prints.

    Returns:
        The exit code.

    Raises:
        Declined: nothing is printed, and the command must be run here.
        Lost: the service ended before the answer was complete.
    """
    path = socket_path(index_place(options.db))
    if not is_own_socket(path):
        raise Declined(f"No service of the index {options.db} runs.")
    printed = False
    try:
        with _connected(path, request_body(arguments, options)) as stream:
            for kind, payload in wire.frames(chunks(stream)):
                if kind == wire.EXIT:
                    return int(payload)
                if kind in (wire.DECLINED, wire.DIFFERS):
                    raise (Differs if kind == wire.DIFFERS else Declined)(payload.decode())
                printed = True
                _pass_on(sys.stdout if kind == wire.OUT else sys.stderr, payload)
    except _PipeClosed:
        return EXIT_FAILED  # whoever read our output has had enough, as in `footage search … | head`
    except (OSError, ValueError) as error:
        reason = f"The service of the index {options.db} does not answer ({error})."
        raise (Lost if printed else Declined)(reason) from error
    raise (Lost if printed else Declined)(
        f"The service of the index {options.db} ended before its answer did."
    )


def request_body(arguments: Sequence[str], options: Found) -> bytes:
    """The command and what its output depends on, as JSON; see ``ui.cli.remote.CommandRequest``."""
    columns, lines = _terminal_size()
    try:
        folder = os.getcwd()
    except OSError as error:
        raise Declined("The current folder is gone.") from error
    return json.dumps(
        {
            "code": code_stamp(),
            "environment": wire.environment_stamp(os.environ),
            "arguments": list(arguments),
            "db": options.db,
            "folder": folder,
            "columns": columns,
            "lines": lines,
            "terminal": wire.terminal_variables(os.environ),
            "out_terminal": sys.stdout.isatty(),
            "err_terminal": sys.stderr.isatty(),
            "encoding": sys.stdout.encoding,
        }
    ).encode()


def _terminal_size() -> tuple[int, int]:
    """Columns and lines, as the library that draws tables and progress finds them."""
    named = [os.environ.get(name, "") for name in ("COLUMNS", "LINES")]
    columns, lines = (int(name) if name.isdigit() else 0 for name in named)
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return (columns, lines) if columns and lines else _USUAL_SIZE
    for descriptor in (0, 1, 2):
        try:
            size = os.get_terminal_size(descriptor)
        except (OSError, ValueError):
            continue
        columns, lines = columns or size.columns, lines or size.lines
        break
    return columns or _USUAL_SIZE[0], lines or _USUAL_SIZE[1]


def _connected(path: Path, body: bytes) -> BinaryIO:
    """Send a command; the answer's body, once the service has accepted the command.

    Raises:
        OSError: the service does not answer.
        ValueError: its answer is not as expected.
    """
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(os.fspath(path))
        head = (
            f"POST {wire.PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        stream = connection.makefile("rb")
        status = stream.readline(wire.MAX_PAYLOAD_BYTES).split()
        if status[1:2] != [b"200"]:
            raise ValueError(f"status {b' '.join(status[1:]).decode(errors='replace') or 'missing'}")
        while stream.readline(wire.MAX_PAYLOAD_BYTES).strip():
            pass
        connection.settimeout(None)
        return stream  # keeps the connection open


def chunks(stream: BinaryIO) -> Callable[[int], bytes]:
    """Reads the body of an HTTP answer in chunks; ``ValueError`` where it is none."""
    left = 0

    def read(size: int) -> bytes:
        nonlocal left
        if not left:
            line = stream.readline(64)
            left = int(line.strip(), 16) if line else 0
            if not left:
                return b""
        part = stream.read(min(size, left))
        left -= len(part)
        if not left:
            stream.readline(8)
        return part

    return read


class _PipeClosed(Exception):
    """Nobody reads what is printed any more."""


def _pass_on(stream: object, payload: bytes) -> None:
    """Print bytes."""
    try:
        stream.buffer.write(payload)  # type: ignore[attr-defined]
        stream.flush()  # type: ignore[attr-defined]
    except BrokenPipeError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[attr-defined]
        raise _PipeClosed from error


def _stopped(arguments: Sequence[str]) -> int:
    """After Ctrl-C, which has closed the connection and so cancelled the work: what a command says then."""
    from ui.cli import console

    if sys.stderr.isatty():
        sys.stderr.write(_CLEAR_LINE)
    return console.report_error(KeyboardInterrupt(), as_json="--json" in arguments)


def _report(message: str, hint: str, arguments: Sequence[str]) -> int:
    """Print an error as commands do; returns the exit code."""
    from footage.core.errors import FootageError
    from ui.cli import console

    return console.report_error(FootageError(message, hint=hint), as_json="--json" in arguments)


if __name__ == "__main__":
    main()
