"""What an index holds, in figures for monitoring; knows no format of metrics.

The figures come from the index itself, so they count what every process has indexed, also a watcher apart.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.index_place import state_folder

if TYPE_CHECKING:
    from footage.core.types import File
    from footage.store import Store
    from service.session import Service

MOST_CAMERAS = 50
"""Cameras with figures of their own; the others share one name."""
OTHER_CAMERAS = "other cameras"
_INDEXED = ("indexed", "partial", "waiting", "new")
"""States of files that may have windows."""


@dataclass(frozen=True, slots=True)
class TrackFigures:
    """What the index holds of a track."""

    windows: int
    """Windows."""
    footage_seconds: float
    """Footage seconds that they cover, overlaps counted once."""


@dataclass(frozen=True, slots=True)
class IndexFigures:
    """What an index holds, and the disk that it is on."""

    tracks: Mapping[str, TrackFigures] = field(default_factory=dict)
    """By track."""
    videos: int = 0
    """Contents with captions."""
    files: Mapping[str, int] = field(default_factory=dict)
    """Files by state."""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    """Time that the recorded index runs spent, by stage."""
    windows_captioned: int = 0
    """Windows that the recorded runs had the model caption."""
    lag_seconds: Mapping[str, float] = field(default_factory=dict)
    """By camera: seconds from the end of the newest indexed footage with a wall clock to now."""
    size_bytes: int = 0
    """Size of the index on disk."""
    free_bytes: int = 0
    """Free space on the disk of the index, or of its state where it is on object storage."""


def read_figures(service: Service, *, now: Callable[[], datetime]) -> IndexFigures:
    """The figures of the index that the settings name; of no index, only the disk's.

    Args:
        service: Holds the index.
        now: The time, with a zone.

    Raises:
        StoreError: there is an index, and it cannot be read.
    """
    store = service.existing_store()
    free = _free_bytes(state_folder(service.settings.db))
    if store is None:
        return IndexFigures(free_bytes=free)
    status, runs = store.status(), store.runs.all()
    spent: Counter[str] = Counter()
    for run in runs:
        for stage, seconds in run.stage_seconds:
            spent[stage] += seconds  # type: ignore[assignment]
    tracks = {name: TrackFigures(each.windows, each.seconds) for name, each in status.tracks.items()}
    for name, held in status.images.items():
        tracks[f"image {Path(name).name}"] = TrackFigures(held.track.windows, held.track.seconds)
    return IndexFigures(
        tracks=tracks,
        videos=status.videos,
        files=status.files,
        stage_seconds=spent,
        windows_captioned=sum(run.windows_captioned for run in runs),
        lag_seconds=bounded(_lags(store, now())),
        size_bytes=store.size_bytes(),
        free_bytes=free,
    )


def bounded(lags: Mapping[str, float]) -> dict[str, float]:
    """The lags of at most ``MOST_CAMERAS`` cameras by name; the others as one, with their longest."""
    names = sorted(lags)
    kept = {name: lags[name] for name in names[:MOST_CAMERAS]}
    rest = [lags[name] for name in names[MOST_CAMERAS:]]
    return {**kept, OTHER_CAMERAS: max(rest)} if rest else kept


def _lags(store: Store, now: datetime) -> dict[str, float]:
    newest: dict[str, list[File]] = {}
    for file in store.files.all():
        if file.recorded_at and file.content_id and file.state in _INDEXED:
            newest.setdefault(file.camera, []).append(file)
    ends = {camera: _newest_end(store, files) for camera, files in newest.items()}
    return {camera: (now - end).total_seconds() for camera, end in ends.items() if end is not None}


def _newest_end(store: Store, files: Sequence[File]) -> datetime | None:
    """When the newest footage of a camera ends, going by the last window of its newest file with any."""
    for file in sorted(files, key=_recorded, reverse=True):
        windows = store.windows.spans([file.content_id]).get(file.content_id)
        if windows:
            reached = max(span.end_seconds for span in windows.values())
            return datetime.fromtimestamp(_recorded(file).timestamp() + reached, tz=_recorded(file).tzinfo)
    return None


def _recorded(file: File) -> datetime:
    """The wall-clock time of a file's first frame; one without a zone is in that of this machine."""
    moment = datetime.fromisoformat(file.recorded_at)
    return moment if moment.tzinfo else moment.astimezone()


def _free_bytes(path: Path) -> int:
    there = next((folder for folder in (path, *path.absolute().parents) if folder.is_dir()), None)
    return shutil.disk_usage(there).free if there else 0
