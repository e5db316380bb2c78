"""The library and the page of a video: what is listed, missing and corrected, and the way back."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from app_pages import addresses, page, press, texts, whole
from screenshot_app import ROOT, browser_page, chromium, running_app
from streamlit.testing.v1 import AppTest
from test_ui_pages import db, field, first, library_page, open_page  # noqa: F401

from footage.core.config import load_settings
from footage.core.corrections import additions, redoable
from footage.core.errors import UsageError
from footage.core.types import File, Span, Video
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer import correcting
from service import browse, library_files
from service.library_files import FileChoice
from service.session import Service
from ui.web.components import file_tiles, links, markup


def pointing_page() -> None:
    from standin_truth import TruthModel

    from footage.core.config import load_settings
    from ui.web.components import resources
    from ui.web.views import library

    settings = load_settings().model_copy(update={"model": "/some/folder"})
    library.show(resources.Desk(settings, lambda settings: TruthModel()))


def of_camera(db: Path, camera: str) -> File:  # noqa: F811
    return next(file for file in Store.open(db).files.all() if file.camera == camera)


def a_store(folder: Path, *files: File) -> Service:
    store = Store.open(folder / "index.lancedb", create=True)
    store.files.put(files)
    return Service(load_settings(db=store.path, model="demo", cache_dir=folder / "cache"))


def names(app: AppTest) -> list[str]:
    import re

    return re.findall(r'class="fx-tile-words"><b title="[^"]*">([^<]*)</b>', page(app))


# -- The list --------------------------------------------------------------


def test_files_are_ordered_as_people_order_them_and_filtered(tmp_path):
    service = a_store(
        tmp_path,
        File(
            "/x/clip10.mp4", "a", camera="gate", recorded_at="2026-03-01T12:00:00+00:00", duration_seconds=5
        ),
        File("/x/clip2.mp4", "b", camera="yard", recorded_at="2026-03-02T12:00:00+00:00", duration_seconds=9),
        File("/y/Été.mp4", "c", camera="gate", state="failed", recorded_at="nonsense", collection="trip"),
    )

    def listed(**choice: object) -> list[str]:
        return [file.content_id for file in library_files.chosen_files(service, FileChoice(**choice)).files]

    assert listed() == ["b", "a", "c"]  # 2 before 10
    assert listed(order="recorded", descending=True) == ["b", "a", "c"]
    assert listed(order="length") == ["c", "a", "b"] and listed(order="state")[0] == "c"
    assert listed(order="camera") == ["c", "a", "b"] and listed(order="changed") == ["a", "b", "c"]
    assert listed(words="ÉTÉ") == ["c"] and listed(cameras=("gate",), states=("failed",)) == ["c"]
    assert listed(collections=("trip",)) == ["c"] and listed(words="none") == []


def test_a_tile_is_a_link_with_words_for_its_bars(open_page, db):  # noqa: F811
    app = open_page(library_page)
    assert len(addresses(app)) == 3 and "broken.mp4" in names(app)
    assert 'role="img" aria-label="Indexed: Captions all"' in page(app)
    assert "strftime" not in page(app) and "\N{REPLACEMENT CHARACTER}" not in page(app)


def test_dates_are_written_without_signs_that_no_page_shows():
    file = File("/x/a.mp4", "a", recorded_at="2026-03-01T12:00:00", clock_source="guessed")
    assert markup.text(file_tiles.when(file)) == "about 1 Mar 2026, 12:00"


def test_times_are_shown_in_the_chosen_zone(open_page):  # noqa: F811
    app = open_page(library_page)
    before = page(app)
    whole(app.selectbox(key="time_zone").set_value("Asia/Tokyo").run())
    assert page(app) != before and "1 Mar 2026, 21:00" in page(app)
    assert ZoneInfo("Asia/Tokyo")


def test_a_missing_source_says_so_and_where_it_was(open_page, db, first):  # noqa: F811
    store, gate = Store.open(db), of_camera(db, "gate")
    away = replace(gate, path=str(first / "not_there" / "gate.mp4"))
    store.files.remove([gate.path])
    store.files.put([away])
    app = open_page(library_page)
    assert "not_there/gate.mp4; its disk is not connected, or it was moved." in page(app)
    app = open_page(library_page, video=gate.content_id)
    assert "The video is missing." in page(app) and "Files (missing)" in [tab.label for tab in app.tabs]


def test_a_failed_file_can_be_tried_again_by_itself(open_page, db, first, tmp_path):  # noqa: F811
    gone = first / "gone.mp4"
    failed = File(str(gone), "", state="failed", reason="it is cut off", tries=2, tried_at=1.7e9)
    Store.open(db).files.put([failed])
    app = open_page(library_page)
    assert "It is cut off." in page(app) and "Tried 2 times, last " in page(app)
    assert [button.label for button in app.button].count("Try again") == 2
    whole(app.button(key="retry_1").click().run())  # the file is not there
    assert "gone.mp4 is not accessible" in page(app).replace("Gone", "gone")
    assert not (tmp_path / "cache" / "runs").exists()


def test_tiles_or_rows_and_filters_are_kept_on_the_way_to_a_video_and_back(open_page):  # noqa: F811
    app = open_page(library_page)
    whole(app.segmented_control(key="file_view").set_value("list").run())
    whole(app.multiselect(key="file_cameras").set_value(["yard"]).run())
    [only] = addresses(app)
    assert "fx-lib-row" in page(app)
    app.query_params["video"] = only
    whole(app.run())
    press(app, "Library")
    assert "fx-lib-row" in page(app) and addresses(app) == [only]


def test_roots_are_checked_through_links_without_looking_at_each_file_twice(tmp_path):
    from footage.core.types import Run

    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.mp4").touch()
    (inside / "link.mp4").symlink_to(outside / "a.mp4")
    paths = [inside / "a.mp4", inside / "link.mp4", outside / "a.mp4"]
    service = a_store(tmp_path, *(File(str(path), "") for path in paths))
    service.store().runs.put(Run("1", 1.0, 2.0, (str(inside),)))
    assert browse.indexed_roots(service) == [str(paths[0])]  # a link may not lead out of what was asked for
    assert browse.indexed_roots(service, most=0) == []


@pytest.mark.parametrize(
    ("sent", "parts"),
    [
        ({"opened": "video=a&start=1&end=2&token=x"}, {"video": "a", "start": "1", "end": "2"}),
        ({"opened": "x" * 500}, {}),
        ({"opened": 3}, {}),
        (None, {}),
    ],
)
def test_what_a_link_sends_is_read_with_care(sent, parts, monkeypatch):
    import streamlit as st

    monkeypatch.setattr(st, "session_state", {"links": sent})
    assert links.opened() == parts
    assert links.address(video="a b", start=1.5, event="") == "?video=a+b&start=1.5"


# -- Corrections -----------------------------------------------------------


def test_an_event_is_added_undone_and_made_again(db):  # noqa: F811
    store, gate = Store.open(db), of_camera(db, "gate")
    embedders = lambda: [load_embedder()]  # noqa: E731
    here = {"store": store, "content_id": gate.content_id, "embedders": embedders}
    kept = correcting.add(**here, text="A fox  passes.", span=Span(1, 3), author="Ann")
    assert [event.text for event in store.events.of(gate.content_id)].count("A fox passes.") == 1
    [made] = store.annotations.corrections.all([gate.content_id])
    assert additions([made]) == {(Span(1, 3), "A fox passes.")}
    with pytest.raises(UsageError, match="already"):
        correcting.add(**here, text="A fox passes.", span=Span(1, 3))
    with pytest.raises(UsageError, match="not a valid segment"):
        correcting.add(**here, text="Later.", span=Span(900, 901))
    correcting.undo(store, kept.correction, embedders=embedders)
    assert "A fox passes." not in [event.text for event in store.events.of(gate.content_id)]
    [again] = redoable(store.annotations.corrections.all([gate.content_id]))
    correcting.redo(store, again, embedders=embedders)
    assert "A fox passes." in [event.text for event in store.events.of(gate.content_id)]


def test_undone_versions_are_made_again_in_the_order_that_undoes_the_undo():
    from footage.core.corrections import Correction

    def version(number: int, undone_at: float = 0.0) -> Correction:
        return Correction(
            str(number), "c", Span(0, 1), "old", Span(0, 1), f"v{number}", "", number, undone_at
        )

    assert [each.text for each in redoable([version(1, 11), version(2, 10)])] == ["v1"]
    assert [each.text for each in redoable([version(1), version(2, 10)])] == ["v2"]
    assert redoable([version(1, 5), version(3)]) == []  # a later version stands


def test_two_events_on_one_span_are_told_apart(open_page, db):  # noqa: F811
    store, gate = Store.open(db), of_camera(db, "gate")
    one = store.events.of(gate.content_id)[0]
    correcting.add(
        store, gate.content_id, text="Another thing.", span=one.span, embedders=lambda: [load_embedder()]
    )
    app = open_page(library_page, video=gate.content_id)
    assert "1 of 2 at this time" in page(app) and "2 of 2 at this time" in page(app)
    shown = texts(app)
    for text in ("Another thing.", one.text, "Another thing."):
        whole(app.button(key=f"play_{shown.index(text)}").click().run())
        assert field(app, "right_text").value == text and f"<h2>{text}</h2>" in page(app)


def test_corrections_are_listed_with_their_author_and_made_again(open_page, db):  # noqa: F811
    gate = of_camera(db, "gate")
    app = open_page(library_page, video=gate.content_id)
    old = texts(app)[0]
    whole(app.text_input(key="author").set_value("Ann <b>").run())
    whole(app.button(key="play_0").click().run())
    field(app, "right_text").set_value("A tractor stops.")
    press(app, "Correct")
    assert "corrected by Ann &lt;b&gt;, " in page(app) and "Corrections (1)" in [
        tab.label for tab in app.tabs
    ]
    press(app, "Undo the last version")
    assert texts(app)[0] == old and "; undone " in page(app)
    whole(app.button(key="redo_version").click().run())
    assert texts(app)[0] == "A tractor stops."


def test_an_event_is_removed_and_brought_back(open_page, db):  # noqa: F811
    gate = of_camera(db, "gate")
    app = open_page(library_page, video=gate.content_id)
    before = texts(app)
    whole(app.button(key="play_0").click().run())
    press(app, "Remove this event")
    assert texts(app) == before[1:] and f"Removed: <s>{before[0]}</s>" in page(app)
    assert "<b>No such event</b> <small>removed" in page(app)
    whole(app.button(key="undo_version").click().run())
    assert texts(app) == before and "Removed: " not in page(app)
    whole(app.button(key="redo_version").click().run())
    assert texts(app) == before[1:] and f"Removed: <s>{before[0]}</s>" in page(app)


def test_the_points_of_the_player_go_into_the_form(open_page, db):  # noqa: F811
    app = open_page(library_page, video=of_camera(db, "gate").content_id)
    whole(app.button(key="play_0").click().run())
    app.session_state["in_out"] = Span(1.5, 2.5)
    press(app, "Use the player's in and out")
    assert (field(app, "right_start").value, field(app, "right_end").value) != ("", "")


def test_events_are_filtered_by_their_words(open_page, db):  # noqa: F811
    app = open_page(library_page, video=of_camera(db, "gate").content_id)
    every = texts(app)
    whole(app.text_input(key="event_words").set_value("person").run())
    assert texts(app) == [text for text in every if "person" in text] != every


# -- The model -------------------------------------------------------------


def test_a_point_is_drawn_over_the_picture_and_what_cannot_be_tracked_is_said(open_page, db):  # noqa: F811
    app = open_page(pointing_page, video=of_camera(db, "gate").content_id)
    next(each for each in app.text_input if each.label == "Your question").set_value("the car")
    press(app, "Point")
    assert "1 object: " in page(app) and len(app.get("image")) == 1
    given = [json.loads(each.proto.json or each.proto.mixed.json) for each in app.get("bidi_component")]
    assert any(each.get("tracks") for each in given)
    next(each for each in app.text_input if each.label == "Your question").set_value("the car")
    press(app, "Track")
    assert "cannot track" in page(app)


def test_a_moment_is_described_with_its_picture_and_a_button_to_copy(open_page, db):  # noqa: F811
    app = open_page(pointing_page, video=of_camera(db, "gate").content_id)
    press(app, "Describe this moment")
    assert "fx-reply" in page(app) and "data-copy=" in page(app) and "/moments/picture/" in page(app)


# -- In a browser ----------------------------------------------------------


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_back_returns_to_the_list_at_its_place(db, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    store, gate = Store.open(db), of_camera(db, "gate")
    store.videos.put(Video(f"c{number}", 60.0, 64, 48, 25.0, "h264") for number in range(60))
    store.files.put(
        replace(gate, path=f"/x/clip{number}.mp4", content_id=f"c{number}") for number in range(60)
    )
    settings = {"db": db, "model": "demo", "cache_dir": tmp_path / "cache", "device": "cpu"}
    with ExitStack() as stack:
        address = stack.enter_context(running_app(ROOT / "ui" / "web" / "app.py", cwd=tmp_path, **settings))
        shown = stack.enter_context(browser_page(f"{address}/library", height=700))
        shown.wait_for_selector("a.fx-lib-tile")
        shown.evaluate("window.sameDocument = true")
        main = "document.querySelector('[data-testid=stMain]')"
        link = shown.locator("a.fx-lib-tile").last
        link.scroll_into_view_if_needed()
        place = shown.evaluate(f"{main}.scrollTop")
        assert place > 300
        link.click()
        shown.wait_for_selector(".fx-video-head")
        shown.wait_for_function(f"{main}.scrollTop < 50")
        assert "video=" in shown.url and shown.evaluate("window.sameDocument")
        shown.go_back()
        shown.wait_for_selector("a.fx-lib-tile")
        shown.wait_for_function(f"Math.abs({main}.scrollTop - {place}) < 5")
        assert "video=" not in shown.url and shown.refused == []
