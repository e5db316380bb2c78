"""Options shared by several commands, each defined once."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError
from ui.cli import served, setting_options

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.session import Loaders, Service

_loaders: ContextVar[Loaders | None] = ContextVar("loaders", default=None)

Everything = Annotated[
    bool, typer.Option("--all-verdicts/--found-only", help="Include all verdicts, or only found.")
]
Uncertain = Annotated[
    bool, typer.Option("--uncertain", help="Include answers that are uncertain or not checked.")
]
Handles = Annotated[
    str,
    typer.Option(
        "--handles",
        metavar="SECONDS",
        help="Extra seconds before and after each clip, or before,after: 1,2.5",
    ),
]
ExportHandles = Annotated[
    str | None,
    typer.Option(
        "--handles",
        metavar="SECONDS",
        help="Extra seconds before and after each clip, or before,after: 1,2.5; of a package, around the "
        "clips in its media files. Unset: 0, of a package 1.",
    ),
]
Ground = Annotated[
    bool,
    typer.Option(
        "--ground/--no-ground", help="Let the model find the exact times, or use the times in the index."
    ),
]
Titles = Annotated[bool, typer.Option("--titles", help="Write a title onto each clip of a joined film.")]
TitleFrom = Annotated[
    Literal["file", "clock", "query", "caption"],
    typer.Option(
        "--title-from",
        help="Text of the title: the file name, the wall-clock time, the query or the caption.",
    ),
]
BurnTime = Annotated[
    bool, typer.Option("--burn-time", help="Write the source's timecode onto each clip of a joined film.")
]
BurnSubtitles = Annotated[
    bool,
    typer.Option(
        "--burn-subtitles", help="Write the spoken words, as far as they are indexed, onto a joined film."
    ),
]
StartTimecode = Annotated[
    str,
    typer.Option(
        "--start-timecode", metavar="HH:MM:SS:FF", help="First timecode of edit lists; unset: 00:00:00:00."
    ),
]
TimecodeSource = Annotated[
    Literal["container", "burned-in"],
    typer.Option("--timecode", help="Source of the videos' timecode: their containers, or their pictures."),
]
DropFrame = Annotated[
    bool,
    typer.Option(
        "--drop-frame/--non-drop-frame",
        help="Timecode mode for 29.97 and 59.94 fps if the video does not specify one.",
    ),
]
Zip = Annotated[bool, typer.Option("--zip", help="Write one zip of all files in place of them.")]
Audio = Annotated[
    str,
    typer.Option("--audio", metavar="TRACKS", help="Audio tracks of each clip: all, none, or numbers: 1,3"),
]
ReelAudio = Annotated[
    str | None,
    typer.Option(
        "--audio",
        metavar="TRACK",
        help="Audio track of each clip: a number, or none; unset: the default track.",
        show_default=False,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing files; otherwise, new files get a number.")
]
Fetch = Annotated[
    bool,
    typer.Option("--fetch", help="Download http and https addresses, each into a temporary file."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be removed, without removing it.")]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask for confirmation. Without a terminal, nothing is asked."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def use_loaders(loaders: Loaders | None) -> None:
    """Use these model loaders in all following commands; None: create models from the settings.

    ``main`` calls it with the object that the application was invoked with, so that a caller that has a model
    already, such as a test, gives it: ``CliRunner().invoke(app, [...], obj=Loaders(model=...))``.
    """
    _loaders.set(loaders)


def loaders() -> Loaders | None:
    """How models are made in this command; None for as the settings say."""
    return _loaders.get()


def check_page_name(report: Path | None) -> None:
    """Check the file name of a report.

    Raises:
        UsageError: it is no name of an HTML file.
    """
    if report is not None and report.suffix.casefold() not in (".html", ".htm"):
        raise UsageError(f"--report {report} is no HTML file.", hint="Name it FILE.html.")


def service_for(settings: Settings) -> Service:
    """The service for the settings of one command: a new one, or the running one where that runs the command.

    Raises:
        RunLocallyError: the running service has other settings.
    """
    from service.session import Service

    if (command := served.current()) is not None:
        return command.service_for(settings, setting_options.names_in_use())
    return Service(settings, loaders=_loaders.get())


def examples(*lines: str) -> str:
    """Example commands as the epilog of a help page."""
    return "\n\n".join(["Examples", *(f"$ {line}" for line in lines)])
