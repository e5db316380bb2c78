"""Runs nemostation's own library once, in an environment of its own, and prints what it took as JSON.

Only the standard library and numpy are imported for it: it does not know this project. Its embedder needs
weights from a model hub; a deterministic one takes its place, and ours.

python peer_driver.py index DB ADDRESS VIDEO ...
python peer_driver.py search DB ADDRESS QUESTION
"""

from __future__ import annotations

import json
import resource
import sys
import time
import types
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DIMENSION = 384
"""Of the vectors, as bge-small-en-v1.5 has them."""
CANDIDATES = 3
"""Windows that a search looks at again."""


class HashEmbedder:
    """A stand-in for an embedder: the sum of one fixed random vector for each word."""

    name = "hash"
    dimension = DIMENSION

    def embed(self, texts: Sequence[str], *, kind: str = "document") -> np.ndarray:
        """Normalised vectors, float32 (texts, dimension)."""
        del kind
        return np.stack([self._vector(text) for text in texts])

    embed_words = embed

    def _vector(self, text: str) -> np.ndarray:
        words = text.lower().split() or [""]
        seeds = [zlib.crc32(word.encode()) for word in words]
        total = np.sum([np.random.default_rng(seed).standard_normal(DIMENSION) for seed in seeds], axis=0)
        return (total / np.linalg.norm(total)).astype(np.float32)


class SentenceTransformer:
    """The part of sentence-transformers that nemostation calls."""

    def __init__(self, _name: str) -> None:
        self._embedder = HashEmbedder()

    def get_embedding_dimension(self) -> int:
        """Length of a vector."""
        return DIMENSION

    def encode(self, texts: str | list[str], *, normalize_embeddings: bool) -> np.ndarray:
        """Vectors of texts, or of one."""
        assert normalize_embeddings
        return self._embedder.embed([texts])[0] if isinstance(texts, str) else self._embedder.embed(texts)


def main() -> None:
    """Do one thing, everything imported before; print the time, and what came of it."""
    sys.modules["sentence_transformers"] = types.SimpleNamespace(SentenceTransformer=SentenceTransformer)
    from marlin import indexer, search
    from marlin.models import Config

    what, db, address, *rest = sys.argv[1:]
    config = Config(base_url=address, db_path=db, model="demo")
    indexer.get_embedder(config.embed_model)
    spent, began = cpu_seconds(), time.perf_counter()
    if what == "index":
        stats = indexer.index_videos(config, [Path(each) for each in rest])
        found = {"windows": stats.chunks, "left_out": stats.skipped_still, "errors": stats.errors}
    else:
        hits = search.search(config, rest[0], k=CANDIDATES)
        found = {"windows": sum(hit.grounded for hit in hits), "errors": []}
    wall = time.perf_counter() - began
    found |= {"loaded" if what == "index" else "all": wall, "cpu": cpu_seconds() - spent}
    sys.stdout.write(json.dumps(found) + "\n")


def cpu_seconds() -> float:
    """Processor time of this process, and of its children, which have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
