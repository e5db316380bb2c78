"""Keeps a row and a log of each indexing run, and shows when it waits for its model."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from footage.core.errors import FootageError
from footage.core.types import Run
from footage.objects.paths import absolute
from footage.store import Store
from footage.vlm.deferred import DeferredModel
from footage.vlm.protocol import VideoModel, Waits
from indexer import library
from indexer.progress import ProgressTracker

logger = logging.getLogger(__name__)


@contextmanager
def recorded(store: Store, paths: Sequence[Path | str], meter: ProgressTracker) -> Iterator[None]:
    """Keep a row of the run: from the start, so that a killed one shows, and again at its end."""
    now = time.time()
    asked = tuple(library.shown(path) for path in map(absolute, paths))
    run = Run(f"{now:017.6f}-{os.getpid()}", now, paths=asked)
    store.runs.put(run)
    logger.info("run begins", extra={"fields": {"run": run.id, "paths": list(asked)}})
    outcome = "stopped"
    try:
        yield
        outcome = "stopped" if meter.stopped else "done"
    except FootageError as error:
        outcome = str(error)
        raise
    finally:
        run = replace(
            run,
            ended_at=time.time(),
            outcome=outcome,
            windows_captioned=meter.windows_captioned,
            seconds_captioned=meter.seconds_captioned,
            stage_seconds=tuple(
                (stage, round(spent, 3)) for stage, spent in sorted(meter.stage_seconds.items())
            ),
        )
        logger.info("run ends", extra={"fields": {**asdict(run), "stage_seconds": dict(run.stage_seconds)}})
        store.runs.put(run)


@contextmanager
def waits_shown(
    model: VideoModel | DeferredModel | None, meter: ProgressTracker, stop: Callable[[], bool]
) -> Iterator[None]:
    """Show in the progress when the model has to be waited for, and let a stop end the waiting."""

    def on_wait(what: str) -> bool:
        meter.waiting = what
        meter.tell()
        return not stop()

    if not isinstance(model, Waits):
        yield
        return
    model.on_wait = on_wait
    try:
        yield
    finally:
        model.on_wait = None
