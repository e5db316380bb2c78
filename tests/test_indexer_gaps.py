"""A video with gaps from the indexing run to the timelines: windows, hours, status, old indexes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from standin_model import StandinEmbedder, StandinModel
from tiny_clips import write_clip
from typer.testing import CliRunner

from footage.core.coverage import coverage
from footage.core.types import File, Span, Video
from footage.store import SCHEMA_VERSION, Store
from indexer.pipeline import index
from ui.cli.main import app
from ui.web.components import camera_timeline, timeline

FPS, HOURS_26 = 25, 26 * 3600.0


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


@pytest.fixture
def jumping(tmp_path):
    (tmp_path / "films").mkdir()
    times = [n / FPS + HOURS_26 * (n >= 50) for n in range(100)]
    return write_clip(tmp_path / "films" / "a.mkv", times, fps=FPS)


def run(folder, store):
    return index([folder], store=store, model=StandinModel(), embedder=StandinEmbedder())


def as_version_8(store):
    """Make an index what it was before videos had gaps."""
    store._tables.table("videos").drop_columns(["gaps"])
    store._tables.upsert("meta", [{"key": "schema_version", "value": "8"}])


def test_a_pause_of_26_hours_is_no_footage(store, jumping, tmp_path):
    summary = run(jumping.parent, store)
    [file] = summary.files
    assert file.state == "indexed" and file.duration_seconds == pytest.approx(HOURS_26 + 4, abs=0.05)
    video = store.videos.all()[file.content_id]
    assert [(round(gap.start_seconds), round(gap.end_seconds)) for gap in video.gaps] == [(2, HOURS_26 + 2)]
    spans = [record.window.span for record in store.windows.of(file.content_id)]
    assert spans[0] == Span(0, 2) and 2 <= len(spans) <= 4
    assert spans[1].start_seconds == video.gaps[0].end_seconds
    status, (collection,) = store.status(), store.coverage().values()
    assert status.seconds_total == status.seconds_indexed == pytest.approx(4, abs=0.05)
    assert (status.gaps, status.seconds_gaps) == (1, pytest.approx(HOURS_26, abs=0.05))
    assert collection.seconds_found == collection.seconds["indexed"] == pytest.approx(4, abs=0.05)
    assert collection.seconds_gaps == pytest.approx(HOURS_26, abs=0.05)
    assert store.videos.gaps() == {file.content_id: video.gaps}
    assert run(jumping.parent, store).unchanged == 1

    said = CliRunner().invoke(app, ["status", "--db", str(store.path)])
    assert " in 1 gap, not counted as footage" in said.stdout
    [first, *_] = CliRunner().invoke(app, ["status", "--json", "--db", str(store.path)]).stdout.splitlines()
    assert json.loads(first)["gaps"] == 1


def test_an_index_of_before_is_read_and_brought_up_to_date_with_every_caption(store, tmp_path):
    (tmp_path / "films").mkdir()
    clip = write_clip(tmp_path / "films" / "a.mkv", count=100, fps=FPS)
    run(clip.parent, store)
    [content_id] = store.videos.all()
    before = store.windows.of(content_id), store.events.of(content_id), store.files.all()
    as_version_8(store)

    old = Store.open(store.path)
    assert before[0] and (old.windows.of(content_id), old.events.of(content_id), old.files.all()) == before
    assert old.videos.all()[content_id].gaps == () and old.status().gaps == 0
    assert "gaps" not in old._tables.table("videos").schema.names
    write_clip(clip.parent / "b.mkv", [n / FPS + 600 * (n >= 25) for n in range(50)], fps=FPS)
    assert run(clip.parent, old).unchanged == 1

    new = Store.open(store.path)
    assert new._tables.read("meta", {"key": ["schema_version"]})[0]["value"] == str(SCHEMA_VERSION)
    assert (new.windows.of(content_id), new.events.of(content_id)) == before[:2]
    assert sorted(len(video.gaps) for video in new.videos.all().values()) == [0, 1]


def test_a_migration_that_was_cut_short_goes_on(store, jumping):
    run(jumping.parent, store)
    store._tables.upsert("meta", [{"key": "schema_version", "value": "8"}])  # the column is there already
    again = Store.open(store.path)
    with again.writing():
        assert again._tables.read("meta", {"key": ["schema_version"]})[0]["value"] == str(SCHEMA_VERSION)
    assert len(next(iter(again.videos.all().values())).gaps) == 1


def test_gaps_count_for_no_share():
    files = [
        File("1", "a", duration_seconds=100, state="indexed"),
        File("2", "a", duration_seconds=100, state="gone"),
        File("3", "b", duration_seconds=50, state="waiting"),
    ]
    result = coverage(files, {"b": {0: Span(0, 10)}}, {"a": 90.0, "b": 20.0})
    assert (result.seconds_found, result.seconds_gaps, result.seconds_gone) == (40, 110, 10)
    assert (result.seconds["indexed"], result.seconds["waiting"]) == (20, 20)


def test_gaps_are_drawn_and_explained():
    drawn = timeline.strip(100, covered=[Span(0, 40)], gaps=[Span(40, 90)])
    assert drawn.count("fx-none") == 1 and "left:40.000%;width:50.000%" in drawn
    assert "no frames" in timeline.legend(gaps=True) and "no frames" not in timeline.legend()
    assert "fx-none" not in timeline.strip(100, covered=[Span(0, 40)])


def test_a_camera_shows_nothing_in_a_gap():
    file = File("/a", "a", camera="gate", recorded_at="2026-03-01T12:00:00+00:00", duration_seconds=3700)
    placed = camera_timeline.recordings([file], zone=UTC, gaps={"a": (Span(100, 3600),)}).recorded
    assert [(each.start.minute, each.start_seconds) for each in placed] == [(0, 0), (0, 3600)]
    assert all(each.file_start == datetime(2026, 3, 1, 12, tzinfo=UTC) for each in placed)
    first, second = placed
    assert first.end == datetime(2026, 3, 1, 12, 1, 40, tzinfo=UTC)
    assert (second.start, second.start_seconds) == (datetime(2026, 3, 1, 13, tzinfo=UTC), 3600)


def test_a_video_keeps_its_gaps_in_the_index(store):
    video = Video("a", 100, 64, 48, 25, "h264", gaps=(Span(1, 2), Span(3, 4.5)))
    with store.writing():
        store.videos.put([video])
    assert store.videos.all() == {"a": video} and video.footage_seconds == 97.5
