"""Lines of JSON about quality; with them, the lines of every command."""

from __future__ import annotations

from evaluation.schemas.audits import (
    TruthAuditPlanRecord,
    TruthAuditRecord,
    TruthEntryRecord,
    TruthUncheckedRecord,
    TruthVideoRecord,
)
from evaluation.schemas.benchmarks import BenchmarkPlanRecord, BenchmarkRunRecord
from evaluation.schemas.caption_quality import (
    CaptionClipRecord,
    CaptionPlanRecord,
    CaptionQualityRecord,
)
from evaluation.schemas.comparing import ChangedQueryRecord, ComparisonRecord, FigureDifferenceRecord
from evaluation.schemas.measuring import (
    BenchmarkRecord,
    CalibrationRecord,
    DemoAnswerRecord,
    DemoRecord,
    DemoWordsRecord,
    FiguresRecord,
    GmrRecord,
    ScoredQueryRecord,
    TruthFileRecord,
)
from service.schemas import COMMANDS as SERVICE_COMMANDS
from service.schemas.base import Record

COMMANDS: dict[str, tuple[type[Record], ...]] = {
    **SERVICE_COMMANDS,
    "eval init": (TruthFileRecord,),
    "eval run": (ScoredQueryRecord, FiguresRecord),
    "eval grounding": (BenchmarkRecord, GmrRecord),
    "eval captions": (CaptionClipRecord, CaptionQualityRecord, CaptionPlanRecord),
    "eval benchmark": (BenchmarkPlanRecord, BenchmarkRunRecord),
    "eval audit": (
        TruthEntryRecord,
        TruthVideoRecord,
        TruthUncheckedRecord,
        TruthAuditRecord,
        TruthAuditPlanRecord,
    ),
    "eval compare": (FigureDifferenceRecord, ChangedQueryRecord, ComparisonRecord),
    "calibrate": (CalibrationRecord,),
    "demo": (DemoAnswerRecord, DemoWordsRecord, DemoRecord),
}
"""The lines that each command prints with --json, in their order; all commands."""
