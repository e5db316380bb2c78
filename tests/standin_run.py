"""One indexing run with the stand-in model, as the body of a process that a test kills."""

from __future__ import annotations

from pathlib import Path

from standin_model import StandinEmbedder, StandinModel

from footage.store import Store
from indexer.pipeline import index

WINDOWS = {"window_seconds": 2.0, "overlap_seconds": 0.5}


def index_slowly(library: Path, database: Path, log: Path) -> None:
    """Index a folder one window at a time; every captioned window adds a line to ``log``."""
    model = StandinModel(max_batch=1, sleep_seconds=0.05, log_path=log, **WINDOWS)
    index([library], store=Store.open(database, create=True), model=model, embedder=StandinEmbedder())
