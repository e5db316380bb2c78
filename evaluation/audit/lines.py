"""An audit as lines of JSON (``evaluation.schemas.audits``); pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from evaluation.audit.figures import AuditFigures, CountedShare
from evaluation.audit.results import AuditedEntry, AuditedVideo, TruthAudit
from evaluation.schemas.audits import (
    TruthAuditErrorFields,
    TruthAuditEstimateFields,
    TruthAuditJudgeFields,
    TruthAuditRecord,
    TruthAuditRowFields,
    TruthAuditShareFields,
    TruthAuditVoteFields,
    TruthEntryRecord,
    TruthUncheckedRecord,
    TruthVideoRecord,
)
from search.claims.records import Claim, ClaimError, Vote
from service.schemas.base import Record


def audit_lines(
    audit: TruthAudit, figures: AuditFigures, *, report: Path | None, out: Path | None, over: bool
) -> Iterator[Record]:
    """Entries with errors, the worst first; videos with errors; what could not be checked; the summary."""
    for video, entry in audit.with_errors:
        yield _entry(video, entry)
    for video in audit.videos:
        if video.errors or video.missing:
            errors = [_error(each, by_judges=False) for each in video.errors]
            errors += [_error(each, by_judges=True) for each in video.missing]
            yield TruthVideoRecord(type="video", video=video.name, path=video.path, errors=errors)
    yield from _unchecked(audit)
    yield _summary(audit, figures, report=report, out=out, over=over)


def _entry(video: AuditedVideo, entry: AuditedEntry) -> TruthEntryRecord:
    claims = entry.checked.claims if entry.checked is not None else ()
    return TruthEntryRecord(
        type="entry",
        video=video.name,
        path=video.path or None,
        id=entry.written.id,
        text=entry.written.text,
        spans=list(entry.written.pairs),
        errors=[_error(each, by_judges=each not in entry.by_arithmetic) for each in entry.errors],
        votes=[_vote(each.claim, vote) for each in claims for vote in each.votes],
    )


def _vote(claim: Claim, vote: Vote) -> TruthAuditVoteFields:
    return TruthAuditVoteFields(
        about=claim.kind,
        claim=claim.text,
        start_seconds=claim.span.start_seconds if claim.span else None,
        end_seconds=claim.span.end_seconds if claim.span else None,
        judge=vote.judge,
        ruling=vote.ruling,
        confidence=vote.confidence,
        instead=vote.instead,
        problem=vote.problem,
    )


def _error(error: ClaimError, *, by_judges: bool) -> TruthAuditErrorFields:
    return TruthAuditErrorFields(
        kind=error.kind,
        severity=error.severity,
        sentence=error.sentence,
        found_by="judges" if by_judges else "arithmetic",
        votes_for=error.votes_for,
        votes=error.votes,
        consensus=error.is_consensus,
        suggestion=error.suggestion,
        start_seconds=error.span.start_seconds if error.span else None,
        end_seconds=error.span.end_seconds if error.span else None,
        frames=list(error.frames),
    )


def _unchecked(audit: TruthAudit) -> Iterator[TruthUncheckedRecord]:
    """A line for each video and reason; a video without entries of its own reason is named as well."""
    unchecked = {id(entry) for _, entry in audit.unchecked}
    for video in audit.videos:
        by_reason: dict[str, list[str]] = {video.problem: []} if video.problem else {}
        for entry in video.entries:
            if id(entry) in unchecked:
                by_reason.setdefault(entry.problem, []).append(entry.written.id)
        for reason, entries in by_reason.items():
            yield TruthUncheckedRecord(type="unchecked", video=video.name, entries=entries, reason=reason)


def _summary(
    audit: TruthAudit, figures: AuditFigures, *, report: Path | None, out: Path | None, over: bool
) -> TruthAuditRecord:
    entries = audit.entries
    return TruthAuditRecord(
        type="summary",
        file=Path(audit.file),
        format=audit.format,
        judges=list(audit.judges),
        videos=len(audit.videos),
        videos_opened=sum(video.duration_seconds is not None for video in audit.videos),
        videos_not_found=[video.name for video in audit.videos if not video.path],
        entries=len(entries),
        entries_checked=sum(entry.is_checked for _, entry in entries),
        entries_unchecked=len(audit.unchecked),
        entries_not_drawn=sum(len(video.entries) for video in audit.videos if not video.is_drawn),
        to_check=audit.proposals,
        missing_events=sum(len(video.missing) for video in audit.videos),
        shares=[
            TruthAuditRowFields(name=row.name, consensus=_share(row.consensus), any=_share(row.any))
            for row in figures.rows
        ],
        by_judge=[
            TruthAuditJudgeFields(judge=each.judge, share=_share(each.share)) for each in figures.by_judge
        ],
        agreement=figures.agreement,
        estimate=_estimate(figures),
        report=report,
        out=out,
        over=over,
    )


def _estimate(figures: AuditFigures) -> TruthAuditEstimateFields | None:
    found, accuracy = figures.estimate, figures.accuracy
    if found is None or accuracy is None:
        return None
    return TruthAuditEstimateFields(
        share=round(found.value, 4),
        low=round(found.low, 4),
        high=round(found.high, 4),
        sensitivity=round(accuracy.sensitivity, 4),
        specificity=round(accuracy.specificity, 4),
    )


def _share(share: CountedShare) -> TruthAuditShareFields:
    value = share.interval.value
    return TruthAuditShareFields(
        count=share.count,
        total=share.total,
        share=None if math.isnan(value) else round(value, 4),
        low=round(share.interval.low, 4),
        high=round(share.interval.high, 4),
    )
