"""A box to ask the model about what is playing, and to point at things in it; keeps no answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import DecodeError, FootageError, UsageError
from footage.core.types import Span, Video
from service import sources
from ui.text import count
from ui.web.components import markup, notices
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    import numpy as np

    from footage.vlm.protocol import VideoModel

MOST_CHARACTERS = 500
"""Longest question."""
MOST_WINDOWS = 8
"""Longest stretch, in windows: a page cannot stop what it has begun."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """What was said of which moment."""

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
            pointed = st.form_submit_button("Point") if _points(desk.settings.model) else False
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
    """What the model says, or what is wrong."""
    try:
        with sources.unchanged(path, desk.store.files.at(path)):
            model = desk.service.model()
            timeout = desk.settings.decode_timeout_seconds
            return (_pointed if point else _answered)(model, video, path, span, words, timeout)
    except FootageError as error:
        return _Reply(video.content_id, span, notices.problem(error))


def _answered(
    model: VideoModel, video: Video, path: str, span: Span, words: str, timeout_seconds: float
) -> _Reply:
    """Answers, window by window."""
    from footage.inference.segment_queries import Segment, ask_segment
    from footage.vlm.contract import ask_prompt, read_text

    prompt = ask_prompt(words, model.profile)
    if span.duration_seconds > MOST_WINDOWS * model.profile.window_seconds:
        raise UsageError(
            f"the stretch lasts {span.duration_seconds:.0f} s, and the model sees "
            f"{model.profile.window_seconds:g} s at a time",
            hint="Move the player's points closer together, or ask with `footage ask` on the command line.",
        )
    pieces = []
    for each in ask_segment(model, Segment(Path(path), video, span), prompt, timeout_seconds=timeout_seconds):
        if each.answer is None:
            raise DecodeError(each.problem)
        lines = "<br>".join(map(markup.text, read_text(each.answer).splitlines()))
        pieces.append(f"<p><b>{markup.clock_span(each.shown.span)}</b> {lines}</p>")
    return _Reply(video.content_id, span, "".join(pieces))


def _pointed(
    model: VideoModel, video: Video, path: str, span: Span, words: str, timeout_seconds: float
) -> _Reply:
    """The picture in the middle, with what was pointed at on it."""
    from footage.inference.segment_queries import Segment, ask_segment
    from footage.media.annotate import Drawing
    from footage.media.sandbox import painted_picture
    from footage.vlm.pointing import point_prompt, read_places

    middle = round((span.start_seconds + span.end_seconds) / 2, 3)
    scene = Segment(Path(path), video, Span(middle, middle))
    [window] = ask_segment(model, scene, point_prompt(words, model.profile), timeout_seconds=timeout_seconds)
    if window.answer is None:
        raise DecodeError(window.problem)
    places = read_places(window.answer, window.shown)
    drawing = Drawing([*places.paths.values()], width=video.width, height=video.height)
    picture = painted_picture(path, middle, drawing, timeout_seconds=timeout_seconds)
    found = (
        f"<p><b>{markup.clock(middle)}</b> {count(places.count, 'object')}: {markup.text(places.text)}</p>"
    )
    return _Reply(video.content_id, span, found, picture)


def _points(name: str) -> bool:
    """Whether the model of a name can point; of a folder that is not known before it is loaded."""
    from footage.vlm.profiles import find_profile

    profile = find_profile(name)
    return profile is None or "point" in profile.skills
