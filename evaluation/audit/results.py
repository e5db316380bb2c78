"""What an audit found: entries with their errors, videos, the whole; pure data."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.audit.written import WrittenEntry
from search.claims.records import CheckedEntry, CheckedVideo, ClaimError, Ruling

ARITHMETIC = "arithmetic"
"""What found an error of times or of duplicates, in the place of a judge."""
RANKS = {"major": 0, "minor": 1}
"""Order of severities."""


@dataclass(frozen=True, slots=True)
class AuditedEntry:
    """An entry, what arithmetic shows of it, and what the judges said."""

    written: WrittenEntry
    """The entry as written."""
    by_arithmetic: tuple[ClaimError, ...] = ()
    """Errors that need no judge."""
    checked: CheckedEntry | None = None
    """What the judges said; None where they were not asked."""
    problem: str = ""
    """Why no judge could check it, in one sentence; empty where one did, or none was to."""

    @property
    def is_checked(self) -> bool:
        """Whether a judge gave a ruling."""
        return self.checked is not None and self.checked.is_checked

    @property
    def by_judges(self) -> tuple[ClaimError, ...]:
        """Errors that at least one judge sees."""
        return () if self.checked is None else self.checked.errors

    @property
    def errors(self) -> tuple[ClaimError, ...]:
        """All errors: major ones first, then those that most judges see."""
        return tuple(sorted((*self.by_arithmetic, *self.by_judges), key=_rank))


@dataclass(frozen=True, slots=True)
class AuditedVideo:
    """A video of a truth file, with its entries."""

    name: str
    """Its name in the file."""
    path: str
    """The video; empty where none was found."""
    entries: tuple[AuditedEntry, ...]
    """Its entries, in the order of the file."""
    duration_seconds: float | None = None
    """Its real length; None where it could not be opened."""
    errors: tuple[ClaimError, ...] = ()
    """Errors of the video as a whole: its duration."""
    missing: tuple[ClaimError, ...] = ()
    """Events that the judges see and no entry has."""
    problem: str = ""
    """Why it could not be checked, in one sentence; empty where it was."""
    is_drawn: bool = True
    """False for one that the sample left out: only arithmetic was done."""
    from_earlier: bool = False
    """Whether the judges' rulings were kept from an earlier run."""


@dataclass(frozen=True, slots=True)
class TruthAudit:
    """An audit of one truth file."""

    file: str
    """The truth file."""
    format: str
    """Its format."""
    judges: tuple[str, ...]
    """Names of the judges; empty for arithmetic alone."""
    videos: tuple[AuditedVideo, ...]
    """All videos that the file names."""
    proposals: int = 0
    """Entries marked ``to_check``, left out."""

    @property
    def entries(self) -> list[tuple[AuditedVideo, AuditedEntry]]:
        """All entries, each with its video."""
        return [(video, entry) for video in self.videos for entry in video.entries]

    @property
    def counted(self) -> list[tuple[AuditedVideo, list[AuditedEntry]]]:
        """What shares are taken of: entries with a ruling, by video; without judges all entries."""
        by_video = [
            (video, [entry for entry in video.entries if entry.is_checked or not self.judges])
            for video in self.videos
        ]
        return [(video, entries) for video, entries in by_video if entries]

    @property
    def unchecked(self) -> list[tuple[AuditedVideo, AuditedEntry]]:
        """Entries that should have been checked and could not.

        By the judges; without judges, those whose video has no known length.
        """
        return [
            (video, entry)
            for video, entry in self.entries
            if entry.problem
            and (self.judges or (video.duration_seconds is None and entry.written.duration_seconds is None))
        ]

    @property
    def with_errors(self) -> list[tuple[AuditedVideo, AuditedEntry]]:
        """Entries with an error, the worst first: consensus, severity, votes."""
        found = [(video, entry) for video, entry in self.entries if entry.errors]
        return sorted(found, key=lambda pair: min(map(_rank, pair[1].errors)))


def rulings_by_judge(videos: tuple[AuditedVideo, ...], judges: tuple[str, ...]) -> list[list[Ruling | None]]:
    """For each judge, its ruling on every claim of every entry; None where it gave none."""
    table: list[list[Ruling | None]] = [[] for _ in judges]
    for video in videos:
        for entry in video.entries:
            for claim in entry.checked.claims if entry.checked is not None else ():
                said = {vote.judge: vote.ruling for vote in claim.votes}
                for row, judge in zip(table, judges, strict=True):
                    row.append(said.get(judge))
    return table


def audited(video: AuditedVideo, checked: CheckedVideo) -> tuple[AuditedEntry, ...]:
    """The entries of a video with what the judges said of them."""
    said = {each.entry.id: each for each in checked.entries}
    found = []
    for entry in video.entries:
        own = said.get(entry.written.id)
        problem = entry.problem
        if own is not None and not own.is_checked:
            problem = own.problem or "No judge could give a ruling."
        found.append(AuditedEntry(entry.written, entry.by_arithmetic, own, problem))
    return tuple(found)


def _rank(error: ClaimError) -> tuple[bool, int, float]:
    return (not error.is_consensus, RANKS[error.severity], -error.votes_for / max(error.votes, 1))
