"""The audit log: JSON Lines of who changed what through the app and the API; only ever appended to."""

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

_HINT = "Name another file with FOOTAGE_AUDIT_LOG."


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
            FootageError: the log cannot be opened, and nothing was done; or the line could not be written
                any more, and the action was.
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
                self._append(file, json.dumps(line, ensure_ascii=True, default=str), action)

    def _append(self, file: int, line: str, action: str) -> None:
        """Write a line at once, so that those of several processes do not mix; never behind a torn one."""
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        result = ("\n" * torn + line + "\n").encode()
        why: object = None
        try:
            if os.write(file, result) < len(result):
                why = "the disk is full"
        except OSError as error:
            why = error.strerror
        if why:
            raise FootageError(
                f"the audit log {self._path} cannot be written: {why}. The last action ({action}) is not in "
                f"the log",
                hint=_HINT,
            )

    @contextmanager
    def _appending(self) -> Iterator[int]:
        try:
            private_folder(self._path.parent)
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FootageError(
                f"the audit log {self._path} cannot be written: {error.strerror}, so nothing was changed",
                hint=_HINT,
            ) from error
        try:
            yield file
        finally:
            os.close(file)
