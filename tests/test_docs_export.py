"""docs/reference/export.md: the parser accepts its commands; its formats are the ones that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from service.export import FORMATS
from ui.cli.main import app

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "reference" / "export.md").read_text(encoding="utf-8")
COMMANDS = [
    part.strip() for line in re.findall(r"^    (footage .*)$", PAGE, re.MULTILINE) for part in line.split("|")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_are_understood(command):
    _, name, *arguments = shlex.split(command)
    parser = get_command(app).commands[name]
    context = parser.make_context(name, arguments)
    assert context.params


def test_the_options_that_the_page_names_exist():
    commands = get_command(app).commands
    known = {
        option
        for name in ("export", "reel", "verify", "search")
        for parameter in commands[name].get_params(typer.Context(commands[name]))
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE))
    assert len(named) > 12 and named <= known


def test_the_page_has_every_format():
    table = re.findall(r"^\| (`[^|]*) \|", PAGE, re.MULTILINE)
    named = [name for row in table for name in re.findall(r"`([^`]+)`", row) if name != "--format"]
    assert tuple(named) == FORMATS
