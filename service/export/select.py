"""Which clips make up a reel of a given length, and in which order; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from footage.core.timecode import overlap_seconds
from footage.core.types import Verdict
from search.query.filters import read_moment
from search.query.lexical_match import words_of
from service.export.clips import Clip

_RANKS: dict[Verdict, int] = {"found": 0, "uncertain": 1, "not checked": 2, "not found": 3}
SAME_WORDS = 0.8
"""Share of the words of two texts that both have, from which they say nearly the same."""
SAME_MOMENT = 0.5
"""Share of the shorter of two clips that lies in the other, from which showing both shows one twice."""


def ranked(clips: Sequence[Clip]) -> list[Clip]:
    """Clips, best first, spread over videos.

    Those found come first. Among those of one verdict, ones that say nearly the same as a better one of their
    video come last; then the best of each video come before the second of any; then the surer. Of two that
    show the same moment the better one is kept.
    """
    best = sorted(clips, key=_goodness)
    kept: list[Clip] = []
    order: list[tuple[int, int, int, Clip]] = []
    turns: Counter[str] = Counter()
    for clip in best:
        same_video = [other for other in kept if other.video.content_id == clip.video.content_id]
        if any(_same_moment(clip, other) for other in same_video):
            continue
        repeats = sum(_same_words(clip.text, other.text) for other in same_video)
        order.append((_RANKS[clip.verdict], repeats, turns[clip.video.content_id], clip))
        turns[clip.video.content_id] += 1
        kept.append(clip)
    return [clip for *_, clip in sorted(order, key=lambda each: (*each[:3], *_goodness(each[3])))]


def fit(lengths: Sequence[float], most_seconds: float) -> list[tuple[int, float]]:
    """Which clips fit into a length: each in turn that still does, the best first.

    Clips are taken whole. Only where none is short enough by itself is the best one cut to the length.

    Args:
        lengths: Seconds of each clip, best first, each above 0.
        most_seconds: What all that is chosen is never longer than, above 0.

    Returns:
        Index and seconds of each, in the order given.
    """
    chosen: list[tuple[int, float]] = []
    for number, length in enumerate(lengths):
        if math.fsum((*(seconds for _, seconds in chosen), length)) <= most_seconds:
            chosen.append((number, length))
    return chosen or [(0, most_seconds)][: len(lengths)]


def by_time(clips: Iterable[Clip]) -> Callable[[Clip], tuple[float, str, float]]:
    """What sorts some clips by the wall clock where it is known for all of them, else by file and time."""
    began = {clip.recorded_at: read_moment(clip.recorded_at) for clip in clips}
    known = all(began.values())

    def moment(clip: Clip) -> tuple[float, str, float]:
        first, start = began[clip.recorded_at], clip.span.start_seconds
        return first.timestamp() + start if first and known else 0.0, clip.path, start

    return moment


def _goodness(clip: Clip) -> tuple[int, float, float, str, float]:
    sure = -1.0 if clip.confidence is None else clip.confidence
    return _RANKS[clip.verdict], -sure, -clip.score, clip.video.content_id, clip.span.start_seconds


def _same_moment(one: Clip, other: Clip) -> bool:
    shorter = min(one.span.duration_seconds, other.span.duration_seconds)
    if shorter == 0:
        return one.span == other.span
    return overlap_seconds(one.span, other.span) > SAME_MOMENT * shorter


def _same_words(one: str, other: str) -> bool:
    first, second = set(words_of(one)), set(words_of(other))
    return len(first & second) >= SAME_WORDS * len(first | second)
