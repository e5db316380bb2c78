"""The highlights page: a reel on the cutting table, the other reels, and what a reel is exported as."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from service import browse, reels
from service.reels import LONGEST_WANTED_SECONDS as LONGEST
from service.reels import (
    MOST_CHARACTERS,
    MoveClipsRequest,
    NameReelRequest,
    Reel,
    ReelChoice,
    TrimClipRequest,
)
from ui.text import count, plain
from ui.web import styles
from ui.web.access.visitor import editing
from ui.web.components import clip_collection, export_panel, markup, pages, reel_search, shortcuts, strip
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk
from ui.web.components.shortcuts import Shortcut

Made = TypeVar("Made")
_SEEN = "reel_seen"
_SHOWN = 3
"""Videos in the picture of an empty reel."""
_NO_CLIPS = (
    "<p>Search for a moment and press <b>Add to highlights</b> (key <kbd>e</kbd>), or let a query choose "
    "the best clips. Here you put them in order, trim them, play the whole reel and export it.</p>"
)


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    pages.begin()
    styles.load("highlights")
    desk.service.store()  # an index that is missing says so before anything else
    listed = reels.reels(desk.service)
    reel = clip_collection.current(desk.service)
    with st.container(horizontal=True, vertical_alignment="center", key="reel_head"):
        st.html('<h1 class="fx-reel-title">Highlights</h1>')
        _choice(listed, reel)
        _menu(desk, reel)
        _steps(desk, reel)
    _undo_removal(desk)
    if reel is None or not reel.clips:
        title = f"“{markup.text(reel.name)}” has no clips yet" if reel else "No clips yet"
        st.html(f'<div class="fx-empty fx-reel-empty">{_film(desk)}<h2>{title}</h2>{_NO_CLIPS}</div>')
        reel_search.show(desk, reel, expanded=True)
        return
    with st.container(key="cutting_table"):
        strip.show(reel, on_edit=lambda edit: _edit(desk, edit))
    reel_search.show(desk, reel, expanded=False)
    with st.container(key="export_place"):
        export_panel.show(desk, reel.playable, reel.name)


def _film(desk: Desk) -> str:
    """What a reel is, as a picture: a strip of clips of this index with room for one more."""
    first = browse.first_videos(desk.service, _SHOWN)
    videos = browse.videos(desk.service, first)
    frames = "".join(
        f'<span><img alt="" src="{picture_address(content_id, video.duration_seconds / 2, file)}"></span>'
        for content_id, video in videos.items()
        if (file := browse.file_at(desk.service, browse.path_of(desk.service, content_id)))
    )
    return f'<div class="fx-film" aria-hidden="true">{frames}<span class="fx-room">+</span><u></u></div>'


# -- Reels ------------------------------------------------------------------


def _choice(listed: list[reels.ReelSummary], reel: Reel | None) -> None:
    """Which reel is on the table."""
    if reel is None:
        return
    named = {each.id: each for each in listed}
    st.session_state.reel_choice = reel.id

    def words(reel_id: str) -> str:
        each = named[reel_id]
        length = markup.clock(round(each.seconds, 1))
        return f"{plain(each.name)} \N{MIDDLE DOT} {count(each.clips, 'clip')}, {length}"

    st.selectbox(
        "Reel",
        list(named),
        key="reel_choice",
        format_func=words,
        label_visibility="collapsed",
        width=360,
        on_change=lambda: clip_collection.choose(st.session_state.reel_choice),
    )


def _menu(desk: Desk, reel: Reel | None) -> None:
    """What can be done with reels as a whole."""
    st.button("New reel", icon=":material/add:", key="reel_new", on_click=pages.acting(_new), args=(desk,))
    if reel is None:
        return
    with st.popover("Reel", icon=":material/more_horiz:", key="reel_menu"):
        with st.form("rename_reel", border=False):
            name = st.text_input(
                "Name", value=reel.name, max_chars=MOST_CHARACTERS, key=f"reel_name_{reel.id}"
            )
            if st.form_submit_button("Rename", width="stretch"):
                pages.acting(_rename)(desk, reel.id, name)
                st.rerun()
        wanted = st.number_input(
            "Wanted length, in seconds",
            min_value=0.0,
            max_value=LONGEST,
            value=reel.wanted_seconds,
            step=5.0,
            help="0 for any length. The bar above the strip shows how much of it is used.",
            key=f"reel_wanted_{reel.id}",
        )
        if wanted != reel.wanted_seconds:
            pages.acting(_set_wanted)(desk, reel.id, wanted)
            st.rerun()
        for label, icon, act in (
            ("Duplicate", "content_copy", _duplicate),
            ("Delete", "delete", _remove),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                key=f"reel_{label.lower()}",
                width="stretch",
                on_click=pages.acting(act),
                args=(desk, reel),
            )


def _new(desk: Desk) -> str:
    name = reels.free_name(desk.service, reels.FIRST_NAME)
    made = _doing(desk, "new", lambda: reels.create_reel(desk.service, NameReelRequest(name=name)))
    clip_collection.choose(made.id)
    return f"“{made.name}” is ready. Rename it in the menu beside it."


def _rename(desk: Desk, reel_id: str, name: str) -> str:
    request = NameReelRequest(id=reel_id, name=name)
    _doing(desk, "rename", lambda: reels.rename_reel(desk.service, request), reel_id)
    return f"Renamed to “{request.name}”."


def _set_wanted(desk: Desk, reel_id: str, seconds: float) -> None:
    _doing(desk, "length", lambda: reels.set_wanted_length(desk.service, reel_id, seconds), reel_id)


def _duplicate(desk: Desk, reel: Reel) -> str:
    name = reels.free_name(desk.service, f"{reel.name[: MOST_CHARACTERS - 5]} copy")
    request = NameReelRequest(id=reel.id, name=name)
    made = _doing(desk, "duplicate", lambda: reels.duplicate_reel(desk.service, request), reel.id)
    clip_collection.choose(made.id)
    return f"“{made.name}” is on the table."


def _remove(desk: Desk, reel: Reel) -> None:
    _doing(desk, "remove", lambda: reels.remove_reel(desk.service, reel.id), reel.id)
    st.session_state.reel_removed = (reel.id, reel.name)


def _restore(desk: Desk, reel_id: str) -> None:
    _doing(desk, "restore", lambda: reels.restore_reel(desk.service, reel_id), reel_id)
    clip_collection.choose(reel_id)
    st.session_state.pop("reel_removed", None)


def _undo_removal(desk: Desk) -> None:
    """Offer a reel that was just removed."""
    removed = st.session_state.get("reel_removed")
    if not removed:
        return
    reel_id, name = removed
    with st.container(horizontal=True, vertical_alignment="center", key="reel_removed_note"):
        st.html(f'<div class="fx-notice"><b>“{markup.text(name)}” was deleted.</b></div>')
        st.button("Undo delete", key="reel_restore", on_click=pages.acting(_restore), args=(desk, reel_id))


# -- Changes ---------------------------------------------------------------


def _steps(desk: Desk, reel: Reel | None) -> None:
    """Undo and redo, and the keys of the page."""
    if reel is None:
        return
    _note(reel)
    for way, key, icon, what in (
        ("undo", "z", "undo", reel.undoes),
        ("redo", "Shift+z", "redo", reel.redoes),
    ):
        st.button(
            way.capitalize(),
            icon=f":material/{icon}:",
            key=f"reel_{way}",
            help=f"{way.capitalize()}: {what} ({key})" if what else f"Nothing to {way} ({key})",
            disabled=not what,
            on_click=pages.acting(_step),
            args=(desk, reel.id, way),
        )
    shortcuts.show([Shortcut("z", "Undo", "reel_undo"), Shortcut("Shift+z", "Redo", "reel_redo")])


def _step(desk: Desk, reel_id: str, way: str) -> None:
    seen = st.session_state.get(_SEEN, (None, None))
    request = ReelChoice(id=reel_id, edition=seen[1] if seen[0] == reel_id else None)
    forth = way == "redo"
    _doing(desk, way, lambda: reels.step_reel(desk.service, request, "redo" if forth else "undo"), reel_id)


def _edit(desk: Desk, edit: strip.StripEdit) -> bool:
    """Make a change of the strip; a refused one is said on the page, and the newest state shown."""
    request = edit.request

    def make() -> Reel:
        if isinstance(request, MoveClipsRequest):
            return reels.move_clips(desk.service, request)
        if isinstance(request, TrimClipRequest):
            return reels.trim_clip(desk.service, request)
        return reels.remove_clips(desk.service, request)

    what = type(request).__name__.removesuffix("Request")
    made: list[Reel] = []
    pages.acting(lambda: made.append(_doing(desk, what, make, request.id)))()
    return bool(made)


def _doing(desk: Desk, change: str, act: Callable[[], Made], reel_id: str = "") -> Made:
    """Do something to a reel, and write it into the audit log."""
    with editing(desk.settings, "reel", change=change, reel=reel_id):
        made = act()
    if isinstance(made, Reel):
        _note(made)
    return made


def _note(reel: Reel) -> None:
    """Remember the edition that this visitor has seen or made: a key may come before it is drawn."""
    st.session_state[_SEEN] = (reel.id, reel.edition)
