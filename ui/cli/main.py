"""The `footage` command: parser and error output; the commands are in ui/cli/commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from footage.core.private_files import keep_to_owner
from footage.core.process import settle
from ui.cli import console, logs, options, served, setting_options
from ui.cli.commands import (
    ask,
    audit,
    backup,
    calibrate,
    captions,
    correct,
    db,
    demo,
    doctor,
    download,
    export,
    find,
    forget,
    index,
    mcp,
    models,
    notes,
    point,
    prompt,
    prune,
    recaption,
    reel,
    reembed,
    retry,
    review,
    search,
    serve,
    serve_command,
    status,
    track,
    verify,
    videos,
)
from ui.cli.commands import eval as evaluation
from ui.cli.commands import ui as app_command

_Commands = dict[str, tuple[Callable[..., None], str]]
_PANELS: dict[str, _Commands] = {
    "Find": {
        "search": (search.run, search.EXAMPLES),
        "find": (find.run, find.EXAMPLES),
        "ask": (ask.run, ask.EXAMPLES),
        "point": (point.run, point.EXAMPLES),
        "track": (track.run, track.EXAMPLES),
    },
    "Library": {
        "index": (index.run, index.EXAMPLES),
        "status": (status.run, status.EXAMPLES),
        "videos": (videos.run, videos.EXAMPLES),
        "video": (videos.video, videos.VIDEO_EXAMPLES),
        "events": (videos.events, videos.EVENTS_EXAMPLES),
        "transcript": (videos.transcript, videos.TRANSCRIPT_EXAMPLES),
        "retry": (retry.run, retry.EXAMPLES),
        "forget": (forget.run, forget.EXAMPLES),
        "prune": (prune.run, prune.EXAMPLES),
    },
    "Export": {
        "export": (export.run, export.EXAMPLES),
        "reel": (reel.run, reel.EXAMPLES),
        "verify": (verify.run, verify.EXAMPLES),
    },
    "Review": {
        "save": (review.save, review.SAVE_EXAMPLES),
        "review": (review.run, review.EXAMPLES),
        "correct": (correct.run, correct.EXAMPLES),
        "corrections": (notes.corrections, notes.CORRECTIONS_EXAMPLES),
        "label": (notes.label, notes.LABEL_EXAMPLES),
    },
    "Measure": {"calibrate": (calibrate.run, calibrate.EXAMPLES), "audit": (audit.run, audit.EXAMPLES)},
    "Service": {"serve": (serve.run, serve.EXAMPLES), "mcp": (mcp.run, mcp.EXAMPLES)},
    "App, demo and diagnosis": {
        "ui": (app_command.run, app_command.EXAMPLES),
        "demo": (demo.run, demo.EXAMPLES),
        "doctor": (doctor.run, doctor.EXAMPLES),
    },
}
"""Commands by help panel: function and examples."""
_DB: _Commands = {
    "check": (db.check, db.CHECK_EXAMPLES),
    "upgrade": (db.upgrade, db.UPGRADE_EXAMPLES),
    "backup": (backup.run, backup.EXAMPLES),
    "restore": (backup.restore, backup.RESTORE_EXAMPLES),
    "reembed": (reembed.run, reembed.EXAMPLES),
    "recaption": (recaption.run, recaption.EXAMPLES),
}
_LATER = {
    "jobs": ("jobs", "List, cancel and retry the jobs of the service."),
    "tokens": ("tokens", "Tokens for the HTTP API and MCP over TCP."),
    "alerts": ("alert_group", "Alerts: report new moments by themselves."),
}
"""Groups that are imported when they are used: their module in ui/cli/commands, and their help."""
_CAPTIONS: _Commands = {
    "export": (captions.export, captions.EXAMPLES),
    "import": (captions.take_in, captions.IMPORT_EXAMPLES),
}
_MODELS: _Commands = {
    "list": (models.run, models.EXAMPLES),
    "show": (models.show, models.SHOW_EXAMPLES),
    "download": (download.run, download.EXAMPLES),
    "prompt": (prompt.run, prompt.EXAMPLES),
    "serve-command": (serve_command.run, serve_command.EXAMPLES),
}


class _Worded:
    """Its errors become one sentence on stderr and an exit code, with --debug a traceback too."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: with the exit code, whenever it is not 0.
        """
        try:
            result = super().invoke(ctx)  # type: ignore[misc]
            console.output().flush()
            return result
        except (typer.Exit, typer.Abort, served.RunLocallyError):
            raise
        except (
            BrokenPipeError
        ) as exc:  # whoever read our output has had enough, as in `footage search … | head`
            console.close_stdout()
            raise typer.Exit(console.EXIT_FAILED) from exc
        except (Exception, KeyboardInterrupt) as exc:
            if ctx.params.get("debug"):
                import traceback

                traceback.print_exc(file=console.errors())
            raise typer.Exit(console.report_error(exc, as_json=bool(ctx.params.get("json")))) from exc


class Command(_Worded, TyperCommand):
    """A command whose setting options are created when first needed."""

    def get_params(self, ctx: Any) -> Any:
        """Its own arguments and options, those of its settings before the common ones."""
        own = list(super().get_params(ctx))
        names = setting_options.names_of(self.callback)
        settings = setting_options.options(names) if names else []
        common = [each for each in own if each.name in ("json", "debug", "help")]
        parameters = [
            *(each for each in own if each not in common),
            *settings,
            *setting_options.verbosity(),
            *common,
        ]
        for each in parameters:
            if getattr(each, "is_flag", False):
                each.metavar = ""  # Typer would show "<bool>"
        return parameters

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help, on stdout.

        Raises:
            RunLocallyError: stdout is not the client's.
        """
        if served.current() is not None:
            raise served.RunLocallyError("Help is printed without the service.")
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run the command with the settings and the verbosity as given."""
        if (command := served.current()) is not None:
            command.check(ctx.params)
        setting_options.take_from(ctx.params, setting_options.names_of(self.callback))
        console.be_quiet(ctx.params.pop("quiet", False))
        with logs.verbose() if ctx.params.pop("verbose", False) else nullcontext():
            return super().invoke(ctx)


class Group(TyperGroup):
    """A group of commands; each reports its own errors, those of the parser stay as they are."""


class LaterGroup(Group):
    """A group whose commands are imported when they are first asked for: help of the program is quicker."""

    module = ""
    """Module with ``COMMANDS``."""
    _commands: dict[str, Any]

    @property  # type: ignore[override]
    def commands(self) -> dict[str, Any]:
        """The commands by name."""
        if not self._commands:
            made: dict[str, tuple[Callable[..., None], str]] = import_module(self.module).COMMANDS
            group = typer.Typer()
            _add(group, made)
            self._commands = typer.main.get_command(group).commands  # type: ignore[attr-defined]
            self.epilog = next(iter(made.values()))[1]
        return self._commands

    @commands.setter
    def commands(self, commands: dict[str, Any]) -> None:
        self._commands = commands


app = typer.Typer(
    epilog=f"Exit codes: {'; '.join(f'{code} {meaning}' for code, meaning in console.EXIT_CODES.items())}.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"footage {version('footage')}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Search video by what happens in it, and when."""
    options.use_loaders(ctx.obj)


def _add(group: typer.Typer, commands: _Commands, panel: str | None = None) -> None:
    for name, (function, examples) in commands.items():
        group.command(name, cls=Command, epilog=examples, rich_help_panel=panel)(function)


def _group(name: str, commands: _Commands, *, panel: str, help_: str, **more: Any) -> typer.Typer:
    examples = next(iter(commands.values()))[1]
    group = typer.Typer(cls=Group, help=help_, epilog=examples, **{"no_args_is_help": True, **more})
    _add(group, commands)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


def _later(name: str, module: str, help_: str, *, panel: str) -> None:
    kind = type(f"{name.title()}Group", (LaterGroup,), {"module": f"ui.cli.commands.{module}"})
    group = typer.Typer(cls=kind, help=help_, no_args_is_help=True)
    app.add_typer(group, name=name, rich_help_panel=panel)


for _panel, _commands in _PANELS.items():
    _add(app, _commands, _panel)
_group("db", _DB, panel="Library", help_=db.HELP)
_group("captions", _CAPTIONS, panel="Library", help_=captions.HELP)
for _name, (_module, _help) in _LATER.items():
    _later(_name, _module, _help, panel="Service")
_group("eval", evaluation.COMMANDS, panel="Measure", help_=evaluation.HELP)
_models = _group(
    "models",
    _MODELS,
    panel="App, demo and diagnosis",
    help_=models.HELP,
    no_args_is_help=False,
    invoke_without_command=True,
)


@_models.callback()
def _list_models(ctx: typer.Context, json: options.Json = False, debug: options.Debug = False) -> None:
    """Without a command, list the models."""
    if ctx.invoked_subcommand is None:
        command = ctx.command.commands["list"]  # type: ignore[attr-defined]
        given = [*(["--json"] if json else []), *(["--debug"] if debug else [])]
        with command.make_context("list", given, parent=ctx) as listing:
            command.invoke(listing)


def main() -> None:
    """Run the command line; never returns."""
    settle()
    keep_to_owner()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    app()


if __name__ == "__main__":
    main()
