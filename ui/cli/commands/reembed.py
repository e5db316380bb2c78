"""`footage db reembed`: fill the tables of another embedder, of texts or of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import is_given, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.reembed import ReembedResult

EXAMPLES = options.examples(
    "footage db reembed --embedder BAAI/bge-small-en-v1.5",
    "footage db reembed --image-embedder siglip2-base",
    "footage db reembed --db cameras.lancedb",
)


@takes_settings("db", "embedder", "image_embedder", "device")
def run(
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Embed the captions of the index with another embedder, or its pictures with another image embedder.

    Captions stay unchanged. Each embedder has its own vector table, so vectors of other embedders stay.
    Search with the same --embedder.

    With --image-embedder, the videos are read again for their image vectors. Those that are away are listed;
    the same command makes their vectors later, and goes on after an interruption.
    """
    from service.reembed import ReembedRequest
    from service.reembed import reembed as embed_again

    service = options.service_for(settings)
    images = is_given("image_embedder")
    request = ReembedRequest(texts=is_given("embedder") or not images, images=images)
    with progress.shown() as display:
        result = embed_again(service, request, on_event=display)
    if json:
        from service.operations.indexing import reembed_records

        console.emit_records(reembed_records(result))
    else:
        _print(result)
    if result.images is not None and result.images.failed:
        raise typer.Exit(console.EXIT_PARTLY)


def _print(result: ReembedResult) -> None:
    out, images = console.results(), result.images
    if result.embedder is not None:
        out.print(f"Wrote {formatting.count(result.vectors, 'vector')} of {console.plain(result.embedder)}.")
    if images is not None and result.image_embedder is not None:
        out.print(
            f"Wrote {formatting.count(images.vectors, 'image vector')} of "
            f"{console.plain(result.image_embedder)}, of {formatting.count(images.windows, 'window')}."
        )
        formatting.print_failures([(path, "not there, or changed") for path in images.away], "not read")
        formatting.print_failures(list(images.failed.items()))
