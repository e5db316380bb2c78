"""Pictures and clips that the app cuts when the browser asks, over HTTP."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import httpx2
import pytest
from PIL import Image
from screenshot_app import running_app
from standin_truth import SAMPLES, TruthModel

from footage.core.types import Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from ui.web.components.addresses import clip_address, picture_address
from ui.web.moment_routes import LONGEST_CLIP_SECONDS

STANDIN = Path(__file__).with_name("standin_app.py")


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[tuple[httpx2.Client, Store, Path]]:
    """A client of the app, its index and the folder of its videos."""
    folder = tmp_path_factory.mktemp("moments")
    videos = folder / "videos"
    videos.mkdir()
    for name in ("beach_dusk.mp4", "park_dusk.mp4"):
        shutil.copy(SAMPLES / name, videos)
    store = Store.open(folder / "index.lancedb", create=True)
    index([videos], store=store, model=TruthModel(), embedder=load_embedder())
    with ExitStack() as stack:
        settings = {"db": folder / "index.lancedb", "model": "demo", "cache_dir": folder / "cache"}
        address = stack.enter_context(running_app(STANDIN, cwd=folder, device="cpu", **settings))
        yield stack.enter_context(httpx2.Client(base_url=address, timeout=60)), store, videos


def content(store: Store, name: str) -> str:
    return next(file.content_id for file in store.files.all() if file.path.endswith(name))


def test_a_picture_is_a_frame_that_the_browser_keeps(served):
    client, store, _ = served
    address = picture_address(content(store, "beach_dusk.mp4"), 2.5)
    answer = client.get(address)
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as small:
        assert small.width <= 360
    with Image.open(io.BytesIO(client.get(f"{address}&size=large").content)) as large:
        assert large.width >= small.width


def test_a_clip_starts_and_ends_where_it_says(served):
    client, store, _ = served
    said = client.get(clip_address(content(store, "park_dusk.mp4"), Span(4.0, 9.0))).json()
    assert said["start"] == pytest.approx(4.0, abs=0.05) and said["end"] == 9.0
    answer = client.get(said["url"], headers={"Range": "bytes=0-"})
    assert answer.status_code == 206
    with av.open(io.BytesIO(answer.content)) as clip:
        times = [frame.time for frame in clip.decode(video=0)]
    assert said["start"] + times[-1] == pytest.approx(9.0, abs=0.1)


def test_a_clip_is_no_longer_than_the_video_nor_than_is_allowed(served):
    client, store, _ = served
    said = client.get(clip_address(content(store, "beach_dusk.mp4"), Span(15.0, 90_000.0))).json()
    [file] = [file for file in store.files.all() if file.path.endswith("beach_dusk.mp4")]
    assert said["end"] <= min(file.duration_seconds, 15.0 + LONGEST_CLIP_SECONDS)


@pytest.mark.parametrize("content_id", ["none", "..%2F..%2Fetc%2Fpasswd", "%00", "a" * 5000, "*"])
def test_what_the_index_does_not_have_gets_a_drawing_or_a_sentence(served, content_id):
    client, _, _ = served
    picture = client.get(f"/moments/picture/{content_id}/0.jpg")
    assert picture.status_code == 404 and b"root:" not in picture.content
    clip = client.get(f"/moments/clip/{content_id}/0-1000.json")
    assert clip.status_code == 404 and b"Traceback" not in clip.content


def test_a_file_that_went_away_gets_a_drawing(served):
    client, store, videos = served
    gone = content(store, "park_dusk.mp4")
    (videos / "park_dusk.mp4").rename(videos / "park_dusk.away")
    try:
        answer = client.get(picture_address(gone, 21.25))
        assert answer.status_code == 404 and answer.headers["content-type"] == "image/svg+xml"
        assert b"no picture" in answer.content and "immutable" not in answer.headers["cache-control"]
        said = client.get(clip_address(gone, Span(20.0, 22.0)))
        assert said.status_code == 404
        words = said.json()  # the page joins the two
        assert words["error"] == "park_dusk.mp4 does not exist."
        assert words["hint"] == f"Looked for '{videos / 'park_dusk.mp4'}'."
    finally:
        (videos / "park_dusk.away").rename(videos / "park_dusk.mp4")


def test_another_state_of_a_file_has_another_address(served):
    _, store, _ = served
    first, second = store.files.all()[:2]
    assert picture_address("c", 1.0, first) != picture_address("c", 1.0, second)
    assert picture_address("", 1.0, first) == ""
