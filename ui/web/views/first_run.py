"""The page while nothing is indexed: a folder to index, sample clips, and what this machine can find."""

from __future__ import annotations

import os
import shlex

import streamlit as st

from footage.core.config import Settings
from footage.core.errors import FootageError, UsageError
from footage.core.tracks import CAPTION_TRACK
from service.overview import overview
from service.ready_tracks import ready_tracks
from service.session import Service
from ui.text import plain, short_path
from ui.web import index_jobs, styles
from ui.web.access.visitor import editing
from ui.web.components import markup, notices, pages
from ui.web.components.track_choice import CHOICES
from ui.web.views import library

DEMO_MODEL = "demo"
"""The model that comes with the project and knows the sample clips alone."""
_DEMO = "The demo model that comes with footage describes these clips."
_ROOTS = 4
_EVERY_SECONDS = 2.0


def show(settings: Settings, error: FootageError | None = None) -> None:
    """Draw the page; it turns into the first page once the index has a video.

    Args:
        settings: Where the index is to be.
        error: Says that there is no index; None where there is an empty one.
    """
    pages.begin()
    styles.load("filters")
    st.fragment(_follow, run_every=_EVERY_SECONDS)(settings)
    run = index_jobs.last(settings)
    goes_on = run is not None and run.state in ("running", "stopping")
    now = (
        "The first video can be searched as soon as it is done."
        if goes_on
        else "Nothing is indexed yet. Name a folder of videos, or try the sample clips."
    )
    st.html(
        '<div class="fx-hero fx-begin"><h1>Search video by what happens, is said and is written in it.</h1>'
        f"<p>{now}</p></div>"
    )
    may = pages.may_index(settings)
    missing = {each.track: each.why_not for each in ready_tracks(settings)}
    with st.container(key="begin"):
        library.run_panel(settings)
        if may and not goes_on:
            _roots(settings)
            _samples(settings)
    if missing[CAPTION_TRACK]:
        st.html(notices.remark("The model that describes videos is not ready.", missing[CAPTION_TRACK]))
    _offers(missing)
    command = f"footage index path/to/videos --db {markup.text(shlex.quote(str(settings.db)))}"
    st.html(f'<p class="fx-sub fx-by-command">By command: <code>{command}</code></p>')


def _follow(settings: Settings) -> None:
    """Draw the whole page anew once the index has a video."""
    if overview(Service(settings)).videos:
        st.rerun()


def _roots(settings: Settings) -> None:
    """Folders that may be indexed, to be pressed."""
    roots = [root for root in map(str, settings.library_roots) if os.path.isdir(root)][:_ROOTS]
    if not roots:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="row_roots", gap="small"):
        st.html('<span class="fx-row-name">Folders</span>', width="content")
        for number, root in enumerate(roots):
            st.button(
                markup.label(short_path(root), most=60),
                key=f"root_{number}",
                icon=":material/folder:",
                on_click=_name_folder,
                args=(plain(root),),
            )


def _name_folder(root: str) -> None:
    st.session_state.run_folder = root


def _samples(settings: Settings) -> None:
    """The button that indexes the sample clips."""
    other = settings.model != DEMO_MODEL
    with st.container(horizontal=True, vertical_alignment="center", key="row_samples", gap="medium"):
        st.button(
            "Try the sample clips",
            type="primary",
            key="try_samples",
            icon=":material/play_circle:",
            on_click=_try_samples,
            args=(settings,),
            help=f"{_DEMO} It is used here in place of {markup.label(settings.model)}. An index has one "
            "model: for your own videos, start again with another --db."
            if other
            else _DEMO,
        )
        st.html(
            '<p class="fx-sub">Eight short drawn clips of cars, people and dogs. No download, ready in about '
            "a minute.</p>"
        )


@pages.acting
def _try_samples(settings: Settings) -> None:
    with editing(settings, "index", folder="sample clips"):
        if not pages.may_index(settings):
            raise UsageError("index runs may not be started from this app")
        index_jobs.start_samples(settings)


def _offers(missing: dict[str, str]) -> None:
    """What can be found on this machine, small."""
    tiles = []
    for choice in CHOICES:
        why_not = " ".join(filter(None, (missing[track] for track in choice.tracks)))
        state = "fx-notready" if why_not else "fx-ready"
        word = "needs a model" if why_not else "ready on this machine"
        more = (
            f"<details><summary>What is missing</summary>{markup.text(why_not)}</details>" if why_not else ""
        )
        tiles.append(
            f'<div class="fx-offer {state}"><div><b>{choice.name}</b><span>{word}</span></div>'
            f"<p>{choice.explained}</p>{more}</div>"
        )
    st.html(
        '<h2 class="fx-head fx-offers-head">What this machine can find</h2>'
        f'<div class="fx-offers fx-small-offers">{"".join(tiles)}</div>'
    )
