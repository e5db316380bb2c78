"""Notices items that come up while somebody reviews, and offers them; what is on the page stays where it is.

An item that another person's check found, and one that the next check would find because the index has grown,
count alike. Nothing is stored before somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import FootageError
from service import review_queue, saved
from ui.text import count
from ui.web.access.visitor import may_edit
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from service.saved import Search

EVERY_SECONDS = 4.0
"""How often it is asked whether the index has changed."""
_ADMITTED, _SEEN, _INLINE = "queue_admitted", "queue_watched", "queue_inline"


def admitted(search_id: str, found: Collection[str]) -> set[str]:
    """The items of a search that may be listed: those of the first time, until ``admit``."""
    held: dict[str, set[str]] = st.session_state.setdefault(_ADMITTED, {})
    return held.setdefault(search_id, set(found))


def admit(search_id: str, found: Collection[str] | None) -> None:
    """List other items of a search from now on; None for all that there are then."""
    held: dict[str, set[str]] = st.session_state.setdefault(_ADMITTED, {})
    if found is None:
        held.pop(search_id, None)
    else:
        held[search_id] = set(found)
    st.session_state.pop(_SEEN, None)


def watch(desk: Desk, search: Search) -> None:
    """Say how many items have come up, with a button that lists them; looks again while the page is open."""
    st.session_state[_INLINE] = True
    st.fragment(_watch, run_every=EVERY_SECONDS)(desk, search)


def _watch(desk: Desk, search: Search) -> None:
    state = st.session_state
    try:
        version = search.id, *desk.service.store().versions(("marks", "events", "windows"))
        held = state.get(_SEEN)
        inline = state.pop(_INLINE, False)  # the whole page is being drawn, which is not to wait for this
        if not inline and (held is None or held[0] != version):
            held = state[_SEEN] = (version, *_number(desk, search))
    except FootageError:  # the page itself says what is wrong
        return
    if held is None or held[0][0] != search.id:
        return
    _, stored, unasked = held
    if not stored + unasked:
        return
    with st.container(key="queue_live", horizontal=True, vertical_alignment="center", gap="small"):
        words = count(stored + unasked, "new item")
        st.html(f'<p class="fx-live" role="status">{words}</p>')
        if st.button("Show", key="queue_show_new", icon=":material/arrow_downward:"):
            admit(search.id, None)
            if unasked:
                state.queue_ask = "captions"
            st.rerun()


def _number(desk: Desk, search: Search) -> tuple[int, int]:
    """Items that are stored but not listed, and items that a check would find now."""
    held = st.session_state.get(_ADMITTED, {}).get(search.id)
    if held is None:
        return 0, 0
    stored = sum(item.mark.id not in held for item in saved.items(desk.service, search))
    unasked = review_queue.waiting(desk.service, search) if may_edit() and search.looked_at else 0
    return stored, unasked
