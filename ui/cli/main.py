"""The `footage` command: parser and error output; the commands are in ui/cli/commands."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from footage.core.private_files import keep_to_owner
from footage.core.process import settle
from ui.cli import console, options
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
    export,
    find,
    forget,
    index,
    models,
    point,
    prompt,
    prune,
    reel,
    reembed,
    retry,
    review,
    search,
    serve_command,
    status,
    track,
    verify,
)
from ui.cli.commands import eval as evaluation
from ui.cli.commands import ui as app_command

_COMMANDS = {
    "index": index,
    "search": search,
    "find": find,
    "prompt": prompt,
    "ask": ask,
    "point": point,
    "track": track,
    "export": export,
    "reel": reel,
    "verify": verify,
    "status": status,
    "retry": retry,
    "prune": prune,
    "forget": forget,
    "backup": backup,
    "review": review,
    "correct": correct,
    "ui": app_command,
    "audit": audit,
    "calibrate": calibrate,
    "demo": demo,
    "doctor": doctor,
    "reembed": reembed,
}
_EXIT_CODES = (
    "Exit codes: 0 answered (also when nothing was found), 1 could not run (something is missing or cannot "
    "be used), 2 bad usage (an option, a value, a query or what a file says makes no sense), "
    "3 partly (some files failed), 130 stopped with Ctrl-C."
)


class _Worded:
    """Its errors become one sentence on stderr and an exit code, with --debug a traceback too."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: with the exit code, whenever it is not 0.
        """
        try:
            result = super().invoke(ctx)  # type: ignore[misc]
            sys.stdout.flush()
            return result
        except (typer.Exit, typer.Abort):
            raise
        except (
            BrokenPipeError
        ) as exc:  # whoever read our output has had enough, as in `footage search … | head`
            console.close_stdout()
            raise typer.Exit(console.EXIT_FAILED) from exc
        except (Exception, KeyboardInterrupt) as exc:
            if ctx.params.get("debug"):
                import traceback

                traceback.print_exc()
            raise typer.Exit(console.report_error(exc, as_json=bool(ctx.params.get("json")))) from exc


class Command(_Worded, TyperCommand):
    """A command."""


class Group(_Worded, TyperGroup):
    """A command with commands of its own."""


app = typer.Typer(
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
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


for name, module in _COMMANDS.items():
    app.command(name, cls=Command, epilog=module.EXAMPLES)(module.run)
app.command("save", cls=Command, epilog=review.SAVE_EXAMPLES)(review.save)
app.command("restore", cls=Command, epilog=backup.RESTORE_EXAMPLES)(backup.restore)
app.command("export-captions", cls=Command, epilog=captions.EXAMPLES)(captions.export)
app.command("import-captions", cls=Command, epilog=captions.IMPORT_EXAMPLES)(captions.take_in)


known = typer.Typer(cls=Group, invoke_without_command=True, help=models.run.__doc__, epilog=models.EXAMPLES)


@known.callback()
def _models(ctx: typer.Context, json: options.Json = False, debug: options.Debug = False) -> None:
    if ctx.invoked_subcommand is None:
        models.run(json, debug)


known.command("serve-command", cls=Command, epilog=serve_command.EXAMPLES)(serve_command.run)
app.add_typer(known, name="models")
evaluations = typer.Typer(help=evaluation.HELP, epilog=evaluation.EXAMPLES, no_args_is_help=True)
for name, function in evaluation.COMMANDS.items():
    evaluations.command(name, cls=Command)(function)
app.add_typer(evaluations, name="eval")
database = typer.Typer(cls=Group, help=db.HELP, epilog=db.CHECK_EXAMPLES, no_args_is_help=True)
database.command("check", cls=Command, epilog=db.CHECK_EXAMPLES)(db.check)
database.command("upgrade", cls=Command, epilog=db.UPGRADE_EXAMPLES)(db.upgrade)
app.add_typer(database, name="db")


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
