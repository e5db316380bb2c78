"""Writes a truth file to fill in: videos, accepted and rejected answers, and queries made from captions."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import FileError, StoreCorruptError, StoreMissingError, UsageError
from footage.core.index_place import IndexPlace
from footage.core.timecode import format_time
from footage.core.timeline import merge_spans, normalise_text
from footage.core.types import Span
from search.query.lexical_match import words_of

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


Moments = Mapping[str, Mapping[str, tuple[Span, ...]]]
"""Spans by content id and query."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The answers that people accepted and rejected."""

    present: Moments
    """What they accepted, sorted and disjoint."""
    absent: tuple[str, ...]
    """Queries of which they accepted nothing and rejected something, in the order first rejected."""

    @property
    def queries(self) -> set[str]:
        """Everything that was judged."""
        return {*self.absent, *_queries(self.present)}


@dataclass(frozen=True, slots=True)
class WrittenTemplate:
    """What went into a truth file."""

    videos: int
    """How many videos."""
    accepted: int
    """Queries with a moment that somebody accepted; they are asked as they are."""
    rejected: int
    """Queries of which all that was judged was rejected; they are among the negative ones."""
    proposed: int
    """Queries proposed from captions, to be checked."""


def write_template(source: Path, out: Path, *, db: IndexPlace) -> WrittenTemplate:
    """Write a truth file for an index or a folder of videos.

    Args:
        source: An index, or a folder.
        out: The file; it must not be there.
        db: The index to take labels and captions from where ``source`` is a folder; there need be none.

    Raises:
        UsageError: when the file is there already.
        FileError: when it cannot be written, or there is no video.
        FootageError: when there is neither an index nor a folder to be read.
    """
    videos, store = _videos(source, db)
    if not videos:
        raise FileError(f"There is no video in {source}.", hint="Name an index, or a folder of videos.")
    contents = {video.content_id for video in videos if video.content_id}
    said = labels(store, contents) if store else Labels({}, ())
    proposed = proposals(store, contents, known=said.queries) if store else {}
    try:
        with out.open("x", encoding="utf-8") as stream:
            stream.write(_text(videos, said, proposed, out.parent.resolve()))
    except FileExistsError as error:
        raise UsageError(f"{out} already exists.", hint="Name a file that does not exist.") from error
    except OSError as error:
        raise FileError(f"{out} cannot be written: {error.strerror}.", hint="Name another file.") from error
    return WrittenTemplate(
        len(videos), len(_queries(said.present)), len(said.absent), len(_queries(proposed))
    )


def labels(store: Store, contents: Collection[str]) -> Labels:
    """What people accepted and rejected in the app.

    A rejected moment is only left out where another was accepted: what is not written down counts as wrong.

    Args:
        store: The index.
        contents: The videos to take moments of; labels of other videos are left out.
    """
    marks = [mark for mark in store.annotations.marks.all(kinds=["label"]) if mark.query.strip()]
    present: dict[str, dict[str, tuple[Span, ...]]] = {}
    for mark in marks:
        if mark.state == "present" and mark.content_id in contents:
            of_video = present.setdefault(mark.content_id, {})
            of_video[mark.query] = merge_spans((*of_video.get(mark.query, ()), mark.span))
    accepted = {mark.query for mark in marks if mark.state == "present"}
    absent = dict.fromkeys(
        mark.query
        for mark in marks
        if mark.state == "absent" and mark.query not in accepted and mark.content_id in {"", *contents}
    )
    return Labels(present, tuple(absent))


def proposals(
    store: Store, contents: Collection[str], *, most: int = PROPOSALS, known: Collection[str] = ()
) -> Moments:
    """Queries made of the captions that are least like any other, of different videos as far as possible.

    Args:
        store: The index.
        contents: The videos to propose for.
        most: How many.
        known: Queries that need no proposing.
    """
    import numpy as np

    done = set(map(normalise_text, known))
    embedders = store.status().embedders
    if not embedders:
        return {}
    videos, texts, vectors = store.vectors.sample(embedders[0], SAMPLE)
    asking = (
        n
        for n, text in enumerate(texts)
        if videos[n] in contents and words_of(text) and normalise_text(text) not in done
    )
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
    for event in store.events.all():
        if event.text in wanted and event.content_id in contents:
            of_video = found.setdefault(event.content_id, {})
            of_video[event.text] = (*of_video.get(event.text, ()), event.span)
    return found


def _videos(source: Path, db: IndexPlace) -> tuple[list[Listed], Store | None]:
    """The videos of an index or a folder, by path, and the index that knows them, if there is one."""
    from footage.store import Store
    from indexer.library import WITH_LINKS, FoundFile, walk

    try:
        store = Store.open(source)
    except (StoreMissingError, StoreCorruptError):  # no index, so it is to be a folder of videos
        found = [found.path for found in walk([source], selection=WITH_LINKS) if isinstance(found, FoundFile)]
        known, index = _indexed(db)
        return [known.get(path.resolve(), Listed(path)) for path in found], index
    return sorted(_of(store).values(), key=lambda video: video.path), store


def _indexed(db: IndexPlace) -> tuple[dict[Path, Listed], Store | None]:
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
        for file in store.files.all()
        if file.state in ("indexed", "partial", "offline")
    }


def _text(videos: list[Listed], said: Labels, proposed: Moments, folder: Path) -> str:
    """The file's text; one event a line, so that it can be edited by hand."""
    entries = []
    for number, video in enumerate(videos):
        known, guessed = said.present.get(video.content_id, {}), proposed.get(video.content_id, {})
        if number == 0 and not (said.present or proposed):
            guessed = {"what happens, in one sentence": (Span(0, 2),)}
        entries.append(_entry(video, [*_accepted(known), *_proposed(guessed)], folder))
    notes, body = ",\n  ".join(map(_json, NOTES)), ",\n".join(entries)
    negative = ",".join(f"\n  {_json(query)}" for query in said.absent)
    return (
        f'{{\n "notes": [\n  {notes}\n ],\n "videos": {{\n{body}\n }},\n'
        f' "negative_queries": [{negative}\n ]\n}}\n'
    )


def _entry(video: Listed, events: Sequence[str], folder: Path) -> str:
    # The real folders on both sides: ".." leads out of the folder that a link points to.
    path = Path(os.path.relpath(video.path.parent.resolve() / video.path.name, folder))
    known = f'"duration": {round(video.duration_seconds, 3)}, ' if video.duration_seconds else ""
    held = "\n" + ",\n".join(f"   {event}" for event in events) + "\n  " if events else ""
    return f'  {_json(path.as_posix())}: {{{known}"events": [{held}]}}'


def _accepted(events: Mapping[str, tuple[Span, ...]]) -> Iterator[str]:
    """Each query as a line, its times as exact as somebody set them."""
    for query, spans in events.items():
        times = [[span.start_seconds, span.end_seconds] for span in spans]
        yield f'{{"query": {_json(query)}, "spans": {_json(times)}}}'


def _proposed(events: Mapping[str, tuple[Span, ...]]) -> Iterator[str]:
    """Each query as a line to be checked, without the full stop that captions end with."""
    for query, spans in events.items():
        times = [[format_time(span.start_seconds), format_time(span.end_seconds)] for span in spans]
        yield f'{{"query": {_json(query.rstrip("."))}, "spans": {_json(times)}, "to_check": true}}'


def _queries(moments: Moments) -> set[str]:
    return {query for events in moments.values() for query in events}


def _json(value: object) -> str:
    """As JSON; in plain letters where they are any (a file name may hold bytes that are none)."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
