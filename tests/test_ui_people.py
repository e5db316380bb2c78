"""Whole visits of an editor, an analyst and somebody with a keyboard alone, in a browser.

The guard's visits are in test_ui_review_queue.py and test_ui_wall.py, the newcomer's in
test_ui_first_page.py, those with a phone in test_ui_access.py.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import opentimelineio as otio
import pytest
from screenshot_app import QUIET, browser_page, chromium
from test_ui_journeys import GREEN, Served, ask, go_to, press, serve

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        yield serve(stack, tmp_path_factory.mktemp("people"), "beach_dusk.mp4", "park_dusk.mp4")


def exported(page, kind: str) -> zipfile.ZipFile:
    """What the panel offers once it is done; an export of before stands there until then."""
    link = page.locator(".fx-export-done").filter(has_text=f"{kind},").locator("a").first
    link.wait_for()
    with page.expect_download() as fetched:
        link.click()
    return zipfile.ZipFile(io.BytesIO(Path(fetched.value.path()).read_bytes()))


def test_an_editor_takes_a_trimmed_moment_to_resolve(served):
    with browser_page(served.address) as page:
        ask(page, GREEN)
        page.keyboard.press("Escape")
        page.locator("[data-do='out - second']").click()
        press(page, "Add to highlights")
        page.get_by_text("Added").first.wait_for()
        go_to(page, "Highlights")
        page.wait_for_selector(".st-key-cutting_table")
        press(page, "Export editor package")
        package = exported(page, "Editor package")
        names = package.namelist()
        assert {Path(name).suffix for name in names} >= {".edl", ".otio", ".csv", ".json", ".mp4", ".txt"}
        [list_name] = [name for name in names if name.endswith(".otio")]
        timeline = otio.adapters.read_from_string(package.read(list_name).decode(), "otio_json")
        [clip] = timeline.find_clips()
        media = clip.media_reference.target_url
        assert not media.startswith("/") and any(name.endswith(Path(media).name) for name in names)


def test_an_analyst_lists_every_scene_of_a_kind_in_a_table(served):
    with browser_page(f"{served.address}/?q={quote('a car drives')}") as page:
        page.wait_for_selector(".st-key-add_all button")
        page.locator(".st-key-add_all button").click()
        page.get_by_text("Added").first.wait_for()
        go_to(page, "Highlights")
        page.wait_for_selector(".st-key-cutting_table")
        number = page.locator(".table .strip > li").count()
        assert number >= 2
        page.get_by_text("Clips", exact=True).click()
        press(page, "Export clips")
        files = exported(page, "Clips")
        assert sum(name.endswith(".mp4") for name in files.namelist()) == number
        page.get_by_text("Editor package", exact=True).click()
        press(page, "Export editor package")
        package = exported(page, "Editor package")
        [table] = [name for name in package.namelist() if name.endswith(".csv")]
        rows = list(csv.DictReader(io.StringIO(package.read(table).decode("utf-8-sig"))))
        assert len(rows) == number


def test_a_moment_is_found_trimmed_and_put_into_a_reel_without_a_mouse(served):
    with browser_page(served.address) as page:
        page.wait_for_selector(".fx-tiles")
        page.wait_for_function(QUIET)
        while page.evaluate("document.activeElement.tagName") != "INPUT":  # until the page listens
            page.keyboard.press("/")
            page.wait_for_timeout(100)
        page.keyboard.type(GREEN)
        page.keyboard.press("Escape")  # the completions
        page.keyboard.press("Enter")
        page.wait_for_selector(".fx-why")
        page.wait_for_function("!document.querySelector('.st-key-looking')")
        page.evaluate("document.activeElement.blur()")
        before = page.locator("[data-point=in] .clock").inner_text()
        page.keyboard.press("]")
        page.wait_for_function(
            "before => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')].some(host =>"
            " { const clock = host.shadowRoot.querySelector('[data-point=in] .clock');"
            " return clock && clock.textContent !== before })",
            arg=before,
        )
        page.keyboard.press("n")
        page.wait_for_selector(".fx-now .st-key-play_1", state="attached")
        page.keyboard.press("p")
        page.wait_for_selector(".fx-now .st-key-play_0")
        page.keyboard.press("e")
        page.get_by_text("Added").first.wait_for()
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keys").wait_for()
        page.keyboard.press("Escape")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.closest('a')?.pathname === '/highlights'"):
                break
        page.keyboard.press("Enter")
        page.wait_for_selector(".st-key-cutting_table")
        assert page.locator(".table .strip > li").count() >= 1
        assert page.alerts == [] and page.refused == []
