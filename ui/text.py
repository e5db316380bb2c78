"""Words that every surface uses alike: counts, paths and text that is safe to show; knows no surface."""

from __future__ import annotations

import os
from pathlib import Path

from footage.core.types import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK

TRACK_NAMES = {
    CAPTION_TRACK: "Captions",
    SPEECH_TRACK: "Speech",
    SUBTITLE_TRACK: "Subtitles",
    SCREEN_TEXT_TRACK: "Screen text",
}
"""What the tracks are called."""


def plain(text: object) -> str:
    """A text that is safe to show: control characters and whatever is no character become U+FFFD."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number and its noun: "1 video", "1,200 videos"; ``nouns`` where the plural takes more than an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or f'{noun}s'}"


def short_path(path: str) -> str:
    """A path as short as it may be: relative below the current folder, otherwise with ~ for the home."""
    for start, prefix in ((Path.cwd(), ""), (Path.home(), f"~{os.sep}")):
        if Path(path).is_relative_to(start):
            return plain(prefix + str(Path(path).relative_to(start)))
    return plain(path)
