"""Reels with names: clips in an order, kept in the index, every change with undo; writes no film.

A change names the edition of the reel that its writer has seen. If somebody else has changed the reel
meanwhile, nothing is written and ``ReelChangedError`` says so; adding at the end works with any edition.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from footage.core.errors import FootageError, UsageError
from footage.core.types import File, Span
from footage.store.state.reels import NewClipRow, ReelPlace, ReelRepository, ReelRow
from service.export import Clip
from service.requests import Request

if TYPE_CHECKING:
    from service.session import Service

MOST_CLIPS = 1000
"""Clips that a reel holds."""
MOST_CHARACTERS = 80
"""Longest name of a reel."""
FIRST_NAME = "Highlights"
"""What the first reel is called."""
LEAST_SECONDS = 0.001
"""A clip is never cut shorter than this, or a frame where the frame rate is known."""
LONGEST_WANTED_SECONDS = 86_400.0
"""Longest length that can be wanted of a reel."""


class ReelChangedError(UsageError):
    """Somebody else has changed the reel meanwhile; nothing was written."""

    def __init__(self) -> None:
        super().__init__(
            "This reel was changed in another window, so your last change was not made.",
            hint="The newest state is shown. Repeat your change if you still want it.",
        )


class NameReelRequest(Request):
    """A reel and its new name; an empty id for a new reel."""

    id: str = ""
    """The reel."""
    name: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    """What it is to be called."""

    @field_validator("name", mode="before")
    @classmethod
    def _without_spaces(cls, name: object) -> object:
        return " ".join(name.split()) if isinstance(name, str) else name


class ReelChoice(Request):
    """A reel, and the edition of it that the writer has seen."""

    id: str
    """The reel."""
    edition: int | None = None
    """None where any edition will do."""


class AddClipsRequest(ReelChoice):
    """Clips for a reel."""

    clips: tuple[Clip, ...]
    """What is added, in this order."""
    in_place: bool = False
    """Whether they take the place of what the reel has, instead of the end."""


class MoveClipsRequest(ReelChoice):
    """Clips that go to another place."""

    clip_ids: tuple[str, ...] = Field(min_length=1)
    """Which, in the order that they are to have."""
    before: str | None = None
    """The clip that they are to stand before; None for the end."""


class TrimClipRequest(ReelChoice):
    """Where a clip is to be cut."""

    clip_id: str
    """Which."""
    start_seconds: float = Field(ge=0)
    """First instant inside, in video time."""
    end_seconds: float = Field(ge=0)
    """First instant after."""


class RemoveClipsRequest(ReelChoice):
    """Clips that leave a reel."""

    clip_ids: tuple[str, ...] = Field(min_length=1)
    """Which."""


@dataclass(frozen=True, slots=True)
class ReelClip:
    """A clip of a reel."""

    id: str
    """Names it in its reel."""
    span: Span
    """What of the video is shown."""
    clip: Clip | None
    """What it shows, cut to ``span``; None where its video was forgotten."""
    file: File | None
    """A file that holds its video and can be named; None where there is none."""

    @property
    def playable(self) -> Clip | None:
        """The clip, if the index still has its video."""
        return self.clip if self.file is not None else None


@dataclass(frozen=True, slots=True)
class Reel:
    """A reel with its clips."""

    id: str
    """Names it for good."""
    name: str
    """What people call it."""
    edition: int
    """Counts its changes."""
    wanted_seconds: float
    """How long it is to be; 0 for any length."""
    clips: tuple[ReelClip, ...]
    """In order."""
    undoes: str
    """What undo would take back; empty for nothing."""
    redoes: str
    """What redo would do again; empty for nothing."""

    @property
    def playable(self) -> tuple[Clip, ...]:
        """The clips whose video the index still has, in order."""
        return tuple(each.playable for each in self.clips if each.playable)

    @property
    def seconds(self) -> float:
        """How long these are."""
        return sum(clip.span.duration_seconds for clip in self.playable)


@dataclass(frozen=True, slots=True)
class ReelSummary:
    """A reel in a list."""

    id: str
    """Names it for good."""
    name: str
    """What people call it."""
    clips: int
    """How many it has."""
    seconds: float
    """How long all of them are."""
    changed_at: float
    """When it was last changed, seconds since the epoch."""


# -- Reading ---------------------------------------------------------------


def reels(service: Service) -> list[ReelSummary]:
    """Every reel, the last changed one first.

    Raises:
        StoreError: the state of the index cannot be read.
    """
    return [
        ReelSummary(
            row.id,
            row.name,
            len(row.places),
            sum(place.end_seconds - place.start_seconds for place in row.places),
            row.changed_at,
        )
        for row in _rows(service).all()
    ]


def reel(service: Service, reel_id: str) -> Reel | None:
    """A reel with its clips; None where there is none, or it was removed.

    Raises:
        StoreError: the index or its state cannot be read.
    """
    row = _rows(service).get(reel_id)
    return None if row is None or row.removed else _reel(service, row)


def _reel(service: Service, row: ReelRow) -> Reel:
    bodies = _rows(service).bodies(row.id)
    read = {place.clip_id: _clip(bodies.get(place.clip_id, "")) for place in row.places}
    contents = {clip.video.content_id for clip in read.values() if clip}
    store = service.existing_store()
    videos = store.videos.of(contents) if store else {}
    files: dict[str, File] = {}
    for content_id in videos:
        path = store.files.path_of(content_id) if store else ""
        if store and path and (file := store.files.at(path)):
            files[content_id] = file
    clips = []
    for place in row.places:
        clip, span = read[place.clip_id], Span.clamped(place.start_seconds, place.end_seconds)
        file = files.get(clip.video.content_id) if clip else None
        if clip:
            clip = replace(clip, span=span, video=videos.get(clip.video.content_id, clip.video))
        if clip and file:
            clip = replace(clip, path=file.path, recorded_at=file.recorded_at)
        clips.append(ReelClip(place.clip_id, span, clip, file))
    return Reel(row.id, row.name, row.edition, row.wanted_seconds, tuple(clips), row.undoes, row.redoes)


# -- The reels themselves --------------------------------------------------


def create_reel(service: Service, request: NameReelRequest) -> Reel:
    """Make an empty reel.

    Raises:
        UsageError: the name is taken.
        StoreError: the state of the index cannot be written.
    """
    return _reel(service, _named(request.name, _rows(service).add(_new_id(), request.name, time.time())))


def rename_reel(service: Service, request: NameReelRequest) -> None:
    """Give a reel another name; errors as of ``create_reel``."""
    if not _rows(service).rename(request.id, request.name, time.time()):
        raise _taken(request.name)


def duplicate_reel(service: Service, request: NameReelRequest) -> Reel:
    """Copy a reel under a name; errors as of ``create_reel``."""
    made = _rows(service).duplicate(request.id, _new_id(), request.name, time.time())
    return _reel(service, _named(request.name, made))


def remove_reel(service: Service, reel_id: str) -> None:
    """Remove a reel; ``restore_reel`` brings it back for 30 days.

    Raises:
        StoreError: the state of the index cannot be written.
    """
    _rows(service).remove(reel_id, time.time())


def restore_reel(service: Service, reel_id: str) -> None:
    """Bring a removed reel back; under another name, where its own was given to another reel since.

    Raises:
        UsageError: the reel is gone for good.
        StoreError: the state of the index cannot be written.
    """
    rows = _rows(service)
    row = rows.get(reel_id)
    if row is None:
        raise _no_reel()
    if not rows.restore(reel_id, row.name, time.time()):
        rows.restore(reel_id, free_name(service, row.name), time.time())


def set_wanted_length(service: Service, reel_id: str, seconds: float) -> None:
    """Note how long a reel is to be; 0 for any length.

    Raises:
        UsageError: the length makes no sense.
        StoreError: the state of the index cannot be written.
    """
    if not 0 <= seconds <= LONGEST_WANTED_SECONDS:
        raise UsageError(f"A reel cannot be {seconds:g} s long.", hint="Give a length of up to 24 hours.")
    _rows(service).set_wanted(reel_id, seconds)


def free_name(service: Service, name: str) -> str:
    """A name that no reel has: this one, or with a number."""
    from footage.core.names import folded

    taken = {folded(row.name) for row in _rows(service).all()}
    number, free = 1, name
    while folded(free) in taken:
        number += 1
        free = f"{name[: MOST_CHARACTERS - 8]} {number}"
    return free


# -- Clips -----------------------------------------------------------------


def add_clips(service: Service, request: AddClipsRequest) -> tuple[Reel, int]:
    """Add clips to a reel; the very same moment is not added twice.

    Returns:
        The reel as it is now, and how many were added: fewer than given where it has them or is full.

    Raises:
        UsageError: there is no such reel.
        StoreError: the state of the index cannot be written.
    """
    before = reel(service, request.id)
    if before is None:
        raise _no_reel()
    held = set() if request.in_place else {(each.clip.path, each.span) for each in before.clips if each.clip}
    fresh: list[tuple[str, Clip]] = []
    for clip in request.clips:
        if (clip.path, clip.span) not in held and clip.span.duration_seconds >= LEAST_SECONDS:
            held.add((clip.path, clip.span))
            fresh.append((_new_id(), clip))
    added: list[str] = []

    def edit(places: tuple[ReelPlace, ...]) -> list[ReelPlace]:
        kept = [] if request.in_place else list(places)
        room = fresh[: MOST_CLIPS - len(kept)]
        added[:] = [clip_id for clip_id, _ in room]
        return kept + [
            ReelPlace(clip_id, clip.span.start_seconds, clip.span.end_seconds) for clip_id, clip in room
        ]

    what = f"{'replace with' if request.in_place else 'add'} {_clips(len(fresh))}"
    row, done = _rows(service).change(
        request.id,
        what,
        edit,
        time.time(),
        edition=request.edition,
        clips=[NewClipRow(clip_id, clip.video.content_id, _body(clip)) for clip_id, clip in fresh],
    )
    return _reel(service, _checked(row, done)), len(added)


def move_clips(service: Service, request: MoveClipsRequest) -> Reel:
    """Put clips before another one, or at the end.

    Raises:
        ReelChangedError: somebody else has changed the reel.
        UsageError: there is no such reel or clip.
        StoreError: the state of the index cannot be written.
    """

    def edit(places: tuple[ReelPlace, ...]) -> list[ReelPlace]:
        by_id = _by_id(places, request.clip_ids)
        moved = [by_id[clip_id] for clip_id in dict.fromkeys(request.clip_ids)]
        rest = [place for place in places if place not in moved]
        if request.before is None:
            return rest + moved
        at = next((n for n, place in enumerate(rest) if place.clip_id == request.before), None)
        if at is None:
            raise _no_clip()
        return rest[:at] + moved + rest[at:]

    return _changed(service, request, f"move {_clips(len(request.clip_ids))}", edit)


def trim_clip(service: Service, request: TrimClipRequest) -> Reel:
    """Cut a clip elsewhere, clamped to its video and to a frame at least; errors as of ``move_clips``."""
    known = reel(service, request.id)
    found = next((each for each in known.clips if each.id == request.clip_id), None) if known else None
    if found is None or found.clip is None:
        raise _no_clip()
    video = found.clip.video
    least = 1 / video.fps if video.fps > 0 else LEAST_SECONDS
    whole = Span(0.0, max(video.duration_seconds, found.span.end_seconds))
    span = Span.clamped(request.start_seconds, request.end_seconds, within=whole)
    if span.duration_seconds < least:
        start = max(0.0, min(span.start_seconds, whole.end_seconds - least))
        span = Span.clamped(start, start + least, within=whole)

    def edit(places: tuple[ReelPlace, ...]) -> list[ReelPlace]:
        _by_id(places, (request.clip_id,))
        trimmed = ReelPlace(request.clip_id, span.start_seconds, span.end_seconds)
        return [trimmed if place.clip_id == request.clip_id else place for place in places]

    return _changed(service, request, "trim a clip", edit)


def remove_clips(service: Service, request: RemoveClipsRequest) -> Reel:
    """Take clips out of a reel; errors as of ``move_clips``."""

    def edit(places: tuple[ReelPlace, ...]) -> list[ReelPlace]:
        _by_id(places, request.clip_ids)
        return [place for place in places if place.clip_id not in request.clip_ids]

    return _changed(service, request, f"remove {_clips(len(request.clip_ids))}", edit)


def step_reel(service: Service, request: ReelChoice, way: Literal["undo", "redo"]) -> Reel:
    """Undo the last change of a reel, or redo it, if there is one; errors as of ``move_clips``."""
    if request.edition is None:
        raise UsageError("Undo and redo need the edition of the reel.", hint="Read the reel first.")
    row, done = _rows(service).step(request.id, way, time.time(), edition=request.edition)
    return _reel(service, _checked(row, done))


# -- Small parts -----------------------------------------------------------


def _changed(
    service: Service,
    request: ReelChoice,
    what: str,
    edit: Callable[[tuple[ReelPlace, ...]], Sequence[ReelPlace]],
) -> Reel:
    row, done = _rows(service).change(request.id, what, edit, time.time(), edition=request.edition)
    return _reel(service, _checked(row, done))


def _checked(row: ReelRow | None, done: bool) -> ReelRow:
    if row is None or row.removed:
        raise _no_reel()
    if not done:
        raise ReelChangedError
    return row


def _by_id(places: Sequence[ReelPlace], wanted: Sequence[str]) -> dict[str, ReelPlace]:
    """Places by clip; a UsageError where a wanted one is not there."""
    known = {place.clip_id: place for place in places}
    if not set(wanted) <= known.keys():
        raise _no_clip()
    return known


def _named(name: str, row: ReelRow | None) -> ReelRow:
    if row is None:
        raise _taken(name)
    return row


def _taken(name: str) -> FootageError:
    return UsageError(f"There is a reel called “{name}” already.", hint="Choose another name.")


def _no_reel() -> FootageError:
    return UsageError("This reel does not exist any more.", hint="Choose another one.")


def _no_clip() -> FootageError:
    return UsageError("This clip is not in the reel any more.", hint="The newest state is shown.")


def _rows(service: Service) -> ReelRepository:
    return ReelRepository(service.state())


def _new_id() -> str:
    return secrets.token_hex(6)


def _clips(number: int) -> str:
    return f"{number:,} clip" if number == 1 else f"{number:,} clips"


@cache
def _adapter() -> TypeAdapter[Clip]:
    return TypeAdapter(Clip)


def _body(clip: Clip) -> str:
    return _adapter().dump_json(replace(clip, spoken=()), exclude_defaults=True).decode()


def _clip(body: str) -> Clip | None:
    """A clip as it was written; None where its video was forgotten, or a newer version has written it."""
    try:
        return _adapter().validate_json(body) if body else None
    except ValidationError:
        return None
