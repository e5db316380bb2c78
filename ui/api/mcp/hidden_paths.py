"""Shortens absolute paths in texts to file names, for callers that need not know this machine's folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_ABSOLUTE = re.compile(r"(?:/|[A-Za-z]:[\\/]|\\\\)[^\n]*\Z")
_INSIDE = re.compile(r"(?<![\w:/.\\~-])~?/(?:[^/\s\"'<>|]+/)+|(?<![\w/\\])[A-Za-z]:\\(?:[^\\\s\"'<>|]+\\)+")


def path_hider(folders: Iterable[str]) -> Callable[[str], str]:
    """A function that shortens paths in a text.

    A text that is a path as a whole becomes its file name. Inside of a text, known folders are cut away
    whatever characters they hold, and anything else that looks like the folders of an absolute path.

    Args:
        folders: Folders that texts may name, such as those of the index and of its videos.
    """
    known = sorted({folder.rstrip("/\\") for folder in folders} - {""}, key=len, reverse=True)
    named = re.compile("|".join(rf"{re.escape(each)}[/\\]" for each in known)) if known else None

    def hide(text: str) -> str:
        if _ABSOLUTE.match(text) and ("/" in text[1:] or "\\" in text[1:]):
            return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
        if named is not None:
            text = named.sub("", text)
        return _INSIDE.sub("", text)

    return hide
