"""What every visitor of the app shares: the index, the embedder and the model, each loaded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import streamlit as st

from footage.config import Settings
from footage.store import Store
from footage.types import Event, Span
from ui import parts

if TYPE_CHECKING:
    from footage.embedder import Embedder
    from footage.vlm.protocol import VideoModel
    from search.engine import Engine
    from search.rerank import Reranker

P = ParamSpec("P")
T = TypeVar("T")
LoadModel = Callable[[Settings], "VideoModel"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page works with."""

    settings: Settings
    """Where everything is."""
    store: Store
    """The index."""
    load_model: LoadModel
    """Loads the model that the settings name."""

    def engine(self) -> Engine:
        """The search engine; embedder and re-ranker are loaded now, the model when it is first asked.

        Raises:
            FootageError: when the embedder or the re-ranker cannot be used.
        """
        from search.engine import Engine

        settings = self.settings
        return Engine(
            self.store,
            _embedder(settings.embedder),
            lambda: _model(
                settings.model, str(settings.model_path), settings.device, lambda: self.load_model(settings)
            ),
            looking=parts.looking(settings),
            reranker=_reranker(settings.rerank, settings.device) if settings.rerank else None,
        )

    def embedders(self) -> list[Embedder]:
        """The embedder that the index's timeline was made with, then the one that the settings name.

        Raises:
            FootageError: when one cannot be loaded.
        """
        named = self.settings.embedder
        return [_embedder(name) for name in dict.fromkeys([self.store.timeline_embedder() or named, named])]

    def outline(self, content_id: str) -> Outline:
        """What the index has of one video, for its strip.

        Raises:
            StoreError: when the index cannot be read.
        """
        covered = self.store.committed([content_id]).get(content_id, {})
        return Outline(tuple(covered.values()), self.store.events(content_id))


@dataclass(frozen=True, slots=True)
class Outline:
    """What the index has of one video."""

    covered: Sequence[Span]
    """Spans of its captioned windows."""
    events: Sequence[Event]
    """What happens in it, by time."""

    @property
    def busy(self) -> list[Span]:
        """Spans of its events."""
        return [event.span for event in self.events]


def load_model(settings: Settings) -> VideoModel:
    """Load the model that the settings name.

    Raises:
        FootageError: when it cannot be had.
    """
    from footage.vlm import load_model

    return load_model(settings.model, device=settings.device, model_path=settings.model_path)


def open_desk(settings: Settings, load_model: LoadModel) -> Desk:
    """Open the index that the settings name.

    Raises:
        StoreError: when there is none, or it cannot be read.
    """
    folder = Path(settings.db)
    number = folder.stat().st_ino if folder.is_dir() else 0  # an index made anew is another one
    return Desk(settings, _store(str(folder), number), load_model)


def _once(make: Callable[P, T]) -> Callable[P, T]:
    """Make a thing once for all visitors; another variant takes its place."""
    kept: Callable[P, T] = st.cache_resource(show_spinner=False, max_entries=1)(make)
    return kept


@_once
def _store(path: str, number: int) -> Store:
    return Store.open(path)


@_once
def _embedder(name: str) -> Embedder:
    from footage.embedder import load_embedder

    return load_embedder(name)


@_once
def _reranker(name: str, device: str) -> Reranker:
    from search.rerank import load_reranker

    return load_reranker(name, device=device)


@_once
def _model(name: str, model_path: str, device: str, _load: Callable[[], VideoModel]) -> VideoModel:
    return _load()
