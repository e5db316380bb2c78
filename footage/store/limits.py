"""From how many rows tables are searched and indexed in another way, and how much memory LanceDB may take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from footage.store.location import IndexLocation

# LanceDB keeps 6 GiB of indexes and 1 GiB of the descriptions of tables, old versions included, if let.
_INDEX_BYTES = 512 * 2**20
METADATA_BYTES = 32 * 2**20
_INDEX_SHARE = 4  # of the memory, a quarter at most for a larger index


@dataclass(frozen=True, slots=True)
class Limits:
    """Row counts from which tables are indexed or searched differently (docs/explanation/performance.md)."""

    in_memory_rows: int = 100_000
    """Most rows of a vector table that is searched in memory. From about here on looking at every vector
    takes longer than an index does, and the table gets one."""
    in_memory_numbers: int = 38_400_000
    """Most numbers of such a table, rows times dimension: 154 MB, which is 100,000 vectors of 384 numbers or
    50,000 of 768."""
    partition_rows: int = 1000
    """Rows of each partition of a vector index. Chosen on a million events. Their size is given, not their
    number, because that is what LanceDB keeps to when it brings an index up to date."""
    most_partitions: int = 2048
    """Most partitions, of which those of more than two million rows are larger: to make an index takes time
    in proportion to rows times partitions."""
    probes: int = 128
    """Partitions that a search looks through, the nearest to the query; all of them when those hold too few
    rows that pass the filter."""
    few_videos: int = 100
    """Values of a filter; texts of so few videos are read and compared one by one, which is exact."""
    few_images: int = 20_000
    """Image vectors of a filter, about; so few are compared one by one, too: five hours of footage that
    changes every second. Videos have sixty times as many of them as texts."""
    scalar_index_rows: int = 50_000
    """Of a table of at most so many rows a filter reads the whole column as fast as an index."""

    few_versions: int = 20
    """On object storage a table of at most so many versions is not tidied: that is some forty requests."""

    def partition_size(self, rows: int) -> int:
        """Rows of each partition of the vector index of a table."""
        return max(self.partition_rows, rows // self.most_partitions)

    def rows_in_memory(self, dimension: int) -> int:
        """Most rows of a table of vectors of ``dimension`` numbers that is searched in memory."""
        return min(self.in_memory_rows, self.in_memory_numbers // dimension)


LIMITS = Limits()
"""The limits of every index, except in tests."""


def index_bytes(location: IndexLocation) -> int:
    """Memory for indexes: 512 MiB, or what those of a large index take, up to a quarter of the memory."""
    place = location.place
    if not isinstance(place, Path):  # counting them takes a request for each thousand files
        return _INDEX_BYTES
    held: int = sum(file.stat().st_size for file in place.glob("vectors_*.lance/_indices/*/*"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    most: int = memory // _INDEX_SHARE
    return max(_INDEX_BYTES, min(held + _INDEX_BYTES // 2, most))
