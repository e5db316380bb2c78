"""The audit log: JSON Lines of who changed what through the app; only ever appended to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from footage.core.errors import FootageError
from footage.core.private_files import private_folder


@dataclass(slots=True)
class Entry:
    """What came of one action; set before its line is written."""

    outcome: Literal["done", "failed", "refused"] = "done"
    """How it ended."""
    reason: str = ""
    """Why it failed."""


class AuditLog:
    """One file, for its owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def entry(self, action: str, *, who: Mapping[str, str], facts: Mapping[str, object]) -> Iterator[Entry]:
        """Open the log, let the action happen, then append its line, whatever came of it.

        Raises:
            FootageError: the log cannot be opened or written.
        """
        entry = Entry()
        with self._appending() as file:
            try:
                yield entry
            finally:
                line = {
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "action": action,
                    "outcome": entry.outcome,
                    **who,
                    **facts,
                    **({"reason": entry.reason} if entry.reason else {}),
                }
                # One write, so that lines of several processes do not mix.
                os.write(file, (json.dumps(line, ensure_ascii=True, default=str) + "\n").encode())

    @contextmanager
    def _appending(self) -> Iterator[int]:
        try:
            private_folder(self._path.parent)
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FootageError(
                f"the audit log {self._path} cannot be written: {error.strerror}, so nothing was changed",
                hint="Name another file with FOOTAGE_AUDIT_LOG.",
            ) from error
        try:
            yield file
        finally:
            os.close(file)
