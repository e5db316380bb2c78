"""Fetches the weights of a known model ahead of their first use; loads nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from service.events import Listener, StageProgress, busy, ignore
from service.requests import Request

if TYPE_CHECKING:
    from footage.vlm.weights import Weights

MEGABYTE = 1_000_000


class DownloadRequest(Request):
    """A known model, and which commit of it."""

    name: str
    """A profile's name, or its repository."""
    revision: str | None = None
    """Commit or branch; None for the profile's."""


def download(request: DownloadRequest, *, on_event: Listener = ignore) -> Weights:
    """Fetch the weights, or find them here.

    Raises:
        UsageError: there is no such model, or it is not on the hub.
        ModelUnavailableError: it cannot be fetched.
    """
    from footage.vlm import weights

    lock, reached = threading.Lock(), 0

    def progress(done: int, total: int) -> None:
        nonlocal reached
        with lock:
            if (megabytes := done // MEGABYTE) > reached:
                reached = megabytes
                on_event(StageProgress("megabytes", reached, max(reached, -(-total // MEGABYTE))))

    with busy(f"looking for the weights of {request.name}", on_event):
        return weights.download(request.name, revision=request.revision, on_progress=progress)
