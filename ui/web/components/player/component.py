"""Puts the player on a page: cuts the preview, hands it to the browser, and checks what comes back.

The browser's part lies beside this file, as HTML, CSS and JavaScript without a build step. To the browser it
is one module, so the scripts are joined here. Previews are served as Streamlit's own media files: by a name
made of their bytes, in ranges, and kept in memory only while a page shows them. No path ever comes from the
browser.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from footage.core.errors import FootageError
from footage.core.timecode import clamp
from footage.core.types import File, Span, Video
from service import previews, sources
from service.browse import Outline
from ui.text import plain
from ui.web.components import markup, notices
from ui.web.components.addresses import address_of, picture_address, waveform_address
from ui.web.components.player import events, lanes, moments
from ui.web.components.player.lanes import LaneMark
from ui.web.components.player.moments import FollowedObject, ShownMoment, Upcoming
from ui.web.components.player.words import VideoWords
from ui.web.components.region import Box

_HERE = Path(__file__).parent
_SCRIPTS = (
    "../shortcuts/keyboard.js",
    "keys.js",
    "clock.js",
    "player.js",
    "waveform.js",
    "timeline.js",
    "transcript.js",
    "boxes.js",
    "tracks.js",
    "dock.js",
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
    identity: str = "",
    provisional: bool = False,
    verdict: str = "",
    tracks: Sequence[FollowedObject] = (),
    upcoming: Sequence[Upcoming] = (),
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
        file: The file at ``path`` as the index knows it, no other; with it, the browser has the preview cut.
        identity: Names what is shown among the page's moments, and stays when its span sharpens: the player
            plays on, and points that no person moved go to the new span. The span itself when empty.
        provisional: Whether the span comes from the index and is being checked at this moment.
        verdict: What the check came to, such as "found" or "not found"; said in a line when it arrives.
        tracks: Objects to draw over the picture.
        upcoming: What the page's buttons play, in its order; each starts at once at a press.
    """
    st.html(_head(text, path, span))
    whole = Span(0.0, max(video.duration_seconds, 1e-3))
    moment = clamp(span, whole) or whole
    of = moments.name_of(video.content_id, span, identity)

    # 1. What came from the browser since the last run.
    shown, in_out, asked = _arrived(key, of, moment, whole, actions=actions, autoplay=autoplay)

    # 2. The preview, or a sentence in its place, and all else to the browser.
    _component()(
        key=key,
        data={
            "of": of,
            "title": plain(text),
            "when": markup.clock_span(moment),
            "clip": _clip(cache, path, video, shown.stretch, file, key),
            **_addresses(video, file, shown.at_seconds),
            **moments.shape_of(video),
            **moments.points_of(moment, in_out, shown),
            **_line(
                video, outline, lambda within: _lanes(outline, words, matches, notes, within), shown.view
            ),
            **_served_words(words, key),
            "actions": list(actions),
            "provisional": provisional,
            "verdict": verdict,
            "tracks": moments.drawn(tracks),
            "upcoming": moments.starts_of(upcoming),
        },
        on_marks_change=_nothing,
        on_asked_change=_nothing,
    )
    return StageState(in_out, asked.action, asked.seconds, asked.at_seconds, asked.box)


def _arrived(
    key: str, of: str, moment: Span, whole: Span, *, actions: Sequence[str], autoplay: bool
) -> tuple[ShownMoment, Span, events.Wishes]:
    """What is shown now, from which point to which, and what was asked for since the last run."""
    sent = st.session_state.get(key)
    sent = sent if isinstance(sent, dict) else {}
    marks = events.read_marks(sent.get("marks"), of=of, duration_seconds=whole.end_seconds)
    asked = _read_wishes(sent.get("asked"), of=of, duration_seconds=whole.end_seconds, actions=actions)
    before = st.session_state.get(f"{key} shown")
    shown = moments.next_shown(before, asked, of, moment, whole, autoplay=autoplay)
    st.session_state[f"{key} shown"] = shown
    return shown, moments.chosen(marks, shown), asked


def _addresses(video: Video, file: File | None, at_seconds: float) -> dict[str, object]:
    """Where the browser gets the picture that is shown first, and the waveform; empty without a file."""
    if file is None:
        return {"poster": "", "waveform": ""}
    poster = picture_address(video.content_id, at_seconds, file, size="large")
    return {"poster": poster, "waveform": waveform_address(video.content_id, file)}


def _clip(
    cache: Path, path: str, video: Video, stretch: Span, file: File | None, key: str
) -> dict[str, object] | None:
    """Where the browser gets the preview, or has it cut; None, and a sentence in its place, where it cannot.

    A file of the index that lies on this machine is cut when the browser asks; else it is cut here and now,
    unless it was before.
    """
    place = st.empty()
    try:
        if file is not None and Path(path).is_file():
            with sources.unchanged(path, file):
                return moments.clip_of(video, stretch, file)
        with place, st.spinner("Cutting the preview"):
            clip = previews.preview(cache, path, content_id=video.content_id, stretch=stretch, file=file)
    except FootageError as error:
        place.html(notices.problem(error))
        return None
    url = address_of(str(clip.path), "video/mp4", f"stage {key}")
    return {"url": url, "start": clip.start_seconds, "end": clip.stretch.end_seconds}


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


def _lanes(
    outline: Outline, words: VideoWords, matches: Sequence[LaneMark], notes: Sequence[LaneMark], within: Span
) -> list[dict[str, object]]:
    captions = [LaneMark(event.span, event.text) for event in outline.events]
    named = [("Captions", captions), *words.marks.items(), ("Matches", matches), ("Notes", notes)]
    needed = "" if words.marks else "Captions"  # one lane at least
    return [lanes.lane(name, marks, within) for name, marks in named if marks or name == needed]


def _line(
    video: Video, outline: Outline, lanes_within: Callable[[Span], list[dict[str, object]]], view: Span | None
) -> dict[str, object]:
    """The line under the picture, of the whole video and closer where a person has zoomed in."""
    whole = Span(0.0, max(video.duration_seconds, 1e-3))
    return {
        "covered": lanes.coverage(outline.covered, whole),
        "gaps": lanes.coverage(video.gaps, whole),
        "lanes": lanes_within(whole),
        "detail": lanes_within(view) if view else [],
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
