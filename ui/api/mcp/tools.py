"""What a tool is, and the list of tools that a caller may use; runs none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from service.requests import Request
from service.roles import Role, allows

if TYPE_CHECKING:
    from service.operations import Operation
    from service.session import Service

MOST_FRAMES = 4
"""Most pictures in one answer."""


class ToolRequest(Request):
    """Arguments of a tool; the docstring of a field describes it to the agent."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class FramesRequest(ToolRequest):
    """Arguments of a tool whose answer may hold pictures."""

    include_frames: int = Field(default=0, ge=0, le=MOST_FRAMES)
    """Pictures to return, one from the middle of each of the first moments; JPEG, at most 512 pixels wide."""


@dataclass(frozen=True, slots=True)
class McpOptions:
    """What a server offers."""

    all_tools: bool = False
    """Add a tool for each remaining operation."""
    show_paths: bool = False
    """Show absolute paths of this machine; otherwise, only file names."""
    app_address: str = ""
    """Where the app is, for links to moments; empty for no such links."""
    api_address: str = ""
    """Where the HTTP API is, for links to clips and posters; empty for no such links."""
    export_folder: Path = Path("~/footage-exports")
    """Where tools write exports; nowhere else."""


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool as agents see it, and the operation behind it."""

    name: str
    """Its name."""
    title: str
    """A short title for people."""
    description: str
    """What it does, with its limits, for the agent."""
    operation: Operation
    """What it runs."""
    arguments: type[Request]
    """What it takes."""
    request: Callable[[Service, Any, McpOptions], Request]
    """The request of the operation for checked arguments."""
    role: Role = "view"
    """The least role that may use it."""
    removes: bool = False
    """Whether it may remove or replace something."""

    @property
    def changes(self) -> bool:
        """Whether it may change anything."""
        return self.role != "view"

    def input_schema(self) -> dict[str, Any]:
        """JSON schema of its arguments."""
        return self.arguments.model_json_schema()


def usable(tools: Mapping[str, McpTool], role: Role) -> dict[str, McpTool]:
    """The tools that a role may use."""
    return {name: tool for name, tool in tools.items() if allows(role, tool.role)}


OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "notice": {"type": "string", "description": "How to treat texts from footage."},
        "answer": {"type": "string", "description": "What it came to, what was searched and what was not."},
        "records": {
            "type": "array",
            "items": {"type": "object"},
            "description": "The records of the operation, as the command prints them with --json.",
        },
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["record"],
                "properties": {"record": {"type": "integer"}},
            },
            "description": "Links of records about moments, each with the number of its record, from 0.",
        },
        "records_left_out": {"type": "integer", "description": "Records that did not fit into the answer."},
    },
    "required": ["notice", "answer", "records", "links", "records_left_out"],
}
"""JSON schema of the structured content of every tool."""
