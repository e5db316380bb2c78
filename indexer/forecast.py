"""Says what an indexing run would do, and changes nothing; knows no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from footage.core.tracks import CAPTION_TRACK
from footage.core.types import File
from footage.store import Store
from indexer import library
from indexer.library import EVERYTHING, IgnoredEntry, Selection
from indexer.plan import Cutting, Known, ReadingOptions
from indexer.progress import new_seconds
from indexer.tracks.held import HeldTrack
from indexer.tracks.protocol import TrackMaker


@dataclass(frozen=True, slots=True)
class TrackForecast:
    """What a run would do about one track other than captions."""

    windows_new: int = 0
    """Windows to read."""
    seconds_new: float = 0.0
    """Footage seconds of those."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do."""

    files: Mapping[str, int]
    """Number of files that are "new", "begun", "indexed" already, "failed", "waiting" or "skipped"."""
    windows_new: int
    """Windows to caption."""
    seconds_new: float
    """Footage seconds of those, overlaps counted once."""
    speed: float
    """Footage seconds captioned per second in earlier runs on this index; 0 where there were none."""
    captions: bool = True
    """Whether it would make captions."""
    tracks: Mapping[str, TrackForecast] = field(default_factory=dict)
    """What it would do about the other tracks, by track."""


def forecast(
    paths: Sequence[Path | str],
    *,
    store: Store | None,
    cutting: tuple[float, float] | None,
    makers: Sequence[TrackMaker] = (),
    selection: Selection = EVERYTHING,
    everything: bool = False,
    decode_timeout_seconds: float = 120,
    on_file: Callable[[int, str], None] = lambda number, path: None,
) -> Forecast:
    """Look at files and folders as ``index`` would, and change nothing; ``store`` is None before any index.

    Windows captioned or read before count as done when they were cut so, by any model, unless ``everything``
    is to be made anew.

    Args:
        paths: files and folders.
        store: the index.
        cutting: length of a window and what neighbours share, in seconds; None to make no captions.
        makers: make the other tracks.
        selection: which files of a folder are wanted.
        everything: whether everything is made anew.
        decode_timeout_seconds: longest silence of a decoder.
        on_file: called with the number and the path of each file.

    Raises:
        UsageError: there is nothing to index, or the windows cannot be cut so.
        VideoNotFoundError: a given path does not exist.
        StoreError: the index cannot be read.
    """
    cut = None if cutting is None else Cutting(*cutting)
    known = Known(store, None)
    held = {maker.track: HeldTrack(store, maker.track) for maker in makers}
    reading = ReadingOptions(timeout_seconds=decode_timeout_seconds, rehash=everything)
    states: Counter[str] = Counter()
    windows, seconds = 0, 0.0
    tracks = dict.fromkeys(held, TrackForecast())
    counted: set[str] = set()
    for number, found in enumerate(library.walk(paths, selection=selection)):
        if isinstance(found, IgnoredEntry):
            continue
        on_file(number, library.shown(found.path))
        looked = known.identify(found, reading)
        if isinstance(looked, File):
            states[looked.state] += 1
            continue
        content_id = looked.file.content_id
        again = everything or not content_id
        # 1. What is missing of each track.
        plan = cut.windows(content_id, looked.video.duration_seconds, looked.video.gaps) if cut else ()
        plans = {CAPTION_TRACK: (plan, plan if again else known.missing(plan))}
        for maker in makers:
            plan = maker.windows(looked.video)
            plans[maker.track] = plan, plan if again else held[maker.track].missing(plan, None)
        # 2. Counted once for each content.
        missing = sum(len(rest) for _, rest in plans.values())
        planned = sum(len(plan) for plan, _ in plans.values())
        states["indexed" if not missing else "begun" if missing < planned else "new"] += 1
        if content_id not in counted:
            for track, (plan, rest) in plans.items():
                added = new_seconds(plan)
                more = len(rest), sum(added[window.index] for window in rest)
                if track == CAPTION_TRACK:
                    windows, seconds = windows + more[0], seconds + more[1]
                else:
                    before = tracks[track]
                    tracks[track] = TrackForecast(before.windows_new + more[0], before.seconds_new + more[1])
        counted |= {content_id} - {""}
    speed = _earlier_speed(store) if cut else 0.0
    return Forecast(dict(states), windows, seconds, speed, cut is not None, tracks)


def _earlier_speed(store: Store | None) -> float:
    """Footage seconds captioned per second in earlier runs; 0 where there were none."""
    earlier = store.runs.all() if store else []
    runs = [run for run in earlier if run.seconds_captioned and run.ended_at > run.started_at]
    took = sum(run.ended_at - run.started_at for run in runs)
    return sum(run.seconds_captioned for run in runs) / took if took else 0.0
