"""The panel of index runs: starts one, says how it goes and how it ended, stops it; needs no index yet."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from footage.core.config import Settings
from footage.core.errors import UsageError
from service.index import checked_camera_pattern
from service.ready_tracks import ready_tracks
from ui.text import count, plain, short_path, track_name
from ui.web import index_jobs
from ui.web.access.visitor import editing, may_edit
from ui.web.components import markup, notices, pages, track_choice

NO_ROOTS = (
    "The app may index no folder yet.",
    "Start it with `footage ui --library-root path/to/videos`, or fill the index with "
    "`footage index path/to/videos`.",
)
"""Shown if the app may index no folder."""
_EVERY_SECONDS = 2.0
_ROOTS = 10
_NEWS_SECONDS = 24 * 3600.0


def run_panel(settings: Settings, indexed: Sequence[str] = (), *, folded: bool = False) -> None:
    """Start a run, see how it goes, stop it; needs no index yet.

    Args:
        settings: Where everything is.
        indexed: Folders that were indexed before, with all below them.
        folded: Whether the form is folded away until it is wanted.
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
        if last is not None and (last.error or time.time() - last.started_at < _NEWS_SECONDS):
            st.html(_ended(last))
        if may and folded:
            with st.expander("Add videos", icon=":material/add:", key="add_videos"):
                _start_form(settings, roots)
        elif may:
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
    facts = []
    if progress.files_total:
        facts.append(("files", f"{progress.files_done:,} of {progress.files_total:,}"))
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
        "done": "Finishing",
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
            "Camera name from",
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
        see_that_it_may(settings)
        folder = index_jobs.checked_folder(state.run_folder, settings)
        camera = checked_camera_pattern(state.run_camera)
        tracks = track_choice.chosen(ready_tracks(settings))
        if tracks == ():
            raise UsageError("nothing to find is chosen", hint="Tick what is said, written or happens.")
        index_jobs.start(settings, [folder], tracks=tracks or (), camera_from=camera)


@pages.acting
def _stop(settings: Settings) -> None:
    with editing(settings, "stop indexing"):
        see_that_it_may(settings)
        index_jobs.stop(settings)


def see_that_it_may(settings: Settings) -> None:
    """Check that this visitor may start and stop runs.

    Raises:
        UsageError: they may not.
    """
    if not pages.may_index(settings):
        raise UsageError("index runs may not be started or stopped from this app")
