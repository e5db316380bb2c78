"""Where each command and group of commands is, by panel of the main help; imports none of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a command is, or a group of commands."""

    module: str
    """Name of its module in ui/cli/commands; that of a group has ``HELP`` and ``COMMANDS``."""
    function: str = "run"
    """The command; of a group what runs without a command, if the module has it."""
    examples: str = "EXAMPLES"
    """The constant with the examples of the command."""
    is_group: bool = False
    """Whether it is a group of commands."""


PANELS: dict[str, dict[str, Place]] = {
    "Find": {name: Place(name) for name in ("search", "find", "ask", "point", "track")},
    "Library": {
        "index": Place("index"),
        "status": Place("status"),
        "videos": Place("videos"),
        "video": Place("videos", "video", "VIDEO_EXAMPLES"),
        "events": Place("videos", "events", "EVENTS_EXAMPLES"),
        "transcript": Place("videos", "transcript", "TRANSCRIPT_EXAMPLES"),
        "retry": Place("retry"),
        "forget": Place("forget"),
        "prune": Place("prune"),
        "db": Place("db_group", is_group=True),
        "captions": Place("captions", is_group=True),
    },
    "Export": {name: Place(name) for name in ("export", "reel", "verify")},
    "Review": {
        "save": Place("review", "save", "SAVE_EXAMPLES"),
        "review": Place("review"),
        "correct": Place("correct"),
        "corrections": Place("notes", "corrections", "CORRECTIONS_EXAMPLES"),
        "label": Place("notes", "label", "LABEL_EXAMPLES"),
    },
    "Measure": {
        "calibrate": Place("calibrate"),
        "audit": Place("audit"),
        "eval": Place("eval", is_group=True),
    },
    "Service": {
        "serve": Place("serve"),
        "mcp": Place("mcp"),
        "jobs": Place("jobs", is_group=True),
        "tokens": Place("tokens", is_group=True),
        "alerts": Place("alert_group", is_group=True),
    },
    "App, demo and diagnosis": {
        "ui": Place("ui"),
        "demo": Place("demo"),
        "doctor": Place("doctor"),
        "models": Place("models_group", is_group=True),
    },
}
