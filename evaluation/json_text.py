"""Parses JSON that people and other programs wrote: one sentence for whatever is wrong; opens no file."""

from __future__ import annotations

import json
from typing import Any

from footage.core.errors import UsageError

NO_OBJECT = dict.fromkeys(("model_type", "dict_type", "dataclass_type"), "it should be an object")
"""Messages for pydantic's errors about a value that is no JSON object; its own ones name a Python class."""


def parsed_json(text: str, where: str, *, hint: str = "", lines: bool = False) -> Any:
    """The content of a JSON text.

    Args:
        text: The text.
        where: Its place, for the message.
        hint: What to do about an error; may be empty.
        lines: Whether the message names the line of the text.

    Raises:
        UsageError: when it is no JSON, is nested too deeply, has a number of thousands of digits, or a key
            stands twice in one object: of both values, one would vanish unseen.
    """
    try:
        return json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if lines else ""
        raise UsageError(f"{where}{line}: not valid JSON ({error.msg}).", hint=hint) from error
    except RecursionError as error:
        raise UsageError(f"{where}: not valid JSON (nested too deeply).", hint=hint) from error
    except _KeyTwiceError as error:
        raise UsageError(f'{where}: the key "{error}" stands twice in one object.', hint=hint) from error
    except ValueError as error:  # of an integer with more digits than Python reads
        raise UsageError(f"{where}: not valid JSON (a number is too long).", hint=hint) from error


def whole_text(text: str) -> str:
    """A text with each unpaired surrogate replaced (U+FFFD): JSON can hold them, but UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def escaped_json(text: str) -> bytes:
    """A text of JSON in UTF-8; unpaired surrogates, as in file names that are no UTF-8, become escapes."""
    return text.encode("utf-8", "backslashreplace")


class _KeyTwiceError(ValueError):
    """A key that stands twice."""


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _KeyTwiceError(key)
            seen.add(key)
    return held
