"""Who may reach the app, and in which role; and what the audit log says of what they did."""

from __future__ import annotations

import ipaddress
import json
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.config import load_settings
from footage.core.errors import FootageError, UsageError
from service.audit_log import AuditLog
from ui.hosts import host_name, is_own_origin
from ui.web.access.rules import ROLES, Tokens, decided
from ui.web.access.sessions import MOST, Sessions
from ui.web.access.visitor import Visitor, editing

HOSTS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[a-z0-9.\-\[\]:@/]{1,30}", fullmatch=True),
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]:8501"),
)


def of_loopback(host: str) -> bool:
    name = (host_name(host) or "").lower()
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@given(HOSTS)
def test_an_app_of_this_machine_alone_takes_names_of_this_machine_alone(host):
    assert decided("localhost", 8501, proxy_hosts=[], token=None).allows_host(host) is of_loopback(host)


@given(HOSTS)
def test_behind_a_proxy_its_name_is_taken_too_and_no_other(host):
    access = decided("localhost", 8501, proxy_hosts=["Cams.example.org"], token=False)
    expected = of_loopback(host) or host_name(host) == "cams.example.org"
    assert access.allows_host(host) is expected
    assert access.allows_host("cams.example.org") and access.allows_host("CAMS.example.org:443")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_app_on_every_address_takes_addresses_and_no_foreign_names(host):
    access = decided(host, 8501, proxy_hosts=[], token=None)
    assert access.allows_host("192.0.2.7:8501") and access.allows_host("[2001:db8::1]:8501")
    assert not access.allows_host("evil.example") and not access.allows_host("192.0.2.7.evil.example")


@pytest.mark.parametrize(
    ("host", "proxies", "token", "asks", "indexes"),
    [
        ("localhost", [], None, False, True),
        ("localhost", [], True, True, True),
        ("127.0.0.1", [], False, False, True),
        ("0.0.0.0", [], None, True, True),
        ("192.0.2.1", [], None, True, True),
        ("localhost", ["a.example"], None, True, True),
        ("localhost", ["a.example"], False, False, False),
        ("0.0.0.0", ["a.example"], None, True, True),
    ],
)
def test_where_others_reach_the_app_it_asks_for_a_token(host, proxies, token, asks, indexes):
    access = decided(host, 8501, proxy_hosts=proxies, token=token)
    assert (access.tokens is not None) is asks
    assert access.may_index_by_default is indexes


@pytest.mark.parametrize("proxies", [[], ["a.example"]])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "nas"])
def test_no_app_is_open_to_others_unasked(host, proxies):
    """Nor with a proxy in front: whoever reaches the port goes around it."""
    with pytest.raises(UsageError, match="--no-token"):
        decided(host, 8501, proxy_hosts=proxies, token=False)


@given(st.text(max_size=60))
def test_no_text_but_a_token_opens_anything(text):
    tokens = Tokens("v" * 43, "e" * 43)
    assert tokens.role_of(text) is None
    assert [tokens.role_of(getattr(tokens, role)) for role in ROLES] == [*ROLES]
    assert Tokens.new() != Tokens.new()


def test_an_origin_is_compared_down_to_the_port():
    assert is_own_origin("http://localhost:8501", "localhost:8501")
    assert is_own_origin("https://cams.example.org", "Cams.example.org")
    for origin in ("http://localhost:8502", "http://localhost", "null", "", "ftp://localhost:8501"):
        assert not is_own_origin(origin, "localhost:8501"), origin
    assert not is_own_origin("http://localhost:8501/x", "localhost:8501")
    assert is_own_origin("https://cams.example.org", "cams.example.org", encrypted=True)
    assert not is_own_origin("http://cams.example.org", "cams.example.org", encrypted=True)


@pytest.mark.parametrize(("flooding", "other"), [("view", "edit"), ("edit", "view")])
def test_whoever_signs_in_again_and_again_signs_out_nobody_of_another_role(flooding, other):
    sessions = Sessions()
    kept, first = sessions.open(other), sessions.open(flooding)
    cookies = [sessions.open(flooding) for _ in range(MOST)]
    assert sessions.get(first) is None  # the oldest of that role made room
    assert [sessions.get(cookie).role for cookie in (kept, *cookies)] == [other, *[flooding] * MOST]


@given(st.builds(Visitor, st.sampled_from(ROLES), st.text(), st.text(), st.text()))
def test_a_visitor_passes_through_a_header(who):
    value = who.as_header()
    assert value.isascii() and value.isprintable() and Visitor.from_header(value) == who


# -- The audit log ---------------------------------------------------------


@pytest.fixture
def settings(tmp_path):
    return load_settings(audit_log=tmp_path / "state" / "deep" / "audit.jsonl")


def lines(settings) -> list[dict]:
    return [json.loads(line) for line in settings.audit_log.read_text().splitlines()]


def test_what_was_done_and_what_failed_is_a_line_each(settings):
    with editing(settings, "export", name="goals\n\N{SNOWMAN}", clips=2):
        pass
    with pytest.raises(UsageError), editing(settings, "correct", event="e"):
        raise UsageError("the event would end before it starts")
    with pytest.raises(ZeroDivisionError), editing(settings, "review"):
        raise ZeroDivisionError
    done, failed, broken = lines(settings)
    assert (done["action"], done["outcome"], done["clips"]) == ("export", "done", 2)
    assert done["name"] == "goals\n\N{SNOWMAN}" and done["role"] == "edit" and done["time"].endswith("+00:00")
    assert failed["outcome"] == "failed" and "before it starts" in failed["reason"]
    assert (broken["outcome"], broken["reason"]) == ("failed", "ZeroDivisionError")
    assert stat.S_IMODE(settings.audit_log.stat().st_mode) == 0o600


def test_nothing_is_done_that_cannot_be_written_down(tmp_path):
    (tmp_path / "file").touch()
    settings, done = load_settings(audit_log=tmp_path / "file" / "audit.jsonl"), []
    with pytest.raises(FootageError, match="nothing was changed"), editing(settings, "export"):
        done.append("exported")
    assert done == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_what_could_not_be_written_down_any_more_is_said():
    settings, done = load_settings(audit_log=Path("/dev/full")), []
    with (
        pytest.raises(FootageError, match=r"No space left .*\(export\) is not in the log"),
        editing(settings, "export"),
    ):
        done.append("exported")
    assert done == ["exported"]


def test_a_line_that_was_torn_off_spoils_no_other(settings):
    with editing(settings, "export"):
        pass
    with settings.audit_log.open("a") as log:
        log.write('{"time": "2026-')
    with editing(settings, "review"):
        pass
    first, torn, last = settings.audit_log.read_text().splitlines()
    assert [json.loads(line)["action"] for line in (first, last)] == ["export", "review"] and torn


def test_lines_of_several_at_once_do_not_mix(settings):
    def write(number: int) -> None:
        for turn in range(20):
            with AuditLog(settings.audit_log).entry("note", who={}, facts={"n": number, "turn": turn}):
                pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(line["n"], line["turn"]) for line in lines(settings)} == {
        (n, turn) for n in range(8) for turn in range(20)
    }
