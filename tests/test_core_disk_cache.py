"""What a model saw, kept on disk: bounded, forgotten when asked, and the same answers from it."""

from __future__ import annotations

import os

import numpy as np
import pytest
from tiny_qwen35 import write_tiny_model

from footage.core.disk_cache import Shelf
from footage.core.types import Frames, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.synthetic.clips import random_clip, write_clip
from footage.vlm import contract, load_model
from indexer.pipeline import index
from search.engine import Engine
from search.grounding.options import GroundingOptions


def test_a_shelf_holds_no_more_than_it_may_and_lets_the_unused_go(tmp_path):
    shelf = Shelf(tmp_path / "shelf", 250)
    for n in range(2):
        shelf.put("a", str(n), b"x" * 100)
        os.utime(shelf._place("a", str(n)), (n + 1, n + 1))
    assert shelf.get("a", "0") == b"x" * 100  # now it is the last one used
    shelf.put("b", "2", b"x" * 100)
    assert [shelf.has("a", "0"), shelf.has("a", "1"), shelf.has("b", "2")] == [True, False, True]
    assert (shelf.get("a", "1"), shelf.hits, shelf.misses) == (None, 1, 1)
    shelf.forget("a")
    assert [shelf.has("a", "0"), shelf.has("b", "2")] == [False, True]


def test_whatever_an_id_holds_it_stays_in_the_folder(tmp_path):
    shelf = Shelf(tmp_path / "a" / "shelf", 1000)
    for content_id in ("../outside", "/etc/outside", "*"):
        shelf.put(content_id, "n", content_id.encode())
        assert shelf.get(content_id, "n") == content_id.encode()
    assert len([place for place in tmp_path.rglob("*") if place.is_file()]) == 3
    assert len(list(shelf.folder.iterdir())) == 3
    shelf.forget("*")
    assert shelf.has("../outside", "n") and not shelf.has("*", "n")


def test_a_disk_that_takes_nothing_is_no_error(tmp_path, caplog):
    (tmp_path / "file").touch()
    Shelf(tmp_path / "file", 100).put("a", "b", b"x")
    assert "cannot write to the cache" in caplog.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", seed=3)


def frames(seed: int) -> Frames:
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 64, 96, 3), dtype=np.uint8)
    return Frames(pixels, tuple(10 + 0.5 * n for n in range(6)), Span(10.0, 13.0))


def test_another_run_answers_from_the_shelf_as_from_the_pictures(tmp_path, folder):
    shelf = Shelf(tmp_path, 1 << 20)
    one = load_model(str(folder), device="cpu", shelf=shelf)
    shown = one.prepare(frames(1))
    prompts = [contract.caption_prompt(one.profile), contract.find_prompt("a dog runs", one.profile)]
    said = one.run([(shown, prompt) for prompt in prompts])
    assert one.recall("video", shown.span) is None
    one.keep("video", shown)

    two = load_model(str(folder), device="cpu", shelf=shelf)
    recalled = two.recall("video", shown.span)
    assert recalled is not None and recalled.nbytes == shown.nbytes
    assert two.run([(recalled, prompt) for prompt in prompts]) == said
    assert two.recall("video", Span(10.0, 12.5)) is None
    assert two.recall("another", shown.span) is None

    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert two.recall("video", shown.span) is None
    assert not list(tmp_path.iterdir())


def test_other_pictures_of_the_same_span_are_not_mixed_up(tmp_path, folder):
    """Another budget shows other pictures, so that what was seen under one is no use to the other."""
    shelf = Shelf(tmp_path, 1 << 20)
    one = load_model(str(folder), device="cpu", shelf=shelf)
    shown = one.prepare(frames(1))
    one.run([(shown, contract.caption_prompt(one.profile))])
    one.keep("video", shown)
    other = load_model(str(folder), device="cpu", shelf=shelf, changes={"fps": 1.0})
    assert other.recall("video", shown.span) is None


def test_what_was_indexed_is_searched_without_decoding_it_again(tmp_path):
    (tmp_path / "library").mkdir()
    clip = random_clip(np.random.default_rng(4), duration_seconds=16.0)
    write_clip(clip, tmp_path / "library" / "a.mp4", fps=10, width=96, height=64)
    shelf, embedder = Shelf(tmp_path / "seen", 1 << 24), load_embedder()
    store = Store.open(tmp_path / "index.lancedb", create=True)
    index([tmp_path / "library"], store=store, model=load_model("demo", shelf=shelf), embedder=embedder)
    assert len(list(shelf.folder.iterdir())) == 1

    asked = clip.events[0].sentence
    looking = GroundingOptions(fresh=True)
    plain = Engine(store, embedder, load_model("demo"), looking=looking).search(asked)
    again = Engine(store, embedder, load_model("demo", shelf=shelf), looking=looking).search(asked)
    assert again.matches == plain.matches and plain.looked.windows
    assert shelf.hits
