"""Checks of the files and folders that requests name; opens none of them."""

from __future__ import annotations

from pathlib import Path

from footage.core.errors import UsageError


def absolute(path: Path, field: str) -> Path:
    """A path of a request, which a service reads from a folder of its own: it must be absolute.

    Raises:
        UsageError: it is relative, or means standard input.
    """
    if not path.is_absolute():
        raise UsageError(
            f"{field}: {str(path)!r} is not an absolute path.",
            hint="Write the whole path, such as /home/ann/Videos/gate.mp4.",
        )
    return path
