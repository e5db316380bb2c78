"""Who reaches the API: tokens and roles on every route, hosts and origins, rates, bodies, slow clients."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import pytest
from served_api import ROLES, VIDEOS, ServedApi, made_index, made_service, served
from waiting import wait_until

from service.logs import SERVICE_LOGGER
from service.roles import allows
from service.tokens import CreateTokenRequest, RevokeTokenRequest, create_token, revoke_token
from ui.api.access import ApiAccess, ApiLimits
from ui.api.document import STATUSES
from ui.api.gate import OPEN_PATHS, OPEN_PREFIXES
from ui.api.rates import RateLimiter
from ui.api.serving import ApiConnection

SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy", "x-request-id")


@pytest.fixture(scope="module")
def api(tmp_path_factory) -> Iterator[ServedApi]:
    folder = tmp_path_factory.mktemp("api")
    db = made_index(folder)
    fast = ApiAccess(limits=ApiLimits(requests_per_second=1e6, burst_requests=10**6))
    with served(made_service(db, audit_log=folder / "audit.jsonl"), fast) as api:
        yield api


def routes(api: ServedApi) -> list[tuple[str, str, str | None]]:
    """Method, path and role of every route of the document, those with signed addresses left out."""
    found = []
    for path, methods in api.app.openapi()["paths"].items():
        if path.startswith(OPEN_PREFIXES):
            continue
        for method, operation in methods.items():
            found.append((method.upper(), re.sub(r"\{\w+\}", "x", path), operation.get("x-role")))
    return found


def is_problem(response, status):
    problem = response.json()
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status and problem["detail"] and problem["request_id"]
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def test_every_route_but_the_open_ones_needs_a_token(api):
    with api.client(None) as client:
        for method, path, _ in routes(api):
            response = client.request(method, path)
            if path in OPEN_PATHS:
                assert response.status_code == 200, path
            elif path.startswith("/media/"):  # its addresses are signed
                is_problem(response, 422)
            else:
                problem = is_problem(response, 401)
                assert response.headers["www-authenticate"] == "Bearer"
                assert "token" in problem["detail"]
    with api.client(None, Authorization="Bearer " + "x" * 43) as client:
        for method, path, _ in routes(api):
            is_problem(client.request(method, path), 401)


def test_every_route_of_the_api_says_its_role_and_refuses_a_lesser_one(api):
    checked = 0
    for method, path, role in routes(api):
        if path in OPEN_PATHS or path.startswith("/media/"):
            continue
        assert role in ROLES, path
        for lesser in ROLES:
            if not allows(lesser, role):
                with api.client(lesser) as client:
                    problem = is_problem(client.request(method, path, content=b"{no json"), 403)
                assert role in problem["detail"]
                checked += 1
    assert checked > 10


def test_a_route_that_is_not_documented_is_not_reached_without_a_token(api):
    with api.client(None) as client:
        for path in ("/", "/api/v1", "/api/v1/none", "/metrics", "/mcp", "/api/v1/%2e%2e/%2e%2e/health"):
            assert client.get(path).status_code in (401, 404), path


def test_every_status_that_a_route_may_answer_is_documented(api):
    for methods in api.app.openapi()["paths"].values():
        for operation in methods.values():
            assert {str(status) for status in STATUSES} <= operation["responses"].keys()


def test_the_unix_socket_needs_no_token_and_no_host_and_only_its_owner_may_open_it(api):
    with api.local() as client:
        assert client.get("/api/v1/status").json()["records"][0]["videos"] == len(VIDEOS)
        assert client.post("/api/v1/tokens/list").status_code == 200
    assert api.socket.stat().st_mode & 0o777 == 0o600
    assert api.socket.parent.stat().st_mode & 0o777 == 0o700


def test_a_client_over_tcp_cannot_pass_for_a_local_one(api):
    with api.client(None) as client:
        for name in ("footage.local", "X-Footage-Local", "X-Forwarded-For", "Forwarded"):
            is_problem(client.get("/api/v1/status", headers={name: "127.0.0.1"}), 401)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a b", ""])
def test_a_foreign_host_is_refused(api, host):
    with api.client("admin", Host=host) as client:
        is_problem(client.get("/health"), 421)
        is_problem(client.get("/api/v1/status"), 421)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_a_page_of_another_site_is_refused_and_gets_no_cors_header(api, headers):
    with api.client("admin", **headers) as client:
        response = client.post("/api/v1/search", json={"query": "car"})
        is_problem(response, 403)
        asked = client.options("/api/v1/search", headers={"Access-Control-Request-Method": "POST"})
    for each in (response, asked):
        assert not [name for name in each.headers if name.startswith("access-control-")]


def test_the_own_page_may_ask_and_a_second_host_header_is_refused(api):
    with api.client("view", Origin=api.address) as client:
        assert client.get("/api/v1/status").status_code == 200
    with socket.create_connection(("127.0.0.1", api.port)) as stream:
        stream.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert b" 400 " in stream.recv(4096).partition(b"\r\n")[0]


def test_answers_carry_security_headers_and_no_cookies(api):
    with api.client("view") as client:
        for path in ("/health", "/docs", "/api/v1/status", "/api/v1/none"):
            headers = client.get(path).headers
            assert all(name in headers for name in SECURITY), path
            assert "set-cookie" not in headers and "server" not in headers


def test_a_revoked_token_is_refused_and_a_wrong_header_too(api):
    made = create_token(api.service, CreateTokenRequest(name="guest", role="view"))

    def status(header):
        with api.client(None, Authorization=header) as client:
            return client.get("/api/v1/status").status_code

    wait_until(lambda: status(f"Bearer {made.token}") == 200, seconds=10)
    assert status(f"bearer  {made.token}") == 200
    for header in (made.token, f"Basic {made.token}", f"Bearer {made.token}x", f"Bearer {made.row.digest}"):
        assert status(header) == 401, header
    revoke_token(api.service, RevokeTokenRequest(name="guest"))
    wait_until(lambda: status(f"Bearer {made.token}") == 401, seconds=10)


def test_no_token_is_kept_and_none_is_logged(api, caplog):
    caplog.set_level("INFO", logger=SERVICE_LOGGER)
    with api.client("view") as client:
        client.get("/api/v1/status", params={"token": api.tokens["edit"]})

    def logged():
        return str([vars(record) for record in caplog.records if record.name == SERVICE_LOGGER])

    wait_until(lambda: "/api/v1/status" in logged())
    kept = (api.service.settings.db / "state.sqlite").read_bytes()
    for token in api.tokens.values():
        assert token not in logged()
        assert token.encode() not in kept


def test_every_change_is_in_the_audit_log_with_who_asked_and_what_came_of_it(api):
    with api.client("edit") as client:
        assert client.post("/api/v1/save", json={"name": "cars", "query": "a secret car"}).status_code == 200
        is_problem(client.post("/api/v1/save", json={"name": "cars", "query": ""}), 422)
    with api.client("view") as client:
        is_problem(client.post("/api/v1/save", json={"name": "cars", "query": "car"}), 403)
    text = api.service.settings.audit_log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    saved = [line for line in lines if line.get("action") == "save"]
    assert [line["outcome"] for line in saved] == ["done", "failed"]
    assert {line["token"].partition("-")[0] for line in saved} == {"edit"}
    refused = [line for line in lines if line["outcome"] == "refused" and line["path"] == "/api/v1/save"]
    assert refused and refused[-1]["role"] == "view"
    assert "secret" not in text


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(api):
    most = api.app.state.api.access.limits.body_bytes
    with api.client("view") as client:
        problem = is_problem(client.post("/api/v1/search", content=b" " * (most + 1)), 413)
        assert f"{most:,}" in problem["detail"]

        def pieces():
            for _ in range(most // 2**20 + 2):
                yield b" " * 2**20

        is_problem(client.post("/api/v1/search", content=pieces()), 413)
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/docs/assets/../../../../etc/passwd", "/docs/assets/%2e%2e/%2e%2e/core.py"),
        *("/docs/assets/..%2f..%2fcore.py", "/docs/assets//etc/passwd", "/docs/assets/%00"),
    ],
)
def test_no_path_leads_out_of_the_files_of_the_documentation(api, path):
    with socket.create_connection(("127.0.0.1", api.port)) as stream:
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: stream.recv(65536), b""))
    assert b" 404 " in answer.partition(b"\r\n")[0], answer
    assert b"root:" not in answer and b"import" not in answer


class Impatient(ApiConnection):
    """As it is served, with less time."""

    patience_seconds = 0.5


@pytest.fixture(scope="module")
def tight(api) -> Iterator[ServedApi]:
    """A service with tight limits."""
    limits = ApiLimits(body_seconds=0.5, requests_per_second=0.01, burst_requests=12)
    with served(api.service, ApiAccess(limits=limits), http=Impatient) as tight:
        yield tight


def test_a_body_that_comes_too_slowly_is_not_waited_for(tight):
    head = (
        f"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
        f"{tight.tokens['edit']}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    )
    with socket.create_connection(("127.0.0.1", tight.port)) as stream:
        stream.settimeout(30)
        stream.sendall(head.encode())
        answer = b"".join(iter(lambda: stream.recv(4096), b""))
    assert b" 408 " in answer.partition(b"\r\n")[0]


def test_a_head_that_never_ends_is_not_waited_for(tight):
    with socket.create_connection(("127.0.0.1", tight.port)) as stream:
        stream.settimeout(30)
        stream.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
        assert stream.recv(4096) == b""


def test_a_token_that_asks_too_often_waits_and_others_do_not(tight):
    with tight.client("view") as client:
        statuses = [client.get("/api/v1/status").status_code for _ in range(12)]
        response = client.get("/api/v1/status")
    assert statuses == [200] * 12
    problem = is_problem(response, 429)
    assert int(response.headers["retry-after"]) >= 1 and "too many" in problem["detail"]
    with tight.client("admin") as client:
        assert client.get("/api/v1/status").status_code == 200
    with tight.local() as client:
        assert {client.get("/health").status_code for _ in range(30)} == {200}


def test_a_bucket_fills_again_at_its_rate():
    now = [0.0]
    limiter = RateLimiter(per_second=2.0, burst=3, clock=lambda: now[0])
    assert [limiter.wait_seconds("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.wait_seconds("b") == 0
    now[0] = 0.5
    assert limiter.wait_seconds("a") == 0
    assert limiter.wait_seconds("a") == pytest.approx(0.5)
    now[0] = 1000.0
    assert [limiter.wait_seconds("a") for _ in range(4)] == [0, 0, 0, 0.5]
