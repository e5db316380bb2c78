"""Says what an indexing run would do, and changes nothing; knows no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from footage.core.types import File
from footage.store import Store
from indexer import library
from indexer.library import EVERYTHING, IgnoredEntry, Selection
from indexer.plan import Cutting, Known, ReadingOptions
from indexer.progress import new_seconds


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


def forecast(
    paths: Sequence[Path | str],
    *,
    store: Store | None,
    window_seconds: float,
    overlap_seconds: float,
    selection: Selection = EVERYTHING,
    everything: bool = False,
    decode_timeout_seconds: float = 120,
    on_file: Callable[[int, str], None] = lambda number, path: None,
) -> Forecast:
    """Look at files and folders as ``index`` would, and change nothing; ``store`` is None before any index.

    Windows captioned before count as done when they were cut so, by any model, unless ``everything`` is to be
    captioned anew.

    Raises:
        UsageError: there is nothing to index, or the windows cannot be cut so.
        VideoNotFoundError: a given path does not exist.
        StoreError: the index cannot be read.
    """
    cutting = Cutting(window_seconds, overlap_seconds)
    known = Known(store, None)
    reading = ReadingOptions(timeout_seconds=decode_timeout_seconds, rehash=everything)
    states: Counter[str] = Counter()
    windows, seconds = 0, 0.0
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
        plan = cutting.windows(content_id, looked.video.duration_seconds, looked.video.gaps)
        missing = plan if everything or not content_id else known.missing(plan)
        states["indexed" if not missing else "begun" if len(missing) < len(plan) else "new"] += 1
        if content_id not in counted:
            added = new_seconds(plan)
            windows, seconds = (
                windows + len(missing),
                seconds + sum(added[window.index] for window in missing),
            )
        counted |= {content_id} - {""}
    earlier = store.runs.all() if store else []
    runs = [run for run in earlier if run.seconds_captioned and run.ended_at > run.started_at]
    took = sum(run.ended_at - run.started_at for run in runs)
    return Forecast(
        dict(states), windows, seconds, sum(run.seconds_captioned for run in runs) / took if took else 0.0
    )


def _earlier_speed(store: Store | None) -> float:
    """Footage seconds captioned per second in earlier runs; 0 where there were none."""
    earlier = store.runs.all() if store else []
    runs = [run for run in earlier if run.seconds_captioned and run.ended_at > run.started_at]
    took = sum(run.ended_at - run.started_at for run in runs)
    return sum(run.seconds_captioned for run in runs) / took if took else 0.0
