"""Serves pictures, clips and waveforms to the app's own pages, cut when the browser asks for them.

It stands behind the gate: what is asked for comes from a visitor who may see the index. A picture is loaded
when it comes into view, so that no page waits for a decoder. Addresses come from ``components.addresses``.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route, Router

from footage.core.errors import FootageError
from footage.core.types import Span
from ui.text import sentence
from ui.web.components.addresses import MOMENTS, WIDTHS, clip_address

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.moment_media import MomentMedia
    from service.previews import Preview
    from service.session import Service

LONGEST_CLIP_SECONDS = 120.0
"""Longest clip that is cut for a page."""
_KEPT = "private, max-age=604800, immutable"
"""An address names one state of a file: what it gives never changes."""
_THREADS = 6
_PICTURE_PATIENCE_SECONDS = 60.0
"""How long a picture waits for its turn: a page of them asks at once, and decoders take seconds to start."""
_MISSING = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 180 120"><rect width="180" height="120" '
    'fill="#8a93a5" fill-opacity=".14"/><g fill="none" stroke="#8a93a5" stroke-width="3" '
    'stroke-linecap="round"><rect x="66" y="40" width="48" height="34" rx="5"/><path d="M60 84 120 32"/></g>'
    '<text x="90" y="100" font-family="sans-serif" font-size="11" fill="#8a93a5" '
    'text-anchor="middle">no picture</text></svg>'
)
logger = logging.getLogger(__name__)


class MomentRoutes:
    """ASGI application: answers for moments itself, and hands on every other request."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of ``app``."""
        self._app = app
        self._threads = CapacityLimiter(_THREADS)
        self._sound_threads = CapacityLimiter(1)
        self._clip_threads = CapacityLimiter(_THREADS)  # who pressed play does not wait for pictures
        self._router = Router(
            [
                Route(f"{MOMENTS}/picture/{{content_id}}/{{milliseconds:int}}.jpg", self._picture),
                Route(f"{MOMENTS}/clip/{{content_id}}/{{start:int}}-{{end:int}}.json", self._clip),
                Route(f"{MOMENTS}/clip/{{content_id}}/{{start:int}}-{{end:int}}.mp4", self._clip_file),
                Route(f"{MOMENTS}/waveform/{{content_id}}.json", self._waveform),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        mine = scope["type"] == "http" and scope["path"].startswith(f"{MOMENTS}/")
        await (self._router if mine else self._app)(scope, receive, send)

    @cached_property
    def _service(self) -> Service:
        from footage.core.config import load_settings
        from service.session import Service

        return Service(load_settings())

    @cached_property
    def _media(self) -> MomentMedia:
        return self._cutter(_PICTURE_PATIENCE_SECONDS)

    @cached_property
    def _clips(self) -> MomentMedia:
        from service.moment_media import PATIENCE_SECONDS

        return self._cutter(PATIENCE_SECONDS)

    def _cutter(self, patience_seconds: float) -> MomentMedia:
        from service.moment_media import MomentMedia
        from ui.web.index_jobs import shown_roots

        service = self._service
        return MomentMedia(
            service, patience_seconds=patience_seconds, roots=lambda: shown_roots(service.settings)
        )

    async def _picture(self, request: Request) -> Response:
        """The frame on show at a moment; where there is none, a drawing that says so."""
        content_id, seconds = request.path_params["content_id"], request.path_params["milliseconds"] / 1000
        width = WIDTHS.get(request.query_params.get("size", ""), WIDTHS[""])
        try:
            made = await to_thread.run_sync(
                lambda: self._media.picture(content_id, seconds, width=width), limiter=self._threads
            )
        except FootageError as error:
            logger.info("no picture at %.1f s: %s", seconds, error)
            return Response(_MISSING, HTTPStatus.NOT_FOUND, media_type="image/svg+xml")
        return FileResponse(made.path, media_type=made.media_type, headers={"Cache-Control": _KEPT})

    async def _clip(self, request: Request) -> Response:
        """Cut a clip, and say where it is and when its first frame is, in video time."""
        parameters = request.path_params
        span = Span(parameters["start"] / 1000, max(parameters["start"], parameters["end"]) / 1000)
        try:
            made = await self._cut(parameters["content_id"], span)
        except FootageError as error:
            words = {"error": sentence(str(error)), "hint": sentence(error.hint)}
            return JSONResponse(words, HTTPStatus.NOT_FOUND)
        url = clip_address(
            parameters["content_id"], span, version=request.query_params.get("v", ""), ending="mp4"
        )
        return JSONResponse({"url": url, "start": made.start_seconds, "end": made.stretch.end_seconds})

    async def _clip_file(self, request: Request) -> Response:
        """A clip, in ranges."""
        parameters = request.path_params
        span = Span(parameters["start"] / 1000, max(parameters["start"], parameters["end"]) / 1000)
        try:
            made = await self._cut(parameters["content_id"], span)
        except FootageError as error:
            return Response(str(error), HTTPStatus.NOT_FOUND, media_type="text/plain")
        return FileResponse(made.path, media_type="video/mp4", headers={"Cache-Control": _KEPT})

    async def _waveform(self, request: Request) -> Response:
        """A part of a waveform: its peaks as base64, how many make a second, and how many parts there are."""
        from service.waveform import PART_SECONDS, PEAKS_PER_SECOND

        part, content_id = request.query_params.get("part", "0"), request.path_params["content_id"]
        try:
            number = int(part) if part.isascii() and part.isdigit() and len(part) < 7 else -1
            made = await to_thread.run_sync(
                lambda: self._media.waveform(content_id, number), limiter=self._sound_threads
            )
        except (FootageError, ValueError) as error:
            logger.info("no waveform: %s", error)
            return JSONResponse({"error": str(error)}, HTTPStatus.NOT_FOUND)
        answer = {
            "parts": made.parts,
            "part_seconds": PART_SECONDS,
            "per_second": PEAKS_PER_SECOND,
            "peaks": b64encode(made.peaks).decode("ascii"),
        }
        return JSONResponse(answer, headers={"Cache-Control": _KEPT})

    async def _cut(self, content_id: str, span: Span) -> Preview:
        end_seconds = min(span.end_seconds, span.start_seconds + LONGEST_CLIP_SECONDS)
        stretch = Span(span.start_seconds, end_seconds)
        return await to_thread.run_sync(
            lambda: self._clips.stretch(content_id, stretch), limiter=self._clip_threads
        )
