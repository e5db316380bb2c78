"""Picks tags out of a container's metadata, as the time of recording; knows neither zones nor file names."""

from __future__ import annotations

import re
from collections.abc import Mapping

APPLE_TAG = "com.apple.quicktime.creationdate"
"""Local time with its zone, as Apple's cameras write it (QuickTime metadata keys)."""
UTC_TAG = "creation_time"
"""What FFmpeg makes of the header's time: UTC by the standard (ISO 14496-12), though some cameras write local
time into it, and Android the end of the recording. Of AVI files it is local time without a zone."""

MOST_LETTERS = 200
"""Most letters that are taken of a tag."""
_WITH_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


def recorded_tag(container: Mapping[str, str], stream: Mapping[str, str]) -> str:
    """The time of recording that a container's metadata gives.

    Args:
        container: Metadata of the container, by name.
        stream: Metadata of its video stream.

    Returns:
        ISO 8601, empty where there is none. It ends with "Z" only where it comes from ``UTC_TAG``; a UTC time
        of Apple's is given the offset "+00:00" instead, because that one can be relied upon.
    """
    apple = plain_tag(container, APPLE_TAG).strip()
    if _WITH_TIME.match(apple):
        return re.sub("[Zz]$", "+00:00", apple)
    return plain_tag(container, UTC_TAG) or plain_tag(stream, UTC_TAG)


def plain_tag(metadata: Mapping[str, str], name: str) -> str:
    """A tag, short and fit to be written anywhere; empty where there is none.

    Args:
        metadata: By name.
        name: Which.
    """
    text = metadata.get(name, "")[:MOST_LETTERS]
    return "".join(letter if letter.isprintable() else " " for letter in text)
