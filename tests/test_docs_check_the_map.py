"""The commands of "Check the map", as a reader types them, with the bundled demo model on one sample clip."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from documented import PAGES, blocks, run
from test_ui_commands import bare_environment, needs_demo_model  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "how-to" / "check-the-map.md"


@needs_demo_model
@pytest.mark.usefixtures("bare_environment")
@pytest.mark.timeout(1200)
def test_the_planted_errors_are_found(tmp_path, monkeypatch):
    truth = re.search(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
    (tmp_path / "mine.json").write_text(truth, "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "footage").symlink_to(ROOT / "data" / "footage")
    monkeypatch.chdir(tmp_path)
    assert PAGE in PAGES
    own = [block for block in blocks(PAGE) if Path(__file__).name in block.reason]
    commands = [line for block in own for line, _ in block.steps()]
    assert len(commands) == 3
    variables = {"FOOTAGE_CACHE_DIR": str(tmp_path / "cache")}
    alone, judged, estimated = (run(line, variables) for line in commands)
    assert (alone.exit_code, judged.exit_code, estimated.exit_code) == (0, 0, 0), judged.output
    assert "33.3 %" in alone.stdout  # the span past the end, one entry of three
    assert "100.0 %" in judged.stdout and "A blue car drives from right to left." in judged.stdout
    assert "Estimated true share" in estimated.stdout
    assert "As suggested" in Path("audit.html").read_text("utf-8")
    car, other, person = json.loads(Path("proposed.json").read_text("utf-8"))["videos"]["beach_dusk.mp4"][
        "events"
    ]
    assert car["query"] == "A blue car drives from right to left."
    assert [abs(a - b) <= 0.5 for a, b in zip(other["spans"][0], (11.5, 13.5), strict=True)] == [True, True]
    assert person["spans"] == [[14.5, 20.0]]
    assert all(event["to_check"] and event["was"] for event in (car, other, person))
