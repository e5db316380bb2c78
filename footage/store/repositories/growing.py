"""Digests of the windows of files that are still being written (``indexer.growing_files``); in ``meta``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from footage.store.forgetting import FOLLOWED
from footage.store.tables import Tables


class GrowingFileRepository:
    """What is known of files that are still being written; got from ``Store.growing``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def digests(self) -> dict[str, dict[int, str]]:
        """Digests of the pictures of windows of files that are being written, by content id and index."""
        return {
            row["key"].removeprefix(FOLLOWED): {
                int(index): each for index, each in json.loads(row["value"]).items()
            }
            for row in self._tables.read("meta")
            if row["key"].startswith(FOLLOWED)
        }

    def put(self, content_id: str, digests: Mapping[int, str]) -> None:
        """Keep the digests of the windows of a file that is being written, in place of those before."""
        value = json.dumps({str(index): digests[index] for index in sorted(digests)})
        self._tables.upsert("meta", [{"key": FOLLOWED + content_id, "value": value}])
