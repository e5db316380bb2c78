"""Starts a program for each alert, with the notification as JSON on its standard input; never a shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from footage.core.errors import UsageError
from footage.core.plain_text import evened
from service.alerts.model import SinkError
from service.alerts.sinks import options
from service.alerts.sinks.wording import document, headline

if TYPE_CHECKING:
    from service.alerts.model import AlertMoment, Notification, SinkConfig

TIMEOUT_SECONDS = 30.0
MOST_SECONDS = 600.0
"""Longest time that a program may be allowed."""
MOST_ERROR_BYTES = 2000
"""What is read of the end of the program's error output."""

_Value = Callable[["Notification", "AlertMoment | None"], str]
PLACEHOLDERS: dict[str, _Value] = {
    "{id}": lambda notification, _: notification.id,
    "{kind}": lambda notification, _: notification.kind,
    "{alert}": lambda notification, _: notification.alert_name,
    "{summary}": lambda notification, _: headline(notification),
    "{count}": lambda notification, _: str(len(notification.moments)),
    "{camera}": lambda _, moment: moment.camera if moment else "",
    "{file}": lambda _, moment: moment.path if moment else "",
    "{start}": lambda _, moment: f"{moment.span.start_seconds:g}" if moment else "",
    "{end}": lambda _, moment: f"{moment.span.end_seconds:g}" if moment else "",
    "{starts_at}": lambda _, moment: moment.starts_at if moment else "",
    "{verdict}": lambda _, moment: moment.verdict if moment else "",
    "{link}": lambda notification, moment: notification.links.get(moment.id, "") if moment else "",
}
"""Arguments that are replaced by a value of the notification, or of its first moment."""
POSTER = "{poster}"
"""Argument that is replaced by the path of the first picture, which is there while the program runs."""


@dataclass(frozen=True, slots=True)
class CommandSink:
    """A program that is started for each notification."""

    arguments: tuple[str, ...]
    """The program and its arguments; those that are a placeholder as a whole are replaced."""
    timeout_seconds: float = TIMEOUT_SECONDS
    """Time after which the program, and what it started, is killed."""

    @classmethod
    def of(cls, config: SinkConfig) -> Self:
        """The sink of a configuration.

        Raises:
            UsageError: it makes no sense.
        """
        options.check_target(config)
        options.check_names(config, ("timeout_seconds",))
        if not config.arguments or not config.arguments[0].strip():
            raise UsageError(
                "a sink of the kind command needs a program", hint="As in notify-send {summary}."
            )
        for argument in config.arguments:
            if "\0" in argument:
                raise UsageError("an argument of a command must not hold a NUL character")
            inside = [mark for mark in (*PLACEHOLDERS, POSTER) if mark in argument and mark != argument]
            if inside:
                raise UsageError(
                    f"{inside[0]} must be an argument by itself",
                    hint="Or read the value from the JSON on standard input.",
                )
        if config.arguments[0] in (*PLACEHOLDERS, POSTER):
            raise UsageError("the program of a command must not be a placeholder")
        seconds = options.seconds(config, "timeout_seconds", default=TIMEOUT_SECONDS, most=MOST_SECONDS)
        return cls(config.arguments, seconds)

    @property
    def name(self) -> str:
        """The program, without its arguments."""
        return f"command {Path(self.arguments[0]).name}"

    def send(self, notification: Notification) -> None:
        """Run it; exit code 0 counts as delivered.

        Raises:
            SinkError: it cannot be started, takes too long, or fails.
        """
        with tempfile.TemporaryDirectory(prefix="footage-") as folder:
            place = Path(folder)
            given, errors = place / "notification.json", place / "errors"
            given.write_text(json.dumps(document(notification, posters=False)), encoding="utf-8")
            with given.open("rb") as source, errors.open("w+b") as target:
                code = self._run(self._filled(notification, place), source, target)
                if code:
                    raise SinkError(f"{self.name} failed with exit code {code}{_last_line(target)}")

    def _filled(self, notification: Notification, folder: Path) -> list[str]:
        """The arguments with values; one that begins with a hyphen gets a space, to be no option."""
        moment = notification.moments[0] if notification.moments else None
        filled = []
        for argument in self.arguments:
            value = argument
            if argument == POSTER:
                value = _poster(notification, folder)
            elif argument in PLACEHOLDERS:
                value = PLACEHOLDERS[argument](notification, moment)
                value = value.replace("\0", "") if argument == "{file}" else evened(value)
                value = f" {value}" if value.startswith("-") else value
            filled.append(value)
        return filled

    def _run(self, arguments: list[str], source: BinaryIO, errors: BinaryIO) -> int:
        """The exit code of the program."""
        try:
            process = subprocess.Popen(
                arguments,
                stdin=source,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no program"
            raise SinkError(f"{self.name} cannot be started: {reason}", permanent=True) from error
        try:
            return process.wait(self.timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise SinkError(
                f"{self.name} did not end within {self.timeout_seconds:g} s, and was stopped"
            ) from error
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that is still running, and what it started."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _poster(notification: Notification, folder: Path) -> str:
    """The path of the first picture; empty where there is none."""
    picture = next(iter(notification.posters.values()), None)
    if picture is None:
        return ""
    path = folder / "poster.jpg"
    path.write_bytes(picture)
    return str(path)


def _last_line(errors: BinaryIO) -> str:
    """The last line that a program wrote to its error output, as the end of a sentence."""
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - MOST_ERROR_BYTES))
    lines = errors.read(MOST_ERROR_BYTES).decode("utf-8", "replace").strip().splitlines()
    return f": {evened(lines[-1])[:200]}" if lines else ""
