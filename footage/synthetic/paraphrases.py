"""Says a synthetic event in other words; knows the vocabulary, and nothing of pictures or times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

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
# Words and forms of the first half alone, which the demo model was not trained on: people ask in such, too.
_STRANGE = 2 / 3  # of its sentences
_STRANGE_NOUNS = {
    "car": ("sedan", "auto", "hatchback"),
    "person": ("woman", "figure", "passer-by", "human being"),
    "dog": ("puppy", "canine", "doggy", "terrier"),
    "ball": ("football", "sphere", "round thing"),
    "box": ("carton", "parcel", "package", "case"),
    "light": ("bulb", "lantern", "torch"),
}
_STRANGE_VERBS = {
    "drives": (("rolls", "rolling"), ("travels", "travelling")),
    "walks": (("strides", "striding"), ("wanders", "wandering"), ("marches", "marching")),
    "runs": (("dashes", "dashing"), ("sprints", "sprinting"), ("rushes", "rushing")),
    "jumps": (("leaps", "leaping"), ("springs up", "springing up"), ("bounds", "bounding")),
    "bounces": (("rebounds", "rebounding"), ("springs", "springing")),
    "sits": (("rests", "resting"), ("is placed", "placed"), ("stays", "staying")),
    "blinks": (("twinkles", "twinkling"), ("flickers", "flickering"), ("winks", "winking")),
}
_STRANGE_FORMS = (
    "{0}",
    "{0}",
    "there is {1} which {2} {3}",
    "show me when {0}",
    "{2} {3}: {1}",
    "the moment {0}",
)


def _one(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    return options[int(rng.integers(len(options)))]


def _halved(options: Sequence[_T], half: int | None) -> Sequence[_T]:
    """Every other of the distinct options; all of them where there is only one, or no half is asked for."""
    distinct = list(dict.fromkeys(options))
    return options if half is None or len(distinct) == 1 else distinct[half::2]


def reword(
    kind: str,
    colour: str,
    verb: str,
    where: str,
    rng: np.random.Generator,
    *,
    half: Literal[0, 1] | None = None,
) -> str:
    """What happens in somebody's own words, as a query might be.

    Args:
        kind: What it is about, as its colour, verb and where are: those of a synthetic event.
        colour: See kind.
        verb: See kind.
        where: See kind.
        rng: Where the randomness comes from.
        half: Use one half of the sentence forms, nouns, verbs and directions only: what is said in the words
            of one half is never said in those of the other, so that one can be learned from and the other
            kept for the test.
    """
    form = rng.random()
    strange = half == 0 and rng.random() < _STRANGE
    if half is not None:
        form = form * 0.5 if half == 0 else 0.5 + form * 0.5
    if form < 0.12 and not strange:
        return f"a {colour} {kind} {verb} {where}"
    noun = _one(rng, _STRANGE_NOUNS[kind] if strange else _halved(_NOUNS[kind], half))
    does, doing = _one(rng, _STRANGE_VERBS[verb] if strange else _halved(_VERBS[verb], half))
    crosses, where = where.startswith("from "), _one(rng, _halved(_WHERES[where], half))
    worn = kind == "person" and (noun in ("somebody", "someone") or rng.random() < 0.5)
    if worn:
        article = "" if noun in ("somebody", "someone") else _one(rng, ("a ", "a ", "the "))
        subject = f"{article}{noun} {_one(rng, ('in', 'in', 'dressed in'))} {colour}"
    else:
        subject = f"{_one(rng, ('a ', 'a ', 'the ', ''))}{colour} {noun}"
    if form < 0.5:
        words = f"{subject} {does} {where}"
        if strange:
            words = _one(rng, _STRANGE_FORMS).format(words, subject, does, where)
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
