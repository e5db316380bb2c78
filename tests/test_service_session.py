"""The parts that service functions work with: built once, kept warm, cancelled, refused in a sentence."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from standin_finder import StandinFinder, TestVideo, index_videos

from footage.core.config import load_settings
from footage.core.errors import StoreMissingError, UsageError
from footage.embed.text_embedder import load_embedder
from service.cancellation import Cancelled, CancelToken
from service.events import Busy, Hits, StageProgress
from service.index import IndexRequest
from service.search import SearchRequest, search
from service.session import Loaders, Service

CAR, DOG = "A red car drives by.", "A white dog runs."
VIDEOS = [TestVideo("order", 40, 25, {CAR: [(2, 6)], DOG: [(8, 12)]})]


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return index_videos(tmp_path_factory.mktemp("service"), VIDEOS, load_embedder()).path


@pytest.fixture
def settings(db):
    return load_settings(db=db, model="demo")


def test_everything_is_built_once_however_many_threads_ask(settings):
    began, made = threading.Barrier(4), []

    def load(_):
        made.append(StandinFinder(VIDEOS))
        return made[-1]

    service = Service(settings, loaders=Loaders(model=load))

    def ask(_):
        began.wait()
        return service.model(), service.engine(), service.store()

    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(ask, range(4)))
    assert len(made) == 1 and len({tuple(map(id, each)) for each in parts}) == 1
    search(service, SearchRequest(query=DOG))
    assert len(made) == 1 and service.asked_under == made[0].provenance


def test_an_index_made_anew_in_the_same_place_is_opened_anew(tmp_path):
    service = Service(load_settings(db=tmp_path / "index.lancedb"))
    assert service.existing_store() is None
    with pytest.raises(StoreMissingError):
        service.store()
    first, engine = service.created_store(), service.engine(embed=False)
    assert service.store() is first and service.engine(embed=False) is engine
    (tmp_path / "index.lancedb").rename(tmp_path / "away")
    second = service.created_store()
    assert second is not first and service.store() is second
    assert service.engine(embed=False) is not engine


def test_a_search_reports_what_it_does_in_order(settings):
    service = Service(settings, loaders=Loaders(model=lambda _: StandinFinder(VIDEOS)))
    events = []
    result = search(service, SearchRequest(query=DOG, fresh=True), on_event=events.append)
    assert result.matches[0].verdict == "found"
    busy = [event.what for event in events if isinstance(event, Busy) and not event.ended]
    assert "loading demo" in busy and f"loading {settings.embedder}" in busy
    assert len(busy) == sum(isinstance(event, Busy) and event.ended for event in events)
    steps = [event for event in events if isinstance(event, StageProgress)]
    assert steps[-1].done == steps[-1].total > 0
    first = next(number for number, event in enumerate(events) if isinstance(event, Hits))
    assert events.index(steps[-1]) > first
    assert events[first].matches[0].verdict == "not checked"


def test_hits_come_before_the_model_is_loaded_where_that_is_asked_for(settings):
    order = []

    def load(_):
        order.append("model")
        return StandinFinder(VIDEOS)

    service = Service(settings, loaders=Loaders(model=load))
    request = SearchRequest(query=f"{CAR} THEN {DOG}", hits_first=True)
    result = search(
        service, request, on_event=lambda event: order.append("hits") if isinstance(event, Hits) else None
    )
    assert order[:2] == ["hits", "model"]
    assert [len(match.parts) for match in result.matches] == [2]


def test_a_cancelled_search_ends_between_two_steps(settings):
    service, token = Service(settings, loaders=Loaders(model=lambda _: StandinFinder(VIDEOS))), CancelToken()

    def cancel(event):
        if isinstance(event, Hits):
            token.cancel()

    with pytest.raises(Cancelled):
        search(service, SearchRequest(query=DOG, fresh=True), on_event=cancel, cancel=token)
    assert search(service, SearchRequest(query=DOG)).matches[0].verdict == "found"  # nothing is left behind


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SearchRequest(query="a dog", limit=0), "limit: .*, got 0"),
        (lambda: SearchRequest(query="a dog", mode="best"), "mode: .*, got 'best'"),
        (lambda: SearchRequest(query="a dog", most=1), "most: .*, got 1"),
        (lambda: SearchRequest(), "query: "),
        (lambda: IndexRequest(paths=(), reindex=True, accept_mixed=True), "exclude each other"),
        (lambda: IndexRequest(paths=(), settle_seconds=1), "needs --watch or --follow"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_a_sentence(make, said):
    with pytest.raises(UsageError, match=said) as refused:
        make()
    assert "\n" not in str(refused.value)
