"""Format of answers in a terminal and as JSON, for all commands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, is_image_track
from footage.core.types import Match
from footage.core.verdicts import UNCALIBRATED_MEANS
from ui.cli import console, quotes
from ui.text import count as count
from ui.text import short_path as short_path
from ui.text import tracks_searched

if TYPE_CHECKING:
    from rich.text import Text

    from footage.core.coverage import Coverage as Collected
    from search.query.parser import Query
    from search.results import SearchCoverage, SearchResult


UNCALIBRATED_HINT = "The confidence is not calibrated for this model: run footage calibrate --truth FILE."
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
        texts = map(_part, match.parts) if match.parts else (quotes.indexed_text(match),)
        *first, final = texts
        table.add_row(
            str(rank),
            console.PathCell(short_path(match.path) + (" (offline)" if match.offline else "")),
            format_time(match.span.start_seconds),
            format_time(match.span.end_seconds),
            match.verdict,
            _sure(match) if asked else f"{match.score:.3f}",
            *first,
            final.append(_more(match, others)),
        )
    out.print(table)
    matches = [match for _, match, _ in rows]
    if any(_uncalibrated(match) for match in matches):
        console.notes().print(f"{UNCALIBRATED_HINT} {UNCALIBRATED_MEANS}", soft_wrap=True)


def _more(match: Match, others: int) -> str:
    """What stands behind an answer: how many more of its group, and how many of these are found."""
    if not match.similar:
        return f" (and {others} more)" if others else ""
    found = sum(each.verdict == "found" for each in match.similar)
    return f" (and {others} more like it{f', {found} of them found' if found else ''})"


def _uncalibrated(match: Match) -> bool:
    """Whether a model's confidence in what is seen was not fitted."""
    if match.parts:
        return any(map(_uncalibrated, match.parts))
    return match.track == CAPTION_TRACK and match.confidence is not None and not match.calibrated


def _sure(match: Match) -> str:
    return "" if match.confidence is None else f"{match.confidence:.0%}"


def _part(match: Match) -> Text:
    """Times and indexed text of one event of a combined query."""
    from rich.text import Text

    times = f"{format_time(match.span.start_seconds)} - {format_time(match.span.end_seconds)} "
    return Text(times).append_text(quotes.indexed_text(match))


def answer_sentence(result: SearchResult) -> str:
    """Summary of the search and its coverage; empty if there are results."""
    if result.outcome == "found" or result.coverage.is_empty:
        return ""
    if result.picture:
        return console.plain(_picture_sentence(result))
    if not result.query.needs_pictures:
        return console.plain(_words_sentence(result))
    looked = result.looked
    seen = (
        f"the model looked at {format_time(looked.seconds)}" if looked.windows else "the model did not look"
    )
    if looked.unseen:
        seen += f" ({count(looked.unseen, 'window')} left out)"
    captions_alone = result.coverage.tracks.keys() <= {CAPTION_TRACK}
    near = f"{'Captions' if captions_alone else 'Texts'} match"
    if all(match.track == IMAGE_TRACK for match in result.matches):
        near = "Pictures come near"
    first = {
        "uncertain": "Nothing certain",
        "not checked": f"{near}, and nothing was checked",
        "not found": "Not found where the model looked",
        "no caption matches": f"No {'caption' if captions_alone else 'text'} matches",
    }[result.outcome]
    tracks = result.query.word_tracks
    if not result.coverage.seconds_indexed:  # nothing is captioned: what was searched are the pictures
        tracks |= {track for track in result.coverage.tracks if is_image_track(track)}
    searched = _searched(result.coverage, tracks)
    return console.plain(f"{first}: {searched} were searched, and {seen}{_closest(result)}.")


def _words_sentence(result: SearchResult) -> str:
    """Summary of a search for words alone."""
    first = {"uncertain": "Nothing certain", "not checked": "Nothing certain", "not found": "Not found"}
    wanted = result.query.word_tracks & result.coverage.tracks.keys()
    if result.outcome not in first or not wanted:
        return ""  # a note says what is not indexed
    searched = _searched(result.coverage, wanted, pictures=False)
    return f"{first[result.outcome]}: {searched} were searched{_closest(result)}."


def _picture_sentence(result: SearchResult) -> str:
    """Summary of a search by a picture."""
    if result.outcome == "not indexed":
        return "No pictures are indexed there."
    first = {
        "uncertain": "Nothing certain",
        "not found": f"Nothing in the library looks like {result.picture}",
    }
    searched = _searched(result.coverage, result.coverage.tracks.keys(), pictures=False)
    return f"{first[result.outcome]}: {searched} were searched{_closest(result)}."


def _searched(coverage: SearchCoverage, words: Collection[str], *, pictures: bool = True) -> str:
    """How much of the captions and of some tracks of words was searched, of those that the index has."""
    seconds = {name: each.seconds for name, each in coverage.tracks.items() if name in words}
    if pictures and (coverage.seconds_indexed or not seconds):
        seconds = {CAPTION_TRACK: coverage.seconds_indexed, **seconds}
    return tracks_searched(seconds, coverage.seconds_total)


def _closest(result: SearchResult) -> str:
    """The nearest answer as the end of a sentence; empty where there is none."""
    if not result.matches:
        return ""
    nearest = result.matches[0]
    text = f'; closest: "{nearest.text}"' if nearest.text else "; closest"
    return f"{text} at {format_time(nearest.span.start_seconds)} of {Path(nearest.path).name}"


def coverage_sentence(coverage: SearchCoverage) -> str:
    """The coverage of a search as a sentence."""
    if coverage.is_empty:
        return f"Nothing was searched: {empty_index(coverage.files_failed)}."
    videos = count(max([coverage.videos, *(each.videos for each in coverage.tracks.values())]), "video")
    others = coverage.tracks.keys() - {CAPTION_TRACK}
    indexed, total = format_time(coverage.seconds_indexed), format_time(coverage.seconds_total)
    searched = _searched(coverage, others) if others else f"{indexed} of {total} indexed"
    sentence = f"Searched {videos}: {searched}"
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
