"""What the index holds, for people who look through it: files, videos, events; changes nothing.

Every function here raises a ``StoreError`` when there is no index, or it cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.tracks import CAPTION_TRACK, TRACKS
from footage.core.types import Event, File, Match, Span, Video, WindowRecord
from footage.objects.address import is_object_address
from footage.objects.paths import media_path, real_path

if TYPE_CHECKING:
    from footage.core.corrections import Corrected, Correction
    from footage.core.coverage import Coverage
    from footage.store import IndexStatus as IndexStatus
    from service.session import Service


@dataclass(frozen=True, slots=True)
class Outline:
    """What the index has of one video."""

    covered: Sequence[Span]
    """Spans of its captioned windows; of those of other tracks where there is none."""
    events: Sequence[Event]
    """What happens in it, by time."""

    @property
    def busy(self) -> list[Span]:
        """Spans of its events."""
        return [event.span for event in self.events]


@dataclass(frozen=True, slots=True)
class VideoDetails:
    """Everything that the index has of one video."""

    video: Video
    """The video."""
    path: str
    """A file that holds it, one that can be reached if there is one; empty when none is known."""
    files: tuple[File, ...]
    """The files that hold it, and those that did and are gone."""
    outline: Outline
    """Its captioned windows and events."""
    scene: str
    """The description of the place in the captions; may be empty."""
    windows: tuple[WindowRecord, ...]
    """Its captions, by window."""
    corrected: Corrected
    """Its corrections, and which of them still match a caption."""
    corrections: tuple[Correction, ...]
    """Every version of them, in the order made."""


def totals(service: Service) -> IndexStatus:
    """How much the index holds, in numbers."""
    return service.store().status()


def has_images(service: Service) -> bool:
    """Whether the index has image vectors, so that it can be searched by picture."""
    return service.store().windows.image_tracks() != ()


def coverage(service: Service) -> Mapping[str, Coverage]:
    """How far the files of each collection are indexed, by name."""
    return service.store().coverage()


def files(service: Service) -> list[File]:
    """All files that the index knows, by path."""
    return service.store().files.all()


def file_at(service: Service, path: str) -> File | None:
    """The file at an absolute path, if the index knows it."""
    return service.store().files.at(path)


def files_at(service: Service, paths: Collection[str]) -> dict[str, File]:
    """The files at some absolute paths, by path, as far as the index knows them."""
    return service.store().files.at_paths(paths)


def path_of(service: Service, content_id: str) -> str:
    """A file that holds a video, one that can be reached if there is one; empty when none is known."""
    return service.store().files.path_of(content_id)


def videos(service: Service, content_ids: Collection[str]) -> dict[str, Video]:
    """Some videos by content id, as far as the index knows them."""
    return service.store().videos.of(content_ids)


def gaps(service: Service) -> Mapping[str, Sequence[Span]]:
    """Where videos have no frames, by content id."""
    return service.store().videos.gaps()


def first_videos(service: Service, most: int) -> list[str]:
    """Content ids of the first videos that have anything of any track."""
    windows = service.store().windows
    tracks = (*windows.tracks(), *windows.image_tracks())
    return sorted({content_id for track in tracks for content_id in windows.covered(track=track)})[:most]


def events(service: Service, content_id: str) -> list[Event]:
    """What happens in a video, by time."""
    return service.store().events.of(content_id)


def windows(service: Service, content_id: str, track: str) -> tuple[WindowRecord, ...]:
    """What one track holds of a video, by window."""
    return tuple(service.store().windows.of(content_id, track=track))


def words(service: Service, content_ids: Collection[str]) -> dict[str, list[Event]]:
    """What is said and written in some videos, by content id; each by track, then by time."""
    store = service.store()
    found: dict[str, list[Event]] = {content_id: [] for content_id in content_ids}
    for track in TRACKS:
        if track != CAPTION_TRACK and track in store.windows.tracks():
            for content_id, events_there in store.events.by_video(content_ids, track=track).items():
                found[content_id] += events_there
    return found


def event_spans(service: Service, content_ids: Collection[str]) -> dict[str, list[Span]]:
    """When anything happens in some videos, by content id, each by start."""
    return service.store().events.spans(content_ids)


def outlines(service: Service, content_ids: Collection[str]) -> dict[str, Outline]:
    """Captioned windows and events of some videos, by content id.

    Of a video without captions, what the other tracks cover.
    """
    store = service.store()
    covered, happens = store.windows.spans(content_ids), store.events.by_video(content_ids)
    if without := {content_id for content_id in content_ids if not covered.get(content_id)}:
        for track in (*store.windows.tracks(), *store.windows.image_tracks()):
            for content_id, spans in store.windows.spans(without, track=track).items():
                merged = enumerate([*covered.get(content_id, {}).values(), *spans.values()])
                covered[content_id] = dict(merged)
    return {
        content_id: Outline(tuple(covered.get(content_id, {}).values()), happens[content_id])
        for content_id in content_ids
    }


def around_matches(service: Service, matches: Iterable[Match]) -> tuple[dict[str, Outline], dict[str, File]]:
    """Outlines of the videos of some matches, by content id, and their files, by path."""
    listed = tuple(matches)
    store = service.store()
    with store.at_once():
        outlined = outlines(service, {match.video.content_id for match in listed})
        return outlined, store.files.at_paths({match.path for match in listed})


def video(service: Service, content_id: str) -> VideoDetails | None:
    """Everything about one video; None where the index does not have it."""
    from indexer.correcting import corrected

    store = service.store()
    known = store.videos.known([content_id]).get(content_id)
    if known is None:
        return None
    scenes = [text.text for text in store.texts.of(content_id) if text.owner_kind == "scene"]
    return VideoDetails(
        video=known,
        path=store.files.path_of(content_id),
        files=tuple(file for file in store.files.all() if file.content_id == content_id),
        outline=outlines(service, [content_id])[content_id],
        scene=scenes[0] if scenes else "",
        windows=tuple(store.windows.of(content_id)),
        corrected=corrected(store, content_id),
        corrections=tuple(store.annotations.corrections.all([content_id])),
    )


def asked_paths(service: Service) -> set[str]:
    """Everything that a run was ever asked to index; none without an index."""
    store = service.existing_store()
    return {path for run in store.runs.all() for path in run.paths} if store else set()


def indexed_roots(service: Service, *, most: int | None = None) -> list[str]:
    """The folders that runs were started on, or the single files, in order; none without an index.

    Rows of files may have been imported with captions, and then say whatever their writer wanted: only what
    a run on this index was asked to index counts.

    Args:
        service: What to work with.
        most: How many are wanted, the first ones; all for None.
    """
    store = service.existing_store()
    if store is None:
        return []
    asked = {real_path(path) for path in asked_paths(service)}
    if not asked:
        return []
    roots = sorted(
        {file.root or file.path for file in store.files.by_path().values() if file.state != "gone"}
    )
    real_folders: dict[str, tuple[str, bool]] = {}
    found: list[str] = []
    for root in roots:
        if most is not None and len(found) == most:
            break
        if _leads_into(root, asked, real_folders):
            found.append(root)
    return found


def last_speed(service: Service) -> float | None:
    """Footage seconds that the last run with captions captioned per second; None before the first."""
    for run in service.store().runs.all():
        if run.windows_captioned and run.ended_at > run.started_at:
            return run.seconds_captioned / (run.ended_at - run.started_at)
    return None


def _leads_into(root: str, folders: Collection[str], real_folders: dict[str, tuple[str, bool]]) -> bool:
    """Whether a path, links followed, is one of some folders or lies in one of them.

    Args:
        root: The path.
        folders: The folders, as they really are.
        real_folders: Where the folders of earlier paths lead, and whether that is in ``folders``: thousands
            of files share a few of them.
    """
    if is_object_address(root) or os.path.islink(root):
        return _is_in(media_path(real_path(root)), folders)
    parent, name = os.path.split(root)
    if name in ("", os.curdir, os.pardir):
        return _is_in(media_path(real_path(root)), folders)
    if parent not in real_folders:
        real = real_path(parent)
        real_folders[parent] = real, _is_in(media_path(real), folders)
    real, inside = real_folders[parent]
    return inside or os.path.join(real, name) in folders


def _is_in(path: Path, folders: Collection[str]) -> bool:
    """Whether a path is one of some, or lies in one of them."""
    return any(str(each) in folders for each in (path, *path.parents))
