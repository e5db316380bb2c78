"""Jobs over HTTP: a real server on a Unix socket and on loopback, a real index, a stand-in for the model."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager

import httpx2
import pytest
import uvicorn
from standin_model import StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.core.config import Settings
from footage.store import Store
from service.jobs import asking
from service.session import Loaders, Service
from service.tokens import CreateTokenRequest, create_token
from ui.api.access import ApiAccess
from ui.api.app import create_app
from ui.api.serving import ApiConnection, ApiServer

HTTP = "http://localhost/api/v1"


class HeldModel(StandinModel):
    """A model that answers when a test lets it: always, or one step."""

    def __init__(self):
        super().__init__(max_batch=1)
        self.go = threading.Event()
        self.go.set()
        self.steps = threading.Semaphore(0)
        self.asked = threading.Event()

    def run(self, requests):
        self.asked.set()
        wait_until(lambda: self.go.is_set() or self.steps.acquire(blocking=False))
        return super().run(requests)


@contextmanager
def serving(service, folder, *, while_it_stops=lambda: None):
    """A server of a service; gives a client over its Unix socket, and its port."""
    path, stopped = folder / "s.sock", []
    app = create_app(service, access=ApiAccess())
    config = uvicorn.Config(app, http=ApiConnection, ws="none", log_level="warning")
    server = ApiServer(config, app.state.api.running)
    with socket.socket(socket.AF_UNIX) as local, socket.create_server(("127.0.0.1", 0)) as tcp:
        local.bind(str(path))
        local.listen(16)

        def run():
            server.run(sockets=[local, tcp])
            stopped.append(True)

        thread = threading.Thread(target=run)
        thread.start()
        wait_until(lambda: server.started or stopped)
        try:
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path)), timeout=60) as client:
                yield client, tcp.getsockname()[1]
        finally:
            server.should_exit = True
            for _ in range(300):
                if thread.is_alive():
                    while_it_stops()
                    thread.join(0.2)
            assert not thread.is_alive()
            path.unlink()


@pytest.fixture
def model():
    """The model of the service."""
    return HeldModel()


@pytest.fixture
def service(tmp_path, model):
    """A service without an index yet."""
    settings = Settings(
        db=tmp_path / "index",
        embedder="standin",
        model="demo",
        tracks="captions",
        image_vectors=False,
        audit_log=tmp_path / "audit.jsonl",
    )
    return Service(settings, loaders=Loaders(model=lambda _: model, embedder=lambda _: StandinEmbedder()))


@pytest.fixture
def clip(tmp_path):
    """A clip of a few windows."""
    return write_levels(tmp_path / "clips" / "clip.mp4", [0, 255] * 4)


def wait_for(client, job_id, *states):
    def there():
        [job] = client.get(f"{HTTP}/jobs/{job_id}").json()["records"]
        return job if job["state"] in states else None

    wait_until(there, failure=lambda: client.get(f"{HTTP}/jobs/{job_id}").text, seconds=240)
    return there()


def ask_for(client, clip, **headers):
    answer = client.post(f"{HTTP}/jobs/index", json={"paths": [str(clip)]}, headers=headers)
    assert answer.status_code == 202, answer.text
    [job] = answer.json()["records"]
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    return job


def events_of(lines):
    """Server-sent events as (id, name, data)."""
    identifier = name = None
    for line in lines:
        key, _, value = line.partition(": ")
        if key == "id":
            identifier = int(value)
        elif key == "event":
            name = value
        elif key == "data":
            yield identifier, name, json.loads(value)
            identifier = name = None


def test_an_index_job_from_asking_to_its_result(service, tmp_path, clip):
    with serving(service, tmp_path) as (client, _):
        asked = ask_for(client, clip)
        assert (asked["state"], asked["operation"], asked["client"]) == ("queued", "index", "local")
        job = wait_for(client, asked["id"], "done", "failed")
        assert job["state"] == "done", job
        assert job["records"][0]["type"] == "file"
        assert job["records_total"] == len(job["records"])
        events = client.get(f"{HTTP}/jobs/{job['id']}/events").json()["records"]
        assert [events[0]["kind"], events[1]["kind"], events[-1]["kind"]] == ["queued", "started", "done"]
        after = events[-2]["number"]
        [last] = client.get(f"{HTTP}/jobs/{job['id']}/events", params={"after": after}).json()["records"]
        assert last == events[-1]
    assert len(Store.open(tmp_path / "index").files.all()) == 1


def test_a_job_is_followed_and_again_from_the_last_event(service, model, tmp_path, clip):
    model.go.clear()
    streamed = {"accept": "text/event-stream"}
    with serving(service, tmp_path) as (client, _):
        job_id = ask_for(client, clip)["id"]
        seen = []
        with client.stream("GET", f"{HTTP}/jobs/{job_id}/events", headers=streamed) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for event in events_of(answer.iter_lines()):
                seen.append(event)
                if event[2]["kind"] == "started":
                    break  # the connection is lost
        model.go.set()
        again = {**streamed, "last-event-id": str(seen[-1][0])}
        with client.stream("GET", f"{HTTP}/jobs/{job_id}/events", headers=again) as answer:
            *rest, end = events_of(answer.iter_lines())
        numbers = [number for number, _, _ in [*seen, *rest]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert {name for _, name, _ in [*seen, *rest]} == {"job event"}
        assert rest[-1][2]["kind"] == "done"
        assert (end[0], end[1], end[2]["state"]) == (None, "end", "done")


def test_a_search_is_answered_while_an_index_job_runs(service, model, tmp_path, clip):
    """The job has a turn of the model for each batch, and the search comes between two of them."""
    with serving(service, tmp_path) as (client, _):
        wait_for(client, ask_for(client, clip)["id"], "done")
        model.go.clear()
        model.asked.clear()
        other = write_levels(tmp_path / "clips" / "other.mp4", [255, 0] * 8)
        job_id = ask_for(client, other)["id"]
        wait_until(model.asked.is_set)
        answers = []

        def search():
            answers.append(client.post(f"{HTTP}/search", json={"query": "a bright picture"}))

        thread = threading.Thread(target=search)
        thread.start()
        wait_until(lambda: service.queue.depths()["interactive"] or answers)
        assert service.queue.depths() == {"interactive": 1, "batch": 0, "running": 1}
        windows_before = len(model.log)
        model.go.set()
        thread.join(60)
        assert answers[0].status_code == 200, answers[0].text
        assert answers[0].json()["records"]
        assert len(model.log) > windows_before
        wait_for(client, job_id, "done")


def test_one_idempotency_key_is_one_job(service, tmp_path, clip):
    key = {"idempotency-key": "0f3c"}
    with serving(service, tmp_path) as (client, _):
        first = ask_for(client, clip, **key)
        assert ask_for(client, clip, **key)["id"] == first["id"]
        refused = client.post(f"{HTTP}/jobs/index", json={"paths": ["/other"]}, headers=key)
        assert refused.status_code == 422
        assert refused.json()["type"] == "urn:footage:problem:idempotency"
        assert ask_for(client, clip)["id"] != first["id"]
        assert len(client.get(f"{HTTP}/jobs").json()["records"]) == 2


def test_cancel_and_retry(service, model, tmp_path):
    model.go.clear()
    clip = write_levels(tmp_path / "clips" / "long.mp4", [0, 255] * 60)
    with serving(service, tmp_path) as (client, _):
        running, queued = ask_for(client, clip)["id"], ask_for(client, clip)["id"]
        wait_until(model.asked.is_set)
        [job] = client.post(f"{HTTP}/jobs/{queued}/cancel").json()["records"]
        assert job["state"] == "cancelled"
        [job] = client.post(f"{HTTP}/jobs/{running}/cancel").json()["records"]
        assert (job["state"], job["cancelling"]) == ("running", True)
        refused = client.post(f"{HTTP}/jobs/{running}/retry")
        assert refused.status_code == 422
        assert "is running" in refused.json()["detail"]

        def is_cancelled():
            model.steps.release()  # a window more, until the run has heard of it
            return client.get(f"{HTTP}/jobs/{running}").json()["records"][0]["state"] == "cancelled"

        wait_until(is_cancelled)
        model.go.set()
        [job] = client.post(f"{HTTP}/jobs/{running}/retry").json()["records"]
        assert job["id"] == running
        assert wait_for(client, running, "done")["attempts"] == 2


def test_a_job_goes_on_after_a_restart_of_the_service(service, model, tmp_path):
    model.go.clear()
    clip = write_levels(tmp_path / "clips" / "long.mp4", [0, 255] * 30)
    with serving(service, tmp_path, while_it_stops=model.steps.release) as (client, _):
        running, queued = ask_for(client, clip)["id"], ask_for(client, clip)["id"]
        wait_until(model.asked.is_set)
    states = [asking.job(service, job_id).state for job_id in (running, queued)]
    assert states == ["queued", "queued"]
    model.go.set()
    with serving(service, tmp_path) as (client, _):
        assert wait_for(client, running, "done")["attempts"] == 2
        assert wait_for(client, queued, "done")["attempts"] == 1


def test_jobs_page_by_page_and_by_state(service, model, tmp_path, clip):
    model.go.clear()
    with serving(service, tmp_path) as (client, _):
        ids = [ask_for(client, clip)["id"] for _ in range(5)]
        client.post(f"{HTTP}/jobs/{ids[3]}/cancel")
        listed, cursor = [], None
        while cursor or not listed:
            asked = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            part = client.get(f"{HTTP}/jobs", params=asked).json()
            assert len(part["records"]) <= 2
            listed += [job["id"] for job in part["records"]]
            cursor = part["next_cursor"]
        assert listed == ids[::-1]
        cancelled = client.get(f"{HTTP}/jobs", params={"state": "cancelled"}).json()["records"]
        assert [job["id"] for job in cancelled] == [ids[3]]
        assert client.get(f"{HTTP}/jobs", params={"state": "odd"}).status_code == 422
        assert client.get(f"{HTTP}/jobs", params={"cursor": "odd"}).status_code == 422
        model.go.set()


@pytest.mark.parametrize("path", ["jobs/none", "jobs/none/events"])
def test_an_unknown_job_is_not_found(service, tmp_path, path):
    with serving(service, tmp_path) as (client, _):
        answer = client.get(f"{HTTP}/{path}")
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:footage:problem:job-missing"
        for action in ("cancel", "retry"):
            assert client.post(f"{HTTP}/jobs/none/{action}").status_code == 404


def test_who_may_do_what_and_see_what(service, tmp_path, clip):
    tokens = {
        role: create_token(service, CreateTokenRequest(name=role, role=role)).token
        for role in ("view", "edit")
    }
    with serving(service, tmp_path) as (client, port):
        job_id = ask_for(client, clip)["id"]
        wait_for(client, job_id, "done")

        def over_tcp(role, method, path, **more):
            headers = {"authorization": f"Bearer {tokens[role]}"} if role else {}
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=60) as other:
                return other.request(method, path, headers=headers, **more)

        body = {"json": {"paths": [str(clip)]}}
        changes = [
            ("POST", "jobs/index", body),
            ("POST", f"jobs/{job_id}/cancel", {}),
            ("POST", f"jobs/{job_id}/retry", {}),
        ]
        for method, path, more in changes:
            assert over_tcp("view", method, path, **more).status_code == 403
            assert over_tcp(None, method, path, **more).status_code == 401
        assert over_tcp("edit", "POST", "jobs/db/reembed", json={}).status_code == 403
        seen = over_tcp("view", "GET", f"jobs/{job_id}")
        assert seen.status_code == 200
        assert str(tmp_path) not in seen.text
        assert "clip.mp4" in seen.text
        assert str(tmp_path) not in over_tcp("view", "GET", f"jobs/{job_id}/events").text
        asked = over_tcp("edit", "POST", "jobs/index", **body)
        assert asked.status_code == 202
        assert asked.json()["records"][0]["client"] == "edit"
        wait_for(client, asked.json()["records"][0]["id"], "done")


def test_a_request_that_makes_no_sense_makes_no_job(service, tmp_path):
    with serving(service, tmp_path) as (client, _):
        for body in ({}, {"paths": []}, {"paths": ["/a"], "odd": 1}, {"paths": ["/a\x00b"]}):
            answer = client.post(f"{HTTP}/jobs/index", json=body)
            assert answer.status_code == 422, answer.text
        long = {"idempotency-key": "x" * 201}
        assert client.post(f"{HTTP}/jobs/index", json={"paths": ["/a"]}, headers=long).status_code == 422
        assert client.post(f"{HTTP}/jobs/search", json={"query": "a"}).status_code in (404, 405)
        assert client.get(f"{HTTP}/jobs").json() == {"records": [], "next_cursor": None}
