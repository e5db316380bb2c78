"""An index of two clips whose captions were audited: some are wrong, with suggestions and frames."""

from __future__ import annotations

import shutil
from pathlib import Path

from standin_truth import SAMPLES, TruthModel

from footage.core.claim_errors import ClaimError
from footage.core.types import Event
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.store.audits import Audit
from indexer.pipeline import index

CLIPS = ("beach_dusk.mp4", "park_dusk.mp4")
JUDGES = ("demo@1", "another@2")


def audited_library(folder: Path) -> Store:
    """Index the clips in a folder, with the audits of ``audits_of``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in CLIPS:
        shutil.copy2(SAMPLES / name, folder / name)
    store = Store.open(folder / "index.lancedb", create=True)
    index([folder], store=store, model=TruthModel(), embedder=load_embedder())
    store.annotations.audits.put(audits_of(store.events.all()))
    return store


def audits_of(events: list[Event]) -> list[Audit]:
    """The first event has a wrong colour, the second a wrong time, the third was invented; the rest hold."""
    return [_audit(event, _errors(number, event)) for number, event in enumerate(events)]


def _audit(event: Event, errors: tuple[ClaimError, ...]) -> Audit:
    return Audit(
        event.id,
        event.content_id,
        event.span,
        event.text,
        event.span,
        1.0,
        "demo",
        "1",
        audited_at=1.0,
        judges=JUDGES,
        ruling="contradicted" if errors else "supported",
        support=0.5 if errors else 1.0,
        errors=errors,
    )


def _errors(number: int, event: Event) -> tuple[ClaimError, ...]:
    start = event.span.start_seconds
    middle = (start + event.span.end_seconds) / 2
    frames = (start, middle)
    if number == 0:
        colour = ClaimError(
            "attribute",
            "minor",
            "The video shows an orange thing, not that.",
            2,
            2,
            event.span,
            f"Orange: {event.text}",
            frames,
        )
        doubted = ClaimError("action", "major", "One judge sees it standing.", 1, 2, event.span)
        return (colour, doubted)
    if number == 1:
        sentence = "It happens at 0:01.0-0:02.0, not then."
        return (ClaimError("time", "major", sentence, 2, 2, event.span, "0:01.0-0:02.0", frames),)
    if number == 2:
        sentence = f'No sign of "{event.text}" in the video.'
        return (ClaimError("invented", "major", sentence, 2, 2, event.span, "", frames),)
    return ()
