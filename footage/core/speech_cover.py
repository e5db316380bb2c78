"""Which recognised speech stays beside subtitles: what they cover in the same language is theirs; pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from footage.core.languages import same_language
from footage.core.types import CaptionEvent

COVERED_PART = 0.5
"""From this part of its time on an utterance is covered: subtitles begin and end beside the words."""
_NO_WORDS = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[♪♫#*]")
"""What subtitles say about sound that is no speech: "[door closes]", "(laughs)", notes around songs."""


def spoken_events(
    speech: Sequence[CaptionEvent], subtitles: Sequence[CaptionEvent]
) -> tuple[CaptionEvent, ...]:
    """The recognised utterances that no subtitle stands for, in their order.

    Subtitles were written by people, or checked by them, so where there are some in the language that is
    spoken they are what is said. Descriptions of sounds ("[music]") stand for no speech.

    Args:
        speech: Events of the speech track of one video.
        subtitles: Events of its subtitle track.
    """
    worded = sorted((event for event in subtitles if has_words(event.text)), key=lambda event: event.span)
    starts = [event.span.start_seconds for event in worded]
    longest = max((event.span.duration_seconds for event in worded), default=0.0)

    def is_covered(utterance: CaptionEvent) -> bool:
        start, end = utterance.span.start_seconds, utterance.span.end_seconds
        first, past = bisect_left(starts, start - longest), bisect_left(starts, end)
        covered, reached = 0.0, start
        for event in worded[first:past]:
            if not same_language(utterance.language, event.language):
                continue
            begin, until = max(reached, event.span.start_seconds), min(end, event.span.end_seconds)
            if until > begin:
                covered, reached = covered + until - begin, until
        return covered >= COVERED_PART * (end - start) and covered > 0

    return tuple(event for event in speech if not is_covered(event))


def has_words(text: str) -> bool:
    """Whether a subtitle holds words that are spoken or sung, beside descriptions of sounds."""
    return any(char.isalnum() for char in _NO_WORDS.sub(" ", text))
