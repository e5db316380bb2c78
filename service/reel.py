"""Joins the best search results into one film; prints nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from service.events import Listener, ignore, steps
from service.export import make_reel as join_clips
from service.export_clips import ClipChoice, ExportResult, found_clips, unchanged_files, with_words

if TYPE_CHECKING:
    from search.results import SearchResult
    from service.cancellation import CancelToken
    from service.session import Service


class ReelRequest(ClipChoice):
    """A query, and the film made from its results."""

    query: str
    """What happens."""
    out: Path
    """The film, an .mp4, absolute."""
    max_seconds: float
    """Maximum length of the film."""
    order: Literal["time", "score"] = "time"
    """Order of the clips: by time, or by confidence."""


def make_reel(
    service: Service,
    request: ReelRequest,
    *,
    on_event: Listener = ignore,
    on_search: Callable[[SearchResult], None] = lambda result: None,
    cancel: CancelToken | None = None,
    without_model: str = "",
) -> ExportResult:
    """Join the best search results into one film, with edit lists and a manifest.

    Arguments as ``service.export_clips.export_clips``.

    Raises:
        FootageError: the query makes no sense, or something cannot be read or written.
        Cancelled: the token was cancelled; nothing is left half written.
    """
    store = service.store()
    options = request.options(service, store, request.query)
    clips, searched = found_clips(
        service,
        request.query,
        ground=request.ground,
        without_model=without_model,
        on_event=on_event,
        cancel=cancel,
    )
    on_search(searched)
    wanted = request.chosen(clips)
    if not wanted:
        return ExportResult(tuple(clips), None, searched)
    chosen = request.with_timecodes(request.with_handles(wanted), store)
    if request.burn_subtitles:
        chosen = with_words(service, chosen)
    exported = unchanged_files(
        chosen,
        store,
        lambda kept: join_clips(
            kept,
            request.out,
            max_seconds=request.max_seconds,
            order=request.order,
            options=options,
            on_progress=steps("joining", on_event, cancel),
        ),
    )
    return ExportResult(tuple(clips), exported, searched)
