"""The app's process has the running service search for it, and gets what it would have found itself."""

from __future__ import annotations

import json
import os
import socket
import threading
from dataclasses import replace

import pytest
from command_service import serving
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.config import load_settings
from footage.core.errors import UsageError
from footage.core.service_socket import socket_path
from search.results import Timings
from service.cancellation import Cancelled, CancelToken
from service.events import Hits, StageProgress
from service.index import IndexRequest, index
from service.remote import PATH, RemoteService
from service.search import SearchRequest, search
from service.session import Loaders, Service

NO_TIME = Timings(0.0, 0.0, 0.0)


def untimed(result):
    return replace(result, timings=NO_TIME)


class ForeignLoaders:
    """Loads nothing: a process that has the service search needs no models."""

    def fail(self, *arguments):
        raise AssertionError("this process was to load nothing")


@pytest.fixture(scope="module")
def settings(tmp_path_factory, module_runtime):
    return load_settings(db=tmp_path_factory.mktemp("index") / "index.lancedb", model="demo")


@pytest.fixture(scope="module")
def own(settings, tmp_path_factory):
    """A service object that answers by itself, over an index of two clips."""
    model, embedder = StandinModel(), StandinEmbedder()
    made = Service(
        settings, loaders=Loaders(model=lambda settings: model, embedder=lambda settings: embedder)
    )
    folder = tmp_path_factory.mktemp("library")
    clips = [
        write_levels(folder / "gate.mp4", [20] * 6 + [220] * 6),
        write_levels(folder / "yard.mp4", [220] * 9),
    ]
    index(made, IndexRequest(paths=tuple(map(str, clips))))
    return made


@pytest.fixture(scope="module")
def running(own):
    with serving(own) as commands:
        yield commands


@pytest.fixture
def app(settings):
    """As the app has it: a service object that asks the running one."""
    fail = ForeignLoaders().fail
    made = Service(settings, loaders=Loaders(model=fail, embedder=fail))
    made.remote = RemoteService(settings)
    return made


def _last(kind, events):
    """The last event of a kind, without times; None where there is none."""
    return next((getattr(each, "matches", each) for each in reversed(events) if isinstance(each, kind)), None)


@pytest.mark.parametrize(
    "request_",
    [
        SearchRequest(query="the picture is bright", ground=False),
        SearchRequest(query="dark THEN bright within 30s", hits_first=True),
        SearchRequest(query='bright -nothing camera:"no such" after:2020', mode="text", ground=False),
        SearchRequest(query="dark", exhaustive=True, limit=3),
    ],
    ids=lambda request: request.query,
)
def test_the_answer_is_that_of_a_search_here(running, own, app, request_):
    here, there = [], []
    expected = search(own, request_, on_event=here.append)
    found = search(app, request_, on_event=there.append)
    assert untimed(found) == untimed(expected)
    assert found.query.understood == expected.query.understood  # is not compared
    # How many come in between depends on how fast windows are decoded.
    assert _last(Hits, there) == _last(Hits, here)
    assert _last(StageProgress, there) == _last(StageProgress, here)


def test_an_error_is_the_same_error(running, app):
    with pytest.raises(UsageError) as caught:
        search(app, SearchRequest(query=" "))
    with pytest.raises(UsageError) as expected:
        search(Service(app.settings), SearchRequest(query=" "))
    assert (str(caught.value), caught.value.hint) == (str(expected.value), expected.value.hint)


def test_a_cancelled_search_ends(running, app):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        search(app, SearchRequest(query="dark"), cancel=token)


@pytest.mark.parametrize("changes", [{"found_from": 0.9}, {"service": "never"}, {"embedder": "another"}])
def test_a_process_with_other_settings_searches_itself(running, settings, changes):
    other = RemoteService(settings.model_copy(update=changes))
    assert other.search(SearchRequest(query="dark", ground=False), on_event=[].append) is None


def test_settings_of_the_app_alone_do_not_matter(running, settings, tmp_path):
    other = RemoteService(settings.model_copy(update={"export_dir": tmp_path}))
    assert other.search(SearchRequest(query="dark", ground=False), on_event=[].append) is not None


def test_without_a_service_the_process_searches_itself(settings, tmp_path):
    alone = RemoteService(settings.model_copy(update={"db": tmp_path / "none.lancedb"}))
    assert alone.search(SearchRequest(query="dark"), on_event=[].append) is None


LINES = [
    b"",
    json.dumps({"event": "StageProgress", "fields": {"stage": "searching", "done": 1, "total": 2}}).encode(),
    b"[]",
    b"no JSON",
    json.dumps({"result": {"query": 1}}).encode(),
    json.dumps({"event": "Unknown", "fields": {}}).encode(),
]


@pytest.mark.parametrize("line", LINES)
def test_a_service_that_ends_in_the_middle_is_done_without(settings, tmp_path, line):
    db = tmp_path / "other.lancedb"
    path = socket_path(db)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))
        listener.listen()

        def answer():
            with listener.accept()[0] as connection:
                assert PATH.encode() in connection.recv(1 << 20)
                connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + line + b"\n")

        thread = threading.Thread(target=answer)
        thread.start()
        client = RemoteService(settings.model_copy(update={"db": db}))
        assert client.search(SearchRequest(query="dark"), on_event=[].append) is None
        thread.join()
    path.unlink()
