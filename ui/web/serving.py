"""The app's server: Streamlit behind the gate; loads what the first page needs while the browser opens."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
import socket
import sys
import threading
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

from footage.core.errors import FootageError
from footage.core.private_files import close_to_others, keep_to_owner
from ui.hosts import WILDCARDS
from ui.web.access.rules import AppAccess
from ui.web.access.visitor import serve_under

_APP = Path(__file__).with_name("app.py")
_LOOK = Path(__file__).parent / ".streamlit" / "config.toml"
_SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter; with the default of 0.005 loading holds up every request."""
_LONGEST_MESSAGE = 16 * 2**20
"""Bytes of the longest message a page may send."""
_GRACE_SECONDS = 3
"""Time limit for active requests when the app ends, in seconds."""
_TRUSTED_PROXIES = "127.0.0.1,::1"
"""Proxies whose headers about the visitor's address and TLS are trusted."""


def serve(access: AppAccess, sockets: list[socket.socket], *, script: Path = _APP) -> None:
    """Serve the app; returns when it was ended.

    Args:
        access: Who may pass.
        sockets: Where to listen, see ``ui.listening``.
        script: The page's script.
    """
    import uvicorn

    from ui.connections import Connection

    keep_to_owner()
    _close_caches()
    sys.setswitchinterval(_SWITCH_SECONDS)
    threading.Thread(target=_load, daemon=True, name="loading").start()
    serve_under(access)
    _show_only_what_may_be_shown()
    config = uvicorn.Config(
        gated_app(access, script),
        http=Connection,
        ws="websockets-sansio",
        ws_max_size=_LONGEST_MESSAGE,
        access_log=False,  # addresses may hold a token
        log_level="warning",
        server_header=False,
        proxy_headers=bool(access.proxy_hosts),
        forwarded_allow_ips=_TRUSTED_PROXIES,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=sockets)


def gated_app(access: AppAccess, script: Path) -> Any:
    """The Streamlit app of a script behind the gate, as an ASGI application."""
    import streamlit as st

    from ui.web.access.gate import Gate
    from ui.web.export_routes import ExportRoutes
    from ui.web.moment_routes import MomentRoutes

    settle_streamlit(access)
    return Gate(ExportRoutes(MomentRoutes(st.App(script))), access=access, scripts=_scripts_of_streamlit())


def settle_streamlit(access: AppAccess) -> None:
    """Give Streamlit its options: ours alone, whatever files and variables say.

    It reads .streamlit/config.toml and secrets.toml of the current folder and of the home otherwise, and has
    no switch against that: any folder that holds videos could configure the server.
    """
    from streamlit import config

    config.get_config_files = lambda name: []
    config.get_config_options(force_reparse=True, options_from_flags=streamlit_options(access))


def streamlit_options(access: AppAccess) -> dict[str, Any]:
    """Streamlit's options: the look of the app, and every option that bears on who reaches what."""
    named = ["localhost", "127.0.0.1", "::1", access.host, *sorted(access.proxy_hosts)]
    hosts = ["*"] if access.host in WILDCARDS else named
    return {
        **dict(_flat(tomllib.loads(_LOOK.read_text("utf-8")))),
        "global.developmentMode": False,
        "server.address": access.host,
        "server.port": access.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.allowRunOnSave": False,
        "server.baseUrlPath": "",
        "server.customComponentBaseUrlPath": "",
        "server.enableStaticServing": False,
        "server.scriptHealthCheckEnabled": False,
        # The gate has decided before; these are a second door for the websocket.
        "server.enableCORS": True,
        "server.corsAllowedOrigins": [],
        "server.allowedHosts": hosts,
        "server.enableXsrfProtection": True,
        "server.cookieSecret": secrets.token_hex(),  # or a variable of the environment could name it
        "server.xsrfCookieSameSite": "strict",
        "server.maxUploadSize": 1,
        "server.enableAgentApi": False,
        "server.trustedUserHeaders": {},
        "server.unsafeMetricsUserAttributes": [],
        "server.sslCertFile": None,
        "server.sslKeyFile": None,
        "client.allowedOrigins": [],
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": access.host,
        "logger.hideWelcomeMessage": True,
        "secrets.files": [],
    }


def _flat(table: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Nested tables as dotted names."""
    flat = []
    for name, value in table.items():
        if isinstance(value, dict):
            flat += _flat(value, f"{above}{name}.")
        else:
            flat.append((f"{above}{name}", value))
    return flat


def _scripts_of_streamlit() -> tuple[str, ...]:
    """What the content security policy has to allow, beside files: the scripts in Streamlit's own page.

    The app's components come as text and run from ``blob:`` addresses, which only the app's own page makes.
    """
    import streamlit

    page = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    return (*(f"'sha256-{digest}'" for digest in digests), "blob:")


def _show_only_what_may_be_shown() -> None:
    """Have the app cut pictures only from what was indexed here or lies in a library root."""
    from footage.core.config import load_settings
    from service import sources
    from ui.web import index_jobs

    sources.show_only(sources.ShownSources(lambda: index_jobs.shown_roots(load_settings())))


def _close_caches() -> None:
    """Close caches that an earlier version has left open to others."""
    from footage.core.config import load_settings

    for name in ("previews", "thumbnails", "seen", "runs"):
        with contextlib.suppress(OSError):
            close_to_others(load_settings().cache_dir / name)


def _load() -> None:
    """Load what the first page needs and open the index once; what goes wrong, the page says."""
    import PIL.Image  # noqa: F401 - for the icon in the browser's tab
    from babel.dates import format_timedelta

    import ui.web.views.searching  # noqa: F401
    from footage.core.config import load_settings
    from service.session import Service

    with contextlib.suppress(FootageError):
        Service(load_settings()).store()
    format_timedelta(timedelta(hours=1), locale="en")  # reads the words of all dates
