"""Where to go from an answer: moments like it, its camera, its time; asks, and searches nothing itself."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from footage.core.timecode import format_time
from footage.core.types import File, Match
from ui.web.components import (
    asking,
    evidence,
    picture_form,
    questions,
    quotes,
    review_cards,
    shortcuts,
    wall_link,
)
from ui.web.components.asking import Question
from ui.web.components.resources import Desk


def show(desk: Desk, question: Question, match: Match, file: File | None) -> None:
    """Draw the buttons below an answer's player."""
    at_seconds = quotes.shown_at(match)
    with st.container(horizontal=True, vertical_alignment="center", key="lead_on", gap="small"):
        if not picture_form.why_not(desk):
            _step("Similar pictures", "image_search", asking.ask_moment, match.path, at_seconds)
        if question.picture:
            _step("Not like this", "hide_image", asking.exclude_moment, match.path, at_seconds)
        if match.text:
            middle = match.span.middle_seconds
            _step("More like this", "manage_search", asking.ask_like, f"{match.path}@{format_time(middle)}")
        if (question.text or question.picture) and file is not None:
            if file.camera:
                narrowed = questions.narrowed(question.text, camera=file.camera)
                _step("In this camera", "videocam", asking.ask, narrowed)
            if moments := evidence.around(file, match.span):
                narrowed = questions.narrowed(question.text, after=moments[0], before=moments[1])
                _step("At this time", "schedule", asking.ask, narrowed)
        if desk.search_page is not None and (moment := review_cards.wall_moment(file, at_seconds)):
            wall_link.link(moment, key="go_cameras")
            shortcuts.show([shortcuts.Shortcut("c", "All cameras at this moment", "go_cameras")])


def _step(label: str, icon: str, act: Callable[..., None], *arguments: object) -> None:
    st.button(
        label, icon=f":material/{icon}:", key=f"go_{icon}", type="tertiary", on_click=act, args=arguments
    )
