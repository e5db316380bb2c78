"""Alerts that start a program: what it gets, and what becomes of programs that fail or hang."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from alert_samples import HOSTILE, jpeg, moment, notification
from waiting import wait_until

from footage.core.alerts import SinkConfig
from footage.core.errors import UsageError
from service.alerts.model import SinkError
from service.alerts.sinks import make_sink

RECORD = """
import json, sys
out, *arguments = sys.argv[1:]
posters = [open(each, "rb").read().hex() for each in arguments if each.endswith(".jpg")]
json.dump([arguments, json.load(sys.stdin), posters], open(out, "w"))
"""


def sink(*arguments: str, **options: str):
    return make_sink(SinkConfig("command", arguments=arguments, options=tuple(options.items())))


def python(code: str, *arguments: str, **options: str):
    return sink(sys.executable, "-c", code, *arguments, **options)


def test_a_program_gets_json_and_values_as_arguments_of_their_own(tmp_path):
    out = tmp_path / "out.json"
    wanted = ("{alert}", "{camera}", "{start}", "{file}", "{poster}", "plain", "{nothing}", "a{b}")
    python(RECORD, str(out), *wanted).send(notification())
    arguments, sent, posters = json.loads(out.read_text())
    assert arguments[:4] == ["Vans", "gate", "12.5", "/srv/private/gate/gate_20260501.ts"]
    assert arguments[5:] == ["plain", "{nothing}", "a{b}"]
    assert posters == [jpeg().hex()]
    assert not Path(arguments[4]).exists()
    assert (sent["id"], sent["moments"][0]["text"]) == ("n1", "A white van stops at the gate.")
    assert sent["moments"][0]["poster_jpeg"] is None


def test_hostile_names_are_one_argument_and_no_option_and_start_no_shell(tmp_path):
    out = tmp_path / "out.json"
    evil = f"--output=/etc/passwd; touch {tmp_path / 'x'}"
    hostile = notification(moment(camera=HOSTILE, text=HOSTILE, path=f"-rf {HOSTILE}"), alert_name=evil)
    python(RECORD, str(out), "{alert}", "{camera}", "{file}").send(hostile)
    [alert, camera, file], sent, _ = json.loads(out.read_text())
    assert alert == f" {evil}"
    assert camera == "a van Bcc: eve@example.org <script>alert(1)</script> $(touch x) '; --"
    assert file == f" -rf {HOSTILE}".replace("\0", "")
    assert sent["moments"][0]["text"] == HOSTILE
    assert not (tmp_path / "x").exists()


def test_a_test_has_no_moment_and_empty_values(tmp_path):
    out = tmp_path / "out.json"
    test = notification(kind="test", moments=(), posters={}, links={})
    python(RECORD, str(out), "{camera}", "{start}", "{link}", "{poster}", "{count}").send(test)
    assert json.loads(out.read_text())[0] == ["", "", "", "", "0"]


def test_an_exit_code_is_a_failure_with_the_last_line_of_the_error_output():
    code = "import sys; sys.stderr.write('first\\nthe disk\\x1b[31m is full\\n'); sys.exit(3)"
    with pytest.raises(SinkError, match=r"failed with exit code 3: the disk .*is full") as found:
        python(code).send(notification())
    assert not found.value.permanent and "\x1b" not in str(found.value)


def test_much_output_is_no_trouble():
    with pytest.raises(SinkError) as found:
        python(
            "import sys\nfor _ in range(50000): sys.stderr.write('x' * 99 + '\\n'); print('y' * 99)\n1/0"
        ).send(notification())
    assert len(str(found.value)) < 300


def test_a_program_that_is_not_there_is_no_use_to_start_again():
    with pytest.raises(SinkError, match="cannot be started: No such file") as found:
        sink("/nowhere/at-all").send(notification())
    assert found.value.permanent


@pytest.mark.skipif(os.name != "posix", reason="process groups are of POSIX")
def test_a_program_that_hangs_is_stopped_with_what_it_started(tmp_path):
    pid = tmp_path / "pid"
    code = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pid)!r}, "w").write(str(child.pid))
time.sleep(600)
"""
    began = time.monotonic()
    with pytest.raises(SinkError, match="did not end within 2 s, and was stopped"):
        python(code, timeout_seconds="2").send(notification())
    assert time.monotonic() - began < 60
    wait_until(lambda: not is_running(int(pid.read_text())))


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    "arguments",
    [(), ("",), ("{alert}",), ("echo", "--camera={camera}"), ("echo", "a\0b"), ("echo", "x {poster}")],
)
def test_arguments_that_are_refused(arguments):
    with pytest.raises(UsageError):
        sink(*arguments)


@pytest.mark.parametrize("seconds", ["0", "-1", "601", "nan", "soon"])
def test_time_limits_that_are_refused(seconds):
    with pytest.raises(UsageError, match="timeout_seconds"):
        sink("true", timeout_seconds=seconds)


def test_the_name_holds_no_arguments():
    assert sink("/usr/bin/curl", "-H", "secret").name == "command curl"
