"""Reads subtitles with their times: .srt, .vtt and .ass files, and the text tracks of video files.

FFmpeg parses all of them. Of a text file it gets the decoded text, never the name. Runs in a child process:
``read_subtitles``, ``embedded_subtitles`` and ``subtitle_tracks`` of ``footage.media.sandbox``.
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
from footage.core.text_files import decode_legacy_text
from footage.core.timeout import Pulse, supervise
from footage.core.types import Span
from footage.media.containers import display_name, open_regular
from footage.media.creation_time import plain_tag
from footage.media.demux import open_video, packets, why
from footage.objects.paths import absolute as absolute_path

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
_DRAWS = re.compile(r"\{[^}]*\\p[1-9]")
"""Lines of SubStation Alpha that draw shapes: their words are coordinates."""
MOST_TRACKS = 100
"""Most subtitle tracks of a file; further ones are passed over."""
_HINT = "Supported: SubRip (.srt), WebVTT (.vtt) and SubStation Alpha (.ass, .ssa), as text."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class Cue:
    """One subtitle."""

    span: Span
    """When it is shown, in video time."""
    text: str
    """Its words: one line, never empty, without tags and control characters."""


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """One subtitle track of a video file."""

    number: int
    """Counted from 1 among the subtitle tracks of its file."""
    language: str
    """As written in the container, three letters as a rule; empty where it says nothing, or "und"."""
    title: str
    """As written in the container."""
    is_text: bool
    """Whether it is text; else pictures, or a codec that is not known."""
    cues: tuple[Cue, ...]
    """Its cues by time; none where it is no text."""


def read_subtitles(
    path: str | os.PathLike[str], *, language: str = "", timeout_seconds: float = 120
) -> list[Cue]:
    """The cues of a subtitle file, by time; its times count as video time.

    Cues may overlap. A cue whose times cannot be read is left out; one that ends before it begins lasts until
    the next one.

    Args:
        path: A local text file.
        language: ISO 639-1 code of its language where that is known; helps with old code pages.
        timeout_seconds: Give up after this long without progress.

    Raises:
        VideoNotFoundError: No such file, or it may not be read.
        NotAVideoError: It is a special file.
        DecodeError: It is too large, no text, or holds no cue.
    """
    absolute = os.fspath(absolute_path(path))
    name = display_name(absolute)

    def work(pulse: Pulse) -> list[Cue]:
        import av

        text = _text_of(absolute, name, language)
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
    absolute = os.fspath(absolute_path(path))
    name = display_name(absolute)

    def work(pulse: Pulse) -> list[Cue]:
        with open_video(absolute) as (container, _):
            track = _text_track(container.streams.subtitles, name)
            return _cues(container, track, start_pts_seconds, name, pulse)

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def subtitle_tracks(
    path: str | os.PathLike[str], *, start_pts_seconds: float = 0.0, timeout_seconds: float = 120
) -> list[SubtitleTrack]:
    """All subtitle tracks of a video file with their cues; none where it has no such track.

    Args:
        path: A local video file.
        start_pts_seconds: As for ``embedded_subtitles``.
        timeout_seconds: Give up after this long without progress.

    Raises:
        VideoError: It cannot be opened, or has too many subtitles.
    """
    absolute = os.fspath(absolute_path(path))
    name = display_name(absolute)

    def work(pulse: Pulse) -> list[SubtitleTrack]:
        with open_video(absolute) as (container, _):
            tracks = list(container.streams.subtitles[:MOST_TRACKS])
            texts = [track for track in tracks if _is_text(track)]
            read = _cues_of(container, texts, start_pts_seconds, name, pulse) if texts else {}
            return [
                SubtitleTrack(
                    number,
                    "" if (language := plain_tag(track.metadata, "language")) == "und" else language,
                    plain_tag(track.metadata, "title") or plain_tag(track.metadata, "name"),
                    track in texts,
                    tuple(read.get(track.index, ())),
                )
                for number, track in enumerate(tracks, 1)
            ]

    return supervise(work, name=name, timeout_seconds=timeout_seconds)


def _text_of(absolute: str, name: str, language: str) -> str:
    with open_regular(absolute) as file:
        data = file.read(MOST_FILE_BYTES + 1)
    if len(data) > MOST_FILE_BYTES:
        raise DecodeError(
            f"{name} is larger than {MOST_FILE_BYTES >> 20} MiB: no subtitle file is", hint=_HINT
        )
    try:
        text = decode_legacy_text(data, language=language)
    except UnicodeDecodeError as exc:
        raise DecodeError(f"{name} is no text", hint=_HINT) from exc
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
    texts = [track for track in tracks if _is_text(track)]
    if not texts:
        raise NotAVideoError(
            f"the subtitle tracks of {name} hold pictures, not text",
            hint="Give a subtitle file: --subtitles FILE.srt",
        )
    return next((track for track in texts if track.disposition.value & 1), texts[0])


def _is_text(track: Any) -> bool:
    return bool(track.codec_context and track.codec_context.codec.text_sub)


def _cues(container: Any, track: Any, zero_seconds: float, name: str, pulse: Pulse) -> list[Cue]:
    """The cues of a track, by time, each once."""
    return _cues_of(container, [track], zero_seconds, name, pulse)[track.index]


def _cues_of(
    container: Any, tracks: Sequence[Any], zero_seconds: float, name: str, pulse: Pulse
) -> dict[int, list[Cue]]:
    """The cues of some tracks by the number of their stream, each by time and once."""
    read: dict[int, list[tuple[float, float | None, str]]] = {track.index: [] for track in tracks}
    by_index, count_of_cues = {track.index: track for track in tracks}, 0
    for count, packet in enumerate(packets(container)):
        if count % _PACKETS_PER_BEAT == 0:
            pulse.beat()
        track = by_index.get(packet.stream_index)
        if track is None or packet.pts is None or not packet.size:
            continue
        text = evened(" ".join(_lines(_decoded(track, packet))))[:MOST_CUE_LETTERS].strip()
        start = float(packet.pts * track.time_base) - zero_seconds
        length = float((packet.duration or 0) * track.time_base)
        if text and start + max(length, 0) > 0:
            end = start + min(length, MOST_CUE_SECONDS) if length > 0 else None
            read[track.index].append((max(0.0, start), end, text))
            count_of_cues += 1
            if count_of_cues > MOST_CUES:
                raise DecodeError(f"{name} has more than {MOST_CUES:,} subtitles")
    return {
        index: list(dict.fromkeys(_with_ends(sorted(some, key=lambda each: each[0]))))
        for index, some in read.items()
    }


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
            if not counts_the_next and not _DRAWS.search(line):
                yield _OVERRIDES.sub(" ", line)
