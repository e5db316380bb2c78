"""Takes the folders of this machine out of answers, for callers who may not see them; keeps file names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

_SEGMENT = r"[^/\s\"'<>|]+(?: +[^/\s\"'<>|]+)*"
_FOLDERS = re.compile(
    rf"(?:file://|(?<![\w/:.~])~?)/(?:{_SEGMENT}/)*|(?<!\w)[A-Za-z]:\\(?:[^\\\s\"'<>|]+\\)*"
)
VERBATIM = frozenset({"text", "raw", "query", "name", "note", "author", "language", "cursor", "next_cursor"})
"""Keys whose texts come from footage or from people, and not from the file system."""
PATHS = frozenset({"video", "path", "file", "folder", "root", "db", "manifest", "quarantine", "token_file"})
"""Keys whose texts are nothing but a path, or the address of a video."""
_ADDRESSES = ("_url", "_address", "link")
"""Endings of keys whose texts are addresses of this service."""


def without_paths(sentence: str) -> str:
    """A text in which every absolute path is only its last part."""
    return _FOLDERS.sub("", sentence)


def redacted(value: Any, key: str = "") -> Any:
    """A JSON value without the folders of this machine, except in texts from footage and from people."""
    if isinstance(value, str):
        if key in PATHS and value.startswith("/"):
            return PurePosixPath(value).name
        kept = key in VERBATIM or key.endswith(_ADDRESSES)
        return value if kept else without_paths(value)
    if isinstance(value, list):
        return [redacted(each, key) for each in value]
    if isinstance(value, dict):
        return {without_paths(name): redacted(each, name) for name, each in value.items()}
    return value
