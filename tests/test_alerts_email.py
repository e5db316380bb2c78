"""Alerts by e-mail, sent to a real mail server in this process."""

from __future__ import annotations

import email
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from alert_samples import HOSTILE, jpeg, moment, notification
from hypothesis import given
from hypothesis import strategies as st
from tls_certificates import make_certificates

from footage.core.alerts import SinkConfig
from footage.core.errors import UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import make_sink

PASSWORD = "correct horse"


@dataclass
class Mailbox:
    """What a mail server took, and what it answers."""

    got: list[object] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "data" in self.refuse:
            return self.refuse["data"]
        self.got.append(envelope)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"me", PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def serving(mailbox: Mailbox, **how: object) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_context(tls_files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files / "server.crt", tls_files / "server.key")
    return context


def sink(target: str = "me@example.org", **options: str):
    return make_sink(SinkConfig("email", target, options=tuple(options.items())))


def plain(port: int, target: str = "me@example.org", **options: str):
    return sink(target, server=f"127.0.0.1:{port}", security="none", **options)


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=default)


def test_a_message_has_text_html_and_the_picture_inside():
    mailbox = Mailbox()
    with serving(mailbox) as port:
        people = "me@example.org, you@example.org"
        plain(port, people, **{"from": "footage@example.org"}).send(notification())
    [envelope] = mailbox.got
    message = read(envelope)
    assert envelope.rcpt_tos == ["me@example.org", "you@example.org"]
    assert envelope.mail_from == "footage@example.org"
    assert message["Subject"] == "Vans: gate, 2026-05-01 18:00:12"
    assert message["Message-ID"] == "<n1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_body(("plain",)).get_content()
    assert "2026-05-01 18:00:12, gate, at 0:12.5\N{EN DASH}0:16.0: A white van stops at the gate." in text
    assert "found (91%)" in text and "https://footage.example.org/?moment=m1" in text
    page = message.get_body(("html",)).get_content()
    [picture] = [part for part in message.walk() if part.get_content_type() == "image/jpeg"]
    assert picture.get_content() == jpeg()
    assert picture["Content-Disposition"].startswith("inline")
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in page
    assert "/srv/private" not in envelope.content.decode("ascii")


def test_hostile_text_becomes_no_header_and_no_markup():
    mailbox = Mailbox()
    hostile = notification(
        moment(camera=HOSTILE, text=HOSTILE, evidence=(HOSTILE,), starts_at=HOSTILE),
        alert_name=HOSTILE,
        query=HOSTILE,
        id=f"n1>\r\n{HOSTILE}",
        links={"m1": "javascript:alert(1)"},
    )
    with serving(mailbox) as port:
        plain(port).send(hostile)
    [envelope] = mailbox.got
    message = read(envelope)
    assert envelope.rcpt_tos == ["me@example.org"]
    assert message["Bcc"] is None and message.get_all("Subject") == [message["Subject"]]
    page = message.get_body(("html",)).get_content()
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "javascript:" not in page


@given(st.text(max_size=200), st.text(max_size=100))
def test_any_text_makes_a_message_with_its_own_headers_alone(text, name):
    made = sink(server="mail.example.org").message(
        notification(moment(text=text, camera=name), alert_name=name, id=name or "n", query=text)
    )
    message = email.message_from_bytes(bytes(made).replace(b"\r\r", b"\r"), policy=default)
    assert sorted(message.keys()) == sorted(made.keys())
    assert message.get_all("To") == ["me@example.org"]
    assert message.get_body(("html",)).get_content().count("<script") == 0


def test_a_digest_has_ten_pictures_at_most():
    moments = [moment(number) for number in range(14)]
    many = notification(*moments, posters={each.id: jpeg() for each in moments})
    message = sink(server="mail.example.org").message(many)
    assert sum(part.get_content_type() == "image/jpeg" for part in message.walk()) == 10
    assert message["Subject"] == "Vans: 14 moments"


def test_starttls_and_a_login_with_a_password_from_the_environment(tls_files, tls_context, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    mailbox = Mailbox()
    how = {"tls_context": tls_context, "authenticator": authenticate, "auth_required": True}
    with serving(mailbox, **how) as port:
        options = {"server": f"localhost:{port}", "username": "me", "password": "env:MAIL_PASSWORD"}
        sink(ca_file=str(tls_files / "ca.crt"), **options).send(notification())
        assert len(mailbox.got) == 1
        with pytest.raises(SinkError, match="certificate"):
            sink(**options).send(notification())
        monkeypatch.setenv("MAIL_PASSWORD", "a wrong password")
        with pytest.raises(SinkError, match="535") as found:
            sink(ca_file=str(tls_files / "ca.crt"), **options).send(notification())
    assert found.value.permanent and "wrong password" not in str(found.value)
    assert len(mailbox.got) == 1


def test_encrypted_from_the_first_byte(tls_files, tls_context):
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=tls_context) as port:
        options = {"server": f"localhost:{port}", "security": "tls", "ca_file": str(tls_files / "ca.crt")}
        sink(**options).send(notification())
    assert len(mailbox.got) == 1


def test_a_server_without_encryption_gets_nothing_where_it_is_wanted():
    mailbox = Mailbox()
    with serving(mailbox) as port, pytest.raises(SinkError, match="STARTTLS") as found:
        sink(server=f"127.0.0.1:{port}").send(notification())
    assert found.value.permanent and mailbox.got == []


@pytest.mark.parametrize(
    ("refuse", "permanent"),
    [
        ({"me@example.org": "550 no such user"}, True),
        ({"me@example.org": "451 come back later"}, False),
        ({"data": "554 no"}, True),
        ({"data": "452 the disk is full"}, False),
    ],
)
def test_which_refusals_are_final(refuse, permanent):
    with serving(Mailbox(refuse=refuse)) as port, pytest.raises(SinkError) as found:
        plain(port).send(notification())
    assert found.value.permanent is permanent
    assert next(iter(refuse.values()))[:3] in str(found.value)


def test_a_message_that_reaches_some_of_the_people_is_delivered():
    mailbox = Mailbox(refuse={"you@example.org": "550 no such user"})
    with serving(mailbox) as port:
        plain(port, "me@example.org,you@example.org").send(notification())
    assert mailbox.got[0].rcpt_tos == ["me@example.org"]


def test_a_server_that_is_away_is_tried_again_later():
    with pytest.raises(SinkError, match="cannot be reached") as found:
        plain(free_port()).send(notification())
    assert not found.value.permanent


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("", {"server": "mail.example.org"}),
        ("me", {"server": "mail.example.org"}),
        ("me@example.org\r\nBcc: eve@example.org", {"server": "mail.example.org"}),
        ("me@example.org>", {"server": "mail.example.org"}),
        ("me@example.org", {}),
        ("me@example.org", {"server": "mail.example.org:0"}),
        ("me@example.org", {"server": "mail.example.org\r\nx"}),
        ("me@example.org", {"server": "mail.example.org", "security": "ssl3"}),
        ("me@example.org", {"server": "mail.example.org", "username": "me"}),
        ("me@example.org", {"server": "mail.example.org", "username": "me", "password": "hunter22"}),
        (
            "me@example.org",
            {"server": "mail.example.org", "username": "me", "password": "env:P", "security": "none"},
        ),
    ],
)
def test_configurations_that_are_refused(target, options):
    with pytest.raises(UsageError) as found:
        sink(target, **options)
    assert "hunter22" not in f"{found.value} {found.value.hint}"
