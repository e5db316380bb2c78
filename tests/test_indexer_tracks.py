"""Tracks beside captions in an indexing run: real clips, a real index, and makers that read real files."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
from killing import kill_at, processes, steps_of
from notes_track import NotesMaker, write_notes
from standin_model import StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.core.tracks import CAPTION_TRACK, SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK, TRACKS
from footage.core.types import CaptionEvent, TextBox
from footage.store import Store
from indexer.pipeline import index, reembed
from indexer.timestamps import Clocks
from indexer.tracks.protocol import TrackReading

OTHERS = (SPEECH_TRACK, SCREEN_TEXT_TRACK, SUBTITLE_TRACK)
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))
KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "2"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    write_levels(folder / "a.mp4", [20] * 3 + [220] * 4 + [20] * 3)
    write_levels(folder / "b.mp4", [200] * 4)
    for track in OTHERS:
        write_notes(folder / "a.mp4", track, f"0.5 2.5 {track} one", f"4 6.5 {track} two", "7 9 the last")
    write_notes(folder / "b.mp4", SPEECH_TRACK, "1 2 hello")
    return folder


@pytest.fixture
def library(clips, tmp_path):
    return Path(shutil.copytree(clips, tmp_path / "library"))


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


def makers(*tracks, **options):
    return [NotesMaker(track, **options) for track in tracks or OTHERS]


def run(paths, store, made=None, model=None, embedder=None, **options):
    return index(
        [paths] if isinstance(paths, Path) else paths,
        store=store,
        model=model,
        embedder=embedder or StandinEmbedder(),
        makers=makers() if made is None else made,
        **options,
    )


def content_of(store: Store, embedder: str = "standin"):
    """Everything an index says about every track, comparable."""
    contents = sorted(store.videos.all())
    return {
        "files": [(f.path, f.content_id, f.state, f.reason, f.tries) for f in store.files.all()],
        "videos": store.videos.all(),
        "windows": {(c, track): store.windows.of(c, track=track) for c in contents for track in TRACKS},
        "texts": sorted(store.texts.all(), key=repr),
        "vectors": {
            (c, track, owner): (row.text, row.span, row.window_indexes, tuple(np.round(row.vector, 5)))
            for c in contents
            for track in TRACKS
            for owner, row in store.vectors.of(embedder, c, track=track).items()
        },
    }


def texts_of(store, track):
    return [text.text for text in store.texts.all() if text.track == track and text.text]


def test_each_track_has_windows_events_and_vectors_of_its_own(library, store):
    report = run(library, store, model=StandinModel())
    assert (report.indexed, report.failed, report.windows_captioned) == (2, 0, 4)
    (content_id,) = [file.content_id for file in report.files if file.path.endswith("a.mp4")]
    for track in OTHERS:
        records = store.windows.of(content_id, track=track)
        assert [(record.window.index, record.track) for record in records] == [
            (n, track) for n in range(len(records))
        ]
        assert sorted(texts_of(store, track))[:1] != []
        first = records[0].caption.events[0]
        assert (first.text, first.confidence, first.language) == (f"{track} one", 0.75, "en")
        assert [word.confidence for word in first.words] == [0.5]
        events = [text for text in store.texts.of(content_id, track=track) if text.owner_kind == "event"]
        assert {event.confidence for event in events} <= {0.75, 0.5}  # 0.5: of words, where they are joined
        vectors = store.vectors.of("standin", content_id, track=track)
        assert vectors.keys() == {text.owner_id for text in store.texts.of(content_id, track=track)}
        assert report.tracks[track].windows == len(records) + 2 and report.tracks[track].events >= 3
    assert store.windows.of(content_id)  # captions


def test_without_a_model_no_captions_are_made_and_the_files_are_indexed(library, store):
    report = run(library, store)
    assert (report.indexed, report.windows_captioned, report.captions_made) == (2, 0, False)
    assert {file.state for file in report.files} == {"indexed"}
    assert store.status().tracks.keys() == set(OTHERS)
    again = makers()
    report = run(library, store, again)
    assert (report.indexed, report.unchanged) == (0, 2) and all(not maker.log for maker in again)


def test_without_makers_no_thread_is_started_and_nothing_is_reported(library, store):
    report = run(library, store, [], model=StandinModel())
    assert report.tracks == {} and store.status().tracks.keys() == {CAPTION_TRACK}


def test_a_track_added_later_leaves_the_others_alone(library, store):
    model, speech = StandinModel(), makers(SPEECH_TRACK)
    run(library, store, [], model=model)
    before = content_of(store)
    run(library, store, speech)
    after = content_of(store)
    assert after["files"] == before["files"] and len(speech[0].log) == 6
    for (content_id, track), records in before["windows"].items():
        if track != SPEECH_TRACK:
            assert after["windows"][content_id, track] == records
    report = run(library, store, [*makers(SPEECH_TRACK, SCREEN_TEXT_TRACK)], model=model)
    assert report.windows_captioned == 0 and report.tracks[SPEECH_TRACK].windows == 0
    assert report.tracks[SCREEN_TEXT_TRACK].windows == 6


def test_all_at_once_and_one_after_the_other_give_the_same_index(library, store, tmp_path):
    run(library, store, model=StandinModel())
    other = Store.open(tmp_path / "other", create=True)
    for track in OTHERS:
        run(library, other, makers(track))
    run(library, other, [], model=StandinModel())
    assert content_of(other) == content_of(store)


def test_captions_begun_and_left_are_not_called_indexed_by_a_run_of_tracks(library, store):
    run(library / "a.mp4", store, [], model=StandinModel(), max_seconds=3)
    (row,) = run(library / "a.mp4", store).files
    assert row.state == "waiting" and "captioned" in row.reason
    (row,) = run(library / "a.mp4", store, model=StandinModel()).files
    assert (row.state, row.reason) == ("indexed", "")


@pytest.mark.parametrize("track", OTHERS)
def test_a_window_that_cannot_be_read_stops_neither_the_others_nor_the_other_tracks(library, store, track):
    write_notes(library / "a.mp4", track, "0.5 1 begin", "4 damaged", "7 9 end")
    report = run(library, store, model=StandinModel())
    (row,) = [file for file in report.files if file.path.endswith("a.mp4")]
    assert (row.state, row.reason, row.tries) == ("partial", f"{track}: damaged at 4 s", 1)
    assert report.partial == 1 and report.indexed == 1
    assert [record.window.index for record in store.windows.of(row.content_id, track=track)] == [0, 2, 3]
    for other in {*TRACKS, CAPTION_TRACK} - {track}:
        assert store.windows.of(row.content_id, track=other)
    for tries in (2, 3, 3):
        (row,) = run(library / "a.mp4", store, makers(track)).files
        assert (row.state, row.tries) == ("partial", tries)
    untouched = makers(track)
    run(library / "a.mp4", store, untouched)
    assert untouched[0].log == []
    write_notes(library / "a.mp4", track, "0.5 1 begin", "4 5 middle", "7 9 end")
    (row,) = run(library / "a.mp4", store, makers(track), retry=True).files
    assert (row.state, row.reason, row.tries) == ("indexed", "", 0)


def test_a_track_is_added_to_a_file_that_failed_too_often_and_tried_there_no_more_than_others(library, store):
    write_notes(library / "a.mp4", SPEECH_TRACK, "4 damaged")
    for _ in range(4):
        (row,) = run(library / "a.mp4", store, makers(SPEECH_TRACK)).files
    assert (row.state, row.tries) == ("partial", 3)
    added = makers(SUBTITLE_TRACK)
    (row,) = run(library / "a.mp4", store, added).files
    assert len(added[0].log) == 4 and texts_of(store, SUBTITLE_TRACK)
    write_notes(library / "b.mp4", SPEECH_TRACK, "broken")
    for _ in range(4):
        (row,) = run(library / "b.mp4", store, makers(SPEECH_TRACK)).files
    assert (row.state, row.tries) == ("failed", 3)


def test_an_engine_s_own_error_loses_one_window(library, store):
    write_notes(library / "a.mp4", SPEECH_TRACK, "4 beyond", "7 9 end")
    (row,) = run(library / "a.mp4", store, makers(SPEECH_TRACK)).files
    assert row.state == "partial" and row.reason == ("speech: RuntimeError: the engine did not expect that")
    assert len(store.windows.of(row.content_id, track=SPEECH_TRACK)) == 3


def test_a_file_of_which_no_track_can_be_read_failed(library, store):
    write_notes(library / "a.mp4", SPEECH_TRACK, "broken")
    (row,) = run(library / "a.mp4", store, makers(SPEECH_TRACK)).files
    assert (row.state, row.tries) == ("failed", 1) and row.reason.startswith("speech: a.mp4.speech")
    (row,) = run(library / "a.mp4", store, makers(SPEECH_TRACK, SCREEN_TEXT_TRACK)).files
    assert (row.state, row.tries) == ("partial", 2)


def test_a_recogniser_that_is_missing_ends_its_track_and_no_file_is_blamed(library, store):
    write_notes(library / "a.mp4", SPEECH_TRACK, "no engine")
    report = run(library, store, model=StandinModel())
    assert report.tracks[SPEECH_TRACK].broken == "the recogniser is not installed"
    assert {(file.state, file.reason, file.tries) for file in report.files} == {
        ("waiting", "speech: the recogniser is not installed", 0)
    }
    assert report.tracks[SCREEN_TEXT_TRACK].windows == 6
    write_notes(library / "a.mp4", SPEECH_TRACK, "1 2 now")
    assert run(library, store, model=StandinModel()).indexed == 2


def test_what_there_is_to_know_is_counted_by_video_and_counts_as_done(library, store):
    report = run(library, store)
    assert report.tracks[SPEECH_TRACK].notes == {}
    assert report.tracks[SCREEN_TEXT_TRACK].notes == {"no notes": 1}
    status = store.status().tracks[SCREEN_TEXT_TRACK]
    assert (status.videos, status.windows, status.seconds) == (2, 6, pytest.approx(14, abs=0.2))


def test_changed_subtitles_are_read_again_and_another_speech_model_keeps_what_is_there(library, store):
    run(library, store)
    for track in (SPEECH_TRACK, SUBTITLE_TRACK):
        write_notes(library / "a.mp4", track, "1 2 something else")
    report = run(library, store, [NotesMaker(SPEECH_TRACK, model="better"), NotesMaker(SUBTITLE_TRACK)])
    assert report.tracks[SPEECH_TRACK].windows == 0 and report.tracks[SPEECH_TRACK].others == {"notes": 2}
    assert "something else" in texts_of(store, SUBTITLE_TRACK)
    assert "something else" not in texts_of(store, SPEECH_TRACK)
    assert "subtitles one" not in texts_of(store, SUBTITLE_TRACK)
    assert (report.indexed, report.unchanged) == (1, 1)
    Path(f"{library / 'a.mp4'}.{SUBTITLE_TRACK}").unlink()
    run(library, store, [NotesMaker(SUBTITLE_TRACK)])
    assert texts_of(store, SUBTITLE_TRACK) == []
    report = run(library, store, [NotesMaker(SPEECH_TRACK, model="better")], mix="replace")
    assert report.tracks[SPEECH_TRACK].windows == 6 and report.tracks[SPEECH_TRACK].others == {}
    assert "something else" in texts_of(store, SPEECH_TRACK)


def test_windows_of_another_length_replace_the_old_ones_only_as_they_come(library, store):
    run(library / "a.mp4", store, makers(SPEECH_TRACK, window_seconds=2.0))
    (content_id,) = store.videos.all()
    assert len(store.windows.of(content_id, track=SPEECH_TRACK)) == 5
    write_notes(library / "a.mp4", SPEECH_TRACK, "0.5 2.5 speech one", "4 damaged", "7 9 the last")
    run(library / "a.mp4", store, makers(SPEECH_TRACK, revision="same"))
    assert {record.window.index for record in store.windows.of(content_id, track=SPEECH_TRACK)} == set(
        range(5)
    )
    write_notes(library / "a.mp4", SPEECH_TRACK, "0.5 2.5 speech one", "7 9 the last")
    run(library / "a.mp4", store, makers(SPEECH_TRACK, revision="same"))
    assert [record.window.span.end_seconds for record in store.windows.of(content_id, track=SPEECH_TRACK)][
        :3
    ] == [3, 6, 9]
    assert {
        index for text in store.texts.of(content_id, track=SPEECH_TRACK) for index in text.window_indexes
    } == {*range(4)}


def test_a_limit_of_seconds_holds_for_each_track_and_the_next_run_goes_on(library, store, tmp_path):
    report = run(library, store, max_seconds=6)
    assert report.waiting == 2 and all("--max-hours" in file.reason for file in report.files)
    assert {report.tracks[track].seconds for track in OTHERS} == {6.0}
    run(library, store)
    other = Store.open(tmp_path / "other", create=True)
    run(library, other)
    assert content_of(store) == content_of(other)


def test_a_run_that_is_stopped_ends_between_windows_and_the_next_goes_on(library, store, tmp_path):
    made = makers()
    report = run(library, store, made, stop=lambda: sum(len(maker.log) for maker in made) >= 3)
    assert report.stopped
    run(library, store)
    other = Store.open(tmp_path / "other", create=True)
    run(library, other)
    assert content_of(store) == content_of(other)


@pytest.mark.parametrize("captions", [True, False])
def test_a_run_that_ends_early_says_how_much_is_indexed(library, store, captions):
    """What is spoken is read: without a caption it is nothing where captions are made, else it counts."""
    run(library / "a.mp4", store, makers(SPEECH_TRACK))

    if captions:
        with pytest.raises(KeyboardInterrupt):
            run(library / "a.mp4", store, [], model=StandinModel(stop_at=0))
    else:
        made = makers(SUBTITLE_TRACK)
        run(library / "a.mp4", store, made, stop=lambda: bool(made[0].log))
    (coverage,) = store.coverage().values()
    share = coverage.seconds["indexed"] / coverage.seconds_found
    assert share == (0 if captions else 1)


def test_the_report_of_a_run_stopped_at_once_does_not_say_that_nothing_was_to_do(library, store, capsys):
    from service.index import IndexResult
    from ui.cli import run_report

    report = run(library, store, [], model=StandinModel(), stop=lambda: True)
    run_report.show(IndexResult(report, store.coverage(), {}), as_json=False)
    assert "0 files: stopped before the first was done." in capsys.readouterr().out


def test_copies_and_moved_files_are_read_once(library, store):
    shutil.copy(library / "a.mp4", library / "copy.mp4")
    made = makers(SPEECH_TRACK, revision="same")
    report = run(library, store, made)
    assert report.indexed == 3 and len(made[0].log) == 6
    (library / "b.mp4").rename(library / "moved.mp4")
    again = makers(SPEECH_TRACK, revision="same")
    report = run(library, store, again)
    assert again[0].log == [] and report.unchanged == 3 and report.gone == 1


def test_other_bytes_under_the_same_path_are_read_and_the_old_ones_not_found(library, store):
    run(library, store)
    write_levels(library / "b.mp4", [60] * 5)
    write_notes(library / "b.mp4", SPEECH_TRACK, "1 2 replaced")
    run(library, store)
    hits = store.texts.search("hello", tracks=(SPEECH_TRACK,))
    assert [hit.text for hit in store.texts.search("replaced", tracks=(SPEECH_TRACK,))] == ["replaced"]
    assert not [hit for hit in hits if hit.text == "hello"]


def test_another_embedder_takes_in_every_track(library, store):
    run(library, store, model=StandinModel())
    other = StandinEmbedder("other", dimension=8)
    assert reembed(store, other) == len(store.texts.all())
    for track in TRACKS:
        (first, *_) = [text for text in store.texts.all() if text.track == track]
        assert store.vectors.of("other", first.content_id, track=track)
    assert reembed(store, other) == 0


def test_progress_adds_up_for_every_track(library, store):
    seen = []
    run(library, store, model=StandinModel(), on_progress=seen.append)
    last = seen[-1]
    assert last.stage == "done" and [each.track for each in last.tracks] == list(OTHERS)
    for each in last.tracks:
        assert each.seconds_done == pytest.approx(each.seconds_total) and each.share == pytest.approx(1)
    for before, after in itertools.pairwise(seen):
        for one, other in zip(before.tracks, after.tracks, strict=False):
            assert one.seconds_done <= other.seconds_done + 1e-6
    assert "tracks" in {reading.stage for reading in seen}


# -- runs that are killed ------------------------------------------------------------------------------------


def index_everything(database: Path, library: Path) -> None:
    """Body of a process that is killed at a step of its main thread."""
    run(library, Store.open(database), model=StandinModel(max_batch=2))


def index_speech_slowly(library: Path, database: Path, log: Path) -> None:
    """Body of a process that is killed between windows."""
    run(
        library,
        Store.open(database, create=True),
        makers(log_path=log, sleep_seconds=0.05),
        model=StandinModel(max_batch=1, sleep_seconds=0.05),
    )


def test_kill_9_at_any_window_then_the_same_command_gives_the_unbroken_index(library, tmp_path):
    unbroken = Store.open(tmp_path / "unbroken", create=True)
    run(library, unbroken, model=StandinModel())
    log, database = tmp_path / "log", tmp_path / "index"
    log.touch()
    context = processes()
    for lines in (1, 6, 12, None):
        child = context.Process(target=index_speech_slowly, args=(library, database, log))
        child.start()
        if lines is not None:

            def due(lines=lines, child=child):
                assert child.is_alive(), "it ended before it was to be killed"
                return len(log.read_text().splitlines()) >= lines

            wait_until(due, seconds=240)
            child.kill()
        child.join()
        assert child.exitcode == (0 if lines is None else -signal.SIGKILL)
    assert content_of(Store.open(database)) == content_of(unbroken)
    read = log.read_text().splitlines()
    assert (
        len(set(read)) == 18 and len(read) <= 18 + 3 * 10
    )  # no more than what waited to be written, per kill


@pytest.mark.parametrize("begun", ["new", "changed"])
def test_kill_9_at_any_step_then_the_same_command_gives_the_unbroken_index(library, tmp_path, begun):
    start = tmp_path / "start"
    store = Store.open(start, create=True)
    if begun == "changed":  # windows with the same numbers are replaced
        run(library, store, model=StandinModel())
        write_notes(library / "a.mp4", SUBTITLE_TRACK, "1 2 something else", "8 9 at the end")
        write_notes(library / "b.mp4", SUBTITLE_TRACK, "1 2 more")
    copies = tmp_path / "copies"
    steps = steps_of(index_everything, start, library, copies=copies)
    expected = content_of(Store.open(copies / start.name))
    rng = random.Random(SEED)
    for step in sorted(rng.randrange(1, steps) for _ in range(KILLS)):
        killed = kill_at(step, index_everything, start, library, copies=copies)
        run(library, Store.open(killed), model=StandinModel(max_batch=2))
        for table, rows in content_of(Store.open(killed)).items():
            assert rows == expected[table], f"{table} differ after a kill at step {step} of {steps}"


def test_a_window_that_was_replaced_and_not_projected_is_projected_by_the_next_run(library, store, tmp_path):
    run(library / "a.mp4", store)
    write_notes(library / "a.mp4", SUBTITLE_TRACK, "1 2 something else")

    class Killed(BaseException):
        pass

    class Dying(StandinEmbedder):
        def embed(self, texts):
            raise Killed

    with pytest.raises(Killed):
        run(library / "a.mp4", store, makers(SUBTITLE_TRACK), embedder=Dying())
    (content_id,) = store.videos.all()

    def embedded():
        rows = store.vectors.of("standin", content_id, track=SUBTITLE_TRACK).values()
        return {row.text for row in rows if row.owner_kind == "event"}

    assert embedded() == {"subtitles one", "subtitles two", "the last"}
    report = run(library / "a.mp4", store, makers(SUBTITLE_TRACK))
    assert report.tracks[SUBTITLE_TRACK].windows == 0
    assert texts_of(store, SUBTITLE_TRACK) == ["something else"] and embedded() == {"something else"}


# -- the clock in the picture --------------------------------------------------------------------------------


class ClockMaker(NotesMaker):
    """Screen text of a clock that runs in the picture, a reading a second."""

    def open(self, path, video):
        reader = super().open(path, video)

        def read(window):
            start, end = window.span.start_seconds, window.span.end_seconds
            ticks = [tick for tick in range(100) if start <= tick < end]
            boxes = tuple(TextBox(tick, 0.1, 0.1, 0.5, 0.2, f"2024-03-05 12:30:{tick:02}") for tick in ticks)
            self.note(Path(path).name, window)
            event = CaptionEvent(window.span, f"{boxes[0].text} to {boxes[-1].text}", 0.9, boxes=boxes)
            return TrackReading((event,))

        reader.read = read
        return reader


def test_a_clock_in_the_picture_gives_the_recording_time_also_to_copies_and_after_a_kill(tmp_path, store):
    library = tmp_path / "library"
    write_levels(library / "gate.mp4", [20, 220] * 15)
    clocks = Clocks(zone=UTC)
    (row,) = run(library, store, [ClockMaker(SCREEN_TEXT_TRACK, revision="1")], clocks=clocks).files
    assert row.clock_source == "burned-in" and row.recorded_at.startswith("2024-03-05T12:30:00")
    (row,) = run(library, store, [], model=StandinModel(), clocks=clocks).files
    assert row.clock_source == "burned-in"  # kept without being read again
    shutil.copy(library / "gate.mp4", library / "copy.mp4")
    rows = run(library, store, [], model=StandinModel(), clocks=clocks).files
    assert {row.clock_source for row in rows} == {"burned-in"}
    store.files.put([replace(row, state="new", recorded_at="", clock_source="") for row in rows])
    rows = run(library, store, [ClockMaker(SCREEN_TEXT_TRACK, revision="1")], clocks=clocks).files
    assert {row.clock_source for row in rows} == {"burned-in"}


def test_a_clock_in_the_picture_that_disagrees_with_the_name_is_reported(tmp_path, store):
    write_levels(tmp_path / "library" / "gate_20240101_080000.mp4", [20, 220] * 15)
    report = run(tmp_path / "library", store, [ClockMaker(SCREEN_TEXT_TRACK)], clocks=Clocks(zone=UTC))
    (doubt,) = report.clock_doubts
    assert doubt.burned_in and doubt.used == report.files[0].clock_source == "burned-in"
    assert doubt.paths == (report.files[0].path,) and doubt.ahead_seconds > 86400
