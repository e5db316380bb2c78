"""Puts a person's words or times in the place of a captioned event; words nothing for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import Field, InstanceOf, model_validator

from footage.core.corrections import Correction
from footage.core.errors import UsageError
from footage.core.timecode import format_time
from footage.core.types import Event, Span
from indexer.correcting import MOST_CHARACTERS as MOST_CHARACTERS
from service.events import Listener, ignore
from service.requests import Request

if TYPE_CHECKING:
    from footage.embed.protocol import TextEmbedder
    from indexer.correcting import KeptCorrection as KeptCorrection
    from service.session import Service

E = TypeVar("E", Event, Correction)
_ID_DIGITS = 8  # number of displayed digits of an event id; any unique prefix is accepted


class CorrectRequest(Request):
    """Which event, and what really happens."""

    moment: str
    """A moment of the event: VIDEO@TIME."""
    text: str | None = None
    """What happens there; as captioned when None."""
    start_seconds: float | None = None
    """When it starts, in video time; as captioned when None."""
    end_seconds: float | None = None
    """When it ends; as captioned when None."""
    remove: bool = False
    """The event does not happen: remove it instead."""
    undo: bool = False
    """Take the last version back instead."""
    event_id: str | None = None
    """The beginning of the event's id, where several happen at that moment."""
    author: str = ""
    """The person who corrects."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        changed = self.text or self.start_seconds is not None or self.end_seconds is not None
        if self.undo and self.remove:
            raise UsageError("--undo excludes --remove.", hint="To undo a removal: --undo alone.")
        for name, chosen in (("--undo", self.undo), ("--remove", self.remove)):
            if chosen and changed:
                raise UsageError(f"{name} excludes a new text or new times.")
        return self


def correct(service: Service, request: CorrectRequest, *, on_event: Listener = ignore) -> KeptCorrection:
    """Correct or remove an event, or take a correction back; searches know of it at once.

    Of several events at a moment, the shortest is used; if several are equally short, the error lists them.

    Raises:
        UsageError: there is no such event, or the times make no sense.
        FootageError: the index or an embedder cannot be used.
    """
    from footage.core.corrections import standing
    from indexer import correcting
    from search.retrieval.similar import at_moment, content_of, events_at, read_moment_in_video

    video, seconds = read_moment_in_video(request.moment)
    store = service.store()
    content_id = content_of(store, video)
    events = store.events.of(content_id)

    def loaded() -> list[TextEmbedder]:
        return service.embedders(on_event)

    if request.undo:
        corrected = events_at(standing(store.annotations.corrections.all([content_id])), seconds)
        if not corrected:
            event = at_moment(events, seconds, video=video)
            raise UsageError(f'"{event.text}" was never corrected')
        return correcting.undo(store, _chosen(corrected, request.event_id), embedders=loaded)
    at_moment(events, seconds, video=video)  # or it says which event is nearest
    event = _chosen(events_at(events, seconds), request.event_id)
    if request.remove:
        return correcting.remove(store, event, author=request.author, embedders=loaded)
    first = event.span.start_seconds if request.start_seconds is None else request.start_seconds
    past = event.span.end_seconds if request.end_seconds is None else request.end_seconds
    if first >= past:
        raise UsageError("the event would end before it starts", hint="Use a --from before --to.")
    return correcting.correct(
        store,
        event,
        text=request.text or event.text,
        span=Span(first, past),
        author=request.author,
        embedders=loaded,
    )


class CorrectEventRequest(Request):
    """An event of the index, and what really happens."""

    event: InstanceOf[Event]
    """The event as the index has it."""
    text: str
    """What happens there."""
    span: InstanceOf[Span]
    """When, in video time."""
    author: str = ""
    """The person who corrects."""


def correct_event(
    service: Service, request: CorrectEventRequest, *, on_event: Listener = ignore
) -> KeptCorrection:
    """Correct an event that is at hand; it is found by the new words at once.

    Raises:
        UsageError: nothing changes, the text is empty or too long, or the times lie outside of the video.
        FootageError: the index or an embedder cannot be used.
    """
    from indexer import correcting

    return correcting.correct(
        service.store(),
        request.event,
        text=request.text,
        span=request.span,
        author=request.author,
        embedders=lambda: service.embedders(on_event),
    )


class RemoveEventRequest(Request):
    """An event of the index that does not happen."""

    event: InstanceOf[Event]
    """The event as the index has it."""
    author: str = ""
    """The person who removes it."""


def remove_event(
    service: Service, request: RemoveEventRequest, *, on_event: Listener = ignore
) -> KeptCorrection:
    """Remove an event that is at hand: searches no longer find it. ``undo`` brings it back.

    Raises:
        FootageError: the index or an embedder cannot be used.
    """
    from indexer import correcting

    return correcting.remove(
        service.store(),
        request.event,
        author=request.author,
        embedders=lambda: service.embedders(on_event),
    )


class AddEventRequest(Request):
    """Something that happens and that no caption mentions."""

    content_id: str
    """The video."""
    text: str
    """What happens."""
    span: InstanceOf[Span]
    """When, in video time."""
    author: str = ""
    """The person who adds it."""


def add_event(service: Service, request: AddEventRequest, *, on_event: Listener = ignore) -> KeptCorrection:
    """Add an event that no caption mentions; it is found at once, and can be corrected and taken back.

    Raises:
        UsageError: the text is empty or too long, there is such an event already, the times lie outside of
            the video, or no caption was made there.
        FootageError: the index or an embedder cannot be used.
    """
    from indexer import correcting

    return correcting.add(
        service.store(),
        request.content_id,
        text=request.text,
        span=request.span,
        author=request.author,
        embedders=lambda: service.embedders(on_event),
    )


class UndoRequest(Request):
    """A version of a correction to be taken back."""

    id: str = Field(min_length=1)
    """Its id, or the beginning of it."""


def undo_version(service: Service, request: UndoRequest, *, on_event: Listener = ignore) -> KeptCorrection:
    """Take a version of a correction back, as ``undo``.

    Raises:
        UsageError: there is no such version, or several.
        FootageError: the index or an embedder cannot be used.
    """
    found = [
        each
        for each in service.store().annotations.corrections.all()
        if each.id.startswith(request.id) and not each.undone_at
    ]
    if len(found) != 1:
        what = f"{len(found)} corrections have" if found else "No correction that stands has"
        raise UsageError(f"{what} the id {request.id!r}.", hint="To list them: footage corrections")
    return undo(service, found[0], on_event=on_event)


def undo(service: Service, correction: Correction, *, on_event: Listener = ignore) -> KeptCorrection:
    """Take a version of a correction back: the one before it counts again, or the caption.

    Raises:
        FootageError: the index or an embedder cannot be used.
    """
    from indexer import correcting

    return correcting.undo(service.store(), correction, embedders=lambda: service.embedders(on_event))


def redo(service: Service, correction: Correction, *, on_event: Listener = ignore) -> KeptCorrection:
    """Let a version count again that was taken back.

    Raises:
        FootageError: the index or an embedder cannot be used.
    """
    from indexer import correcting

    return correcting.redo(service.store(), correction, embedders=lambda: service.embedders(on_event))


def _chosen(there: Sequence[E], wanted: str | None) -> E:
    """The event of an id, or the shortest.

    Args:
        there: The events, or corrections of events, at the moment; at least one.
        wanted: How the id begins, or None.

    Raises:
        UsageError: none of them has such an id, several have, or several are the shortest.
    """
    if wanted is None:
        shortest = min(each.span.duration_seconds for each in there)
        found = [each for each in there if each.span.duration_seconds == shortest]
    else:
        found = [each for each in there if wanted and _id_of(each).startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    listed = "; ".join(map(_listed, found or there))
    raise UsageError(
        f"{len(found)} events match" if found else f"no event at that time has the id {wanted!r}",
        hint=f"Choose one with --event ID. {listed}",
    )


def _id_of(each: Event | Correction) -> str:
    return each.event_id if isinstance(each, Correction) else each.id


def _listed(each: Event | Correction) -> str:
    times = f"{format_time(each.span.start_seconds)} - {format_time(each.span.end_seconds)}"
    text = each.original_text if isinstance(each, Correction) and each.removes else each.text
    return f'{_id_of(each)[:_ID_DIGITS]}: "{text}" ({times})'
