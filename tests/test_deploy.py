"""Files for containers, systemd and launchd: linted, parsed, and with commands that footage takes."""

from __future__ import annotations

import fnmatch
import json
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from configparser import RawConfigParser
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from footage.core.config import Settings
from footage.vlm.profiles import PROFILES
from footage.vlm.vllm_command import serving
from service.installation_checks import AGENTS, UNITS
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
SYSTEMD, LAUNCHD = ROOT / "deploy" / "systemd", ROOT / "deploy" / "launchd"
OWN_SERVICES = ("service", "app", "watcher")
MOST_EXPOSED = 2.0
"""Limit of the exposure that systemd-analyze computes for a unit, of 10."""


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def takes(arguments):
    """Parse a command line of footage; an error ends the test."""
    command, name = get_command(app), "footage"
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context(name, list(arguments))


def test_the_dockerfile_passes_the_linter():
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run(
        [hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_images_run_without_root_and_say_whether_they_are_well():
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    by_name = {stage.partition("\n")[0].rpartition(" ")[2]: stage for stage in stages}
    assert list(by_name)[-1] == "cpu"  # the default target
    assert re.findall(r"^USER (\S+)", by_name["runtime"], re.M) == ["10001:10001"]
    assert re.findall(r"^USER (\S+)", by_name["cuda"], re.M)[-1] == "10001:10001"
    assert "HEALTHCHECK" in by_name["runtime"] and "/health" in by_name["runtime"]
    assert "VOLUME" in by_name["runtime"]
    [command] = re.findall(r"^CMD (\[.*\])", text, re.M)
    takes(json.loads(command))
    for name in re.findall(r"\bFOOTAGE_(\w+)=", text):
        assert name.lower() in Settings.model_fields, name


def test_the_builder_is_sent_all_that_the_wheel_is_made_of_and_no_more():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert kept == {*wheel["only-include"], "pyproject.toml", "requirements.lock", "README.md", "LICENSE"}
    assert "*" in lines
    assert not any(fnmatch.fnmatch(name, pattern) for name in (".git", "tests") for pattern in kept)


def test_the_services_of_compose_have_no_rights_that_they_do_not_need(compose):
    for name in OWN_SERVICES:
        service = compose["services"][name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert not {"privileged", "user", "network_mode", "pid"} & service.keys()
        assert any(volume.endswith(":/media/videos:ro") for volume in service["volumes"])
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
        for variable in service["environment"]:
            assert (
                variable == "HF_TOKEN" or variable.removeprefix("FOOTAGE_").lower() in Settings.model_fields
            )


@pytest.mark.parametrize("name", OWN_SERVICES)
def test_a_command_of_compose_is_one_that_footage_takes(compose, name, tmp_path):
    takes(
        [str(tmp_path) if word == "/media/videos" else word for word in compose["services"][name]["command"]]
    )


def test_the_model_server_is_started_as_footage_says(compose):
    """But for where it listens, and the template, which is at another place in its container."""
    (_, _, weights), options = serving(PROFILES["marlin-2b"], port=8000)
    [given, *words] = compose["services"]["vllm"]["command"]
    assert compose["services"]["vllm"]["profiles"] == ["vllm"]
    assert given == weights
    elsewhere = {"--host": "0.0.0.0", "--chat-template": "/templates/qwen35_chat.jinja"}
    assert dict(word.split("=", 1) for word in words) == {**dict(options), **elsewhere}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_one_that_systemd_takes(name, tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze")
    unit = tmp_path / name
    unit.write_text((SYSTEMD / name).read_text().replace("/opt/footage/bin/footage", shutil.which("true")))
    verified = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and name not in verified.stderr, verified.stderr
    report = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert float(re.search(r"Overall exposure level for \S+: ([\d.]+)", report.stdout)[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_a_command_that_footage_takes(name, tmp_path):
    unit = RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read_string((SYSTEMD / name).read_text())
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program == "/opt/footage/bin/footage"
    takes([str(tmp_path) if word == "${VIDEOS}" else word for word in arguments])
    for variable in re.findall(r"^Environment=FOOTAGE_(\w+)=", (SYSTEMD / name).read_text(), re.M):
        assert variable.lower() in Settings.model_fields


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_a_property_list_that_runs_a_command_of_footage(name, tmp_path):
    agent = plistlib.loads((LAUNCHD / f"{name}.plist").read_bytes())
    assert agent["Label"] == name and agent["Umask"] == 0o77
    program, *arguments = agent["ProgramArguments"]
    assert program == "/Users/NAME/.local/bin/footage"
    takes([str(tmp_path) if word.startswith("/Users/NAME") else word for word in arguments])


def test_the_lock_of_the_images_names_the_version_of_python():
    """The lock is for all versions from the one that the project needs on."""
    python = re.search(r"^ARG PYTHON=(\d+)\.(\d+)", (ROOT / "Dockerfile").read_text(), re.M)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert tuple(map(int, python.groups())) >= tuple(map(int, needed.removeprefix(">=").split(".")))
    assert sys.version_info >= tuple(map(int, needed.removeprefix(">=").split(".")))
