"""The search box and its options: what is asked, and how far to look; searches nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import streamlit as st

from footage.core.errors import FootageError, StoreError, UsageError
from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from search.query.lexical_match import FUNCTION_WORDS
from search.query.parser import did_you_mean
from service import browse, saved
from service.search import SearchMode
from ui.web.access.visitor import editing, may_edit
from ui.web.components import asking, markup, notices, picture_form
from ui.web.components.asking import Listing, Question
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from search.query.parser import Query

logger = logging.getLogger(__name__)

RECENT = 4
"""Saved questions, and recent ones, that are offered."""
EXAMPLES = 4
"""Questions offered while nothing is asked."""
_LINES_TRIED = 20
MODES: dict[SearchMode, str] = {"hybrid": "Meaning and words", "vector": "Meaning", "text": "Words"}
"""By what the index's texts are ordered."""
GROUPS: dict[Listing, str] = {
    "none": "Every moment",
    "video": "One a video",
    "event": "One a sentence",
    "scene": "One a scene",
}
"""What is listed of answers that are alike."""
Options = tuple[SearchMode, Listing, bool, float | None]
_KEPT: dict[str, Any] = {"persist_state": "session", "bind": "query-params"}  # and shared with the address


def form(desk: Desk) -> Question:
    """Draw the search box, and return the current question; call ``asking.asked`` first."""
    state = st.session_state
    with st.form("ask", border=False):
        box, button = st.columns([8, 1], vertical_alignment="bottom", gap="small")
        box.text_input(
            "What happens?",
            key="typed",
            placeholder="Add words, for example: at night"
            if state.picture
            else "What happens? For example: a red car drives from left to right",
            label_visibility="collapsed",
            persist_state="session",
        )
        submitted = button.form_submit_button("Search", type="primary", width="stretch", on_click=asking.ask)
    with st.container(horizontal=True, vertical_alignment="center", key="chips", gap="small"):
        picture_form.picker(desk)
        offered = {} if state.asked or state.picture else _offered(desk)
        for number, (query, icon) in enumerate(offered.items()):
            st.button(
                markup.label(query, most=60),
                key=f"chip_{number}",
                icon=icon,
                on_click=asking.ask,
                args=(query,),
            )
        exact = False
        if state.picture:
            st.empty()  # so that what follows keeps its place
        else:
            exact = st.toggle(
                "Ask the model when exactly",
                value=True,
                key="exact",
                help="The index finds the video; the model then finds the exact times. Slower, but better.",
                **_KEPT,
            )
        with st.popover("Options", icon=":material/tune:"):
            options = _picture_options(desk) if state.picture else _options(desk, exact=exact)
            if state.asked and not state.picture and may_edit():
                _save(desk, state.asked)
    name = picture_form.panel(desk)
    if submitted and not (state.asked or state.picture):
        st.html(notices.problem(UsageError("the search is empty", hint="enter an event")))
    mode, group, everywhere, budget = options
    return Question(
        state.asked, state.like, exact, mode, group, everywhere, budget, state.picture, name, state.without
    )


def narrowed(text: str, **filters: str) -> str:
    """A query with some filters more, each in quotes where it needs them; one of that name is replaced."""
    for name, value in filters.items():
        rest = re.sub(rf'(?<!\S){name}:("[^"]*"|\S*)', " ", text, flags=re.IGNORECASE)
        text = " ".join([*rest.split(), f'{name}:"{value.replace(chr(34), "")}"'])
    return text


def understood(query: Query) -> str:
    """What was read as filters, negations and operators, and what was not, as HTML; empty for none."""
    read = "".join(f'<span class="fx-chip">{markup.text(term)}</span>' for term in query.understood)
    unread = "".join(
        f'<span class="fx-chip fx-unread" title="{_as_words(term)}">'
        f"{markup.text(term)} <i>as words</i></span>"
        for term in query.unread
    )
    return f'<div class="fx-chips"><b>Understood</b>{read}{unread}</div>' if read or unread else ""


def _as_words(term: str) -> str:
    """Why a term is no filter, for the title of its chip."""
    meant = did_you_mean(term)
    return "This is not a filter: it is searched as words." + (f" Did you mean {meant}?" if meant else "")


def _options(desk: Desk, *, exact: bool) -> Options:
    mode = st.segmented_control(
        "Look by", list(MODES), default="hybrid", key="mode", format_func=MODES.__getitem__, **_KEPT
    )
    group = _listing(desk)
    everywhere = st.toggle(
        "Look everywhere",
        key="everywhere",
        disabled=not exact,
        help="The model checks all windows that match the filters, independent of captions. This takes a "
        "long time.",
        **_KEPT,
    )
    budget = st.number_input(
        "Time limit in seconds",
        key="budget",
        min_value=1.0,
        step=5.0,
        value=None,
        placeholder="no bound",
        disabled=not exact,
        **_KEPT,
    )
    return mode or "hybrid", group, everywhere and exact, budget if exact else None


def _listing(desk: Desk) -> Listing:
    """What is listed of answers that are alike; image vectors decide what one scene is."""
    offered = [each for each in GROUPS if each != "scene" or not picture_form.why_not(desk)]
    chosen: Listing | None = st.segmented_control(
        "List", offered, default="none", key="group", format_func=GROUPS.__getitem__, **_KEPT
    )
    return chosen or "none"


def _picture_options(desk: Desk) -> Options:
    """What can be chosen for a search by picture: no model looks, and no text is compared."""
    group = _listing(desk)
    return "hybrid", group, False, None


def note(desk: Desk, question: Question) -> None:
    """Remember the query; if it cannot be written, the search goes on.

    What is asked by somebody who may only view leaves no trace in the index.
    """
    if not may_edit():
        return
    try:
        saved.remember(desk.service, saved.RememberRequest(query=question.text, mode=question.mode))
    except StoreError as error:
        logger.warning("the search is not remembered: %s", error)


def _save(desk: Desk, query: str) -> None:
    """A name under which to ask this again, and to review what is new."""
    with st.form("save_search", border=False):
        name = st.text_input(
            "Save this search as", placeholder="cars at the gate", max_chars=80, key="save_as"
        )
        if st.form_submit_button("Save", icon=":material/bookmark_add:", width="stretch"):
            try:
                with editing(desk.settings, "save search"):
                    saved.save(desk.service, saved.SaveRequest(name=name, query=query))
                st.toast("Saved: see Review for what is new.")
            except FootageError as error:
                st.html(notices.problem(error))


def _offered(desk: Desk) -> dict[str, str | None]:
    """Questions to press, with their icons: what the index can answer, recent ones, saved ones."""
    kept: dict[str, str | None] = {
        search.query: ":material/bookmark:" for search in saved.names(desk.service)[:RECENT]
    }
    recent: dict[str, str | None] = {
        search.query: ":material/history:" for search in saved.recent(desk.service)[:RECENT]
    }
    examples: dict[str, str | None] = dict.fromkeys(_examples(desk))
    return examples | recent | kept | examples if examples else {}


def _examples(desk: Desk) -> list[str]:
    """Questions that the index can answer: an event of each of its first videos, all different."""
    first = browse.first_videos(desk.service, 2 * EXAMPLES)
    examples: list[str] = []
    for number, outline in enumerate(browse.outlines(desk.service, first).values()):
        turned = [*outline.events[number:], *outline.events[:number]]
        fresh = (event.text for event in turned if event.text.strip() and event.text not in examples)
        examples.extend(list(fresh)[:1])
    return [*_said(desk, first)[: EXAMPLES // 2], *examples][:EXAMPLES]


def _said(desk: Desk, content_ids: Collection[str]) -> list[str]:
    """Questions for words that are said or written: two words of a line of each video."""
    found: list[str] = []
    for lines in browse.words(desk.service, content_ids).values():
        for track, name in ((SPEECH_TRACK, "said"), (SUBTITLE_TRACK, "said"), (SCREEN_TEXT_TRACK, "shows")):
            phrases = (telling_words(line.text) for line in lines[:_LINES_TRIED] if line.track == track)
            fresh = (f'{name}:"{phrase}"' for phrase in phrases if phrase)
            found += [query for query in fresh if query not in found][:1]
    return found


def telling_words(text: str) -> str:
    """Two words of a text that stand side by side and say something, or one; empty where none does."""
    words = [word for word in re.findall(r"\w+", text) if not word.isdecimal()]
    telling = [word.casefold() not in FUNCTION_WORDS and len(word) > 3 for word in words]
    for place in range(len(words)):
        if all(telling[place : place + 2]) and place + 1 < len(words):
            return " ".join(words[place : place + 2])
    return next((word for word, tells in zip(words, telling, strict=True) if tells), "")
