"""Scores one long drawn file against the same events in short ones; words nothing for people.

Whether windows, seams and times hold over hours shows in what a long file loses: the same events, drawn
alike in short clips, are the measure.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.suites.scoring import OnProgress, Scores
from footage.core.timecode import iou, overlap_seconds
from footage.core.types import Event, Span
from footage.synthetic.clips import GRID_SECONDS, SyntheticClip, SyntheticEvent, random_clip, write_clip

if TYPE_CHECKING:
    from footage.core.config import Settings

EVENTS_PER_MINUTE = 5.0
"""About 300 events an hour."""
PIECE_SECONDS = 30.0
"""Longest of the short clips."""
LEAST_IOU = 0.5
"""An event counts as captioned when its text is exact and its IoU at least this."""

_FPS = 10
_STREAM = 0x10E6  # sets this footage apart from what any plain seed draws
_RESAMPLES = 10_000


def evaluate_long_file(
    settings: Settings, *, seed: int, minutes: float = 60.0, on_progress: OnProgress
) -> Scores:
    """Index one long drawn file, its events again in short clips, and a file of one minute, each for real.

    Returns:
        ``recall_long`` and ``recall_short`` over the events that a short clip holds whole; their paired
        ``difference`` (short less long) with ``difference_low`` and ``difference_high``, a 95 % bootstrap
        interval; ``duplicate_rate``, the share of the long file's events that overlap an equal one;
        ``start_error_first`` to ``end_error_last``, mean absolute errors in seconds of the events captioned
        in the first and last sixth; ``peak_mb_long`` and ``peak_mb_minute``, the peak memory of the process.

    Raises:
        FootageError: when a file cannot be indexed or the model fails.
    """
    began = time.perf_counter()
    rng = np.random.default_rng([_STREAM, seed])
    long = random_clip(rng, duration_seconds=60.0 * minutes, events_per_minute=EVENTS_PER_MINUTE)
    pieces = _pieces(long)
    with tempfile.TemporaryDirectory(prefix="footage-eval-") as name:
        root = Path(name)
        # 1. Draw.
        _draw(long, pieces, root, rng, on_progress)
        # 2. Index, each in a process of its own, whose memory is measured.
        peaks, found = {}, {}
        for done, folder in enumerate(("minute", "long", "short")):
            on_progress("indexing", done, 3)
            peaks[folder], found[folder] = _indexed(settings, root / folder, root / f"{folder}.lancedb")
    # 3. Compare, event by event.
    return {
        **_compared(long, pieces, found, rng),
        "peak_mb_long": round(peaks["long"], 1),
        "peak_mb_minute": round(peaks["minute"], 1),
        "events": len(long.events),
        "seed": seed,
        "minutes": minutes,
        "seconds": round(time.perf_counter() - began, 1),
    }


def _draw(
    long: SyntheticClip,
    pieces: Sequence[tuple[SyntheticClip, tuple[SyntheticEvent, ...]]],
    root: Path,
    rng: np.random.Generator,
    on_progress: OnProgress,
) -> None:
    """Write the long file, its events in short clips, and a file of one minute, each into its folder."""
    for folder in ("long", "short", "minute"):
        (root / folder).mkdir()
    length = int(long.duration_seconds)
    write_clip(
        long,
        root / "long" / "long.mp4",
        fps=_FPS,
        progress=lambda seconds: on_progress("drawing", int(seconds), length),
    )
    minute = random_clip(rng, duration_seconds=60.0, events_per_minute=EVENTS_PER_MINUTE)
    write_clip(minute, root / "minute" / "minute.mp4", fps=_FPS)
    for number, (piece, _) in enumerate(pieces):
        write_clip(piece, root / "short" / f"{number:04d}.mp4", fps=_FPS)
        on_progress("drawing short clips", number + 1, len(pieces))


def _compared(
    long: SyntheticClip,
    pieces: Sequence[tuple[SyntheticClip, tuple[SyntheticEvent, ...]]],
    found: Mapping[str, Mapping[str, Sequence[Event]]],
    rng: np.random.Generator,
) -> Scores:
    """Recall, duplicates and errors of the long file's index beside that of the short clips."""
    in_long = {event: _captioned(event, found["long"]["long.mp4"]) for event in long.events}
    paired = []
    for number, (piece, originals) in enumerate(pieces):
        for event, original in zip(piece.events, originals, strict=True):
            in_short = _captioned(event, found["short"][f"{number:04d}.mp4"])
            paired.append((in_short is not None, in_long[original] is not None))
    outcomes = np.asarray(paired, dtype=float)
    difference = outcomes[:, 0] - outcomes[:, 1]
    low, high = _interval(difference, rng)
    errors = [
        (
            event.start_seconds,
            abs(result.span.start_seconds - event.start_seconds),
            abs(result.span.end_seconds - event.end_seconds),
        )
        for event, result in in_long.items()
        if result is not None
    ]
    sixth = long.duration_seconds / 6
    first = [error[1:] for error in errors if error[0] < sixth]
    last = [error[1:] for error in errors if error[0] >= long.duration_seconds - sixth]
    return {
        "recall_long": _mean(outcomes[:, 1]),
        "recall_short": _mean(outcomes[:, 0]),
        "difference": _mean(difference),
        "difference_low": low,
        "difference_high": high,
        "duplicate_rate": _duplicate_rate(found["long"]["long.mp4"]),
        "duplicate_rate_at_edges": _duplicate_rate(found["long"]["long.mp4"], at_edges=True),
        "start_error_first": _mean([error[0] for error in first]),
        "start_error_last": _mean([error[0] for error in last]),
        "end_error_first": _mean([error[1] for error in first]),
        "end_error_last": _mean([error[1] for error in last]),
        "events_paired": len(paired),
    }


def _pieces(clip: SyntheticClip) -> list[tuple[SyntheticClip, tuple[SyntheticEvent, ...]]]:
    """A clip cut into short ones, where nothing happens wherever that can be.

    Each holds the events that lie in it whole, and comes with them as they are in the long clip, in order.
    """
    pieces, start = [], 0.0
    while start < clip.duration_seconds:
        latest = min(start + PIECE_SECONDS, clip.duration_seconds)
        quiet = (
            end
            for end in np.arange(latest, start + PIECE_SECONDS / 4, -GRID_SECONDS)
            if not any(e.start_seconds < end < e.end_seconds for e in clip.events)
        )
        end = float(next(quiet, latest))
        whole = tuple(e for e in clip.events if start <= e.start_seconds and e.end_seconds <= end)
        shifted = tuple(
            replace(e, start_seconds=e.start_seconds - start, end_seconds=e.end_seconds - start)
            for e in whole
        )
        pieces.append((replace(clip, events=shifted, duration_seconds=end - start), whole))
        start = end
    return pieces


def _indexed(settings: Settings, folder: Path, db: Path) -> tuple[float, dict[str, list[Event]]]:
    """Index a folder in a process of its own: its peak memory in MB, and the events by file name."""
    from footage.store import Store

    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    child = context.Process(target=_index, args=(settings.model_dump(), folder, db, queue))
    child.start()
    child.join()
    if child.exitcode:
        raise RuntimeError(f"the process that was to index {folder.name} ended with {child.exitcode}")
    store = Store.open(db)
    return queue.get(), {Path(file.path).name: store.events.of(file.content_id) for file in store.files.all()}


def _index(given: dict[str, Any], folder: Path, db: Path, queue: multiprocessing.SimpleQueue[float]) -> None:
    from footage.core.config import Settings
    from footage.store import Store
    from indexer.pipeline import index
    from service import factories

    settings = Settings(**given)
    index(
        [folder],
        store=Store.open(db, create=True),
        model=factories.load_model(settings),
        embedder=factories.load_embedder(settings),
        batch_size=settings.batch_size,
        queue_windows=settings.queue_windows,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put(peak / (1e6 if sys.platform == "darwin" else 1e3))  # bytes on macOS, kilobytes elsewhere


def _captioned(true: SyntheticEvent, events: Sequence[Event]) -> Event | None:
    """The event of an index that tells a true one, the best fitting; None when none does."""
    span = Span(true.start_seconds, true.end_seconds)
    best = max(
        (event for event in events if event.text.strip() == true.sentence),
        key=lambda event: iou(event.span, span),
        default=None,
    )
    return best if best is not None and iou(best.span, span) >= LEAST_IOU else None


def _duplicate_rate(events: Sequence[Event], *, at_edges: bool = False) -> float:
    """Share of the events that overlap an earlier one of the same text.

    At windows' edges, two count that no window distinguished: each comes from windows of its own.
    """
    doubled = sum(
        any(
            other.text == event.text
            and overlap_seconds(other.span, event.span) > 0
            and not (at_edges and set(other.window_indexes) & set(event.window_indexes))
            for other in events[:number]
        )
        for number, event in enumerate(events)
    )
    return round(doubled / len(events), 4) if events else 0.0


def _interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of a mean."""
    means = rng.choice(values, (_RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _mean(values: Sequence[float] | np.ndarray) -> float:
    return round(float(np.mean(values)), 4) if len(values) else float("nan")
