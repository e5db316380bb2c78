"""Removes deleted files from the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.requests import Request

if TYPE_CHECKING:
    from service.session import Service


class PruneRequest(Request):
    """Remove deleted files, and the captions of videos without any remaining file."""


@dataclass(frozen=True, slots=True)
class Prunable:
    """What pruning would remove."""

    paths: tuple[str, ...]
    """Files that are gone."""
    videos: int
    """Videos without any remaining file."""


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What was removed."""

    files: int
    """Files."""
    videos: int
    """Videos, with their captions."""


def prunable(service: Service, request: PruneRequest) -> Prunable:
    """Return what ``prune`` would remove, without changes.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    gone, unheld = service.store().contents.prunable()
    return Prunable(tuple(gone), len(unheld))


def prune(service: Service, request: PruneRequest) -> PruneResult:
    """Remove deleted files; offline files stay.

    Raises:
        StoreError: there is no index, or it cannot be written.
    """
    store = service.store()
    with store.writing():
        files, videos = store.contents.prune()
        store.tidy()
    return PruneResult(files, videos)
