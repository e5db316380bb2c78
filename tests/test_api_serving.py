"""`footage serve` and `footage tokens`: one service for each index, its socket, its token, its end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from command_runner import CommandRunner
from served_api import made_service

from footage.core.config import load_settings
from footage.core.errors import FileError, FootageError, UsageError
from footage.core.service_socket import is_own_socket, socket_path
from service.session import Service
from service.tokens import (
    FRESH_SECONDS,
    SHORTEST_TOKEN,
    CreateTokenRequest,
    RevokeTokenRequest,
    TokenBook,
    create_token,
    list_tokens,
    own_token,
    revoke_token,
    token_file,
)
from ui.api.serving import only_service, unix_socket
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as given:
        return given.getsockname()[1]


@pytest.mark.timeout(600)
def test_the_command_serves_until_it_is_stopped_and_leaves_no_socket(tmp_path, runtime):
    db, port, file = tmp_path / "index.lancedb", free_port(), tmp_path / "token"
    command = [sys.executable, "-m", "ui.cli", "serve", "--db", str(db), "--port", str(port), "--json"]
    command += ["--token-file", str(file), "--model", "demo"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        record = json.loads(process.stdout.readline())
        assert record["addresses"] == [f"http://localhost:{port}"] and record["token_file"] == str(file)
        assert record["socket"] == str(socket_path(db)) and is_own_socket(socket_path(db))
        token = file.read_text().strip()
        assert len(token) >= SHORTEST_TOKEN and file.stat().st_mode & 0o777 == 0o600
        # One service for each index: a second one says so.
        second = CommandRunner().invoke(app, ["serve", "--db", str(db)])
        assert second.exit_code == 1 and "running already" in second.stderr
        transport = httpx2.HTTPTransport(uds=record["socket"], retries=3)
        with httpx2.Client(transport=transport, base_url="http://footage", timeout=120) as client:
            assert client.get("/health").json() == {"status": "up"}
            assert client.get("/ready").json()["missing"] == ["index"]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=record["addresses"][0], headers=headers, timeout=120) as client:
            [owner] = client.post("/api/v1/tokens/list").json()["records"]
            assert (owner["name"], owner["role"]) == ("owner", "admin")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not socket_path(db).exists()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_there_is_one_service_for_each_index(tmp_path):
    with (
        only_service(tmp_path / "a"),
        only_service(tmp_path / "b"),
        pytest.raises(FootageError, match="running already"),
        only_service(tmp_path / "a"),
    ):
        pass
    with only_service(tmp_path / "a"):
        pass


def test_a_socket_that_nobody_listens_on_is_replaced_and_one_that_is_in_use_is_not(tmp_path, runtime):
    path = socket_path(tmp_path)
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with unix_socket(tmp_path):
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(FileError, match="another program listens"), unix_socket(tmp_path):
            pass
        assert is_own_socket(path)
    assert not path.exists()


def test_no_file_is_taken_for_a_socket_and_no_open_folder_is_used(tmp_path, runtime):
    path = socket_path(tmp_path)
    path.parent.mkdir(mode=0o700)
    path.write_text("precious")
    with pytest.raises(FileError, match="something else"), unix_socket(tmp_path):
        pass
    assert path.read_text() == "precious"
    path.unlink()
    path.parent.chmod(0o755)
    with pytest.raises(FileError, match="0700"), unix_socket(tmp_path):
        pass
    assert not path.exists()


@pytest.mark.parametrize("given", [["--allow-host", "https://x.example"], ["--port", "0"], ["--rate", "0"]])
def test_options_that_make_no_sense_are_refused(tmp_path, given):
    assert CommandRunner().invoke(app, ["serve", "--db", str(tmp_path / "i"), *given]).exit_code == 2


class TestTokens:
    @pytest.fixture
    def service(self, tmp_path) -> Service:
        return made_service(tmp_path / "index.lancedb", token_file=tmp_path / "state" / "token")

    def test_the_first_start_makes_a_token_and_the_next_ones_read_it(self, service):
        file = token_file(service)
        token = own_token(service, file)
        assert own_token(service, file) == token and len(token) >= SHORTEST_TOKEN
        assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
        holder = TokenBook(service).holder(token)
        assert (holder.name, holder.role) == ("owner", "admin")
        file.unlink()
        other = own_token(service, file)
        assert other != token and TokenBook(service).holder(token) is None
        assert [row.name for row in list_tokens(service)] == ["owner"]

    def test_a_token_file_that_others_could_read_is_closed_to_them(self, service):
        token = own_token(service, token_file(service))
        token_file(service).chmod(0o644)
        assert own_token(service, token_file(service)) == token
        assert token_file(service).stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("text", ["", "short", "x" * 31, "a b" * 20, "é" * 40])
    def test_a_file_without_a_sound_token_is_refused(self, service, text):
        file = token_file(service)
        file.parent.mkdir()
        file.write_text(text)
        with pytest.raises(FileError, match="no token"):
            own_token(service, file)

    def test_each_index_has_a_token_file_of_its_own(self, tmp_path):
        files = {token_file(Service(load_settings(db=tmp_path / name))) for name in "ab"}
        assert len(files) == 2 and all(file.name.endswith(".token") for file in files)

    def test_the_owner_may_revoke_their_token_and_learns_so_at_the_next_start(self, service):
        own_token(service, token_file(service))
        revoke_token(service, RevokeTokenRequest(name="owner"))
        with pytest.raises(UsageError, match="was revoked"):
            own_token(service, token_file(service))

    def test_a_name_is_given_once_and_only_a_digest_is_kept(self, service):
        made = create_token(service, CreateTokenRequest(name="laptop", role="edit"))
        with pytest.raises(UsageError, match="already"):
            create_token(service, CreateTokenRequest(name="laptop"))
        assert made.row.digest != made.token and TokenBook(service).holder(made.row.digest) is None
        for name in ("", "a b", "../x", "x" * 65, "a\n"):
            with pytest.raises(UsageError):
                CreateTokenRequest(name=name)

    def test_a_book_looks_again_after_a_second_and_no_sooner(self, service):
        now = [0.0]
        book = TokenBook(service, clock=lambda: now[0])
        assert book.holder("x") is None
        made = create_token(service, CreateTokenRequest(name="new", role="view"))
        assert book.holder(made.token) is None
        now[0] += FRESH_SECONDS + 0.1
        assert book.holder(made.token).name == "new"
        revoke_token(service, RevokeTokenRequest(name="new"))
        now[0] += FRESH_SECONDS + 0.1
        assert book.holder(made.token) is None

    def test_the_commands_make_list_and_revoke(self, tmp_path):
        db = str(tmp_path / "index.lancedb")
        run = CommandRunner().invoke
        made = run(app, ["tokens", "create", "laptop", "--role", "edit", "--db", db, "--json"])
        assert len(json.loads(made.stdout)["token"]) >= SHORTEST_TOKEN, made.stderr
        shown = run(app, ["tokens", "create", "phone", "--db", db])
        assert len(shown.stdout.strip()) >= SHORTEST_TOKEN
        listed = run(app, ["tokens", "list", "--db", db, "--json"])
        assert [json.loads(line)["role"] for line in listed.stdout.splitlines()] == ["edit", "view"]
        assert "token" not in json.loads(listed.stdout.splitlines()[0])
        assert run(app, ["tokens", "revoke", "laptop", "--db", db]).exit_code == 0
        assert "laptop" in run(app, ["tokens", "list", "--db", db]).stdout
        wrong = run(app, ["tokens", "revoke", "none", "--db", db])
        assert wrong.exit_code == 2 and "no token" in wrong.stderr
