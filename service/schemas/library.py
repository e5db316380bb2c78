"""Lines of JSON about the library and its index: of index, status, prune, forget and others."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field

from footage.core.index_place import IndexPlace
from footage.core.tracks import image_track
from service.schemas.base import Record
from service.schemas.tracks import ImageVectorFields, ModelFields, TrackFields, TrackForecastFields

if TYPE_CHECKING:
    from footage.core.coverage import Coverage
    from footage.core.types import File, Run
    from indexer.pipeline import Forecast, IndexReport
    from service.recaption import RecaptionResult
    from service.status import Audited, StatusResult


class IndexedFileRecord(Record):
    """One file of a run of `index` or `retry`."""

    type: Literal["file"] = Field(default="file")
    """What the line is."""
    path: str
    """Absolute path."""
    content_id: str
    """The video in it, by its bytes; empty where it cannot be read."""
    state: str
    """What the index holds of it, such as "indexed", "partial", "failed", "waiting" or "skipped"."""
    reason: str
    """Why, one sentence; empty for what is indexed."""
    warnings: list[str]
    """What is unusual about it."""


class CollectionRecord(Record):
    """How far the files of one collection are indexed."""

    type: Literal["collection"] = Field(default="collection")
    """What the line is."""
    name: str
    """The collection; empty for single files."""
    files: dict[str, int]
    """Number of files by state."""
    seconds_found: float
    """Footage seconds on disk; the sum of the next five."""
    seconds_indexed: float
    """Of those, what is captioned."""
    seconds_failed: float
    """What could not be."""
    seconds_waiting: float
    """What is left for another run."""
    seconds_skipped: float
    """What was left out on request."""
    seconds_offline: float
    """What cannot be reached now."""
    seconds_gaps: float
    """Seconds in gaps, where files have no frames; no part of what was found."""
    seconds_gone: float
    """Footage seconds of files that are no longer there."""
    files_of_unknown_length: int
    """Files that count for no second."""

    @classmethod
    def of(cls, name: str, coverage: Coverage) -> Self:
        """One collection."""
        seconds: dict[str, Any] = {
            f"seconds_{share}": round(value, 3) for share, value in coverage.seconds.items()
        }
        return cls(
            type="collection",
            name=name,
            files=dict(coverage.files),
            seconds_found=round(coverage.seconds_found, 3),
            **seconds,
            seconds_gaps=round(coverage.seconds_gaps, 3),
            seconds_gone=round(coverage.seconds_gone, 3),
            files_of_unknown_length=coverage.files_of_unknown_length,
        )


class ClockDoubtRecord(Record):
    """Files of one camera with two clocks that disagree."""

    type: Literal["clock doubt"] = Field(default="clock doubt")
    """What the line is."""
    camera: str
    """The camera; empty where none is known."""
    ahead_seconds: float
    """By how much the container's clock is ahead of the name's, or the picture's of the other one."""
    paths: list[str]
    """The files."""
    burned_in: bool = False
    """Whether it is about the clock in the picture."""
    used: str = "container"
    """Which was used: "container", "file name" or "burned-in"."""


class IndexRecord(Record):
    """The last line of a run of `index` or `retry`."""

    type: Literal["summary"] = Field(default="summary")
    """What the line is."""
    files: int
    """Files found; the sum of the next six and of those that are partly indexed."""
    indexed: int
    """Files whose video this run completed."""
    unchanged: int
    """Files whose video was complete before."""
    partial: int
    """Files of which some windows could not be decoded."""
    failed: int
    """Files of which nothing could be used."""
    waiting: int
    """Files that are left for another run."""
    skipped: int
    """Files that were left out on request."""
    gone: int
    """Files that are no longer there, newly noticed."""
    offline: int
    """Files that cannot be reached, those that could not be reached before included."""
    out_of_reach: dict[str, str]
    """Why files are offline, by the path that was asked for."""
    ignored: dict[str, int]
    """What else lay on the way, by what it is, such as "hidden"."""
    windows_captioned: int
    """Windows that the model captioned."""
    seconds_captioned: float
    """Footage seconds of those, overlaps counted once."""
    windows_reused: int
    """Windows that carry over the caption of another one, because nothing changes."""
    seconds_reused: float
    """Footage seconds of those, overlaps counted once."""
    seconds_saved: float
    """About how long the model would have taken for them; 0 where it captioned nothing in this run."""
    wall_seconds: float
    """How long the run took."""
    stage_seconds: dict[str, float]
    """Where the time went; "decode" runs beside the others."""
    stopped: bool
    """Whether the run was stopped before it was through."""

    @classmethod
    def of(cls, report: IndexReport) -> Self:
        """What a run did."""
        counts = ("indexed", "unchanged", "partial", "failed", "waiting", "skipped", "gone", "offline")
        return cls(
            type="summary",
            files=len(report.files),
            **{name: getattr(report, name) for name in counts},
            out_of_reach=dict(report.out_of_reach),
            ignored=dict(report.ignored),
            windows_captioned=report.windows_captioned,
            seconds_captioned=round(report.seconds_captioned, 3),
            windows_reused=report.windows_reused,
            seconds_reused=round(report.seconds_reused, 3),
            seconds_saved=round(report.seconds_saved, 3),
            wall_seconds=round(report.wall_seconds, 3),
            stage_seconds={stage: round(seconds, 3) for stage, seconds in report.stage_seconds.items()},
            stopped=report.stopped,
        )


class ForecastRecord(Record):
    """What `index --dry-run` expects of a run."""

    type: Literal["forecast"] = Field(default="forecast")
    """What the line is."""
    files: dict[str, int]
    """Number of files that are "new", "begun", "indexed" already, "failed", "waiting" or "skipped"."""
    windows_new: int
    """Windows to caption."""
    seconds_new: float
    """Footage seconds of those, overlaps counted once."""
    speed: float | None
    """Footage seconds captioned per second in earlier runs on this index; null where there were none."""
    takes_seconds: float | None
    """About how long it takes; null where that is not known."""
    tracks: dict[str, TrackForecastFields]
    """What it would do about the other tracks, by track."""

    @classmethod
    def of(cls, expected: Forecast) -> Self:
        """What a run would do."""
        speed = expected.speed
        return cls(
            type="forecast",
            files=dict(expected.files),
            windows_new=expected.windows_new,
            seconds_new=round(expected.seconds_new, 3),
            speed=round(speed, 3) if speed else None,
            takes_seconds=round(expected.seconds_new / speed, 1) if speed else None,
            tracks={
                track: TrackForecastFields(
                    windows_new=each.windows_new, seconds_new=round(each.seconds_new, 3)
                )
                for track, each in expected.tracks.items()
            },
        )


class RunFields(Record):
    """One run of the indexer."""

    id: str
    """Names it; later runs sort after earlier ones."""
    started_at: float
    """Seconds since the epoch."""
    ended_at: float
    """Seconds since the epoch; 0 for a run that goes on, or was killed."""
    paths: list[str]
    """What it was asked to index."""
    outcome: str
    """"done", or why it stopped; empty while it goes on."""
    windows_captioned: int
    """Windows that the model captioned."""
    seconds_captioned: float
    """Footage seconds of those."""
    stage_seconds: dict[str, float]
    """Where the time went; stages run side by side."""

    @classmethod
    def of(cls, run: Run) -> Self:
        """One run."""
        return cls(**{**asdict(run), "stage_seconds": dict(run.stage_seconds)})


class AuditRateFields(Record):
    """What audits of captions came to."""

    events: int
    """Captioned events that were audited."""
    agreement_rate: float
    """Share of them for which the model names the same moment, 0 to 1."""
    judged: int
    """Those whose captions judges checked, too."""
    wrong: int
    """Those whose captions most judges contradict, and that nobody kept."""

    @classmethod
    def of(cls, audited: Audited) -> Self:
        """What they came to."""
        return cls(
            events=audited.events,
            agreement_rate=round(audited.agreement_rate, 4),
            judged=audited.judged,
            wrong=audited.wrong,
        )


class StatusRecord(Record):
    """The first line of `status`: what the index holds."""

    type: Literal["status"] = Field(default="status")
    """What the line is."""
    db: IndexPlace
    """The folder of the index, or its address."""
    videos: int
    """Videos with captioned windows."""
    files: dict[str, int]
    """Number of files by state."""
    windows: int
    """Captioned windows."""
    windows_reused: int
    """Windows of those that carry over the caption of another one, because nothing changes."""
    seconds_reused: float
    """Footage seconds of those."""
    seconds_saved: float
    """About how long the model would have taken for them, going by earlier runs; 0 where there were none."""
    events: int
    """Captioned events."""
    seconds_indexed: float
    """Footage seconds that captioned windows cover."""
    seconds_total: float
    """Footage seconds of all videos that the index knows."""
    gaps: int
    """Gaps, which are times without frames, in all videos."""
    seconds_gaps: float
    """Seconds of those."""
    size_bytes: int
    """Size of the index on disk."""
    models: list[ModelFields]
    """The models that captioned it."""
    find_model: str
    """The model that searches ask with these settings."""
    embedders: list[str]
    """The embedders that it holds vectors of."""
    schema_version: int
    """Version of its tables."""
    tracks: list[TrackFields]
    """What it holds of each track with texts, captions included."""
    images: list[ImageVectorFields]
    """What it holds of image vectors, by image embedder."""
    last_run: RunFields | None
    """The run that began last; null before the first."""
    audit: AuditRateFields | None
    """Null before any audit."""

    @classmethod
    def of(cls, result: StatusResult) -> Self:
        """What the index holds."""
        index, run, audited = result.index, result.last_run, result.audited
        return cls(
            type="status",
            db=result.db,
            videos=index.videos,
            files=dict(index.files),
            windows=index.windows,
            windows_reused=result.reused.windows,
            seconds_reused=round(result.reused.footage_seconds, 3),
            seconds_saved=round(result.reused.seconds_saved, 3),
            events=index.events,
            seconds_indexed=round(index.seconds_indexed, 3),
            seconds_total=round(index.seconds_total, 3),
            gaps=index.gaps,
            seconds_gaps=round(index.seconds_gaps, 3),
            size_bytes=result.size_bytes,
            models=[ModelFields(**asdict(made), windows=count) for made, count in index.models.items()],
            find_model=result.find_model,
            embedders=list(index.embedders),
            schema_version=index.schema_version,
            tracks=[
                TrackFields.of(track, status, result.track_notes.get(track, {}))
                for track, status in index.tracks.items()
            ],
            images=[
                ImageVectorFields.of(name, status, result.track_notes.get(image_track(name), {}))
                for name, status in index.images.items()
            ],
            last_run=None if run is None else RunFields.of(run),
            audit=None if audited is None else AuditRateFields.of(audited),
        )


class LeftRecord(Record):
    """Files that are not indexed for one reason, failures apart; of `status`."""

    type: Literal["left"] = Field(default="left")
    """What the line is."""
    state: str
    """"left out", "waiting" or "offline"."""
    reason: str
    """Why, one sentence."""
    files: int
    """How many."""


class FailureRecord(Record):
    """A file that could not be indexed, in whole or in part; of `status`."""

    type: Literal["failure"] = Field(default="failure")
    """What the line is."""
    path: str
    """Absolute path."""
    reason: str
    """Why, one sentence."""


class FileRecord(Record):
    """One file of `status --files` or `status --failed`."""

    type: Literal["file"] = Field(default="file")
    """What the line is."""
    path: str
    """Absolute path."""
    content_id: str
    """The video in it, by its bytes; empty while unknown."""
    size_bytes: int
    """Size when last seen."""
    modified_at: float
    """Modification time when last seen, seconds since the epoch."""
    fingerprint: str
    """Hash of size and sampled bytes."""
    collection: str
    """Name of the library folder it was found under, or the one that was given."""
    root: str
    """Folder or file that was asked for and led here."""
    duration_seconds: float
    """Length of the video in it; 0 while unknown."""
    camera: str
    """Camera name, where known."""
    recorded_at: str
    """Wall-clock time of the first frame, ISO 8601, where known."""
    clock_source: str
    """Where that comes from: "container", "file name", "burned-in", "guessed" or empty."""
    state: str
    """What the index holds of it."""
    reason: str
    """Why, one sentence; empty for what is indexed."""
    tries: int
    """Runs that failed on these bytes."""
    tried_at: float
    """When the last of them did, seconds since the epoch; 0 for none."""

    @classmethod
    def of(cls, file: File) -> Self:
        """One file."""
        return cls(type="file", **asdict(file))


class PruneRecord(Record):
    """What `prune` removed, or with --dry-run would remove."""

    files: int
    """Files that are gone."""
    videos: int
    """Videos without any remaining file."""
    dry_run: Literal[True] = True
    """Only with --dry-run."""
    paths: list[str] = Field(default_factory=list)
    """Those files; only with --dry-run."""


class ForgetRecord(Record):
    """What `forget` removed, or with --dry-run would remove."""

    content_id: str
    """The video."""
    files: int
    """Files that held it."""
    dry_run: Literal[True] = True
    """Only with --dry-run."""
    paths: list[str] = Field(default_factory=list)
    """Those files; only with --dry-run."""


class RecaptionRecord(Record):
    """What `db recaption` did."""

    windows: int
    """Windows that were reused and have a caption of their own now."""
    left: int
    """Windows that still carry over the caption of another one."""
    out_of_reach: list[str]
    """Files with such windows that cannot be reached, absolute paths."""
    failures: dict[str, str]
    """Why files could not be captioned, in whole or in part, one sentence, by absolute path."""

    @classmethod
    def of(cls, result: RecaptionResult) -> Self:
        """What captioning anew came to."""
        files = result.run.report.files if result.run else ()
        return cls(
            windows=result.windows,
            left=result.left,
            out_of_reach=list(result.out_of_reach),
            failures={file.path: file.reason for file in files if file.state in ("failed", "partial")},
        )


class ReembedRecord(Record):
    """What `reembed` wrote."""

    embedder: str
    """The embedder, as the index names it."""
    vectors: int
    """Vectors written."""


class ReembeddedImagesRecord(Record):
    """What `reembed` made of image vectors."""

    type: Literal["images"] = Field(default="images")
    """What the line is."""
    image_embedder: str
    """The image embedder, as the index names it."""
    vectors: int
    """Vectors written."""
    windows: int
    """Windows read, half a minute each."""
    away: list[str]
    """A path of each video that was not read: it is not there, or not as it was. A later run makes its."""
    failed: dict[str, str]
    """Files that could not be read, in whole or in part, with the reason."""


class ImportRecord(Record):
    """What `import-captions` brought in."""

    videos: int
    """Videos whose captions came in."""
    windows: int
    """Windows."""
    events: int
    """Events."""
