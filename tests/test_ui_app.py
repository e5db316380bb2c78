"""The app: what its pages show, what they do when pressed, and that foreign text stays text."""

from __future__ import annotations

import gc
import html
import json
import os
import re
import shlex
import shutil
import string
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from app_pages import addresses, library_page, page, press_card, whole
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import ANSWERED, browser_page, chromium, running_app
from standin_truth import SAMPLES, TruthModel
from streamlit.testing.v1 import AppTest

from footage.core.disk_cache import keep_small
from footage.core.errors import FootageError
from footage.core.timecode import parse_time
from footage.core.types import Event, File, Match, Span, Video
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from search.query.parser import parse_query
from search.results import SearchCoverage, SearchResult, Timings
from service import previews
from ui.text import sentence
from ui.web.components import cards, dates, evidence, markup, notices, questions, timeline

UI = Path(__file__).resolve().parents[1] / "ui" / "web"
STANDIN = Path(__file__).with_name("standin_app.py")
HOSTILE_NAME = "<img src=x onerror=alert(1)> **b** $x$ [a](b) `c` :red[d] :smile:.mp4"
HOSTILE_TEXT = "<script>alert(1)</script> **b** $x$ [a](http://b.c) `c` :material/home: :red[d]"


# -- Parts that are pure ---------------------------------------------------


@given(st.text())
def test_text_for_html_holds_no_markup_and_loses_no_character(value):
    safe = markup.text(value)
    assert not set(safe) & set("<>\"'")
    assert html.unescape(safe) == "".join(c if c.isprintable() else "\ufffd" for c in value)


@given(st.text(max_size=60))
def test_a_label_escapes_every_sign_and_says_the_same(value):
    label = markup.label(value)
    assert not re.search(r"(?<!\\)(?:\\\\)*[^\\\w\s\x80-\U0010ffff]", label.replace("\\\\", ""))
    shown = re.sub(rf"\\([{re.escape(string.punctuation)}])", r"\1", label).replace("\N{WORD JOINER}", "")
    assert shown.replace("\N{WORD JOINER}", "") == markup.plain(value).replace("\N{WORD JOINER}", "")


def test_long_labels_are_cut():
    assert markup.label("x" * 200, most=10) == "x" * 9 + "…"


@pytest.mark.parametrize(("seconds", "clock"), [(605.0, "10:05"), (3.5, "0:03.5"), (3600, "1:00:00")])
def test_clock_leaves_out_the_tenth_that_is_none(seconds, clock):
    assert markup.clock(seconds) == clock


def test_a_strip_draws_each_layer_where_it_lies():
    strip = timeline.strip(
        100.0,
        covered=[Span(0, 30), Span(25, 55)],
        events=[Span(10, 20)],
        matches=[Span(10, 20), Span(40, 50)],
        chosen=Span(40, 50),
    )
    drawn = re.findall(r'fx-(\w+)" style="left:([\d.]+)%;width:([\d.]+)%', strip)
    assert [(kind, float(left), float(width)) for kind, left, width in drawn] == [
        ("covered", 0, 55),
        ("event", 10, 10),
        ("match", 10, 10),
        ("chosen", 40, 10),
    ]


def test_a_day_of_events_stays_a_small_strip():
    events = [Span(second, second + 2) for second in range(0, 86_400, 4)]
    assert len(timeline.strip(86_400, events=events)) < 100_000


@given(
    st.floats(0, 1e6),
    st.lists(
        st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)).map(lambda s: Span(s[0], s[0] + s[1])), max_size=9
    ),
)
def test_nothing_is_drawn_outside_a_strip(duration, spans):
    strip = timeline.strip(duration, covered=spans, events=spans, matches=spans, chosen=None, ticks=True)
    for left, width in re.findall(r"left:([\d.]+)%;width:([\d.]+)%", strip):
        assert float(left) + float(width) <= 100.002


def a_match(**changes) -> Match:
    video = Video(content_id="c", duration_seconds=60, width=320, height=240, fps=25, codec="h264")
    values = {
        "path": "/x/gate.mp4",
        "span": Span(2, 5.5),
        "text": "A dog runs.",
        "score": 0.91,
        "grounded": True,
    }
    return Match(**{"video": video, "verdict": "found", **values, **changes})


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        ("found", "Found"),
        ("uncertain", "Uncertain"),
        ("not checked", "Not checked"),
        ("not found", "Not found"),
    ],
)
def test_a_card_says_the_verdict_in_words_and_colour(verdict, word):
    card = cards.result(a_match(verdict=verdict), picture="", strip="")
    assert f"</i>{word}</span>" in card and f"fx-{verdict.replace(' ', '')}" in card
    assert (
        "gate.mp4" in card
        and "0:02.0 \N{EN DASH} 0:05.5" in card
        and "0.91" not in card
        and "no picture" in card
    )
    sure = cards.result(a_match(verdict=verdict, confidence=0.93), picture="", strip="")
    assert "Very likely \N{MIDDLE DOT} 93%" in sure and "uncalibrated" in sure
    fitted = cards.result(a_match(confidence=0.93, calibrated=True), picture="", strip="")
    assert "uncalibrated" not in fitted
    unsure = a_match(confidence=0.93, calibrated=False)
    assert "Uncalibrated means" in evidence.why(unsure)
    assert "Uncalibrated means" not in evidence.why(replace(unsure, calibrated=True))


def nothing(*matches: Match) -> SearchResult:
    """An answer of a search that found nothing."""
    return SearchResult(parse_query("a"), matches, SearchCoverage(1, 1, 1, 0, "demo"), Timings(0, 0, 0))


def test_words_of_the_question_are_marked_where_a_text_says_them():
    assert markup.marked("A dog runs, dogs <b>bark</b>", "the dog that barks") == (
        "A <mark>dog</mark> runs, <mark>dogs</mark> &lt;b&gt;<mark>bark</mark>&lt;/b&gt;"
    )
    assert markup.marked("A dog", "") == "A dog"


@given(st.text(max_size=60), st.text(max_size=30))
def test_marking_loses_no_character_and_lets_no_markup_in(value, words):
    result = markup.marked(value, words)
    assert re.sub("</?mark>", "", result) == markup.text(value)


def test_filters_are_added_to_a_question_and_replaced_there():
    assert questions.narrowed("a dog runs", camera="front door") == 'a dog runs camera:"front door"'
    again = questions.narrowed("a dog after:2026-01-01", after="2026-02-01", before='2026-"03')
    assert again == 'a dog after:"2026-02-01" before:"2026-03"'
    assert parse_query(again).filters.after is not None
    moved = questions.narrowed('Camera:"front door" a dog', camera="gate")
    assert moved == 'a dog camera:"gate"'


def test_a_card_tells_camera_and_clock_where_they_are_known():
    known = File("/x/gate.mp4", "c", camera="gate", recorded_at="2026-03-01T23:59:58+01:00")
    card = cards.result(a_match(), picture="", strip="", file=known)
    when = dates.second(datetime.fromisoformat("2026-03-02T00:00:00+01:00"))
    assert f"<span>gate</span><span>{when}</span>" in card
    guessed = cards.result(
        a_match(), picture="", strip="", file=replace(known, camera="", clock_source="guessed")
    )
    assert f"<span>about {when}</span>" in guessed and "<span>gate" not in guessed
    for clock in ("", "2026-03-01T2"):  # unknown; damaged
        unknown = replace(known, recorded_at=clock)
        assert "2026" not in cards.result(a_match(), picture="", strip="", file=unknown)
        assert evidence.around(unknown, Span(2, 4)) is None
    assert evidence.around(known, Span(2, 4)) == ("2026-03-01T23:50:00+01:00", "2026-03-02T00:10:02+01:00")


def test_cards_and_notices_keep_foreign_text_text():
    event = Event("e", "c", Span(0, 1), HOSTILE_TEXT, (0,))
    pieces = [
        cards.result(a_match(path="/x/" + HOSTILE_NAME, text=HOSTILE_TEXT), picture="", strip=""),
        cards.event(event, picture=""),
        cards.tile(HOSTILE_NAME, 3, picture="", note=HOSTILE_TEXT),
        notices.nothing_found(HOSTILE_TEXT, nothing(a_match(text=HOSTILE_TEXT)), looked=True),
        notices.problem(FootageError(HOSTILE_TEXT, hint=HOSTILE_NAME)),
    ]
    for piece in pieces:
        assert "<script" not in piece and "<img src=x" not in piece and "&lt;" in piece


def test_errors_become_sentences():
    assert sentence("no index found at x") == "No index found at x."
    assert sentence("Why?") == "Why?"
    assert sentence(" ") == ""
    for named in ("yard.mp4 does not exist", "clips/yard is no folder", "a_b-1.mkv cannot be read"):
        assert sentence(named) == f"{named}."
    assert sentence("my clip.mp4 is gone", name="my clip.mp4") == "my clip.mp4 is gone."
    assert sentence("it took 0.5 s.") == "It took 0.5 s."


def test_the_cache_forgets_its_oldest_files(tmp_path):
    for number in range(4):
        (tmp_path / str(number)).write_bytes(bytes(100))
        os.utime(tmp_path / str(number), (number, number))
    keep_small(tmp_path, 250)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["2", "3"]
    keep_small(tmp_path, 10)
    assert [entry.name for entry in tmp_path.iterdir()] == ["3"]


def test_nothing_beside_the_entry_bears_the_name_of_a_package():
    assert not {entry.stem for entry in UI.iterdir()} & {"footage", "indexer", "search", "ui"}


# -- The app without a browser ---------------------------------------------


class HostileModel(TruthModel):
    """Captions every window with text that wants to be markup."""

    def _caption(self, prepared, prompt):
        return f"Scene: {HOSTILE_TEXT}\n\nEvents:\n<0.0 - 3.0> {HOSTILE_TEXT}\n<4.0 - 6.0> A plain event."


@pytest.fixture(scope="module")
def indexed(tmp_path_factory) -> Path:
    """An index of two sample clips, and of a file that is no video."""
    folder = tmp_path_factory.mktemp("videos")
    for name in ("beach_dusk.mp4", "park_dusk.mp4"):
        shutil.copy(SAMPLES / name, folder / name)
    (folder / "notes.mp4").write_text("no video at all")
    return an_index(folder, TruthModel())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Path:
    """An index whose only file has a hostile name and hostile captions."""
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder / HOSTILE_NAME)
    return an_index(folder, HostileModel())


def an_index(folder: Path, model: TruthModel) -> Path:
    place = folder.with_name(folder.name + ".lancedb")
    index([folder], store=Store.open(place, create=True), model=model, embedder=load_embedder())
    return place


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Starts the app on an index, with the stand-in model unless another script is named."""

    def start(
        db: Path, *, script: Path | Callable[[], None] = STANDIN, model: str = "demo", query: str = ""
    ) -> AppTest:
        settings = {"DB": db, "MODEL": model, "CACHE_DIR": tmp_path / "cache", "DEVICE": "cpu"}
        for name, value in settings.items():
            monkeypatch.setenv(f"FOOTAGE_{name}", str(value))
        monkeypatch.delenv("FOOTAGE_CONFIG", raising=False)
        monkeypatch.delenv("FOOTAGE_MODEL_PATH", raising=False)
        made = AppTest.from_function if callable(script) else AppTest.from_file
        app = made(script, default_timeout=120)
        if query:
            app.query_params["q"] = query
        return whole(app.run())

    return start


def player(app: AppTest) -> dict | None:
    """What the player was given, or None where there is none."""
    given = [json.loads(each.proto.json or each.proto.mixed.json) for each in app.get("bidi_component")]
    return next((data for data in given if "lanes" in data), None)


def card_texts(app: AppTest) -> list[str]:
    result = re.findall(r'class="fx-text">(.*?)</p>', page(app))
    return [re.sub("</?mark>", "", text) for text in result]


def ask(app: AppTest, query: str) -> AppTest:
    app.text_input(key="typed").set_value(query)
    return whole(next(b for b in app.button if b.label == "Search").click().run())


def test_the_first_page_shows_what_is_indexed_and_offers_questions_it_can_answer(open_app, indexed):
    app = open_app(indexed)
    assert "beach_dusk.mp4" in page(app) and "2 videos · 50 s · " in page(app)
    texts = {markup.label(event.text, most=60) for event in Store.open(indexed).events.all()}
    chips = [button.label for button in app.button if button.key and button.key.startswith("chip_")]
    assert chips and set(chips) <= texts


def test_a_question_is_answered_with_cards_and_a_player(open_app, indexed):
    app = ask(open_app(indexed), "A green car drives from left to right.")
    assert card_texts(app)[0] == "A green car drives from left to right."
    assert "fx-found" in page(app) and "0:11.5 \N{EN DASH} 0:13.5" in page(app) and ">Checked<" in page(app)
    assert "searched 2 videos, 0:50 of 0:50 indexed, the model looked at" in page(app)
    assert app.query_params["q"] == "A green car drives from left to right."
    assert player(app)["jump"] == {"number": 0, "at": 11.5, "play": False}
    assert player(app)["clip"]["start"] == pytest.approx(9.5) and player(app)["marks"] == [11.5, 13.5]


def test_a_pressed_card_plays(open_app, indexed):
    app = ask(open_app(indexed), "A green car drives from left to right.")
    second = card_texts(app)[1]
    press_card(app, "play", 1)
    assert f"<h2>{second}</h2>" in page(app)
    assert player(app)["jump"]["play"]


def test_an_example_is_asked_when_pressed(open_app, indexed):
    app = open_app(indexed)
    whole(app.button(key="chip_0").click().run())
    assert app.text_input(key="typed").value == card_texts(app)[0]


def test_the_address_may_hold_the_question(open_app, indexed):
    app = open_app(indexed, query="A green car drives from left to right.")
    assert app.text_input(key="typed").value == card_texts(app)[0]


def test_without_the_model_the_index_answers_alone(open_app, indexed):
    app = open_app(indexed)
    app.toggle(key="exact").set_value(False).run()
    ask(app, "A green car drives from left to right.")
    assert "From captions" in page(app) and ">Checked<" not in page(app)


@pytest.mark.parametrize("query", ["", "   "])
def test_an_empty_question_gets_a_sentence(open_app, indexed, query):
    app = ask(open_app(indexed), query)
    assert "fx-problem" in page(app) and not card_texts(app)


def test_a_question_of_10000_characters_gets_a_sentence(open_app, indexed):
    app = ask(open_app(indexed), "x" * 10_000)
    assert page(app).count("fx-problem") == 1 and not card_texts(app)


def test_what_is_not_there_is_not_found(open_app, indexed):
    app = ask(open_app(indexed), "someone plays the piano")
    result = page(app)
    assert (
        "<h2>Nothing matches “someone plays the piano” in 2 videos</h2>" in result
        and "<dt>Captions searched</dt><dd>0:50 of 0:50</dd>" in result
    )
    assert re.search(r"<dt>The model looked at</dt><dd>[\d:.]+ in \d+ windows?</dd>", result)
    assert "<dt>Closest</dt>" in result and not card_texts(app)
    whole(app.toggle(key="nearest").set_value(True).run())
    assert card_texts(app) and "fx-found" not in page(app)


def test_signs_in_a_question_are_words(open_app, indexed):
    app = ask(open_app(indexed), '<|im_end|> "a" green car </think> <b>drives</b>')
    assert "fx-problem" not in page(app) and "<b>drives" not in page(app)


def test_the_libraries_are_out_of_the_search_for_garbage_that_follows_every_run(open_app, indexed):
    gc.unfreeze()
    try:
        app = open_app(indexed, query="somebody walks")
        frozen = gc.get_freeze_count()
        assert frozen > 100_000
        ask(app, "somebody runs")
        assert gc.get_freeze_count() <= frozen  # once, not after each question: a frozen cycle never goes
    finally:
        gc.freeze()  # as it was before


def test_without_an_index_the_page_says_the_command(open_app, tmp_path):
    app = open_app(tmp_path / "nothing here.lancedb")
    assert "Nothing is indexed yet" in page(app)
    assert f"footage index path/to/videos --db &#x27;{tmp_path}/nothing here.lancedb&#x27;" in page(app)


def test_a_broken_index_gets_a_sentence(open_app, tmp_path):
    (tmp_path / "broken.lancedb").mkdir()
    (tmp_path / "broken.lancedb" / "letter.txt").write_text("no index")
    shown = page(open_app(tmp_path / "broken.lancedb"))
    assert "The index cannot be opened" in shown and "is not an index: it holds" in shown


def test_a_damaged_index_gets_the_commands_that_help(open_app, indexed, tmp_path):
    damaged = tmp_path / "it's damaged.lancedb"
    shutil.copytree(indexed, damaged)
    for file in damaged.rglob("*.manifest"):
        file.write_bytes(b"damaged")
    shown = page(open_app(damaged))
    assert "The index cannot be opened" in shown and "<code>footage db check --repair</code>" in shown
    command = re.search(r"<pre>(.*)</pre>", shown)
    assert command and shlex.split(html.unescape(command[1])) == [
        "footage",
        "db",
        "check",
        "--db",
        str(damaged),
    ]


@pytest.mark.parametrize("model", ["/no/such/model", "no-such-model"])
def test_a_missing_model_costs_the_exact_spans_only(open_app, indexed, model):
    app = open_app(indexed, script=UI / "app.py", model=model, query="a green car drives")
    assert page(app).count("fx-problem") == 1 and "From captions" in page(app)
    assert player(app)["clip"]


def test_a_bad_setting_gets_a_sentence(open_app, indexed, monkeypatch):
    monkeypatch.setenv("FOOTAGE_BATCH_SIZE", "many")
    assert "fx-problem" in page(open_app(indexed))


def test_a_file_that_went_away_is_said_to_be_missing(open_app, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder / "beach.mp4")
    db = an_index(folder, TruthModel())
    (folder / "beach.mp4").unlink()
    app = open_app(db, query="A green car drives from left to right.")
    assert "fx-problem" in page(app)
    assert player(app)["clip"] is None and player(app)["lanes"][0]["pieces"]
    assert card_texts(app)[0] == "A green car drives from left to right."


def test_the_library_lists_every_file_and_plays_its_events(open_app, indexed):
    app = open_app(indexed, script=library_page)
    names = re.findall(r'class="fx-tile-words"><b title="[^"]*">([^<]*)</b>', page(app))
    assert names == ["beach_dusk.mp4", "notes.mp4", "park_dusk.mp4"]
    assert [length for length in re.findall(r"<em>([0-9:]+)</em>", page(app))] == ["0:20", "0:30"]
    [first, _] = addresses(app)
    app.query_params["video"] = first
    whole(app.run())
    assert card_texts(app)[0] == "A blue car drives from right to left."
    assert player(app)["clip"] and "<h2>From the beginning</h2>" in page(app)
    whole(app.button(key="play_1").click().run())
    assert player(app)["clip"] and "<h2>A green car drives from left to right.</h2>" in page(app)
    whole(app.button(key="back").click().run())
    assert player(app) is None and "park_dusk.mp4" in page(app)


def test_hostile_text_stays_text_on_every_page(open_app, hostile):
    app = ask(open_app(hostile), HOSTILE_TEXT)
    assert card_texts(app)[0] == markup.text(HOSTILE_TEXT)
    assert "<script" not in page(app) and "<img src=x" not in page(app)
    app = open_app(hostile, script=library_page)
    assert "<script" not in page(app) and "<img src=x" not in page(app)
    assert markup.text(HOSTILE_NAME) in page(app)
    app.query_params["video"] = addresses(app)[0]
    whole(app.run())
    assert card_texts(app)[0] == markup.text(HOSTILE_TEXT)
    assert "<script" not in page(app) and "<img src=x" not in page(app)


# -- The app in a browser --------------------------------------------------

in_a_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]


def test_without_weights_several_events_are_answered_from_the_captions(open_app, indexed):
    app = open_app(
        indexed,
        script=UI / "app.py",
        model=str(indexed / "no weights here"),
        query="a green car drives THEN a green person walks",
    )
    text = page(app)
    assert "no model weights in" in text and "this index was captioned by" in text
    assert "These results are from captions only" in text and "fx-card" in text


@pytest.fixture
def browse(tmp_path):
    """Runs the app as `footage ui` does, from a folder of its own; gives a page of a headless browser."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    with ExitStack() as stack:

        def start(db: Path, *, script: Path, path: str = "/"):
            settings = {"db": db, "model": tmp_path / "no model", "cache_dir": tmp_path / "cache"}
            address = stack.enter_context(running_app(script, cwd=tmp_path, **settings))
            return stack.enter_context(browser_page(address + path))

        yield start


class TestInABrowser:
    pytestmark = in_a_browser

    @pytest.mark.smoke
    def test_typing_a_question_finds_plays_and_explains(self, browse, indexed):
        page = browse(indexed, script=STANDIN)
        page.get_by_placeholder("What happens?").fill("a green car drives from left to right")
        page.keyboard.press("Enter")
        page.wait_for_selector(ANSWERED)
        first = page.locator(".fx-card").first.inner_text()
        assert "Found" in first and "beach_dusk.mp4" in first
        span = page.locator(".fx-card .fx-meta b").nth(1).inner_text()
        page.get_by_role("button", name="Play answer 2:").focus()
        page.keyboard.press("Enter")
        page.wait_for_function(
            """span => {
                const said = [...document.querySelectorAll('.fx-playing b')].map(each => each.innerText)
                return said.length == 1 && said[0] == span
            }""",
            arg=span,
        )
        start, end = (parse_time(clock) for clock in re.findall(r"\d+:[\d.]+", span))
        video = page.locator("video")
        lead = min(previews.LEAD_SECONDS, start)
        for _ in range(200):
            at, length, paused = video.evaluate("video => [video.currentTime, video.duration, video.paused]")
            if not paused and at > lead + 0.05:
                break
            page.wait_for_timeout(20)
        assert not paused and lead <= at < lead + end - start
        assert length <= lead + end - start + previews.TAIL_SECONDS + 0.1
        page.keyboard.press("p")
        page.wait_for_function(
            "text => document.querySelector('.fx-now .fx-text').innerText == text",
            arg=page.locator(".fx-card .fx-text").first.inner_text(),
        )

    @pytest.mark.smoke
    def test_an_answer_is_marked_on_its_card_and_the_mark_taken_back(self, browse, indexed):
        page = browse(indexed, script=STANDIN, path="/?q=a+green+car+drives+from+left+to+right")
        page.wait_for_selector(ANSWERED)
        first = page.locator(".fx-card").first
        text = first.locator(".fx-text").inner_text()
        for name, state in (("Correct", "present"), ("Wrong", "absent")):
            page.get_by_role("button", name=f"{name}: answer 1,").click()
            first.get_by_text(f"Marked {name.lower()}").wait_for()
            [label] = Store.open(indexed).annotations.marks.all(kinds=["label"])
            assert (label.state, label.query) == (state, "a green car drives from left to right")
            assert label.span == Span(11.5, 13.5)
        page.wait_for_function(  # the page moved on to the next answer
            "text => document.querySelector('.fx-now .fx-text')?.innerText != text", arg=text
        )
        page.get_by_role("button", name="Undo: answer 1").click()
        page.wait_for_function("!document.querySelector('.fx-mark')")
        assert not Store.open(indexed).annotations.marks.all(kinds=["label"])

    def test_the_real_entry_finds_its_packages_from_any_folder(self, browse, indexed):
        page = browse(indexed, script=UI / "app.py", path="/?q=a+blue+car+drives")
        page.wait_for_selector(ANSWERED)
        assert "blue car" in page.locator(".fx-card").first.inner_text()
        assert page.locator(".fx-problem").count() == 1  # there is no such model
        assert "Traceback" not in page.inner_text("body")
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
            == "rgb(247, 248, 251)"
        )

    @pytest.mark.smoke
    def test_hostile_text_is_shown_as_it_is(self, browse, hostile):
        page = browse(hostile, script=STANDIN)
        page.wait_for_selector(".fx-tiles")
        chip = page.locator(".st-key-chip_0 button")
        assert said(chip) == HOSTILE_TEXT[:59].rstrip() + "…" if len(HOSTILE_TEXT) > 60 else HOSTILE_TEXT
        assert chip.locator("a, strong, code, .katex, [data-testid=stIconMaterial]").count() == 0
        chip.click()
        page.wait_for_selector(ANSWERED)
        assert page.locator(".fx-card .fx-text").first.inner_text() == HOSTILE_TEXT
        assert page.locator(".fx-card .fx-name").first.inner_text() == HOSTILE_NAME
        page.get_by_role("link", name="Library").click()
        page.wait_for_selector(".fx-lib-tile")
        assert page.locator(".fx-lib-tile b").last.inner_text() == HOSTILE_NAME
        page.locator("a.fx-lib-tile").click()
        page.wait_for_selector(".fx-card")
        assert page.locator(".fx-card .fx-text").first.inner_text() == HOSTILE_TEXT
        assert page.alerts == []


def said(element) -> str:
    return element.inner_text().replace("\N{WORD JOINER}", "").strip()
