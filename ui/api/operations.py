"""Routes for the operations that all surfaces share: one POST each, and a GET for those that only read."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union

from fastapi import Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field, create_model
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from footage.core.errors import UsageError
from service.operations import OPERATIONS, Operation
from service.requests import Request
from ui.api.access import sees_paths
from ui.api.guard import caller_of, guarded_router
from ui.api.media import link_maker
from ui.api.names import camel
from ui.api.paging import MOST_RECORDS, USUAL_RECORDS, AnswerPart, paging_of
from ui.api.problems import as_json
from ui.api.running import ApiCall, in_thread, json_records
from ui.api.server_paths import redacted
from ui.api.streams import DOCUMENTATION, MEDIA_TYPE, event_stream

if TYPE_CHECKING:
    from fastapi import FastAPI

    from service.cancellation import CancelToken
    from ui.api.state import ApiState

ADDRESSES = {"saved searches": "/saved-searches", "recent searches": "/recent-searches"}
"""Paths of operations whose name is none; that of any other is its name with "/" for each space."""
BY_ID = {"video": ("/videos/{video}", "video")}
"""Operations that have a GET by the id of a thing, too: the path, and the field that the id stands for."""
OWN_ROUTES = frozenset({"jobs list", "jobs show", "jobs cancel", "jobs retry"})
"""Operations whose routes are in a module of their own: ``ui.api.jobs``."""
_SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})

logger = logging.getLogger(__name__)


class MomentLinks(BaseModel):
    """Addresses that go with one record; all but the first expire after an hour."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    record: int
    """Number of the record, from 0."""
    moment: str = ""
    """The moment in the app; absent where its address is not known."""
    clip: str = ""
    """A short clip of it."""
    poster: str = ""
    """A picture of it."""


class AnswerBody(BaseModel):
    """What every operation answers with."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    links: list[MomentLinks] = Field(default_factory=list)
    """Addresses that go with records about moments."""
    next_cursor: str | None = None
    """Leads to the next part of the answer: the parameter `cursor` of the same request; null at the end."""


class _MadeAnswer(AnswerBody):
    """What the answers of operations are made of: they have no source to look for docstrings in."""

    model_config = ConfigDict(use_attribute_docstrings=False)


@dataclass(frozen=True, slots=True)
class OperationRoutes:
    """The routes of one operation."""

    operation: Operation
    """The operation."""

    def add_to(self, app: FastAPI) -> None:
        """Add them to an application."""
        router = guarded_router(self.operation.role, tags=[self.operation.name.split()[0]])
        self._add(router, self.address, "POST", self._posting())
        if self.operation.role == "view" and self.operation.work == "read" and self._fits_a_query():
            self._add(router, self.address, "GET", self._getting())
            if self.operation.name in BY_ID:
                path, field = BY_ID[self.operation.name]
                self._add(router, path, "GET", self._getting(by=field))
        app.include_router(router)

    @property
    def address(self) -> str:
        """The path of its POST, below that of the version."""
        name = self.operation.name
        return ADDRESSES.get(name, "/" + name.replace(" ", "/"))

    def _add(self, router: Any, path: str, method: str, endpoint: Callable[..., Awaitable[Response]]) -> None:
        name = camel(self.operation.name) + ("ById" if "{" in path else "")
        content: dict[str, Any] = {}
        if method == "POST" and self.operation.work == "model":
            content[MEDIA_TYPE] = {"schema": {"type": "string"}}
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            response_model=self._answer_model(),
            operation_id=f"{method.lower()}{name}",
            summary=self.operation.summary,
            description=self._description(method),
            responses={200: {"description": "The records, in their order.", "content": content}},
        )

    def _description(self, method: str) -> str:
        parts = [f'{self.operation.summary} Needs the role "{self.operation.role}".']
        if method == "POST" and self.operation.work == "model":
            parts.append(f"With `Accept: {MEDIA_TYPE}` the answer is a stream. {DOCUMENTATION}")
        return "\n\n".join(parts)

    def _answer_model(self) -> type[BaseModel]:
        kinds = self.operation.records
        return create_model(
            f"{camel(self.operation.name)}Answer",
            __base__=_MadeAnswer,
            records=(list[Union[kinds]], Field(description="As the command prints with --json.")),  # type: ignore[valid-type] # noqa: UP007
        )

    def _posting(self) -> Callable[..., Awaitable[Response]]:
        """The endpoint that takes the request as its body."""
        model = self.operation.request
        optional = not any(field.is_required() for field in model.model_fields.values())
        body = _parameter("request", Annotated[model, Body()], *([model()] if optional else []))

        async def post(
            http: HttpRequest, request: Request, cursor: str | None = None, max_records: int = USUAL_RECORDS
        ) -> Response:
            return await answer(self.operation, request, http, cursor=cursor, max_records=max_records)

        paging = [
            _parameter(name, Annotated[each.kind, Query(**each.options)], each.default)
            for name, each in _paging_parameters(self.operation).items()
        ]
        return _signed(post, [_HTTP, body, *paging])

    def _getting(self, *, by: str = "") -> Callable[..., Awaitable[Response]]:
        """The endpoint that takes the fields of the request in its query; one of them in the path."""
        model, leading = self.operation.request, _paging_parameters(self.operation)
        fields: dict[str, Any] = {
            name: (field.annotation, field) for name, field in model.model_fields.items() if name != by
        }
        for name, each in leading.items():
            fields[name] = (each.kind, Field(default=each.default, **each.options))
        asked = create_model(f"{camel(self.operation.name)}Query", __base__=AskedInQuery, **fields)

        async def get(http: HttpRequest, query: BaseModel, **named: str) -> Response:
            given = query.model_dump(exclude_unset=True)
            paging = {name: given.pop(name) for name in leading if name in given}
            return await answer(self.operation, model(**given, **named), http, **paging)

        identifier = [_parameter(by, Annotated[str, Path(description="The id.")])] if by else []
        return _signed(get, [_HTTP, _parameter("query", Annotated[asked, Query()]), *identifier])

    def _fits_a_query(self) -> bool:
        """Whether every field of the request is a single value, or a list of such."""
        schema = self.operation.request.model_json_schema()
        return all(map(_is_simple, schema.get("properties", {}).values()))


@dataclass(frozen=True, slots=True)
class PagingParameter:
    """A parameter that leads through an answer."""

    kind: Any
    """Type of its values."""
    default: Any
    """Its value where the client gives none."""
    options: dict[str, Any]
    """Bounds and description."""


_PAGING = {
    "cursor": PagingParameter(
        str | None, None, {"description": "From `next_cursor` of an answer to the same request."}
    ),
    "max_records": PagingParameter(
        int, USUAL_RECORDS, {"ge": 1, "le": MOST_RECORDS, "description": "Most records of an answer."}
    ),
}


class AskedInQuery(BaseModel):
    """Parameters of a GET; the request that is made of them is checked for itself."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), arbitrary_types_allowed=True)


async def answer(
    operation: Operation,
    request: Request,
    http: HttpRequest,
    *,
    cursor: str | None = None,
    max_records: int = USUAL_RECORDS,
) -> Response:
    """Run an operation and answer with its records, as JSON or as a stream.

    Raises:
        FootageError: as the operation; or the cursor belongs to another request.
    """
    check_texts(request)
    paging = paging_of(operation)
    placed = paging.placed(request, cursor) if paging else request
    call = ApiCall(operation, placed, http)
    show_paths = sees_paths(caller_of(http), call.state.access)
    if operation.work == "model" and _wants_stream(http):
        return event_stream(_hits_first(call), show_paths=show_paths)

    def work(cancel: CancelToken) -> bytes:
        records = call.run(cancel)
        part = paging.part(request, cursor, records, most=max_records) if paging else AnswerPart(records)
        lines = json_records(part.records)
        shown = lines if show_paths else redacted(lines)
        links = link_maker(http).beside(lines)
        return as_json({"records": shown, "links": links, "next_cursor": part.next_cursor})

    body = await in_thread(http, work, limiter=call.limiter)
    return Response(body, media_type="application/json")


def check_texts(request: Request) -> None:
    """Check that no text of a request holds what no file name and no query holds: NUL, or half a character.

    Raises:
        UsageError: one does.
    """
    for name, value in request.model_dump().items():
        for text in _texts(value):
            if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
                raise UsageError(f"{name}: the text holds a character that is not allowed.")


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add the routes of every operation that is not a job; jobs have routes of their own."""
    for operation in OPERATIONS.values():
        if operation.work != "job" and operation.name not in OWN_ROUTES:
            OperationRoutes(operation).add_to(app)


def _hits_first(call: ApiCall) -> ApiCall:
    """A call that reports the answers of the index before the model is loaded, where it can."""
    if "hits_first" not in type(call.request).model_fields:
        return call
    request = call.request.model_copy(update={"hits_first": True})
    return ApiCall(call.operation, request, call.http)


def _wants_stream(http: HttpRequest) -> bool:
    accepted = [part.partition(";")[0].strip().lower() for part in http.headers.get("accept", "").split(",")]
    return MEDIA_TYPE in accepted and "application/json" not in accepted


def _texts(value: Any) -> Iterable[str]:
    """Every text in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in (*value.keys(), *value.values()):
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
    elif hasattr(value, "__fspath__"):
        yield str(value)


def _paging_parameters(operation: Operation) -> dict[str, PagingParameter]:
    """The parameters that lead through an answer, by name."""
    paging = paging_of(operation)
    if paging is None:
        return {}
    return _PAGING if paging.sliced else {"cursor": _PAGING["cursor"]}


def _is_simple(schema: dict[str, Any]) -> bool:
    return _is_scalar(schema) or (schema.get("type") == "array" and _is_scalar(schema.get("items", {})))


def _is_scalar(schema: dict[str, Any]) -> bool:
    if "anyOf" in schema:
        return all(map(_is_scalar, schema["anyOf"]))
    return schema.get("type") in _SCALARS or "enum" in schema or "const" in schema


def _parameter(name: str, annotation: Any, *default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    given = default[0] if default else inspect.Parameter.empty
    return inspect.Parameter(name, kind, annotation=annotation, default=given)


_HTTP = _parameter("http", HttpRequest)


def _signed(
    endpoint: Callable[..., Awaitable[Response]], parameters: list[inspect.Parameter]
) -> Callable[..., Awaitable[Response]]:
    """An endpoint whose parameters the framework reads from a signature that is made here."""
    endpoint.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return endpoint
