"""Imports what draws the help without what draws Markdown and tracebacks; knows no command.

These take a third of the time of the main help and are not used in it. They are imported if they are used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_UNUSED = ("rich.markdown", "rich.traceback")
"""Modules of which ``typer.rich_utils`` imports classes."""


def import_help_drawing() -> None:
    """Import ``typer.rich_utils``."""
    if "typer.rich_utils" in sys.modules:
        return
    stand_ins = {name: _StandIn(name) for name in _UNUSED if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        import_module("typer.rich_utils")
    finally:
        for name in stand_ins:
            del sys.modules[name]


class _StandIn(ModuleType):
    """In the place of a module, while classes of it are imported by name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Later(name, (), {"module_name": self.__name__})


class _Later(type):
    """In the place of a class, whose module is imported when the class is used."""

    module_name: str

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return cls._real()(*args, **options)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls._real())

    def _real(cls) -> Any:
        return getattr(import_module(cls.module_name), cls.__name__)
