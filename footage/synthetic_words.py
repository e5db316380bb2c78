"""Says a synthetic event in other words; knows the vocabulary, and nothing of pictures or times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")

_NOUNS = {
    "car": ("car", "car", "car", "automobile", "vehicle"),
    "person": ("person", "person", "somebody", "someone", "man", "pedestrian"),
    "dog": ("dog", "dog", "dog", "hound"),
    "ball": ("ball", "ball", "ball"),
    "box": ("box", "box", "crate"),
    "light": ("light", "light", "lamp", "signal light"),
}
_VERBS = {
    "drives": (("drives", "driving"), ("moves", "moving"), ("passes", "passing"), ("goes", "going")),
    "walks": (("walks", "walking"), ("walks", "walking"), ("strolls", "strolling"), ("goes", "going")),
    "runs": (("runs", "running"), ("runs", "running"), ("races", "racing"), ("gallops", "galloping")),
    "jumps": (("jumps", "jumping"), ("hops", "hopping"), ("jumps up and down", "jumping up and down")),
    "bounces": (
        ("bounces", "bouncing"),
        ("bounces", "bouncing"),
        ("bounces up and down", "bouncing up and down"),
    ),
    "sits": (("sits", "sitting"), ("stands", "standing"), ("lies", "lying"), ("is", "")),
    "blinks": (("blinks", "blinking"), ("flashes", "flashing"), ("goes on and off", "going on and off")),
}
_WHERES = {
    "from left to right": (
        "from left to right",
        "to the right",
        "rightwards",
        "left to right",
        "towards the right",
    ),
    "from right to left": (
        "from right to left",
        "to the left",
        "leftwards",
        "right to left",
        "towards the left",
    ),
    "on the left": ("on the left", "at left", "on the left side", "at the left", "left of the picture"),
    "in the middle": ("in the middle", "in the centre", "in the center", "at the centre", "mid-picture"),
    "on the right": ("on the right", "at right", "on the right side", "at the right", "right of the picture"),
}


def _one(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    return options[int(rng.integers(len(options)))]


def reword(kind: str, colour: str, verb: str, where: str, rng: np.random.Generator) -> str:
    """What happens in somebody's own words, as a query might be."""
    form = rng.random()
    if form < 0.12:
        return f"a {colour} {kind} {verb} {where}"
    noun = _one(rng, _NOUNS[kind])
    does, doing = _one(rng, _VERBS[verb])
    crosses, where = where.startswith("from "), _one(rng, _WHERES[where])
    worn = kind == "person" and (noun in ("somebody", "someone") or rng.random() < 0.5)
    if worn:
        article = "" if noun in ("somebody", "someone") else _one(rng, ("a ", "a ", "the "))
        subject = f"{article}{noun} {_one(rng, ('in', 'in', 'dressed in'))} {colour}"
    else:
        subject = f"{_one(rng, ('a ', 'a ', 'the ', ''))}{colour} {noun}"
    if form < 0.5:
        words = f"{subject} {does} {where}"
    elif form < 0.85 or not doing:
        words = f"{subject} {doing} {where}"
    elif crosses:
        words = f"{subject} that {does} {where}"
    else:
        words = f"{where} {subject} {does}"
    words = " ".join(words.split())
    ending = rng.random()
    if ending < 0.1:
        return words[0].upper() + words[1:] + "."
    return words[0].upper() + words[1:] if ending < 0.2 else words
