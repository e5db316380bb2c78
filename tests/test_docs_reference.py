"""The generated reference pages are what tools/reference.py writes; exit codes are those of the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from footage.core.config import Settings
from ui.cli import console

ROOT = Path(__file__).resolve().parents[1]
SPEC = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
reference = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(reference)


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_generated_page_is_up_to_date(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    assert page == reference.PAGES[name](), "write it again: python tools/reference.py"


def test_the_settings_page_lists_every_setting():
    rows = set(re.findall(r"\| `FOOTAGE_[A-Z0-9_]+`(?:, `[A-Z_]+`)? \| `(\w+)` \|", reference.settings()))
    assert rows == set(Settings.model_fields)


def test_the_exit_codes_are_those_of_the_console():
    names = vars(console).keys() - {"EXIT_CODES"}
    used = {getattr(console, name) for name in names if name.startswith("EXIT_")}
    assert used == set(console.EXIT_CODES)
    page = reference.exit_codes()
    assert all(f"| {code} | {meaning} |" in page for code, meaning in console.EXIT_CODES.items())
