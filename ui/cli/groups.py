"""Commands and groups of commands for the parser; a command is imported when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from copy import copy
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ui.cli import console, logs, served, setting_options
from ui.cli.command_table import PANELS, CommandPlace
from ui.cli.help_imports import import_help_drawing

SUMMARIES = Path(__file__).with_name("summaries.json")
"""The first paragraph of each command's help, for lists of commands; written by tools/reference.py."""


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
        import_help_drawing()
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


class RootGroup(Group):
    """All commands of the program; a list of them, as in the main help, imports none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands()  # type: ignore[assignment]

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands, in the order of the help."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help with a list of commands."""
        import_help_drawing()
        super(RootGroup, self._summarised()).format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Names of commands that begin in some way, and their summaries."""
        ctx = copy(ctx)
        ctx.command = self._summarised()
        return super(RootGroup, ctx.command).shell_complete(ctx, incomplete)

    def _summarised(self) -> RootGroup:
        """The same group with commands that have a name and a summary alone."""
        summaries = json.loads(SUMMARIES.read_text("utf-8"))
        group = copy(self)
        group.commands = {
            name: TyperCommand(name, help=summaries[name], rich_help_panel=panel)
            for panel, places in PANELS.items()
            for name in places
        }
        return group


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is looked up."""

    def __init__(self) -> None:
        self._places = {
            name: (place, panel) for panel, places in PANELS.items() for name, place in places.items()
        }
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            place, panel = self._places[name]
            self._made[name] = (_group if place.is_group else _command)(name, place, panel)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _command(name: str, place: CommandPlace, panel: str) -> Any:
    module = import_module(f"ui.cli.commands.{place.module}")
    holder = typer.Typer(cls=Group)
    function, examples = getattr(module, place.function), getattr(module, place.examples)
    holder.command(name, cls=Command, epilog=examples, rich_help_panel=panel)(function)
    return typer.main.get_group(holder).commands[name]


def _group(name: str, place: CommandPlace, panel: str) -> Any:
    module = import_module(f"ui.cli.commands.{place.module}")
    alone = getattr(module, place.function, None)
    group = typer.Typer(
        cls=Group,
        help=module.HELP,
        epilog=next(iter(module.COMMANDS.values()))[1],
        no_args_is_help=alone is None,
        invoke_without_command=alone is not None,
    )
    if alone is not None:
        group.callback()(alone)
    for each, (function, examples) in module.COMMANDS.items():
        group.command(each, cls=Command, epilog=examples)(function)
    holder = typer.Typer(cls=Group)
    holder.add_typer(group, name=name, rich_help_panel=panel)
    return typer.main.get_group(holder).commands[name]
