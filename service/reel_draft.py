"""Chooses clips for a reel, and notices when two of them show the same moment; pure, reads no index.

Two clips show the same moment when half of the shorter one is in the other: in the same video, or on the wall
clock of two cameras. Guessed clocks do not count.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from footage.core.timecode import overlap_seconds
from footage.core.types import File, Span
from search.query.filters import read_moment
from service.export import Clip, Order
from service.export.select import SAME_MOMENT, by_time, ranked

SameMomentKind = Literal["camera", "video"]
"""How two clips show the same moment: two cameras at one time, or one video."""
MOST_IN_A_ROW = 2
"""Clips of one video that follow each other in a reel that is spread over videos."""
_MIDNIGHT = datetime(1970, 1, 1)


@dataclass(frozen=True)
class ReelCandidate:
    """A clip and where it lies on the wall clock."""

    clip: Clip
    """The clip."""
    file: File | None = None
    """Its file, for camera and clock."""

    @property
    def content_id(self) -> str:
        """Content id of its video."""
        return self.clip.video.content_id

    @cached_property
    def began(self) -> datetime | None:
        """Wall clock of the first frame of its video; None where it is unknown or guessed."""
        guessed = self.file is not None and self.file.clock_source == "guessed"
        return None if guessed else read_moment(self.clip.recorded_at)

    @cached_property
    def wall(self) -> tuple[bool, float, float] | None:
        """Whether the clock has a zone, and start and end of the clip in seconds; None where unknown."""
        if self.began is None:
            return None
        zoned = self.began.tzinfo is not None
        first = self.began.timestamp() if zoned else (self.began - _MIDNIGHT) / timedelta(seconds=1)
        return zoned, first + self.clip.span.start_seconds, first + self.clip.span.end_seconds


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A clip that a draft does not have."""

    clip: Clip
    """The clip."""
    reason: str
    """Why, as a sentence."""


@dataclass(frozen=True, slots=True)
class ReelDraft:
    """Clips for a reel, and what was left out."""

    clips: tuple[Clip, ...]
    """In order."""
    left_out: tuple[LeftOut, ...]
    """The others, best first."""

    @property
    def seconds(self) -> float:
        """How long the clips are."""
        return math.fsum(clip.span.duration_seconds for clip in self.clips)


def same_moment(one: ReelCandidate, other: ReelCandidate) -> SameMomentKind | None:
    """How two clips show the same moment; None when they do not."""
    if one.content_id == other.content_id:
        return "video" if _mostly(one.clip.span, other.clip.span) else None
    if one.wall is None or other.wall is None or one.wall[0] != other.wall[0]:
        return None
    first = min(one.wall[1], other.wall[1])
    on_clock = [Span.clamped(wall[1] - first, wall[2] - first) for wall in (one.wall, other.wall)]
    return "camera" if _mostly(*on_clock) else None


def same_moments(candidates: Sequence[ReelCandidate]) -> dict[int, list[tuple[int, SameMomentKind]]]:
    """For each clip that shows a moment again, by place: the places of the others, and how."""
    found: dict[int, list[tuple[int, SameMomentKind]]] = {}
    for first, second in _near(candidates):
        if kind := same_moment(candidates[first], candidates[second]):
            found.setdefault(first, []).append((second, kind))
            found.setdefault(second, []).append((first, kind))
    return {place: sorted(found[place]) for place in sorted(found)}


def repeats(candidates: Sequence[ReelCandidate]) -> list[int]:
    """Places of the clips to remove so that no moment is shown twice; of two the surer one stays."""
    others = same_moments(candidates)
    kept: set[int] = set()
    for place in sorted(others, key=lambda each: (-(candidates[each].clip.confidence or 0.0), each)):
        if not any(other in kept for other, _ in others[place]):
            kept.add(place)
    return [place for place in others if place not in kept]


def draft(
    candidates: Sequence[ReelCandidate], most_seconds: float, *, order: Order = "time", spread: bool = True
) -> ReelDraft:
    """Choose clips for a reel: sure ones, each moment once, the best first as long as they fit.

    Args:
        candidates: What a search found.
        most_seconds: The reel is never longer, above 0.
        order: Order of the reel.
        spread: Whether at most ``MOST_IN_A_ROW`` clips of one video follow each other; ignored where all
            candidates are of one video.
    """
    left: dict[int, str] = {}
    sure = [each for each in candidates if each.clip.verdict == "found"]
    left |= {id(each): "Not sure enough." for each in candidates if each.clip.verdict != "found"}
    best = _ranked(sure)
    spread = spread and len({each.content_id for each in best}) > 1
    ranks = {id(each): number for number, each in enumerate(best)}
    chosen: list[ReelCandidate] = []
    waiting = best
    while waiting:  # what would have been the third in a row may fit once another video stands between
        again: list[ReelCandidate] = []
        before = len(chosen)
        for each in waiting:
            together = sorted([*chosen, each], key=lambda other: ranks[id(other)])
            if reason := _against(each, together, most_seconds, order, spread=spread):
                left[id(each)] = reason
                again += [each] * (reason == _IN_A_ROW)
            else:
                chosen = together
                left.pop(id(each), None)
        waiting = again if len(chosen) > before else []
    if not chosen and best:
        first = best[0]
        end = first.clip.span.start_seconds + most_seconds
        short = replace(first.clip, span=replace(first.clip.span, end_seconds=end))
        chosen = [replace(first, clip=short)]
        left.pop(id(first), None)
    arranged = [each.clip for each in _arranged(chosen, order, spread=spread)]
    outside = [*best, *(each for each in candidates if each.clip.verdict != "found")]
    return ReelDraft(
        tuple(arranged), tuple(LeftOut(each.clip, left[id(each)]) for each in outside if id(each) in left)
    )


_IN_A_ROW = "It would be the third of one video in a row."


def _against(
    each: ReelCandidate,
    together: Sequence[ReelCandidate],
    most_seconds: float,
    order: Order,
    *,
    spread: bool,
) -> str:
    """Why a clip cannot be chosen together with the others; empty when it can."""
    for other in together:
        if other is not each and (kind := same_moment(each, other)):
            return {
                "camera": "The same moment, from another camera.",
                "video": "The same moment as a better clip.",
            }[kind]
    lengths = [other.clip.span.duration_seconds for other in together]
    if math.fsum(lengths) > most_seconds:
        return "It is too long for what is left of the length."
    if spread and _run(_arranged(together, order, spread=spread)) > MOST_IN_A_ROW:
        return _IN_A_ROW
    return ""


def _arranged(chosen: Sequence[ReelCandidate], order: Order, *, spread: bool) -> list[ReelCandidate]:
    """Clips, given best first, in the order of a reel; by score, videos alternate where they can."""
    if order == "time":
        key = by_time([each.clip for each in chosen])
        return sorted(chosen, key=lambda each: key(each.clip))
    rest, made = list(chosen), list[ReelCandidate]()
    while rest:
        recent = [each.content_id for each in made[-MOST_IN_A_ROW:]]
        full = spread and len(recent) == MOST_IN_A_ROW and len(set(recent)) == 1
        at = next((n for n, each in enumerate(rest) if not full or each.content_id != recent[0]), 0)
        made.append(rest.pop(at))
    return made


def _run(arranged: Sequence[ReelCandidate]) -> int:
    """The most clips of one video that follow each other."""
    longest = length = 0
    for number, each in enumerate(arranged):
        same = number > 0 and each.content_id == arranged[number - 1].content_id
        length = length + 1 if same else 1
        longest = max(longest, length)
    return longest


def _ranked(candidates: Sequence[ReelCandidate]) -> list[ReelCandidate]:
    """Candidates, best first; those that ``ranked`` takes for repeats come last."""
    by_clip = {id(each.clip): each for each in candidates}
    first = [by_clip[id(clip)] for clip in ranked([each.clip for each in candidates])]
    known = {id(each) for each in first}
    return [*first, *(each for each in candidates if id(each) not in known)]


def _near(candidates: Sequence[ReelCandidate]) -> Collection[tuple[int, int]]:
    """Pairs that meet in one video or on the wall clock, each by place."""
    lines: dict[tuple[str, str], list[tuple[float, float, int]]] = {}
    for place, each in enumerate(candidates):
        video, span = each.content_id, each.clip.span
        lines.setdefault(("video", video), []).append((span.start_seconds, span.end_seconds, place))
        if each.wall:
            zoned, start, end = each.wall
            lines.setdefault(("clock", str(zoned)), []).append((start, end, place))
    pairs: set[tuple[int, int]] = set()
    for line in lines.values():
        going: list[tuple[float, int]] = []
        for start, end, place in sorted(line):
            going = [(until, other) for until, other in going if until >= start]
            pairs.update((min(other, place), max(other, place)) for _, other in going)
            going.append((end, place))
    return sorted(pairs)


def _mostly(one: Span, other: Span) -> bool:
    """Whether half of the shorter span is in the other."""
    shorter = min(one.duration_seconds, other.duration_seconds)
    if shorter == 0:
        return one == other
    return overlap_seconds(one, other) > SAME_MOMENT * shorter
