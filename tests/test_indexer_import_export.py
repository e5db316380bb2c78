"""Captions out of an index and into another, with real clips and a real index in a temporary folder."""

from __future__ import annotations

import json

import pytest
from standin_model import StandinEmbedder, StandinModel, write_levels

from footage.core.errors import UsageError
from footage.store import Store
from indexer.import_export import export_captions, import_captions
from indexer.pipeline import index


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / 'it\'s "here"'
    write_levels(folder / "a.mp4", [20, 20, 220, 220, 20, 20])
    write_levels(folder / "b.mp4", [200, 200])
    return folder


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


def take_in(lines, store):
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return import_captions(texts, store=store, embedder=StandinEmbedder())


def by_hand(path, **more):
    event = {"start_seconds": 1, "end_seconds": 2.5, "text": "A heron lands."}
    return {
        "path": str(path),
        "start_seconds": 0,
        "end_seconds": 4,
        "scene": "A pond.",
        "events": [event],
        **more,
    }


def test_what_goes_out_comes_back_exactly(library, store, tmp_path):
    index([library], store=store, model=StandinModel(), embedder=StandinEmbedder())
    lines = [json.loads(json.dumps(row)) for row in export_captions(store)]
    other = Store.open(tmp_path / "other", create=True)
    result = take_in(lines, other)
    assert (result.videos, result.windows) == (2, sum(map(len, store.windows.spans().values())))
    assert list(export_captions(other)) == list(export_captions(store)) == lines
    assert other.events.all() == store.events.all() and other.files.all() == store.files.all()
    assert {c: other.windows.of(c) for c in other.videos.all()} == {
        c: store.windows.of(c) for c in store.videos.all()
    }
    model = StandinModel()
    report = index([library], store=other, model=model, embedder=StandinEmbedder())
    assert model.log == [] and report.unchanged == 2
    assert take_in(lines, other) == result and list(export_captions(other)) == lines


def test_captions_written_by_hand_are_searched(library, store):
    second = by_hand(library / "a.mp4", start_seconds=3, end_seconds=6, events=[])
    assert take_in([by_hand(library / "a.mp4"), "", second], store) == (1, 2, 1)
    (hit,) = store.texts.search("herons landing", owner_kinds=["event"])
    assert (hit.span.start_seconds, hit.span.end_seconds, hit.text) == (1, 2.5, "A heron lands.")
    (file,) = store.files.all()
    assert (file.path, file.state) == (str(library / "a.mp4"), "indexed")
    assert [provenance.model for provenance in store.windows.provenances()] == ["by hand"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"end_seconds": 9}, r"the window from 0 to 9 s is not within 0 to 6"),
        ({"start_seconds": 4}, "the window from 4 to 4 s"),
        ({"start_seconds": -1}, "0 <= start"),
        ({"end_seconds": "soon"}, "end_seconds: 'soon' is not a number"),
        ({"end_seconds": float("nan")}, "finite"),
        ({"events": [{"start_seconds": 3, "end_seconds": 5, "text": "x"}]}, "the event from 3 to 5 s"),
        ({"events": [{"start_seconds": 3, "end_seconds": 4}]}, "'events.0.text' is missing"),
        ({"events": [{"start_seconds": 3, "end_seconds": 4, "text": 7}]}, "7 is not text"),
        ({"events": 5}, "events: 5 is not a list"),
        ({"events": [5]}, r"events\.0: 5 is not an object"),
        ({"window_index": 1.5}, r"window_index: 1\.5 is not a whole number"),
        ({"path": None}, "'path' is missing"),
        ({"track": "smell"}, "there is no track 'smell'"),
        ({"scene": None}, "scene: None is not text"),
        ({"type": "poem"}, "unknown type 'poem'"),
        ({"path": "/nowhere.mp4"}, "does not exist"),
        ({"content_id": "abc"}, "neither the file nor the index has a video abc"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken_in(library, store, change, complaint):
    with pytest.raises(UsageError, match=f"line 2 is not a valid caption: .*{complaint}"):
        take_in(
            [by_hand(library / "b.mp4", end_seconds=2, events=[]), by_hand(library / "a.mp4") | change], store
        )
    assert store.files.all() == [] and store.videos.all() == {} and store.windows.spans() == {}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("not json", "Expecting value"),
        ("[1]", r"\[1\] is not an object"),
        ("3", "3 is not an object"),
        ('{"start_seconds": 0}', "'end_seconds' is missing"),
    ],
)
def test_what_is_no_object_with_a_video_is_refused(store, line, complaint):
    with pytest.raises(UsageError, match=f"line 1 is not a valid caption: {complaint}"):
        take_in([line], store)


@pytest.mark.parametrize(
    ("kind", "change", "complaint"),
    [
        ("video", {"content_id": "c" * 65}, "is not a valid content id"),
        ("video", {"codec": "\ud800"}, "an incomplete character"),
        ("file", {"camera": "cam\udfff"}, "an incomplete character"),
        ("file", {"path": "/videos/a\0.mp4"}, "is not a valid path"),
        ("file", {"path": ""}, "is not a valid path"),
        ("file", {"state": "<b>"}, "invalid file state '<b>'"),
        ("file", {"clock_source": "sundial"}, "clock source 'sundial'"),
        ("file", {"tried_at": 1e300}, "tried at 1e"),
        ("file", {"modified_at": float("nan")}, "changed at nan"),
        ("window", {"model": "\ud800"}, "an incomplete character"),
    ],
)
def test_a_line_that_no_index_or_page_could_show_is_refused(
    library, store, tmp_path, kind, change, complaint
):
    take_in([by_hand(library / "a.mp4")], store)
    lines = [row | change if row["type"] == kind else row for row in export_captions(store)]
    other = Store.open(tmp_path / "other", create=True)
    with pytest.raises(UsageError, match=rf"line \d is not a valid caption: .*{complaint}"):
        take_in(lines, other)
    assert other.files.all() == [] and other.videos.all() == {}


def test_an_id_that_leads_out_of_a_folder_is_refused(library, store, tmp_path):
    take_in([by_hand(library / "a.mp4")], store)
    video, *rest = export_captions(store)
    with pytest.raises(
        UsageError, match=r"line 1 is not a valid caption: '\.\./x' is not a valid content id"
    ):
        take_in([video | {"content_id": "../x"}, *rest], Store.open(tmp_path / "other", create=True))
