"""How long answers are cut into parts that a cursor leads through; knows requests by their fields alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from footage.core.errors import UsageError
from ui.api.cursors import CursorCodec

if TYPE_CHECKING:
    from service.operations import Operation
    from service.requests import Request
    from service.schemas.base import Record

MOST_RECORDS = 1000
"""Most records of a part."""
USUAL_RECORDS = 200
"""Records of a part where the client asks for no number."""


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A part of an answer."""

    records: Sequence[Record]
    """Its records."""
    next_cursor: str | None = None
    """Leads to the next part; None at the end."""


class Paging(Protocol):
    """How the answers of one operation are cut."""

    @property
    def sliced(self) -> bool:
        """Whether the client may say how many records a part has."""
        ...

    def placed(self, request: Request, cursor: str | None) -> Request:
        """The request for the part that a cursor leads to.

        Raises:
            UsageError: it is no cursor, or one of another request.
        """
        ...

    def part(
        self, request: Request, cursor: str | None, records: Sequence[Record], *, most: int
    ) -> AnswerPart:
        """The part, out of what the operation answers to ``placed``."""
        ...


@dataclass(frozen=True, slots=True)
class NumberedPages:
    """The operation cuts by itself; its request has ``page`` and ``page_size``."""

    operation: str
    """Name of the operation."""
    sliced: bool = False
    """As ``Paging``."""

    def placed(self, request: Request, cursor: str | None) -> Request:
        """As ``Paging``."""
        if cursor is None:
            return request
        return _with(request, page=_number(self._codec(request).decode(cursor)))

    def part(
        self, request: Request, cursor: str | None, records: Sequence[Record], *, most: int
    ) -> AnswerPart:
        """As ``Paging``; the last part may be empty."""
        from search.pages import LISTED

        page, size = getattr(request, "page", 1), getattr(request, "page_size", MOST_RECORDS)
        if cursor is not None:
            page = _number(self._codec(request).decode(cursor))
        full = sum(hasattr(record, "rank") for record in records) >= size
        if not full or page * size >= LISTED:
            return AnswerPart(records)
        return AnswerPart(records, self._codec(request).encode(page + 1))

    def _codec(self, request: Request) -> CursorCodec:
        return CursorCodec.of(self.operation, request, but=frozenset({"page"}))


@dataclass(frozen=True, slots=True)
class PagesAfterAnEntry:
    """The operation cuts by itself; its request has ``after``, and its last record ``next_after``."""

    operation: str
    """Name of the operation."""
    sliced: bool = False
    """As ``Paging``."""

    def placed(self, request: Request, cursor: str | None) -> Request:
        """As ``Paging``."""
        if cursor is None:
            return request
        position = self._codec(request).decode(cursor)
        if not isinstance(position, str):
            raise UsageError("The cursor is not one that this service gave.")
        return _with(request, after=position)

    def part(
        self, request: Request, cursor: str | None, records: Sequence[Record], *, most: int
    ) -> AnswerPart:
        """As ``Paging``."""
        after = getattr(records[-1], "next_after", None) if records else None
        return AnswerPart(records, self._codec(request).encode(after) if after else None)

    def _codec(self, request: Request) -> CursorCodec:
        return CursorCodec.of(self.operation, request, but=frozenset({"after"}))


@dataclass(frozen=True, slots=True)
class SlicedRecords:
    """The operation answers with everything, of which a part is sent."""

    operation: str
    """Name of the operation."""
    sliced: bool = True
    """As ``Paging``."""

    def placed(self, request: Request, cursor: str | None) -> Request:
        """As ``Paging``: the request as it is, with a cursor that fits it."""
        if cursor is not None:
            _number(self._codec(request).decode(cursor))
        return request

    def part(
        self, request: Request, cursor: str | None, records: Sequence[Record], *, most: int
    ) -> AnswerPart:
        """As ``Paging``."""
        first = 0 if cursor is None else _number(self._codec(request).decode(cursor))
        past = first + most
        more = past < len(records)
        return AnswerPart(records[first:past], self._codec(request).encode(past) if more else None)

    def _codec(self, request: Request) -> CursorCodec:
        return CursorCodec.of(self.operation, request)


def paging_of(operation: Operation) -> Paging | None:
    """How the answers of an operation are cut; None where they are short."""
    fields = operation.request.model_fields
    if {"page", "page_size"} <= fields.keys():
        return NumberedPages(operation.name)
    if "after" in fields and any("next_after" in record.model_fields for record in operation.records):
        return PagesAfterAnEntry(operation.name)
    if operation.work == "read" and operation.role == "view":
        return SlicedRecords(operation.name)
    return None


def _with(request: Request, **changed: object) -> Request:
    """A request with other values of some fields, checked as any other."""
    given = {name: getattr(request, name) for name in request.model_fields_set}
    return type(request)(**{**given, **changed})


def _number(position: int | str) -> int:
    if isinstance(position, str):
        raise UsageError("The cursor is not one that this service gave.")
    return position
