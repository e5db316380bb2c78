"""The gate in front of the app: every request and every websocket passes it, or gets a refusal.

In this order: the host (DNS rebinding), the origin and what the browser reports about the asking page
(foreign pages), the method and the path, the token. What passes carries who the visitor is; what goes back
carries the headers that keep foreign pages out. It knows nothing of what the app shows.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from ui.hosts import is_own_origin
from ui.web.access import sign_in
from ui.web.access.rules import AppAccess
from ui.web.access.sessions import Session, Sessions
from ui.web.access.visitor import HEADER, Visitor

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SIGN_IN = "/sign-in"
"""Where the form with a token is sent."""
HEALTH = "/_stcore/health"
"""Says that the app is up, and nothing else; needs no token, for whatever keeps an eye on the service."""
UNUSED = (
    "/_stcore/agent",
    "/_stcore/metrics",
    "/_stcore/script-health-check",
    "/_stcore/upload_file",
    "/auth/",
    "/oauth2callback",
)
"""Beginnings of Streamlit's paths that the app has no use for: nothing is there."""
_NO_TRACE = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
"""For answers to an address with a token: neither the next request nor a cache says what it was."""
_READING = ("GET", "HEAD")
_LONGEST_FORM = 4096
_FORM_SECONDS = 10.0
"""How long a browser may take to send the form."""

logger = logging.getLogger(__name__)


class Refused(Exception):
    """A request that does not pass."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Gate:
    """ASGI middleware, to be put in front of everything else."""

    def __init__(self, app: ASGIApp, *, access: AppAccess, scripts: tuple[str, ...] = ()) -> None:
        """Stand in front of an app.

        Args:
            app: What is behind.
            access: Who may pass.
            scripts: Sources that the content security policy allows scripts from, beside the app's own files.
        """
        self._app = app
        self._access = access
        self._sessions = Sessions()
        self._cookie = f"footage_{access.port}"  # browsers share cookies between the ports of a host
        self._headers = _headers(scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one connection pass, or refuse it."""
        if scope["type"] not in ("http", "websocket"):  # the start and the end of the app itself
            await self._app(scope, receive, send)
            return
        send = self._with_headers(send)
        try:
            headers = _single(Headers(scope=scope))
            self._check_host_and_origin(scope, headers)
            answer = await self._sign_in(scope, receive, headers)
            if answer is None:
                visitor = self._visitor(scope, headers)
                if visitor is None and not (scope["type"] == "http" and scope["path"] == HEALTH):
                    answer = self._without_session(scope, headers)
                else:
                    await self._app(_carrying(scope, visitor), receive, send)
                    return
        except Refused as refusal:
            logger.info("refused %s: %s", scope["path"], refusal)
            answer = PlainTextResponse(f"{refusal}\n", refusal.status)
        except ClientDisconnect:  # while it sent the form: nobody is there to be answered
            return
        if scope["type"] == "websocket":
            await receive()  # the request to open it
            await send({"type": "websocket.close", "code": 1008})
            return
        await answer(scope, receive, send)

    # -- 1. Where it comes from ------------------------------------------------------------------------------

    def _check_host_and_origin(self, scope: Scope, headers: Mapping[str, str]) -> None:
        host, origin = headers.get("host"), headers.get("origin")
        if host is None or not self._access.allows_host(host):
            raise Refused(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The app does not accept this host name. Behind a proxy: footage ui --allow-host NAME",
            )
        encrypted = scope["scheme"] in ("https", "wss")
        if origin is not None and not is_own_origin(origin, host, encrypted=encrypted):
            raise Refused(HTTPStatus.FORBIDDEN, "The app rejects requests from pages of other sites.")
        if scope["type"] == "websocket":
            if origin is None:
                raise Refused(HTTPStatus.FORBIDDEN, "Only pages of this app can open a websocket.")
            return
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not _opens_page(headers):
            raise Refused(HTTPStatus.FORBIDDEN, "The app rejects requests from pages of other sites.")
        if scope["path"].startswith(UNUSED):
            raise Refused(HTTPStatus.NOT_FOUND, "Not found.")
        signing_in = (
            scope["method"] == "POST" and scope["path"] == SIGN_IN and self._access.tokens is not None
        )
        if scope["method"] not in _READING and not signing_in:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.")
        if signing_in and origin is None:
            raise Refused(HTTPStatus.FORBIDDEN, "Only pages of this app can send this form.")

    # -- 2. The token ----------------------------------------------------------------------------------------

    async def _sign_in(self, scope: Scope, receive: Receive, headers: Mapping[str, str]) -> Response | None:
        """The answer to a request that brings a token; None for every other."""
        tokens = self._access.tokens
        if tokens is None or scope["type"] != "http":
            return None
        token: str | None
        if scope["method"] == "POST":
            token, back = await _posted_token(scope, receive), "/"
        else:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            token = next((value for name, value in query if name == "token"), None)
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            back = quote("/" + scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
        if token is None:
            return None
        role = tokens.role_of(token)
        if role is None:
            return HTMLResponse(sign_in.form(wrong=True), HTTPStatus.UNAUTHORIZED, _NO_TRACE)
        answer = HTMLResponse(sign_in.leading_to(back), headers=_NO_TRACE)
        answer.set_cookie(
            self._cookie,
            self._sessions.open(role),
            httponly=True,
            samesite="strict",
            secure=scope["scheme"] == "https",
        )
        return answer

    def _visitor(self, scope: Scope, headers: Mapping[str, str]) -> Visitor | None:
        """Who it is, or None for somebody who has yet to sign in."""
        address = scope["client"][0] if scope.get("client") else ""
        if self._access.tokens is None:
            user = _proxy_user(headers) if self._access.proxy_hosts else ""
            return Visitor("edit", user=user, address=address)
        session: Session | None = self._sessions.get(HTTPConnection(scope).cookies.get(self._cookie, ""))
        return Visitor(session.role, session=session.name, address=address) if session else None

    def _without_session(self, scope: Scope, headers: Mapping[str, str]) -> Response:
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["type"] == "http":
            # A link on a foreign page was followed: browsers send no strict cookie, but do from our own page.
            query = scope["query_string"].decode("latin-1")
            path = quote("/" + scope["path"].lstrip("/\\"))
            return HTMLResponse(sign_in.leading_to(path + (f"?{query}" if query else "")))
        return HTMLResponse(sign_in.form(), HTTPStatus.UNAUTHORIZED, {"Cache-Control": "no-store"})

    # -- 3. What goes back -----------------------------------------------------------------------------------

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name in [name for name in headers if name.startswith("access-control-")]:
                    del headers[name]
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                kept = headers.get("cache-control", "")
                if "immutable" not in kept and "no-store" not in kept:  # the first: Streamlit's own scripts
                    headers["Cache-Control"] = "private, no-cache"
            await send(message)

        return sending


def _headers(scripts: tuple[str, ...]) -> dict[str, str]:
    """The headers that go back with every answer."""
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(["'self'", *scripts]),
        "style-src": "'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # "no-referrer" would take the origin from forms, too
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


def _single(headers: Headers) -> Mapping[str, str]:
    """The headers, each once where it counts that there is no second one.

    Raises:
        Refused: a client sends two hosts or two origins.
    """
    for name in ("host", "origin"):
        if len(headers.getlist(name)) > 1:
            raise Refused(HTTPStatus.BAD_REQUEST, f"There are several {name.capitalize()} headers.")
    return headers


def _opens_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser asks because a person follows a link, not because a foreign page embeds something."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _carrying(scope: Scope, visitor: Visitor | None) -> dict[str, Any]:
    """A scope that says who the visitor is, in place of whatever the client says."""
    name = HEADER.encode()
    kept = [(key, value) for key, value in scope["headers"] if key.lower() != name]
    if visitor is not None:
        kept.append((name, visitor.as_header().encode("ascii")))
    return {**scope, "headers": kept}


def _proxy_user(headers: Mapping[str, str]) -> str:
    """The name that a proxy asked a password for, out of the Basic credentials that it hands on."""
    kind, _, encoded = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")[0][:80]
    except ValueError:  # no Base64, no UTF-8, or not even ASCII
        return ""


async def _posted_token(scope: Scope, receive: Receive) -> str:
    body = b""
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for chunk in Request(scope, receive).stream():
                body += chunk
                if len(body) > _LONGEST_FORM:
                    raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The token is too long.")
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, "The form was not received in time.") from None
    return parse_qs(body.decode("latin-1")).get("token", [""])[0].strip()
