"""Where the socket of a service is, and which sockets are taken for it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.service_socket import LONGEST_PATH_BYTES, is_own_socket, runtime_folder, socket_path

pytestmark = pytest.mark.posix


@given(st.text("aé/", max_size=200))
def test_the_path_of_a_socket_is_never_too_long(folder: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", f"/{folder}")
        assert len(os.fsencode(socket_path(Path("/library/index.lancedb")))) <= LONGEST_PATH_BYTES


def test_a_short_runtime_folder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    assert runtime_folder() == Path("/run/user/1000/footage")


def test_each_index_has_its_own(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "index")
    assert socket_path(tmp_path / "index") == socket_path(link) != socket_path(tmp_path / "other")


def test_only_a_private_socket_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    folder = Path("run")
    folder.mkdir(mode=0o700)
    path = folder / "a.sock"
    assert not is_own_socket(path)
    path.write_text("")
    assert not is_own_socket(path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
    assert is_own_socket(path)
    folder.chmod(0o755)
    assert not is_own_socket(path)
