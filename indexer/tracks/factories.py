"""Makes the makers of tracks from the settings; imports a recogniser only where its track is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from footage.core.sound_choice import sound_choice
from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from footage.core.config import Settings
    from footage.embed.protocol import ImageEmbedder
    from indexer.tracks.images import ImageMaker
    from indexer.tracks.protocol import TrackMaker

READING_ORDER = (SUBTITLE_TRACK, SPEECH_TRACK, SCREEN_TEXT_TRACK)
"""The order in which the tracks of a file are read: the cheapest first."""


def maker_of(track: str, settings: Settings) -> TrackMaker:
    """The maker of one track; models are loaded when the first window is read.

    Raises:
        UsageError: The settings name no model that there is.
        ModelUnavailableError: The model is not here and may not be fetched.
        WrongCheckpointError: The folder holds no such model.
        DependencyError: A package is missing.
    """
    patience = settings.decode_timeout_seconds
    if track == SPEECH_TRACK:
        from indexer.tracks.speech import SpeechMaker
        from indexer.tracks.speech_model import Recogniser, find

        model = find(settings.speech_model, device=settings.device)
        return SpeechMaker(
            Recogniser(model), audio=sound_choice(settings.speech_sound), timeout_seconds=patience
        )
    if track == SUBTITLE_TRACK:
        from indexer.tracks.subtitles import SubtitleMaker

        return SubtitleMaker(offset_seconds=settings.subtitle_offset_seconds, timeout_seconds=patience)
    if track == SCREEN_TEXT_TRACK:
        from indexer.tracks.screen_text import ScreenTextMaker

        return ScreenTextMaker(decode_timeout_seconds=patience)
    raise ValueError(f"no maker makes the track {track!r}, only {', '.join(READING_ORDER)}")


def image_maker(name: str, settings: Settings, load: Callable[[], ImageEmbedder]) -> ImageMaker:
    """The maker of image vectors; the embedder is loaded when the first window is read.

    Args:
        name: The image embedder.
        settings: How long a decoder may take.
        load: Loads the embedder.

    Raises:
        ModelUnavailableError: Neither this machine nor the hub has it.
        DependencyError: A package is missing.
    """
    from footage.embed.image_embedder import find_image_embedder, revision_of
    from indexer.tracks.images import ImageMaker

    find_image_embedder(name)
    return ImageMaker(
        name, load, revision=revision_of(name), decode_timeout_seconds=settings.decode_timeout_seconds
    )
