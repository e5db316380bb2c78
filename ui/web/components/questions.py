"""The search box with its filters and options: what is asked, and how far to look; searches nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import streamlit as st

from footage.core.errors import FootageError, StoreError, UsageError
from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from search.query.lexical_match import FUNCTION_WORDS
from search.query.parser import Query, parse_query
from search.query.suggestions import corrected
from service import browse, saved
from service.query_values import query_values, suggested
from service.search import SearchMode
from ui.text import plain
from ui.web import styles
from ui.web.access.visitor import editing, may_edit
from ui.web.components import asking, markup, notices, picture_form, query_bar
from ui.web.components.asking import Listing, Question
from ui.web.components.query_bar import BarData, FilterField
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from search.query.suggestions import Suggestion
    from service.query_values import QueryValues

logger = logging.getLogger(__name__)

RECENT = 4
"""Recent questions that the first page offers."""
EXAMPLES = 4
"""Questions offered while nothing is asked."""
_LINES_TRIED = 20
_OFFERED_VALUES = 300
"""Most values of a filter that the browser gets at once; it asks for others by what is typed."""
_OFFERED_QUERIES = 30
"""Most recent and saved queries that the search box offers."""
MODES: dict[SearchMode, str] = {"hybrid": "Meaning and words", "vector": "Meaning", "text": "Words"}
"""By what the index's texts are ordered."""
GROUPS: dict[Listing, str] = {
    "none": "Every moment",
    "video": "One per video",
    "event": "One per sentence",
    "scene": "One per scene",
}
"""What is listed of answers that are alike."""
FIELDS: tuple[FilterField, ...] = (
    FilterField("camera", "Camera", "names", "recorded by this camera"),
    FilterField("collection", "Collection", "names", "in this collection"),
    FilterField("after", "From", "day", "recorded on this day or later"),
    FilterField("before", "Before", "day", "recorded before this day"),
    FilterField("hours", "Hours", "hours", "recorded at this time of day"),
    FilterField("said", "Said", "words", "these words are said"),
    FilterField("shows", "On screen", "words", "these words are in the picture"),
    FilterField("in", "Only", "track", "search only in captions, speech or screen text"),
    FilterField("longer", "At least", "length", "videos of this length or more"),
    FilterField("shorter", "At most", "length", "videos of this length or less"),
    FilterField("event-longer", "Event at least", "length", "events of this length or more"),
    FilterField("event-shorter", "Event at most", "length", "events of this length or less"),
    FilterField("path", "File", "names", "this file, or files of this name"),
    FilterField("model", "Model", "names", "captions by this model"),
)
"""The filters, in the order in which they are offered; without the values of an index."""
_TRACK_WORDS = {
    CAPTION_TRACK: "captions",
    SPEECH_TRACK: "speech",
    SUBTITLE_TRACK: "subtitles",
    SCREEN_TEXT_TRACK: "screen-text",
}
"""What is typed for a track."""
_KEPT: dict[str, Any] = {"persist_state": "session", "bind": "query-params"}  # and shared with the address


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How far a search looks."""

    mode: SearchMode = "hybrid"
    """By what texts are ordered."""
    group: Listing = "none"
    """What is listed of answers that are alike."""
    everywhere: bool = False
    """Whether the model is to look everywhere."""
    budget_seconds: float | None = None
    """How long it may look; without bound when None."""


def form(desk: Desk) -> Question:
    """Draw the search box, and return the current question; call ``asking.asked`` first."""
    state = st.session_state
    styles.load("filters")
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
            autocomplete="off",
        )
        submitted = button.form_submit_button("Search", type="primary", width="stretch", on_click=asking.ask)
    exact = False
    query = _read(state.asked)
    with st.container(horizontal=True, vertical_alignment="top", key="search_controls", gap="small"):
        with st.container(key="search_filters"):
            query_bar.show(_bar_data(desk, state.asked, query), box="typed", more_values=_more_values(desk))
        with st.container(
            horizontal=True, vertical_alignment="center", key="search_options", gap="small", width="content"
        ):
            picture_form.picker(desk)
            if not state.picture:
                exact = st.toggle(
                    "Check with the model",
                    value=True,
                    key="exact",
                    help="The index finds the videos. The model then checks the best moments and finds their "
                    "exact times: slower, but more reliable.",
                    **_KEPT,
                )
            with st.popover("Options", icon=":material/tune:"):
                options = _picture_options(desk) if state.picture else _options(desk, exact=exact)
                if state.asked and not state.picture and may_edit():
                    _save(desk, state.asked)
    _did_you_mean(desk, query)
    name = picture_form.panel(desk)
    if submitted and not (state.asked or state.picture):
        st.html(notices.problem(UsageError("the search is empty", hint="enter an event")))
    return Question(
        state.asked,
        state.like,
        exact,
        options.mode,
        options.group,
        options.everywhere,
        options.budget_seconds,
        state.picture,
        name,
        state.without,
    )


# -- 1. Filters ------------------------------------------------------------


def _read(asked: str) -> Query | None:
    """The query as it is read; None for one that is refused, which the search says."""
    try:
        return parse_query(asked, wordless=True) if asked else None
    except UsageError:
        return None


def _bar_data(desk: Desk, asked: str, query: Query | None) -> BarData:
    """What the bar of filters shows and offers."""
    values = query_values(desk.service)
    fields = (with_values(field, values) for field in FIELDS)
    recent, kept = _earlier(desk, asked)
    return BarData(
        asked,
        tuple(field for field in fields if field.kind != "names" or field.values),
        tuple(word for track, word in _TRACK_WORDS.items() if track in values.tracks),
        (values.first_day, values.last_day),
        tuple(part.text for part in query.parts) if query and query.relation and not query.together else (),
        query.relation.upper() if query and not query.together else "",
        tuple(term for term in query.understood if _is_note(term)) if query else (),
        query.unread if query else (),
        recent,
        kept,
    )


def _earlier(desk: Desk, asked: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Recent queries, and saved searches with their names.

    They are read while nothing is asked: an answer does not wait for them.
    """
    state = st.session_state
    if not asked or "earlier_searches" not in state:
        queries = dict.fromkeys(plain(search.query) for search in saved.recent(desk.service))
        kept = tuple((plain(search.name), plain(search.query)) for search in saved.names(desk.service))
        state.earlier_searches = (tuple(queries)[:_OFFERED_QUERIES], kept[:_OFFERED_QUERIES])
    recent, kept = state.earlier_searches
    return tuple(dict.fromkeys([asked, *recent] if asked else recent)), kept


def _is_note(term: str) -> bool:
    """Whether a term has no chip of its own: a negation, or how near two events must be."""
    return ":" not in term and not term.startswith("-") and term.casefold() not in ("then", "and", "without")


def with_values(field: FilterField, values: QueryValues) -> FilterField:
    """A filter with the first of the values that it has in an index."""
    if field.kind != "names":
        return field
    known = _offered_values(values, field.name)
    return FilterField(
        field.name,
        field.label,
        field.kind,
        field.explained,
        tuple(known[:_OFFERED_VALUES]),
        len(known) > _OFFERED_VALUES,
    )


def _offered_values(values: QueryValues, name: str) -> list[str]:
    """The values of a filter as they are offered: of paths, the names of the files."""
    known = values.by_filter.get(name, ())
    names = dict.fromkeys(map(markup.file_name, known)) if name == "path" else known
    return [each for each in names if each.isprintable() and '"' not in each]


def _more_values(desk: Desk) -> query_bar.MoreValues:
    """Looks up values of a filter that contain a text."""
    return lambda name, text: matching(query_values(desk.service), name, text)


def matching(values: QueryValues, name: str, text: str) -> list[str]:
    """The first values of a filter that contain a text, in any case."""
    wanted = text.casefold()
    return [each for each in _offered_values(values, name) if wanted in each.casefold()][:_OFFERED_VALUES]


def _did_you_mean(desk: Desk, query: Query | None) -> None:
    """A button for each filter that cannot be used and was probably meant to be another."""
    if query is None or not (query.unread or ":" in st.session_state.asked):
        return
    asked = st.session_state.asked
    meant: dict[str, list[Suggestion]] = {}
    for each in suggested(desk.service, query):
        meant.setdefault(each.better, []).append(each)
    if not meant:
        return
    with st.container(horizontal=True, key="did_you_mean", gap="small", vertical_alignment="center"):
        for number, (better, for_terms) in enumerate(meant.items()):
            st.button(
                f"Did you mean **{markup.label(better, most=60)}**?",
                key=f"meant_{number}",
                icon=":material/auto_fix_high:",
                help=f"In place of {', '.join(markup.label(each.term, most=60) for each in for_terms)}",
                on_click=asking.ask,
                args=(reduce(corrected, for_terms, asked),),
            )


def narrowed(text: str, **filters: str) -> str:
    """A query with some filters more, each in quotes where it needs them; one of that name is replaced."""
    for name, value in filters.items():
        rest = re.sub(rf'(?<!\S){name}:("[^"]*"|\S*)', " ", text, flags=re.IGNORECASE)
        text = " ".join([*rest.split(), f'{name}:"{value.replace(chr(34), "")}"'])
    return text


# -- 2. Options ------------------------------------------------------------


def _options(desk: Desk, *, exact: bool) -> SearchOptions:
    mode = st.segmented_control(
        "Rank by", list(MODES), default="hybrid", key="mode", format_func=MODES.__getitem__, **_KEPT
    )
    group = _listing(desk)
    everywhere = st.toggle(
        "Check all footage",
        key="everywhere",
        disabled=not exact,
        help="The model checks everything that the filters leave, not only what the index finds. "
        "This takes a long time.",
        **_KEPT,
    )
    budget = st.number_input(
        "Time limit, in seconds",
        key="budget",
        min_value=1.0,
        step=5.0,
        value=None,
        placeholder="none",
        disabled=not exact,
        help="The model stops after this time; what it has not checked is marked.",
        **_KEPT,
    )
    return SearchOptions(mode or "hybrid", group, everywhere and exact, budget if exact else None)


def _listing(desk: Desk) -> Listing:
    """What is listed of answers that are alike; image vectors decide what one scene is."""
    offered = [each for each in GROUPS if each != "scene" or not picture_form.why_not(desk)]
    chosen: Listing | None = st.segmented_control(
        "Show", offered, default="none", key="group", format_func=GROUPS.__getitem__, **_KEPT
    )
    return chosen or "none"


def _picture_options(desk: Desk) -> SearchOptions:
    """What can be chosen for a search by picture: no model looks, and no text is compared."""
    return SearchOptions(group=_listing(desk))


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
                st.session_state.pop("earlier_searches", None)
                st.toast("Saved: see Review for what is new.")
            except FootageError as error:
                st.html(notices.problem(error))


# -- 3. Examples -----------------------------------------------------------


def examples(desk: Desk) -> list[str]:
    """Questions that the index can answer: an event of each of its first videos, all different."""
    first = browse.first_videos(desk.service, 2 * EXAMPLES)
    found: list[str] = []
    for number, outline in enumerate(browse.outlines(desk.service, first).values()):
        turned = [*outline.events[number:], *outline.events[:number]]
        fresh = (event.text for event in turned if event.text.strip() and event.text not in found)
        found.extend(list(fresh)[:1])
    return [*_said(desk, first)[: EXAMPLES // 2], *found][:EXAMPLES]


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
