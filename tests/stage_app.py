"""The player alone, on the clip named by FOOTAGE_CLIP: for tests. What Python hears is written below it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import streamlit as st

from footage.core.types import CaptionEvent, Event, Span, SpokenWord, TextBox
from footage.media.video import probe
from service.browse import Outline
from service.transcript import Transcript
from ui.web.components import layout, player, shortcuts

HOSTILE = "<img src=x onerror=alert(1)> **b** </script><script>alert(2)</script>"
SPANS = [Span(10.5, 12.25), Span(20.0, 21.0)]

state = st.session_state
state.setdefault("number", 0)
state.setdefault("heard", [])
if "video" not in state:
    state.video = probe(os.environ["FOOTAGE_CLIP"], content_id="c")
video = state.video
if "hours" in st.query_params:
    video = replace(video, duration_seconds=3600.0 * float(st.query_params["hours"]))
many = int(st.query_params.get("many", 0))
step = video.duration_seconds / max(1, many)
events = [Event(str(n), "c", Span(n * step, (n + 1) * step), f"Event {n}", (0,)) for n in range(many)]
if not many:
    events = [
        Event("e", "c", Span(5.0, 9.0), HOSTILE, (0,)),
        Event("f", "c", SPANS[0], "A frame passes.", (0,)),
    ]


def sentence(start: float, text: str, language: str = "en") -> CaptionEvent:
    """A line said in half a second a word."""
    words = [
        SpokenWord(Span(start + n / 2, start + n / 2 + 0.5), word, 0.9) for n, word in enumerate(text.split())
    ]
    sure = 0.3 if "mumble" in text else 0.9
    return CaptionEvent(Span(start, start + len(words) / 2), text, sure, language, tuple(words))


talk = int(st.query_params.get("talk", 0))
transcripts = []
if talk:
    pace = video.duration_seconds / talk
    said = [sentence(0.5, "The first words are said here."), sentence(9.0, "Ein Löwe brüllt LAUT.", "de")]
    said += [sentence(10.5, "Now comes the frame that passes."), sentence(20.0, f"mumble {HOSTILE}")]
    if talk > 1:
        lines = (f"Line {n} of the talk" for n in range(talk))
        said = [CaptionEvent(Span(n * pace, (n + 1) * pace), line) for n, line in enumerate(lines)]
    boxes = (TextBox(9.0, 0.25, 0.5, 0.5, 0.75), TextBox(11.0, 0.5, 0.5, 0.75, 0.75, "EXIT 13"))
    signs = [CaptionEvent(Span(9.0, 12.0), "EXIT 12", 0.95, boxes=boxes)]
    transcripts = [Transcript("speech", "en", tuple(said)), Transcript("screen-text", "", tuple(signs))]
words = player.VideoWords(transcripts)


early = "early" in st.query_params  # the span comes from the index until "Check" is pressed
state.setdefault("checked", "")
tracked = [player.FollowedObject("ball <b>", [(9.0 + n / 2, 0.1 * n, 0.5) for n in range(9)])]
tracked += [player.FollowedObject("box", [(10.0, 0.2, 0.2, 0.4, 0.4), (11.0, 0.4, 0.2, 0.6, 0.4)])]


def draw() -> None:
    result = player.show(
        Path(os.environ["FOOTAGE_CACHE_DIR"]),
        video,
        os.environ["FOOTAGE_CLIP"],
        Span(9.5, 16.0) if early and not state.checked else SPANS[state.number],
        identity="the same" if early else "",
        provisional=early and not state.checked,
        verdict=state.checked,
        tracks=tracked if "tracks" in st.query_params else (),
        outline=Outline([Span(0.0, video.duration_seconds / 2)], events),
        matches=[player.LaneMark(span, "matched", "found") for span in SPANS],
        notes=[player.LaneMark(Span(1.0, 2.0), HOSTILE, "note")],
        words=words,
        text="Something",
        autoplay="still" not in st.query_params,
        actions=("previous", "next", "accept", "reject", "export"),
    )
    if result.action:
        state.heard = [*state.heard, result.action]
    st.code(
        json.dumps([result.in_out.start_seconds, result.in_out.end_seconds, state.heard, result.seek_seconds])
    )
    if result.action in ("next", "previous"):
        state.number = 1 - state.number
        st.rerun()


def check(verdict: str) -> None:
    state.checked = verdict


def page() -> None:
    st.text_input("Typing", placeholder="Search", key="typing")
    st.button("Check", key="check", on_click=check, args=("found",))
    st.button("Refuse", on_click=check, args=("not found",))


if "halves" in st.query_params:
    from ui.web import styles

    styles.load("base")
    left, right = layout.halves()
    with left:
        page()
        for number in range(12):
            st.html(f'<div class="fx-card" style="height: 150px">Card {number}</div>')
    with right, st.container(key="stage"):
        st.fragment(draw)()
else:
    page()
    st.fragment(draw)()
shortcuts.show([shortcuts.Shortcut("q", "check it", "check"), shortcuts.Shortcut("w", "no such", "nothing")])
