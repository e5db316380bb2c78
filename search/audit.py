"""Asks the model for what its own captions say, and compares the two times; knows no query."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

from footage.core.timecode import iou
from footage.core.types import Event, Span, Window
from footage.core.windows import run_of
from footage.objects.paths import media_path
from footage.store import Store
from footage.store.annotations import Audit
from search.grounding.proposals import window_on
from search.grounding.window_queries import EventFinder, WindowQuestion
from search.query.parser import parse_query

RIGHT_IOU = 0.5
"""The two times agree from this IoU on; the field's usual bar for a span that is right."""


def audit(
    store: Store,
    asker: EventFinder,
    *,
    sample: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Audit]:
    """Ask about captioned events, each in a window that shows it at its middle, and keep what comes of it.

    Events whose file cannot be reached or decoded are left out. What was answered before is remembered, so
    that an audit that was broken off goes on where it was.

    Args:
        store: The index.
        asker: Asks the model.
        sample: Most events, chosen by hash, so that the same are chosen again; all when None.
        on_progress: Called with (events done, events in all).

    Returns:
        What was compared, the least agreement first.

    Raises:
        StoreError: when the index cannot be read or written.
        ModelError: when the model fails.
    """
    videos = store.videos.all()
    events = _chosen(store.events.all(), sample)
    paths = {
        content_id: store.files.path_of(content_id) for content_id in {event.content_id for event in events}
    }
    length, provenance = asker.model.profile.window_seconds, asker.model.provenance
    audits: list[Audit] = []
    for number, event in enumerate(events, start=1):
        path = paths[event.content_id]
        if media_path(path).is_file():
            video = videos[event.content_id]
            whole = run_of(event.span, Span(0, video.duration_seconds), video.gaps)
            window = window_on(event.span, within=whole, length_seconds=length) or whole
            question = WindowQuestion(video, path, Window(event.content_id, -1, window))
            [reply] = asker.ask(parse_query(event.text[:1000], plain=True).prompt, [question])
            if not reply.problem:
                agreement = iou(reply.span, event.span) if reply.span else 0.0
                audits.append(
                    Audit(
                        event_id=event.id,
                        content_id=event.content_id,
                        span=event.span,
                        text=event.text,
                        found=reply.span,
                        agreement=round(agreement, 4),
                        model=provenance.model,
                        revision=provenance.revision,
                        audited_at=time.time(),
                    )
                )
        if on_progress:
            on_progress(number, len(events))
    store.annotations.audits.put(audits)
    return sorted(audits, key=lambda each: (each.agreement, each.content_id, each.span))


def agreement_rate(audits: Sequence[Audit]) -> float:
    """Share of audits whose two times agree (``RIGHT_IOU``), 0 to 1; 0 for none."""
    return sum(each.agreement >= RIGHT_IOU for each in audits) / len(audits) if audits else 0.0


def _chosen(events: Sequence[Event], sample: int | None) -> list[Event]:
    chosen = sorted(events, key=lambda event: hashlib.sha256(event.id.encode()).digest())[:sample]
    return sorted(chosen, key=lambda event: (event.content_id, event.span, event.id))
