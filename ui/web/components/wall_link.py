"""The way from a moment to all cameras at that moment: a button that opens the view of the cameras there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


def button(place: DeltaGenerator, moment: datetime | None, *, key: str) -> None:
    """Draw the button; it cannot be pressed where the wall-clock time is unknown.

    Args:
        place: Where to draw it.
        moment: The wall-clock time; None where unknown.
        key: Names the button.
    """
    why = "Shows what every camera recorded then." if moment else "The clock of this recording is unknown."
    place.button(
        "All cameras",
        icon=":material/grid_view:",
        key=key,
        type="tertiary",
        help=why,
        disabled=moment is None,
        on_click=open_wall,
        args=(moment,),
    )


def open_wall(moment: datetime | None) -> None:
    """Turn the review page to its cameras at a moment; for callbacks of that page."""
    if moment is None:
        return
    # A clock without a zone is assumed to be that of this machine, as on the wall itself.
    aware = moment if moment.tzinfo else moment.astimezone()
    state = st.session_state
    state.review_view = "Cameras"
    state.wall_moment, state.wall_playing, state.wall_day = aware, None, aware.date()
    state.pop("wall", None)
    st.query_params.from_dict({"view": "cameras", "moment": aware.isoformat()})
