"""A folder of odd and broken files, from the command to the sums: each is indexed right, or refused in words.

Lengths and frames that are right are those that ffprobe counts by decoding. The bundled demo model captions.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from test_indexer_recorder_files import cut_short, edit_times_in_place
from test_ui_commands import bare_environment, lines, needs_demo_model  # noqa: F401 (a fixture)
from typer.testing import CliRunner

from footage.core.timeline import covered_seconds
from footage.store import Store
from footage.synthetic.clips import SyntheticClip, random_clip, write_clip
from ui.cli.main import app

FPS, SECONDS, HOURS_26 = 10, 6, 26 * 3600.0
JUMP_FRAME = 20
"""The first frame after the 26 hours, a keyframe."""
pytestmark = pytest.mark.demo_model


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def frames_in(path: Path) -> int:
    """How many frames ffprobe decodes."""
    asked = ["-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames"]
    response = subprocess.run(
        ["ffprobe", "-v", "error", *asked, "-of", "json", str(path)], check=True, capture_output=True
    )
    return int(json.loads(response.stdout)["streams"][0]["nb_read_frames"])


@dataclass(frozen=True)
class Library:
    """The folder, and what was drawn."""

    folder: Path
    first: SyntheticClip
    second: SyntheticClip


INDEXED = {
    "joined.ts": "",
    "size.ts": "",
    "jump.mkv": "",
    "IMG_4711.MOV": "2024-07-14T15:30:00+02:00",
    "VID_20240714_153000.mp4": "2024-07-14T15:30:00+02:00",
    "DJI_20240714153000_0001_D.MP4": "2024-07-14T15:30:00+02:00",
    "00001.MTS": "",
    "two_tracks.mkv": "",
    "edited.mp4": "2024-08-01T12:00:00+02:00",
    "cut short.ts": "",
    "[2024-05-01] Home vs Away.mp4": "",
    "copy of Home vs Away.mp4": "",
}
"""Files that are indexed, and when they were recorded; empty where nothing says so."""
REFUSED = {
    "half.mp4": "half.mp4 cannot be opened: the file may be damaged or incomplete, without an index",
    "empty.mp4": "empty.mp4 is empty (0 bytes)",
    "text.mp4": "text.mp4 is a text file, not a video",
    "noise.mkv": "noise.mkv is not a supported video container",
    "sound only.mp4": "sound only.mp4 contains no video stream (audio only)",
}
"""Files that are refused, and why."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The recipes and some broken files; see INDEXED and REFUSED."""
    base = tmp_path_factory.mktemp("odd")
    folder = base / "odd files"
    folder.mkdir()
    clips = [random_clip(np.random.default_rng(seed), duration_seconds=SECONDS) for seed in (8, 6)]
    g, y = base / "g.mp4", base / "y.mp4"
    for clip, path in zip(clips, (g, y), strict=True):
        write_clip(clip, path, fps=FPS)
    x264 = ("-c:v", "libx264", "-g", FPS)

    def part(start: float, seconds: float, source: Path = g) -> tuple[object, ...]:
        return "-ss", start, "-t", seconds, "-i", source, *x264

    streams(base, folder, g, y)
    clocks(folder, part)
    ffmpeg(*part(0, 1), folder / "[2024-05-01] Home vs Away.mp4")
    copy = folder / "copy of Home vs Away.mp4"
    copy.write_bytes((folder / "[2024-05-01] Home vs Away.mp4").read_bytes())
    ffmpeg(*part(1, 4, y), folder / "cut short.ts")
    cut_short(folder / "cut short.ts")
    ffmpeg(*part(1, 5, y), folder / "half.mp4")
    cut_short(folder / "half.mp4")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video, only words\n")
    (folder / "noise.mkv").write_bytes(np.random.default_rng(1).bytes(2000))
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=2", folder / "sound only.mp4")
    (folder / "left out.mp4").write_bytes(g.read_bytes())
    for name in ("#recycle", "@eaDir"):
        (folder / name).mkdir()
        (folder / name / "old.mp4").write_bytes(g.read_bytes())
    quiet = time.time() - 3600
    for path in folder.rglob("*"):
        os.utime(path, (quiet, quiet))
    os.utime(folder / "half.mp4", (quiet + 10 * 365.25 * 86_400,) * 2)
    return Library(folder, *clips)


def streams(base: Path, folder: Path, g: Path, y: Path) -> None:
    """Recipes 1, 2, 3, 7 and 8."""
    x264 = ("-c:v", "libx264", "-g", FPS)
    for source in (g, y):
        ffmpeg("-i", source, *x264, source.with_suffix(".ts"))
    joined = g.with_suffix(".ts").read_bytes() + y.with_suffix(".ts").read_bytes()
    (folder / "joined.ts").write_bytes(joined)
    ffmpeg("-i", g, "-t", 3, *x264, "-an", base / "r1.ts")
    smaller = ("-vf", "scale=240:160", *x264, "-an", "-output_ts_offset", 3)
    ffmpeg("-ss", 3, "-i", g, "-t", 3, *smaller, base / "r2.ts")
    (folder / "size.ts").write_bytes((base / "r1.ts").read_bytes() + (base / "r2.ts").read_bytes())
    ffmpeg("-i", g, *x264, base / "keyed.mp4")
    with av.open(str(base / "keyed.mp4")) as source, av.open(str(folder / "jump.mkv"), "w") as target:
        copied = target.add_stream_from_template(source.streams.video[0])
        packets = (packet for packet in source.demux(video=0) if packet.dts is not None)
        for number, packet in enumerate(packets):
            if number >= JUMP_FRAME:
                packet.pts += int(HOURS_26 / packet.time_base)
                packet.dts += int(HOURS_26 / packet.time_base)
            packet.stream = copied
            target.mux(packet)
    interlaced = "fps=50,scale=720:576,tinterlace=interleave_top,setsar=64/45"
    flags = ("-flags", "+ilme+ildct", "-x264opts", "tff=1", "-f", "mpegts", "-mpegts_m2ts_mode", 1)
    ffmpeg("-i", g, "-vf", interlaced, "-c:v", "libx264", *flags, folder / "00001.MTS")
    tones = ("-f", "lavfi", "-i", "sine=440:d=6", "-f", "lavfi", "-i", "sine=880:d=6")
    kept = ("-map", "0:v", "-map", 1, "-map", 2, "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-i", y, *tones, *kept, folder / "two_tracks.mkv")


def clocks(folder: Path, part) -> None:
    """Recipes 4, 5, 6 and the file of recipe 10."""
    apple = "com.apple.quicktime.creationdate=2024-07-14T15:30:00+0200"
    said = ("-metadata", "creation_time=2026-05-20T10:00:00Z", "-metadata", apple)
    ffmpeg(*part(0, 4), *said, "-movflags", "use_metadata_tags", folder / "IMG_4711.MOV")
    for start, name, created in (
        (0.5, "VID_20240714_153000.mp4", "2024-07-14T13:30:04Z"),
        (1, "DJI_20240714153000_0001_D.MP4", "2024-07-14T15:30:00Z"),
        (1.5, "edited.mp4", "2024-08-01T10:00:00Z"),
    ):
        ffmpeg(*part(start, 4), "-metadata", f"creation_time={created}", folder / name)


@pytest.fixture(scope="module")
def filled(library: Library, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """The index of the folder, and what the command printed."""
    db = tmp_path_factory.mktemp("index") / "index.lancedb"
    return db, run_index(library, db)


def run_index(library: Library, db: Path) -> list[dict]:
    asked = ["index", str(library.folder), "--exclude", "left*", "--time-zone", "Europe/Berlin"]
    result = CliRunner().invoke(app, [*asked, "--db", str(db), "--model", "demo", "--json"])
    assert result.exit_code == 3, result.output
    return lines(result.stdout)


def status(db: Path) -> tuple[dict, dict, list[dict]]:
    result = CliRunner().invoke(app, ["status", "--db", str(db), "--json"])
    assert result.exit_code == 0, result.output
    first, collection, *others = lines(result.stdout)
    return first, collection, others


@needs_demo_model
def test_each_odd_file_is_indexed_or_refused_in_a_sentence(library, filled):
    db, printed = filled
    response = {Path(each["path"]).name: each for each in printed if each["type"] == "file"}
    states = {name: each["state"] for name, each in response.items()}
    expected = dict.fromkeys(INDEXED, "indexed") | dict.fromkeys(REFUSED, "failed")
    assert states == expected | {"left out.mp4": "skipped"}
    assert {name: response[name]["reason"] for name in REFUSED} == REFUSED
    store = Store.open(db)
    recorded = {name: store.files.at(str(library.folder / name)).recorded_at for name in INDEXED}
    assert recorded == INDEXED
    warned = {name: " ".join(each["warnings"]) for name, each in response.items() if each["warnings"]}
    assert warned.keys() == {"joined.ts", "size.ts"}
    assert f"restart or jump at {SECONDS:.1f} s" in warned["joined.ts"]
    assert "changes from 480x320 to 240x160" in warned["size.ts"]


@needs_demo_model
def test_lengths_and_windows_of_odd_files_are_those_of_the_frames_in_them(library, filled):
    store = Store.open(filled[0])
    videos = store.videos.all()
    for name in INDEXED:
        path = library.folder / name
        content_id = store.files.at(str(path)).content_id
        video = videos[content_id]
        rate = 25 if name == "00001.MTS" else FPS
        assert video.footage_seconds == pytest.approx(frames_in(path) / rate, abs=0.011), name
        windows = [record.window for record in store.windows.of(content_id)]
        assert covered_seconds(windows) == pytest.approx(video.footage_seconds), name
    [gap] = videos[store.files.at(str(library.folder / "jump.mkv")).content_id].gaps
    assert (gap.start_seconds, gap.duration_seconds) == pytest.approx((JUMP_FRAME / FPS, HOURS_26), abs=0.2)


@needs_demo_model
def test_the_sums_in_status_add_up(library, filled):
    db, printed = filled
    first, collection, others = status(db)
    summary = printed[-1]
    videos = Store.open(db).videos.all()
    # 1. Files: every one on disk is counted once.
    on_disk = [path for path in library.folder.iterdir() if path.is_file()]
    assert first["files"] == {"indexed": len(INDEXED), "failed": len(REFUSED), "skipped": 1}
    assert sum(first["files"].values()) == sum(collection["files"].values()) == len(on_disk)
    states = ("indexed", "unchanged", "partial", "failed", "waiting", "skipped")
    assert summary["files"] == sum(summary[state] for state in states) == len(on_disk)
    assert summary["ignored"] == {"system folder": 2}
    failures = {Path(each["path"]).name: each["reason"] for each in others if each["type"] == "failure"}
    assert failures == REFUSED
    assert [each["files"] for each in others if each["type"] == "left"] == [1]
    assert first["videos"] == len(videos) == len(INDEXED) - 1  # one is a copy
    # 2. Seconds: what was found is indexed or not, and gaps are neither.
    assert first["seconds_total"] == first["seconds_indexed"] == summary["seconds_captioned"]
    assert first["seconds_total"] == pytest.approx(sum(each.footage_seconds for each in videos.values()))
    kinds = ("indexed", "failed", "waiting", "skipped", "offline")
    assert collection["seconds_found"] == pytest.approx(sum(collection[f"seconds_{kind}"] for kind in kinds))
    copied = 1.0
    assert collection["seconds_indexed"] == pytest.approx(first["seconds_indexed"] + copied)
    assert collection["seconds_skipped"] == pytest.approx(SECONDS)
    assert collection["files_of_unknown_length"] == len(REFUSED)
    assert first["gaps"] == 1 and first["seconds_gaps"] == collection["seconds_gaps"]
    # 3. Windows: one for each run of frames, as all are shorter than a window.
    assert first["windows"] == summary["windows_captioned"] == len(videos) + 1


@needs_demo_model
def test_both_halves_of_joined_recordings_are_captioned_at_their_times(library, filled):
    store = Store.open(filled[0])
    content_id = store.files.at(str(library.folder / "joined.ts")).content_id
    found = sorted((event.span.start_seconds, event.text) for event in store.events.of(content_id))
    halves = (0, library.first), (SECONDS, library.second)
    true = [(start + event.start_seconds, event.sentence) for start, clip in halves for event in clip.events]
    assert [round(start, 1) for start, _ in true] == [1.5, 7.0]
    assert [text for _, text in found] == [sentence for _, sentence in true]
    assert [start for start, _ in found] == pytest.approx([start for start, _ in true], abs=0.6)


@needs_demo_model
def test_a_second_run_captions_nothing_but_what_was_edited_in_place(library, filled, tmp_path):
    db, _ = filled
    before = status(db)[0]
    edit_times_in_place(library.folder / "edited.mp4")
    summary = run_index(library, db)[-1]
    assert (summary["unchanged"], summary["indexed"]) == (len(INDEXED) - 1, 1)
    assert summary["windows_captioned"] == 1 and summary["failed"] == len(REFUSED)
    edited = Store.open(db).files.at(str(library.folder / "edited.mp4"))
    assert edited.recorded_at == "2024-07-02T12:00:00+02:00"
    after = status(db)[0]
    for field in ("files", "seconds_total", "seconds_indexed", "windows"):
        assert after[field] == before[field], field
