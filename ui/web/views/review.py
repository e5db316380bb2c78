"""The review page: cameras on one wall clock, what saved searches found, captions to check, and alerts."""

from __future__ import annotations

import streamlit as st

from service.review_queue import ReviewCounts
from ui.web import styles
from ui.web.components import pages, review_numbers
from ui.web.components.resources import Desk
from ui.web.views import alerts, cameras, captions, review_queue

_VIEWS = ("Cameras", "Queue", "Captions", "Alerts")


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    pages.begin()
    styles.load("review")
    if "review_view" not in st.session_state:
        named = str(st.query_params.get("view", "")).capitalize()
        st.session_state.review_view = named if named in _VIEWS else "Cameras"
    numbers = review_numbers.of(desk)
    chosen = st.segmented_control(
        "View",
        _VIEWS,
        format_func=lambda name: _name(name, numbers),
        key="review_view",
        required=True,
        label_visibility="collapsed",
        on_change=_view,
        persist_state="session",
    )
    if chosen == "Queue":
        review_queue.show(desk, numbers)
    elif chosen == "Captions":
        captions.show(desk)
    elif chosen == "Alerts":
        alerts.show(desk, numbers.alerts)
    else:
        cameras.show(desk)


def _name(view: str, numbers: ReviewCounts) -> str:
    """The name of a view, with how much there is to do in it."""
    number = {"Queue": numbers.items, "Captions": numbers.captions, "Alerts": numbers.alerts}.get(view, 0)
    return f"{view} {review_numbers.shown(number)}" if number else view


def _view() -> None:
    """Keep the view in the page's address, without the place in the one before."""
    st.query_params.from_dict({"view": st.session_state.review_view.lower()})
