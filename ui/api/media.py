"""Serves clips and pictures of moments under signed, expiring addresses; cuts nothing itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated

from fastapi import Path, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from footage.core.errors import FootageError
from service.media_links import PREFIX, LinkExpiredError, LinkInvalidError, MediaKind, MediaSigner
from service.moment_media import MediaBusyError, MediaGoneError, MomentMedia

if TYPE_CHECKING:
    from fastapi import FastAPI

    from service.moment_media import MediaFile

HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-site",
    "X-Content-Type-Options": "nosniff",
}
"""What every answer says: keep it to this client, and treat it as what it says it is."""
_STATUS: tuple[tuple[type[FootageError], int, str], ...] = (
    (LinkExpiredError, 410, "Link expired"),
    (LinkInvalidError, 403, "Link not valid"),
    (MediaBusyError, 503, "Busy"),
    (MediaGoneError, 404, "Not found"),
    (FootageError, 409, "Not available"),
)
_RESPONSES = {
    200: {"description": "The clip or picture.", "content": {"video/mp4": {}, "image/jpeg": {}}},
    206: {"description": "The part of it that the header Range asks for."},
    304: {"description": "It has not changed."},
    403: {"description": "The address was changed, or was not made here."},
    404: {"description": "The index has no such video."},
    409: {"description": "The file was changed or cannot be read."},
    410: {"description": "The address has expired."},
    416: {"description": "The header Range asks for what is not there."},
    503: {"description": "Too many clips are being cut; the header Retry-After says when to try again."},
}


def add_routes(app: FastAPI, media: MomentMedia, signer: MediaSigner) -> None:
    """Add the route of clips, posters and thumbnails; it asks for no token, as the addresses are signed."""

    def send(
        request: Request,
        kind: MediaKind,
        ticket: Annotated[str, Path(max_length=512, description="The signed part of the address.")],
    ) -> Response:
        try:
            return _sent(request, media.file(signer.verified(kind, ticket)))
        except FootageError as error:
            return _problem(error)

    app.add_api_route(
        f"{PREFIX}/{{kind}}/{{ticket}}",
        send,
        methods=["GET", "HEAD"],
        response_class=Response,
        responses=_RESPONSES,  # type: ignore[arg-type] # a dict of dicts
        summary="A clip or picture of a moment, by its signed address.",
        tags=["media"],
    )


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


def _problem(error: FootageError) -> Response:
    """An error as problem details (RFC 9457)."""
    status, title = next((code, title) for kind, code, title in _STATUS if isinstance(error, kind))
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if isinstance(error, MediaBusyError):
        headers["Retry-After"] = f"{error.retry_after_seconds:.0f}"
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": str(error), "hint": error.hint},
        status,
        headers=headers,
        media_type="application/problem+json",
    )
