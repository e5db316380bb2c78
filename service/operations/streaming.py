"""What operations report while they run, as records; knows no transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.operations.searching import SearchPageRequest
from service.schemas.answers import CombinedMatchRecord, MatchRecord, answer_record

if TYPE_CHECKING:
    from service.events import Hits
    from service.requests import Request


def hit_records(request: Request, hits: Hits) -> list[MatchRecord | CombinedMatchRecord]:
    """The answers so far of a search, as the page that it asks for; none of any other request."""
    from search.pages import grouped
    from search.pages import page as cut
    from search.query.parser import parse_query

    if not isinstance(request, SearchPageRequest):
        return []
    groups = grouped(hits.matches, "none" if request.group == "scene" else request.group)
    query = parse_query(request.query)
    return [
        answer_record(query, match, rank=rank, others=others)
        for rank, match, others in cut(groups, request.page, size=request.page_size)
    ]
