"""The app for everybody: light and dark, held against axe's rules for accessible pages; and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from urllib.parse import quote

import pytest
from screenshot_app import QUIET, ROOT, browser_page, chromium
from test_ui_journeys import GREEN, Served, ask, collect, go_to, new_reel, serve

from footage.embed.text_embedder import load_embedder
from footage.store import Store
from search import saved_searches
from search.engine import Engine

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]
ENTRY = ROOT / "ui" / "web" / "app.py"  # the look is read from the folder of the entry
GRAVE = {"serious", "critical"}
BACKGROUND = "part => getComputedStyle(part).backgroundColor"
FRAMEWORK = {
    "aria-dialog-name .stToast": "a toast names a label that is not there; its text is read out",
}
"""What Streamlit's own parts break: "rule selector", and why it is not ours to mend."""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        served = serve(stack, tmp_path_factory.mktemp("app"), "beach_dusk.mp4", "park_dusk.mp4", script=ENTRY)
        store = Store.open(served.db)
        search = saved_searches.save(store.annotations, "Green cars", GREEN)
        saved_searches.look(store, Engine(store, load_embedder()), search, at=1_772_000_000.0)
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
            page.get_by_text("Rank by").wait_for()
            assert broken(page) == []
            page.get_by_role("button", name="Save", exact=True).click()  # without a name
            page.wait_for_selector(".fx-problem")
            # What lies over the page has the page's colours.
            over, on = (page.locator(part).first.evaluate(BACKGROUND) for part in (".fx-problem", ".fx-card"))
            assert over == on

    def test_where_nothing_is_found(self, served, colors):
        with browser_page(f"{served.address}/?q={quote('someone plays the piano')}", colors=colors) as page:
            page.wait_for_selector(".fx-empty")
            assert broken(page) == []

    def test_on_highlights(self, served, colors):
        new_reel(served)
        with browser_page(served.address, colors=colors) as page:
            ask(page, GREEN)
            collect(page, 1)
            go_to(page, "Highlights")
            page.get_by_role("button", name="Export editor package").wait_for()
            assert broken(page) == []

    @pytest.mark.parametrize("view", ["queue", "cameras"])
    def test_on_review(self, served, colors, view):
        with browser_page(f"{served.address}/review?view={view}", colors=colors) as page:
            page.wait_for_selector(".fx-card, .wall[data-state=ready]")
            assert broken(page) == []

    def test_in_the_library(self, served, colors):
        with browser_page(f"{served.address}/library", colors=colors) as page:
            page.wait_for_selector("a.fx-lib-tile")
            assert broken(page) == []
            page.locator("a.fx-lib-tile").first.click()
            page.wait_for_selector(".fx-card")
            assert broken(page) == []


PHONE = {"width": 390, "height": 844}
OVERHANG = (
    "() => [document.scrollingElement, document.querySelector('[data-testid=stMain]')]"
    ".map(part => part.scrollWidth - innerWidth)"
)
"""By how many pixels the page, and what scrolls in it, are wider than the window."""


def fits(page, *controls) -> None:
    """Hold a page against a phone: it does not scroll sideways, and fingers reach its controls."""
    page.wait_for_function(QUIET)
    assert max(page.evaluate(OVERHANG)) <= 0
    for control in controls:
        box = control.bounding_box()
        assert box is not None, control
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"], (control, box)
        assert min(box["width"], box["height"]) >= 24, (control, box)


class TestOnAPhone:
    def test_searching_and_collecting(self, served):
        new_reel(served)
        with browser_page(served.address, **PHONE) as page:
            button, menu = partial(page.get_by_role, "button"), page.get_by_test_id("stExpandSidebarButton")
            page.wait_for_selector(".fx-tiles")
            search = page.get_by_placeholder("What happens?"), button(name="Search"), button(name="Options")
            fits(page, menu, *search)
            ask(page, GREEN)
            acts = [
                button(name=name, exact=True) for name in ("Mark correct", "Mark wrong", "Add to highlights")
            ]
            button(name="Show the whole player").click()
            play = page.locator(".bar .play")
            fits(page, *search, page.locator("video"), play, *acts)
            name = page.locator(".fx-card .fx-name").first  # is not pressed together by what stands beside it
            assert name.evaluate("name => name.scrollWidth <= name.clientWidth")
            button(name="Make the player small").click()
            button(name="Options").click()
            page.get_by_text("Rank by").wait_for()
            fits(page, button(name="Save", exact=True))
            page.keyboard.press("Escape")
            button(name="Show the whole player").click()
            collect(page, 1)
            button(name="Make the player small").click()
            menu.click()
            go_to(page, "Highlights")
            button(name="Export editor package").wait_for()
            fits(
                page,
                button(name="Play all"),
                button(name="Remove", exact=True),
                button(name="Export editor package"),
            )

    def test_what_is_not_found(self, served):
        with browser_page(f"{served.address}/?q={quote('someone plays the piano')}", **PHONE) as page:
            page.wait_for_selector(".fx-empty")
            fits(page, page.locator(".fx-facts"))

    def test_reviewing(self, served):
        with browser_page(f"{served.address}/review?view=queue", **PHONE) as page:
            page.wait_for_selector(".fx-card")
            fits(
                page,
                *(
                    page.get_by_role("button", name=name)
                    for name in ("Check for new", "Mark reviewed", re.compile("Flag$"))
                ),
            )
            page.get_by_text("Cameras", exact=True).click()
            page.wait_for_selector(".wall[data-state=ready]")
            fits(page, page.get_by_role("button", name="Zoom in"), page.get_by_label("Go to a time"))

    def test_the_library_and_a_video(self, served):
        with browser_page(f"{served.address}/library", **PHONE) as page:
            page.wait_for_selector("a.fx-lib-tile")
            page.get_by_text("Add videos").click()
            index = page.get_by_role("button", name="Index", exact=True)
            fits(page, index, page.locator("a.fx-lib-tile").last)
            page.locator("a.fx-lib-tile").first.click()
            page.wait_for_selector(".fx-card")
            for name in ("What happens", "Transcript", "Provenance", "Files"):
                tab = page.get_by_role("tab", name=name)
                tab.click()
                fits(page, tab, page.get_by_role("button", name="Library"))


@pytest.mark.parametrize("colors", ["light", "dark"])
@pytest.mark.parametrize(
    ("view", "there"), [("captions", ".fx-empty"), ("alerts", ".fx-empty, .fx-notice"), ("queue", ".fx-card")]
)
def test_nothing_grave_is_wrong_in_the_other_views_of_review(served, colors, view, there):
    with browser_page(f"{served.address}/review?view={view}", colors=colors) as page:
        page.wait_for_selector(there)
        assert broken(page) == []
        if view == "queue":  # its tools are one row: nothing stretches them
            tools = page.locator(".st-key-queue_tools").bounding_box()
            assert tools is not None and tools["height"] < 150, tools
