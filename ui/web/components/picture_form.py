"""The part of the search box for pictures: takes one, and shows it with its box; searches nothing."""

from __future__ import annotations

import streamlit as st

from footage.core.errors import FootageError
from footage.core.timecode import parse_time
from service import browse
from service.picture_previews import PicturePreview, picture_preview
from service.picture_search import PictureSource
from ui.text import plain
from ui.web.components import asking, markup, notices, pictures
from ui.web.components.resources import Desk

_PANEL_SIDE = 720
"""Longest side, in pixels, of a picture in the panel."""


def picker(desk: Desk) -> None:
    """Draw the button that takes a picture."""
    label = "Another picture" if st.session_state.picture else "By picture"
    pictures.picker(_take, _refuse, why_not=why_not(desk), label=label)


def why_not(desk: Desk) -> str:
    """Why the index cannot be searched by picture; empty where it can."""
    if browse.has_images(desk.service):
        return ""
    return "The index has no image vectors. Make them with: footage index FOLDER --tracks image"


def panel(desk: Desk) -> str:
    """Draw the picture that is searched by, and return what it is called; empty for none.

    One that cannot be read is dropped with a sentence.
    """
    state = st.session_state
    if trouble := state.pop("picture_trouble", None):
        st.html(notices.problem(trouble))
    if state.picture is None:
        return ""
    try:
        shown = _shown(desk, state.picture, state.get("picture_name", ""))
        without = [_shown(desk, each) for each in state.without]
    except FootageError as error:
        st.html(notices.problem(error))
        state.picture, state.without = None, ()
        return ""
    pictures.panel(
        shown,
        state.picture.box,
        without,
        draw_box=asking.draw_box,
        remove=asking.remove_picture,
        allow=asking.allow,
    )
    return shown.name


def _shown(desk: Desk, picture: PictureSource, name: str = "") -> pictures.PanelPicture:
    """A picture as the page shows it; decoded once while it is asked by."""
    state = st.session_state
    whole = picture.model_copy(update={"box": None})
    known: dict[PictureSource, PicturePreview | None] = state.setdefault("picture_previews", {})
    wanted = {each.model_copy(update={"box": None}) for each in (state.picture, *state.without)}
    state.picture_previews = known = {each: known[each] for each in known if each in wanted}
    if whole not in known:
        with st.spinner("Reading the picture"):
            known[whole] = picture_preview(desk.service, whole, max_side=_PANEL_SIDE)
    preview = known[whole]
    video, _, at = picture.moment.rpartition("@")
    called = f"{markup.file_name(video)} at {markup.clock(parse_time(at))}" if video else name
    if preview is None:
        return pictures.PanelPicture(plain(called), b"", 0, 0)
    return pictures.PanelPicture(plain(called), preview.jpeg, preview.width, preview.height)


def _take(upload: pictures.Upload) -> None:
    """Ask by a picture that was given."""
    asking.ask_picture(PictureSource(data=upload.data), upload.name)


def _refuse(trouble: FootageError) -> None:
    st.session_state.picture_trouble = trouble
