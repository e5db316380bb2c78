"""What the review and library pages share: their style, troubles that outlast a click, who is at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

import streamlit as st

from footage.core.config import Settings
from footage.core.errors import FootageError
from footage.core.types import Span, Video
from service import browse, marks
from service.transcript import transcripts
from ui.web import index_jobs, styles
from ui.web.access.visitor import current_access, may_edit, visitor
from ui.web.components import asking, notices, picture_form, player
from ui.web.components.resources import Desk

P = ParamSpec("P")


def begin() -> None:
    """Load the style, and say what the last click ran into or came to."""
    styles.load("pages")
    state = st.session_state
    if trouble := state.pop("page_trouble", None):
        st.html(notices.problem(trouble))
    if remark := state.pop("page_remark", None):
        st.toast(remark)


def acting(act: Callable[P, str | None]) -> Callable[P, None]:
    """Make a callback of an act: its words are shown in passing, its error as a sentence on the page."""

    @wraps(act)
    def callback(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            st.session_state.page_remark = act(*args, **kwargs)
        except FootageError as error:
            st.session_state.page_trouble = error

    return callback


def author(desk: Desk) -> None:
    """Ask who is at work, once a session; the name is in the session state as "author".

    Where only this machine reaches the app, the name that was last signed with is suggested.
    """
    _suggest_author(desk)
    st.text_input("Your name", key="author", max_chars=80, placeholder="Your name", persist_state="session")


def person(desk: Desk) -> str:
    """Whose own state this is: the name that a proxy asked for, or the one that is typed.

    Without either it is that of this machine, where no other one reaches the app; otherwise nobody's: empty.
    """
    if user := visitor().user:
        return user
    if may_edit():
        _suggest_author(desk)
    return signed() or ("(this machine)" if index_jobs.on_this_machine_alone(_address()) else "")


def _suggest_author(desk: Desk) -> None:
    """Begin with the name that was last signed with, where only this machine reaches the app."""
    state = st.session_state
    if "author" not in state:
        state.author = marks.last_author(desk.service) if index_jobs.on_this_machine_alone(_address()) else ""


def signed() -> str:
    """Who is at work, as typed."""
    return str(st.session_state.get("author", "")).strip()


def may_index(settings: Settings) -> bool:
    """Whether this visitor may start index runs."""
    access = current_access()
    if access is not None and settings.allow_indexing_from_app is None:
        return may_edit() and access.may_index_by_default
    return may_edit() and index_jobs.allowed(settings, _address())


def play(
    desk: Desk,
    video: Video,
    path: str,
    span: Span,
    *,
    text: str,
    matches: Sequence[Span] = (),
    words: player.VideoWords | None = None,
    autoplay: bool,
    tracks: Sequence[player.FollowedObject] = (),
    upcoming: Sequence[player.Upcoming] = (),
) -> None:
    """Show a moment of a video in the player; its words are read from the index unless given.

    ``tracks`` and ``upcoming`` are as of ``player.show``.
    """
    if words is None:
        words = player.VideoWords(transcripts(desk.service, video.content_id))
    st.fragment(_played)(
        desk,
        video,
        path,
        span,
        text=text,
        matches=matches,
        words=words,
        autoplay=autoplay,
        tracks=tracks,
        upcoming=upcoming,
    )


def _played(
    desk: Desk,
    video: Video,
    path: str,
    span: Span,
    *,
    text: str,
    matches: Sequence[Span],
    words: player.VideoWords,
    autoplay: bool,
    tracks: Sequence[player.FollowedObject],
    upcoming: Sequence[player.Upcoming],
) -> None:
    """The player; its picture can be searched by, on the search page."""
    asked = player.show(
        desk.settings.cache_dir,
        video,
        path,
        span,
        outline=browse.outlines(desk.service, [video.content_id])[video.content_id],
        matches=[player.LaneMark(match, text if match == span else "") for match in matches],
        words=words,
        text=text,
        autoplay=autoplay,
        actions=() if why_no_picture_search(desk) else ("picture",),
        file=browse.file_at(desk.service, path),
        tracks=tracks,
        upcoming=upcoming,
    )
    search_picture(desk, path, asked)


def why_no_picture_search(desk: Desk) -> str:
    """Why pictures cannot be searched by; empty where they can."""
    return picture_form.why_not(desk)


def search_picture(desk: Desk, path: str, asked: player.StageState) -> None:
    """Go to the search page with the picture on show, where the player asked for that."""
    if asked.action == "picture" and asked.picture_seconds is not None and desk.search_page is not None:
        asking.ask_moment(path, asked.picture_seconds, asked.picture_box)
        st.switch_page(desk.search_page, query_params=asking.address())


def turn_to(place: int, total: int, size: int, *, key: str) -> None:
    """Turn ``paged`` to the page of the thing at a place, from 0; for callbacks."""
    pages = max(1, -(-total // size))
    if pages > 1:
        st.session_state[f"{key}_{pages}"] = place // size + 1


def paged(total: int, size: int, *, key: str) -> range:
    """Which of many things to show; draws the pages to turn where there is more than one."""
    pages = max(1, -(-total // size))
    number = st.pagination(pages, key=f"{key}_{pages}") if pages > 1 else 1
    return range((number - 1) * size, min(number * size, total))


def _address() -> str | None:
    address: str | None = st.get_option("server.address")
    return address
