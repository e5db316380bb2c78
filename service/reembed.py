"""Fills the tables of another embedder: of texts from existing captions, of pictures from the videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from service.events import Listener, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from indexer.reembedding_images import ReembeddedImages
    from service.cancellation import CancelToken
    from service.session import Service


class ReembedRequest(Request):
    """Embed everything in the index with the embedders that the settings name."""

    texts: bool = True
    """Embed the texts."""
    images: bool = False
    """Make the vectors of the image embedder."""


@dataclass(frozen=True, slots=True)
class ReembedResult:
    """What was written."""

    embedder: str | None
    """The embedder of texts, as the index names it; None where texts were not asked for."""
    vectors: int
    """Vectors of texts written."""
    image_embedder: str | None = None
    """The image embedder; None where image vectors were not asked for."""
    images: ReembeddedImages | None = None
    """What was made of it."""


def reembed(
    service: Service,
    request: ReembedRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> ReembedResult:
    """Embed all texts again, without new captions, or read the videos again for their image vectors.

    The vectors of other embedders stay. What is made of image vectors stays where the call is cancelled.

    Raises:
        FootageError: the index or an embedder cannot be used.
        Cancelled: the token was cancelled between two steps.
    """
    from indexer.pipeline import reembed as embed_again
    from indexer.reembedding_images import reembed_images

    store = service.store()
    name, written = None, 0
    if request.texts:
        embedder = service.embedder(on_event)
        name, written = embedder.name, embed_again(store, embedder, steps("embedding", on_event, cancel))
    if not request.images:
        return ReembedResult(name, written)
    image_embedder = service.settings.image_embedder
    if image_embedder == "auto":
        image_embedder = service.indexed_image_embedder() or ""
    if not image_embedder:
        raise UsageError(
            "the index has no image vectors yet, and no image embedder is named",
            hint="Name one with --image-embedder, such as siglip2-base.",
        )
    maker = service.image_maker(image_embedder)
    images = reembed_images(store, maker, steps("image vectors", on_event, cancel))
    return ReembedResult(name, written, image_embedder, images)
