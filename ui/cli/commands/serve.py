"""`footage serve`: the HTTP API of an index, over a Unix socket and over TCP."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui.cli import console, options
from ui.cli.setting_options import FINDS, takes_settings

if TYPE_CHECKING:
    import socket

    from footage.core.config import Settings
    from service.schemas.service import ServiceRecord
    from service.session import Service
    from ui.api.access import ApiAccess

EXAMPLES = options.examples(
    "footage serve",
    "footage serve --port 8502",
    "footage serve --host 0.0.0.0 --port 8502",
    "footage serve --allow-host footage.example.org",
    "footage serve --log-format json",
)
PORT = 8502
"""The port where none is named."""
PLAIN = (
    "note: the connection to {host} is not encrypted; this includes tokens. On an untrusted network, put a "
    "proxy with TLS in front of the service: see docs/how-to/http-api.md."
)
"""Note if other machines reach the service without a proxy."""


@takes_settings("db", *FINDS, "embedder", "image_embedder", "rerank", "token_file", "traces")
def run(
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            help=f"Port for TCP, with a token; unset: {PORT} with --host or --allow-host, else no TCP.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address for TCP; unset: localhost, which only this machine reaches.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Host name of a proxy with TLS in front of the service; can be repeated.",
            show_default=False,
        ),
    ] = None,
    unix_socket: Annotated[
        Path | None,
        typer.Option(
            "--socket",
            metavar="FILE",
            help="Unix socket; unset: the place where the other commands look for it.",
            show_default=False,
        ),
    ] = None,
    show_paths: Annotated[
        bool,
        typer.Option("--show-paths", help="Show the paths of this machine to tokens of the role view, too."),
    ] = False,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option("--log-format", help="Form of the log on stderr: one line per request, without texts."),
    ] = "text",
    rate: Annotated[
        float, typer.Option("--rate", min=0.1, help="Most requests of a token per second, on average.")
    ] = 20.0,
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Serve the index to programs and agents over HTTP; Ctrl-C ends it.

    The Unix socket is open to you alone and needs no token. Over TCP every request needs one.
    """
    from service.logs import service_log
    from ui.api.access import ApiAccess, ApiLimits
    from ui.api.serving import only_service, serve
    from ui.api.serving import unix_socket as listening_locally
    from ui.cli.remote import RemoteCommands
    from ui.hosts import proxy_names

    access = ApiAccess(
        host=host or "localhost",
        proxy_hosts=proxy_names(allow_host or []),
        show_paths=show_paths,
        limits=ApiLimits(requests_per_second=rate, burst_requests=max(100, round(5 * rate))),
    )
    service = options.service_for(settings)
    with ExitStack() as stack:
        stack.enter_context(only_service(settings.db))
        local = stack.enter_context(listening_locally(settings.db, path=unix_socket))
        over_tcp = port is not None or host is not None or bool(allow_host)
        tcp = _tcp_sockets(access.host, port or PORT) if over_tcp else []
        _print(_record(service, local, tcp, access), json=json)
        _note_who_reaches_it(access, tcp)
        with service_log(log_format):
            serve(service, access=access, sockets=[local, *tcp], run_command=RemoteCommands(service))


def _tcp_sockets(host: str, port: int) -> list[socket.socket]:
    from ui.listening import listening

    return listening(host, port, who="the service")


def _record(
    service: Service, local: socket.socket, tcp: list[socket.socket], access: ApiAccess
) -> ServiceRecord:
    """Where the service is; over TCP, its token is made now if this is the first start."""
    from footage.core.endpoint import shown_address
    from service.schemas.service import ServiceRecord
    from service.tokens import own_token, token_file

    addresses: list[str] = []
    file = None
    if tcp:
        file = token_file(service)
        own_token(service, file)
        addresses = _addresses(access, tcp[0].getsockname()[1])
    return ServiceRecord(
        type="service",
        socket=str(local.getsockname()),
        addresses=addresses,
        token_file=str(file) if file else None,
        docs=f"{addresses[0]}/docs" if addresses else None,
        db=service.settings.db,
        model=shown_address(service.settings.model),
    )


def _addresses(access: ApiAccess, port: int) -> list[str]:
    """The addresses of the service over TCP: those of its proxies first."""
    import socket

    from ui.hosts import WILDCARDS

    host = socket.gethostname() if access.host in WILDCARDS else access.host
    own = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return [*(f"https://{name}" for name in sorted(access.proxy_hosts)), own]


def _print(record: ServiceRecord, *, json: bool) -> None:
    if json:
        console.emit_record(record)
    else:
        lines = [
            "The service is at (Ctrl-C ends it):",
            f"  Unix socket  {record.socket}",
            *(f"  HTTP         {address}/api/v1" for address in record.addresses),
        ]
        if record.docs:
            lines.append(f"  Reference    {record.docs}")
        if record.token_file:
            lines.append(f"The token for HTTP is in {record.token_file}.")
            lines.append("More tokens: footage tokens create NAME --role view|edit|admin")
        console.results().print("\n".join(map(console.plain, lines)), soft_wrap=True)
    sys.stdout.flush()


def _note_who_reaches_it(access: ApiAccess, tcp: list[socket.socket]) -> None:
    """Print a note where tokens may travel unencrypted."""
    from ui.hosts import is_loopback

    if tcp and not is_loopback(access.host) and not access.proxy_hosts:
        console.notes().print(PLAIN.format(host=console.plain(access.host)), soft_wrap=True)
