"""The page while there is no index: what can be found on this machine, and an index run to begin with."""

from __future__ import annotations

import streamlit as st

from footage.core.config import Settings
from footage.core.errors import FootageError
from service.ready_tracks import ready_tracks
from ui.web.components import markup, notices, pages
from ui.web.components.track_choice import CHOICES
from ui.web.views import library


def show(settings: Settings, error: FootageError) -> None:
    """Draw the page.

    Args:
        settings: Where the index is to be.
        error: Says that there is none.
    """
    pages.begin()
    missing = {each.track: each.why_not for each in ready_tracks(settings)}
    tiles = []
    for choice in CHOICES:
        why_not = " ".join(filter(None, (missing[track] for track in choice.tracks)))
        state = "fx-notready" if why_not else "fx-ready"
        word = "needs a model" if why_not else "ready on this machine"
        tiles.append(
            f'<div class="fx-offer {state}"><div><b>{choice.name}</b><span>{word}</span></div>'
            f"<p>{choice.explained}</p>"
            + (
                f"<details><summary>What is missing</summary>{markup.text(why_not)}</details>"
                if why_not
                else ""
            )
            + "</div>"
        )
    st.html(
        '<h2 class="fx-head">What can be found with this machine</h2>'
        f'<div class="fx-offers">{"".join(tiles)}</div>'
    )
    library.run_panel(settings)
    st.html(notices.no_index(error, str(settings.db)))
