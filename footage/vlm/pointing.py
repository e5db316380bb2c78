"""Molmo2's format for points in pictures: prompts and answer parsers; pure, knows no backend.

The format is the one of the model's paper and card (arXiv 2601.10611, appendix A, "Pointing";
huggingface.co/allenai/Molmo2-4B, README.md): a tag whose ``coords`` hold, frame by frame, the frame's name
and then "id x y" for each point.

    <points coords="1 1 555 169;2 3 649 154 4 709 162">boats</points>
    <tracks coords="0.0 1 635 522;0.5 1 606 490 2 511 124">the players</tracks>

A frame's name is its number, from 1, for a picture, and its stamp in seconds for a window of video; frames
stand apart by a tab, colon, comma or semicolon. Ids are one for each distinct object. x and y are thousandths
of the frame's width and height, in three or four digits. No parser raises on any text: what is no point, or
lies outside of the frames shown, is dropped and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from footage.core.errors import UsageError
from footage.core.types import Answer, FinishReason, Point, Span
from footage.vlm.contract import clean_text, strip_think
from footage.vlm.profile import Profile
from footage.vlm.profiles import require
from footage.vlm.protocol import Prompt

THOUSANDTHS = 1000
"""Coordinate of the far edge of a frame."""
SAME_STAMP_SECONDS = 0.05
"""A stamp has one decimal: a frame's time is at most this far from it."""


# --- 1. Prompts ---------------------------------------------------------------------------------------------


def point_prompt(what: str, profile: Profile) -> Prompt:
    """The question where something is, or how many there are of it.

    "the red car" becomes "Point to the red car.", the wording of the model's card; what begins as a request
    itself ("count the people", "how many cars are there?") stays as it was written.

    Raises:
        UsageError: when nothing is left of the words after cleaning, or the model does not point.
    """
    require(profile, "point")
    return Prompt("point", _request(what, "Point to", _POINT_VERBS), profile.ask_tokens, profile.sampling)


def track_prompt(what: str, profile: Profile) -> Prompt:
    """The question where something is from frame to frame: "Track the player.", as on the model's card.

    Raises:
        UsageError: when nothing is left of the words after cleaning, or the model does not track.
    """
    require(profile, "track")
    return Prompt("track", _request(what, "Track", _TRACK_VERBS), profile.ask_tokens, profile.sampling)


_POINT_VERBS = re.compile(r"(?:point (?:to|at|out)|count|how many|find|locate|where)\b", re.IGNORECASE)
_TRACK_VERBS = re.compile(r"(?:track|follow)\b", re.IGNORECASE)


def _request(what: str, verb: str, verbs: re.Pattern[str]) -> str:
    words = clean_text(what)
    if not words.strip(" .?!"):
        raise UsageError(f"{what[:40]!r} names no object", hint="Name an object, as in: the red car")
    end = "" if words[-1] in ".?!" else "."
    if verbs.match(words):
        return f"{words[0].upper()}{words[1:]}{end}"
    return f"{verb} {words}{end}"


# --- 2. Answers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model was shown; needed to read the points in its answer."""

    span: Span
    """The window, in video time; equal ends for a picture."""
    times_seconds: tuple[float, ...]
    """Times of its frames, in video time, ascending; one alone is a picture."""
    width: int
    """Of the source's frames, in pixels."""
    height: int
    """Of the source's frames, in pixels."""

    @property
    def is_picture(self) -> bool:
        """Whether it was a single frame."""
        return len(self.times_seconds) == 1


@dataclass(frozen=True)
class Places:
    """The points in an answer."""

    points: tuple[Point, ...]
    """By time, then by object."""
    dropped: int
    """Points that could not be read, lie outside of the frames, or repeat an object within a frame."""
    text: str
    """The answer's prose, its tags replaced by the words they enclose."""
    raw: str
    """The answer, untouched."""
    finish_reason: FinishReason
    """"length" when the token cap cut it: points may be missing."""

    @cached_property
    def paths(self) -> dict[int, tuple[Point, ...]]:
        """The points of each object, by time."""
        ids = sorted({point.object_id for point in self.points})
        return {each: tuple(point for point in self.points if point.object_id == each) for each in ids}

    @property
    def count(self) -> int:
        """How many distinct objects."""
        return len(self.paths)


_NUMBER = r"[0-9]{1,6}"
_COORDS = re.compile(r'<(?:points|tracks)\b[^\n]*?\bcoords="([^"]*)("|\Z)', re.IGNORECASE)
_TAG = re.compile(r"</?(?:points|tracks)\b[^>]*(?:>|\Z)", re.IGNORECASE)
_FRAME = re.compile(rf"\s*({_NUMBER}(?:\.[0-9]{{0,6}})?)(?!\S)")
_POINT = re.compile(rf"(?<!\S)({_NUMBER})\s+([0-9]{{3,4}})\s+([0-9]{{3,4}})(?!\S)")


def read_places(answer: Answer, shown: Shown) -> Places:
    """Reads the points and tracks of an answer about what was shown.

    A stamp is the time of the frame that carries it; between stamps it is taken as written, in whole tenths,
    since a model may write more moments than it saw. Within one frame the first point of an object counts.
    """
    frames = [(None if name is None else _time(name, shown), rest) for name, rest in _frames(answer)]
    return _places(answer, frames, shown)


def read_picture_places(answer: Answer, pictures: Sequence[Shown]) -> list[Places]:
    """Reads the points of an answer about several pictures: the places in each, in their order.

    Objects are numbered throughout. What names none of the pictures is dropped, and counted with the first.
    """
    numbers = range(1, len(pictures) + 1)
    frames = list(_frames(answer))
    found = []
    for number, picture in zip(numbers, pictures, strict=True):
        [seconds] = picture.times_seconds
        own = [(seconds, rest) for name, rest in frames if name == number]
        lost = [(None, rest) for name, rest in frames if number == 1 and name not in numbers]
        found.append(_places(answer, [*own, *lost], picture))
    return found


def _places(answer: Answer, frames: Iterable[tuple[float | None, str]], shown: Shown) -> Places:
    """The points of some frames, each with its time, or None where nothing of the kind was shown."""
    found: dict[tuple[float, int], Point] = {}
    dropped = 0
    for time_seconds, rest in frames:
        for object_id, x, y in _POINT.findall(rest):
            key = (time_seconds if time_seconds is not None else -1.0, int(object_id))
            if time_seconds is None or max(int(x), int(y)) > THOUSANDTHS or key in found:
                dropped += 1
                continue
            found[key] = Point(
                time_seconds,
                int(object_id),
                int(x) * shown.width / THOUSANDTHS,
                int(y) * shown.height / THOUSANDTHS,
            )
        dropped += sum(bool(left.strip()) for left in _POINT.split(rest)[::4])
    text = " ".join(_TAG.sub("", strip_think(answer.raw)).split())
    points = tuple(found[key] for key in sorted(found))
    return Places(points, dropped, text, answer.raw, answer.finish_reason)


def _frames(answer: Answer) -> Iterator[tuple[float | None, str]]:
    """The frames in all tags: the name of each, None for none, and what follows it.

    Of an attribute that was cut off, all but the last number counts.
    """
    for coords, end in _COORDS.findall(strip_think(answer.raw)):
        whole = coords if end else coords.rstrip("0123456789.")
        for frame in re.split(r"[\t:,;]", whole):
            name = _FRAME.match(frame)
            if frame.strip():
                yield (float(name[1]), frame[name.end() :]) if name else (None, frame)


def _time(named: float, shown: Shown) -> float | None:
    """The video time of a frame by its name in the answer; None when nothing of the kind was shown."""
    if shown.is_picture:
        return shown.times_seconds[0] if named == 1 else None
    written = shown.span.start_seconds + named
    nearest = min(shown.times_seconds, key=lambda time: abs(time - written), default=None)
    if nearest is not None and abs(nearest - written) <= SAME_STAMP_SECONDS + 1e-6:
        return nearest
    return round(written, 3) if shown.span.start_seconds <= written <= shown.span.end_seconds else None
