"""What docs/how-to/models.md says of options, variables and keys is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from footage.core.config import CARD_VARIABLES
from footage.inference.responses import AskResponse, CaptionResponse, FindResponse, Response
from ui.cli.main import app

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "how-to" / "models.md").read_text(encoding="utf-8")


def options_of(command: str) -> set[str]:
    found = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]
    return {
        name for param in found.get_params(typer.Context(found)) for name in param.opts + param.secondary_opts
    }


def test_the_budgets_options_have_the_variables_that_it_lists() -> None:
    rows = re.findall(r"^\| `--([a-z-]+)` \| `(\w+)`, `(\w+)` \|", PAGE, re.MULTILINE)
    assert {option.replace("-", "_"): card for option, _, card in rows} == CARD_VARIABLES
    assert all(ours == f"FOOTAGE_{option.replace('-', '_').upper()}" for option, ours, _ in rows)
    for command in ("index", "search", "find", "models prompt"):
        assert {f"--{option}" for option, _, _ in rows} <= options_of(command)


def test_its_commands_have_the_options_that_it_shows() -> None:
    shown = re.findall(
        r"^    footage (index|models prompt|models download|models show|models) (.*)$", PAGE, re.MULTILINE
    )
    assert {command for command, _ in shown} == {
        *("index", "models", "models prompt", "models download", "models show")
    }
    for command, line in shown:
        assert set(re.findall(r"(?<= )--[a-z0-9-]+", f" {line}")) <= options_of(command)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (CaptionResponse, {"caption", "scene", "events"}),
        (FindResponse, {"raw", "span", "format_ok"}),
        (AskResponse, {"text"}),
    ],
)
def test_the_keys_of_the_answers_are_told(kind: type, keys: set[str]) -> None:
    known = set(kind.__annotations__)
    assert keys <= known
    assert all(f'["{key}"]' in PAGE for key in keys)
    assert all(f"`{key}`" in PAGE for key in (known - keys) | set(Response.__annotations__))
