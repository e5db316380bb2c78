"""Lists what the index holds more than once: files of the same bytes, copied videos, repeated stretches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from footage.store import Store
    from search.duplicates import Duplicates
    from service.cancellation import CancelToken
    from service.session import Service


class DuplicatesRequest(Request):
    """The duplicates of the index that the settings name."""


@dataclass(frozen=True, slots=True)
class DuplicatesResult:
    """What an index holds more than once."""

    same_bytes: tuple[tuple[str, ...], ...]
    """Files that hold the same bytes, each group in the order of paths."""
    embedder: str
    """The image embedder whose vectors were compared; empty where the index has none."""
    found: Duplicates | None
    """What the pictures say; None without image vectors."""
    paths: Mapping[str, str]
    """A file of each video that ``found`` names, by content id."""


def duplicates(
    service: Service,
    request: DuplicatesRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> DuplicatesResult:
    """List what the index holds more than once; loads no model.

    Events: ``StageProgress`` of two stages.

    Raises:
        StoreError: there is no index, or it cannot be read.
        Cancelled: the token was cancelled.
    """
    from search.duplicates import find_duplicates

    store = service.store()
    embedder = service.searched_image_embedder()
    if not embedder:
        return DuplicatesResult(_same_bytes(store), "", None, {})
    found = find_duplicates(
        store,
        embedder,
        on_probe=steps("comparing pictures", on_event, cancel),
        on_alignment=steps("aligning videos", on_event, cancel),
    )
    named = {copy.content_id for copy in found.copies} | {copy.original_id for copy in found.copies}
    named |= {place.content_id for stretch in found.stretches for place in stretch.places}
    named |= set(found.coverage.videos_without)
    paths = {content_id: store.files.path_of(content_id) for content_id in sorted(named)}
    return DuplicatesResult(_same_bytes(store), embedder, found, paths)


def _same_bytes(store: Store) -> tuple[tuple[str, ...], ...]:
    groups: dict[str, list[str]] = defaultdict(list)
    for file in store.files.all():
        if file.content_id and file.state != "gone":
            groups[file.content_id].append(file.path)
    return tuple(sorted(tuple(sorted(paths)) for paths in groups.values() if len(paths) > 1))
