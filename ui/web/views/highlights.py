"""The highlights page: clips that were collected, their order, and the reel or the files made of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from footage.core.errors import FootageError
from service import browse
from ui.text import count, short_path
from ui.web.access.visitor import editing, may_edit
from ui.web.components import cards, clip_collection, layout, markup, notices
from ui.web.components.addresses import picture_address
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


def show(desk: Desk) -> None:
    """Draw the page.

    Raises:
        StoreError: when the index cannot be read.
    """
    st.html('<div class="fx-hero"><h1>Highlights</h1></div>')
    _fill(desk)
    held = clip_collection.clips()
    if not held:
        st.html(
            '<div class="fx-empty"><h2>Nothing is collected yet</h2>'
            "<p>Search for a moment and press “Add to highlights” below the player. Or let a query choose "
            "the best clips within a total length.</p></div>"
        )
        return
    left, right = layout.halves()
    with left:
        for number, clip in enumerate(held):
            _clip(desk, number, clip, last=number == len(held) - 1)
    if may_edit():
        with right, st.container(key="stage"):
            _make(desk, held)


def _fill(desk: Desk) -> None:
    """The form that fills the collection from a query and a total length."""
    with st.form("fill", border=False):
        box, length, order, button = st.columns([6, 2, 3, 2], vertical_alignment="bottom", gap="small")
        query = box.text_input(
            "Or let a query choose", placeholder="every goal and its celebration", key="fill_query"
        )
        most = length.number_input(
            "At most, in seconds", min_value=1.0, value=60.0, step=5.0, key="fill_most"
        )
        by_score = order.segmented_control(
            "In order of", ["time", "score"], default="time", key="fill_order", required=True
        )
        if button.form_submit_button("Choose", width="stretch") and query.strip():
            try:
                chosen = _best(desk, query, most, by_score=by_score == "score")
            except FootageError as error:
                st.html(notices.problem(error))
                return
            if chosen:
                clip_collection.put(chosen)
            else:
                st.html(
                    notices.remark(
                        "Nothing was found.",
                        "Only results with the verdict “found” are added; search to see more.",
                    )
                )


def _best(desk: Desk, query: str, most_seconds: float, *, by_score: bool) -> list[Clip]:
    """The best of what a query finds that fits a length."""
    from service.export import select
    from service.export_clips import clips_from
    from service.search import SearchRequest, search

    with st.spinner("Searching and checking with the model"):
        result = search(desk.service, SearchRequest(query=query, hits_first=True))
    found = [match for match in result.matches if match.verdict == "found" and not match.offline]
    best = select.ranked(clips_from(desk.service, found, query=query))
    lengths = [clip.span.duration_seconds for clip in best]
    chosen = [best[number] for number, _ in select.fit(lengths, most_seconds)]
    return chosen if by_score else sorted(chosen, key=select.by_time(chosen))


def _clip(desk: Desk, number: int, clip: Clip, *, last: bool) -> None:
    """One clip, and what can be done with it."""
    with st.container(key=f"clip_{number}"):
        picture = picture_address(
            clip.video.content_id, clip.span.middle_seconds, browse.file_at(desk.service, clip.path)
        )
        st.html(cards.clip(clip, number=number + 1, picture=picture))
        with st.container(horizontal=True, gap="small", key=f"clip_acts_{number}"):
            for name, icon, act, arguments, off in (
                ("Up", "arrow_upward", clip_collection.move, (number, -1), number == 0),
                ("Down", "arrow_downward", clip_collection.move, (number, 1), last),
                ("Take out", "delete", clip_collection.take_out, (number,), False),
            ):
                st.button(
                    name,
                    help=f"{name}: clip {number + 1}",
                    icon=f":material/{icon}:",
                    key=f"{icon}_{number}",
                    type="tertiary",
                    disabled=off,
                    on_click=act,
                    args=arguments,
                )


def _make(desk: Desk, held: Sequence[Clip]) -> None:
    """The form for the output, and the result."""
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
    name = st.text_input("Name", value="highlights", key="name", max_chars=80)
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
