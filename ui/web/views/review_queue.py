"""The queue: a saved search, asked again and filtered, or how to save one; draws no item itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import FootageError, StoreError
from service import people, saved
from service.events import ServiceEvent, StageProgress
from ui.text import count, plain
from ui.web.access.visitor import editing, may_edit
from ui.web.components import bell, dates, decisions, live_items, markup, notices, pages, queue_items
from ui.web.components.queue_items import ListedItem
from ui.web.components.resources import Desk
from ui.web.views import review_list

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from service.review_queue import ReviewCounts
    from service.saved import Item, Search


def show(desk: Desk, numbers: ReviewCounts) -> None:
    """Draw the queue.

    Args:
        desk: What the page works with.
        numbers: How much there is to review, by search.

    Raises:
        StoreError: when the index cannot be read.
    """
    searches = {search.id: search for search in saved.names(desk.service)}
    if not searches:
        _nothing_saved(desk)
        return
    fullest = sorted(searches, key=lambda key: -numbers.open_items.get(key, 0))
    queue_items.last_place(desk, fullest)
    tools = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="queue_tools")
    search = searches[
        tools.selectbox(
            "Saved search",
            list(searches),
            key="queue_search",
            format_func=lambda key: _search_name(searches[key], numbers),
            on_change=review_list.first_page,
            width=300,
            persist_state="session",
        )
    ]
    if may_edit():
        _tools(desk, tools, search)
    since = queue_items.since(desk, search)  # before it is asked again, which is what "new" refers to then
    found = _found(desk, search)
    if (asked := st.session_state.get("queue_asked")) and asked[0] == search.id:
        since = asked[1]
    checked = f"checked {dates.ago(search.looked_at)}" if search.looked_at else "not checked yet"
    st.html(f'<p class="fx-sub fx-query">{markup.text(search.query)} \N{MIDDLE DOT} {checked}</p>')
    _items(desk, search, queue_items.listed(desk, search, found, since), searches, numbers)


def _search_name(search: Search, numbers: ReviewCounts) -> str:
    """A saved search with its number of open items."""
    number = numbers.open_items.get(search.id, 0)
    return f"{plain(search.name)} ({number:,})" if number else plain(search.name)


def _nothing_saved(desk: Desk) -> None:
    """What the queue is for, and the first search of it."""
    st.html(
        '<div class="fx-empty"><h2>Nothing to review yet</h2><p>Save a search that you repeat often. Each '
        "result is listed here once, with your decision.</p></div>"
    )
    if may_edit():
        with st.columns([1, 2, 1])[1], st.container(key="queue_first"):
            _save_form(desk)


# -- 1. Which search, and asking it again ----------------------------------


def _tools(desk: Desk, tools: DeltaGenerator, search: Search) -> None:
    """Buttons that run the search again, that make an alert of it, and that save another search."""
    tools = tools.container(horizontal=True, vertical_alignment="bottom", gap="small", key="queue_asks")
    tools.button(
        "Check for new",
        type="primary",
        icon=":material/refresh:",
        key="queue_check",
        on_click=_ask,
        args=("captions",),
        help="Searches the captions. Takes a moment.",
    )
    tools.button(
        "Check with the model",
        icon=":material/visibility:",
        key="queue_check_model",
        on_click=_ask,
        args=("closely",),
        help="The model checks the videos with matching captions. Slower, but better.",
    )
    bell.button(desk, tools, search)
    with tools.popover("Save a search", icon=":material/add:"):
        _save_form(desk)
    with tools.container(width=190):
        pages.author(desk)


def _save_form(desk: Desk) -> None:
    with st.form("save_search", border=False, clear_on_submit=True):
        st.text_input("Name", key="save_name", placeholder="Cars at the gate", max_chars=120)
        st.text_input(
            "What happens?", key="save_query", placeholder="camera:gate a car stops", max_chars=1000
        )
        st.form_submit_button("Save", type="primary", on_click=_save, args=(desk,))


@pages.acting
def _save(desk: Desk) -> str:
    state = st.session_state
    with editing(desk.settings, "save search"):
        request = saved.SaveRequest(name=state.save_name, query=state.save_query, author=pages.signed())
        search = saved.save(desk.service, request)
    state.queue_search = search.id
    state.queue_ask = "captions"
    review_list.first_page()
    return f"Saved {markup.label(search.name)}"


def _ask(mode: str) -> None:
    st.session_state.queue_ask = mode
    review_list.first_page()


def _found(desk: Desk, search: Search) -> Sequence[Item]:
    """The items of a search: those of a run that was just requested, or the stored ones."""
    mode: str | None = st.session_state.pop("queue_ask", None)
    if mode is not None:
        try:
            return _review(desk, search, closely=mode == "closely")
        except FootageError as error:  # what was found before is listed all the same
            st.html(notices.problem(error))
    return saved.items(desk.service, search)


def _review(desk: Desk, search: Search, *, closely: bool) -> Sequence[Item]:
    with st.spinner("The model is checking" if closely else "Searching"):
        bar = st.progress(0.0, text="Loading the model") if closely else None

        def show(event: ServiceEvent) -> None:
            if bar and isinstance(event, StageProgress) and event.total:
                text = f"Checking {event.done} of {event.total} windows"
                bar.progress(event.done / event.total, text=text)

        began = time.time()
        try:
            with editing(desk.settings, "look again", search=search.id):
                request = saved.ReviewRequest(name=search.name, closely=closely)
                found = saved.review(desk.service, request, on_event=show)
        finally:
            if bar:
                bar.empty()
    live_items.admit(search.id, None)
    st.session_state.queue_asked = search.id, began
    with suppress(StoreError):
        people.look_anew(desk.service, pages.person(desk), search.id, at=began)
    fresh = sum(item.new for item in found)
    st.toast(f"{count(fresh, 'new item')}" if fresh else "Nothing new")
    return found


# -- 2. Its items ----------------------------------------------------------


def _items(
    desk: Desk,
    search: Search,
    listed: Sequence[ListedItem],
    searches: dict[str, Search],
    numbers: ReviewCounts,
) -> None:
    """The filter, what is listed, and the item that is shown."""
    live_items.watch(desk, search)
    if not listed:
        if search.looked_at:
            rest = "“Check for new” looks again when there is more footage."
            st.html(notices.remark("Nothing found yet.", rest if may_edit() else ""))
        else:
            st.html(
                notices.remark("Not checked yet.", "Press “Check for new” to begin." if may_edit() else "")
            )
        return
    chosen_filter = _filter(desk, search, listed)
    fitting = [each for each in listed if each.fits(chosen_filter)]
    if not fitting:
        _all_done(desk, search, listed, chosen_filter, searches, numbers)
        review_list.steps_keys()
        return
    review_list.show(desk, search, fitting, chosen_filter)


def _filter(desk: Desk, search: Search, listed: Sequence[ListedItem]) -> str:
    """Which items are listed, in which order, and what was done last."""
    numbers = {name: sum(each.fits(name) for each in listed) for name in queue_items.FILTERS}
    st.session_state.setdefault("queue_filter", "Open" if numbers["Open"] else "All")
    row = st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue_row")
    chosen = row.segmented_control(
        "Which",
        queue_items.FILTERS,
        key="queue_filter",
        required=True,
        format_func=lambda name: f"{name} {numbers[name]:,}",
        label_visibility="collapsed",
        on_change=review_list.first_page,
        persist_state="session",
    )
    row.selectbox(
        "Order",
        queue_items.ORDERS,
        key="queue_order",
        label_visibility="collapsed",
        on_change=review_list.first_page,
        width=150,
        persist_state="session",
    )
    if may_edit():
        with row:
            decisions.strip(desk)
    return chosen or "All"


def _all_done(
    desk: Desk,
    search: Search,
    listed: Sequence[ListedItem],
    chosen: str,
    searches: dict[str, Search],
    numbers: ReviewCounts,
) -> None:
    """The reward: nothing is left; or that nothing fits the filter."""
    counts = Counter(each.mark.state for each in listed)
    if counts["open"]:
        rest = f"{count(counts['open'], 'item')} open in all."
        st.html(notices.remark(f"Nothing {chosen.lower()} here.", rest))
        return
    if chosen not in ("Open", "New"):
        st.html(notices.remark(f"Nothing {chosen.lower()} here.", "Every item is decided."))
        return
    last = max(listed, key=lambda each: each.mark.made_at).mark
    facts = [f"{counts['reviewed']:,} reviewed", f"{counts['flagged']:,} flagged"]
    who = f" by {last.author}" if last.author else ""
    st.html(
        '<div class="fx-empty fx-done"><div class="fx-done-mark" aria-hidden="true">✓</div>'
        f"<h2>All done</h2><p>{', '.join(facts)}</p>"
        f'<p class="fx-sub">Last decision{markup.text(who)}, {markup.text(dates.ago(last.made_at))}</p></div>'
    )
    following = next(
        (searches[key] for key in numbers.open_items if key in searches and key != search.id), None
    )
    if following is not None:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button(
                f"Go on with {markup.label(following.name)} ({numbers.open_items[following.id]:,})",
                key="queue_go_on",
                type="primary",
                icon=":material/arrow_forward:",
                on_click=_go_on,
                args=(following.id,),
            )


def _go_on(search_id: str) -> None:
    st.session_state.queue_search = search_id
    st.session_state.queue_filter = "Open"
    review_list.first_page()
