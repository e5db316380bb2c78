"""The app's own process: Streamlit, and what the first page needs, loaded while the browser opens."""

from __future__ import annotations

import contextlib
import threading


def _load() -> None:
    """Open the index once, which loads the libraries for it; what goes wrong, the page says."""
    from footage.config import load_settings
    from footage.errors import FootageError
    from footage.store import Store

    with contextlib.suppress(FootageError):
        Store.open(load_settings().db)


def main() -> None:
    """Serve as the arguments of `streamlit` say; returns when it was ended."""
    threading.Thread(target=_load, daemon=True, name="loading").start()
    from streamlit.web.cli import main as streamlit

    streamlit(prog_name="streamlit")


if __name__ == "__main__":
    main()
