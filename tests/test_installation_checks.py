"""What `footage doctor` says of a service, its files and its units."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import threading
from contextlib import contextmanager

import pytest
from waiting import wait_until

from footage.core.config import load_settings
from footage.core.extras import Extra
from footage.core.private_files import private_folder
from footage.core.service_socket import socket_path
from footage.store.state.database import FILE_NAME, MIGRATIONS, StateDatabase
from service.installation_checks import Machine, examine_installation


@pytest.fixture
def settings(tmp_path, monkeypatch, runtime):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return load_settings(db=tmp_path / "index", audit_log=tmp_path / "audit.jsonl")


def look(settings, **options):
    machine = options.pop("machine", Machine(platform="none"))
    return {found.name: found for found in examine_installation(settings, machine=machine, **options)}


@contextmanager
def service_answering(settings, status=b"HTTP/1.1 200 OK"):
    """A socket where the service's is, that answers every request with a status."""
    path = socket_path(settings.db)
    private_folder(path.parent)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer():
            while True:
                try:
                    stream, _ = listening.accept()
                except OSError:
                    return
                with stream:
                    stream.recv(4096)
                    stream.sendall(status + b"\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield path
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_what_was_never_set_up_is_no_problem(settings):
    found = look(settings)
    assert [each.state for each in found.values()] == ["ok"] * 4
    assert found["service"].detail == "none is running for this index"
    assert not settings.db.exists()


def test_a_service_that_answers_is_fine(settings):
    with service_answering(settings) as path:
        found = look(settings)["service"]
    assert found.state == "ok" and str(path) in found.detail


@pytest.mark.parametrize("status", [b"HTTP/1.1 503 Service Unavailable", b"no HTTP at all"])
def test_a_service_that_is_unwell_is_a_warning(settings, status):
    with service_answering(settings, status):
        found = look(settings)["service"]
    assert found.state == "warn" and found.hint


def test_a_socket_that_a_service_left_behind_is_a_warning(settings):
    with service_answering(settings):
        pass
    found = look(settings)["service"]
    assert found.state == "warn" and "footage serve" in found.hint


def test_a_socket_in_a_folder_that_others_may_enter_fails(settings):
    with service_answering(settings) as path:
        path.parent.chmod(0o755)
        found = look(settings)["service"]
    assert found.state == "fail"


def test_files_that_others_can_read_fail(settings):
    settings.db.mkdir()
    StateDatabase(settings.db)
    settings.audit_log.touch(mode=0o600)
    assert look(settings)["privacy"].state == "ok"
    settings.audit_log.chmod(0o640)
    found = look(settings)["privacy"]
    assert found.state == "fail"
    assert found.hint == f"Close them: chmod 600 {settings.audit_log}"
    subprocess.run(found.hint.partition(": ")[2].split(), check=True)
    assert look(settings)["privacy"].state == "ok"


def test_state_that_cannot_be_read_fails(settings):
    settings.db.mkdir()
    path = StateDatabase(settings.db).path
    assert look(settings)["state"].state == "ok"
    with sqlite3.connect(path) as rows:
        rows.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    rows.close()
    assert "newer" in look(settings)["state"].detail
    path.write_bytes(b"no database at all, and long enough to be taken for one" * 100)
    found = look(settings)["state"]
    assert found.state == "fail" and "backup" in found.hint
    assert path.name == FILE_NAME


def test_extras_are_listed(settings):
    extras = {
        "here": Extra("here", "json", "one thing"),
        "away": Extra("away", "no.such.module", "other things"),
    }
    found = look(settings, extras=extras)["extras"]
    assert found.detail == "installed: here; not installed: away (other things)"


@pytest.mark.parametrize("user", [False, True])
def test_units_of_systemd_are_looked_at_where_they_are_installed(settings, tmp_path, user):
    folder = tmp_path / ("user" if user else "system")
    folder.mkdir()
    (folder / "footage-serve.service").touch()
    (folder / "footage-watch.service").touch()
    asked = []

    def run(command):
        asked.append(list(command))
        return (0, "active") if command[-1] == "footage-serve.service" else (3, "failed")

    found = look(settings, machine=Machine(platform="linux", unit_folders=(folder,), run=run))
    assert found["footage-serve.service"].state == "ok"
    assert found["footage-watch.service"].detail == "it is installed and not running (failed)"
    assert found["footage-watch.service"].hint.endswith("--unit footage-watch.service")
    assert all(("--user" in command) == user for command in asked)


def test_agents_of_launchd_are_looked_at_where_they_are_installed(settings, tmp_path):
    (tmp_path / "footage.serve.plist").touch()

    def run(command):
        raise subprocess.TimeoutExpired(command, 5)

    found = look(settings, machine=Machine(platform="darwin", agent_folder=tmp_path, run=run))
    assert found["footage.serve"].state == "warn" and "bootstrap" in found["footage.serve"].hint
    assert "footage.watch" not in found


def test_the_service_is_asked_only_for_its_health(settings):
    received = []
    path = socket_path(settings.db)
    private_folder(path.parent)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(60)
        thread = threading.Thread(target=lambda: received.append(look(settings)["service"]))
        thread.start()
        stream, _ = listening.accept()
        with stream:
            request = stream.recv(4096)
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        thread.join()
    wait_until(lambda: received)
    assert request.startswith(b"GET /health HTTP/1.1\r\n") and received[0].state == "ok"
