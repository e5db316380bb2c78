"""The answers of a search: groups, one scale, playing at once, what stays while the model checks."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from app_pages import page, pages_of, press_card, searching, whole
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import ANSWERED, browser_page, chromium, running_app
from standin_gate import GATE
from standin_truth import SAMPLES, TruthModel
from streamlit.testing.v1 import AppTest

from footage.core.types import Match, Span, Video
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from search.query.parser import parse_query
from ui.web.components import answer_groups, cards, evidence, summary, timeline
from ui.web.components.likelihood import likelihood
from ui.web.views import answer_list

GREEN = "A green car drives from left to right."
BLUE = "A blue car drives from right to left."


def gated_app() -> None:
    """The app with a model that waits; Streamlit runs the source of this function."""
    from standin_gate import GatedModel

    from ui.web.app import main

    main(load_model=lambda settings: GatedModel())


def a_match(name: str = "a", start: float = 2.0, end: float = 5.5, **changes) -> Match:
    video = Video(content_id=name, duration_seconds=60, width=320, height=240, fps=25, codec="h264")
    values = {"text": "A dog runs.", "score": 0.91, "grounded": True, "verdict": "found", **changes}
    return Match(video=video, path=f"/x/{name}.mp4", span=Span(start, end), **values)


# -- Parts that are pure -----------------------------------------------------


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (0.999, "Very likely \N{MIDDLE DOT} 99%"),
        (0.93, "Very likely \N{MIDDLE DOT} 93%"),
        (0.7, "Likely \N{MIDDLE DOT} 70%"),
        (0.5, "Possible \N{MIDDLE DOT} 50%"),
        (0.0, "Unlikely \N{MIDDLE DOT} 1%"),
    ],
)
def test_how_sure_an_answer_is_stands_on_one_scale(confidence, said):
    assert likelihood(confidence) == said
    assert said in cards.result(a_match(confidence=confidence), picture="", strip="")


def test_a_raw_score_stands_under_why_alone():
    unchecked = a_match(verdict="not checked", grounded=False)
    card = cards.result(unchecked, picture="", strip="")
    assert "0.91" not in card and "From captions" in card and "fx-score" not in card
    assert "0.91 on a scale from 0 to 1" in evidence.why(unchecked)


def test_answers_are_grouped_by_verdict_and_ordered_as_sure_as_they_look():
    matches = [
        a_match("a", verdict="not checked", grounded=False),
        a_match("b", verdict="found", confidence=0.8),
        a_match("c", verdict="not found", confidence=0.05),
        a_match("d", verdict="found", confidence=0.95),
        a_match("e", verdict="uncertain", confidence=0.4),
    ]
    rows = answer_groups.arranged([(match, 0) for match in matches])
    assert [row.match.video.content_id for row in rows] == ["d", "b", "e", "a", "c"]


@given(st.text(max_size=60))
def test_an_address_that_names_no_answer_names_none(text):
    rows = answer_groups.arranged([(a_match(), 0)])
    assert answer_groups.place_of(text, rows) in (None, 0)
    assert answer_groups.place_of("../../etc.1-2", rows) is None


def test_an_answer_is_found_again_by_its_key_and_after_its_span_moved():
    before = a_match("b", 10, 14, verdict="not checked", grounded=False)
    key = answer_groups.key_of(before)
    assert key == "b.10000-14000" and answer_groups.read_key(key).span == Span(10, 14)
    sharper = a_match("b", 11.2, 13.9)
    rows = answer_groups.arranged([(a_match("a"), 0), (sharper, 0), (a_match("b", 40, 44), 0)])
    assert rows[answer_groups.place_of(key, rows)].match == sharper
    assert rows[answer_groups.followed(before, rows)].match == sharper
    elsewhere = answer_groups.arranged([(a_match("b", 20, 24, text=before.text), 0)])
    assert answer_groups.followed(before, elsewhere) == 0
    assert answer_groups.followed(before, answer_groups.arranged([(a_match("c"), 0)])) is None


def test_checking_some_answers_leaves_the_others():
    known = [a_match("a", verdict="not checked", grounded=False), a_match("b", confidence=0.9)]
    index_only = [replace(known[0], text="again")]
    assert answer_list.merged(known, index_only) == tuple(known)
    checked = a_match("a", 3, 4, confidence=0.95)
    assert answer_list.merged(known, [checked]) == (checked, known[1])


def test_what_was_found_is_said_in_a_line():
    found = [a_match(f"v{number}", verdict="found") for number in range(8)]
    assert summary.head([*found, a_match("x", verdict="not checked")]) == "8 found in 8 videos"
    assert summary.head([a_match("x", verdict="not checked")]) == "1 from captions in 1 video"
    query = parse_query('a car after:"2026-03-01 15:00" before:"2026-03-01 16:00"')
    assert summary.searched_where(query) == "15:00\N{EN DASH}16:00"
    assert summary.searched_where(parse_query("a car")) == ""


def test_a_card_says_what_was_marked_and_only_editors_have_buttons():
    card = cards.result(a_match(), picture="/p/1.jpg", strip="", key="a.1-2", number=3, acts=True, right=True)
    assert "Marked correct" in card and 'data-do="undo"' in card and 'data-do="accept"' not in card
    assert 'data-from="2000" data-to="5500"' in card and "Play answer 3:" in card
    viewers = cards.result(a_match(), picture="", strip="", key="a.1-2", number=3, right=False)
    assert "Marked wrong" in viewers and re.findall(r'data-do="(\w+)"', viewers) == ["play"]


def test_strips_and_legend_share_the_colours_of_the_verdicts():
    strip = timeline.strip(60, matches=[Span(1, 2), Span(4, 5)], verdicts=["found", "not found"])
    legend = timeline.legend(verdicts=answer_groups.VERDICTS)
    assert "fx-verdict-found" in strip and "fx-verdict-notfound" in strip
    assert all(f"fx-verdict-{timeline.style_of(verdict)}" in legend for verdict in answer_groups.VERDICTS)


# -- The page ----------------------------------------------------------------


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("answers") / "videos"
    folder.mkdir()
    for name in ("beach_dusk.mp4", "park_dusk.mp4"):
        shutil.copy(SAMPLES / name, folder / name)
    place = folder.with_name("index.lancedb")
    index([folder], store=Store.open(place, create=True), model=TruthModel(), embedder=load_embedder())
    return place


@pytest.fixture
def open_app(library, tmp_path, monkeypatch) -> Iterator[Callable[..., AppTest]]:
    with pages_of(library, tmp_path, monkeypatch) as start:
        GATE.set()
        yield lambda **query: start(gated_app, **query)
        GATE.set()


def player(app: AppTest) -> dict:
    given = [json.loads(each.proto.json or each.proto.mixed.json) for each in app.get("bidi_component")]
    return next(data for data in given if "lanes" in data)


def ask(app: AppTest, query: str) -> AppTest:
    app.text_input(key="typed").set_value(query)
    next(button for button in app.button if button.label == "Search").click().run()
    assert not app.exception
    return app


def test_the_first_answer_plays_while_the_model_checks_and_stays_when_it_sharpens(open_app):
    app = open_app()
    GATE.clear()
    ask(app, GREEN)
    early = player(app)
    assert (
        early["provisional"] and "From captions, being checked" in page(app) and ">Checked<" not in page(app)
    )
    assert app.button(key="stop")
    press_now(app, 1)
    chosen = player(app)
    assert chosen["of"] != early["of"] and chosen["jump"]["play"]
    GATE.set()
    whole(app)
    assert ">Checked<" in page(app) and not any(button.key == "stop" for button in app.button)
    after = player(app)
    assert after["of"] == chosen["of"] and not after["provisional"]
    assert not after["jump"]["play"] and after["jump"]["number"] == chosen["jump"]["number"]


def press_now(app: AppTest, number: int) -> None:
    """Press a card while the search goes on."""
    key = re.findall(r'data-answer="([^"]*)"', page(app))[number]
    app.session_state["answers"] = {"asked": {"do": "play", "key": key}}
    assert not app.run().exception


def test_a_search_that_is_stopped_keeps_what_is_known_and_the_rest_can_be_checked(open_app):
    app = open_app()
    GATE.clear()
    ask(app, BLUE)
    app.button(key="stop").click().run()
    assert "Stopped." in page(app) and "From captions" in page(app) and searching(app).state().finished
    GATE.set()
    [check] = [button for button in app.button if button.key == "check"]
    assert check.label.startswith("Check th")
    check.click().run()
    whole(app)
    assert ">Checked<" in page(app) and "fx-found" in page(app)


def test_a_mark_shows_on_the_card_and_the_page_moves_on(open_app, library):
    app = whole(ask(open_app(), GREEN))
    first = player(app)
    press_card(app, "accept", 0)
    assert page(app).count("Marked correct") == 1 and player(app)["of"] != first["of"]
    press_card(app, "undo", 0)
    assert "Marked" not in page(app)
    assert not Store.open(library).annotations.marks.all(kinds=["label"])


def test_the_address_names_the_answer_and_nonsense_there_is_ignored(open_app):
    app = whole(open_app(q=GREEN))
    first, second = re.findall(r'data-answer="([^"]*)"', page(app))[:2]
    shared = whole(open_app(q=GREEN, at=second))
    assert player(shared)["of"] != player(app)["of"]
    for nonsense in ("../../etc/passwd", "<script>", first + "x", "a.5-1"):
        assert player(whole(open_app(q=GREEN, at=nonsense)))["of"] == player(app)["of"]


# -- In a browser ------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_reload_and_the_way_back_lead_to_the_question_and_its_answer(library, tmp_path):
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    settings = {"db": library, "model": tmp_path / "none", "cache_dir": tmp_path / "cache"}
    app = Path(__file__).resolve().parents[1] / "ui" / "web" / "app.py"
    chosen = "document.querySelector('.fx-now')?.dataset.answer"
    with (
        running_app(app, cwd=tmp_path, **settings) as address,
        browser_page(f"{address}/?exact=false&q={quote(GREEN)}") as page,
    ):
        # 1. A chosen answer stands in the address, and is there after a reload.
        page.wait_for_selector(ANSWERED)
        page.get_by_role("button", name="Play answer 2:").click()
        second = page.locator("[data-answer]").nth(1).get_attribute("data-answer")
        page.wait_for_function("key => new URL(location).searchParams.get('at') == key", arg=second)
        page.reload()
        page.wait_for_function(f"key => {chosen} == key", arg=second)

        # 2. The way back leads from the next question to this one.
        page.get_by_placeholder("What happens?").fill(BLUE)
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('.fx-card .fx-text')?.innerText.includes('blue')")
        page.wait_for_function(f"key => {chosen} && {chosen} != key", arg=second)
        page.go_back()
        page.wait_for_function(f"key => {chosen} == key", arg=second)
        assert page.get_by_placeholder("What happens?").input_value() == GREEN

        # 3. The mouse over a picture shows frames of the span.
        image = page.locator(".fx-card").first.locator("img")
        still = image.get_attribute("src")
        box = image.bounding_box()
        for step in range(200):
            page.mouse.move(
                box["x"] + 8 + (step % 40) * (box["width"] - 16) / 40, box["y"] + box["height"] / 2
            )
            if image.get_attribute("src") != still:
                break
            page.wait_for_timeout(50)
        assert image.get_attribute("src") != still
        page.mouse.move(5, 5)
        page.wait_for_function(
            "src => document.querySelector('.fx-card img').getAttribute('src') == src", arg=still
        )
        assert page.refused == [] and page.alerts == []
