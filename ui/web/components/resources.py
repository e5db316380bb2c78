"""What every visitor of the app shares: the index, the embedder and the model, each loaded once."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st
from streamlit.navigation.page import Page

from footage.core.config import Settings
from service.remote import RemoteService
from service.session import LoadEmbedder, Loaders, LoadModel, Service

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """What a page works with."""

    settings: Settings
    """Where everything is."""
    load_model: LoadModel | None = None
    """Loads the model that the settings name; as usual when None."""
    search_page: Page | None = None
    """Where searches are; None where the app has one page alone."""

    @property
    def service(self) -> Service:
        """What the service functions work with, one for all visitors; another one after other settings."""
        return _service(self.settings.model_dump_json(), self.settings, self.load_model)


def page_of_app(title: str) -> Page:
    """A page of the app's navigation, for a link from another one: it is named by its address."""
    return st.Page(lambda: None, title=title, url_path=title.lower())


def _once(make: Callable[P, T]) -> Callable[P, T]:
    """Make something once for all visitors; with other arguments it is replaced."""
    kept: Callable[P, T] = st.cache_resource(show_spinner=False, max_entries=1)(make)
    return kept


def _for_good(load: Callable[P, T]) -> Callable[P, T]:
    """Loads something that stays until the app ends."""

    @wraps(load)
    def loaded(*args: P.args, **kwargs: P.kwargs) -> T:
        made = load(*args, **kwargs)
        _set_aside()
        return made

    return loaded


_embedder: LoadEmbedder = st.cache_resource(
    show_spinner=False, max_entries=1, hash_funcs={Settings: lambda settings: settings.embedder}
)(_for_good(Loaders().embedder))
"""Loads an embedder once, whatever the other settings; another one takes its place."""


@_once
def _service(spelled: str, _settings: Settings, _load_model: LoadModel | None) -> Service:
    """The service for some settings, spelled out."""
    load_model = _for_good(_load_model or Loaders().model)
    service = Service(_settings, loaders=Loaders(model=load_model, embedder=_embedder))
    service.remote = RemoteService(_settings)
    return service


def _set_aside() -> None:
    """Exclude what stays loaded from garbage collection.

    Streamlit collects garbage after each run, before its last messages go out; looking through the 670,000
    objects of the libraries takes 0.3 s each time. At the end it all goes as ever, or libraries complain.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)
