"""Watches the pictures of one window for text, asking the recogniser as rarely as it can; writes nothing.

The detector is run at the start, when edges appear that stand still, when a text goes, and now and then while
the picture changes. In between each known text is compared with its own cutting (``picture_changes``), which
says when it came, changed, moved and went to within one step of the sampling. A line is read again when a
part of it changed, which brings every second of a clock, and a few times more for the vote.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from footage.core.types import Span, TextBox
from indexer.tracks.picture_changes import Change, PictureChanges, Place, difference, moved_to, patch_of
from indexer.tracks.text_recogniser import Corners, TextRecogniser
from indexer.tracks.text_sightings import Reading, Sighting, runs_on, similar


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How often, and at what size, text is looked for."""

    frames_per_second: float = 4.0
    """Pictures that are compared, per second of video; times of texts are exact to one step."""
    pixels_per_frame: int = 1_000_000
    """Size that pictures are decoded at, at most; text is read at this size."""
    side_pixels: int = 736
    """Longer side of the picture that text is usually looked for in."""
    large_side_pixels: int = 1120
    """The same for the first look of a window and one every ``large_seconds``: it finds small text."""
    large_seconds: float = 20.0
    """Seconds between two looks at the large size; where edges appeared, a quarter of it."""
    changing_seconds: float = 1.25
    """Seconds between two looks while the picture changes."""
    still_seconds: float = 20.0
    """Seconds between two looks while it does not."""
    least_seconds: float = 0.5
    """Least seconds between two looks, for whatever reason."""
    looks_per_second: float = 0.5
    """Most looks, over some time."""
    lines_per_second: float = 2.5
    """Most readings of a line, over some time."""

    def __str__(self) -> str:
        return (
            f"{self.frames_per_second:g} pictures/s of {self.pixels_per_frame / 1e6:g} MP, looks at "
            f"{self.side_pixels} and {self.large_side_pixels} pixels every {self.changing_seconds:g} s"
        )


SETTINGS = WatchSettings()
"""As measured in ``tests/benchmarks/screen_text``."""
_BURST_LOOKS, _BURST_LINES = 3.0, 120.0
"""What may be used up at once: a page full of text appears."""
_GONE = 0.45
"""Difference of a cutting from which on the text is not there any more (see ``difference``)."""
_GONE_ELSEWHERE = 0.65
"""The same for a text that moved by some pixels and parts of one, with another background."""
_CHANGED_IN_PART, _DIGIT_CHANGED = 0.25, 0.07
"""Difference of one cell of a cutting from which on it is read again; of a line with digits, where a 0 that
becomes a 6 brings 0.11, and the noise of a coded picture 0.03."""
_SPURIOUS_SECONDS = 0.5
"""How long a line is not read again that was read for a change, and said the same: its background moves."""
_SAME_PLACE = 0.6
"""What two boxes of one text have in common at least, as a share of the smaller one."""
_LOWER = 2.5
"""How many times lower a line in the place of a known text is than that, to be another one."""
_GROWN = 1.3
"""By how much a box is to be larger than that of a known text to be read: more of it has come."""
_READ_AGAIN_SECONDS = (0.5, 2.0, 8.0)
"""When a text that stays is read again, seconds after its first reading; readings vote."""
_CLOCK = re.compile(r"\d\D{0,2}\d\d[:.]?\d\d")
"""What may be a part of a clock: it is read every second even where no change of its digits is seen."""
_FAST = re.compile(r"\d\d[:;.]\d\d[:;.]\d\d[:;.,]\d\d")
"""A clock with frames or parts of a second, of which few readings say all."""
_TIMECODE_SECONDS, _FIRST_READINGS = 0.9, 6
_LEAST_DIGITS = 3
_CRAWL_SECONDS = 1.0
"""How often a text that moves along its line is read: it is longer than the picture is wide."""
_DOUBTFUL_SCORE, _DOUBTFUL_SECONDS = 0.75, 3.0
"""Below this score a text is seldom read again; most of them are none."""
_LEAST_SCORE = 0.5
"""Least score of a reading that is worth watching."""
_LOST_STEPS = 3
"""Pictures for which a text may be hidden before it counts as gone."""
_MOST_TRACKS = 150


@dataclass(slots=True)
class _Watched:
    """A text that is being watched."""

    corners: Corners
    place: Place
    patch: np.ndarray
    first_seconds: float
    """Middle between the last picture without it and the first with it."""
    seen_seconds: float
    """The last picture with it."""
    readings: list[Reading]
    lost: int = 0
    step: tuple[int, int] = (0, 0)
    travelled: float = 0.0
    changed: bool = False
    """Whether a part of it is not what it was when it was last read."""

    def due(self, now: float) -> bool:
        """Whether it is to be read again: it changed, is a clock, or the vote wants more readings."""
        last = self.readings[-1]
        since = now - last.at_seconds
        if len(self.readings) > 3 and max(reading.score for reading in self.readings[-4:]) < _DOUBTFUL_SCORE:
            return since >= _DOUBTFUL_SECONDS
        if self.crawls:
            return since >= _CRAWL_SECONDS
        if self.changed or _CLOCK.search(last.text):
            fast = _FAST.search(last.text) and len(self.readings) > _FIRST_READINGS
            if self.changed and not fast:
                spurious = len(self.readings) > 1 and self.readings[-2].text == last.text
                return since >= (_SPURIOUS_SECONDS if spurious else 0.0)
            return since >= (_TIMECODE_SECONDS if fast else 1.0)
        after = now - self.readings[0].at_seconds
        return sum(after >= each for each in _READ_AGAIN_SECONDS) > len(self.readings) - 1

    @property
    def doubtful(self) -> bool:
        """Whether it may be no text, such as the bars of a fence: others may come in front of it."""
        return self.readings[-1].score < _DOUBTFUL_SCORE

    @property
    def moves(self) -> bool:
        """Whether it has left its first place."""
        return self.travelled > 2 * min(self.place.height, self.place.width)

    @property
    def crawls(self) -> bool:
        """Whether it moves along its line."""
        return self.moves and abs(self.step[0]) > 2 * abs(self.step[1])


@dataclass(slots=True)
class _Allowance:
    """What may still be spent: refilled evenly, up to a burst."""

    per_second: float
    most: float
    left: float
    at_seconds: float = field(default=-1.0)

    def refill(self, now: float) -> None:
        if self.at_seconds >= 0:
            self.left = min(self.most, self.left + (now - self.at_seconds) * self.per_second)
        self.at_seconds = now


class TextWatch:
    """Watches one window; pictures are given in order of time."""

    def __init__(self, recogniser: TextRecogniser, settings: WatchSettings, span: Span) -> None:
        self._recogniser = recogniser
        self._settings = settings
        self._span = span
        self._changes = PictureChanges()
        self._watched: list[_Watched] = []
        self._done: list[Sighting] = []
        self._looked_seconds = self._large_seconds = -1e9
        self._looks = _Allowance(settings.looks_per_second, _BURST_LOOKS, _BURST_LOOKS)
        self._lines = _Allowance(settings.lines_per_second, _BURST_LINES, _BURST_LINES)
        self._since: deque[tuple[float, np.ndarray]] = deque(
            maxlen=round(settings.frames_per_second * 3 * settings.changing_seconds) + 1
        )
        self.looks = self.lines = 0
        """How often the detector was run, and how many lines were read."""

    def see(self, picture: np.ndarray, now: float) -> None:
        """Take the next picture: uint8 (height, width, 3), RGB, at a time in seconds."""
        import cv2

        # 1. What changed, and which of the known texts are still there.
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if self._since and self._since[-1][1].shape != grey.shape:
            self._close_all()
        hidden = [each.place for each in self._watched if not each.lost and not each.doubtful]
        change = self._changes.see(grey, hidden)
        self._looks.refill(now)
        self._lines.refill(now)
        lost = [each for each in self._watched if not self._follow(each, grey, now)]

        # 2. Look for text where there is a reason to.
        waited = now - self._looked_seconds
        longest = self._settings.still_seconds if change.still else self._settings.changing_seconds
        reason = change.settled or any(each.lost == 1 for each in lost)
        if waited >= longest or (reason and waited >= self._settings.least_seconds and self._looks.left >= 1):
            self._look(picture, grey, now, change)

        # 3. Read what changed, and what is due for the vote; drop what stays hidden.
        due = [each for each in self._watched if not each.lost and each.due(now)]
        self._read_again(picture, grey, due, now)
        for each in [each for each in self._watched if each.lost >= _LOST_STEPS]:
            self._close(each, now)
        self._since.append((now, grey))

    def sightings(self) -> list[Sighting]:
        """All that was seen, once the last picture has been given."""
        for each in list(self._watched):
            if not each.lost:
                each.seen_seconds = self._span.end_seconds
            self._close(each, each.seen_seconds)
        return self._done

    def _follow(self, watched: _Watched, grey: np.ndarray, now: float) -> bool:
        """See whether a text is still there, perhaps a little further on; it may have changed in part."""
        whole, cell = difference(watched.patch, patch_of(grey, watched.place))
        if whole >= _GONE and not watched.lost and self._since:
            moved = moved_to(grey, self._since[-1][1], watched.place, hint=watched.step)
            if moved is not None and moved != watched.place:
                whole, cell = difference(watched.patch, patch_of(grey, moved))
                if whole < _GONE_ELSEWHERE:
                    self._move(watched, moved, grey)
                    whole, cell = 0.0, 0.0
        if whole >= _GONE:
            watched.lost += 1
            return False
        watched.lost = 0
        digits = sum(char.isdigit() for char in watched.readings[-1].text)
        watched.changed = cell >= (_DIGIT_CHANGED if digits >= _LEAST_DIGITS else _CHANGED_IN_PART)
        if not watched.changed:
            watched.readings[-1] = _held(watched.readings[-1], now)
        watched.seen_seconds = now
        return True

    def _move(self, watched: _Watched, place: Place, grey: np.ndarray) -> None:
        across, down = place.left - watched.place.left, place.top - watched.place.top
        watched.corners = watched.corners + np.array([across, down], np.float32)
        watched.place, watched.step = place, (across, down)
        watched.travelled += float(np.hypot(across, down))
        watched.patch = patch_of(grey, place)

    def _look(self, picture: np.ndarray, grey: np.ndarray, now: float, change: Change) -> None:
        """Run the detector, read what is new, and find out since when it has been there."""
        settings = self._settings
        large = now - self._large_seconds >= settings.large_seconds / (4 if change.settled else 1)
        side = settings.large_side_pixels if large else settings.side_pixels
        self._large_seconds = now if large else self._large_seconds
        self._looked_seconds = now
        self._looks.left = max(0.0, self._looks.left - 1)
        self.looks += 1
        found = self._find(picture, side, change.region)
        self._changes.mark()
        fresh: list[tuple[Corners, Place]] = []
        for corners in found:
            place = Place.around(corners, grey.shape)
            near = [each for each in self._watched if not _in_front_of(each.place, place)]
            known = max(near, key=lambda each: each.place.covered(place), default=None)
            if known is None or known.place.covered(place) < _SAME_PLACE or known.lost:
                fresh.append((corners, place))
            elif known.crawls:  # more of it comes in on one side, and leaves on the other
                known.corners, known.place, known.patch = corners, place, patch_of(grey, place)
            elif place.area > known.place.area * _GROWN:
                fresh.append((corners, place))
        fresh = fresh[: max(0, min(int(self._lines.left), _MOST_TRACKS - len(self._watched)))]
        if fresh:
            lines = self._read(picture, [corners for corners, _ in fresh])
            for (corners, place), line in zip(fresh, lines, strict=True):
                if line[1] >= _LEAST_SCORE and line[0]:
                    self._begin(corners, place, line, grey, now)

    def _find(self, picture: np.ndarray, side: int, region: Place | None) -> list[Corners]:
        """Find text, only in what changed since the last look where that is a part of the picture."""
        if region is None:
            return self._recogniser.find(picture, side_pixels=side)
        for each in self._watched:
            if each.lost or each.place.covered(region) > 0:
                region = region.enclosing(each.place)
        part = picture[region.top : region.bottom, region.left : region.right]
        share = max(part.shape[:2]) / max(picture.shape[:2])
        found = self._recogniser.find(np.ascontiguousarray(part), side_pixels=max(64, round(side * share)))
        offset = np.array([region.left, region.top], np.float32)
        return [corners + offset for corners in found]

    def _begin(
        self, corners: Corners, place: Place, line: tuple[str, float], grey: np.ndarray, now: float
    ) -> None:
        """Begin to watch a text, or go on with a lost one that is back in other light."""
        reading = Reading(now, now, line[0], line[1], _box(corners, grey.shape, now))
        patch = patch_of(grey, place)
        for each in self._watched:
            if each.place.covered(place) < _SAME_PLACE:
                continue
            grown = not each.lost and _contains(line[0], each.readings[-1].text)
            if grown or (each.lost and _same(each.readings[-1].text, line[0])):
                each.corners, each.place, each.patch, each.lost = corners, place, patch, 0
                each.seen_seconds = now
                each.readings.append(reading)
                return
        for each in list(self._watched):
            if each.lost and each.place.covered(place) >= _SAME_PLACE:
                self._close(each, now)
        self._watched.append(
            _Watched(corners, place, patch, self._first_seen(place, patch, now), now, [reading])
        )

    def _first_seen(self, place: Place, patch: np.ndarray, now: float) -> float:
        """Since when a text has been there, by the pictures since the last look."""
        first: float = now
        for at, grey in reversed(self._since):
            if difference(patch, patch_of(grey, place))[0] >= _GONE:
                return float(at + first) / 2
            first = at
        return self._span.start_seconds if first <= self._earliest() else first

    def _earliest(self) -> float:
        """Time of the first picture of the window, or one that cannot be reached."""
        full = len(self._since) == self._since.maxlen
        return -1.0 if full else (self._since[0][0] if self._since else self._span.end_seconds)

    def _read_again(self, picture: np.ndarray, grey: np.ndarray, due: list[_Watched], now: float) -> None:
        due = sorted(due, key=lambda each: not each.changed)[: int(self._lines.left)]
        lines = self._read(picture, [each.corners for each in due])
        for each, (text, score) in zip(due, lines, strict=True):
            each.changed = False
            if not text or score < _LEAST_SCORE:
                continue
            each.patch = patch_of(grey, each.place)
            each.readings.append(Reading(now, now, text, score, _box(each.corners, grey.shape, now)))

    def _read(self, picture: np.ndarray, lines: list[Corners]) -> list[tuple[str, float]]:
        if not lines:
            return []
        self._lines.left = max(0.0, self._lines.left - len(lines))
        self.lines += len(lines)
        return [(line.text, line.score) for line in self._recogniser.read(picture, lines)]

    def _close_all(self) -> None:
        for each in list(self._watched):
            self._close(each, each.seen_seconds)
        self._since.clear()
        self._changes = PictureChanges()
        self._looked_seconds = -1e9

    def _close(self, watched: _Watched, now: float) -> None:
        """A text has gone, between the last picture with it and the next one."""
        half = 0.5 / self._settings.frames_per_second
        end = watched.seen_seconds + (half if now > watched.seen_seconds else 0.0)
        self._watched = [each for each in self._watched if each is not watched]
        span = Span.clamped(watched.first_seconds, end, within=self._span)
        self._done.append(Sighting(span, tuple(watched.readings), watched.moves))


def _in_front_of(known: Place, place: Place) -> bool:
    """Whether a line is so much lower than a known text that it stands in front of what was taken for one."""
    return min(place.height, place.width) * _LOWER < min(known.height, known.width)


def _same(text: str, other: str) -> bool:
    return similar(text, other) or runs_on(text, other)


def _contains(text: str, part: str) -> bool:
    """Whether a reading of a larger box has most of the letters of one of a smaller box in it."""
    long, short = (re.sub(r"\W", "", each.casefold()) for each in (text, part))
    blocks = SequenceMatcher(None, long, short, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= 0.7 * len(short)


def _held(reading: Reading, now: float) -> Reading:
    return Reading(reading.at_seconds, now, reading.text, reading.score, reading.box)


def _box(corners: Corners, size: tuple[int, ...], now: float) -> TextBox:
    """The rectangle around a line as shares of the picture, to a thousandth."""
    height, width = size
    shares = np.clip(corners / np.array([width, height], np.float32), 0, 1)
    left, top = (round(float(each), 3) for each in shares.min(axis=0))
    right, bottom = (round(float(each), 3) for each in shares.max(axis=0))
    return TextBox(now, left, top, right, bottom)
