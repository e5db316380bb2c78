"""The search page before any question: what is indexed, what can be asked, and videos to open.

It follows an index that grows: its numbers and its videos are read again every few seconds.
"""

from __future__ import annotations

import streamlit as st

from footage.core.config import Settings
from footage.core.types import Span
from service import browse, saved
from service.overview import Overview, overview
from ui.text import count, track_name
from ui.web import index_jobs
from ui.web.components import asking, cards, dates, markup, questions
from ui.web.components.addresses import picture_address
from ui.web.components.resources import Desk, page_of_app

TILES = 12
"""Most videos that are shown."""
_EVERY_SECONDS = 3.0
_SAVED = 6


def show(desk: Desk) -> None:
    """Draw the page below the search box.

    Raises:
        StoreError: when the index cannot be read.
    """
    st.fragment(_holdings, run_every=_EVERY_SECONDS)(desk)
    _searches(desk)
    st.fragment(_videos, run_every=_EVERY_SECONDS)(desk)


def is_empty(desk: Desk) -> bool:
    """Whether the index has no video yet.

    Raises:
        StoreError: when there is no index, or it cannot be read.
    """
    desk.service.store()
    return not overview(desk.service).videos


def summary(held: Overview) -> str:
    """What an index holds, in one line: "8 videos · 3 min · 46 events · updated 2 hours ago"."""
    parts = [count(held.videos, "video"), length(held.seconds)]
    parts += [count(held.events, "event")] * held.has_captions
    parts += [track_name(track).lower() for track in held.words]
    parts += [f"updated {dates.ago(held.updated_at)}"] * bool(held.updated_at)
    return " · ".join(parts)


def length(seconds: float) -> str:
    """A length in hours and minutes, or in seconds where it is short."""
    if seconds < 60:
        return f"{round(seconds)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


# -- 1. What is indexed ----------------------------------------------------


def _holdings(desk: Desk) -> None:
    """The index in one line, and how far an index run is."""
    st.html(f'<p class="fx-holdings">{markup.text(summary(overview(desk.service)))}</p>')
    _running(desk.settings)


def _running(settings: Settings) -> None:
    run = index_jobs.last(settings)
    if run is None or run.state not in ("running", "stopping"):
        return
    progress = run.progress
    done = f"{progress.files_done:,} of {count(progress.files_total, 'file')}" if progress.files_total else ""
    with st.container(key="first_progress"):
        st.progress(progress.share, text=f"Indexing {done}".strip())


# -- 2. What can be asked --------------------------------------------------


def _searches(desk: Desk) -> None:
    """Questions to press: those that the index can answer, recent ones, saved ones."""
    kept = saved.names(desk.service)
    examples = questions.examples(desk)
    known = {*examples, *(search.query for search in kept)}
    recent = [search.query for search in saved.recent(desk.service) if search.query not in known]
    with st.container(key="first_searches", gap="small"):
        _row("Try", "chip", {query: query for query in examples}, None)
        _row("Recent", "recent", {query: query for query in recent[: questions.RECENT]}, ":material/history:")
        named = {search.query: f"{search.name}{_new(desk, search)}" for search in kept[:_SAVED]}
        _row("Saved", "saved", named, ":material/bookmark:")


def _row(title: str, key: str, labels: dict[str, str], icon: str | None) -> None:
    """A row of questions with what each button says; nothing for none."""
    if not labels:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"row_{key}", gap="small"):
        st.html(f'<span class="fx-row-name">{title}</span>', width="content")
        for number, (query, label) in enumerate(labels.items()):
            st.button(
                markup.label(label, most=60),
                key=f"{key}_{number}",
                icon=icon,
                on_click=asking.ask,
                args=(query,),
            )


def _new(desk: Desk, search: saved.Search) -> str:
    """How many results of a saved search its last review was the first to find; empty for none."""
    new = len(saved.in_state(saved.items(desk.service, search), "new"))
    return f" · {new:,} new" if new else ""


# -- 3. Videos to open -----------------------------------------------------


def _videos(desk: Desk) -> None:
    """The first videos as tiles that open the video in the library."""
    first = browse.first_videos(desk.service, TILES)
    videos, outlines = browse.videos(desk.service, first), browse.outlines(desk.service, first)
    words = browse.words(desk.service, first)
    paths = {content_id: browse.path_of(desk.service, content_id) for content_id in first}
    files = browse.files_at(desk.service, list(paths.values()))
    library = page_of_app("Library")
    st.html('<h2 class="fx-head fx-tiles">In the index</h2>')
    with st.container(key="tiles"):
        for number, content_id in enumerate(each for each in first if each in videos):
            path = paths[content_id]
            events, said = outlines[content_id].events, words[content_id]
            span = events[0].span if events else Span(0, videos[content_id].duration_seconds)
            picture = picture_address(content_id, span.middle_seconds, files.get(path))
            kinds = [count(len(events), "event")] * bool(events or not said)
            kinds += [count(len(said), "line of words", "lines of words")] * bool(said)
            name = markup.file_name(path)
            with st.container(key=f"tile_{number}"):
                st.html(
                    cards.tile(
                        name, videos[content_id].duration_seconds, picture=picture, note=", ".join(kinds)
                    )
                )
                st.page_link(
                    library,
                    label=f"Open {markup.label(name)}",
                    query_params={"video": content_id},
                    width="stretch",
                )
    total = overview(desk.service).videos
    if total > len(first):
        st.page_link(library, label=f"All {total:,} videos", icon=":material/video_library:")
