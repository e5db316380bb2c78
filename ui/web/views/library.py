"""The library page: what is indexed and what is not, why, and an index run to change it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import streamlit as st

from footage.core.config import Settings
from footage.core.coverage import SHARES, Coverage
from footage.core.endpoint import shown_address
from footage.core.errors import UsageError
from footage.core.names import folded
from footage.core.tracks import CAPTION_TRACK, image_track
from footage.core.types import File
from footage.objects.paths import media_path
from service import browse
from service.index import checked_camera_pattern
from service.ready_tracks import ready_tracks
from service.transcript import VideoTrack, track_coverage
from ui.text import count, plain, short_path, track_name
from ui.web import index_jobs
from ui.web.access.visitor import editing, may_edit
from ui.web.components import cards, markup, notices, pages, track_choice
from ui.web.components.resources import Desk
from ui.web.views import video

if TYPE_CHECKING:
    from service.browse import IndexStatus

FILES = 25
"""Files on a page."""
TROUBLES = 10
"""Failures on a page."""
_COLLECTIONS = 12
_EVERY_SECONDS = 2.0
_ROOTS = 10
NO_ROOTS = (
    "The app may index no folder yet.",
    "Start it with footage ui --library-root path/to/videos, or fill the index with "
    "footage index path/to/videos",
)
"""Shown if the app may index no folder."""
_WORDS = {"skipped": "left out"}
_STATES = ("indexed", "partial", "failed", "waiting", "new", "skipped", "offline", "gone")


def show(desk: Desk) -> None:
    """Draw the page; that of one video where the address names one.

    Raises:
        StoreError: when the index cannot be read.
    """
    pages.begin()
    if content_id := st.query_params.get("video", ""):
        video.show(desk, content_id, back=_leave_video)
        return
    status, files = browse.totals(desk.service), browse.files(desk.service)
    st.html(_totals(status, desk.settings))
    run_panel(desk.settings, browse.indexed_roots(desk.service))
    if not files:
        st.html(notices.remark("The index has no files yet.", "Fill it with: footage index path/to/videos"))
        return
    _coverage(browse.coverage(desk.service))
    _troubles(desk, [file for file in files if file.state in ("failed", "partial")])
    _files(desk, files)


def _totals(status: IndexStatus, settings: Settings) -> str:
    """The index in a row of numbers."""
    failed = sum(status.files.get(state, 0) for state in ("failed", "partial"))
    videos = notices.videos_in(status)
    whole = markup.clock(round(status.seconds_total, 1))
    covered = [
        (markup.clock(round(each.seconds, 1)), f"{track_name(track).lower()}, of {whole}")
        for track, each in status.tracks.items()
    ]
    pictured = [
        (markup.clock(round(each.track.seconds, 1)), f"{track_name(image_track(name)).lower()}, of {whole}")
        for name, each in status.images.items()
    ]
    captions_alone = set(status.tracks) <= {CAPTION_TRACK}
    numbers = [
        (f"{videos:,}", "videos" if videos != 1 else "video"),
        *([(markup.clock(status.seconds_indexed), f"of {whole} indexed")] if captions_alone else covered),
        *pictured,
        (f"{status.events:,}", "events" if status.events != 1 else "event"),
        (f"{failed:,}", "files with trouble" if failed != 1 else "file with trouble"),
        (status.model.model if status.model else "none", "model"),
    ]
    if CAPTION_TRACK not in status.tracks and not captions_alone:
        numbers = [number for number in numbers if number[1] not in ("events", "model")]
    if settings.for_finds is not settings:
        numbers.append((shown_address(settings.find_model), "find model"))
    boxes = "".join(
        f"<div><b>{markup.text(number)}</b><span>{markup.text(word)}</span></div>" for number, word in numbers
    )
    return f'<div class="fx-totals">{boxes}</div>'


# -- 1. An index run -------------------------------------------------------


def run_panel(settings: Settings, indexed: Sequence[str] = ()) -> None:
    """Start a run, see how it goes, stop it; needs no index yet.

    Args:
        settings: Where everything is.
        indexed: Folders that were indexed before, with all below them.
    """
    roots = [*map(str, settings.library_roots), *indexed]
    last = index_jobs.last(settings)
    goes_on = last is not None and last.state in ("running", "stopping")
    may = pages.may_index(settings)
    if last is None and not may:
        why = (
            "this app can be reached from other machines. Use footage index, or the setting "
            "allow_indexing_from_app."
            if may_edit()
            else "this sign-in may search and play."
        )
        st.html(f'<p class="fx-sub">Index runs cannot be started from the app: {why}</p>')
        return
    with st.container(key="run_panel"):
        if goes_on:
            st.fragment(_running, run_every=_EVERY_SECONDS)(settings)
            return
        if last is not None:
            st.html(_ended(last))
        if may:
            _start_form(settings, roots)


def _running(settings: Settings) -> None:
    """The progress of the run, refreshed regularly; draws the whole page when the run has ended."""
    last = index_jobs.last(settings)
    if last is None or last.state not in ("running", "stopping"):
        st.rerun()
        return
    progress = last.progress
    words = f"Waiting for {progress.waiting}" if progress.waiting else _stage(progress)
    if last.state == "stopping":
        words = "Stopping after the current windows"
    whole = progress.windows_total
    st.progress(progress.share, text=words)
    facts = [("files", f"{progress.files_done:,} of {progress.files_total:,}")]
    if whole:
        facts.append(("windows", f"{progress.windows_done:,} of {whole:,}"))
    for each in progress.tracks:
        if each["seconds_total"]:
            facts.append(
                (
                    track_name(each["track"]).lower(),
                    f"{min(1.0, each['seconds_done'] / each['seconds_total']):.0%}",
                )
            )
    if progress.speed:
        facts.append(("speed", f"{progress.speed:.1f} s of footage a second"))
    if progress.eta_seconds is not None:
        facts.append(("left", f"about {markup.clock(round(progress.eta_seconds))}"))
    if progress.current:
        facts.append(("now", markup.file_name(progress.current)))
    cells = "".join(f"<span>{name} <b>{markup.text(value)}</b></span>" for name, value in facts)
    st.html(f'<div class="fx-running"><span>{_what(last)}</span>{cells}</div>')
    if not pages.may_index(settings):
        return
    label = "Stop at once" if last.state == "stopping" else "Stop"
    st.button(label, icon=":material/stop_circle:", key="stop_run", on_click=_stop, args=(settings,))


def _stage(progress: index_jobs.JobProgress) -> str:
    return {
        "starting": "Starting: loading the model",
        "looking": f"Looking at files, {progress.files_total:,} found so far",
        "tracks": f"Reading {track_name(progress.track).lower() if progress.track else 'the other tracks'}",
        "done": "Clearing up",
    }.get(progress.stage, "Captioning")


def _what(run: index_jobs.IndexJob) -> str:
    first = markup.text(short_path(run.paths[0])) if run.paths else ""
    more = f" and {len(run.paths) - 1:,} more" if len(run.paths) > 1 else ""
    return f"<b>{first}</b>{more}"


def _ended(run: index_jobs.IndexJob) -> str:
    """How the last run ended, in a sentence."""
    if run.error is not None:
        return notices.problem(run.error)
    done, summary = ("Stopped" if run.state == "stopped" else "Done"), run.summary
    head = f"{done}: {short_path(run.paths[0]) if run.paths else ''}"
    return notices.remark(head, _summed_up(summary) if summary else "Run it again to go on.")


def _summed_up(summary: Mapping[str, Any]) -> str:
    names = (
        ("indexed", "indexed"),
        ("unchanged", "already indexed"),
        ("partial", "in part"),
        ("failed", "failed"),
        ("waiting", "waiting"),
    )
    numbers = [f"{summary[key]:,} {words}" for key, words in names if summary.get(key)]
    sentence = f"{count(summary['files'], 'file')}: {', '.join(numbers)}." if numbers else ""
    if summary.get("windows_captioned"):
        took = markup.clock(round(summary.get("wall_seconds", 0.0)))
        sentence += f" {count(summary['windows_captioned'], 'window')} captioned in {took}."
    return (sentence + (" Run it again to go on." if summary.get("stopped") else "")).strip()


def _start_form(settings: Settings, roots: Sequence[str]) -> None:
    if not roots:
        st.html(notices.remark(*NO_ROOTS))
        return
    with st.form("start_run", border=False):
        folder, camera, button = st.columns([6, 3, 2], vertical_alignment="bottom")
        folder.text_input(
            "Index a folder of this machine",
            key="run_folder",
            placeholder=plain(roots[0]),
            help="In or below: " + ", ".join(markup.label(root) for root in roots[:_ROOTS]),
            max_chars=4000,
        )
        camera.text_input(
            "Cameras are named by",
            key="run_camera",
            placeholder="folder, or {camera}_*",
        )
        button.form_submit_button(
            "Index", type="primary", width="stretch", on_click=_start, args=(settings,), icon=":material/add:"
        )
        track_choice.choose(ready_tracks(settings))


@pages.acting
def _start(settings: Settings) -> None:
    state = st.session_state
    with editing(settings, "index", folder=state.run_folder.strip()):
        _see_that_it_may(settings)
        folder = index_jobs.checked_folder(state.run_folder, settings)
        camera = checked_camera_pattern(state.run_camera)
        tracks = track_choice.chosen(ready_tracks(settings))
        if tracks == ():
            raise UsageError("nothing to find is chosen", hint="Tick what is said, written or happens.")
        index_jobs.start(settings, [folder], tracks=tracks or (), camera_from=camera)


@pages.acting
def _retry(desk: Desk) -> None:
    with editing(desk.settings, "retry"):
        _see_that_it_may(desk.settings)
        failed = [file.path for file in browse.files(desk.service) if file.state in ("failed", "partial")]
        there = [path for path in failed if media_path(path).exists()]
        if not there:
            raise UsageError("none of these files is accessible", hint="Check that their disk is connected.")
        index_jobs.start(desk.settings, there, retry=True)


@pages.acting
def _stop(settings: Settings) -> None:
    with editing(settings, "stop indexing"):
        _see_that_it_may(settings)
        index_jobs.stop(settings)


def _see_that_it_may(settings: Settings) -> None:
    if not pages.may_index(settings):
        raise UsageError("index runs may not be started or stopped from this app")


# -- 2. Coverage and troubles ----------------------------------------------


def _coverage(collections: Mapping[str, Coverage]) -> None:
    st.html('<h2 class="fx-head">Collections</h2>')
    ordered = sorted(collections.items(), key=lambda item: (-item[1].seconds_found, item[0]))
    shown = pages.paged(len(ordered), _COLLECTIONS, key="collections")
    st.html('<div class="fx-covers">' + "".join(_cover(*ordered[number]) for number in shown) + "</div>")


def _cover(name: str, coverage: Coverage) -> str:
    """A collection, and the state of each second of it."""
    found = coverage.seconds_found
    parts, names = [], []
    for share in SHARES:
        seconds = coverage.seconds[share]
        if seconds:
            words = f"{markup.clock(round(seconds))} {_WORDS.get(share, share)}"
            names.append(words)
            parts.append(
                f'<i class="fx-share-{share}" style="flex:{seconds / found:.5f}" title="{words}"></i>'
            )
    unknown = coverage.files_of_unknown_length
    files = count(coverage.files_found, "file")
    files += f", {unknown:,} of unknown length" if unknown else ""
    part = coverage.seconds["indexed"] / found if found else 0.0
    return (
        f'<div class="fx-cover"><div><b>{markup.text(name) or "(single files)"}</b>'
        f'<small>{files}</small></div><div><div class="fx-shares">{"".join(parts)}</div>'
        f"<small>{', '.join(names)}</small></div>"
        f"<em>{math.floor(100 * part)}% of {markup.clock(round(found))}</em></div>"
    )


def _troubles(desk: Desk, failed: Sequence[File]) -> None:
    if not failed:
        return
    head, button = st.columns([8, 2], vertical_alignment="bottom")
    head.html(f'<h2 class="fx-head">{count(len(failed), "file")} with trouble</h2>')
    if pages.may_index(desk.settings):
        button.button(
            "Try again",
            icon=":material/refresh:",
            width="stretch",
            on_click=_retry,
            args=(desk,),
            key="retry",
        )
    rows = []
    for number in pages.paged(len(failed), TROUBLES, key="troubles"):
        file = failed[number]
        tried = f"Tried {count(file.tries, 'time')}" if file.tries else ""
        when = (
            f", last {time.strftime('%Y-%m-%d %H:%M', time.localtime(file.tried_at))}"
            if file.tried_at
            else ""
        )
        rows.append(_file_row(file, note=f"{file.reason}. {tried}{when}".strip()))
    st.html(f'<div class="fx-covers">{"".join(rows)}</div>')


# -- 3. Files --------------------------------------------------------------


def _files(desk: Desk, files: Sequence[File]) -> None:
    st.html('<h2 class="fx-head">Files</h2>')
    counts: Counter[str] = Counter(file.state for file in files)
    words, which = st.columns([6, 4], vertical_alignment="bottom")
    typed = words.text_input(
        "Find a file",
        key="file_words",
        placeholder="Part of a name, folder or camera",
        label_visibility="collapsed",
    )
    wanted = folded(typed)
    states = which.pills(
        "State",
        [state for state in _STATES if counts[state]],
        selection_mode="multi",
        format_func=lambda state: f"{_WORDS.get(state, state)} {counts[state]:,}",
        key="file_states",
        label_visibility="collapsed",
    )
    listed = [
        file
        for file in files
        if (not states or file.state in states)
        and (not wanted or wanted in folded(f"{file.path}\n{file.camera}\n{file.collection}"))
    ]
    if not listed:
        st.html(notices.remark("No matching file."))
        return
    with st.container(key="files"):
        st.html(
            '<div class="fx-file fx-file-head"><span>name</span><span>length</span><span>camera</span>'
            "<span>recorded</span><span></span></div>"
        )
        shown = pages.paged(len(listed), FILES, key=f"files_{wanted}_{'_'.join(sorted(states))}")
        known = {listed[number].content_id for number in shown} - {""}
        covered = track_coverage(desk.service, known)
        for number in shown:
            file = listed[number]
            if not (file.content_id and file.duration_seconds):
                st.html(_file_row(file))
                continue
            with st.container(key=f"card_file_{number % FILES}"):
                st.html(_file_row(file, tracks=covered.get(file.content_id, ())))
                st.button(
                    f"Open {markup.label(PurePath(file.path).name)}",
                    key=f"open_{number % FILES}",
                    on_click=_open,
                    args=(file.content_id,),
                )


def _file_row(file: File, *, note: str = "", tracks: Sequence[VideoTrack] = ()) -> str:
    length = markup.clock(round(file.duration_seconds, 1)) if file.duration_seconds else ""
    remark = f"<p>{markup.text(note)}</p>" if note else ""
    return (
        f'<div class="fx-file"><b title="{markup.text(short_path(file.path))}">'
        f"{markup.text(PurePath(file.path).name)}</b><span>{length}</span>"
        f"<span>{markup.text(file.camera)}</span><span>{markup.text(cards.wall_clock(file))}</span>"
        f"{cards.state(file.state, _WORDS.get(file.state, file.state))}{_tracks(tracks)}{remark}</div>"
    )


def _tracks(tracks: Sequence[VideoTrack]) -> str:
    """How much of a video each track covers; nothing where the index has captions alone."""
    if all(each.track == CAPTION_TRACK for each in tracks):
        return ""
    return f'<p class="fx-tracks">{cards.tracks(tracks)}</p>'


def _open(content_id: str) -> None:
    st.query_params.video = content_id


def _leave_video() -> None:
    for name in ("video", "start", "end"):
        st.query_params.pop(name, None)
