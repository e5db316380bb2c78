"""Searching by picture on a page: taking a picture from the person, showing it, drawing a box on it."""

from ui.web.components.pictures.component import PanelPicture, panel, picker
from ui.web.components.pictures.uploads import MOST_BYTES, Upload, read_upload

__all__ = ["MOST_BYTES", "PanelPicture", "Upload", "panel", "picker", "read_upload"]
