"""What removes entries from the index, as operations: forget and prune; no video file is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from service.forget import ForgetRequest, ForgetResult, Forgettable, forget, forgettable
from service.operations.operation import Operation
from service.prune import Prunable, PruneRequest, PruneResult, prunable, prune
from service.schemas.library import ForgetRecord, PruneRecord

if TYPE_CHECKING:
    from service.schemas.base import Record
    from service.session import Service


class ForgetVideoRequest(ForgetRequest):
    """The video to be removed, or to be removed if it were no dry run."""

    dry_run: bool = False
    """Say what would be removed, without removing it."""


class PruneFilesRequest(PruneRequest):
    """Remove deleted files, or say which."""

    dry_run: bool = False
    """Say what would be removed, without removing it."""


def forget_record(result: Forgettable | ForgetResult) -> ForgetRecord:
    """What was removed, or would be."""
    if isinstance(result, ForgetResult):
        return ForgetRecord(content_id=result.content_id, files=result.files)
    paths = list(result.paths)
    return ForgetRecord(content_id=result.content_id, files=len(paths), dry_run=True, paths=paths)


def prune_record(result: Prunable | PruneResult) -> PruneRecord:
    """What was removed, or would be."""
    if isinstance(result, PruneResult):
        return PruneRecord(files=result.files, videos=result.videos)
    paths = list(result.paths)
    return PruneRecord(files=len(paths), videos=result.videos, dry_run=True, paths=paths)


def _forget(service: Service, request: ForgetVideoRequest, *_: Any) -> Iterator[Record]:
    wanted = ForgetRequest(video=request.video)
    yield forget_record(forgettable(service, wanted) if request.dry_run else forget(service, wanted))


def _prune(service: Service, request: PruneFilesRequest, *_: Any) -> Iterator[Record]:
    wanted = PruneRequest()
    yield prune_record(prunable(service, wanted) if request.dry_run else prune(service, wanted))


ALL = (
    Operation(
        "forget",
        "Permanently remove a video from the index; its file stays.",
        ForgetVideoRequest,
        (ForgetRecord,),
        _forget,
        role="admin",
    ),
    Operation(
        "prune",
        "Remove deleted files from the index.",
        PruneFilesRequest,
        (PruneRecord,),
        _prune,
        role="admin",
    ),
)
"""The operations of this module."""
