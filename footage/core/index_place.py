"""Where an index is: a folder of this machine, or an address such as ``s3://bucket/library.lancedb``.

Imports the standard library alone, as the command line looks here before anything heavy is loaded.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

IndexPlace: TypeAlias = Path | str
"""A folder, as a path; or an address of object storage, as a text. A path would join its slashes."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def index_place(given: IndexPlace) -> IndexPlace:
    """The place that a text names: a path, with ``~`` or as ``file:///…``, or an address."""
    text = str(given)
    found = None if isinstance(given, Path) else _SCHEME.match(text)
    if found is None:
        return Path(given).expanduser()
    scheme = found[1].lower()
    if scheme == "file" and (parts := urlsplit(text)).netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return f"{scheme}://{text[found.end() :].rstrip('/')}"


def place_digest(place: IndexPlace) -> str:
    """Names an index on this machine: a digest of its real path or its address, in hexadecimal."""
    key = os.path.realpath(place) if isinstance(place, Path) else place
    return hashlib.sha256(os.fsencode(key)).hexdigest()


def state_folder(place: IndexPlace) -> Path:
    """Folder of the jobs, tokens and alerts of an index: the index itself, if it is one.

    SQLite needs a disk: those of an index on object storage are in the state folder of this user, on this
    machine, and belong to it alone.
    """
    if isinstance(place, Path):
        return place
    import platformdirs

    return platformdirs.user_state_path("footage") / "indexes" / place_digest(place)[:20]
