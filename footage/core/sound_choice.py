"""Which sound tracks of a file a setting names: "main", "all" or numbers; pure."""

from __future__ import annotations

import re
from typing import Literal


def sound_choice(text: str) -> Literal["main", "all"] | tuple[int, ...]:
    """The choice that a text names: "main", "all", or numbers of tracks as in "1,3".

    Raises:
        ValueError: It names none.
    """
    if text == "main":
        return "main"
    if text == "all":
        return "all"
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"0*[1-9][0-9]{0,2}", part) for part in parts):
        raise ValueError("use main, all, or the numbers of sound tracks as in 1,3")
    return tuple(sorted({int(part) for part in parts}))


def checked_sound(text: str) -> str:
    """The text, where ``sound_choice`` takes it.

    Raises:
        ValueError: As ``sound_choice``.
    """
    sound_choice(text)
    return text
