"""The cutting table: a monitor, the chosen clip and a strip of clips that are dragged, trimmed and played."""

from ui.web.components.strip.component import show
from ui.web.components.strip.events import ReelEdit, StripEdit, read_edit

__all__ = ["ReelEdit", "StripEdit", "read_edit", "show"]
