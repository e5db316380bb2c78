"""Names of routes and problems, derived from names in the code; knows neither."""

from __future__ import annotations

import re


def kebab(name: str) -> str:
    """A name in camel case or with underscores, in lower case with hyphens: "AudioTrack" is "audio-track"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def camel(name: str) -> str:
    """A name with spaces or hyphens in camel case: "db check" is "DbCheck"."""
    return "".join(word.capitalize() for word in re.split(r"[\s/_-]+", name))
