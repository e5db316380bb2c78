"""Finds when something happens in one file, without an index; words nothing for people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.core.timecode import format_time
from footage.core.types import Match, Span, Verdict
from footage.objects.paths import ObjectPath
from service.events import Listener, ignore, steps
from service.fetch import local_files, shown_url
from service.requests import Request

if TYPE_CHECKING:
    from search.results import Looked
    from service.cancellation import CancelToken
    from service.locators import Locator
    from service.session import Service


class FindRequest(Request):
    """A file, and what to look for in it."""

    video: str
    """The file, or the http or https address of one."""
    query: str
    """What happens, in one sentence."""
    fetch: bool = False
    """Whether an address may be downloaded."""
    start_seconds: float | None = None
    """Look from here on, in video time; from the beginning when None."""
    end_seconds: float | None = None
    """Look no further than here; to the end when None."""


@dataclass(frozen=True, slots=True)
class FindResult:
    """Where the model named it."""

    query: str
    """What was looked for, as it was read."""
    matches: tuple[Match, ...]
    """One for each place, best first, each with the file's whole path and content id."""
    looked: Looked
    """What the model looked at."""
    seconds_total: float
    """Footage seconds of the whole video."""

    @property
    def outcome(self) -> Verdict:
        """The best verdict of any answer: that of the whole, as no captions speak for or against one."""
        verdicts = {match.verdict for match in self.matches}
        return "found" if "found" in verdicts else "uncertain" if "uncertain" in verdicts else "not found"


def find(
    service: Service, request: FindRequest, *, on_event: Listener = ignore, cancel: CancelToken | None = None
) -> FindResult:
    """Show the model every window of one file, or of a part of it, and ask when something happens.

    Raises:
        FootageError: the query makes no sense, or the file or the model cannot be used.
        Cancelled: the token was cancelled while the model was asked.
    """
    from search.engine import looked_at
    from search.grounding.ground import find_in_file
    from search.query.parser import parse_query

    settings = service.settings
    # 1. A bad query is refused before anything is downloaded, a bad file before anything is loaded.
    query = parse_query(request.query, plain=True).text
    service.check_skill("find")
    with local_files(
        service, [request.video], fetch=request.fetch, on_event=on_event, cancel=cancel
    ) as files:
        [place] = files
        if place.start_seconds is not None:
            raise UsageError(
                f"{request.video} names a time, which find takes apart from the file",
                hint="Use --from and --to.",
            )
        span, seconds_total = _span(place.path, request)
        service.check_model("find", on_event=on_event)
        # 2. Ask.
        found = find_in_file(
            place.path,
            request.query,
            model=service.find_model(on_event),
            looking=replace(
                service.looking(),
                window_seconds=settings.window_seconds,
                overlap_seconds=settings.overlap_seconds,
            ),
            span=span,
            timeout_seconds=settings.decode_timeout_seconds,
            on_progress=steps("looking", on_event, cancel),
        )
        matches = _identified(service, place, found.matches)
        return FindResult(query, matches, looked_at(found), seconds_total)


def _identified(service: Service, place: Locator, matches: list[Match]) -> tuple[Match, ...]:
    """Matches with their file, for other commands: its path or address, and its content id."""
    from footage.objects.paths import absolute
    from indexer.library import shown

    name = _content(service, place.path) if matches else ""
    path = shown_url(place.address) if place.address else shown(absolute(place.path))
    return tuple(replace(each, path=path, video=replace(each.video, content_id=name)) for each in matches)


def _content(service: Service, path: Path) -> str:
    """The content id of a file; of an object that of the index, or a name without fetching all of it."""
    from indexer.library import fingerprint, identity

    store = service.existing_store() if isinstance(path, ObjectPath) else None
    known = store.files.at(str(path)) if store is not None else None
    if known is not None and known.content_id and known.fingerprint == fingerprint(path):
        return known.content_id
    return identity(path)


def _span(path: Path, request: FindRequest) -> tuple[Span | None, float]:
    """The part of the video to look at, None for all of it, and the seconds of footage in the whole video."""
    from footage.media.sandbox import probe

    video = probe(path)
    duration = video.duration_seconds
    if request.start_seconds is None and request.end_seconds is None:
        return None, video.footage_seconds
    first = request.start_seconds or 0.0
    last = duration if request.end_seconds is None else min(request.end_seconds, duration)
    if first >= last:
        raise UsageError(
            f"There is no video from {format_time(first)} to {format_time(last)} in {path.name}, "
            f"which lasts {format_time(duration)}."
        )
    return Span(first, last), video.footage_seconds
