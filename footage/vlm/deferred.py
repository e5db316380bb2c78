"""A model that is known before it is loaded; loads nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from footage.core.types import Provenance
from footage.vlm.profile import Profile
from footage.vlm.protocol import VideoModel


@dataclass(frozen=True, slots=True)
class DeferredModel:
    """What an index records of a model, and the way to load it: nothing is loaded where nothing is asked."""

    profile: Profile
    """As of the loaded model."""
    provenance: Provenance
    """As of the loaded model."""
    load: Callable[[], VideoModel]
    """Loads it.

    Raises:
        FootageError: it cannot be loaded.
    """
