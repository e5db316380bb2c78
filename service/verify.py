"""Compares exported files with their manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.export import Verified


class VerifyRequest(Request):
    """What to compare."""

    manifest: Path
    """The manifest beside an export, absolute."""
    sources: bool = False
    """Also verify the source videos, which are read completely."""


def verify(
    request: VerifyRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> Verified:
    """List missing and changed exported files; needs no index and no model.

    Raises:
        FootageError: the manifest cannot be read, or is none.
        Cancelled: the token was cancelled between two files.
    """
    from indexer.library import content_id
    from service.export import verify as compare

    return compare(
        request.manifest,
        identify=content_id if request.sources else None,
        on_progress=steps("comparing", on_event, cancel),
    )
