"""Marks, corrections and searches of people, and answers of models: kept apart from what is indexed.

Nothing here is derived from captions, so that captioning anew and clearing up leave it alone. Every write
holds a lock of its own while it lasts, so that it also works while an indexer runs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from footage.core.corrections import Correction
from footage.core.names import folded
from footage.core.plain_text import CLOSING, evened, without_quotes
from footage.core.types import Answer, Provenance, Span
from footage.store.audits import AuditRepository
from footage.store.records import ANNOTATION_TABLES, span_columns, span_from_row
from footage.store.tables import Tables, given

MarkKind = Literal["review", "label"]
MARK_KINDS: tuple[MarkKind, ...] = get_args(MarkKind)
RECENT_SEARCHES = 50
"""Number of distinct recent searches that are remembered."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person noted about a segment of a video."""

    id: str
    """Names it; a mark put again under its id replaces the one before."""
    kind: MarkKind
    """A "review" of a result of a saved search, or a "label" of an answer."""
    content_id: str
    """The video; empty for a label that a query is answered nowhere."""
    span: Span
    """When, in video time."""
    state: str
    """What was decided, such as "open", "flagged", "present" or "absent"; not interpreted here."""
    query: str = ""
    """The query that led there, if there was one."""
    text: str = ""
    """The person's words: a note."""
    author: str = ""
    """Who, as typed."""
    made_at: float = 0.0
    """When, seconds since the epoch."""
    search_id: str = ""
    """The saved search that led there; empty for a label."""
    found_at: float = 0.0
    """When the search first led there, seconds since the epoch."""
    found_text: str = ""
    """The indexed text that led there, as it was then."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search: saved under a name, or one of the recent ones."""

    id: str
    """Names it."""
    name: str
    """What it was saved as; empty for a recent search that was not saved."""
    query: str
    """The words as typed, filters included."""
    mode: str = ""
    """The mode of the search; not interpreted here."""
    author: str = ""
    """Who, as typed."""
    made_at: float = 0.0
    """When it was saved, or first asked; seconds since the epoch."""
    looked_at: float = 0.0
    """When it was last asked, seconds since the epoch; 0 for never."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What a model answered when it was asked for something in one window."""

    content_id: str
    """The video."""
    window: Span
    """What the model was shown, in video time."""
    query: str
    """What it was asked: the prompt."""
    provenance: Provenance
    """Model, revision, prompt version and budget."""
    answer: Answer
    """What it said."""

    @property
    def key(self) -> str:
        """Names the question: equal for equal video, span, words, model, revision, prompt and budget."""
        return grounding_key(self.content_id, self.window, self.query, self.provenance)


class MarkRepository:
    """What people noted about segments of videos; got from ``Annotations.marks``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, marks: Iterable[Mark]) -> None:
        """Insert marks, or replace the ones with the same id.

        Raises:
            StoreError: another process has been writing annotations for longer than any write takes.
        """
        with self._tables.writing_annotations():
            self._tables.upsert("marks", [_mark_to_row(mark) for mark in marks])

    def add(self, marks: Iterable[Mark]) -> None:
        """Insert marks whose ids are not there yet, the others stay as they are; errors as ``put``."""
        with self._tables.writing_annotations():
            self._tables.insert_absent("marks", [_mark_to_row(mark) for mark in marks])

    def remove(self, ids: Collection[str]) -> None:
        """Take marks out; ids that are not there count for nothing. Errors as ``put``."""
        with self._tables.writing_annotations():
            self._tables.delete("marks", {"id": ids})

    def all(
        self, *, kinds: Collection[MarkKind] | None = None, content_ids: Collection[str] | None = None
    ) -> list[Mark]:
        """Marks in the order they were made: all, or those of some kinds and videos."""
        wanted = given(kind=kinds, content_id=content_ids)
        found = map(_mark_from_row, self._tables.read("marks", wanted))
        return sorted(found, key=lambda mark: (mark.made_at, mark.id))


class CorrectionRepository:
    """Corrections of captions; got from ``Annotations.corrections``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, corrections: Iterable[Correction]) -> None:
        """Insert corrections, or replace the ones with the same id; errors as ``MarkRepository.put``."""
        with self._tables.writing_annotations():
            self._tables.upsert("corrections", [_correction_to_row(each) for each in corrections])

    def all(self, content_ids: Collection[str] | None = None) -> list[Correction]:
        """Corrections in the order they were made, those taken back too: all, or those of some videos."""
        rows = self._tables.read("corrections", given(content_id=content_ids))
        return sorted(map(_correction_from_row, rows), key=lambda each: (each.made_at, each.id))


class SearchRepository:
    """Saved and recent searches; got from ``Annotations.searches``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, searches: Iterable[Search]) -> None:
        """Insert searches, or replace the ones with the same id; errors as ``MarkRepository.put``."""
        with self._tables.writing_annotations():
            self._tables.upsert("searches", [asdict(search) for search in searches])

    def saved(self) -> list[Search]:
        """Searches that were saved, by name."""
        found = (Search(**row) for row in self._tables.read("searches"))
        return sorted(
            (search for search in found if search.name),
            key=lambda search: (folded(search.name), search.name, search.id),
        )

    def recent(self) -> list[Search]:
        """The recent searches, latest first."""
        found = (Search(**row) for row in self._tables.read("searches", {"name": [""]}))
        return sorted(found, key=lambda search: (-search.looked_at, search.id))

    def note(self, query: str, *, mode: str = "", author: str = "", at: float) -> None:
        """Remember a query; the last ``RECENT_SEARCHES`` distinct queries stay.

        Args:
            query: The words as typed; the same words are the same search, whatever the author, mode and
                quotation marks.
            mode: How it was looked for.
            author: The person who searched, as typed.
            at: When, seconds since the epoch.

        Raises:
            StoreError: as ``put``.
        """
        spelled = without_quotes(evened(query)).rstrip(CLOSING)
        name = "recent/" + hashlib.sha256(spelled.encode()).hexdigest()[:32]
        before = {search.id: search for search in self.recent()}
        made_at = before[name].made_at if name in before else at
        self.put([Search(name, "", query.strip(), mode, author, made_at, at)])
        self.remove([search.id for search in self.recent()[RECENT_SEARCHES:]])

    def remove(self, ids: Collection[str]) -> None:
        """Forget searches; what was marked under them stays."""
        with self._tables.writing_annotations():
            self._tables.delete("searches", {"id": ids})


class GroundingRepository:
    """What models answered; got from ``Annotations.groundings``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, groundings: Iterable[Grounding]) -> None:
        """Keep answers, the later of two to one question; errors as ``MarkRepository.put``."""
        with self._tables.writing_annotations():
            self._tables.upsert("groundings", [_grounding_to_row(grounding) for grounding in groundings])

    def of(self, keys: Collection[str]) -> dict[str, Grounding]:
        """Answers to the questions of these keys (see ``grounding_key``), as far as they were asked."""
        found = self._tables.read("groundings", {"key": keys})
        return {row["key"]: _grounding_from_row(row) for row in found}


class Annotations:
    """Searches, notes, corrections and answers about one index; got from ``Store.annotations``."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.marks = MarkRepository(tables)
        self.corrections = CorrectionRepository(tables)
        self.searches = SearchRepository(tables)
        self.groundings = GroundingRepository(tables)
        self.audits = AuditRepository(tables)

    def counts(self) -> Mapping[str, int]:
        """Number of rows by table."""
        return {name: self._tables.count(name) for name in ANNOTATION_TABLES}

    def move(self, content_id: str, to: str) -> None:
        """Give the marks and corrections of a video to another content: the same video, written to its end.

        Raises:
            StoreError: as ``MarkRepository.put``.
        """
        marks, corrections = self.marks.all(content_ids=[content_id]), self.corrections.all([content_id])
        if marks:
            self.marks.put(replace(each, content_id=to) for each in marks)
        if corrections:
            self.corrections.put(replace(each, content_id=to) for each in corrections)

    def forget(self, content_ids: Collection[str]) -> None:
        """Remove everything about some videos."""
        with self._tables.writing_annotations():
            for name in ANNOTATION_TABLES:
                if name != "searches":  # they are of no video
                    self._tables.delete(name, {"content_id": content_ids})


def grounding_key(content_id: str, window: Span, query: str, provenance: Provenance) -> str:
    """The key of a question: everything that the answer depends on, without how videos are cut."""
    parts = asdict(provenance)
    del parts["cutting"]
    times = float(window.start_seconds).hex(), float(window.end_seconds).hex()
    spelled = [content_id, *times, query, *parts.values()]
    return hashlib.sha256(json.dumps(spelled).encode()).hexdigest()


def _mark_to_row(mark: Mark) -> dict[str, Any]:
    row = asdict(mark)
    del row["span"]
    return {**row, **span_columns(mark.span)}


def _mark_from_row(row: dict[str, Any]) -> Mark:
    rest = {name: value for name, value in row.items() if name not in ("start_seconds", "end_seconds")}
    return Mark(span=span_from_row(row), **rest)


def _correction_to_row(correction: Correction) -> dict[str, Any]:
    row = asdict(correction)
    del row["span"], row["original_span"]
    original = correction.original_span
    return {
        **row,
        **span_columns(correction.span),
        "original_start_seconds": original.start_seconds,
        "original_end_seconds": original.end_seconds,
    }


def _correction_from_row(row: dict[str, Any]) -> Correction:
    original = Span(row.pop("original_start_seconds"), row.pop("original_end_seconds"))
    span = span_from_row(row)
    del row["start_seconds"], row["end_seconds"]
    return Correction(original_span=original, span=span, **row)


_PROVENANCE = ("model", "revision", "prompt_version", "budget")


def _grounding_to_row(grounding: Grounding) -> dict[str, Any]:
    answer = grounding.answer
    return {
        "key": grounding.key,
        "content_id": grounding.content_id,
        **span_columns(grounding.window),
        "query": grounding.query,
        **{name: getattr(grounding.provenance, name) for name in _PROVENANCE},
        "raw": answer.raw,
        "finish_reason": answer.finish_reason,
        "token_logprobs": None if answer.token_logprobs is None else list(answer.token_logprobs),
        "token_texts": None if answer.token_texts is None else list(answer.token_texts),
    }


def _grounding_from_row(row: dict[str, Any]) -> Grounding:
    logprobs, texts = row["token_logprobs"], row["token_texts"]
    return Grounding(
        row["content_id"],
        span_from_row(row),
        row["query"],
        Provenance(*(row[name] for name in _PROVENANCE)),
        Answer(
            row["raw"],
            row["finish_reason"],
            None if logprobs is None else tuple(logprobs),
            None if texts is None else tuple(texts),
        ),
    )
