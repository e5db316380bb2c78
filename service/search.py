"""Searches the index for events, simple or combined; prints nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from footage.core.errors import ModelUnavailableError
from search.pages import LISTED
from service.events import Hits, Listener, WindowsPlanned, ignore, steps
from service.requests import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.types import Match
    from search.results import SearchCoverage as SearchCoverage
    from search.results import SearchResult as SearchResult
    from service.cancellation import CancelToken
    from service.session import Service


SearchMode = Literal["hybrid", "vector", "text"]
"""Ranking of captions: by meaning and words, only by meaning, or only by words."""


class SearchRequest(Request):
    """A query, and how to answer it."""

    query: str
    """What happens, with filters and operators (docs/reference/query-language.md)."""
    limit: int = Field(default=LISTED, ge=1, le=1000)
    """Most matches."""
    ground: bool = True
    """Let the model check the best windows; otherwise, only captions are searched."""
    mode: SearchMode = "hybrid"
    """Ranking of captions; "text" needs no embedder."""
    fresh: bool = False
    """Ignore stored answers and ask the model again."""
    exhaustive: bool = False
    """Let the model check all windows that match the filters, independent of captions."""
    budget_seconds: float | None = Field(default=None, ge=0)
    """Time limit for the model, in seconds; no limit when None."""
    hits_first: bool = False
    """Report the answers of the index before the model is loaded, instead of loading the model first."""
    without_model: str = ""
    """Hint of model errors: what the surface offers without the model."""


def search(
    service: Service,
    request: SearchRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> SearchResult:
    """Search the index that the settings name.

    Events: ``Busy`` while models load, ``WindowsPlanned`` before an exhaustive search, ``Hits`` and
    ``StageProgress``.

    Raises:
        FootageError: the query makes no sense, or the index or one of the models cannot be used.
        Cancelled: the token was cancelled while the model was asked.
    """
    from search.query.parser import parse_query
    from service import factories

    # 1. A bad query is refused before anything is loaded.
    query = parse_query(request.query)
    looking = service.looking(
        fresh=request.fresh, exhaustive=request.exhaustive, budget_seconds=request.budget_seconds
    )
    if request.ground and not request.hits_first:
        service.check_skill("find")
    store = service.store()
    ground = request.ground and store.status().videos > 0

    # 2. The model first, as a server may not answer; unless the index is to answer at once.
    if ground and not request.hits_first:
        service.check_model("find", store=store, instead=request.without_model, on_event=on_event)
        service.find_model(on_event)
    engine = service.engine(on_event, embed=request.mode != "text")
    if request.exhaustive and ground and not request.hits_first:
        on_event(WindowsPlanned(*engine.estimate(query)))

    # 3. Search.
    try:
        return engine.search(
            query,
            limit=request.limit,
            ground=ground,
            looking=looking,
            arm=request.mode,
            on_hits=lambda matches: on_event(Hits(tuple(matches))),
            on_progress=steps("searching", on_event, cancel),
        )
    except ModelUnavailableError as error:
        if not request.hits_first:
            raise
        raise factories.without_model(
            error, service.settings.for_finds, store=store, instead=request.without_model
        ) from error


def partial_result(service: Service, query: str, matches: Sequence[Match]) -> SearchResult:
    """The answers that a search had reported when it was stopped, as a result.

    Raises:
        FootageError: the query makes no sense, or the index cannot be read.
    """
    from search.query.parser import parse_query
    from search.results import SearchResult, Timings

    coverage = service.engine().coverage()
    return SearchResult(parse_query(query), tuple(matches), coverage, Timings(0.0, 0.0, 0.0))


def measure_meanings() -> dict[str, str]:
    """What the measures of evidence mean, by name."""
    from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES

    return {**MODEL_MEASURES, **CAPTION_MEASURES}
