"""Where the running service of an index listens on this machine; imports the standard library alone.

The command line looks here before anything heavy is loaded.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path


def runtime_folder() -> Path:
    """The folder of this user's sockets: in ``XDG_RUNTIME_DIR``, else in the system's temporary folder."""
    if given := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(given) / "footage"
    import tempfile  # costs as much as all the rest here

    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"footage-{user}"


def socket_path(db: Path) -> Path:
    """The socket of the service of an index.

    The name is a digest of the real path of the index, as the path of a socket has at most 107 bytes.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(db))).hexdigest()[:20]
    return runtime_folder() / f"{digest}.sock"


def is_own_socket(path: Path) -> bool:
    """Whether a path is a socket in a folder that both belong to this user and that nobody else may enter."""
    try:
        socket, folder = path.lstat(), path.parent.lstat()
    except OSError:
        return False
    own = socket.st_uid == folder.st_uid == os.getuid()
    return own and stat.S_ISSOCK(socket.st_mode) and not stat.S_IMODE(folder.st_mode) & 0o077
