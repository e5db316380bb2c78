"""What an index run is to make findable, in words; the choice among it on a form."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import streamlit as st

from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from service.ready_tracks import ReadyTrack
from ui.web.components import markup


@dataclass(frozen=True, slots=True)
class TrackChoice:
    """Tracks that people choose together."""

    key: str
    """Names it among the widgets of a page."""
    name: str
    """What is found, in three words."""
    explained: str
    """What makes it, in a sentence."""
    tracks: tuple[str, ...]
    """The tracks."""


CHOICES = (
    TrackChoice(
        "said",
        "What is said",
        "Speech becomes text with the time of each word; subtitles are read, too. Runs on any machine.",
        (SPEECH_TRACK, SUBTITLE_TRACK),
    ),
    TrackChoice(
        "written",
        "What is written",
        "Signs, titles, clocks and other text in the picture, with its place. Runs on any machine.",
        (SCREEN_TEXT_TRACK,),
    ),
    TrackChoice(
        "shown",
        "What happens",
        "A vision model describes the pictures and finds events in them. Best with a GPU.",
        (CAPTION_TRACK,),
    ),
    TrackChoice(
        "pictured",
        "How it looks",
        "What no caption mentions is found by its picture, or with a picture. Best with a GPU.",
        (IMAGE_TRACK,),
    ),
)
"""In the order in which they are shown."""


def choose(ready: Sequence[ReadyTrack]) -> None:
    """Draw a box for each choice; what cannot be made here cannot be chosen. ``chosen`` reads them."""
    missing = {each.track for each in ready if not each.is_ready}
    why = {each.track: each.why_not for each in ready}
    with st.container(horizontal=True, key="run_tracks"):
        for choice in CHOICES:
            lacks = [track for track in choice.tracks if track in missing]
            st.checkbox(
                choice.name,
                value=not lacks,
                disabled=bool(lacks),
                key=_key(choice, lacks),
                help=markup.label(why[lacks[0]], most=400) if lacks else choice.explained,
            )


def chosen(ready: Sequence[ReadyTrack]) -> tuple[str, ...] | None:
    """The tracks that are ticked; None for all that can be made here, which a run makes by itself."""
    missing = {each.track for each in ready if not each.is_ready}
    ticked = tuple(
        track
        for choice in CHOICES
        if st.session_state.get(_key(choice, [track for track in choice.tracks if track in missing]))
        for track in choice.tracks
        if track not in missing
    )
    return None if {*ticked, *missing} == {each.track for each in ready} else ticked


def _key(choice: TrackChoice, lacks: Collection[str]) -> str:
    """Another one once it can be made, so that it is ticked then."""
    return f"run_{choice.key}{'_missing' if lacks else ''}"
