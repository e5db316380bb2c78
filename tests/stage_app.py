"""The player alone, on the clip named by FOOTAGE_CLIP: for tests. What Python hears is written below it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import streamlit as st

from footage.core.types import CaptionEvent, Event, Span, SpokenWord, TextBox
from footage.media.video import probe
from service.browse import Outline
from service.transcript import Transcript
from ui.web.components import player

HOSTILE = "<img src=x onerror=alert(1)> **b** </script><script>alert(2)</script>"
SPANS = [Span(10.5, 12.25), Span(20.0, 21.0)]

state = st.session_state
state.setdefault("number", 0)
state.setdefault("heard", [])
if "video" not in state:
    state.video = probe(os.environ["FOOTAGE_CLIP"], content_id="c")
video = state.video
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


def draw() -> None:
    result = player.show(
        Path(os.environ["FOOTAGE_CACHE_DIR"]),
        video,
        os.environ["FOOTAGE_CLIP"],
        SPANS[state.number],
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


st.text_input("Typing")
st.fragment(draw)()
