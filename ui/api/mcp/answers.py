"""Turns the records of an operation into the answer of a tool: structured, and as text; runs nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ui.api.links import LinkMaker
from ui.api.mcp import wording
from ui.api.mcp.untrusted import NOTICE, Fence, in_all_texts, without_control_characters
from ui.api.server_paths import redacted
from ui.text import count

MOST_RECORDS = 200
"""Most records in an answer."""
MOST_CHARACTERS = 12_000
"""Most characters of the readable part of an answer."""
_TEXT_FIELDS = ("video", "text", "question", "raw", "evidence", "scene", "name", "query", "reason", "note")
"""Fields that the readable part shows of a record about a moment, if they are there."""
_QUERY_FIELDS = ("query", "understood", "as_words", "did_you_mean", "notes", "not_checked")
"""Fields that it shows of the record that sums up; the rest is in the sentences of the answer."""
_SKIPPED = frozenset({"measures", "marks", "boxes", "raw"})
"""Fields that the readable part leaves out of other records."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """The answer of a tool, without pictures."""

    structured: dict[str, Any]
    """Notice, answer, records and links; see ``tools.OUTPUT_SCHEMA``."""
    text: str
    """The same for a language model to read."""


def tool_answer(
    records: Sequence[Mapping[str, Any]],
    *,
    links: LinkMaker,
    show_paths: bool = False,
    fence: Fence | None = None,
) -> ToolAnswer:
    """The answer that some records make.

    Args:
        records: All records of the operation, as JSON objects.
        links: Makes the links of moments.
        show_paths: Whether absolute paths are shown; otherwise, only file names.
        fence: Marks texts from footage; a new one when None.
    """
    kept = _kept(records)
    plain = [in_all_texts(dict(record), without_control_characters) for record in kept]
    shown = plain if show_paths else redacted(plain)
    structured: dict[str, Any] = {
        "notice": NOTICE,
        "answer": _answer(shown, len(records)),
        "records": shown,
        "links": links.beside(shown),
        "records_left_out": len(records) - len(shown),
    }
    return ToolAnswer(structured, _readable(structured, fence or Fence()))


def _kept(records: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """As many records as fit; the last one, which sums up, is always among them."""
    if len(records) <= MOST_RECORDS:
        return records
    return [*records[: MOST_RECORDS - 1], records[-1]]


def _answer(records: Sequence[Mapping[str, Any]], of: int) -> str:
    """What the records say as a whole, in a sentence or some."""
    whole = wording.whole_answer(records)
    if whole is not None:
        matches = [record for record in records if record.get("type") == "match"]
        return wording.answer_sentences(whole, matches)
    if not records:
        return "Nothing: the index holds nothing of this kind there. It may be that it is not indexed."
    left_out = f", {of - len(records)} left out" if of > len(records) else ""
    return f"{count(len(records), 'record')}{left_out}."


def _readable(structured: Mapping[str, Any], fence: Fence) -> str:
    """The answer as text: fixed words and numbers outside of the fences, everything else inside."""
    links = {each["record"]: each for each in structured["links"]}
    lines = [NOTICE, f"Texts from footage stand between lines with the number {fence.number}."]
    lines.append(structured["answer"])
    length = sum(map(len, lines))
    for number, record in enumerate(structured["records"]):
        block = _block(number, record, links.get(number, {}), fence)
        length += len(block)
        if length > MOST_CHARACTERS:
            rest = len(structured["records"]) - number
            lines.append(f"{rest} more in the structured content.")
            break
        lines.append(block)
    return "\n".join(lines)


def _block(number: int, record: Mapping[str, Any], links: Mapping[str, Any], fence: Fence) -> str:
    """One record."""
    lines = [wording.moment_line(number, record)]
    if record.get("type") == "coverage":
        texts = {name: record[name] for name in _QUERY_FIELDS if record.get(name)}
    elif "start_seconds" in record:
        lines += [f"{name}: {link}" for name, link in links.items() if name != "record"]
        texts = {name: record[name] for name in _TEXT_FIELDS if record.get(name)}
    else:
        texts = {name: value for name, value in record.items() if name not in _SKIPPED}
    lines.append(fence.around(json.dumps(texts, ensure_ascii=False)))
    return "\n".join(lines)
