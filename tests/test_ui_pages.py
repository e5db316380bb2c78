"""The review and library pages: what they show, what they keep, and what they refuse."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from app_pages import addresses, library_page, page, pages_of, press, texts, whole
from screenshot_app import ROOT, browser_page, chromium, running_app
from standin_truth import SAMPLES, TruthModel
from streamlit import config
from streamlit.testing.v1 import AppTest

from footage.core.types import File, Video
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from indexer.timestamps import Clocks
from search import saved_searches
from search.engine import Engine
from ui.web.components import markup

QUERY = "a green car drives from left to right"
HOSTILE = "<script>alert(1)</script> **b** :red[d] `c`"
NAMES = {
    "beach_dusk.mp4": "gate_2026-03-01_12-00-00.mp4",
    "park_dusk.mp4": "yard_2026-03-01_12-00-10.mp4",
    "gate_cam1.mp4": "street_2026-03-01_23-59-30.mp4",
}


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    """A folder of clips of three cameras, without clocks of their own, and an index of them."""
    import av

    folder = tmp_path_factory.mktemp("cameras")
    for sample, name in NAMES.items():  # the samples' own clocks would count before their names
        with av.open(str(SAMPLES / sample)) as source, av.open(str(folder / name), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
    (folder / "broken.mp4").write_text("no video at all")
    os.utime(folder / "broken.mp4", (1e9, 1e9))  # else it may still be being written
    store = Store.open(folder.with_suffix(".lancedb"), create=True)
    clocks = Clocks(UTC, "{camera}_*")
    index([folder], store=store, model=TruthModel(), embedder=load_embedder(), clocks=clocks)
    search = saved_searches.save(store.annotations, "Green cars", QUERY)
    saved_searches.look(store, Engine(store, load_embedder()), search, at=1_772_000_000.0)
    return folder


@pytest.fixture
def db(first, tmp_path) -> Path:
    shutil.copytree(first.with_suffix(".lancedb"), tmp_path / "index.lancedb")
    return tmp_path / "index.lancedb"


@pytest.fixture
def open_page(db, tmp_path, monkeypatch) -> Iterator[Callable[..., AppTest]]:
    """Opens a page of the app on a copy of the index."""
    with pages_of(db, tmp_path, monkeypatch, LIBRARY_ROOTS=tmp_path) as start:
        yield start


def field(app: AppTest, name: str) -> object:
    """A field of the form that corrects the chosen event."""
    keyed = [each for each in [*app.text_area, *app.text_input] if each.key]
    return next(each for each in keyed if each.key.startswith(f"{name}_") and "_new_" not in each.key)


def review_page() -> None:
    from standin_truth import TruthModel

    from footage.core.config import load_settings
    from ui.web.components import resources
    from ui.web.views import review

    review.show(resources.Desk(load_settings(), lambda settings: TruthModel()))


def review_page_without_a_model() -> None:
    from footage.core.config import load_settings
    from service import factories
    from ui.web.components import resources
    from ui.web.views import review

    settings = load_settings().model_copy(update={"model": "/no/such/model"})
    review.show(resources.Desk(settings, factories.load_model))


# -- The queue -------------------------------------------------------------


def test_what_was_decided_is_still_decided_when_the_page_is_opened_anew(open_page):
    app = open_page(review_page, view="queue")
    before = texts(app)
    assert before[0] == "A green car drives from left to right."
    app.text_input(key="author").set_value("Ann").run()
    note = next(field for field in app.text_input if field.key.startswith("note_"))
    note.set_value("look at the plate").run()
    press(app, "Flag")
    assert texts(app) == before[1:]
    app = open_page(review_page, view="queue")
    assert app.text_input(key="author").value == "Ann"  # suggested again on this machine
    whole(app.segmented_control(key="queue_filter").set_value("Flagged").run())
    assert texts(app) == before[:1] and "Flagged by Ann" in page(app) and "look at the plate" in page(app)
    press(app, "Reopen")
    whole(app.segmented_control(key="queue_filter").set_value("Open").run())
    assert len(texts(app)) == len(before)


def test_looking_again_finds_nothing_new_and_looking_closely_asks_the_model(open_page):
    app = open_page(review_page, view="queue")
    number = len(texts(app))
    press(app, "Check for new")
    assert "New 0" in [option.content for option in app.segmented_control(key="queue_filter").proto.options]
    assert len(texts(app)) == number
    press(app, "Check with the model")
    assert "fx-badge" in page(app) and not app.error


def test_a_missing_model_costs_the_close_look_only(open_page):
    app = open_page(review_page_without_a_model, view="queue")
    before = texts(app)
    press(app, "Check with the model")
    assert page(app).count("fx-problem") == 1 and texts(app) == before


def test_a_search_is_saved_and_asked_at_once(open_page, db):
    app = open_page(review_page, view="queue")
    app.text_input(key="save_name").set_value(HOSTILE)
    app.text_input(key="save_query").set_value("a white person walks")
    press(app, "Save")
    assert app.selectbox(key="queue_search").value == Store.open(db).annotations.searches.saved()[0].id
    assert texts(app) and "<script" not in page(app)
    app.text_input(key="save_name").set_value("Empty")
    app.text_input(key="save_query").set_value(" ")
    press(app, "Save")
    assert page(app).count("fx-problem") == 1


def test_without_a_saved_search_the_page_offers_to_save_one(open_page, db):
    book = Store.open(db).annotations
    book.searches.remove([search.id for search in book.searches.saved()])
    assert "Nothing to review yet" in page(open_page(review_page, view="queue"))


# -- The library -----------------------------------------------------------


def test_the_library_says_what_is_covered_and_what_failed(open_page, db):
    app = open_page(library_page)
    assert "1:50 of footage" in page(app) and "100% of 1:50" in page(app)
    assert "1 failed file" in page(app) and "fx-state-failed" in page(app)
    assert page(app).index("Failed files") < page(app).index("fx-lib-grid")
    assert markup.text(Store.open(db).status().failures[0][1]) in page(app)
    assert [button.label for button in app.button if button.label == "Try again"]


def test_a_file_is_found_by_part_of_its_name_and_opened(open_page):
    app = open_page(library_page)
    whole(app.text_input(key="file_words").set_value("GATE").run())
    [only] = addresses(app)
    app.query_params["video"] = only
    whole(app.run())
    assert "A blue car drives from right to left." in texts(app)
    press(app, "Library")
    assert addresses(app) == [only]  # the words are still there


def test_a_caption_is_put_right_and_taken_back(open_page, db):
    content_id = next(file.content_id for file in Store.open(db).files.all() if file.camera == "gate")
    app = open_page(library_page, video=content_id)
    old = texts(app)[0]
    whole(app.button(key="play_0").click().run())
    assert app.get("bidi_component")
    field(app, "right_text").set_value(f"An orange tractor stops. {HOSTILE}")
    field(app, "right_start").set_value("0:01")
    press(app, "Correct")
    assert texts(app)[0].startswith("An orange tractor stops.") and "corrected" in page(app)
    assert "<script" not in page(app) and f"<s>{old}</s>" in page(app)
    found = Store.open(db).texts.search("orange tractor")[0]
    assert found.span.start_seconds == 1.0
    press(app, "Undo the last version")
    assert texts(app)[0] == old and not Store.open(db).texts.search("orange tractor")


def test_a_time_outside_of_the_video_gets_a_sentence(open_page, db):
    content_id = next(file.content_id for file in Store.open(db).files.all() if file.camera == "gate")
    app = open_page(library_page, video=content_id)
    whole(app.button(key="play_0").click().run())
    field(app, "right_end").set_value("9:00")
    press(app, "Correct")
    assert page(app).count("fx-problem") == 1 and "not a valid segment of a video" in page(app)


def test_the_first_of_two_stages_can_be_unfolded_and_is_text(open_page, db):
    store = Store.open(db)
    content_id = next(iter(store.videos.all()))
    first = store.windows.of(content_id)[0]
    store.windows.commit([replace(first, caption=replace(first.caption, draft=f"Scene: {HOSTILE}"))])
    shown = page(open_page(library_page, video=content_id))
    assert shown.count("<summary>first draft</summary>") == 1
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_an_unknown_video_gets_a_sentence(open_page):
    assert "not in the index" in page(open_page(library_page, video="nonsense"))


def test_a_folder_that_is_none_is_not_indexed(open_page, tmp_path):
    app = open_page(library_page)
    app.text_input(key="run_folder").set_value(str(tmp_path / "none"))
    press(app, "Index")
    assert page(app).count("fx-problem") == 1 and "does not exist" in page(app)
    assert not (tmp_path / "cache" / "runs").exists()


def test_where_others_reach_the_app_nothing_can_be_indexed_from_it(open_page, monkeypatch):
    config.set_option("server.address", "0.0.0.0")
    app = open_page(library_page)
    labels = {button.label for button in app.button}
    assert not labels & {"Index", "Try again", "Stop"} and "allow_indexing_from_app" in page(app)


def test_ten_thousand_files_do_not_freeze_the_pages(open_page, db):
    store, start = Store.open(db), datetime(2026, 1, 1, tzinfo=UTC)
    store.videos.put(Video(f"c{n}", 60.0, 64, 48, 25.0, "h264") for n in range(10_000))
    store.files.put(
        File(
            f"/x/{n % 40}/clip{n:05}.mp4",
            f"c{n}",
            collection=f"collection {n % 40}",
            duration_seconds=60.0,
            camera=f"camera {n % 6}",
            recorded_at=(start + timedelta(minutes=n // 6)).isoformat(),
            clock_source="container",
            state="failed" if n % 100 == 0 else "indexed",
            reason="it is broken" if n % 100 == 0 else "",
        )
        for n in range(10_000)
    )
    for script in (library_page, review_page):
        app = open_page(script)
        began = time.monotonic()
        whole(app.run())
        assert time.monotonic() - began < 5
        assert len(page(app)) < 200_000


# -- In a browser ----------------------------------------------------------


@pytest.fixture
def browse(db, tmp_path, monkeypatch) -> Iterator[Callable[..., object]]:
    """Runs the app on a copy of the index, as often as asked; gives a page of a headless browser."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))

    def start(stack: ExitStack, path: str, *, model: str = "demo") -> object:
        settings = {
            "db": db,
            "model": model,
            "cache_dir": tmp_path / "cache",
            "device": "cpu",
            "batch_size": 1,
            "library_roots": tmp_path,
        }
        address = stack.enter_context(running_app(ROOT / "ui" / "web" / "app.py", cwd=tmp_path, **settings))
        return stack.enter_context(browser_page(address + path))

    yield start


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    @pytest.mark.smoke
    def test_a_marked_item_is_still_marked_after_the_app_is_restarted(self, browse):
        with ExitStack() as stack:
            page = browse(stack, "/review?view=queue")
            page.wait_for_selector(".fx-card")
            page.get_by_label("Your name").fill("Ann")
            page.keyboard.press("Enter")
            first = page.locator(".fx-card .fx-meta").first.inner_text()
            page.get_by_role("button", name="Mark reviewed", exact=True).click()
            page.wait_for_function(
                "first => document.querySelector('.fx-card .fx-meta')?.innerText != first", arg=first
            )
        with ExitStack() as stack:
            page = browse(stack, "/review?view=queue")
            page.get_by_text("Reviewed 1").click()
            page.wait_for_selector(".fx-state-reviewed")
            assert page.locator(".fx-card .fx-meta").first.inner_text() == first
            assert "Reviewed by Ann" in page.locator(".fx-card").first.inner_text()

    def test_a_run_is_seen_after_a_reload_and_ends(self, browse, tmp_path):
        folder = tmp_path / "more"
        folder.mkdir()
        for name in ("gate_cam2.mp4", "park_day.mp4"):
            shutil.copy(SAMPLES / name, folder)
        (tmp_path / "fresh").mkdir()
        with ExitStack() as stack:
            page = browse(stack, "/library")
            self._start(page, folder)
            # The index was made with another model: a sentence says so.
            page.wait_for_selector(".fx-problem")
            assert "was made with" in page.locator(".fx-problem").inner_text()

    def test_a_run_goes_on_through_a_reload_and_stops_when_asked(self, browse, db, tmp_path):
        shutil.rmtree(db)
        Store.open(db, create=True)
        folder = tmp_path / "more"
        folder.mkdir()
        shutil.copy(SAMPLES / "beach_day.mp4", folder)
        with ExitStack() as stack:
            page = browse(stack, "/library")
            self._start(page, folder)
            page.get_by_role("button", name="Stop").wait_for()
            page.reload()
            page.wait_for_function("/windows [1-9]/.test(document.querySelector('.fx-running')?.innerText)")
            page.get_by_role("button", name="Stop").click()
            page.get_by_text("Stopped: ").wait_for()
            self._start(page, folder)
            page.get_by_text("Done: ").wait_for()
            assert "1 indexed" in page.locator(".st-key-run_panel").inner_text()
            assert page.locator(".fx-share-indexed").count() == 1

    def _start(self, page, folder):
        box = page.get_by_role("textbox", name="Index a folder")
        folded = page.get_by_text("Add videos")
        box.or_(folded).first.wait_for()
        if not box.is_visible():
            folded.click()
        box.fill(str(folder))
        page.get_by_role("button", name="Index", exact=True).click()
