"""Prints what an index holds more than once; knows nothing of how it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from ui.cli import console, formatting

if TYPE_CHECKING:
    from footage.core.types import Span
    from search.duplicates import CopiedVideo, DuplicateCoverage, RepeatedStretch
    from service.duplicates import DuplicatesResult

WITHOUT_VECTORS = (
    "The index has no image vectors of this embedder, so only files of the same bytes are listed. Make image "
    "vectors with: footage index FOLDER --tracks image"
)


def print_duplicates(result: DuplicatesResult) -> None:
    """Print groups of files, copies and repeated stretches on stdout; what was compared, on stderr."""
    lines = [f"same bytes: {', '.join(map(formatting.short_path, group))}" for group in result.same_bytes]
    found = result.found
    if found is not None:
        lines += [_copy_line(result, copy) for copy in found.copies]
        lines += [_stretch_line(result, stretch) for stretch in found.stretches]
    for line in lines or ["No duplicates found."]:
        console.results().print(console.plain(line), soft_wrap=True)
    notes = [WITHOUT_VECTORS] if found is None else _coverage_lines(found.coverage)
    for note in notes:
        console.notes().print(console.plain(note), soft_wrap=True)


def _copy_line(result: DuplicatesResult, copy: CopiedVideo) -> str:
    name = formatting.short_path(result.paths[copy.content_id])
    original = formatting.short_path(result.paths[copy.original_id])
    return f"copy: {name} is {original} {_times(copy.original_span)}, {copy.share:.0%} of it"


def _stretch_line(result: DuplicatesResult, stretch: RepeatedStretch) -> str:
    places = [
        f"{formatting.short_path(result.paths[place.content_id])} {_times(place.span)}"
        for place in stretch.places
    ]
    return f"repeat: {stretch.seconds:.0f} s in {len(places)} places: {'; '.join(places)}"


def _times(span: Span) -> str:
    return f"from {format_time(span.start_seconds)} to {format_time(span.end_seconds)}"


def _coverage_lines(coverage: DuplicateCoverage) -> list[str]:
    """What was compared and what was not, a sentence each."""
    lines = [
        f"Compared {formatting.count(coverage.videos, 'video')} by "
        f"{formatting.count(coverage.probes, 'picture')}; stretches shorter than "
        f"{coverage.least_seconds:.0f} s may be missed."
    ]
    if coverage.alike_pairs:
        lines.append(
            f"Not listed: {formatting.count(coverage.alike_pairs, 'pair')} of videos that show one scene for "
            f"{format_time(coverage.alike_seconds)} without the same movement, such as a fixed camera."
        )
    if coverage.alignments_left_out:
        lines.append(f"Not compared: {coverage.alignments_left_out:,} less likely offsets of two videos.")
    if coverage.videos_without:
        without = formatting.count(len(coverage.videos_without), "video")
        lines.append(f"Not compared: {without} without image vectors.")
    return lines
