"""The app's server: Streamlit, and what the first page needs, loaded while the browser opens."""

from __future__ import annotations

import contextlib
import sys
import threading
from pathlib import Path

_APP = Path(__file__).with_name("app.py")
_SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter; with the default of 0.005 loading holds up every request."""


def serve(*, host: str, port: int) -> None:
    """Serve the app; returns when it was ended.

    Args:
        host: Address to listen on.
        port: Port to listen on.
    """
    from streamlit.web.cli import main as streamlit

    sys.setswitchinterval(_SWITCH_SECONDS)
    threading.Thread(target=_load, daemon=True, name="loading").start()
    streamlit(
        [
            "run",
            str(_APP),
            f"--server.port={port}",
            f"--server.address={host}",
            "--server.headless=true",
            "--server.fileWatcherType=none",
            "--browser.gatherUsageStats=false",
        ],
        prog_name="streamlit",
        standalone_mode=False,
    )


def _load() -> None:
    """Load the pages, then open the index once, for its libraries; what goes wrong, the page says."""
    import PIL.Image  # noqa: F401 - for the icon in the browser's tab

    import ui.app  # noqa: F401
    from footage.config import load_settings
    from footage.errors import FootageError
    from footage.store import Store

    with contextlib.suppress(FootageError):
        Store.open(load_settings().db)
