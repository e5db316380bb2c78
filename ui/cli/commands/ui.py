"""`footage ui`: open the app in a browser."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.cli import console, options
from ui.cli.setting_options import FINDS, config_file, takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings
    from ui.web.access.rules import AppAccess, Role

EXAMPLES = options.examples(
    "footage ui",
    "footage ui --db cameras.lancedb --model demo",
    "footage ui --library-root ~/Videos",
    "footage ui --host 0.0.0.0 --port 8080",
    "footage ui --allow-host footage.example.org --no-token",
)
PLAIN = (
    "note: the connection to {host} is not encrypted; this includes tokens. On an untrusted network, put a "
    "proxy with TLS in front of the app: see docs/how-to/serve.md."
)
"""Note if other machines reach the app without a proxy."""
NO_TOKEN = (
    "note: the app has no access control for {hosts}: the proxy must ask for a password. Everyone accepted "
    "by the proxy can edit."
)
"""Note if a proxy is responsible for access control."""


@takes_settings("db", *FINDS, "embedder")
def run(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; access from other machines needs a token.")
    ] = "localhost",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Host name of a proxy in front of the app; can be repeated.",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        bool | None,
        typer.Option(
            "--token/--no-token",
            help="Ask visitors for a token; unset: only if other machines can reach the app. With "
            "--no-token, a proxy on this machine (--allow-host) must ask for a password.",
            show_default=False,
        ),
    ] = None,
    library_root: Annotated[
        list[Path] | None,
        typer.Option(
            "--library-root",
            metavar="FOLDER",
            help="Additional folder that the app may index, with all subfolders; can be repeated. "
            "(FOOTAGE_LIBRARY_ROOTS)",
            show_default=False,
        ),
    ] = None,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Open the app in a browser; Ctrl-C ends it."""
    from ui.listening import listening
    from ui.web.access.rules import decided
    from ui.web.serving import serve

    access = decided(host, port, proxy_hosts=allow_host or [], token=token)
    if library_root:
        roots = tuple(root.expanduser().absolute() for root in library_root)
        settings = settings.model_copy(update={"library_roots": roots})
    sockets = listening(access.host, access.port)
    _note_who_reaches_it(access)
    _note_missing_weights(settings)
    os.environ.update(environment(settings, config=config_file()))
    _print_addresses(access, settings, json=json)
    serve(access, sockets)


def _note_who_reaches_it(access: AppAccess) -> None:
    """Print the notes about access from other machines."""
    if not access.beyond_loopback:
        return
    if access.tokens is None:
        hosts = ", ".join(sorted(access.proxy_hosts))
        console.notes().print(NO_TOKEN.format(hosts=console.plain(hosts)), soft_wrap=True)
    elif not access.proxy_hosts:
        console.notes().print(PLAIN.format(host=console.plain(access.host)), soft_wrap=True)


def _print_addresses(access: AppAccess, settings: Settings, *, json: bool) -> None:
    """Print the address of the app; with tokens, one address per role."""
    from footage.core.endpoint import shown_address
    from service.schemas.setup import AppRecord

    addresses = {role: address(access, role) for role in ("edit", "view")}
    if json:
        shown = {"view_address": addresses["view"]} if access.tokens else {}
        model = shown_address(settings.model)
        console.emit_record(AppRecord(address=addresses["edit"], **shown, db=settings.db, model=model))
    elif access.tokens:
        lines = [
            "The app is at (Ctrl-C ends it):",
            f"  to search and to edit  {addresses['edit']}",
            f"  to search only         {addresses['view']}",
        ]
        console.results().print("\n".join(lines), soft_wrap=True)
    else:
        console.results().print(f"The app is at {addresses['edit']} (Ctrl-C ends it).", soft_wrap=True)
    sys.stdout.flush()


def address(access: AppAccess, role: Role) -> str:
    """The address for a role, with its token if there are tokens."""
    if access.proxy_hosts:
        place = f"https://{min(access.proxy_hosts)}"
    else:
        from ui.hosts import WILDCARDS

        host = socket.gethostname() if access.host in WILDCARDS else access.host
        place = f"http://{f'[{host}]' if ':' in host else host}:{access.port}"
    return f"{place}/?token={getattr(access.tokens, role)}" if access.tokens else place


def _note_missing_weights(settings: Settings) -> None:
    """Print, before the app opens, that the weights of the find model are missing, and how it works then."""
    from footage.core.endpoint import is_address
    from footage.core.errors import ModelUnavailableError
    from footage.vlm.weights import locate

    finds = settings.for_finds
    if is_address(finds.model):
        return
    try:
        locate(finds.model, model_path=finds.model_path, offline=True)
    except ModelUnavailableError as error:
        console.notes().print(
            f"note: {console.plain(str(error))}. Without the model, the app searches only the captions. "
            f"{console.plain(error.hint)}",
            soft_wrap=True,
        )


def environment(settings: Settings, *, config: Path | None = None) -> dict[str, str]:
    """The settings of the app as environment variables.

    Args:
        settings: What the app works with.
        config: Config file for every other setting.
    """
    variables = {}
    for name in ("db", *FINDS, "embedder"):
        value = getattr(settings, name)
        if value not in (None, ""):
            variables[f"FOOTAGE_{name.upper()}"] = str(value)
    if settings.library_roots:
        variables["FOOTAGE_LIBRARY_ROOTS"] = os.pathsep.join(map(str, settings.library_roots))
    if config is not None:
        variables["FOOTAGE_CONFIG"] = str(config.expanduser().absolute())
    return variables
