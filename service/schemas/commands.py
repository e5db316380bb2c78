"""The lines of each command with ``--json``, in one table."""

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
    CaptionRowRecord,
    ExportedFileRecord,
    ExportFailureRecord,
    ExportRecord,
    ProblemRecord,
    SubtitleFileRecord,
    VerifyRecord,
)
from service.schemas.jobs import JobEventRecord, JobRecord
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
from service.schemas.service import ServiceRecord, TokenRecord
from service.schemas.setup import (
    AppRecord,
    DiagnosisRecord,
    DownloadRecord,
    ModelCardRecord,
    ModelRecord,
    ServeCommandRecord,
)
from service.schemas.tracks import TrackLeftOutRecord, TrackRunRecord
from service.schemas.videos import (
    CorrectionVersionRecord,
    EventRecord,
    MarkRecord,
    PageRecord,
    TranscriptRecord,
    VideoDetailsRecord,
    VideoRecord,
)

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
    "videos": (VideoRecord, PageRecord),
    "video": (VideoDetailsRecord, EventRecord, TranscriptRecord, CorrectionVersionRecord),
    "events": (EventRecord, PageRecord),
    "transcript": (TranscriptRecord,),
    "prune": (PruneRecord,),
    "forget": (ForgetRecord,),
    "export": _EXPORT,
    "reel": _EXPORT,
    "verify": (ProblemRecord, VerifyRecord),
    "save": (SavedSearchRecord,),
    "review": (SavedSearchRecord, ItemRecord),
    "correct": (CorrectionRecord,),
    "corrections": (CorrectionVersionRecord, PageRecord, CorrectionRecord),
    "label": (MarkRecord,),
    "audit": (AuditRecord, AuditSummaryRecord),
    "db backup": (CopyRecord,),
    "db restore": (CopyRecord,),
    "db reembed": (ReembedRecord, ReembeddedImagesRecord),
    "db recaption": (RecaptionRecord,),
    "db check": (FindingRecord, CheckRecord),
    "db upgrade": (UpgradeRecord,),
    "captions export": (SubtitleFileRecord, CaptionRowRecord),
    "captions import": (ImportRecord,),
    "jobs list": (JobRecord,),
    "jobs show": (JobRecord, JobEventRecord),
    "jobs cancel": (JobRecord,),
    "jobs retry": (JobRecord,),
    "ui": (AppRecord,),
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
    "serve": (ServiceRecord,),
    "tokens create": (TokenRecord,),
    "tokens list": (TokenRecord,),
    "tokens revoke": (TokenRecord,),
    "doctor": (DiagnosisRecord,),
}
"""The lines that each command prints with --json, in their order; ``evaluation.schemas`` has the others."""
