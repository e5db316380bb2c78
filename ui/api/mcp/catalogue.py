"""The tools: ten for the work of agents, and one for each remaining operation where that is wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from service.operations import OPERATIONS
from ui.api.mcp.tools import FramesRequest, McpOptions, McpTool, ToolRequest

if TYPE_CHECKING:
    from service.operations import Operation
    from service.requests import Request
    from service.session import Service

_VIDEO = Field(min_length=1, max_length=1000)
_LONGEST_TRANSCRIPT_SECONDS = 3600.0


class SearchMomentsRequest(FramesRequest):
    """Arguments of search_moments."""

    query: str = Field(min_length=1, max_length=2000)
    """The event in one English sentence, such as "a person opens the car door". Filters: camera:NAME,
    after:2026-03-01, before:…, in:NAME; "quoted words" must be said or written; -word excludes; A THEN B,
    A AND B, A WITHOUT B combine events."""
    limit: int = Field(default=5, ge=1, le=20)
    """Most answers of a page."""
    page: int = Field(default=1, ge=1, le=100)
    """Number of the page, from 1."""
    check_with_model: bool = True
    """Let the video model look at the candidates: gives verdicts and exact times, and takes seconds to
    minutes. Without it, only indexed texts are compared and the verdict is "not checked"."""
    budget_seconds: float | None = Field(default=60.0, gt=0, le=3600)
    """Time limit of the video model; null for none."""
    group: Literal["none", "video", "event", "scene"] = "none"
    """All answers, or the best one per video, per text or per scene."""


class FindInVideoRequest(FramesRequest):
    """Arguments of find_in_video."""

    video: str = _VIDEO
    """An indexed video: its content id, or the end of its path, such as its file name."""
    query: str = Field(min_length=1, max_length=2000)
    """What happens, in one English sentence, without filters and operators."""
    start_seconds: float | None = Field(default=None, ge=0)
    """Look from here on, in seconds of video time."""
    end_seconds: float | None = Field(default=None, ge=0)
    """Look no further than here."""
    limit: int = Field(default=5, ge=1, le=20)
    """Most answers."""


class AskAboutMomentRequest(FramesRequest):
    """Arguments of ask_about_moment."""

    video: str = _VIDEO
    """An indexed video: its content id, or the end of its path, such as its file name."""
    start_seconds: float = Field(ge=0)
    """Where the segment begins, in seconds of video time."""
    end_seconds: float = Field(gt=0)
    """Where it ends."""
    question: str = Field(min_length=1, max_length=2000)
    """The question about what is seen there."""


class GetVideoRequest(FramesRequest):
    """Arguments of get_video."""

    video: str = _VIDEO
    """An indexed video: its content id, or the end of its path, such as its file name."""


class GetTranscriptRequest(ToolRequest):
    """Arguments of get_transcript."""

    video: str = _VIDEO
    """An indexed video: its content id, or the end of its path, such as its file name."""
    tracks: tuple[Literal["speech", "screen-text", "subtitles"], ...] = ()
    """Only these tracks; all of them when empty."""
    start_seconds: float = Field(default=0.0, ge=0)
    """Only lines that overlap this time or later, in seconds of video time."""
    end_seconds: float | None = Field(default=None, ge=0)
    """Only lines that begin before this time; an hour after the start when null."""


class SimilarMomentsRequest(FramesRequest):
    """Arguments of similar_moments."""

    video: str = _VIDEO
    """An indexed video: its content id, or the end of its path, such as its file name."""
    seconds: float = Field(ge=0)
    """The moment, in seconds of video time."""
    limit: int = Field(default=5, ge=1, le=20)
    """Most answers."""


class NoArguments(ToolRequest):
    """A tool without arguments."""


class ExportClipsRequest(ToolRequest):
    """Arguments of export_clips."""

    query: str = Field(min_length=1, max_length=2000)
    """The event, as for search_moments."""
    folder: str = Field(default="clips", pattern=r"^[\w][\w .-]{0,99}$")
    """Name of the folder to write to, inside the export folder of the server; a name without slashes."""
    formats: tuple[Literal["mp4", "gif", "png", "csv", "edl", "otio", "fcpxml", "srt"], ...] = ("mp4",)
    """What to write."""
    limit: int = Field(default=5, ge=1, le=20)
    """Most clips."""
    verdicts: Literal["found", "uncertain", "all"] = "found"
    """Accepted verdicts: found; also uncertain and not checked; or all."""
    check_with_model: bool = True
    """Let the video model find the exact times."""


class GetJobRequest(ToolRequest):
    """Arguments of get_job."""

    job: str = Field(min_length=1, max_length=100)
    """Id of the job."""
    events: bool = False
    """Also list what happened to it."""


def _plain(**names: str) -> Callable[[Service, Any, McpOptions], dict[str, Any]]:
    """Fields of the operation's request: those of the arguments, some under another name."""

    def fields(_: Service, arguments: Any, __: McpOptions) -> dict[str, Any]:
        given = arguments.model_dump(exclude={"include_frames"})
        return {names.get(name, name): value for name, value in given.items()}

    return fields


def _find(service: Service, arguments: Any, _: McpOptions) -> dict[str, Any]:
    from service import browse
    from service.listing import content_id_of

    path = browse.path_of(service, content_id_of(service, arguments.video))
    return {**arguments.model_dump(exclude={"include_frames", "video"}), "video": path}


def _similar(service: Service, arguments: Any, _: McpOptions) -> dict[str, Any]:
    from service import browse
    from service.listing import content_id_of

    path = browse.path_of(service, content_id_of(service, arguments.video))
    moment = f"{path}@{arguments.seconds:.3f}"
    return {"moment": moment, "limit": arguments.limit, "page_size": arguments.limit}


def _transcript(service: Service, arguments: Any, options: McpOptions) -> dict[str, Any]:
    fields = _plain()(service, arguments, options)
    if fields["end_seconds"] is None:
        fields["end_seconds"] = fields["start_seconds"] + _LONGEST_TRANSCRIPT_SECONDS
    return fields


def _export(service: Service, arguments: Any, options: McpOptions) -> dict[str, Any]:
    fields = _plain(check_with_model="ground")(service, arguments, options)
    fields["folder"] = options.export_folder.expanduser().absolute() / arguments.folder
    return fields


_TOOLS: tuple[tuple[str, str, str, str, type[ToolRequest], Callable[..., dict[str, Any]]], ...] = (
    (
        "search_moments",
        "search",
        "Search for moments",
        "Search all indexed footage for an event and get the moments where it happens, each with verdict "
        "(found, uncertain, not found, not checked), confidence from 0 to 1, evidence and a link. The answer "
        "says what was searched and what was not; when nothing matches, it says so instead of returning the "
        "nearest moments as hits. With check_with_model, a call takes seconds to minutes.",
        SearchMomentsRequest,
        _plain(limit="page_size", check_with_model="ground"),
    ),
    (
        "find_in_video",
        "find",
        "Find in one video",
        "Show the video model all of one indexed video, or a part of it, and get when an event happens; "
        "independent of captions. Takes about as long as the video is analysed, up to minutes per hour of "
        "footage: limit start_seconds and end_seconds where possible.",
        FindInVideoRequest,
        _find,
    ),
    (
        "ask_about_moment",
        "ask moment",
        "Ask about a moment",
        "Ask the video model a free question about a segment of an indexed video, at most eight windows of "
        "the model (some minutes). The answer is the model's own words, without verdict or confidence.",
        AskAboutMomentRequest,
        _plain(),
    ),
    (
        "get_video",
        "video",
        "Get a video",
        "Get what the index holds of one video: length, files, cameras, captioned events, transcript and "
        "corrections, and how far each track is indexed. Long lists are cut; see records_left_out.",
        GetVideoRequest,
        _plain(),
    ),
    (
        "get_transcript",
        "transcript",
        "Get a transcript",
        "Get what is said and written in one video, line by line with times: recognised speech, subtitles, "
        "screen text. At most one hour per call; an empty answer may also mean that the track is not "
        "indexed (see get_video).",
        GetTranscriptRequest,
        _transcript,
    ),
    (
        "similar_moments",
        "similar",
        "Find similar moments",
        "Search all indexed footage for moments like one moment of an indexed video, by the vectors of its "
        "caption or picture. The model checks nothing: the verdict is “not checked”, and the score says how "
        "near an answer is.",
        SimilarMomentsRequest,
        _similar,
    ),
    (
        "get_coverage",
        "status",
        "Get the coverage",
        "Get what the index covers: videos, indexed and missing footage seconds by collection and track, "
        "failed files, models. Use it before concluding that something did not happen.",
        NoArguments,
        _plain(),
    ),
    (
        "list_saved_searches",
        "saved searches",
        "List saved searches",
        "List the saved searches of the index by name: query, filters, who saved them, and how many of "
        "their results are new, open, reviewed or flagged. Runs no search.",
        NoArguments,
        _plain(),
    ),
    (
        "export_clips",
        "export",
        "Export clips",
        "Search for an event and write the matching clips to a folder inside the server's export folder, "
        "with a manifest. Takes seconds to minutes; existing files are never replaced. Returns the "
        "written files.",
        ExportClipsRequest,
        _export,
    ),
    (
        "get_job",
        "jobs show",
        "Get a job",
        "Get state, progress and result of a job, such as an index run that continues in the background.",
        GetJobRequest,
        _plain(job="id"),
    ),
)
"""Name, operation, title, description, arguments, and how these become the operation's request."""
_OWN_RULES = frozenset({"find_in_video"})
"""Tools that only take indexed videos, and so need no more than the role "view"."""


def curated() -> dict[str, McpTool]:
    """The ten tools, as far as their operations are there, by name."""
    return {
        name: McpTool(
            name,
            title,
            description,
            OPERATIONS[operation],
            arguments,
            _requesting(OPERATIONS[operation], fields),
            role="view" if name in _OWN_RULES else OPERATIONS[operation].role,
        )
        for name, operation, title, description, arguments, fields in _TOOLS
        if operation in OPERATIONS
    }


def generated(operations: Iterable[Operation]) -> dict[str, McpTool]:
    """A tool for each operation, by name: "footage_db_check" for "db check"."""
    tools = {}
    for operation in operations:
        name = "footage_" + re.sub(r"\W+", "_", operation.name)
        words = {"read": "", "model": " May ask a model, for minutes.", "job": " May take hours."}
        tools[name] = McpTool(
            name,
            operation.name.capitalize(),
            f"{operation.summary} As the command `footage {operation.name} --json`.{words[operation.work]}",
            operation,
            operation.request,
            lambda service, arguments, options: arguments,
            role=operation.role,
            removes=operation.role == "admin",
        )
    return tools


def catalogue(options: McpOptions) -> dict[str, McpTool]:
    """Every tool that a server offers, for any role, by name."""
    tools = curated()
    if options.all_tools:
        used = {tool.operation.name for tool in tools.values()} - {"find"}
        rest = (operation for name, operation in OPERATIONS.items() if name not in used)
        tools |= generated(rest)
    return tools


def _requesting(
    operation: Operation, fields: Callable[..., dict[str, Any]]
) -> Callable[[Service, Any, McpOptions], Request]:
    def request(service: Service, arguments: Any, options: McpOptions) -> Request:
        return operation.request(**fields(service, arguments, options))

    return request
