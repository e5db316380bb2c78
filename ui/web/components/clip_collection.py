"""The clips that one visitor has collected for a reel, in their order; kept for the visit, writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from service.export import Clip

MOST = 100
"""Clips that a tray holds."""


def clips() -> list[Clip]:
    """The clips, in order."""
    held: list[Clip] = st.session_state.setdefault("tray", [])
    return held


def add(clip: Clip) -> bool:
    """Put a clip at the end, unless the very same moment is there; whether it was put."""
    held = clips()
    same = any((other.path, other.span) == (clip.path, clip.span) for other in held)
    if not same and len(held) < MOST:
        held.append(clip)
        return True
    return False


def put(chosen: Iterable[Clip]) -> None:
    """Have these clips, and no others."""
    st.session_state.tray = list(chosen)[:MOST]


def take_out(number: int) -> None:
    """Take out the clip at a place, from 0."""
    del clips()[number]


def move(number: int, by: int) -> None:
    """Move a clip up (-1) or down (1)."""
    held, other = clips(), number + by
    if 0 <= other < len(held):
        held[number], held[other] = held[other], held[number]
