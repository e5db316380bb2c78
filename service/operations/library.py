"""What the index holds, as operations: status, files, videos, events, transcripts; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from service import listing
from service.duplicates import DuplicatesRequest, duplicates
from service.listing import (
    CorrectionsRequest,
    EventsRequest,
    TranscriptRequest,
    VideoDetailsRequest,
    VideoPart,
    VideosRequest,
)
from service.operations.operation import Operation
from service.schemas.duplicates import (
    DuplicatesRecord,
    RepeatRecord,
    SameBytesRecord,
    VideoCopyRecord,
    duplicate_records,
)
from service.schemas.library import CollectionRecord, FailureRecord, FileRecord, LeftRecord, StatusRecord
from service.schemas.videos import (
    CorrectionVersionRecord,
    EventRecord,
    PageRecord,
    TranscriptRecord,
    VideoDetailsRecord,
    VideoRecord,
)
from service.status import FilesRequest, StatusRequest, StatusResult, files, status

if TYPE_CHECKING:
    from footage.core.corrections import Correction
    from footage.core.types import Event, File
    from service.browse import VideoDetails
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.listing import ListedVideo, Page, TranscriptLine
    from service.schemas.base import Record
    from service.session import Service


def status_records(result: StatusResult) -> Iterator[Record]:
    """What the index holds, then its collections, and the files that are not indexed."""
    yield StatusRecord.of(result)
    for name, coverage in result.coverage.items():
        yield CollectionRecord.of(name, coverage)
    for left in result.left:
        yield LeftRecord(type="left", **asdict(left))
    for path, reason in result.index.failures:
        yield FailureRecord(type="failure", path=path, reason=reason)


def file_records(listed: Iterable[File]) -> Iterator[FileRecord]:
    """Files, a line each."""
    return map(FileRecord.of, listed)


def videos_records(page: Page[ListedVideo]) -> Iterator[Record]:
    """A page of videos."""
    yield from map(VideoRecord.of, page.entries)
    yield PageRecord.of(page)


def video_records(
    listed: ListedVideo, details: VideoDetails, lines: Iterable[TranscriptLine], parts: Iterable[VideoPart]
) -> Iterator[Record]:
    """One video, then its events, transcript and corrections."""
    yield VideoDetailsRecord.with_details(listed, details)
    content_id, path = details.video.content_id, details.path
    if "events" in parts:
        for event in details.outline.events:
            yield EventRecord.of(event, path)
    if "transcript" in parts:
        for line in lines:
            yield TranscriptRecord.of(line, content_id, path)
    if "corrections" in parts:
        yield from map(CorrectionVersionRecord.of, details.corrections)


def events_records(path: str, page: Page[Event]) -> Iterator[Record]:
    """A page of the events of a video."""
    for event in page.entries:
        yield EventRecord.of(event, path)
    yield PageRecord.of(page)


def transcript_records(
    content_id: str, path: str, lines: Iterable[TranscriptLine]
) -> Iterator[TranscriptRecord]:
    """The lines of a transcript."""
    for line in lines:
        yield TranscriptRecord.of(line, content_id, path)


def corrections_records(page: Page[Correction]) -> Iterator[Record]:
    """A page of versions of corrections."""
    yield from map(CorrectionVersionRecord.of, page.entries)
    yield PageRecord.of(page)


def _status(service: Service, request: StatusRequest, *_: Any) -> Iterator[Record]:
    return status_records(status(service, request))


def _files(service: Service, request: FilesRequest, *_: Any) -> Iterator[Record]:
    return file_records(files(service, request))


def _duplicates(
    service: Service, request: DuplicatesRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    return duplicate_records(duplicates(service, request, on_event=on_event, cancel=cancel))


def _videos(service: Service, request: VideosRequest, *_: Any) -> Iterator[Record]:
    return videos_records(listing.videos(service, request))


def _video(service: Service, request: VideoDetailsRequest, *_: Any) -> Iterator[Record]:
    listed, details, lines = listing.video(service, request)
    return video_records(listed, details, lines, request.parts)


def _events(service: Service, request: EventsRequest, *_: Any) -> Iterator[Record]:
    return events_records(*listing.events(service, request))


def _transcript(service: Service, request: TranscriptRequest, *_: Any) -> Iterator[Record]:
    return transcript_records(*listing.transcript(service, request))


def _corrections(service: Service, request: CorrectionsRequest, *_: Any) -> Iterator[Record]:
    return corrections_records(listing.corrections(service, request))


ALL = (
    Operation(
        "status",
        "Show the state of the index, its coverage and failed files.",
        StatusRequest,
        (StatusRecord, CollectionRecord, LeftRecord, FailureRecord),
        _status,
    ),
    Operation(
        "files",
        "List the files that the index knows.",
        FilesRequest,
        (FileRecord,),
        _files,
        printed_by="status --files",
    ),
    Operation(
        "duplicates",
        "List files of the same bytes, copies of videos, and stretches that are shown again.",
        DuplicatesRequest,
        (SameBytesRecord, VideoCopyRecord, RepeatRecord, DuplicatesRecord),
        _duplicates,
        printed_by="status --duplicates",
    ),
    Operation(
        "videos",
        "List the videos of the index, by content id.",
        VideosRequest,
        (VideoRecord, PageRecord),
        _videos,
    ),
    Operation(
        "video",
        "Show one video of the index: its files, events, transcript and corrections.",
        VideoDetailsRequest,
        (VideoDetailsRecord, EventRecord, TranscriptRecord, CorrectionVersionRecord),
        _video,
    ),
    Operation(
        "events",
        "List the events of a video, or of a part of it.",
        EventsRequest,
        (EventRecord, PageRecord),
        _events,
    ),
    Operation(
        "transcript",
        "List what is said and written in a video, or in a part of it.",
        TranscriptRequest,
        (TranscriptRecord,),
        _transcript,
    ),
    Operation(
        "corrections",
        "List all versions of corrections, of one video or of all.",
        CorrectionsRequest,
        (CorrectionVersionRecord, PageRecord),
        _corrections,
    ),
)
"""The operations of this module."""
