"""Links of a page that open without loading the app anew, copying of texts, and the place in a list."""

from ui.web.components.links.component import ADDRESS_PARTS, address, opened, show

__all__ = ["ADDRESS_PARTS", "address", "opened", "show"]
