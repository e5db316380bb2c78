"""Lines of JSON of `eval audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from evaluation.schemas.measuring import Times
from search.claims.records import ClaimKind, ErrorKind, Ruling, Severity
from service.schemas.base import Record


class TruthAuditVoteFields(Record):
    """What one judge says of one claim of an entry."""

    about: ClaimKind
    """What the claim is about."""
    claim: str
    """The text of the claim."""
    start_seconds: float | None
    """Where to look, in seconds of video time; null for the whole video."""
    end_seconds: float | None
    """Where that is over; null for the whole video."""
    judge: str
    """Name of the judge."""
    ruling: Ruling | None
    """The ruling; null where the judge gave none."""
    confidence: float | None
    """How sure the judge is, 0 to 1; null where it does not say."""
    instead: str
    """What the judge sees in place of it; may be empty."""
    problem: str
    """Why there is no ruling; empty where there is one."""


class TruthAuditErrorFields(Record):
    """One error of an entry, or of a video."""

    kind: ErrorKind
    """What is wrong."""
    severity: Severity
    """Whether it leads to another event or moment ("major")."""
    sentence: str
    """What is wrong, in words."""
    found_by: Literal["arithmetic", "judges"]
    """What found it."""
    votes_for: int
    """Judges that see it."""
    votes: int
    """Judges with a ruling."""
    consensus: bool
    """Whether more than half of them see it."""
    suggestion: str
    """What the text, or the time ("0:12.0-0:16.5"), should be; may be empty."""
    start_seconds: float | None
    """Where to look, in seconds of video time; null for the whole video."""
    end_seconds: float | None
    """Where that is over; null for the whole video."""
    frames: list[float]
    """Moments that show it, in seconds of video time."""


class TruthEntryRecord(Record):
    """One entry with errors, of `eval audit`."""

    type: Literal["entry"] = Field(default="entry")
    """What the line is."""
    video: str
    """Name of the video in the truth file."""
    path: str | None
    """The video; null where there is none."""
    id: str
    """Name of the entry."""
    text: str
    """Its text."""
    spans: Times
    """Its times, as written."""
    errors: list[TruthAuditErrorFields]
    """Its errors: what most judges see first, then major ones."""
    votes: list[TruthAuditVoteFields]
    """What each judge says of each claim; empty where no judge was asked."""


class TruthVideoRecord(Record):
    """A video with events that no entry has, or a wrong duration, of `eval audit`."""

    type: Literal["video"] = Field(default="video")
    """What the line is."""
    video: str
    """Name of the video in the truth file."""
    path: str
    """The video."""
    errors: list[TruthAuditErrorFields]
    """Errors of its duration, then events that no entry has."""


class TruthUncheckedRecord(Record):
    """What could not be checked, of `eval audit`."""

    type: Literal["unchecked"] = Field(default="unchecked")
    """What the line is."""
    video: str
    """Name of the video in the truth file."""
    entries: list[str]
    """Names of its entries that were not checked for this reason."""
    reason: str
    """Why."""


class TruthAuditShareFields(Record):
    """A share with its interval."""

    count: int
    """Entries, or videos, with an error."""
    total: int
    """All of them."""
    share: float | None
    """The share, 0 to 1; null where there are none."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""


class TruthAuditRowFields(Record):
    """One row of the table of shares."""

    name: str
    """What has an error, as in "entries with a major error"."""
    consensus: TruthAuditShareFields
    """By more than half of the judges with a ruling, or by arithmetic."""
    any: TruthAuditShareFields
    """By at least one judge, or by arithmetic."""


class TruthAuditJudgeFields(Record):
    """What one judge finds by itself."""

    judge: str
    """Its name."""
    share: TruthAuditShareFields
    """Of the entries on which it gave a ruling, those with a claim that it contradicts."""


class TruthAuditEstimateFields(Record):
    """The share of entries with an error, corrected for the errors of the judge."""

    share: float
    """The estimate, 0 to 1."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of its 95 % interval."""
    sensitivity: float
    """Share of entries with an error in which the judge finds one."""
    specificity: float
    """Share of entries without an error in which the judge finds none."""


class TruthAuditRecord(Record):
    """The last line of `eval audit`."""

    type: Literal["summary"] = Field(default="summary")
    """What the line is."""
    file: Path
    """The truth file."""
    format: str
    """Its format."""
    judges: list[str]
    """Names of the judges; empty for arithmetic alone."""
    videos: int
    """Videos that the file names."""
    videos_opened: int
    """Videos that were found and opened."""
    videos_not_found: list[str]
    """Names of those for which there is no file."""
    entries: int
    """Entries."""
    entries_checked: int
    """Entries on which a judge gave a ruling."""
    entries_unchecked: int
    """Entries that should have been checked and could not."""
    entries_not_drawn: int
    """Entries of videos that the sample left out."""
    to_check: int
    """Entries left out because they are marked to_check."""
    missing_events: int
    """Events that judges see and no entry has."""
    shares: list[TruthAuditRowFields]
    """The table of shares; of the checked entries, without judges of all."""
    by_judge: list[TruthAuditJudgeFields]
    """What each judge finds by itself."""
    agreement: float | None
    """Krippendorff's alpha of the judges; null with fewer than two."""
    estimate: TruthAuditEstimateFields | None
    """The share of entries with an error, corrected for the judge; null without --judge-accuracy."""
    report: Path | None
    """The report that was written; null without --report."""
    out: Path | None
    """The corrected truth file that was written; null without --out."""
    over: bool
    """Whether the share of entries with an error is greater than --fail-over."""


class TruthAuditPlanRecord(Record):
    """What `eval audit --dry-run` would do."""

    type: Literal["plan"] = Field(default="plan")
    """What the line is."""
    videos: int
    """Videos that the file names."""
    videos_opened: int
    """Videos that were found and opened."""
    videos_not_found: list[str]
    """Names of those for which there is no file."""
    entries: int
    """Entries."""
    entries_to_check: int
    """Entries that judges would be asked about."""
    claims: int
    """Claims in them."""
    judges: list[str]
    """Models that would judge, each with its number of runs."""
    footage_seconds: float
    """Length of the videos that judges would look at."""
    arithmetic_errors: int
    """Entries with an error that arithmetic alone shows."""
