"""Loads the modules of the pages: that of the first page at once, the others when it has been drawn."""

from __future__ import annotations

import importlib
import threading
from functools import cache
from types import ModuleType

VIEWS = {
    "Search": ("searching", "search"),
    "Highlights": ("highlights", "movie"),
    "Review": ("review", "checklist"),
    "Library": ("library", "video_library"),
}
"""The pages by title, in the order of the navigation: module and icon."""


def load(view: str) -> ModuleType:
    """The module of a page."""
    return importlib.import_module(f"ui.web.views.{view}")


@cache
def load_others() -> None:
    """Load all pages in the background, once: turning to one of them waits for no module then."""
    threading.Thread(
        target=lambda: [load(view) for view, _ in VIEWS.values()], daemon=True, name="pages"
    ).start()
