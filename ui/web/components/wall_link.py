"""The way from a moment to all cameras at that moment: a button of the review page, a link elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from ui.web.components.resources import page_of_app

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_LABEL, _ICON = "All cameras", ":material/grid_view:"
_HELP = "Shows what every camera recorded then."


def button(place: DeltaGenerator, moment: datetime | None, *, key: str) -> None:
    """Draw the button; it cannot be pressed where the wall-clock time is unknown.

    Args:
        place: Where to draw it.
        moment: The wall-clock time; None where unknown.
        key: Names the button.
    """
    why = _HELP if moment else "The clock of this recording is unknown."
    place.button(
        _LABEL,
        icon=_ICON,
        key=key,
        type="tertiary",
        help=why,
        disabled=moment is None,
        on_click=open_wall,
        args=(moment,),
    )


def link(moment: datetime, *, key: str) -> None:
    """Draw the link; for other pages than that of the review.

    Args:
        moment: The wall-clock time.
        key: Names the container of the link.
    """
    with st.container(key=key, width="content"):
        st.page_link(
            page_of_app("Review"), label=_LABEL, icon=_ICON, help=_HELP, query_params=_address(moment)
        )


def open_wall(moment: datetime | None) -> None:
    """Turn the review page to its cameras at a moment; for callbacks of that page."""
    if moment is None:
        return
    aware, state = _aware(moment), st.session_state
    state.review_view = "Cameras"
    state.wall_moment, state.wall_playing, state.wall_day = aware, None, aware.date()
    state.pop("wall", None)
    st.query_params.from_dict(_address(aware))


def _address(moment: datetime) -> dict[str, str]:
    """What the address of the review page says of a moment."""
    return {"view": "cameras", "moment": _aware(moment).isoformat()}


def _aware(moment: datetime) -> datetime:
    """A moment with its zone; without one it is assumed to be that of this machine, as on the wall itself."""
    return moment if moment.tzinfo else moment.astimezone()
