"""Writes the report of an audit: takes its frames and makes its page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from evaluation.audit.figures import AuditFigures
from evaluation.audit.page import MOST_ENTRIES, MOST_LISTED, report_page
from evaluation.audit.pictures import OnProgress, missing_pictures, take_pictures
from evaluation.audit.results import TruthAudit
from footage import __version__
from footage.core.atomic import whole_file


def write_report(
    audit: TruthAudit,
    figures: AuditFigures,
    out: Path,
    *,
    on_progress: OnProgress,
    made_at: datetime | None = None,
) -> None:
    """Write the report as one HTML page.

    Args:
        audit: What was found.
        figures: Its figures.
        out: The page; replaced when there.
        on_progress: Receives how many entries have their frames.
        made_at: When the audit was made; now when None.

    Raises:
        FootageError: ``out`` cannot be written.
    """
    pictures = take_pictures(audit.with_errors[:MOST_ENTRIES], on_progress=on_progress)
    pictures |= missing_pictures(audit.videos, most=MOST_LISTED, on_progress=on_progress)
    page = report_page(
        audit,
        figures,
        pictures,
        made_at=made_at or datetime.now().astimezone(),
        version=__version__,
    )
    with whole_file(out) as draft:
        draft.write_text(page, encoding="utf-8", errors="replace")
