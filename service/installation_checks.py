"""Looks at what runs beside the commands: service, private files, state, extras, units of systemd.

Nothing is changed, started or loaded.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from footage.core.extras import EXTRAS, Extra
from footage.core.index_place import IndexPlace, state_folder
from footage.core.service_socket import is_own_socket, socket_path

if TYPE_CHECKING:
    from footage.core.config import Settings

ANSWER_SECONDS = 5.0
"""How long the service may take to say that it is up."""
UNITS = ("footage-serve.service", "footage-watch.service")
"""Units of deploy/systemd."""
AGENTS = ("footage.serve", "footage.watch")
"""Agents of deploy/launchd."""

Run = Callable[[Sequence[str]], tuple[int, str]]
"""Runs a program; gives its exit code and what it printed."""


@dataclass(frozen=True, slots=True)
class InstallationCheck:
    """What a check saw."""

    name: str
    """Name of the check."""
    state: Literal["ok", "warn", "fail"]
    """"warn": the main functions work without it."""
    detail: str
    """What was seen."""
    hint: str = ""
    """What to do next; empty without a problem."""


def run_program(command: Sequence[str]) -> tuple[int, str]:
    """Run a program that answers at once."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    return done.returncode, done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at beside the settings."""

    platform: str = sys.platform
    """As ``sys.platform``."""
    unit_folders: tuple[Path, ...] = field(
        default_factory=lambda: (
            Path("/etc/systemd/system"),
            Path.home() / ".config" / "systemd" / "user",
        )
    )
    """Where units of systemd are, those of the system first and those of the user last."""
    agent_folder: Path = field(default_factory=lambda: Path.home() / "Library" / "LaunchAgents")
    """Where agents of launchd are."""
    run: Run = run_program
    """Runs systemctl and launchctl."""


def examine_installation(
    settings: Settings, *, machine: Machine | None = None, extras: Mapping[str, Extra] = EXTRAS
) -> Iterator[InstallationCheck]:
    """Look at everything that is there; what was never set up is no problem."""
    machine = machine or Machine()
    if hasattr(socket, "AF_UNIX"):
        yield _service(settings.db)
    yield _private_files(settings)
    yield _state(settings.db)
    yield _extras(extras)
    if machine.platform == "linux":
        yield from _units(machine)
    elif machine.platform == "darwin":
        yield from _agents(machine)


def _service(db: IndexPlace) -> InstallationCheck:
    path = socket_path(db)
    if not path.exists():
        return InstallationCheck("service", "ok", "none is running for this index")
    if not is_own_socket(path):
        hint = f"Remove {path.parent}, then start the service again."
        return InstallationCheck("service", "fail", f"{path} is not a socket that only you can use", hint)
    began = time.perf_counter()
    try:
        status = _health(path)
    except OSError as error:
        hint = "Start it again: footage serve"
        return InstallationCheck(
            "service", "warn", f"nothing answers at {path}: {error.strerror or error}", hint
        )
    milliseconds = 1000 * (time.perf_counter() - began)
    if status != 200:
        return InstallationCheck(
            "service", "warn", f"the service at {path} answers with {status}", "Look at its log."
        )
    return InstallationCheck("service", "ok", f"answers at {path} in {milliseconds:.0f} ms")


def _health(path: Path) -> int:
    """The status of the service's answer to "are you up?".

    Raises:
        OSError: it does not answer.
    """
    connection = http.client.HTTPConnection("localhost", timeout=ANSWER_SECONDS)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(ANSWER_SECONDS)
        stream.connect(str(path))
        connection.sock = stream
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status
        except http.client.HTTPException as error:
            raise OSError(f"the answer is no HTTP ({type(error).__name__})") from error
        finally:
            connection.close()


def _private_files(settings: Settings) -> InstallationCheck:
    """Whether tokens, state and log can be read by their owner alone."""
    from footage.store.state.database import FILE_NAME
    from service.session import Service
    from service.tokens import token_file

    if sys.platform == "win32":
        return InstallationCheck(
            "privacy", "warn", "Windows has no file modes", "Keep the index in your own folder."
        )
    named = [state_folder(settings.db) / FILE_NAME, settings.audit_log, token_file(Service(settings))]
    there = [path for path in named if path.is_file()]
    open_ = [path for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_:
        listed = " ".join(map(str, open_))
        return InstallationCheck(
            "privacy", "fail", f"others can read {listed}", f"Close them: chmod 600 {listed}"
        )
    return InstallationCheck(
        "privacy", "ok", f"{len(there)} files with tokens, state and log are closed to others"
    )


def _state(db: IndexPlace) -> InstallationCheck:
    """Whether jobs, alerts and tokens can be read."""
    from footage.store.state.database import FILE_NAME, MIGRATIONS

    path = state_folder(db) / FILE_NAME
    if not path.exists():
        return InstallationCheck("state", "ok", "no jobs, alerts or tokens yet")
    restore = "Restore it from a backup, or move it away: jobs, alerts and tokens are then gone."
    try:
        rows = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            [answer] = rows.execute("PRAGMA quick_check(1)").fetchone()
            [version] = rows.execute("PRAGMA user_version").fetchone()
        finally:
            rows.close()
    except sqlite3.Error as error:
        return InstallationCheck("state", "fail", f"{path} cannot be read: {error}", restore)
    if answer != "ok":
        return InstallationCheck("state", "fail", f"{path} is damaged: {answer}", restore)
    if version > len(MIGRATIONS):
        return InstallationCheck(
            "state", "fail", f"{path} is of a newer version of footage", "Upgrade footage."
        )
    return InstallationCheck("state", "ok", "jobs, alerts and tokens can be read")


def _extras(extras: Mapping[str, Extra]) -> InstallationCheck:
    here = [name for name, extra in extras.items() if extra.is_installed]
    missing = [f"{name} ({extra.use})" for name, extra in extras.items() if name not in here]
    parts = [f"installed: {', '.join(here) or 'none'}"]
    if missing:
        parts.append(f"not installed: {', '.join(missing)}")
    return InstallationCheck("extras", "ok", "; ".join(parts))


def _units(machine: Machine) -> Iterator[InstallationCheck]:
    """Whether the units of systemd that are installed are running."""
    if shutil.which("systemctl") is None and machine.run is run_program:
        return
    for folder in machine.unit_folders:
        scope = ["--user"] if folder.name == "user" else []
        for unit in UNITS:
            if (folder / unit).is_file():
                yield _running(
                    unit,
                    machine.run,
                    ["systemctl", *scope, "is-active", unit],
                    hint=f"See why: {' '.join(['journalctl', *scope, '--unit', unit])}",
                )


def _agents(machine: Machine) -> Iterator[InstallationCheck]:
    """Whether the agents of launchd that are installed are loaded."""
    for agent in AGENTS:
        if (file := machine.agent_folder / f"{agent}.plist").is_file():
            yield _running(
                agent,
                machine.run,
                ["launchctl", "list", agent],
                hint=f"Load it: launchctl bootstrap gui/$(id -u) {file}",
            )


def _running(name: str, run: Run, command: Sequence[str], *, hint: str) -> InstallationCheck:
    try:
        code, printed = run(command)
    except (OSError, subprocess.TimeoutExpired) as error:
        return InstallationCheck(name, "warn", f"{command[0]} does not answer: {type(error).__name__}", hint)
    if code:
        state = printed.splitlines()[0] if printed else f"exit code {code}"
        return InstallationCheck(name, "warn", f"it is installed and not running ({state})", hint)
    return InstallationCheck(name, "ok", "running")
