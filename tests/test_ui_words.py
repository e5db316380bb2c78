"""What is said and written on the app's pages: quotes on cards, the first run, coverage by track."""

from __future__ import annotations

import html
import re
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notes_track import NotesMaker
from screenshot_app import ANSWERED, ROOT, browser_page, chromium, running_app
from test_ui_access import PHONE, broken, fits
from tiny_clips import write_clip

from footage.core.config import Settings
from footage.core.types import Match, Span, Video
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from service.ready_tracks import ready_tracks
from ui.web.components import cards, questions, quotes

HOSTILE = "<img src=x onerror=alert(1)>"


def spoken(text: str, *marks: tuple[int, int], **more) -> Match:
    video = Video("c", 90.0, 64, 48, 10.0, "h264", "mp4")
    values = {"track": "speech", "confidence": 0.9, "marks": marks, **more}
    return Match(video, "/films/talk.mp4", Span(83.4, 85.0), text, 1.0, False, "found", **values)


# -- Quotes ---------------------------------------------------------------------


@given(st.text(max_size=600), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 20)), max_size=4))
def test_a_quote_is_the_text_whatever_is_marked(text, places):
    marks = tuple(
        (start, min(len(text), start + long)) for start, long in sorted(places) if start < len(text)
    )
    shown = quotes.quoted(text, marks)
    inner = re.sub(r"</?(?:q|mark)[^>]*>", "", shown)
    assert not set(inner) & set("<>\"'")
    plain = "".join(char if char.isprintable() else "\ufffd" for char in text)
    words = html.unescape(inner)
    assert words.removeprefix("…").removesuffix("…").strip() in plain
    assert len(words) <= max(quotes.LONGEST_QUOTE, *(end - start for start, end in [*marks, (0, 0)])) + 2


def test_a_card_marks_the_hit_and_says_the_track_and_how_clear_it_is():
    card = cards.result(spoken("Now the Webb telescope", (8, 22)), picture="", strip="")
    assert (
        "Now the <mark>Webb telescope</mark>" in card and "said at 1:23" in card and "clearly heard" in card
    )
    assert "Found" in card and "score 1" not in card and "From captions" not in card
    written = replace(spoken("EXIT 12", track="screen-text", confidence=0.4), span=Span(41.2, 57.9))
    card = cards.result(written, picture="", strip="")
    assert "on screen 0:41 \N{EN DASH} 0:58" in card and "hard to read" in card
    card = cards.result(spoken("Yes", track="subtitles", confidence=None), picture="", strip="")
    assert "subtitle at 1:23" in card and "fx-score" not in card


def test_a_long_line_is_cut_around_the_hit():
    text = "before " * 100 + "HERE" + " after" * 100
    at = text.index("HERE")
    shown = quotes.quoted(text, ((at, at + 4),))
    assert "<mark>HERE</mark>" in shown and shown.count("…") == 2 and len(shown) < 400


def test_said_and_seen_stand_together_on_a_card():
    seen = replace(spoken("A player celebrates."), track="caption", span=Span(88, 89))
    both = replace(spoken("goal"), parts=(spoken("What a goal!", (7, 11)), seen))
    card = cards.result(both, picture="", strip="")
    assert "What a <mark>goal</mark>!" in card and "said at 1:23" in card and "A player celebrates." in card


def test_questions_are_offered_that_the_words_answer():
    assert (
        questions.telling_words("This is the optical segment of the Webb Space Telescope")
        == "optical segment"
    )
    assert (
        questions.telling_words("00:00:15") == "" and questions.telling_words("and so it is EXIT") == "EXIT"
    )


# -- What can be found with this machine --------------------------------------------


def test_captions_need_their_model_and_words_need_none(tmp_path):
    missing = {each.track: each.why_not for each in ready_tracks(Settings(model_path=tmp_path / "none"))}
    assert "no model weights" in missing["caption"]
    assert [track for track, why in missing.items() if not why] == ["speech", "screen-text", "subtitles"]
    assert all(each.is_ready for each in ready_tracks(Settings(model="demo")))


# -- In a browser ----------------------------------------------------------------


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A video of which the index has words alone, and the app on a machine without the caption model."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    folder = tmp_path_factory.mktemp("app")
    videos = folder / "videos"
    videos.mkdir()
    write_clip(videos / "talk.mp4", count=80, fps=4)
    (videos / "talk.mp4.speech").write_text(f"2.0 5.0 Now the Webb telescope speaks {HOSTILE}\n")
    (videos / "talk.mp4.screen-text").write_text("7.0 9.0 EXIT 12\n")
    store = Store.open(folder / "index.lancedb", create=True)
    makers = [NotesMaker("speech"), NotesMaker("screen-text")]
    index([videos], store=store, model=None, embedder=load_embedder(), makers=makers)
    settings = {"cache_dir": folder / "cache", "library_roots": videos, "model_path": folder / "no-model"}
    entry = ROOT / "ui" / "web" / "app.py"
    with ExitStack() as stack:
        full = running_app(entry, cwd=folder, db=folder / "index.lancedb", **settings)
        empty = running_app(entry, cwd=folder, db=folder / "none.lancedb", **settings)
        yield stack.enter_context(full), stack.enter_context(empty), videos


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    @pytest.mark.parametrize("look", [{}, {"colors": "dark"}, PHONE])
    def test_the_first_page_offers_what_is_said_and_written(self, served, look):
        with browser_page(served[1], **look) as page:
            page.wait_for_selector(".fx-offer")
            assert page.locator(".fx-offer.fx-ready b").all_inner_texts() == [
                "What is said",
                "What is written",
            ]
            assert page.locator(".fx-offer.fx-notready b").all_inner_texts() == [
                "What happens",
                "How it looks",
            ]
            box = page.get_by_role("checkbox", name="What is said")
            box.wait_for()
            assert box.is_checked() and page.get_by_role("checkbox", name="What happens").is_disabled()
            assert broken(page) == []
            if look is PHONE:
                fits(page, page.get_by_role("button", name="Index", exact=True))

    def test_words_are_found_quoted_and_shown_in_the_transcript(self, served):
        asked = quote('said:"webb telescope"')
        with browser_page(f"{served[0]}/?q={asked}") as page:
            page.wait_for_selector(ANSWERED)
            assert " ".join(page.locator(".fx-card mark").all_inner_texts()) == "Webb telescope"
            assert "said at 0:0" in page.locator(".fx-card").inner_text()
            assert page.locator(".fx-problem").count() == 0  # no model is asked, so that none is missing
            page.wait_for_selector(".line")
            assert "Now the Webb telescope" in page.locator(".line .text").inner_text()
            assert page.alerts == [] and page.refused == []
            assert broken(page) == []

    def test_the_library_and_the_video_say_what_each_track_covers(self, served):
        with browser_page(f"{served[0]}/library", **PHONE) as page:
            page.wait_for_selector(".fx-bars")
            assert page.locator(".fx-bars").first.get_attribute("aria-label").startswith("Indexed: Speech ")
            assert page.locator(".fx-bar-legend .fx-track").all_inner_texts() == ["Speech", "Screen text"]
            fits(page, page.locator(".fx-lib-tile").last)
            page.locator("a.fx-lib-tile").first.click()
            page.get_by_role("button", name="Show the whole player").click()
            page.wait_for_selector(".line")
            assert page.get_by_text("This video has no captions yet.").first.is_visible()
            assert page.locator(".names span").all_inner_texts() == ["Speech", "Screen text"]
            fits(page, page.locator(".filter"), page.locator("video"))
            assert broken(page) == []

    def test_the_first_page_begins_a_run_of_what_is_ticked(self, served):
        with browser_page(served[1]) as page:
            page.get_by_role("textbox", name="Index a folder of this machine").fill(str(served[2]))
            for name in ("What is said", "What is written"):
                page.locator("label").filter(has_text=name).click()
            page.get_by_role("button", name="Index", exact=True).click()
            page.get_by_text("Nothing to find is chosen").wait_for()
