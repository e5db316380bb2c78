"""Where the running service of an index listens on this machine; imports no other library.

The command line looks here before anything heavy is loaded.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from footage.core.index_place import IndexPlace, place_digest

LONGEST_PATH_BYTES = 103
"""Longest path of a socket: 103 bytes on macOS, 107 on Linux (``sun_path`` in sys/un.h)."""
_NAME_CHARACTERS = 20


def runtime_folder() -> Path:
    """The folder of this user's sockets: in ``XDG_RUNTIME_DIR``, else in a temporary folder.

    A folder whose path is too long for a socket is passed over.
    """
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and _is_short(folder := Path(given) / "footage"):
        return folder
    import tempfile  # costs as much as all the rest here

    user = f"footage-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    usual = Path(tempfile.gettempdir()) / user
    return usual if _is_short(usual) else Path("/tmp") / user


def _is_short(folder: Path) -> bool:
    """Whether a socket in a folder has a path that systems take."""
    return len(os.fsencode(folder)) + len("/.sock") + _NAME_CHARACTERS <= LONGEST_PATH_BYTES


def socket_path(db: IndexPlace) -> Path:
    """The socket of the service of an index; its name is a digest of the real path or the address."""
    return runtime_folder() / f"{place_digest(db)[:_NAME_CHARACTERS]}.sock"


def is_own_socket(path: Path) -> bool:
    """Whether a path is a socket in a folder that both belong to this user and that nobody else may enter."""
    try:
        socket, folder = path.lstat(), path.parent.lstat()
    except OSError:
        return False
    own = socket.st_uid == folder.st_uid == os.getuid()
    return own and stat.S_ISSOCK(socket.st_mode) and not stat.S_IMODE(folder.st_mode) & 0o077
