"""How much there is to review, for the navigation: counted again only when the index has changed."""

from __future__ import annotations

import streamlit as st

from footage.core.errors import FootageError
from service import review_queue
from service.review_queue import ReviewCounts
from service.session import Service
from ui.web.components import pages
from ui.web.components.resources import Desk

MOST = 999
"""The largest number that is written out."""
NOTHING = ReviewCounts({})


def of(desk: Desk) -> ReviewCounts:
    """How much there is for the visitor; nothing where there is no index, or it cannot be read."""
    try:
        with desk.service.store().at_once():
            version = review_queue.version(desk.service)
        counts: ReviewCounts = st.cache_data(show_spinner=False, max_entries=32)(_counted)(
            str(desk.settings.db), version, pages.person(desk), desk.service
        )
        return counts
    except FootageError:  # the page itself says what is wrong
        return NOTHING


def titled(title: str, number: int) -> str:
    """A title with a number behind it; without one for 0."""
    return f"{title} ({shown(number)})" if number else title


def shown(number: int) -> str:
    """A number, short enough for a title."""
    return f"{number:,}" if number <= MOST else f"{MOST}+"


def _counted(db: str, version: tuple[object, ...], person: str, _service: Service) -> ReviewCounts:
    """The counts of an index at a version, for a person."""
    return review_queue.counts(_service, person)
