"""The camera wall: every file of a second has a tile, all play on one clock, and the address keeps it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from app_pages import page, pages_of, whole
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import ROOT, browser_page, chromium, running_app
from standin_truth import SAMPLES, TruthModel
from streamlit.testing.v1 import AppTest

from footage.core.types import File, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from indexer.timestamps import Clocks
from search import saved_searches
from search.engine import Engine
from ui.web.components import camera_timeline, wall

NAMES = {
    "beach_dusk.mp4": "gate_2026-03-01_12-00-00.mp4",
    "park_dusk.mp4": "yard_2026-03-01_12-00-10.mp4",
    "gate_cam1.mp4": "street_2026-02-27_08-00-00.mp4",
    "gate_cam2.mp4": "bay/2026-03-01_12-00-00.mp4",
    "street_dusk.mp4": "bay/2026-03-01_12-00-05.mp4",
}
"""Samples, and files without clocks of their own: two cameras, and a folder with two files of one second."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EIGHT = datetime(2026, 2, 27, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory) -> Path:
    """A folder with clips of several cameras, and an index of them beside it."""
    import av

    folder = tmp_path_factory.mktemp("wall")
    (folder / "bay").mkdir()
    for sample, name in NAMES.items():
        with av.open(str(SAMPLES / sample)) as source, av.open(str(folder / name), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
    store = Store.open(folder.with_suffix(".lancedb"), create=True)
    index(
        [folder],
        store=store,
        model=TruthModel(),
        embedder=load_embedder(),
        clocks=Clocks(UTC, "{camera}_*"),
    )
    store.files.put([replace(file, camera="") for file in store.files.all() if "/bay/" in file.path])
    search = saved_searches.save(store.annotations, "Green cars", "a green car drives from left to right")
    saved_searches.look(store, Engine(store, load_embedder()), search, at=1_772_000_000.0)
    return folder


@pytest.fixture
def db(filmed, tmp_path) -> Path:
    shutil.copytree(filmed.with_suffix(".lancedb"), tmp_path / "index.lancedb")
    return tmp_path / "index.lancedb"


@pytest.fixture
def open_page(db, tmp_path, monkeypatch) -> Iterator[Callable[..., AppTest]]:
    """Opens the review page of the app on a copy of the index."""
    with pages_of(db, tmp_path, monkeypatch) as start:
        yield lambda **query: start(review_page, **query)


def review_page() -> None:
    from footage.core.config import load_settings
    from service import factories
    from ui.web.components import resources
    from ui.web.views import review

    review.show(resources.Desk(load_settings(), factories.load_model))


# -- What the browser is given -----------------------------------------------------


def a_day(*files: File, **more) -> dict:
    recorded = camera_timeline.recordings(files, zone=UTC).recorded
    day = date(2026, 3, 1)
    made = wall.Day(recorded, camera_timeline.day_view(recorded, day), more.pop("spans", {}), **more)
    return json.loads(wall.encoded(made, {}))


def a_file(name: str, at: datetime = NOON, seconds: float = 60.0, camera: str = "gate") -> File:
    return File(
        f"/x/{name}.mp4",
        name,
        camera=camera,
        recorded_at=at.isoformat(),
        duration_seconds=seconds,
        state="indexed",
        clock_source="container",
    )


@given(
    st.lists(
        st.tuples(st.integers(-90_000, 90_000), st.floats(1, 9_000), st.sampled_from("abc")), max_size=12
    )
)
def test_every_file_of_the_day_has_a_place_of_its_own(drawn):
    files = [
        a_file(f"f{number}", NOON + timedelta(seconds=second), seconds, camera)
        for number, (second, seconds, camera) in enumerate(drawn)
    ]
    day = a_day(*files)
    first, last = day["day"]
    ends = {f.content_id: datetime.fromisoformat(f.recorded_at).timestamp() * 1000 for f in files}
    inside = {
        f.content_id
        for f in files
        if ends[f.content_id] < last and ends[f.content_id] + 1000 * f.duration_seconds > first
    }
    assert {recording[8] for recording in day["recordings"]} == inside
    for number in range(len(day["lanes"])):
        mine = sorted(recording[1:3] for recording in day["recordings"] if recording[0] == number)
        assert all(one[1] <= other[0] + 1 for one, other in pairwise(mine))
    assert first <= day["fit"][0] <= day["fit"][1] <= last


def test_alerts_and_results_lie_on_the_lanes():
    spans = {"event": {"a": [(Span(1, 2), "a dog")]}, "match": {"a": [(Span(5, 9), "Dogs: a dog")]}}
    absence = wall.Happening(NOON, NOON + timedelta(minutes=1), "Nobody came", "yard")
    day = a_day(a_file("a"), a_file("b", camera="yard"), spans=spans, happenings=[absence])
    assert [(block[0], block[1], block[4]) for block in day["blocks"]] == [
        (1, "alert", "Nobody came"),
        (0, "event", "a dog"),
        (0, "match", "Dogs: a dog"),
    ]
    assert [block[2] - day["recordings"][0][1] for block in day["blocks"]] == [0, 1000, 5000]


@given(st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.booleans()))
def test_what_the_browser_sends_is_a_moment_or_nothing(value):
    moment = wall.read_moment({"moment": value})
    fits = (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 253_402_300_799_000
    )
    assert (moment is not None) == fits
    asked = {"action": "player", "content": "a", "seconds": value, "moment": 1000}
    read = wall.read_asked({"asked": asked}, actions=("player",), content_ids={"a"})
    assert read is None or read.seconds >= 0
    assert wall.read_asked({"asked": value}, actions=("player",), content_ids={"a"}) is None
    assert wall.read_day({"day": value}, [date(2026, 3, 1)]) is None


def test_only_videos_on_the_wall_can_be_asked_for():
    asked = {"action": "player", "content": "a", "seconds": 3, "moment": 1000}
    assert wall.read_asked({"asked": asked}, actions=("player",), content_ids={"a"}).seconds == 3
    assert wall.read_asked({"asked": asked}, actions=("player",), content_ids={"b"}) is None
    assert wall.read_asked({"asked": asked}, actions=("search",), content_ids={"a"}) is None
    assert wall.read_day({"day": "2026-03-01"}, [date(2026, 3, 1)]) == date(2026, 3, 1)


# -- The page ------------------------------------------------------------------------


def test_the_latest_day_with_footage_opens_first(open_page):
    app = open_page()
    assert app.session_state["wall_day"] == date(2026, 3, 1)


def test_the_address_opens_the_wall_at_a_moment_and_says_where_there_is_none(open_page):
    app = open_page(view="cameras", moment="2026-02-27T08:00:30Z")
    assert app.session_state["wall_moment"] == datetime(2026, 2, 27, 8, 0, 30, tzinfo=UTC)
    assert app.session_state["wall_day"] == date(2026, 2, 27)
    app = open_page(view="cameras", moment="2026-02-28T20:00:00+00:00")
    assert "No camera has footage at 20:00:00" in page(app)
    assert app.session_state["wall_day"] in (date(2026, 2, 27), date(2026, 3, 1))
    assert "is not a moment" in page(open_page(view="cameras", moment="yesterday"))


def test_files_without_a_clock_are_counted_beside_the_wall_and_listed(open_page, db):
    store = Store.open(db)
    store.files.put(
        [
            File("/x/old.mp4", "old", duration_seconds=60, state="indexed"),
            File("/x/older.mp4", "older", duration_seconds=60, state="indexed"),
            File("/x/broken.mp4", "", state="failed", reason="it is broken"),
        ]
    )
    app = open_page()

    names = {name for table in app.dataframe for name in table.value["Name"]}
    assert names == {"old.mp4", "older.mp4", "broken.mp4"}


def test_without_any_clock_the_page_says_what_to_do(open_page, db):
    store = Store.open(db)
    store.files.put([replace(file, recorded_at="") for file in store.files.all()])
    app = open_page()
    assert "No recording has a clock yet" in page(app) and "--guess-time" in page(app)
    assert len(app.dataframe[0].value["Name"]) == len(NAMES)


def test_one_camera_opens_in_the_player(open_page, db):
    app = open_page()
    gate = next(file for file in Store.open(db).files.all() if file.camera == "gate")
    app.session_state["wall_played"] = wall.WallWish(
        "player", gate.content_id, 5.0, NOON + timedelta(seconds=5)
    )
    whole(app.run())
    assert "<h2>gate, 12:00:05</h2>" in page(app)
    whole(app.button(key="wall_close").click().run())
    assert "<h2>gate" not in page(app)


def test_a_search_is_marked(open_page):
    app = open_page()
    choice = app.selectbox(key="wall_search")
    whole(choice.select_index(1).run())
    blocks = json.loads(app.session_state["wall_data"][2])["blocks"]
    assert {block[1] for block in blocks} == {"event", "match"}


# -- In a browser ----------------------------------------------------------------------

READY = (
    "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
    ".map(each => each.shadowRoot?.querySelector('.wall')).find(Boolean)"
)


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    @contextmanager
    def app(self, db, tmp_path, monkeypatch, path, **look):
        pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        settings = {"db": db, "model": "demo", "cache_dir": tmp_path / "cache", "device": "cpu"}
        with (
            running_app(ROOT / "ui" / "web" / "app.py", cwd=tmp_path, **settings) as address,
            browser_page(address + path, **look) as page,
        ):
            yield page

    @contextmanager
    def wall(self, db, tmp_path, monkeypatch, **look):
        with self.app(db, tmp_path, monkeypatch, "/review?view=cameras", **look) as page:
            page.wait_for_selector(".wall[data-state=ready]")
            yield page

    def test_an_answer_of_a_search_leads_to_all_cameras_and_back(self, db, tmp_path, monkeypatch):
        with self.app(db, tmp_path, monkeypatch, "/?q=camera%3Ayard+a+dog") as page:
            chosen = page.locator(".fx-card").first
            chosen.wait_for()
            page.get_by_role("link", name="All cameras").wait_for()
            page.keyboard.press("c")
            page.wait_for_selector(".wall[data-state=ready]")
            began = NOON.timestamp() * 1000 + 10_000  # of the file of the yard
            page.wait_for_function(f"Number({READY}.dataset.moment) >= {began}")
            assert "moment=2026-03-01T12" in page.url
            page.go_back()
            chosen.wait_for()
            assert page.refused == []

    def test_all_cameras_play_in_step_and_the_address_keeps_the_moment(self, db, tmp_path, monkeypatch):
        with self.wall(db, tmp_path, monkeypatch) as page:
            root = page.locator(".wall")
            # 1. It opens where most cameras record; both files of the folder have a tile.
            page.wait_for_function(f"Number({READY}.dataset.moment) === {NOON.timestamp() * 1000 + 10_000}")
            names = page.locator(".tile:not([hidden]) header b").all_inner_texts()
            assert names == ["gate", "street", "yard", "bay", "bay"] or names == [
                "gate",
                "yard",
                "bay",
                "bay",
            ]
            assert page.locator(".tile:not([hidden]):not(.none)").count() == 4

            # 2. They play on one clock.
            page.keyboard.press("Space")
            page.wait_for_function(f"{READY}.dataset.plays === 'playing'")
            page.wait_for_function(
                f"{READY}.dataset.drifts.split(',').length === 4"
                f" && {READY}.dataset.drifts.split(',').every(each => Math.abs(each) < 250)"
            )
            page.wait_for_function(f"Number({READY}.dataset.moment) > {NOON.timestamp() * 1000 + 11_000}")
            page.get_by_role("button", name="Sound of gate").click()
            assert page.locator(".tile.heard").count() == 1

            # 3. A pause goes into the address, and a reload returns there.
            page.keyboard.press("k")
            page.wait_for_function("location.search.includes('moment=')")
            page.wait_for_function(f"{READY}.dataset.plays === 'paused'")
            paused = int(root.get_attribute("data-moment"))
            page.reload()
            page.wait_for_selector(".wall[data-state=ready]")
            page.wait_for_function(f"Math.abs(Number({READY}.dataset.moment) - {paused}) < 50")

            # 4. What happens around the moment is listed, and goes there.
            line = page.locator(".around .go").first
            line.click()
            page.wait_for_function(f"Number({READY}.dataset.moment) !== {paused}")
            assert page.alerts == [] and page.refused == []

    def test_the_timeline_fits_the_footage_and_is_worked_by_keys(self, db, tmp_path, monkeypatch):
        with self.wall(db, tmp_path, monkeypatch) as page:
            root = page.locator(".wall")
            fit = page.get_by_role("button", name="Fit", exact=True)
            assert fit.is_disabled()  # the footage, not 24 hours
            page.get_by_role("button", name="Whole day").click()
            assert fit.is_enabled()
            fit.click()
            slider = page.get_by_role("slider", name="Moment of all cameras")
            slider.focus()
            slider.press("Home")
            first = NOON.timestamp() * 1000
            page.wait_for_function(f"Number({READY}.dataset.moment) === {first}")
            slider.press("ArrowRight")
            slider.press("Shift+ArrowRight")
            page.wait_for_function(f"Number({READY}.dataset.moment) === {first + 11_000}")
            assert "12:00:11, 3 of 4 cameras" in slider.get_attribute("aria-valuetext") or (
                "12:00:11, 3 of 3 cameras" in slider.get_attribute("aria-valuetext")
            )
            page.get_by_label("Go to a time").fill("12:00:03")
            page.keyboard.press("Enter")
            page.wait_for_function(f"Number({READY}.dataset.moment) === {first + 3_000}")
            page.get_by_label("Go to a time").fill("noon")
            page.keyboard.press("Enter")
            assert "is not a time of day" in page.locator(".say").inner_text()
            assert root.get_attribute("data-plays") == "paused"

    def test_the_calendar_goes_to_a_day_with_footage(self, db, tmp_path, monkeypatch):
        with self.wall(db, tmp_path, monkeypatch, width=390, height=840) as page:
            page.locator(".pick").click()
            page.locator(".calendar [data-day='2026-03-01']").wait_for()
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowLeft")
            day = page.locator(".calendar button:focus")
            assert day.get_attribute("data-day") == "2026-02-27"
            assert "1 min of footage" in day.get_attribute("aria-label")
            page.keyboard.press("Enter")
            page.get_by_text("08:00:00", exact=True).first.wait_for()
            page.wait_for_function(f"Number({READY}.dataset.moment) === {EIGHT.timestamp() * 1000}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390

    def test_on_a_phone_the_playback_keys_hide_little_of_a_tile(self, db, tmp_path, monkeypatch):
        with self.wall(db, tmp_path, monkeypatch, width=390, height=840) as page:
            play = page.get_by_role("toolbar", name="Playback of all cameras")
            keys = play.bounding_box()
            assert keys["height"] < 70 and keys["y"] + keys["height"] <= 840  # one row, in view
            second = page.locator(".tile:not([hidden])").nth(1).bounding_box()
            assert second["y"] + second["height"] / 2 < keys["y"]
            page.get_by_role("toolbar", name="What the timeline shows").scroll_into_view_if_needed()
            page.get_by_role("button", name="Zoom in").click()
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
