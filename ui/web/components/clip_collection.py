"""The reel that one visitor collects clips into: the one chosen in this visit, else the last one changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.config import load_settings
from service import reels
from service.reels import FIRST_NAME, MOST_CLIPS, AddClipsRequest, NameReelRequest, Reel
from ui.web.access.visitor import editing, may_edit
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from footage.core.types import Match
    from service.export import Clip
    from service.session import Service

MOST = MOST_CLIPS
"""Clips that a reel holds."""
_KEY = "reel_id"


def current(service: Service) -> Reel | None:
    """The reel that clips are added to; None while there is none.

    Raises:
        StoreError: the index or its state cannot be read.
    """
    chosen = st.session_state.get(_KEY)
    found = reels.reel(service, chosen) if chosen else None
    if found is None:
        listed = reels.reels(service)
        found = reels.reel(service, listed[0].id) if listed else None
    if found is not None:
        choose(found.id)
    return found


def choose(reel_id: str) -> None:
    """Add to another reel from now on."""
    st.session_state[_KEY] = reel_id


def clips() -> list[Clip]:
    """The clips of the current reel whose video the index still has, in order.

    Raises:
        StoreError: the index or its state cannot be read.
    """
    reel = current(_desk().service)
    return list(reel.playable) if reel else []


def add(clip: Clip) -> bool:
    """Put a clip at the end of the current reel, unless the very same moment is there; whether it was put.

    Raises:
        UsageError: the visitor may only view.
        StoreError: the state of the index cannot be written.
    """
    return add_clips([clip]) == 1


def add_clips(chosen: Sequence[Clip]) -> int:
    """As ``add``, several at once and in one step of undo; how many were put."""
    desk = _desk()
    with editing(desk.settings, "reel", change="add", clips=len(chosen)):
        reel = current(desk.service) or reels.create_reel(desk.service, NameReelRequest(name=FIRST_NAME))
        reel, added = reels.add_clips(desk.service, AddClipsRequest(id=reel.id, clips=tuple(chosen)))
        choose(reel.id)
    return added


def add_all(matches: Sequence[Match], *, query: str) -> int:
    """Put every match that was found at the end of the current reel; how many were put.

    Args:
        matches: Answers of a search; only those with the verdict "found" that can be reached are taken.
        query: What was looked for.

    Raises:
        UsageError: the visitor may only view.
        StoreError: the index or its state cannot be read or written.
    """
    from service.export_clips import clips_from

    found = [match for match in matches if match.verdict == "found" and not match.offline]
    return add_clips(clips_from(_desk().service, found, query=query)) if found else 0


def add_all_button(matches: Sequence[Match], *, query: str) -> None:
    """A button that adds all matches that were found; none where there is nothing to add, or no right to."""
    found = sum(match.verdict == "found" and not match.offline for match in matches)
    if found < 2 or not may_edit():
        return

    def add_them() -> None:
        added = add_all(matches, query=query)
        name = reel.name if (reel := current(_desk().service)) else FIRST_NAME
        st.toast(f"Added {added} to “{name}”." if added else f"All of them are in “{name}” already.")

    st.button(f"Add all {found} found", icon=":material/playlist_add:", key="add_all", on_click=add_them)


def _desk() -> Desk:
    return Desk(load_settings())
