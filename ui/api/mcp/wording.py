"""Sentences on what a search came to, what was searched and what was not; knows records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from footage.core.timecode import format_time
from footage.core.tracks import CAPTION_TRACK
from ui.text import count, tracks_searched

Fields = Mapping[str, Any]
"""A record, as keys and JSON values."""

_OUTCOMES = {
    "found": "Found",
    "uncertain": "Nothing certain",
    "not checked": "Indexed texts match, and the model checked nothing",
    "not found": "Not found where the model looked",
    "no caption matches": "No caption matches",
    "not indexed": "The index holds nothing of the tracks that were asked for",
}


def whole_answer(records: Sequence[Fields]) -> Fields | None:
    """The record that says what a search came to as a whole; None where there is none."""
    return next((each for each in records if each.get("type") == "coverage" and "outcome" in each), None)


def answer_sentences(whole: Fields, matches: Sequence[Fields]) -> str:
    """What a search came to, what it rests on, and what it leaves open."""
    first = _OUTCOMES.get(str(whole["outcome"]), str(whole["outcome"]).capitalize())
    listed = count(len(matches), "answer")
    verdicts = Counter(str(each.get("verdict")) for each in matches)
    found = verdicts["found"]
    if matches:
        spelled = ", ".join(f"{number} “{verdict}”" for verdict, number in verdicts.most_common())
        first += f": {listed} listed ({spelled})"
    sentences = [f"{first}.", *_looked(whole), *_searched(whole)]
    if not found:
        sentences.append("This says nothing about footage that was not searched.")
    return " ".join(sentences)


def _looked(whole: Fields) -> list[str]:
    windows = whole.get("windows_looked_at", 0)
    if not windows:
        return ["The model did not look at the video for this answer."]
    looked, total = (format_time(whole[name]) for name in ("seconds_looked_at", "seconds_total"))
    seen = f"The model looked at {looked} of {total}"
    left_out = whole.get("windows_left_out", 0)
    return [f"{seen} ({count(left_out, 'window')} left out)." if left_out else f"{seen}."]


def _searched(whole: Fields) -> list[str]:
    """What was searched and what was not: of the index, or of one file."""
    total = float(whole.get("seconds_total", 0.0))
    if "seconds_indexed" not in whole:
        return [f"The video lasts {format_time(total)}."]
    seconds = {CAPTION_TRACK: float(whole["seconds_indexed"])}
    seconds |= {name: float(each["seconds"]) for name, each in whole.get("tracks", {}).items()}
    if not any(seconds.values()):
        return ["Nothing was searched: the index holds no videos yet."]
    sentences = [f"Searched: {tracks_searched(seconds, total)}."]
    missing = max(0.0, total - max(seconds.values()))
    gaps = [f"{format_time(missing)} of footage that is not indexed"] if missing >= 0.1 else []
    if failed := whole.get("files_failed", 0):
        gaps.append(f"{count(failed, 'file')} that could not be indexed")
    if faults := whole.get("not_checked", []):
        gaps.append(f"{count(len(faults), 'video')} that the model could not check")
    return [*sentences, f"Not searched: {', '.join(gaps)}."] if gaps else sentences


def moment_line(number: int, record: Fields) -> str:
    """A record about a moment in numbers and fixed words, without any text from footage."""
    parts = [f"record {number}"]
    if verdict := record.get("verdict"):
        parts.append(f"verdict “{verdict}”")
    if "confidence" in record:
        parts.append(_confidence(record))
    if "start_seconds" in record:
        span = f"{format_time(record['start_seconds'])} to {format_time(record['end_seconds'])}"
        parts.append(f"{span} ({record['start_seconds']:g} to {record['end_seconds']:g} s)")
    return ", ".join(parts)


def _confidence(record: Fields) -> str:
    sure = record["confidence"]
    if sure is None:
        return "confidence unknown"
    return f"confidence {sure:.2f}{'' if record.get('calibrated', True) else ' (not calibrated)'}"
