"""`footage reembed`: fill the vector table of another embedder from what is already captioned."""

from __future__ import annotations

from service import factories
from ui.cli import console, formatting, options

EXAMPLES = options.examples(
    "footage reembed --embedder BAAI/bge-small-en-v1.5", "footage reembed --db cameras.lancedb"
)


def run(
    db: options.Db = None,
    embedder: options.Embedder = None,
    config: options.Config = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Embed everything in the index with another embedder; nothing is captioned again.

    Each embedder has a vector table of its own, so the vectors of the others stay. Search with the same
    --embedder.
    """
    from footage.store import Store
    from indexer.pipeline import reembed

    settings = options.settings_from(config, db=db, embedder=embedder)
    store = Store.open(settings.db)
    text_embedder = factories.load_embedder(settings)
    with console.steps("embedding") as step:
        written = reembed(store, text_embedder, step)
    if json:
        console.emit(embedder=text_embedder.name, vectors=written)
    else:
        console.results().print(
            f"Wrote {formatting.count(written, 'vector')} of {console.plain(text_embedder.name)}."
        )
