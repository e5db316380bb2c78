"""Projects what lags behind its windows, of every track that an index holds; reads no file."""

from __future__ import annotations

from collections.abc import Callable

from footage.core.tracks import CAPTION_TRACK
from footage.embed.protocol import TextEmbedder
from footage.store import Store
from indexer.events import Projector
from indexer.tracks.merging import merge_of


def catch_up(
    store: Store, embedder: TextEmbedder, on_progress: Callable[[int, int], None] | None = None
) -> int:
    """Project every track with texts of every video whose events lag behind, as after a killed run.

    Image tracks have none.

    Args:
        store: The index, locked for writing.
        embedder: Embeds the texts.
        on_progress: Called after each such video with how many are done, and how many there are, by track.

    Returns:
        How many vectors were written.
    """
    tracks = dict.fromkeys([CAPTION_TRACK, *store.windows.tracks()])
    projectors = [Projector(store, embedder, track=track, merge=merge_of(track)) for track in tracks]
    return sum(projector.catch_up(on_progress) for projector in projectors)
