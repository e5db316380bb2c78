"""Removes a video from the index, and from the caches, for good."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.core.index_place import state_folder
from footage.core.names import folded
from footage.store.state.alerts import AlertRepository
from footage.store.state.database import FILE_NAME
from footage.store.state.item_checks import ItemCheckRepository
from footage.store.state.reels import ReelRepository
from service import previews
from service.requests import Request

if TYPE_CHECKING:
    from service.session import Service


class ForgetRequest(Request):
    """The video to be removed."""

    video: str
    """A file that the index knows, or a content id."""


@dataclass(frozen=True, slots=True)
class Forgettable:
    """What forgetting a video would remove."""

    content_id: str
    """The video."""
    paths: tuple[str, ...]
    """The files that hold it; they stay where they are."""


@dataclass(frozen=True, slots=True)
class ForgetResult:
    """What was removed."""

    content_id: str
    """The video."""
    files: int
    """Files that held it."""


def forgettable(service: Service, request: ForgetRequest) -> Forgettable:
    """Say what ``forget`` would remove, and change nothing.

    Raises:
        UsageError: the index knows no such video.
        StoreError: there is no index, or it cannot be read.
    """
    from indexer.library import absolute, shown

    store = service.store()
    path = shown(absolute(request.video))
    alike = [each for each in store.files.all() if folded(each.path) == folded(path)]
    file = store.files.at(path) or (alike[0] if len(alike) == 1 else None)
    content_id = file.content_id if file else request.video
    if not content_id or not store.contents.knows(content_id):
        raise UsageError(
            f"the index {store.path} has no video {request.video!r}",
            hint="To list all indexed videos: `footage status --files`.",
        )
    return Forgettable(content_id, tuple(store.files.paths_of(content_id)))


def forget(service: Service, request: ForgetRequest) -> ForgetResult:
    """Remove a video's captions, vectors, previews, and every older version of the tables.

    Its moments of alerts go, too, and what clips of reels show of it: reels have a gap in their place.

    Stopped halfway, it is finished when the index is next written to.

    Raises:
        UsageError: the index knows no such video.
        StoreError: there is no index, or it cannot be written.
    """
    found = forgettable(service, request)
    content_id = found.content_id
    store = service.store()
    _forget_caches(
        service, content_id, found.paths
    )  # first: an index killed midway finishes by itself, caches do not
    with store.writing():
        files = store.contents.forget(content_id)
    _forget_caches(service, content_id, found.paths)
    return ForgetResult(content_id, files)


def _forget_caches(service: Service, content_id: str, paths: Iterable[str]) -> None:
    if (state_folder(service.settings.db) / FILE_NAME).is_file():
        AlertRepository(service.state()).forget([content_id])
        ReelRepository(service.state()).forget([content_id])
        ItemCheckRepository(service.state()).forget([content_id])
    previews.forget(service.settings.cache_dir, content_id)
    service.settings.seen.forget(content_id)
    blocks = service.settings.blocks
    for path in paths:
        blocks.forget(path)
