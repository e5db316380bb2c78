"""Lines of JSON about the index as a database: of backup, restore, db check and db upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.index_place import IndexPlace
from service.schemas.base import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from footage.store.backup import Copied
    from service.db import CheckResult


class CopyRecord(Record):
    """What `backup` or `restore` copied."""

    folder: IndexPlace
    """Where to: a folder, or the address of a restored index."""
    rows: dict[str, int]
    """Rows by table."""
    files: int
    """Files of the index."""
    new_files: int
    """Files that were copied now."""
    new_bytes: int
    """Bytes of those."""
    findings: list[str]
    """What is wrong with the index that was copied as it is, a sentence each."""

    @classmethod
    def of(cls, copied: Copied, folder: IndexPlace) -> Self:
        """What was copied."""
        return cls(
            folder=folder,
            rows=dict(copied.rows),
            files=copied.files,
            new_files=copied.new_files,
            new_bytes=copied.new_bytes,
            findings=[finding.sentence for finding in copied.findings],
        )


class UpgradeRecord(Record):
    """What `db upgrade` did."""

    before: int
    """Schema version before."""
    version: int
    """Schema version now."""
    done: list[str]
    """What was done, in words."""


class FindingRecord(Record):
    """Something that `db check` found wrong."""

    type: Literal["finding"] = Field(default="finding")
    """What the line is."""
    kind: str
    """What kind of fault it is; "behind" is made good when the index is next written to."""
    table: str
    """Which table."""
    content_id: str
    """Which video; empty where it is not one."""
    problem: str
    """What is wrong, a clause."""


class CheckRecord(Record):
    """The last line of `db check`."""

    type: Literal["summary"] = Field(default="summary")
    """What the line is."""
    version: int | None
    """Schema version; null where it cannot be read."""
    rows: dict[str, int]
    """Rows that were read, by table."""
    findings: int
    """Faults that were found, before any repair."""
    damaged: bool
    """Whether something cannot be read or believed."""
    caption_again: dict[str, list[int]]
    """Windows that must be captioned again, by content id."""
    read_again: dict[str, dict[str, list[int]]]
    """Windows of other tracks that must be read again, by content id and track."""
    repaired: Literal[True] = True
    """Only with --repair."""
    quarantine: Path | None = None
    """Where what cannot be read was moved; null where nothing was. Only with --repair."""
    rebuilt: dict[str, int] = Field(default_factory=dict)
    """Tables that were written anew, and how many rows they have; only with --repair."""
    vectors_made: int = 0
    """Vectors that were made again; only with --repair."""
    embedders_missing: dict[str, str] = Field(default_factory=dict)
    """Embedders whose vectors were not made again, each with the reason; only with --repair."""
    files_marked: list[str] = Field(default_factory=list)
    """Files to be captioned again; only with --repair."""
    findings_left: int = 0
    """Faults that are left; only with --repair."""

    @classmethod
    def of(cls, result: CheckResult, found: Mapping[str, Any]) -> Self:
        """What the check came to, and what was repaired."""
        report = result.repaired
        if report is None:
            return cls(type="summary", **found)
        return cls(
            type="summary",
            **found,
            repaired=True,
            quarantine=report.repaired.quarantine,
            rebuilt=report.repaired.rebuilt,
            vectors_made=report.vectors,
            embedders_missing=dict(report.missing),
            files_marked=list(report.repaired.marked),
            findings_left=len(report.after.findings),
        )
