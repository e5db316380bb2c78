"""What no frame refers to is left out, and the pictures are those that come without leaving out anything."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from hypothesis import given, settings
from hypothesis import strategies as st

from footage.core.errors import DecodeError
from footage.core.timeout import Pulse
from footage.media import decode, demux
from footage.media.containers import check
from footage.media.sampling import spread

FRAMES = 72
SPARSE = "pyav sparse"
X264 = {
    "no B-frames": "bframes=0",
    "defaults": "bframes=3",
    "many B-frames": "bframes=8:b-adapt=0",
    "flat B-frames": "bframes=3:b-adapt=0:b-pyramid=none",
    "strict pyramid": "bframes=4:b-adapt=0:b-pyramid=strict",
    "open groups": "bframes=3:b-adapt=0:open-gop=1",
    "one long group": "bframes=3:b-adapt=0:keyint=infinite",
    "short groups": "bframes=2:b-adapt=0:keyint=6",
    "refreshed bit by bit": "bframes=2:b-adapt=0:intra-refresh=1",
    "temporal direct": "bframes=3:b-adapt=0:direct=temporal:ref=6:weightp=2",
    "slices": "bframes=3:b-adapt=0:slices=4",
}


class Count(Pulse):
    """Counts the beats, which are the packets that a decoder was given."""

    def __init__(self):
        super().__init__()
        self.beats = 0

    def beat(self):
        self.beats += 1
        super().beat()


def draw(path, *, x264="bframes=3:b-adapt=0", frames=FRAMES, arguments=(), codec="libx264", pixels="yuv420p"):
    """Something that moves all over the picture, so that a reference that is missing shows."""
    picture = f"mandelbrot=size=98x72:rate=24:maxiter=300,noise=alls=4:allf=t,format={pixels}"
    parameters = "x265-params" if codec == "libx265" else "x264-params"
    encoder = ["-c:v", codec, "-preset", "fast", "-g", "24", f"-{parameters}", f"{x264}:log-level=none"]
    made = ["-f", "lavfi", "-i", picture, "-frames:v", str(frames), *encoder, *arguments, str(path)]
    ffmpeg(*made)
    return path


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


def table_of(path):
    return demux.read_table(check(path)[0], Pulse())


def brought(table, first_way, picks, pulse=None, ways=decode.WAYS):
    """What comes where a way is tried first; the sentence, where nothing comes."""
    source = decode.Source(table, [way for way, _ in ways].index(first_way))
    try:
        return decode.decode(source, picks, pulse or Pulse(), ways=ways)
    except DecodeError as exc:
        return str(exc)


def assert_equal_by_all_ways(table, picks, ways=decode.WAYS):
    picks = list(picks)
    sparse = brought(table, SPARSE, picks, ways=ways)
    assert sparse.way == SPARSE
    assert sparse.pts == tuple(table.pts[picks].tolist())
    for first_way in ("torchcodec", "pyav"):
        other = brought(table, first_way, picks, ways=ways)
        assert other.pts == sparse.pts
        assert np.array_equal(other.pixels, sparse.pixels), other.way


def kinds_of(path):
    """By index in order of presentation: I, P or B."""
    with av.open(str(path)) as source:
        return [PictureType(frame.pict_type).name for frame in source.decode(video=0)]


@functools.cache
def drawn(folder):
    return table_of(draw(folder / "any.mp4"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("x264", X264.values(), ids=list(X264))
def test_pictures_are_those_of_the_other_ways(tmp_path, x264, threads):
    ways = decode.decoding_ways(threads=threads)
    path = draw(tmp_path / "a.mp4", x264=x264)
    table, kinds = table_of(path), kinds_of(path)
    count = len(table.pts)
    b_frames = [index for index, kind in enumerate(kinds) if kind == "B"]
    assert bool(b_frames) == table.reordered
    for picks in (
        range(0, count, 12),
        range(count),
        range(count // 2 + 1, count, 9),
        [count - 1],
        [0, count - 1],
    ):
        assert_equal_by_all_ways(table, picks, ways)
    if b_frames:
        for picks in (b_frames, b_frames[1::7], b_frames[-1:]):
            assert_equal_by_all_ways(table, picks, ways)


@pytest.mark.parametrize("x264", [X264["defaults"], X264["refreshed bit by bit"]])
@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.flv", "a.mov"])
def test_it_works_in_every_container(tmp_path, name, x264):
    table = table_of(draw(tmp_path / name, x264=x264))
    for picks in (range(0, FRAMES, 12), [31], range(40, FRAMES, 5)):
        assert_equal_by_all_ways(table, picks)


def test_parameter_sets_in_every_packet_are_no_obstacle(tmp_path):
    table = table_of(draw(tmp_path / "a.ts", arguments=["-bsf:v", "dump_extra=freq=all"]))
    for picks in (range(0, FRAMES, 12), [31]):
        assert_equal_by_all_ways(table, picks)


def test_parameter_sets_that_change_are_followed(tmp_path):
    first = draw(tmp_path / "1.ts", x264="bframes=3:b-adapt=0:cabac=0:ref=1:keyint=300")
    second = draw(tmp_path / "2.ts", x264="bframes=3:b-adapt=0:ref=5:keyint=24")
    (tmp_path / "list.txt").write_text(f"file {first.name}\nfile {second.name}\n")
    ffmpeg("-f", "concat", "-i", str(tmp_path / "list.txt"), "-c", "copy", str(tmp_path / "a.ts"))
    table = table_of(tmp_path / "a.ts")
    for picks in (range(0, 2 * FRAMES, 12), [FRAMES - 1, FRAMES, FRAMES + 7], [90]):
        assert_equal_by_all_ways(table, picks)


def test_parameter_sets_within_a_frame_that_is_left_out_count(tmp_path):
    flat = "bframes=3:b-adapt=0:b-pyramid=none:qp="
    parts = [units_of(draw(tmp_path / f"{qp}.ts", x264=f"{flat}{qp}", frames=33)) for qp in (18, 40)]
    moved = [unit for unit in parts[1][0] if unit[0] & 31 == 8]
    assert len(moved) == 1  # the one that says how coarse the pictures are
    parts[1][0].remove(moved[0])
    assert {unit[0] for unit in parts[0][-1] if unit[0] & 31 == 1} == {1}  # nothing refers to it
    parts[0][-1] += moved
    path = tmp_path / "a.mkv"
    with av.open(str(tmp_path / "18.ts")) as template, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(template.streams.video[0])
        shown = [frame.pts for frame in sorted_packets(template)]
        step = (max(shown) - min(shown)) // 32
        for number, units in enumerate(parts[0] + parts[1]):
            packet = av.Packet(b"".join(b"\0\0\0\1" + unit for unit in units))
            packet.stream, packet.time_base = stream, template.streams.video[0].time_base
            packet.pts = shown[number % 33] + number // 33 * 33 * step
            packet.dts = min(shown) + (number - 2) * step
            packet.is_keyframe = any(unit[0] & 31 == 5 for unit in units)
            target.mux(packet)
    table = table_of(path)
    for picks in (range(0, 66, 8), [30, 36, 50]):
        assert_equal_by_all_ways(table, picks)
    assert (
        brought(table, SPARSE, [34, 40]).way != SPARSE
    )  # begins behind that frame: the decoder says "corrupt"


def sorted_packets(container):
    return sorted((packet for packet in container.demux(video=0) if packet.size), key=lambda each: each.dts)


def units_of(path):
    """The NAL units of each packet, without their start codes."""
    with av.open(str(path)) as source:
        return [re.split(b"\0\0\0?\1", bytes(packet))[1:] for packet in sorted_packets(source)]


@given(st.sets(st.integers(0, FRAMES - 1), min_size=1).map(sorted))
@settings(max_examples=40, deadline=None)
def test_any_picks_are_brought(folder, picks):
    assert_equal_by_all_ways(drawn(folder), picks)


def test_what_nothing_refers_to_is_not_decoded(folder):
    pulse = Count()
    assert brought(drawn(folder), SPARSE, range(0, FRAMES, 12), pulse).way == SPARSE
    assert FRAMES / 4 <= pulse.beats < 0.7 * FRAMES  # every P-frame, at least


def test_frames_far_apart_are_sought_not_decoded_through(tmp_path):
    table = table_of(draw(tmp_path / "a.mp4", frames=480))
    pulse = Count()
    assert brought(table, SPARSE, [1, 470], pulse).way == SPARSE
    assert pulse.beats < 40
    assert_equal_by_all_ways(table, [1, 2, 100, 101, 300, 470, 479])


@pytest.mark.parametrize(
    ("way", "how"),
    [
        (SPARSE, {}),
        (SPARSE, {"pixels": "yuvj420p"}),
        ("torchcodec", {"x264": "bframes=0"}),
        ("torchcodec", {"pixels": "yuv420p10le"}),
        ("torchcodec", {"pixels": "yuv444p"}),
        ("torchcodec", {"codec": "libx265", "x264": "bframes=3"}),
    ],
)
def test_it_is_tried_first_where_it_is_exact_and_helps(tmp_path, way, how):
    path = draw(tmp_path / "a.mp4", **how)
    source = decode.open_source(str(path), Pulse())
    assert decode.decode(source, range(0, FRAMES, 12), Pulse()).way == way


def test_interlaced_frames_are_left_to_pyav_which_deinterlaces(tmp_path):
    path = draw(tmp_path / "a.mp4", x264="bframes=3:b-adapt=0:interlaced=1")
    source = decode.open_source(str(path), Pulse())
    pictures = decode.decode(source, range(0, FRAMES, 12), Pulse())
    assert pictures.way == "pyav"
    assert pictures.pts == tuple(source.table.pts[::12].tolist())


@pytest.mark.parametrize("spoiled", ["I", "P", "B"])
def test_damage_ends_as_it_does_without_this_way(tmp_path, spoiled):
    whole = table_of(draw(tmp_path / "whole.mp4"))
    path = draw(tmp_path / "a.mp4")
    index = kinds_of(path).index(spoiled, 30)
    with av.open(str(path)) as source:
        found = sorted((p.pts, p.pos, p.size) for p in source.demux(video=0) if p.size)
    with open(path, "r+b") as file:
        file.seek(found[index][1])
        file.write(b"\xff" * found[index][2])
    ways = set()
    for picks in ([index], range(FRAMES), range(0, FRAMES, 12), range(24), [FRAMES - 1]):
        with_it, without = (brought(table_of(path), way, picks) for way in (SPARSE, "torchcodec"))
        if isinstance(without, str):
            assert with_it == without
            continue
        assert with_it.pts == without.pts
        assert np.array_equal(with_it.pixels, without.pixels)
        if with_it.way == SPARSE:  # it never met the damage
            assert np.array_equal(with_it.pixels, brought(whole, "pyav", picks).pixels)
        else:
            assert with_it.way == without.way
        ways.add(with_it.way)
    assert ways >= {SPARSE, "pyav"}


# --- real clips, when they are at hand -------------------------------------------------------------------

_DATA = Path(os.environ.get("FOOTAGE_TEST_DATA", "") or "/nowhere")
REAL = sorted(
    str(path.relative_to(_DATA))
    for folder in ("videos", "videos_edge", "videos_derived")
    for path in (_DATA / folder).glob("*")
)
DAMAGED = {"dec_corrupted.mp4"}


@pytest.mark.parametrize("name", REAL or ["any"])
def test_pictures_of_every_real_clip_are_those_of_torchcodec(test_data, name):
    source = decode.open_source(str(test_data / name), Pulse())
    if decode.WAYS[source.first_way][0] != SPARSE:
        pytest.skip("another way is tried first")
    count = len(source.table.pts)
    for picks in (spread(count, min(count, 40)), range(count // 2, count // 2 + 8), [count - 1]):
        picks = sorted({int(pick) for pick in picks if pick < count})
        sparse, other = (brought(source.table, way, picks) for way in (SPARSE, "torchcodec"))
        assert sparse.way == (other.way if Path(name).name in DAMAGED else SPARSE)
        assert sparse.pts == other.pts
        assert np.array_equal(sparse.pixels, other.pixels)
