"""Draws pictures of things to search by, in scenes of their own, and clips that lack some of the things."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from footage.synthetic.clips import (
    ALL_EVENTS,
    COLOURS,
    KINDS,
    SyntheticClip,
    SyntheticEvent,
    random_scene,
    render,
)
from footage.synthetic.paraphrases import reword

Thing = tuple[str, str]
"""Kind and colour."""
THINGS: tuple[Thing, ...] = tuple((kind, colour) for kind in KINDS for colour in COLOURS)
WITHHELD = 12
"""Things of 36 that no clip of the library shows."""
QUERIES_EACH = 3
"""Pictures of each thing to search with, of other scenes than any in the library."""

_STREAM = 0x1316


@dataclass(frozen=True, eq=False)
class DrawnPicture:
    """A picture of one thing in a scene of its own, and words for it."""

    thing: Thing
    """What it shows."""
    jpeg: bytes
    """The picture as a file."""
    box: tuple[slice, slice]
    """Rows and columns of the thing."""
    words: str
    """What it shows, as a query; every third is reworded."""

    @property
    def pixels(self) -> np.ndarray:
        """The picture as read from the file, uint8 (height, width, 3)."""
        from PIL import Image

        return np.array(Image.open(io.BytesIO(self.jpeg)))


def random_stream(seed: int) -> np.random.Generator:
    """What decides which things are withheld, and then the pictures."""
    return np.random.default_rng([_STREAM, seed])


def withheld_things(rng: np.random.Generator) -> set[Thing]:
    """The things that no clip may show."""
    return {THINGS[int(n)] for n in rng.permutation(len(THINGS))[:WITHHELD]}


def without(clips: Sequence[SyntheticClip], withheld: set[Thing]) -> list[SyntheticClip]:
    """The clips with the events of some things left out."""
    return [
        replace(clip, events=tuple(e for e in clip.events if (e.kind, e.colour) not in withheld))
        for clip in clips
    ]


def draw_pictures(things: Sequence[Thing], rng: np.random.Generator) -> list[DrawnPicture]:
    """A picture of each of some things, as a JPEG of a new scene."""
    pictures = []
    for number, (kind, colour) in enumerate(things):
        happens = [what for what in ALL_EVENTS if what[:2] == (kind, colour)]
        what = happens[int(rng.integers(len(happens)))]
        event = SyntheticEvent(
            *what, 0.0, 4.0, int(rng.integers(2**31)), ("far", "near")[int(rng.integers(2))]
        )
        clip = SyntheticClip(random_scene(rng), (event,), 8.0, 0)
        frame, empty = render(clip, [float(rng.uniform(1.3, 2.7)), 6.0])
        plain = (f"a {colour} {kind}", f"a {colour} {kind} {what[2]} {what[3]}")[number % 2]
        words = reword(*what, rng) if number % QUERIES_EACH == 0 else plain
        pictures.append(DrawnPicture((kind, colour), _as_jpeg(frame), _box(frame, empty), words))
    return pictures


def _as_jpeg(frame: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _box(frame: np.ndarray, empty: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of what differs from the empty scene, with a margin of an eighth."""
    differs = np.abs(frame.astype(np.int16) - empty).max(axis=2) > 30
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return slice(None), slice(None)
    high, wide = (rows[-1] - rows[0]) // 8 + 2, (columns[-1] - columns[0]) // 8 + 2
    down = slice(max(0, int(rows[0] - high)), int(rows[-1] + high))
    return down, slice(max(0, int(columns[0] - wide)), int(columns[-1] + wide))
