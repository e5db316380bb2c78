"""Pages of the app in tests: what they show as text, and their buttons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from ui.web.export_jobs import JOBS
from ui.web.search_runs import SearchRun


@contextmanager
def pages_of(
    db: Path, folder: Path, patch: pytest.MonkeyPatch, **more: object
) -> Iterator[Callable[..., AppTest]]:
    """Opens pages of the app on an index: what is given takes a page and the parts of its address.

    Args:
        db: The index.
        folder: For the cache and the log.
        patch: Sets the environment, which has no other settings than these.
        more: Further settings by name.
    """
    settings = {
        "DB": db,
        "MODEL": "demo",
        "CACHE_DIR": folder / "cache",
        "DEVICE": "cpu",
        "AUDIT_LOG": folder / "audit.jsonl",
        **more,
    }
    for name, value in settings.items():
        patch.setenv(f"FOOTAGE_{name}", str(value))
    for name in ("ALLOW_INDEXING_FROM_APP", "CONFIG"):
        patch.delenv(f"FOOTAGE_{name}", raising=False)
    before = config.get_option("server.address")
    config.set_option("server.address", "localhost")

    def start(script: Callable[[], None], **query: str) -> AppTest:
        app = AppTest.from_function(script, default_timeout=120)
        for name, value in query.items():
            app.query_params[name] = value
        return whole(app.run())

    yield start
    JOBS.close()  # of this process, so that the next app would show them
    config.set_option("server.address", before)


def library_page() -> None:
    """The library alone; Streamlit runs the source of this function."""
    from footage.core.config import load_settings
    from service import factories
    from ui.web.components import resources
    from ui.web.views import library

    library.show(resources.Desk(load_settings(), factories.load_model))


def whole(app: AppTest) -> AppTest:
    """The app after a run, which left no traceback, and after the end of a search that goes on beside it."""
    assert not app.exception
    while (run := searching(app)) is not None and (not run.state().finished or _shows_a_check(app)):
        run.wait(lambda now: False)
        assert not app.run().exception
    return app


def _shows_a_check(app: AppTest) -> bool:
    """Whether the page was drawn before the search ended, which may have been since."""
    return any(button.label == "Stop" for button in app.button)


def searching(app: AppTest) -> SearchRun | None:
    """The search whose answers the page shows; None for none."""
    answered = app.session_state["answered"] if "answered" in app.session_state else None  # noqa: SIM401
    return answered.run if answered else None


def page(app: AppTest) -> str:
    """Everything the app wrote as HTML, styles left out."""
    return "\n".join(piece.value for piece in app.get("html") if "<style" not in piece.value)


def texts(app: AppTest) -> list[str]:
    """The captions on the page."""
    return re.findall(r'class="fx-text">([^<]*)<', page(app))


def addresses(app: AppTest) -> list[str]:
    """The content ids of the videos that the library links to, in its order."""
    return re.findall(r'href="\?video=([^"&]+)"', page(app))


def press(app: AppTest, label: str) -> AppTest:
    """Press the first button with a label."""
    return whole(next(button for button in app.button if button.label == label).click().run())


def press_card(app: AppTest, do: str, number: int) -> AppTest:
    """Press a button on the card of an answer, by its place from 0."""
    key = re.findall(r'data-answer="([^"]*)"', page(app))[number]
    app.session_state["answers"] = {"asked": {"do": do, "key": key}}
    return whole(app.run())
