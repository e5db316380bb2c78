"""The review page: cameras on one wall clock, what saved searches found, captions to check, and alerts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import FootageError
from footage.core.types import Span
from service import browse, saved
from service.events import ServiceEvent, StageProgress
from service.saved import Item
from ui.text import count, plain
from ui.web.access.visitor import editing, may_edit
from ui.web.components import bell, cards, layout, markup, notices, pages
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk
from ui.web.views import alerts, cameras, captions

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from footage.core.types import Video
    from service.saved import Mark, Search

ITEMS = 8
"""Items on a page."""
_VIEWS = ("Cameras", "Queue", "Captions", "Alerts")
_FILTERS = ("New", "Open", "Flagged", "Reviewed", "All")


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    pages.begin()
    if "review_view" not in st.session_state:
        named = str(st.query_params.get("view", "")).capitalize()
        st.session_state.review_view = named if named in _VIEWS else "Cameras"
    chosen = st.segmented_control(
        "View",
        _VIEWS,
        format_func=lambda name: _name(desk, name),
        key="review_view",
        required=True,
        label_visibility="collapsed",
        on_change=_view,
        persist_state="session",
    )
    if chosen == "Queue":
        _queue(desk)
    elif chosen == "Captions":
        captions.show(desk)
    elif chosen == "Alerts":
        alerts.show(desk)
    else:
        cameras.show(desk)


def _name(desk: Desk, view: str) -> str:
    """The name of a view, with the number of captions to check."""
    number = captions.to_check(desk) if view == "Captions" else 0
    return f"{view} {number:,}" if number else view


def _view() -> None:
    """Keep the view in the page's address."""
    st.query_params.view = st.session_state.review_view.lower()


# -- 1. Which search -------------------------------------------------------


def _queue(desk: Desk) -> None:
    searches = {search.id: search for search in saved.names(desk.service)}
    if not searches:
        st.html(
            '<div class="fx-empty"><h2>Nothing to review yet</h2><p>Save a search that you repeat '
            "often. Each result is listed here once, with your decision.</p></div>"
        )
        if may_edit():
            with st.columns([1, 2, 1])[1]:
                _save_form(desk)
        return
    tools = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    if st.session_state.get("queue_search") not in searches:
        st.session_state.queue_search = next(iter(searches))
    search = searches[
        tools.selectbox(
            "Saved search",
            list(searches),
            key="queue_search",
            format_func=lambda key: plain(searches[key].name),
            on_change=_first_page,
            width=300,
            persist_state="session",
        )
    ]
    if may_edit():
        _tools(desk, tools, search)
    looked = f"last looked at {_when(search.looked_at)}" if search.looked_at else "not looked at yet"
    st.html(f'<p class="fx-sub">{markup.text(search.query)} \N{MIDDLE DOT} {looked}</p>')
    _items(desk, search, _looked(desk, search))


def _tools(desk: Desk, tools: DeltaGenerator, search: Search) -> None:
    """Buttons that run the search again, that make an alert of it, and that save another search."""
    tools.button("Look again", type="primary", icon=":material/refresh:", on_click=_ask, args=("captions",))
    tools.button(
        "Look closely",
        icon=":material/visibility:",
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
    _first_page()
    return f"Saved {markup.label(search.name)}"


def _ask(mode: str) -> None:
    st.session_state.queue_ask = mode
    _first_page()


def _looked(desk: Desk, search: Search) -> list[Item]:
    """The items of a search: the results of a run that was just requested, otherwise the stored items."""
    state = st.session_state
    mode: str | None = state.pop("queue_ask", None)
    if mode is not None:
        try:
            return _look(desk, search, closely=mode == "closely")
        except FootageError as error:  # what was found before is listed all the same
            st.html(notices.problem(error))
    held = state.get("queue_found")
    matches = held[1] if held and held[0] == search.id else {}
    found = saved.items(desk.service, search)
    return [Item(item.mark, item.new, matches.get(item.mark.id)) for item in found]


def _look(desk: Desk, search: Search, *, closely: bool) -> list[Item]:
    with st.spinner("The model is looking" if closely else "Searching"):
        bar = st.progress(0.0, text="Loading the model") if closely else None

        def show(event: ServiceEvent) -> None:
            if bar and isinstance(event, StageProgress) and event.total:
                text = f"Looked at {event.done} of {event.total} windows"
                bar.progress(event.done / event.total, text=text)

        try:
            with editing(desk.settings, "look again", search=search.id):
                request = saved.ReviewRequest(name=search.name, closely=closely)
                found = saved.review(desk.service, request, on_event=show)
        finally:
            if bar:
                bar.empty()
    matches = {item.mark.id: item.match for item in found if item.match}
    st.session_state.queue_found = search.id, matches
    return list(found)


# -- 2. Its items ----------------------------------------------------------


def _items(desk: Desk, search: Search, found: Sequence[Item]) -> None:
    if not found:
        texts = ("No results yet.", "") if search.looked_at else ("Start the first review.", "")
        st.html(notices.remark(*texts))
        return
    counts = Counter(item.mark.state for item in found)
    numbers = {
        "New": sum(item.new and item.mark.state == "open" for item in found),
        **{name: counts[name.lower()] for name in ("Open", "Flagged", "Reviewed")},
        "All": len(found),
    }
    st.session_state.setdefault("queue_filter", "Open" if counts["open"] else "All")
    chosen_filter = st.segmented_control(
        "Which",
        _FILTERS,
        key="queue_filter",
        required=True,
        format_func=lambda name: f"{name} {numbers[name]:,}",
        label_visibility="collapsed",
        on_change=_first_page,
        persist_state="session",
    )
    listed = [item for item in found if _listed(item, chosen_filter or "All")]
    if not listed:
        rest = f"{count(counts['open'], 'item')} open in all." if counts["open"] else "Everything is decided."
        st.html(notices.remark(f"Nothing {(chosen_filter or '').lower()} here.", rest))
        return
    left, right = layout.halves()
    with left:
        shown = pages.paged(len(listed), ITEMS, key=f"queue_page_{st.session_state.get('queue_round', 0)}")
        page = [listed[number] for number in shown]
        chosen = next((i for i in page if i.mark.id == st.session_state.get("queue_item")), page[0])
        videos = browse.videos(desk.service, {item.mark.content_id for item in page})
        for number, item in enumerate(page):
            with st.container(key=f"card_{number}"):
                st.html(_card(desk, item, chosen=item is chosen))
                st.button(
                    f"Show item {number + 1}", key=f"show_{number}", on_click=_choose, args=(item.mark.id,)
                )
    with right:
        following = page[(page.index(chosen) + 1) % len(page)]
        if may_edit():
            _decide(desk, chosen.mark, following.mark.id)
        with st.container(key="stage"):
            _play(desk, chosen.mark, videos.get(chosen.mark.content_id))


def _listed(item: Item, name: str) -> bool:
    return name == "All" or (
        item.new and item.mark.state == "open" if name == "New" else item.mark.state == name.lower()
    )


def _card(desk: Desk, item: Item, *, chosen: bool) -> str:
    mark, path = item.mark, browse.path_of(desk.service, item.mark.content_id)
    middle = mark.span.middle_seconds
    picture = picture_address(mark.content_id, middle, browse.file_at(desk.service, path))
    verdict = item.match.verdict if item.match and item.match.confidence is not None else ""
    return cards.item(
        mark, markup.file_name(path), picture=picture, chosen=chosen, new=item.new, verdict=verdict
    )


def _decide(desk: Desk, mark: Mark, following: str) -> None:
    """The buttons that set the state of an item, and its note."""
    with st.container(key="decide"):
        buttons = st.container(horizontal=True, gap="small")
        for label, icon, state in (
            ("Reviewed", "check", "reviewed"),
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
                args=(desk, mark, state, following),
            )
        st.text_input(
            "Note",
            value=mark.text,
            key=f"note_{mark.id}",
            placeholder="Note",
            max_chars=saved.MOST_CHARACTERS,
            on_change=_note,
            args=(desk, mark),
            label_visibility="collapsed",
        )
        if mark.made_at:
            who = f" by {markup.text(mark.author)}" if mark.author else ""
            st.html(f'<p class="fx-sub">{markup.text(mark.state)}{who}, {_when(mark.made_at)}</p>')


def _play(desk: Desk, mark: Mark, video: Video | None) -> None:
    if video is None:
        st.html(notices.remark("This video is no longer in the index.", "Your decisions are kept."))
        return
    end = min(mark.span.end_seconds, video.duration_seconds)
    pages.play(
        desk,
        video,
        browse.path_of(desk.service, mark.content_id),
        Span(min(mark.span.start_seconds, end), end),
        text=mark.found_text or mark.query,
        matches=[mark.span],
        autoplay=st.session_state.get("queue_clicked", False),
    )


@pages.acting
def _set(desk: Desk, mark: Mark, state: str, following: str) -> None:
    """Set the state of an item and go on to the next one."""
    session = st.session_state
    note = session.get(f"note_{mark.id}")
    author = pages.signed()
    with editing(desk.settings, "review", mark=mark.id, state=state, signed=author):
        request = saved.DecideRequest(item=mark.id, state=state, note=note, author=author)
        saved.decide(desk.service, request)
    session.queue_item, session.queue_clicked = following, False


@pages.acting
def _note(desk: Desk, mark: Mark) -> str:
    note, author = st.session_state[f"note_{mark.id}"], pages.signed()
    with editing(desk.settings, "note", mark=mark.id, signed=author):
        saved.decide(desk.service, saved.DecideRequest(item=mark.id, note=note, author=author))
    return "Note kept"


def _choose(name: str) -> None:
    st.session_state.queue_item, st.session_state.queue_clicked = name, True


def _first_page() -> None:
    st.session_state.queue_round = st.session_state.get("queue_round", 0) + 1
    st.session_state.queue_item = None


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
