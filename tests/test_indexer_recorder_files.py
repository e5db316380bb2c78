"""Files as recorders, phones, NAS systems and editors leave them: their clocks, names, folders and edits."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import av
import numpy as np
import pytest
from standin_model import StandinEmbedder, StandinModel

from footage.core.errors import UsageError
from footage.media.video import probe
from footage.store import Store
from indexer.import_export import export_captions, import_captions
from indexer.library import FoundFile, IgnoredEntry, Selection, fingerprint, walk
from indexer.pipeline import index
from indexer.timestamps import Clocks
from search.query.filters import Filters, fitting
from search.retrieval.similar import content_of
from search.saved_searches import save, saved

BERLIN = ZoneInfo("Europe/Berlin")
APPLE = "com.apple.quicktime.creationdate"
TUER_NFC, TUER_NFD = "T\u00fcr", "Tu\u0308r"


def filmed(path: Path, *, seconds: float = 2.0, level: int = 90, faststart: bool = False, **metadata) -> Path:
    """Write a short H.264 clip with metadata in its container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = "use_metadata_tags" * (APPLE in metadata) + "+faststart" * faststart
    form = "mov" if path.suffix == ".MOV" else None
    with av.open(str(path), "w", format=form, options={"movflags": flags} if flags else {}) as target:
        target.metadata.update(metadata)
        stream = target.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(round(seconds * 10)):
            pixels = np.full((48, 64, 3), level + 5 * (number % 7), np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        target.mux(stream.encode(None))
    return path


def run(paths, store, **options):
    options.setdefault("clocks", Clocks(zone=BERLIN))
    return index(
        [paths] if isinstance(paths, Path) else paths,
        store=store,
        model=options.pop("model", None) or StandinModel(),
        embedder=StandinEmbedder(),
        **options,
    )


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "films"


def recorded(store, path):
    file = store.files.at(str(path))
    return file.recorded_at, file.clock_source


# -- clocks ----------------------------------------------------------------


def test_apple_s_time_with_its_zone_comes_before_the_header_s(folder, store):
    """Recipe 4."""
    path = filmed(
        folder / "IMG_4711.MOV",
        creation_time="2026-05-20T10:00:00Z",
        **{APPLE: "2024-07-14T15:30:00+0200"},
    )
    run(folder, store)
    assert recorded(store, path) == ("2024-07-14T15:30:00+02:00", "container")


def test_apple_s_time_in_utc_is_kept_apart_from_the_header_s(folder):
    path = filmed(folder / "a.MOV", **{APPLE: "2024-07-14T13:30:00Z"})
    assert probe(path).created_at == "2024-07-14T13:30:00+00:00"


@pytest.mark.parametrize("apple", ["2024-07-14", "yesterday", ""])
def test_apple_s_time_that_is_none_leaves_the_header_s(folder, apple):
    path = filmed(folder / "a.MOV", creation_time="2024-07-14T13:30:00Z", **{APPLE: apple})
    assert datetime.fromisoformat(probe(path).created_at) == datetime(2024, 7, 14, 13, 30, tzinfo=UTC)


def test_android_s_end_of_the_recording_is_not_its_start(folder, store):
    """Recipe 5."""
    path = filmed(folder / "VID_20240714_153000.mp4", seconds=12.0, creation_time="2024-07-14T13:30:12Z")
    run(folder, store)
    assert recorded(store, path) == ("2024-07-14T15:30:00+02:00", "file name")


def test_a_dji_s_local_time_in_utc_s_place(folder, store):
    """Recipe 6."""
    path = filmed(folder / "DJI_20240714153000_0001_D.MP4", creation_time="2024-07-14T15:30:00Z")
    report = run(folder, store)
    assert recorded(store, path) == ("2024-07-14T15:30:00+02:00", "file name")
    assert report.clock_doubts == ()


def test_whole_hours_between_name_and_container_are_reported_until_somebody_decides(folder, store):
    first = filmed(folder / "gate" / "cam_20240714_153000.mp4", creation_time="2024-07-14T15:30:00Z")
    filmed(folder / "gate" / "cam_20240714_154000.mp4", level=50, creation_time="2024-07-14T15:40:00Z")
    clocks = Clocks(zone=BERLIN, camera_from="folder")
    (doubt,) = run(folder, store, clocks=clocks).clock_doubts
    assert (doubt.camera, doubt.ahead_seconds, len(doubt.paths)) == ("gate", 7200.0, 2)
    assert recorded(store, first) == ("2024-07-14T17:30:00+02:00", "container")

    said = Clocks(zone=BERLIN, camera_from="folder", container_clocks={"GATE": "local"})
    assert run(folder, store, clocks=said).clock_doubts == ()
    assert recorded(store, first) == ("2024-07-14T15:30:00+02:00", "container")
    assert run(folder, store, clocks=clocks).clock_doubts == ()  # the index remembers
    assert recorded(store, first) == ("2024-07-14T15:30:00+02:00", "container")

    said = Clocks(zone=BERLIN, camera_from="folder", container_clocks={"gate": "utc"})
    assert run(folder, store, clocks=said).clock_doubts == ()
    assert recorded(store, first) == ("2024-07-14T17:30:00+02:00", "container")


def test_which_clock_comes_first_is_remembered(folder, store):
    path = filmed(folder / "cam_20240714_153000.mp4", creation_time="2024-07-14T09:12:00Z")
    for said, source in (
        ({}, "container"),
        ({"": "name"}, "file name"),
        ({}, "file name"),
        ({"": "container"}, "container"),
        ({"": "auto"}, "container"),
    ):
        run(folder, store, clocks=Clocks(zone=BERLIN, clock_from=said))
        assert recorded(store, path)[1] == source


def test_settings_of_a_camera_are_kept_once_however_its_name_is_spelled(store):
    for name, value in ((TUER_NFC, "local"), (TUER_NFD, "utc"), (TUER_NFC.upper(), "local")):
        store.cameras.put_settings("container_clock", {name: value})
        assert store.cameras.settings("container_clock") == {name: value}
    store.cameras.put_clock_offsets({"Gate": 5.0})
    store.cameras.put_clock_offsets({"gate": 0.0})
    assert store.cameras.clock_offsets() == {}
    assert store.cameras.settings("container_clock") == {TUER_NFC.upper(): "local"}


def test_chapters_of_a_gopro_follow_each_other_though_they_share_one_clock(folder, store):
    made = {"creation_time": "2024-07-14T13:30:00Z"}
    filmed(folder / "GX010123.MP4", seconds=3.0, level=40, **made)
    second = filmed(folder / "GX020123.MP4", seconds=2.0, level=60, **made)
    third = filmed(folder / "GX030123.MP4", seconds=1.0, level=80, **made)
    lonely = filmed(folder / "GX020124.MP4", seconds=1.0, level=99, **made)
    for _ in range(2):
        run(folder, store)
        assert recorded(store, second)[0] == "2024-07-14T15:30:03+02:00"
        assert recorded(store, third)[0] == "2024-07-14T15:30:05+02:00"
        assert recorded(store, lonely)[0] == "2024-07-14T15:30:00+02:00"
    run(third, store)  # by itself, the index knows the others
    assert recorded(store, third)[0] == "2024-07-14T15:30:05+02:00"


def test_frigate_s_folders_are_read(folder, store):
    path = filmed(folder / "recordings" / "2024-07-14" / "13" / "front" / "30.00.mp4")
    run(folder, store)
    assert recorded(store, path) == ("2024-07-14T15:30:00+02:00", "file name")


# -- names -----------------------------------------------------------------


def test_names_in_the_form_of_macos_are_found_as_they_are_typed(folder, store):
    path = filmed(folder / TUER_NFD / f"Ku\u0308che {TUER_NFD}.mp4")
    # 1. The path of a run, and of a file of it.
    report = run(folder / TUER_NFC, store, clocks=Clocks(zone=BERLIN, camera_from="folder"))
    assert [file.path for file in report.files] == [str(path)]
    (file,) = store.files.all()
    # 2. Collections and cameras are kept in one form, and found in any.
    assert (file.collection, file.camera) == (TUER_NFC, TUER_NFC)
    for name in (TUER_NFC, TUER_NFD, TUER_NFD.upper()):
        assert fitting(Filters(collections=(name,)), store) == {file.content_id}
        assert fitting(Filters(cameras=(name,)), store) == {file.content_id}
        assert fitting(Filters(paths=(f"*{name}.mp4",)), store) == {file.content_id}
        assert fitting(Filters(paths=(f"K\u00fcche {name}.mp4",)), store) == {file.content_id}
        assert content_of(store, f"k\u00fcche {name}.mp4") == file.content_id
    # 3. Saved searches.
    save(store.annotations, TUER_NFD, "a fox")
    assert saved(store.annotations, TUER_NFC.upper()).name == TUER_NFD
    with pytest.raises(UsageError, match="already a saved search"):
        save(store.annotations, TUER_NFC, "a dog")


def test_a_collection_that_is_named_is_kept_in_one_form(folder, store):
    filmed(folder / "a.mp4")
    run(folder, store, collection=TUER_NFD)
    assert store.files.all()[0].collection == TUER_NFC


def test_captions_for_a_file_are_taken_in_under_the_name_as_typed(folder, store, tmp_path):
    path = filmed(folder / f"{TUER_NFD}.mp4")
    line = f'{{"path": "{folder / TUER_NFC}.mp4", "start_seconds": 0, "end_seconds": 2, "scene": "A door."}}'
    import_captions([line], store=store, embedder=StandinEmbedder())
    assert [file.path for file in store.files.all()] == [str(path)]
    assert sum(row["type"] == "window" for row in export_captions(store)) == 1


@pytest.mark.parametrize("name", [TUER_NFC, TUER_NFD, TUER_NFC.upper()])
def test_include_and_exclude_know_names_in_any_form(folder, name):
    filmed(folder / f"{TUER_NFD}.mp4")
    filmed(folder / "other.mp4")
    for pattern in (f"{name}.mp4", f"{name}*"):
        assert chosen(folder, include=(pattern,)) == [f"{TUER_NFD}.mp4"]
        assert chosen(folder, exclude=(pattern,)) == ["other.mp4"]


def chosen(folder, **selection):
    found = walk([folder], selection=Selection(**selection))
    return [each.path.name for each in found if isinstance(each, FoundFile) and not each.skip]


MATCH = "[2024-05-01] Home vs Away.mp4"


def test_an_exact_name_comes_before_a_glob_in_include_and_exclude(folder):
    for name in (MATCH, "2 Home vs Away.mp4", "a.mp4"):
        filmed(folder / "games" / name)
    assert chosen(folder, include=(MATCH,)) == [MATCH]
    assert chosen(folder, include=(f"games/{MATCH}",)) == [MATCH]
    assert chosen(folder, exclude=(MATCH,)) == ["2 Home vs Away.mp4", "a.mp4"]
    assert chosen(folder, include=("[[]2024-05-01] *",)) == [MATCH]
    (folder / "games" / MATCH).unlink()
    assert chosen(folder, include=(MATCH,)) == ["2 Home vs Away.mp4"]  # now it is a glob


def test_an_exact_name_comes_before_a_glob_in_a_path_filter(folder, store):
    for level, name in enumerate((MATCH, "2 Home vs Away.mp4", "a.mp4")):
        filmed(folder / name, level=40 + 20 * level)
    run(folder, store)
    by_name = {Path(file.path).name: file.content_id for file in store.files.all()}
    assert fitting(Filters(paths=(MATCH,)), store) == {by_name[MATCH]}
    assert fitting(Filters(paths=(MATCH.upper(),)), store) == {by_name[MATCH]}
    assert fitting(Filters(paths=("[[]2024*",)), store) == {by_name[MATCH]}
    assert fitting(Filters(paths=("[12] Home*",)), store) == {by_name["2 Home vs Away.mp4"]}


# -- folders ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *("#recycle", "#snapshot", "@eaDir", "@tmp", "@Recycle", "@Recently-Snapshot", "$RECYCLE.BIN"),
        *("$Recycle.Bin", "RECYCLER", "System Volume Information", "lost+found", "LOST.DIR", "FOUND.000"),
        *("Network Trash Folder", "Temporary Items", "__MACOSX", "~snapshot"),
    ],
)
def test_folders_of_the_system_are_passed_over_and_reported(folder, name):
    filmed(folder / "a.mp4")
    (folder / name / "deeper").mkdir(parents=True)
    (folder / name / "deeper" / "b.mp4").touch()
    found = list(walk([folder]))
    assert [each.path.name for each in found if isinstance(each, FoundFile)] == ["a.mp4"]
    assert [(each.path, each.why) for each in found if isinstance(each, IgnoredEntry)] == [
        (str(folder / name), "system folder")
    ]
    assert [each.path.name for each in walk([folder / name])] == ["b.mp4"]  # asked for by name


@pytest.mark.parametrize("name", [".Trash-1000", ".Trashes", ".@__thumb", ".snapshot", ".Spotlight-V100"])
def test_hidden_folders_of_the_system_are_reported_as_hidden(folder, name):
    filmed(folder / "a.mp4")
    (folder / name).mkdir()
    assert [each.why for each in walk([folder]) if isinstance(each, IgnoredEntry)] == ["hidden"]


def test_folders_passed_over_are_in_the_report(folder, store):
    filmed(folder / "a.mp4")
    (folder / "@eaDir").mkdir()
    (folder / "#recycle").mkdir()
    assert run(folder, store).ignored == {"system folder": 2}


# -- times of files --------------------------------------------------------


def cut_short(path):
    """Half of a file whose index is at its end, as when a copy broke off."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize("ahead_seconds", [60.0, 86_400.0, 10 * 365.25 * 86_400])
def test_a_file_from_the_future_is_not_being_written(folder, store, ahead_seconds):
    """Recipe 9."""
    path = filmed(folder / "a.mp4", seconds=20.0)
    cut_short(path)
    when = time.time() + ahead_seconds
    os.utime(path, (when, when))
    (file,) = run(folder, store).files
    assert file.state == "failed" and "being written" not in file.reason


@pytest.mark.parametrize("ahead_seconds", [-5.0, 5.0])
def test_a_file_of_just_now_may_be_being_written_also_by_a_server_s_clock(folder, store, ahead_seconds):
    path = filmed(folder / "a.mp4", seconds=20.0)
    cut_short(path)
    when = time.time() + ahead_seconds
    os.utime(path, (when, when))
    (file,) = run(folder, store).files
    assert file.state == "waiting"


BACK_SECONDS = 2_592_000


def edit_times_in_place(path):
    """Set the times of recording back in the headers, and leave size and modification time alone."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.index(box) + 8
        made = int.from_bytes(data[at : at + 4], "big") - BACK_SECONDS
        data[at : at + 4] = made.to_bytes(4, "big")
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


@pytest.mark.parametrize("faststart", [False, True])
def test_times_edited_in_place_are_noticed(folder, store, faststart):
    """Recipe 10."""
    path = filmed(folder / "a.mp4", faststart=faststart, creation_time="2024-07-14T13:30:00Z")
    run(folder, store)
    assert recorded(store, path)[0] == "2024-07-14T15:30:00+02:00"
    before = store.files.at(str(path)).content_id
    edit_times_in_place(path)
    run(folder, store)
    assert recorded(store, path)[0] == "2024-06-14T15:30:00+02:00"
    assert store.files.at(str(path)).content_id != before


def free_box(size):
    """A box of MP4 that readers skip."""
    return size.to_bytes(4, "big") + b"free" + bytes(size - 8)


def test_a_header_outside_of_what_the_fingerprint_covers_is_looked_at_too(folder, store):
    path = filmed(folder / "a.mp4", seconds=1.0, creation_time="2024-07-14T13:30:00Z")
    data = path.read_bytes()
    moov = data.index(b"moov") - 4
    path.write_bytes(data[:moov] + free_box(200_000) + data[moov:] + free_box(900_000))
    run(folder, store)
    mark = fingerprint(path)
    edit_times_in_place(path)
    assert fingerprint(path) == mark
    run(folder, store)
    assert recorded(store, path)[0] == "2024-06-14T15:30:00+02:00"


def test_a_file_whose_rights_change_is_not_captioned_again(folder, store):
    path = filmed(folder / "a.mp4", creation_time="2024-07-14T13:30:00Z")
    run(folder, store)
    path.chmod(0o600)
    os.link(path, folder.parent / "link")
    model = StandinModel()
    report = run(folder, store, model=model)
    assert report.unchanged == 1 and not model.log


def test_reindex_hashes_again_what_only_that_can_notice(folder, store):
    path = filmed(folder / "a.mp4", seconds=1.0)
    path.write_bytes(path.read_bytes() + free_box(900_000))
    run(folder, store)
    before = store.files.at(str(path))
    data = bytearray(path.read_bytes())
    data[200_000] ^= 1  # between the blocks that are sampled
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, (before.modified_at, before.modified_at))
    run(folder, store)
    assert store.files.at(str(path)).content_id == before.content_id
    run(folder, store, mix="replace")
    assert store.files.at(str(path)).content_id != before.content_id


def test_reindex_reads_clocks_again_of_files_that_did_not_change(folder, store):
    path = filmed(folder / "a.MOV", **{APPLE: "2024-07-14T15:30:00+0200"})
    run(folder, store)
    content_id = store.files.at(str(path)).content_id
    (video,) = store.videos.all().values()
    store.videos.put([replace(video, created_at="2020-01-01T00:00:00Z")])  # as an earlier version read it
    model = StandinModel()
    run(folder, store, mix="replace", model=model)
    assert recorded(store, path)[0] == "2024-07-14T15:30:00+02:00"
    assert store.videos.all()[content_id].created_at == video.created_at and not model.log
