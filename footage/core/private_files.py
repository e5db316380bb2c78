"""Folders and files for their owner alone, whatever the umask; does not know what is in them."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE = 0o700
"""Mode of every folder that is made here."""
FILE_MODE = 0o600
"""Mode of every file that is made here."""
_OTHERS = 0o077


def keep_to_owner() -> None:
    """Make everything that this process and its children create from now on readable by its owner alone."""
    os.umask(_OTHERS)


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for their owner alone.

    A folder that is there already keeps its mode.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    if folder.parent != folder:
        private_folder(folder.parent)
    try:
        folder.mkdir(mode=FOLDER_MODE)
    except FileExistsError:
        if not folder.is_dir():
            raise


def close_to_others(path: Path) -> None:
    """Remove all permissions of the group and of others from a file or folder of ours.

    Raises:
        OSError: it is not there, or belongs to another user.
    """
    mode = path.stat().st_mode
    if mode & _OTHERS:
        path.chmod(mode & 0o700)
