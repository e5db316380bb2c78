"""What the index holds, how much of the library it covers, and what it could not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from footage.core.endpoint import shown_address
from footage.core.index_place import IndexPlace
from footage.core.timeline import merge_spans
from indexer.progress import model_seconds
from service.requests import Request

if TYPE_CHECKING:
    from footage.core.coverage import Coverage
    from footage.core.types import File, Run
    from footage.store import IndexStatus, Store
    from service.session import Service


class StatusRequest(Request):
    """The status of the index that the settings name."""


class FilesRequest(Request):
    """The files that the index knows."""

    which: Literal["all", "failed"] = "all"
    """All of them, or those that failed in whole or in part."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What comparing captions with the model's answers came to."""

    events: int
    """Captioned events that were audited."""
    agreement_rate: float
    """Share of them for which the model names the same moment, 0 to 1."""
    judged: int
    """Those whose captions judges checked, too."""
    wrong: int
    """Those whose captions most judges contradict, and that nobody kept."""


@dataclass(frozen=True, slots=True)
class Left:
    """Files that are not indexed for one reason, failures apart."""

    state: Literal["left out", "waiting", "offline"]
    """Why they are not."""
    reason: str
    """More precisely, one sentence."""
    files: int
    """How many."""


@dataclass(frozen=True, slots=True)
class ReusedWindows:
    """Windows that carry over the caption of another one, because nothing changes."""

    windows: int
    """How many."""
    footage_seconds: float
    """Footage seconds of those, overlaps counted once."""
    seconds_saved: float
    """About how long the model would have taken for them, going by earlier runs; 0 where there were none."""


@dataclass(frozen=True, slots=True)
class StatusResult:
    """What the index holds."""

    db: IndexPlace
    """Where it lies."""
    index: IndexStatus
    """Its contents."""
    size_bytes: int
    """Its size on disk."""
    last_run: Run | None
    """The index run that began last; None before the first."""
    audited: Audited | None
    """None before any audit."""
    coverage: Mapping[str, Coverage]
    """How far the files of each collection are indexed, by name."""
    left: tuple[Left, ...]
    """Files that are not indexed and did not fail."""
    track_notes: Mapping[str, Mapping[str, int]]
    """By track, what there is to know about its videos, such as "no sound track", and of how many."""
    reused: ReusedWindows
    """Windows with the caption of another one."""
    find_model: str
    """The model that searches ask with these settings, as they name it."""


def status(service: Service, request: StatusRequest) -> StatusResult:
    """Say what the index holds.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    from search.audit import agreement_rate

    store = service.store()
    audits = store.annotations.audits.standing(store.events)
    return StatusResult(
        db=store.path,
        index=store.status(),
        size_bytes=store.size_bytes(),
        last_run=next(iter(store.runs.all()), None),
        audited=Audited(
            len(audits),
            agreement_rate(audits),
            sum(bool(audit.judges) for audit in audits),
            sum(audit.is_contradicted for audit in audits),
        )
        if audits
        else None,
        coverage=store.coverage(),
        left=_left(store.files.all()),
        track_notes={
            track: store.windows.notes(track=track)
            for track in (*store.windows.tracks(), *store.windows.image_tracks())
        },
        reused=_reused(store),
        find_model=shown_address(service.settings.for_finds.model),
    )


def files(service: Service, request: FilesRequest) -> tuple[File, ...]:
    """List the files that the index knows.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return tuple(
        file
        for file in service.store().files.all()
        if request.which == "all" or file.state in ("failed", "partial")
    )


def _reused(store: Store) -> ReusedWindows:
    """The reused windows of an index, and the time that they saved at the average speed of its runs."""
    reused = store.windows.reused()
    spans = store.windows.spans(reused) if reused else {}
    footage = sum(
        span.duration_seconds
        for content_id, indexes in reused.items()
        for span in merge_spans(spans[content_id][index] for index in indexes if index in spans[content_id])
    )
    runs = [run for run in store.runs.all() if run.windows_captioned]
    spent = sum(model_seconds(dict(run.stage_seconds), 1) for run in runs)
    windows, captioned = sum(map(len, reused.values())), sum(run.windows_captioned for run in runs)
    return ReusedWindows(windows, footage, windows * spent / captioned if captioned else 0.0)


def _left(listed: list[File]) -> tuple[Left, ...]:
    counted = Counter((file.state, file.reason) for file in listed)
    names: dict[str, Literal["left out", "waiting", "offline"]] = {
        "skipped": "left out",
        "waiting": "waiting",
        "offline": "offline",
    }
    return tuple(
        Left(names[state], reason, number)
        for (state, reason), number in sorted(counted.items())
        if state in names
    )
