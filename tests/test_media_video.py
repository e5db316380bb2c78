"""Every frame has its true time, whatever the container, the codec and the damage."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tiny_clips import index_of, write_audio_only, write_clip

from footage.core.errors import DecodeError, NotAVideoError, VideoError, VideoNotFoundError
from footage.core.frame_budget import frames_for
from footage.core.timeout import Pulse
from footage.core.types import Span
from footage.media import decode
from footage.media.sampling import spread
from footage.media.video import Sampler, frame_at, probe, sample

WHOLE = Span(0, 1e6)


def indices_of(frames):
    return [index_of(picture) for picture in frames.pixels]


def write_blank(path, width, height, *, count=2):
    """Black PNG pictures: large ones take few bytes."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), format="rgb24")
        for number in range(count):
            frame.pts = number
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


# --- tiny clips that say which frame is which ------------------------------------------------------------

RIGID = {"bf": "0", "sc_threshold": "0"}
"""Keyframes exactly where they are asked for."""

FORMATS = {
    "H.264 in MP4": ("a.mp4", {}),
    "H.264 with B-frames in MP4": ("a.mp4", {"options": {"bf": "3"}, "keyframe_every": 12}),
    "H.264 in MOV": ("a.mov", {}),
    "H.264 in Matroska": ("a.mkv", {"options": {"bf": "2"}}),
    "H.264 in a transport stream": ("a.ts", {"options": {"bf": "2"}}),
    "H.264 in FLV": ("a.flv", {}),
    "fragmented MP4": ("a.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "HEVC, 10 bits": (
        "a.mp4",
        {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=none"}},
    ),
    "VP8 in WebM": ("a.webm", {"codec": "libvpx"}),
    "MPEG-4 in AVI": ("a.avi", {"codec": "mpeg4"}),
    "MPEG-2 in a program stream": ("a.mpg", {"codec": "mpeg2video", "fps": 25, "size": (352, 288)}),
    "MPEG-2 in MXF": ("a.mxf", {"codec": "mpeg2video", "fps": 25, "pix_fmt": "yuv420p"}),
    "WMV": ("a.wmv", {"codec": "wmv2"}),
    "H.263 in 3GP": ("a.3gp", {"codec": "h263", "size": (176, 144)}),
    "odd size": ("a.mp4", {"size": (99, 65), "pix_fmt": "yuv444p"}),
}


@pytest.mark.parametrize(("name", "how"), FORMATS.values(), ids=list(FORMATS))
def test_the_frame_at_a_time_is_the_frame_of_that_time(tmp_path, name, how):
    fps = how.get("fps", 10)
    path = write_clip(tmp_path / name, count=40, **how)
    video = probe(path, content_id="x")
    width, height = how.get("size", (64, 48))
    assert (video.content_id, video.width, video.height) == ("x", width, height)
    assert video.duration_seconds == pytest.approx(40 / fps, abs=0.5 / fps)
    assert video.fps == pytest.approx(fps, rel=0.02)
    assert not video.variable_frame_rate
    assert not video.warnings
    for span in (WHOLE, Span(1.0, 1.4), Span(0.6, 1.2)):
        frames = sample(path, span, fps=fps)
        expected = [k for k in range(40) if span.start_seconds <= k / fps < span.end_seconds]
        assert [round(t * fps) for t in frames.times_seconds] == expected
        assert indices_of(frames) == expected
        assert np.allclose(frames.times_seconds, np.array(expected) / fps, atol=0.002)


def test_uneven_frame_rate_and_late_start_keep_their_true_times(tmp_path):
    times = [0, 0.04, 0.5, 0.54, 0.58, 2.0, 3.1, 3.2, 7.75]
    path = write_clip(tmp_path / "a.mp4", times, start=8.25)
    video = probe(path)
    assert video.variable_frame_rate
    assert video.start_pts_seconds == pytest.approx(8.25)
    assert video.duration_seconds >= 7.75
    frames = sample(path, WHOLE)
    assert frames.times_seconds == pytest.approx(times)
    assert indices_of(frames) == list(range(9))
    assert indices_of(sample(path, Span(0.5, 3.1))) == [2, 3, 4, 5]  # half-open


def test_a_window_between_two_frames_gets_the_picture_on_show(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0, 0.1, 5.0, 5.1])
    frames = sample(path, Span(2, 4))
    assert indices_of(frames) == [1, 1]
    assert frames.times_seconds == (2, 2)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_short_clips_give_what_they_have_and_two_frames_at_least(tmp_path, count):
    path = write_clip(tmp_path / "a.mp4", count=count)
    frames = sample(path, Span(0, 30))
    assert indices_of(frames) == ([0, 0] if count == 1 else list(spread(count, 4)))
    assert len(frames.times_seconds) == max(2, min(count, 4))
    assert probe(path).duration_seconds == pytest.approx(count / 10, abs=0.01)


def test_a_long_window_is_sampled_as_the_contract_says(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=141, fps=10, keyframe_every=50)
    frames = sample(path, Span(0, 14))
    assert indices_of(frames) == spread(140, 28).tolist()
    assert frames.times_seconds[-1] == pytest.approx(13.9)
    assert len(sample(path, Span(0, 14), fps=1, max_frames=10).pixels) == 10
    assert len(sample(path, Span(0, 0.5), min_frames=2).pixels) == 2


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_pictures_are_upright_and_sizes_are_as_shown(tmp_path, turn):
    plain = probe(write_clip(tmp_path / "plain.mp4", size=(96, 64)))
    path = write_clip(tmp_path / "turned.mp4", size=(96, 64), rotation=turn)
    video = probe(path)
    assert video.rotation_degrees == turn
    assert (video.width, video.height) == ((64, 96) if turn % 180 else (plain.width, plain.height))
    upright = np.rot90(frame_at(tmp_path / "plain.mp4", 1.9), turn // 90)
    assert np.array_equal(frame_at(path, 1.9), upright)
    source = decode.open_source(str(path), Pulse())
    for number, (way, _) in enumerate(decode.WAYS):
        source.first_way = number
        pictures = decode.decode(source, [19], Pulse())
        assert pictures.way == way
        assert pictures.rotation_degrees == turn
        assert np.array_equal(pictures.pixels[0], upright)


def test_the_best_of_several_video_streams_is_taken(tmp_path):
    path = tmp_path / "two.mp4"
    noise = np.random.default_rng(0)
    with av.open(str(path), "w") as target:
        streams = [target.add_stream("libx264", rate=10) for _ in range(2)]
        for stream, (width, height) in zip(streams, [(32, 32), (128, 64)], strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        streams[1].disposition = av.stream.Disposition.default
        for index in range(10):
            for stream in streams:
                pixels = noise.integers(0, 255, (stream.height, stream.width, 3), dtype=np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 10)
                target.mux(stream.encode(frame))
        for stream in streams:
            target.mux(stream.encode(None))
    video = probe(path)
    assert (video.stream_index, video.width, video.height) == (1, 128, 64)
    assert sample(path, WHOLE).pixels.shape[1:3] == (64, 128)


def test_a_window_is_decoded_from_the_keyframe_before_it_never_from_the_start(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60, keyframe_every=10, options=RIGID)
    spoil(path, range(20))
    frames = sample(path, Span(3, 6), fps=10)
    assert frames.decoder == "torchcodec"
    assert indices_of(frames) == list(range(30, 60))


def test_what_decodes_of_a_damaged_window_is_kept(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60, keyframe_every=10, options=RIGID)
    spoil(path, range(20, 40))
    frames = sample(path, Span(0, 6), fps=10)
    assert frames.decoder == "pyav"
    assert set(indices_of(frames)) >= {*range(20), *range(40, 60)}
    assert [round(t * 10) for t in frames.times_seconds if not 2 <= t < 4] == [*range(20), *range(40, 60)]
    with pytest.raises(DecodeError, match=r"a\.mp4 cannot be decoded"):
        sample(path, Span(2.1, 2.9))


def test_what_probe_found_spares_the_ways_that_failed(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20, keyframe_every=20, options=RIGID)
    spoil(path, range(8, 12))
    video = probe(path)
    assert video.decoder == "pyav"
    assert video.warnings == ("some of its frames cannot be decoded",)
    decode._sources.clear()
    assert sample(path, Span(0, 0.5), fps=10, video=video).decoder == "pyav"


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi"])
def test_a_truncated_file_gives_what_can_be_read_and_says_how_much(tmp_path, name):
    how = {"codec": "mpeg4"} if name.endswith("avi") else {}
    if name.endswith("mp4"):
        how = {"container_options": {"movflags": "faststart"}}
    path = write_clip(tmp_path / name, count=60, size=(320, 240), **how)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    video = probe(path)
    assert 0.5 < video.duration_seconds < 5.5  # how the encoder spreads its bytes differs
    frames = sample(path, WHOLE, fps=10)
    assert len(frames.pixels) > 4
    assert indices_of(frames)[:-1] == [round(t * 10) for t in frames.times_seconds][:-1]
    if name in ("a.mp4", "a.mkv"):
        assert f"{video.duration_seconds:.1f} s of 6.0 s are readable" in video.warnings


def test_a_recording_cut_short_before_its_index_is_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60, size=(320, 240))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DecodeError, match=r"^a\.mp4 cannot be opened: the file may be damaged or incomplete"):
        probe(path)


def test_audio_only_and_cover_art_are_no_video(tmp_path):
    with pytest.raises(NotAVideoError, match=r"^a\.mp4 contains no video stream \(audio only\)$"):
        probe(write_audio_only(tmp_path / "a.mp4"))


def test_a_video_stream_without_a_frame_is_refused(tmp_path):
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        target.start_encoding()
    with pytest.raises(DecodeError, match=r"none\.mkv contains no frames"):
        probe(path)


def test_garbage_and_playlists_named_mp4_are_refused(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + os.urandom(5000))
    with pytest.raises(DecodeError, match=r"^a\.mp4 cannot be opened"):
        probe(path)
    secret = write_clip(tmp_path / "secret.ts")
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{secret}\n#EXT-X-ENDLIST\n")
    for read in (probe, lambda p: sample(p, WHOLE), lambda p: frame_at(p, 0)):
        with pytest.raises(NotAVideoError, match=r"^a\.mp4 is an HLS playlist"):
            read(path)
    with pytest.raises(VideoNotFoundError):
        probe(tmp_path / "gone.mp4")


def test_hostile_names_are_only_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("http:").mkdir()
    raw = os.fsdecode(b"caf\xe9 'quoted' \"double\" %d.mp4")
    for name in ("http:/x.mp4", "concat:a|b.mp4", "-i.mp4", "new\nline.mp4", raw):
        write_clip(Path("plain.mp4"), count=5).rename(name)
        assert probe(name).duration_seconds == pytest.approx(0.5)
        assert indices_of(sample(name, WHOLE)) == [0, 1, 3, 4]
        Path(name).unlink()


def test_a_file_that_changes_is_read_anew(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=5)
    assert probe(path).duration_seconds == pytest.approx(0.5)
    write_clip(path, count=9)
    assert probe(path).duration_seconds == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("bound", "most", "kept"), [("_REMEMBERED_FILES", 3, 3), ("_REMEMBERED_FRAMES", 9, 4)]
)
def test_only_so_many_scans_are_remembered(tmp_path, monkeypatch, bound, most, kept):
    monkeypatch.setattr(decode, bound, most)
    for number in range(8):
        probe(write_clip(tmp_path / f"{number}.mp4", count=2))
    assert [Path(path).stem for path, _, _ in decode._sources] == [str(n) for n in range(8)][-kept:]


# --- windows one after the other -------------------------------------------------------------------------

OVERLAPPING = (Span(0, 2.5), Span(1.5, 4), Span(3, 5.5), Span(4.5, 6))


def same(one, other):
    assert np.array_equal(one.pixels, other.pixels)
    assert (one.times_seconds, one.span, one.decoder) == (other.times_seconds, other.span, other.decoder)


class NotedWays(list):
    """The ways of decoding; ``passes`` lists the way and the frames of each start of a decoder."""

    def __init__(self):
        self.passes = []
        super().__init__((way, partial(self._begin, way, read)) for way, read in decode.WAYS)

    def _begin(self, way, read, table, picks, pulse):
        self.passes.append((way, list(picks)))
        return read(table, picks, pulse)


class HangingWays(list):
    """Ways of decoding that bring nothing before ``release`` is set."""

    def __init__(self):
        self.release = threading.Event()
        super().__init__((way, self._hang) for way, _ in decode.WAYS)

    def _hang(self, table, picks, pulse):
        self.release.wait(30)
        yield from ()


@pytest.mark.parametrize(("name", "how"), FORMATS.values(), ids=list(FORMATS))
def test_windows_in_turn_are_what_each_is_alone(tmp_path, name, how):
    fps = how.get("fps", 10)
    path = write_clip(tmp_path / name, count=6 * fps - 1, **how)
    for rate in (2, 3.3, fps):
        sampler = Sampler(path, OVERLAPPING, fps=rate)
        for number, span in enumerate(OVERLAPPING):
            same(sampler.take(number), sample(path, span, fps=rate))


def test_windows_in_turn_share_one_pass_of_the_decoder(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60, keyframe_every=40, options={"bf": "3"})
    ways = NotedWays()
    sampler = Sampler(path, OVERLAPPING, fps=10, ways=ways)
    taken = [sampler.take(number) for number in range(4)]
    assert ways.passes == [("pyav sparse", list(range(60)))]
    assert [indices_of(frames)[0] for frames in taken] == [0, 15, 30, 45]
    assert [len(frames.pixels) for frames in taken] == [25, 25, 25, 15]


def test_a_pass_goes_over_so_many_windows_and_the_next_begins_where_it_must(tmp_path):
    count = decode.SETS_A_PASS + 2
    path = write_clip(tmp_path / "a.mp4", count=5 * count + 10, options=RIGID)
    ways = NotedWays()
    spans = [Span(number / 2, number / 2 + 1.5) for number in range(count)]  # 10 of 15 frames shared
    sampler = Sampler(path, spans, fps=10, ways=ways)
    for number in range(count):
        assert indices_of(sampler.take(number)) == list(range(5 * number, 5 * number + 15))
    first = 5 * decode.SETS_A_PASS
    assert ways.passes == [
        ("torchcodec", list(range(first + 10))),
        ("torchcodec", list(range(first, first + 20))),
    ]


def test_windows_taken_out_of_turn_or_twice_are_the_same(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60)
    alone = [sample(path, span, fps=10) for span in OVERLAPPING]
    sampler = Sampler(path, OVERLAPPING, fps=10)
    for number in (2, 0, 0, 3, 1, 2):
        same(sampler.take(number), alone[number])


def test_a_window_past_the_end_hurts_no_other(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    sampler = Sampler(path, [Span(0, 1), Span(1, 3), Span(3, 4), Span(2.5, 4)], fps=10)
    assert indices_of(sampler.take(0)) == list(range(10))
    assert indices_of(sampler.take(1)) == list(range(10, 20))
    with pytest.raises(DecodeError, match=r"a\.mp4 ends at 2\.0 s; there is no video at 3\.0 s"):
        sampler.take(2)


def test_a_damaged_stretch_costs_its_own_windows_alone(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60, keyframe_every=10, options=RIGID)
    spoil(path, range(30, 40))
    spans = [Span(0, 2), Span(1, 3), Span(3.1, 3.9), Span(4, 6), Span(5, 6)]
    sampler = Sampler(path, spans, fps=10)
    for number, expected in [(0, range(20)), (1, range(10, 30)), (3, range(40, 60)), (4, range(50, 60))]:
        if number == 3:
            with pytest.raises(DecodeError, match=r"a\.mp4 cannot be decoded"):
                sampler.take(2)
        assert indices_of(sampler.take(number)) == list(expected)


def test_a_pass_that_hangs_is_left_behind(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60)
    hanging = HangingWays()
    ways = list(hanging)
    sampler = Sampler(path, OVERLAPPING, fps=10, timeout_seconds=0.5, ways=ways)
    with pytest.raises(DecodeError, match=r"a\.mp4 was stopped"):
        sampler.take(0)
    ways[:] = decode.WAYS
    hanging.release.set()
    assert indices_of(sampler.take(1)) == list(range(15, 40))
    assert indices_of(sampler.take(2)) == list(range(30, 55))


def test_a_file_that_changes_between_windows_is_read_anew(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=60)
    sampler = Sampler(path, OVERLAPPING, fps=10)
    assert len(sampler.take(0).pixels) == 25
    write_clip(path, count=20)
    assert indices_of(sampler.take(1)) == [15, 16, 17, 18, 19]


def test_a_window_past_the_end_is_an_error_that_says_where_the_end_is(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    with pytest.raises(DecodeError, match=r"a\.mp4 ends at 2\.0 s; there is no video at 2\.0 s"):
        sample(path, Span(2, 4))


@pytest.mark.parametrize(("b_frames", "at_once"), [("0", 5), ("3", 1)])
def test_full_size_pictures_never_pile_up(tmp_path, b_frames, at_once):
    path = write_clip(tmp_path / "a.mp4", count=40, size=(320, 240), options={"bf": b_frames})
    source = decode.open_source(str(path), Pulse())
    held = []

    def shrink(frames):
        held.append(len(frames))
        return frames[:, :, :48, :64]

    ways = decode.decoding_ways(chunk_bytes=3 * 320 * 240 * 5)
    pictures = decode.decode(source, range(40), Pulse(), shrink=shrink, ways=ways)
    assert held == [at_once] * (40 // at_once)
    assert pictures.pixels.shape == (40, 48, 64, 3)


def test_a_clock_that_jumps_by_weeks_was_set_and_nothing_lies_between(tmp_path):
    path = write_clip(tmp_path / "a.mkv", [0, 0.1, 0.2, 50 * 86_400, 50 * 86_400 + 0.1], keyframe_every=1)
    video = probe(path)
    assert video.duration_seconds == pytest.approx(0.5) and video.gaps == ()
    assert len(video.warnings) == 1 and "jump at 0.3 s" in video.warnings[0]
    assert [index_of(frame_at(path, seconds)) for seconds in (0.1, 0.2, 0.3, 0.4)] == [1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(24))
def test_any_damage_ends_in_frames_or_in_a_sentence(tmp_path, seed):
    name = ("a.mp4", "a.mkv", "a.ts", "a.avi")[seed % 4]
    path = write_clip(tmp_path / name, codec="mpeg4" if name == "a.avi" else "libx264")
    content, chance = bytearray(path.read_bytes()), random.Random(seed)
    for _ in range(chance.choice((3, 30, 300))):
        content[chance.randrange(12, len(content))] = chance.randrange(256)
    path.write_bytes(content[: chance.randrange(len(content) // 2, 2 * len(content))])
    try:
        video = probe(path)
        frames = sample(path, Span(0, 30), video=video)
    except VideoError as exc:
        assert str(exc).startswith(f"{name} ")
    else:
        assert list(frames.times_seconds) == sorted(frames.times_seconds)
        assert 0 <= frames.times_seconds[0] <= frames.times_seconds[-1] < video.duration_seconds


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_small_file_of_huge_pictures_is_refused_before_one_is_decoded(tmp_path):
    """12,000 x 12,000 pixels took 2.5 GB and a minute."""
    path = write_blank(tmp_path / "huge.mp4", 12_000, 12_000)
    code = """
import re, sys
from footage.core.errors import DecodeError
from footage.media.video import probe
try:
    probe(sys.argv[1])
except DecodeError as error:
    print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1], error)
"""
    probing = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    peak, sentence = probing.stdout.strip().split(" ", 1)
    assert sentence.endswith("its frames are damaged, or larger than 134,217,728 pixels")
    assert int(peak) * 1024 < 1.5e9


def test_large_pictures_are_scaled_down_while_they_are_decoded(tmp_path):
    """Sixteen of them at once took gigabytes."""
    path = write_blank(tmp_path / "large.mp4", 6_400, 6_000, count=3)
    video = probe(path)
    assert (video.width, video.height, video.decoder) == (6_400, 6_000, "pyav")
    assert frame_at(path, 0, max_width=10_000).shape == (3_000, 3_200, 3)
    assert sample(path, WHOLE).pixels.shape[0] == 3


def test_too_large_and_too_narrow_pictures_are_refused(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", size=(64, 48))
    monkeypatch.setattr("footage.media.demux.MAX_PIXELS", 1000)
    with pytest.raises(DecodeError, match=r"a\.mp4 has pictures of 64x48 pixels, 0 MB each; at most 1,000 "):
        probe(path)
    monkeypatch.undo()
    narrow = write_clip(tmp_path / "b.mkv", count=2, codec="ffv1", size=(1000, 2))
    with pytest.raises(DecodeError, match=r"b\.mkv has frames of 1000x2 pixels: too narrow"):
        sample(narrow, WHOLE)
    monkeypatch.setattr("footage.media.demux.MAX_FRAMES", 10)
    with pytest.raises(DecodeError, match="holds more than 10 frames"):
        probe(write_clip(tmp_path / "c.mp4", count=20))


def test_a_decoder_that_hangs_is_given_up(tmp_path):
    path = write_clip(tmp_path / "a.mp4")
    ways = HangingWays()
    with pytest.raises(DecodeError, match=r"a\.mp4 was stopped: its decoder made no progress for 0\.5 s"):
        probe(path, timeout_seconds=0.5, ways=ways)
    ways.release.set()


def test_frame_at_gives_the_picture_on_show_and_scales_it_down(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20, size=(320, 240))
    for seconds, index in [(-1, 0), (0, 0), (0.09, 0), (0.1, 1), (1.55, 15), (99, 19)]:
        assert index_of(frame_at(path, seconds)) == index
    assert frame_at(path, 0).shape == (240, 320, 3)
    assert frame_at(path, 0, max_width=100).shape == (75, 100, 3)


def test_importing_loads_no_decoder():
    script = (
        "import sys, footage.media.video, footage.media.clip; "
        "print(*[m for m in ('av', 'torch', 'torchcodec', 'torchvision', 'PIL') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == ""


def test_missing_ffmpeg_libraries_are_named_with_the_line_that_installs_them(tmp_path):
    (tmp_path / "torchcodec").mkdir()
    (tmp_path / "torchcodec" / "__init__.py").write_text("raise RuntimeError('Could not load libtorchcodec')")
    path = write_clip(tmp_path / "a.mp4", count=2)
    script = (
        "from footage.media.video import probe\n"
        "from footage.core.errors import DependencyError\n"
        f"try:\n    probe({str(path)!r})\n"
        "except DependencyError as exc:\n    print(exc, exc.hint)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "FFmpeg's shared libraries are missing" in answer.stdout
    assert "apt-get install ffmpeg" in answer.stdout


def spoil(path, indices):
    """Overwrite the payload of some frames, as a bad sector would; the container stays whole."""
    with av.open(str(path)) as source:
        packets = [(p.pts, p.pos, p.size) for p in source.demux(video=0) if p.size]
    places = [place for _, *place in sorted(packets)]
    with open(path, "r+b") as file:
        for index in indices:
            position, size = places[index]
            file.seek(position)
            file.write(b"\xff" * size)


# --- real clips, when they are at hand -------------------------------------------------------------------

_DATA = Path(os.environ.get("FOOTAGE_TEST_DATA", "") or "/nowhere")
REAL = sorted(
    str(p.relative_to(_DATA))
    for folder in ("videos", "videos_edge", "videos_derived")
    for p in (_DATA / folder).glob("*")
)
DAMAGED = {"dec_corrupted.mp4", "bgs_video02.avi"}


@pytest.mark.parametrize("name", REAL or ["any"])
def test_every_real_clip_is_read_with_its_true_times(test_data, name):
    path = test_data / name
    video = probe(path)
    shares = ((0, 1), (0.3, 0.7), (0.9, 1))
    spans = [Span(video.duration_seconds * a, video.duration_seconds * b) for a, b in shares]
    windows = [sample(path, span, video=video) for span in spans]
    some = {millis(t) for frames in windows for t in frames.times_seconds[:: max(1, len(frames.pixels) // 3)]}
    times, pictures = decoded_by_hand(path, video.stream_index, video.start_pts_seconds, some)
    assert times[0] == 0
    assert video.duration_seconds == pytest.approx(times[-1], abs=0.2)
    for span, frames in zip(spans, windows, strict=True):
        inside = [t for t in times if span.start_seconds <= t < span.end_seconds]
        count = frames_for(span.duration_seconds)
        expected = [inside[k] for k in spread(len(inside), count)] or [span.start_seconds]
        if path.name not in DAMAGED:
            assert frames.times_seconds == pytest.approx(expected * max(1, 3 - len(expected)), abs=1e-4)
        assert {millis(t) for t in frames.times_seconds} <= {millis(t) for t in inside or expected}
        assert frames.times_seconds[-1] > span.end_seconds - 0.2
        assert frames.pixels.shape[1] % 32 == frames.pixels.shape[2] % 32 == 0
        for seconds, picture in zip(frames.times_seconds, frames.pixels, strict=True):
            if millis(seconds) in pictures:
                truth = pictures[millis(seconds)]
                assert (video.width, video.height) == (truth.shape[1], truth.shape[0])
                assert looks_like(picture, truth)


@pytest.mark.parametrize("name", REAL or ["any"])
def test_windows_of_every_real_clip_in_turn_are_what_each_is_alone(test_data, name):
    path = test_data / name
    video = probe(path)
    step = max(1.0, video.duration_seconds / 6)
    spans = [Span(n * step, (n + 1.4) * step) for n in range(6) if n * step < video.duration_seconds]
    sampler = Sampler(path, spans, video=video, pixels_per_frame=50_000)
    for number, span in enumerate(spans):
        same(sampler.take(number), sample(path, span, video=video, pixels_per_frame=50_000))


def test_a_clip_with_an_offset_of_an_hour_has_the_times_of_its_original(test_data):
    offset, original = (
        test_data / "videos_derived/car_mpeg2_offset3600.ts",
        test_data / "videos/intel_car-detection.mp4",
    )
    assert probe(offset).start_pts_seconds == pytest.approx(3601.4)
    for seconds in (5.5, 16.5, 26.5):
        here = frame_at(offset, seconds).astype(float)
        off = {
            shift: np.abs(frame_at(original, seconds + shift) - here).mean()
            for shift in (-0.5, -0.25, 0, 0.25, 0.5)
        }
        assert min(off, key=off.get) == 0


def test_a_turned_clip_shows_the_turned_pictures_of_its_original(test_data):
    turned, original = (
        test_data / "videos_derived/car_rot90_remux.mp4",
        test_data / "videos/intel_car-detection.mp4",
    )
    assert (probe(turned).width, probe(turned).height) == (432, 768)
    for seconds in (0, 17.3):
        upright = frame_at(turned, seconds, max_width=9999)
        assert np.array_equal(upright, np.rot90(frame_at(original, seconds, max_width=9999)))


def test_what_is_odd_about_the_real_clips_is_found_out(test_data):
    found = {Path(name).name: probe(test_data / name) for name in REAL}
    assert found["car_truncated.mp4"].warnings == ("13.6 s of 30.2 s are readable",)
    assert found["tc_nasa_13013.mp4"].stream_index == 3
    assert (found["tc_nasa_13013.mp4"].width, found["tc_nasa_13013.mp4"].height) == (480, 270)
    assert found["tc_test_non_zero_start.mp4"].start_pts_seconds == pytest.approx(8.333, abs=1e-3)
    assert found["mpy_no_duration.webm"].duration_seconds == pytest.approx(4.94, abs=0.01)
    assert found["mpy_no_duration.webm"].decoder == "torchcodec exact"
    assert {n for n, v in found.items() if v.rotation_degrees} == {
        "car_rot90_remux.mp4",
        "dec_video_90.mov",
        "exo_video_1.mp4",
        "tc_nasa_13013_rotated.mp4",
    }
    assert {n for n, v in found.items() if v.variable_frame_rate} == {
        "dvrscan_traffic_camera_vfr.mp4",
        "exo_desks.3gp",
    }
    assert {n for n, v in found.items() if v.warnings} == {"car_truncated.mp4", "dec_corrupted.mp4"}


def decoded_by_hand(path, stream_index, start_seconds, some):
    """Times of all frames decoded from the start on, and the upright pictures at ``some`` of them."""
    ticks, pictures = [], {}
    with av.open(str(path), metadata_errors="replace") as source:
        stream = source.streams[stream_index]
        for packet in source.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            ticks += [frame.pts for frame in frames]
            for frame in frames:
                key = millis(float(frame.pts * stream.time_base) - start_seconds)
                if key in some:
                    pictures[key] = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
        return [float((t - min(ticks)) * stream.time_base) for t in sorted(ticks)], pictures


def millis(seconds):
    return round(seconds * 1000)


def looks_like(picture, truth):
    """Whether two pictures of different size show the same."""
    one, other = (
        np.asarray(Image.fromarray(pixels).resize((24, 24), Image.Resampling.BOX), dtype=float)
        for pixels in (picture, truth)
    )
    return np.abs(one - other).mean() < 5
