"""Exports a reel as one film or as files: the form, the progress and what was written."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from footage.core.errors import FootageError
from ui.text import count, short_path
from ui.web.access.visitor import editing
from ui.web.components import markup, notices
from ui.web.components.resources import Desk

if TYPE_CHECKING:
    from service.events import ServiceEvent
    from service.export import Clip, Exported, Format, Lettering

FORMATS: dict[Format, str] = {
    "mp4": "Clips (MP4)",
    "gif": "Animated GIF",
    "webp": "Animated WebP",
    "otio": "OpenTimelineIO",
    "edl": "EDL (CMX 3600)",
    "edl-markers": "EDL markers (Resolve)",
    "fcpxml": "FCPXML",
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "vtt": "WebVTT chapters",
}
"""What clips can be written as."""
TITLES = {"none": "None", "file": "File name", "clock": "Wall clock", "query": "Query"}
"""What may be written under each clip of a reel."""
DOWNLOAD_BYTES = 200 * 2**20
"""Larger files are named, not offered: the server would hold them in memory."""


def show(desk: Desk, held: Sequence[Clip], title: str) -> None:
    """The form for the output, and the result.

    Args:
        desk: What the page works with.
        held: The clips, in order; missing ones left out.
        title: What the reel is called.
    """
    from service.export import Lettering, widened

    before, after = (
        column.number_input(label, min_value=0.0, max_value=60.0, value=0.0, step=0.5, key=key)
        for column, label, key in zip(
            st.columns(2), ("Seconds before", "Seconds after"), ("before", "after"), strict=True
        )
    )
    clips = [widened(clip, before, after) for clip in held]
    total = sum(clip.span.duration_seconds for clip in clips)
    st.html(f'<p class="fx-total"><b>{markup.clock(round(total, 1))}</b> in {count(len(clips), "clip")}</p>')
    kind = st.segmented_control(
        "Make", ["One reel", "Separate files"], default="One reel", key="make", required=True
    )
    reel = kind == "One reel"
    formats: list[Format] = ["mp4", "otio", "edl"]
    if reel:
        titles = st.selectbox(
            "Title under each clip", list(TITLES), format_func=TITLES.__getitem__, key="titles"
        )
        burn = st.toggle("Burn the source's time in", key="burn")
        spoken = st.toggle("Burn the spoken words in, as subtitles", key="burn_words")
    else:
        titles, burn, spoken = "none", False, False
        formats = st.multiselect(
            "As", list(FORMATS), default=["mp4"], format_func=FORMATS.__getitem__, key="formats"
        )
    name = st.text_input("Name", value=title, key=f"name_{title}", max_chars=80)
    if st.button("Make it", type="primary", width="stretch", disabled=not formats, key="go"):
        st.session_state.exported = _export(
            desk,
            clips,
            formats,
            name,
            reel=reel,
            lettering=Lettering(None if titles in (None, "none") else titles, burn, spoken),
        )
    if exported := st.session_state.get("exported"):
        _made(exported)


def _export(
    desk: Desk,
    clips: Sequence[Clip],
    formats: Sequence[Format],
    name: str,
    *,
    reel: bool,
    lettering: Lettering,
) -> Exported | FootageError:
    """Write the files into the one folder for exports."""
    from service.events import StageProgress
    from service.export import Options
    from service.export_clips import write_clips

    bar, context = st.progress(0.0, text="Writing"), get_script_run_ctx()

    def on_event(event: ServiceEvent) -> None:
        if isinstance(event, StageProgress) and event.total:
            add_script_run_ctx(threading.current_thread(), context)  # another thread joins films
            done, whole = event.done, event.total
            bar.progress(min(1.0, done / whole), text=f"Writing {done} of {whole}")

    options = Options(
        name=name.strip() or "highlights",
        join=reel,
        lettering=lettering,
        timeout_seconds=desk.settings.decode_timeout_seconds,
    )
    about = {"name": options.name, "formats": list(formats), "clips": len(clips)}
    try:
        with editing(desk.settings, "export", **about):
            return write_clips(
                desk.service,
                clips,
                desk.settings.export_dir,
                formats=formats,
                options=options,
                on_event=on_event,
            )
    except FootageError as error:
        return error
    finally:
        bar.empty()


def _made(exported: Exported | FootageError) -> None:
    """The files that were written, to be fetched."""
    if isinstance(exported, FootageError):
        st.html(notices.problem(exported))
        return
    st.html(notices.remark(f"Written to {short_path(str(exported.folder))}", " ".join(exported.warnings)))
    for source, reason in exported.failures:
        st.html(notices.problem(FootageError(f"{markup.file_name(source)} was left out: {reason}")))
    for number, path in enumerate([*(output.path for output in exported.outputs), exported.manifest]):
        _fetch(path, number)


def _fetch(path: Path, number: int) -> None:
    try:
        size_bytes = path.stat().st_size
    except OSError:
        st.html(notices.remark(f"{path.name} no longer exists."))
        return
    if size_bytes > DOWNLOAD_BYTES:
        st.html(notices.remark(path.name, "It is too large for a download in the browser."))
        return
    st.download_button(
        markup.label(path.name), path.read_bytes, path.name, key=f"fetch_{number}", icon=":material/download:"
    )
