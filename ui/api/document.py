"""The OpenAPI document and its page: every route with every status that it may answer; knows no operation."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

from ui.api.gate import OPEN_PATHS
from ui.api.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.api.state import ApiState

TITLE = "footage"
DESCRIPTION = (
    "Search video by what happens in it, and when. Every answer carries the records that the command of the "
    "same name prints with `--json`. Errors are problem details (RFC 9457)."
)
ASSETS = "/docs/assets"
"""Where the files of the page are."""
STATUSES = {
    400: "The request cannot be read.",
    401: "There is no token, or none that is valid.",
    403: "The token has another role, or a page of another site asks.",
    404: "There is no such video, index or address.",
    405: "The address does not take this method.",
    408: "The request was not received in time.",
    409: "Another run writes to the index, or the index does not fit the settings.",
    413: "The request is too large.",
    421: "The service does not accept this host name.",
    422: "The request makes no sense as given.",
    429: "The token sends too many requests; Retry-After says when to try again.",
    500: "Something unexpected went wrong.",
    503: "Overload, or a model or the index cannot be used; Retry-After says when to try again, if known.",
    507: "The disk is full.",
}
"""What every route may answer beside its own statuses."""
_BEARER = {"type": "http", "scheme": "bearer", "description": "A token; none is needed over the Unix socket."}
_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=TITLE, version=version("footage"), description=DESCRIPTION, routes=app.routes
        )
        components = made.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas["Problem"] = Problem.model_json_schema(mode="serialization")
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        components["securitySchemes"] = {"token": _BEARER}
        components["responses"] = {f"Status{status}": _response(status) for status in STATUSES}
        for path, methods in made["paths"].items():
            for method in _METHODS:
                if method in methods:
                    _complete(methods[method], open_=path in OPEN_PATHS)
        app.openapi_schema = made
    return app.openapi_schema


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": STATUSES[status], "content": {MEDIA_TYPE: {"schema": schema}}}


def _complete(operation: dict[str, Any], *, open_: bool) -> None:
    """Give an operation the statuses that all have, and say whether it needs a token."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):  # of the framework, which is never sent
        del responses["422"]
    for status in STATUSES:
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Status{status}"})
    operation.setdefault("security", [] if open_ else [{"token": []}])


def add_routes(app: FastAPI, state: ApiState) -> None:
    """Add the page of the document, and its files, which come with the installation."""
    import fastapi_offline

    folder = Path(fastapi_offline.__file__).parent / "static"
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=f"{TITLE}: HTTP API",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
    ).body
    text = bytes(page).decode("utf-8")
    headers = {"Content-Security-Policy": _policy(text)}

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(text, headers=headers)

    app.mount(ASSETS, StaticFiles(directory=folder), name="docs")


def _policy(page: str) -> str:
    """A content security policy that allows the page its own files and its inline script, and no other."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
