"""Index runs under the settings; words nothing for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.library import EVERYTHING, Selection
from indexer.timestamps import NO_CLOCKS, Clocks
from indexer.unfinished_files import Settling

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.embed.text_embedder import Embedder
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from indexer.pipeline import IndexReport, Progress
    from indexer.plan import Mix


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Options of one run, beyond the settings; see ``indexer.pipeline.index``."""

    selection: Selection = EVERYTHING
    clocks: Clocks = NO_CLOCKS
    collection: str | None = None
    max_seconds: float = math.inf
    mix: Mix = "refuse"
    retry: bool = False
    settling: Settling | None = None
    follow: bool = False


DEFAULT_OPTIONS = IndexOptions()


def index_paths(
    paths: Sequence[Path],
    settings: Settings,
    options: IndexOptions = DEFAULT_OPTIONS,
    *,
    store: Store,
    model: VideoModel,
    embedder: Embedder,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> IndexReport:
    """Index files and folders.

    Args:
        paths: Files and folders.
        settings: How to cut and decode.
        options: Which files, and how to read and repeat them.
        store: The index.
        model: Captions the windows.
        embedder: Embeds the captions.
        on_progress: Called with every reading of the run.
        stop: Asked after every batch; once it says yes, the run ends there.

    Raises:
        FootageError: when nothing can be indexed at all; a single bad file is in the report instead.
    """
    from indexer.pipeline import index

    return index(
        paths,
        store=store,
        model=model,
        embedder=embedder,
        window_seconds=settings.window_seconds,
        overlap_seconds=settings.overlap_seconds,
        batch_size=settings.batch_size,
        queue_windows=settings.queue_windows,
        decode_timeout_seconds=settings.decode_timeout_seconds,
        on_progress=on_progress,
        stop=stop,
        selection=options.selection,
        clocks=options.clocks,
        collection=options.collection,
        max_seconds=options.max_seconds,
        mix=options.mix,
        retry=options.retry,
        settling=options.settling,
        follow=options.follow,
    )
