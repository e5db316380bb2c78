"""The options that commands share, each written down once."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.session import Loaders, Service

_loaders: ContextVar[Loaders | None] = ContextVar("loaders", default=None)

_PANEL = "Settings (each also a line of the config file and an environment variable)"

_ADVANCED = "Model (advanced; unset, it is as the model was trained)"

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
AcceptServerSampling = Annotated[
    bool | None,
    typer.Option(
        "--accept-server-sampling",
        help="Take a model server that shows the model other frames or times than it is sent. "
        "FOOTAGE_ACCEPT_SERVER_SAMPLING, no.",
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
Fps = Annotated[
    float | None,
    typer.Option(
        "--fps",
        metavar="N",
        help="Frames shown per second of video. FOOTAGE_FPS or the card's FPS, which here does what it says; "
        "in the vendor's own caption() and find() it changes nothing.",
        rich_help_panel=_ADVANCED,
    ),
]
MinFrames = Annotated[
    int | None,
    typer.Option(
        "--min-frames",
        metavar="N",
        help="Fewest frames of a window, even. FOOTAGE_MIN_FRAMES, FPS_MIN_FRAMES.",
        rich_help_panel=_ADVANCED,
    ),
]
MaxFrames = Annotated[
    int | None,
    typer.Option(
        "--max-frames",
        metavar="N",
        help="Most frames of a window, even; a longer window is shown at fewer a second. "
        "FOOTAGE_MAX_FRAMES, FPS_MAX_FRAMES.",
        rich_help_panel=_ADVANCED,
    ),
]
MaxPixels = Annotated[
    int | None,
    typer.Option(
        "--max-pixels",
        metavar="N",
        help="Most pixels of a frame: larger ones are scaled down, none up. FOOTAGE_MAX_PIXELS, "
        "VIDEO_MAX_PIXELS.",
        rich_help_panel=_ADVANCED,
    ),
]
CaptionPrompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        metavar="TEXT",
        help="Ask for captions in these words. Marlin writes times only when asked in its own.",
        rich_help_panel=_ADVANCED,
    ),
]
PromptFile = Annotated[
    Path | None,
    typer.Option(
        "--prompt-file", metavar="FILE", help="Read the prompt from a file.", rich_help_panel=_ADVANCED
    ),
]
SecondPrompt = Annotated[
    str | None,
    typer.Option(
        "--stage2-prompt",
        metavar="TEXT",
        help="Then ask this, with {caption} for the first answer; its answer is the caption.",
        rich_help_panel=_ADVANCED,
    ),
]
CaptionTokens = Annotated[
    int | None,
    typer.Option(
        "--caption-tokens", metavar="N", help="Longest caption, in tokens.", rich_help_panel=_ADVANCED
    ),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        "--temperature",
        metavar="T",
        help="0 takes the likeliest token, more draws. Of captions and free answers; spans are never drawn.",
        rich_help_panel=_ADVANCED,
    ),
]
TopP = Annotated[
    float | None,
    typer.Option(
        "--top-p",
        metavar="P",
        help="Draw from the likeliest tokens that have this probability together.",
        rich_help_panel=_ADVANCED,
    ),
]
RepetitionPenalty = Annotated[
    float | None,
    typer.Option(
        "--repetition-penalty",
        metavar="X",
        help="Above 1: repeat the answer's own words less.",
        rich_help_panel=_ADVANCED,
    ),
]
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


def settings_from(config: Path | None, **given: Any) -> Settings:
    """The settings under what was given on the command line; None means not given."""
    from footage.core.config import load_settings

    return load_settings(config, **given)


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
