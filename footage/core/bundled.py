"""Finds what comes with the project: demo models and sample clips; does not know what is in them.

In a checkout they are in ``data``, in an installed wheel in ``footage/_data``.
"""

from __future__ import annotations

from pathlib import Path

from footage.core.errors import FileError

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "_data"
_CHECKOUT = _PACKAGE.parent


def bundled_folder(name: str) -> Path:
    """The folder of a name, such as "demo-model"; that it is there is not checked."""
    return (_INSTALLED if _INSTALLED.is_dir() else _CHECKOUT / "data") / name


def checkout() -> Path | None:
    """The folder of the checkout that this package is in; None for an installed wheel."""
    return None if _INSTALLED.is_dir() or not (_CHECKOUT / "pyproject.toml").is_file() else _CHECKOUT


def checked_folder(name: str) -> Path:
    """As ``bundled_folder``, for what is used at once.

    Raises:
        FileError: it is not there.
    """
    folder = bundled_folder(name)
    if not folder.is_dir():
        raise FileError(
            f"This installation lacks {name}, which comes with footage.",
            hint="Install footage again from its wheel, or run the command in a complete checkout.",
        )
    return folder
