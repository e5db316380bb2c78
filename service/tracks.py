"""Says which tracks an index run makes: those that were named, or all that can be made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from footage.core.errors import FootageError, ModelUnavailableError, UsageError
from footage.core.types import CAPTION_TRACK, TRACKS
from service.events import Listener, TrackLeftOut, ignore

if TYPE_CHECKING:
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
    return ChosenTracks(captions, tuple(makers), left_out)
