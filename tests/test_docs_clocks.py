"""The tables of docs/explanation/clocks.md are those of the code. Run as a script, this writes them."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from indexer.library import SYSTEM_FOLDERS
from indexer.name_patterns import PATTERNS, WITHOUT_TIME
from ui.cli.main import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "clocks.md"
SPELLED = {
    "%Y": "YYYY",
    "%y": "YY",
    "%m": "MM",
    "%d": "DD",
    "%H": "hh",
    "%I": "hh",
    "%M": "mm",
    "%S": "ss",
    "%p": "PM",
    "%s": "UNIXTIME",
}


def code(text):
    return f"`{text}`".replace("|", "\\|").replace("\u202f", " ")


def spelled(form):
    return code(re.sub("%.", lambda match: SPELLED[match[0]], form))


def names_table():
    rows = ["| Written by | Form | Example | Read as |", "|---|---|---|---|"]
    for pattern in PATTERNS:
        first = f"{pattern.writer} | {', '.join(map(spelled, pattern.forms))}"
        for name, time in dict((code(name), time) for name, time in pattern.examples).items():
            rows.append(f"| {first} | {name} | {time} |")
            first = " | "
    return "\n".join(rows)


def without_table():
    rows = ["| Name | Why |", "|---|---|"]
    return "\n".join([*rows, *(f"| {code(name)} | {why} |" for name, why in WITHOUT_TIME)])


def written(text):
    for name, table in (("names", names_table()), ("without", without_table())):
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return text


def test_the_tables_are_those_of_the_code():
    page = PAGE.read_text("utf-8")
    assert page == written(page), "write them anew: python tests/test_docs_clocks.py"


def test_the_options_on_the_page_exist():
    page = PAGE.read_text("utf-8")
    shown = CliRunner().invoke(app, ["index", "--help"], env={"COLUMNS": "200"}).stdout
    for option in set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", page)) - {"--files"}:
        assert option in shown


def test_the_folders_on_the_page_are_passed_over():
    section = PAGE.read_text("utf-8").partition("## Folders that are skipped")[2].partition("##")[0]
    assert {name.lower() for name in re.findall("`([^`]+)`", section)} - {"footage index"} <= SYSTEM_FOLDERS


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
