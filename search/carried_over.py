"""Says of matches that their caption was carried over from another window; asks no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from footage.core.timecode import format_time, overlap_seconds
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Match, Span
from footage.store import Store


def with_carried_over(matches: Sequence[Match], store: Store) -> list[Match]:
    """The matches, each whose caption was carried over with a sentence that says so.

    Raises:
        StoreError: the index cannot be read.
    """
    content_ids = sorted({match.video.content_id for match in matches if _is_of_caption(match)})
    reused = store.windows.reused(content_ids) if content_ids else {}
    if not reused:
        return list(matches)
    spans = store.windows.spans(reused)
    return [_marked(match, reused, spans, store) if _is_of_caption(match) else match for match in matches]


def _is_of_caption(match: Match) -> bool:
    return match.track == CAPTION_TRACK and bool(match.text)


def _marked(
    match: Match,
    reused: Mapping[str, Mapping[int, str]],
    spans: Mapping[str, Mapping[int, Span]],
    store: Store,
) -> Match:
    """A match with where its caption was carried over from; as it is where it was not."""
    content_id = match.video.content_id
    sources = reused.get(content_id, {})
    showing = [
        index
        for index, span in sorted(spans.get(content_id, {}).items())
        if overlap_seconds(span, match.span) > 0
    ]
    carried = [index for index in showing if index in sources]
    if not carried:
        return match
    in_part = " in part" if len(carried) < len(showing) else ""
    source = _place(sources[carried[0]], content_id, store)
    sentence = f"This caption was carried over{in_part} from {source}: the picture is the same."
    return replace(match, evidence=(*match.evidence, sentence), carried_over_from=source)


def _place(window_id: str, content_id: str, store: Store) -> str:
    """A window in words: its time, with its file if that is another one."""
    other, _, index = window_id.rpartition("/")
    place = (other, int(index)) if other and index.isdecimal() else ("", -1)
    record = store.windows.some([place], track=CAPTION_TRACK).get(place)
    if record is None:
        return "a window that is no longer in the index"
    time = format_time(record.window.span.start_seconds)
    if other == content_id:
        return time
    name = Path(store.files.path_of(other)).name
    return f"{name} at {time}" if name else f"another video at {time}"
