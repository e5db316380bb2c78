"""Imports LanceDB without what it brings along and an index on disk never uses; knows nothing of tables.

Half of its import is the generated client of a catalogue server, and pandas, for which pyarrow only asks in
order to recognise its objects. Both stay as usable as ever: they are imported when something of them is used.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_DEFERRED = "lance_namespace_urllib3_client"
"""A package that is executed when a name is first looked up in it; its submodules are as always."""
_HIDDEN = "pandas"
"""A package that this program does not use."""

_lock = threading.RLock()


def import_lancedb() -> Any:
    """The module ``lancedb``, imported if it is not yet."""
    with _lock:
        if "lancedb" not in sys.modules:
            sys.meta_path.insert(0, finder := _LeanFinder())
            try:
                import lancedb
            finally:
                sys.meta_path.remove(finder)
            if finder.has_hidden:
                sys.meta_path.insert(0, _PandasFinder())
        import lancedb

        return lancedb


class _LeanFinder(MetaPathFinder):
    """Defers one package, and hides another from the imports of this thread."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.has_hidden = False
        """Whether anybody asked for the hidden package."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if threading.get_ident() != self._thread:
            return None
        if name == _HIDDEN:
            self.has_hidden = True
            raise ModuleNotFoundError(f"{name} is not imported along with lancedb", name=name)
        if name == _DEFERRED:
            return _changed(self, name, path, target, _DeferringLoader)
        return None


class _PandasFinder(MetaPathFinder):
    """Lets pyarrow know of pandas once something else imports it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return _changed(self, name, path, target, _PandasLoader) if name == _HIDDEN else None


def _changed(
    finder: MetaPathFinder,
    name: str,
    path: Sequence[str] | None,
    target: ModuleType | None,
    change: type[_ChangedLoader],
) -> ModuleSpec | None:
    """What the other finders say of a module, with another loader around its own."""
    for other in [each for each in sys.meta_path if each is not finder]:
        spec = other.find_spec(name, path, target)
        if spec is not None:
            if spec.loader is not None:
                spec.loader = change(spec.loader)
            return spec
    return None


class _ChangedLoader(Loader):
    """A loader around another one."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:  # resources, source, …
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)


class _DeferringLoader(_ChangedLoader):
    """Executes a module when a name is first looked up in it."""

    def exec_module(self, module: ModuleType) -> None:
        def load(name: str) -> Any:
            with _lock:
                if module.__dict__.pop("__getattr__", None) is not None:
                    self._loader.exec_module(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = load


class _PandasLoader(_ChangedLoader):
    """Executes pandas, then has pyarrow look for it again."""

    def exec_module(self, module: ModuleType) -> None:
        import pyarrow

        self._loader.exec_module(module)
        pyarrow.table({}).to_pandas()
