"""Format of answers in a terminal and as JSON, for all commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from footage.core.types import Match
from ui.cli import console
from ui.text import count as count
from ui.text import short_path as short_path

if TYPE_CHECKING:
    from footage.core.coverage import Coverage as Collected
    from search.query.parser import Query
    from search.results import SearchCoverage, SearchResult


UNCALIBRATED = "The confidence is not calibrated for this model: run footage calibrate --truth FILE."
WITHOUT_MODEL = (
    "To search only the captions, without the model: --no-ground. With --mode text, no embedder is needed "
    "either."
)
"""Hint: searches without a model."""


def print_matches(matches: Sequence[Match]) -> None:
    """Print matches as a table on stdout, or print that there are none."""
    _print_table([(rank, match, 0) for rank, match in enumerate(matches, 1)], ["indexed as"])


def print_answers(query: Query, rows: Sequence[tuple[int, Match, int]]) -> None:
    """Print answers as a table on stdout: rank, answer, and how many more are in its group.

    An answer to a query over several events says when each of them happens.
    """
    asked = [console.plain(part.text) for part in query.parts]
    if query.relation == "without":
        del asked[1:]
    _print_table(rows, asked or ["indexed as"])


def _print_table(rows: Sequence[tuple[int, Match, int]], last: Sequence[str]) -> None:
    out = console.results()
    if not rows:
        out.print("Nothing found.")
        return
    asked = any(match.confidence is not None for _, match, _ in rows)
    columns = ("#", "video", "from", "to", "verdict", "sure" if asked else "score", *last)
    table = console.table(*columns, right=("#", "from", "to", columns[5]), whole=["verdict"])
    for rank, match, others in rows:
        texts = map(_part, match.parts) if match.parts else (match.text,)
        *first, final = map(console.plain, texts)
        table.add_row(
            str(rank),
            console.PathCell(short_path(match.path) + (" (offline)" if match.offline else "")),
            format_time(match.span.start_seconds),
            format_time(match.span.end_seconds),
            match.verdict,
            _sure(match) if asked else f"{match.score:.3f}",
            *first,
            final + (f" (and {others} more)" if others else ""),
        )
    out.print(table)
    matches = [match for _, match, _ in rows]
    if any(match.confidence is not None and not match.calibrated for match in matches):
        console.notes().print(UNCALIBRATED, soft_wrap=True)


def _sure(match: Match) -> str:
    return "" if match.confidence is None else f"{match.confidence:.0%}"


def _part(match: Match) -> str:
    """Times and indexed text of one event of a combined query."""
    span = match.span
    return f"{format_time(span.start_seconds)} - {format_time(span.end_seconds)} {match.text}"


def answer_sentence(result: SearchResult) -> str:
    """Summary of the search and its coverage; empty if there are results."""
    if result.outcome == "found" or result.coverage.is_empty:
        return ""
    looked, coverage = result.looked, result.coverage
    indexed, total = format_time(coverage.seconds_indexed), format_time(coverage.seconds_total)
    seen = (
        f"the model looked at {format_time(looked.seconds)}" if looked.windows else "the model did not look"
    )
    if looked.unseen:
        seen += f" ({count(looked.unseen, 'window')} left out)"
    first = {
        "uncertain": "Nothing certain",
        "not checked": "Captions match, and nothing was checked",
        "not found": "Not found where the model looked",
        "no caption matches": "No caption matches",
    }[result.outcome]
    sentence = f"{first}: captions of {indexed} of {total} were searched, and {seen}"
    if result.matches:
        nearest = result.matches[0]
        sentence += f'; closest: "{nearest.text}"' if nearest.text else "; closest"
        sentence += f" at {format_time(nearest.span.start_seconds)} of {Path(nearest.path).name}"
    return console.plain(f"{sentence}.")


def coverage_sentence(coverage: SearchCoverage) -> str:
    """The coverage of a search as a sentence."""
    if coverage.is_empty:
        return f"Nothing was searched: {empty_index(coverage.files_failed)}."
    videos = count(coverage.videos, "video")
    indexed, total = format_time(coverage.seconds_indexed), format_time(coverage.seconds_total)
    sentence = f"Searched {videos}: {indexed} of {total} indexed"
    if coverage.files_failed:
        sentence += f"; {count(coverage.files_failed, 'file')} failed: footage status --failed"
    return console.plain(f"{sentence}.")


def empty_index(files_failed: int) -> str:
    """Why the index has no videos, and what to do next; a clause."""
    if files_failed:
        return f"no video is indexed, {count(files_failed, 'file')} failed (footage status --failed)"
    return "the index is empty (fill it with footage index FOLDER)"


def print_coverage(collections: Mapping[str, Collected]) -> None:
    """Print the coverage of each collection on stdout; nothing if there are no files.

    A narrow terminal is not shown the columns that are 0 throughout.
    """
    from footage.core.coverage import SHARES

    if not collections:
        return
    out = console.results()
    heads = ("found", *("left out" if s == "skipped" else s for s in SHARES), "gone")
    rows = {
        name: (each.seconds_found, *(each.seconds[share] for share in SHARES), each.seconds_gone)
        for name, each in collections.items()
    }
    kept = [
        n for n in range(len(heads)) if out.width >= console.NARROW or any(row[n] for row in rows.values())
    ]
    columns = ("collection", "files", *(heads[n] for n in kept))
    table = console.table(*columns, right=columns[1:])
    for name, times in rows.items():
        table.add_row(
            console.PathCell(console.plain(name or "(single files)")),
            f"{collections[name].files_found:,}",
            *(format_time(times[n]) if times[n] else "0" for n in kept),
        )
    out.print()
    out.print(table)


def print_failures(failures: Sequence[tuple[str, str]], what: str = "could not be read") -> None:
    """Print unusable files, each with its reason; nothing if there are none."""
    if not failures:
        return
    table = console.table(what, "because")
    for path, reason in failures:
        table.add_row(console.PathCell(short_path(path)), console.plain(reason))
    out = console.results()
    out.print()
    out.print(table)
