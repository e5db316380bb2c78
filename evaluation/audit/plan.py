"""What an audit would do, without a model; pure."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.audit.run import OpenedVideo, text_entries
from evaluation.audit.written import WrittenFile
from evaluation.schemas.audits import TruthAuditPlanRecord
from search.claims.extract import claims_of


def plan_of(
    written: WrittenFile, opened: Sequence[OpenedVideo], judges: Sequence[str]
) -> TruthAuditPlanRecord:
    """The plan of an audit.

    Args:
        written: The truth file.
        opened: Its videos.
        judges: The models that would judge.
    """
    looked = [
        (each.video, text_entries(each.audited, each.video.duration_seconds))
        for each in opened
        if each.video is not None and each.audited.is_drawn and judges
    ]
    videos = [each.audited for each in opened]
    return TruthAuditPlanRecord(
        type="plan",
        videos=len(videos),
        videos_opened=sum(video.duration_seconds is not None for video in videos),
        videos_not_found=[video.name for video in videos if not video.path],
        entries=len(written.entries),
        entries_to_check=sum(len(entries) for _, entries in looked),
        claims=sum(len(claims_of(entry)) for _, entries in looked for entry in entries),
        judges=list(judges),
        footage_seconds=round(sum(video.duration_seconds for video, entries in looked if entries), 3),
        arithmetic_errors=sum(bool(entry.by_arithmetic) for video in videos for entry in video.entries),
    )
