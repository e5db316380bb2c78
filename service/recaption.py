"""Captions windows anew that carry over the caption of another window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.objects.paths import located, media_path
from indexer.library import is_under, shown
from service.cancellation import CancelToken
from service.events import Listener, ignore
from service.index import IndexRequest, IndexResult, run_index
from service.requests import MediaPath, Request
from service.tracks import ChosenTracks

if TYPE_CHECKING:
    from footage.core.types import File
    from service.session import Service


class RecaptionRequest(Request):
    """Caption windows anew that carry over the caption of another window."""

    paths: tuple[MediaPath, ...] = ()
    """Only those of these files, and of files under these folders; all when there are none."""


@dataclass(frozen=True, slots=True)
class RecaptionResult:
    """What captioning reused windows anew came to."""

    windows: int
    """Windows that were reused and have a caption of their own now."""
    left: int
    """Windows that are reused still: of files that cannot be reached, or whose turn did not come."""
    out_of_reach: tuple[str, ...]
    """Files with such windows that are not there now; absolute paths."""
    run: IndexResult | None
    """The run that captioned them; None where there was nothing to do."""


def recaption(
    service: Service,
    request: RecaptionRequest,
    *,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> RecaptionResult:
    """Have the model caption windows that carry over a caption; each keeps the old one until then.

    It may be stopped and run again: windows that have a caption of their own by then are done.

    Raises:
        UsageError: a path is no file or folder of the index.
        FootageError: as ``index``.
    """
    store = service.store()
    reused = store.windows.reused()
    files = _files_under(store.files.all(), request.paths)
    wanted = {file.content_id for file in files} & reused.keys()
    concerned = [file for file in files if file.content_id in wanted]
    there = {file.content_id: media_path(file.path) for file in concerned if media_path(file.path).is_file()}
    before = sum(len(reused[content_id]) for content_id in wanted)
    result = None
    if there:
        tracks = ChosenTracks(captions=True, makers=(), left_out={})
        again = IndexRequest(paths=tuple(sorted(there.values())))
        token = cancel or CancelToken()
        result = run_index(
            service, again, tracks, again.selection(), again.clocks(), on_event, token, recaption_reused=True
        )
    left = sum(map(len, store.windows.reused(wanted).values())) if wanted else 0
    out_of_reach = tuple(sorted(file.path for file in concerned if file.content_id not in there))
    return RecaptionResult(before - left, left, out_of_reach, result)


def _files_under(files: Sequence[File], paths: Sequence[Path]) -> list[File]:
    """The files of an index under some paths; all where there are none.

    Raises:
        UsageError: there is none under one of them.
    """
    found: dict[str, File] = {} if paths else {file.path: file for file in files}
    for path in paths:
        here = located(path)
        under = {file.path: file for file in files if is_under(file.path, [here])}
        if not under:
            raise UsageError(
                f"{shown(here)} is not in the index", hint="Name files or folders that were indexed."
            )
        found |= under
    return [file for file in found.values() if file.content_id]
