"""The captions to check: what an audit found wrong, with its evidence, for a person to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from footage.core.errors import UsageError
from footage.core.timecode import format_time, parse_time
from footage.core.types import Event, Span, Video
from service import audit, browse, correct
from service.audit import AuditedCaption, CaptionsToCheckRequest, State
from ui.text import count
from ui.web.access.visitor import editing, may_edit
from ui.web.components import dates, layout, markup, notices, pages, review_cards, shortcuts
from ui.web.components.addresses import picture_address
from ui.web.components.corrections_panel import kept_notice
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from footage.core.corrections import Correction


@dataclass(frozen=True, slots=True)
class Around:
    """Where a caption is in the list."""

    place: int
    """Its place, from 0."""
    events: tuple[str, ...]
    """Events of all captions in the list."""

    def beside(self, step: int) -> int:
        """The place so many steps further; the last one is followed by the first."""
        return (self.place + step) % len(self.events)


ITEMS = 8
"""Captions on a page."""
MOST_FRAMES = 4
"""Frames of evidence that are shown."""
_STATES: dict[str, State] = {"To check": "open", "Kept": "kept", "All": "all"}
_COMMAND = "footage audit"
_KEYS = (
    ("n", "Next caption", "captions_next"),
    ("p", "Previous caption", "captions_previous"),
    ("a", "Accept the suggestion", "captions_accept"),
    ("r", "Keep as it is, or check again", "captions_keep"),
    ("x", "Remove the event", "captions_remove"),
    ("z", "Undo the last correction", "captions_undo"),
)


def show(desk: Desk) -> None:
    """Draw the view.

    Raises:
        StoreError: when the index cannot be read.
    """
    found = audit.captions_to_check(desk.service, CaptionsToCheckRequest(state="all"))
    _last(desk)
    if not found:
        _nothing(desk)
        return
    kept = sum(bool(each.audit.decision) for each in found)
    numbers = {"To check": len(found) - kept, "Kept": kept, "All": len(found)}
    tools = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    chosen = tools.segmented_control(
        "Which",
        list(_STATES),
        key="captions_state",
        default="To check",
        required=True,
        format_func=lambda name: f"{name} {numbers[name]:,}",
        label_visibility="collapsed",
        on_change=_first_page,
    )
    if may_edit():
        with tools.container(width=190):
            pages.author(desk)
    state = _STATES[chosen or "To check"]
    listed = [each for each in found if state == "all" or bool(each.audit.decision) == (state == "kept")]
    if not listed:
        rest = "No caption was kept." if state == "kept" else f"{count(kept, 'caption')} kept."
        st.html(notices.remark("Everything is decided." if state == "open" else "Nothing here.", rest))
        return
    _list(desk, listed)


def _nothing(desk: Desk) -> None:
    """What an audit is, or that it found nothing."""
    audited = audit.judged(desk.service)
    if audited:
        st.html(
            '<div class="fx-empty"><h2>No caption to check</h2>'
            f"<p>Of {count(audited, 'audited caption')}, none is contradicted by its video.</p></div>"
        )
        return
    st.html(
        '<div class="fx-empty"><h2>No caption was checked yet</h2>'
        "<p>An audit checks what captions say against the video: things, colours, directions, times. "
        f"Start one in a terminal: <code>{_COMMAND}</code>. Captions that the video contradicts are listed "
        "here, and searches trust them less.</p></div>"
    )


def _last(desk: Desk) -> None:
    """The last correction made here, and a button that takes it back."""
    done: Correction | None = st.session_state.get("captions_corrected")
    if done is None or not may_edit():
        return
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    changed = f"<s>{markup.text(done.original_text)}</s> {markup.text(done.text)}"
    words = changed if done.text != done.original_text else markup.text(done.text)
    said = f"Removed: <s>{markup.text(done.original_text)}</s>" if done.removes else f"Corrected: {words}"
    row.html(f'<p class="fx-sub">{said}, {markup.clock_span(done.span)}</p>')
    row.button("Undo", icon=":material/undo:", key="captions_undo", on_click=_undo, args=(desk, done))


def _list(desk: Desk, listed: Sequence[AuditedCaption]) -> None:
    """A page of captions, and the chosen one with its evidence."""
    shortcuts.show([shortcuts.Shortcut(*key) for key in _KEYS])  # first: no key waits for the player
    left, right = layout.halves()
    session = st.session_state
    with left:
        shown = pages.paged(len(listed), ITEMS, key=_page_key())
        page = [listed[number] for number in shown]
        chosen = next((each for each in page if each.audit.event_id == session.get("caption")), page[0])
        for number, each in enumerate(page):
            with st.container(key=f"card_{number}"):
                st.html(_card(desk, each, chosen=each is chosen))
                st.button(
                    f"Show caption {number + 1}",
                    key=f"show_{number}",
                    on_click=_choose,
                    args=(each.audit.event_id,),
                )
    place = listed.index(chosen)
    around = Around(place, tuple(each.audit.event_id for each in listed))
    with right:
        with st.container(key="decide"):
            if may_edit():
                _buttons(desk, chosen, around.events[around.beside(1)])
            _turns(around)
        with st.container(key="stage"):
            _play(desk, chosen, browse.videos(desk.service, {chosen.audit.content_id}))
        with st.container(key="captions_why"):
            _why(desk, chosen)


def _card(desk: Desk, item: AuditedCaption, *, chosen: bool) -> str:
    found = item.audit
    middle = found.span.middle_seconds
    return review_cards.audited(
        found,
        markup.file_name(item.path),
        picture=_frame(desk, item, middle),
        chosen=chosen,
    )


def _frame(desk: Desk, item: AuditedCaption, seconds: float) -> str:
    """A frame of the video as an address; empty where it cannot be read."""
    return picture_address(item.audit.content_id, seconds, browse.file_at(desk.service, item.path))


# -- The chosen caption ----------------------------------------------------


def _turns(around: Around) -> None:
    """The buttons to the captions before and after."""
    turn = st.container(horizontal=True, vertical_alignment="center", gap="small", key="queue_turn")
    for label, icon, step in (("Previous", "arrow_back", -1), ("Next", "arrow_forward", 1)):
        turn.button(
            label,
            icon=f":material/{icon}:",
            key=f"captions_{label.lower()}",
            type="tertiary",
            on_click=_turn_by,
            args=(around, step),
        )
    turn.html(f'<p class="fx-sub fx-place">{around.place + 1:,} of {len(around.events):,}</p>')


def _why(desk: Desk, item: AuditedCaption) -> None:
    """What is wrong with the caption, the frames that show it, and who kept it."""
    found = item.audit
    st.html(review_cards.audit_errors(found, _frames(desk, item)))
    if found.decided_at:
        who = f" by {markup.text(found.decided_by)}" if found.decided_by else ""
        when = markup.text(dates.ago(found.decided_at))
        st.html(f'<p class="fx-sub">Kept{who}, {when}</p>')


def _frames(desk: Desk, item: AuditedCaption) -> list[tuple[str, float]]:
    """Frames of evidence: address and time, by time."""
    moments = sorted({seconds for error in item.audit.wrong for seconds in error.frames})[:MOST_FRAMES]
    pictures = [(_frame(desk, item, seconds), seconds) for seconds in moments]
    return [(address, seconds) for address, seconds in pictures if address]


def _buttons(desk: Desk, item: AuditedCaption, following: str) -> None:
    """Accept the suggestion, edit, remove, or keep the caption."""
    found, row = item.audit, st.container(horizontal=True, gap="small")
    error = audit.suggested(found)
    if error is not None:
        row.button(
            "Accept the suggestion",
            icon=":material/check:",
            key="captions_accept",
            type="primary",
            on_click=_accept,
            args=(desk, found.event_id, following),
        )
    with row.popover("Edit", icon=":material/edit:"), st.form(f"caption_{found.event_id}", border=False):
        text, span = (found.text, found.span) if error is None else audit.corrected_by(error, found)
        st.text_area("What happens there", text, key="caption_text", max_chars=correct.MOST_CHARACTERS)
        start, end = st.columns(2)
        start.text_input("From", format_time(span.start_seconds), key="caption_start")
        end.text_input("To", format_time(span.end_seconds), key="caption_end")
        st.form_submit_button(
            "Correct", type="primary", on_click=_correct, args=(desk, item, span, following)
        )
    row.button(
        "Remove",
        icon=":material/delete:",
        key="captions_remove",
        type="primary" if error is None else "secondary",
        help="For what does not happen: searches no longer find it. It can be undone.",
        on_click=_remove,
        args=(desk, item, following),
    )
    keep = not found.decision
    row.button(
        "Keep as it is" if keep else "Check again",
        icon=":material/thumb_up:" if keep else ":material/undo:",
        key="captions_keep",
        on_click=_keep,
        args=(desk, found.event_id, keep, following),
    )


def _play(desk: Desk, item: AuditedCaption, videos: dict[str, Video]) -> None:
    found, video = item.audit, videos.get(item.audit.content_id)
    if video is None:
        st.html(notices.remark("This video is no longer in the index."))
        return
    pages.play(
        desk,
        video,
        item.path,
        Span.clamped(
            found.span.start_seconds, found.span.end_seconds, within=Span(0.0, video.duration_seconds)
        ),
        text=found.text,
        matches=[found.span],
        autoplay=st.session_state.get("caption_clicked", False),
    )


# -- What buttons do -------------------------------------------------------


@pages.acting
def _accept(desk: Desk, event_id: str, following: str) -> str:
    author = pages.signed()
    with editing(desk.settings, "correct", event=event_id, signed=author):
        kept = audit.accept(desk.service, audit.AcceptRequest(event=event_id, author=author))
    _turn(following)
    st.session_state.captions_corrected = kept.correction
    return kept_notice(kept)


@pages.acting
def _correct(desk: Desk, item: AuditedCaption, suggested: Span, following: str) -> str:
    state, event = st.session_state, _event(desk, item)
    first = _typed(state.caption_start, suggested.start_seconds)
    past = _typed(state.caption_end, suggested.end_seconds)
    if first >= past:
        raise UsageError("the event would end before it starts", hint="Use a start before the end.")
    author = pages.signed()
    with editing(desk.settings, "correct", content_id=event.content_id, event=event.id, signed=author):
        request = correct.CorrectEventRequest(
            event=event, text=state.caption_text, span=Span(first, past), author=author
        )
        kept = correct.correct_event(desk.service, request)
    _turn(following)
    st.session_state.captions_corrected = kept.correction
    return kept_notice(kept)


@pages.acting
def _remove(desk: Desk, item: AuditedCaption, following: str) -> str:
    event, author = _event(desk, item), pages.signed()
    with editing(desk.settings, "remove event", content_id=event.content_id, event=event.id, signed=author):
        request = correct.RemoveEventRequest(event=event, author=author)
        kept = correct.remove_event(desk.service, request)
    _turn(following)
    st.session_state.captions_corrected = kept.correction
    return kept_notice(kept)


@pages.acting
def _keep(desk: Desk, event_id: str, keep: bool, following: str) -> str:
    author = pages.signed()
    with editing(desk.settings, "keep caption", event=event_id, keep=keep, signed=author):
        audit.decide_caption(
            desk.service, audit.DecideCaptionRequest(event=event_id, keep=keep, author=author)
        )
    _turn(following)
    return "Kept as it is" if keep else "Listed again"


@pages.acting
def _undo(desk: Desk, correction: Correction) -> str:
    about = {"content_id": correction.content_id, "event": correction.event_id}
    with editing(desk.settings, "undo correction", **about):
        kept = correct.undo(desk.service, correction)
    st.session_state.captions_corrected = None
    return "Undone." if kept.searchable else "The undo takes effect when the current index run ends."


def _event(desk: Desk, item: AuditedCaption) -> Event:
    """The event of a caption, as the index has it.

    Raises:
        UsageError: it was corrected or captioned anew meanwhile.
    """
    events = browse.events(desk.service, item.audit.content_id)
    event = next((each for each in events if each.id == item.audit.event_id), None)
    if event is None:
        raise UsageError("this caption has changed meanwhile", hint="Open the list again.")
    return event


def _typed(text: str, before: float) -> float:
    """A time as typed; the exact time from before if it was not changed."""
    return before if text.strip() == format_time(before) else parse_time(text)


def _choose(event_id: str) -> None:
    st.session_state.caption, st.session_state.caption_clicked = event_id, True


def _turn(event_id: str) -> None:
    st.session_state.caption, st.session_state.caption_clicked = event_id, False


def _turn_by(around: Around, step: int) -> None:
    place = around.beside(step)
    _turn(around.events[place])
    pages.turn_to(place, len(around.events), ITEMS, key=_page_key())


def _page_key() -> str:
    return f"captions_page_{st.session_state.get('captions_round', 0)}"


def _first_page() -> None:
    st.session_state.captions_round = st.session_state.get("captions_round", 0) + 1
    st.session_state.caption = None
