"""Writes a corrected truth file: suggestions as proposals to check, old values beside; never the original."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from evaluation.audit.arithmetic import valid_spans
from evaluation.audit.results import AuditedEntry, AuditedVideo, TruthAudit
from evaluation.audit.suggestions import suggested_span, suggested_text
from evaluation.audit.written import WrittenFile
from evaluation.json_text import escaped_json, parsed_json
from footage.core.atomic import whole_file
from footage.core.text_files import read_text
from footage.core.timecode import iou
from footage.core.types import Span
from search.claims.records import ClaimError

NOTE = (
    "Events with to_check are findings of an audit. Query and spans are proposals where there is one, old "
    'values are under "was", the reasons under "audit". Look at the video, correct, then take to_check, was '
    "and audit out. Until then these events are not asked."
)

LEAST_SHARED = 0.5
"""Share of words that a suggested text has in common with the old one, at least."""


@dataclass(frozen=True, slots=True)
class WrittenCorrection:
    """What went into a corrected truth file."""

    to_check: int
    """Entries marked, because an error was found."""
    proposed: int
    """Those of them with a new text or time."""
    added: int
    """Events that were missing."""


def write_correction(audit: TruthAudit, written: WrittenFile, out: Path) -> WrittenCorrection:
    """Write a truth file in this project's own format, with the findings as proposals.

    A file in that format keeps all that an audit does not know of; of other formats texts, times and
    durations are taken over. Errors that most judges see, and those of arithmetic, count.

    Raises:
        FootageError: ``out`` cannot be written.
    """
    if written.format == "footage":
        content: dict[str, Any] = parsed_json(read_text(written.path), str(written.path))
    else:
        content = _converted(audit)
    marked = proposed = added = 0
    for video in audit.videos:
        events = content["videos"][video.name]["events"]
        numbers = _numbers(video, own=written.format == "footage")
        for entry in video.entries:
            if (number := numbers.get(entry.written.id)) is None:
                continue
            if errors := [error for error in entry.errors if error.is_consensus]:
                events[number], changed = _marked(events[number], entry, errors)
                marked, proposed = marked + 1, proposed + changed
        for error in video.missing:
            if error.is_consensus and error.span is not None:
                events.append(_new_event(error, error.span))
                added += 1
        for error in video.errors:
            held = content["videos"][video.name]
            held["was"] = {"duration": held.get("duration")}
            held["duration"] = video.duration_seconds
            held["audit"] = [error.sentence]
    content = {"audited": NOTE, **content}
    with whole_file(out) as draft:
        draft.write_bytes(escaped_json(json.dumps(content, indent=1, ensure_ascii=False) + "\n"))
    return WrittenCorrection(marked, proposed, added)


def _numbers(video: AuditedVideo, *, own: bool) -> dict[str, int]:
    """Where each entry of a video stands among its events; entries without a time have no place there."""
    if own:
        return {each.written.id: int(each.written.place[-1]) for each in video.entries}
    timed = [each for each in video.entries if _times(each)]
    return {each.written.id: number for number, each in enumerate(timed)}


def _converted(audit: TruthAudit) -> dict[str, Any]:
    """A file of another format in this project's own; what it says is absent becomes a negative query."""
    videos: dict[str, Any] = {}
    negatives: list[str] = []
    for video in audit.videos:
        stated = next((e.written.duration_seconds for e in video.entries if e.written.duration_seconds), None)
        events = [
            {"id": f"{video.name}/{each.written.id}", "query": each.written.text, "spans": _times(each)}
            for each in video.entries
            if _times(each)
        ]
        videos[video.name] = {**({} if stated is None else {"duration": stated}), "events": events}
        negatives += [each.written.text for each in video.entries if each.written.absent]
    asked = {event["query"] for video in videos.values() for event in video["events"]}
    return {"videos": videos, "negative_queries": [n for n in dict.fromkeys(negatives) if n not in asked]}


def _times(entry: AuditedEntry) -> list[list[float]]:
    return [list(pair) for pair in entry.written.pairs]


def _marked(
    event: dict[str, Any], entry: AuditedEntry, errors: Sequence[ClaimError]
) -> tuple[dict[str, Any], bool]:
    """An event to check: proposals in place, old values beside; and whether anything is proposed."""
    was = {key: event[key] for key in ("query", "spans") if key in event}
    before = spans = list(valid_spans(entry.written, None))
    texts = []
    for error in errors:
        if (span := suggested_span(error)) is not None and error.kind == "time":
            spans = _replaced(spans, error.span, span)
        elif text := suggested_text(error):
            texts.append(text)
    query = merged_text(event["query"], texts)
    is_changed = query != event["query"] or spans != before
    pairs = [[span.start_seconds, span.end_seconds] for span in spans] if spans != before else event["spans"]
    changed = {**event, "query": query, "spans": pairs, "to_check": True, "was": was}
    return {**changed, "audit": [error.sentence for error in errors]}, is_changed


def _replaced(spans: Sequence[Span], wrong: Span | None, right: Span) -> list[Span]:
    """Spans with the wrong one (the one that overlaps it most) put right; in order and disjoint."""
    if not spans:
        return [right]
    near = right if wrong is None else wrong
    place = max(
        range(len(spans)), key=lambda number: (iou(spans[number], near), -abs(_apart(spans[number], near)))
    )
    kept = [span for number, span in enumerate(spans) if number != place]
    return sorted({*kept, right})


def _apart(a: Span, b: Span) -> float:
    return a.start_seconds - b.start_seconds


def merged_text(text: str, suggestions: Sequence[str]) -> str:
    """A text with the words that differ in each suggestion replaced.

    Suggestions differ from the text in a few words each. One that shares less than half of them is a remark,
    not a text, and is left out; so is a difference at words that an earlier one has replaced.
    """
    words = text.split()
    changes: dict[tuple[int, int], list[str]] = {}
    for suggestion in suggestions:
        other = suggestion.split()
        matcher = SequenceMatcher(None, words, other, autojunk=False)
        if matcher.ratio() < LEAST_SHARED:
            continue
        for what, start, end, first, last in matcher.get_opcodes():
            free = all(
                end < begun or start > ended or (start, end) == (begun, ended) for begun, ended in changes
            )
            if what != "equal" and free:
                changes.setdefault((start, end), other[first:last])
    for (start, end), new in sorted(changes.items(), reverse=True):
        words[start:end] = new
    return " ".join(words) if changes else text


def _new_event(error: ClaimError, span: Span) -> dict[str, Any]:
    return {
        "query": error.suggestion or error.sentence,
        "spans": [[span.start_seconds, span.end_seconds]],
        "to_check": True,
        "audit": [error.sentence],
    }
