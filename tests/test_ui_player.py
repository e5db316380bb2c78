"""The player: its lanes, what it believes of the browser, its previews, and how it behaves in a browser."""

from __future__ import annotations

import json
import math
import shutil
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import browser_page, chromium, running_app
from tiny_clips import write_clip

from footage.core.errors import VideoError
from footage.core.timecode import overlap_seconds
from footage.core.types import Span, on_grid
from service import previews
from ui.web.components import media
from ui.web.components.player import events as wishes
from ui.web.components.player import lanes
from ui.web.components.player.lanes import LaneMark

DAY = Span(0.0, 86_400.0)
STAGE = Path(__file__).with_name("stage_app.py")


def spans_in(within: Span):
    point = st.floats(within.start_seconds, within.end_seconds)
    return st.tuples(point, point).map(lambda ends: Span(*sorted(ends)))


# -- Lanes -------------------------------------------------------------------


@given(st.lists(spans_in(Span(10.0, 90.0)), max_size=30), st.integers(1, 50))
def test_a_density_counts_the_spans_that_touch_each_bin(spans, bins):
    within = Span(10.0, 90.0)
    counted = lanes.density(spans, within, bins)
    assert len(counted) == bins and all(0 <= count <= len(spans) for count in counted)
    wide = within.duration_seconds / bins
    slack = 1e-6
    for number, count in enumerate(counted):
        start = 10.0 + number * wide
        inner, outer = Span(start + slack, start + wide - slack), Span(start - slack, start + wide + slack)
        surely = sum(overlap_seconds(span, inner) > 0 for span in spans)
        at_most = sum(
            span.end_seconds >= outer.start_seconds and span.start_seconds <= outer.end_seconds
            for span in spans
        )
        assert surely <= count <= at_most
    assert sum(counted) >= len(spans)


def test_spans_that_end_on_an_edge_stay_before_it():
    assert lanes.density([Span(0, 5), Span(5, 10), Span(10, 10)], Span(0, 10), 2) == [1, 2]


@given(st.lists(spans_in(Span(0.0, 60.0)), max_size=40).map(sorted), st.integers(1, 4))
def test_spans_in_one_row_never_overlap_but_in_the_last(spans, most):
    rows = lanes.rows_of(spans, most)
    assert all(0 <= row < most for row in rows)
    for row in range(most - 1):
        own = [span for span, other in zip(spans, rows, strict=True) if other == row]
        assert all(a.end_seconds <= b.start_seconds for a, b in pairwise(own))


def test_a_lane_names_its_pieces_inside_the_part_that_is_drawn():
    drawn = lanes.lane(
        "Captions",
        [
            LaneMark(Span(50, 70), "late\x1b[31m", "found"),
            LaneMark(Span(2, 4), "out of sight"),
            LaneMark(Span(5, 30), "x" * 999),
        ],
        Span(10, 60),
    )
    assert drawn["count"] == 2 and "bins" not in drawn
    (first, second) = drawn["pieces"]
    assert first[:2] == [10, 30] and len(first[2]) == 160 and first[2].endswith("…")
    assert second == [50, 60, "late\ufffd[31m", "found", 0]


def test_a_day_with_twenty_thousand_events_stays_light():
    events = [LaneMark(Span(4.3 * n, 4.3 * n + 3), f"A caption of usual length, {n}") for n in range(20_000)]
    drawn = lanes.lane("Captions", events, DAY)
    assert "pieces" not in drawn and sum(drawn["bins"]) >= 20_000
    assert len(json.dumps(drawn)) < 5_000
    near = lanes.lane("Captions", events, Span(3600.0, 4200.0))
    assert near["count"] == len(near["pieces"]) == 140 or 139 <= near["count"] <= 141


def test_what_is_indexed_is_united():
    assert lanes.coverage([Span(0, 30), Span(25, 55), Span(80, 200)], Span(0, 100)) == [[0, 55], [80, 100]]


# -- What the browser says -----------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(anything, anything, anything, st.floats(0.001, 1e5))
def test_points_are_a_span_inside_the_video_or_nothing(of, start, end, duration_seconds):
    read = wishes.read_marks({"of": of, "in": start, "out": end}, of="me", duration_seconds=duration_seconds)
    assert read is None or (of == "me" and 0 <= read.start_seconds < read.end_seconds <= duration_seconds)


@given(anything, anything, anything, anything)
def test_wishes_are_known_actions_and_moments_inside_the_video_or_nothing(action, seconds, play, view):
    result = {"of": "me", "action": action, "seconds": seconds, "play": play, "view": view}
    read = wishes.read_wishes(result, of="me", duration_seconds=60.0, actions=("next",))
    assert read.action in (None, "next") and isinstance(read.play, bool)
    assert read.seconds is None or 0 <= read.seconds <= 60
    assert read.view is None or 0 <= read.view.start_seconds < read.view.end_seconds <= 60


@given(anything)
def test_whatever_the_browser_sends_is_read(value):
    assert wishes.read_marks(value, of="me", duration_seconds=60.0) is None
    assert wishes.read_wishes(value, of="me", duration_seconds=60.0, actions=()) == wishes.Wishes()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (math.nan, 2),
        (1, math.inf),
        ("1", "2"),
        (True, 2),
        (10**400, 10**401),
        (2, 1),
        (1, 1),
        (-1, 2),
        (1, 61),
        (None, 2),
        ([1], 2),
    ],
)
def test_points_that_make_no_sense_count_for_nothing(start, end):
    result = {"of": "me", "in": start, "out": end}
    assert wishes.read_marks(result, of="me", duration_seconds=60.0) is None
    assert (
        wishes.read_wishes({"of": "me", "view": [start, end]}, of="me", duration_seconds=60.0, actions=())
        == wishes.Wishes()
    )


def test_what_makes_sense_is_taken_and_only_for_the_span_it_was_said_of():
    result = {"of": "me", "in": 1, "out": 2.5}
    assert wishes.read_marks(result, of="me", duration_seconds=60.0) == Span(1, 2.5)
    assert wishes.read_marks(result, of="you", duration_seconds=60.0) is None
    asked = {"of": "me", "action": "next", "seconds": 3.5, "play": True, "view": [0, 60]}
    read = wishes.read_wishes(asked, of="me", duration_seconds=60.0, actions=("next",))
    assert read == wishes.Wishes("next", 3.5, True, Span(0, 60))
    assert wishes.read_wishes(asked, of="you", duration_seconds=60.0, actions=("next",)) == wishes.Wishes()


def test_a_press_on_a_span_that_is_gone_is_noticed():
    pressed = {"of": "me", "action": "export"}
    assert wishes.pressed_elsewhere(pressed, of="you", actions=("export",))
    assert not wishes.pressed_elsewhere(pressed, of="me", actions=("export",))
    assert not wishes.pressed_elsewhere(pressed, of="you", actions=())
    assert not wishes.pressed_elsewhere({"of": "me", "action": "next"}, of="you", actions=("next",))
    assert not wishes.pressed_elsewhere("export", of="you", actions=("export",))


# -- Previews --------------------------------------------------------------------


@given(spans_in(Span(0.0, 300.0)), st.floats(0.1, 300.0).map(on_grid))
def test_a_span_is_shown_with_context_inside_the_video(span, duration_seconds):
    shown = previews.around(span, duration_seconds)
    assert shown.duration_seconds <= previews.LONGEST_SECONDS + 1e-9 and shown.end_seconds <= duration_seconds
    if span.start_seconds < duration_seconds:
        assert shown.start_seconds <= span.start_seconds < shown.end_seconds


@given(spans_in(Span(0.0, 300.0)), st.floats(0.0, 300.0).map(on_grid))
def test_a_moment_asked_for_is_reached(span, seconds):
    before = previews.around(span, 300.0)
    after = media.reaching(before, seconds, 300.0)
    assert after.start_seconds <= seconds <= after.end_seconds <= 300
    assert after.duration_seconds <= previews.LONGEST_SECONDS + 1e-9
    assert media.reaching(after, seconds, 300.0) == after


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """36 seconds, four frames a second, each of which says its number."""
    return write_clip(tmp_path_factory.mktemp("clips") / "counted.mp4", count=144, fps=4)


def test_a_preview_begins_where_it_says_and_is_cut_once(tmp_path, clip):
    first = previews.preview(tmp_path, str(clip), content_id="c", stretch=Span(2.6, 5.0))
    assert first.start_seconds == pytest.approx(2.75)
    cut_at = first.path.stat().st_mtime_ns
    again = previews.preview(tmp_path, str(clip), content_id="c", stretch=Span(2.6, 5.0))
    assert again == first and again.path.stat().st_mtime_ns == cut_at
    other = previews.preview(tmp_path, str(clip), content_id="c", stretch=Span(2.6, 6.0))
    assert other.path != first.path
    previews.forget(tmp_path, "c")
    assert not list((tmp_path / "previews").iterdir())


def test_a_preview_between_two_frames_shows_the_one_on_show(tmp_path):
    slow = write_clip(tmp_path / "slow.mp4", [0.0, 4.0, 8.0], fps=1)
    made = previews.preview(tmp_path, str(slow), content_id="c", stretch=Span(5.0, 6.0))
    assert made.start_seconds == 4.0


@pytest.mark.parametrize("harm", ["empty", "garbage", "cut off", "headless"])
def test_a_damaged_preview_is_cut_again(tmp_path, clip, harm):
    made = previews.preview(tmp_path, str(clip), content_id="c", stretch=Span(2.0, 4.0))
    whole = made.path.read_bytes()
    damaged = {
        "empty": b"",
        "garbage": bytes(range(256)) * 8,
        "cut off": whole[:-1],
        "headless": whole[40:],
    }
    made.path.write_bytes(damaged[harm])
    assert previews.kept_preview(tmp_path, str(clip), content_id="c", stretch=Span(2.0, 4.0)) is None
    again = previews.preview(tmp_path, str(clip), content_id="c", stretch=Span(2.0, 4.0))
    assert previews.is_whole(again.path) and again == made


@given(st.binary(max_size=64))
def test_any_bytes_may_be_asked_whether_they_are_a_clip(tmp_path_factory, content):
    place = tmp_path_factory.getbasetemp() / "bytes.mp4"
    place.write_bytes(content)
    assert not previews.is_whole(place)


def test_a_clip_cut_off_anywhere_is_not_whole(tmp_path, clip):
    whole = previews.preview(tmp_path, str(clip), content_id="c", stretch=Span(0.0, 1.0)).path
    content = whole.read_bytes()
    assert previews.is_whole(whole)
    for length in range(0, len(content), 97):
        whole.write_bytes(content[:length])
        assert not previews.is_whole(whole)


def test_the_next_preview_is_cut_in_the_background(tmp_path, clip):
    stretch = Span(1.0, 2.0)
    previews.prefetch(tmp_path, str(clip), content_id="c", stretch=stretch).result(60)
    assert previews.kept_preview(tmp_path, str(clip), content_id="c", stretch=stretch)
    previews.prefetch(tmp_path, "/no/such.mp4", content_id="d", stretch=stretch).result(60)
    assert previews.kept_preview(tmp_path, "/no/such.mp4", content_id="d", stretch=stretch) is None
    previews.prefetch(tmp_path, str(clip), content_id="e", stretch=stretch)
    assert previews.preview(tmp_path, str(clip), content_id="e", stretch=stretch).path.is_file()
    assert len(list((tmp_path / "previews").iterdir())) == 2
    with pytest.raises(VideoError):
        previews.preview(tmp_path, "/no/such.mp4", content_id="d", stretch=stretch)


# -- In a browser ------------------------------------------------------------------

PICTURE = """video => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 48})
    const context = canvas.getContext('2d')
    context.drawImage(video, 0, 0, 64, 48)
    const mean = x => {
        const pixels = context.getImageData(x, 0, 16, 48).data
        return pixels.reduce((sum, value, i) => i % 4 < 3 ? sum + value : sum, 0) / (pixels.length * 0.75)
    }
    return Math.round((mean(0) - 20) / 18) + 12 * Math.round((mean(48) - 20) / 18)
}"""


class Stage:
    """The player in a browser, as a person sees it."""

    def __init__(self, page) -> None:
        self.page = page
        self.video = page.locator("video")
        page.wait_for_selector(".stage video")
        self.until(lambda: self.video.evaluate("video => video.readyState >= 2 && !video.seeking"))

    def until(self, holds, seconds: float = 20.0) -> None:
        for _ in range(round(seconds / 0.05)):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"still not so: {self.result()} at {self.now()}, picture {self.picture()}")

    def picture(self) -> int:
        """Number of the frame on show."""
        return self.video.evaluate(PICTURE)

    def shows(self, number: int) -> None:
        self.until(lambda: self.picture() == number)

    def now(self) -> str:
        return self.page.locator(".now").inner_text().split(" / ")[0]

    def clock(self, point: str) -> str:
        return self.page.locator(f"[data-point={point}] .clock").inner_text()

    def result(self) -> list:
        """What Python made of it: in, out, the actions heard, the moment asked for."""
        return json.loads(self.page.locator("code").inner_text())

    def paused(self) -> bool:
        return self.video.evaluate("video => video.paused")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def at(self, share: float) -> None:
        """Press the timeline at a share of its length."""
        box = self.page.locator(".view").bounding_box()
        self.page.mouse.click(box["x"] + share * box["width"], box["y"] + 12)


@pytest.fixture(scope="module")
def address(tmp_path_factory, clip):
    """The app with the counted clip, for most of these."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    folder = tmp_path_factory.mktemp("app")
    settings = {"cache_dir": folder / "cache", "library_roots": clip.parent}
    with running_app(STAGE, cwd=folder, clip=clip, **settings) as address:
        yield address


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    @pytest.fixture
    def open_stage(self, tmp_path, address):
        with ExitStack() as stack:

            def start(query: str = "", *, source: Path | None = None, width: int = 1000) -> Stage:
                where = address
                if source:
                    settings = {"cache_dir": tmp_path / "cache", "library_roots": source.parent}
                    app = running_app(STAGE, cwd=tmp_path, clip=source, **settings)
                    where = stack.enter_context(app)
                page = stack.enter_context(browser_page(f"{where}/?{query}", width=width, height=1400))
                return Stage(page)

            yield start

    @pytest.mark.smoke
    def test_it_starts_at_the_span_plays_to_its_end_and_stops_or_repeats(self, open_stage):
        stage = open_stage("still")
        assert stage.paused() and stage.now() == "0:10.500"
        stage.shows(42)
        stage.press(" ")
        stage.until(stage.paused)
        stage.shows(48)  # frame 49 begins at 12.25 s, the end
        stage.page.get_by_label("Repeat from in to out").click()
        stage.press(" ")
        seen = set()
        for _ in range(60):
            seen.add(stage.picture())
            stage.page.wait_for_timeout(50)
        assert not stage.paused() and {42, 43, 47, 48} <= seen <= set(range(42, 50))

    def test_frames_are_stepped_and_points_are_set_to_the_frame(self, open_stage):
        stage = open_stage("still")
        for keys, picture in ((["ArrowRight"] * 3, 45), (["ArrowLeft"] * 5, 40)):
            stage.press(*keys)
            stage.shows(picture)
        stage.press("i")
        assert stage.clock("in") == "0:10.000"
        stage.press("Shift+ArrowRight")
        assert stage.now() == "0:10.100"
        for name, clock in (
            ("1 frame earlier", "0:09.750"),
            ("0.1 second later", "0:09.850"),
            ("1 second earlier", "0:08.850"),
        ):
            stage.page.get_by_role("button", name=f"In point {name}", exact=True).click()
            assert stage.clock("in") == clock
        for key, clock in ((".", "0:12.500"), ("Shift+Comma", "0:12.400"), ("Alt+Period", "0:13.400")):
            stage.press(key)
            assert stage.clock("out") == clock
        stage.until(lambda: stage.result()[:2] == [8.85, 13.4])
        stage.page.get_by_label("In point, arrow keys move it").focus()
        stage.press("PageUp", "ArrowRight")
        stage.until(lambda: stage.result()[0] == 8.1)
        stage.page.get_by_role("button", name="Reset").click()
        stage.until(lambda: stage.result()[:2] == [10.5, 12.25])

    def test_a_point_beyond_the_preview_gets_a_longer_one(self, open_stage):
        stage = open_stage("still")
        before = stage.video.evaluate("video => video.duration")
        stage.press("Alt+Period", "Alt+Period", "Alt+Period")
        stage.until(lambda: stage.result()[1] == 15.25 and not stage.video.evaluate("video => video.seeking"))
        stage.until(lambda: stage.video.evaluate("video => video.duration") > before + 5)
        stage.shows(60)  # the last frame inside
        assert stage.clock("out") == "0:15.250" and stage.paused()

    def test_a_press_on_the_timeline_outside_the_preview_plays_there(self, open_stage):
        stage = open_stage("still")
        stage.press(" ")
        stage.at(30 / 36)
        stage.until(lambda: not stage.paused() and 119 <= stage.picture() <= 125)
        assert stage.result()[:2] == [10.5, 12.25] and stage.clock("in") == "0:10.500"
        stage.press(" ")
        stage.at(0.1)  # paused, it stays paused
        stage.shows(14)
        assert stage.paused()

    def test_the_page_hears_of_its_actions_with_the_points_as_they_are(self, open_stage):
        stage = open_stage("still")
        stage.press("BracketRight", "a")
        stage.until(lambda: stage.result()[2] == ["accept"] and stage.result()[0] == 10.75)
        stage.press("x")
        stage.until(lambda: stage.result()[2] == ["accept", "reject"])
        stage.press("e")
        stage.until(lambda: stage.result()[2] == ["accept", "reject", "export"])
        stage.press("n")
        stage.until(lambda: stage.result()[:2] == [20, 21])
        stage.shows(80)
        assert stage.clock("in") == "0:20.000"

    def test_keys_are_left_to_what_is_being_typed(self, open_stage):
        stage = open_stage("still")
        box = stage.page.get_by_role("textbox", name="Typing")
        box.click()
        stage.page.keyboard.type("knaxio l")
        assert box.input_value() == "knaxio l" and stage.paused() and stage.now() == "0:10.500"
        assert stage.result()[2] == []
        stage.page.mouse.click(5, 300)
        stage.press("?")
        assert stage.page.get_by_role("heading", name="Keys").is_visible()
        stage.press("l")
        assert stage.paused()
        stage.press("Escape", " ")
        stage.until(lambda: not stage.paused())

    def test_foreign_text_is_text_in_the_timeline(self, open_stage):
        stage = open_stage("still")
        stage.page.locator(".lane .event").first.hover()
        tip = stage.page.locator(".tip").inner_text()
        assert "<img src=x onerror=alert(1)> **b** </script><script>" in tip and stage.page.alerts == []
        assert stage.page.locator(".stage img").count() == 0

    @pytest.mark.parametrize("many", [600, 20_000])
    def test_many_events_are_columns_until_one_zooms_in(self, open_stage, many):
        stage = open_stage(f"still&many={many}")
        assert 100 < stage.page.locator(".column").count() <= 3 * lanes.BINS
        assert stage.page.locator(".piece.event").count() == 0
        box = stage.page.locator(".view").bounding_box()
        stage.page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 10)
        stage.page.keyboard.down("Control")
        for _ in range(8):
            stage.page.mouse.wheel(0, -300)
        stage.page.keyboard.up("Control")
        finer = ".piece.event" if many == 600 else ".column"
        stage.until(lambda: stage.page.locator(".view.zoomed").count() == 1)
        # The columns of the whole are wider, once zoomed in, than those of the part.
        piece = stage.page.locator(finer).nth(50)  # which is not there for a moment while it is drawn anew
        stage.until(lambda: (drawn := piece.bounding_box()) and drawn["width"] < box["width"] / 60)
        assert stage.page.locator(".piece.event").count() <= lanes.MOST_PIECES
        stage.page.get_by_role("button", name="All").click()
        assert stage.page.locator(".view.zoomed").count() == 0

    def test_a_drag_moves_along_the_timeline_and_does_not_seek(self, open_stage):
        stage = open_stage("still")
        stage.page.get_by_role("button", name="Zoom in").click()
        before = stage.page.locator(".ticks").inner_text()
        box = stage.page.locator(".view").bounding_box()
        stage.page.mouse.move(box["x"] + 200, box["y"] + 10)
        stage.page.mouse.down()
        stage.page.mouse.move(box["x"] + 60, box["y"] + 10, steps=4)
        stage.page.mouse.up()
        assert stage.page.locator(".ticks").inner_text() != before
        assert stage.now() == "0:10.500"

    @pytest.mark.parametrize(("name", "codec"), [("old.avi", "mpeg4"), ("tape.ts", "libx264")])
    def test_what_browsers_do_not_play_plays(self, open_stage, tmp_path, name, codec):
        source = write_clip(tmp_path / name, count=120, fps=4, codec=codec)
        stage = open_stage("still", source=source)
        stage.shows(42)

    def test_a_source_that_went_away_is_said_and_the_timeline_stays(self, open_stage, tmp_path, clip):
        gone = tmp_path / "gone.mp4"
        shutil.copy(clip, gone)
        stage = open_stage("still", source=gone)
        gone.rename(tmp_path / "moved.mp4")
        stage.at(30 / 36)
        stage.page.wait_for_selector(".fx-problem")
        assert "does not exist" in stage.page.locator(".fx-problem").inner_text()
        stage.video.wait_for(state="hidden")
        assert stage.page.locator(".view").is_visible()

    def test_a_phone_shows_all_of_it(self, open_stage):
        stage = open_stage("still", width=380)
        wide = stage.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 380
        right = stage.page.locator("[data-do='out + second']").bounding_box()
        assert right["x"] + right["width"] <= 380

    def test_a_gap_is_drawn_across_all_lanes_and_explained(self, open_stage, tmp_path):
        times = [number / 4 + 40 * (number >= 100) for number in range(120)]  # 25 s, a pause of 40 s, 5 s
        stage = open_stage("still", source=write_clip(tmp_path / "pause.mkv", times, fps=4))
        view = stage.page.locator(".view").bounding_box()
        gap = stage.page.locator(".lanes > b")
        drawn, lanes_drawn = gap.bounding_box(), stage.page.locator(".lanes").bounding_box()
        assert gap.count() == 1 and drawn["height"] == pytest.approx(lanes_drawn["height"], abs=1)
        assert (drawn["x"] - view["x"]) / view["width"] == pytest.approx(25 / 70, abs=0.02)
        assert drawn["width"] / view["width"] == pytest.approx(40 / 70, abs=0.02)
        assert "no frames" in stage.page.locator(".legend").inner_text()
