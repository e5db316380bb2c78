"""The Streamlit app's entry: opens the index, shows the pages, words every error; searches nothing itself.

Streamlit puts this folder first on the path, so nothing here may bear the name of a top-level package.
"""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from footage.core.config import load_settings
from footage.core.errors import FootageError, StoreCorruptError, StoreMissingError
from service.session import LoadModel
from ui.web import styles, view_modules
from ui.web.access.visitor import may_edit
from ui.web.components import notices, resources, review_numbers, shortcuts

_COMPONENTS = Path(__file__).parent / "components"
logger = logging.getLogger(__name__)


def main(load_model: LoadModel | None = None) -> None:
    """Draw the app.

    Args:
        load_model: Loads the model that the settings name; as usual when None.
    """
    st.set_page_config(page_title="footage", page_icon=str(_COMPONENTS / "logo.svg"), layout="wide")
    st.logo(str(_COMPONENTS / "logo.svg"), size="large")
    styles.load("base")
    shortcuts.everywhere()
    try:
        settings = load_settings()
    except FootageError as error:
        st.html(notices.problem(error))
        return
    to_review = review_numbers.of(resources.Desk(settings, load_model))
    tabs: list[Page] = [
        st.Page(
            lambda view=view: _show(view, resources.Desk(settings, load_model, tabs[0])),
            title=title
            if title != "Review"
            else review_numbers.titled(title, to_review.items + to_review.alerts),
            icon=f":material/{icon}:",
            url_path="" if title == "Search" else title.lower(),
            default=title == "Search",
            visibility="visible" if _is_open(view) else "hidden",
        )
        for title, (view, icon) in view_modules.VIEWS.items()
    ]
    page = st.navigation(tabs, position="top")
    try:
        page.run()
    except StoreMissingError as error:
        from ui.web.views import first_run

        first_run.show(settings, error)
    except StoreCorruptError as error:
        st.html(notices.unreadable_index(str(settings.db), error))
    except FootageError as error:
        st.html(notices.problem(error))
    except Exception as error:  # a bug: the person gets a sentence, the terminal the traceback
        logger.exception("unexpected")
        unexpected = FootageError(
            f"Something unexpected went wrong ({type(error).__name__})",
            hint="See the terminal of the app for details",
        )
        st.html(notices.problem(unexpected))


def _show(view: str, desk: resources.Desk) -> None:
    """Draw a view; its module is loaded now, so that the first page waits for its own alone."""
    if not _is_open(view):
        st.html(notices.for_editors("Reels"))
        return
    view_modules.load(view).show(desk)
    view_modules.load_others()


def _is_open(view: str) -> bool:
    """Whether the visitor may use a view: one who may only watch makes no reels."""
    return view != "highlights" or may_edit()


if __name__ == "__main__":
    main()
