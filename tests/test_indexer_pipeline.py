"""The indexing run around a stand-in model: real clips, real decoding, a real index in a temporary folder."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
from killing import processes
from standin_model import BRIGHT, DARK, StandinEmbedder, StandinModel, write_levels
from standin_run import WINDOWS, index_slowly
from waiting import wait_until

from footage.core.errors import (
    ModelMemoryError,
    SchemaMismatchError,
    StoreError,
    UsageError,
    VideoNotFoundError,
)
from footage.core.types import Caption, CaptionEvent, File, Span, Video, Window, WindowRecord
from footage.media import sandbox
from footage.store import Store
from footage.vlm.sampling import LIKELIEST
from indexer import events as projection
from indexer.captioning import CaptionTask, caption_windows
from indexer.committer import Committer
from indexer.events import Projector
from indexer.library import Selection
from indexer.pipeline import index, reembed
from indexer.progress import ProgressTracker
from indexer.timestamps import Clocks

LEVELS = {
    "a.mp4": [20, 20, 20, 220, 220, 220, 220, 20, 20, 20],
    "b.mp4": [200] * 3,
    "it's \"b\" & 'c'; DROP TABLE files; --.mp4": [30] * 5 + [240] * 2,
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    for name, levels in LEVELS.items():
        write_levels(folder / name, levels)
    return folder


@pytest.fixture
def library(clips, tmp_path):
    return Path(shutil.copytree(clips, tmp_path / "library"))


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


def run(paths, store, model=None, embedder=None, **options):
    return index(
        [paths] if isinstance(paths, Path) else paths,
        store=store,
        model=model or StandinModel(),
        embedder=embedder or StandinEmbedder(),
        **options,
    )


def content_of(store: Store, embedder: str = "standin"):
    """Everything an index says, comparable."""
    files = [(f.path, f.content_id, f.state, f.reason, f.size_bytes) for f in store.files.all()]
    windows = {c: store.windows.of(c) for c in store.videos.all()}
    vectors = {
        (c, owner): (row.text, row.span, row.window_indexes, tuple(np.round(row.vector, 5)))
        for c in store.videos.all()
        for owner, row in store.vectors.of(embedder, c).items()
    }
    return (
        files,
        store.videos.all(),
        windows,
        store.events.all(),
        sorted(store.texts.all(), key=repr),
        vectors,
    )


def test_captions_become_events_in_video_time_merged_over_windows(library, store):
    report = run(library / "a.mp4", store)
    assert (report.indexed, report.failed, report.windows_captioned) == (1, 0, 3)
    assert report.seconds_captioned == pytest.approx(10)
    events = store.events.all()
    assert [(event.text, event.window_indexes) for event in events] == [
        (DARK, (0,)),
        (BRIGHT, (0, 1, 2)),
        (DARK, (2,)),
    ]
    assert [event.span.start_seconds for event in events] == pytest.approx([0, 3, 7], abs=0.5)
    assert [event.span.end_seconds for event in events] == pytest.approx([3, 7, 10], abs=0.5)
    record = store.windows.of(report.files[0].content_id)[0]
    assert record.provenance == replace(StandinModel().provenance, cutting="4 s, 1 s shared")
    assert record.caption.raw.startswith("Scene: A plain wall")
    assert record.caption.scene == record.caption.raw.split("\n")[0].removeprefix("Scene: ")


def test_a_window_captioned_by_itself_is_the_one_that_a_run_commits(library, store):
    run(library / "a.mp4", store, batch_size=2)
    (content_id,) = store.videos.all()
    committed = store.windows.of(content_id)
    model = StandinModel()
    sampler = sandbox.SandboxSampler(
        str(library / "a.mp4"),
        [record.window.span for record in committed],
        **model.profile.frame_budget,
        video=store.videos.all()[content_id],
    )
    for number, record in enumerate(committed):
        task = CaptionTask(record.window, sampler.take(number), record.provenance)
        assert caption_windows([task], model=model) == [record]


def test_hooks_are_called_in_order_with_what_was_committed(library, store):
    run(library / "a.mp4", store)
    (content_id,) = store.videos.all()
    records = store.windows.of(content_id)
    calls = []
    other = Store.open(store.path.with_name("other"), create=True)

    def first(fresh):
        calls.append(("first", list(fresh), other.windows.of(content_id)))

    def second(fresh):
        calls.append(("second", list(fresh), other.windows.of(content_id)))

    committer = Committer(
        other,
        committed={content_id: {0: records[0].window.span}},
        meter=ProgressTracker(None),
        on_commit=(first, second),
    )
    committer.commit(records)  # the first one is said to be there: it is looked for, and not written twice
    assert calls == [("first", records, records), ("second", records, records)]


def test_everything_is_searchable_afterwards(library, store):
    embedder = StandinEmbedder()
    report = run(library, store, embedder=embedder)
    assert report.indexed == 3
    hits = store.texts.search("brightly lit walls", owner_kinds=["scene"])
    assert len(hits) == sum(len(store.windows.of(c)) for c in store.videos.all())
    (bright,) = [f.content_id for f in report.files if f.path.endswith("b.mp4")]
    best = store.vectors.search("standin", embedder.embed([BRIGHT])[0], owner_kinds=["event"])[0]
    assert best.text == BRIGHT and best.score == pytest.approx(1, abs=1e-4)
    (passage,) = store.texts.search("bright", passages=True, content_ids=[bright])
    assert BRIGHT in passage.text and passage.owner_id == f"{bright}/passage/0"


def test_a_second_run_captions_nothing_and_changes_nothing(library, store):
    run(library, store)
    before = content_of(store)
    model, embedder = StandinModel(), StandinEmbedder()
    report = run(library, store, model, embedder)
    assert (model.log, embedder.texts) == ([], [])
    assert (report.unchanged, report.indexed, report.windows_captioned) == (3, 0, 0)
    assert content_of(store) == before


def test_moved_copied_and_touched_files_are_known_again(library, store):
    run(library, store)
    (library / "deep").mkdir()
    (library / "a.mp4").rename(library / "deep" / "moved.mp4")
    shutil.copy(library / "b.mp4", library / "copy.mp4")
    os.utime(library / "b.mp4", (1, 1))
    model = StandinModel()
    report = run(library, store, model)
    assert model.log == []
    assert (report.unchanged, report.gone) == (4, 1)
    assert [f.path for f in store.files.all(state="gone")] == [str(library / "a.mp4")]
    moved = next(f for f in report.files if f.path.endswith("moved.mp4"))
    assert store.files.paths_of(moved.content_id) == [str(library / "deep" / "moved.mp4")]


def test_two_copies_in_one_run_are_captioned_once(library, store):
    shutil.copy(library / "a.mp4", library / "z.mp4")
    model = StandinModel()
    report = run(library, store, model)
    assert len(model.log) == len(set(model.log)) == sum(len(store.windows.of(c)) for c in store.videos.all())
    assert report.indexed == 4 and len(store.videos.all()) == 3


def test_other_bytes_under_the_same_path_are_indexed_and_the_old_ones_not_found(library, store):
    run(library / "b.mp4", store)
    assert store.texts.search("bright", owner_kinds=["event"])
    write_levels(library / "b.mp4", [10] * 3)
    report = run(library / "b.mp4", store)
    assert report.windows_captioned == 1
    assert [hit.text for hit in store.texts.search("bright dark picture", owner_kinds=["event"])] == [DARK]
    vector = StandinEmbedder().embed([BRIGHT])[0]
    assert {hit.content_id for hit in store.vectors.search("standin", vector)} == {report.files[0].content_id}
    assert store.status().videos == 1


def test_a_deleted_file_is_not_found_and_comes_back_for_nothing(library, store, tmp_path):
    run(library, store)
    kept = tmp_path / "kept.mp4"
    (library / "b.mp4").rename(kept)
    assert run(library, store).gone == 1
    (gone,) = store.files.all(state="gone")
    assert not store.texts.search("bright", content_ids=[gone.content_id])
    kept.rename(library / "b.mp4")
    model = StandinModel()
    assert run(library, store, model).unchanged == 3
    assert model.log == [] and store.texts.search("bright", content_ids=[gone.content_id])


def test_files_are_marked_gone_even_when_the_folder_is_empty_now(library, store):
    run(library / "b.mp4", store)
    (library / "b.mp4").unlink()
    with pytest.raises(VideoNotFoundError, match="file or folder not found"):
        run(library / "b.mp4", store)
    assert [f.state for f in store.files.all()] == ["gone"]


def test_bad_files_are_recorded_with_their_reason_and_the_rest_go_on(library, store):
    (library / "empty.mp4").touch()
    (library / "letter.mp4").write_text("Dear reader, this is not a video.")
    (library / "playlist.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    (library / os.fsdecode(b"latin-\xe9.mp4")).write_bytes(b"x")
    for path in library.iterdir():
        os.utime(path, (1, 1))
    report = run(library, store)
    assert (report.indexed, report.failed) == (3, 4)
    failures = dict(store.status().failures)
    assert set(failures) == {f.path for f in report.files if f.state == "failed"}
    assert all(reason and "\n" not in reason for reason in failures.values())
    assert any("rename it" in reason for reason in failures.values())
    again = run(library, store)
    assert (again.unchanged, again.failed) == (3, 4)


@pytest.mark.timeout(120)
def test_pipes_are_skipped_in_a_folder_and_fail_where_they_are_named(library, store):
    os.mkfifo(library / "pipe.mp4")
    report = run(library, store)
    states = {Path(file.path).name: (file.state, file.reason) for file in report.files}
    assert states["pipe.mp4"] == ("skipped", "it is a named pipe, not a video file")
    assert (report.indexed, report.failed) == (len(LEVELS), 0)
    named = run([library / "pipe.mp4"], store)
    assert [file.state for file in named.files] == ["failed"]
    assert named.files[0].reason == "pipe.mp4 is a named pipe, not a video file"


def test_windows_that_do_not_decode_make_a_file_partial_and_are_tried_again(test_data, store):
    report = run(test_data / "videos_derived" / "car_truncated.mp4", store, StandinModel())
    (file,) = report.files
    assert file.state in ("indexed", "partial")
    assert file.state == "indexed" or "windows cannot be captioned" in file.reason
    model = StandinModel()
    again = run(test_data / "videos_derived" / "car_truncated.mp4", store, model)
    assert model.log == [] and again.files == report.files


def test_windows_past_the_end_are_lost_alone_and_tried_again(library, store):
    (file,) = run(library / "b.mp4", store).files
    video = store.videos.all()[file.content_id]
    store.videos.put([replace(video, duration_seconds=9.0)])  # three windows, of which the file holds one
    (partial,) = run(library / "b.mp4", store).files
    assert partial.state == "partial" and partial.reason.startswith(
        "2 of 3 windows cannot be captioned: b.mp4 ends at"
    )
    assert store.status().failures == ((partial.path, partial.reason),)
    assert store.texts.search("bright", owner_kinds=["event"])
    store.videos.put([video])
    model = StandinModel()
    report = run(library / "b.mp4", store, model)
    assert report.files[0].state == "indexed" and len(model.log) == 1


def test_a_file_whose_decoder_hangs_is_given_up_and_the_next_run_goes_on(library, store):
    (file,) = run(library / "a.mp4", store).files
    store.windows.remove(file.content_id, [0, 1, 2])
    report = run(library / "a.mp4", store, decode_timeout_seconds=1e-6)
    assert (report.failed, report.windows_captioned) == (1, 0)
    assert "no progress" in report.files[0].reason and "decoding stopped after" in report.files[0].reason
    assert run(library / "a.mp4", store).windows_captioned == 3


def test_every_real_file_is_indexed_or_refused_with_a_sentence(test_data, store):
    folders = [test_data / name for name in ("videos", "videos_derived", "videos_edge")]
    model = StandinModel(window_seconds=30.0, overlap_seconds=5.0)
    report = run(folders, store, model)
    assert len(report.files) == sum(1 for folder in folders for path in folder.iterdir() if path.is_file())
    assert report.indexed >= 0.8 * len(report.files)
    videos, committed = store.videos.all(), store.windows.spans()
    for file in report.files:
        if file.state == "indexed":
            seconds = videos[file.content_id].duration_seconds
            assert committed[file.content_id][0].start_seconds == 0
            assert max(committed[file.content_id].values()).end_seconds == pytest.approx(seconds, abs=1e-5)
        else:
            assert Path(file.path).name in file.reason and file.reason.count("\n") == 0
    assert all(
        event.span.end_seconds <= videos[event.content_id].duration_seconds + 1e-5
        for event in store.events.all()
    )


def test_an_answer_cut_at_the_token_cap_is_kept_and_says_so(library, store):
    report = run(library / "a.mp4", store, StandinModel(truncate=True))
    records = store.windows.of(report.files[0].content_id)
    assert [record.caption.finish_reason for record in records] == ["length"] * 3
    assert all(not record.caption.raw.endswith(".") for record in records)


def test_windows_go_to_the_model_in_batches_across_files(library, store):
    model = StandinModel(max_batch=3)
    run(library, store, model, batch_size=16)
    assert model.batches == [3, 3]


def test_other_settings_are_refused_and_nothing_is_lost(library, store):
    run(library / "b.mp4", store)
    before = content_of(store)
    with pytest.raises(SchemaMismatchError, match="made with revision 1, not with revision 2") as caught:
        run(library, store, StandinModel(revision="2"))
    assert "--reindex" in caught.value.hint and "--accept-mixed" in caught.value.hint
    with pytest.raises(
        SchemaMismatchError, match="windows of 4 s, 1 s shared, not with windows of 8 s, 1 s shared"
    ):
        run(library, store, window_seconds=8.0)
    assert content_of(store) == before


def test_accepted_other_settings_caption_only_what_is_new_and_the_mix_is_told(library, store):
    run(library / "a.mp4", store)
    model = StandinModel(revision="2")
    report = run(library, store, model, window_seconds=8.0, mix="accept")
    assert (report.unchanged, report.indexed) == (1, 2)
    assert {provenance.revision: count for provenance, count in store.status().models.items()} == {
        "1": 3,
        "2": 2,
    }
    again = StandinModel(revision="2")
    assert run(library, store, again, window_seconds=8.0, mix="accept").unchanged == 3 and again.log == []


def test_half_a_video_under_other_settings_is_captioned_anew_when_they_are_accepted(library, store):
    with pytest.raises(KeyboardInterrupt):
        run(library / "a.mp4", store, StandinModel(max_batch=1, stop_at=2))
    run(library / "a.mp4", store, StandinModel(revision="2"), window_seconds=8.0, mix="accept")
    assert [provenance.revision for provenance in store.windows.provenances()] == ["2"]


def test_reindexing_leaves_nothing_of_the_old_settings(library, store, tmp_path):
    run(library, store)
    options = {"window_seconds": 8.0, "mix": "replace"}
    with pytest.raises(KeyboardInterrupt):
        run(library, store, StandinModel(revision="2", max_batch=1, stop_at=2), **options)
    assert len(store.windows.provenances()) == 2
    model = StandinModel(revision="2")
    run(library, store, model, **options)
    fresh = Store.open(tmp_path / "fresh", create=True)
    run(library, fresh, StandinModel(revision="2"), window_seconds=8.0)
    assert content_of(store) == content_of(fresh)
    assert len(model.log) == sum(len(fresh.windows.of(content)) for content in fresh.videos.all()) - 2


def test_senseless_windows_are_refused(library, store):
    with pytest.raises(UsageError, match="cannot overlap"):
        run(library, store, window_seconds=4.0, overlap_seconds=4.0)


@pytest.mark.parametrize("stop_with", [KeyboardInterrupt, RuntimeError])
def test_a_run_that_is_stopped_goes_on_at_the_next_window(library, store, tmp_path, stop_with):
    unbroken = Store.open(tmp_path / "unbroken", create=True)
    run(library, unbroken)
    first = StandinModel(max_batch=1, stop_at=2, stop_with=stop_with)
    with pytest.raises(stop_with):
        run(library, store, first, queue_windows=1)
    assert not [thread for thread in threading.enumerate() if thread.name == "decode ahead"]
    assert (
        len(store.texts.search("picture", owner_kinds=["event"])) > 0
    )  # what was captioned is there already
    second = StandinModel(max_batch=1)
    run(library, store, second)
    assert len(first.log + second.log) == len(set(first.log + second.log))
    assert content_of(store) == content_of(unbroken)


def test_windows_committed_but_not_projected_are_projected_by_the_next_run(library, store, tmp_path):
    unbroken = Store.open(tmp_path / "unbroken", create=True)
    report = run(library, unbroken)
    for file in report.files:  # as if killed between the commit and everything that follows from it
        store.files.put([file])
        store.videos.put([unbroken.videos.all()[file.content_id]])
        store.windows.commit(unbroken.windows.of(file.content_id))
    model = StandinModel()
    run(library, store, model)
    assert model.log == [] and content_of(store) == content_of(unbroken)


def test_a_shorter_plan_takes_back_windows_that_do_not_belong(library, store):
    (file,) = run(library / "b.mp4", store).files
    (record,) = store.windows.of(file.content_id)
    strange = type(record)(
        type(record.window)(file.content_id, 7, record.window.span), record.caption, record.provenance
    )
    store.windows.commit([strange])
    model = StandinModel()
    run(library / "b.mp4", store, model)
    assert model.log == [] and store.windows.of(file.content_id) == [record]
    assert {row.window_indexes for row in store.texts.all()} == {(0,)}


def test_progress_adds_up(library, store):
    run(library / "b.mp4", store)
    seen = []
    report = run(library, store, on_progress=seen.append)
    last = seen[-1]
    assert last.stage == "done" and (last.files_done, last.files_total) == (3, 3)
    assert last.windows_done == last.windows_total == 6
    assert last.seconds_done == pytest.approx(last.seconds_total) == pytest.approx(20)
    assert last.seconds_captioned == pytest.approx(17) == report.seconds_captioned
    assert last.eta_seconds == pytest.approx(0, abs=1e-6) and last.speed > 0
    assert {p.stage for p in seen} == {"looking", "captioning", "done"}
    assert all(a.windows_done <= b.windows_done for a, b in itertools.pairwise(seen))


def test_a_reader_opened_earlier_finds_what_is_being_indexed(library, store, tmp_path):
    reader = Store.open(store.path)
    found = []
    run(
        library,
        store,
        StandinModel(max_batch=1),
        on_progress=lambda p: found.append(len(reader.events.all())),
    )
    assert found[0] == 0 and found[-1] == len(store.events.all()) and len(set(found)) > 2


def test_a_second_writer_is_refused(library, store):
    other = Store.open(store.path)
    with other.writing(), pytest.raises(StoreError, match="another run is writing"):
        run(library, store)
    run(library / "b.mp4", store)


def test_reembed_fills_another_table_and_only_once(library, store):
    run(library, store)
    other = StandinEmbedder("other", dimension=8)
    seen = []
    assert reembed(store, other, lambda done, total: seen.append((done, total))) == len(store.texts.all())
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert reembed(store, other) == 0
    assert store.status().embedders == ("other", "standin")
    assert store.vectors.search("other", other.embed([DARK])[0], owner_kinds=["event"])[0].text == DARK


def test_kill_9_at_any_moment_then_the_same_command_gives_the_unbroken_index(library, tmp_path):
    unbroken = Store.open(tmp_path / "unbroken", create=True)
    model = StandinModel(**WINDOWS)
    run(library, unbroken, model)
    log, database = tmp_path / "log", tmp_path / "index"
    log.touch()
    context = processes()

    def shown(count):
        return len(log.read_text().splitlines()) >= count

    reader = functools.cache(lambda: Store.open(database))  # there from the first kill on

    def committed(count):
        return sum(map(len, reader().windows.spans().values())) >= count

    for reached, count in ((shown, 2), (committed, 4), (shown, 9), (None, 0)):
        child = context.Process(target=index_slowly, args=(library, database, log))
        child.start()
        if reached is not None:

            def due(reached=reached, count=count, child=child):
                assert child.is_alive(), "it ended before it was to be killed"
                return reached(count)

            wait_until(due, seconds=240)
            child.kill()
        child.join()
        assert child.exitcode == (0 if reached is None else -signal.SIGKILL)

    captioned = log.read_text().splitlines()
    assert sorted(set(captioned)) == sorted(model.log)
    assert len(captioned) <= len(model.log) + 3  # no more than the window at hand, per kill
    assert content_of(Store.open(database)) == content_of(unbroken)


def test_a_file_that_keeps_failing_is_left_alone_until_somebody_asks(library, store):
    bad = library / "bad.mp4"
    bad.write_bytes((library / "a.mp4").read_bytes()[:600])
    os.utime(bad, (1, 1))
    for tries in (1, 2, 3, 3):
        (row,) = [file for file in run(library, store).files if file.path == str(bad)]
        assert (row.state, row.tries) == ("failed", tries)
    (row,) = [file for file in run(library, store, retry=True).files if file.path == str(bad)]
    assert (row.state, row.tries) == ("failed", 1)
    shutil.copy(library / "b.mp4", bad)
    (row,) = [file for file in run(library, store).files if file.path == str(bad)]
    assert (row.state, row.tries) == ("indexed", 0)


def test_a_file_that_is_still_being_written_waits_and_is_indexed_once_it_is_whole(library, store, tmp_path):
    whole = (library / "a.mp4").read_bytes()
    growing = tmp_path / "growing"
    growing.mkdir()
    (growing / "c.mp4").write_bytes(whole[: len(whole) // 2])  # its index comes last, so it cannot be opened
    report = run(growing, store)
    assert (report.waiting, report.failed, report.windows_captioned) == (1, 0, 0)
    assert "may still be being written" in store.files.all()[0].reason and store.files.all()[0].tries == 0
    (growing / "c.mp4").write_bytes(whole)
    assert run(growing, store).indexed == 1


def test_a_file_that_changes_while_it_is_captioned_waits(library, store, monkeypatch):
    class Overwriting(StandinModel):
        def run(self, requests):
            write_levels(library / "b.mp4", [10] * 4)
            return super().run(requests)

    report = run(library / "b.mp4", store, Overwriting())
    assert (report.waiting, report.indexed) == (1, 0)
    assert "changed during the run" in report.files[0].reason
    assert run(library / "b.mp4", store).indexed == 1


def test_a_root_that_is_out_of_reach_makes_its_files_offline_and_costs_nothing(library, store, tmp_path):
    run(library, store)
    unplugged = library.rename(tmp_path / "unplugged")
    report = run(library, store)
    assert (report.offline, report.gone, len(report.files)) == (3, 0, 0)
    assert {file.state for file in store.files.all()} == {"offline"}
    assert all("cannot be reached" in file.reason for file in store.files.all())
    assert store.texts.search("bright", owner_kinds=["event"])  # still searchable
    unplugged.rename(library)
    model = StandinModel()
    assert run(library, store, model).unchanged == 3 and model.log == []
    assert {file.state for file in store.files.all()} == {"indexed"}


def test_files_left_out_are_recorded_as_skipped_and_an_indexed_one_stays(library, store):
    run(library / "b.mp4", store)
    report = run(library, store, selection=Selection(exclude=("b.*", "it*")))
    assert (report.indexed, report.skipped) == (1, 1)
    states = {Path(file.path).name[:2]: (file.state, file.reason) for file in store.files.all()}
    assert states == {
        "a.": ("indexed", ""),
        "b.": ("indexed", ""),
        "it": ("skipped", "it matches --exclude it*"),
    }
    assert run(library, store).indexed == 1


def test_a_run_captions_no_more_than_it_is_told_to_and_the_next_goes_on(library, store, tmp_path):
    report = run(library, store, max_seconds=5.0)
    assert report.waiting == 3 and report.windows_captioned == 2
    assert {file.state for file in store.files.all()} == {"waiting"}
    assert run(library, store).indexed == 3
    unbroken = Store.open(tmp_path / "unbroken", create=True)
    run(library, unbroken)
    assert content_of(store) == content_of(unbroken)


def test_collections_cameras_and_clocks_are_noted(library, store):
    (library / "gate").mkdir()
    (library / "b.mp4").rename(library / "gate" / "cam1_20260102_030405.mp4")
    clocks = Clocks(zone=UTC, camera_from="folder", offsets={"gate": 5.0})
    run(library, store, clocks=clocks, collection="yard")
    (gate,) = [file for file in store.files.all() if file.camera == "gate"]
    assert (gate.collection, gate.recorded_at, gate.clock_source) == (
        "yard",
        "2026-01-02T03:04:10+00:00",
        "file name",
    )
    assert gate.duration_seconds == pytest.approx(3)
    assert {file.camera for file in store.files.all()} == {"gate", "library"}


def test_a_run_that_is_asked_to_stop_ends_after_the_batch_at_hand(library, store, tmp_path):
    model = StandinModel(max_batch=1)
    report = run(library, store, model, stop=lambda: len(model.log) >= 2)
    assert report.stopped and report.windows_captioned == len(model.log) == 2
    assert run(library, store).stopped is False
    unbroken = Store.open(tmp_path / "unbroken", create=True)
    run(library, unbroken)
    assert content_of(store) == content_of(unbroken)
    last, first = store.runs.all()
    assert (first.outcome, first.windows_captioned, last.outcome) == ("stopped", 2, "done")
    assert first.paths == (str(library),) and first.started_at <= first.ended_at <= last.started_at
    assert {"decode", "caption", "write"} <= dict(last.stage_seconds).keys()


def test_a_run_that_cannot_go_on_says_why_in_its_row(library, store):
    with pytest.raises(VideoNotFoundError):
        run(library / "nowhere", store)
    assert store.runs.all()[0].outcome.startswith("file or folder not found")


def test_pruning_removes_what_is_gone_and_nothing_else(library, store):
    run(library, store)
    shutil.copy(library / "b.mp4", library / "kept.mp4")
    for name in ("a.mp4", "b.mp4"):
        (library / name).unlink()
    run(library, store)
    before = len(store.events.all())
    assert store.contents.prune() == (2, 1)
    assert {Path(file.path).name[:3] for file in store.files.all()} == {"it'", "kep"}
    assert len(store.videos.all()) == 2 == len(store.windows.spans()) and len(store.events.all()) < before
    assert store.contents.prune() == (0, 0)


def test_what_is_forgotten_leaves_no_trace_on_disk(library, store):
    words = b"zebra crossing at noon"

    class Telling(StandinModel):
        def _caption(self, *rest):
            return super()._caption(*rest).replace(DARK, words.decode())

    (file,) = run(library / "a.mp4", store, Telling()).files
    run(library / "b.mp4", store)

    def on_disk():
        return any(words in path.read_bytes() for path in store.path.rglob("*") if path.is_file())

    assert on_disk()
    assert store.contents.forget(file.content_id) == 1
    assert not on_disk()
    assert len(store.videos.all()) == 1 and store.texts.search("bright", owner_kinds=["event"])


class Mumbling(StandinModel):
    """Says nothing that can be read of dark windows, unless it is asked to draw."""

    def __init__(self, *, always: bool, **options):
        super().__init__(**options)
        self.always, self.samplings = always, []

    def run(self, requests):
        answers = []
        for (prepared, prompt), answer in zip(requests, super().run(requests), strict=True):
            self.samplings.append(prompt.sampling)
            dark = prepared.payload[0].mean() < 128
            mumbles = dark and (self.always or prompt.sampling == LIKELIEST)
            answers.append(replace(answer, raw="Events:") if mumbles else answer)
        return answers


def test_an_answer_that_cannot_be_read_is_asked_for_once_more(library, store):
    (file,) = run(library / "a.mp4", store, Mumbling(always=False)).files
    assert (file.state, len(store.events.all())) == ("indexed", 3)
    model = Mumbling(always=True)
    fresh = Store.open(store.path.parent / "fresh", create=True)
    (file,) = run(library / "a.mp4", fresh, model).files
    records = fresh.windows.of(file.content_id)
    unreadable = [record for record in records if "unreadable" in record.caption.notes]
    assert unreadable and all(record.caption.raw == "Events:" for record in unreadable)
    seeds = [sampling.seed for sampling in model.samplings if sampling != LIKELIEST]
    assert len(seeds) == len(set(seeds)) == len(unreadable)
    assert file.state == "indexed"  # the window was looked at; what came of it stands in its row


class Cramped(StandinModel):
    """Runs out of memory with more than one window at a time, and with a bright one at all."""

    def run(self, requests):
        if len(requests) > 1 or (self.strict and requests[0][0].payload[0].mean() > 127):
            raise ModelMemoryError("standin ran out of memory", hint="Use another device.")
        return super().run(requests)


def test_a_model_short_of_memory_goes_on_window_by_window(library, store, tmp_path):
    model = Cramped()
    model.strict = False
    report = run(library, store, model, batch_size=4)
    assert (report.indexed, report.failed, report.partial) == (3, 0, 0)
    whole = Store.open(tmp_path / "whole", create=True)
    run(library, whole)
    assert content_of(store) == content_of(whole)


def test_windows_too_much_for_the_model_fail_alone_and_are_tried_again(library, store, tmp_path):
    model = Cramped()
    model.strict = True
    report = run(library, store, model)
    assert (report.indexed, report.failed, report.partial) == (0, 1, 2)
    reasons = [file.reason for file in report.files]
    assert all("standin ran out of memory" in reason for reason in reasons), reasons
    assert run(library, store).indexed == 3
    whole = Store.open(tmp_path / "whole", create=True)
    run(library, whole)
    assert content_of(store) == content_of(whole)


def test_stages_are_told_apart(library, store):
    class Timed(StandinModel):
        def run(self, requests):
            time.sleep(0.02)
            self.stage_seconds["prefill"] = self.stage_seconds.get("prefill", 0.0) + 0.015
            return super().run(requests)

    stages = run(library / "a.mp4", store, Timed(), batch_size=1).stage_seconds
    assert {"decode", "prepare", "prefill", "caption", "write", "embed and project", "tidy"} <= set(stages)
    assert stages["prefill"] == pytest.approx(3 * 0.015) and stages["caption"] >= 3 * 0.004


def test_a_video_is_found_before_it_is_through_and_projected_once_where_it_is_short(
    library, store, monkeypatch
):
    projected = []

    def counting(self, content_id, _original=Projector.project):
        projected.append(content_id)
        return _original(self, content_id)

    monkeypatch.setattr(Projector, "project", counting)
    run(library / "a.mp4", store, batch_size=1)
    assert len(projected) == 1
    monkeypatch.setattr(projection, "WINDOWS_AT_ONCE", 2)
    other = Store.open(store.path.parent / "other", create=True)
    run(library / "a.mp4", other, batch_size=1)
    assert len(projected) == 1 + 2
    assert content_of(store) == content_of(other)


def test_what_is_left_out_still_counts_its_hours(library, store):
    report = run(library, store, selection=Selection(exclude=("a.mp4",)))
    assert (report.indexed, report.skipped) == (2, 1)
    (coverage,) = store.coverage().values()
    assert coverage.seconds["skipped"] == pytest.approx(10, abs=0.01)
    assert coverage.seconds_found == pytest.approx(20, abs=0.01) and not coverage.files_of_unknown_length


def test_a_camera_s_offset_is_remembered(library, store):
    named = library / "gate_20260102_030405.mp4"
    (library / "b.mp4").rename(named)

    def recorded(offsets):
        clocks = Clocks(zone=UTC, camera_from="{camera}_*", offsets=offsets)
        run(library, store, clocks=clocks)
        return store.files.at(str(named)).recorded_at

    assert recorded({}) == "2026-01-02T03:04:05+00:00"
    assert recorded({"gate": 60.0}) == recorded({}) == "2026-01-02T03:05:05+00:00"
    assert store.cameras.clock_offsets() == {"gate": 60.0}
    assert recorded({"gate": 0.0}) == recorded({}) == "2026-01-02T03:04:05+00:00"
    assert store.cameras.clock_offsets() == {}


def test_nothing_is_left_of_a_forgotten_video_in_a_large_index(store):
    """LanceDB alone keeps deleted rows until a tenth of a file's rows are."""
    words = b"a purple walrus"

    def put(content_id, count, text):
        store.files.put([File(f"/{content_id}.mp4", content_id, state="indexed")])
        store.videos.put([Video(content_id, 5.0 * count, 64, 48, 25.0, "h264")])
        records = [
            WindowRecord(
                Window(content_id, n, Span(5.0 * n, 5.0 * n + 5)),
                Caption("", (CaptionEvent(Span(5.0 * n + 1, 5.0 * n + 3), f"{text} {n}"),), "raw", "stop"),
                StandinModel().provenance,
            )
            for n in range(count)
        ]
        store.windows.add(records)
        projector = Projector(store, StandinEmbedder())
        projector.add(content_id, records)
        projector.finish(content_id)

    put("many", 300, "a dog runs past")
    put("few", 2, words.decode())
    store.tidy()

    def on_disk():
        return [path for path in store.path.rglob("*") if path.is_file() and words in path.read_bytes()]

    assert on_disk()
    store.contents.forget("few")
    assert on_disk() == []
    assert (
        len(store.events.all()) == 300
        and len(store.texts.search("dog", limit=400, owner_kinds=["event"])) == 300
    )
