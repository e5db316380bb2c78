"""The index as a database, as operations: check, upgrade, backup, restore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from service.backup import BackupRequest, RestoreRequest, backup, restore
from service.db import CheckRequest, CheckResult, UpgradeRequest, UpgradeResult, check, upgrade
from service.operations.operation import Operation
from service.operations.places import absolute
from service.schemas.database import CheckRecord, CopyRecord, FindingRecord, UpgradeRecord

if TYPE_CHECKING:
    from service.cancellation import CancelToken
    from service.events import Listener
    from service.schemas.base import Record
    from service.session import Service


def check_records(result: CheckResult) -> Iterator[FindingRecord | CheckRecord]:
    """What is wrong, then the whole."""
    from footage.store.repairing import as_json

    for finding in result.found.findings:
        yield FindingRecord(
            type="finding",
            kind=finding.kind,
            table=finding.table,
            content_id=finding.content_id,
            problem=finding.sentence,
        )
    yield CheckRecord.of(result, as_json(result.found))


def upgrade_record(result: UpgradeResult) -> UpgradeRecord:
    """What an upgrade did."""
    return UpgradeRecord(before=result.before, version=result.version, done=list(result.done))


def _check(service: Service, request: CheckRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    return check_records(check(service, request, on_event=on_event))


def _upgrade(service: Service, request: UpgradeRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    yield upgrade_record(upgrade(service, request, on_event=on_event))


def _backup(
    service: Service, request: BackupRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    folder = absolute(request.folder, "folder")
    yield CopyRecord.of(backup(service, request, on_event=on_event, cancel=cancel), folder)


def _restore(
    service: Service, request: RestoreRequest, on_event: Listener, cancel: CancelToken
) -> Iterator[Record]:
    absolute(request.folder, "folder")
    copied = restore(service, request, on_event=on_event, cancel=cancel)
    yield CopyRecord.of(copied, service.settings.db)


ALL = (
    Operation(
        "db check",
        "Check all data of the index, and repair it on request.",
        CheckRequest,
        (FindingRecord, CheckRecord),
        _check,
        role="admin",
        work="job",
    ),
    Operation(
        "db upgrade",
        "Upgrade an index from an older version.",
        UpgradeRequest,
        (UpgradeRecord,),
        _upgrade,
        role="admin",
        work="job",
    ),
    Operation(
        "db backup",
        "Copy the index to another folder and verify the copy.",
        BackupRequest,
        (CopyRecord,),
        _backup,
        role="admin",
        work="job",
    ),
    Operation(
        "db restore",
        "Restore an index from a copy.",
        RestoreRequest,
        (CopyRecord,),
        _restore,
        role="admin",
        work="job",
    ),
)
"""The operations of this module."""
