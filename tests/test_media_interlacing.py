"""Interlaced files (AVCHD, DV, broadcast) show no combs: neither to the model nor in what is written."""

from __future__ import annotations

import json
import subprocess

import av
import numpy as np
import pytest
from tiny_clips import write_clip
from tiny_exports import clip_of

from footage.core.timeout import Pulse
from footage.core.types import Span
from footage.media import decode, demux
from footage.media.clip import write_clip as cut_clip
from footage.media.sandbox import copy_clip, write_preview, write_thumbnail
from footage.media.video import WHOLE, frame_at, probe, sample
from service.export import Options, export, make_reel

SECONDS, RATE = 2, 25
COMBED, CLEAN = 1.5, 0.85
"""Neighbouring lines differ more than those two apart where there are combs, less in any other picture."""
FFMPEG = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi"]


def moving(rate):
    """A wide bar that moves 200 pixels a second to the right, over a grey that grows lighter downwards."""
    bar = f"if(lt(mod(X-N*{200 // rate}+431*9,431),215),200,50)+Y/8"
    return f"color=gray:s=320x288:r={rate}:d={SECONDS},format=gray,geq=lum='{bar}',format=yuv420p"


FIELDS, FRAMES = moving(2 * RATE), moving(RATE)
KINDS = {
    "AVCHD": (
        "00001.MTS",
        "top",
        "-c:v libx264 -flags +ilme+ildct -x264opts tff=1 -f mpegts -mpegts_m2ts_mode 1",
    ),
    "broadcast": ("a.ts", "top", "-c:v mpeg2video -flags +ilme+ildct -b:v 5M -bf 2"),
    "bottom field first": ("a.mpg", "bottom", "-c:v mpeg2video -flags +ilme+ildct -b:v 5M"),
    "ProRes": ("a.mov", "top", "-c:v prores -flags +ildct"),
    "only the header says so": ("b.mov", "top", "-c:v mjpeg -q:v 2 -field_order tt"),
}


def write_interlaced(folder, kind):
    """Moving pictures of which each frame holds two moments, in the lines of one field each."""
    name, first, codec = KINDS[kind]
    order = "tff" if first == "top" else "bff"
    graph = f"tinterlace=interleave_{first},setfield={order},setsar=64/45"
    subprocess.run([*FFMPEG, "-i", FIELDS, "-vf", graph, *codec.split(), str(folder / name)], check=True)
    return folder / name


def combing(picture):
    """Mean difference of neighbouring lines over that of lines two apart."""
    lines = picture.astype(float)
    return float(np.abs(np.diff(lines, axis=0)).mean() / np.abs(lines[2:] - lines[:-2]).mean())


def pictures_in(path):
    """(seconds since the first, luma, whether it is flagged as interlaced) of every frame, by PyAV alone."""
    with av.open(str(path)) as source:
        frames = [
            (frame.time, frame.to_ndarray(format="gray"), frame.interlaced_frame)
            for frame in source.decode(video=0)
        ]
    return [(time - frames[0][0], luma, flag) for time, luma, flag in frames]


@pytest.fixture(scope="module", params=KINDS)
def interlaced(request, tmp_path_factory):
    return write_interlaced(tmp_path_factory.mktemp("interlaced"), request.param)


@pytest.fixture(scope="module")
def avchd(tmp_path_factory):
    return write_interlaced(tmp_path_factory.mktemp("avchd"), "AVCHD")


def test_an_interlaced_source_shows_the_model_no_combs_and_keeps_its_times(interlaced):
    result = pictures_in(interlaced)
    assert min(combing(luma) for _, luma, _ in result[1:]) > COMBED
    video = probe(interlaced)
    assert video.duration_seconds == pytest.approx(SECONDS, abs=1e-3)
    frames = sample(interlaced, Span(0, SECONDS), fps=RATE, max_frames=100, pixels_per_frame=1 << 20)
    assert frames.times_seconds == pytest.approx([time for time, _, _ in result], abs=1e-4)
    assert max(combing(pixels.mean(axis=-1)) for pixels in frames.pixels) < CLEAN


def test_each_deinterlaced_picture_is_that_of_its_own_moment(interlaced):
    """The lines of one field stay as they are, so the picture lies nearest to the frame it is made of."""
    result = np.array([luma for _, luma, _ in pictures_in(interlaced)], float)
    for index in (0, 1, 24, 25, len(result) - 1):
        found = frame_at(interlaced, (index + 0.5) / RATE, max_width=WHOLE).astype(float) @ (
            0.299,
            0.587,
            0.114,
        )
        assert int(np.abs(result - found).mean(axis=(1, 2)).argmin()) == index


def test_a_window_in_the_middle_brings_the_pictures_that_the_whole_brings(avchd):
    source = decode.open_source(str(avchd), Pulse())
    whole = decode.decode(source, range(50), Pulse()).pixels
    for picks in ([25], [10, 30, 49], [0], [24, 25, 26]):
        assert (decode.decode(source, picks, Pulse()).pixels == whole[picks]).all()


def test_previews_thumbnails_clips_and_reels_of_an_interlaced_source_are_progressive(avchd, tmp_path):
    from PIL import Image

    write_thumbnail(avchd, 1.0, tmp_path / "a.jpg", max_width=WHOLE)
    assert combing(np.asarray(Image.open(tmp_path / "a.jpg").convert("L"))) < CLEAN
    write_preview(avchd, Span(0.4, 1.6), tmp_path / "preview.mp4")
    cut_clip(avchd, Span(0.4, 1.6), tmp_path / "clip.mp4")
    make_reel([clip_of(avchd, 0.4, 1.6)], tmp_path / "reel.mp4", max_seconds=10)
    for name in ("preview.mp4", "clip.mp4", "reel.mp4"):
        frames = pictures_in(tmp_path / name)
        assert [round(time * RATE) for time, _, _ in frames] == list(range(30))
        assert not any(flag for _, _, flag in frames)
        assert max(combing(luma) for _, luma, _ in frames) < CLEAN


def test_a_copy_of_an_interlaced_source_stays_interlaced_and_says_so(avchd, tmp_path):
    copy_clip(avchd, Span(0, 1), tmp_path / "copy.mp4")
    with av.open(str(avchd)) as source, av.open(str(tmp_path / "copy.mp4")) as copied:
        orders = [each.streams.video[0].codec_context.field_order for each in (source, copied)]
    assert orders[0] == orders[1] > 1
    assert all(flag for _, _, flag in pictures_in(tmp_path / "copy.mp4"))


def test_the_manifest_says_whether_pictures_were_deinterlaced(avchd, tmp_path):
    progressive = write_clip(tmp_path / "p.mp4", count=40)
    clips = [clip_of(avchd, 0.4, 1.6), clip_of(progressive, 0.5, 1.5)]

    def scans(**how):
        exported = export(clips, tmp_path / "out", **how)
        entries = json.loads(exported.manifest.read_text())["entries"]
        return [(entry["format"], [clip["scan"] for clip in entry["clips"]]) for entry in entries]

    assert scans(formats=("mp4", "jsonl")) == [
        ("mp4", ["deinterlaced"]),
        ("mp4", ["progressive"]),
        ("jsonl", ["interlaced", "progressive"]),
    ]
    assert scans(options=Options(copy=True)) == [("mp4", ["interlaced"]), ("mp4", ["progressive"])]
    assert scans(options=Options(join=True)) == [("mp4", ["deinterlaced", "progressive"])]


def test_progressive_pictures_in_an_interlaced_file_are_left_as_they_are(tmp_path):
    """PsF: the header says interlaced, the frames do not, and nothing is combed."""
    path = tmp_path / "psf.mov"
    codec = ["-vf", "setfield=tff", "-c:v", "mjpeg", "-q:v", "2", "-field_order", "tt"]
    subprocess.run([*FFMPEG, "-i", FRAMES, *codec, str(path)], check=True)
    with av.open(str(path)) as source:
        assert source.streams.video[0].codec_context.field_order == 2
        frame = list(source.decode(video=0))[30].to_ndarray(format="rgb24")
    source = decode.open_source(str(path), Pulse())
    assert source.table.interlacing == ""
    found = frame_at(path, 30.5 / RATE, max_width=WHOLE)
    assert np.abs(found.astype(int) - frame).mean() < 2


def test_a_file_that_becomes_interlaced_behind_its_header_is_deinterlaced_where_it_is(tmp_path):
    codec = ["-c:v", "libx264", "-g", "10", "-f", "mpegts"]
    subprocess.run([*FFMPEG, "-i", FRAMES, *codec, str(tmp_path / "a.ts")], check=True)
    moved = ["-output_ts_offset", str(SECONDS + 2 / RATE), "-flags", "+ilme+ildct", "-x264opts", "tff=1"]
    graph = ["-vf", "tinterlace=interleave_top"]
    subprocess.run([*FFMPEG, "-i", FIELDS, *graph, *codec, *moved, str(tmp_path / "b.ts")], check=True)
    path = tmp_path / "mixed.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with av.open(str(path)) as source:
        assert source.streams.video[0].codec_context.field_order == 1
    before = pictures_in(path)
    frames = sample(path, Span(0, 2 * SECONDS), fps=RATE, max_frames=200, pixels_per_frame=1 << 20)
    assert len(frames.times_seconds) == len(before) == 2 * SECONDS * RATE
    assert max(combing(luma) for _, luma, _ in before) > COMBED
    assert max(combing(pixels.mean(axis=-1)) for pixels in frames.pixels) < CLEAN
    with av.open(str(path)) as source:
        exact = next(source.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frame_at(path, 0, max_width=WHOLE).astype(int) - exact).mean() < 1  # progressive: untouched


def test_interlaced_frames_that_no_look_ahead_found_are_deinterlaced_once_they_come(avchd):
    """As where only a stretch in the middle of a long file is interlaced: the decoder comes upon it."""
    table = demux.read_table(str(avchd), Pulse())
    source = decode.Source(table, first_way=0)
    assert table.interlacing == "" and table.reordered
    pictures = decode.decode(source, [20, 30], Pulse())
    assert source.table.interlacing == "by frame"
    assert max(combing(pixels.mean(axis=-1)) for pixels in pictures.pixels) < CLEAN


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "libvpx"])
def test_an_ordinary_progressive_file_is_decoded_as_ever(tmp_path, codec):
    path = write_clip(tmp_path / ("a.webm" if codec == "libvpx" else "a.mp4"), codec=codec)
    source = decode.open_source(str(path), Pulse())
    assert source.table.interlacing == ""
    assert decode.decode(source, [0, 7, 19], Pulse()).way != "pyav"
