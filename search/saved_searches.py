"""Saved searches, what each has found since it was last asked, and what was decided about it; knows no page.

What a search finds is an item. An item is the same from one look to the next when it is of the same video
and its span agrees (IoU of 0.5 or more): a moment is named a little differently each time. Items are kept
when they are first found, with a state ("open", "reviewed" or "flagged"), and no look takes one away.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from footage.core.corrections import same_time
from footage.core.errors import UsageError
from footage.core.names import folded
from footage.core.timecode import iou
from footage.core.types import Match, Span
from footage.store import Mark, Search
from search.query.parser import parse_query

if TYPE_CHECKING:
    from footage.store import Annotations, Store
    from search.engine import Engine

State = Literal["open", "reviewed", "flagged"]
STATES: tuple[State, ...] = get_args(State)
Mode = Literal["captions", "closely"]
"""Go by what captions say, or ask the model."""
MODES: tuple[Mode, ...] = get_args(Mode)
MOST_ITEMS = {"captions": 200, "closely": 20}
"""Most matches of one run: captions cost nothing, while the model is asked about every video with a match."""
MOST_PER_VIDEO = 20
MOST_CHARACTERS = 2_000
"""Longest name or note."""

Moment = tuple[str, Span]
"""Content id, and when in video time."""


@dataclass(frozen=True, slots=True)
class Item:
    """Something that a saved search found, and what was decided about it."""

    mark: Mark
    """Place, state, note, author and time."""
    new: bool
    """Whether the last run was the first to find it."""
    match: Match | None = None
    """The match of the current run; None if this run did not find it, or there was none."""


def save(
    annotations: Annotations, name: str, query: str, *, mode: Mode = "captions", author: str = ""
) -> Search:
    """Save a search under a name; saving the same search again changes only its mode.

    Raises:
        UsageError: the query makes no sense, or the name is empty, too long, or that of another search.
        StoreError: the index cannot be written.
    """
    name, query = " ".join(name.split()), query.strip()
    if not name or len(name) > MOST_CHARACTERS:
        raise UsageError("a saved search needs a name", hint="For example: cars at the gate")
    asked = parse_query(query)
    before = next((held for held in annotations.searches.saved() if _same(held.name, name)), None)
    if before is not None and parse_query(before.query) != asked:
        raise UsageError(
            f"there is already a saved search {before.name!r}: {before.query}",
            hint="Choose another name, or remove that search first.",
        )
    made = Search(uuid.uuid4().hex, name, query, mode, author.strip(), time.time())
    search = replace(before, mode=mode) if before else made
    annotations.searches.put([search])
    return search


def saved(annotations: Annotations, name: str) -> Search:
    """The search that was saved under a name, in any case.

    Raises:
        UsageError: there is none.
    """
    searches = annotations.searches.saved()
    found = next((search for search in searches if _same(search.name, name)), None)
    if found is None:
        known = ", ".join(search.name for search in searches)
        hint = f"Saved: {known}." if known else 'Save one with: footage save "NAME" "QUERY"'
        raise UsageError(f"there is no saved search {name!r}", hint=hint)
    return found


def look(
    store: Store,
    engine: Engine,
    search: Search,
    *,
    mode: Mode | None = None,
    at: float | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Item]:
    """Ask a saved search again, and keep what it finds that was not found before.

    Args:
        store: The index.
        engine: Answers queries; "closely" needs its model.
        search: What to look for.
        mode: How to look; as it was saved when None.
        at: When, seconds since the epoch; now when None. Looks of one time count as one.
        on_progress: Called with (windows done, windows in all) while the model is asked.

    Returns:
        Every item of the search: what came up now, best first, then the others by when they were found.

    Raises:
        UsageError: the query makes no sense.
        StoreError: the index cannot be read or written.
        ModelError: the model cannot be loaded or fails.
    """
    mode = mode or ("closely" if search.mode == "closely" else "captions")
    at = time.time() if at is None else at
    matches = _found(engine, search, mode, on_progress)
    annotations = store.annotations
    held = _marks(annotations, search)
    numbers = tell_apart(
        [(match.video.content_id, match.span) for match in matches],
        [(mark.content_id, mark.span) for mark in held],
    )
    fresh: dict[int, Mark] = {}
    for number, match in zip(numbers, matches, strict=True):
        if number >= len(held) and number not in fresh:
            fresh[number] = _first_mark(search, match, at)
    annotations.marks.add(fresh.values())
    annotations.searches.put([replace(search, looked_at=at)])

    everything = [*held, *fresh.values()]
    best: dict[int, Match] = {}
    for number, match in zip(numbers, matches, strict=True):
        best.setdefault(number, match)
    come_up = [Item(everything[n], everything[n].found_at >= at, match) for n, match in best.items()]
    others = [Item(mark, mark.found_at >= at) for n, mark in enumerate(everything) if n not in best]
    return [*come_up, *others]


def items(annotations: Annotations, search: Search) -> list[Item]:
    """What a saved search has found so far, without asking it, by when it was found.

    Raises:
        StoreError: the index cannot be read.
    """
    found = _marks(annotations, search)
    return [Item(mark, mark.found_at >= search.looked_at) for mark in found]


def decide(
    annotations: Annotations, mark: Mark, state: State, *, note: str | None = None, author: str = ""
) -> Mark:
    """Set the state of an item, and its note unless that is None.

    Raises:
        UsageError: there is no such state, or the note is too long.
        StoreError: the index cannot be written.
    """
    if state not in STATES:
        raise UsageError(f"unknown state {state!r}", hint=f"Use one of {', '.join(STATES)}.")
    if note is not None and len(note) > MOST_CHARACTERS:
        raise UsageError(f"a note has at most {MOST_CHARACTERS:,} characters, got {len(note):,}")
    decided = replace(
        mark,
        state=state,
        text=mark.text if note is None else note.strip(),
        author=author.strip(),
        made_at=time.time(),
    )
    annotations.marks.put([decided])
    return decided


def decide_all(
    annotations: Annotations, marks: Sequence[Mark], state: State, *, author: str = ""
) -> list[Mark]:
    """Set the state of several items in one commit; their notes stay.

    Raises:
        StoreError: the index cannot be written.
    """
    at = time.time()
    decided = [replace(mark, state=state, author=author.strip(), made_at=at) for mark in marks]
    annotations.marks.put(decided)
    return decided


def count_new(store: Store, engine: Engine, search: Search) -> int:
    """How many items a look by captions would add now; keeps nothing.

    Raises:
        UsageError: the query makes no sense.
        StoreError: the index cannot be read.
    """
    matches = _found(engine, search, "captions", None)
    held = _marks(store.annotations, search)
    numbers = tell_apart(
        [(match.video.content_id, match.span) for match in matches],
        [(mark.content_id, mark.span) for mark in held],
    )
    return len({number for number in numbers if number >= len(held)})


def item_of(annotations: Annotations, name: str) -> Mark:
    """The item of an id, or of the beginning of one.

    Raises:
        UsageError: there is no such item, or several.
    """
    found = [mark for mark in annotations.marks.all(kinds=["review"]) if name and mark.id.startswith(name)]
    if len(found) != 1:
        what = "no item" if not found else f"{len(found)} items"
        raise UsageError(
            f"{what} to review with the id {name!r}", hint="See `footage review NAME --state all`."
        )
    return found[0]


def tell_apart(found: Sequence[Moment], held: Sequence[Moment]) -> list[int]:
    """The item of each moment found: the number of a known item, or a new number in the order found.

    A moment is the item of the same video whose span agrees best with it, if one agrees (see
    ``footage.core.corrections.same_time``); of two that agree alike, the first.
    """
    known: dict[str, list[tuple[int, Span]]] = defaultdict(list)
    for number, (content_id, span) in enumerate(held):
        known[content_id].append((number, span))
    numbers: list[int] = []
    following = len(held)
    for content_id, span in found:
        alike = [
            (span == other, iou(span, other), -n) for n, other in known[content_id] if same_time(span, other)
        ]
        if alike:
            numbers.append(-max(alike)[2])
            continue
        known[content_id].append((following, span))
        numbers.append(following)
        following += 1
    return numbers


def _found(
    engine: Engine, search: Search, mode: Mode, on_progress: Callable[[int, int], None] | None
) -> list[Match]:
    """The matches that a person should review, best first."""
    query, ground, limit = parse_query(search.query), mode == "closely", MOST_ITEMS[mode]
    result = engine.search(
        query, limit=limit, per_video=MOST_PER_VIDEO, ground=ground, on_progress=on_progress
    )
    return [match for match in result.matches if match.verdict == "found" or result.near(match)]


def _first_mark(search: Search, match: Match, at: float) -> Mark:
    content_id, span = match.video.content_id, match.span
    spelled = [search.id, content_id, span.start_seconds.hex(), span.end_seconds.hex()]
    return Mark(
        hashlib.sha256(json.dumps(spelled).encode()).hexdigest()[:16],
        "review",
        content_id,
        span,
        "open",
        query=search.query,
        search_id=search.id,
        found_at=at,
        found_text=match.text,
    )


def _marks(annotations: Annotations, search: Search) -> list[Mark]:
    """The items of a search, by when they were found, then by place."""
    found = (mark for mark in annotations.marks.all(kinds=["review"]) if mark.search_id == search.id)
    return sorted(found, key=lambda mark: (mark.found_at, mark.content_id, mark.span, mark.id))


def _same(one: str, other: str) -> bool:
    return folded(" ".join(one.split())) == folded(" ".join(other.split()))
