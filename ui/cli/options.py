"""The options that commands share, each written down once."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.session import Loaders, Service

_loaders: ContextVar[Loaders | None] = ContextVar("loaders", default=None)

Everything = Annotated[
    bool, typer.Option("--all-verdicts/--found-only", help="Whatever the verdict, or what is found alone.")
]
Uncertain = Annotated[bool, typer.Option("--uncertain", help="What is uncertain or not checked, too.")]
Handles = Annotated[
    str,
    typer.Option("--handles", metavar="SECONDS", help="So much more on both sides; or before,after: 1,2.5"),
]
Ground = Annotated[
    bool,
    typer.Option("--ground/--no-ground", help="Ask the model when exactly, or take what the index holds."),
]
Titles = Annotated[bool, typer.Option("--titles", help="Write a title onto each clip of a joined film.")]
TitleFrom = Annotated[
    Literal["file", "clock", "query"],
    typer.Option(
        "--title-from", help="What the title is: the file's name, the wall clock, or what was looked for."
    ),
]
BurnTime = Annotated[
    bool, typer.Option("--burn-time", help="Write the source's timecode onto each clip of a joined film.")
]
StartTimecode = Annotated[
    str,
    typer.Option("--start-timecode", metavar="HH:MM:SS:FF", help="Where edit lists begin. 00:00:00:00."),
]
DropFrame = Annotated[
    bool,
    typer.Option(
        "--drop-frame/--non-drop-frame", help="How 29.97 and 59.94 are counted where the video does not say."
    ),
]
Audio = Annotated[
    str,
    typer.Option("--audio", metavar="TRACKS", help="Audio tracks of each clip: all, none, or numbers: 1,3"),
]
ReelAudio = Annotated[
    str | None,
    typer.Option(
        "--audio",
        metavar="TRACK",
        help="Audio track of each clip: its number, or none. The default track.",
        show_default=False,
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files of the same name, instead of numbering new ones.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal nothing is asked.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def use_loaders(loaders: Loaders | None) -> None:
    """Make models in this way in the commands that follow; as the settings say when None.

    ``main`` calls it with the object that the application was invoked with, so that a caller that has a model
    already, such as a test, gives it: ``CliRunner().invoke(app, [...], obj=Loaders(model=...))``.
    """
    _loaders.set(loaders)


def service_for(settings: Settings) -> Service:
    """What the service functions work with, under the settings of one command."""
    from service.session import Service

    return Service(settings, loaders=_loaders.get())


def examples(*lines: str) -> str:
    """Example commands as the epilog of a help page."""
    return "\n\n".join(["Examples", *(f"$ {line}" for line in lines)])
