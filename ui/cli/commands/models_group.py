"""The commands of `footage models`, in one table, and what it does without one."""

from __future__ import annotations

import typer

from ui.cli import options
from ui.cli.commands import download, models, prompt, serve_command

HELP = "List, test and serve models."
COMMANDS = {
    "list": (models.run, models.EXAMPLES),
    "show": (models.show, models.SHOW_EXAMPLES),
    "download": (download.run, download.EXAMPLES),
    "prompt": (prompt.run, prompt.EXAMPLES),
    "serve-command": (serve_command.run, serve_command.EXAMPLES),
}
"""The commands: function and examples."""


def run(ctx: typer.Context, json: options.Json = False, debug: options.Debug = False) -> None:
    """Without a command, list the models."""
    if ctx.invoked_subcommand is None:
        command = ctx.command.commands["list"]  # type: ignore[attr-defined]
        given = [*(["--json"] if json else []), *(["--debug"] if debug else [])]
        with command.make_context("list", given, parent=ctx) as listing:
            command.invoke(listing)
