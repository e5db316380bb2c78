"""The app for everybody: every page, light and dark, held against axe's rules for accessible pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest
from screenshot_app import QUIET, ROOT, browser_page, chromium
from test_ui_journeys import GREEN, Served, ask, collect, go_to, serve

from footage.embedder import load_embedder
from footage.store import Store
from search import reviewing
from search.engine import Engine

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]
ENTRY = ROOT / "ui" / "app.py"  # the look is read from the folder of the entry
GRAVE = {"serious", "critical"}
FRAMEWORK = {
    "aria-dialog-name .stToast": "a toast names a label that is not there; its text is read out",
}
"""What Streamlit's own parts break: "rule selector", and why it is not ours to mend."""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        served = serve(stack, tmp_path_factory.mktemp("app"), "beach_dusk.mp4", "park_dusk.mp4", script=ENTRY)
        store = Store.open(served.db)
        search = reviewing.save(store.notebook, "Green cars", GREEN)
        reviewing.look(store, Engine(store, load_embedder()), search, at=1_772_000_000.0)
        yield served


def broken(page) -> list[str]:
    """Each grave violation on a page, as "rule selector: what is wrong", the framework's left out."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: make setup")
    page.wait_for_function(QUIET)
    page.wait_for_timeout(500)  # what fades in has no contrast before it is there
    said = []
    for rule in axe.Axe().run(page).response["violations"]:
        for node in rule["nodes"] if rule["impact"] in GRAVE else []:
            place = f"{rule['id']} {' '.join(map(str, node['target']))}"
            if place not in FRAMEWORK:
                why = [check["message"] for check in (*node["any"], *node["all"], *node["none"])]
                said.append(f"{place}: {node['html'][:160]}: {'; '.join(why)}")
    return said


@pytest.mark.parametrize("colors", ["light", "dark"])
class TestNothingGraveIsWrong:
    def test_on_search(self, served, colors):
        with browser_page(served.address, colors=colors) as page:
            page.wait_for_selector(".fx-tiles")
            assert broken(page) == []
            ask(page, GREEN)
            assert broken(page) == []
            page.get_by_role("button", name="Options").click()
            page.get_by_text("Look by").wait_for()
            assert broken(page) == []

    def test_where_nothing_is_found(self, served, colors):
        with browser_page(f"{served.address}/?q={quote('someone plays the piano')}", colors=colors) as page:
            page.wait_for_selector(".fx-empty")
            assert broken(page) == []

    def test_on_highlights(self, served, colors):
        with browser_page(served.address, colors=colors) as page:
            ask(page, GREEN)
            collect(page, 1)
            go_to(page, "Highlights")
            page.get_by_role("button", name="Make it").wait_for()
            assert broken(page) == []

    @pytest.mark.parametrize("view", ["queue", "cameras"])
    def test_on_review(self, served, colors, view):
        with browser_page(f"{served.address}/review?view={view}", colors=colors) as page:
            page.wait_for_selector(".fx-card, .fx-wall-bar")
            assert broken(page) == []

    def test_in_the_library(self, served, colors):
        with browser_page(f"{served.address}/library", colors=colors) as page:
            page.wait_for_selector(".fx-file")
            assert broken(page) == []
            page.locator(".st-key-open_0 button").click()
            page.wait_for_selector(".fx-card")
            assert broken(page) == []
