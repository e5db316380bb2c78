"""Runs commands in this process, with the models that a test gives them."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner, Result

from service.session import Loaders


class CommandRunner(CliRunner):
    """As ``CliRunner``; ``loaders`` makes the models, those that the settings name when None."""

    loaders: Loaders | None = None

    def invoke(self, *arguments: Any, **options: Any) -> Result:
        """Run a command."""
        return super().invoke(*arguments, obj=self.loaders, **options)
