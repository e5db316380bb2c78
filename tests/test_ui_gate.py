"""The gate in front of the app, tried over HTTP and websockets on the app as `footage ui` serves it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from benchmarks.app import Visitor, visiting
from screenshot_app import ANSWERED, ROOT, browser_page, chromium, wait_for
from standin_truth import SAMPLES, TruthModel
from test_alerts_webhook import Receiver, serving
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from footage.core.config import Settings
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.import_export import import_captions
from indexer.pipeline import index
from search import saved_searches
from search.engine import Engine
from service.alerts import manage
from service.alerts.running import AlertRunner
from service.session import Service

QUESTION = "a green car drives from left to right"
HOSTILE_CONFIG = """
[server]
enableCORS = false
enableXsrfProtection = false
enableAgentApi = true
enableStaticServing = true
scriptHealthCheckEnabled = true
allowedHosts = ["*"]
corsAllowedOrigins = ["http://evil.example"]
baseUrlPath = "elsewhere"
[browser]
gatherUsageStats = true
[client]
showErrorDetails = "full"
[theme]
base = "http://192.0.2.1/theme.toml"
"""
"""What a folder that somebody else has filled may hold; 192.0.2.1 is nobody's address."""


@dataclass
class App:
    """The app as it runs for a test."""

    address: str
    folder: Path
    """Holds everything: the index, the caches, the log of attempts to reach beyond this machine."""
    printed: list[str]
    """What it said on stdout."""
    errors: Path
    """What it says on stderr."""
    cookies: dict[str, str] = field(default_factory=dict)
    """A cookie for each role, where there are tokens."""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port

    def token(self, role: str) -> str:
        line = self.printed[1 if role == "edit" else 2]
        return re.search(r"token=([\w-]{43})$", line)[1]

    def audit(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "state" / "audit.jsonl").read_text().splitlines()]


def get(app: App, path: str, *, method: str = "GET", **headers: str):
    """One request as it stands; header names with underscores. Gives status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host="Host" in named, skip_accept_encoding=True)
    for name, value in named.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def opens(app: App, *, origin: str | None, host: str | None = None, cookie: str = "") -> bool:
    """Whether a websocket of the app is opened."""
    headers = {"Cookie": cookie} if cookie else {}
    place = f"ws://{host or '127.0.0.1'}:{app.port}/_stcore/stream"
    here = socket.create_connection(("127.0.0.1", app.port), timeout=30)
    try:
        with connect(place, sock=here, origin=origin, additional_headers=headers):
            return True
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 403
        return False


@contextmanager
def running(folder: Path, *options: str, db: Path | None = None) -> Iterator[App]:
    """Run `footage ui` with everything in one folder, configured by a stranger, and watched."""
    work, home = folder / "work", folder / "home"
    for place in (work, home):
        (place / ".streamlit").mkdir(parents=True)
        (place / ".streamlit" / "config.toml").write_text(HOSTILE_CONFIG)
        (place / ".streamlit" / "secrets.toml").write_text('[auth]\ncookie_secret = "known"\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests" / "loopback", ROOT))),
        "FOOTAGE_TEST_ATTEMPTS": str(folder / "attempts.log"),
        "FOOTAGE_CACHE_DIR": str(folder / "cache"),
        "FOOTAGE_EXPORT_DIR": str(folder / "exports"),
        "FOOTAGE_AUDIT_LOG": str(folder / "state" / "audit.jsonl"),
        "FOOTAGE_DEVICE": "cpu",
        "STREAMLIT_SERVER_ENABLE_CORS": "false",
        "HF_HUB_OFFLINE": "0",
    }
    environment.pop("FOOTAGE_CONFIG", None)
    command = [
        sys.executable,
        "-m",
        "ui.cli",
        "ui",
        "--port",
        str(port),
        "--db",
        str(db or folder / "index.lancedb"),
    ]
    command += ["--model", "demo", *options]
    if traced := shutil.which("strace"):
        calls = ["-D", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg"]
        command = [traced, *calls, "-o", str(folder / "calls.log"), *command]
    errors = folder / "errors.log"
    with errors.open("w") as said:
        process = subprocess.Popen(
            command, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=said, text=True, umask=0
        )
    try:
        printed = [process.stdout.readline()]
        if printed[0].endswith("it):\n"):
            printed += [process.stdout.readline() for _ in range(2)]
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield App(f"http://127.0.0.1:{port}", folder, [line.rstrip() for line in printed], errors)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    """A folder with an index that has something to review."""
    folder = tmp_path_factory.mktemp("filled")
    videos = folder / "videos"
    videos.mkdir()
    shutil.copy(SAMPLES / "beach_dusk.mp4", videos)
    store = Store.open(folder / "index.lancedb", create=True)
    index([videos], store=store, model=TruthModel(), embedder=load_embedder())
    search = saved_searches.save(store.annotations, "Green cars", QUESTION)
    saved_searches.look(store, Engine(store, load_embedder()), search, at=1_772_000_000.0)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Iterator[App]:
    """The app as it is without options: on this machine alone, no token."""
    with running(tmp_path_factory.mktemp("alone")) as app:
        yield app


@pytest.fixture(scope="module")
def guarded(filled) -> Iterator[App]:
    """The app with tokens, and a cookie for each role."""
    with running(filled, "--token", "--host", "127.0.0.1") as app:
        for role in ("view", "edit"):
            status, headers, _ = get(app, f"/?token={app.token(role)}")
            assert status == 200
            app.cookies[role] = headers["Set-Cookie"].partition(";")[0]
        yield app


# -- Where it comes from ---------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", "/media/x.mp4", "/library"])
def test_a_foreign_host_name_reaches_nothing(alone, path):
    foreign = ["evil.example", f"evil.example:{alone.port}", "localhost.evil.example", "192.0.2.1"]
    for host in (*foreign, "127.0.0.1.evil.example", "localhost@evil.example", "", "[::1", "localhost:99999"):
        status, _, body = get(alone, path, Host=host)
        assert status == 421 and b"footage" not in body.replace(b"footage ui", b""), host


def test_the_names_of_this_machine_reach_the_app(alone):
    for host in (
        "localhost",
        "127.0.0.1",
        f"LOCALHOST:{alone.port}",
        "127.0.0.1:1",
        "[::1]:8501",
        "localhost.",
    ):
        assert get(alone, "/", Host=host)[0] == 200, host


def test_two_host_headers_are_refused(alone):
    request = "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n"
    with socket.create_connection(("127.0.0.1", alone.port), timeout=30) as stream:
        stream.sendall(request.encode())
        assert stream.recv(100).split()[1] == b"400"


def foreign_origins(app: App) -> list[str]:
    others = ("http://evil.example", "null", "file://", f"http://evil.example:{app.port}", "http://localhost")
    ports = [f"http://{host}:{app.port + 1}" for host in ("localhost", "127.0.0.1", "0.0.0.0")]
    return [*others, *ports, f"http://localhost:{app.port}", f"http://127.0.0.1:{app.port}.evil.example"]


def test_a_foreign_origin_gets_no_answer_and_no_websocket(alone):
    for origin in foreign_origins(alone):
        for path in ("/", "/_stcore/health", "/_stcore/host-config", "/media/x.mp4"):
            status, headers, _ = get(alone, path, Origin=origin)
            assert status == 403 and "Access-Control-Allow-Origin" not in headers, (origin, path)
        assert not opens(alone, origin=origin), origin
    assert not opens(alone, origin=None)
    assert opens(alone, origin=alone.address)


def test_a_websocket_under_a_foreign_name_is_refused_whatever_its_origin(alone):
    for origin in (f"http://evil.example:{alone.port}", alone.address):
        assert not opens(alone, origin=origin, host="evil.example")


def test_what_a_browser_says_of_a_foreign_page_is_heeded(alone):
    embeds = {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "video"}
    follows = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    frames = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"}
    for site in ("cross-site", "same-site"):
        assert get(alone, "/media/x.mp4", Sec_Fetch_Site=site, **embeds)[0] == 403
        assert get(alone, "/", Sec_Fetch_Site=site, **frames)[0] == 403
        assert get(alone, "/", Sec_Fetch_Site=site, **follows)[0] == 200
    assert get(alone, "/", Sec_Fetch_Site="same-origin", **frames)[0] == 200


def test_only_reading_is_answered_and_unused_ways_in_are_shut(alone):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for path in ("/", "/sign-in", "/_stcore/upload_file/a/b", "/_stcore/agent/interact"):
            assert get(alone, path, method=method)[0] in (404, 405), (method, path)
    agent = ("/_stcore/agent/openapi.json", "/_stcore/agent/mcp")
    for path in (*agent, "/_stcore/metrics", "/auth/login", "/_stcore/script-health-check"):
        assert get(alone, path)[0] == 404, path


def test_no_file_and_no_variable_configures_the_server(alone):
    status, _, body = get(alone, "/_stcore/host-config")
    assert status == 200 and json.loads(body)["allowedOrigins"] == []
    headers = get(alone, "/_stcore/health")[1]
    assert "_streamlit_xsrf" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"]
    assert get(alone, "/elsewhere/_stcore/health")[2] != b"ok"
    (alone.folder / "work" / ".streamlit" / "config.toml").write_text(HOSTILE_CONFIG + "# changed\n")
    assert not opens(alone, origin="http://evil.example")


# -- What goes back --------------------------------------------------------

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def guards(headers, referrer: str = "same-origin") -> bool:
    policy = headers.get("Content-Security-Policy", "")
    parts = dict(part.partition(" ")[::2] for part in policy.split("; "))
    scripts = parts.get("script-src", "")
    return (
        all(headers.get_all(name) == [value] for name, value in HEADERS.items())
        and headers.get_all("Referrer-Policy") == [referrer]
        and parts.get("default-src") == "'none'"
        and parts.get("frame-ancestors") == "'none'"
        and parts.get("connect-src") == "'self'"
        and "unsafe" not in scripts
        and "http" not in policy
    )


def test_every_answer_carries_the_headers_that_keep_foreign_pages_out(alone, guarded):
    for path in (
        "/",
        "/library",
        "/_stcore/health",
        "/_stcore/host-config",
        "/media/none.mp4",
        "/static/none.js",
    ):
        assert guards(get(alone, path)[1]), path
        assert guards(get(guarded, path)[1]), path  # also what refuses
        assert guards(get(guarded, path, Cookie=guarded.cookies["view"])[1]), path
    assert guards(get(alone, "/", Host="evil.example")[1])
    assert "Server" not in get(alone, "/")[1]


# -- The token -------------------------------------------------------------


def test_without_a_token_nothing_is_shown_but_that_the_app_is_up(guarded):
    for path in ("/", "/library", "/_stcore/host-config", "/media/x.mp4", "/static/x.js", "/favicon.png"):
        for cookie in (
            "",
            f"footage_{guarded.port}=wrong",
            f"footage_{guarded.port}={guarded.token('edit')}",
        ):
            status, _, body = get(guarded, path, Cookie=cookie)
            assert status == 401 and b"Sign in" in body and b"static/js" not in body, path
    assert not opens(guarded, origin=guarded.address)
    assert not opens(guarded, origin=guarded.address, cookie=f"footage_{guarded.port}=wrong")
    assert get(guarded, "/_stcore/health")[0] == 200


def test_a_wrong_token_opens_nothing(guarded):
    right = guarded.token("edit")
    for token in (
        "",
        "x",
        right[:-1],
        right + "x",
        right.swapcase(),
        quote("é\ud800".encode("utf-8", "surrogatepass")),
    ):
        status, headers, _ = get(guarded, f"/?token={token}")
        assert status == 401 and "Set-Cookie" not in headers, token


@pytest.mark.parametrize("role", ["view", "edit"])
def test_the_address_with_a_token_signs_in_and_loses_it(guarded, role):
    status, headers, body = get(guarded, f"/library?video=a%26b&token={guarded.token(role)}&q=x%20y")
    assert status == 200
    assert guarded.token(role).encode() not in body and guarded.token(role) not in headers["Set-Cookie"]
    assert b'content="0;url=/library?video=a%26b&amp;q=x+y"' in body
    attributes = headers["Set-Cookie"].lower()
    assert "httponly" in attributes and "samesite=strict" in attributes and "domain" not in attributes
    assert guards(headers, "no-referrer") and headers["Cache-Control"] == "no-store"
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert get(guarded, "/", Cookie=cookie)[0] == 200
    assert opens(guarded, origin=guarded.address, cookie=cookie)


def test_signing_in_leads_to_no_other_site(guarded):
    for path in ("//evil.example/", "/\\evil.example/", "///evil.example"):
        body = get(guarded, f"{path}?token={guarded.token('view')}")[2]
        assert re.search(rb'url=(/[^/\\][^"]*|/)"', body), path


def test_the_form_signs_in_from_the_apps_own_page_alone(guarded):
    def post(token: str, origin: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", guarded.port, timeout=30)
        headers = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/sign-in", f"token={token}", headers)
        status = connection.getresponse().status
        connection.close()
        return status

    assert post(guarded.token("view"), guarded.address) == 200
    assert post("wrong", guarded.address) == 401
    assert post(guarded.token("view"), "http://evil.example") == 403
    assert post("x" * 10_000, guarded.address) == 413


def test_media_are_behind_the_same_check(guarded):
    with visiting(guarded.address, f"q={quote(QUESTION)}&exact=false", cookie=guarded.cookies["view"]) as tab:
        assert tab.answers >= 1 and tab.clip.startswith("/moments/clip/")
    clip = json.loads(get(guarded, tab.clip, Cookie=guarded.cookies["view"])[2])["url"]
    status, headers, body = get(guarded, clip, Cookie=guarded.cookies["view"])
    assert status == 200 and b"ftyp" in body[:16] and guards(headers)
    assert "public" not in headers.get("Cache-Control", "")
    for address in (tab.clip, clip):
        assert get(guarded, address)[0] == 401
        assert get(guarded, address, Cookie=f"footage_{guarded.port}=wrong")[0] == 401
        assert get(guarded, address, Cookie=guarded.cookies["view"], Host="evil.example")[0] == 421


def test_a_sign_in_that_is_broken_off_is_no_bug_of_the_app(guarded):
    begun = (
        f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{guarded.port}\r\nOrigin: {guarded.address}\r\n"
        "Content-Length: 100\r\n\r\ntoken=a"
    )
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=30) as stream:
        stream.sendall(begun.encode())
        assert get(guarded, "/_stcore/health")[0] == 200  # by then it waits for the rest
    for _ in range(3):
        assert get(guarded, "/_stcore/health")[0] == 200
    assert "Traceback" not in guarded.errors.read_text()


def test_imported_captions_show_no_file_of_other_folders(filled, tmp_path):
    """A line of captions names any path for a video; shown is what was indexed here, or lies in a root."""
    db, private, roots = tmp_path / "index.lancedb", tmp_path / "private.mp4", tmp_path / "roots"
    shutil.copytree(filled / "index.lancedb", db)
    roots.mkdir()
    shutil.copy(SAMPLES / "park_day.mp4", private)
    shutil.copy(SAMPLES / "gate_cam1.mp4", roots / "shared.mp4")
    lines = [
        {
            "path": str(path),
            "start_seconds": 0,
            "end_seconds": 9,
            "events": [{"start_seconds": 1, "end_seconds": 3, "text": "a"}],
        }
        for path in (private, roots / "shared.mp4")
    ]
    store = Store.open(db)
    import_captions(map(json.dumps, lines), store=store, embedder=load_embedder())
    contents = {Path(file.path).name: file.content_id for file in store.files.all()}
    with running(tmp_path, "--library-root", str(roots), db=db) as app:

        def plays(name: str) -> bool:
            with visiting(app.address, f"video={contents[name]}") as tab:
                tab.turn_to("library")
                tab.press("Play event 1")
                return bool(tab.clip) and get(app, tab.clip)[0] == 200

        assert [plays(name) for name in ("beach_dusk.mp4", "shared.mp4", "private.mp4")] == [
            True,
            True,
            False,
        ]
    made = {path.name.partition("-")[0] for path in (tmp_path / "cache").rglob("*.*")}
    assert made >= {contents["beach_dusk.mp4"], contents["shared.mp4"]}
    assert contents["private.mp4"] not in made


# -- Roles, and who did what -----------------------------------------------


def states(app: App) -> list[str]:
    marks = Store.open(app.folder / "index.lancedb").annotations.marks.all(kinds=["review"])
    return [mark.state for mark in marks if mark.state != "open"]


def test_to_view_is_not_to_edit_whatever_is_sent(guarded):
    """The buttons are not there for this role, and pressing them by their ids all the same does nothing."""
    changing = {
        "Check for new",
        "Check with the model",
        "Mark reviewed",
        "Flag",
        "Save",
        "Make alert",
    }
    before = states(guarded)
    with visiting(guarded.address, "view=queue", cookie=guarded.cookies["edit"]) as editor:
        editor.turn_to("review")
        assert changing <= set(editor.ids)
        with visiting(guarded.address, "view=queue", cookie=guarded.cookies["view"]) as viewer:
            viewer.turn_to("review")
            assert "Show item 1" in viewer.ids and not changing & set(viewer.ids)
            for label in changing:
                viewer.ids[label] = editor.ids[label]
                viewer.press(label)
            assert states(guarded) == before
        editor.press("Mark reviewed")
        assert states(guarded) == [*before, "reviewed"]
        editor.press("Undo")
    assert states(guarded) == before
    [line] = [line for line in guarded.audit() if line["action"] == "review"]
    assert (line["outcome"], line["role"], line["state"]) == ("done", "edit", "reviewed")
    assert line["address"] == "127.0.0.1" and len(line["session"]) == 8 and line["mark"]


def test_to_view_alerts_is_not_to_change_them(guarded):
    service = Service(Settings(db=guarded.folder / "index.lancedb", webhook_private=True))
    with serving(Receiver()) as receiver:
        sink = manage.SinkRequest(kind="webhook", target=receiver.at())
        manage.add(
            service,
            manage.AddAlertRequest(
                name="Cars", query=QUESTION, sinks=(sink,), least_verdict="not checked", from_start=True
            ),
        )
        AlertRunner(service).run_once()
        delivered = len(receiver.got)
        assert delivered
        changing = {"Test", "Remove alert"}
        with visiting(guarded.address, "view=alerts", cookie=guarded.cookies["edit"]) as editor:
            editor.turn_to("review")
            assert changing <= set(editor.ids)
            with visiting(guarded.address, "view=alerts", cookie=guarded.cookies["view"]) as viewer:
                viewer.turn_to("review")
                assert "Show moment 1" in viewer.ids and not changing & set(viewer.ids)
                for label in changing:
                    viewer.ids[label] = editor.ids[label]
                    viewer.press(label)
            assert len(receiver.got) == delivered
            assert [status.alert.name for status in manage.statuses(service)] == ["Cars"]
            editor.press("Remove alert")
    assert manage.statuses(service) == []


def test_a_header_of_the_client_makes_nobody_an_editor(guarded):
    with connect(
        f"ws://127.0.0.1:{guarded.port}/_stcore/stream",
        origin=guarded.address,
        additional_headers={
            "Cookie": guarded.cookies["view"],
            "X-Footage-Visitor": '["edit", "", "", ""]',
            "x_footage_visitor": '["edit", "", "", ""]',
        },
        max_size=None,
    ) as stream:
        tab = Visitor(guarded.address, "view=queue", stream)
        tab.turn_to("review")
        assert "Show item 1" in tab.ids and "Reviewed" not in tab.ids


def test_behind_a_proxy_the_log_names_who_it_let_in(filled, tmp_path):
    """As a proxy hands requests on: under its own name, with the password it asked for, and the address."""
    options = ("--allow-host", "cams.example.org", "--no-token")
    with running(tmp_path, *options, db=filled / "index.lancedb") as app:
        assert get(app, "/", Host="cams.example.org")[0] == 200
        assert get(app, "/", Host="cams.example.org", Origin="https://cams.example.org")[0] == 200
        assert get(app, "/", Host="cams.example.org", Authorization="Basic \xff")[0] == 200
        assert get(app, "/", Host="evil.example")[0] == 421
        assert not opens(app, origin="https://evil.example", host="cams.example.org")
        tls = {"Host": "cams.example.org", "X_Forwarded_Proto": "https"}
        assert get(app, "/", Origin="https://cams.example.org", **tls)[0] == 200
        assert get(app, "/", Origin="http://cams.example.org", **tls)[0] == 403  # anyone's on the way
        headers = {
            "Authorization": f"Basic {base64.b64encode(b'ann:secret').decode()}",
            "X-Forwarded-For": "203.0.113.9",
        }
        with (
            socket.create_connection(("127.0.0.1", app.port), timeout=30) as here,
            connect(
                "ws://cams.example.org/_stcore/stream",
                sock=here,
                origin="https://cams.example.org",
                additional_headers=headers,
                max_size=None,
            ) as stream,
        ):
            tab = Visitor(app.address, "view=queue", stream)
            tab.turn_to("review")
            tab.press("Flag")
            tab.press("Undo")
            tab.turn_to("library")
            assert "Index" not in tab.ids  # without tokens nobody starts index runs from elsewhere
        line, _ = app.audit()
        assert (line["action"], line["state"], line["user"]) == ("review", "flagged", "ann")
        assert line["address"] == "203.0.113.9" and "secret" not in json.dumps(app.audit())


def test_the_session_of_an_editor_makes_nobody_else_an_editor(guarded):
    """A page that lost its websocket may take its session up again; the role is that of the new sign-in."""
    place, origin = f"ws{guarded.address.removeprefix('http')}/_stcore/stream", guarded.address

    def joined(role: str, session: str = "none"):
        return connect(
            place,
            origin=origin,
            max_size=None,
            subprotocols=["streamlit", "none", session],
            additional_headers={"Cookie": guarded.cookies[role]},
        )

    with joined("edit") as stream:
        session = Visitor(guarded.address, "", stream).session
    with joined("view", session) as stream:
        tab = Visitor(guarded.address, "view=queue", stream)
        tab.turn_to("review")
        assert tab.session == session
        assert "Show item 1" in tab.ids and "Reviewed" not in tab.ids


def test_a_search_by_somebody_who_views_leaves_nothing_in_the_index(guarded):
    book = Store.open(guarded.folder / "index.lancedb").annotations
    before = book.searches.recent()
    with visiting(guarded.address, "q=a+red+car&exact=false", cookie=guarded.cookies["view"]):
        assert book.searches.recent() == before
    with visiting(guarded.address, "q=a+red+car&exact=false", cookie=guarded.cookies["edit"]):
        assert [search.query for search in book.searches.recent()][:1] == ["a red car"]


# -- Nothing leaves, nothing lies open -------------------------------------


def beyond(app: App) -> list[str]:
    """What the app tried to reach beyond this machine: through Python, and where strace is, at all."""
    tried = []
    for name in ("attempts.log", "calls.log"):
        log = app.folder / name
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        if name == "calls.log":
            lines = [line for line in lines if re.search(r"sin6?_(addr|port)", line)]
            lines = [line for line in lines if not re.search(r'"(127\.|::1")', line)]
        tried += lines
    return tried


def test_no_connection_leaves_this_machine(alone, guarded):
    """While it starts, is probed, searched with the model, played, and refuses."""
    with visiting(guarded.address, f"q={quote(QUESTION)}", cookie=guarded.cookies["view"]) as tab:
        assert tab.answers
        get(guarded, tab.clip, Cookie=guarded.cookies["view"])
    for app in (alone, guarded):
        get(app, "/")
        for origin in foreign_origins(app):
            assert not opens(app, origin=origin)
        assert get(app, "/", Host="evil.example")[0] == 421
        assert beyond(app) == []
    if shutil.which("strace"):
        assert (guarded.folder / "calls.log").stat().st_size > 0  # it was watching


def test_all_that_the_app_writes_is_for_its_owner_alone(guarded):
    with visiting(guarded.address, f"q={quote(QUESTION)}&exact=false", cookie=guarded.cookies["edit"]) as tab:
        assert get(guarded, tab.clip, Cookie=guarded.cookies["edit"])[0] == 200
    made = [guarded.folder / name for name in ("cache", "state")]
    paths = [path for top in made for path in (top, *top.rglob("*"))]
    assert {path.name for path in paths} >= {"previews", "audit.jsonl"}
    assert [path for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077] == []


def test_no_token_is_written_anywhere(guarded):
    secrets = [guarded.token("view"), guarded.token("edit")]
    secrets += [cookie.partition("=")[2] for cookie in guarded.cookies.values()]
    said = guarded.errors.read_text()
    files = [*(guarded.folder / "state").rglob("*"), *(guarded.folder / "cache").rglob("*.json*")]
    texts = [said, *(path.read_text(errors="replace") for path in files if path.is_file())]
    assert not any(secret in text for secret in secrets for text in texts)


# -- In a browser ----------------------------------------------------------


@pytest.mark.browser
@pytest.mark.smoke
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_a_browser_signs_in_and_uses_the_app_under_its_policy(guarded):
    with browser_page(f"{guarded.address}/?q={quote(QUESTION)}&token={guarded.token('view')}") as page:
        page.wait_for_selector(ANSWERED)
        assert "token" not in page.url and page.evaluate("history.length") <= 2
        page.wait_for_function(
            "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
            ".some(each => each.shadowRoot?.querySelector('video')?.readyState >= 2)"
        )
        assert page.get_by_role("link", name="Highlights").count() == 0
        page.get_by_role("link", name="Review").click()
        page.wait_for_selector(".fx-card, .wall[data-state=ready]")
        page.get_by_role("link", name="Library").click()
        page.wait_for_selector("a.fx-lib-tile")
        page.goto(f"{guarded.address}/highlights")  # as from a link of an editor
        page.get_by_role("heading", name="Reels are for people who may edit").wait_for()
        assert page.refused == []
    with browser_page(guarded.address) as page:
        page.get_by_label("Token").fill(guarded.token("edit"))
        page.get_by_role("button", name="Open the app").click()
        page.wait_for_selector(".fx-tiles")
        page.get_by_role("link", name="Highlights").click()
        page.get_by_text("No clips yet").wait_for()
        page.get_by_role("link", name="Library").click()
        page.locator("a.fx-lib-tile").first.click()
        page.wait_for_selector(".fx-card")
        page.get_by_role("link", name="Search").click()
        page.wait_for_selector(".fx-tiles")
        assert page.url == f"{guarded.address}/" and page.refused == []
