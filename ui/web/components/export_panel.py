"""The panel that exports clips: what is made and how, progress with Cancel, then the download.

The export itself goes on beside the page (``ui.web.export_jobs``), so that it survives a reload; this module
draws it and knows nothing of files but their names and sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from footage.core.errors import FootageError
from ui.text import count, short_path
from ui.web import styles
from ui.web.access.visitor import editing_as, may_edit, visitor
from ui.web.components import markup, notices
from ui.web.export_jobs import JOBS, ExportJob, owner_of
from ui.web.export_routes import export_address

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.export import Clip, Exported, Format, MediaKind, Program
    from ui.web.components.resources import Desk

KINDS = {
    "Editor package": "Clips with handles, timelines and a manifest in one zip, for an editing program.",
    "Film": "One MP4 of all clips, with titles or the spoken words on the picture if you like.",
    "Clips": "One file for each clip, and all of them as one zip.",
}
"""What can be made, each with what it is."""
PROGRAMS: dict[str, str] = {
    "resolve": "DaVinci Resolve",
    "premiere": "Premiere Pro",
    "final-cut": "Final Cut Pro",
    "": "Any program",
}
MEDIA = {"clips": "Trimmed clips", "links": "Links to originals"}
TITLES = {"": "None", "caption": "Caption", "query": "Query", "file": "File name", "clock": "Wall clock"}
CLIP_FORMATS: dict[Format, str] = {"mp4": "MP4", "gif": "Animated GIF", "webp": "Animated WebP"}
LISTS: dict[Format, str] = {
    "otio": "OpenTimelineIO",
    "edl": "EDL (CMX 3600)",
    "fcpxml": "FCPXML (Final Cut Pro)",
    "xmeml": "XML (Final Cut Pro 7, Premiere)",
    "edl-markers": "EDL markers (Resolve)",
    "csv": "CSV table",
    "jsonl": "JSON Lines",
    "vtt": "WebVTT chapters",
}
"""Files about clips, which every kind can have beside its own."""
_EVERY_SECONDS = 0.5
_MOST_NAME = 80


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen in the panel."""

    kind: str
    """One of ``KINDS``."""
    name: str
    """What files are called."""
    before: float = 0.0
    """Seconds before each clip: its handle in a package, else a part of it."""
    after: float = 0.0
    """Seconds after each clip."""
    program: str = ""
    """The editing program; empty for any."""
    media: str = "clips"
    """Clips in the package, or links to the originals."""
    titles: str = ""
    """Title on each clip of a film, one of ``TITLES``."""
    words: bool = False
    """Whether the spoken words are written on a film."""
    time: bool = False
    """Whether the source's timecode is written on a film."""
    form: Format = "mp4"
    """What each separate clip is."""
    lists: tuple[Format, ...] = ()
    """Further files about the clips."""


def show(desk: Desk, clips: Sequence[Clip], name: str) -> None:
    """Draw the panel.

    Args:
        desk: What the page works with.
        clips: What is exported, in this order.
        name: What it is called unless the visitor gives another name, such as that of the reel.
    """
    if not may_edit():
        return
    styles.load("export")
    with st.container(key="export_panel"):
        st.html('<h2 class="fx-export-head">Export</h2>')
        own = JOBS.of(owner_of(visitor()))
        running = bool(own) and own[0].state == "running"
        if clips:
            chosen = _choose(clips, name)
            st.button(
                f"Export {chosen.kind.lower()}",
                type="secondary" if own and own[0].state == "done" else "primary",
                icon=":material/ios_share:",
                width="stretch",
                disabled=running,
                key="export_go",
                on_click=_start,
                args=(desk, clips, chosen),
            )
            if refused := st.session_state.pop("export_refused", None):
                st.html(notices.problem(refused))
        elif not own:
            st.html(notices.remark("Nothing to export yet.", "Add clips to the reel first."))
        _jobs()


def _choose(clips: Sequence[Clip], name: str) -> Choices:
    """The controls of the panel."""
    from service.export.presets import preset_of

    kind = st.segmented_control(
        "Export as", list(KINDS), default="Editor package", key="export_kind", required=True, width="stretch"
    )
    kind = kind or "Editor package"
    st.html(f'<p class="fx-export-what">{markup.text(KINDS[kind])}</p>')
    more: dict[str, Any] = {}
    if kind == "Editor package":
        more = _choose_package()
    elif kind == "Film":
        titles = st.selectbox(
            "Title on each clip", list(TITLES), format_func=TITLES.__getitem__, key="export_titles"
        )
        words = st.toggle("Spoken words as subtitles", key="export_words")
        time = st.toggle("Source timecode", key="export_time")
        more = {"titles": titles, "words": words, "time": time, **_handles("Film", 0.0)}
    else:
        form = st.segmented_control(
            "Each clip as",
            list(CLIP_FORMATS),
            format_func=CLIP_FORMATS.__getitem__,
            default="mp4",
            key="export_form",
            required=True,
            width="stretch",
        )
        more = {"form": form or "mp4", **_handles("Clips", 0.0)}
    given = st.text_input("Name", value=name, key=f"export_name_{name}", max_chars=_MOST_NAME)
    with st.expander("Formats", icon=":material/tune:"):
        preset = preset_of(cast("Program | None", more.get("program") or None))
        inside: set[Format] = set(preset.formats) if kind == "Editor package" else set()
        lists = st.multiselect(
            "Further files",
            [form for form in LISTS if form not in inside],
            format_func=LISTS.__getitem__,
            key=f"export_lists_{kind}_{more.get('program', '')}",
            help="Timelines, tables and chapters beside what is made anyway.",
        )
        if inside:
            names = ", ".join(LISTS[form] for form in LISTS if form in inside)
            st.html(f'<p class="fx-export-what">In the package anyway: {markup.text(names)}.</p>')
    _total(clips, kind, more)
    return Choices(kind, given.strip() or name or "clips", lists=tuple(lists), **more)


def _choose_package() -> dict[str, Any]:
    program = st.selectbox("For", list(PROGRAMS), format_func=PROGRAMS.__getitem__, key="export_program")
    media = st.segmented_control(
        "Media",
        list(MEDIA),
        format_func=MEDIA.__getitem__,
        default="clips",
        key="export_media",
        required=True,
        width="stretch",
        help="Trimmed clips open on any machine. Links are small and quick, but need the original files.",
    )
    handles = _handles("Handles", 1.0) if media != "links" else {}
    return {"program": program, "media": media or "clips", **handles}


def _handles(kind: str, seconds: float) -> dict[str, Any]:
    """Two numbers of seconds, each kind of export with its own."""
    left, right = st.columns(2)
    handle = "Handle" if kind == "Handles" else "Seconds"
    labels = (
        (f"{handle} before (s)", f"{handle} after (s)")
        if kind == "Handles"
        else ("Seconds before", "Seconds after")
    )
    before, after = (
        column.number_input(
            label,
            min_value=0.0,
            max_value=60.0,
            value=seconds,
            step=0.5,
            key=f"export_{kind}_{place}".lower(),
        )
        for column, label, place in zip((left, right), labels, ("before", "after"), strict=True)
    )
    return {"before": before, "after": after}


def _total(clips: Sequence[Clip], kind: str, more: dict[str, Any]) -> None:
    """How much there is, in one line."""
    extra = 0.0 if kind == "Editor package" else more.get("before", 0.0) + more.get("after", 0.0)
    seconds = sum(clip.span.duration_seconds + extra for clip in clips)
    length = markup.clock(round(seconds, 1))
    st.html(f'<p class="fx-export-total"><b>{length}</b> in {count(len(clips), "clip")}</p>')


def _start(desk: Desk, clips: Sequence[Clip], chosen: Choices) -> None:
    """Start the export; the page says why if it does not start."""
    who, settings = visitor(), desk.settings
    about = {"name": chosen.name, "kind": chosen.kind, "clips": len(clips)}
    write = _writer(desk, clips, chosen)

    def audited(on_event: Listener, on_file: Callable[[str], None], cancel: CancelToken) -> Exported:
        with editing_as(who, settings, "export", **about):
            return write(on_event, on_file, cancel)

    try:
        JOBS.start(owner_of(who), name=chosen.name, kind=chosen.kind, write=audited)
    except FootageError as error:
        st.session_state.export_refused = error


def _writer(desk: Desk, clips: Sequence[Clip], chosen: Choices) -> Callable[..., Exported]:
    """What writes the files that were chosen."""
    from service.export import Lettering, Options, PackageOptions, widened
    from service.export.names import safe_stem
    from service.export_clips import write_clips

    film, package = chosen.kind == "Film", None
    folder: Path = desk.settings.export_dir
    options = Options(
        name=chosen.name,
        join=film,
        lettering=Lettering(cast("Any", chosen.titles or None), chosen.time, chosen.words)
        if film
        else Lettering(),
        timeout_seconds=desk.settings.decode_timeout_seconds,
    )
    formats: tuple[Format, ...] = (chosen.form, *chosen.lists)
    held = list(clips)
    if chosen.kind == "Editor package":
        package = PackageOptions(
            program=cast("Program | None", chosen.program or None),
            media=cast("MediaKind", chosen.media),
            seconds_before=chosen.before,
            seconds_after=chosen.after,
            formats=chosen.lists,
        )
    else:
        held = [widened(clip, chosen.before, chosen.after) for clip in held]
        folder = folder / safe_stem(chosen.name)
        if film:
            formats = ("mp4", "otio", "edl", *chosen.lists)

    def write(on_event: Listener, on_file: Callable[[str], None], cancel: CancelToken) -> Exported:
        return write_clips(
            desk.service,
            held,
            folder,
            formats=formats,
            options=options,
            package=package,
            on_event=on_event,
            on_file=on_file,
            cancel=cancel,
        )

    return write


def _jobs() -> None:
    """What goes on, and what was made; the page is drawn anew when an export ends."""
    own = JOBS.of(owner_of(visitor()))
    if own and own[0].state == "running":
        st.fragment(_running, run_every=_EVERY_SECONDS)(own[0].id)
        own = own[1:]
    elif own:
        _ended(own[0])
        own = own[1:]
    earlier = [job for job in own if job.state == "done"]
    if earlier:
        with st.expander("Earlier exports", icon=":material/history:"):
            for job in earlier:
                st.html(_download(job))


def _running(job_id: str) -> None:
    """The progress of an export, drawn again and again."""
    job = JOBS.get(job_id, owner_of(visitor()))
    if job is None or job.state != "running":
        st.rerun()
        return
    said = f"Writing {markup.label(job.file)}" if job.file else "Reading the clips"
    steps = f"{min(job.done + 1, job.total)} of {job.total}" if job.total else ""
    st.progress(job.share, text=" · ".join(filter(None, (said, steps))))
    st.button(
        "Cancelling…" if job.cancel.cancelled else "Cancel",
        icon=":material/close:",
        key="export_cancel",
        width="stretch",
        disabled=job.cancel.cancelled,
        on_click=job.cancel.cancel,
    )


def _ended(job: ExportJob) -> None:
    """How an export ended."""
    if job.state == "cancelled":
        st.html(notices.remark("The export was cancelled.", "Nothing was written."))
        return
    if job.error is not None:
        st.html(notices.problem(job.error))
        return
    exported = job.exported
    assert exported is not None
    st.html(f'<div class="fx-export-done" role="status">{_download(job)}</div>')
    where = markup.text(short_path(str(exported.folder)))
    st.html(f'<p class="fx-export-where">On this server: <code>{where}</code></p>')
    if exported.warnings:
        notes = "".join(f"<li>{markup.text(sentence.rstrip('.'))}.</li>" for sentence in exported.warnings)
        st.html(f'<ul class="fx-export-notes">{notes}</ul>')
    for source, reason in exported.failures:
        st.html(notices.problem(FootageError(f"{markup.file_name(source)} was left out: {reason}")))
    with st.expander(count(len(job.files), "file"), icon=":material/folder_open:"):
        rows = "".join(
            f'<li><a href="{export_address(job, number)}" download>{markup.text(name)}</a> '
            f"<span>{_size(path)}</span></li>"
            for number, (name, path) in enumerate(job.files)
        )
        st.html(f'<ul class="fx-export-files">{rows}</ul>')


def _download(job: ExportJob) -> str:
    """The name of an export, and a link that fetches it."""
    film = job.kind == "Film"
    total = sum(_bytes(path) for _, path in (job.files[:1] if film else job.files))
    what = "MP4" if film else "zip"
    address = export_address(job, 0 if film else None)
    also = f' <a href="{export_address(job)}" download>With timelines and manifest (zip)</a>' if film else ""
    return (
        f'<p class="fx-export-ready"><b>{markup.text(job.name)}</b> <span>{markup.text(job.kind)}, '
        f"{count(len(job.exported.outputs) if job.exported else 0, 'file')}</span></p>"
        f'<a class="fx-download" href="{address}" download>Download {what} ({_spelled(total)})</a>{also}'
    )


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _size(path: Path) -> str:
    return _spelled(_bytes(path)) if path.exists() else "no longer there"


def _spelled(size: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
