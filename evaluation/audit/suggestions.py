"""Reads suggestions of errors: a span in words, or a text; pure."""

from __future__ import annotations

import re

from footage.core.errors import UsageError
from footage.core.timecode import parse_time
from footage.core.types import Span
from search.claims.records import ClaimError

_SPAN = re.compile(r"\s*([\d:.]+)\s*[-\N{EN DASH}]\s*([\d:.]+)\s*(?:s)?\s*")


def suggested_span(error: ClaimError) -> Span | None:
    """When an error's suggestion says that the event happens; None where it suggests a text or nothing."""
    found = _SPAN.fullmatch(error.suggestion)
    if found is None:
        return None
    try:
        start, end = parse_time(found[1]), parse_time(found[2])
    except UsageError:
        return None
    return Span(start, end) if start <= end else None


def suggested_text(error: ClaimError) -> str:
    """What an error's suggestion says that the text should say; empty where it suggests a time or nothing."""
    return "" if error.kind == "time" or suggested_span(error) is not None else error.suggestion.strip()
