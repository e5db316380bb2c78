"""The transcript in the player: what the browser gets; how it follows, is searched and marks passages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import browser_page, chromium, running_app
from test_ui_access import broken
from test_ui_player import STAGE, Stage
from tiny_clips import write_clip

from footage.core.types import CaptionEvent, Span, SpokenWord, TextBox
from service.transcript import Transcript
from ui.web.components.player import VideoWords, lanes

HOSTILE = "<img src=x onerror=alert(1)> **b** </script><script>alert(2)</script>"


def line(start: float, text: str, **more) -> CaptionEvent:
    return CaptionEvent(Span(start, start + 1), text, **more)


# -- What the browser gets -----------------------------------------------------


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_reaches_the_browser_without_control_characters(texts):
    lines = tuple(line(number, text) for number, text in enumerate(texts))
    [entry] = json.loads(VideoWords([Transcript("speech", "en", lines)]).encoded)["entries"]
    assert [each[0] for each in entry["lines"]] == list(range(len(texts)))
    assert all(
        each[2].isprintable() and len(each[2]) == len(text)
        for each, text in zip(entry["lines"], texts, strict=True)
    )


def test_words_boxes_and_doubt_go_along():
    words = (SpokenWord(Span(0, 0.5), "Hear", 0.9), SpokenWord(Span(0.5, 1), "me", 0.2))
    boxes = (TextBox(0, 0.1, 0.2, 0.3, 0.4), TextBox(0.5, 0.1, 0.2, 0.3, 0.4, "12:01"))
    lines = (line(0, "Hear me", confidence=0.4, words=words), line(1, "12:00", confidence=0.9, boxes=boxes))
    [entry] = json.loads(VideoWords([Transcript("speech", "en", lines)]).encoded)["entries"]
    assert entry["lines"] == [
        [0, 1, "Hear me", 1, [[0, 0.5, "Hear"], [0.5, 1, "me"]], []],
        [1, 2, "12:00", 0, [], [[0, 0.1, 0.2, 0.3, 0.4], [0.5, 0.1, 0.2, 0.3, 0.4, "12:01"]]],
    ]


def test_without_words_there_is_nothing_to_fetch_and_no_lane():
    assert VideoWords().encoded == b"" and VideoWords().marks == {}


def test_subtitles_in_two_languages_share_a_lane():
    both = [Transcript("subtitles", "de", (line(1, "Ja"),)), Transcript("subtitles", "en", (line(1, "Yes"),))]
    assert [mark.label for mark in VideoWords(both).marks["Subtitles"]] == ["Ja", "Yes"]


# -- In a browser ----------------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The app with 36 seconds, four frames a second, each of which says its number."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    folder = tmp_path_factory.mktemp("app")
    clip = write_clip(folder / "counted.mp4", count=144, fps=4)
    settings = {"cache_dir": folder / "cache", "library_roots": folder}
    with running_app(STAGE, cwd=folder, clip=clip, **settings) as address:
        yield address


class Read(Stage):
    """The player with a transcript, as a person sees it."""

    def __init__(self, page) -> None:
        super().__init__(page)
        page.wait_for_selector(".line")
        self.filter = page.get_by_role("searchbox", name="Find in the transcript")

    def lines(self, which: str = "") -> list[str]:
        return self.page.locator(f".line{which} .text").all_inner_texts()

    def word(self, text: str, *, of: str) -> dict[str, float]:
        """Where the word is in the window, brought into view."""
        return self.page.locator(".line .text").evaluate_all(
            """(texts, [of, word]) => {
                const text = texts.find(each => each.textContent.includes(of))
                text.scrollIntoView({block: "nearest", behavior: "instant"})
                const range = new Range()
                const at = text.textContent.indexOf(word)
                range.setStart(text.firstChild, at)
                range.setEnd(text.firstChild, at + word.length)
                const {x, y, width, height} = range.getBoundingClientRect()
                return {x, y, width, height}
            }""",
            [of, text],
        )

    def select(self, first: dict[str, float], last: dict[str, float]) -> None:
        """Drag from the front of a word to the end of another one."""
        mouse = self.page.mouse
        mouse.move(first["x"] + 1, first["y"] + first["height"] / 2)
        mouse.down()
        mouse.move(last["x"] + last["width"] - 1, last["y"] + last["height"] / 2, steps=5)
        mouse.up()


@pytest.fixture
def open_read(address):
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(query: str = "still&talk=1", width: int = 1000, height: int = 1400) -> Read:
            look = {"width": width, "height": height}
            return Read(stack.enter_context(browser_page(f"{address}/?{query}", **look)))

        yield start


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    @pytest.mark.smoke
    def test_it_follows_the_player_and_a_press_on_a_word_seeks_to_it(self, open_read):
        read = open_read()
        read.until(
            lambda: read.lines(".current") == ["Ein Löwe brüllt LAUT.", "Now comes the frame that passes."]
        )
        passes = read.word("passes.", of="Now")
        read.page.mouse.click(passes["x"] + 3, passes["y"] + 5)
        read.until(lambda: read.now() == "0:13.000")
        assert read.lines(".current") == ["Now comes the frame that passes."] and read.paused()
        read.page.locator(".line .at").first.click()
        read.until(
            lambda: read.now() == "0:00.500" and read.lines(".current") == ["The first words are said here."]
        )
        read.shows(2)
        assert read.result()[:2] == [10.5, 12.25]  # to read along moves no point

    def test_a_selected_passage_is_the_clip_to_the_word(self, open_read):
        read = open_read()
        read.word("frame", of="Now")  # brings the later line into view, then the places are looked up
        first, last = read.word("brüllt", of="Löwe"), read.word("frame", of="Now")
        read.select(first, last)
        read.until(lambda: read.result()[:2] == [10.0, 12.5])
        assert read.clock("in") == "0:10.000" and read.clock("out") == "0:12.500"
        read.until(lambda: read.now() == "0:10.000")
        assert "In 0:10.000, out 0:12.500" in read.page.locator(".said").inner_text()
        assert read.lines(".chosen") == ["Ein Löwe brüllt LAUT.", "Now comes the frame that passes."]
        read.press("BracketRight")  # the points stay the person's to move, whatever is selected
        read.page.mouse.click(5, 300)
        read.until(lambda: read.result()[0] == 10.25)
        read.page.get_by_role("button", name="Reset").click()
        read.until(lambda: read.result()[:2] == [10.5, 12.25])

    def test_it_is_searched_in_any_case_and_without_accents(self, open_read):
        read = open_read()
        read.filter.fill("LOWE laut")
        read.until(lambda: read.lines() == ["Ein Löwe brüllt LAUT."])
        assert read.page.locator(".line mark").all_inner_texts() == ["Löwe", "LAUT"]
        assert read.page.locator(".said").inner_text() == "1 of 4 lines"
        read.filter.press("Enter")
        read.until(lambda: read.now() == "0:09.000")
        read.filter.fill("nothing of the kind")
        read.until(lambda: read.page.locator(".said").inner_text() == "No line has this")
        read.filter.press("Escape")
        read.until(lambda: len(read.lines()) == 4)
        read.page.mouse.click(5, 300)
        read.press("Shift+f")
        read.page.keyboard.type("ia")  # what is typed there is no key of the player
        read.until(lambda: read.filter.input_value() == "ia")
        assert read.result()[:3] == [10.5, 12.25, []]

    def test_foreign_text_is_text(self, open_read):
        read = open_read()
        read.filter.fill("onerror")
        read.until(lambda: len(read.lines()) == 1)
        assert read.lines() == [f"mumble {HOSTILE}"] and read.page.alerts == []
        assert read.page.locator(".stage img, .stage script").count() == 0
        assert read.page.locator(".line small").inner_text() == "unsure"

    def test_keys_move_along_the_lines_seek_and_mark(self, open_read):
        read = open_read()
        read.page.get_by_role("listbox", name="Speech, line by line").focus()
        read.press("Home", "ArrowDown", "Enter")
        read.until(lambda: read.now() == "0:09.000")
        read.press("Shift+ArrowDown")
        read.until(lambda: read.result()[:2] == [9.0, 13.5])
        active = read.page.locator(".lines").get_attribute("aria-activedescendant")
        assert read.page.locator(f"#{active} .text").inner_text() == "Now comes the frame that passes."
        selected = read.page.locator(".line[aria-selected=true]").count()
        assert selected == 2

    def test_another_track_is_chosen_and_stays(self, open_read):
        read = open_read()
        tracks = read.page.get_by_role("group", name="Transcript of")
        assert tracks.get_by_role("button").all_inner_texts() == ["Speech\nEnglish", "Screen text"]
        tracks.get_by_role("button", name="Screen text").click()
        assert read.lines() == ["EXIT 12"]
        read.press("BracketRight")  # which draws the fragment again
        read.until(lambda: read.result()[0] == 10.75)
        assert read.lines() == ["EXIT 12"]

    def test_boxes_lie_where_the_text_is_while_it_is_there(self, open_read):
        read = open_read()
        box = read.page.locator(".box")
        read.until(lambda: box.count() == 1)
        picture, frame = read.video.bounding_box(), box.bounding_box()
        assert frame["x"] - picture["x"] == pytest.approx(picture["width"] / 4, abs=2)
        assert frame["y"] - picture["y"] == pytest.approx(picture["height"] / 2, abs=2)
        assert box.inner_text() == "EXIT 12"
        read.press(*["ArrowRight"] * 4)  # a second on, it is elsewhere and reads otherwise
        read.until(lambda: box.all_inner_texts() == ["EXIT 13"])
        read.press("b")
        read.until(lambda: box.count() == 0)
        assert (
            read.page.get_by_role("button", name="Boxes and tracks").get_attribute("aria-pressed") == "false"
        )
        read.press("b", *["ArrowRight"] * 4)
        read.until(lambda: read.now() == "0:12.500" and box.count() == 0)  # it is gone by then

    def test_it_scrolls_along_until_the_reader_goes_elsewhere(self, open_read):
        read = open_read("still&talk=600")
        read.until(lambda: read.lines(".current") == ["Line 175 of the talk"])
        sight = "element => { const r = element.getBoundingClientRect(), l = element.closest('.lines')"
        sight += ".getBoundingClientRect(); return r.top >= l.top && r.bottom <= l.bottom }"
        inside = read.page.locator(".line.current")
        read.until(lambda: inside.evaluate(sight))
        read.press(*["ArrowRight"] * 12)
        read.until(lambda: read.lines(".current") == ["Line 225 of the talk"] and inside.evaluate(sight))
        read.page.locator(".lines").hover()
        read.page.wait_for_timeout(300)
        read.page.mouse.wheel(0, 3000)
        back = read.page.get_by_role("button", name="Back to now")
        back.wait_for()
        read.press(*["ArrowRight"] * 4)
        read.until(lambda: read.lines(".current") == ["Line 241 of the talk"])
        assert not inside.evaluate(sight) and back.is_visible()
        back.click()
        read.until(lambda: inside.evaluate(sight))
        assert not back.is_visible()

    def test_ten_thousand_lines_stay_quick(self, open_read):
        read = open_read("still&talk=10000&many=10000")
        assert read.page.locator(".line").count() <= 500
        assert read.page.locator(".column.speech").count() <= lanes.BINS
        took = read.page.evaluate(
            """async () => {
                const root = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
                    .map(each => each.shadowRoot).find(each => each.querySelector('.words'))
                const input = root.querySelector('.filter')
                const start = performance.now()
                input.value = '9999'
                input.dispatchEvent(new Event('input'))
                while (root.querySelectorAll('.line').length !== 1)
                    await new Promise(then => requestAnimationFrame(then))
                return performance.now() - start
            }"""
        )
        assert read.lines() == ["Line 9999 of the talk"] and took < 1500

    def test_lanes_name_the_words_and_the_legend_the_colours(self, open_read):
        read = open_read()
        assert read.page.locator(".names span").all_inner_texts() == [
            *("Captions", "Speech", "Screen text", "Matches", "Notes")
        ]
        assert {"speech", "screen text"} <= set(read.page.locator(".legend span").all_inner_texts())
        read.page.locator(".piece.speech").first.hover()
        assert "The first words are said here." in read.page.locator(".tip").inner_text()
        read.page.locator(".piece.screen-text").first.hover()
        assert "EXIT 12" in read.page.locator(".tip").inner_text()

    def test_it_is_folded_away(self, open_read):
        read = open_read()
        read.press("y")
        assert not read.page.locator(".lines").is_visible()
        fold = read.page.get_by_role("button", name="Transcript", exact=True)
        assert fold.get_attribute("aria-expanded") == "false"
        fold.click()
        assert read.page.locator(".lines").is_visible()

    def test_it_is_fit_for_everybody_and_for_phones(self, open_read):
        read = open_read(width=390, height=844)
        assert [fault for fault in broken(read.page) if ".words" in fault or "line" in fault] == []
        assert read.page.evaluate("document.documentElement.scrollWidth") <= 390
        for part in (".filter", "[data-do=fold]", ".tracks button >> nth=0"):
            box = read.page.locator(part).bounding_box()
            assert box["x"] + box["width"] <= 390 and box["height"] >= 24
