"""The options that commands share, each written down once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from footage.config import Settings

_PANEL = "Settings (each also a line of the config file and an environment variable)"

Db = Annotated[
    Path | None,
    typer.Option(
        "--db",
        metavar="FOLDER",
        help="The index. FOOTAGE_DB, ~/.footage/index.lancedb.",
        rich_help_panel=_PANEL,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="A profile (see footage models), a folder of weights, or a server: "
        "http://localhost:8000/v1#name. FOOTAGE_MODEL, marlin-2b.",
        rich_help_panel=_PANEL,
    ),
]
AllowRemote = Annotated[
    bool | None,
    typer.Option(
        "--allow-remote",
        help="Send windows to a model server that is another machine. FOOTAGE_ALLOW_REMOTE, no.",
        rich_help_panel=_PANEL,
    ),
]
ModelPath = Annotated[
    Path | None,
    typer.Option(
        "--model-path",
        metavar="FOLDER",
        help="Read the profile's weights from here, not from the hub.",
        rich_help_panel=_PANEL,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="DEVICE", help="auto, cuda, cuda:1, mps or cpu.", rich_help_panel=_PANEL
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="NAME",
        help="minilm, or any sentence-transformers name or folder.",
        rich_help_panel=_PANEL,
    ),
]
Rerank = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="NAME",
        help="A cross-encoder that re-orders the best texts; folder or hub name. FOOTAGE_RERANK, none.",
        rich_help_panel=_PANEL,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="TOML file with settings. FOOTAGE_CONFIG.", rich_help_panel=_PANEL
    ),
]
WindowSeconds = Annotated[
    float | None,
    typer.Option(
        "--window", "--window-seconds", metavar="SECONDS", help="Length of a window. The profile's own."
    ),
]
OverlapSeconds = Annotated[
    float | None,
    typer.Option(
        "--overlap", "--overlap-seconds", metavar="SECONDS", help="What two windows share. The profile's own."
    ),
]
Everything = Annotated[
    bool, typer.Option("--all-verdicts/--found-only", help="Whatever the verdict, or what is found alone.")
]
Uncertain = Annotated[bool, typer.Option("--uncertain", help="What is uncertain, too.")]
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
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files of the same name, instead of numbering new ones.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def settings_from(config: Path | None, **given: Any) -> Settings:
    """The settings under what was given on the command line; None means not given."""
    from footage.config import load_settings

    return load_settings(config, **given)


def examples(*lines: str) -> str:
    """Example commands as the epilog of a help page."""
    return "\n\n".join(["Examples", *(f"$ {line}" for line in lines)])
