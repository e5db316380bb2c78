"""The `footage` command: the parser; its commands are in ui/cli/commands."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from footage.core.private_files import keep_to_owner
from footage.core.process import settle
from ui.cli import console, options
from ui.cli.groups import RootGroup

app = typer.Typer(
    cls=RootGroup,
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
