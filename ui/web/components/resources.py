"""What every visitor of the app shares: the index, the embedder and the model, each loaded once."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import streamlit as st

from footage.core.config import Settings
from footage.core.types import Event, Span
from footage.store import Store
from service import factories

if TYPE_CHECKING:
    from footage.embed.text_embedder import Embedder
    from footage.vlm.protocol import VideoModel
    from search.engine import Engine

P = ParamSpec("P")
T = TypeVar("T")
LoadModel = Callable[[Settings], "VideoModel"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page works with."""

    settings: Settings
    """Where everything is."""
    load_model: LoadModel
    """Loads the model that the settings name."""

    @property
    def edition(self) -> int:
        """Tells an index made anew in the same place from the one before."""
        folder = Path(self.settings.db)
        return folder.stat().st_ino if folder.is_dir() else 0

    @property
    def store(self) -> Store:
        """The index, opened when it is first asked for: a page can stand before.

        Raises:
            StoreError: when there is none, or it cannot be read.
        """
        return _store(str(self.settings.db), self.edition)

    def engine(self) -> Engine:
        """The search engine, one for all visitors; its embedder is loaded now, its model when first asked.

        Raises:
            FootageError: when the embedder or the re-ranker cannot be used.
        """
        spelled = self.settings.model_dump_json()
        return _engine(spelled, self.edition, self.store, self.settings, self.load_model)

    def embedders(self) -> list[Embedder]:
        """The embedder that the index's timeline was made with, then the one that the settings name.

        Raises:
            FootageError: when one cannot be loaded.
        """
        named = self.settings.embedder
        return [_embedder(name) for name in dict.fromkeys([self.store.embedders.timeline() or named, named])]

    def outline(self, content_id: str) -> Outline:
        """What the index has of one video, for its strip; errors as ``outlines``."""
        return self.outlines([content_id])[content_id]

    def outlines(self, content_ids: Collection[str]) -> dict[str, Outline]:
        """What the index has of some videos, by content id.

        Raises:
            StoreError: when the index cannot be read.
        """
        covered, events = self.store.windows.spans(content_ids), self.store.events.by_video(content_ids)
        return {
            content_id: Outline(tuple(covered.get(content_id, {}).values()), events[content_id])
            for content_id in content_ids
        }


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


def _once(make: Callable[P, T]) -> Callable[P, T]:
    """Make a thing once for all visitors; another variant takes its place."""
    kept: Callable[P, T] = st.cache_resource(show_spinner=False, max_entries=1)(make)
    return kept


@_once
def _store(path: str, number: int) -> Store:
    return Store.open(path)


@_once
def _embedder(name: str) -> Embedder:
    from footage.embed.text_embedder import load_embedder

    return load_embedder(name)


@_once
def _engine(spelled: str, edition: int, _store: Store, _settings: Settings, _load_model: LoadModel) -> Engine:
    """The engine for some settings, spelled out, and an index."""
    from search.engine import Engine
    from search.retrieval.rerank import load_reranker

    def loaded_model() -> VideoModel:
        model = _load_model(_settings)
        _set_aside()
        return model

    engine = Engine(
        _store,
        _embedder(_settings.embedder),
        loaded_model,
        looking=factories.looking(_settings),
        reranker=load_reranker(_settings.rerank, device=_settings.device) if _settings.rerank else None,
    )
    _set_aside()
    return engine


def _set_aside() -> None:
    """Keep what is loaded for good out of every later search for garbage.

    Streamlit collects garbage after each run, before its last messages go out; looking through the 670,000
    objects of the libraries takes 0.3 s each time. At the end it all goes as ever, or libraries complain.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
