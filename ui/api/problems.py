"""Errors as RFC 9457 problem details, in the product's sentences; knows no route."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import Response

from footage.core.errors import (
    DependencyError,
    FileError,
    FootageError,
    ModelError,
    SchemaMismatchError,
    StoreBusyError,
    StoreError,
    StoreFullError,
    StoreMissingError,
    UsageError,
    VideoError,
    VideoNotFoundError,
)
from service.cancellation import Cancelled
from service.jobs.asking import JobMissingError
from ui.api.access import REQUEST_ID_KEY, caller_in, sees_paths
from ui.api.names import kebab
from ui.api.server_paths import without_paths

if TYPE_CHECKING:
    from starlette.types import Scope

    from ui.api.access import ApiAccess

MEDIA_TYPE = "application/problem+json"
LONGEST_DETAIL = 2000
"""Characters; a sentence may quote what the client sent."""
BUSY_SECONDS = 5.0
"""When to try again while another run writes to the index."""
STATUS_OF: tuple[tuple[type[FootageError], HTTPStatus], ...] = (
    (UsageError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (VideoNotFoundError, HTTPStatus.NOT_FOUND),
    (JobMissingError, HTTPStatus.NOT_FOUND),
    (StoreMissingError, HTTPStatus.NOT_FOUND),
    (StoreBusyError, HTTPStatus.CONFLICT),
    (SchemaMismatchError, HTTPStatus.CONFLICT),
    (StoreFullError, HTTPStatus.INSUFFICIENT_STORAGE),
    (VideoError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (FileError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ModelError, HTTPStatus.SERVICE_UNAVAILABLE),
    (DependencyError, HTTPStatus.SERVICE_UNAVAILABLE),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (Cancelled, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The status of each kind of error, the first that fits; 500 for all others."""
_SENTENCES = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method.",
    HTTPStatus.BAD_REQUEST: "The body of the request cannot be read as JSON.",
}
"""What the refusals of the framework mean here."""

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: str
    """Kind of the problem, such as "urn:footage:problem:store-missing"; stays the same."""
    title: str
    """Name of the status."""
    status: int
    """Status of the answer."""
    detail: str
    """What is wrong and why, one sentence."""
    hint: str
    """What to do next; may be empty."""
    instance: str
    """Path of the request."""
    request_id: str
    """Id of the request, as in the header X-Request-Id and in the log."""


class Refusal(HTTPException):
    """A request that is not answered because of who sends it, or how.

    Frameworks hand on an ``HTTPException`` that is raised while a body is read, and hide any other error.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.status, self.hint = status, hint

    @classmethod
    def unreadable(cls) -> Refusal:
        """A refusal of a body that is no JSON."""
        return cls(HTTPStatus.BAD_REQUEST, _SENTENCES[HTTPStatus.BAD_REQUEST])

    @classmethod
    def later(cls, status: HTTPStatus, detail: str, *, seconds: float) -> Refusal:
        """A refusal that holds for some seconds."""
        whole = max(1, math.ceil(seconds))
        headers = {"Retry-After": str(whole)}
        return cls(status, detail, hint=f"Try again in {whole} s.", headers=headers)


def refusal_of(error: Exception) -> Refusal:
    """Any error as a refusal; an unexpected one says nothing of its insides."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        of_framework = HTTPStatus(error.status_code)
        detail = _SENTENCES.get(of_framework, error.detail)
        return Refusal(of_framework, detail, headers=error.headers)
    if not isinstance(error, FootageError):
        return Refusal(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "Something unexpected went wrong.",
            hint="The log of the service says more; look for the request id.",
        )
    wait = getattr(error, "retry_after_seconds", None)  # that of an overload
    if wait is None and isinstance(error, StoreBusyError):
        wait = BUSY_SECONDS
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), None)
    if status is None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if wait else HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {"Retry-After": str(max(1, math.ceil(wait)))} if wait else {}
    return Refusal(status, str(error), hint=error.hint, headers=headers)


def problem_of(error: Exception, scope: Scope, access: ApiAccess) -> Problem:
    """An error as a problem, without paths of this machine where the caller may not see them."""
    refusal = refusal_of(error)
    if refusal.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request %s failed", scope.get(REQUEST_ID_KEY, ""), exc_info=error)
    detail, hint = refusal.detail[:LONGEST_DETAIL], refusal.hint[:LONGEST_DETAIL]
    if not sees_paths(caller_in(scope), access):
        detail, hint = without_paths(detail), without_paths(hint)
    kind = error if isinstance(error, FootageError) else None
    name = kebab(type(kind).__name__.removesuffix("Error")) if kind else kebab(refusal.status.name)
    return Problem(
        type=f"urn:footage:problem:{name}",
        title=refusal.status.phrase,
        status=refusal.status,
        detail=detail,
        hint=hint,
        instance=scope.get("path", ""),
        request_id=scope.get(REQUEST_ID_KEY, ""),
    )


def problem_response(error: Exception, scope: Scope, access: ApiAccess) -> Response:
    """An error as the answer to a request."""
    problem, refusal = problem_of(error, scope, access), refusal_of(error)
    return Response(
        as_json(problem.model_dump()),
        refusal.status,
        headers=dict(refusal.headers or {}),
        media_type=MEDIA_TYPE,
    )


def as_json(value: Any) -> bytes:
    """A value as JSON, in ASCII as the lines of commands are: a file name may hold bytes that are no text."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
