"""Reads secrets of sinks from the environment or from files of their owner alone; keeps and prints none.

A configuration holds where a secret is, never the secret: ``env:NAME`` or ``file:PATH``.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from footage.core.errors import UsageError
from service.alerts.model import SinkError

HINT = "Write where it is: env:NAME for an environment variable, file:PATH for a file of mode 0600."
MOST_BYTES = 8192
"""Largest file with a secret."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEAST_HIDDEN = 4


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is."""
    return text.startswith(("env:", "file:"))


def check_reference(text: str, what: str) -> str:
    """A text that says where a secret is, as given.

    Args:
        text: What the configuration holds.
        what: Name of the option, for the error.

    Raises:
        UsageError: it does not; perhaps it is the secret, so the error does not repeat it.
    """
    kind, _, place = text.partition(":")
    if (kind == "env" and _NAME.fullmatch(place)) or (kind == "file" and place and "\0" not in place):
        return text
    raise UsageError(f"the option {what} must not hold a secret itself", hint=HINT)


def read_secret(reference: str) -> str:
    """The secret at a place, without white space around it.

    Raises:
        SinkError: there is none, or others can read its file.
    """
    kind, _, place = reference.partition(":")
    value = os.environ.get(place, "") if kind == "env" else _from_file(Path(place).expanduser())
    if not (value := value.strip()):
        raise SinkError(f"there is no secret at {reference}", hint="Set it, then send the alert again.")
    return value


def _from_file(path: Path) -> str:
    """The text of a file that its owner alone can read."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if os.name == "posix" and (about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077):
                raise SinkError(
                    f"{path} holds a secret, and others can read it or own it", hint=f"Run: chmod 600 {path}"
                )
            return file.read(MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SinkError(f"the secret in {path} cannot be read: {reason}") from error


def hidden(text: str, *secrets: str) -> str:
    """A text as one line of at most 200 characters, in which secrets are replaced by "…"."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= _LEAST_HIDDEN:
            text = text.replace(secret, "…")
    return " ".join(text.split())[:200]
