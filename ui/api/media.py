"""Serves clips and pictures of moments under signed, expiring addresses; cuts nothing itself."""

from __future__ import annotations

import hashlib
import logging
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import Path, Request
from fastapi.responses import FileResponse, Response

from footage.core.errors import FootageError, VideoError
from service.media_links import (
    PREFIX,
    USUAL_APP,
    LinkExpiredError,
    LinkInvalidError,
    MediaKind,
    MediaSigner,
    index_signer,
)
from service.moment_media import MediaBusyError, MediaGoneError, MomentMedia
from ui.api.links import LinkMaker
from ui.api.problems import Refusal

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import HTTPConnection

    from service.moment_media import MediaFile
    from service.session import Service
    from ui.api.state import ApiState

HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-site",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says: keep it to this client, and treat it as what it says it is."""
MOST_THREADS = 8
"""Requests that are worked on at once; all but a few of them wait for their turn to cut, or find a clip."""
MOST_WAITING = 64
"""Requests that wait for a thread; further ones are refused."""
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_STATUS: tuple[tuple[type[FootageError], HTTPStatus], ...] = (
    (LinkExpiredError, HTTPStatus.GONE),
    (LinkInvalidError, HTTPStatus.FORBIDDEN),
    (MediaGoneError, HTTPStatus.NOT_FOUND),
    (VideoError, HTTPStatus.CONFLICT),
)
"""Statuses of errors about media; any other error has that of the API."""
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The clip or picture.",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("video/mp4", "image/jpeg")},
    },
    206: {"description": "The part of it that the header Range asks for."},
    304: {"description": "It has not changed."},
    400: {"description": "The header Range cannot be read."},
    403: {"description": "The address was changed, or was not made here."},
    404: {"description": "The index has no such video."},
    409: {"description": "The file was changed or cannot be read."},
    410: {"description": "The address has expired."},
    416: {"description": "The header Range asks for what is not there."},
    503: {"description": "Too many clips are being cut; the header Retry-After says when to try again."},
}

logger = logging.getLogger(__name__)


class MediaDesk:
    """Cuts and signs for one application; the key and the index are opened when they are first needed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.media = MomentMedia(service)
        self.threads = CapacityLimiter(MOST_THREADS)

    @cached_property
    def signer(self) -> MediaSigner:
        """Signs addresses and checks them.

        Raises:
            StoreError: its key cannot be read.
        """
        return index_signer(self._service)

    def links(self, api_address: str, host: str) -> LinkMaker:
        """Makes links for a client that reaches the service under a host name.

        Without a key, as with an index that cannot be written, there are no links to clips and posters.
        """
        app = self._service.settings.app_url or (USUAL_APP if host in _THIS_MACHINE else "")
        try:
            return LinkMaker(app, api_address, self.signer)
        except FootageError as error:
            logger.warning("no links to media: %s", error)
            return LinkMaker(app, api_address)

    async def file(self, kind: str, ticket: str) -> MediaFile:
        """The file of an address, cut in a thread.

        Raises:
            FootageError: as ``MediaSigner.verified`` and ``MomentMedia.file``.
        """
        if self.threads.statistics().tasks_waiting >= MOST_WAITING:
            raise MediaBusyError()

        def cut() -> MediaFile:
            return self.media.file(self.signer.verified(kind, ticket))

        return await to_thread.run_sync(cut, limiter=self.threads)


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add the route of clips, posters and thumbnails; it asks for no token, as the addresses are signed."""
    desk = app.state.media = MediaDesk(state.service)

    async def send(
        request: Request,
        kind: MediaKind,
        ticket: Annotated[str, Path(max_length=512, description="The signed part of the address.")],
    ) -> Response:
        try:
            return _sent(request, await desk.file(kind, ticket))
        except FootageError as error:
            status = next((status for known, status in _STATUS if isinstance(error, known)), None)
            if status is None:
                raise
            raise Refusal(status, str(error), hint=error.hint) from error

    for method in ("GET", "HEAD"):
        app.add_api_route(
            f"{PREFIX}/{{kind}}/{{ticket}}",
            send,
            methods=[method],
            response_class=Response,
            responses=_RESPONSES,
            summary="Get a clip or picture of a moment by its signed address.",
            operation_id="getMedia",
            include_in_schema=method == "GET",
            openapi_extra={"security": []},
            tags=["media"],
        )


def link_maker(request: HTTPConnection) -> LinkMaker:
    """Makes links that the sender of a request can open; for callers with the role "view" or more."""
    desk: MediaDesk = request.app.state.media
    return desk.links(str(request.base_url).rstrip("/"), request.base_url.hostname or "")


def _sent(request: Request, file: MediaFile) -> Response:
    """The file, or that the client has it already."""
    stamp = f"{file.path.name} {file.path.stat().st_size}"
    etag = f'"{hashlib.blake2b(stamp.encode(), digest_size=16).hexdigest()}"'
    headers = {**HEADERS, "ETag": etag}
    known = request.headers.get("if-none-match", "")
    if etag in (each.strip().removeprefix("W/") for each in known.split(",")):
        return Response(status_code=304, headers=headers)
    return FileResponse(
        file.path,
        media_type=file.media_type,
        filename=file.name,
        content_disposition_type="inline",
        headers=headers,
    )
