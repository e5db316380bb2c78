"""The player: a short clip around a span that starts at the span, and the strip of the whole video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from footage.errors import FootageError
from footage.types import Span, Video
from ui.components import markup, media, notices, timeline
from ui.components.resources import Outline


def show(
    video: Video,
    path: str,
    span: Span,
    *,
    cache: Path,
    outline: Outline,
    matches: Sequence[Span],
    text: str,
    autoplay: bool,
) -> None:
    """Show one moment of a video.

    Args:
        video: The video.
        path: A file that holds it; empty when none does.
        span: The moment.
        cache: Folder for the clip.
        outline: What the index has of the video.
        matches: Every matched span of the video, for the strip.
        text: What happens there.
        autoplay: Whether to play at once, as after a click.
    """
    st.html(
        f'<div class="fx-playing"><h2>{markup.text(text)}</h2>'
        f'<p><span class="fx-name">{markup.text(markup.file_name(path))}</span>'
        f"<b>{markup.clock_span(span)}</b></p></div>"
    )
    try:
        with st.spinner("Cutting the preview"):
            clip = media.preview(cache, path, content_id=video.content_id, span=span)
        st.video(str(clip.path), start_time=clip.start_seconds, autoplay=autoplay)
    except FootageError as error:
        st.html(notices.problem(error))
    strip = timeline.strip(
        video.duration_seconds,
        covered=outline.covered,
        events=outline.busy,
        matches=matches,
        chosen=span,
        ticks=True,
    )
    st.html(f'<div class="fx-under">{strip}{timeline.legend(matched=bool(matches))}</div>')
