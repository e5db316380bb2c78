"""The log of a service on stderr, as text or JSON Lines; knows no HTTP and no command line.

From INFO on it holds what this package and the API say of requests: id, method, route, status, duration.
Query texts, paths and tokens are never part of that. Warnings and errors of other packages can name files.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, TextIO, get_args

LogFormat = Literal["text", "json"]
"""Lines for people, or one JSON object per line."""
LOG_FORMATS: tuple[LogFormat, ...] = get_args(LogFormat)
SERVICE_LOGGER = "footage.service"
"""Logger of requests and of the service's life; everything that it says at INFO is shown."""
_OTHERS = ("footage", "indexer", "search", "service", "ui", "uvicorn", "mcp", "asyncio")
"""Loggers whose warnings are shown. uvicorn's own log of requests holds addresses with their queries: it
is to be switched off (``access_log=False``), and is not shown here."""


class JsonLines(logging.Formatter):
    """One object per line: time, level, message, and the values of ``extra={"fields": ...}``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class TextLines(logging.Formatter):
    """Time, level and message, then the fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; a traceback follows on lines of its own."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = "".join(f" {name}={value}" for name, value in getattr(record, "fields", {}).items())
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{at} {record.levelname.lower()} {message}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


@contextmanager
def service_log(log_format: LogFormat = "text", stream: TextIO | None = None) -> Iterator[None]:
    """Write the log of a service for as long as the context lasts.

    Args:
        log_format: Form of the lines.
        stream: Where to; stderr when None.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    handler.addFilter(_wanted)
    loggers = [logging.getLogger(name) for name in _OTHERS]
    requests = logging.getLogger(SERVICE_LOGGER)
    before = requests.level
    requests.setLevel(logging.INFO)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        requests.setLevel(before)


def _wanted(record: logging.LogRecord) -> bool:
    """Whether a record is for the log: below a warning, only what the service itself says."""
    return record.levelno >= logging.WARNING or record.name == SERVICE_LOGGER
