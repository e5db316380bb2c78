"""The page of one video: its events, the model's captions word for word, and their corrections."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from footage.core.corrections import Corrected, Correction
from footage.core.errors import UsageError
from footage.core.timecode import format_time, parse_time
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Event, File, Span, Video, WindowRecord
from service import browse, correct
from service.audit import contradictions
from service.browse import Outline, VideoDetails
from service.transcript import track_coverage, transcripts
from ui.text import count, short_path
from ui.web.access.visitor import editing, may_edit
from ui.web.components import cards, layout, markup, notices, pages, player, quotes, timeline
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk

EVENTS = 12
"""Events on a page."""
WINDOWS = 6
"""Windows on a page."""
BEGIN_SECONDS = 10.0
"""What is played of a video of which the index has no texts: this much of its beginning."""


def show(desk: Desk, content_id: str, *, back: Callable[[], None]) -> None:
    """Draw a video's page.

    Raises:
        StoreError: when the index cannot be read.
    """
    st.button("Library", icon=":material/arrow_back:", on_click=back, type="tertiary", key="back")
    details = browse.video(desk.service, content_id)
    if details is None:
        st.html(notices.remark("This video is not in the index.", "It may have been removed meanwhile."))
        return
    video, path, outline = details.video, details.path, details.outline
    st.html(_head(path, video, details.files) + _coverage(desk, video))
    for warning in video.warnings:
        st.html(notices.remark(notices.sentence(warning)))
    left, right = layout.halves()
    chosen = next((event for event in outline.events if event.id == st.session_state.get("event")), None)
    with left:
        happens, captions, facts = st.tabs(["What happens", "Captions, word for word", "About"])
        with happens:
            if details.scene:
                st.html(f'<p class="fx-sub">{markup.text(details.scene)}</p>')
            _events(desk, details, chosen)
            _unmatched(desk, details.corrected)
        with captions:
            _captions(details.windows)
        with facts:
            st.html(_facts(video, details.files, details.windows))
    with right:
        with st.container(key="stage"):
            if chosen:
                playing = st.session_state.get("event_clicked", False)
                pages.play(desk, video, path, chosen.span, text=chosen.text, autoplay=playing)
            elif linked := linked_moment(st.query_params, video.duration_seconds):
                text = next((each.text for each in outline.events if each.span == linked), "")
                text = text or markup.file_name(path)
                pages.play(desk, video, path, linked, text=text, autoplay=False)
            elif words := player.VideoWords(transcripts(desk.service, content_id)):
                first = words.transcripts[0].lines[0]
                text = quotes.quotation(first.text)
                pages.play(desk, video, path, first.span, text=text, words=words, autoplay=False)
            elif not outline.events:
                begin = Span.clamped(0.0, BEGIN_SECONDS, within=Span(0.0, video.duration_seconds))
                pages.play(desk, video, path, begin, text=markup.file_name(path), autoplay=False)
            else:
                _poster(desk, outline, video, path)
        if chosen and may_edit():
            _correct(desk, chosen, details.corrections)


def linked_moment(parameters: Mapping[str, str], duration_seconds: float) -> Span | None:
    """The moment that the address of the page names; None where it names none inside the video."""
    try:
        start, end = (float(parameters[name]) for name in ("start", "end"))
        moment = Span.clamped(start, end, within=Span(0.0, duration_seconds))
    except (KeyError, ValueError):
        return None
    return moment if moment.duration_seconds else None


def _head(path: str, video: Video, files: Sequence[File]) -> str:
    known = {file.camera for file in files if file.camera}
    facts = [markup.clock(round(video.duration_seconds, 1)), *sorted(known)]
    if video.gaps:
        facts.append(f"{markup.clock(round(video.footage_seconds, 1))} of it with frames")
    if len(files) > 1:
        facts.append(f"in {len(files):,} places")
    return (
        f'<h1 class="fx-head">{markup.text(markup.file_name(path))}</h1>'
        f'<p class="fx-sub">{markup.text(", ".join(facts))}</p>'
    )


def _coverage(desk: Desk, video: Video) -> str:
    """How far each track is indexed; nothing where the index has captions alone."""
    tracks = track_coverage(desk.service, [video.content_id])[video.content_id]
    if all(each.track == CAPTION_TRACK for each in tracks):
        return ""
    return f'<p class="fx-tracks">{cards.tracks(tracks)}</p>'


# -- 1. What happens -------------------------------------------------------


def _events(desk: Desk, details: VideoDetails, chosen: Event | None) -> None:
    """A page of the video's events."""
    outline, path, content_id = details.outline, details.path, details.video.content_id
    said = details.corrected
    if not details.windows:
        st.html(
            notices.remark("This video has no captions yet.", "It can be played, and searched by picture.")
            if not transcripts(desk.service, content_id)
            else notices.remark(
                "This video has no captions yet.", "What is said and written is in the player."
            )
        )
        return
    st.html(f'<p class="fx-coverage">{count(len(outline.events), "event")}. Choose one to play it.</p>')
    words = {each.event_id for each in [*said.matched, *said.unmatched]}
    reused = {record.window.index for record in details.windows if record.reused_from}
    file, contradicted = browse.file_at(desk.service, path), contradictions(desk.service)
    for number in pages.paged(len(outline.events), EVENTS, key=f"page_of_{content_id}"):
        event = outline.events[number]
        with st.container(key=f"card_{number % EVENTS}"):
            picture = picture_address(content_id, event.span.middle_seconds, file)
            tag = "corrected" if event.id in words else ""
            over = bool(event.window_indexes) and reused.issuperset(event.window_indexes)
            wrong = contradicted[event.id].sentence if event.id in contradicted else ""
            st.html(
                cards.event(
                    event, picture=picture, chosen=event == chosen, tag=tag, carried_over=over, wrong=wrong
                )
            )
            st.button(
                f"Play event {number + 1}", key=f"play_{number % EVENTS}", on_click=_choose, args=(event.id,)
            )


def _unmatched(desk: Desk, said: Corrected) -> None:
    """Corrections whose caption is no longer there."""
    if not said.unmatched:
        return
    st.html(
        notices.remark(
            f"{count(len(said.unmatched), 'correction')} without a caption",
            "Their original captions have changed. The corrections are kept in the index.",
        )
    )
    for number, each in enumerate(said.unmatched):
        words, button = st.columns([5, 1], vertical_alignment="center")
        words.html(f'<div class="fx-versions">{_version(each)}</div>')
        if may_edit():
            button.button("Undo", key=f"undo_unmatched_{number}", on_click=_undo, args=(desk, each))


def _poster(desk: Desk, outline: Outline, video: Video, path: str) -> None:
    """The video before any event is chosen."""
    at = outline.events[0].span if outline.events else Span(0, video.duration_seconds)
    picture = picture_address(video.content_id, at.middle_seconds, browse.file_at(desk.service, path))
    strip = timeline.strip(
        video.duration_seconds, covered=outline.covered, events=outline.busy, gaps=video.gaps, ticks=True
    )
    facts = f"{video.width} by {video.height}, {video.fps:.3g} frames a second, {video.codec}"
    st.html(
        cards.tile(markup.file_name(path), video.duration_seconds, picture=picture, note=facts)
        + f'<div class="fx-under">{strip}{timeline.legend(gaps=bool(video.gaps))}</div>'
    )


def _choose(event_id: str) -> None:
    st.session_state.event, st.session_state.event_clicked = event_id, True


# -- 2. Correcting a caption -----------------------------------------------


def _correct(desk: Desk, event: Event, said: Sequence[Correction]) -> None:
    """The form that corrects an event, and the earlier versions."""
    current = next((each for each in said if each.event_id == event.id and not each.undone_at), None)
    with st.container(key="correct_panel"):
        with st.form(f"correct_{event.id}", border=False):
            st.text_area(
                "What happens there",
                event.text,
                key="right_text",
                max_chars=correct.MOST_CHARACTERS,
                height=80,
            )
            start, end, name = st.columns([1, 1, 2])
            start.text_input("From", format_time(event.span.start_seconds), key="right_start")
            end.text_input("To", format_time(event.span.end_seconds), key="right_end")
            with name:
                pages.author(desk)
            st.form_submit_button(
                "Correct", type="primary", icon=":material/edit:", on_click=_keep, args=(desk, event)
            )
        if current is None:
            return
        original = current.original_span, current.original_text
        versions = [each for each in said if (each.original_span, each.original_text) == original]
        caption = (
            f"<p><s>{markup.text(current.original_text)}</s> {markup.clock_span(current.original_span)} "
            "<small>caption</small></p>"
        )
        history = "".join(_version(each) for each in versions)
        st.html(f'<div class="fx-versions">{caption}{history}</div>')
        st.button("Undo the last version", icon=":material/undo:", on_click=_undo, args=(desk, current))


def _version(each: Correction) -> str:
    words = markup.text(each.text)
    who = f"{markup.text(each.author)}, " if each.author else ""
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.made_at))
    words, state = (f"<s>{words}</s>", ", undone") if each.undone_at else (words, "")
    return f"<p>{words} {markup.clock_span(each.span)} <small>{who}{made}{state}</small></p>"


@pages.acting
def _keep(desk: Desk, event: Event) -> str:
    state = st.session_state
    first, past = (
        _typed(state.right_start, event.span.start_seconds),
        _typed(state.right_end, event.span.end_seconds),
    )
    if first >= past:
        raise UsageError("the event would end before it starts", hint="Use a start before the end.")
    span = Span(first, past)
    author = pages.signed()
    with editing(desk.settings, "correct", content_id=event.content_id, event=event.id, signed=author):
        request = correct.CorrectEventRequest(event=event, text=state.right_text, span=span, author=author)
        kept = correct.correct_event(desk.service, request)
    state.event_clicked = False
    if not kept.searchable:
        return "Kept. The current index run adds it when it ends."
    state.event = kept.correction.event_id
    return "Corrected; searchable by the new text from now on."


def _typed(text: str, before: float) -> float:
    """A time as typed; the exact time from before if it was not changed."""
    return before if text.strip() == format_time(before) else parse_time(text)


@pages.acting
def _undo(desk: Desk, correction: Correction) -> str:
    about = {"content_id": correction.content_id, "event": correction.event_id}
    with editing(desk.settings, "undo correction", **about):
        kept = correct.undo(desk.service, correction)
    events = browse.events(desk.service, correction.content_id)
    near = (event for event in events if event.span.start_seconds < correction.original_span.end_seconds)
    meant = [event for event in near if event.span.end_seconds > correction.original_span.start_seconds]
    st.session_state.event = meant[0].id if len(meant) == 1 else None
    st.session_state.event_clicked = False
    return "Taken back." if kept.searchable else "The undo takes effect when the current index run ends."


# -- 3. Word for word, and where it comes from -----------------------------


def _captions(records: Sequence[WindowRecord]) -> None:
    if not records:
        st.html(notices.remark("This video has no captions yet."))
        return
    pieces = []
    for number in pages.paged(len(records), WINDOWS, key="windows"):
        record = records[number]
        notes = ", ".join(record.caption.notes)
        remark = f'<p class="fx-sub">{markup.text(notes)}</p>' if notes else ""
        raw = "\n".join(map(markup.text, record.caption.raw.splitlines()))
        span = markup.clock_span(record.window.span)
        mark = f" {cards.reused()}" if record.reused_from else ""
        pieces.append(
            f'<div class="fx-window"><b>{span}</b>{mark}{remark}<pre>{raw}</pre>{_draft(record)}</div>'
        )
    st.html("".join(pieces))


def _draft(record: WindowRecord) -> str:
    """The answer of the first of two stages, folded."""
    if not record.caption.draft:
        return ""
    draft = "\n".join(map(markup.text, record.caption.draft.splitlines()))
    return f"<details><summary>first draft</summary><pre>{draft}</pre></details>"


def _facts(video: Video, files: Sequence[File], records: Sequence[WindowRecord]) -> str:
    facts = [
        ("picture", f"{video.width} by {video.height}, {video.fps:.3g} frames a second"),
        ("format", f"{video.codec} in {video.container}, {video.size_bytes / 1e6:,.1f} MB"),
    ]
    for file in files:
        facts.append(("file", short_path(file.path)))
        if when := cards.wall_clock(file):
            facts.append(("recorded", f"{when}, by the {file.clock_source or 'index'}"))
    for made in dict.fromkeys(record.provenance for record in records):
        facts += [
            ("captioned by", f"{made.model}, revision {made.revision[:12]}"),
            ("shown", f"{made.budget}, windows of {made.cutting}, prompt {made.prompt_version}"),
        ]
    facts.append(("content id", video.content_id))
    rows = "".join(f"<dt>{name}</dt><dd>{markup.text(value)}</dd>" for name, value in facts)
    return f'<dl class="fx-facts">{rows}</dl>'
