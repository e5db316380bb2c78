"""Files of objects that are read in blocks: a cache of blocks on disk, and what a reader sees of them.

The cache is bounded; several processes may share it, and it may be deleted at any time. A block is kept under
the address and the version of its object.
"""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import platformdirs

from footage.core.disk_cache import Shelf
from footage.objects.requests import ObjectStatus, read_part

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1 << 20
"""Length of a block; the last one of an object may be shorter."""
MOST_AHEAD = 8
"""Most blocks of one request, reached by reading on; a seek begins with one again."""
_DEFAULT_CACHE_BYTES = 10_000_000_000
_HELD_BLOCKS = 4


_caches: list[Shelf | None] = []


def use_cache(cache: Shelf, *, on: bool = True) -> None:
    """Keep blocks there from now on, or nowhere."""
    _caches[:] = [cache if on else None]


def _current_cache() -> Shelf | None:
    """The cache of this process, if it is on."""
    if not _caches:
        use_cache(Shelf(platformdirs.user_cache_path("footage") / "objects", _DEFAULT_CACHE_BYTES))
    return _caches[0]


class BlockReader:
    """Brings the blocks of one version of an object, from the cache or from its store."""

    def __init__(self, status: ObjectStatus) -> None:
        """Ask for nothing yet."""
        self.status = status
        self._shelf = _current_cache()
        self._address = str(status.address)
        self._version = f"{status.e_tag} {status.modified_ns} {status.size_bytes}"
        self._ahead, self._next = 1, -1
        self._loose: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return -(-self.status.size_bytes // BLOCK_BYTES)

    def block(self, number: int) -> bytes:
        """One block.

        Raises:
            IndexError: There is none of this number.
            VideoError: As ``read_part``.
        """
        if not 0 <= number < self.count:
            raise IndexError(f"there is no block {number}")
        with self._lock:
            self._ahead = min(2 * self._ahead, MOST_AHEAD) if number == self._next else 1
            self._next = number + 1
            found = self._kept(number)
            return self._fetched(number) if found is None else found

    def _kept(self, number: int) -> bytes | None:
        if self._shelf is None:
            return self._loose.pop(number, None)
        found = self._shelf.get(self._address, self._name(number))
        return found if found is not None and len(found) == self._length(number) else None

    def _fetched(self, number: int) -> bytes:
        """A block that is not kept, with those after it that are likely to be read next."""
        stop = number + 1
        while stop < min(number + self._ahead, self.count) and not self._has(stop):
            stop += 1
        start_byte = number * BLOCK_BYTES
        part = read_part(self.status, start_byte, min(stop * BLOCK_BYTES, self.status.size_bytes))
        blocks = {
            number + index: part[at : at + BLOCK_BYTES]
            for index, at in enumerate(range(0, len(part), BLOCK_BYTES))
        }
        if self._shelf is None:
            self._loose = {each: block for each, block in blocks.items() if each != number}
        else:
            self._shelf.put_all(self._address, {self._name(each): block for each, block in blocks.items()})
        return blocks[number]

    def _has(self, number: int) -> bool:
        return self._shelf is not None and self._shelf.has(self._address, self._name(number))

    def _name(self, number: int) -> str:
        return f"{self._version} {number}"

    def _length(self, number: int) -> int:
        return min(BLOCK_BYTES, self.status.size_bytes - number * BLOCK_BYTES)


class ObjectFile(io.RawIOBase):
    """An object as a file that is read; holds a few blocks in memory."""

    def __init__(
        self, address: str, size_bytes: int, modified_ns: int, fetch: Callable[[int], bytes]
    ) -> None:
        """Fetch nothing yet; ``fetch`` brings the block of a number."""
        super().__init__()
        self.name = address
        self.size_bytes, self.modified_ns = size_bytes, modified_ns
        self._fetch = fetch
        self._at = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._hollow: Sequence[tuple[int, int]] = ()

    def hollow(self, spans: Sequence[tuple[int, int]]) -> None:
        """Bring zeros for what lies within these spans of bytes, without fetching it.

        For a reader that looks at where the samples of a file lie, and not at the samples.
        """
        self._hollow = spans

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        begin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size_bytes}
        self._at = max(0, begin[whence] + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read as much as fits and is there.

        Raises:
            VideoError: It cannot be read, or is another version by now.
        """
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self.size_bytes - self._at))
        done = 0
        while done < wanted:
            at = self._at + done
            end = next((stop for start, stop in self._hollow if start <= at < stop), None)
            if end is not None:
                count = min(wanted - done, end - at)
                view[done : done + count] = bytes(count)
            else:
                number, offset = divmod(at, BLOCK_BYTES)
                block = self._block(number)
                limit = min((start - at for start, _ in self._hollow if start > at), default=wanted)
                count = min(wanted - done, len(block) - offset, limit)
                view[done : done + count] = block[offset : offset + count]
            done += count
        self._at += done
        return done

    def _block(self, number: int) -> bytes:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        block = self._fetch(number)
        self._held[number] = block
        while len(self._held) > _HELD_BLOCKS:
            self._held.popitem(last=False)
        return block
