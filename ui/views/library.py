"""The library page: which files the index knows, what state they are in, and what happens in each video."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath

import streamlit as st

from footage.store import IndexStatus
from footage.types import Event, File, Span, Video
from ui.components import cards, markup, media, notices, stage, timeline
from ui.components.resources import Desk, Outline
from ui.console import plain
from ui.shown import count, short_path

EVENTS = 12
"""Events on a page."""
_ROWS = 10


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    status, files = desk.store.status(), desk.store.files()
    st.html(_totals(status))
    if not files:
        st.html(notices.remark("The index holds no file yet.", "Fill it with: footage index path/to/videos"))
        return
    videos = desk.store.videos()
    _table(files, videos)
    committed = desk.store.committed()
    names = _names([file for file in files if file.content_id in committed and file.state != "gone"])
    if names:
        _video(desk, names, videos)


def _totals(status: IndexStatus) -> str:
    """The index in a row of numbers."""
    failed = sum(status.files.get(state, 0) for state in ("failed", "partial"))
    numbers = [
        (f"{status.videos:,}", "videos" if status.videos != 1 else "video"),
        (markup.clock(status.seconds_indexed), f"of {markup.clock(status.seconds_total)} indexed"),
        (f"{status.events:,}", "events" if status.events != 1 else "event"),
        (f"{failed:,}", "files with trouble" if failed != 1 else "file with trouble"),
        (status.model.model if status.model else "none", "model"),
    ]
    boxes = "".join(
        f"<div><b>{markup.text(number)}</b><span>{markup.text(word)}</span></div>" for number, word in numbers
    )
    return f'<div class="fx-totals">{boxes}</div>'


def _table(files: list[File], videos: dict[str, Video]) -> None:
    """Every file; the grid shows texts as they are."""
    st.html('<h2 class="fx-head">Files</h2>')
    ordered = sorted(files, key=lambda file: (file.state == "indexed", file.path))
    rows: dict[str, list[str]] = {
        "Name": [plain(PurePath(file.path).name) for file in ordered],
        "Length": [
            markup.clock(round(videos[file.content_id].duration_seconds, 1))
            if file.content_id in videos
            else ""
            for file in ordered
        ],
        "State": [file.state for file in ordered],
        "Remark": [plain(file.reason) for file in ordered],
        "Folder": [short_path(str(PurePath(file.path).parent)) for file in ordered],
    }
    if not any(rows["Remark"]):
        del rows["Remark"]
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(ordered) <= _ROWS else 35 * (_ROWS + 1),
        column_config={
            "Name": st.column_config.TextColumn(width="medium"),
            "Length": st.column_config.TextColumn(width="small"),
            "State": st.column_config.TextColumn(width="small"),
            "Remark": st.column_config.TextColumn(width="large"),
        },
    )


def _names(files: list[File]) -> dict[str, tuple[str, str]]:
    """Name and path by content id, sorted by name; a name that two videos share gets its folder."""
    first = {file.content_id: file.path for file in sorted(files, key=lambda file: file.path, reverse=True)}
    shared = Counter(PurePath(path).name for path in first.values())
    named = {
        content_id: (path if shared[PurePath(path).name] > 1 else PurePath(path).name, path)
        for content_id, path in first.items()
    }
    return dict(sorted(named.items(), key=lambda item: item[1]))


def _video(desk: Desk, names: dict[str, tuple[str, str]], videos: dict[str, Video]) -> None:
    """One video: its events to choose from, and the player."""
    st.html('<h2 class="fx-head">What happens in</h2>')
    content_id = st.selectbox(
        "Video",
        list(names),
        format_func=lambda content_id: plain(names[content_id][0]),
        label_visibility="collapsed",
        on_change=_forget,
    )
    outline, video, path = desk.outline(content_id), videos[content_id], names[content_id][1]
    chosen = next((event for event in outline.events if event.id == st.session_state.get("event")), None)
    left, right = st.columns([7, 6], gap="large")
    with left:
        _events(desk, outline, content_id, path, chosen)
    with right, st.container(key="stage"):
        if chosen:
            st.fragment(_stage)(desk, outline, video, path, chosen)
        else:
            _poster(desk, outline, video, path)


def _events(desk: Desk, outline: Outline, content_id: str, path: str, chosen: Event | None) -> None:
    """A page of the video's events."""
    pages = max(1, -(-len(outline.events) // EVENTS))
    page = st.pagination(pages, key=f"page_of_{content_id}") if pages > 1 else 1
    st.html(f'<p class="fx-coverage">{count(len(outline.events), "event")}. Choose one to play it.</p>')
    for number, event in enumerate(outline.events[(page - 1) * EVENTS : page * EVENTS]):
        with st.container(key=f"card_{number}"):
            picture = media.thumbnail(
                desk.settings.cache_dir, path, content_id=content_id, seconds=_middle(event.span)
            )
            st.html(cards.event(event, picture=picture, chosen=event == chosen))
            st.button(f"Play event {number + 1}", key=f"play_{number}", on_click=_choose, args=(event.id,))


def _stage(desk: Desk, outline: Outline, video: Video, path: str, chosen: Event) -> None:
    """The event in the player; its keys lead to the events before and after."""
    asked = stage.show(
        desk.settings.cache_dir,
        video,
        path,
        chosen.span,
        outline=outline,
        text=chosen.text,
        autoplay=True,
        actions=("previous", "next"),
        key="library_player",
    )
    if asked.action:
        ids = [event.id for event in outline.events]
        number = ids.index(chosen.id) + (1 if asked.action == "next" else -1)
        _choose(ids[number % len(ids)])
        st.rerun()


def _poster(desk: Desk, outline: Outline, video: Video, path: str) -> None:
    """The video before any event is chosen."""
    at = outline.events[0].span if outline.events else Span(0, video.duration_seconds)
    picture = media.thumbnail(desk.settings.cache_dir, path, content_id=video.content_id, seconds=_middle(at))
    strip = timeline.strip(video.duration_seconds, covered=outline.covered, events=outline.busy, ticks=True)
    facts = f"{video.width} by {video.height}, {video.fps:.3g} frames a second, {video.codec}"
    st.html(
        cards.tile(markup.file_name(path), video.duration_seconds, picture=picture, note=facts)
        + f'<div class="fx-under">{strip}{timeline.legend()}</div>'
    )
    for warning in video.warnings:
        st.html(notices.remark(notices.sentence(warning)))


def _choose(event_id: str) -> None:
    st.session_state.event = event_id


def _forget() -> None:
    st.session_state.event = None


def _middle(span: Span) -> float:
    return (span.start_seconds + span.end_seconds) / 2
