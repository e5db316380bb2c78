"""Draws the files of the library as tiles and rows, with what each track covers; fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from footage.core.types import File
from service.library_files import AWAY, recorded_at
from service.transcript import VideoTrack
from ui.text import sentence, short_path, track_name
from ui.web.components import cards, dates, links, markup
from ui.web.components.addresses import picture_address

STATE_WORDS = {
    "indexed": "Indexed",
    "partial": "Partly indexed",
    "failed": "Failed",
    "waiting": "Waiting",
    "new": "Being indexed",
    "skipped": "Left out",
    "offline": "Not connected",
    "gone": "Missing",
}
"""What a state of a file is called."""
POSTER_SHARE = 0.35
"""The picture of a video is taken this far into it: beginnings are often black."""


def tile(file: File, *, tracks: Sequence[VideoTrack] = (), missing: bool = False) -> str:
    """A file as a tile: its picture, its name, where and when it was recorded, and what is indexed.

    Args:
        file: The file.
        tracks: How far each track of its video is indexed.
        missing: Whether it is not where the index has it.
    """
    length = f"<em>{_length(file)}</em>" if file.duration_seconds else ""
    where = " · ".join(filter(None, [file.camera, when(file)]))
    inside = (
        f'<span class="fx-thumb">{_poster(file)}{length}{_state(file, missing=missing)}</span>'
        f'<span class="fx-tile-words"><b title="{markup.text(short_path(file.path))}">{_name(file)}</b>'
        f'<span class="fx-tile-where">{markup.text(where)}</span>'
        f"{_remark(file, missing=missing)}{bars(tracks)}</span>"
    )
    return _opening(file, "fx-lib-tile", inside)


def row(file: File, *, tracks: Sequence[VideoTrack] = (), missing: bool = False) -> str:
    """A file as a row of a list; arguments as of ``tile``."""
    folder = short_path(str(PurePath(file.path).parent))
    inside = (
        f'<span class="fx-thumb">{_poster(file)}</span>'
        f'<span class="fx-row-name"><b title="{markup.text(short_path(file.path))}">{_name(file)}</b>'
        f"<small>{markup.text(folder)}</small></span>"
        f'<span class="fx-row-length">{_length(file)}</span>'
        f'<span class="fx-row-camera">{markup.text(file.camera)}</span>'
        f'<span class="fx-row-when">{markup.text(when(file))}</span>'
        f'<span class="fx-row-bars">{bars(tracks)}</span>{_state(file, missing=missing, always=True)}'
        f"{_remark(file, missing=missing)}"
    )
    return _opening(file, "fx-lib-row", inside)


def failure(file: File) -> str:
    """A file that failed: its name, where it is, the reason, and how often it was tried."""
    tried = ""
    if file.tries:
        times = "once" if file.tries == 1 else f"{file.tries:,} times"
        last = f", last {dates.moment(file.tried_at)}" if file.tried_at else ""
        tried = f"<small>Tried {times}{last}</small>"
    return (
        f'<div class="fx-failure">{cards.state(file.state, STATE_WORDS[file.state])}'
        f'<b title="{markup.text(short_path(file.path))}">{_name(file)}</b>'
        f"<p>{markup.text(_reason(file))}</p>{tried}</div>"
    )


def bars(tracks: Sequence[VideoTrack]) -> str:
    """How far each track is indexed: a small bar each, with its words on hover and for screen readers."""
    if not tracks:
        return ""
    pieces, words = [], []
    for each in tracks:
        share = min(1.0, each.seconds / each.seconds_total) if each.seconds_total else 0.0
        full = share > cards.ALL
        part = "all" if full else "none" if not each.seconds else f"{100 * share:.0f}%"
        name = track_name(each.track)
        words.append(f"{name} {part}")
        kind = each.track.partition(":")[0]
        wide = 100 if full else max(4, round(100 * share)) if each.seconds else 0
        title = markup.text(f"{name}: {part} of {markup.clock(round(each.seconds_total, 1))}")
        pieces.append(
            f'<i class="fx-bar fx-bar-{markup.text(kind)}" title="{title}"><u style="width:{wide}%"></u></i>'
        )
    said = markup.text(f"Indexed: {', '.join(words)}")
    return f'<span class="fx-bars" role="img" aria-label="{said}">{"".join(pieces)}</span>'


def legend(tracks: Sequence[str]) -> str:
    """Which colour of a bar is which track."""
    names = "".join(
        f'<span class="fx-track fx-track-{markup.text(track.partition(":")[0])}"><i></i>'
        f"{markup.text(track_name(track))}</span>"
        for track in tracks
    )
    return f'<p class="fx-tracks fx-bar-legend">{names}</p>' if names else ""


def when(file: File) -> str:
    """When a file was recorded, as the visitor writes dates; "about" where its clock is guessed."""
    moment = recorded_at(file)
    if moment is None:
        return ""
    return f"{'about ' if file.clock_source == 'guessed' else ''}{dates.moment(moment)}"


def was_at(file: File) -> str:
    """Says that a file is missing, and where it was."""
    return f"This file was at {short_path(file.path)}; its disk is not connected, or it was moved."


def _opening(file: File, style: str, inside: str) -> str:
    """A link to the video's page; of a file whose video is unknown, no link."""
    if not (file.content_id and file.duration_seconds):
        return f'<div class="{style}">{inside}</div>'
    to = markup.text(links.address(video=file.content_id))
    return f'<a class="fx-open {style}" href="{to}" target="_self">{inside}</a>'


def _poster(file: File) -> str:
    if not (file.content_id and file.duration_seconds):
        return '<span class="fx-blank">no picture</span>'
    address = picture_address(file.content_id, POSTER_SHARE * file.duration_seconds, file)
    return f'<img src="{markup.text(address)}" alt="" loading="lazy" decoding="async">'


def _name(file: File) -> str:
    return markup.text(markup.file_name(file.path))


def _length(file: File) -> str:
    return markup.clock(round(file.duration_seconds)) if file.duration_seconds else ""


def _state(file: File, *, missing: bool, always: bool = False) -> str:
    """The state as a word where something is to be said of it."""
    if missing and file.state not in AWAY:
        return cards.state("gone", STATE_WORDS["gone"])
    if file.state == "indexed" and not always:
        return ""
    return cards.state(file.state, STATE_WORDS[file.state])


def _remark(file: File, *, missing: bool) -> str:
    """Why there is nothing to see, in a sentence."""
    if missing:
        return f'<span class="fx-file-remark">{markup.text(was_at(file))}</span>'
    if file.state in ("failed", "partial", "skipped", "waiting") and file.reason:
        return f'<span class="fx-file-remark">{markup.text(_reason(file, 160))}</span>'
    return ""


def _reason(file: File, most_characters: int = 1000) -> str:
    """Why a file has its state, as a sentence."""
    return sentence(markup.shortened(file.reason, most_characters), name=PurePath(file.path).name)
