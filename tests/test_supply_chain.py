"""What is installed along: its licences are listed, its known faults are asked for, no weights run code."""

from __future__ import annotations

import ast
import importlib.util
import json
import platform
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    path
    for folder in ("footage", "indexer", "search", "service", "evaluation", "ui", "data", "tools", "tests")
    for path in (ROOT / folder).rglob("*.py")
]
UNSAFE = ("pickle.load", "pickle.loads", "joblib.load", "yaml.load", "dill.load", "marshal.loads")


def module_of(name: str) -> str:
    """The module of a dotted name."""
    return name.partition(".")[0]


def tool(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the page is that of Linux on x86-64"
)
def test_the_page_of_licences_is_up_to_date():
    assert tool("licences").page() == (ROOT / "docs" / "reference" / "licences.md").read_text("utf-8"), (
        "run: python tools/licences.py"
    )


def test_the_page_says_what_has_to_be_looked_at_before_it_is_passed_on():
    page = (ROOT / "docs" / "reference" / "licences.md").read_text("utf-8")
    rows = dict(line.split(" | ")[:2] for line in page.splitlines() if line.startswith("| "))
    assert rows["| x264"] == rows["| x265"] == "GPL-2.0-or-later"
    nvidia = [line for line in page.splitlines() if line.startswith("| nvidia-")]
    assert len(nvidia) > 10 and all("LicenseRef-NVIDIA-Proprietary" in line for line in nvidia)
    assert "unknown" not in page.lower()


def audited(*packages: dict) -> tuple[int, str]:
    return tool("vulnerabilities").report(json.dumps({"dependencies": list(packages), "fixes": []}))


def test_an_audit_that_could_ask_nobody_is_no_clean_one():
    clean = {"name": "a", "version": "1", "vulns": []}
    faulty = {"name": "b", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
    unknown = {"name": "c", "skip_reason": "not found"}
    assert audited(clean) == (0, "1 packages, no known vulnerability\n")
    assert audited(clean, faulty) == (1, "b 2: CVE-1, mended in 2.1\n")
    code, said = audited(clean, unknown)
    assert code == 3 and "not checked" in said and "1 of 2 packages" in said
    assert audited(faulty, unknown)[0] == 1
    assert audited()[0] == 3
    assert tool("vulnerabilities").report("")[0] == tool("vulnerabilities").report("[]")[0] == 3


@cache
def all_calls(path: Path) -> list[ast.Call]:
    """Every call in a file; none where the file has no word that the test looks for."""
    text = path.read_text("utf-8")
    if not any(
        word in text for word in ("torch.load", "trust_remote_code", *map(module_of, UNSAFE), "allow_")
    ):
        return []
    return [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]


def calls(path: Path, *names: str) -> list[ast.Call]:
    """Calls of attributes of some dotted names in a file."""
    last = {name.rpartition(".")[2] for name in names}
    named = [each for each in all_calls(path) if getattr(each.func, "attr", "") in last]
    return [each for each in named if ast.unparse(each.func) in names]


def test_no_file_of_weights_can_run_code():
    loads = [(path, call) for path in SOURCES for call in calls(path, "torch.load")]
    assert loads
    for path, call in loads:
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        assert given.get("weights_only") == "True", f"{path.name}:{call.lineno}"
    # A decoding child unpickles the jobs of the process that started it; what it answers is not unpickled.
    assert [path.name for path in SOURCES if calls(path, *UNSAFE)] == ["worker.py"]
    for path in SOURCES:
        for keyword in [each for call in all_calls(path) for each in call.keywords]:
            if keyword.arg in ("trust_remote_code", "allow_pickle"):
                assert ast.unparse(keyword.value) == "False", path.name
