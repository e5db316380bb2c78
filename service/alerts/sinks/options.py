"""Reads the options of a sink's configuration; knows no kind of sink."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from service.alerts.model import SinkError

if TYPE_CHECKING:
    from service.alerts.model import SinkConfig

_YES, _NO = ("yes", "true", "1", "on"), ("no", "false", "0", "off")


def check_names(config: SinkConfig, known: Collection[str]) -> None:
    """Make sure that a configuration has known options alone, each once.

    Raises:
        UsageError: it has another one.
    """
    names = [name for name, _ in config.options]
    for name in names:
        if name not in known:
            raise UsageError(
                f"a sink of the kind {config.kind} has no option {name[:40]!r}",
                hint=f"It has: {', '.join(sorted(known))}." if known else "It has no options.",
            )
        if names.count(name) > 1:
            raise UsageError(f"the option {name} is given twice")


def yes_or_no(config: SinkConfig, name: str, *, default: bool) -> bool:
    """The value of a switch.

    Raises:
        UsageError: it is neither yes nor no.
    """
    given = config.option(name, "yes" if default else "no").lower()
    if given not in (*_YES, *_NO):
        raise UsageError(f"the option {name} is {given[:40]!r}, and must be yes or no")
    return given in _YES


def seconds(config: SinkConfig, name: str, *, default: float, most: float) -> float:
    """The value of a time limit.

    Raises:
        UsageError: it is no number, or out of range.
    """
    given = config.option(name)
    try:
        value = float(given or default)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise UsageError(f"the option {name} is {given[:40]!r}, and must be above 0 and at most {most:g}")
    return value


def check_target(config: SinkConfig, *, wanted: str = "") -> None:
    """Make sure that a configuration has a target exactly if its kind wants one, and arguments likewise.

    Args:
        config: The configuration.
        wanted: What the target is, such as "an https address"; empty where there must be none.

    Raises:
        UsageError: it is not so.
    """
    if config.arguments and config.kind != "command":
        raise UsageError(f"a sink of the kind {config.kind} takes no arguments")
    if bool(config.target.strip()) != bool(wanted):
        raise UsageError(
            f"a sink of the kind {config.kind} needs {wanted}"
            if wanted
            else f"a sink of the kind {config.kind} takes no target"
        )


def tls_context(ca_file: str) -> ssl.SSLContext:
    """How servers prove who they are: by the system's authorities, or by those in a file.

    Raises:
        SinkError: the file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=str(Path(ca_file).expanduser()) if ca_file else None)
    except OSError as error:  # ssl.SSLError is one
        raise SinkError(f"the certificates in {ca_file} cannot be read", permanent=True) from error
