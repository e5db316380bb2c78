"""Names sinks for people, without secrets; makes no sink."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from footage.core.alerts import SinkConfig


def sink_label(config: SinkConfig) -> str:
    """A sink in a few words, such as "webhook hooks.example.org": a path or a query may be secret."""
    if config.kind == "command":
        return f"command {PurePath(config.arguments[0]).name}" if config.arguments else "command"
    if config.kind in ("webhook", "mqtt"):
        try:
            host = urlsplit(config.target).hostname or ""
        except ValueError:
            host = ""
        return f"{config.kind} {host}".rstrip()
    return f"{config.kind} {config.target}".rstrip()
