"""The wheel is whole: it is built, installed into an empty environment, and used in an empty folder.

Run by ``make wheel``; not a part of ``make test``. The libraries that the wheel needs are those of this
environment, seen through a path file: what is tested is what the wheel itself contains.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("footage", "indexer", "search", "service", "evaluation", "ui")
BUNDLED = ("demo-model", "demo-find-model", "demo-image-model", "footage", "narrated")
MOST_BYTES = 40_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel):
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The ``footage`` command of an environment that holds the wheel alone."""
    place = tmp_path_factory.mktemp("environment") / "venv"
    run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, place])
    python = place / "bin" / "python"
    run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--python", python, wheel])
    [packages] = place.glob("lib/python*/site-packages")
    # Path files inside of a folder that a path file names are not read: the checkout stays out of sight.
    (packages / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "footage"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder and an empty home, without anything that leads to the checkout."""
    for name in [name for name in os.environ if name.startswith(("FOOTAGE_", "PYTHONPATH", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "home").mkdir()
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def run(command, *, cwd=None):
    """Run a command to its end; what it wrote is shown where it fails."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_wheel_holds_every_file_of_the_packages(names):
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert file.relative_to(ROOT).as_posix() in names


def test_the_wheel_holds_the_demo_models_and_samples(names):
    for name in BUNDLED:
        for file in (ROOT / "data" / name).rglob("*"):
            assert f"footage/_data/{file.relative_to(ROOT / 'data').as_posix()}" in names


def test_the_wheel_holds_nothing_else(wheel, names):
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert wheel.stat().st_size < MOST_BYTES


def test_the_wheel_names_its_extras(wheel, names):
    [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as archive:
        fields = Parser().parsestr(archive.read(metadata).decode())
    assert {"desktop", "mqtt", "otel", "cuda"} <= set(fields.get_all("Provides-Extra"))


def test_the_command_runs_from_the_wheel_and_not_from_the_checkout(installed, elsewhere):
    python = installed.with_name("python")
    where = run(
        [python, "-c", "import footage, ui.web; print(footage.__file__, ui.web.__file__)"], cwd=elsewhere
    )
    assert str(ROOT) not in where
    assert run([installed, "--version"], cwd=elsewhere).startswith("footage ")


@pytest.mark.parametrize("command", ["serve", "ui", "mcp", "doctor"])
def test_a_command_says_what_it_takes(installed, elsewhere, command):
    assert f"Usage: footage {command} " in run([installed, command, "--help"], cwd=elsewhere)


@pytest.mark.timeout(900)
def test_the_demo_runs(installed, elsewhere):
    lines = run([installed, "demo", "--json", "--queries", "6"], cwd=elsewhere).splitlines()
    *_, last = map(json.loads, lines)
    assert last["type"] == "demo"
    assert last["videos"] == 8
    assert last["queries"] == 6
    assert last["video_R@1"] >= 0.5
    assert not list(elsewhere.iterdir())  # its indexes are in the cache
