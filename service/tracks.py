"""Says which tracks an index run makes: those that were named, or all that can be made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, ModelUnavailableError, UsageError
from footage.core.tracks import CAPTION_TRACK, IMAGE_TRACK, TRACKS
from service.events import Listener, TrackLeftOut, ignore
from service.factories import has_gpu

if TYPE_CHECKING:
    from footage.core.config import Settings
    from footage.store import Store
    from indexer.tracks.protocol import TrackMaker
    from service.session import Service


@dataclass(frozen=True, slots=True)
class ChosenTracks:
    """The tracks of a run."""

    captions: bool
    """Whether captions are made."""
    makers: tuple[TrackMaker, ...]
    """The makers of the other tracks, in the order in which they read a file."""
    left_out: Mapping[str, str]
    """Why a track is not made that was not asked for by name, one sentence each."""


@dataclass(frozen=True, slots=True)
class ChosenImageEmbedder:
    """The image embedder of a run, wherever it is."""

    name: str
    """Its name."""
    why_not: str = ""
    """Why the run makes no vectors with it unasked, one sentence; empty where it does."""


def choose_image_embedder(
    settings: Settings, indexed: Callable[[], str | None]
) -> ChosenImageEmbedder | None:
    """Which image embedder a run would use, going by the settings and the index; None where none is wanted.

    Image vectors cost little beside a demo model, and much without a GPU beside any other: then they are made
    on request alone, or to keep an index whole that has some.

    Args:
        settings: Name tracks, image embedder and model.
        indexed: Gives the image embedder of the index; None where it has none.

    Raises:
        UsageError: the settings ask for image vectors and forbid them.
    """
    from footage.embed.image_embedder import DEMO, KNOWN
    from footage.vlm.profiles import find_profile

    named = settings.tracks is not None and IMAGE_TRACK in settings.tracks
    if settings.image_vectors is False:
        if named:
            raise UsageError(
                "the tracks include image, and image vectors are switched off",
                hint="Leave one of them out: --tracks image, or --no-image-vectors.",
            )
        return None
    if settings.tracks is not None and not named:
        return None
    if settings.image_embedder != "auto":
        return ChosenImageEmbedder(settings.image_embedder)
    if held := indexed():
        return ChosenImageEmbedder(held)
    profile = find_profile(settings.model)
    if profile is not None and profile.folder is not None:
        return ChosenImageEmbedder(DEMO)
    default = next(known.name for known in KNOWN if known.repository is not None)
    if named or settings.image_vectors or has_gpu(settings):
        return ChosenImageEmbedder(default)
    return ChosenImageEmbedder(
        default, f"Image vectors of {default} are made with a GPU, or on request (--image-vectors)"
    )


def choose_tracks(
    service: Service, on_event: Listener = ignore, *, store: Store | None = None
) -> ChosenTracks:
    """Find out which tracks can be made, without loading a model.

    A track that was asked for by name, and cannot be made, is an error; one that was not is left out, and
    reported as ``TrackLeftOut``.

    Args:
        service: Its settings name the tracks.
        on_event: Receives what is left out.
        store: The index that is worked on; an error says which model captioned it.

    Raises:
        FootageError: a track that was asked for cannot be made, or none can.
    """
    from indexer.tracks.factories import READING_ORDER

    named = service.settings.tracks
    wanted = TRACKS if named is None else named
    left_out: dict[str, str] = {}

    def leave_out(track: str, error: FootageError) -> None:
        if named is not None:
            raise error
        left_out[track] = str(error)
        on_event(TrackLeftOut(track, str(error)))

    captions = CAPTION_TRACK in wanted
    if captions:
        try:
            service.check_model("caption", store=store, on_event=on_event)
        except ModelUnavailableError as error:
            leave_out(CAPTION_TRACK, error)
            captions = False
    makers = []
    for track in READING_ORDER:
        if track in wanted:
            try:
                makers.append(service.track_maker(track))
            except UsageError:  # a setting that makes no sense is never passed over
                raise
            except FootageError as error:
                leave_out(track, error)
    image = choose_image_embedder(service.settings, service.indexed_image_embedder)
    if image is not None and not image.why_not:
        try:
            makers.append(service.image_maker(image.name))
        except FootageError as error:
            leave_out(IMAGE_TRACK, error)
    return ChosenTracks(captions, tuple(makers), left_out)
