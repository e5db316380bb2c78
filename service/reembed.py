"""Fills the vector table of an embedder from existing captions; prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.session import Service


class ReembedRequest(Request):
    """Embed everything in the index with the embedder that the settings name."""


@dataclass(frozen=True, slots=True)
class ReembedResult:
    """What was written."""

    embedder: str
    """The embedder, as the index names it."""
    vectors: int
    """Vectors written."""


def reembed(
    service: Service,
    request: ReembedRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> ReembedResult:
    """Embed all texts again, without new captions; the vectors of other embedders stay.

    Raises:
        FootageError: the index or the embedder cannot be used.
        Cancelled: the token was cancelled between two steps.
    """
    from indexer.pipeline import reembed as embed_again

    store = service.store()
    embedder = service.embedder(on_event)
    written = embed_again(store, embedder, steps("embedding", on_event, cancel))
    return ReembedResult(embedder.name, written)
