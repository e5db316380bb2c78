"""Asks `footage mcp` for its tools with MCP's inspector, which npx fetches; run by hand with an index."""

from __future__ import annotations

import json
import subprocess
import sys

INSPECTOR = ["npx", "--yes", "@modelcontextprotocol/inspector", "--cli"]
LEAST = {"search_moments", "find_in_video", "get_coverage", "get_video"}


def inspected(server: list[str], *request: str) -> dict:
    """What the inspector prints for a request."""
    done = subprocess.run([*INSPECTOR, *server, *request], capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"the inspector failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def main() -> None:
    server = [sys.executable, "-m", "ui.cli", "mcp", "--db", sys.argv[1], "--model", "demo"]
    tools = inspected(server, "--method", "tools/list")["tools"]
    names = {tool["name"] for tool in tools}
    assert names >= LEAST, names
    assert all(tool["annotations"]["readOnlyHint"] for tool in tools)
    answer = inspected(server, "--method", "tools/call", "--tool-name", "get_coverage")
    assert answer["structuredContent"]["records"][0]["type"] == "status", answer
    print(f"the inspector lists {len(names)} tools and reads the coverage")  # noqa: T201


if __name__ == "__main__":
    main()
