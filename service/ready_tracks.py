"""Which tracks an index run can make on this machine, without fetching or loading anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import FootageError
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, RUN_TRACKS

if TYPE_CHECKING:
    from footage.core.config import Settings


@dataclass(frozen=True, slots=True)
class ReadyTrack:
    """One track, and whether a run would make it."""

    track: str
    """One of ``footage.core.tracks.RUN_TRACKS``."""
    why_not: str = ""
    """What is missing, and how to get it, as sentences; empty where nothing is."""

    @property
    def is_ready(self) -> bool:
        """Whether a run can make it here and now."""
        return not self.why_not


def ready_tracks(settings: Settings) -> tuple[ReadyTrack, ...]:
    """Every track, in the order in which they are shown.

    The recognisers of speech and of text come with the project and run on any machine; captions need the
    weights of their model here, or a server that runs it. Image vectors need those of their embedder, and
    most a GPU.
    """
    why_not = {CAPTION_TRACK: _without_model(settings), IMAGE_TRACK: _without_image_embedder(settings)}
    return tuple(ReadyTrack(track, why_not.get(track, "")) for track in RUN_TRACKS)


def _without_image_embedder(settings: Settings) -> str:
    """Why a run makes no image vectors; empty where it does."""
    from footage.embed.image_embedder import find_image_embedder
    from service.tracks import choose_image_embedder

    chosen = choose_image_embedder(settings.model_copy(update={"tracks": None}), lambda: None)
    if chosen is None:
        return "Image vectors are switched off in the settings (image_vectors)."
    try:
        find_image_embedder(chosen.name, offline=True)
    except FootageError as error:
        return _as_sentences(error)
    return f"{chosen.why_not}." if chosen.why_not else ""


def _without_model(settings: Settings) -> str:
    """Why no captions can be made; empty where they can, which is remembered."""
    from footage.core.endpoint import is_address

    if is_address(settings.model):
        return ""
    try:
        _found(settings.model, settings.model_path)
    except FootageError as error:
        return _as_sentences(error)
    return ""


def _as_sentences(error: FootageError) -> str:
    return f"{str(error)[:1].upper()}{str(error)[1:]}. {error.hint}".strip()


@lru_cache(maxsize=4)
def _found(model: str, model_path: Path | None) -> None:
    """Look for the weights on this machine; errors are not remembered, for they may be fetched meanwhile."""
    from footage.vlm.weights import locate

    locate(model, model_path=model_path, offline=True)
