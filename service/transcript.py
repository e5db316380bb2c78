"""What is said and written in a video, line by line, for people who read along; changes nothing.

The events of a track know their text and span alone; the words with their times and the places in the picture
lie in the windows that the events were derived from. Here the two come together.

Every function here raises a ``StoreError`` when there is no index, or it cannot be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from footage.core.names import folded
from footage.core.timecode import overlap_seconds
from footage.core.timeline import merge_spans
from footage.core.tracks import CAPTION_TRACK, SPEECH_TRACK, SUBTITLE_TRACK, TRACKS
from footage.core.types import CaptionEvent, Event, Span, WindowRecord

if TYPE_CHECKING:
    from service.session import Service

READ_TRACKS = tuple(track for track in TRACKS if track != CAPTION_TRACK)
"""The tracks of words that are in the video itself, in the order in which they are shown."""
ALIKE = 0.6
"""Two readings of one text have at least this share of equal letters (``difflib``'s ratio): what different
windows read of the same sign differs by a letter or two, and different signs differ by most of them."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What one track has in one language."""

    track: str
    """The track: one of ``READ_TRACKS``."""
    language: str
    """The language as the index has it; empty while unknown, or where there are several."""
    lines: tuple[CaptionEvent, ...]
    """Its events by time, with their words and boxes; at least one."""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """How far one track of a video is indexed."""

    track: str
    """The track."""
    seconds: float
    """Footage seconds that its windows cover."""
    seconds_total: float
    """Footage seconds of the video."""


def transcripts(service: Service, content_id: str) -> list[Transcript]:
    """The words of a video by track; subtitles in several languages by language, too."""
    store = service.store()
    held = store.windows.tracks()
    found: list[Transcript] = []
    for track in READ_TRACKS:
        if track in held and (events := store.events.of(content_id, track=track)):
            lines = with_details(events, store.windows.of(content_id, track=track))
            found += _by_language(track, lines)
    return found


def spoken(service: Service, content_id: str) -> tuple[CaptionEvent, ...]:
    """What is said in a video: its subtitles, and recognised speech where there are none; by time.

    Of subtitles in several languages those in the language that is spoken, else the first.
    """
    found = transcripts(service, content_id)
    speech = next((each for each in found if each.track == SPEECH_TRACK), None)
    written = [each for each in found if each.track == SUBTITLE_TRACK]
    heard = speech.lines if speech else ()
    if not written:
        return heard
    language = speech.language if speech else ""
    chosen = next((each for each in written if each.language == language), written[0]).lines
    covered = merge_spans(line.span for line in chosen)
    rest = [line for line in heard if not any(overlap_seconds(line.span, span) for span in covered)]
    return tuple(sorted([*chosen, *rest], key=lambda line: line.span))


def track_coverage(service: Service, content_ids: Collection[str]) -> dict[str, list[VideoTrack]]:
    """How far each track of some videos is indexed, by content id; tracks that no video has are left out."""
    store = service.store()
    coverage: dict[str, list[VideoTrack]] = {content_id: [] for content_id in content_ids}
    held = store.windows.tracks()
    for track in [*(track for track in TRACKS if track in held), *store.windows.image_tracks()]:
        covered = store.windows.covered_seconds(content_ids, track=track)
        for content_id, (seconds, total) in covered.items():
            coverage[content_id].append(VideoTrack(track, seconds, total))
    return coverage


def with_details(events: Iterable[Event], records: Iterable[WindowRecord]) -> tuple[CaptionEvent, ...]:
    """Events with the words and boxes of the windows they come from, in their order.

    Args:
        events: Of one track of one video.
        records: The windows of that track.
    """
    by_window = {record.window.index: record.caption.events for record in records}
    whole = {(each.span, each.text): each for events_there in by_window.values() for each in events_there}
    return tuple(whole.get((event.span, event.text)) or _joined(event, by_window) for event in events)


def _joined(event: Event, by_window: Mapping[int, Sequence[CaptionEvent]]) -> CaptionEvent:
    """An event that several windows saw a part of, with what each of them knows."""
    there = [
        each
        for index in event.window_indexes
        for each in by_window.get(index, ())
        if overlap_seconds(each.span, event.span) > 0
    ]
    parts = [each for each in there if _alike(each.text, event.text)] or there
    words = sorted({word for each in parts for word in each.words}, key=lambda word: (word.span, word.text))
    boxes = {box.at_seconds: box for each in parts for box in each.boxes}
    return CaptionEvent(
        event.span,
        event.text,
        event.confidence,
        event.language,
        tuple(word for word in words if _inside(word.span, event.span)),
        tuple(boxes[at] for at in sorted(boxes)),
    )


def _alike(one: str, other: str) -> bool:
    """Whether two texts are readings of the same words, or one is a part of the other."""
    first, second = folded(one), folded(other)
    return first in second or second in first or SequenceMatcher(None, first, second).ratio() >= ALIKE


def _inside(part: Span, whole: Span) -> bool:
    return whole.start_seconds <= part.start_seconds and part.end_seconds <= whole.end_seconds


def _by_language(track: str, lines: Sequence[CaptionEvent]) -> list[Transcript]:
    """One transcript of a track; of subtitles one for each language, for they say the same in each."""
    languages = Counter(line.language for line in lines)
    if track == SUBTITLE_TRACK and len(languages) > 1:
        return [
            Transcript(track, language, tuple(line for line in lines if line.language == language))
            for language in sorted(languages)
        ]
    known = [language for language, _ in languages.most_common() if language]
    return [Transcript(track, known[0] if len(known) == 1 else "", tuple(lines))]
