"""What captions have, every other track has: check, repair, export, import, forgetting, backup."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from killing import fresh_copy
from notes_track import write_notes
from standin_model import StandinEmbedder, StandinModel, write_levels
from test_indexer_tracks import OTHERS, content_of, makers, run, texts_of
from typer.testing import CliRunner

from footage.core.errors import UsageError
from footage.core.track_events import track_caption
from footage.core.tracks import CAPTION_TRACK, SPEECH_TRACK, TRACKS
from footage.core.types import CaptionEvent, Span, SpokenWord, TextBox, Window, WindowRecord
from footage.store import Store
from footage.store.checking import check
from footage.store.tables import Tables
from indexer.import_export import export_captions, import_captions
from indexer.repairing import repair
from ui.cli.main import app


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    write_levels(folder / "a.mp4", [20] * 3 + [220] * 4 + [20] * 3)
    write_levels(folder / "b.mp4", [200] * 4)
    for track in OTHERS:
        write_notes(folder / "a.mp4", track, f"0.5 2.5 {track} wombat", f"4 6.5 {track} two", "7 9 the last")
    return folder


@pytest.fixture(scope="module")
def made(clips, tmp_path_factory):
    """An index of every track."""
    path = tmp_path_factory.mktemp("made") / "index"
    run(clips, Store.open(path, create=True), model=StandinModel())
    return path


@pytest.fixture
def path(made, tmp_path):
    return fresh_copy(made, tmp_path / "copy")


def standin(name: str) -> StandinEmbedder:
    return StandinEmbedder(name)


def holding(store: Store, name: str = "a.mp4") -> str:
    return next(file.content_id for file in store.files.all() if file.path.endswith(name))


def harm(path: Path, track: str, index: int = 1) -> str:
    """Change the text of one window of a track without its checksum."""
    content_id = holding(Store.open(path))
    tables = Tables.connect(path)
    [row] = [
        row
        for row in tables.read("windows", {"content_id": [content_id]})
        if (row["track"], row["window_index"]) == (track, index)
    ]
    tables.upsert("windows", [{**row, "raw": row["raw"].replace("two", "too") + " "}])
    return content_id


def test_an_index_of_every_track_is_sound(made, clips, tmp_path):
    assert check(made).findings == []
    alone = Store.open(tmp_path / "alone", create=True)
    run(clips, alone, makers(SPEECH_TRACK))
    assert check(alone.path).findings == []


@pytest.mark.parametrize("track", OTHERS)
def test_a_damaged_window_of_a_track_is_found_and_read_again(path, clips, track):
    before = content_of(Store.open(path))
    content_id = harm(path, track)
    checked = check(path)
    assert checked.is_damaged and checked.reread == {content_id: {track: (1,)}} and checked.recaption == {}
    report = repair(path, load=standin)
    assert report.after.findings == [] and len(report.repaired.marked) == 1
    model, again = StandinModel(), makers()
    run(clips, Store.open(path), again, model=model)
    assert model.log == [] and [maker.log for maker in again] == [
        [f"{track} a.mp4 1"] if maker.track == track else [] for maker in again
    ]
    assert content_of(Store.open(path)) == before and check(path).findings == []


@pytest.mark.parametrize("track", OTHERS)
def test_events_that_are_not_those_of_the_windows_are_found_and_made_again(path, track):
    before = content_of(Store.open(path))
    store = Store.open(path)
    content_id = holding(store)
    tables = Tables.connect(path)
    [row] = [
        row for row in tables.read("events") if (row["track"], row["text"]) == (track, f"{track} wombat")
    ]
    tables.delete("events", {"owner_id": [row["owner_id"]]})
    findings = check(path).findings
    assert {each.kind for each in findings} == {"derived"} and {each.content_id for each in findings} == {
        content_id
    }
    assert any(track in each.sentence for each in findings)
    assert repair(path, load=standin).after.findings == [] and content_of(Store.open(path)) == before


def test_a_track_whose_events_lag_behind_is_no_damage_and_is_caught_up(path, clips):
    store = Store.open(path)
    content_id = holding(store)
    record = store.windows.of(content_id, track=SPEECH_TRACK)[0]
    other = replace(record, window=replace(record.window, index=40))
    store.windows.commit([other])
    assert {each.kind for each in check(path).findings} == {"behind"}


def test_an_export_is_imported_without_loss(made, tmp_path):
    store, other = Store.open(made), Store.open(tmp_path / "other", create=True)
    lines = [json.dumps(row) for row in export_captions(store)]
    imported = import_captions(lines, store=other, embedder=StandinEmbedder())
    assert imported.videos == 2 and imported.windows == 4 + 3 * 6
    assert content_of(other) == content_of(store)
    assert content_of(other)["windows"] and check(other.path).findings == []
    again = import_captions(lines, store=other, embedder=StandinEmbedder())
    assert again == imported and content_of(other) == content_of(store)


@pytest.mark.parametrize("track", TRACKS)
def test_one_track_is_exported_alone(made, track):
    rows = list(export_captions(Store.open(made), tracks=(track,)))
    assert {row["track"] for row in rows if row["type"] == "window"} == {track}
    result = CliRunner().invoke(app, ["captions", "export", "--db", str(made), "--track", track])
    assert [json.loads(line) for line in result.stdout.splitlines()] == json.loads(
        json.dumps(rows, default=str)
    )
    result = CliRunner().invoke(app, ["captions", "export", "--db", str(made), "--track", "smell"])
    assert result.exit_code == 2 and "screen-text" in result.stderr


def line(content_id: str, **values) -> str:
    window = {
        "content_id": content_id,
        "track": SPEECH_TRACK,
        "start_seconds": 0,
        "end_seconds": 3,
        "events": [],
    }
    return json.dumps({**window, **values})


def test_a_track_made_elsewhere_is_imported_and_found(path):
    store = Store.open(path)
    content_id = holding(store, "b.mp4")
    event = {"start_seconds": 1, "end_seconds": 2, "text": "by hand", "confidence": 0.5, "language": "de"}
    import_captions([line(content_id, events=[event])], store=store, embedder=StandinEmbedder())
    [hit] = store.texts.search("hand", tracks=(SPEECH_TRACK,))
    assert (hit.text, hit.confidence, hit.language) == ("by hand", 0.5, "de")


@pytest.mark.parametrize(
    "values",
    [
        {"track": "smell"},
        {"raw": "[{}]"},
        {"raw": "no JSON"},
        {"raw": '[{"start":2,"end":1,"text":"backwards"}]'},
        {"raw": '[{"start":1,"end":9,"text":"outside"}]'},
        {"raw": '[{"start":1,"end":2,"text":"sure","confidence":7}]'},
        {"raw": '[{"start":1,"end":2,"text":"box","boxes":[[1,0.5,0.5,0.1,0.1]]}]'},
        {"events": [{"start_seconds": 1, "end_seconds": 9, "text": "outside"}]},
        {"events": [{"start_seconds": 1, "end_seconds": 2, "text": "sure", "confidence": -1}]},
    ],
)
def test_a_line_that_is_wrong_is_refused_by_its_number_and_nothing_is_imported(path, values):
    store = Store.open(path)
    before, content_id = content_of(store), holding(store, "b.mp4")
    good = line(content_id, events=[{"start_seconds": 1, "end_seconds": 2, "text": "fine"}])
    with pytest.raises(UsageError, match="line 2 is not a valid caption"):
        import_captions([good, line(content_id, **values)], store=store, embedder=StandinEmbedder())
    assert content_of(store) == before


seconds = st.floats(0, 3, allow_nan=False).map(lambda value: round(value, 6))
shares = st.floats(0, 1, allow_nan=False)
events = st.builds(
    lambda ends, text, confidence, words, box: CaptionEvent(
        Span(*sorted(ends)),
        text,
        confidence,
        "en",
        tuple(SpokenWord(Span(*sorted(span)), word, share) for span, word, share in words),
        (TextBox(sorted(ends)[0], *[min(a, b) for a, b in zip(*box, strict=True)], *map(max, *box), text),),
    ),
    st.tuples(seconds, seconds),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.none() | shares,
    st.lists(st.tuples(st.tuples(seconds, seconds), st.text("abc", min_size=1), shares), max_size=3),
    st.tuples(st.tuples(shares, shares), st.tuples(shares, shares)),
)


@given(st.lists(events, max_size=4))
def test_every_detail_of_a_track_survives_export_and_import(found):
    from indexer.import_export import _reading, _WindowLine

    record = WindowRecord(Window("x", 0, Span(0, 3)), track_caption(found), None, SPEECH_TRACK)
    row = {"start_seconds": 0, "end_seconds": 3, "raw": record.caption.raw, "track": SPEECH_TRACK}
    assert _reading(_WindowLine.model_validate(row), Span(0, 3)) == record.caption


@pytest.mark.parametrize("track", OTHERS)
def test_what_is_forgotten_leaves_no_trace_of_any_track(path, track):
    store = Store.open(path)
    content_id = holding(store)
    assert texts_of(store, track)
    with store.writing():
        store.contents.forget(content_id)
    store = Store.open(path)
    assert not store.windows.of(content_id, track=track) and not store.contents.knows(content_id)
    assert not [text for text in store.texts.all() if text.content_id == content_id]
    assert not any(b"wombat" in file.read_bytes() for file in path.rglob("*") if file.is_file())


def test_pruning_takes_every_track_of_what_is_gone(path, clips, tmp_path):
    store = Store.open(path)
    content_id = holding(store)
    store.files.put(
        [replace(file, state="gone") for file in store.files.all() if file.content_id == content_id]
    )
    store.contents.prune()
    for track in TRACKS:
        assert not store.windows.of(content_id, track=track)
        assert not store.vectors.of("standin", content_id, track=track)
    assert check(path).findings == []


def test_a_backup_brings_every_track_back(path, tmp_path):
    before = content_of(Store.open(path))
    runner = CliRunner()
    saved, back = tmp_path / "saved", tmp_path / "back"
    assert runner.invoke(app, ["db", "backup", str(saved), "--db", str(path)]).exit_code == 0
    assert runner.invoke(app, ["db", "restore", str(saved), "--db", str(back)]).exit_code == 0
    assert content_of(Store.open(back)) == before and check(back).findings == []


def test_the_forecast_and_the_status_say_what_each_track_has(clips, made, tmp_path, monkeypatch):
    shutil.copytree(clips, tmp_path / "library")
    monkeypatch.setenv("FOOTAGE_TRACKS", "subtitles")
    arguments = [str(tmp_path / "library"), "--db", str(tmp_path / "new"), "--json"]
    result = CliRunner().invoke(app, ["index", *arguments, "--dry-run"])
    assert json.loads(result.stdout)["tracks"] == {"subtitles": {"windows_new": 2, "seconds_new": 14.0}}
    result = CliRunner().invoke(app, ["status", "--db", str(made), "--json"])
    tracks = {each["track"]: each for each in json.loads(result.stdout.splitlines()[0])["tracks"]}
    assert tracks.keys() == set(TRACKS)
    assert tracks["screen-text"]["notes"] == {"no notes": 1} and tracks["subtitles"]["events"] == 3
    assert tracks[CAPTION_TRACK]["seconds"] == tracks[SPEECH_TRACK]["seconds"] == pytest.approx(14, abs=0.01)
