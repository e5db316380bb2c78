"""The search page: a question, its answers as cards, and a player that starts where the answer does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from footage.errors import FootageError, UsageError
from footage.types import Match, Span
from ui.components import cards, markup, media, notices, stage, timeline
from ui.components.resources import Desk, Outline
from ui.shown import count, short_path

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from search.engine import SearchResult

RESULTS = 8
"""Answers on a page."""
EXAMPLES = 4
"""Questions offered."""
_TILES = 8


@dataclass(frozen=True, slots=True)
class Answered:
    """What the page shows until the next question."""

    query: str
    """The question as typed."""
    exact: bool
    """Whether the model was to be asked."""
    result: SearchResult | None
    """The answer, or None where there is none."""
    trouble: FootageError | None = None
    """What went wrong; beside a result: why the model could not be asked."""


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    heading = st.empty()
    query, exact = _question(desk)
    if not query:
        heading.html('<div class="fx-hero"><h1>Search video by what happens in it, and when.</h1></div>')
        _welcome(desk)
        return
    answered: Answered | None = st.session_state.get("answered")
    if answered is None or (answered.query, answered.exact) != (query, exact):
        st.session_state.chosen, st.session_state.clicked = 0, False
        answered = _search(desk, query, exact=exact)
        st.session_state.answered = answered
    _answers(desk, answered)


# -- 1. The question -------------------------------------------------------


def _question(desk: Desk) -> tuple[str, bool]:
    """Draw the search box; the question that stands, and whether the model is to be asked."""
    state = st.session_state
    if "asked" not in state:
        state.asked = st.query_params.get("q", "").strip()
    state.setdefault("typed", state.asked)
    state.setdefault("exact", True)
    with st.form("ask", border=False):
        box, button = st.columns([8, 1], vertical_alignment="bottom", gap="small")
        box.text_input(
            "What happens?",
            key="typed",
            placeholder="What happens? For example: a red car drives from left to right",
            label_visibility="collapsed",
            persist_state="session",
        )
        submitted = button.form_submit_button("Search", type="primary", width="stretch", on_click=_ask)
    with st.container(horizontal=True, vertical_alignment="center", key="chips", gap="small"):
        for number, example in enumerate(_examples(desk)):
            st.button(markup.label(example, most=60), key=f"chip_{number}", on_click=_ask, args=(example,))
        st.toggle(
            "Ask the model when exactly",
            key="exact",
            help="The index finds the video; the model then looks again and names the span. Slower, better.",
            persist_state="session",
        )
    if submitted and not state.asked:
        st.html(notices.problem(UsageError("there is nothing to search for", hint="say what happens")))
    return state.asked, state.exact


def _ask(query: str | None = None) -> None:
    """Make this, or what was typed, the question; the page's address holds it, to be kept and shared."""
    state = st.session_state
    state.typed = state.asked = (state.typed if query is None else query).strip()
    state.answered = None
    st.query_params.q = state.asked


def _examples(desk: Desk) -> list[str]:
    """Questions that the index can answer: an event of each of its first videos, all different."""
    examples: list[str] = []
    for number, content_id in enumerate(sorted(desk.store.committed())[: 2 * EXAMPLES]):
        events = desk.store.events(content_id)
        turned = [*events[number:], *events[:number]]
        fresh = (event.text for event in turned if event.text.strip() and event.text not in examples)
        examples.extend(list(fresh)[:1])
    return examples[:EXAMPLES]


# -- 2. Looking for it -----------------------------------------------------


def _search(desk: Desk, query: str, *, exact: bool) -> Answered:
    """Ask the index, show what it says, then ask the model."""
    waiting = st.empty()
    cards: list[DeltaGenerator] = []
    progress: list[DeltaGenerator] = []

    def show_hits(matches: list[Match]) -> None:
        if not progress:
            with waiting.container():
                st.html(
                    '<p class="fx-coverage">From the index; the model is looking at the best of these.</p>'
                )
                left, right = _halves()
                cards.append(left.empty())
                with right, st.container(key="stage_waiting"):
                    progress.append(st.empty())
                    progress[0].progress(0.0, text="Loading the model")
        # What the model has looked at replaces what the index said, round by round.
        with cards[0].container():
            for match in matches:
                outline = desk.outline(match.video.content_id)
                st.html(_card(desk, match, matches, outline, pending=not match.grounded))

    def show_progress(done: int, whole: int) -> None:
        if progress:
            progress[0].progress(done / whole if whole else 1.0, text=f"Looked at {done} of {whole} windows")

    try:
        with st.spinner("Searching"):
            result = desk.engine().search(
                query,
                limit=RESULTS,
                ground=exact,
                on_hits=show_hits if exact else None,
                on_progress=show_progress,
            )
        return Answered(query, exact, result)
    except FootageError as error:
        if not progress:
            return Answered(query, exact, None, error)
        # Hits were shown, so the index has answered: what failed is the model.
        return Answered(query, exact, desk.engine().search(query, limit=RESULTS, ground=False), error)
    finally:
        waiting.empty()


# -- 3. The answers --------------------------------------------------------


def _answers(desk: Desk, answered: Answered) -> None:
    if answered.trouble:
        st.html(notices.problem(answered.trouble))
    result = answered.result
    if result is None:
        return
    matches = result.matches
    if result.outcome in ("not found", "no caption matches"):
        st.html(notices.nothing_found(answered.query))
        st.html(notices.coverage(result))
        if not matches or not st.toggle("Show what comes nearest", key="nearest"):
            return
    else:
        st.html(notices.coverage(result))
        if answered.exact and not answered.trouble and all(match.verdict != "found" for match in matches):
            st.html(
                notices.remark("Nothing certain.", "These moments come nearest; see why beside the player.")
            )
    chosen = min(st.session_state.get("chosen", 0), len(matches) - 1)
    outlines = {content: desk.outline(content) for content in {match.video.content_id for match in matches}}
    left, right = _halves()
    with left:
        for number, match in enumerate(matches):
            with st.container(key=f"card_{number}"):
                outline = outlines[match.video.content_id]
                st.html(_card(desk, match, matches, outline, chosen=number == chosen))
                st.button(f"Play answer {number + 1}", key=f"play_{number}", on_click=_choose, args=(number,))
    with right, st.container(key="stage"):
        st.fragment(_stage)(desk, matches, chosen, outlines[matches[chosen].video.content_id])
        st.html(_why(matches[chosen]))


def _stage(desk: Desk, matches: Sequence[Match], chosen: int, outline: Outline) -> None:
    """The answer in the player; its keys lead to the answers before and after."""
    match, cache = matches[chosen], desk.settings.cache_dir
    asked = stage.show(
        cache,
        match.video,
        match.path,
        match.span,
        outline=outline,
        matches=[
            stage.Mark(other.span, other.text, other.verdict)
            for other in matches
            if other.video.content_id == match.video.content_id
        ],
        text=match.text,
        autoplay=st.session_state.get("clicked", False),
        actions=("previous", "next"),
    )
    after = matches[(chosen + 1) % len(matches)]
    media.prefetch(
        cache,
        after.path,
        content_id=after.video.content_id,
        stretch=media.around(after.span, after.video.duration_seconds),
    )
    if asked.action:
        _choose((chosen + (1 if asked.action == "next" else -1)) % len(matches))
        st.rerun()


def _choose(number: int) -> None:
    st.session_state.chosen, st.session_state.clicked = number, True


def _halves() -> Sequence[DeltaGenerator]:
    halves: Sequence[DeltaGenerator] = st.columns([7, 6], gap="large")
    return halves


def _card(
    desk: Desk,
    match: Match,
    matches: Sequence[Match],
    outline: Outline,
    *,
    chosen: bool = False,
    pending: bool = False,
) -> str:
    """One answer's card, its picture cut now if it never was."""
    middle = (match.span.start_seconds + match.span.end_seconds) / 2
    return cards.result(
        match,
        picture=media.thumbnail(
            desk.settings.cache_dir, match.path, content_id=match.video.content_id, seconds=middle
        ),
        strip=timeline.strip(
            match.video.duration_seconds,
            covered=outline.covered,
            events=outline.busy,
            matches=_same_video(match, matches),
            chosen=match.span,
        ),
        chosen=chosen,
        pending=pending,
    )


def _same_video(match: Match, matches: Sequence[Match]) -> list[Span]:
    return [other.span for other in matches if other.video.content_id == match.video.content_id]


def _why(match: Match) -> str:
    """The evidence for an answer, and where its file is."""
    lines = "".join(f"<li>{markup.text(line)}</li>" for line in match.evidence)
    raw = f"<p>In the words of the model: <code>{markup.text(match.raw)}</code></p>" if match.raw else ""
    return (
        f'<div class="fx-why"><h3>Why {cards.badge(match.verdict)}</h3><ul>{lines}</ul>{raw}'
        f'<p class="fx-path">{markup.text(short_path(match.path))}</p></div>'
    )


# -- Before any question ---------------------------------------------------


def _welcome(desk: Desk) -> None:
    """What the index holds, as tiles."""
    status = desk.store.status()
    if not status.videos:
        st.html(notices.remark("The index holds no video yet.", "Fill it with: footage index path/to/videos"))
        return
    holdings = markup.text(notices.holdings(status))
    st.html(f'<h2 class="fx-head">In the index</h2><p class="fx-coverage">{holdings}</p>')
    videos = desk.store.videos(sorted(desk.store.committed())[:_TILES])
    tiles = []
    for content_id, video in videos.items():
        path = next(iter(desk.store.paths_of(content_id)), "")
        events = desk.store.events(content_id)
        first = events[0].span if events else Span(0, video.duration_seconds)
        picture = media.thumbnail(
            desk.settings.cache_dir,
            path,
            content_id=content_id,
            seconds=(first.start_seconds + first.end_seconds) / 2,
        )
        note = count(len(events), "event")
        tiles.append(cards.tile(markup.file_name(path), video.duration_seconds, picture=picture, note=note))
    st.html(f'<div class="fx-tiles">{"".join(tiles)}</div>')
