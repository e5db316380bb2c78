"""The queue in the app: selecting, deciding, undo, a person's own place, the navigation's count, keys."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path

import pytest
from app_pages import page, pages_of, press, texts, whole
from screenshot_app import ROOT, browser_pages, chromium, running_app
from standin_truth import SAMPLES, TruthModel
from streamlit.testing.v1 import AppTest

from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from indexer.timestamps import Clocks
from search import saved_searches
from search.engine import Engine

NAMES = {
    "beach_dusk.mp4": "gate_2026-03-01_12-00-00.mp4",
    "park_dusk.mp4": "yard_2026-03-01_12-00-10.mp4",
}


def named_copy(source: Path, target: Path) -> None:
    """A copy without a clock of its own, so that the one of its name counts."""
    import av

    with av.open(str(source)) as video, av.open(str(target), "w") as copy:
        stream = video.streams.video[0]
        copied = copy.add_stream_from_template(stream)
        for packet in video.demux(stream):
            if packet.dts is not None:
                packet.stream = copied
                copy.mux(packet)


def index_into(db: Path, folder: Path) -> Store:
    store = Store.open(db, create=True)
    clocks = Clocks(UTC, "{camera}_*")
    index([folder], store=store, model=TruthModel(), embedder=load_embedder(), clocks=clocks)
    return store


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    """A folder of clips of two cameras, and an index of them with a saved search that was looked for once."""
    folder = tmp_path_factory.mktemp("queue")
    for sample, name in NAMES.items():
        named_copy(SAMPLES / sample, folder / name)
    store = index_into(folder.with_suffix(".lancedb"), folder)
    search = saved_searches.save(store.annotations, "People", "a person walks")
    saved_searches.look(store, Engine(store, load_embedder()), search, at=1_772_000_000.0)
    return folder


@pytest.fixture
def db(first, tmp_path) -> Path:
    shutil.copytree(first.with_suffix(".lancedb"), tmp_path / "index.lancedb")
    return tmp_path / "index.lancedb"


@pytest.fixture
def open_page(db, tmp_path, monkeypatch) -> Iterator[Callable[..., AppTest]]:
    with pages_of(db, tmp_path, monkeypatch) as start:
        yield lambda: start(review_page, view="queue")


def review_page() -> None:
    from standin_truth import TruthModel

    from footage.core.config import load_settings
    from ui.web.components import resources
    from ui.web.views import review

    review.show(resources.Desk(load_settings(), lambda settings: TruthModel()))


def states(db: Path) -> list[str]:
    return [mark.state for mark in Store.open(db).annotations.marks.all(kinds=["review"])]


def first_of(value: str | list[str]) -> str:
    return value if isinstance(value, str) else value[0]


def click(app: AppTest, key: str) -> AppTest:
    return whole(app.button(key=key).click().run())


def test_many_are_decided_at_once_and_taken_back_step_by_step(open_page, db):
    app = open_page()
    number = len(texts(app))
    assert number >= 2 and "gate" in page(app) and "2026" in page(app)
    press(app, "Flag")
    assert states(db).count("flagged") == 1
    click(app, "queue_pick_all")
    assert f"<b>{number - 1}</b> selected" in page(app)
    click(app, "batch_reviewed")
    assert states(db).count("reviewed") == number - 1 and "All done" in page(app)
    assert f"{number - 1} marked reviewed" in page(app) or number == 2
    click(app, "queue_undo")
    assert states(db).count("reviewed") == 0 and len(texts(app)) == number - 1
    click(app, "queue_undo")
    assert set(states(db)) == {"open"}
    click(app, "queue_redo")
    assert states(db).count("flagged") == 1


def test_the_next_open_item_is_shown_and_goes_on(open_page):
    app = open_page()
    second = page(app).split("<article")[2].partition("</article>")[0]
    press(app, "Mark reviewed")
    shown = next(card for card in page(app).split("<article") if "fx-now" in card).partition("</article>")[0]
    assert shown.partition("fx-body")[2] == second.partition("fx-body")[2]
    assert app.session_state.queue_clicked  # it plays


def test_all_of_the_filter_are_marked_after_a_confirmation(open_page, db):
    app = open_page()
    click(app, "queue_all_reviewed")
    assert set(states(db)) == {"reviewed"} and "All done" in page(app)
    press(app, "Undo")
    assert set(states(db)) == {"open"}


def test_two_people_have_places_of_their_own_and_share_decisions(open_page, db):
    ann = open_page()
    ann.text_input(key="author").set_value("Ann").run()
    press(ann, "Flag")
    whole(ann.segmented_control(key="queue_filter").set_value("Flagged").run())
    bob = open_page()
    bob.text_input(key="author").set_value("Bob").run()
    whole(bob.segmented_control(key="queue_filter").set_value("All").run())
    assert "Flagged by Ann" in page(bob)
    again = open_page()  # the last decision was signed by Ann, whose name is suggested
    assert again.text_input(key="author").value == "Ann"
    assert again.segmented_control(key="queue_filter").value == "Flagged"


def test_the_wall_opens_at_the_moment_of_an_item(open_page):
    app = click(open_page(), "queue_cameras")
    assert app.session_state.review_view == "Cameras"
    moment = app.session_state.wall_moment
    assert (
        moment.isoformat() == str(first_of(app.query_params["moment"]))
        and moment.date().isoformat() == "2026-03-01"
    )
    assert first_of(app.query_params["view"]) == "cameras"


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_keys_decide_and_new_items_come_while_the_index_grows(db, tmp_path):
    """A person reviews by keys; a second index run adds footage, which is offered and moves nothing."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    settings = {"db": db, "model": "demo", "device": "cpu", "cache_dir": tmp_path / "cache"}
    with ExitStack() as stack:
        app = ROOT / "ui" / "web" / "app.py"
        address = stack.enter_context(running_app(app, cwd=tmp_path, **settings))
        [page] = stack.enter_context(browser_pages(f"{address}/review?view=queue"))
        page.wait_for_selector(".st-key-queue_next")
        number = len(states(db))
        page.get_by_text(f"Review ({number})").first.wait_for()
        page.keyboard.press("r")
        page.wait_for_selector(".st-key-queue_undo")
        page.get_by_text(f"Review ({number - 1})").first.wait_for()
        page.keyboard.press("z")
        page.get_by_text(f"Review ({number})").first.wait_for()
        page.keyboard.press("q")
        page.wait_for_selector(".st-key-queue_bar")
        page.keyboard.press("Escape")
        page.wait_for_selector(".st-key-queue_bar_idle")
        shown = page.locator(".fx-card.fx-now").inner_text()
        more = tmp_path / "more"
        more.mkdir()
        named_copy(SAMPLES / "gate_cam1.mp4", more / "street_2026-03-01_23-59-30.mp4")
        index_into(db, more)
        page.wait_for_selector(".st-key-queue_live")
        assert page.locator(".fx-card.fx-now").inner_text() == shown  # nothing has moved
        page.locator(".st-key-queue_show_new button").click()
        page.get_by_text("street", exact=True).first.wait_for()
        assert len(states(db)) > number
        assert page.alerts == [] and page.refused == []
