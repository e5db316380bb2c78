"""Brings objects to a child process, which may open no connection: both ends of a second socket.

The child asks for the status of an object, then for blocks of it by number. It is given those of the objects
that its job names, and nothing else.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Collection

from footage.core import timeout
from footage.core.errors import FootageError, SourceOfflineError, VideoError
from footage.objects.address import is_object_address, parse_address
from footage.objects.blocks import BLOCK_BYTES, BlockReader, ObjectFile
from footage.objects.requests import look_at

_REQUEST = struct.Struct("=cIQ")
"""Kind, length of the address that follows (open) or number of the file (block), number of the block."""
_ANSWER = struct.Struct("=cI")
_OPENED = struct.Struct("=IQQ")
_OPEN, _BLOCK, _YES, _NO = b"O", b"B", b"Y", b"N"
_MOST_ADDRESS_BYTES = 4096
_MOST_READERS = 64


class Feed:
    """The caller's end, served by a thread from the first job on that names an object."""

    def __init__(self, connection: socket.socket) -> None:
        """Serve nothing yet."""
        self._socket = connection
        self._allowed: frozenset[str] = frozenset()
        self._readers: OrderedDict[int, BlockReader] = OrderedDict()
        self._given = 0
        self._thread: threading.Thread | None = None
        self._error: FootageError | None = None
        self._asking: tuple[str, float] | None = None

    def begin(self, sources: Collection[str]) -> None:
        """A job begins, which reads these files or objects."""
        self._error = None
        self._allowed = frozenset(each for each in sources if is_object_address(each))
        if self._allowed and self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="objects", daemon=True)
            self._thread.start()

    def error(self) -> FootageError | None:
        """What went wrong with an object in this job: the child may have taken it for the file's end."""
        asking = self._asking
        if self._error is None and asking is not None:
            seconds = time.monotonic() - asking[1]
            return SourceOfflineError(
                f"{asking[0]} cannot be read: the server sent nothing for {seconds:.0f} s",
                hint="Run the command again later: what is done is kept.",
            )
        return self._error

    def close(self) -> None:
        """End."""
        self._socket.close()

    def _serve(self) -> None:
        try:
            while head := _received(self._socket, _REQUEST.size):
                kind, first, second = _REQUEST.unpack(head)
                answer = self._opened(first) if kind == _OPEN else self._block(first, second)
                self._socket.sendall(_ANSWER.pack(_NO if answer is None else _YES, len(answer or b"")))
                if answer:
                    self._socket.sendall(answer)
        except OSError:
            return  # the child has ended, or was ended

    def _opened(self, size: int) -> bytes | None:
        if size > _MOST_ADDRESS_BYTES:
            raise OSError("no honest child asks so")
        address = _received(self._socket, size).decode("utf-8", "replace")
        if address not in self._allowed:
            return None
        self._asking = address, time.monotonic()
        try:
            status = look_at(parse_address(address))
        except FootageError as error:
            self._error = error
            return None
        finally:
            self._asking = None
        known = [number for number, reader in self._readers.items() if reader.status == status]
        if not known:
            self._given += 1
            known = [self._given]
            self._readers[self._given] = BlockReader(status)
            while len(self._readers) > _MOST_READERS:
                self._readers.popitem(last=False)
        self._readers.move_to_end(known[0])
        return _OPENED.pack(known[0], status.size_bytes, status.modified_ns)

    def _block(self, file: int, number: int) -> bytes | None:
        reader = self._readers.get(file)
        if reader is None or number >= reader.count or str(reader.status.address) not in self._allowed:
            return None
        self._asking = str(reader.status.address), time.monotonic()
        try:
            return reader.block(number)
        except FootageError as error:
            self._error = error
            return None
        finally:
            self._asking = None


class Channel:
    """The child's end."""

    def __init__(self, connection: socket.socket) -> None:
        """Ask for nothing yet."""
        self._socket = connection
        self._lock = threading.Lock()

    def open(self, address: str) -> ObjectFile:
        """Open an object.

        Raises:
            VideoError: The caller cannot, and knows why.
        """
        text = address.encode("utf-8", "replace")
        answer = self._asked(_REQUEST.pack(_OPEN, len(text), 0) + text, _OPENED.size, address)
        number, size_bytes, modified_ns = _OPENED.unpack(answer)

        def fetch(block: int) -> bytes:
            return self._asked(_REQUEST.pack(_BLOCK, number, block), BLOCK_BYTES, address)

        return ObjectFile(address, size_bytes, modified_ns, fetch)

    def _asked(self, request: bytes, most_bytes: int, address: str) -> bytes:
        if timeout.on_beat is not None:
            timeout.on_beat()
        with self._lock:
            self._socket.sendall(request)
            kind, size = _ANSWER.unpack(_received(self._socket, _ANSWER.size))
            answer = _received(self._socket, min(size, most_bytes))
        if kind != _YES:
            raise VideoError(f"{address} cannot be read")  # the caller has the sentence
        return answer


def _received(connection: socket.socket, count: int) -> bytes:
    """So many bytes; fewer where the other end is closed."""
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)
