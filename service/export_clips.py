"""Exports what a search finds, or clips that were chosen, each of the very file that was indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from footage.core.errors import FileError, UsageError, VideoError
from footage.core.text_files import read_lines
from service import sources
from service.events import Listener, ignore, steps
from service.export import Clip, Exported, Format, Lettering, Options, Origins, clips_of, widened
from service.export import export as write_files
from service.export.results import read_results
from service.requests import Request
from service.search import SearchRequest, search

if TYPE_CHECKING:
    from footage.core.types import File
    from footage.store import Store
    from search.results import SearchResult
    from service.cancellation import CancelToken
    from service.session import Service

Believed = Literal["found", "uncertain", "all"]
"""Which verdicts are good enough: found; uncertain and not checked, too; or all."""


class ClipChoice(Request):
    """Which answers become clips, and how they are written; what exports and reels have in common."""

    verdicts: Believed = "found"
    """Which verdicts are good enough."""
    seconds_before: float = Field(default=0, ge=0, lt=3600)
    """Added before each clip, in seconds."""
    seconds_after: float = Field(default=0, ge=0, lt=3600)
    """Added after each clip, in seconds."""
    ground: bool = True
    """Ask the model when exactly; without, captions alone answer."""
    without_model: str = ""
    """As in ``service.search.SearchRequest``."""
    audio: Literal["all", "main"] | tuple[int, ...] | None = None
    """Numbers of audio tracks, from 1, or () for none; all of them (of a film the main one) when None."""
    title_from: Literal["file", "clock", "query"] | None = None
    """What is written onto each clip of a film; nothing when None."""
    burn_time: bool = False
    """Write the source's timecode onto each clip of a film."""
    start_timecode: str = ""
    """Where edit lists begin, HH:MM:SS:FF."""
    drop_frame: bool = True
    """Timecode mode for 29.97 and 59.94 fps if the video does not specify one."""
    overwrite: bool = False
    """Replace existing files; otherwise, new files get a number."""

    def options(self, service: Service, store: Store | None, name: str) -> Options:
        """How clips are written.

        Raises:
            UsageError: the options make no sense together.
        """
        return Options(
            name=name,
            audio=self.audio,
            lettering=Lettering(self.title_from, source_time=self.burn_time),
            start_timecode=self.start_timecode,
            drop_frame=self.drop_frame,
            overwrite=self.overwrite,
            timeout_seconds=service.settings.decode_timeout_seconds,
            protected=frozenset(file.path for file in store.files.all()) if store else (),
        )

    def chosen(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips whose verdict is good enough."""
        good = {"found"} if self.verdicts == "found" else {"found", "uncertain", "not checked"}
        return [clip for clip in clips if self.verdicts == "all" or clip.verdict in good]

    def with_handles(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips, as much longer as was asked for."""
        return [widened(clip, self.seconds_before, self.seconds_after) for clip in clips]


class ExportRequest(ClipChoice):
    """A query, or results that were printed, and what to write."""

    query: str | None = None
    """What happens."""
    results: Path | None = None
    """Instead: a file of what `footage search --json` or `find --json` printed; "-" for standard input."""
    folder: Path
    """Where to write, absolute."""
    formats: tuple[Format, ...] = Field(default=("mp4",), min_length=1)
    """As what."""
    limit: int = Field(default=20, ge=1, le=100)
    """Most clips."""
    copy_streams: bool = False
    """Copy the streams without re-encoding; clips start at a keyframe."""
    join: bool = False
    """One MP4 of all clips."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What came of an export."""

    clips: tuple[Clip, ...]
    """All answers, best first, whatever their verdict."""
    exported: Exported | None
    """What was written; None where no answer was good enough."""
    searched: SearchResult | None = None
    """What the search answered; None where results were given."""

    @property
    def uncertain(self) -> int:
        """Answers that are uncertain or not checked."""
        return sum(clip.verdict in ("uncertain", "not checked") for clip in self.clips)


def export_clips(
    service: Service,
    request: ExportRequest,
    *,
    on_event: Listener = ignore,
    on_search: Callable[[SearchResult], None] = lambda result: None,
    cancel: CancelToken | None = None,
) -> ExportResult:
    """Write what a search finds into a folder, with a manifest beside it.

    Args:
        service: What to work with.
        request: What to write.
        on_event: Told how it goes.
        on_search: Called with what the search answers, before anything is written.
        cancel: Ends the work.

    Raises:
        FootageError: the query or the results make no sense, or something cannot be read or written.
        Cancelled: the token was cancelled; nothing is left half written.
    """
    # 1. What is wrong with the request is said before anything is loaded.
    if (request.query is None) == (request.results is None):
        raise UsageError(
            "An export needs either a query or --results FILE.",
            hint='For example: footage export "a dog runs"',
        )
    store = service.store() if request.query is not None else service.existing_store()
    how = replace(request.options(service, store, "clips"), copy=request.copy_streams, join=request.join)
    # 2. The answers that are good enough.
    searched = None
    if request.query is not None:
        clips, searched = found_clips(
            service,
            request.query,
            ground=request.ground,
            without_model=request.without_model,
            on_event=on_event,
            cancel=cancel,
        )
        on_search(searched)
    else:
        clips = _read(request.results or Path("-"), store)
    wanted = request.chosen(clips)[: request.limit]
    if not wanted:
        return ExportResult(tuple(clips), None, searched)
    # 3. The files.
    exported = write_clips(
        service,
        request.with_handles(wanted),
        request.folder,
        formats=request.formats,
        options=replace(how, name=_name(request.query, wanted)),
        on_event=on_event,
        cancel=cancel,
    )
    return ExportResult(tuple(clips), exported, searched)


def write_clips(
    service: Service,
    clips: Sequence[Clip],
    folder: Path,
    *,
    formats: Sequence[Format],
    options: Options,
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Exported:
    """Write clips that were chosen before; arguments as ``service.export.export``.

    Raises:
        FootageError: as ``unchanged_files``.
    """
    return unchanged_files(
        clips,
        service.existing_store(),
        lambda kept: write_files(
            kept,
            folder,
            formats=formats,
            options=options,
            on_progress=steps("exporting", on_event, cancel),
        ),
    )


def found_clips(
    service: Service,
    query: str,
    *,
    ground: bool = True,
    without_model: str = "",
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> tuple[list[Clip], SearchResult]:
    """What a search answers, as clips, best first, and the answer itself.

    Raises:
        FootageError: as ``service.search.search``.
    """
    asked = SearchRequest(query=query, ground=ground, without_model=without_model)
    result = search(service, asked, on_event=on_event, cancel=cancel)
    known = origins(service.store(), service)
    return clips_of(result.matches, query=query, origins=known), result


def origins(store: Store | None, service: Service | None = None) -> Origins:
    """What is known of where texts and spans come from; nothing where there is no index.

    Args:
        store: The index.
        service: What was searched with; None where nothing was.

    Raises:
        StoreError: the index cannot be read.
    """
    if store is None:
        return Origins({}, {}, None)
    recorded = {file.path: file.recorded_at for file in store.files.all()}
    return Origins(store.windows.provenance_by_index(), recorded, service.asked_under if service else None)


def unchanged_files(
    clips: Sequence[Clip], store: Store | None, write: Callable[[Sequence[Clip]], Exported]
) -> Exported:
    """Write clips, each of the very file that was indexed: a clip of another would be false evidence.

    Args:
        clips: What is to be written.
        store: The index; None where there is none, and only changes meanwhile are noticed.
        write: Writes some of the clips.

    Returns:
        What was written. Files that were replaced before are left out; those that changed meanwhile are
        failures, too.

    Raises:
        VideoError: None of the files is the one that was indexed.
        FootageError: As ``write``.
    """
    files = store.files.at_paths({clip.path for clip in clips}) if store else {}
    reasons: dict[str, str] = {}
    with ExitStack() as reading:
        for path in dict.fromkeys(clip.path for clip in clips):
            try:
                reading.enter_context(_noting(path, files.get(path), reasons))
            except VideoError as error:
                reasons[path] = str(error)
        kept = [clip for clip in clips if clip.path not in reasons]
        if not kept:
            raise VideoError(
                next(iter(reasons.values())), hint="Run `footage index` on it, and repeat the search."
            )
        exported = write(kept)
    return replace(exported, failures=(*exported.failures, *reasons.items()))


@contextmanager
def _noting(path: str, file: File | None, reasons: dict[str, str]) -> Iterator[None]:
    """As ``sources.unchanged``, but a file that changes meanwhile is noted and raises nothing."""
    unchanged = sources.unchanged(path, file)
    unchanged.__enter__()
    yield
    try:
        unchanged.__exit__(None, None, None)
    except VideoError as error:
        reasons[path] = f"{error}; its output file may be incomplete"


def _name(query: str | None, clips: Sequence[Clip]) -> str:
    """What files about all clips are called: by the query, where there is a single one."""
    queries = {query} if query else {clip.query for clip in clips}
    return next(iter(queries)) or "clips" if len(queries) == 1 else "clips"


def _read(file: Path, store: Store | None) -> list[Clip]:
    """The clips in what a search or find printed."""
    from indexer.library import content_id

    try:
        lines = read_lines(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FileError(f"{file} cannot be read: {reason}.", hint="Name a file of JSON Lines.") from error
    return read_results(lines, store, origins(store), identify=content_id)
