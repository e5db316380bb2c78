"""The command that the service runs for a client: its streams, terminal and folder.

There is none in a command that runs by itself, and who starts one is not known here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ui import text

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.cancellation import CancelToken
    from service.session import Service


_WORDS = frozenset({"query", "question", "what", "group", "mode", "by", "box", "start", "end", "service"})
"""Parameters that are never paths."""
_NAMES = frozenset({"model", "find_model", "embedder", "image_embedder", "rerank", "device"})
"""Parameters that are names, or folders."""


_OTHERS = frozenset({"service", "token_file", "traces", "keep_jobs_days"})
"""Settings that change no command that the service runs."""


class RunLocallyError(Exception):
    """The client must run the command itself; ``str`` of it says why, one sentence."""


class OtherServiceError(RunLocallyError):
    """The service has other settings or other code than the client, who may not know."""


@dataclass(frozen=True, slots=True)
class ServedCommand:
    """What a command that runs in the service has of its client."""

    service: Service
    """What the service keeps loaded."""
    out: TextIO
    """Stands in for stdout."""
    err: TextIO
    """Stands in for stderr."""
    folder: str
    """The folder in which the command was typed."""
    in_same_folder: bool
    """Whether that is the service's own, so that relative paths mean the same."""
    columns: int
    """Width of the client's terminal."""
    lines: int
    """Height of the client's terminal."""
    terminal: Mapping[str, str]
    """The environment variables that say what the terminal can do."""
    cancel: CancelToken
    """Set when the client has gone."""

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Make sure that the parsed parameters mean the same here as where the command was typed.

        Raises:
            RunLocallyError: they may not.
        """
        if parameters.get("debug") or parameters.get("verbose"):
            raise RunLocallyError("Logs and tracebacks are printed without the service.")
        if self.in_same_folder:
            return
        for name, value in parameters.items():
            texts = value if isinstance(value, list | tuple) else [value]
            if name not in _WORDS and any(_is_relative(text, is_name=name in _NAMES) for text in texts):
                raise RunLocallyError(f"{value!r} may be a path relative to another folder.")

    def service_for(self, settings: Settings, names: tuple[str, ...]) -> Service:
        """The service's own ``Service``, for a command that takes settings of these names.

        Raises:
            RunLocallyError: the command has other settings.
        """
        ignored = _OTHERS if "db" in names else _OTHERS | {"db"}
        wanted, own = settings.model_dump(), self.service.settings.model_dump()
        for name, value in wanted.items():
            if name not in ignored and value != own.get(name):
                raise OtherServiceError(f"The service has another {name}: {own.get(name)}, not {value}.")
            if isinstance(value, Path) and not (self.in_same_folder or value.is_absolute()):
                raise RunLocallyError(f"The setting {name} is relative to another folder.")
        return self.service


def _is_relative(value: object, *, is_name: bool) -> bool:
    """Whether a value may be a relative path; that of a name, such as a model's, is one only with a "/"."""
    if not isinstance(value, str | Path) or "://" in str(value) or str(value).startswith("~"):
        return False
    return not os.path.isabs(value) and (os.sep in str(value) or not is_name)


_served: ContextVar[ServedCommand | None] = ContextVar("served", default=None)


def current() -> ServedCommand | None:
    """The command that this thread runs for a client; None in a command that runs by itself."""
    return _served.get()


@contextmanager
def serving(command: ServedCommand | None) -> Iterator[None]:
    """Run what follows for a client."""
    token = _served.set(command)
    try:
        with text.seen_from(command.folder if command else None):
            yield
    finally:
        _served.reset(token)
