"""Searches the index for events, simple or combined; prints nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field, InstanceOf

from footage.core.errors import ModelUnavailableError
from footage.core.tracks import CAPTION_TRACK
from footage.core.types import Span
from search.pages import LISTED
from service import factories
from service.events import Hits, Listener, Searched, WindowsPlanned, ignore, steps
from service.fold import SceneGrouping, folded
from service.requests import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from footage.core.types import Match
    from footage.store import Store
    from search.query.parser import Query
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
    group: SceneGrouping = "none"
    """"scene": answers that show one scene are one, with the others as its ``similar``."""


def search(
    service: Service,
    request: SearchRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
    without_model: str = "",
) -> SearchResult:
    """Search the index that the settings name.

    Args:
        service: What to work with.
        request: What to search for.
        on_event: Receives the progress.
        cancel: Ends the work.
        without_model: Hint of model errors: what the caller offers without the model.

    Events: ``Busy`` while models load, ``WindowsPlanned`` before an exhaustive search, ``Hits`` and
    ``StageProgress``.

    Where the index has words or image vectors and the model is unavailable, these answer, and a note says so.

    Raises:
        FootageError: the query makes no sense, or the index or one of the models cannot be used.
        Cancelled: the token was cancelled while the model was asked.
    """
    if service.remote is not None:
        answered = service.remote.search(
            request, on_event=on_event, cancel=cancel, without_model=without_model
        )
        if answered is not None:
            return answered
    return _search_here(service, request, on_event, cancel, without_model)


def _search_here(
    service: Service,
    request: SearchRequest,
    on_event: Listener,
    cancel: CancelToken | None,
    without_model: str,
) -> SearchResult:
    """Search in this process; see ``search``."""
    from search.query.parser import parse_query

    # 1. A bad query is refused before anything is loaded; without anything to be seen, no model is.
    query = parse_query(request.query)
    looking = service.looking(
        fresh=request.fresh, exhaustive=request.exhaustive, budget_seconds=request.budget_seconds
    )
    wanted = request.ground and query.needs_pictures
    if wanted and not request.hits_first:
        service.check_skill("find")
    store = service.store()
    ground = wanted and _may_look(store, query, exhaustive=request.exhaustive)
    unseen = "no captions are indexed" if wanted and not ground else ""

    # 2. The model first, as a server may not answer; unless the index is to answer at once.
    if ground and not request.hits_first:
        try:
            service.check_model("find", store=store, instead=without_model, on_event=on_event)
            service.find_model(on_event)
        except ModelUnavailableError as error:
            if not _answers_without(store, request):
                raise
            ground, unseen = False, str(error)
    engine = service.engine(on_event, embed=request.mode != "text" and not query.only_words)
    if request.exhaustive and ground and not request.hits_first:
        on_event(WindowsPlanned(*engine.estimate(query)))

    # 3. Search.
    run = partial(
        engine.search,
        query,
        limit=request.limit,
        looking=looking,
        arm=request.mode,
        on_hits=lambda matches: on_event(Hits(tuple(matches))),
        on_progress=steps("searching", on_event, cancel),
    )
    try:
        result = run(ground=ground)
    except ModelUnavailableError as error:
        if not request.hits_first:
            raise
        if not _answers_without(store, request):
            raise factories.without_model(
                error, service.settings.for_finds, store=store, instead=without_model
            ) from error
        result, unseen = run(ground=False), str(error)
    if unseen and (_has_words(store) or _has_pictures(store)):
        result = _with_note(result, unseen)

    # 4. One answer for each scene, where that is wanted.
    service.notice(Searched(result))
    return folded(service, result, request.group)


def _may_look(store: Store, query: Query, *, exhaustive: bool) -> bool:
    """Whether anything leads to windows that the model could be asked about: captions, pictures or words."""
    led = store.status().videos > 0 or _has_pictures(store)
    return led or (_has_words(store) and (exhaustive or query.has_terms))


def _has_words(store: Store) -> bool:
    """Whether the index has anything that is said or written."""
    return any(held.videos for track, held in store.status().tracks.items() if track != CAPTION_TRACK)


def _has_pictures(store: Store) -> bool:
    """Whether the index has image vectors."""
    return any(held.track.videos for held in store.status().images.values())


def _answers_without(store: Store, request: SearchRequest) -> bool:
    """Whether a search goes on without its model: words or pictures answer, and not all is to be seen."""
    return (_has_words(store) or _has_pictures(store)) and not request.exhaustive


def _with_note(result: SearchResult, unseen: str) -> SearchResult:
    """An answer that says that nobody looked at the pictures, and why."""
    reason = unseen[:1].lower() + unseen[1:].rstrip(".")
    return replace(result, notes=(*result.notes, f"The pictures were not looked at: {reason}."))


class CheckMomentsRequest(Request):
    """Answers of a search that the model is to check."""

    query: str
    """The query that they answer."""
    moments: Mapping[str, tuple[InstanceOf[Span], ...]]
    """Where they are, in video time, by content id."""
    budget_seconds: float | None = Field(default=None, ge=0)
    """Time limit for the model, in seconds; no limit when None."""


def check(
    service: Service,
    request: CheckMomentsRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
    without_model: str = "",
) -> SearchResult:
    """Let the model check some answers of a search, and nothing else; all answers in their videos.

    Args:
        service: What to work with.
        request: What to check.
        on_event: Receives the progress: ``Hits`` and ``StageProgress``.
        cancel: Ends the work.
        without_model: Hint of model errors: what the caller offers without the model.

    Raises:
        FootageError: the query makes no sense, or the index or the model cannot be used.
        Cancelled: the token was cancelled while the model was asked.
    """
    from search.query.parser import parse_query

    store = service.store()
    looking = replace(
        service.looking(budget_seconds=request.budget_seconds),
        at=request.moments,
        max_windows=len(request.moments),
    )
    try:
        return service.engine(on_event).search(
            parse_query(request.query),
            limit=max(LISTED, len(request.moments)),
            looking=looking,
            content_ids=set(request.moments),
            on_hits=lambda matches: on_event(Hits(tuple(matches))),
            on_progress=steps("checking", on_event, cancel),
        )
    except ModelUnavailableError as error:
        raise factories.without_model(
            error, service.settings.for_finds, store=store, instead=without_model
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
    from search.picture_verdict import ALL_PICTURE_MEASURES
    from search.words.answers import WORD_MEASURES

    return {**MODEL_MEASURES, **CAPTION_MEASURES, **WORD_MEASURES, **ALL_PICTURE_MEASURES}
