"""Cuts as CSV and as JSON Lines; pure text."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from service.export.cuts import Cut
from service.export.metadata import fields_of

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula when a cell begins with it, white space aside; full width, too."""
_NEXT_CELL = re.compile(rf"""(;[\s"']*)(?=[{re.escape("".join(_FORMULA))}])""")
"""A semicolon, which many spreadsheets take for the end of a cell, and a formula behind it."""
_UNSEEN = ("Cc", "Zl", "Zp")
"""Unicode categories of control characters (terminals obey some) and of line separators."""


def jsonl(cuts: Sequence[Cut]) -> str:
    """One JSON object per line (see ``fields_of``)."""
    return "".join(json.dumps(fields_of(cut), ensure_ascii=False) + "\n" for cut in cuts)


def csv_table(cuts: Sequence[Cut]) -> str:
    """A header and one row per cut; nested fields as "span.start_seconds".

    A text that a spreadsheet would take for a formula gets an apostrophe before it, also behind a semicolon,
    and control characters become spaces, unlike in JSON Lines, which has all as they are.
    """
    rows = [_flat(fields_of(cut)) for cut in cuts]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


_PROVENANCE = ("model", "revision", "prompt_version")


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("captioned_by", "grounded_by"):
            value = value or dict.fromkeys(_PROVENANCE, "")
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[name] = "; ".join(map(_item, value)) if isinstance(value, list) else value
    return flat


def _item(value: Any) -> str:
    """One of several values in a cell; of an audio track: what distinguishes it from the others."""
    if isinstance(value, dict):
        parts = (str(value["track"]), value["language"], value["title"], f"{value['channels']} ch")
        return " ".join(filter(None, parts))
    return str(value)


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain = "".join(" " if unicodedata.category(char) in _UNSEEN else char for char in value)
    plain = _NEXT_CELL.sub(r"\1'", plain)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain
