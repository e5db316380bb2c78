"""What makes and updates the index, as operations: index, forecast, watch, retry, recaption, reembed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from footage.core.errors import UsageError
from footage.objects.paths import ObjectPath
from service.events import Indexed
from service.index import (
    IndexRequest,
    IndexResult,
    RetryRequest,
    forecast,
    index,
    retry,
    watch,
)
from service.operations.operation import Operation
from service.recaption import RecaptionRequest, recaption
from service.reembed import ReembedRequest, ReembedResult, reembed
from service.requests import MediaPath
from service.schemas.library import (
    ClockDoubtRecord,
    CollectionRecord,
    ForecastRecord,
    IndexedFileRecord,
    IndexRecord,
    RecaptionRecord,
    ReembeddedImagesRecord,
    ReembedRecord,
)
from service.schemas.tracks import TrackLeftOutRecord, TrackRunRecord

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener, ServiceEvent
    from service.schemas.base import Record
    from service.session import Service

RUN = (
    IndexedFileRecord,
    CollectionRecord,
    ClockDoubtRecord,
    TrackRunRecord,
    TrackLeftOutRecord,
    IndexRecord,
)
"""The records of a run."""


def _no_web_server(path: Path) -> Path:
    """Refuse web servers: a service must not be made to ask whatever address its callers name."""
    if isinstance(path, ObjectPath) and not path.address.can_be_listed:
        raise UsageError(
            "The service does not read from web servers.",
            hint="Index the address with the command `footage index`, or name a bucket.",
        )
    return path


StoredPath = Annotated[MediaPath, AfterValidator(_no_web_server)]
"""A path of this machine, or an address in a bucket."""


class IndexOnceRequest(IndexRequest):
    """What to index, once; texts are written as on the command line."""

    paths: tuple[StoredPath, ...] = Field(min_length=1)
    """Files, and folders to look for them in; also addresses such as s3://bucket/prefix."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        if self.watch:
            raise UsageError("This indexes once.", hint="To keep indexing, use `watch`.")
        return self


class WatchRequest(IndexRequest):
    """What to index now, and again whenever something changes."""

    paths: tuple[StoredPath, ...] = Field(min_length=1)
    """Files, and folders to look for them in; also addresses such as s3://bucket/prefix."""
    watch: bool = True
    """Always true."""

    @model_validator(mode="after")
    def _again(self) -> Self:
        if not self.watch:
            raise UsageError("This keeps indexing until cancelled.", hint="To index once, use `index`.")
        return self


def run_records(result: IndexResult) -> Iterator[Record]:
    """What a run did: files, collections, doubts about clocks, tracks, then the whole."""
    report = result.report
    for file in report.files:
        yield IndexedFileRecord(
            type="file",
            path=file.path,
            content_id=file.content_id,
            state=file.state,
            reason=file.reason,
            warnings=list(report.warnings.get(file.path, ())),
        )
    for name, coverage in result.coverage.items():
        yield CollectionRecord.of(name, coverage)
    for doubt in report.clock_doubts:
        yield ClockDoubtRecord(
            type="clock doubt",
            camera=doubt.camera,
            ahead_seconds=doubt.ahead_seconds,
            paths=list(doubt.paths),
            burned_in=doubt.burned_in,
            used=doubt.used,
        )
    for track, each in report.tracks.items():
        yield TrackRunRecord.of(track, each)
    for track, reason in result.left_out.items():
        yield TrackLeftOutRecord(type="track left out", track=track, reason=reason)
    yield IndexRecord.of(report)


def reembed_records(result: ReembedResult) -> Iterator[ReembedRecord | ReembeddedImagesRecord]:
    """What was embedded again: texts, then pictures."""
    if result.embedder is not None:
        yield ReembedRecord(embedder=result.embedder, vectors=result.vectors)
    if result.images is not None and result.image_embedder is not None:
        yield ReembeddedImagesRecord(
            type="images",
            image_embedder=result.image_embedder,
            vectors=result.images.vectors,
            windows=result.images.windows,
            away=result.images.away,
            failed=result.images.failed,
        )


def _index(
    service: Service, request: IndexOnceRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    return run_records(index(service, request, on_event=on_event, cancel=cancel))


def _forecast(service: Service, request: IndexOnceRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    yield ForecastRecord.of(forecast(service, request, on_event=on_event))


def _watch(
    service: Service, request: WatchRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    """The records of the last run; ``Indexed`` events report every run when it ends."""
    last: IndexResult | None = None

    def listen(event: ServiceEvent) -> None:
        nonlocal last
        if isinstance(event, Indexed):
            last = event.result
        on_event(event)

    watch(service, request, on_event=listen, cancel=cancel)
    return iter(()) if last is None else run_records(last)


def _retry(
    service: Service, request: RetryRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    result = retry(service, request, on_event=on_event, cancel=cancel)
    return iter(()) if result is None else run_records(result)


def _recaption(
    service: Service, request: RecaptionRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    yield RecaptionRecord.of(recaption(service, request, on_event=on_event, cancel=cancel))


def _reembed(
    service: Service, request: ReembedRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    return reembed_records(reembed(service, request, on_event=on_event, cancel=cancel))


ALL = (
    Operation(
        "index",
        "Caption videos and add them to the index.",
        IndexOnceRequest,
        RUN,
        _index,
        role="edit",
        work="job",
    ),
    Operation(
        "forecast",
        "Show what an index run would do, and the estimated time.",
        IndexOnceRequest,
        (ForecastRecord,),
        _forecast,
        role="edit",  # it looks into any folder that it is given
        printed_by="index --dry-run",
    ),
    Operation(
        "watch",
        "Index now, and again whenever something changes, until cancelled.",
        WatchRequest,
        RUN,
        _watch,
        role="edit",
        work="job",
        printed_by="index --watch",
    ),
    Operation(
        "retry",
        "Retry files that failed completely or partly.",
        RetryRequest,
        RUN,
        _retry,
        role="edit",
        work="job",
    ),
    Operation(
        "db recaption",
        "Caption windows again that carry over the caption of another window.",
        RecaptionRequest,
        (RecaptionRecord,),
        _recaption,
        role="admin",
        work="job",
    ),
    Operation(
        "db reembed",
        "Embed the captions of the index with another embedder, or its pictures with another image embedder.",
        ReembedRequest,
        (ReembedRecord, ReembeddedImagesRecord),
        _reembed,
        role="admin",
        work="job",
    ),
)
"""The operations of this module."""
