"""Previews show exactly the span that was asked for, and never half of it."""

from __future__ import annotations

import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from PIL import Image
from tiny_clips import index_of, write_audio_only, write_clip

from footage.core.errors import DecodeError, FootageError, NotAVideoError
from footage.core.types import Span
from footage.media.clip import write_clip as write_clip_here
from footage.media.sandbox import write_preview, write_thumbnail


def frames_of(path):
    """(seconds, frame number) of every frame of a preview."""
    with av.open(str(path)) as source:
        return [(frame.time, index_of(frame.to_ndarray(format="rgb24"))) for frame in source.decode(video=0)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_preview_begins_with_the_first_frame_of_its_span(tmp_path, name):
    how = {"codec": "mpeg4"} if name == "a.avi" else {"options": {"bf": "2"}}
    path = write_clip(tmp_path / name, count=60, keyframe_every=20, **how)
    out = write_preview(path, Span(2.35, 4.1), tmp_path / "previews" / "out.mp4")
    frames = frames_of(out)
    assert [index for _, index in frames] == list(range(24, 41))
    assert [seconds for seconds, _ in frames] == pytest.approx([k / 10 for k in range(17)], abs=1e-3)


def test_padding_widens_the_span_as_far_as_the_video_goes(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=30)
    out = write_preview(path, Span(0.5, 2.8), tmp_path / "out.mp4", pad_seconds=1)
    assert [index for _, index in frames_of(out)] == list(range(30))


def test_uneven_times_and_a_late_start_are_kept(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0, 0.5, 0.54, 2.0, 2.1, 3.7], start=8.25)
    frames = frames_of(write_preview(path, Span(0.5, 3.0), tmp_path / "out.mp4"))
    assert [index for _, index in frames] == [1, 2, 3, 4]
    assert [seconds for seconds, _ in frames] == pytest.approx([0, 0.04, 1.5, 1.6], abs=1e-3)


def test_a_span_between_two_frames_gives_the_one_on_show(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0, 0.1, 5.0])
    assert [index for _, index in frames_of(write_preview(path, Span(2, 3), tmp_path / "out.mp4"))] == [1]
    assert [index for _, index in frames_of(write_preview(path, Span(0, 0), tmp_path / "out.mp4"))] == [0]


def test_sound_comes_along_on_time_or_not_at_all(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40, audio_seconds=4)
    with av.open(str(write_preview(path, Span(1, 3), tmp_path / "out.mp4"))) as source:
        sound = source.streams.audio[0]
        assert sound.codec_context.name == "aac"
        assert float(sound.duration * sound.time_base) == pytest.approx(2, abs=0.1)
        assert float((sound.start_time or 0) * sound.time_base) == pytest.approx(0, abs=0.05)
    mute = write_clip(tmp_path / "b.mp4", count=40)
    with av.open(str(write_preview(mute, Span(1, 3), tmp_path / "out.mp4"))) as source:
        assert not source.streams.audio


def test_previews_are_what_every_browser_plays(tmp_path):
    path = write_clip(
        tmp_path / "a.mkv", count=10, size=(1001, 501), pix_fmt="yuv420p10le", codec="ffv1", rotation=0
    )
    out = write_preview(path, Span(0, 1), tmp_path / "out.mp4", max_width=641)
    with av.open(str(out)) as source:
        video = source.streams.video[0]
        assert (video.codec_context.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height) == (640, 320)
    head = out.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_previews_are_upright(tmp_path, turn):
    plain = write_clip(tmp_path / "plain.mp4", count=5, size=(96, 64))
    path = write_clip(tmp_path / "turned.mp4", count=5, size=(96, 64), rotation=turn)
    pictures = []
    for source_path in (plain, path):
        with av.open(str(write_preview(source_path, Span(0, 1), tmp_path / "out.mp4"))) as source:
            frame = list(source.decode(video=0))[3]
            assert frame.rotation == 0
            pictures.append(frame.to_ndarray(format="rgb24").astype(float))
    assert np.abs(np.rot90(pictures[0], turn // 90) - pictures[1]).mean() < 6


def test_a_failure_leaves_nothing_behind_and_what_was_there_stays(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    out = tmp_path / "previews" / "out.mp4"
    out.parent.mkdir()
    out.write_bytes(b"old")

    def broken(*_, **__):
        raise DecodeError("a.mp4 stops here")

    with pytest.raises(DecodeError, match="stops here"):
        write_clip_here(path, Span(0, 1), out, paint=broken)
    assert [p.name for p in out.parent.iterdir()] == ["out.mp4"]
    assert out.read_bytes() == b"old"


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=5)
    (tmp_path / "file").touch()
    for write in (
        lambda: write_preview(path, Span(0, 1), tmp_path / "file" / "out.mp4"),
        lambda: write_thumbnail(path, 0, tmp_path / "file" / "out.jpg"),
    ):
        with pytest.raises(FootageError, match=r"^out\.\w+ cannot be written: ") as caught:
            write()
        assert str(tmp_path) in caught.value.hint


def test_a_full_disk_is_said_in_a_sentence_and_nothing_is_left(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40, size=(320, 240), audio_seconds=4)
    script = (
        "import resource\nfrom pathlib import Path\n"
        "from footage.media.sandbox import write_preview\nfrom footage.core.types import Span\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        f"    write_preview({str(path)!r}, Span(0, 4), Path({str(tmp_path / 'previews' / 'out.mp4')!r}))\n"
        "except Exception as exc:\n"
        "    print(type(exc).__name__, exc)\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("FootageError out.mp4 cannot be written: ")
    assert list((tmp_path / "previews").iterdir()) == []


def test_a_span_past_the_end_and_a_file_without_pictures_are_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    with pytest.raises(DecodeError, match=r"a\.mp4 ends at 2\.0 s"):
        write_preview(path, Span(2, 3), tmp_path / "out.mp4")
    with pytest.raises(NotAVideoError, match="audio only"):
        write_preview(write_audio_only(tmp_path / "b.mp4"), Span(0, 1), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_preview_that_hangs_is_given_up(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    release = threading.Event()

    def hang(planes, seconds):
        release.wait(30)

    with pytest.raises(DecodeError, match=r"made no progress for 0\.5 s"):
        write_clip_here(path, Span(0, 1), tmp_path / "out.mp4", paint=hang, timeout_seconds=0.5)
    release.set()


def test_a_thumbnail_is_the_picture_on_show_as_a_jpeg(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20, size=(320, 240))
    with Image.open(write_thumbnail(path, 1.25, tmp_path / "t" / "out.jpg", max_width=160)) as image:
        assert (image.format, image.size) == ("JPEG", (160, 120))
        assert index_of(np.asarray(image)) == 12


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("videos/bgs_video.avi", True),
        ("videos/mpy_big_buck_bunny_0_30.webm", True),
        ("videos_derived/car_mpeg2_offset3600.ts", True),
        ("videos_derived/car_truncated.mp4", True),
        ("videos_edge/dec_corrupted.mp4", False),
        ("videos_edge/exo_desks.3gp", True),
        ("videos_edge/tc_bt2020_10bit.mp4", False),
    ],
)
def test_real_clips_are_cut(test_data, tmp_path, name, sound):
    out = write_preview(test_data / name, Span(1, 1.8), tmp_path / "out.mp4", max_width=160)
    with av.open(str(out)) as source:
        assert bool(source.streams.audio) is sound
        times = [frame.time for frame in source.decode(video=0)]
    assert times[0] == 0
    assert 0.6 < times[-1] < 0.8
