"""The library page: every file as a tile or a row, what of it is indexed, and an index run to add more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

import streamlit as st
from babel.dates import LOCALTZ

from footage.core.coverage import SHARES, Coverage
from footage.core.endpoint import shown_address
from footage.core.errors import UsageError
from footage.core.types import File
from footage.objects.paths import media_path
from service import browse, library_files
from service.library_files import FileChoice, FileList
from service.transcript import track_coverage
from ui.text import count, short_path
from ui.web import index_jobs, styles
from ui.web.access.visitor import editing
from ui.web.components import dates, file_tiles, links, markup, notices, pages, shortcuts
from ui.web.components.index_panel import NO_ROOTS as NO_ROOTS
from ui.web.components.index_panel import run_panel as run_panel
from ui.web.components.index_panel import see_that_it_may
from ui.web.components.resources import Desk
from ui.web.views import video

if TYPE_CHECKING:
    from service.browse import IndexStatus

TILES = 48
"""Tiles, or rows, on a page."""
TROUBLES = 5
"""Failures on a page."""
_COLLECTIONS = 6
_EVERY_SECONDS = 4.0
_ROOTS = 10
_ORDER_WORDS = {
    "name": "Name",
    "recorded": "Recorded",
    "changed": "File date",
    "length": "Length",
    "camera": "Camera",
    "state": "State",
}
_SHARE_WORDS = {"skipped": "left out", "offline": "not connected"}


def show(desk: Desk) -> None:
    """Draw the page; that of one video where the address names one.

    Raises:
        StoreError: when the index cannot be read.
    """
    pages.begin()
    styles.load("library")
    content_id = st.query_params.get("video", "")
    if content_id:
        video.show(desk, content_id, back=_leave_video)
    else:
        _library(desk)
    links.show(place=f"video {content_id}" if content_id else "library", on_open=_open_link)


def _library(desk: Desk) -> None:
    status = browse.totals(desk.service)
    st.html(_head(status))
    empty = not sum(status.files.values())
    run_panel(desk.settings, _roots(desk, status), folded=not empty)
    if empty:
        st.html(
            '<div class="fx-empty"><h2>No videos yet</h2><p>Index a folder above, or fill the index with:</p>'
            "<pre>footage index path/to/videos</pre></div>"
        )
        return
    _troubles(desk, library_files.failed_files(desk.service))
    _coverage(browse.coverage(desk.service))
    last = index_jobs.last(desk.settings)
    goes_on = last is not None and last.state in ("running", "stopping")
    st.fragment(_files, run_every=_EVERY_SECONDS if goes_on else None)(desk)
    _foot(desk, status)
    shortcuts.show([shortcuts.Shortcut("/", "Find a file", "file_words")])


def _roots(desk: Desk, status: IndexStatus) -> list[str]:
    """The first folders that were indexed, as a hint; looked up once for each state of the index."""
    kept: tuple[IndexStatus, list[str]] | None = st.session_state.get("indexed_roots")
    if kept is None or kept[0] is not status:  # the same object until something is written
        kept = st.session_state.indexed_roots = status, browse.indexed_roots(desk.service, most=_ROOTS)
    return kept[1]


def _head(status: IndexStatus) -> str:
    """What the index holds, in a line."""
    failed = sum(status.files.get(state, 0) for state in library_files.FAILED)
    whole = markup.clock(round(status.seconds_total))
    facts = [count(notices.videos_in(status), "video"), f"{whole} of footage"]
    if status.events:
        facts.append(count(status.events, "event"))
    if failed:
        facts.append(count(failed, "failed file"))
    line = "".join(f"<span>{markup.text(fact)}</span>" for fact in facts)
    return f'<div class="fx-lib-head"><h1>Library</h1><p>{line}</p></div>'


# -- 1. What failed, and what is covered -----------------------------------


def _troubles(desk: Desk, failed: Sequence[File]) -> None:
    """Failures first, each with its reason and a button to try it again."""
    if not failed:
        return
    may = pages.may_index(desk.settings)
    with st.container(key="failed_files"):
        with st.container(horizontal=True, vertical_alignment="center", key="failed_head"):
            st.html(f"<h2>Failed files <small>{len(failed):,}</small></h2>")
            if may and len(failed) > 1:
                st.button(
                    "Try all again", icon=":material/refresh:", key="retry", on_click=_retry, args=(desk,)
                )
        for number in pages.paged(len(failed), TROUBLES, key="troubles"):
            file = failed[number]
            with st.container(
                horizontal=True, vertical_alignment="center", key=f"failed_{number % TROUBLES}"
            ):
                st.html(file_tiles.failure(file))
                if may:
                    st.button(
                        "Try again",
                        key=f"retry_{number % TROUBLES}",
                        help=f"Index {markup.label(PurePath(file.path).name)} again",
                        on_click=_retry,
                        args=(desk, file.path),
                    )


@pages.acting
def _retry(desk: Desk, path: str = "") -> str:
    """Index one failed file again, or all of them."""
    with editing(desk.settings, "retry", **({"file": path} if path else {})):
        see_that_it_may(desk.settings)
        failed = [file.path for file in library_files.failed_files(desk.service)]
        wanted = [each for each in failed if not path or each == path]
        there = [each for each in wanted if media_path(each).exists()]
        if not there:
            what = f"{PurePath(path).name} is not accessible" if path else "none of these files is accessible"
            raise UsageError(what, hint="Check that its disk is connected, then try again.")
        index_jobs.start(desk.settings, there, retry=True)
    return f"Trying {count(len(there), 'file')} again."


def _coverage(collections: Mapping[str, Coverage]) -> None:
    ordered = sorted(collections.items(), key=lambda item: (-item[1].seconds_found, item[0]))
    with st.container(key="collections_panel"):
        shown = pages.paged(len(ordered), _COLLECTIONS, key="collections")
        covers = "".join(_cover(*ordered[number]) for number in shown)
        st.html(f'<section class="fx-covers" aria-label="Collections">{covers}</section>')


def _cover(name: str, coverage: Coverage) -> str:
    """A collection, and the state of each second of it."""
    found = coverage.seconds_found
    parts, names = [], []
    for share in SHARES:
        seconds = coverage.seconds[share]
        if seconds:
            words = f"{markup.clock(round(seconds))} {_SHARE_WORDS.get(share, share)}"
            names.append(words)
            parts.append(
                f'<i class="fx-share-{share}" style="flex:{seconds / found:.5f}" title="{words}"></i>'
            )
    unknown = coverage.files_of_unknown_length
    files = count(coverage.files_found, "file") + (f", {unknown:,} of unknown length" if unknown else "")
    part = coverage.seconds["indexed"] / found if found else 0.0
    said = markup.text(", ".join(names))
    return (
        f'<div class="fx-cover"><p><b>{markup.text(name) or "(single files)"}</b> <small>{files}</small>'
        f"<em>{math.floor(100 * part)}% of {markup.clock(round(found))}</em></p>"
        f'<div class="fx-shares" role="img" aria-label="{said}">{"".join(parts)}</div>'
        f"<small>{said}</small></div>"
    )


# -- 2. Files --------------------------------------------------------------


def _files(desk: Desk) -> None:
    """The files that were chosen, as tiles or as rows; drawn again by itself while a run goes on."""
    chosen, grid = _toolbar(desk)
    if not chosen.files:
        st.html(notices.remark("No matching file.", "Change the words or the filters above."))
        return
    shown = _page_of(chosen, grid=grid)
    covered = track_coverage(desk.service, {file.content_id for file in shown} - {""})
    missing = library_files.missing(shown)
    draw = file_tiles.tile if grid else file_tiles.row
    pieces = "".join(
        draw(file, tracks=covered.get(file.content_id, ()), missing=file.path in missing) for file in shown
    )
    tracks = list(dict.fromkeys(each.track for tracks in covered.values() for each in tracks))
    style = "fx-lib-grid" if grid else "fx-lib-list"
    with st.container(key="files"):
        st.html(f'<div class="{style}">{pieces}</div>{file_tiles.legend(tracks)}')


def _toolbar(desk: Desk) -> tuple[FileList, bool]:
    """The search box, the filters and the order; gives the files that are wanted, and whether as tiles."""
    everything = library_files.chosen_files(desk.service, FileChoice())
    with st.container(key="library_tools"):
        with st.container(horizontal=True, vertical_alignment="bottom", key="library_find"):
            words = st.text_input(
                "Find a file",
                key="file_words",
                placeholder="Find a file: part of a name, folder or camera",
                label_visibility="collapsed",
                icon=":material/search:",
                live=True,
                persist_state="session",
            )
            order = st.selectbox(
                "Sort by",
                library_files.ORDERS,
                format_func=lambda order: _ORDER_WORDS[order],
                key="file_order",
                label_visibility="collapsed",
                width=150,
                persist_state="session",
            )
            turned = st.session_state.setdefault("file_turned", False)
            st.button(
                "Descending" if turned else "Ascending",
                icon=":material/arrow_downward:" if turned else ":material/arrow_upward:",
                key="file_turn",
                on_click=_turn,
            )
            view = st.segmented_control(
                "View",
                ["grid", "list"],
                default="grid",
                format_func=lambda view: (
                    ":material/grid_view: Grid" if view == "grid" else ":material/view_list: List"
                ),
                key="file_view",
                label_visibility="collapsed",
                required=True,
                persist_state="session",
            )
        chosen = _filters(everything)
    choice = FileChoice(words, *chosen, order=order, descending=turned)
    return library_files.chosen_files(desk.service, choice), view != "list"


def _turn() -> None:
    st.session_state.file_turned = not st.session_state.get("file_turned", False)


def _filters(everything: FileList) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """States, cameras and collections to show; none chosen means all. Where there is one, none is asked."""
    states = [state for state in library_files.STATES if everything.states.get(state)]
    several = len(states) > 1, len(everything.cameras) > 1, len(everything.collections) > 1
    if not any(several):
        return (), (), ()
    picked: list[str] = []
    cameras: list[str] = []
    collections: list[str] = []
    with st.container(horizontal=True, vertical_alignment="center", key="library_filters"):
        if several[0]:
            picked = st.pills(
                "State",
                states,
                selection_mode="multi",
                format_func=lambda state: f"{file_tiles.STATE_WORDS[state]} {everything.states[state]:,}",
                key="file_states",
                label_visibility="collapsed",
                persist_state="session",
            )
        if several[1]:
            cameras = _several("Camera", "All cameras", everything.cameras, "file_cameras")
        if several[2]:
            collections = _several(
                "Collection", "All collections", everything.collections, "file_collections"
            )
    return tuple(picked), tuple(cameras), tuple(collections)


def _several(label: str, nothing: str, options: Sequence[str], key: str) -> list[str]:
    picked: list[str] = st.multiselect(
        label,
        options,
        format_func=markup.label,
        key=key,
        placeholder=nothing,
        label_visibility="collapsed",
        width=260,
        persist_state="session",
    )
    return picked


def _page_of(chosen: FileList, *, grid: bool) -> Sequence[File]:
    """The files of the page that is turned to; another choice starts at its first page."""
    number = len(chosen.files)
    turns = max(1, -(-number // TILES))
    found = (
        count(number, "file") if number == chosen.total else f"{number:,} of {count(chosen.total, 'file')}"
    )
    with st.container(horizontal=True, vertical_alignment="center", key="library_pages"):
        st.html(f'<p class="fx-sub" role="status">{found}</p>')
        page = (
            st.pagination(turns, key=f"files_{turns}_{number}", persist_state="session") if turns > 1 else 1
        )
    return chosen.files[(page - 1) * TILES : page * TILES]


# -- 3. The foot: model, device, speed, zone -------------------------------


def _foot(desk: Desk, status: IndexStatus) -> None:
    """What only administrators ask for, small, and the zone of all times."""
    facts = [("Index", short_path(str(desk.settings.db)))]
    if status.model:
        facts.append(("Captions by", status.model.model))
    settings = desk.settings
    if settings.for_finds is not settings:
        facts.append(("Checked by", shown_address(settings.find_model)))
    facts.append(("Device", settings.device))
    if speed := browse.last_speed(desk.service):
        facts.append(("Last run", f"{speed:.1f} s of footage per second"))
    words = "".join(f"<span>{name} <b>{markup.text(value)}</b></span>" for name, value in facts)
    with st.container(horizontal=True, vertical_alignment="center", key="library_foot"):
        st.html(f'<p class="fx-foot">{words}</p>')
        zone_picker()


def zone_picker() -> None:
    """Choose the time zone of all dates of the app: the browser's, this machine's, UTC or any other."""
    browser, machine = str(st.context.timezone or ""), _machine_zone()
    names = {"": f"Times of this browser ({browser})" if browser else "Times of this machine"}
    if machine and machine != browser:
        names[machine] = f"Times of the server ({machine})"
    names.setdefault("UTC", "UTC")
    st.selectbox(
        "Time zone",
        [*names, *(zone for zone in _zones() if zone not in names)],
        format_func=lambda zone: names.get(zone, zone.replace("_", " ")),
        key=dates.ZONE_KEY,
        label_visibility="collapsed",
        width=280,
        persist_state="session",
    )


@cache
def _zones() -> list[str]:
    """The zones of places, in order; finding them reads a folder of hundreds of files."""
    return sorted(
        zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))
    )


def _machine_zone() -> str:
    return str(getattr(LOCALTZ, "key", "") or "")


# -- 4. Ways to and from a video -------------------------------------------


def _open_link() -> None:
    """Open the video, or the moment of it, that a link names."""
    parts = links.opened()
    if parts.get("video") == st.query_params.get("video", "") or "video" not in parts:
        video.choose_moment(parts)
        return
    st.query_params.from_dict({name: value for name, value in parts.items() if name != "event"})
    if "event" in parts:
        st.session_state.event = parts["event"]


def _leave_video() -> None:
    for name in links.ADDRESS_PARTS:
        st.query_params.pop(name, None)
