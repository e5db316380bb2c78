"""What every visitor of the app shares: the index, the embedder and the model, each loaded once."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import streamlit as st

from footage.core.config import Settings
from footage.core.types import Event, Span
from footage.store import Store
from service.session import Loaders, Service

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from footage.vlm.protocol import VideoModel

P = ParamSpec("P")
T = TypeVar("T")
LoadModel = Callable[[Settings], "VideoModel"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page works with."""

    settings: Settings
    """Where everything is."""
    load_model: LoadModel | None = None
    """Loads the model that the settings name; as usual when None."""

    @property
    def service(self) -> Service:
        """What the service functions work with, one for all visitors; another one after other settings."""
        return _service(self.settings.model_dump_json(), self.settings, self.load_model)

    @property
    def store(self) -> Store:
        """The index, opened when it is first asked for: a page can stand before.

        Raises:
            StoreError: when there is none, or it cannot be read.
        """
        return self.service.store()

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
def _embedder(name: str) -> TextEmbedder:
    from footage.embed.text_embedder import load_embedder

    embedder = load_embedder(name)
    _set_aside()
    return embedder


@_once
def _service(spelled: str, _settings: Settings, _load_model: LoadModel | None) -> Service:
    """The service for some settings, spelled out."""
    load_given = _load_model or Loaders().model

    def load_model(settings: Settings) -> VideoModel:
        model = load_given(settings)
        _set_aside()
        return model

    return Service(
        _settings, loaders=Loaders(model=load_model, embedder=lambda settings: _embedder(settings.embedder))
    )


def _set_aside() -> None:
    """Keep what is loaded for good out of every later search for garbage.

    Streamlit collects garbage after each run, before its last messages go out; looking through the 670,000
    objects of the libraries takes 0.3 s each time. At the end it all goes as ever, or libraries complain.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
