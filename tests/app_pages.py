"""Pages of the app in tests: what they show as text, and their buttons."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest


def library_page() -> None:
    """The library alone; Streamlit runs the source of this function."""
    from footage.core.config import load_settings
    from service import factories
    from ui.web.components import resources
    from ui.web.views import library

    library.show(resources.Desk(load_settings(), factories.load_model))


def whole(app: AppTest) -> AppTest:
    """The app after a run, which left no traceback."""
    assert not app.exception
    return app


def page(app: AppTest) -> str:
    """Everything the app wrote as HTML, styles left out."""
    return "\n".join(piece.value for piece in app.get("html") if "<style" not in piece.value)


def texts(app: AppTest) -> list[str]:
    """The captions on the page."""
    return re.findall(r'class="fx-text">([^<]*)<', page(app))


def press(app: AppTest, label: str) -> AppTest:
    """Press the first button with a label."""
    return whole(next(button for button in app.button if button.label == label).click().run())
