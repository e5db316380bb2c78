"""Runs commands in this process, with the models that a test gives them; checks their lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from typer.testing import CliRunner, Result

from evaluation.schemas import COMMANDS
from service.session import Loaders

GROUPS = ("alerts", "captions", "db", "eval", "jobs", "models", "tokens")


class CommandRunner(CliRunner):
    """As ``CliRunner``; ``loaders`` makes the models, those that the settings name when None."""

    loaders: Loaders | None = None

    def invoke(self, app: Any, arguments: Sequence[str] = (), **options: Any) -> Result:
        """Run a command; with --json, each line on stdout must be one of those that its schema describes."""
        result = super().invoke(app, arguments, obj=self.loaders, **options)
        if "--json" in arguments and arguments[:2] != ["captions", "export"]:  # which has a format of its own
            command = command_of(arguments)
            for line in result.stdout.splitlines():
                assert described(command, json.loads(line)), f"{command}: {line}"
        return result


def command_of(arguments: Sequence[str]) -> str:
    """The command of a command line, with its group."""
    name = " ".join(arguments[:2]) if arguments[0] in GROUPS else arguments[0]
    return "models list" if name == "models --json" else name


def described(command: str, line: dict[str, Any]) -> bool:
    """Whether a line is one of those that a command may print, with nothing left over."""
    for record in COMMANDS[command]:
        try:
            if record.model_validate(line).fields() == line:
                return True
        except ValidationError:
            continue
    return False
