"""The lines of JSON that surfaces print: a pydantic model for each kind, and the lines of each command.

``--json`` prints them, and docs/reference/json.md, which ``tools/reference.py`` writes, describes them.
"""

from __future__ import annotations

from service.schemas.alerts import (
    AlertMomentRecord,
    AlertRecord,
    AlertRetryRecord,
    AlertRunRecord,
    SinkTestRecord,
)
from service.schemas.answers import CombinedMatchRecord, FindRecord, MatchRecord, SearchRecord
from service.schemas.base import Record
from service.schemas.database import CheckRecord, CopyRecord, FindingRecord, UpgradeRecord
from service.schemas.duplicates import DuplicatesRecord, RepeatRecord, SameBytesRecord, VideoCopyRecord
from service.schemas.exports import (
    ExportedFileRecord,
    ExportFailureRecord,
    ExportRecord,
    ProblemRecord,
    SubtitleFileRecord,
    VerifyRecord,
)
from service.schemas.library import (
    ClockDoubtRecord,
    CollectionRecord,
    FailureRecord,
    FileRecord,
    ForecastRecord,
    ForgetRecord,
    ImportRecord,
    IndexedFileRecord,
    IndexRecord,
    LeftRecord,
    PruneRecord,
    RecaptionRecord,
    ReembeddedImagesRecord,
    ReembedRecord,
    StatusRecord,
)
from service.schemas.responses import AnswerRecord, MultichunkRecord, PointsRecord, PromptRecord
from service.schemas.review import (
    AuditRecord,
    AuditSummaryRecord,
    CorrectionRecord,
    ItemRecord,
    SavedSearchRecord,
)
from service.schemas.setup import (
    AppRecord,
    DiagnosisRecord,
    DownloadRecord,
    ModelCardRecord,
    ModelRecord,
    ServeCommandRecord,
)
from service.schemas.tracks import TrackLeftOutRecord, TrackRunRecord

SCHEMA_VERSION = 1
"""Grows when a key goes away or changes its meaning; new keys may come without."""

_RUN = (
    IndexedFileRecord,
    CollectionRecord,
    ClockDoubtRecord,
    TrackRunRecord,
    TrackLeftOutRecord,
    IndexRecord,
)
_EXPORT = (ExportedFileRecord, ExportFailureRecord, ExportRecord)

COMMANDS: dict[str, tuple[type[Record], ...]] = {
    "search": (MatchRecord, CombinedMatchRecord, SearchRecord),
    "find": (MatchRecord, FindRecord),
    "ask": (AnswerRecord,),
    "models list": (ModelRecord,),
    "models show": (ModelCardRecord,),
    "models download": (DownloadRecord,),
    "models prompt": (PromptRecord, MultichunkRecord),
    "models serve-command": (ServeCommandRecord,),
    "point": (PointsRecord,),
    "track": (PointsRecord,),
    "index": (*_RUN, ForecastRecord),
    "retry": _RUN,
    "status": (
        StatusRecord,
        CollectionRecord,
        LeftRecord,
        FailureRecord,
        FileRecord,
        SameBytesRecord,
        VideoCopyRecord,
        RepeatRecord,
        DuplicatesRecord,
    ),
    "prune": (PruneRecord,),
    "forget": (ForgetRecord,),
    "export": _EXPORT,
    "reel": _EXPORT,
    "verify": (ProblemRecord, VerifyRecord),
    "save": (SavedSearchRecord,),
    "review": (SavedSearchRecord, ItemRecord),
    "correct": (CorrectionRecord,),
    "audit": (AuditRecord, AuditSummaryRecord),
    "db backup": (CopyRecord,),
    "db restore": (CopyRecord,),
    "db reembed": (ReembedRecord, ReembeddedImagesRecord),
    "db recaption": (RecaptionRecord,),
    "db check": (FindingRecord, CheckRecord),
    "db upgrade": (UpgradeRecord,),
    "captions export": (SubtitleFileRecord,),
    "captions import": (ImportRecord,),
    "alerts add": (AlertRecord,),
    "alerts list": (AlertRecord,),
    "alerts show": (AlertRecord,),
    "alerts remove": (AlertRecord,),
    "alerts enable": (AlertRecord,),
    "alerts disable": (AlertRecord,),
    "alerts test": (SinkTestRecord,),
    "alerts history": (AlertMomentRecord,),
    "alerts run": (AlertMomentRecord, AlertRunRecord),
    "alerts retry": (AlertRetryRecord,),
    "ui": (AppRecord,),
    "doctor": (DiagnosisRecord,),
}
"""The lines that each command prints with --json, in their order; ``evaluation.schemas`` has the others."""
