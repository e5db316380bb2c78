"""Search by picture in the app: what the browser sends is checked; a picture or a box finds its moment."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from app_pages import whole
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from screenshot_app import ROOT, browser_page, chromium, running_app
from standin_truth import SAMPLES, TruthModel
from streamlit.testing.v1 import AppTest

from footage.core.errors import UsageError
from footage.core.timecode import parse_time
from footage.core.types import Event, Match, Span, Video
from footage.embed.image_embedder import load_image_embedder
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, SyntheticScene, render, write_clip
from indexer.pipeline import index
from indexer.tracks.images import ImageMaker
from search.query.parser import parse_query
from search.results import SearchCoverage, SearchResult, Timings
from service.picture_search import PictureSource
from ui.web.components import asking, cards, evidence, notices, quotes, region
from ui.web.components.pictures import MOST_BYTES, read_upload
from ui.web.components.player.events import read_wishes

APP = ROOT / "ui" / "web" / "app.py"
SECONDS = 4.0
HOSTILE = "<img src=x onerror=alert(1)> **b**.jpg"
SHOWN = {
    "red_car.mp4": ("car", "red"),
    "blue_ball.mp4": ("ball", "blue"),
    "green_person.mp4": ("person", "green"),
}
"""What each clip of the index shows."""

# -- What the browser sends -----------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
share = st.floats(0, 1)


@given(anything | st.lists(share, min_size=4, max_size=4))
def test_a_box_lies_inside_its_picture_or_is_none(value):
    box = region.read_box(value)
    if box is not None:
        assert 0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1
        assert region.parsed(region.spelled(box)) == box
        assert PictureSource(moment="a.mp4@1", box=box).box == box


@given(st.text(max_size=20))
def test_a_box_in_an_address_is_read_or_none(text):
    box = region.parsed(text)
    assert box is None or region.read_box(box) == box


@given(anything, anything, anything)
def test_whatever_is_sent_as_a_picture_is_taken_or_refused_in_a_sentence(name, size, data):
    try:
        upload = read_upload({"name": name, "size": size, "data": data})
    except UsageError as error:
        assert str(error) and error.hint
    else:
        assert 0 < len(upload.data) <= MOST_BYTES and upload.name.isprintable()


def test_a_picture_arrives_as_it_was_sent_and_a_large_one_is_refused_with_its_size():
    data = bytes(range(256)) * 3
    encoded = base64.b64encode(data).decode()
    assert read_upload({"name": "a.png", "size": len(data), "data": encoded}).data == data
    with pytest.raises(UsageError, match=r"a\.png has 9\.0 MB; at most 8\.4 MB"):
        read_upload({"name": "a.png", "size": 9_000_000})
    with pytest.raises(UsageError, match="did not arrive"):
        read_upload({"name": "a.png", "size": 3, "data": "A" * (MOST_BYTES // 3 * 4 + 8)})


@given(anything, anything)
def test_a_frame_to_search_by_lies_inside_its_video(at, box):
    sent = {"of": "me", "action": "picture", "at": at, "box": box}
    wish = read_wishes(sent, of="me", duration_seconds=60.0, actions=("picture",))
    assert wish.at_seconds is None or 0 <= wish.at_seconds <= 60
    assert wish.box == region.read_box(box)


@given(st.floats(0, 1e5))
def test_a_moment_is_named_to_the_millisecond(seconds):
    path, _, at = asking.exact_moment("/x/a@b.mp4", seconds).rpartition("@")
    assert path == "/x/a@b.mp4" and parse_time(at) == pytest.approx(seconds, abs=0.00051)


# -- What is shown ------------------------------------------------------------------


def pictured(text: str = "", **changes: object) -> Match:
    """An answer that was found by how it looks."""
    video = Video(content_id="c", duration_seconds=60, width=320, height=240, fps=25, codec="h264")
    values = {
        "path": f"/x/{HOSTILE}",
        "span": Span(10, 20),
        "score": 0.91,
        "grounded": False,
        "verdict": "found",
        "track": "image",
        "measures": (("similarity", 0.9), ("at_seconds", 12.5)),
    }
    return Match(**{"video": video, "text": text, **values, **changes})


def test_an_answer_without_a_caption_says_how_it_was_found():
    card = cards.result(pictured(), picture="", strip="")
    assert quotes.NO_CAPTION in card and "by picture" in card and "<q" not in card
    assert "The picture is clearly nearer" in card and "by the model" not in card
    assert quotes.titled(pictured()) == quotes.NO_CAPTION
    assert quotes.shown_at(pictured()) == 12.5 and quotes.shown_at(pictured(measures=())) == 15
    assert "A red car passes." in cards.result(pictured("A red car passes."), picture="", strip="")


def test_a_caption_that_was_carried_over_is_marked():
    over = pictured("A street.", track="caption", carried_over_from=f"0:30.0 of {HOSTILE}")
    card = cards.result(over, picture="", strip="")
    assert (
        ">reused</span>" in card and html.escape(f"0:30.0 of {HOSTILE}") in card and "<img src=x" not in card
    )
    assert "reused" not in cards.result(pictured("A street."), picture="", strip="")
    event = Event("e", "c", Span(0, 1), "A street.", (0,))
    assert "reused" in cards.event(event, picture="", carried_over=True)
    assert "reused" not in cards.event(event, picture="")


def test_foreign_names_stay_text():
    result = SearchResult(parse_query("a"), (pictured(),), SearchCoverage(0, 0, 1, 0, ""), Timings(0, 0, 0))
    for piece in (
        cards.result(pictured(HOSTILE), picture="", strip=""),
        evidence.why(pictured(evidence=(HOSTILE,))),
        notices.nothing_alike(HOSTILE, HOSTILE, result),
    ):
        assert "<img src=x" not in piece and html.escape(HOSTILE) in piece


# -- The app --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> Path:
    """Three drawn clips and a fourth with a ball as in one of them, searchable by picture alone."""
    folder = tmp_path_factory.mktemp("library")
    for seed, (name, (kind, colour)) in enumerate([*SHOWN.items(), ("again.mp4", ("ball", "blue"))]):
        write_clip(a_clip(kind, colour, seed), folder / name, fps=8)
    maker = ImageMaker("demo-clip", lambda: load_image_embedder("demo-clip", device="cpu"))
    store = Store.open(folder / "index.lancedb", create=True)
    index([folder], store=store, model=None, embedder=load_embedder(), makers=[maker])
    return folder


def a_clip(kind: str, colour: str, seed: int) -> SyntheticClip:
    """A thing that stays or crosses for all of a short clip."""
    verb, where = {
        "car": ("drives", "from left to right"),
        "ball": ("bounces", "in the middle"),
        "person": ("jumps", "in the middle"),
    }[kind]
    scene = SyntheticScene(["yard", "beach", "park", "street"][seed], "bench", "left", "day", seed)
    event = SyntheticEvent(kind, colour, verb, where, 0.0, SECONDS, seed)
    return SyntheticClip(scene, (event,), SECONDS, seed)


@pytest.fixture
def open_app(tmp_path, monkeypatch):
    """Starts the search page on an index, as by a picture."""

    def start(db: Path, **state: object) -> AppTest:
        for name, value in {
            "DB": db,
            "MODEL": "demo",
            "CACHE_DIR": tmp_path / "cache",
            "DEVICE": "cpu",
        }.items():
            monkeypatch.setenv(f"FOOTAGE_{name}", str(value))
        monkeypatch.delenv("FOOTAGE_CONFIG", raising=False)
        app = AppTest.from_file(APP, default_timeout=120)
        asked = {"asked": "", "typed": "", "like": "", "picture": None, "without": ()}
        for name, value in {**asked, **state}.items():
            app.session_state[name] = value
        return whole(app.run())

    return start


def written(app: AppTest) -> str:
    return "\n".join(piece.value for piece in app.get("html") if "<style" not in piece.value)


def problems(app: AppTest) -> list[str]:
    return re.findall(r'fx-problem" role="alert"><b>(.*?)</b>', written(app))


def test_a_file_that_is_no_picture_gets_one_sentence(open_app, library):
    app = open_app(
        library / "index.lancedb", picture=PictureSource(data=b"no picture at all"), picture_name=HOSTILE
    )
    [sentence] = problems(app)
    assert "<img" not in sentence and app.session_state.picture is None
    assert "fx-card" not in written(app) and "In the index" in written(app)


@pytest.mark.parametrize(
    "moment", ["no_such.mp4@1", "red_car.mp4@99:00", "red_car.mp4", "@", "/etc/passwd@1"]
)
def test_a_moment_that_is_none_gets_one_sentence(open_app, library, moment):
    assert len(problems(open_app(library / "index.lancedb", picture=PictureSource(moment=moment)))) == 1


def test_an_index_without_vectors_offers_no_search_by_picture(open_app, tmp_path):
    store = Store.open(tmp_path / "captions.lancedb", create=True)
    index([SAMPLES / "street_dusk.mp4"], store=store, model=TruthModel(), embedder=load_embedder())
    app = open_app(tmp_path / "captions.lancedb")
    sent = [each.proto.json + each.proto.mixed.json for each in app.get("bidi_component")]
    assert sum("footage index FOLDER --tracks image" in each for each in sent) == 1


# -- In a browser ---------------------------------------------------------------------


@pytest.fixture
def page(library, tmp_path) -> Iterator[object]:
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    settings = {
        "db": library / "index.lancedb",
        "model": "demo",
        "cache_dir": tmp_path / "cache",
        "device": "cpu",
    }
    with ExitStack() as stack:
        address = stack.enter_context(running_app(APP, cwd=tmp_path, **settings))
        yield stack.enter_context(browser_page(address, width=1440, height=900))


def first_file(page, name: str) -> None:
    """Wait until the first card is of a file."""
    page.wait_for_function(
        "name => document.querySelector('.fx-card .fx-name')?.innerText == name"
        " && !document.querySelector('[data-testid=stSpinner]')",
        arg=name,
    )


def nearest(page, name: str) -> None:
    """Wait until the first card is of a file, or named as the closest where nothing looks like it."""
    page.wait_for_function(
        "name => document.querySelector('.fx-card .fx-name')?.innerText == name"
        " || document.querySelector('.fx-empty dl')?.innerText.includes(name)",
        arg=name,
    )


def drag_over(page, selector: str, box: tuple[float, float, float, float]) -> None:
    """Draw a box with the mouse, as shares of an element."""
    whole = page.locator(selector).bounding_box()
    across = [whole["x"] + side * whole["width"] for side in (box[0], box[2])]
    down = [whole["y"] + side * whole["height"] for side in (box[1], box[3])]
    page.mouse.move(across[0], down[0])
    page.mouse.down()
    page.mouse.move(sum(across) / 2, sum(down) / 2)
    page.mouse.move(across[1], down[1])
    page.mouse.up()


@pytest.mark.browser
@pytest.mark.smoke
@pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium")
def test_a_picture_finds_its_clip_and_a_box_on_a_paused_frame_finds_another(page, tmp_path):
    # 1. A picture of the same car elsewhere, under a name that wants to be markup.
    photo = tmp_path / HOSTILE.replace("/", "")
    Image.fromarray(render(a_clip("car", "red", 0), np.array([2.1]))[0]).save(photo, "JPEG")
    page.locator(".picker input").set_input_files(str(photo))
    page.locator(".panel .sheet img").wait_for()
    assert page.locator(".panel .name").inner_text() == photo.name
    show_similar(page)
    first_file(page, "red_car.mp4")

    # 2. A box on a frame of the clip on show, one with a ball: the other clip with a ball.
    page.locator(".panel [data-do=remove]").click()
    page.wait_for_selector(".fx-tiles")
    cuts: list = []
    page.route("**/moments/clip/**.json*", lambda cut: cuts.append(cut))
    page.goto(f"{page.url.partition('?')[0]}?picture=blue_ball.mp4@0:02")
    show_similar(page)
    page.locator(".stage .waiting").wait_for()
    assert page.locator(".stage .look").is_hidden()  # what stands there is not the picture yet
    for cut in cuts:
        cut.continue_()
    page.unroute("**/moments/clip/**.json*")
    page.wait_for_function("!document.querySelector('[data-testid=stSpinner]')")
    page.locator(".stage [data-do=select]").click()
    drag_over(page, ".stage .surface", (0.3, 0.35, 0.7, 0.95))
    assert page.locator(".stage .region").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".stage .region").is_hidden()
    drag_over(page, ".stage .surface", (0.3, 0.35, 0.7, 0.95))
    page.get_by_role("button", name="Find this box").click()
    page.wait_for_function("location.search.includes('box=')")
    page.locator(".panel .region").wait_for()
    boxed = page.evaluate("new URLSearchParams(location.search).get('picture')")
    nearest(page, "blue_ball.mp4" if "again.mp4" in boxed else "again.mp4")
    assert page.alerts == [] and page.refused == []
    assert page.locator(".fx-problem, [data-testid=stException]").count() == 0


def show_similar(page) -> None:
    """Wait for the answers; where nothing is sure, have the nearest ones shown."""
    page.wait_for_selector(".fx-card, .st-key-nearest")
    nearest = page.locator(".st-key-nearest input")
    if nearest.count() and not nearest.is_checked():
        page.locator(".st-key-nearest label").click()
    page.wait_for_selector(".fx-card")
