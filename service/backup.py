"""Copies a complete index, and restores a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from footage.store.backup import Copied
    from service.cancellation import CancelToken
    from service.session import Service


class BackupRequest(Request):
    """Folder of the copy."""

    folder: Path
    """Must not exist yet, or be empty."""
    incremental: bool = False
    """Update the copy in that folder: copy only new files."""


class RestoreRequest(Request):
    """Where the copy is."""

    folder: Path
    """A copy that ``backup`` made."""


def backup(
    service: Service,
    request: BackupRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Copied:
    """Copy the index to another folder and verify the copy.

    Raises:
        FootageError: the index cannot be read or believed, or the folder cannot be written.
    """
    from footage.store.backup import backup as copy

    return copy(
        service.store(),
        request.folder,
        incremental=request.incremental,
        on_progress=steps("copying", on_event, cancel),
    )


def restore(
    service: Service,
    request: RestoreRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Copied:
    """Restore a copy to the index folder of the settings, which must be empty or not exist.

    Raises:
        FootageError: the copy is not as it was made, or the place is not empty or cannot be written.
    """
    from footage.store.backup import restore as put_back

    return put_back(request.folder, service.settings.db, on_progress=steps("copying", on_event, cancel))
