"""The examples of the guide to the HTTP API run against a service, as a reader would run them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_api import ServedApi, made_index, made_service, served

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "http-api.md"
EXAMPLES = re.findall(
    r"<!-- run by tests/test_api_guide\.py -->\s+```(sh|python)\n(.*?)```",
    GUIDE.read_text("utf-8"),
    re.DOTALL,
)


@pytest.fixture(scope="module")
def api(tmp_path_factory) -> Iterator[ServedApi]:
    folder = tmp_path_factory.mktemp("api")
    with served(made_service(made_index(folder), audit_log=folder / "audit.jsonl")) as api:
        yield api


def test_the_guide_has_examples_of_both_kinds():
    assert {kind for kind, _ in EXAMPLES} == {"sh", "python"} and len(EXAMPLES) >= 5


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_an_example_runs_and_prints_an_answer(api, tmp_path, kind, text):
    if kind == "sh" and shutil.which("curl") is None:
        pytest.skip("needs curl")
    file = tmp_path / "token"
    file.write_text(api.tokens["edit"] + "\n")
    environment = {"SOCKET": str(api.socket), "TOKEN_FILE": str(file), "PATH": "/usr/bin:/bin"}
    text = text.replace("http://localhost:8502", api.address)
    program = [sys.executable, "-c"] if kind == "python" else ["sh", "-ec"]
    done = subprocess.run(
        [*program, text], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "gate.mp4" in done.stdout or '"videos"' in done.stdout or "content-gate" in done.stdout
    assert "urn:footage:problem" not in done.stdout
