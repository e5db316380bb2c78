"""`footage tokens`: tokens for the HTTP API and MCP over TCP."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ui.cli import console, options
from ui.cli.setting_options import takes_settings

if TYPE_CHECKING:
    from footage.core.config import Settings

HELP = "Tokens for the HTTP API and MCP over TCP."
EXAMPLES = options.examples(
    "footage tokens create laptop --role edit", "footage tokens list", "footage tokens revoke laptop"
)
LIST_EXAMPLES = options.examples("footage tokens list", "footage tokens list --json | jq .name")
REVOKE_EXAMPLES = options.examples("footage tokens revoke laptop")


@takes_settings("db")
def create(
    name: Annotated[str, typer.Argument(help="Name of the token, for lists and the audit log.")],
    role: Annotated[
        Literal["view", "edit", "admin"],
        typer.Option(
            "--role",
            help="What it allows: to search and read; also to index, review, correct and export; everything.",
        ),
    ] = "view",
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Make a token and print it, once; only its digest is kept."""
    from service.operations.tokens import CREATE_TOKEN
    from service.tokens import CreateTokenRequest

    [record] = CREATE_TOKEN(options.service_for(settings), CreateTokenRequest(name=name, role=role))
    if json:
        console.emit_record(record)
        return
    console.results().print(console.plain(record.fields()["token"]), soft_wrap=True)
    console.notes().print("Keep it: it is not shown again.")


@takes_settings("db")
def list_(*, settings: Settings, json: options.Json = False, debug: options.Debug = False) -> None:
    """List the tokens, those that were revoked included."""
    from service.operations.tokens import LIST_TOKENS
    from service.tokens import ListTokensRequest

    records = LIST_TOKENS(options.service_for(settings), ListTokensRequest())
    if json:
        for record in records:
            console.emit_record(record)
        return
    table = console.table("name", "role", "made", "revoked", whole=("name",))
    for fields in (record.fields() for record in records):
        table.add_row(
            console.plain(fields["name"]), fields["role"], _day(fields["made_at"]), _day(fields["revoked_at"])
        )
    console.results().print(table)


@takes_settings("db")
def revoke(
    name: Annotated[str, typer.Argument(help="Name of the token.")],
    *,
    settings: Settings,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Revoke a token; a running service refuses it within a second."""
    from service.operations.tokens import REVOKE_TOKEN
    from service.tokens import RevokeTokenRequest

    [record] = REVOKE_TOKEN(options.service_for(settings), RevokeTokenRequest(name=name))
    if json:
        console.emit_record(record)
        return
    console.results().print(f"The token {console.plain(name)} is revoked.", soft_wrap=True)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M") if at else ""


COMMANDS = {
    "create": (create, EXAMPLES),
    "list": (list_, LIST_EXAMPLES),
    "revoke": (revoke, REVOKE_EXAMPLES),
}
"""The commands of the group: function and examples."""
