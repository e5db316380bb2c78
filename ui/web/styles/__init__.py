"""The styles of the app: base.css on every page, and a file for each page beside it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent


def load(*names: str) -> None:
    """Load style sheets of this folder, by name without ending."""
    for name in names:
        st.html(_HERE / f"{name}.css")
