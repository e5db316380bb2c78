"""What the API answers: the records of the operations, in parts, as streams; and problems in one sentence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served_api import CAR, DOG, VIDEOS, ServedApi, made_index, made_service, served
from standin_finder import StandinFinder
from waiting import wait_until

from footage.core.errors import (
    FootageError,
    StoreBusyError,
    StoreMissingError,
    UsageError,
    VideoNotFoundError,
)
from service.operations import OPERATIONS
from service.session import Service
from ui.api.access import ApiAccess, ApiLimits
from ui.api.cursors import CursorCodec
from ui.api.problems import refusal_of
from ui.api.server_paths import redacted, without_paths

MODELS_TIMES = {"retrieve_seconds", "load_seconds", "ground_seconds"}


class WaitingFinder(StandinFinder):
    """Waits, once it is shown something, until it may answer."""

    def __init__(self, videos):
        super().__init__(videos)
        self.shown, self.go_on = threading.Event(), threading.Event()
        self.runs = 0

    def run(self, requests):
        self.runs += 1
        self.shown.set()
        assert self.go_on.wait(60)
        return super().run(requests)


@pytest.fixture(scope="module")
def finder() -> WaitingFinder:
    return WaitingFinder(VIDEOS)


@pytest.fixture(scope="module")
def api(tmp_path_factory, finder) -> Iterator[ServedApi]:
    folder = tmp_path_factory.mktemp("api")
    service = made_service(made_index(folder), model=finder, audit_log=folder / "audit.jsonl")
    fast = ApiAccess(limits=ApiLimits(requests_per_second=1e6, burst_requests=10**6))
    with served(service, fast) as api:
        yield api


@pytest.fixture(autouse=True)
def going_on(finder):
    """The model answers at once, unless a test holds it."""
    finder.shown.clear()
    finder.go_on.set()
    finder.asked.clear()
    yield
    finder.go_on.set()


def timeless(records):
    return [{key: value for key, value in each.items() if key not in MODELS_TIMES} for each in records]


def test_an_answer_holds_what_the_command_prints(api):
    asked = {"query": DOG, "ground": False, "page_size": 2}
    operation = OPERATIONS["search"]
    printed = [record.fields() for record in operation(api.service, operation.request(**asked))]
    with api.local() as client:
        answer = client.post("/api/v1/search", json=asked)
    assert answer.headers["content-type"] == "application/json"
    assert timeless(answer.json()["records"]) == timeless(printed)
    assert len(printed) == 3 and printed[0]["text"] == DOG


@pytest.mark.parametrize("name", ["status", "files", "videos", "saved searches", "corrections"])
def test_what_is_only_read_can_be_got_and_posted(api, name):
    path = "/api/v1/" + name.replace(" ", "-")
    with api.client("edit") as client:
        got, posted = client.get(path), client.post(path, json={})
        empty = client.post(path)
    assert got.status_code == posted.status_code == 200, got.text
    assert got.json() == posted.json() == empty.json()


def test_a_video_is_found_by_its_id(api):
    with api.client("edit") as client:
        [first, *_] = client.get("/api/v1/videos").json()["records"]
        answer = client.get(f"/api/v1/videos/{first['content_id']}")
        assert answer.json()["records"][0]["content_id"] == first["content_id"]
        events = client.get("/api/v1/events", params={"video": first["content_id"]}).json()["records"]
        assert {event["text"] for event in events if "text" in event} <= {CAR, DOG}
        for wrong in ("none", "..%2f..%2fetc%2fpasswd", "%2Fetc%2Fpasswd", "a'%20OR%20'1'='1"):
            response = client.get(f"/api/v1/videos/{wrong}")
            assert response.status_code in (404, 422), wrong
            assert "root:" not in response.text


class TestParts:
    def all_of(self, client, path, asked, **parameters):
        """Every record of an answer, and how many parts it came in."""
        records, parts, cursor = [], 0, None
        while parts == 0 or cursor:
            given = {**parameters, **({"cursor": cursor} if cursor else {})}
            answer = client.post(path, json=asked, params=given)
            assert answer.status_code == 200, answer.text
            records += answer.json()["records"]
            cursor, parts = answer.json()["next_cursor"], parts + 1
        return records, parts

    def test_pages_of_a_search_follow_each_other(self, api):
        asked = {"query": CAR, "ground": False}
        with api.client("edit") as client:
            whole = client.post("/api/v1/search", json={**asked, "page_size": 50}).json()
            records, parts = self.all_of(client, "/api/v1/search", {**asked, "page_size": 2})
        matches = [record for record in records if record["type"] == "match"]
        assert matches == [record for record in whole["records"] if record["type"] == "match"]
        assert [match["rank"] for match in matches] == list(range(1, len(matches) + 1))
        assert parts > 1 and whole["next_cursor"] is None

    def test_lists_of_videos_follow_each_other(self, api):
        with api.client("edit") as client:
            records, parts = self.all_of(client, "/api/v1/videos", {"limit": 1})
        listed = [record["content_id"] for record in records if "content_id" in record]
        assert sorted(listed) == sorted(f"content-{video.name}" for video in VIDEOS)
        assert parts >= len(VIDEOS)

    def test_other_lists_are_cut(self, api):
        with api.client("edit") as client:
            whole = client.post("/api/v1/files", json={}).json()["records"]
            records, parts = self.all_of(client, "/api/v1/files", {}, max_records=1)
        assert records == whole and parts == len(VIDEOS)

    def test_a_cursor_of_another_request_is_refused_in_a_sentence(self, api):
        with api.client("edit") as client:
            first = client.post("/api/v1/files", json={}, params={"max_records": 1}).json()["next_cursor"]
            searched = client.post(
                "/api/v1/search", json={"query": CAR, "ground": False, "page_size": 1}
            ).json()["next_cursor"]
            for path, asked, cursor in (
                ("/api/v1/files", {"which": "failed"}, first),
                ("/api/v1/files", {}, searched),
                ("/api/v1/search", {"query": DOG, "ground": False, "page_size": 1}, searched),
                ("/api/v1/search", {"query": CAR, "ground": False, "page_size": 2}, searched),
                ("/api/v1/files", {}, "x"),
                ("/api/v1/files", {}, ""),
            ):
                answer = client.post(path, json=asked, params={"cursor": cursor})
                assert answer.status_code == 422, answer.text
                assert "cursor" in answer.json()["detail"]


@given(st.text(max_size=300) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_no_text_but_an_own_cursor_is_taken_for_one(text):
    codec = CursorCodec("0" * 32)
    with pytest.raises(UsageError, match="cursor"):
        codec.decode(text)


@given(st.integers(1, 2**31 - 1) | st.text("abcdef0123456789-é", min_size=1, max_size=70))
def test_a_cursor_leads_to_its_position(position):
    codec = CursorCodec("f" * 32)
    assert codec.decode(codec.encode(position)) == position
    with pytest.raises(UsageError, match="another request"):
        CursorCodec("0" * 32).decode(codec.encode(position))


class TestPaths:
    def test_who_may_only_view_gets_file_names_and_the_others_whole_paths(self, api):
        folder = str(api.service.settings.db.parent)
        asked = {"query": CAR, "ground": False}
        for path, asking in (("/api/v1/search", asked), ("/api/v1/status", {}), ("/api/v1/files", {})):
            with api.client("view") as client:
                viewed = client.post(path, json=asking).text
            with api.client("edit") as client:
                assert folder in client.post(path, json=asking).text, path
            with api.local() as client:
                assert folder in client.post(path, json=asking).text, path
            assert (folder not in viewed and "gate.mp4" in viewed) or path == "/api/v1/status"

    def test_nor_does_a_stream_or_a_problem_show_them(self, api):
        with api.client("view", Accept="text/event-stream") as client:
            streamed = client.post("/api/v1/search", json={"query": CAR}).text
        with api.client("view") as client:
            problem = client.get("/api/v1/events", params={"video": "/home/ann/Videos/none.mp4"})
        assert str(api.service.settings.db.parent) not in streamed and "gate.mp4" in streamed
        assert "/home/ann" not in problem.text and problem.status_code == 422

    def test_with_show_paths_all_see_them(self, api):
        with served(api.service, ApiAccess(show_paths=True)) as open_, open_.client("view") as client:
            answer = client.post("/api/v1/search", json={"query": CAR, "ground": False})
        assert str(api.service.settings.db.parent) in answer.text

    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("no index found at /home/ann/My Videos/x.lancedb", "no index found at x.lancedb"),
            ("/a/b.mp4 and /c/d e/f.mp4: broken", "b.mp4 and f.mp4: broken"),
            ("'/etc/passwd'", "'passwd'"),
            ("at 1/2 speed, 4/5", "at 1/2 speed, 4/5"),
            ("http://localhost:8000/v1#m", "http://localhost:8000/v1#m"),
            ("file:///home/ann/a.mp4", "a.mp4"),
            (r"C:\Users\Ann\a.mp4", "a.mp4"),
            ("~/Videos/a.mp4", "a.mp4"),
        ],
    )
    def test_only_the_last_part_of_a_path_is_left(self, text, left):
        assert without_paths(text) == left

    @given(st.lists(st.text("abc ._-é", min_size=1, max_size=8), min_size=1, max_size=5))
    def test_no_folder_of_any_path_is_left(self, names):
        folders = [name.strip() or "x" for name in names]
        path = "/" + "/".join(["home", *folders, "clip.mp4"])
        shown = redacted({"video": path, "text": path, "list": [{"path": path}]})
        assert shown["video"].endswith("clip.mp4") and "/home" not in shown["video"]
        assert shown["text"] == path
        assert "/" not in shown["list"][0]["path"]


class TestStreams:
    def events(self, response):
        """The events of a stream as pairs of name and data."""
        name, found = "", []
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
        return found

    def test_a_search_streams_hits_and_progress_then_its_records(self, api):
        asked = {"query": CAR, "page_size": 3}
        with api.client("edit") as client:
            with client.stream(
                "POST", "/api/v1/search", json=asked, headers={"Accept": "text/event-stream"}
            ) as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                events = self.events(response)
            answered = client.post("/api/v1/search", json=asked).json()["records"]
        names = [name for name, _ in events]
        assert {"hits", "progress", "answer"} <= set(names) and names[-1] == "end"
        assert names.index("hits") < names.index("answer")
        records = [data for name, data in events if name == "answer"]
        assert timeless(records) == timeless(answered)
        hits = next(data for name, data in events if name == "hits")["records"]
        assert len(hits) == 3 and {hit["verdict"] for hit in hits} == {"not checked"}

    def test_what_goes_wrong_is_a_problem_at_the_end(self, api):
        with (
            api.client("edit", Accept="text/event-stream") as client,
            client.stream("POST", "/api/v1/search", json={"query": ""}) as response,
        ):
            [*_, (name, problem)] = self.events(response)
        assert name == "problem" and problem["status"] == 422 and "empty" in problem["detail"]

    def test_a_client_that_goes_ends_the_work_between_two_steps(self, api, finder):
        finder.go_on.clear()
        before = finder.runs
        asked = {"query": DOG, "fresh": True, "exhaustive": True}
        with (
            api.client("edit", Accept="text/event-stream") as client,
            client.stream("POST", "/api/v1/search", json=asked) as response,
        ):
            lines = response.iter_lines()  # kept: the client leaves when it is closed
            next(lines)
            assert finder.shown.wait(60)
        wait_until(lambda: all(token.cancelled for token in api.app.state.api.running.tokens()))
        finder.go_on.set()
        wait_until(lambda: api.app.state.api.workers.borrowed_tokens == 0)
        assert finder.runs == before + 1

    def test_so_does_one_that_waits_for_json(self, api, finder):
        finder.go_on.clear()
        before = finder.runs
        with api.client("edit") as client:
            gone = threading.Thread(target=self.leave, args=(client, finder))
            gone.start()
            gone.join(60)
        wait_until(lambda: all(token.cancelled for token in api.app.state.api.running.tokens()))
        finder.go_on.set()
        wait_until(lambda: api.app.state.api.workers.borrowed_tokens == 0)
        assert finder.runs == before + 1

    def leave(self, client, finder):
        """Ask, and go as soon as the model is at work."""
        import httpx2

        with pytest.raises(httpx2.TimeoutException):
            client.post(
                "/api/v1/search",
                json={"query": DOG, "fresh": True, "exhaustive": True},
                timeout=httpx2.Timeout(5, read=2.0),
            )


class TestProblems:
    @pytest.mark.parametrize(
        ("path", "options", "status", "said"),
        [
            ("/api/v1/search", {"json": {"query": ""}}, 422, "empty"),
            ("/api/v1/search", {"json": {}}, 422, "query: Field required"),
            ("/api/v1/search", {"json": {"query": "x", "page": 0}}, 422, "page: "),
            ("/api/v1/search", {"json": {"query": "x", "pages": 1}}, 422, "pages: "),
            ("/api/v1/search", {"json": {"query": "a\0b"}}, 422, "NUL"),
            (
                "/api/v1/search",
                {"content": b"{", "headers": {"Content-Type": "application/json"}},
                400,
                "JSON",
            ),
            (
                "/api/v1/search",
                {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
                400,
                "JSON",
            ),
            (
                "/api/v1/search",
                {"content": b'{"query": "x"}', "headers": {"Content-Type": "text/plain"}},
                422,
                "",
            ),
            ("/api/v1/find", {"json": {"video": "/none.mp4", "query": "x"}}, 404, "none.mp4"),
            ("/api/v1/nothing", {"json": {}}, 404, "nothing"),
        ],
    )
    def test_a_request_that_cannot_be_answered_says_why(self, api, path, options, status, said):
        with api.client("edit") as client:
            response = client.post(path, **options)
        problem = response.json()
        assert (response.status_code, problem["status"]) == (status, status), response.text
        assert said in problem["detail"]
        assert response.headers["content-type"] == "application/problem+json"
        assert problem["type"].startswith("urn:footage:problem:") and problem["instance"] == path

    def test_a_wrong_method_says_which_are_right(self, api):
        with api.client("edit") as client:
            response = client.get("/api/v1/search")
        assert response.status_code == 405 and response.headers["allow"] == "POST"

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (StoreMissingError("no"), 404),
            (VideoNotFoundError("no"), 404),
            (StoreBusyError("no"), 409),
            (UsageError("no"), 422),
            (FootageError("no"), 500),
            (ValueError("a secret"), 500),
        ],
    )
    def test_each_kind_of_error_has_its_status_and_an_unexpected_one_says_nothing(self, error, status):
        refusal = refusal_of(error)
        assert refusal.status == status and "secret" not in refusal.detail
        assert ("Retry-After" in (refusal.headers or {})) is isinstance(error, StoreBusyError)

    def test_a_service_without_an_index_says_what_is_missing(self, tmp_path):
        service: Service = made_service(tmp_path / "none.lancedb")
        with served(service) as empty, empty.client(None) as client:
            assert client.get("/health").json() == {"status": "up"}
            ready = client.get("/ready")
            with empty.client("view") as viewer:
                problem = viewer.get("/api/v1/status")
        assert ready.status_code == 503
        assert ready.json() == {"ready": False, "missing": ["index"]}
        assert problem.status_code == 404 and str(tmp_path) not in problem.text
