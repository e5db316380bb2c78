"""Words that every surface uses alike: counts, paths and text that is safe to show; knows no surface."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from footage.core.tracks import (
    CAPTION_TRACK,
    IMAGE_TRACK,
    SCREEN_TEXT_TRACK,
    SPEECH_TRACK,
    SUBTITLE_TRACK,
    image_embedder_of,
    is_image_track,
)

if TYPE_CHECKING:
    from footage.core.corrections import Correction

TRACK_NAMES = {
    CAPTION_TRACK: "Captions",
    SPEECH_TRACK: "Speech",
    SUBTITLE_TRACK: "Subtitles",
    SCREEN_TEXT_TRACK: "Screen text",
}
"""What the tracks of texts are called."""
_folder: ContextVar[str | None] = ContextVar("folder", default=None)


def as_corrected(correction: Correction) -> str:
    """What a correction says, for people: its text, or that the event was removed."""
    return "(removed)" if correction.removes else correction.text


def track_name(track: str) -> str:
    """What a track is called, an image track with its embedder: "Image vectors (demo-clip)"."""
    if is_image_track(track):
        return f"Image vectors ({plain(image_embedder_of(track))})"
    if track == IMAGE_TRACK:
        return "Image vectors"
    return TRACK_NAMES.get(track) or plain(track).replace("-", " ").capitalize()


def plain(text: object) -> str:
    """A text that is safe to show: control characters and whatever is no character become U+FFFD."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number and its noun: "1 video", "1,200 videos"; ``nouns`` where the plural takes more than an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or f'{noun}s'}"


def sentence(words: str, *, name: str = "") -> str:
    """The words with a capital at the front and a full stop at the end.

    Args:
        words: What is said.
        name: A file name that keeps its letters at the front, as does every first word that is seen to be
            one, such as "yard.mp4" or "clips/yard".
    """
    words = words.strip()
    if not words:
        return ""
    is_name = (name and words.startswith(name)) or re.match(r"[^\s.]*[./\\_]\w", words)
    begun = words if is_name else words[0].upper() + words[1:]
    return begun + ("" if words[-1] in ".!?…" else ".")


def tracks_searched(seconds: Mapping[str, float], total_seconds: float) -> str:
    """How much of each track was searched, tracks of equal lengths together.

    For example "captions of 1:30.0 of 2:00.0, speech and subtitles of 1:00.0 of 2:00.0".

    Args:
        seconds: Footage seconds by track.
        total_seconds: Footage seconds that there are.
    """
    groups: dict[str, list[str]] = {}
    for track, length in seconds.items():
        groups.setdefault(format_time(length), []).append(track_name(track).lower())
    total = format_time(total_seconds)
    return ", ".join(f"{_listed(names)} of {length} of {total}" for length, names in groups.items())


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a text that is quoted."""

    pieces: tuple[tuple[str, bool], ...]
    """Its text in order, in pieces, each with whether it is a hit."""
    cut_before: bool
    """Whether text before it is left out."""
    cut_after: bool
    """Whether text after it is left out."""


def excerpt(text: str, marks: Sequence[tuple[int, int]], *, longest: int) -> Excerpt:
    """The part of a text to quote: all of a short one, else about the first hit.

    Args:
        text: The text.
        marks: First character and the one after the last of each hit, ascending.
        longest: Most characters, unless the first hit alone is longer.
    """
    first, past = 0, len(text)
    if past > longest:
        start, end = marks[0] if marks else (0, 0)
        first = max(0, min((start + end - longest) // 2, past - longest))
        past = max(end, first + longest)
    pieces, at = [], first
    for start, end in marks:
        if at <= start and end <= past:
            pieces += [(text[at:start], False), (text[start:end], True)]
            at = end
    pieces.append((text[at:past], False))
    return Excerpt(tuple(pieces), first > 0, past < len(text))


@contextmanager
def seen_from(folder: str | None) -> Iterator[None]:
    """Shorten paths as seen from a folder; from the current one when None."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def short_path(path: str) -> str:
    """A path as short as it may be: relative below the current folder, otherwise with ~ for the home."""
    for start, prefix in ((Path(_folder.get() or Path.cwd()), ""), (Path.home(), f"~{os.sep}")):
        if Path(path).is_relative_to(start):
            return plain(prefix + str(Path(path).relative_to(start)))
    return plain(path)
