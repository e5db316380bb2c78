"""Metrics, logs and traces of a service that is asked over HTTP, and the dashboard that shows them."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from serving_app import serving
from standin_finder import StandinFinder, TestVideo, index_videos, write_grey_video
from standin_model import StandinModel
from test_ui_commands import needs_demo_model
from waiting import wait_until

from footage.core.config import load_settings
from footage.core.errors import DependencyError, UsageError
from footage.core.extras import EXTRAS, Extra
from footage.core.types import File, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.store.state.database import FILE_NAME
from footage.store.state.figures import StateFigures, read_state_figures
from service.index import IndexRequest, index
from service.index_figures import MOST_CAMERAS, OTHER_CAMERAS, bounded, read_figures
from service.logs import LOG_FORMATS, service_log
from service.metrics import FRESH_SECONDS, Metrics, service_metrics
from service.search import SearchRequest, search
from service.session import Loaders, Service
from service.tokens import OWN_TOKEN, CreateTokenRequest, create_token, own_token
from service.tracing import make_tracing
from service.work_queue import WorkQueue
from ui.api.app import create_app
from ui.api.request_log import ID_HEADER

ROOT = Path(__file__).resolve().parents[1]
DASHBOARD = ROOT / "docs" / "grafana" / "footage.json"
CAR, DOG = "A red car drives by.", "A white dog runs."
VIDEOS = [TestVideo("order", 40, 25, {CAR: [(2, 6)], DOG: [(8, 12)]})]
CANARY = "zebra-canary-4711"
get = partial(httpx2.get, timeout=120)
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return index_videos(tmp_path_factory.mktemp("metrics"), VIDEOS, load_embedder()).path


@pytest.fixture
def service(db):
    settings = load_settings(db=db, model="demo")
    return Service(settings, loaders=Loaders(model=lambda _: StandinFinder(VIDEOS)))


def app_of(service):
    """The application of a service, with one more route that searches."""
    app = create_app(service)

    @app.get("/search/{name}")
    def look(name: str, query: str):
        result = search(service, SearchRequest(query=query))
        return {"name": name, "outcome": result.outcome}

    return app


@pytest.fixture
def token(service, tmp_path):
    """A header with the token of the owner."""
    return {"Authorization": f"Bearer {own_token(service, tmp_path / 'token')}"}


def figures(text):
    """Every sample by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_searches_and_requests_are_counted(service, token):
    with serving(app_of(service)) as address:
        for query in (DOG, CAR, DOG):
            answer = get(f"{address}/search/one", params={"query": query}, headers=token)
            assert answer.status_code == 200
        assert get(f"{address}/api/v1/status").status_code == 401
        assert get(f"{address}/no/such/{CANARY}", headers=token).status_code == 404
        answer = get(f"{address}/metrics", headers=token)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    seen = figures(answer.text)
    assert seen["footage_searches_total", ("outcome", "found")] == 3
    assert seen["footage_verdicts_total", ("verdict", "found")] == 3
    assert seen["footage_search_seconds_count", ("stage", "retrieve")] == 3
    assert seen["footage_search_seconds_count", ("stage", "ground")] == 3
    assert seen["footage_looked_windows_total",] >= 2
    route = ("route", "/search/{name}")
    assert seen["footage_http_requests_total", ("method", "GET"), route, ("status", "200")] == 3
    assert seen["footage_http_request_seconds_count", route] == 3
    refused = [key for key, value in seen.items() if ("status", "401") in key and value == 1]
    assert len(refused) == 1
    unmatched = ("method", "GET"), ("route", "unmatched"), ("status", "404")
    assert seen["footage_http_requests_total", *unmatched] == 1
    assert seen["footage_index_windows", ("track", "caption")] == 1
    assert seen["footage_index_footage_seconds", ("track", "caption")] == 25
    assert seen["footage_index_size_bytes",] > 0 and seen["footage_disk_free_bytes",] > 0
    assert seen["footage_index_readable",] == 1
    assert CANARY not in answer.text


def test_openmetrics_is_given_where_it_is_asked_for(service, token):
    with serving(app_of(service)) as address:
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        answer = get(f"{address}/metrics", headers=token | accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_the_figures_need_a_token_of_the_role_view(service, tmp_path):
    made = create_token(service, CreateTokenRequest(name="prometheus", role="view"))
    with serving(app_of(service)) as address:
        assert get(f"{address}/metrics").status_code == 401
        wrong = {"Authorization": f"Bearer {made.token[::-1]}"}
        assert get(f"{address}/metrics", headers=wrong).status_code == 401
        assert get(f"{address}/metrics", headers={"Authorization": f"Bearer {made.token}"}).status_code == 200


def test_queue_jobs_and_deliveries_are_read_when_somebody_asks(tmp_path):
    """The tables as they are; a state without them has no such figures."""
    db = tmp_path / "index"
    db.mkdir()
    service, queue = Service(load_settings(db=db)), WorkQueue()
    service.use_queue(queue)
    metrics = service_metrics(service)
    with queue.turn(client="one", priority="interactive"):
        assert figures(metrics.text()[0].decode())["footage_queue_requests", ("kind", "running")] == 1
    assert read_state_figures(db) == StateFigures() and not list(db.iterdir())
    rows = sqlite3.connect(db / FILE_NAME)
    with rows:
        rows.execute("CREATE TABLE jobs (state TEXT)")
        rows.executemany("INSERT INTO jobs VALUES (?)", [("done",), ("done",), ("failed",)])
        rows.execute("CREATE TABLE alert_deliveries (state TEXT)")
        rows.execute("INSERT INTO alert_deliveries VALUES ('sent')")
    rows.close()
    seen = figures(metrics.text()[0].decode())
    assert seen["footage_jobs", ("state", "done")] == 2 and seen["footage_jobs", ("state", "failed")] == 1
    assert seen["footage_alert_deliveries", ("state", "sent")] == 1
    (db / FILE_NAME).write_bytes(b"no database" * 1000)
    seen = figures(metrics.text()[0].decode())
    assert ("footage_jobs", ("state", "done")) not in seen and seen["footage_disk_free_bytes",] > 0


@needs_demo_model
def test_the_work_of_a_model_is_counted(tmp_path):
    """The same question twice: the second one finds the state of the window."""
    from footage.media.sandbox import sample
    from footage.vlm.contract import ask_prompt as asked

    service, metrics = Service(load_settings(db=tmp_path / "none", model="demo", device="cpu")), Metrics()
    service.use_queue(WorkQueue())
    metrics.watch(service)
    assert figures(metrics.text()[0].decode())["footage_models_loaded",] == 0
    model = service.model()
    clip = ROOT / "data" / "footage" / "beach_dusk.mp4"
    window = model.prepare(sample(clip, Span(0.0, 8.0), **model.profile.frame_budget))
    answers = [model.run([(window, asked("What happens?", model.profile))]) for _ in range(2)]
    seen = figures(metrics.text()[0].decode())
    name = ("model", "demo")
    assert seen["footage_model_work_total", ("kind", "batches"), name] == 2
    assert seen["footage_model_work_total", ("kind", "answers"), name] == 2
    written = sum(len(answer.token_texts) for [answer] in answers)
    assert seen["footage_model_tokens_total", ("kind", "answer"), name] == written
    assert seen["footage_model_tokens_total", ("kind", "prompt"), name] > 2 * 100
    assert seen["footage_cache_requests_total", name, ("result", "memory hit")] == 1
    assert seen["footage_cache_requests_total", name, ("result", "memory miss")] == 1
    assert seen["footage_model_seconds_total", name, ("stage", "generate")] > 0


def test_an_index_run_is_counted(tmp_path):
    clip = write_grey_video(tmp_path / "clip.mp4", grey=40, seconds=8)
    settings = load_settings(db=tmp_path / "index", model="demo", tracks="caption")
    settings = settings.model_copy(update={"reuse": False})
    service = Service(settings, loaders=Loaders(model=lambda _: StandinModel()))
    metrics = Metrics()
    service.observe(metrics.heard)
    index(service, IndexRequest(paths=(clip,)))
    seen = figures(metrics.text()[0].decode())
    assert seen["footage_runs_total", ("outcome", "done")] == 1
    windows = service.store().status().windows
    assert seen["footage_run_windows_total", ("work", "captioned")] == windows >= 2
    assert seen["footage_run_footage_seconds_total", ("track", "caption")] == 8
    assert seen["footage_running_windows", ("state", "done")] == windows
    assert seen["footage_running_index_runs",] == 0


def test_without_an_index_the_other_figures_are_there(tmp_path):
    metrics = Metrics()
    metrics.watch(Service(load_settings(db=tmp_path / "none")))
    text = metrics.text()[0].decode()
    assert figures(text)["footage_disk_free_bytes",] > 0
    assert not (tmp_path / "none").exists()


def test_a_broken_index_is_a_figure_and_no_failure(tmp_path):
    store = Store.open(tmp_path / "broken", create=True)
    shutil.rmtree(store.path / "files.lance" / "_versions")
    metrics = Metrics()
    metrics.watch(Service(load_settings(db=store.path)))
    seen = figures(metrics.text()[0].decode())
    assert seen["footage_index_readable",] == 0
    assert ("footage_index_size_bytes",) not in seen


def test_the_index_is_not_read_at_each_scrape(tmp_path):
    store = Store.open(tmp_path / "index", create=True)
    clock, metrics = [0.0], Metrics()
    metrics.watch(Service(load_settings(db=store.path)), clock=lambda: clock[0])
    files = ("footage_index_files", ("state", "failed"))
    assert files not in figures(metrics.text()[0].decode())
    store.files.put([File(path="/a.mp4", content_id="", state="failed")])
    assert files not in figures(metrics.text()[0].decode())
    clock[0] = FRESH_SECONDS
    assert figures(metrics.text()[0].decode())[files] == 1


def test_the_lag_of_a_camera_is_that_of_its_newest_indexed_footage(tmp_path):
    """The last window of the newest file ends at 25 s; a newer file without windows does not count."""
    store = index_videos(tmp_path, VIDEOS, load_embedder())
    [file] = store.files.all()
    recorded = NOW - timedelta(minutes=10)
    paths = {"/door/new.mp4": recorded, "/door/old.mp4": recorded - timedelta(days=1)}
    store.files.put(
        [
            *(
                File(
                    path=path,
                    content_id=file.content_id,
                    state="indexed",
                    camera="door",
                    recorded_at=at.isoformat(),
                )
                for path, at in paths.items()
            ),
            File(
                path="/door/waits.mp4",
                content_id="x",
                state="new",
                camera="door",
                recorded_at=NOW.isoformat(),
            ),
        ]
    )
    read = read_figures(Service(load_settings(db=store.path)), now=lambda: NOW)
    assert read.lag_seconds == {"door": 600 - 25}


@given(st.dictionaries(st.text(max_size=8), st.floats(-1e6, 1e6), max_size=3 * MOST_CAMERAS))
def test_the_number_of_camera_labels_is_bounded(lags):
    kept = bounded(lags)
    assert len(kept) <= MOST_CAMERAS + 1
    if len(lags) > MOST_CAMERAS:
        assert kept[OTHER_CAMERAS] in lags.values()
    assert max(kept.values(), default=0) == max(lags.values(), default=0)


@pytest.mark.parametrize("log_format", LOG_FORMATS)
def test_the_log_holds_requests_and_neither_queries_nor_paths_nor_tokens(service, token, log_format):
    stream = io.StringIO()
    given = {ID_HEADER: "given-by-the-caller"}
    with service_log(log_format, stream), serving(app_of(service)) as address:
        query = {"query": f"{DOG} {CANARY}"}
        answer = get(f"{address}/search/{CANARY}", params=query, headers=token | given)
        other = get(
            f"{address}/{CANARY}",
            headers={"Authorization": f"Bearer {CANARY * 3}", ID_HEADER: "bad id\t" + CANARY},
        )
    written = stream.getvalue()
    assert answer.status_code == 200
    assert answer.headers[ID_HEADER] == "given-by-the-caller"
    assert re.fullmatch("[0-9a-f]{32}", other.headers[ID_HEADER])
    assert CANARY not in written and str(service.settings.db) not in written
    assert token["Authorization"].split()[1] not in written
    lines = written.splitlines()
    assert len(lines) == 2
    if log_format == "text":
        assert "request_id=given-by-the-caller method=GET route=/search/{name} status=200" in lines[0]
        return
    first, second = map(json.loads, lines)
    assert {"time", "level", "message"} <= first.keys() and first["milliseconds"] > 0
    assert (first["request_id"], first["client"]) == ("given-by-the-caller", OWN_TOKEN)
    assert (first["route"], first["status"]) == ("/search/{name}", 200)
    assert (second["route"], second["status"], second["level"]) == ("unmatched", 401, "info")
    assert second["client"] == "-"


@pytest.mark.posix
def test_the_command_serve_writes_its_log_as_json(service, tmp_path, runtime):
    command = [sys.executable, "-m", "ui.cli", "serve", "--db", str(service.settings.db), "--port", "0"]
    command[-1] = str(free_port())
    log = tmp_path / "log"
    with log.open("w") as stderr:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            [*command, "--token-file", str(tmp_path / "token"), "--log-format", "json"],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment,
        ) as process:
            try:
                wait_until(lambda: answers(f"http://127.0.0.1:{command[-1]}/health"), failure=log.read_text)
            finally:
                process.terminate()
        assert process.returncode == 0
    requests = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert [(each["route"], each["status"]) for each in requests] == [("/health", 200)]


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def answers(address):
    try:
        return get(address).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture
def collector():
    """An OpenTelemetry collector on this machine: its address and the spans that it was sent."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            import gzip

            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sent = ExportTraceServiceRequest.FromString(body)
            received.extend(
                span for group in sent.resource_spans for each in group.scope_spans for span in each.spans
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_traces_of_a_request_and_its_search_reach_the_collector(service, token, collector, monkeypatch):
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    with serving(app_of(service)) as served:
        get(f"{served}/search/{CANARY}", params={"query": DOG}, headers=token)
    spans = {span.name: span for span in received}
    assert set(spans) == {"GET /search/{name}", "search", "retrieval", "load", "ground"}
    assert spans["search"].parent_span_id == spans["GET /search/{name}"].span_id
    assert {spans[name].parent_span_id for name in ("retrieval", "load", "ground")} == {
        spans["search"].span_id
    }
    assert spans["retrieval"].end_time_unix_nano <= spans["ground"].start_time_unix_nano
    assert not any(CANARY in str(span) or DOG in str(span) for span in received)


def test_no_trace_is_made_unless_asked_for(collector):
    address, _ = collector
    assert not make_tracing(None, {}).is_on
    assert not make_tracing(False, {"OTEL_EXPORTER_OTLP_ENDPOINT": address}).is_on
    with pytest.raises(UsageError, match="no collector") as error:
        make_tracing(True, {})
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in error.value.hint


@pytest.mark.parametrize("name", EXTRAS)
def test_a_missing_extra_is_refused_with_the_line_that_installs_it(name, monkeypatch):
    from footage.core import extras

    missing = Extra(name, f"no_such_package.{name}", EXTRAS[name].use)
    monkeypatch.setitem(extras.EXTRAS, name, missing)
    with pytest.raises(DependencyError) as error:
        extras.require_extra(name)
    assert f"'footage[{name}]'" in error.value.hint
    if name == "otel":
        with pytest.raises(DependencyError):
            make_tracing(True, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
        assert not make_tracing(None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}).is_on


def test_the_extras_are_those_of_the_distribution():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == set(EXTRAS)


def known_names(service):
    """The names of all figures, those with labels too, that nothing was counted for yet."""
    metrics = service_metrics(service)
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {family.name + suffix for family in metrics.registry.collect() for suffix in suffixes[family.type]}


def test_the_dashboard_shows_only_figures_that_there_are(service):
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [
        target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        if "expr" in target
    ]
    assert len(expressions) >= 15
    named = {name for text in expressions for name in re.findall(r"\b(?:footage|process)_\w+", text)}
    known = known_names(service)
    assert named <= known, named - known
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24 and panel["title"]
