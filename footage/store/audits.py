"""What audits of captions found, event by event, and what people decided about it; judges nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from footage.core.claim_errors import ClaimError
from footage.core.errors import StoreError
from footage.core.types import Span
from footage.store.records import span_columns, span_from_row
from footage.store.repositories.events import EventRepository
from footage.store.tables import Tables, given
from footage.store.versioned_cache import VersionedCache

AuditRuling = Literal["supported", "contradicted", "not visible", ""]
"""Ruling of the judges on a caption as a whole; empty for an audit of a time alone."""
AuditDecision = Literal["", "kept"]
"""What a person decided about a caption with errors: nothing yet, or to keep it as it is."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A captioned event, the time that the model gives for it, and the ruling of the judges."""

    event_id: str
    """The event. Its id is a hash of video, time and text: a corrected caption is another event."""
    content_id: str
    """The video."""
    span: Span
    """When it happens according to the caption, in video time."""
    text: str
    """What happens."""
    found: Span | None
    """When according to the model; None if its answer has no usable time."""
    agreement: float
    """IoU of the two, 0 to 1."""
    model: str
    """The model that was asked for the time."""
    revision: str
    """Commit or content hash of its weights."""
    audited_at: float = 0.0
    """When, seconds since the epoch."""
    judges: tuple[str, ...] = ()
    """Names of the judges of the caption; empty for an audit of the time alone."""
    ruling: AuditRuling = ""
    """Their ruling on the caption: contradicted where most of them see an error."""
    support: float | None = None
    """Share of the rulings "supported" among those that support or contradict a claim, 0 to 1; None for
    none."""
    errors: tuple[ClaimError, ...] = ()
    """Errors of the caption, those that most judges see first."""
    decision: AuditDecision = ""
    """What a person decided."""
    decided_by: str = ""
    """Who, as typed."""
    decided_at: float = 0.0
    """When, seconds since the epoch; 0 for never."""

    @property
    def is_contradicted(self) -> bool:
        """Whether the caption counts as wrong: most judges see an error, and no person kept it."""
        return self.ruling == "contradicted" and not self.decision

    @property
    def wrong(self) -> tuple[ClaimError, ...]:
        """The errors that most judges see."""
        return tuple(error for error in self.errors if error.is_consensus)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Why a caption counts as wrong."""

    sentence: str
    """The first error that most judges see, for people."""
    time_only: bool
    """Whether only its time is wrong."""


class AuditRepository:
    """Checks of captions by models; got from ``Annotations.audits``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._standing: VersionedCache[list[Audit]] = VersionedCache("audits", "events", "windows")
        self._contradicted: VersionedCache[dict[str, Contradiction]] = VersionedCache("audits")

    def put(self, audits: Iterable[Audit]) -> None:
        """Keep audits; one of the same event replaces the one before, but not what a person decided.

        Raises:
            StoreError: another process has been writing annotations for longer than any write takes, or the
                tables are of an older version.
        """
        new = list(audits)
        if not new:
            return
        self._require_columns()
        with self._tables.writing_annotations():
            before = self.of([audit.event_id for audit in new])
            rows = [_to_row(_with_decision(audit, before.get(audit.event_id))) for audit in new]
            self._tables.upsert("audits", rows)

    def decide(
        self, event_id: str, decision: AuditDecision, *, author: str = "", at: float | None = None
    ) -> Audit | None:
        """Note what a person decided about an audited caption.

        Args:
            event_id: The event.
            decision: What was decided; empty to take a decision back.
            author: Who, as typed.
            at: When, seconds since the epoch; now when None.

        Returns:
            The audit as it is now; None where the event was never audited.

        Raises:
            StoreError: as ``put``.
        """
        self._require_columns()
        with self._tables.writing_annotations():
            found = self.of([event_id]).get(event_id)
            if found is None:
                return None
            when = time.time() if at is None else at
            decided = replace(
                found,
                decision=decision,
                decided_by=author if decision else "",
                decided_at=when if decision else 0.0,
            )
            self._tables.upsert("audits", [_to_row(decided)])
            return decided

    def all(self, content_ids: Collection[str] | None = None) -> list[Audit]:
        """Audits, wrong captions first, then the least agreement: all, or those of some videos."""
        found = map(_from_row, self._tables.read("audits", given(content_id=content_ids)))
        return sorted(found, key=worst_first)

    def of(self, event_ids: Collection[str]) -> dict[str, Audit]:
        """The audits of some events, by event id, as far as they were audited."""
        return {
            row["event_id"]: _from_row(row) for row in self._tables.read("audits", {"event_id": event_ids})
        }

    def standing(self, events: EventRepository) -> list[Audit]:
        """The audits of events that the index holds now, wrong captions first, then the least agreement.

        The others are of captions that were corrected or made anew. They are read once for each version of
        the tables.
        """
        return self._standing.get(self._tables, lambda: self._read_standing(events))

    def contradicted(self) -> Mapping[str, Contradiction]:
        """Why captions count as wrong, slight errors of times apart, by event id.

        They are read once for each version of the table.

        An id says what the caption says: that of a corrected or changed caption is never among them.
        """
        return self._contradicted.get(self._tables, self._read_contradicted)

    def _read_standing(self, events: EventRepository) -> list[Audit]:
        audits = self.all()
        there = events.of_ids([audit.event_id for audit in audits]) if audits else {}
        return [audit for audit in audits if audit.event_id in there]

    def _read_contradicted(self) -> dict[str, Contradiction]:
        if self.needs_upgrade:
            return {}
        audits = map(_from_row, self._tables.read("audits", {"ruling": ["contradicted"]}))
        serious = {
            audit.event_id: [error for error in audit.wrong if not error.is_slight]
            for audit in audits
            if audit.is_contradicted
        }
        return {
            event_id: Contradiction(errors[0].sentence, all(error.kind == "time" for error in errors))
            for event_id, errors in serious.items()
            if errors
        }

    @property
    def needs_upgrade(self) -> bool:
        """Whether the table is of a version that stores times alone."""
        return not self._tables.has_column("audits", "ruling")

    def _require_columns(self) -> None:
        if self.needs_upgrade:
            raise StoreError(
                f"the index {self._tables.path} has tables of an older version, which store no audit of "
                "captions",
                hint="Upgrade it with `footage db upgrade`.",
            )


def worst_first(audit: Audit) -> tuple[bool, bool, float, str, Span]:
    """Sort key: captions that count as wrong first, major errors before minor ones, then by agreement."""
    major = any(error.severity == "major" for error in audit.wrong)
    return not audit.is_contradicted, not major, audit.agreement, audit.content_id, audit.span


def _with_decision(audit: Audit, before: Audit | None) -> Audit:
    """An audit with the decision about the same caption that was made before."""
    if before is None or audit.decision:
        return audit
    return replace(
        audit, decision=before.decision, decided_by=before.decided_by, decided_at=before.decided_at
    )


def _to_row(audit: Audit) -> dict[str, Any]:
    row = asdict(audit)
    del row["span"], row["found"]
    found = audit.found
    return {
        **row,
        **span_columns(audit.span),
        "found_start_seconds": found.start_seconds if found else None,
        "found_end_seconds": found.end_seconds if found else None,
        "judges": list(audit.judges),
        "errors": json.dumps([asdict(error) for error in audit.errors]),
    }


def _from_row(row: Mapping[str, Any]) -> Audit:
    start = row["found_start_seconds"]
    return Audit(
        event_id=row["event_id"],
        content_id=row["content_id"],
        span=span_from_row(row),
        text=row["text"],
        found=None if start is None else Span(start, row["found_end_seconds"]),
        agreement=row["agreement"],
        model=row["model"],
        revision=row["revision"],
        audited_at=row["audited_at"],
        judges=tuple(row.get("judges") or ()),
        ruling=row.get("ruling") or "",
        support=row.get("support"),
        errors=tuple(map(_error, json.loads(row.get("errors") or "[]"))),
        decision=row.get("decision") or "",
        decided_by=row.get("decided_by") or "",
        decided_at=row.get("decided_at") or 0.0,
    )


def _error(fields: Mapping[str, Any]) -> ClaimError:
    span = fields["span"]
    return ClaimError(
        **{
            **fields,
            "span": Span(**span) if span else None,
            "frames": tuple(fields["frames"]),
        }
    )
