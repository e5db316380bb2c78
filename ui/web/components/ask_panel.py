"""A box to ask the model about what is playing, and to point at things in it; keeps no answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import FootageError, UsageError
from footage.core.types import Span, Video
from service.watched import SegmentRequest, ask_segment
from ui.text import count
from ui.web.components import markup, notices
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    import numpy as np

MOST_CHARACTERS = 500
"""Longest question."""
MOST_WINDOWS = 8
"""Longest segment, in windows: a page cannot stop a running question."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """The answer about a moment."""

    content_id: str
    shown: Span
    html: str
    picture: np.ndarray | None = None


def box(desk: Desk, video: Video, path: str, span: Span) -> None:
    """Draw the box; a question goes to the model alone, and is about what lies between the player's points.

    Args:
        desk: Where the model is.
        video: What is playing.
        path: A file that holds it.
        span: What was found, in video time.
    """
    with st.expander("Ask about this moment", icon=":material/chat_bubble:"):
        st.fragment(_box)(desk, video, path, span)


def _box(desk: Desk, video: Video, path: str, span: Span) -> None:
    state = st.session_state
    with st.form("moment", border=False):
        words = st.text_input("Your question", max_chars=MOST_CHARACTERS, placeholder="What is it carrying?")
        with st.container(horizontal=True, gap="small"):
            asked = st.form_submit_button("Ask", type="primary")
            pointed = st.form_submit_button("Point") if _may_point(desk) else False
    if asked or pointed:
        chosen = state.get("in_out", span)
        with st.spinner("The model is working."):
            state.moment_reply = _reply(desk, video, path, chosen, words, point=pointed)
        state.moment_span = span
    reply: _Reply | None = state.get("moment_reply")
    if reply is None or (reply.content_id, state.moment_span) != (video.content_id, span):
        return
    st.html(reply.html)
    if reply.picture is not None:
        st.image(reply.picture)


def _reply(desk: Desk, video: Video, path: str, span: Span, words: str, *, point: bool) -> _Reply:
    """The model's answer, or what is wrong."""
    request = SegmentRequest(path=path, video=video, span=span, question=words, most_windows=MOST_WINDOWS)
    try:
        return (_pointed if point else _answered)(desk, request)
    except FootageError as error:
        return _Reply(video.content_id, span, notices.problem(error))


def _answered(desk: Desk, request: SegmentRequest) -> _Reply:
    """Answers, window by window."""
    pieces = []
    for each in ask_segment(desk.service, request):
        lines = "<br>".join(map(markup.text, each.text.splitlines()))
        pieces.append(f"<p><b>{markup.clock_span(each.span)}</b> {lines}</p>")
    return _Reply(request.video.content_id, request.span, "".join(pieces))


def _pointed(desk: Desk, request: SegmentRequest) -> _Reply:
    """The picture in the middle, with the points on it."""
    from service.watched import point_in_middle

    made = point_in_middle(desk.service, request)
    found = (
        f"<p><b>{markup.clock(made.seconds)}</b> {count(made.count, 'object')}: {markup.text(made.text)}</p>"
    )
    return _Reply(request.video.content_id, request.span, found, made.picture)


def _may_point(desk: Desk) -> bool:
    """Whether the model can point; of a folder that is not known before it is loaded."""
    try:
        desk.service.check_skill("point")
    except UsageError:
        return False
    return True
