"""Figures of an audit: shares of entries and videos with errors, with intervals over videos; pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from evaluation.audit.results import AuditedEntry, AuditedVideo, TruthAudit, rulings_by_judge
from evaluation.error_rate import JudgeAccuracy, corrected_error_rate
from evaluation.intervals import FigureInterval, bootstrap, share_interval
from evaluation.judging.agreement import krippendorff_alpha
from footage.core.errors import UsageError
from search.claims.records import ClaimError, ErrorKind

KINDS: tuple[ErrorKind, ...] = get_args(ErrorKind)
"""All kinds of errors, in the order of tables."""
_NAMED: dict[ErrorKind, str] = {
    "object": "a wrong thing",
    "attribute": "a wrong attribute",
    "action": "a wrong action",
    "count": "a wrong count",
    "order": "a wrong order",
    "time": "a wrong time",
    "text": "wrong words in the picture or the sound",
    "invented": "an invented event",
    "missing": "an omitted moment",
}


@dataclass(frozen=True, slots=True)
class CountedShare:
    """How many of some things have an error."""

    count: int
    """Those with one."""
    total: int
    """All of them."""
    interval: FigureInterval
    """The share and its 95 % interval over videos; NaN where there are none."""


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One row of the table of shares."""

    name: str
    """What has an error, as in "entries with a major error"."""
    consensus: CountedShare
    """By more than half of the judges with a ruling, or by arithmetic."""
    any: CountedShare
    """By at least one judge, or by arithmetic."""


@dataclass(frozen=True, slots=True)
class JudgeShare:
    """How often one judge contradicts an entry."""

    judge: str
    """Its name."""
    share: CountedShare
    """Of the entries on which it gave a ruling, those with a claim that it contradicts."""


@dataclass(frozen=True, slots=True)
class AuditFigures:
    """The figures of an audit."""

    rows: tuple[ShareRow, ...]
    """The table of shares."""
    by_judge: tuple[JudgeShare, ...]
    """What each judge finds by itself."""
    agreement: float | None
    """Krippendorff's alpha of the judges; None with fewer than two, or where there is nothing to compare."""
    accuracy: JudgeAccuracy | None = None
    """How the judges did on entries whose errors are known; None where that was not given."""
    estimate: FigureInterval | None = None
    """The share of entries with an error, corrected for that; None without it, or where it is of no use."""

    def row(self, name: str) -> ShareRow | None:
        """A row by its name; None where there is none."""
        return next((row for row in self.rows if row.name == name), None)


def read_accuracy(text: str) -> JudgeAccuracy:
    """The accuracy of judges from ``"42/50,3/120"``: found errors of all, false alarms of all right entries.

    Raises:
        UsageError: it is not of this form, or the counts make no sense.
    """
    try:
        (found, wrong), (alarms, right) = (map(int, part.split("/")) for part in text.split(","))
        return JudgeAccuracy(found, wrong, alarms, right)
    except ValueError as error:
        raise UsageError(
            f"The accuracy of the judges must be FOUND/WRONG,ALARMS/RIGHT, got {text!r}.",
            hint="42/50,3/120: of 50 wrong entries 42 were found, of 120 right ones 3 were called wrong.",
        ) from error


def figures_of_audit(audit: TruthAudit, *, accuracy: JudgeAccuracy | None = None) -> AuditFigures:
    """All figures of an audit.

    Args:
        audit: What was found.
        accuracy: How the judges did on entries whose errors are known, to correct the share for their own
            errors.
    """
    units = list(zip(*rulings_by_judge(audit.videos, audit.judges), strict=True))
    alpha = krippendorff_alpha(units) if len(audit.judges) > 1 else math.nan
    agreement = None if math.isnan(alpha) else round(alpha, 4)
    estimate = None
    if accuracy is not None and audit.judges and audit.counted:
        clusters = [
            (sum(any(error.is_consensus for error in entry.errors) for entry in entries), len(entries))
            for _, entries in audit.counted
        ]
        found = corrected_error_rate(clusters, accuracy)
        estimate = None if math.isnan(found.value) else found
    rows, judges = tuple(share_rows(audit)), tuple(judge_shares(audit))
    return AuditFigures(rows, judges, agreement, accuracy, estimate)


def share_rows(audit: TruthAudit) -> list[ShareRow]:
    """The table of an audit: entries by severity and kind, then videos.

    Shares are of entries with a ruling (without judges: of all). Kinds without any error are left out.
    """
    rows = [
        _row("entries with an error", audit, lambda error: True),
        _row("entries with a major error", audit, lambda error: error.severity == "major"),
    ]
    for kind in KINDS:
        row = _row(f"entries with {_NAMED[kind]}", audit, partial(_is_of, kind))
        if row.any.count:
            rows.append(row)
    videos = audit.counted
    rows.append(_video_row("videos with an error", videos, lambda video, entries: _of(entries)))
    major = _video_row(
        "videos with a major error",
        videos,
        lambda video, entries: (error for error in _of(entries) if error.severity == "major"),
    )
    rows.append(major)
    if audit.judges:
        looked = [(video, entries) for video, entries in videos if any(entry.is_checked for entry in entries)]
        rows.append(_video_row("videos with a missing event", looked, lambda video, entries: video.missing))
    rows.append(
        _video_row(
            "videos with a wrong duration",
            [(v, list(v.entries)) for v in audit.videos if v.duration_seconds is not None],
            lambda video, entries: video.errors,
        )
    )
    return [row for row in rows if row.any.total]


def judge_shares(audit: TruthAudit) -> list[JudgeShare]:
    """For each judge, the share of entries of which it contradicts a claim: what a single run finds."""
    found = []
    for judge in audit.judges:
        clusters = []
        for _, entries in audit.counted:
            ruled = [rulings for entry in entries if (rulings := _rulings(entry, judge))]
            clusters.append((sum("contradicted" in rulings for rulings in ruled), len(ruled)))
        found.append(JudgeShare(judge, counted_share(clusters)))
    return found


def counted_share(clusters: Iterable[tuple[int, int]]) -> CountedShare:
    """A share with its interval, of counts and totals by video.

    The interval is a bootstrap over videos. Where that cannot vary (one video, the same share in all), it is
    the exact one of independent entries, which is too narrow where errors of one video go together.
    """
    kept = [(count, total) for count, total in clusters if total]
    count, total = sum(pair[0] for pair in kept), sum(pair[1] for pair in kept)
    if len({count / total for count, total in kept}) < 2:
        return CountedShare(count, total, share_interval(count, total))
    return CountedShare(count, total, bootstrap(kept, _ratio))


def _row(name: str, audit: TruthAudit, wanted: Callable[[ClaimError], bool]) -> ShareRow:
    def share(of: Callable[[ClaimError], bool]) -> CountedShare:
        return counted_share(
            (
                sum(any(wanted(error) and of(error) for error in entry.errors) for entry in entries),
                len(entries),
            )
            for _, entries in audit.counted
        )

    return ShareRow(name, share(lambda error: error.is_consensus), share(lambda error: True))


def _video_row(
    name: str,
    videos: Sequence[tuple[AuditedVideo, list[AuditedEntry]]],
    errors: Callable[[AuditedVideo, list[AuditedEntry]], Iterable[ClaimError]],
) -> ShareRow:
    """A row over videos: each counts once."""
    found = [list(errors(video, entries)) for video, entries in videos]
    return ShareRow(
        name,
        counted_share((int(any(error.is_consensus for error in each)), 1) for each in found),
        counted_share((int(bool(each)), 1) for each in found),
    )


def _is_of(kind: ErrorKind, error: ClaimError) -> bool:
    return error.kind == kind


def _of(entries: Iterable[AuditedEntry]) -> Iterable[ClaimError]:
    return (error for entry in entries for error in entry.errors)


def _rulings(entry: AuditedEntry, judge: str) -> list[str]:
    claims = entry.checked.claims if entry.checked is not None else ()
    return [vote.ruling for each in claims for vote in each.votes if vote.judge == judge and vote.ruling]


def _ratio(clusters: Sequence[tuple[int, int]]) -> float:
    return sum(pair[0] for pair in clusters) / sum(pair[1] for pair in clusters)
