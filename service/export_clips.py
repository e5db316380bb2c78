"""Exports search results or selected clips, only from files that are identical to the indexed ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from footage.core.errors import FileError, UsageError, VideoError
from footage.core.text_files import read_lines
from footage.core.timecode import overlap_seconds
from service import sources
from service.burned_in import TimecodeFrom, with_burned_in_timecodes
from service.events import Listener, ignore, steps
from service.export import (
    FORMATS,
    Clip,
    Exported,
    Format,
    Lettering,
    MediaKind,
    Options,
    Origins,
    PackageOptions,
    Program,
    TitleKind,
    clips_of,
    widened,
)
from service.export import export as write_files
from service.export import write_package as write_package_files
from service.export.results import read_results
from service.requests import Request
from service.search import SearchRequest, search
from service.transcript import spoken

if TYPE_CHECKING:
    from footage.core.types import File, Match
    from footage.store import Store
    from search.results import SearchResult
    from service.cancellation import CancelToken
    from service.session import Service

Believed = Literal["found", "uncertain", "all"]
"""Accepted verdicts: only found; also uncertain and not checked; or all."""


class ClipChoice(Request):
    """Selection and form of clips, shared by exports and reels."""

    verdicts: Believed = "found"
    """Accepted verdicts."""
    seconds_before: float = Field(default=0, ge=0, lt=3600)
    """Added before each clip, in seconds."""
    seconds_after: float = Field(default=0, ge=0, lt=3600)
    """Added after each clip, in seconds."""
    ground: bool = True
    """Let the model find the exact times; otherwise, only captions are searched."""
    audio: Literal["all", "main"] | tuple[int, ...] | None = None
    """Numbers of audio tracks, from 1, or () for none; all of them (of a film the main one) when None."""
    title_from: TitleKind | None = None
    """Title on each clip of a film; no title when None."""
    burn_time: bool = False
    """Write the source's timecode onto each clip of a film."""
    burn_subtitles: bool = False
    """Write the spoken words onto each clip of a film, as far as the index has them."""
    start_timecode: str = ""
    """First timecode of edit lists, HH:MM:SS:FF."""
    timecode: TimecodeFrom = "container"
    """Where the timecode of the sources comes from: their containers, or the pictures."""
    drop_frame: bool = True
    """Timecode mode for 29.97 and 59.94 fps if the video does not specify one."""
    overwrite: bool = False
    """Replace existing files; otherwise, new files get a number."""
    zipped: bool = False
    """One zip of the files and their manifest, in place of them."""

    def options(self, service: Service, store: Store | None, name: str) -> Options:
        """How clips are written.

        Raises:
            UsageError: the options make no sense together.
        """
        return Options(
            name=name,
            audio=self.audio,
            lettering=Lettering(self.title_from, source_time=self.burn_time, subtitles=self.burn_subtitles),
            start_timecode=self.start_timecode,
            drop_frame=self.drop_frame,
            overwrite=self.overwrite,
            zipped=self.zipped,
            timeout_seconds=service.settings.decode_timeout_seconds,
            protected=protected(store),
        )

    def chosen(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips with an accepted verdict."""
        good = {"found"} if self.verdicts == "found" else {"found", "uncertain", "not checked"}
        return [clip for clip in clips if self.verdicts == "all" or clip.verdict in good]

    def with_handles(self, clips: Sequence[Clip]) -> list[Clip]:
        """The clips with the requested extra seconds."""
        return [widened(clip, self.seconds_before, self.seconds_after) for clip in clips]

    def with_timecodes(self, clips: Sequence[Clip], store: Store | None) -> list[Clip]:
        """The clips as their sources' timecode counts them.

        Raises:
            UsageError: a video has no burned-in timecode.
        """
        return with_burned_in_timecodes(clips, store) if self.timecode == "burned-in" else list(clips)


class ExportRequest(ClipChoice):
    """A query, or results of one, and the files to write."""

    query: str | None = None
    """What happens."""
    results: Path | None = None
    """A file instead of a query: the output of `footage search --json` or `find --json`; "-" for stdin."""
    answers: tuple[dict[str, Any], ...] = ()
    """The answers themselves, as search or find gave them, line by line; instead of a query or a file."""
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
    package: bool = False
    """A package for an editing program in place of the formats."""
    program: Program | None = None
    """The program that a package is for; every list when None."""
    media: MediaKind = "clips"
    """Whether a package has clips with handles, or its lists link to the original files."""

    @field_validator("formats")
    @classmethod
    def _each_once(cls, formats: tuple[Format, ...]) -> tuple[Format, ...]:
        """In the order in which they are written, whatever the order in which they were asked for."""
        return tuple(known for known in FORMATS if known in formats)

    def package_options(self) -> PackageOptions | None:
        """What is in the package; None where none is wanted."""
        if not self.package:
            return None
        return PackageOptions(
            program=self.program,
            media=self.media,
            seconds_before=self.seconds_before,
            seconds_after=self.seconds_after,
            formats=self.formats,
        )


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The result of an export."""

    clips: tuple[Clip, ...]
    """All answers with any verdict, best first."""
    exported: Exported | None
    """The written files; None without an accepted answer."""
    searched: SearchResult | None = None
    """The search result; None for an export from a results file."""

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
    without_model: str = "",
) -> ExportResult:
    """Write search results into a folder, with a manifest.

    Args:
        service: What to work with.
        request: What to write.
        on_event: Receives the progress.
        on_search: Called with what the search answers, before anything is written.
        cancel: Ends the work.
        without_model: As that of ``service.search.search``.

    Raises:
        FootageError: the query or the results make no sense, or something cannot be read or written.
        Cancelled: the token was cancelled; nothing is left half written.
    """
    # 1. Check the request before anything is loaded.
    if (request.query is not None) + (request.results is not None) + bool(request.answers) != 1:
        raise UsageError(
            "An export needs either a query or --results FILE.",
            hint='For example: footage export "a dog runs"',
        )
    if request.package and (request.join or request.copy_streams):
        raise UsageError(
            "A package has re-encoded clips, one of each: they are neither joined nor copied.",
            hint="Omit --join and --copy, or --package.",
        )
    store = service.store() if request.query is not None else service.existing_store()
    how = replace(
        request.options(service, store, "clips"),
        copy=request.copy_streams,
        join=request.join,
    )
    # 2. The answers with an accepted verdict.
    searched = None
    if request.query is not None:
        clips, searched = found_clips(
            service,
            request.query,
            ground=request.ground,
            without_model=without_model,
            on_event=on_event,
            cancel=cancel,
        )
        on_search(searched)
    else:
        clips = _given(request, store)
    wanted = request.chosen(clips)[: request.limit]
    if not wanted:
        return ExportResult(tuple(clips), None, searched)
    # 3. The files.
    exported = write_clips(
        service,
        request.with_timecodes(wanted if request.package else request.with_handles(wanted), store),
        request.folder,
        formats=request.formats,
        package=request.package_options(),
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
    formats: Sequence[Format] = ("mp4",),
    options: Options,
    package: PackageOptions | None = None,
    on_event: Listener = ignore,
    on_file: Callable[[str], None] | None = None,
    cancel: CancelToken | None = None,
) -> Exported:
    """Write selected clips; arguments as ``service.export.export``.

    With ``package``, a package for an editing program is written in place of the formats.

    Raises:
        FootageError: as ``unchanged_files``.
    """
    store = service.existing_store()
    careful = replace(options, protected={*options.protected, *protected(store)})
    if options.lettering.subtitles and store is not None:
        clips = with_words(service, clips)
    on_progress = steps("exporting", on_event, cancel)

    def write(kept: Sequence[Clip]) -> Exported:
        if package is not None:
            return write_package_files(
                kept, folder, package=package, options=careful, on_progress=on_progress, on_file=on_file
            )
        return write_files(
            kept, folder, formats=formats, options=careful, on_progress=on_progress, on_file=on_file
        )

    return unchanged_files(clips, store, write)


def with_words(service: Service, clips: Sequence[Clip]) -> list[Clip]:
    """Clips with what is said in them, as the index has it.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    said = {
        content_id: spoken(service, content_id) for content_id in {clip.video.content_id for clip in clips}
    }
    return [
        replace(
            clip,
            spoken=tuple(
                line for line in said[clip.video.content_id] if overlap_seconds(line.span, clip.span) > 0
            ),
        )
        for clip in clips
    ]


def found_clips(
    service: Service,
    query: str,
    *,
    ground: bool = True,
    without_model: str = "",
    on_event: Listener = ignore,
    cancel: CancelToken | None = None,
) -> tuple[list[Clip], SearchResult]:
    """The results of a search as clips, best first, and the search result itself.

    Raises:
        FootageError: as ``service.search.search``.
    """
    asked = SearchRequest(query=query, ground=ground)
    result = search(service, asked, on_event=on_event, cancel=cancel, without_model=without_model)
    return clips_from(service, result.matches, query=query), result


def clips_from(service: Service, matches: Sequence[Match], *, query: str) -> list[Clip]:
    """Answers of a search as clips, in their order.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    return clips_of(matches, query=query, origins=origins(service.store(), service))


def origins(store: Store | None, service: Service | None = None) -> Origins:
    """The provenance of texts and spans; empty without an index.

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


def protected(store: Store | None) -> frozenset[str]:
    """The indexed files, which no export may overwrite; none without an index.

    Raises:
        StoreError: the index cannot be read.
    """
    return frozenset(file.path for file in store.files.all()) if store else frozenset()


def unchanged_files(
    clips: Sequence[Clip], store: Store | None, write: Callable[[Sequence[Clip]], Exported]
) -> Exported:
    """Write clips, only from unchanged indexed files: a clip of another file would be false evidence.

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
    """As ``sources.unchanged``, but a file changed during the export is noted and raises nothing."""
    unchanged = sources.unchanged(path, file)
    unchanged.__enter__()
    yield
    try:
        unchanged.__exit__(None, None, None)
    except VideoError as error:
        reasons[path] = f"{error}; its output file may be incomplete"


def _name(query: str | None, clips: Sequence[Clip]) -> str:
    """Base name of files about all clips: from the query, if there is only one."""
    queries = {query} if query else {clip.query for clip in clips}
    return next(iter(queries)) or "clips" if len(queries) == 1 else "clips"


def _given(request: ExportRequest, store: Store | None) -> list[Clip]:
    """The clips in the output of a search or find."""
    from indexer.library import identity

    lines = [json.dumps(line) for line in request.answers] or _lines(request.results or Path("-"))
    return read_results(lines, store, origins(store), identify=identity)


def _lines(file: Path) -> list[str]:
    try:
        return list(read_lines(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FileError(f"{file} cannot be read: {reason}.", hint="Name a file of JSON Lines.") from error
