"""Configuration of the usual MCP clients for one index; writes no file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CLIENTS: Mapping[str, tuple[str, str]] = {
    "claude-desktop": ("mcpServers", "claude_desktop_config.json (Settings, Developer, Edit Config)"),
    "cursor": ("mcpServers", "~/.cursor/mcp.json, or .cursor/mcp.json of a project"),
    "vscode": ("servers", ".vscode/mcp.json of a workspace"),
    "generic": ("mcpServers", "the configuration of your client"),
}
"""Key of the list of servers, and the file, by client."""


def client_config(client: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The configuration of a client.

    Args:
        client: One of ``CLIENTS``.
        arguments: Options of `footage mcp`.
    """
    key, _ = CLIENTS[client]
    server: dict[str, Any] = {**_command(arguments)}
    if client == "vscode":
        server = {"type": "stdio", **server}
    return {key: {"footage": server}}


def spelled(client: str, arguments: Sequence[str]) -> str:
    """The configuration as JSON text."""
    return json.dumps(client_config(client, arguments), indent=2, ensure_ascii=False)


def _command(arguments: Sequence[str]) -> dict[str, Any]:
    """The command of this installation, with absolute paths: clients start it from any folder."""
    script = Path(sys.argv[0])
    if script.name == "footage" and script.is_file():
        return {"command": str(script.absolute()), "args": ["mcp", *arguments]}
    return {"command": sys.executable, "args": ["-m", "ui.cli", "mcp", *arguments]}
