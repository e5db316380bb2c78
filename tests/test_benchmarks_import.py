"""Every benchmark that `make bench` names can be started."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
[LISTED] = re.findall(r"^BENCHMARKS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTED.replace("\\", "").split())
def test_a_benchmark_can_be_started(name):
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").main)
