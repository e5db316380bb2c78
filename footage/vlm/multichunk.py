"""Multichunk prompts: one question about several chunks of a video, and the reading of its answer; pure.

Marlin's card names reasoning over chunks, with chunk times turned into source times, as limited in the
checkpoint, and gives no prompt for it. The wording below is this project's own, so the model was not trained
on it. A chunk time counts from the start of its chunk; a source time is video time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from footage.core.types import Answer, Span
from footage.vlm.contract import strip_think, video_span

MULTICHUNK_VERSION = "multichunk-1"
"""Goes up with any change to the wording, or to how an answer is read."""
ARITHMETIC_TOLERANCE_SECONDS = 0.2
"""Largest error of a source time that counts as right: both times and the chunk's start are written with one
decimal."""


@dataclass(frozen=True, slots=True)
class ChunkMoment:
    """A time that an answer gives within a chunk."""

    chunk: int
    """Number of the chunk, from 1."""
    chunk_start_seconds: float
    """Start as written, from the start of the chunk."""
    chunk_end_seconds: float
    """End as written, from the start of the chunk; the start again for a single time."""
    span: Span | None
    """In video time and inside the chunk; None for a reversed range or one that starts past the chunk."""
    clamped: bool
    """Whether the written end lies past the chunk's end."""
    written: tuple[float, float] | None
    """The source time that the answer gives for it, as written; None where it gives none."""
    agrees: bool | None
    """Whether that is the chunk's start plus the chunk time; None where the answer gives no source time."""
    thinking: bool
    """Whether it comes from the <think> part."""


@dataclass(frozen=True, slots=True)
class MultichunkReading:
    """An answer about several chunks, parsed."""

    think: str
    """The <think> part, without its tags; empty without one."""
    text: str
    """The answer after it."""
    moments: tuple[ChunkMoment, ...]
    """The times in both parts, in the order of the answer."""
    unknown_chunks: int
    """Number of times that were left out because there is no chunk of that number."""


# --- 1. The prompt ------------------------------------------------------------------------------------------


def multichunk_text(text: str, chunks: Sequence[Span]) -> str:
    """A user's prompt with the chunks listed before it and the form of the answer after it.

    Args:
        text: The prompt.
        chunks: In video time, in order, each beginning where the one before ends; the model is shown them as
            one video that starts with the first.
    """
    first = chunks[0].start_seconds
    lines = [
        f"chunk {number}: {_tenths(chunk, first)} of this clip, {_tenths(chunk, 0.0)} of the source video"
        for number, chunk in enumerate(chunks, 1)
    ]
    return "\n".join(
        [
            "This clip is part of a source video. It consists of chunks (times in seconds):",
            *lines,
            "",
            text,
            "",
            "Go through the chunks in order. Write each time as",
            "chunk N: A - B, source C - D",
            "where A and B count from the start of chunk N, and C and D are A and B plus the time at which "
            "chunk N starts in the source video.",
        ]
    )


def _tenths(span: Span, origin: float) -> str:
    return f"{span.start_seconds - origin:.1f} - {span.end_seconds - origin:.1f}"


# --- 2. The answer ------------------------------------------------------------------------------------------

_CHUNK = re.compile(r"\bchunk\s*#?\s*([0-9]{1,4})\b(?!\s*(?:of|/))", re.IGNORECASE)
_BRACKETS = re.compile(r"\A\s*[(\[][^)\]]*[)\]]")
"""Where an answer repeats the chunk's own limits: "chunk 2 (30.0 - 60.0): …"."""
_NUMBER = r"(?<![0-9.:])([0-9]{1,6}(?:\.[0-9]{1,6})?)(?![0-9:]|\.[0-9])"
_UNIT = r"\s*(?:seconds?|secs?|s)?\b"
_TIME = re.compile(
    rf"{_NUMBER}{_UNIT}(?:\s*(?:[-\u2013\u2014](?!>)|to\b|until\b)\s*{_NUMBER}{_UNIT})?", re.IGNORECASE
)
_SOURCE = re.compile(r"->|=>|\u2192|=|\bsource\b", re.IGNORECASE)


def read_multichunk(answer: Answer, chunks: Sequence[Span]) -> MultichunkReading:
    """Read the times of an answer about some chunks.

    A time is read where a line names a chunk and then gives a number of seconds or a range: "chunk 2: 4.0 -
    6.5". What follows "source", "=" or an arrow is the source time that the model computed, as in "source
    34.0 - 36.5" or "4.0 + 30.0 = 34.0". The chunk time counts; the model's own source time is only compared
    with it. Of an answer that was cut, only whole lines count.

    Args:
        answer: Of the model; any text.
        chunks: As in ``multichunk_text``.
    """
    think, text = _think_and_text(answer.raw)
    parts = [(think, True), (text, False)]
    if answer.finish_reason == "length":
        parts[-1 if text else 0] = _whole_lines(text or think), not text
    moments: list[ChunkMoment] = []
    unknown = 0
    for part, thinking in parts:
        for number, start, end, written in _times(part):
            if 1 <= number <= len(chunks):
                moments.append(_moment(number, start, end, written, chunks[number - 1], thinking=thinking))
            else:
                unknown += 1
    return MultichunkReading(think, text, tuple(moments), unknown)


def _think_and_text(raw: str) -> tuple[str, str]:
    """The part before the last </think>, without tags, and the rest; only tags where it is never closed."""
    closed = list(re.finditer("</think>", raw, re.IGNORECASE))
    if not closed:
        return "", strip_think(raw)
    think = re.sub("</?think>", "", raw[: closed[-1].start()], flags=re.IGNORECASE)
    return think.strip(), strip_think(raw[closed[-1].end() :])


def _whole_lines(text: str) -> str:
    return text[: text.rfind("\n") + 1]


def _times(text: str) -> Iterator[tuple[int, float, float, tuple[float, float] | None]]:
    """The chunk's number, the chunk time and the written source time, for each time in a text."""
    for line in text.split("\n"):
        named = list(_CHUNK.finditer(line))
        for n, match in enumerate(named):
            end = named[n + 1].start() if n + 1 < len(named) else len(line)
            before, *after = _SOURCE.split(_BRACKETS.sub("", line[match.end() : end]))
            if (time := _time(before)) is not None:
                written = next((found for part in after if (found := _time(part)) is not None), None)
                yield int(match[1]), *time, written


def _time(text: str) -> tuple[float, float] | None:
    """The first time in a text; a single one is both ends."""
    match = _TIME.search(text)
    return None if match is None else (float(match[1]), float(match[2] or match[1]))


def _moment(
    number: int,
    start: float,
    end: float,
    written: tuple[float, float] | None,
    chunk: Span,
    *,
    thinking: bool,
) -> ChunkMoment:
    agrees = None
    if written is not None:
        errors = (written[0] - chunk.start_seconds - start, written[1] - chunk.start_seconds - end)
        agrees = max(map(abs, errors)) <= ARITHMETIC_TOLERANCE_SECONDS + 1e-6
    return ChunkMoment(
        chunk=number,
        chunk_start_seconds=start,
        chunk_end_seconds=end,
        span=video_span(start, end, chunk),
        clamped=end > chunk.duration_seconds + ARITHMETIC_TOLERANCE_SECONDS,
        written=written,
        agrees=agrees,
        thinking=thinking,
    )
