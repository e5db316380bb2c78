"""Puts the subtitles of a window into a prompt about it, in the form that Molmo2 was trained on; pure text.

    subtitle
    0.0 - 2.5 Where is the ball?
    2.5 - 4.0 Over there.

The form is that of allenai/molmo2, olmo/preprocessing/video_preprocessor.py: seconds of the window, the cues
within ``NEAR_SECONDS`` of it ("frame_1"). Models without a place of their own for subtitles read the same
lines before the question.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from footage.core.types import Span
from footage.media.subtitles import Cue
from footage.vlm.contract import clean_text
from footage.vlm.protocol import Capabilities, Prompt

NEAR_SECONDS = 1.0
"""Cues this near to a window belong to it, too (allenai/molmo2: ``subtitle_mode`` "frame_1")."""
MOST_TOKENS = 6144
"""Most tokens of the subtitles of one window; counted in bytes, which no token of these models undercuts."""
_HEADING = "subtitle\n"

logger = logging.getLogger(__name__)


def subtitled(prompt: Prompt, cues: Sequence[Cue], window: Span, capabilities: Capabilities) -> Prompt:
    """A prompt with the cues of a window; unchanged where the window has none.

    Args:
        prompt: The question.
        cues: By time, in video time.
        window: In video time.
        capabilities: Of the model: whether subtitles have a place of their own.
    """
    text = subtitle_text(cues, window)
    if not text:
        return prompt
    if capabilities.subtitles:
        return replace(prompt, subtitles=text)
    return replace(prompt, text=f"{text}\n{prompt.text}")


def subtitle_text(cues: Sequence[Cue], window: Span) -> str:
    """The lines of a window's cues, each ended by a line feed, after a heading; empty without cues.

    Whole lines are kept, the earliest first, up to ``MOST_TOKENS``.
    """
    lines, left = [], MOST_TOKENS - len(_HEADING)
    for line in _lines(cues, window):
        left -= len(line.encode())
        if left < 0:
            logger.warning(
                "The subtitles from %s s on are too long: the rest is left out.", window.start_seconds
            )
            break
        lines.append(line)
    return _HEADING + "".join(lines) if lines else ""


def _lines(cues: Sequence[Cue], window: Span) -> Iterator[str]:
    for cue in cues:
        start, end = (each - window.start_seconds for each in (cue.span.start_seconds, cue.span.end_seconds))
        if end >= -NEAR_SECONDS and start <= window.duration_seconds + NEAR_SECONDS:
            yield f"{max(0.0, start):.1f} - {max(0.0, end):.1f} {clean_text(cue.text)}\n"
