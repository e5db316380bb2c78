"""Puts the cutting table on a page: hands a reel to the browser, and passes on the changes that come back.

The browser's part lies beside this file, as HTML, CSS and JavaScript without a build step. Pictures and clips
have addresses of their own (``components.addresses``): nothing is decoded here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import streamlit as st

from footage.core.types import File, Span
from search.query.filters import read_moment
from service.reel_draft import ReelCandidate, repeats, same_moments
from service.reels import Reel, ReelClip
from ui.text import plain
from ui.web.components import dates, markup
from ui.web.components.addresses import clip_address, picture_address
from ui.web.components.strip.events import StripEdit, read_edit

_HERE = Path(__file__).parent
_SCRIPTS = (
    "../shortcuts/keyboard.js",
    "../player/clock.js",
    "model.js",
    "monitor.js",
    "blocks.js",
    "trim.js",
    "table.js",
)
_KEY = "strip"
_DONE = "strip_done"
_TROUBLE = "strip_trouble"
_TEXT_LETTERS = 160
_VERDICTS = {
    "found": ("Found", "found"),
    "uncertain": ("Uncertain", "uncertain"),
    "not checked": ("Not checked", "notchecked"),
    "not found": ("Not found", "notfound"),
}


def show(reel: Reel, *, on_edit: Callable[[StripEdit], bool]) -> None:
    """Draw a reel.

    Args:
        reel: The reel.
        on_edit: Makes a change, before the page is drawn again; returns whether it was made.
    """

    def edited() -> None:
        sent = st.session_state.get(_KEY)
        edit = read_edit(sent.get("edit") if isinstance(sent, Mapping) else None)
        if edit is None or st.session_state.get(_DONE) == [edit.tab, edit.number]:
            return
        st.session_state[_DONE] = [edit.tab, edit.number]
        st.session_state[_TROUBLE] = not on_edit(edit)

    _component()(key=_KEY, data=_data(reel), on_edit_change=edited)


def _data(reel: Reel) -> dict[str, object]:
    sources: dict[str, dict[str, object]] = {}
    for each in reel.clips:
        if each.clip and each.file and each.clip.video.content_id not in sources:
            sources[each.clip.video.content_id] = _source(each, each.file)
    known = [(each.id, ReelCandidate(each.playable, each.file)) for each in reel.clips if each.playable]
    ids, candidates = [clip_id for clip_id, _ in known], [candidate for _, candidate in known]
    same = same_moments(candidates)
    listed = {ids[place]: [[ids[other], kind] for other, kind in others] for place, others in same.items()}
    return {
        "reel": reel.id,
        "edition": reel.edition,
        "done": st.session_state.get(_DONE),
        "trouble": st.session_state.pop(_TROUBLE, False),
        "wanted": reel.wanted_seconds,
        "sources": sources,
        "clips": [_clip(each, listed.get(each.id, [])) for each in reel.clips],
        "repeats": [ids[place] for place in repeats(candidates)],
    }


def _source(clip: ReelClip, file: File) -> dict[str, object]:
    assert clip.clip is not None
    video = clip.clip.video
    picture, _, version = picture_address(video.content_id, 0.0, file).partition("/0.jpg?")
    return {
        "picture": picture,
        "clip": clip_address(video.content_id, Span(0.0, 0.0), file).partition("/0-0.json")[0],
        "v": version,
        "fps": video.fps,
        "duration": video.duration_seconds,
        "name": plain(markup.file_name(file.path)),
        "camera": plain(file.camera),
    }


def _clip(each: ReelClip, same: Sequence[Sequence[object]]) -> dict[str, object]:
    clip = each.clip
    verdict, kind = _VERDICTS[clip.verdict] if clip else ("", "")
    sure = f" · {clip.confidence:.0%}" if clip and clip.confidence is not None else ""
    missing = ""
    if clip is None:
        missing = "Its video was removed from the index."
    elif each.file is None:
        missing = f"{plain(markup.file_name(clip.path))} is not in the index any more."
    words = plain(" ".join((clip.text or clip.title).split())) if clip else ""
    return {
        "id": each.id,
        "source": clip.video.content_id if clip else "",
        "start": each.span.start_seconds,
        "end": each.span.end_seconds,
        "text": words if len(words) <= _TEXT_LETTERS else f"{words[:_TEXT_LETTERS]}…",
        "verdict": f"{verdict}{sure}",
        "kind": kind,
        "clock": _wall_clock(each.file, each.span.start_seconds) if each.file else "",
        "missing": missing,
        "same": list(same),
    }


def _wall_clock(file: File, seconds: float) -> str:
    """The wall-clock time of a moment of a file, "about" where its clock is guessed; empty where unknown."""
    began = read_moment(file.recorded_at)
    if began is None:
        return ""
    moment = began + timedelta(seconds=seconds)
    about = "about " if file.clock_source == "guessed" else ""
    return f"{about}{dates.day(moment)}, {dates.clock(moment)}"


@functools.cache
def _component() -> Any:
    """The browser's part, registered once."""
    return st.components.v2.component(
        "footage_strip",
        html=(_HERE / "table.html").read_text("utf-8"),
        css=(_HERE / "table.css").read_text("utf-8"),
        js="\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS),
    )
