"""Routes for jobs: ask for one, list, show, follow, cancel and retry; the runner works beside them."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from anyio import to_thread
from fastapi import Body, Header, Path, Query
from pydantic import Field
from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse

from footage.core.errors import UsageError
from footage.core.jobs import JobState
from service.jobs import asking
from service.jobs.runner import JobRunner
from service.operations import OPERATIONS, Operation
from service.operations.jobs import (
    CANCEL_JOB,
    RETRY_JOB,
    SHOW_JOB,
    JobCancelRequest,
    JobListRequest,
    JobRetryRequest,
    JobShowRequest,
)
from service.requests import Request
from service.schemas.base import Record
from service.schemas.jobs import JobEventRecord, JobRecord
from ui.api.access import sees_paths
from ui.api.cursors import CursorCodec
from ui.api.guard import PREFIX, caller_of, guarded_router
from ui.api.names import camel
from ui.api.operations import AnswerBody, answer, check_texts
from ui.api.paging import MOST_RECORDS
from ui.api.problems import as_json
from ui.api.running import in_thread, json_records
from ui.api.server_paths import redacted
from ui.api.state import state_of
from ui.api.streams import MEDIA_TYPE, PING_SECONDS

if TYPE_CHECKING:
    from fastapi import FastAPI

    from footage.core.jobs import JobEvent, StoredJob
    from ui.api.state import ApiState

LOOK_SECONDS = 0.5
"""Time between two looks for new events of a job that is followed."""
FOLLOWING = (
    f"With `Accept: {MEDIA_TYPE}` the answer is a stream of server-sent events until the job has ended: "
    "`job event` for each event, with its number as the id, then `end` with the job. A client that lost the "
    "connection sends the last id as `Last-Event-ID` and misses nothing that is kept."
)


class JobsAnswer(AnswerBody):
    """Jobs."""

    records: list[JobRecord] = Field(description="As `footage jobs` prints with --json.")


class JobAnswer(AnswerBody):
    """A job with its result."""

    records: list[JobRecord | JobEventRecord] = Field(description="The job, then its events if asked for.")


class JobEventsAnswer(AnswerBody):
    """What happened to a job."""

    records: list[JobEventRecord] = Field(description="In their order; the last 500 are kept.")


JobId = Annotated[str, Path(min_length=1, max_length=100, description="Id of the job.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=asking.LONGEST_KEY,
        description="A text of your choice, such as a UUID: asking again with it makes no second job.",
    ),
]


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add the routes of every operation that is a job, and those of jobs themselves."""
    for operation in OPERATIONS.values():
        if operation.work == "job":
            _add_asking(app, operation)
    _add_reading(app)
    _add_changing(app)


@contextmanager
def background(state: ApiState) -> Iterator[None]:
    """Run the jobs of the index while the service runs."""
    runner = JobRunner(state.service)
    runner.start()
    try:
        yield
    finally:
        runner.stop()


# -- Asking ------------------------------------------------------------------------------------------------


def _add_asking(app: FastAPI, operation: Operation) -> None:
    """Add the route that asks for one operation as a job."""
    model = operation.request
    optional = not any(field.is_required() for field in model.model_fields.values())

    async def post(http: HttpRequest, request: Request, key: str | None = None) -> Response:
        return await _asked(http, operation, request, key)

    kind, empty = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty
    post.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("http", kind, annotation=HttpRequest),
            inspect.Parameter(
                "request", kind, annotation=Annotated[model, Body()], default=model() if optional else empty
            ),
            inspect.Parameter("key", kind, annotation=Key, default=None),
        ]
    )
    router = guarded_router(operation.role, tags=["jobs"])
    router.add_api_route(
        f"/jobs/{operation.name.replace(' ', '/')}",
        post,
        methods=["POST"],
        status_code=HTTPStatus.ACCEPTED,
        response_model=JobsAnswer,
        operation_id=f"postJobs{camel(operation.name)}",
        summary=operation.summary,
        description=f'{operation.summary} It runs as a job. Needs the role "{operation.role}".',
        responses={202: {"description": "The job; its address is in the header Location."}},
    )
    app.include_router(router)


async def _asked(http: HttpRequest, operation: Operation, request: Request, key: str | None) -> Response:
    check_texts(request)
    state, caller = state_of(http), caller_of(http)
    role = caller.role
    assert role is not None  # the router has checked it

    def work(_: object) -> StoredJob:
        with state.audit.entry(operation.name, who=caller.described(), facts={"by": "api"}) as entry:
            try:
                job, _is_new = asking.submit(
                    state.service, operation, request, client=caller.name, role=role, idempotency_key=key
                )
            except BaseException as error:
                entry.outcome, entry.reason = "failed", type(error).__name__
                raise
            return job

    job = await in_thread(http, work)
    return _answered(
        http,
        [JobRecord.of(job)],
        status=HTTPStatus.ACCEPTED,
        headers={"Location": f"{PREFIX}/jobs/{job.id}"},
    )


# -- Reading -----------------------------------------------------------------------------------------------


def _add_reading(app: FastAPI) -> None:
    router = guarded_router("view", tags=["jobs"])

    @router.get(
        "/jobs",
        response_model=JobsAnswer,
        operation_id="getJobs",
        summary="List the jobs, the newest first.",
    )
    async def list_jobs(
        http: HttpRequest,
        state: Annotated[list[JobState], Query(description="Only jobs in one of these states.")] = [],  # noqa: B006 - read alone
        limit: Annotated[int, Query(ge=1, le=MOST_RECORDS, description="Most jobs of this part.")] = 100,
        cursor: Annotated[str | None, Query(description="From `next_cursor` of the same request.")] = None,
    ) -> Response:
        request = JobListRequest(state=tuple(state), limit=limit)
        codec = CursorCodec.of("jobs list", request, but=frozenset({"limit"}))
        before = None if cursor is None else codec.decode(cursor)
        if isinstance(before, str):
            raise UsageError("The cursor is not one that this service gave.")
        service = state_of(http).service
        found = await in_thread(
            http, lambda _: asking.jobs(service, limit=limit + 1, before=before, states=request.state)
        )
        part = found[:limit]
        more = codec.encode(part[-1].position) if len(found) > limit else None
        return _answered(http, list(map(JobRecord.of, part)), next_cursor=more)

    @router.get(
        "/jobs/{id}",
        response_model=JobAnswer,
        operation_id="getJob",
        summary="Show a job and its result.",
    )
    async def show_job(
        http: HttpRequest,
        id: JobId,
        events: Annotated[bool, Query(description="Also what happened to it.")] = False,
    ) -> Response:
        return await answer(SHOW_JOB, JobShowRequest(id=id, events=events), http)

    @router.get(
        "/jobs/{id}/events",
        response_model=JobEventsAnswer,
        operation_id="getJobEvents",
        summary="What happened to a job, or follow it.",
        description=FOLLOWING,
        responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    )
    async def job_events(
        http: HttpRequest,
        id: JobId,
        after: Annotated[int, Query(ge=0, le=2**53, description="Only events after this number.")] = 0,
        last: Annotated[int, Header(alias="Last-Event-ID", ge=0, le=2**53)] = 0,
    ) -> Response:
        service = state_of(http).service
        first = max(after, last)
        events = await in_thread(http, lambda _: asking.job_events(service, id, after=first))
        if MEDIA_TYPE in http.headers.get("accept", ""):
            chunks = _followed(http, id, events, first)
            return StreamingResponse(chunks, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        return _answered(http, [JobEventRecord.of(id, event) for event in events])

    app.include_router(router)


async def _followed(
    http: HttpRequest, job_id: str, events: Sequence[JobEvent], after: int
) -> AsyncIterator[bytes]:
    """The events of a job as they come, until it has ended or the service does."""
    state = state_of(http)
    silent_seconds = 0.0

    def look() -> tuple[StoredJob, Sequence[JobEvent]]:
        job = asking.job(state.service, job_id)  # before its events: none of an ended job is missed
        return job, asking.job_events(state.service, job_id, after=after)

    for event in events:
        after = event.number
        yield _sent(http, "job event", JobEventRecord.of(job_id, event), number=after)
    while not state.running.stopping:
        job, new = await to_thread.run_sync(look, limiter=state.readers)
        for event in new:
            after = event.number
            yield _sent(http, "job event", JobEventRecord.of(job_id, event), number=after)
        if job.ended:
            yield _sent(http, "end", JobRecord.of(job))
            return
        silent_seconds = 0.0 if new else silent_seconds + LOOK_SECONDS
        if silent_seconds >= PING_SECONDS:
            silent_seconds = 0.0
            yield b": waiting\n\n"
        await anyio.sleep(LOOK_SECONDS)


def _sent(http: HttpRequest, name: str, record: Record, *, number: int | None = None) -> bytes:
    """A record as a server-sent event."""
    [line] = _shown(http, [record])
    identifier = b"" if number is None else b"id: %d\n" % number
    return identifier + b"event: %s\ndata: %s\n\n" % (name.encode("ascii"), as_json(line))


# -- Changing ----------------------------------------------------------------------------------------------


def _add_changing(app: FastAPI) -> None:
    router = guarded_router("edit", tags=["jobs"])

    @router.post(
        "/jobs/{id}/cancel",
        response_model=JobsAnswer,
        operation_id="postJobCancel",
        summary=CANCEL_JOB.summary,
    )
    async def cancel_job(http: HttpRequest, id: JobId) -> Response:
        return await answer(CANCEL_JOB, JobCancelRequest(id=id), http)

    @router.post(
        "/jobs/{id}/retry",
        response_model=JobsAnswer,
        operation_id="postJobRetry",
        summary=RETRY_JOB.summary,
    )
    async def retry_job(http: HttpRequest, id: JobId) -> Response:
        return await answer(RETRY_JOB, JobRetryRequest(id=id), http)

    app.include_router(router)


# -- Answers -----------------------------------------------------------------------------------------------


def _answered(
    http: HttpRequest,
    records: Sequence[Record],
    *,
    next_cursor: str | None = None,
    status: int = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> Response:
    body = as_json({"records": _shown(http, records), "next_cursor": next_cursor})
    return Response(body, status, headers=headers, media_type="application/json")


def _shown(http: HttpRequest, records: Sequence[Record]) -> list[Any]:
    """Records as lines, without the folders of this machine where the caller may not see them."""
    lines = json_records(records)
    show_paths = sees_paths(caller_of(http), state_of(http).access)
    return lines if show_paths else redacted(lines)
