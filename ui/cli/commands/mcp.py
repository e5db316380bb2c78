"""`footage mcp`: tools for agents over the Model Context Protocol, on standard input and output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui.cli import console, options
from ui.cli.setting_options import FINDS, FRAMES, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from service.roles import Role

EXAMPLES = options.examples(
    "footage mcp --print-config",
    "footage mcp --print-config --client vscode --db cameras.lancedb",
    "footage mcp --db cameras.lancedb",
    "footage mcp --allow-edit --export-to ~/clips",
)
_PASSED_ON = ("db", *FINDS, "embedder", "image_embedder", "app_url")
"""Settings that are written into the configuration of a client."""


@takes_settings(*_PASSED_ON, "accept_server_sampling", "rerank", *FRAMES)
def run(
    allow_edit: Annotated[
        bool,
        typer.Option(
            "--allow-edit", help="Offer tools that write files and change the index, such as exports."
        ),
    ] = False,
    allow_admin: Annotated[
        bool, typer.Option("--allow-admin", help="With --all-tools, also offer tools that remove and repair.")
    ] = False,
    all_tools: Annotated[
        bool, typer.Option("--all-tools", help="Offer a tool for every function, named footage_…")
    ] = False,
    show_paths: Annotated[
        bool, typer.Option("--show-paths", help="Show absolute paths; otherwise, only file names.")
    ] = False,
    api_address: Annotated[
        str,
        typer.Option(
            "--api-address",
            metavar="URL",
            help="Address of a running `footage serve`, for links to clips and posters; unset: none.",
        ),
    ] = "",
    export_to: Annotated[
        Path, typer.Option("--export-to", metavar="FOLDER", help="Folder for exported clips.")
    ] = Path("~/footage-exports"),
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the configuration of a client, and end.")
    ] = False,
    client: Annotated[
        Literal["generic", "claude-desktop", "cursor", "vscode"],
        typer.Option("--client", help="The client of --print-config."),
    ] = "generic",
    *,
    settings: Settings,
    debug: options.Debug = False,
) -> None:
    """Offer the index to an agent as tools of the Model Context Protocol.

    The agent's client starts this command and talks to it over standard input and output. Without
    --allow-edit, no tool changes anything.
    """
    from footage import __version__
    from service.media_links import USUAL_APP
    from ui.api.mcp.tools import McpOptions

    role: Role = "admin" if allow_admin else "edit" if allow_edit else "view"
    offered = McpOptions(
        all_tools=all_tools,
        show_paths=show_paths,
        app_address=settings.app_url or USUAL_APP,
        api_address=api_address,
        export_folder=export_to.expanduser().absolute(),
    )
    if print_config:
        _print_config(client, [*_setting_arguments(settings), *_arguments(offered, role)])
        return
    from ui.api.mcp.stdio import serve_stdio

    serve_stdio(options.service_for(settings), offered, role=role, version=__version__)


def _print_config(client: str, arguments: list[str]) -> None:
    """The configuration on stdout, where it goes on stderr."""
    from ui.api.mcp.client_config import CLIENTS, spelled

    typer.echo(spelled(client, arguments))
    _, place = CLIENTS[client]
    console.notes().print(f"Add this to {place}, and restart the client.", soft_wrap=True)
    if client == "generic":
        console.notes().print("Other forms: --client claude-desktop, cursor or vscode.", soft_wrap=True)


def _setting_arguments(settings: Settings) -> list[str]:
    """The settings of an index as options, those that differ from the defaults."""
    defaults = type(settings).model_fields
    place = settings.db
    arguments = ["--db", str(place.absolute() if isinstance(place, Path) else place)]
    for name in _PASSED_ON[1:]:
        value = getattr(settings, name)
        if value not in (None, "", defaults[name].default):
            option = f"--{name.replace('_', '-')}"
            arguments += [option] if value is True else [option, str(value)]
    return arguments


def _arguments(offered: object, role: Role) -> list[str]:
    """The other options, those that differ from the defaults."""
    from ui.api.mcp.tools import McpOptions

    assert isinstance(offered, McpOptions)
    defaults = McpOptions()
    flags = {
        "--allow-edit": role == "edit",
        "--allow-admin": role == "admin",
        "--all-tools": offered.all_tools,
        "--show-paths": offered.show_paths,
    }
    arguments = [flag for flag, given in flags.items() if given]
    for option, value, default in (
        ("--api-address", offered.api_address, defaults.api_address),
        ("--export-to", offered.export_folder, defaults.export_folder.expanduser().absolute()),
    ):
        arguments += [] if value == default else [option, str(value)]
    return arguments
