"""Serves the files of exports to the visitor who made them, from disk and in pieces.

It stands behind the gate. An address names an export by an id that cannot be guessed, and a file by its
number: nothing of an address is ever taken for a path. Addresses come from ``export_address``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, Router

from footage.core.errors import FootageError
from ui.web.access.visitor import HEADER, Visitor, current_access
from ui.web.export_jobs import JOBS, owner_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ui.web.export_jobs import ExportJob

EXPORTS = "/exports"
"""Beginning of the addresses."""
_OWN = {"Cache-Control": "private, no-store"}
logger = logging.getLogger(__name__)


def export_address(job: ExportJob, number: int | None = None) -> str:
    """Where the browser gets a file of an export by its place in ``job.files``; all as one zip when None."""
    return f"{EXPORTS}/{job.id}/{'all.zip' if number is None else number}"


class ExportRoutes:
    """ASGI application: answers for exports itself, and hands on every other request."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of ``app``."""
        self._app = app
        self._router = Router(
            [
                Route(f"{EXPORTS}/{{job_id}}/all.zip", self._all),
                Route(f"{EXPORTS}/{{job_id}}/{{number:int}}", self._one),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        mine = scope["type"] == "http" and scope["path"].startswith(f"{EXPORTS}/")
        await (self._router if mine else self._app)(scope, receive, send)

    async def _all(self, request: Request) -> Response:
        """All files in one zip, made while it is sent."""
        from service.export.names import safe_stem
        from service.export.zipped import zip_bytes

        job = _job_of(request)
        if job is None or not job.files or not all(path.is_file() for _, path in job.files):
            return _missing()
        stem = safe_stem(job.name)
        entries = [(f"{stem}/{name}", path) for name, path in job.files]
        headers = {**_OWN, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(stem, safe='')}.zip"}
        size = zip_bytes(entries)
        if size is not None:
            headers["Content-Length"] = str(size)
        if request.method == "HEAD":
            return Response(media_type="application/zip", headers=headers)
        return StreamingResponse(_pieces(entries), media_type="application/zip", headers=headers)

    async def _one(self, request: Request) -> Response:
        """One file, in ranges."""
        job, number = _job_of(request), request.path_params["number"]
        if job is None or number >= len(job.files):
            return _missing()
        name, path = job.files[number]
        if not path.is_file():
            return _missing()
        return FileResponse(path, filename=name.rsplit("/", 1)[-1], headers=_OWN)


def _job_of(request: Request) -> ExportJob | None:
    """The export that a request names, if it is the visitor's own and done."""
    job = JOBS.get(request.path_params["job_id"], owner_of(_visitor(request)))
    return job if job is not None and job.state == "done" else None


def _visitor(request: Request) -> Visitor:
    """Who asks, as the gate says; without the gate's word, somebody who made nothing."""
    value = request.headers.get(HEADER)
    if value:
        return Visitor.from_header(value)
    return Visitor("edit") if current_access() is None else Visitor("view")


def _pieces(entries: list[tuple[str, Path]]) -> Iterator[bytes]:
    from service.export.zipped import zip_chunks

    try:
        yield from zip_chunks(entries)
    except FootageError as error:  # the answer has begun: it ends too short, which the browser reports
        logger.warning("export not sent to its end: %s", error)
        raise


def _missing() -> Response:
    sentence = (
        "These files are not here: the export is another visitor's, was removed, or the app was restarted."
    )
    return PlainTextResponse(f"{sentence}\n", HTTPStatus.NOT_FOUND, headers=_OWN)
