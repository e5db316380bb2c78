"""Captions as rows of JSON, out of the index and into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from footage.core.errors import FileError, UsageError
from footage.core.text_files import read_lines
from footage.core.tracks import TRACKS
from service.events import Listener, ignore
from service.requests import Request

if TYPE_CHECKING:
    from indexer.import_export import Imported
    from service.session import Service


class CaptionExportRequest(Request):
    """What to export."""

    tracks: tuple[str, ...] = ()
    """The tracks that are wanted; all of them when there are none."""

    @field_validator("tracks")
    @classmethod
    def _known(cls, tracks: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [track for track in tracks if track not in TRACKS]
        if unknown:
            raise UsageError(f"--track cannot be {unknown[0]!r}: use one of {', '.join(TRACKS)}")
        return tracks


class ImportRequest(Request):
    """Where the captions are."""

    file: Path
    """JSON Lines in the form of docs/reference/captions.md; "-" for standard input."""


def export_captions(service: Service, request: CaptionExportRequest) -> Iterator[dict[str, Any]]:
    """Everything that was captioned and read, a row at a time, in the form of docs/reference/captions.md.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    from indexer.import_export import export_captions as rows

    return rows(service.store(), tracks=request.tracks or TRACKS)


def import_captions(service: Service, request: ImportRequest, *, on_event: Listener = ignore) -> Imported:
    """Bring captions into the index; every line is checked before the first one is written.

    Raises:
        FileError: the file cannot be read.
        UsageError: a line is something else.
        FootageError: the index or the embedder cannot be used.
    """
    from indexer.import_export import import_captions as take_in

    embedder = service.embedder(on_event)
    try:
        lines = read_lines(request.file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FileError(
            f"{request.file} cannot be read: {reason}.", hint="Name a file of JSON Lines."
        ) from error
    return take_in(lines, store=service.created_store(), embedder=embedder)
