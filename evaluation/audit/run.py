"""Runs an audit: opens the videos, does the arithmetic, asks the judges; words nothing for people."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.audit.arithmetic import check_duration, check_equal_texts, check_times, valid_spans
from evaluation.audit.kept import KeptChecks
from evaluation.audit.results import AuditedEntry, AuditedVideo, TruthAudit, audited
from evaluation.audit.written import WrittenEntry, WrittenFile
from evaluation.video_folder import VideoFolder
from footage.core.errors import FileError, VideoError
from footage.core.types import Video
from footage.media import sandbox
from indexer.library import content_id
from search.claims.check import check_video
from search.claims.records import ClaimJudge, TextEntry

OnProgress = Callable[[str, int, int], None]
"""Called with (stage, how many are done, how many there are)."""
SEED = 0
"""Draws the sample; the same file and sample give the same videos."""


@dataclass(frozen=True, slots=True)
class OpenedVideo:
    """A video of the file that was opened."""

    audited: AuditedVideo
    """It, with what arithmetic shows."""
    video: Video | None
    """Its properties, with the identity of its content; None where it could not be opened."""


def open_videos(
    written: WrittenFile,
    folder: Path | None,
    *,
    sample: int | None = None,
    needed: bool = True,
    on_progress: OnProgress,
) -> list[OpenedVideo]:
    """Find and open the videos of a truth file, and do the arithmetic on its entries.

    Args:
        written: The file.
        folder: Where the videos lie; the folder of the file when None.
        sample: Most videos for the judges, drawn from those that are there; all when None.
        needed: Whether there must be a video; arithmetic can do with the durations in the file.
        on_progress: Receives how many were opened.

    Raises:
        FileError: the folder is not there, or holds none of the videos and one is needed.
    """
    beside = written.path.parent if written.format == "footage" else None
    videos = VideoFolder(folder or written.path.absolute().parent, beside=beside)
    by_video = written.by_video()
    opened = []
    for number, (name, entries) in enumerate(by_video.items(), start=1):
        opened.append(_opened(videos, name, entries, is_own=written.format == "footage"))
        on_progress("opening", number, len(by_video))
    there = [each.audited.name for each in opened if each.video is not None]
    if opened and needed and not any(each.audited.path for each in opened):
        raise FileError(
            f"None of the {len(opened):,} videos of {written.path.name} is in {videos.folder}.",
            hint="Name the folder of the videos with --videos DIR.",
        )
    if sample is None or sample >= len(there):
        return opened
    drawn = set(random.Random(SEED).sample(there, sample))
    return [
        replace(
            each, audited=replace(each.audited, is_drawn=each.video is None or each.audited.name in drawn)
        )
        for each in opened
    ]


def run_audit(
    written: WrittenFile,
    opened: Sequence[OpenedVideo],
    judges: Sequence[ClaimJudge],
    *,
    kept: KeptChecks,
    on_progress: OnProgress,
) -> TruthAudit:
    """Ask the judges about every entry of every video that could be opened; each result is kept at once.

    Args:
        written: The file.
        opened: Its videos.
        judges: Who checks; nobody for arithmetic alone.
        kept: Results of earlier runs; a run that was stopped goes on where it was.
        on_progress: Receives how many videos are done.

    Raises:
        ModelError: a judge fails as a whole.
        FootageError: results cannot be kept.
    """
    names = [judge.name for judge in judges]
    videos = []
    for number, each in enumerate(opened, start=1):
        done = _checked(each, judges, names, kept) if judges else each.audited
        videos.append(done)
        on_progress("auditing", number, len(opened))
    return TruthAudit(str(written.path), written.format, tuple(names), tuple(videos), written.proposals)


def text_entries(video: AuditedVideo, duration_seconds: float) -> list[TextEntry]:
    """The entries of a video that judges can check: with words, and not said to be absent."""
    return [
        TextEntry(entry.written.id, entry.written.text, valid_spans(entry.written, duration_seconds))
        for entry in video.entries
        if not _unasked(entry.written)
    ]


def _opened(videos: VideoFolder, name: str, entries: list[WrittenEntry], *, is_own: bool) -> OpenedVideo:
    """One video with the arithmetic on its entries."""
    place = videos.place(name)
    video, problem = None, place.problem
    if place.path is not None:
        try:
            video = sandbox.probe(place.path, content_id=content_id(place.path))
        except VideoError as error:
            problem = f"The video cannot be opened: {error}."
        except OSError as error:
            problem = f"The video cannot be read: {error.strerror or error}."
    real = video.duration_seconds if video is not None else None
    stated = next((entry.duration_seconds for entry in entries if entry.duration_seconds is not None), None)
    length = real if real is not None else stated
    equal = check_equal_texts(entries, is_own=is_own)
    found = tuple(
        AuditedEntry(
            entry,
            (
                *check_times(entry, length, is_written=real is None),
                *([equal[entry.id]] if entry.id in equal else []),
            ),
            problem=_unasked(entry) or problem,
        )
        for entry in entries
    )
    wrong = tuple(check_duration(stated, real))
    path = str(place.path) if place.path is not None else ""
    return OpenedVideo(AuditedVideo(name, path, found, real, wrong, problem=problem), video)


def _unasked(entry: WrittenEntry) -> str:
    """Why judges are not asked about an entry, in one sentence; empty where they are."""
    if entry.absent:
        return "It says that nothing of the kind happens in the video, which is not checked."
    return "" if entry.text else "It has no words."


def _checked(
    each: OpenedVideo, judges: Sequence[ClaimJudge], names: list[str], kept: KeptChecks
) -> AuditedVideo:
    """A video with what the judges say, now or in an earlier run."""
    video, own = each.video, each.audited
    if video is None or not own.is_drawn:
        return own
    entries = text_entries(own, video.duration_seconds)
    if not entries:
        return own
    said = kept.get(video.content_id, entries, names)
    earlier = said is not None
    if said is None:
        try:
            said = check_video(video, own.path, entries, judges)
        except VideoError as error:
            reason = f"The video cannot be read: {error}."
            failed = tuple(replace(entry, problem=entry.problem or reason) for entry in own.entries)
            return replace(own, entries=failed, problem=reason)
        kept.put(video.content_id, entries, names, said)
    return replace(own, entries=audited(own, said), missing=said.missing, from_earlier=earlier)
