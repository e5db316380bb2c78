"""Serves MCP over standard input and output, for a client that starts this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
from mcp.server.stdio import stdio_server

from service.media_links import index_signer
from service.moment_media import MomentMedia
from ui.api.links import LinkMaker
from ui.api.mcp.calls import McpCaller, OperationRunner
from ui.api.mcp.server import McpHost, McpTools

if TYPE_CHECKING:
    from service.roles import Role
    from service.session import Service
    from ui.api.mcp.tools import McpOptions


def serve_stdio(service: Service, options: McpOptions, *, role: Role, version: str) -> None:
    """Serve until the client closes standard input; writes nothing but protocol to standard output.

    Raises:
        StoreError: links to clips are wanted, and their key cannot be read.
    """
    caller = McpCaller("mcp", role)
    signer = index_signer(service) if options.api_address else None
    links = LinkMaker(options.app_address, options.api_address, signer)
    runner = OperationRunner(service)
    tools = McpTools(McpHost(runner, options, MomentMedia(service), lambda _: caller, lambda _: links))

    async def run() -> None:
        server = tools.server(version)
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())

    anyio.run(run)
