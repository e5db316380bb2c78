"""Corrects, adds, removes and takes back events of a video: forms beside the player, and all versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.corrections import Correction, additions, redoable, standing
from footage.core.errors import UsageError
from footage.core.timecode import format_time, parse_time
from footage.core.types import Event, Span, Video
from service import browse, correct
from service.browse import VideoDetails
from ui.web.access.visitor import editing, may_edit
from ui.web.components import dates, markup, notices, pages
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from service.correct import KeptCorrection


def show(desk: Desk, details: VideoDetails, event: Event | None) -> None:
    """The forms of one video: to correct or remove the chosen event, and to add a missing one."""
    if not details.windows:
        return
    with st.container(key="correct_panel"):
        if event is not None:
            _form(desk, event, details.corrections)
        else:
            _removed(desk, details.corrections)
        _adding(desk, details.video)
        pages.author(desk)


def _form(desk: Desk, event: Event, said: Sequence[Correction]) -> None:
    """The form that corrects an event. Its fields belong to the event: another one has its own.

    Args:
        desk: What to work with.
        event: The event that is chosen.
        said: Every version of the corrections of its video.
    """
    keys = _keys(event.id)
    st.html('<h2 class="fx-panel-head">Correct this event</h2>')
    with st.form(f"correct_{event.id}", border=False):
        st.text_area(
            "What happens there", event.text, key=keys[0], max_chars=correct.MOST_CHARACTERS, height=80
        )
        _times(keys, event.span)
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button(
                "Correct", type="primary", icon=":material/edit:", on_click=_keep, args=(desk, event)
            )
            st.form_submit_button(
                "Use the player's in and out",
                icon=":material/content_cut:",
                on_click=_take_points,
                args=(keys,),
            )
    st.button(
        "Remove this event",
        icon=":material/delete:",
        key="remove_event",
        help="For what does not happen: searches no longer find it. It can be undone.",
        on_click=_remove,
        args=(desk, event),
    )
    current = _standing(event, said)
    _undo_and_redo(desk, event, said, current)


def _removed(desk: Desk, said: Sequence[Correction]) -> None:
    """What was removed a moment ago, and a button that brings it back."""
    last = st.session_state.get("removed_version")
    done = next((each for each in standing(said) if each.id == last), None)
    if done is None:
        return
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.html(f'<p class="fx-sub">Removed: {_words(done.original_text, struck=True)}</p>')
    row.button("Undo", icon=":material/undo:", key="undo_version", on_click=_undo, args=(desk, done))


def _adding(desk: Desk, video: Video) -> None:
    """The form that adds an event that no caption mentions."""
    keys = _keys(f"new_{video.content_id}")
    folded = st.expander("Add a missing event", icon=":material/add:", key="add_event")
    with folded, st.form("add_event_form", border=False):
        st.text_area("What happens there", key=keys[0], max_chars=correct.MOST_CHARACTERS, height=80)
        _times(keys, st.session_state.get("in_out") or Span(0.0, video.duration_seconds))
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button(
                "Add event", type="primary", icon=":material/add:", on_click=_add, args=(desk, video)
            )
            st.form_submit_button(
                "Use the player's in and out",
                icon=":material/content_cut:",
                on_click=_take_points,
                args=(keys,),
            )


def history(desk: Desk, details: VideoDetails) -> None:
    """Every version of every correction, by whom and when; each can be taken back or made again."""
    versions = details.corrections
    if not versions:
        st.html(
            notices.remark(
                "No corrections yet.",
                "Choose an event and change its words or times; every version is kept here."
                if may_edit()
                else "Everything is as the model captioned it.",
            )
        )
        return
    unmatched = {each.id for each in details.corrected.unmatched}
    added = additions(versions)
    groups: dict[tuple[Span, str], list[Correction]] = {}
    for each in versions:
        groups.setdefault((each.original_span, each.original_text), []).append(each)
    stands = {each.id for each in standing(versions)}
    again = {each.id: each for each in redoable(versions)}
    for number, (original, listed) in enumerate(sorted(groups.items(), key=lambda item: item[0])):
        is_added = original in added
        lost = any(each.id in unmatched for each in listed) and not is_added
        with st.container(key=f"versions_{number}"):
            st.html(_versions(original, listed, stands, added=is_added, lost=lost))
            if not may_edit():
                continue
            with st.container(horizontal=True, gap="small"):
                last = next((each for each in listed if each.id in stands), None)
                if last is not None:
                    st.button(
                        "Undo",
                        icon=":material/undo:",
                        key=f"undo_{number}",
                        on_click=_undo,
                        args=(desk, last),
                    )
                back = next((each for each in listed if each.id in again), None)
                if back is not None:
                    st.button(
                        "Redo",
                        icon=":material/redo:",
                        key=f"redo_{number}",
                        on_click=_redo,
                        args=(desk, back),
                    )


def kept_notice(kept: KeptCorrection) -> str:
    """What is shown after an event was corrected or removed."""
    removes = kept.correction.removes
    if not kept.searchable:
        return f"Kept. The current index run {'removes' if removes else 'adds'} it when it ends."
    if removes:
        return "Removed; searches no longer find it."
    return "Corrected; searchable by the new text from now on."


def corrected_ids(details: VideoDetails) -> dict[str, str]:
    """By id of each event that a person changed or added: "corrected" or "added"."""
    added = additions(details.corrections)
    return {
        each.event_id: "added" if (each.original_span, each.original_text) in added else "corrected"
        for each in standing(details.corrections)
        if not each.removes
    }


# -- What is drawn ---------------------------------------------------------


def _keys(of: str) -> tuple[str, str, str]:
    """Keys of the three fields of a form."""
    return f"right_text_{of}", f"right_start_{of}", f"right_end_{of}"


def _times(keys: tuple[str, str, str], span: Span) -> None:
    state = st.session_state  # not defaults of the fields: the player's points are put there, too
    state.setdefault(keys[1], format_time(span.start_seconds))
    state.setdefault(keys[2], format_time(span.end_seconds))
    start, end = st.columns(2)
    start.text_input("From", key=keys[1])
    end.text_input("To", key=keys[2])


def _undo_and_redo(desk: Desk, event: Event, said: Sequence[Correction], current: Correction | None) -> None:
    """What of the chosen event can be taken back, or made again."""
    again = next(
        (each for each in redoable(said) if _same_original(each, current, event)),
        None,
    )
    if current is None and again is None:
        return
    with st.container(horizontal=True, gap="small", key="undo_redo"):
        if current is not None:
            st.button(
                "Undo the last version",
                icon=":material/undo:",
                key="undo_version",
                on_click=_undo,
                args=(desk, current),
            )
        if again is not None:
            st.button("Redo", icon=":material/redo:", key="redo_version", on_click=_redo, args=(desk, again))
    if current is not None:
        original = current.original_span, current.original_text
        listed = [each for each in said if (each.original_span, each.original_text) == original]
        stands = {each.id for each in standing(said)}
        st.html(_versions(original, listed, stands, added=original in additions(said)))


def _standing(event: Event, said: Sequence[Correction]) -> Correction | None:
    """The version that makes an event what it is; None where it is as captioned."""
    return next((each for each in standing(said) if each.event_id == event.id), None)


def _same_original(version: Correction, current: Correction | None, event: Event) -> bool:
    """Whether a version was made for the caption that an event comes from."""
    if current is not None:
        return (version.original_span, version.original_text) == (
            current.original_span,
            current.original_text,
        )
    return (version.original_span, version.original_text) == (event.span, event.text)


def _versions(
    original: tuple[Span, str],
    listed: Sequence[Correction],
    stands: set[str],
    *,
    added: bool,
    lost: bool = False,
) -> str:
    """A caption and what persons made of it, oldest first; what does not count is struck out."""
    span, text = original
    counts = any(each.id in stands for each in listed)
    first = (
        ""
        if added
        else f"<li>{_words(text, struck=counts)} {markup.clock_span(span)} <small>by the model</small></li>"
    )
    lines = "".join(
        f"<li>{_said(each, struck=each.id not in stands)} <small>{_who(each, added=added)}</small></li>"
        for each in sorted(listed, key=lambda each: (each.made_at, each.id))
    )
    note = (
        '<p class="fx-sub">Its caption has changed since. The correction counts beside the new captions.</p>'
        if lost
        else ""
    )
    return f'<ol class="fx-history">{first}{lines}</ol>{note}'


def _words(text: str, *, struck: bool) -> str:
    return f"<s>{markup.text(text)}</s>" if struck else f"<b>{markup.text(text)}</b>"


def _said(each: Correction, *, struck: bool) -> str:
    """What a version says, and when that is."""
    if each.removes:
        return _words("No such event", struck=struck)
    return f"{_words(each.text, struck=struck)} {markup.clock_span(each.span)}"


def _who(each: Correction, *, added: bool) -> str:
    is_first = added and (each.span, each.text) == (each.original_span, each.original_text)
    what = "removed" if each.removes else "added" if is_first else "corrected"
    by = f" by {markup.text(each.author)}" if each.author else ""
    undone = f"; undone {dates.moment(each.undone_at)}" if each.undone_at else ""
    return f"{what}{by}, {dates.moment(each.made_at)}{undone}"


# -- What is done ----------------------------------------------------------


def _take_points(keys: tuple[str, str, str]) -> None:
    """Put the player's in and out points into the fields."""
    chosen: Span | None = st.session_state.get("in_out")
    if chosen is not None:
        st.session_state[keys[1]] = format_time(chosen.start_seconds)
        st.session_state[keys[2]] = format_time(chosen.end_seconds)


@pages.acting
def _keep(desk: Desk, event: Event) -> str:
    text, first, past = (st.session_state[key] for key in _keys(event.id))
    span = _span(_typed(first, event.span.start_seconds), _typed(past, event.span.end_seconds))
    author = pages.signed()
    with editing(desk.settings, "correct", content_id=event.content_id, event=event.id, signed=author):
        request = correct.CorrectEventRequest(event=event, text=text, span=span, author=author)
        kept = correct.correct_event(desk.service, request)
    st.session_state.event_clicked = False
    if kept.searchable:
        st.session_state.event = kept.correction.event_id
    return kept_notice(kept)


@pages.acting
def _remove(desk: Desk, event: Event) -> str:
    author = pages.signed()
    with editing(desk.settings, "remove event", content_id=event.content_id, event=event.id, signed=author):
        request = correct.RemoveEventRequest(event=event, author=author)
        kept = correct.remove_event(desk.service, request)
    _choose_version(kept.correction)
    return kept_notice(kept)


@pages.acting
def _add(desk: Desk, video: Video) -> str:
    keys = _keys(f"new_{video.content_id}")
    text, first, past = (st.session_state[key] for key in keys)
    span, author = _span(parse_time(first), parse_time(past)), pages.signed()
    with editing(desk.settings, "add event", content_id=video.content_id, signed=author):
        request = correct.AddEventRequest(content_id=video.content_id, text=text, span=span, author=author)
        kept = correct.add_event(desk.service, request)
    st.session_state[keys[0]] = ""
    if not kept.searchable:
        return "Kept. The current index run adds it when it ends."
    st.session_state.event, st.session_state.event_clicked = kept.correction.event_id, False
    return "Added; searchable from now on."


@pages.acting
def _undo(desk: Desk, correction: Correction) -> str:
    with editing(desk.settings, "undo correction", **_about(correction)):
        kept = correct.undo(desk.service, correction)
    _choose_at(desk, correction, correction.original_span)
    return "Taken back." if kept.searchable else "The undo takes effect when the current index run ends."


@pages.acting
def _redo(desk: Desk, correction: Correction) -> str:
    with editing(desk.settings, "redo correction", **_about(correction)):
        kept = correct.redo(desk.service, correction)
    _choose_version(correction)
    return "Made again." if kept.searchable else "It takes effect when the current index run ends."


def _choose_version(correction: Correction) -> None:
    """Choose the event that a version makes; of one that removes it, offer to undo that."""
    state = st.session_state
    state.event = None if correction.removes else correction.event_id
    state.removed_version = correction.id if correction.removes else None
    state.event_clicked = False


def _about(correction: Correction) -> dict[str, str]:
    return {"content_id": correction.content_id, "event": correction.event_id}


def _choose_at(desk: Desk, correction: Correction, span: Span) -> None:
    """Choose the event that a caption makes again; none where several could be meant."""
    events = browse.events(desk.service, correction.content_id)
    exact = [each for each in events if (each.span, each.text) == (span, correction.original_text)]
    near = [
        each
        for each in events
        if each.span.start_seconds < span.end_seconds and each.span.end_seconds > span.start_seconds
    ]
    meant = exact or near
    st.session_state.event = meant[0].id if len(meant) == 1 else None
    st.session_state.event_clicked = False


def _span(first: float, past: float) -> Span:
    if first >= past:
        raise UsageError("the event would end before it starts", hint="Use a start before the end.")
    return Span(first, past)


def _typed(text: str, before: float) -> float:
    """A time as typed; the exact time from before if it was not changed."""
    return before if text.strip() == format_time(before) else parse_time(text)
