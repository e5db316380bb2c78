"""Lines of JSON about exported files: of export, reel and verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import ConfigDict, Field

from service.schemas.base import Record

if TYPE_CHECKING:
    from service.export import Exported, ManifestProblem, Output, Verified
    from service.subtitle_files import SubtitleText


class ExportedFileRecord(Record):
    """One file that `export` or `reel` wrote."""

    type: Literal["file"] = Field(default="file")
    """What the line is."""
    file: Path
    """Where it lies; with --zip its name in the zip."""
    format: str
    """What it is, such as "mp4" or "edl"."""
    clips: int
    """Clips that it shows or lists."""

    @classmethod
    def of(cls, output: Output, *, zipped: bool = False) -> Self:
        """One file."""
        file = Path(output.file) if zipped else output.path
        return cls(type="file", file=file, format=output.format, clips=len(output.cuts))


class ExportFailureRecord(Record):
    """A source that `export` or `reel` could not use."""

    type: Literal["failure"] = Field(default="failure")
    """What the line is."""
    source: str
    """The file."""
    reason: str
    """Why, one sentence."""


class ExportRecord(Record):
    """The last line of `export` or `reel`."""

    type: Literal["summary"] = Field(default="summary")
    """What the line is."""
    files: int
    """Files written, the manifest apart."""
    manifest: Path | None
    """The manifest beside them; null where nothing was written, or where it is in the zip."""
    archive: Path | None = None
    """The zip that all of them are in; null without --zip."""
    warnings: list[str] = Field(default_factory=list)
    """Where the files are not exact, a sentence each; absent where nothing was written."""
    answers: int = 0
    """Answers of the search, whatever their verdict; only where nothing was written."""
    uncertain: int = 0
    """Answers that are uncertain or not checked; only where nothing was written."""

    @classmethod
    def of(cls, exported: Exported) -> Self:
        """What was written."""
        return cls(
            type="summary",
            files=len(exported.outputs),
            manifest=None if exported.archive else exported.manifest,
            archive=exported.archive,
            warnings=list(exported.warnings),
        )


class SubtitleFileRecord(Record):
    """Subtitles of one video in one language, of `captions export --format srt`, `vtt` or `txt`."""

    type: Literal["subtitles"] = Field(default="subtitles")
    """What the line is."""
    video: str
    """The video file."""
    track: str
    """The track: "caption", "speech", "screen-text" or "subtitles"."""
    language: str
    """Language of the words; empty while unknown."""
    file: Path | None = None
    """Where they were written; null without --out."""
    text: str | None = None
    """The subtitles themselves; null where they were written to a file."""

    @classmethod
    def of(cls, made: SubtitleText, file: Path | None = None) -> Self:
        """Subtitles, and where they were written."""
        text = made.text if file is None else None
        return cls(
            type="subtitles",
            video=made.video,
            track=made.track,
            language=made.language,
            file=file,
            text=text,
        )


class CaptionRowRecord(Record):
    """A row of `captions export`, as docs/reference/captions.md describes it."""

    model_config = ConfigDict(extra="allow")

    type: Literal["video", "file", "window"] = Field(default="window")
    """What the line is."""


class ProblemRecord(Record):
    """A file that `verify` found missing or changed."""

    type: Literal["problem"] = Field(default="problem")
    """What the line is."""
    file: str
    """Which file."""
    problem: str
    """What is wrong with it, one sentence."""

    @classmethod
    def of(cls, problem: ManifestProblem) -> Self:
        """One file."""
        return cls(type="problem", file=problem.file, problem=problem.sentence)


class VerifyRecord(Record):
    """The last line of `verify`."""

    type: Literal["summary"] = Field(default="summary")
    """What the line is."""
    outputs: int
    """Exported files that were compared."""
    sources: int
    """Sources that were compared."""
    problems: int
    """How many of them are missing or changed."""

    @classmethod
    def of(cls, verified: Verified) -> Self:
        """What the comparison came to."""
        return cls(
            type="summary",
            outputs=verified.outputs,
            sources=verified.sources,
            problems=len(verified.problems),
        )
