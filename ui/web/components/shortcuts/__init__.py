"""Keys of a page and its "?" sheet: a key presses a button of the page, or puts the focus into a field."""

from ui.web.components.shortcuts.component import Shortcut, everywhere, show

__all__ = ["Shortcut", "everywhere", "show"]
