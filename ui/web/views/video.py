"""The page of one video: what happens, what is said, where captions come from, what persons corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from footage.core.names import folded
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import CaptionEvent, Event, File, Span, Video, WindowRecord
from service import browse, library_files
from service.audit import contradictions
from service.browse import VideoDetails
from service.transcript import Transcript, track_coverage, transcripts
from ui.text import count, sentence, track_name
from ui.web import styles
from ui.web.access.visitor import may_edit
from ui.web.components import (
    ask_panel,
    cards,
    corrections_panel,
    file_tiles,
    layout,
    links,
    markup,
    notices,
    pages,
    player,
    quotes,
    shortcuts,
    video_facts,
)
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk

EVENTS = 30
"""Events on a page."""
WINDOWS = 6
"""Windows on a page."""
LINES = 60
"""Lines of a transcript on a page."""
BEGIN_SECONDS = 10.0
"""What is played before anything is chosen: this much of the beginning."""


def show(desk: Desk, content_id: str, *, back: Callable[[], None]) -> None:
    """Draw a video's page.

    Raises:
        StoreError: when the index cannot be read.
    """
    styles.load("video")
    st.button("Library", icon=":material/arrow_back:", on_click=back, type="tertiary", key="back")
    details = browse.video(desk.service, content_id)
    if details is None:
        st.html(notices.remark("This video is not in the index.", "It may have been removed meanwhile."))
        return
    missing = library_files.missing(details.files)
    file = next((each for each in details.files if each.path == details.path), None)
    tracks = track_coverage(desk.service, [content_id])[content_id]
    st.html(video_facts.head(details.video, details.path, details.files, tracks, file))
    for warning in details.video.warnings:
        st.html(notices.remark(sentence(warning)))
    if details.files and missing >= {each.path for each in details.files}:
        st.html(notices.remark("The video is missing.", " ".join(map(file_tiles.was_at, details.files[:3]))))
    words = player.VideoWords(transcripts(desk.service, content_id))
    moment = _moment(details, words)
    left, right = layout.halves()
    with left:
        upcoming = _tabs(desk, details, moment, words.transcripts, missing)
    with right:
        with st.container(key="stage"):
            st.fragment(_stage)(desk, details, moment, words, file, upcoming)
        ask_panel.box(desk, details.video, details.path, moment.span)
        if may_edit():
            corrections_panel.show(desk, details, moment.event)
    keys = [
        ("/", "Filter the events", "event_words"),
        ("z", "Undo the last correction of this event", "undo_version"),
        ("Shift+z", "Redo it", "redo_version"),
        ("Escape", "Back to the library", "back"),
    ]
    shortcuts.show([shortcuts.Shortcut(*each) for each in keys])


# -- 1. What is chosen -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ChosenMoment:
    """What the player shows."""

    span: Span
    """When, in video time."""
    text: str
    """Its words."""
    event: Event | None = None
    """The event that it is, if it is one."""
    autoplay: bool = False
    """Whether it plays at once, as after a click."""


def _moment(details: VideoDetails, words: player.VideoWords) -> _ChosenMoment:
    """The chosen event or line, else the moment that the address names, else the beginning."""
    state, events = st.session_state, details.outline.events
    duration = details.video.duration_seconds
    clicked = bool(state.get("event_clicked"))
    if event := next((each for each in events if each.id == state.get("event")), None):
        return _ChosenMoment(event.span, event.text, event, autoplay=clicked)
    line = state.get("chosen_line")
    chosen = line[1] if line and line[0] == details.video.content_id else None
    linked = chosen or linked_moment(st.query_params, duration)
    if linked:
        there = next((each for each in events if each.span == linked), None)
        said = next((each.text for each in _lines(words.transcripts) if each.span == linked), "")
        text = there.text if there else quotes.quotation(said) if said else markup.file_name(details.path)
        return _ChosenMoment(linked, text, there, autoplay=clicked and chosen is not None)
    if not events and words:
        first = words.transcripts[0].lines[0]
        return _ChosenMoment(first.span, quotes.quotation(first.text))
    begin = Span.clamped(0.0, BEGIN_SECONDS, within=Span(0.0, duration))
    return _ChosenMoment(begin, "From the beginning")


def _lines(found: Sequence[Transcript]) -> list[CaptionEvent]:
    return [line for each in found for line in each.lines]


def choose_moment(parts: Mapping[str, str]) -> None:
    """Play what a link of this page names: a span of the video that is shown."""
    state = st.session_state
    try:
        span = Span(float(parts["start"]), float(parts["end"]))
    except (KeyError, ValueError):
        return
    state.event, state.event_clicked = parts.get("event"), True
    state.chosen_line = st.query_params.get("video", ""), span


def linked_moment(parameters: Mapping[str, str], duration_seconds: float) -> Span | None:
    """The moment that the address of the page names; None where it names none inside the video."""
    try:
        start, end = (float(parameters[name]) for name in ("start", "end"))
        moment = Span.clamped(start, end, within=Span(0.0, duration_seconds))
    except (KeyError, ValueError):
        return None
    return moment if moment.duration_seconds else None


def _choose(event_id: str) -> None:
    st.session_state.event, st.session_state.event_clicked = event_id, True


def _stage(
    desk: Desk,
    details: VideoDetails,
    moment: _ChosenMoment,
    words: player.VideoWords,
    file: File | None,
    upcoming: Sequence[player.Upcoming],
) -> None:
    """The player; its keys lead to the events before and after, and what was pointed at is drawn over it."""
    video, events = details.video, details.outline.events
    actions = [] if pages.why_no_picture_search(desk) else ["picture"]
    if moment.event:
        actions += ["previous", "next"]
    asked = player.show(
        desk.settings.cache_dir,
        video,
        details.path,
        moment.span,
        outline=details.outline,
        words=words,
        text=moment.text,
        autoplay=moment.autoplay,
        actions=actions,
        file=file,
        identity=moment.event.id if moment.event else "",
        tracks=ask_panel.objects(video.content_id),
        upcoming=upcoming,
    )
    st.session_state.in_out = asked.in_out
    st.session_state.event_clicked = False
    if asked.action in ("previous", "next") and moment.event:
        place = events.index(moment.event) + (1 if asked.action == "next" else -1)
        if 0 <= place < len(events):
            _choose(events[place].id)
            st.rerun()
    pages.search_picture(desk, details.path, asked)


# -- 2. What happens, what is said -----------------------------------------


def _tabs(
    desk: Desk,
    details: VideoDetails,
    moment: _ChosenMoment,
    found: Sequence[Transcript],
    missing: set[str],
) -> list[player.Upcoming]:
    """The sections beside the player; gives what the buttons of the events play."""
    corrected = len({(each.original_span, each.original_text) for each in details.corrections})
    names = ["What happens", "Transcript", "Corrections", "Provenance", "Files"]
    if corrected:
        names[2] += f" ({corrected:,})"
    if missing:
        names[4] += " (missing)"
    happens, transcript, corrections, provenance, files = st.tabs(names)
    with happens:
        if details.scene:
            st.html(f'<p class="fx-scene">{markup.text(details.scene)}</p>')
        upcoming = _events(desk, details, moment, found)
    with transcript:
        _transcript(details.video, found)
    with corrections:
        corrections_panel.history(desk, details)
    with provenance:
        records: dict[str, Sequence[WindowRecord]] = (
            {CAPTION_TRACK: details.windows} if details.windows else {}
        )
        for track in dict.fromkeys(each.track for each in found):
            records[track] = browse.windows(desk.service, details.video.content_id, track)
        st.html(video_facts.provenance(records))
        _captions(details.windows)
    with files:
        st.html(video_facts.places(details.files, missing) + video_facts.facts(details.video, details.files))
    return upcoming


def _events(
    desk: Desk, details: VideoDetails, moment: _ChosenMoment, found: Sequence[Transcript]
) -> list[player.Upcoming]:
    """A page of the video's events, as rows; gives what their buttons play."""
    video = details.video
    if not details.windows:
        more = (
            "What is said and written is in the transcript."
            if found
            else "It can be played, and searched by picture."
        )
        st.html(notices.remark("This video has no captions yet.", more))
        return []
    events = details.outline.events
    typed = st.text_input(
        "Filter the events",
        key="event_words",
        placeholder=f"Filter {count(len(events), 'event')}",
        label_visibility="collapsed",
        icon=":material/search:",
        live=True,
    )
    wanted = folded(typed or "")
    listed = [event for event in events if wanted in folded(event.text)] if wanted else list(events)
    if not listed:
        st.html(notices.remark("No event has these words." if wanted else "Nothing happens in the captions."))
        return []
    changed = corrections_panel.corrected_ids(details)
    reused = {record.window.index for record in details.windows if record.reused_from}
    file = next((each for each in details.files if each.path == details.path), None)
    contradicted = contradictions(desk.service)
    at_once = Counter(event.span for event in events)
    place: Counter[Span] = Counter()
    numbers = {event.id: place.update([event.span]) or place[event.span] for event in events}
    upcoming = []
    with st.container(key="event_rows"):
        shown = pages.paged(len(listed), EVENTS, key=f"page_of_{video.content_id}_{wanted}")
        for number in shown:
            event = listed[number]
            tags = [changed[event.id]] if event.id in changed else []
            if at_once[event.span] > 1:
                tags.append(f"{numbers[event.id]} of {at_once[event.span]} at this time")
            over = bool(event.window_indexes) and reused.issuperset(event.window_indexes)
            key = f"play_{number % EVENTS}"
            with st.container(key=f"card_event_{number % EVENTS}"):
                st.html(
                    event_row(
                        event,
                        picture=picture_address(video.content_id, event.span.middle_seconds, file),
                        chosen=moment.event is not None and event.id == moment.event.id,
                        tags=tags,
                        carried_over=over,
                        wrong=contradicted[event.id].sentence if event.id in contradicted else "",
                    )
                )
                st.button(f"Play event {number + 1}", key=key, on_click=_choose, args=(event.id,))
            upcoming.append(player.Upcoming(key, video, event.span, file, event.id))
    return upcoming


def event_row(
    event: Event, *, picture: str, chosen: bool, tags: Sequence[str], carried_over: bool, wrong: str
) -> str:
    """One event as a compact row, which the page marks while the player is at its time.

    Args:
        event: The event.
        picture: Address of a frame of it.
        chosen: Whether the player shows it.
        tags: Words about it.
        carried_over: Whether its caption was carried over from another window.
        wrong: What an audit found wrong in its caption, one sentence; empty for nothing.
    """
    marks = "".join(f'<span class="fx-tag">{markup.text(tag)}</span>' for tag in tags)
    marks += cards.reused() if carried_over else ""
    if wrong:
        marks += f'<span class="fx-tag fx-wrong" title="{markup.text(wrong)}">contradicted</span>'
    start, end = event.span.start_seconds, event.span.end_seconds
    now = " fx-now" if chosen else ""
    image = f'<img src="{markup.text(picture)}" alt="" loading="lazy" decoding="async">'
    return (
        f'<article class="fx-card fx-event-row{now}" data-start="{start}" data-end="{end}">'
        f'<div class="fx-thumb">{image}</div>'
        f'<div class="fx-body"><p class="fx-text">{markup.text(event.text)}</p>'
        f'<p class="fx-meta"><b>{markup.clock_span(event.span)}</b>{marks}</p></div></article>'
    )


def _transcript(video: Video, found: Sequence[Transcript]) -> None:
    """What is said and written, line by line; a press plays a line."""
    if not found:
        st.html(notices.remark("Nothing is said or written in this video, as far as it is indexed."))
        return
    for number, each in enumerate(found):
        language = f" <small>{markup.text(each.language)}</small>" if each.language else ""
        st.html(f'<h3 class="fx-panel-head">{markup.text(track_name(each.track))}{language}</h3>')
        rows = []
        for place in pages.paged(len(each.lines), LINES, key=f"lines_{video.content_id}_{number}"):
            line = each.lines[place]
            start, end = line.span.start_seconds, line.span.end_seconds
            to = markup.text(links.address(video=video.content_id, start=start, end=end))
            rows.append(
                f'<a class="fx-open fx-line fx-line-{markup.text(each.track)}" href="{to}" target="_self" '
                f'data-start="{start}" data-end="{end}"><b>{markup.clock(int(start))}</b>'
                f'<span dir="auto">{markup.text(line.text)}</span></a>'
            )
        st.html(f'<div class="fx-transcript">{"".join(rows)}</div>')


# -- 3. Word for word ------------------------------------------------------


def _captions(records: Sequence[WindowRecord]) -> None:
    """The raw answers of the model, window by window."""
    if not records:
        st.html(notices.remark("This video has no captions yet."))
        return
    st.html('<h3 class="fx-panel-head">Captions, word for word</h3>')
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
