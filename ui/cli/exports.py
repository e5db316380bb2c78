"""Shared by the export commands: parsing of their options, and their output."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from footage.core.errors import UsageError
from footage.core.timecode import parse_time
from ui.cli import console, formatting, options, progress

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.media.audio_tracks import AudioChoice
    from search.results import SearchResult
    from service.export import Exported, Format, Program
    from service.export_clips import Believed, ExportResult
    from service.requests import Request

_LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


def run(function: Callable[..., ExportResult], request: Request, settings: Settings, *, json: bool) -> None:
    """Call ``service.export_clips.export_clips`` or ``service.reel.make_reel``, and print what it wrote.

    Raises:
        typer.Exit: some sources could not be used.
        FootageError: as the service function raises it.
    """
    with progress.shown() as display:

        def on_search(result: SearchResult) -> None:
            display.close()
            print_answer(result)

        result = function(
            options.service_for(settings),
            request,
            on_event=display,
            on_search=on_search,
            without_model=formatting.WITHOUT_MODEL,
        )
    show(result, json=json)


def print_answer(result: SearchResult) -> None:
    """Print the search summary on stderr if there are no results."""
    if sentence := formatting.answer_sentence(result):
        console.notes().print(sentence, soft_wrap=True)


def show(result: ExportResult, *, json: bool) -> None:
    """Print the written files, and on stderr all warnings and missing parts.

    Raises:
        typer.Exit: some sources could not be used.
    """
    exported = result.exported
    if json:
        from service.operations.exporting import export_records

        console.emit_records(export_records(result))
    elif exported is not None:
        _print(exported)
    if exported is None:
        _note_nothing(result)
    elif exported.failures:
        raise typer.Exit(console.EXIT_PARTLY)


def _note_nothing(result: ExportResult) -> None:
    """Print that nothing was written because there are no results."""
    sentence = "No results, so nothing was written."
    if result.uncertain:
        verb = "is" if result.uncertain == 1 else "are"
        counted = formatting.count(result.uncertain, "answer")
        sentence += f" {counted} {verb} uncertain or not checked: add --uncertain to include them."
    console.notes().print(sentence, soft_wrap=True)


def _print(exported: Exported) -> None:
    written = [output.path for output in exported.outputs] + [exported.manifest]
    for path in [exported.archive] if exported.archive else written:
        console.results().print(formatting.short_path(str(path)), soft_wrap=True)
    notes = console.notes()
    for sentence in exported.warnings:
        notes.print(console.plain(sentence if sentence.endswith(".") else f"{sentence}."), soft_wrap=True)
    formatting.print_failures(exported.failures)
    count = formatting.count(len(exported.outputs), "file")
    where = console.plain(absolute(exported.archive or exported.folder))
    notes.print(f"Wrote {count} and a manifest to {where}.", soft_wrap=True)


def verdicts(*, uncertain: bool, everything: bool) -> Believed:
    """The accepted verdicts, according to --uncertain and --all-verdicts."""
    return "all" if everything else "uncertain" if uncertain else "found"


def absolute(path: Path) -> Path:
    """A path as typed, made absolute, with ~ for the home."""
    return Path(path).expanduser().absolute()


def read_handles(text: str) -> tuple[float, float]:
    """Read "2" or "1,2.5" as seconds before and after.

    Raises:
        UsageError: it is neither.
    """
    given = text.split(",")
    try:
        seconds = [float(each) for each in given]
    except ValueError:
        seconds = []
    if not 1 <= len(seconds) <= 2 or not all(0 <= each < 3600 for each in seconds):
        raise UsageError(
            f"--handles cannot be {text!r}.",
            hint="Use seconds, such as 2, or seconds before and after, such as 1,2.5.",
        )
    return seconds[0], seconds[-1]


def read_length(text: str) -> float:
    """Read "60s", "1m30s", "90" or "1:30" as seconds.

    Raises:
        UsageError: it is none of these, or no time at all.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match and any(match.groups()):
        hours, minutes, seconds = (float(each or 0) for each in match.groups())
        length = 3600 * hours + 60 * minutes + seconds
    else:
        length = parse_time(text)
    if length <= 0:
        raise UsageError(f"--max cannot be {text!r}.", hint="Use a length, such as 60s or 1m30s.")
    return length


def read_audio(text: str | None) -> AudioChoice | None:
    """Read "all", "none" or numbers of audio tracks, such as "1,3"; None if the option is not given.

    Raises:
        UsageError: it is none of these.
    """
    if text is None or text == "all":
        return None
    if text == "none":
        return ()
    numbers = [each.strip() for each in text.split(",")]
    if not all(each.isascii() and each.isdigit() and int(each) for each in numbers):
        raise UsageError(
            f"--audio cannot be {text!r}.", hint="Use all, none, or track numbers from 1, such as 1,3."
        )
    return tuple(sorted({int(each) for each in numbers}))


def read_program(text: str | None) -> Program | None:
    """Check the name of an editing program.

    Raises:
        UsageError: there is no preset for it.
    """
    from service.export import PROGRAMS

    for program in PROGRAMS:
        if text == program:
            return program
    if text is not None:
        raise UsageError(f"--for cannot be {text!r}.", hint=f"Choose from {', '.join(PROGRAMS)}.")
    return None


def read_formats(given: Sequence[str]) -> list[Format]:
    """Check the names of formats.

    Raises:
        UsageError: there is no such format.
    """
    from service.export import FORMATS

    for name in given:
        if name not in FORMATS:
            raise UsageError(f"--format cannot be {name!r}.", hint=f"Choose from {', '.join(FORMATS)}.")
    return [known for known in FORMATS if known in given]
