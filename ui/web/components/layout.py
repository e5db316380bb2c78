"""The two columns of a page with a player: what is listed, and the stage that stays in view; draws neither.

At every width the stage stays where it can be seen: beside the list it is sticky, on a phone it is docked at
the bottom as a small player, which a tap brings up to full. The looks are in ``styles/layout.css``.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.web import styles


def halves(*, key: str = "halves", dock: bool = True) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The column of the list, and the one of the stage.

    The stage's content belongs into a container with the key "stage".

    Args:
        key: Names the two on the page.
        dock: Whether a phone docks the stage; else it stays where it stands, above the list.
    """
    styles.load("layout")
    with st.container(key=f"{key}_layout" if dock else f"{key}_layout_in_place"):
        left, right = st.columns([7, 6], gap="large")
    return left, right
