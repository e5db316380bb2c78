"""The examples of docs/explanation/answers.md, asked again: the real demo model on the real sample clips."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_ui_commands import needs_demo_model
from typer.testing import CliRunner

from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
QUERY = re.compile(r'^\$ footage search "(.+)"$', re.MULTILINE)
ROW = re.compile(r"^\d+   data/footage/(\S+)\s+([\d:.]+)\s+([\d:.]+)\s+(found|not found)\b", re.MULTILINE)
DOCS = (ROOT / "docs" / "explanation" / "answers.md").read_text("utf-8")
EXAMPLES = {
    QUERY.search(block)[1]: ROW.findall(block) for block in re.findall(r"```\n(\$.*?)```", DOCS, re.DOTALL)
}


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    path = tmp_path_factory.mktemp("docs") / "index.lancedb"
    clips = [str(ROOT / "data" / "footage" / f"{name}.mp4") for name in CLIPS]
    result = CliRunner().invoke(app, ["index", *clips, "--model", "demo", "--db", str(path)])
    assert result.exit_code == 0, result.stderr
    return path


CLIPS = sorted({Path(row[0]).stem for rows in EXAMPLES.values() for row in rows})


def test_there_are_examples_of_every_kind():
    assert len(EXAMPLES) >= 5 and all(EXAMPLES.values())
    for word in (" THEN ", " AND ", " WITHOUT ", "not ", "path:"):
        assert any(word in query for query in EXAMPLES)


@needs_demo_model
@pytest.mark.parametrize("query", EXAMPLES)
def test_the_examples_answer_what_the_page_says(db, query):
    result = CliRunner().invoke(
        app, ["search", query, "--model", "demo", "--db", str(db), "--json", "--limit", "3"]
    )
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    matches = [row for row in rows if row["type"] == "match"]
    for row, (video, start, end, verdict) in zip(matches, EXAMPLES[query], strict=False):
        assert Path(row["video"]).name == video
        assert (row["verdict"], row["start_seconds"]) == (verdict, pytest.approx(_seconds(start), abs=0.5))
        assert row["end_seconds"] == pytest.approx(_seconds(end), abs=0.5)


def _seconds(clock):
    minutes, seconds = clock.split(":")
    return 60 * int(minutes) + float(seconds)
