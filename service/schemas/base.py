"""What the lines of JSON have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from footage.core.types import Span

_FIRST = ("type", "rank", "others")


class Record(BaseModel):
    """One line of JSON: an object with these keys.

    A field that is never given is no key of the line; one that is given as None is null.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), use_attribute_docstrings=True
    )

    def fields(self) -> dict[str, Any]:
        """The line, as keys and JSON values: first what it is, then the rest in the order of the fields."""
        given = self.model_dump(mode="json", exclude_unset=True, by_alias=True)
        return {name: given[name] for name in sorted(given, key=lambda name: name not in _FIRST)}


def span_fields(span: Span) -> dict[str, float]:
    """A span as two keys of a line."""
    return {"start_seconds": span.start_seconds, "end_seconds": span.end_seconds}
