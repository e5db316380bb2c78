"""The player's habits: editors' keys and their sheet, spans that sharpen, tracks, and where it stays."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import browser_page, chromium, running_app
from test_ui_player import STAGE, Stage
from tiny_clips import write_clip

from footage.core.types import Point, Span, Video
from ui.web.components.player import events, moments
from ui.web.components.player.moments import FollowedObject

WHOLE = Span(0.0, 300.0)
point = st.integers(0, 300_000).map(lambda milliseconds: milliseconds / 1000)
spans = st.tuples(point, point).filter(lambda ends: ends[0] != ends[1]).map(lambda ends: Span(*sorted(ends)))


# -- Moments that sharpen --------------------------------------------------------


@given(spans, spans, st.booleans())
def test_a_sharper_span_keeps_what_plays_and_moves_points_that_nobody_moved(first, second, moved):
    begun = moments.next_shown(None, events.Wishes(), "m", first, WHOLE, autoplay=True)
    sharper = moments.next_shown(begun, events.Wishes(), "m", second, WHOLE, autoplay=True)
    assert (sharper.jumps, sharper.of) == (begun.jumps, "m") and not sharper.play
    held = begun.stretch.start_seconds <= second.start_seconds
    if held and second.end_seconds <= begun.stretch.end_seconds:
        assert sharper.stretch == begun.stretch
    own = Span(1.0, 2.0)
    marks = own if moved else first
    assert moments.chosen(marks, sharper) == (
        second if marks == first and first != second else (marks if moved else second)
    )
    assert moments.chosen(None, sharper) == second


def test_a_moment_keeps_its_name_while_its_span_sharpens():
    assert moments.name_of("c", Span(1, 2), "m") == moments.name_of("c", Span(1.5, 1.8), "m")
    assert moments.name_of("c", Span(1, 2)) != moments.name_of("c", Span(1.5, 1.8))
    assert moments.name_of("c", Span(1, 2), "m") != moments.name_of("d", Span(1, 2), "m")


def test_points_in_pixels_are_shares_of_the_picture_and_places_that_are_none_are_left_out():
    video = Video("c", 9.0, 200, 100, 25.0, "h264")
    points = [Point(1.0, 1, 100, 50), Point(1.5, 1, 200, 100), Point(1.0, 2, 0, 0)]
    one, two = moments.followed(points, video, "car")
    assert (one.name, two.name) == ("car 1", "car 2")
    assert list(one.places) == [(1.0, 0.5, 0.5), (1.5, 1.0, 1.0)]
    odd = FollowedObject(
        "x\x1b", [(2.0, 0.5, 0.5), (1.0, float("nan"), 0), (1.0, 2, 0), (1.0, 0.5), (0.5, 1, 0)]
    )
    [drawn] = moments.drawn([odd])
    assert drawn["places"] == [[0.5, 1, 0], [2.0, 0.5, 0.5]] and drawn["name"].isprintable()


# -- In a browser ------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    folder = tmp_path_factory.mktemp("app")
    clip = write_clip(folder / "counted.mp4", count=144, fps=4)
    settings = {"cache_dir": folder / "cache", "library_roots": folder}
    with running_app(STAGE, cwd=folder, clip=clip, **settings) as address:
        yield address


@pytest.fixture
def open_stage(address):
    with ExitStack() as stack:

        def start(query: str = "still", width: int = 1000, height: int = 1400) -> Stage:
            look = {"width": width, "height": height}
            return Stage(stack.enter_context(browser_page(f"{address}/?{query}", **look)))

        yield start


DRAWN = """async ([wheel, frames]) => {
    const root = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
        .map(each => each.shadowRoot).find(each => each?.querySelector('.view'))
    const view = root.querySelector('.view'), box = view.getBoundingClientRect(), took = []
    for (let n = 0; n < frames; n++) {
        await new Promise(requestAnimationFrame)
        const start = performance.now()
        const way = n % 40 < 20 ? 1 : -1
        const more = wheel === 'zoom' ? {deltaY: -120 * way, ctrlKey: true} : {deltaX: 40 * way}
        const place = {clientX: box.x + box.width / 3, bubbles: true, cancelable: true}
        view.dispatchEvent(new WheelEvent('wheel', {...more, ...place}))
        root.querySelector('.content').getBoundingClientRect()
        took.push(performance.now() - start)
    }
    return took.sort((a, b) => a - b)[Math.floor(frames / 2)]
}"""


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    def test_the_shuttle_plays_forward_and_back_faster_each_time(self, open_stage):
        stage = open_stage()
        chip, rate = stage.page.locator(".speed"), "video => video.playbackRate"
        stage.press("l")
        stage.until(lambda: not stage.paused())
        assert stage.video.evaluate(rate) == 1 and not chip.is_visible()
        stage.press("l", "l", "l", "l")
        assert stage.video.evaluate(rate) == 8 and chip.inner_text() == "8\N{MULTIPLICATION SIGN} ▶"
        stage.press("k")
        assert stage.paused() and stage.video.evaluate(rate) == 1 and not chip.is_visible()
        stage.press("k")  # which stops, and starts nothing
        assert stage.paused()
        stage.page.get_by_role("button", name="Reset").evaluate("button => button.disabled = false")
        stage.at(12 / 36)
        stage.until(lambda: stage.now() >= "0:11.500")
        before = stage.now()
        stage.press("j", "j")
        stage.until(lambda: stage.now() < before and stage.picture() < 46)
        assert chip.inner_text() == "◀ 2\N{MULTIPLICATION SIGN}"
        stage.press(" ")
        stage.until(lambda: not chip.is_visible() and stage.paused())
        assert stage.result()[:2] == [10.5, 12.25]

    def test_playing_back_goes_on_beyond_the_preview_to_the_beginning(self, open_stage):
        stage = open_stage()
        stage.press("j", "j", "j", "j")
        stage.until(lambda: stage.now() == "0:00.000", seconds=40)
        stage.until(lambda: not stage.page.locator(".speed").is_visible())

    def test_a_point_that_passes_the_other_takes_it_along(self, open_stage):
        stage = open_stage()
        stage.at(20 / 36)
        stage.until(lambda: stage.now() > "0:19")
        now = stage.now()
        stage.press("i")
        assert stage.clock("in") == now
        stage.until(lambda: round(stage.result()[1] - stage.result()[0], 2) == 1.75)  # as long as before
        assert stage.page.locator(".news").inner_text() == "Out moved along"
        stage.at(5 / 36)
        stage.until(lambda: stage.now() < "0:06")
        stage.press("o")
        stage.until(lambda: round(stage.result()[1] - stage.result()[0], 2) == 1.75)
        assert stage.clock("out") == stage.now()
        assert stage.page.locator(".news").inner_text() == "In moved along"

    def test_in_near_the_end_of_the_video_keeps_what_there_is(self, open_stage):
        stage = open_stage()
        stage.at(35.2 / 36)
        stage.until(lambda: stage.now() > "0:34")
        stage.press("i")
        stage.until(lambda: stage.result()[1] == 36 and 0 < 36 - stage.result()[0] < 1.75)

    def test_space_plays_after_a_button_was_clicked_and_presses_one_that_keys_reached(self, open_stage):
        stage = open_stage()
        repeat = stage.page.get_by_role("button", name="Repeat from in to out")
        repeat.click()
        stage.press(" ")
        stage.until(lambda: not stage.paused())
        assert repeat.get_attribute("aria-pressed") == "true"
        stage.press(" ")
        stage.until(stage.paused)
        stage.page.get_by_role("button", name="One frame on").focus()
        stage.press("Tab", "Shift+Tab", " ")
        stage.until(stage.paused)

    def test_every_key_of_the_sheet_does_something(self, open_stage):
        stage = open_stage("still&talk=1&tracks=1")
        stage.page.mouse.click(5, 700)
        stage.press("?")
        sheet = stage.page.get_by_role("dialog", name="Keys")
        sheet.wait_for()
        groups = sheet.get_by_role("heading", level=4).all_inner_texts()
        assert groups == ["This page", "Play", "In and out", "Picture and timeline", "Everywhere"]
        lines = sheet.locator("dl > div")
        keys = [key for line in lines.all() for key in json.loads(line.get_attribute("data-keys"))]
        assert {"q", "j", "Shift+ArrowLeft", "[", "Shift+.", "Shift+f", "/", "?"} <= set(keys)
        assert "w" not in keys  # its button is not on the page
        assert "v" not in keys  # no picture search here
        stage.press("Escape")
        sheet.wait_for(state="hidden")
        heard = """key => {
            const [name, shift] = [key.replace('Shift+', ''), key.startsWith('Shift+')]
            const code = {'[': 'BracketLeft', ']': 'BracketRight', ',': 'Comma', '.': 'Period'}[name] ?? ''
            const press = {key: name, code, shiftKey: shift, bubbles: true, cancelable: true}
            const said = new KeyboardEvent('keydown', press)
            document.body.dispatchEvent(said)
            document.activeElement?.blur()
            document.querySelector('.fx-keys').shadowRoot.querySelector('dialog').close()
            return said.defaultPrevented
        }"""
        silent = [key for key in keys if key not in ("f", "Escape") and not stage.page.evaluate(heard, key)]
        assert silent == []  # full screen and leaving are tested elsewhere

    def test_the_search_box_is_a_key_away(self, open_stage):
        stage = open_stage()
        stage.page.mouse.click(5, 700)
        stage.press("/")
        stage.until(lambda: stage.page.evaluate("document.activeElement.placeholder") == "Search")

    def test_a_span_that_sharpens_plays_on(self, open_stage):
        stage = open_stage("early")  # it plays at once
        news = stage.page.locator(".news")
        assert stage.result()[:2] == [9.5, 16] and news.inner_text() == "From captions, being checked"
        stage.until(lambda: not stage.paused() and stage.now() > "0:10")
        watch = "video => { video.loads = 0; video.addEventListener('loadstart', () => video.loads++) }"
        stage.video.evaluate(watch)
        before = stage.now()
        stage.page.locator(".st-key-check button").click()
        stage.until(lambda: news.inner_text() == "Checked: 10.5 \N{EN DASH} 12.3 s")
        stage.until(lambda: stage.result()[:2] == [10.5, 12.25])
        assert stage.clock("in") == "0:10.500" and stage.now() >= before
        assert stage.video.evaluate("video => video.loads") == 0

    def test_points_that_a_person_moved_stay_when_the_span_sharpens(self, open_stage):
        stage = open_stage("early&still")
        stage.press("]")
        stage.until(lambda: stage.result()[:2] == [9.75, 16])
        stage.page.get_by_role("button", name="Refuse").click()
        stage.until(lambda: stage.page.locator(".news").inner_text() == "Checked: not found here")
        assert stage.clock("in") == "0:09.750" and stage.result()[:2] == [9.75, 16]

    def test_objects_are_drawn_where_they_are(self, open_stage):
        stage = open_stage("still&tracks=1")  # at 10.5 s
        dot, frame = stage.page.locator(".object.dot"), stage.page.locator(".object:not(.dot)")
        picture = stage.video.bounding_box()
        stage.until(lambda: dot.is_visible() and frame.is_visible())
        place, box = dot.bounding_box(), frame.bounding_box()
        middle = place["x"] + place["width"] / 2 - picture["x"]
        assert middle / picture["width"] == pytest.approx(0.3, abs=0.02)
        assert (box["x"] - picture["x"]) / picture["width"] == pytest.approx(0.3, abs=0.02)
        assert dot.inner_text() == "ball <b>"
        stage.press("b")
        stage.until(lambda: not dot.is_visible())
        stage.press("b", *["ArrowRight"] * 12)  # 13.5 s, long after the last place
        stage.until(lambda: stage.now() == "0:13.500")
        assert not dot.is_visible() and not frame.is_visible()

    def test_ten_hours_with_three_thousand_captions_are_drawn_within_a_frame(self, open_stage):
        stage = open_stage("still&many=3000&hours=10&talk=1")
        for wheel in ("zoom", "pan"):
            assert stage.page.evaluate(DRAWN, [wheel, 120]) < 16

    def test_the_stage_stays_beside_the_cards_with_its_points_in_the_first_view(self, open_stage):
        stage = open_stage("still&halves&talk=600", width=1440, height=900)
        points = stage.page.locator(".points")
        before = stage.video.bounding_box()
        assert points.bounding_box()["y"] + points.bounding_box()["height"] < 900
        stage.page.mouse.move(300, 500)
        stage.page.mouse.wheel(0, 1200)
        stage.until(lambda: stage.page.get_by_text("Card 1", exact=True).bounding_box()["y"] < 0)
        after = stage.video.bounding_box()
        assert 0 < after["y"] <= before["y"] and after["height"] == before["height"]

    def test_a_wide_window_gives_the_picture_more_than_half(self, open_stage):
        stage = open_stage("still&halves", width=1920, height=1080)
        column = stage.page.locator(".st-key-stage").bounding_box()
        assert column["width"] > 960 and stage.video.bounding_box()["width"] > 700

    def test_a_phone_docks_it_small_and_a_tap_brings_it_up_and_back(self, open_stage):
        stage = open_stage("still&halves", width=390, height=844)
        dock = stage.page.locator(".st-key-stage")
        stage.until(lambda: dock.bounding_box()["height"] < 140)
        box = dock.bounding_box()
        assert box["y"] + box["height"] == pytest.approx(844, abs=1) and box["width"] == 390
        stage.page.mouse.move(200, 300)
        stage.page.mouse.wheel(0, 99_999)
        last = stage.page.get_by_text("Card 11")
        stage.until(lambda: 0 < last.bounding_box()["y"] + last.bounding_box()["height"] <= box["y"])
        stage.page.get_by_role("button", name="Play", exact=True).click()
        stage.until(lambda: not stage.paused())
        assert dock.bounding_box()["height"] < 140
        stage.page.locator(".stage .picture").click()
        stage.until(lambda: dock.bounding_box()["height"] == 844)
        assert stage.page.locator(".points").is_visible()
        stage.page.get_by_role("button", name="Make the player small").click()
        stage.until(lambda: dock.bounding_box()["height"] < 140)
        assert stage.page.evaluate("document.documentElement.scrollWidth") <= 390

    def test_a_press_on_the_background_draws_no_frame(self, open_stage):
        stage = open_stage("still&halves", width=1440, height=900)
        for place in ((20, 500), (720, 850)):
            stage.page.mouse.click(*place)
            stage.press("Shift")
            framed = stage.page.evaluate(
                """() => { const on = document.activeElement, style = getComputedStyle(on)
                return [on.dataset.testid ?? on.tagName, style.outlineStyle, style.boxShadow] }"""
            )
            assert framed[1:] == ["none", "none"], framed
