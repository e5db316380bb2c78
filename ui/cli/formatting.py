"""How answers look in a terminal and as JSON, the same for every command that has answers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.timecode import format_time
from footage.core.types import Match
from ui.cli import console

if TYPE_CHECKING:
    from footage.core.coverage import Coverage as Collected
    from search.query.parser import Query
    from search.results import Coverage, SearchResult


UNCALIBRATED = (
    "How sure is uncalibrated for this model: nobody has compared it with the truth yet "
    "(footage calibrate --truth FILE)."
)


def print_matches(matches: Sequence[Match]) -> None:
    """Print matches as a table on stdout, or say that there are none."""
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
    """When one of several events happens, and what the index has there."""
    span = match.span
    return f"{format_time(span.start_seconds)} - {format_time(span.end_seconds)} {match.text}"


def answer_fields(query: Query, match: Match) -> dict[str, Any]:
    """An answer as JSON fields; one to a query over several events has a list of them, "parts"."""
    if not match.parts:
        return match_fields(match)
    return {
        "video": match.path,
        "content_id": match.video.content_id,
        "start_seconds": match.span.start_seconds,
        "end_seconds": match.span.end_seconds,
        "verdict": match.verdict,
        "confidence": match.confidence,
        "grounded": match.grounded,
        "offline": match.offline,
        "score": round(match.score, 6),
        "text": match.text,
        "relation": query.relation,
        "parts": [
            {"query": asked.text, **match_fields(part)}
            for asked, part in zip(query.parts, match.parts, strict=False)
        ],
        "evidence": list(match.evidence),
    }


def match_fields(match: Match) -> dict[str, Any]:
    """A match as JSON fields; times are seconds of video time."""
    return {
        "video": match.path,
        "content_id": match.video.content_id,
        "start_seconds": match.span.start_seconds,
        "end_seconds": match.span.end_seconds,
        "verdict": match.verdict,
        "confidence": match.confidence,
        "calibrated": match.calibrated,
        "grounded": match.grounded,
        "offline": match.offline,
        "score": round(match.score, 6),
        "text": match.text,
        "raw": match.raw,
        "evidence": list(match.evidence),
        "measures": dict(match.measures),
    }


def coverage_fields(coverage: Coverage) -> dict[str, Any]:
    """What was searched, as JSON fields."""
    return {
        "videos": coverage.videos,
        "seconds_indexed": round(coverage.seconds_indexed, 3),
        "seconds_total": round(coverage.seconds_total, 3),
        "files_failed": coverage.files_failed,
        "model": coverage.model,
    }


def answer_sentence(result: SearchResult) -> str:
    """What the answer is as a whole, and what it rests on; empty where something was found."""
    if result.outcome == "found" or is_empty(result.coverage):
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


def coverage_sentence(coverage: Coverage) -> str:
    """What was searched, for people: an answer is only as good as what it looked at."""
    if is_empty(coverage):
        return f"Nothing was searched: {empty_index(coverage.files_failed)}."
    videos = count(coverage.videos, "video")
    indexed, total = format_time(coverage.seconds_indexed), format_time(coverage.seconds_total)
    sentence = f"Searched {videos}: {indexed} of {total} indexed"
    if coverage.files_failed:
        sentence += f"; {count(coverage.files_failed, 'file')} failed: footage status --failed"
    return console.plain(f"{sentence}.")


def is_empty(coverage: Coverage) -> bool:
    """Whether the index holds no captions at all, as opposed to none that the filters leave."""
    return not (coverage.videos or coverage.model)


def empty_index(files_failed: int) -> str:
    """Why an index without a video holds none, and what to do next; a clause."""
    if files_failed:
        return f"no video is indexed, {count(files_failed, 'file')} failed (footage status --failed)"
    return "the index is empty (fill it with footage index FOLDER)"


def print_coverage(collections: Mapping[str, Collected]) -> None:
    """Print on stdout how far the files of each collection are indexed; nothing when there are none.

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


def collection_fields(coverage: Collected) -> dict[str, Any]:
    """How far the files of a collection are indexed, as JSON fields."""
    return {
        "files": dict(coverage.files),
        "seconds_found": round(coverage.seconds_found, 3),
        **{f"seconds_{share}": round(seconds, 3) for share, seconds in coverage.seconds.items()},
        "seconds_gaps": round(coverage.seconds_gaps, 3),
        "seconds_gone": round(coverage.seconds_gone, 3),
        "files_of_unknown_length": coverage.files_of_unknown_length,
    }


def count(number: int, noun: str) -> str:
    """A number and its noun: "1 video", "1,200 videos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def short_path(path: str) -> str:
    """A path as short as it may be: relative below the current folder, otherwise with ~ for the home."""
    for start, prefix in ((Path.cwd(), ""), (Path.home(), f"~{os.sep}")):
        if Path(path).is_relative_to(start):
            return console.plain(prefix + str(Path(path).relative_to(start)))
    return console.plain(path)


def print_failures(failures: Sequence[tuple[str, str]], what: str = "could not be read") -> None:
    """Print the files that could not be used, each with its reason; nothing when there are none."""
    if not failures:
        return
    table = console.table(what, "because")
    for path, reason in failures:
        table.add_row(console.PathCell(short_path(path)), console.plain(reason))
    out = console.results()
    out.print()
    out.print(table)
