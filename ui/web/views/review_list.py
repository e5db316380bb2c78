"""The list of the queue and the item that is shown: cards to select from, decisions, keys; asks no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.types import Span
from service import browse, saved
from ui.text import count
from ui.web.access.visitor import may_edit
from ui.web.components import (
    decisions,
    layout,
    markup,
    notices,
    pages,
    queue_items,
    review_cards,
    shortcuts,
    wall_link,
)
from ui.web.components.addresses import picture_address
from ui.web.components.queue_items import ListedItem
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from footage.core.types import Video
    from service.saved import Mark, Search

ITEMS = 8
"""Items on a page."""
_KEYS = (
    ("r", "Mark reviewed", "set_reviewed"),
    ("g", "Flag", "set_flagged"),
    ("n", "Next item", "queue_next"),
    ("p", "Previous item", "queue_previous"),
    ("z", "Undo", "queue_undo"),
    ("Shift+z", "Redo", "queue_redo"),
    ("q", "Select the item", "queue_pick"),
    ("Shift+a", "Select all", "queue_pick_all"),
    ("x", "Clear the selection", "queue_clear"),
    ("Escape", "Clear the selection", "queue_clear"),
    ("c", "All cameras at this moment", "queue_cameras"),
)


def show(desk: Desk, search: Search, listed: Sequence[ListedItem], chosen_filter: str) -> None:
    """Draw a page of the list, and beside it the item that is shown.

    Args:
        desk: What the page works with.
        search: The saved search.
        listed: Its items that the filter lists; at least one.
        chosen_filter: The filter.
    """
    chosen = _chosen(listed)
    keys = [*_KEYS, ("w", "Write a note", f"note_{chosen.mark.id}")]
    shortcuts.show([shortcuts.Shortcut(*key) for key in keys])  # first: no key waits for the player
    left, right = layout.halves()
    with left:
        _selection(desk, search, listed)
        _cards(listed, chosen, picked=_picked(listed))
    with right:
        _stage(desk, search, listed, chosen)
    queue_items.stay(desk, search, chosen_filter, chosen.mark.id)


def steps_keys() -> None:
    """Listen to the keys of undo and redo alone, where nothing is listed."""
    shortcuts.show([shortcuts.Shortcut(*key) for key in _KEYS if key[2] in ("queue_undo", "queue_redo")])


def first_page() -> None:
    """Begin the list anew, with nothing chosen or selected; for callbacks."""
    st.session_state.queue_round = st.session_state.get("queue_round", 0) + 1
    st.session_state.queue_item = None
    _pick_none()


# -- 1. The list, and selecting --------------------------------------------


def _chosen(listed: Sequence[ListedItem]) -> ListedItem:
    """The item that is shown: the chosen one, or the first of the page."""
    state = st.session_state
    wanted = state.get("queue_item")
    at = next((n for n, each in enumerate(listed) if each.mark.id == wanted), None)
    if at is not None and state.pop("queue_follow", False):
        pages.turn_to(at, len(listed), ITEMS, key=_page_key())
    if at is not None:
        return listed[at]
    pages_in_all = max(1, -(-len(listed) // ITEMS))
    number = state.get(f"{_page_key()}_{pages_in_all}", 1) or 1
    return listed[min((number - 1) * ITEMS, len(listed) - 1)]


def _picked(listed: Sequence[ListedItem]) -> set[str]:
    """Ids of the selected items, of those that are listed."""
    picked: set[str] = st.session_state.setdefault("queue_picked", set())
    return picked & {each.mark.id for each in listed}


def _selection(desk: Desk, search: Search, listed: Sequence[ListedItem]) -> None:
    """The bar above the list: select all, and what to do with what is selected."""
    if not may_edit():
        return
    picked = [each.mark for each in listed if each.mark.id in _picked(listed)]
    key = "queue_bar" if picked else "queue_bar_idle"
    bar = st.container(key=key, horizontal=True, vertical_alignment="center", gap="small")
    if picked:
        bar.html(f'<p class="fx-picked" role="status"><b>{len(picked):,}</b> selected</p>')
        for label, icon, state in (("Mark reviewed", "check", "reviewed"), ("Flag", "flag", "flagged")):
            bar.button(
                label,
                icon=f":material/{icon}:",
                key=f"batch_{state}",
                type="primary" if state == "reviewed" else "secondary",
                on_click=_decide_many,
                args=(desk, search, picked, state, listed),
            )
        bar.button("Clear", key="queue_clear", icon=":material/close:", on_click=_pick_none, type="tertiary")
    if len(picked) < len(listed):
        bar.button(
            "Select all",
            key="queue_pick_all",
            icon=":material/select_all:",
            type="tertiary",
            on_click=_pick_all,
            args=([each.mark.id for each in listed],),
        )
    undecided = [each.mark for each in listed if each.mark.state != "reviewed"]
    if undecided and not picked:
        with bar.popover(
            f"Mark all {len(undecided):,} reviewed", icon=":material/done_all:", type="tertiary"
        ):
            st.write(f"Mark {count(len(undecided), 'item')} as reviewed? You can undo this.")
            st.button(
                f"Mark {len(undecided):,} reviewed",
                key="queue_all_reviewed",
                type="primary",
                on_click=_decide_many,
                args=(desk, search, undecided, "reviewed", listed),
            )


def _cards(listed: Sequence[ListedItem], chosen: ListedItem, *, picked: set[str]) -> None:
    """A page of cards, each with its check box."""
    shown = pages.paged(len(listed), ITEMS, key=_page_key())
    with st.container(key="queue_list_picking" if picked else "queue_list", gap="small"):
        for number, place in enumerate(shown):
            each = listed[place]
            with st.container(key=f"card_{number}"):
                st.html(_card(each, chosen=each is chosen))
                st.button(
                    f"Show item {number + 1}", key=f"show_{number}", on_click=_choose, args=(each.mark.id,)
                )
                if may_edit():
                    name = f"pick_{each.mark.id}"
                    st.session_state[name] = each.mark.id in picked
                    st.checkbox(
                        f"Select item {number + 1}",
                        key=name,
                        label_visibility="collapsed",
                        on_change=_pick,
                        args=(each.mark.id,),
                    )


def _card(each: ListedItem, *, chosen: bool) -> str:
    mark = each.mark
    return review_cards.item(
        mark,
        markup.file_name(each.place.path),
        each.place.file,
        picture=picture_address(mark.content_id, mark.span.middle_seconds, each.place.file),
        chosen=chosen,
        new=each.new,
        check=each.check,
    )


# -- 2. The item that is shown ---------------------------------------------


def _stage(desk: Desk, search: Search, listed: Sequence[ListedItem], chosen: ListedItem) -> None:
    """The buttons that decide, and the player."""
    place = listed.index(chosen)
    with st.container(key="decide"):
        if may_edit():
            _decide(desk, search, chosen.mark, _following(listed, place))
        turn = st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue_turn")
        for label, icon, step in (("Previous", "arrow_back", -1), ("Next", "arrow_forward", 1)):
            turn.button(
                label,
                icon=f":material/{icon}:",
                key=f"queue_{label.lower()}",
                type="tertiary",
                on_click=_turn,
                args=(listed[(place + step) % len(listed)].mark.id,),
            )
        turn.html(f'<p class="fx-sub fx-place">{place + 1:,} of {len(listed):,}</p>')
        if may_edit():
            turn.button(
                "Unselect" if chosen.mark.id in _picked(listed) else "Select",
                icon=":material/check_box:",
                key="queue_pick",
                type="tertiary",
                on_click=_pick,
                args=(chosen.mark.id,),
            )
        wall_link.button(turn, chosen.moment, key="queue_cameras")
    with st.container(key="stage"):
        videos = browse.videos(desk.service, {chosen.mark.content_id})
        _play(desk, chosen, videos.get(chosen.mark.content_id))


def _decide(desk: Desk, search: Search, mark: Mark, following: str) -> None:
    """The buttons that set the state of an item, and its note."""
    buttons = st.container(horizontal=True, gap="small", vertical_alignment="center", key="queue_decide")
    for label, icon, state in (
        ("Mark reviewed", "check", "reviewed"),
        ("Flag", "flag", "flagged"),
        ("Reopen", "undo", "open"),
    ):
        if state == mark.state:
            continue
        buttons.button(
            label,
            icon=f":material/{icon}:",
            key=f"set_{state}",
            type="primary" if state == "reviewed" else "secondary",
            on_click=_set,
            args=(desk, search, mark, state, following),
        )
    note = f"note_{mark.id}"
    if st.session_state.get("queue_note_of") != (mark.id, mark.text):
        st.session_state.queue_note_of = mark.id, mark.text
        st.session_state[note] = mark.text
    buttons.text_input(
        "Note",
        key=note,
        placeholder="Write a note",
        max_chars=saved.MOST_CHARACTERS,
        on_change=_note,
        args=(desk, search, mark),
        label_visibility="collapsed",
    )


def _following(listed: Sequence[ListedItem], place: int) -> str:
    """The open item after a place, or before it; the next one where none is open."""
    others = [*listed[place + 1 :], *listed[:place]]
    if not others:
        return listed[place].mark.id
    return next((each for each in others if each.mark.state == "open"), others[0]).mark.id


def _play(desk: Desk, chosen: ListedItem, video: Video | None) -> None:
    if video is None:
        st.html(notices.remark("This video is no longer in the index.", "Your decisions are kept."))
        return
    mark = chosen.mark
    end = min(mark.span.end_seconds, video.duration_seconds)
    pages.play(
        desk,
        video,
        chosen.place.path,
        Span(min(mark.span.start_seconds, end), end),
        text=mark.found_text or mark.query,
        matches=[mark.span],
        autoplay=st.session_state.get("queue_clicked", False),
    )


# -- 3. What buttons do ----------------------------------------------------


@pages.acting
def _set(desk: Desk, search: Search, mark: Mark, state: str, following: str) -> None:
    """Set the state of an item, and show and play the next one."""
    note = st.session_state.get(f"note_{mark.id}")
    decisions.decide(desk, [mark], state, search_id=search.id, note=note)
    _turn(following)


@pages.acting
def _decide_many(
    desk: Desk, search: Search, marks: Sequence[Mark], state: str, listed: Sequence[ListedItem]
) -> None:
    decisions.decide(desk, marks, state, search_id=search.id)
    decided = {mark.id for mark in marks}
    left = [each.mark.id for each in listed if each.mark.id not in decided and each.mark.state == "open"]
    if st.session_state.get("queue_item") in decided or not st.session_state.get("queue_item"):
        st.session_state.queue_item, st.session_state.queue_clicked = left[0] if left else None, False
    st.session_state.queue_follow = True
    _pick_none()


@pages.acting
def _note(desk: Desk, search: Search, mark: Mark) -> None:
    decisions.write_note(desk, mark, st.session_state[f"note_{mark.id}"], search_id=search.id)
    st.session_state.queue_item = mark.id


def _choose(name: str) -> None:
    st.session_state.queue_item, st.session_state.queue_clicked = name, True


def _turn(name: str) -> None:
    _choose(name)
    st.session_state.queue_follow = True


def _pick(name: str) -> None:
    st.session_state.queue_picked = st.session_state.get("queue_picked", set()) ^ {name}


def _pick_all(names: Sequence[str]) -> None:
    st.session_state.queue_picked = set(names)


def _pick_none() -> None:
    st.session_state.queue_picked = set()


def _page_key() -> str:
    return f"queue_page_{st.session_state.get('queue_round', 0)}"
