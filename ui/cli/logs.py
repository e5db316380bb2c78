"""Logs as JSON Lines, and warnings on stderr; knows no run or index."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from footage.core.errors import FileError
from footage.core.private_files import FILE_MODE
from ui.cli import console

_PACKAGES = ("footage", "indexer", "search", "service", "evaluation", "ui")


class _Warnings(logging.Handler):
    """Warnings as lines on stderr, above the progress; each names the file it is about, and the reason."""

    def __init__(self, level: int = logging.WARNING) -> None:
        super().__init__(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        fields = getattr(record, "fields", {})
        parts = (self.format(record), fields.get("path", ""), fields.get("reason", ""))
        for line in ": ".join(part for part in parts if part).splitlines():
            console.notes().print(console.plain(line), soft_wrap=True)


@contextmanager
def verbose() -> Iterator[None]:
    """Print the log of this project's packages on stderr, one line per entry, from INFO on."""
    handler = _Warnings(logging.INFO)
    loggers = [logging.getLogger(name) for name in _PACKAGES]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Show warnings of this project's packages on stderr; with a file, also log to it, from INFO on.

    Raises:
        FileError: the file cannot be written.
    """
    handlers: list[logging.Handler] = [_Warnings()]
    if path is not None:
        handlers.append(_file_handler(path))
    loggers = [logging.getLogger(name) for name in _PACKAGES]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        if path is not None:
            logger.setLevel(logging.INFO)
        for handler in handlers:
            logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            for handler in handlers:
                logger.removeHandler(handler)
            logger.setLevel(level)
        for handler in handlers:
            handler.close()


def _file_handler(path: Path) -> logging.Handler:
    """Writes JSON Lines to the end of a file; errors as ``logging_to``."""
    from service.logs import JsonLines

    try:
        os.close(os.open(path.expanduser(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE))
        handler = logging.FileHandler(path.expanduser(), encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"the log {path} cannot be written: {error.strerror}", hint="Name another --log-file."
        ) from error
    handler.setFormatter(JsonLines())
    return handler
