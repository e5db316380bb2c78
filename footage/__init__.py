"""What the indexer and the search share: types, settings, video decoding, models and the database.

``open_model`` is the door for Python programs; importing this package loads nothing. It turns off the usage
statistics of the libraries below, in every process, before one of them is imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from footage.inference.models import open_model

__version__ = "0.1.0"
__all__ = ["open_model"]

os.environ.update(
    {
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime: events for Microsoft
        "HF_HUB_DISABLE_TELEMETRY": "1",  # Hugging Face's hub
        "RAY_USAGE_STATS_ENABLED": "0",
    }
)


def __getattr__(name: str) -> Any:
    if name != "open_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from footage.inference.models import open_model

    return open_model
