"""Webhooks: what is sent and signed, what is refused, what counts as delivered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from alert_samples import HOSTILE, jpeg, moment, notification
from hypothesis import given
from hypothesis import strategies as st
from tls_certificates import make_certificates

from footage.core.alerts import SinkConfig
from footage.core.errors import UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import SinkRules, check_made_remotely, make_sink
from service.alerts.sinks.webhook import WebhookSink, parse_address, retry_after, signature

DOCUMENT = Path(__file__).parents[1] / "docs" / "how-to" / "alert-sinks.md"
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
PRIVATE = SinkRules(private_webhooks=True)


@dataclass
class Receiver:
    """A server on this machine, and what it got."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    def at(self, path: str = "/hook") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(receiver: Receiver, context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver()) as found:
        yield found


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def config(target: str, **options: str) -> SinkConfig:
    return SinkConfig("webhook", target, options=tuple(options.items()))


def sink(target: str, **options: str) -> WebhookSink:
    return make_sink(config(target, **options), rules=PRIVATE)


def documented_receiver() -> dict[str, object]:
    """The functions of the receiver in the guide."""
    [code] = re.findall(r"```python\n(import base64.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    return names


# What is sent


def test_a_notification_is_json_with_id_and_without_a_path_of_this_machine(receiver):
    sink(receiver.at()).send(notification())
    [(path, headers, body)] = receiver.got
    sent = json.loads(body)
    assert path == "/hook"
    assert (headers["content-type"], headers["webhook-id"]) == ("application/json", "n1")
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert "webhook-signature" not in headers and "authorization" not in headers
    [only] = sent.pop("moments")
    assert sent == {
        "version": 1,
        "id": "n1",
        "kind": "moment",
        "summary": "Vans: gate, 2026-05-01 18:00:12",
        "alert": {"id": "a1", "name": "Vans", "query": "a van stops"},
        "sent_at": "2026-05-01T16:00:20.250+00:00",
    }
    assert base64.b64decode(only.pop("poster_jpeg")) == jpeg()
    assert only == {
        "id": "m1",
        "kind": "moment",
        "camera": "gate",
        "file": "gate_20260501.ts",
        "start_seconds": 12.5,
        "end_seconds": 16.0,
        "starts_at": "2026-05-01T18:00:12.500000+02:00",
        "ends_at": "2026-05-01T18:00:16+02:00",
        "verdict": "found",
        "confidence": 0.91,
        "text": "A white van stops at the gate.",
        "evidence": ["The model finds it in both windows."],
        "link": "https://footage.example.org/?moment=m1",
    }
    assert b"/srv/private" not in body


def test_pictures_stay_here_where_the_sink_is_without_them(receiver):
    sink(receiver.at(), posters="no").send(notification())
    assert json.loads(receiver.got[0][2])["moments"][0]["poster_jpeg"] is None


def test_hostile_text_is_json_text(receiver):
    sink(receiver.at()).send(notification(moment(text=HOSTILE, camera=HOSTILE), alert_name=HOSTILE))
    sent = json.loads(receiver.got[0][2])
    assert sent["moments"][0]["text"] == HOSTILE
    assert "\n" not in sent["summary"]


def test_the_receiver_of_the_guide_accepts_the_signature_and_nothing_else(receiver, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    sink(receiver.at(), secret="env:HOOK_SECRET").send(notification())
    [(_, headers, body)] = receiver.got
    verify = documented_receiver()["verify"]
    assert verify(SECRET, headers, body)
    assert not verify(SECRET, headers, body + b" ")
    assert not verify(SECRET, {**headers, "webhook-id": "n2"}, body)
    assert not verify("whsec_" + base64.b64encode(b"x" * 24).decode(), headers, body)
    late = str(int(headers["webhook-timestamp"]) - 3600)
    again = {**headers, "webhook-timestamp": late, "webhook-signature": signature(SECRET, "n1", late, body)}
    assert not verify(SECRET, again, body)


def test_the_signature_is_that_of_the_convention():
    expected = hmac.new(b"k" * 24, b"msg_1.1674087231." + b"{}", hashlib.sha256).digest()
    assert signature(SECRET, "msg_1", "1674087231", b"{}") == "v1," + base64.b64encode(expected).decode()


def test_a_token_comes_from_a_file_of_its_owner_alone(receiver, tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cret-token\n")
    file.chmod(0o600)
    sink(receiver.at(), token=f"file:{file}").send(notification())
    assert receiver.got[0][1]["authorization"] == "Bearer s3cret-token"
    file.chmod(0o644)
    with pytest.raises(SinkError, match="others can read it") as found:
        sink(receiver.at(), token=f"file:{file}").send(notification())
    assert "s3cret" not in str(found.value) and "chmod 600" in found.value.hint
    assert len(receiver.got) == 1


def test_an_address_may_be_a_secret(receiver, tmp_path, monkeypatch):
    monkeypatch.setenv("HOOK", receiver.at("/services/T0/s3cret?key=hidden"))
    kept = sink("env:HOOK")
    kept.send(notification())
    assert receiver.got[0][0] == "/services/T0/s3cret?key=hidden"
    assert kept.name == "webhook"
    receiver.status = 403
    with pytest.raises(SinkError) as found:
        kept.send(notification())
    assert "s3cret" not in str(found.value)
    monkeypatch.delenv("HOOK")
    with pytest.raises(SinkError, match="no secret at env:HOOK"):
        kept.send(notification())


def test_a_token_that_would_add_a_header_is_not_sent(receiver, monkeypatch):
    monkeypatch.setenv("TOKEN", "abcdef\r\nX-Evil: 1")
    with pytest.raises(SinkError, match="no header can have"):
        sink(receiver.at(), token="env:TOKEN").send(notification())
    assert receiver.got == []


# What is refused


@pytest.mark.parametrize(
    "address",
    [
        *("https://127.0.0.1/x", "https://[::1]/x", "https://localhost/x", "https://10.1.2.3/x"),
        *("https://192.168.1.10/x", "https://172.16.0.1/x", "https://169.254.169.254/latest/meta-data"),
        *("https://[fe80::1]/x", "https://[fd00:ec2::254]/x", "https://0.0.0.0/x", "https://[::]/x"),
        *("https://[::ffff:10.0.0.1]/x", "https://[64:ff9b::a9fe:a9fe]/x", "https://[2002:7f00:1::]/x"),
        *("https://100.64.0.1/x", "https://224.0.0.1/x", "http://hooks.example.org/x"),
        *("ftp://hooks.example.org", "gopher://x", "https://", "https://user:pw@hooks.example.org"),
        *("https://hooks.example.org/\r\nx", "https://hooks.example.org:99999/", "hooks.example.org"),
    ],
)
def test_addresses_that_are_refused_at_once(address):
    with pytest.raises(UsageError):
        make_sink(config(address))


@pytest.mark.parametrize(
    "resolved",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],  # one of several
        ["169.254.169.254"],
        ["::1"],
        ["fe80::1%eth0"],
        ["::ffff:192.168.0.1"],
        ["64:ff9b::7f00:1"],  # an IPv4 address behind a gateway
        ["2002:a9fe:a9fe::1"],
    ],
)
def test_a_name_of_a_private_address_is_refused_at_each_delivery(resolved):
    asked = []
    hook = replace(
        make_sink(config("https://hooks.example.org/x")),
        resolve=lambda host, port: asked.append((host, port)) or resolved,
    )
    with pytest.raises(SinkError, match="private network") as found:
        hook.send(notification())
    assert found.value.permanent and "webhook_private" in found.value.hint
    assert asked == [("hooks.example.org", 443)]


@pytest.mark.parametrize("written", ["2130706433", "0x7f.1", "127.1", "017700000001"])
def test_other_spellings_of_this_machine_are_refused_where_the_system_reads_them(written):
    with pytest.raises(SinkError, match=r"private network|unknown"):
        make_sink(config(f"https://{written}/x")).send(notification())


def test_the_connection_goes_to_the_address_that_was_checked(receiver):
    """A name that resolves differently the second time gains nothing."""
    answers = iter([["127.0.0.1"], ["10.255.255.1"]])
    hook = replace(sink(f"http://rebinding.example.org:{receiver.port}/x"), resolve=lambda *_: next(answers))
    hook.send(notification())
    assert receiver.got[0][1]["host"] == f"rebinding.example.org:{receiver.port}"
    assert next(answers) == ["10.255.255.1"]  # not asked again


def test_the_next_address_of_a_host_is_tried_where_the_first_does_not_listen(receiver):
    hook = replace(sink(receiver.at().replace("127.0.0.1", "here")), resolve=lambda *_: ["::1", "127.0.0.1"])
    hook.send(notification())
    assert len(receiver.got) == 1


def test_http_is_for_private_networks_alone():
    hook = replace(sink("http://hooks.example.org/x"), resolve=lambda *_: ["93.184.216.34"])
    with pytest.raises(SinkError, match="not encrypted") as found:
        hook.send(notification())
    assert found.value.permanent


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver, status):
    with serving(Receiver()) as other:
        receiver.status, receiver.headers = status, {"Location": other.at()}
        with pytest.raises(SinkError, match="redirects") as found:
            sink(receiver.at()).send(notification())
        assert found.value.permanent
        assert other.got == []


@pytest.mark.parametrize(
    "options",
    [{"secret": "plain-secret-of-mine"}, {"token": "file:"}, {"nonsense": "1"}, {"posters": "perhaps"}],
)
def test_options_that_are_refused_without_repeating_a_secret(options):
    with pytest.raises(UsageError) as found:
        make_sink(config("https://hooks.example.org", **options))
    assert "plain-secret" not in f"{found.value} {found.value.hint}"


def test_short_secrets_are_refused(receiver, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "short")
    with pytest.raises(SinkError, match="shorter than 16 bytes"):
        sink(receiver.at(), secret="env:HOOK_SECRET").send(notification())


@given(st.text(max_size=80))
def test_texts_are_addresses_or_one_sentence(text):
    try:
        assert parse_address(text).hostname
    except UsageError as error:
        assert "\n" not in str(error)


# What counts as delivered


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((400, True), (401, True), (404, True), (410, True)),
        *((408, False), (425, False), (429, False), (500, False), (503, False)),
    ],
)
def test_which_answers_are_final(receiver, status, permanent):
    receiver.status = status
    with pytest.raises(SinkError, match=str(status)) as found:
        sink(receiver.at()).send(notification())
    assert found.value.permanent is permanent


def test_a_wait_that_the_receiver_asks_for_is_passed_on(receiver):
    receiver.status, receiver.headers = 429, {"Retry-After": "17"}
    with pytest.raises(SinkError) as found:
        sink(receiver.at()).send(notification())
    assert found.value.retry_after_seconds == 17


@given(st.text(max_size=40))
def test_any_header_gives_a_wait_or_none(header):
    wait = retry_after(header, now=0.0)
    assert wait is None or wait >= 0


def test_waits_as_dates():
    assert retry_after(formatdate(1060, usegmt=True), now=1000.0) == 60
    assert retry_after(formatdate(900, usegmt=True), now=1000.0) == 0
    assert retry_after("", now=0.0) is None


def test_a_receiver_that_is_away_is_tried_again_later():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SinkError, match="cannot be reached") as found:
        sink(f"http://127.0.0.1:{port}/").send(notification())
    assert not found.value.permanent


def test_an_unknown_host_is_tried_again_later():
    def unknown(host, port):
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(SinkError, match="the host is unknown") as found:
        replace(sink("https://nowhere.invalid"), resolve=unknown).send(notification())
    assert not found.value.permanent


@contextmanager
def dripping() -> Iterator[int]:
    """A server that answers one byte at a time, without an end."""
    done = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not done.wait(0.02):
                try:
                    connection.sendall(b"a")
                except OSError:
                    return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        done.set()
        thread.join()
        server.close()


def test_a_slow_receiver_does_not_hold_a_delivery_longer_than_allowed():
    with dripping() as port:
        hook = replace(sink(f"http://127.0.0.1:{port}/"), most_seconds=0.3)
        began = time.monotonic()
        with pytest.raises(SinkError, match=r"did not answer within 0\.3 s"):
            hook.send(notification())
        assert time.monotonic() - began < 5


def test_a_certificate_must_be_that_of_the_name(tls_files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files / "server.crt", tls_files / "server.key")
    with serving(Receiver(scheme="https"), context) as secure:
        address = f"https://localhost:{secure.port}/x"
        sink(address, ca_file=str(tls_files / "ca.crt")).send(notification())
        assert len(secure.got) == 1
        with pytest.raises(SinkError, match="certificate"):
            sink(address).send(notification())
        other = replace(
            sink(address.replace("localhost", "other.example.org")), resolve=lambda *_: ["127.0.0.1"]
        )
        with pytest.raises(SinkError, match="certificate"):
            replace(other, ca_file=str(tls_files / "ca.crt")).send(notification())
        assert len(secure.got) == 1


def test_secrets_are_in_no_representation(monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    hook = make_sink(config("https://hooks.example.org/path", secret="env:HOOK_SECRET"))
    assert SECRET not in repr(hook)
    assert hook.name == "webhook hooks.example.org"


# Who may make them


def test_people_without_a_shell_make_plain_webhooks_and_desktop_notifications_alone():
    check_made_remotely(config("https://hooks.example.org", posters="no"))
    check_made_remotely(SinkConfig("desktop"))
    for refused in (
        config("file:/home/me/.secret"),
        config("https://hooks.example.org", token="file:/home/me/.pgpass"),
        config("https://hooks.example.org", ca_file="/etc/passwd"),
        SinkConfig("command", arguments=("sh", "-c", "id")),
        SinkConfig("email", "me@example.org"),
        SinkConfig("mqtt", "mqtt://10.0.0.1/x"),
    ):
        with pytest.raises(UsageError, match="here"):
            check_made_remotely(refused)
