"""The captions to check: what the app lists, what it keeps, and where else it marks a wrong caption."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from app_pages import library_page, page, pages_of, press, texts, whole
from audited_library import audited_library
from screenshot_app import ROOT, browser_page, chromium, running_app
from streamlit.testing.v1 import AppTest

from footage.core.types import Span
from footage.store import Store


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    audited_library(folder)
    return folder


@pytest.fixture
def db(library, tmp_path) -> Path:
    shutil.copytree(library / "index.lancedb", tmp_path / "index.lancedb")
    return tmp_path / "index.lancedb"


@pytest.fixture
def open_page(db, tmp_path, monkeypatch) -> Iterator[Callable[..., AppTest]]:
    """Opens a page of the app on a copy of the index."""
    with pages_of(db, tmp_path, monkeypatch) as start:
        yield lambda script=review_page, **query: start(script, **query)


def review_page() -> None:
    from footage.core.config import load_settings
    from service import factories
    from ui.web.components import resources
    from ui.web.views import review

    review.show(resources.Desk(load_settings(), factories.load_model))


def views(app: AppTest) -> list[str]:
    return [option.content for option in app.segmented_control(key="review_view").proto.options]


def audits(db: Path):
    store = Store.open(db)
    return store.annotations.audits.standing(store.events)


def shown_error(app: AppTest) -> str:
    return re.findall(r"<p>([^<]*)</p>", page(app).partition('class="fx-errors"')[2])[0]


def test_wrong_captions_are_listed_with_errors_votes_frames_and_suggestion(open_page):
    app = open_page(view="captions")
    assert "Captions 3" in views(app) and len(texts(app)) == 3
    shown = page(app)
    assert "Major: wrong time" in shown and "2 of 2 judges" in shown  # the first of the major ones
    assert "Suggestion: <b>0:01.0-0:02.0</b>" in shown
    assert shown.count("<figure>") == 2 and app.get("bidi_component")
    assert "One judge sees it standing" not in shown  # one of two is no majority


def test_next_and_previous_go_round(open_page):
    app = open_page(view="captions")
    first = shown_error(app)
    press(app, "Next")
    second = shown_error(app)
    assert second != first
    press(app, "Previous")
    assert shown_error(app) == first
    press(app, "Previous")
    assert shown_error(app) not in (first, second)


def test_a_kept_caption_is_not_asked_about_again(open_page, db, tmp_path):
    app = open_page(view="captions")
    [kept] = [each.text for each in audits(db)][:1]
    app.text_input(key="author").set_value("Ann").run()
    press(app, "Keep as it is")
    assert len(texts(app)) == 2 and "Captions 2" in views(app)
    [decided] = [each for each in audits(db) if each.decision]
    assert (decided.text, decided.decided_by) == (kept, "Ann")
    assert decided.event_id not in Store.open(db).annotations.audits.contradicted()
    [line] = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert line["action"] == "keep caption"
    app = open_page(view="captions")
    assert len(texts(app)) == 2
    whole(app.segmented_control(key="captions_state").set_value("Kept").run())
    assert len(texts(app)) == 1 and "Kept by Ann" in page(app)
    press(app, "Check again")
    assert "Captions 3" in views(app)


def test_an_accepted_suggestion_corrects_the_caption(open_page, db):
    [wrong] = [each for each in audits(db) if each.wrong and each.wrong[0].kind == "attribute"]
    app = open_page(view="captions")
    while "orange thing" not in shown_error(app):
        press(app, "Next")
    press(app, "Accept the suggestion")
    assert len(texts(app)) == 2
    [done] = Store.open(db).annotations.corrections.all()
    assert (done.text, done.span, done.original_text) == (f"Orange: {wrong.text}", wrong.span, wrong.text)


def test_an_accepted_suggestion_can_be_taken_back(open_page, db):
    app = open_page(view="captions")
    press(app, "Accept the suggestion")
    assert len(texts(app)) == 2 and "Corrected:" in page(app)
    press(app, "Undo")
    assert len(texts(app)) == 3 and "Captions 3" in views(app) and "Corrected:" not in page(app)
    assert all(each.undone_at for each in Store.open(db).annotations.corrections.all())


def test_next_goes_through_all_pages(open_page, monkeypatch):
    monkeypatch.setattr("ui.web.views.captions.ITEMS", 2)
    app = open_page(view="captions")
    assert len(texts(app)) == 2 and "1 of 3" in page(app)
    first = shown_error(app)
    for place in ("2 of 3", "3 of 3"):
        press(app, "Next")
        assert place in page(app)
    assert len(texts(app)) == 1  # the second page
    press(app, "Next")
    assert shown_error(app) == first and len(texts(app)) == 2
    press(app, "Previous")
    assert "3 of 3" in page(app)


def test_an_accepted_time_keeps_the_words(open_page, db):
    app = open_page(view="captions")
    [wrong] = [each for each in audits(db) if each.wrong and each.wrong[0].kind == "time"]
    press(app, "Accept the suggestion")
    [done] = Store.open(db).annotations.corrections.all()
    assert (done.text, done.span) == (wrong.text, Span(1, 2))


def test_a_caption_can_be_edited_instead(open_page, db):
    app = open_page(view="captions")
    app.text_area(key="caption_text").set_value("A tractor stops <b>there</b>.")
    app.text_input(key="caption_start").set_value("9:00")
    press(app, "Correct")
    assert page(app).count("fx-problem") == 1 and len(texts(app)) == 3
    app = open_page(view="captions")
    app.text_area(key="caption_text").set_value("A tractor stops <b>there</b>.")
    press(app, "Correct")
    [done] = Store.open(db).annotations.corrections.all()
    assert done.text == "A tractor stops <b>there</b>." and len(texts(app)) == 2


def test_an_invented_event_has_no_suggestion_to_accept(open_page):
    app = open_page(view="captions")
    while "No sign of" not in shown_error(app):
        press(app, "Next")
    assert "Accept the suggestion" not in [button.label for button in app.button]


def test_an_invented_event_is_removed_and_brought_back(open_page, db):
    app = open_page(view="captions")
    while "No sign of" not in shown_error(app):
        press(app, "Next")
    press(app, "Remove")
    assert len(texts(app)) == 2 and "Captions 2" in views(app) and "Removed: <s>" in page(app)
    [done] = Store.open(db).annotations.corrections.all()
    assert done.removes and done.event_id not in {each.id for each in Store.open(db).events.all()}
    press(app, "Undo")
    assert len(texts(app)) == 3 and "Removed: " not in page(app)


def test_without_an_audit_the_page_says_how_to_make_one(open_page, db):
    tables = Store.open(db)._tables
    with tables.writing_annotations():
        tables.delete("audits", {"event_id": [each.event_id for each in audits(db)]})
    app = open_page(view="captions")
    assert "<code>footage audit</code>" in page(app) and "Captions" in views(app)


def test_an_audit_that_found_nothing_says_so(open_page, db):
    from dataclasses import replace

    Store.open(db).annotations.audits.put(
        [replace(each, ruling="supported", errors=()) for each in audits(db)]
    )
    assert "No caption to check" in page(open_page(view="captions"))


def test_the_page_of_a_video_marks_wrong_captions(open_page, db):
    wrong = [each for each in audits(db) if each.is_contradicted]
    marked = 0
    for content_id in {each.content_id for each in wrong}:
        marked += page(open_page(library_page, video=content_id)).count("fx-wrong")
    assert marked == len(wrong)


@pytest.mark.skipif(chromium() is None, reason="needs a Chromium")
def test_keys_turn_the_captions_in_a_browser(library, tmp_path):
    shutil.copytree(library / "index.lancedb", tmp_path / "index.lancedb")
    settings = {"db": tmp_path / "index.lancedb", "model": "demo", "cache_dir": tmp_path / "cache"}
    with (
        running_app(ROOT / "ui" / "web" / "app.py", **settings) as address,
        browser_page(f"{address}/review?view=captions") as shown,
    ):
        shown.wait_for_selector(".fx-errors")
        first = shown.locator(".fx-errors").inner_text()
        shown.keyboard.press("n")
        shown.wait_for_function("f => document.querySelector('.fx-errors').innerText !== f", arg=first)
        shown.keyboard.press("p")
        shown.wait_for_function("f => document.querySelector('.fx-errors').innerText === f", arg=first)
        assert not shown.alerts and not shown.refused
