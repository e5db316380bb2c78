"""The search box with its filters, the first page and the page of an empty index."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from app_pages import page as written
from app_pages import pages_of, whole
from screenshot_app import ROOT, browser_page, chromium, running_app
from standin_truth import SAMPLES

from footage.core.config import Settings, load_settings
from footage.core.errors import UsageError
from footage.store import Store
from service import saved
from service.index import IndexRequest, index
from service.overview import Overview, overview
from service.query_values import query_values
from service.session import Service
from ui.web import index_jobs
from ui.web.views import first_page

APP = ROOT / "ui" / "web" / "app.py"
TYPED = "What happens?"


@pytest.fixture(scope="module")
def index_of_two(tmp_path_factory) -> Path:
    """An index of a camera at the gate, at 18:20 by the container, and one in the yard, at 10:30."""
    folder = tmp_path_factory.mktemp("cameras")
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder / "gate_2026-03-01_12-00-00.mp4")
    shutil.copy(SAMPLES / "park_day.mp4", folder / "yard_2026-03-02_22-00-00.mp4")
    settings = Settings(db=folder / "index.lancedb", model="demo", device="cpu", tracks=("caption",))
    request = IndexRequest(paths=(folder,), camera_from="{camera}_*", time_zone="UTC")
    index(Service(settings), request)
    return folder / "index.lancedb"


@pytest.fixture
def open_page(tmp_path, monkeypatch) -> Iterator[object]:
    def search_page() -> None:
        from footage.core.config import load_settings
        from ui.web.components import resources
        from ui.web.views import searching

        searching.show(resources.Desk(load_settings()))

    with ExitStack() as stack:

        def start(db: Path, **query: str):
            opened = stack.enter_context(pages_of(db, tmp_path, monkeypatch, LIBRARY_ROOTS=tmp_path))
            return opened(search_page, exact="false", **query)

        yield start


def bar(app) -> dict:
    """What the browser gets for the filters."""
    given = [json.loads(each.proto.json or each.proto.mixed.json) for each in app.get("bidi_component")]
    return next(data for data in given if "fields" in data)


def test_the_first_page_says_what_is_indexed_and_each_tile_opens_its_video(open_page, index_of_two):
    app = open_page(index_of_two)
    line = r"2 videos · 1 min · \d+ events · updated .*"
    assert re.search(line, written(app))
    links = [each.proto for each in app.get("page_link")]
    ids = {dict(part.split("=") for part in link.query_string.split("&"))["video"] for link in links}
    assert ids == set(Store.open(index_of_two).videos.all()) and {link.page for link in links} == {"library"}


def test_saved_searches_are_offered_with_what_is_new(open_page, index_of_two, tmp_path):
    db = tmp_path / "copy.lancedb"
    shutil.copytree(index_of_two, db)
    service = Service(load_settings(db=db, model="demo"))
    saved.save(service, saved.SaveRequest(name="green *cars*", query="a green car drives"))
    found = saved.review(service, saved.ReviewRequest(name="green *cars*"))
    saved.remember(service, saved.RememberRequest(query="a dog runs"))
    app = open_page(db)
    labels = {button.key: button.label.replace("\u2060", "").replace("\\", "") for button in app.button}
    assert labels["saved_0"] == f"green *cars* · {len(found)} new" and labels["recent_0"] == "a dog runs"
    whole(app.button(key="saved_0").click().run())
    assert app.session_state.asked == "a green car drives" and "fx-card" in written(app)
    assert dict(bar(app)["saved"]) == {"green *cars*": "a green car drives"}


def test_the_browser_gets_the_names_of_the_index_and_how_the_query_was_read(open_page, index_of_two):
    app = open_page(index_of_two, q="a car drives by THEN a dog runs within 30s camera:gate hourz:x")
    data = bar(app)
    fields = {each["name"]: each for each in data["fields"]}
    assert fields["camera"]["values"] == ["gate", "yard"] and not fields["camera"]["more"]
    assert data["days"] == ["2026-03-01", "2026-03-01"] and data["tracks"] == ["captions"]
    assert data["parts"][0] == "a car drives by" and data["relation"] == "THEN"
    assert data["notes"] == ["within 30s"] or data["unread"] == ["hourz:x"]


def test_a_misspelt_filter_is_one_press_away_from_the_right_one(open_page, index_of_two):
    app = open_page(index_of_two, q="a green car drives camra:gaet")
    meant = next(button for button in app.button if button.key == "meant_0")
    assert "camera" in meant.label and "gate" in meant.label
    whole(meant.click().run())
    assert app.session_state.asked == "a green car drives camera:gate" == app.text_input(key="typed").value
    assert "fx-card" in written(app) and not any(
        (button.key or "").startswith("meant") for button in app.button
    )


def test_of_many_names_the_page_gets_a_part_and_finds_the_others(index_of_two):
    from dataclasses import replace

    from ui.web.components import questions

    service = Service(load_settings(db=index_of_two, model="demo"))
    values = query_values(service)
    assert query_values(service) is values
    many = replace(values, by_filter={"camera": tuple(f"cam {n:04}" for n in range(900))})
    field = next(each for each in questions.FIELDS if each.name == "camera")
    offered = questions.with_values(field, many)
    assert len(offered.values) == 300 and offered.more
    assert questions.matching(many, "camera", "M 08")[:2] == ["cam 0800", "cam 0801"]


def test_numbers_and_lengths_are_written_for_people(tmp_path):
    assert overview(Service(load_settings(db=tmp_path / "none.lancedb"))) == Overview()
    assert [first_page.length(seconds) for seconds in (12.4, 185, 7_500)] == ["12 s", "3 min", "2 h 5 min"]


# -- An empty index --------------------------------------------------------


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name, value in {"DB": tmp_path / "index.lancedb", "CACHE_DIR": tmp_path / "cache"}.items():
        monkeypatch.setenv(f"FOOTAGE_{name}", str(value))
    monkeypatch.delenv("FOOTAGE_CONFIG", raising=False)
    return load_settings()


def test_of_bundled_files_the_app_may_index_the_sample_clips_alone(settings, tmp_path):
    assert index_jobs.check_roots(settings, [SAMPLES]) == [str(SAMPLES.resolve())]
    for paths in (
        [SAMPLES.parent],
        [SAMPLES.parent / "narrated"],
        [SAMPLES, tmp_path],
        [SAMPLES / ".." / ".."],
    ):
        with pytest.raises(UsageError, match="not in a folder that the app may index"):
            index_jobs.check_roots(settings, paths)


@pytest.fixture(scope="module")
def address(index_of_two, tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("app")
    db = folder / "index.lancedb"
    shutil.copytree(index_of_two, db)
    with running_app(APP, cwd=folder, db=db, model="demo", cache_dir=folder / "cache", device="cpu") as at:
        yield at


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    def test_names_are_completed_by_keys_and_enter_asks(self, address):
        with browser_page(f"{address}/?exact=false") as page:
            page.wait_for_selector(".fq-add")
            box = page.get_by_placeholder(TYPED)
            box.click()
            assert box.get_attribute("role") == "combobox"
            page.keyboard.type("a green car drives cam")
            page.get_by_role("option", name="camera:").first.wait_for()
            page.keyboard.press("ArrowDown")
            assert box.get_attribute("aria-activedescendant") == "fq-option-0"
            page.keyboard.press("Enter")
            assert box.input_value() == "a green car drives camera:"
            page.keyboard.type("g")
            page.get_by_role("option", name="camera:gate").wait_for()
            page.keyboard.press("Tab")
            assert box.input_value() == "a green car drives camera:gate "
            assert page.locator(".fq-chip").inner_text().replace("\n", " ").startswith("Camera gate")
            page.keyboard.press("Escape")
            page.keyboard.press("Enter")
            page.wait_for_selector(".fx-card")
            assert "camera" in page.evaluate("new URLSearchParams(location.search).get('q')")
            page.get_by_role("button", name="Remove Camera gate").click()
            page.wait_for_function("new URLSearchParams(location.search).get('q') === 'a green car drives'")
            assert page.locator(".fq-chip").count() == 0
            assert page.alerts == [] and page.refused == []

    def test_pickers_write_the_query_and_what_is_typed_fills_the_pickers(self, address):
        with browser_page(f"{address}/?exact=false") as page:
            page.wait_for_selector(".fq-add")
            page.get_by_placeholder(TYPED).fill("a car drives longer:10s")
            page.keyboard.press("Escape")  # the suggestions lie over the button
            page.locator(".fq-add").click()
            panel = page.get_by_role("dialog", name="Filters")
            assert panel.get_by_label("At least").input_value() == "10s"
            panel.get_by_role("button", name="yard", exact=True).click()
            panel.get_by_role("button", name="gate", exact=True).click()
            panel.get_by_role("button", name="yard", exact=True).click()
            panel.get_by_label("From day").fill("2026-03-01")
            panel.get_by_label("To day").fill("2026-03-01")
            panel.get_by_label("From time").fill("18:00")
            panel.get_by_label("To time").fill("20:00")
            panel.get_by_role("button", name="Seen").click()
            panel.get_by_label("At least").fill("")
            panel.get_by_role("button", name="Done").click()
            page.wait_for_function("location.search.includes('hours')")
            assert page.evaluate("new URLSearchParams(location.search).get('q')") == (
                "a car drives camera:gate after:2026-03-01 before:2026-03-02 hours:18:00-20:00 in:captions"
            )
            page.wait_for_selector(".fx-card")
            assert len(page.locator(".fq-chip").all()) == 5

    def test_operators_are_offered_with_an_example_and_make_parts(self, address):
        with browser_page(f"{address}/?exact=false") as page:
            page.wait_for_selector(".fq-add")
            page.get_by_placeholder(TYPED).fill("a car drives by")
            page.locator(".fq-add").click()
            page.get_by_role("button", name=re.compile("^THEN.*somebody gets out")).click()
            page.keyboard.type("a dog runs")
            assert page.get_by_placeholder(TYPED).input_value() == "a car drives by THEN a dog runs"
            assert page.locator(".fq-part").all_inner_texts() == ["a car drives by", "a dog runs"]
            page.locator(".fq-add").click()
            assert page.get_by_role("button", name=re.compile("^WITHOUT")).is_disabled()

    def test_a_tile_opens_its_video_without_a_new_visit(self, address):
        with browser_page(address) as page:
            page.wait_for_selector(".st-key-tile_0 a")
            page.evaluate("window.same = true")
            page.locator(".st-key-tile_0").click()
            page.wait_for_function("location.pathname === '/library' && location.search.includes('video=')")
            assert page.evaluate("window.same")
            page.get_by_role("tab").first.wait_for()

    def test_an_empty_index_takes_the_sample_clips_and_becomes_the_first_page(self, tmp_path):
        app = running_app(
            APP, cwd=tmp_path, db=tmp_path / "index.lancedb", model="demo", cache_dir=tmp_path / "cache"
        )
        with app as address, browser_page(f"{address}/?exact={quote('false')}") as page:
            page.get_by_role("button", name="Try the sample clips").click()
            page.wait_for_selector("[data-testid=stProgress]")
            page.wait_for_selector(".fx-holdings")
            page.wait_for_function("document.querySelector('.fx-holdings').innerText.startsWith('8 videos')")
            page.wait_for_function("document.querySelectorAll('[class*=st-key-tile_]').length === 8")
            assert page.locator(".fx-problem").count() == 0
