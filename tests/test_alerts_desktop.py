"""Desktop notifications: over a real D-Bus to a small notification server, and without a desktop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_samples import moment, notification
from waiting import wait_until

from footage.core.alerts import SinkConfig
from footage.core.errors import DependencyError, UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import make_sink

SERVER = Path(__file__).parent / "standin_desktop.py"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is the desktop of Linux")


@pytest.fixture
def bus(monkeypatch) -> Iterator[None]:
    """A session bus of its own, on which nobody shows notifications."""
    program = shutil.which("dbus-daemon")
    if program is None:
        pytest.skip("needs the command dbus-daemon")
    command = [program, "--session", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as daemon:
        try:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", daemon.stdout.readline().strip())
            yield
        finally:
            daemon.terminate()


@pytest.fixture
def desktop(bus, tmp_path) -> Iterator[Path]:
    """The file in which a notification server writes what it shows."""
    shown = tmp_path / "shown.jsonl"
    with subprocess.Popen([sys.executable, SERVER, shown], env={**os.environ}) as server:
        try:
            wait_until(shown.exists)
            yield shown
        finally:
            server.terminate()


def test_a_notification_is_shown_as_text_without_markup(desktop):
    make_sink(SinkConfig("desktop")).send(notification(moment(text="<b>a van</b> & more")))
    [title, text] = json.loads(desktop.read_text())
    assert title == "Vans: gate, 2026-05-01 18:00:12"
    assert "&lt;b&gt;a van&lt;/b&gt; &amp; more" in text


def test_of_many_moments_three_are_shown(desktop):
    make_sink(SinkConfig("desktop")).send(notification(*map(moment, range(5))))
    [title, text] = json.loads(desktop.read_text())
    assert title == "Vans: 5 moments"
    assert len(text.splitlines()) == 4 and text.endswith("and 2 more")


def test_a_bus_without_a_desktop_is_a_failure_and_not_a_delivery(bus):
    with pytest.raises(SinkError, match="desktop cannot be reached") as found:
        make_sink(SinkConfig("desktop")).send(notification())
    assert not found.value.permanent


def test_a_missing_library_names_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "desktop_notifier", None)
    with pytest.raises(DependencyError) as found:
        make_sink(SinkConfig("desktop"))
    assert "pip install 'footage[desktop]'" in found.value.hint


def test_a_desktop_has_no_target_and_no_options():
    for config in (SinkConfig("desktop", "x"), SinkConfig("desktop", options=(("sound", "yes"),))):
        with pytest.raises(UsageError):
            make_sink(config)
