"""`footage db reembed`: fill the vector table of another embedder from existing captions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.cli import console, formatting, options, progress
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

EXAMPLES = options.examples(
    "footage db reembed --embedder BAAI/bge-small-en-v1.5", "footage db reembed --db cameras.lancedb"
)


@takes_settings("db", "embedder")
def run(
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Embed the captions of the index with another embedder.

    Captions stay unchanged. Each embedder has its own vector table, so vectors of other embedders stay.
    Search with the same --embedder.
    """
    from service.reembed import ReembedRequest
    from service.reembed import reembed as embed_again
    from service.schemas.library import ReembedRecord

    service = options.service_for(settings)
    with progress.shown() as display:
        result = embed_again(service, ReembedRequest(), on_event=display)
    if json:
        console.emit_record(ReembedRecord(embedder=result.embedder, vectors=result.vectors))
    else:
        console.results().print(
            f"Wrote {formatting.count(result.vectors, 'vector')} of {console.plain(result.embedder)}."
        )
