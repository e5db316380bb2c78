"""What the indexer and the search share: types, settings, video decoding, models and the database.

``open_model`` is the door for Python programs; importing this package loads nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footage.inference.models import open_model

__version__ = "0.1.0"
__all__ = ["open_model"]


def __getattr__(name: str) -> Any:
    if name != "open_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from footage.inference.models import open_model

    return open_model
