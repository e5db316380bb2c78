"""What leaves and enters the index as files, as operations: clips, reels, subtitles and captions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from footage.core.errors import UsageError
from service.captions import CaptionExportRequest, ImportRequest, export_captions, import_captions
from service.export_clips import ExportRequest, ExportResult, export_clips
from service.operations.operation import Operation
from service.operations.places import absolute
from service.reel import ReelRequest, make_reel
from service.requests import MediaPath, Request
from service.schemas.exports import (
    CaptionRowRecord,
    ExportedFileRecord,
    ExportFailureRecord,
    ExportRecord,
    ProblemRecord,
    SubtitleFileRecord,
    VerifyRecord,
)
from service.schemas.library import ImportRecord
from service.subtitle_files import (
    SubtitleRequest,
    SubtitleText,
    nothing_there,
    subtitle_texts,
    write_subtitle_files,
)
from service.verify import VerifyRequest, verify

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.export import Verified
    from service.export.subtitles import SubtitleFormat
    from service.schemas.base import Record
    from service.session import Service


class CaptionsRequest(Request):
    """Which tracks of which videos to export, and as what."""

    form: Literal["jsonl", "srt", "vtt", "txt"] = "jsonl"
    """Rows of everything, which can be imported, or subtitles."""
    tracks: tuple[str, ...] = ()
    """Only these tracks; when there are none all, of subtitles speech."""
    paths: tuple[MediaPath, ...] = ()
    """Of subtitles: only those of these files and folders, as they are in the index; all when empty."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.form == "jsonl" and self.paths:
            raise UsageError(
                "JSON Lines hold all videos of the index.",
                hint="For subtitles of some of them: form srt, vtt or txt.",
            )
        return self

    def subtitles(self) -> SubtitleRequest:
        """The subtitles that are wanted."""
        assert self.form != "jsonl"
        return SubtitleRequest(tracks=self.tracks or ("speech",), form=self.form, paths=self.paths)


class SubtitleFilesRequest(Request):
    """Which tracks of which videos to write as subtitle files, and where."""

    folder: Path
    """Where to write, absolute; existing files are not replaced."""
    form: Literal["srt", "vtt", "txt"] = "srt"
    """What to write."""
    tracks: tuple[str, ...] = Field(default=("speech",), min_length=1)
    """The tracks; each makes files of its own."""
    paths: tuple[MediaPath, ...] = ()
    """Only those of these files and folders, as they are in the index; all videos when empty."""


def export_records(
    result: ExportResult,
) -> Iterator[ExportedFileRecord | ExportFailureRecord | ExportRecord]:
    """The files that were written, the sources that could not be used, then the whole."""
    exported = result.exported
    if exported is None:
        answers = len(result.clips)
        yield ExportRecord(
            type="summary", files=0, manifest=None, answers=answers, uncertain=result.uncertain
        )
        return
    for output in exported.outputs:
        yield ExportedFileRecord.of(output, zipped=exported.archive is not None)
    for path, reason in exported.failures:
        yield ExportFailureRecord(type="failure", source=path, reason=reason)
    yield ExportRecord.of(exported)


def verify_records(verified: Verified) -> Iterator[ProblemRecord | VerifyRecord]:
    """The files that are missing or changed, then the whole."""
    yield from map(ProblemRecord.of, verified.problems)
    yield VerifyRecord.of(verified)


def subtitle_records(texts: Iterable[SubtitleText]) -> Iterator[SubtitleFileRecord]:
    """Subtitles themselves."""
    return map(SubtitleFileRecord.of, texts)


def subtitle_file_records(
    written: Iterable[tuple[Path, SubtitleText]],
) -> Iterator[SubtitleFileRecord]:
    """Subtitle files that were written."""
    for path, each in written:
        yield SubtitleFileRecord.of(each, path)


def found_subtitles(service: Service, request: SubtitleRequest) -> list[SubtitleText]:
    """As ``subtitle_texts``, at least one.

    Raises:
        UsageError: there is nothing of the tracks, or as ``subtitle_texts``.
    """
    texts = subtitle_texts(service, request)
    if not texts:
        raise nothing_there(request)
    return texts


def _export(
    service: Service, request: ExportRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    absolute(request.folder, "folder")
    if request.results is not None:
        absolute(request.results, "results")
    return export_records(export_clips(service, request, on_event=on_event, cancel=cancel))


def _reel(
    service: Service, request: ReelRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    absolute(request.out, "out")
    return export_records(make_reel(service, request, on_event=on_event, cancel=cancel))


def _verify(
    service: Service, request: VerifyRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    absolute(request.manifest, "manifest")
    return verify_records(verify(request, on_event=on_event, cancel=cancel))


def _captions(service: Service, request: CaptionsRequest, *_: Any) -> Iterator[Record]:
    if request.form != "jsonl":
        return subtitle_records(found_subtitles(service, request.subtitles()))
    rows = export_captions(service, CaptionExportRequest(tracks=request.tracks))
    return (CaptionRowRecord.model_validate(row) for row in rows)


def _write_subtitles(service: Service, request: SubtitleFilesRequest, *_: Any) -> Iterator[Record]:
    form: SubtitleFormat = request.form
    wanted = SubtitleRequest(tracks=request.tracks, form=form, paths=request.paths)
    folder = absolute(request.folder, "folder")
    return subtitle_file_records(write_subtitle_files(service, wanted, folder))


def _import(service: Service, request: ImportRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    absolute(request.file, "file")
    yield ImportRecord(**import_captions(service, request, on_event=on_event)._asdict())


EXPORT = (ExportedFileRecord, ExportFailureRecord, ExportRecord)
"""The records of an export."""
ALL = (
    Operation(
        "export",
        "Write search results as clips, edit lists or tables, with a manifest.",
        ExportRequest,
        EXPORT,
        _export,
        role="edit",
        work="job",
    ),
    Operation(
        "reel",
        "Join the best search results into one film of a given length.",
        ReelRequest,
        EXPORT,
        _reel,
        role="edit",
        work="job",
    ),
    Operation(
        "verify",
        "Compare exported files with their manifest.",
        VerifyRequest,
        (ProblemRecord, VerifyRecord),
        _verify,
        role="edit",  # it reads any file that it is given
    ),
    Operation(
        "captions export",
        "Export captions and all other tracks as rows, or one track as subtitles.",
        CaptionsRequest,
        (CaptionRowRecord, SubtitleFileRecord),
        _captions,
    ),
    Operation(
        "subtitle files",
        "Write tracks of videos as subtitle files into a folder.",
        SubtitleFilesRequest,
        (SubtitleFileRecord,),
        _write_subtitles,
        role="edit",
        printed_by="captions export --out",
    ),
    Operation(
        "captions import",
        "Import captions and other tracks from another index or another source.",
        ImportRequest,
        (ImportRecord,),
        _import,
        role="edit",
        work="job",
    ),
)
"""The operations of this module."""
