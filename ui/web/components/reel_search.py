"""Builds a reel from a search: a form, the reel that comes of it, and what was left out with the reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from footage.core.errors import FootageError
from service import browse, reels
from service.reel_draft import ReelCandidate, ReelDraft, draft
from service.reels import MOST_CHARACTERS, AddClipsRequest, NameReelRequest, Reel
from ui.text import count
from ui.web.access.visitor import editing
from ui.web.components import clip_collection, markup, notices
from ui.web.components.resources import Desk

Target = Literal["A new reel", "The end of this reel", "This reel, in place of its clips"]
_NEW: Target = "A new reel"
_TARGETS: tuple[Target, ...] = (_NEW, "The end of this reel", "This reel, in place of its clips")
_LISTED = 30
_KEY = "reel_built"


@dataclass(frozen=True, slots=True)
class _Built:
    """What the last search put into a reel."""

    query: str
    reel_name: str
    made: ReelDraft
    most_seconds: float


def show(desk: Desk, reel: Reel | None, *, expanded: bool) -> None:
    """Draw the form, and what it did last."""
    with st.container(key="reel_search"):
        if expanded:
            st.html('<h2 class="fx-reel-part">Build a reel from a search</h2>')
            _form(desk, reel)
        else:
            with st.expander("Build a reel from a search", icon=":material/movie_filter:"):
                _form(desk, reel)
        if built := st.session_state.get(_KEY):
            _report(built)


def _form(desk: Desk, reel: Reel | None) -> None:
    with st.form("fill", border=False):
        query = st.text_input(
            "What should be in it", placeholder="every goal and its celebration", key="fill_query"
        )
        length, order, spread, into = st.columns([2, 2, 2, 3], vertical_alignment="bottom", gap="medium")
        most = length.number_input(
            "Wanted length, in seconds",
            min_value=1,
            max_value=36_000,
            value=60,
            step=5,
            key="fill_most",
        )
        by = order.segmented_control(
            "Order", ["Time", "Score"], default="Time", key="fill_order", required=True
        )
        apart = spread.toggle(
            "Spread over videos", value=True, key="fill_spread", help="Not three clips of one video in a row."
        )
        targets = _TARGETS if reel and reel.clips else (_NEW, "The end of this reel") if reel else (_NEW,)
        target = into.selectbox(
            "Put into", targets, index=1 if reel and not reel.clips else 0, key="fill_target"
        )
        pressed = st.form_submit_button("Build", type="primary", icon=":material/movie_filter:")
    if not pressed or not query.strip():
        return
    try:
        with st.spinner("Searching and checking with the model"):
            made = _search(desk, query, most, by_score=by == "Score", spread=apart)
        if made.clips:
            _put(desk, reel, made, query, most, target)
        else:
            st.session_state[_KEY] = _Built(query, "", made, most)
    except FootageError as error:
        st.html(notices.problem(error))
        return
    st.rerun()


def _search(desk: Desk, query: str, most_seconds: float, *, by_score: bool, spread: bool) -> ReelDraft:
    """The draft of a reel from what a query finds."""
    from service.export_clips import clips_from
    from service.search import SearchRequest, search

    result = search(desk.service, SearchRequest(query=query, hits_first=True))
    matches = [match for match in result.matches if not match.offline]
    _, files = browse.around_matches(desk.service, matches)
    candidates = [
        ReelCandidate(clip, files.get(clip.path)) for clip in clips_from(desk.service, matches, query=query)
    ]
    return draft(candidates, most_seconds, order="score" if by_score else "time", spread=spread)


def _put(desk: Desk, reel: Reel | None, made: ReelDraft, query: str, most: float, target: str) -> None:
    """Put the clips into a reel, as one change that can be undone."""
    with editing(desk.settings, "reel", change="build", clips=len(made.clips)):
        if reel is None or target == _NEW:
            name = reels.free_name(desk.service, " ".join(query.split())[: MOST_CHARACTERS - 8])
            reel = reels.create_reel(desk.service, NameReelRequest(name=name))
            reels.set_wanted_length(desk.service, reel.id, most)
        in_place = target == _TARGETS[2]
        request = AddClipsRequest(id=reel.id, clips=made.clips, in_place=in_place)
        reels.add_clips(desk.service, request)
    clip_collection.choose(reel.id)
    st.session_state[_KEY] = _Built(query, reel.name, made, most)


def _report(built: _Built) -> None:
    """What was put where, and what was left out."""
    made, query = built.made, markup.text(markup.shortened(built.query, 120))
    if not made.clips:
        head = f"Nothing sure enough was found for “{query}”, so no reel was changed."
    else:
        length = markup.clock(round(made.seconds, 1))
        whole = markup.clock(round(built.most_seconds, 1))
        name = markup.text(built.reel_name)
        head = f"“{query}”: {count(len(made.clips), 'clip')}, {length} of {whole}, in “{name}”."
    with st.container(key="reel_built_note"):
        reasons = Counter(each.reason for each in made.left_out)
        lines = "".join(
            f"<li><b>{number:,}</b> {markup.text(reason)}</li>" for reason, number in reasons.items()
        )
        rows = "".join(
            f"<tr><td>{markup.text(markup.file_name(each.clip.path))}</td>"
            f"<td>{markup.clock_span(each.clip.span)}</td><td>{markup.text(each.reason)}</td></tr>"
            for each in made.left_out[:_LISTED]
        )
        more = f"<p>and {len(made.left_out) - _LISTED:,} more</p>" if len(made.left_out) > _LISTED else ""
        left = (
            f"<p>Left out: {count(len(made.left_out), 'clip')}</p><ul>{lines}</ul>"
            "<details><summary>Which ones</summary><div><table>"
            "<thead><tr><th>File</th><th>When</th><th>Why</th></tr></thead>"
            f"<tbody>{rows}</tbody></table>{more}</div></details>"
            if made.left_out
            else ""
        )
        st.html(f'<div class="fx-notice fx-built"><b>{head}</b>{left}</div>')
        st.button(
            "Dismiss", key="built_dismiss", type="tertiary", on_click=st.session_state.pop, args=(_KEY, None)
        )
