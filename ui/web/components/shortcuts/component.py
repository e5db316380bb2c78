"""Gives a page keys: each presses the page's own button, so that a key does nothing that a press cannot.

``keyboard.js`` is the one place that listens, for page and player alike, and that draws the "?" sheet from
the tables of both.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A key and what it does."""

    key: str
    """As ``KeyboardEvent.key`` says it, in small letters; "Shift+a" with Shift."""
    does: str
    """What it does, in a few words."""
    target: str
    """Key of the Streamlit element whose button or link is pressed, or whose field gets the focus."""


def show(shortcuts: Sequence[Shortcut], *, key: str = "shortcuts") -> None:
    """Draw nothing, and listen to the keys of a page.

    Args:
        shortcuts: The keys.
        key: Names the widget.
    """
    listed = tuple(asdict(each) for each in shortcuts)  # for a list Streamlit would load pandas first
    _component()(key=key, data={"shortcuts": listed}, height=1)


def everywhere() -> None:
    """Draw nothing, and listen to the keys that every page has: the search box and the sheet."""
    show((), key="shortcuts_everywhere")


@functools.cache
def _component() -> Any:
    scripts = [(_HERE / name).read_text("utf-8") for name in ("keyboard.js", "shortcuts.js")]
    return st.components.v2.component(
        "footage_shortcuts", html='<span hidden aria-hidden="true"></span>', js="\n".join(scripts)
    )
