"""Removes the thumbnails and previews of a video that surfaces keep in the cache folder."""

from __future__ import annotations

import glob
from pathlib import Path

KINDS = ("previews", "thumbnails")
"""Folders of the cache that hold files named after a video's content id."""


def forget(cache: Path, content_id: str) -> None:
    """Remove every thumbnail and preview of a content."""
    for kind in KINDS:
        for entry in (cache / kind).glob(f"{glob.escape(content_id)}-*"):
            entry.unlink(missing_ok=True)
