"""The highlights page: reels, the cutting table in a browser, and what the browser may ask for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from app_pages import page, pages_of, press, whole
from screenshot_app import browser_page, chromium
from test_ui_journeys import RESTS, Served, serve

from footage.core.config import Settings
from footage.core.types import Span
from service import reels
from service.export import Clip
from service.forget import ForgetRequest, forget
from service.reels import AddClipsRequest, NameReelRequest, TrimClipRequest
from service.session import Service
from ui.web.components.strip import read_edit

GOOD = {"tab": "t", "number": 1, "reel": "r", "edition": 3}
"""What every change of the browser has."""
HOSTILE = "<script>alert(1)</script> **b** :red[d]"


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        yield serve(stack, tmp_path_factory.mktemp("reels"), "beach_dusk.mp4", "park_dusk.mp4")


@pytest.fixture
def service(served) -> Service:
    made = Service(Settings(db=served.db, model="demo"))
    for each in reels.reels(made):
        reels.remove_reel(made, each.id)
    return made


@pytest.fixture
def reel(service):
    """Four clips: 2 s each, the last at the moment of the first."""
    store, made = service.store(), []
    beach, park = sorted(store.files.all(), key=lambda file: file.path)
    for file, at in ((beach, 1.0), (park, 4.0), (beach, 8.0), (beach, 1.5)):
        video = store.videos.of([file.content_id])[file.content_id]
        made.append(
            Clip(file.path, video, Span(at, at + 2), f"{HOSTILE} {at}", verdict="found", confidence=0.9)
        )
    new = reels.create_reel(service, NameReelRequest(name="Best of"))
    return reels.add_clips(service, AddClipsRequest(id=new.id, clips=tuple(made)))[0]


def highlights_page() -> None:
    """The page alone; Streamlit runs the source of this function."""
    from footage.core.config import load_settings
    from service import factories
    from ui.web.components import resources
    from ui.web.views import highlights

    highlights.show(resources.Desk(load_settings(), factories.load_model))


@pytest.fixture
def start(served, tmp_path, monkeypatch):
    with pages_of(served.db, tmp_path, monkeypatch) as opened:
        yield opened


def now(service, reel):
    return reels.reel(service, reel.id)


def starts(reel):
    return [each.span.start_seconds for each in reel.clips]


class TestThePage:
    def test_without_reels_it_says_what_to_do(self, service, start):
        app = start(highlights_page)
        assert "No clips yet" in page(app) and "fx-film" in page(app)
        app = press(app, "New reel")
        assert "“Highlights” has no clips yet" in page(app)
        assert [each.name for each in reels.reels(service)] == ["Highlights"]

    def test_reels_are_renamed_copied_deleted_and_had_back(self, service, reel, start):
        app = start(highlights_page)
        app.text_input(f"reel_name_{reel.id}").set_value(f"Best {HOSTILE}")
        app = press(app, "Rename")
        assert now(service, reel).name == f"Best {HOSTILE}"
        app = press(app, "Duplicate")
        assert len(reels.reels(service)) == 2
        app = press(app, "Delete")
        assert [each.name for each in reels.reels(service)] == [f"Best {HOSTILE}"]
        assert "was deleted" in page(app) and "<script>" not in page(app)
        app = press(app, "Undo delete")
        assert len(reels.reels(service)) == 2

    def test_undo_and_redo_are_buttons(self, service, reel, start):
        reels.trim_clip(
            service, TrimClipRequest(id=reel.id, clip_id=reel.clips[0].id, start_seconds=2, end_seconds=3)
        )
        app = press(start(highlights_page), "Undo")
        assert starts(now(service, reel)) == [1, 4, 8, 1.5]
        press(app, "Redo")
        assert starts(now(service, reel)) == [2, 4, 8, 1.5]

    def test_a_change_in_another_window_is_said_and_nothing_is_lost(self, service, reel, start):
        app = start(highlights_page)
        reels.trim_clip(
            service, TrimClipRequest(id=reel.id, clip_id=reel.clips[0].id, start_seconds=2, end_seconds=3)
        )
        app = press(app, "Undo")
        assert "This reel was changed in another window" in page(app)
        assert starts(now(service, reel)) == [2, 4, 8, 1.5]

    def test_a_search_builds_a_reel_and_says_what_it_left_out(self, service, reel, start):
        app = start(highlights_page)
        app.text_input("fill_query").set_value("someone plays the piano")
        app = press(app, "Build")
        assert "no reel was changed" in page(app)
        assert now(service, reel) == reel and len(reels.reels(service)) == 1


class TestWhatTheBrowserSends:
    def test_changes_are_read(self):
        move = read_edit({**GOOD, "do": "move", "ids": ["a"], "before": None})
        assert (move.tab, move.number, move.request.clip_ids, move.request.before) == ("t", 1, ("a",), None)
        trim = read_edit({**GOOD, "do": "trim", "id": "a", "start": 1, "end": 2.5}).request
        assert (trim.start_seconds, trim.end_seconds, trim.edition) == (1, 2.5, 3)
        assert read_edit({**GOOD, "do": "remove", "ids": ["a", "b"]}).request.clip_ids == ("a", "b")

    @pytest.mark.parametrize(
        "change",
        [
            {"do": "drop"},
            {"do": "move", "ids": []},
            {"do": "move", "ids": "abc"},
            {"do": "move", "ids": ["a"], "before": 5},
            {"do": "move", "ids": ["a" * 65]},
            {"do": "move", "ids": ["a\0"]},
            {"do": "remove", "ids": [None]},
            {"do": "remove", "ids": ["a"] * 1001},
            {"do": "trim", "id": "a", "start": 2, "end": 2},
            {"do": "trim", "id": "a", "start": -1, "end": 2},
            {"do": "trim", "id": "a", "start": True, "end": 2},
            {"do": "trim", "id": "a", "start": 0, "end": math.inf},
            {"do": "trim", "id": "a", "start": math.nan, "end": 2},
            {"do": "trim", "id": ["a"], "start": 0, "end": 2},
            {"do": "remove", "ids": ["a"], "edition": "3"},
            {"do": "remove", "ids": ["a"], "reel": None},
            {"do": "remove", "ids": ["a"], "number": 1e300},
        ],
    )
    def test_nonsense_counts_for_nothing(self, change):
        assert read_edit({**GOOD, **change}) is None

    def test_what_is_no_object_counts_for_nothing(self):
        assert [read_edit(value) for value in (None, [], "x", 5)] == [None] * 4


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
class TestInABrowser:
    def table(self, served, **look):
        return browser_page(f"{served.address}/highlights", **look)

    def until(self, page, service, reel, expected):
        """Wait until the reel in the index is so, and the page rests."""
        for _ in range(2400):
            if starts(now(service, reel)) == pytest.approx(expected, abs=0.05):
                break
            page.wait_for_timeout(50)
        assert starts(now(service, reel)) == pytest.approx(expected, abs=0.05)
        page.wait_for_function(RESTS)

    def drag(self, page, place, by):
        box = place.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + by / 2, y, steps=3)
        page.mouse.move(x + by, y, steps=3)
        page.mouse.up()

    def test_clips_are_dragged_trimmed_removed_undone_and_survive_a_reload(self, served, service, reel):
        with self.table(served, width=1440, height=1000) as page:
            block = page.locator(".block")
            block.nth(3).wait_for()
            step = block.nth(1).bounding_box()["x"] - block.nth(0).bounding_box()["x"]
            self.drag(page, block.nth(0), step * 1.7)
            self.until(page, service, reel, [4, 1, 8, 1.5])
            block.nth(0).click()
            self.drag(page, page.locator(".block.chosen > .edge.start"), 24)  # a second at this scale
            self.until(page, service, reel, [5, 1, 8, 1.5])
            made = now(service, reel).clips[0]
            frame = 1 / made.clip.video.fps
            assert made.span.start_seconds / frame == pytest.approx(
                round(made.span.start_seconds / frame), abs=0.01
            )
            page.get_by_label("Out point", exact=True).focus()
            page.keyboard.press("Shift+ArrowLeft")
            for _ in range(2400):
                if now(service, reel).clips[0].span.end_seconds < 6:
                    break
                page.wait_for_timeout(50)
            assert now(service, reel).clips[0].span.end_seconds == pytest.approx(6 - 10 * frame, abs=0.01)
            page.locator(".strip").focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Alt+ArrowRight")
            self.until(page, service, reel, [5, 8, 1, 1.5])
            page.keyboard.press("Delete")
            self.until(page, service, reel, [5, 8, 1.5])
            page.keyboard.press("z")
            self.until(page, service, reel, [5, 8, 1, 1.5])
            page.keyboard.press("z")
            self.until(page, service, reel, [5, 1, 8, 1.5])
            page.keyboard.press("Shift+Z")
            self.until(page, service, reel, [5, 8, 1, 1.5])
            page.reload()
            block.nth(3).wait_for()
            shown = block.evaluate_all("all => all.map(each => each.dataset.id)")
            assert shown == [each.id for each in now(service, reel).clips]
            assert block.locator("script").count() == 0 and page.alerts == [] and page.refused == []
            assert HOSTILE in page.locator(".clip .title").inner_text()

    def test_the_whole_reel_plays_in_sequence_and_skips_what_is_missing(self, served, service, reel):
        ids = [each.id for each in reel.clips]
        with service.state().transaction() as rows:
            rows.execute("UPDATE reel_clips SET body = '' WHERE id = ?", (ids[1],))
        with self.table(served) as page:
            page.locator(".block").nth(3).wait_for()
            assert page.locator(".block.missing").count() == 1
            page.evaluate(
                """() => {
                    const root = [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
                        .map(each => each.shadowRoot).find(each => each.querySelector('.table'))
                    window.played = []
                    new MutationObserver(() => {
                        const id = root.querySelector('.block.playing')?.dataset.id
                        const note = root.querySelector('.note').textContent
                        if (id && window.played.at(-1) !== id) window.played.push(id)
                        if (note.startsWith('Skipped')) window.skipped = note
                    }).observe(root, { subtree: true, attributes: true, childList: true })
                    window.clock = () => root.querySelector('.now').textContent
                }"""
            )
            page.get_by_role("button", name="Play all").click()
            page.wait_for_function("clock().startsWith('0:06') && played.length >= 3", seconds=60)
            assert [each for each in page.evaluate("played") if each != ids[1]] == [ids[0], ids[2], ids[3]]
            assert "was removed from the index" in page.evaluate("skipped")
            assert page.refused == []

    def test_the_same_moment_is_noticed_and_one_is_kept(self, served, service, reel):
        with self.table(served) as page:
            page.locator(".block").nth(3).wait_for()
            page.get_by_text("Same moment, same video: clip 4").wait_for()
            page.get_by_role("button", name="Keep one of each").click()
            self.until(page, service, reel, [1, 4, 8])
            page.locator(".once").wait_for(state="hidden")

    def test_two_windows_lose_nothing(self, served, service, reel):
        with self.table(served) as page:
            page.locator(".block").nth(3).wait_for()
            reels.trim_clip(
                service, TrimClipRequest(id=reel.id, clip_id=reel.clips[0].id, start_seconds=2, end_seconds=3)
            )
            page.locator(".strip").focus()
            page.keyboard.press("Delete")
            page.get_by_text("This reel was changed in another window").wait_for()
            assert starts(now(service, reel)) == [2, 4, 8, 1.5]
            page.locator(".block").nth(3).wait_for()
            page.locator(".strip").focus()
            page.keyboard.press("Delete")
            self.until(page, service, reel, [4, 8, 1.5])

    def test_on_a_phone_it_is_a_list_that_fits(self, served, service, reel):
        with self.table(served, width=390, height=844) as page:
            block = page.locator(".block")
            block.nth(3).wait_for()
            boxes = [block.nth(number).bounding_box() for number in range(4)]
            assert len({box["x"] for box in boxes}) == 1 and boxes[0]["width"] > 300
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth <= innerWidth")
            for name in ("Play all", "Remove", "Later"):
                box = page.get_by_role("button", name=name, exact=True).bounding_box()
                assert min(box["width"], box["height"]) >= 40 and box["x"] + box["width"] <= 390
            page.get_by_role("button", name="Later", exact=True).click()
            self.until(page, service, reel, [4, 1, 8, 1.5])


def test_a_forgotten_video_leaves_the_page_readable(tmp_path, monkeypatch):
    (tmp_path / "library").mkdir()
    with ExitStack() as stack:
        made = serve(stack, tmp_path / "library", "beach_dusk.mp4")
        service = Service(Settings(db=made.db, model="demo", cache_dir=tmp_path / "cache"))
        [file] = service.store().files.all()
        video = service.store().videos.of([file.content_id])[file.content_id]
        reel = reels.create_reel(service, NameReelRequest(name="R"))
        clip = Clip(file.path, video, Span(1, 2), "words")
        reels.add_clips(service, AddClipsRequest(id=reel.id, clips=(clip,)))
        forget(service, ForgetRequest(video=file.content_id))
        start = stack.enter_context(pages_of(made.db, tmp_path, monkeypatch))
        app = whole(start(highlights_page))
        assert "fx-problem" not in page(app) and "words" not in page(app)
