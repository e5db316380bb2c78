"""A box to ask the model about what is playing, and to point at things or track them; keeps no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from footage.core.errors import FootageError, UsageError
from footage.core.types import Span, Video
from service.watched import FollowedPath, SegmentRequest, ask_segment
from ui.text import count, sentence
from ui.web.components import markup, notices
from ui.web.components.addresses import picture_address
from ui.web.components.player import FollowedObject
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    import numpy as np

MOST_CHARACTERS = 500
"""Longest question."""
MOST_WINDOWS = 8
"""Longest segment, in windows: a page cannot stop a running question."""
DESCRIBE = "Describe what happens here."
"""What is asked where nothing was typed."""
_Act = Literal["ask", "point", "track"]


@dataclass(frozen=True, slots=True)
class _Reply:
    """The answer about a moment."""

    content_id: str
    shown: Span
    html: str
    picture: np.ndarray | None = None
    objects: tuple[FollowedObject, ...] = ()


def box(desk: Desk, video: Video, path: str, span: Span) -> None:
    """Draw the box; a question goes to the model alone, and is about what lies between the player's points.

    Args:
        desk: Where the model is.
        video: What is playing.
        path: A file that holds it.
        span: What was found, in video time.
    """
    with st.expander("Ask about this moment", icon=":material/chat_bubble:", key="ask_panel"):
        st.fragment(_box)(desk, video, path, span)


def objects(content_id: str) -> Sequence[FollowedObject]:
    """What was pointed at or followed in a video last, for the player to draw over the picture."""
    reply: _Reply | None = st.session_state.get("moment_reply")
    return reply.objects if reply is not None and reply.content_id == content_id else ()


def _box(desk: Desk, video: Video, path: str, span: Span) -> None:
    state = st.session_state
    chosen: Span = state.get("in_out", span)
    able = {skill: _lacks(desk, skill) for skill in ("point", "track")}
    st.html(f'<p class="fx-sub">From in to out: {markup.clock_span(chosen)}</p>')
    with st.form("moment", border=False):
        words = st.text_input(
            "Your question",
            max_chars=MOST_CHARACTERS,
            placeholder="What is it carrying? To point: the red car",
        )
        acts: dict[_Act, bool] = {}
        with st.container(horizontal=True, gap="small"):
            acts["ask"] = st.form_submit_button("Ask", type="primary")
            described = st.form_submit_button("Describe this moment", icon=":material/notes:")
            if not able["point"]:
                acts["point"] = st.form_submit_button("Point", icon=":material/my_location:")
            if not able["track"]:
                acts["track"] = st.form_submit_button("Track", icon=":material/route:")
    if able["point"] and able["track"]:
        st.html(f'<p class="fx-sub">{markup.text(sentence(able["point"]))}</p>')
    act: _Act | None = "ask" if described else next((each for each, pressed in acts.items() if pressed), None)
    if act:
        with st.spinner("The model is working."):
            state.moment_reply = _reply(desk, video, path, chosen, DESCRIBE if described else words, act)
        state.moment_span = span
        if objects(video.content_id):
            st.rerun()  # the player, which stands elsewhere, draws them
    reply: _Reply | None = state.get("moment_reply")
    if reply is None or (reply.content_id, state.moment_span) != (video.content_id, span):
        return
    st.html(reply.html)
    if reply.picture is not None:
        st.image(reply.picture)


def _reply(desk: Desk, video: Video, path: str, span: Span, words: str, act: _Act) -> _Reply:
    """The model's answer, or what is wrong."""
    request = SegmentRequest(path=path, video=video, span=span, question=words, most_windows=MOST_WINDOWS)
    answer = {"ask": _answered, "point": _pointed, "track": _tracked}[act]
    try:
        return answer(desk, request)
    except FootageError as error:
        return _Reply(video.content_id, span, notices.problem(error))


def _answered(desk: Desk, request: SegmentRequest) -> _Reply:
    """Answers, window by window, each with the picture in its middle."""
    pieces, said = [], []
    for each in ask_segment(desk.service, request):
        lines = "<br>".join(map(markup.text, each.text.splitlines()))
        seen = picture_address(request.video.content_id, each.span.middle_seconds)
        pieces.append(
            f'<div class="fx-reply"><img src="{markup.text(seen)}" alt="" loading="lazy">'
            f"<p><b>{markup.clock_span(each.span)}</b> {lines}</p></div>"
        )
        said.append(f"{markup.clock_span(each.span)} {each.text}")
    copied = markup.text(" ".join("  ".join(said).split()))
    button = f'<button type="button" class="fx-copy" data-copy="{copied}">Copy</button>'
    return _Reply(request.video.content_id, request.span, "".join(pieces) + button)


def _pointed(desk: Desk, request: SegmentRequest) -> _Reply:
    """The picture in the middle, with the points on it."""
    from service.watched import point_in_middle

    made = point_in_middle(desk.service, request)
    found = (
        f"<p><b>{markup.clock(made.seconds)}</b> {count(made.count, 'object')}: {markup.text(made.text)}</p>"
    )
    drawn = _objects(made.paths, request.question)
    return _Reply(request.video.content_id, request.span, found, made.picture, drawn)


def _tracked(desk: Desk, request: SegmentRequest) -> _Reply:
    """The objects that were followed; the player draws them."""
    from service.watched import track_in_segment

    made = track_in_segment(desk.service, request)
    unseen = f" {count(made.unseen, 'window')} could not be decoded." if made.unseen else ""
    rows = "".join(
        f"<li>{markup.text(each.name)}: {markup.clock(each.places[0][0])} \N{EN DASH} "
        f"{markup.clock(each.places[-1][0])}</li>"
        for each in _objects(made.paths, request.question)
    )
    found = count(len(made.paths), "object")
    when = markup.clock_span(request.span)
    said = f"<p>{found} from {when}; drawn over the picture.{unseen}</p><ul>{rows}</ul>"
    if not made.paths:
        said = f"<p>Nothing to track was found from {when}.{unseen}</p>"
    return _Reply(
        request.video.content_id, request.span, said, objects=_objects(made.paths, request.question)
    )


def _objects(paths: Sequence[FollowedPath], name: str) -> tuple[FollowedObject, ...]:
    """Paths as the player draws them; several of one name are numbered."""
    name = " ".join(name.split())
    return tuple(
        FollowedObject(f"{name} {each.number}" if len(paths) > 1 else name, each.places) for each in paths
    )


def _lacks(desk: Desk, skill: Literal["point", "track"]) -> str:
    """Why the model cannot point or track; empty where it can, or where that shows when it is loaded."""
    try:
        desk.service.check_skill(skill)
    except UsageError as error:
        return f"{error}. {error.hint}" if error.hint else str(error)
    return ""
