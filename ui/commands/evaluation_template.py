"""Writes a truth file for people to fill in: their videos, and queries proposed from their captions."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.errors import StoreCorruptError, StoreMissingError, UsageError
from footage.timecode import format_time
from footage.types import Span
from search.wording import words_of

if TYPE_CHECKING:
    from footage.store import Store

PROPOSALS = 5
"""Most queries proposed: enough to see how the file goes on, too few to be taken for a test."""
SAMPLE = 4_000
"""Rows of the index that proposals are chosen from; their similarities are compared pair by pair."""
NOTES = (
    "An event is a query, as you would ask it, and every time it happens in that video: [start, end],"
    " in seconds (83.5) or as a clock reading (1:23.5).",
    "What happens in several videos is written under each of them, in the same words.",
    "Events with to_check are proposals and are not asked: correct query and spans, then take to_check out.",
    "negative_queries are sentences that none of the videos answers: write as many as there are queries,"
    " half of them near misses.",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A video that goes into the file."""

    path: Path
    """Absolute path."""
    content_id: str = ""
    """Identity of its bytes; empty when it is not indexed."""
    duration_seconds: float = 0.0
    """Its length; 0 while unknown."""


Proposals = Mapping[str, Mapping[str, tuple[Span, ...]]]
"""Spans by content id and query."""


def write_template(source: Path, out: Path, *, db: Path) -> tuple[int, int]:
    """Write a truth file for an index or a folder of videos.

    Args:
        source: An index, or a folder.
        out: The file; it must not be there.
        db: The index to propose queries from where ``source`` is a folder; there need be none.

    Returns:
        Number of videos and of proposed queries.

    Raises:
        UsageError: when the file is there already or cannot be written, or there is no video.
        FootageError: when there is neither an index nor a folder to be read.
    """
    videos, store = _videos(source, db)
    if not videos:
        raise UsageError(f"There is no video in {source}.", hint="Name an index, or a folder of videos.")
    contents = {video.content_id for video in videos if video.content_id}
    proposed = proposals(store, contents) if store else {}
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(_text(videos, proposed, out.parent.resolve()))
    except FileExistsError as error:
        raise UsageError(f"{out} is there already.", hint="Name a file that does not exist.") from error
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.", hint="Name another file.") from error
    return len(videos), len({query for events in proposed.values() for query in events})


def proposals(store: Store, contents: Collection[str], *, most: int = PROPOSALS) -> Proposals:
    """Queries made of the captions that are least like any other, of different videos as far as possible.

    Args:
        store: The index.
        contents: The videos to propose for.
        most: How many.
    """
    import numpy as np

    embedders = store.status().embedders
    if not embedders:
        return {}
    videos, texts, vectors = store.sample_vectors(embedders[0], SAMPLE)
    asking = (n for n, text in enumerate(texts) if videos[n] in contents and words_of(text))
    first = {texts[n]: n for n in reversed(list(asking))}
    rows = sorted(first.values())
    near = vectors[rows] @ vectors[rows].T
    np.fill_diagonal(near, -1.0)
    lonely = [rows[place] for place in np.argsort(near.max(axis=1, initial=-1.0), kind="stable")]
    seen: set[str] = set()
    others: list[str] = []
    firsts: list[str] = []  # of their video
    for row in lonely:
        (others if videos[row] in seen else firsts).append(texts[row])
        seen.add(videos[row])
    wanted = [*firsts, *others][:most]
    found: dict[str, dict[str, tuple[Span, ...]]] = {}
    for event in store.events():
        if event.text in wanted and event.content_id in contents:
            of_video = found.setdefault(event.content_id, {})
            of_video[event.text] = (*of_video.get(event.text, ()), event.span)
    return found


def _videos(source: Path, db: Path) -> tuple[list[Listed], Store | None]:
    """The videos of an index or a folder, by path, and the index that knows them, if there is one."""
    from footage.store import Store
    from indexer.library import Found, walk

    try:
        store = Store.open(source)
    except (StoreMissingError, StoreCorruptError):  # no index, so it is to be a folder of videos
        found = [found.path for found in walk([source]) if isinstance(found, Found)]
        known, index = _indexed(db)
        return [known.get(path.resolve(), Listed(path)) for path in found], index
    return sorted(_of(store).values(), key=lambda video: video.path), store


def _indexed(db: Path) -> tuple[dict[Path, Listed], Store | None]:
    from footage.store import Store

    try:
        store = Store.open(db)
    except StoreMissingError:
        return {}, None
    return _of(store), store


def _of(store: Store) -> dict[Path, Listed]:
    """What an index holds something of, by resolved path."""
    return {
        Path(file.path).resolve(): Listed(Path(file.path), file.content_id, file.duration_seconds)
        for file in store.files()
        if file.state in ("indexed", "partial", "offline")
    }


def _text(videos: list[Listed], proposed: Proposals, folder: Path) -> str:
    """The file's text; one event a line, so that it can be edited by hand."""
    example = {} if proposed else {videos[0].path: {"what happens, in one sentence": (Span(0, 2),)}}
    entries = (
        _entry(video, example.get(video.path) or proposed.get(video.content_id, {}), folder)
        for video in videos
    )
    notes = ",\n  ".join(map(_json, NOTES))
    body = ",\n".join(entries)
    return f'{{\n "notes": [\n  {notes}\n ],\n "videos": {{\n{body}\n }},\n "negative_queries": [\n ]\n}}\n'


def _entry(video: Listed, events: Mapping[str, tuple[Span, ...]], folder: Path) -> str:
    # The real folders on both sides: ".." leads out of the folder that a link points to.
    path = Path(os.path.relpath(video.path.parent.resolve() / video.path.name, folder))
    known = f'"duration": {round(video.duration_seconds, 3)}, ' if video.duration_seconds else ""
    lines = "".join(f"   {line},\n" for line in _events(events)).removesuffix(",\n")
    held = f"\n{lines}\n  " if lines else ""
    return f'  {_json(path.as_posix())}: {{{known}"events": [{held}]}}'


def _events(events: Mapping[str, tuple[Span, ...]]) -> Iterator[str]:
    for query, spans in events.items():
        times = [[format_time(span.start_seconds), format_time(span.end_seconds)] for span in spans]
        yield f'{{"query": {_json(query.rstrip("."))}, "spans": {_json(times)}, "to_check": true}}'


def _json(value: object) -> str:
    """As JSON; in plain letters where they are any (a file name may hold bytes that are none)."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
