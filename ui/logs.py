"""Logs as JSON Lines, for whoever watches a long run from outside; knows nothing of what is logged."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from footage.errors import UsageError

_PACKAGES = ("footage", "indexer", "search", "ui")


class _JsonLines(logging.Formatter):
    """One object a line: when, how bad, what, and what the message carries in ``extra={"fields": ...}``."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


@contextmanager
def logging_to(path: Path | None) -> Iterator[None]:
    """Append what the project's own packages log, from INFO on, to a file as JSON Lines; None: nowhere.

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None:
        yield
        return
    try:
        handler = logging.FileHandler(path.expanduser(), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the log {path} cannot be written: {error.strerror}", hint="Name another --log-file."
        ) from error
    handler.setFormatter(_JsonLines())
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
        handler.close()
