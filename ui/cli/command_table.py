"""Where each command and group of commands is, by panel of the main help; imports none of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CommandPlace:
    """Where a command is, or a group of commands."""

    module: str
    """Name of its module in ui/cli/commands; that of a group has ``HELP`` and ``COMMANDS``."""
    function: str = "run"
    """The command; of a group what runs without a command, if the module has it."""
    examples: str = "EXAMPLES"
    """The constant with the examples of the command."""
    is_group: bool = False
    """Whether it is a group of commands."""


PANELS: dict[str, dict[str, CommandPlace]] = {
    "Find": {name: CommandPlace(name) for name in ("search", "find", "ask", "point", "track")},
    "Library": {
        "index": CommandPlace("index"),
        "status": CommandPlace("status"),
        "videos": CommandPlace("videos"),
        "video": CommandPlace("videos", "video", "VIDEO_EXAMPLES"),
        "events": CommandPlace("videos", "events", "EVENTS_EXAMPLES"),
        "transcript": CommandPlace("videos", "transcript", "TRANSCRIPT_EXAMPLES"),
        "retry": CommandPlace("retry"),
        "forget": CommandPlace("forget"),
        "prune": CommandPlace("prune"),
        "db": CommandPlace("db_group", is_group=True),
        "captions": CommandPlace("captions", is_group=True),
    },
    "Export": {name: CommandPlace(name) for name in ("export", "reel", "verify")},
    "Review": {
        "save": CommandPlace("review", "save", "SAVE_EXAMPLES"),
        "review": CommandPlace("review"),
        "correct": CommandPlace("correct"),
        "corrections": CommandPlace("notes", "corrections", "CORRECTIONS_EXAMPLES"),
        "label": CommandPlace("notes", "label", "LABEL_EXAMPLES"),
    },
    "Measure": {
        "calibrate": CommandPlace("calibrate"),
        "audit": CommandPlace("audit"),
        "eval": CommandPlace("eval", is_group=True),
    },
    "Service": {
        "serve": CommandPlace("serve"),
        "mcp": CommandPlace("mcp"),
        "jobs": CommandPlace("jobs", is_group=True),
        "tokens": CommandPlace("tokens", is_group=True),
        "alerts": CommandPlace("alert_group", is_group=True),
    },
    "App, demo and diagnosis": {
        "ui": CommandPlace("ui"),
        "demo": CommandPlace("demo"),
        "doctor": CommandPlace("doctor"),
        "models": CommandPlace("models_group", is_group=True),
    },
}
