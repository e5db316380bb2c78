"""What a person decides about items of the queue, one or many at once, and takes back again, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import UsageError
from service import review_queue, saved
from ui.text import count
from ui.web.access.visitor import editing
from ui.web.components import pages
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from service.marks import Mark
    from service.review_queue import Decided

MOST_STEPS = 50
"""Decisions that can be taken back."""
_DONE, _UNDONE = "queue_done", "queue_undone"
_WORDS = {"reviewed": "marked reviewed", "flagged": "flagged", "open": "reopened"}


@dataclass(frozen=True, slots=True)
class Step:
    """A decision of this person, and how it is called."""

    words: str
    """What was done: "12 marked reviewed"."""
    decided: Decided
    """What it did."""
    search_id: str
    """The saved search whose items were listed."""


def decide(desk: Desk, marks: Sequence[Mark], state: str, *, search_id: str, note: str | None = None) -> None:
    """Set the state of some items in one step that can be taken back.

    Args:
        desk: Has the index.
        marks: The items.
        state: "open", "reviewed" or "flagged".
        search_id: The saved search whose items they are.
        note: The note of the only item, where it was changed too.

    Raises:
        FootageError: the visitor may only view, an item is gone, or the index cannot be written.
    """
    author = pages.signed()
    if len(marks) == 1 and note is not None and note.strip() != marks[0].text:
        write_note(desk, marks[0], note, search_id=search_id)
    ids = tuple(mark.id for mark in marks)
    facts = {"mark": ids[0]} if len(ids) == 1 else {"marks": list(ids)}
    with editing(desk.settings, "review", **facts, state=state, signed=author):
        request = review_queue.DecideManyRequest(items=ids, state=state, author=author)
        decided = review_queue.decide_many(desk.service, request)
    words = _WORDS[state]
    _did(Step(words.capitalize() if len(ids) == 1 else f"{len(ids):,} {words}", decided, search_id))


def write_note(desk: Desk, mark: Mark, note: str, *, search_id: str) -> None:
    """Write the note of an item, as a step that can be taken back.

    Raises:
        FootageError: as ``decide``, or the note is too long.
    """
    author = pages.signed()
    with editing(desk.settings, "note", mark=mark.id, signed=author):
        left = saved.decide(desk.service, saved.DecideRequest(item=mark.id, note=note, author=author))
    _did(Step("Note kept", review_queue.Decided((mark,), (left,)), search_id))


def strip(desk: Desk) -> None:
    """Draw what was done last, with the buttons that take it back and do it again."""
    done, undone = _steps(_DONE), _steps(_UNDONE)
    if not done and not undone:
        return
    with st.container(key="queue_steps", horizontal=True, vertical_alignment="center", gap="small"):
        if done:
            st.html(f'<p class="fx-step" role="status">{done[-1].words}</p>')
            st.button(
                "Undo", icon=":material/undo:", key="queue_undo", on_click=undo, args=(desk,), type="tertiary"
            )
        if undone:
            st.button(
                "Redo", icon=":material/redo:", key="queue_redo", on_click=redo, args=(desk,), type="tertiary"
            )


@pages.acting
def undo(desk: Desk) -> str | None:
    """Take the last decision of this person back, and show its item."""
    return _back(desk, _DONE, _UNDONE, "undo")


@pages.acting
def redo(desk: Desk) -> str | None:
    """Do again what was taken back last."""
    return _back(desk, _UNDONE, _DONE, "redo")


def _back(desk: Desk, source: str, target: str, action: str) -> str | None:
    """Move the last step from one stack to the other, and the index with it."""
    steps = _steps(source)
    if not steps:
        return None
    step = steps[-1]
    ids = [mark.id for mark in step.decided.after]
    with editing(desk.settings, f"{action} review", marks=ids, signed=pages.signed()):
        try:
            back = review_queue.put_back(desk.service, step.decided)
        except UsageError:  # somebody else decided: it will never be possible, and an earlier step may be
            steps.pop()
            raise
    steps.pop()
    _steps(target).append(Step(step.words, back, step.search_id))
    state = st.session_state
    state.queue_search, state.queue_item, state.queue_clicked = step.search_id, back.after[0].id, False
    state.queue_follow = True
    left = len(ids) - len(back.after)
    return f"{count(left, 'item')} changed by somebody else stayed as they are" if left else None


def _did(step: Step) -> None:
    done = _steps(_DONE)
    done.append(step)
    del done[:-MOST_STEPS]
    _steps(_UNDONE).clear()


def _steps(key: str) -> list[Step]:
    steps: list[Step] = st.session_state.setdefault(key, [])
    return steps
