"""Loads the parts that commands put together, saying on stderr what takes its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui import console

if TYPE_CHECKING:
    from footage.config import Settings
    from footage.embedder import Embedder
    from footage.vlm.protocol import VideoModel


def load_model(settings: Settings) -> VideoModel:
    """The vision-language model that the settings name.

    Raises:
        FootageError: when there is no such model, or its weights cannot be had or run.
    """
    from footage import vlm

    with console.notes().status(f"loading {console.plain(settings.model)}"):
        return vlm.load_model(settings.model, device=settings.device, model_path=settings.model_path)


def load_embedder(settings: Settings) -> Embedder:
    """The text embedder that the settings name.

    Raises:
        FootageError: when it cannot be loaded.
    """
    from footage import embedder

    with console.notes().status(f"loading {console.plain(settings.embedder)}"):
        return embedder.load_embedder(settings.embedder)
