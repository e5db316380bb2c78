"""The report of an index run, printed by `footage index` and `footage retry`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.timecode import format_time
from footage.core.tracks import IMAGE_TRACK, is_image_track
from ui.cli import console, formatting
from ui.text import track_name

if TYPE_CHECKING:
    from indexer.progress import ClockDoubt, IndexReport, TrackReport
    from service.index import IndexResult


def exit_code(result: IndexResult) -> int:
    """Exit code: 0 without failures, 3 if some files failed, 1 if all failed or nothing could be reached."""
    if result.report.reached_nothing:
        return console.EXIT_FAILED
    if not result.failed:
        return console.EXIT_ANSWERED
    return console.EXIT_PARTLY if result.usable else console.EXIT_FAILED


def show(result: IndexResult, *, as_json: bool) -> None:
    """Print the result of a run and the coverage of the index on stdout."""
    if as_json:
        from service.operations.indexing import run_records

        console.emit_records(run_records(result))
        return
    report = result.report
    counts = (
        ("indexed", report.indexed),
        ("already indexed", report.unchanged),
        ("in part", report.partial),
        ("failed", report.failed),
        ("waiting", report.waiting),
        ("left out", report.skipped),
        ("gone", report.gone),
        ("offline", report.offline),
    )
    files = ", ".join(f"{number:,} {what}" for what, number in counts if number)
    nothing = "stopped before the first was done" if report.stopped else "nothing to do"
    sentence = f"{formatting.count(len(report.files), 'file')}: {files or nothing}."
    if report.windows_captioned:
        speed = report.seconds_captioned / report.wall_seconds
        sentence += (
            f" Captioned {formatting.count(report.windows_captioned, 'window')}, "
            f"{format_time(report.seconds_captioned)} of footage, "
            f"in {format_time(report.wall_seconds)} ({speed:.1f} footage-seconds per second)."
        )
    sentence += "".join(f" {each}" for each in _track_sentences(report))
    sentence += _reuse_sentences(result)
    print_failures(result)
    waiting = [(file.path, file.reason) for file in report.files if file.state == "waiting"]
    formatting.print_failures(waiting, "left for another run")
    out = console.results()
    out.print(sentence, soft_wrap=True)
    for reason in sorted(set(report.out_of_reach.values())):
        out.print(f"Offline: {console.plain(reason)}.", soft_wrap=True)
    for remark in _track_remarks(report):
        out.print(console.plain(remark), soft_wrap=True)
    if report.ignored:
        passed = ", ".join(_counted(number, what) for what, number in sorted(report.ignored.items()))
        out.print(f"Passed over: {passed}.", soft_wrap=True)
    for path, warnings in sorted(report.warnings.items()):
        for warning in warnings:
            out.print(f"Note on {formatting.short_path(path)}: {console.plain(warning)}.", soft_wrap=True)
    for doubt in report.clock_doubts:
        out.print(f"Clocks differ: {console.plain(_doubt_sentence(doubt))}", soft_wrap=True)
    formatting.print_coverage(result.coverage)


def print_failures(result: IndexResult) -> None:
    """Print the files that failed completely or partly."""
    files = result.report.files
    failed = [(file.path, file.reason) for file in files if file.state in ("failed", "partial")]
    formatting.print_failures(failed)


def _reuse_sentences(result: IndexResult) -> str:
    """How many captions were carried over, and the time that saved; how to undo it."""
    report, sentence = result.report, ""
    if report.windows_reused:
        windows = report.windows_reused + report.windows_captioned
        sentence += (
            f" {report.windows_reused:,} of {formatting.count(windows, 'window')} reused: nothing changes"
        )
        if report.seconds_saved:
            sentence += f"; about {console.rough_time(report.seconds_saved)} of captioning saved"
        sentence += "."
    if result.reused_kept:
        carries = "carries" if result.reused_kept == 1 else "carry"
        sentence += (
            f" {formatting.count(result.reused_kept, 'window')} of earlier runs {carries} over the caption "
            "of another one; `footage db recaption --reused` captions them again."
        )
    return sentence


def _track_sentences(report: IndexReport) -> list[str]:
    """What was read of each track."""
    return [
        f"{track_name(track)}: {_read(track, each)} in {format_time(each.seconds)}."
        for track, each in report.tracks.items()
        if each.windows
    ]


def _read(track: str, report: TrackReport) -> str:
    """What was read of a track, as a number."""
    if is_image_track(track):
        return formatting.count(report.vectors, "vector")
    return formatting.count(report.events, "event")


def _track_remarks(report: IndexReport) -> list[str]:
    """What there is to know about tracks, each kind once."""
    remarks = []
    for track, each in report.tracks.items():
        remarks += [
            f"{track_name(track)}: {note} ({formatting.count(number, 'video')})."
            for note, number in sorted(each.notes.items())
        ]
        remarks += [
            f"{track_name(track)} of {formatting.count(number, 'video')} is kept as read by {model}; "
            f"--reindex --tracks {IMAGE_TRACK if is_image_track(track) else track} reads it again."
            for model, number in sorted(each.others.items())
        ]
        if each.broken:
            remarks.append(f"{track_name(track)} was not read to the end: {each.broken}.")
    return remarks


def _counted(number: int, what: str) -> str:
    """A number of files or folders: "2 system folders", "2 folders that may not be read"."""
    noun, that, rest = what.partition(" that ")
    return f"{number:,} {what}" if what == "hidden" else formatting.count(number, noun) + that + rest


def _doubt_sentence(doubt: ClockDoubt) -> str:
    """Difference between two clocks of some files, and possible corrections."""
    hours = f"{abs(doubt.ahead_seconds) / 3600:g} h {'ahead of' if doubt.ahead_seconds > 0 else 'behind'}"
    others = len(doubt.paths) - 1
    which = Path(doubt.paths[0]).name + (f" and {formatting.count(others, 'other file')}" if others else "")
    camera = f"{doubt.camera}=" if doubt.camera else ""
    if doubt.burned_in:
        seconds = abs(doubt.ahead_seconds)
        apart = f"{seconds / 3600:.4g} h" if seconds >= 3600 else f"{seconds:.4g} s"
        used = {"burned-in": "The clock in the picture", "container": "The container's clock"}
        side = "ahead of" if doubt.ahead_seconds > 0 else "behind"
        return (
            f"in {which} the clock in the picture is {apart} {side} the one in the container or the name. "
            f"{used.get(doubt.used, 'The time in the name')} was used. To choose, add --clock-from "
            f"{camera}burned-in, {camera}container or {camera}name."
        )
    return (
        f"in {which} the container's clock is {hours} the time in the name, like a different time zone. The "
        f"container's clock was used. If it is local time, add --container-clock {camera}local. If the name "
        f"is right, add --clock-from {camera}name. If the container's clock is right, add --container-clock "
        f"{camera}utc."
    )
