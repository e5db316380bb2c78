"""Listens to the cards of the answers, and marks the one that plays; draws nothing itself.

The cards are HTML of the page. A press on one comes back as a few words, which are not trusted.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import streamlit as st

from ui.web.components.answer_groups import read_key

KEY = "answers"
"""Key of the widget: in the session only while the page with the answers is the one on show."""
Doing = Literal["play", "accept", "reject", "undo", "export", "hold"]
_DOINGS = get_args(Doing)
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class AnswerPress:
    """What was pressed on a card."""

    do: Doing
    """"play", "accept", "reject", "undo" (the judgement), "export" (to the highlights), or "hold": a person
    uses the player."""
    key: str
    """Names the answer; there may be none of that name."""


def show(chosen: str, address: Mapping[str, str], *, checking: bool) -> None:
    """Listen to the cards on the page.

    Args:
        chosen: Key of the answer in the player; empty for none.
        address: Parameters of the page's address, by name; an empty one is taken out. The address is
            replaced: the browser's way back leads to the question before.
        checking: Whether the model is at work, so that it counts when a person uses the player.
    """
    parameters = tuple(address.items())  # for a dictionary Streamlit would load pandas first
    _component()(
        key=KEY,
        data={"chosen": chosen, "address": parameters, "checking": checking},
        on_asked_change=_nothing,
        height=1,
    )


def pressed() -> AnswerPress | None:
    """What was pressed since the last run; None for nothing, or for nonsense."""
    sent = st.session_state.get(KEY)
    asked = sent.get("asked") if isinstance(sent, dict) else None
    if not isinstance(asked, dict):
        return None
    do, key = asked.get("do"), asked.get("key")
    if do not in _DOINGS or not isinstance(key, str) or read_key(key) is None:
        return None
    return AnswerPress(cast("Doing", do), key)


@functools.cache
def _component() -> Any:
    return st.components.v2.component(
        "footage_answers",
        html="<span hidden></span>",
        js=(_HERE / "answers.js").read_text("utf-8"),
    )


def _nothing() -> None:
    """Streamlit passes on only what has a callback."""
