"""Paths that may be addresses of objects: one type for what is read, in every layer above.

``media_path`` makes one of what is stored in the index or was typed. An ``ObjectPath`` is a ``Path`` whose
text is the exact address, and which looks at and opens the object. In a process that may open no connection,
another process does that (``open_through``).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from footage.core import names
from footage.core.errors import UsageError, VideoError, VideoNotFoundError
from footage.objects.address import (
    SCHEMES,
    ObjectAddress,
    is_object_address,
    parse_address,
    unknown_scheme,
)

if TYPE_CHECKING:
    from footage.objects.blocks import ObjectFile

    _Path = Path
else:
    _Path = type(Path())

_MODE = stat.S_IFREG | 0o400
_BLOCK_BYTES = 512
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")  # no drive of Windows, which is one letter
_openers: list[Callable[[str], ObjectFile]] = []


def open_through(opener: Callable[[str], ObjectFile]) -> None:
    """Have something else open objects for this process."""
    _openers[:] = [opener]


def open_object(address: str) -> ObjectFile:
    """Open an object for reading; fetches its status alone.

    Raises:
        VideoError: It is not there, or its store cannot be reached.
    """
    if _openers:
        return _openers[0](address)
    from footage.objects.blocks import BlockReader, ObjectFile
    from footage.objects.requests import look_at

    status = look_at(parse_address(address))
    return ObjectFile(address, status.size_bytes, status.modified_ns, BlockReader(status).block)


class ObjectPath(_Path):
    """The address of an object, or of what lies under a prefix, as a path."""

    def __str__(self) -> str:
        parts = self.parts
        if not parts or not parts[0].endswith(":"):  # relative to another one
            return "/".join(parts) or "."
        return f"{parts[0]}//{'/'.join(parts[1:])}"

    def __fspath__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return media_path, (str(self),)

    @property
    def address(self) -> ObjectAddress:
        """The address."""
        return parse_address(str(self))

    def is_absolute(self) -> bool:
        """An address is."""
        return True

    def absolute(self) -> Self:
        """Itself."""
        return self

    def resolve(self, strict: bool = False) -> Self:
        """Itself."""
        return self

    def expanduser(self) -> Self:
        """Itself."""
        return self

    def as_posix(self) -> str:
        """The address."""
        return str(self)

    def as_uri(self) -> str:
        """The address."""
        return str(self)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Size and time of the object; the microseconds of the time stand for its version.

        Raises:
            FileNotFoundError: It is not there.
            OSError: Its store cannot be reached.
        """
        try:
            with open_object(str(self)) as file:
                size, modified_ns = file.size_bytes, file.modified_ns
        except (UsageError, VideoError) as error:
            gone = type(error) is VideoNotFoundError
            raise (FileNotFoundError(2, str(error)) if gone else OSError(5, str(error))) from error
        return status_of(size, modified_ns)

    def lstat(self) -> os.stat_result:
        """As ``stat``."""
        return self.stat()

    def exists(self, *, follow_symlinks: bool = True) -> bool:
        """Whether there is such an object, and its store can be reached."""
        try:
            self.stat()
        except OSError:
            return False
        return True

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """As ``exists``."""
        return self.exists()

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """No prefix is taken for a folder."""
        return False

    def is_symlink(self) -> bool:
        """It is none."""
        return False

    def open_bytes(self) -> BinaryIO:
        """Open it for reading.

        Raises:
            VideoError: It is not there, or its store cannot be reached.
        """
        return cast(BinaryIO, open_object(str(self)))


def status_of(size_bytes: int, modified_ns: int) -> os.stat_result:
    """A status as ``os.stat`` has it."""
    seconds = modified_ns // 1_000_000_000
    exact = seconds + modified_ns % 1_000_000_000 // 1000 / 1_000_000
    times = (seconds, seconds, 0, exact, exact, 0.0, modified_ns, modified_ns, 0)
    return os.stat_result(
        (_MODE, 0, 0, 1, 0, 0, size_bytes, *times, _BLOCK_BYTES, -(-size_bytes // _BLOCK_BYTES))
    )


def media_path(text: str | os.PathLike[str]) -> Path:
    """The path of a video: an address of an object, or a path of this machine."""
    if isinstance(text, Path):
        return text
    text = os.fspath(text)
    if is_object_address(text):
        try:
            address = parse_address(text)
        except UsageError:
            return Path(text)  # no object has it
        return ObjectPath(str(address))
    return Path(text)


def typed_path(text: str | os.PathLike[str]) -> Path:
    """As ``media_path``, of what a person typed.

    Raises:
        UsageError: It is an address that cannot be used, and no path of this machine.
    """
    if isinstance(text, Path):
        return text
    text = os.fspath(text)
    if is_object_address(text):
        return ObjectPath(str(parse_address(text)))
    if (found := _SCHEME.match(text)) and not os.path.lexists(text):
        scheme = found[1].lower()
        if scheme in SCHEMES:
            raise UsageError(
                f"an address that begins with {scheme}: needs two slashes after the colon",
                hint=f"Write it as {scheme}://bucket/key.",
            )
        raise unknown_scheme(scheme)
    return Path(text)


def real_path(path: str | os.PathLike[str]) -> str:
    """Where a path leads, links and ".." followed; an address as it is."""
    place = media_path(path)
    return str(place) if isinstance(place, ObjectPath) else os.path.realpath(place)


def absolute(path: str | os.PathLike[str]) -> Path:
    """A path as typed, made absolute; links in it stay, and so does an address."""
    place = media_path(path)
    return place if isinstance(place, ObjectPath) else names.absolute(place)


def located(path: str | os.PathLike[str]) -> Path:
    """The absolute path of what a person typed, in the spelling that it has on disk; an address as it is."""
    place = absolute(path)
    return place if isinstance(place, ObjectPath) else names.on_disk(place)
