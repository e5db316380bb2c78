"""Puts the player on a page: cuts the preview, hands it to the browser, and checks what comes back.

The browser's part lies beside this file, as HTML, CSS and JavaScript without a build step. To the browser it
is one module, so the scripts are joined here. Previews are served as Streamlit's own media files: by a name
made of their bytes, in ranges, and kept in memory only while a page shows them. No path ever comes from the
browser.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from footage.core.errors import FootageError
from footage.core.timecode import clamp
from footage.core.types import File, Span, Video
from service import previews
from service.browse import Outline
from ui.web.components import markup, media, notices
from ui.web.components.addresses import address_of
from ui.web.components.player import events, lanes
from ui.web.components.player.lanes import LaneMark
from ui.web.components.player.words import VideoWords
from ui.web.components.region import Box

_HERE = Path(__file__).parent
_SCRIPTS = (
    "clock.js",
    "player.js",
    "timeline.js",
    "transcript.js",
    "boxes.js",
    "../region.js",
    "selection.js",
    "stage.js",
)
_STYLES = ("stage.css", "transcript.css", "../region.css")
_NO_WORDS = VideoWords()


@dataclass(frozen=True, slots=True)
class StageState:
    """What the person at the player has chosen."""

    in_out: Span
    """From the in point to the out point, in video time; the span itself until they are moved."""
    action: str | None = None
    """One of the page's actions, in the one run after it was asked for."""
    seek_seconds: float | None = None
    """A moment outside the preview, in the one run after it was asked for; the preview is there already."""
    picture_seconds: float | None = None
    """With the action "picture": the moment on show, in video time."""
    picture_box: Box | None = None
    """With the action "picture": the box on it; None for all of it."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the player shows, kept between runs."""

    of: str
    """Names the span."""
    stretch: Span
    """The segment of the video in the preview."""
    at_seconds: float
    """Where the last jump went, in video time."""
    play: bool
    """Whether it plays from there, in the one run after that was asked for."""
    jumps: int = 0
    """How often it jumped; the browser follows when this changes."""
    view: Span | None = None
    """The part of the timeline whose pieces are wanted one by one."""


def show(
    cache: Path,
    video: Video,
    path: str,
    span: Span,
    *,
    outline: Outline,
    matches: Sequence[LaneMark] = (),
    notes: Sequence[LaneMark] = (),
    words: VideoWords = _NO_WORDS,
    text: str,
    autoplay: bool,
    actions: Sequence[str] = (),
    key: str = "player",
    file: File | None = None,
) -> StageState:
    """Show one moment of a video.

    Best inside a fragment of the page, so that a nudge does not draw the whole page again.

    Args:
        cache: Folder for the previews.
        video: The video.
        path: A file that holds it; empty when none does.
        span: The moment.
        outline: What the index has of the video.
        matches: Every matched span of the video.
        notes: What people noted in the video.
        words: What is said and written in it.
        text: What happens there.
        autoplay: Whether to play at once, as after a click.
        actions: What the page does when asked to: of "previous", "next", "accept", "reject", "export" and
            "picture" (search by the picture on show).
        key: Names this player among the page's widgets.
        file: The file at ``path`` as the index knows it: another one in its place is not shown.
    """
    st.html(_head(text, path, span))
    whole = Span(0.0, max(video.duration_seconds, 1e-3))
    moment = clamp(span, whole) or whole
    of = hashlib.blake2b(f"{video.content_id} {span}".encode(), digest_size=8).hexdigest()

    # 1. What came from the browser since the last run.
    sent = st.session_state.get(key)
    sent = sent if isinstance(sent, dict) else {}
    in_out = events.read_marks(sent.get("marks"), of=of, duration_seconds=whole.end_seconds) or moment
    asked = _read_wishes(sent.get("asked"), of=of, duration_seconds=whole.end_seconds, actions=actions)
    shown = _next_shown(st.session_state.get(f"{key} shown"), asked, of, moment, whole, autoplay=autoplay)
    st.session_state[f"{key} shown"] = shown

    # 2. The preview, or a sentence in its place.
    clip = _preview(cache, path, video, shown.stretch, file)

    # 3. All of it to the browser.
    _component()(
        key=key,
        data={
            "of": of,
            "clip": _served(clip, key),
            "size": [video.width, video.height],
            "duration": whole.end_seconds,
            "frame": 1 / video.fps if video.fps > 0 else 0.04,
            "span": [moment.start_seconds, moment.end_seconds],
            "marks": [in_out.start_seconds, in_out.end_seconds],
            "jump": {"number": shown.jumps, "at": shown.at_seconds, "play": shown.play},
            "covered": lanes.coverage(outline.covered, whole),
            "gaps": lanes.coverage(video.gaps, whole),
            "lanes": _lanes(outline, words, matches, notes, whole),
            "detail": _lanes(outline, words, matches, notes, shown.view) if shown.view else [],
            **_served_words(words, key),
            "actions": list(actions),
        },
        on_marks_change=_nothing,
        on_asked_change=_nothing,
    )
    return StageState(in_out, asked.action, asked.seconds, asked.at_seconds, asked.box)


def _preview(
    cache: Path, path: str, video: Video, stretch: Span, file: File | None
) -> previews.Preview | None:
    """The preview; None, and a sentence in its place, where it cannot be cut."""
    place = st.empty()
    try:
        with place, st.spinner("Cutting the preview"):
            return previews.preview(cache, path, content_id=video.content_id, stretch=stretch, file=file)
    except FootageError as error:
        place.html(notices.problem(error))
        return None


def _head(text: str, path: str, span: Span) -> str:
    """What is played, above the picture."""
    return (
        f'<div class="fx-playing"><h2>{markup.text(text)}</h2>'
        f'<p><span class="fx-name">{markup.text(markup.file_name(path))}</span>'
        f"<b>{markup.clock_span(span)}</b></p></div>"
    )


def _read_wishes(value: object, *, of: str, duration_seconds: float, actions: Sequence[str]) -> events.Wishes:
    """What was asked for; a press that came too late is said to be."""
    if events.pressed_elsewhere(value, of=of, actions=actions):
        st.toast("The answer changed before that was done. Press again.")
    return events.read_wishes(value, of=of, duration_seconds=duration_seconds, actions=actions)


def _next_shown(
    before: _Shown | None, asked: events.Wishes, of: str, moment: Span, whole: Span, *, autoplay: bool
) -> _Shown:
    """What to show now: another span starts afresh; a moment outside the preview moves or widens it."""
    if before is None or before.of != of:
        return _Shown(of, previews.around(moment, whole.end_seconds), moment.start_seconds, autoplay)
    before = replace(before, play=False)
    if asked.seconds is not None:
        stretch = media.reaching(before.stretch, asked.seconds, whole.end_seconds)
        before = replace(
            before, stretch=stretch, at_seconds=asked.seconds, play=asked.play, jumps=before.jumps + 1
        )
    if asked.view:
        margin = asked.view.duration_seconds  # what a drag brings into view is there already
        wide = Span(max(0.0, asked.view.start_seconds - margin), asked.view.end_seconds + margin)
        before = replace(before, view=clamp(wide, whole))
    return before


def _lanes(
    outline: Outline, words: VideoWords, matches: Sequence[LaneMark], notes: Sequence[LaneMark], within: Span
) -> list[dict[str, object]]:
    captions = [LaneMark(event.span, event.text) for event in outline.events]
    named = [("Captions", captions), *words.marks.items(), ("Matches", matches), ("Notes", notes)]
    needed = "" if words.marks else "Captions"  # one lane at least
    return [lanes.lane(name, marks, within) for name, marks in named if marks or name == needed]


def _served(clip: previews.Preview | None, key: str) -> dict[str, object] | None:
    """Where the browser gets a preview, and what of the video it shows."""
    if clip is None:
        return None
    return {
        "url": address_of(str(clip.path), "video/mp4", f"stage {key}"),
        "start": clip.start_seconds,
        "end": clip.stretch.end_seconds,
    }


def _served_words(words: VideoWords, key: str) -> dict[str, object]:
    """Where the browser gets the words of the video, and which track it shows first."""
    encoded = words.encoded
    address = address_of(encoded, "application/json", f"words {key}") if encoded else None
    return {"words": address, "track": words.track}


@functools.cache
def _component() -> Any:
    """The browser's part, registered once."""
    scripts = [(_HERE / name).read_text("utf-8") for name in _SCRIPTS]
    return st.components.v2.component(
        "footage_stage",
        html=(_HERE / "stage.html").read_text("utf-8"),
        css="\n".join((_HERE / name).read_text("utf-8") for name in _STYLES),
        js="\n".join(scripts),
    )


def _nothing() -> None:
    """Streamlit passes on only what has a callback."""
