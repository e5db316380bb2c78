"""Reads subtitles with their times: .srt, .vtt and .ass files, and the text tracks of video files.

FFmpeg parses all of them. Of a text file it gets the decoded text, never the name. Runs in a child process:
``footage.media.sandbox.read_subtitles`` and ``embedded_subtitles``.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from footage.core.errors import DecodeError, NotAVideoError
from footage.core.plain_text import evened
from footage.core.text_files import decode_text
from footage.core.timeout import Pulse, supervise
from footage.core.types import Span
from footage.media.containers import display_name, open_regular
from footage.media.demux import open_video, packets, why

MOST_FILE_BYTES = 32 << 20
"""Largest subtitle file that is read."""
MOST_CUES = 50_000
"""Most cues of one file or track: a day of speech has fewer."""
MOST_CUE_LETTERS = 500
"""Longest text of a cue, in characters; the rest is cut off."""
MOST_CUE_SECONDS = 60.0
"""Longest cue; one that claims to stay longer ends here."""
UNKNOWN_CUE_SECONDS = 4.0
"""Length of the last cue where it has no usable end; others end with the next."""
_PACKETS_PER_BEAT = 256
_ARROW = "-->"
_OVERRIDES = re.compile(r"\{\\[^}]*\}|\\h")
_HINT = "Supported: SubRip (.srt), WebVTT (.vtt) and SubStation Alpha (.ass, .ssa), in UTF-8 or UTF-16."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Cue:
    """One subtitle."""

    span: Span
    """When it is shown, in video time."""
    text: str
    """Its words: one line, never empty, without tags and control characters."""


def read_subtitles(path: str | os.PathLike[str], *, timeout_seconds: float = 120) -> list[Cue]:
    """The cues of a subtitle file, by time; its times count as video time.

    Cues may overlap. A cue whose times cannot be read is left out; one that ends before it begins lasts until
    the next one.

    Args:
        path: A local text file.
        timeout_seconds: Give up after this long without progress.

    Raises:
        VideoNotFoundError: No such file, or it may not be read.
        NotAVideoError: It is a special file.
        DecodeError: It is too large, no text, or holds no cue.
    """
    absolute = os.path.abspath(os.fspath(path))
    name = display_name(absolute)

    def work(pulse: Pulse) -> list[Cue]:
        import av

        text = _text_of(absolute, name)
        form = _form_of(text)
        try:
            with av.open(io.BytesIO(text.encode()), format=form) as container:
                cues = _cues(container, container.streams.subtitles[0], 0.0, name, pulse)
        except (av.FFmpegError, ValueError) as exc:
            raise DecodeError(f"{name} cannot be read as subtitles: {why(exc)}", hint=_HINT) from exc
        if not cues:
            raise DecodeError(f"{name} holds no subtitles", hint=_HINT)
        if form != "ass" and text.count(_ARROW) > len(cues):
            logger.warning(
                "%s: %d of %d cues cannot be read", name, text.count(_ARROW) - len(cues), text.count(_ARROW)
            )
        return cues

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def embedded_subtitles(
    path: str | os.PathLike[str], *, start_pts_seconds: float = 0.0, timeout_seconds: float = 120
) -> list[Cue]:
    """The cues of a video file's text track, by time: of the default track, else of the first.

    Args:
        path: A local video file.
        start_pts_seconds: ``Video.start_pts_seconds``: where video time begins on the container's clock.
        timeout_seconds: Give up after this long without progress.

    Raises:
        VideoError: It cannot be opened.
        NotAVideoError: It has no subtitle track, or none that is text.
    """
    absolute = os.path.abspath(os.fspath(path))
    name = display_name(absolute)

    def work(pulse: Pulse) -> list[Cue]:
        with open_video(absolute) as (container, _):
            track = _text_track(container.streams.subtitles, name)
            return _cues(container, track, start_pts_seconds, name, pulse)

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def _text_of(absolute: str, name: str) -> str:
    with open_regular(absolute) as file:
        data = file.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        raise DecodeError(
            f"{name} is larger than {MOST_FILE_BYTES >> 20} MiB: no subtitle file is", hint=_HINT
        )
    try:
        text = decode_text(data)
    except UnicodeDecodeError as exc:
        raise DecodeError(f"{name} is not UTF-8 text", hint=_HINT) from exc
    if "\0" in text:
        raise DecodeError(f"{name} is no text file", hint=_HINT)
    return text


def _form_of(text: str) -> str:
    """FFmpeg's reader for a text; SubRip has no mark of its own."""
    head = text.lstrip()[:64]
    return "webvtt" if head.startswith("WEBVTT") else "ass" if head.startswith("[Script Info]") else "srt"


def _text_track(tracks: Sequence[Any], name: str) -> Any:
    if not tracks:
        raise NotAVideoError(
            f"{name} has no subtitle track", hint="Give a subtitle file: --subtitles FILE.srt"
        )
    texts = [track for track in tracks if track.codec_context and track.codec_context.codec.text_sub]
    if not texts:
        raise NotAVideoError(
            f"the subtitle tracks of {name} hold pictures, not text",
            hint="Give a subtitle file: --subtitles FILE.srt",
        )
    return next((track for track in texts if track.disposition.value & 1), texts[0])


def _cues(container: Any, track: Any, zero_seconds: float, name: str, pulse: Pulse) -> list[Cue]:
    """The cues of a track, by time, each once."""
    read: list[tuple[float, float | None, str]] = []
    for count, packet in enumerate(packets(container)):
        if count % _PACKETS_PER_BEAT == 0:
            pulse.beat()
        if packet.stream_index != track.index or packet.pts is None or not packet.size:
            continue
        text = evened(" ".join(_lines(_decoded(track, packet))))[:MOST_CUE_LETTERS].strip()
        start = float(packet.pts * track.time_base) - zero_seconds
        length = float((packet.duration or 0) * track.time_base)
        if text and start + max(length, 0) > 0:
            read.append(
                (max(0.0, start), start + min(length, MOST_CUE_SECONDS) if length > 0 else None, text)
            )
            if len(read) > MOST_CUES:
                raise DecodeError(f"{name} has more than {MOST_CUES:,} subtitles")
    return list(dict.fromkeys(_with_ends(sorted(read, key=lambda each: each[0]))))


def _decoded(track: Any, packet: Any) -> list[Any]:
    """The subtitles of a packet; none of a damaged one."""
    import av

    try:
        return list(track.decode(packet))
    except av.FFmpegError as exc:
        logger.info("a subtitle is left out: %s", why(exc))
        return []


def _with_ends(read: list[tuple[float, float | None, str]]) -> Iterator[Cue]:
    for (start, end, text), following in pairwise([*read, (float("inf"), None, "")]):
        last = min(start + UNKNOWN_CUE_SECONDS, following[0]) if end is None else end
        span = Span(start, max(start, last))
        if span.duration_seconds:
            yield Cue(span, text)


def _lines(subtitles: Iterable[Any]) -> Iterator[str]:
    """What subtitles say, line by line, up to a line that was to be the times of another cue."""
    for each in subtitles:
        lines = each.dialogue.decode("utf-8", "replace").split("\n") if each.type == b"ass" else []
        for number, line in enumerate(lines):
            if _ARROW in line:
                break
            counts_the_next = line.strip().isdecimal() and _ARROW in "".join(lines[number + 1 : number + 2])
            if not counts_the_next:
                yield _OVERRIDES.sub(" ", line)
