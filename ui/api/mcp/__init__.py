"""The Model Context Protocol (MCP): tools for agents, over standard input and output or over HTTP.

Each tool is an operation of the service. Its answer holds the operation's records and says what was searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.api.state import ApiState

PATH = "/mcp"
"""Where MCP is on the HTTP server."""


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add streamable HTTP under ``PATH``, with the tokens and roles of the API."""
    from ui.api.mcp.mounted import mount

    mount(app, state, PATH)
