"""Where settings come from: the names of their variables, and what is wrong with a value and its source."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from footage.core.endpoint import KEY_VARIABLE
from footage.core.errors import UsageError

logger = logging.getLogger(__name__)

ENV_PREFIX = "FOOTAGE_"
CONFIG_VARIABLE = "FOOTAGE_CONFIG"
TEST_PREFIX = "FOOTAGE_TEST_"
"""Variables that the project's own tests read."""
_USER = re.compile(r"//\S*@")
"""User and password in an address, which no message shows."""
_ALIKE = 0.8
"""From this ratio of ``difflib`` on a variable is taken for a misspelled one; the prefix is shared anyway."""
CARD_VARIABLES = {
    "fps": "FPS",
    "min_frames": "FPS_MIN_FRAMES",
    "max_frames": "FPS_MAX_FRAMES",
    "max_pixels": "VIDEO_MAX_PIXELS",
}
"""Settings that have a name on the card of NemoStation/Marlin-2B, too: what is exported there counts here."""


def card_variables() -> dict[str, str]:
    """Those of ``CARD_VARIABLES`` that are set."""
    return {name: variable for name, variable in CARD_VARIABLES.items() if os.environ.get(variable)}


@cache
def warn_of_variable(name: str, settings: tuple[str, ...]) -> None:
    """Warn once about a variable that looks like one of ours and is not.

    Args:
        name: Its name.
        settings: The names of all settings.
    """
    known = [CONFIG_VARIABLE, KEY_VARIABLE, *(ENV_PREFIX + field.upper() for field in settings)]
    upper = name.upper()
    if upper in known or not upper.startswith(ENV_PREFIX) or upper.startswith(TEST_PREFIX):
        return
    near = difflib.get_close_matches(upper, known, n=1, cutoff=_ALIKE)
    hint = f" Did you mean {near[0]}?" if near else ""
    logger.warning("The environment variable %s is not a setting and is ignored.%s", name, hint)


def explained(
    error: ValidationError, given: dict[str, Any], file: Path | None, settings: Sequence[str]
) -> UsageError:
    """The first thing that is wrong, in one sentence with the source of the value.

    Args:
        error: What is wrong.
        given: The values that the caller gave, by name.
        file: The config file.
        settings: The names of all settings.
    """
    first = error.errors()[0]
    key = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, settings, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"Known settings: {', '.join(settings)}."
        return UsageError(f"Unknown setting {key!r} in {file}.", hint=hint)
    variable = ENV_PREFIX + key.upper()
    if key in given:
        source = f"--{key.replace('_', '-')}"
    elif any(name.upper() == variable for name in os.environ):
        source = variable
    elif key in card_variables():
        source = CARD_VARIABLES[key]
    else:
        source = f"{key} in {file}"
    reason = first["msg"].removeprefix("Value error, ")
    shown = _USER.sub("//…@", repr(first["input"]))
    return UsageError(f"{source} cannot be {shown}: {reason[:1].lower()}{reason[1:]}.")
