"""Measures caption reuse on drawn hours of fixed cameras: what it saves, and what it loses; words nothing.

The same hours are indexed with and without reuse. Beside what the captions lose, each event counts by itself:
whether the model saw any window of those that show it. That does not depend on how well a model captions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.suites.scoring import OnProgress, Scores, nobody, share, work_folder
from footage.core.timecode import iou, overlap_seconds
from footage.core.types import Event, Span, WindowRecord
from footage.synthetic.clips import SyntheticEvent
from footage.synthetic.fixed_camera import EVENT_SORTS, FixedCamera, random_camera, write_camera

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.vlm.protocol import VideoModel
    from indexer.progress import IndexReport

HOURS = 1.0
"""Hours of one camera by default."""
ACTIVITY = 0.15
"""Share of the time with an event by default: enough events for a figure, and mostly nothing."""
LEAST_IOU = 0.5
"""An event counts as captioned when its text is exact and its IoU at least this."""
SHOWN_SECONDS = 0.75
"""A window shows an event that lies in it for so long, or whole: at 2 frames a second in a frame at least."""

_STREAM = 0x5E05E
_BATCH = 8


def evaluate_reuse(
    model: VideoModel,
    embedder: TextEmbedder,
    *,
    seed: int,
    hours: float = HOURS,
    activity: float = ACTIVITY,
    fps: float = 4,
    compare: bool = True,
    folder: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Scores:
    """Index hours of a drawn camera with reuse, and without, and compare.

    Args:
        model: Captions the windows.
        embedder: Embeds the captions.
        seed: Which place, which events, which light, noise and quality.
        hours: Length of the footage.
        activity: Share of the time with an event.
        fps: Frames a second of the file.
        compare: Whether the footage is indexed without reuse, too; recall is left out otherwise.
        folder: Where the file and the indexes are kept; a temporary folder when None.
        on_progress: Called with (stage, done, total).

    Returns:
        ``reuse_windows_saved``: share of the windows that the model did not caption;
        ``reuse_recall_loss``: share of the events captioned without reuse that are not captioned with it;
        ``reuse_events_unseen``: share of all events of which the model saw no window, in all and by sort;
        ``windows_idle`` at which nothing happens, and how many of those were captioned all the same;
        ``recall``, ``recall_with_reuse``; ``false_events`` and ``false_events_with_reuse``, captioned events
        at which nothing happens; counts and seconds.

    Raises:
        FootageError: when the file cannot be indexed or the model fails.
    """
    began = time.perf_counter()
    report = on_progress or nobody
    camera = random_camera(
        np.random.default_rng([_STREAM, seed]), duration_seconds=3600 * hours, activity=activity
    )
    with work_folder(folder) as name:
        root = Path(name)
        length = int(camera.clip.duration_seconds)
        file = root / "footage" / "camera.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_camera(camera, file, fps=fps, progress=lambda s: report("drawing", int(s), length))
        ran, records, events = _indexed(file, root / "reuse.lancedb", model, embedder, report, reuse=True)
        figures = _unseen(camera, records)
        if compare:
            plain, _, all_events = _indexed(
                file, root / "plain.lancedb", model, embedder, report, reuse=False
            )
            figures |= _compared(camera, events, all_events)
            figures["seconds_captioning_plain"] = round(plain.wall_seconds, 1)
    windows = ran.windows_captioned + ran.windows_reused
    return {
        "reuse_windows_saved": round(ran.windows_reused / windows, 4) if windows else 0.0,
        **figures,
        "windows": windows,
        "windows_captioned": ran.windows_captioned,
        "events": len(camera.clip.events),
        "hours": hours,
        "activity": activity,
        "crf": camera.crf,
        "grain": round(camera.grain, 2),
        "light_lost": round(camera.light_lost, 3),
        "seconds_captioning": round(ran.wall_seconds, 1),
        "seconds_saved": round(ran.seconds_saved, 1),
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
    }


def _indexed(
    file: Path, db: Path, model: VideoModel, embedder: TextEmbedder, report: OnProgress, *, reuse: bool
) -> tuple[IndexReport, list[WindowRecord], list[Event]]:
    from footage.store import Store
    from indexer.pipeline import index

    store = Store.open(db, create=True)
    stage = "indexing with reuse" if reuse else "indexing without"
    ran = index(
        [file],
        store=store,
        model=model,
        embedder=embedder,
        batch_size=_BATCH,
        reuse="yes" if reuse else "no",
        on_progress=lambda reading: report(stage, reading.windows_done, reading.windows_total),
    )
    content_id = ran.files[0].content_id
    return ran, store.windows.of(content_id), store.events.of(content_id)


def _unseen(camera: FixedCamera, records: Sequence[WindowRecord]) -> Scores:
    """Events of which the model saw no window that shows them."""
    unseen: Counter[str] = Counter()
    for event, sort in zip(camera.clip.events, camera.sorts, strict=True):
        span = Span(event.start_seconds, event.end_seconds)
        least = min(SHOWN_SECONDS, span.duration_seconds)
        showing = [each for each in records if overlap_seconds(each.window.span, span) >= least]
        unseen[sort] += all(each.reused_from for each in showing)
    counts = Counter(camera.sorts)
    spans = [Span(event.start_seconds, event.end_seconds) for event in camera.clip.events]
    idle = [
        each for each in records if not any(overlap_seconds(each.window.span, span) > 0 for span in spans)
    ]
    return {
        "windows_idle": len(idle),
        "windows_idle_captioned": sum(not each.reused_from for each in idle),
        "reuse_events_unseen": round(unseen.total() / max(1, counts.total()), 4),
        **{f"unseen_{sort}": unseen[sort] for sort in EVENT_SORTS},
        **{f"events_{sort}": counts[sort] for sort in EVENT_SORTS},
    }


def _compared(camera: FixedCamera, reused: Sequence[Event], plain: Sequence[Event]) -> Scores:
    with_reuse = [_is_captioned(event, reused) for event in camera.clip.events]
    without = [_is_captioned(event, plain) for event in camera.clip.events]
    lost = [before and not after for before, after in zip(without, with_reuse, strict=True)]
    return {
        "reuse_recall_loss": round(sum(lost) / max(1, sum(without)), 4),
        "recall": share(without),
        "recall_with_reuse": share(with_reuse),
        "false_events": _false(camera, plain),
        "false_events_with_reuse": _false(camera, reused),
    }


def _is_captioned(true: SyntheticEvent, events: Sequence[Event]) -> bool:
    span = Span(true.start_seconds, true.end_seconds)
    return any(event.text.strip() == true.sentence and iou(event.span, span) >= LEAST_IOU for event in events)


def _false(camera: FixedCamera, events: Sequence[Event]) -> int:
    """Captioned events at which nothing happens at all."""
    spans = [Span(event.start_seconds, event.end_seconds) for event in camera.clip.events]
    return sum(not any(overlap_seconds(event.span, span) > 0 for span in spans) for event in events)
