"""Reels in the state of the index: every change can be undone, and none is lost to another writer."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from screenshot_app import ROOT
from standin_finder import TestVideo, index_videos

from footage.core.config import Settings
from footage.core.errors import UsageError
from footage.core.types import Span
from footage.embed.text_embedder import load_embedder
from footage.store.state.database import FILE_NAME, StateDatabase, copy_state
from footage.store.state.reels import MOST_REVISIONS, ReelPlace, ReelRepository
from service import reels
from service.export import Clip
from service.forget import ForgetRequest, forget
from service.reels import (
    AddClipsRequest,
    MoveClipsRequest,
    NameReelRequest,
    ReelChangedError,
    ReelChoice,
    RemoveClipsRequest,
    TrimClipRequest,
)
from service.session import Service

DOG = "A white dog runs."
VIDEOS = [TestVideo("dogs", 90, 24.0, {DOG: [(1, 4)]}), TestVideo("cats", 40, 24.0, {DOG: [(8, 12)]})]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return index_videos(tmp_path_factory.mktemp("library"), VIDEOS, load_embedder()).path


@pytest.fixture
def service(made, tmp_path):
    shutil.copytree(made, tmp_path / made.name)
    return Service(Settings(db=tmp_path / made.name, model="demo", cache_dir=tmp_path / "cache"))


@pytest.fixture
def clips(service):
    store = service.store()
    made = []
    for file in store.files.all():
        video = store.videos.of([file.content_id])[file.content_id]
        made += [Clip(file.path, video, Span(at, at + 2), f"{file.path} {at}", text=DOG) for at in (1, 5, 9)]
    return made


@pytest.fixture
def reel(service, clips):
    made = reels.create_reel(service, NameReelRequest(name="Best of"))
    return reels.add_clips(service, AddClipsRequest(id=made.id, clips=tuple(clips[:3])))[0]


def starts(reel):
    return [each.span.start_seconds for each in reel.clips]


def move_first_to_end(service, reel):
    request = MoveClipsRequest(id=reel.id, edition=reel.edition, clip_ids=(reel.clips[0].id,))
    return reels.move_clips(service, request)


def step(service, reel, way):
    return reels.step_reel(service, ReelChoice(id=reel.id, edition=reel.edition), way)


def test_changes_are_undone_and_done_again_in_another_process(service, reel):
    moved = move_first_to_end(service, reel)
    trimmed = reels.trim_clip(
        service,
        TrimClipRequest(
            id=reel.id, edition=moved.edition, clip_id=moved.clips[0].id, start_seconds=6, end_seconds=6.5
        ),
    )
    gone = reels.remove_clips(
        service, RemoveClipsRequest(id=reel.id, edition=trimmed.edition, clip_ids=(moved.clips[2].id,))
    )
    assert starts(gone) == [6, 9] and gone.undoes == "remove 1 clip"
    later = Service(service.settings)  # nothing is kept in memory
    found = reels.reel(later, reel.id)
    assert starts(found) == [6, 9] and found.name == "Best of"
    for expected in ([6, 9, 1], [5, 9, 1], [1, 5, 9], []):
        found = step(later, found, "undo")
        assert starts(found) == expected
    assert found.undoes == "" and starts(step(later, found, "undo")) == []
    for expected in ([1, 5, 9], [5, 9, 1], [6, 9, 1], [6, 9], [6, 9]):
        found = step(later, found, "redo")
        assert starts(found) == expected
    changed = move_first_to_end(later, step(later, found, "undo"))
    assert changed.redoes == ""  # what was undone is given up by another change


def test_a_change_of_an_older_edition_is_refused_and_nothing_is_lost(service, clips, reel):
    added, number = reels.add_clips(service, AddClipsRequest(id=reel.id, clips=(clips[4],)))
    assert number == 1
    for change in (
        lambda: move_first_to_end(service, reel),
        lambda: reels.remove_clips(
            service, RemoveClipsRequest(id=reel.id, edition=reel.edition, clip_ids=(reel.clips[0].id,))
        ),
        lambda: step(service, reel, "undo"),
    ):
        with pytest.raises(ReelChangedError, match="changed in another window"):
            change()
    assert reels.reel(service, reel.id) == added


def test_the_same_moment_is_added_once(service, clips, reel):
    again, number = reels.add_clips(
        service, AddClipsRequest(id=reel.id, clips=(clips[0], clips[3], clips[3]))
    )
    assert number == 1 and len(again.clips) == 4
    same, number = reels.add_clips(service, AddClipsRequest(id=reel.id, clips=(clips[0],)))
    assert number == 0 and same == again


def test_a_reel_that_is_replaced_comes_back_by_undo(service, clips, reel):
    made, _ = reels.add_clips(service, AddClipsRequest(id=reel.id, clips=tuple(clips[3:]), in_place=True))
    assert [each.clip.title for each in made.clips] == [clip.title for clip in clips[3:]]
    assert step(service, made, "undo").clips == reel.clips


def test_a_cut_stays_inside_the_video_and_a_frame_long(service, reel):
    for start, end in ((0, 1e6), (30, 40), (3, 3), (5, 2), (23.999, 24)):
        request = TrimClipRequest(id=reel.id, clip_id=reel.clips[0].id, start_seconds=start, end_seconds=end)
        made = reels.trim_clip(service, request).clips[0]
        length = made.clip.video.duration_seconds
        assert 0 <= made.span.start_seconds < made.span.end_seconds <= length
        assert made.span.duration_seconds >= 1 / made.clip.video.fps - 1e-6


def test_the_history_is_bounded_and_keeps_no_clip_that_nothing_shows(service, clips, reel):
    for turn in range(MOST_REVISIONS + 5):
        reel, _ = reels.add_clips(
            service,
            AddClipsRequest(id=reel.id, clips=(replace(clips[turn % 6], title=str(turn)),), in_place=True),
        )
    undone = 0
    while reel.undoes:
        reel, undone = step(service, reel, "undo"), undone + 1
    assert undone == MOST_REVISIONS
    assert len(ReelRepository(service.state()).bodies(reel.id)) == MOST_REVISIONS + 1


def test_reels_are_renamed_copied_removed_and_had_back(service, reel):
    with pytest.raises(UsageError, match="already"):
        reels.create_reel(service, NameReelRequest(name=" best  OF "))
    copy = reels.duplicate_reel(service, NameReelRequest(id=reel.id, name="Second"))
    assert starts(copy) == starts(reel) and copy.undoes == ""
    reels.rename_reel(service, NameReelRequest(id=copy.id, name="Third"))
    move_first_to_end(service, copy)
    assert starts(reels.reel(service, reel.id)) == [1, 5, 9]  # the copy has clips of its own
    reels.remove_reel(service, reel.id)
    assert [each.name for each in reels.reels(service)] == ["Third"]
    assert reels.reel(service, reel.id) is None
    reels.create_reel(service, NameReelRequest(name="Best of"))
    reels.restore_reel(service, reel.id)
    assert reels.reel(service, reel.id).name == "Best of 2"
    for name in ("", "  ", "x" * 81, "a\0b"):
        with pytest.raises(UsageError):
            NameReelRequest(name=name)


def test_a_forgotten_video_leaves_a_gap_and_no_words(service, clips, reel):
    reels.add_clips(service, AddClipsRequest(id=reel.id, clips=(clips[4],)))
    forget(service, ForgetRequest(video=clips[0].video.content_id))
    left = reels.reel(service, reel.id)
    assert [each.clip is None for each in left.clips] == [True, True, True, False]
    assert [clip.title for clip in left.playable] == [clips[4].title]
    assert clips[0].title.encode() not in (service.state().path).read_bytes()
    assert starts(move_first_to_end(service, left)) == [5, 9, 5, 1]


WRITER = """
import sys
from pathlib import Path
from footage.store.state.database import StateDatabase
from footage.store.state.reels import NewClipRow, ReelPlace, ReelRepository

name, reel, times = sys.argv[2], sys.argv[3], int(sys.argv[4])
rows = ReelRepository(StateDatabase(Path(sys.argv[1])))
for number in range(times):
    clip = f"{name}{number}"
    row, done = rows.change(
        reel, "add", lambda places: [*places, ReelPlace(clip, 0, 1)], 1.0, clips=[NewClipRow(clip, "v", "{}")]
    )
    assert done
    print(clip, flush=True)
"""


def test_writers_in_two_processes_lose_no_clip(tmp_path):
    rows = ReelRepository(StateDatabase(tmp_path))
    rows.add("r", "Reel", 1.0)
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, name, "r", "15"], cwd=ROOT) for name in "ab"]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert sorted(place.clip_id for place in rows.get("r").places) == sorted(
        f"{name}{number}" for name in "ab" for number in range(15)
    )


def test_a_writer_that_is_killed_leaves_whole_changes_behind(tmp_path):
    rows = ReelRepository(StateDatabase(tmp_path))
    rows.add("r", "Reel", 1.0)
    command = [sys.executable, "-c", WRITER, str(tmp_path), "a", "r", "100000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        written = [writer.stdout.readline().strip() for _ in range(5)]
        writer.kill()
    found = ReelRepository(StateDatabase(tmp_path)).get("r")
    assert [place.clip_id for place in found.places][:5] == written
    assert rows.bodies("r").keys() == {place.clip_id for place in found.places}
    undone, done = rows.step("r", "undo", 2.0, edition=found.edition)
    assert done and undone.places == found.places[:-1]


def test_of_two_threads_with_one_edition_one_is_refused(tmp_path):
    rows = ReelRepository(StateDatabase(tmp_path))
    edition = rows.add("r", "Reel", 1.0).edition
    together, outcomes = threading.Barrier(2), []

    def write(name):
        together.wait()
        place = ReelPlace(name, 0, 1)
        outcomes.append(rows.change("r", "add", lambda places: [*places, place], 1.0, edition=edition)[1])

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, True] and len(rows.get("r").places) == 1


def test_a_backup_has_the_reels(tmp_path):
    (tmp_path / "copy").mkdir()
    rows = ReelRepository(StateDatabase(tmp_path))
    rows.add("r", "Reel", 1.0)
    rows.change("r", "add", lambda places: [ReelPlace("a", 0, 1)], 1.0)
    assert copy_state(tmp_path, tmp_path / "copy") and (tmp_path / "copy" / FILE_NAME).is_file()
    assert ReelRepository(StateDatabase(tmp_path / "copy")).get("r") == rows.get("r")
