"""Streams as recorders write them: clocks that start again or jump, pictures that change their size.

What is right is what FFmpeg's own command decodes of each part before the parts were joined.
"""

from __future__ import annotations

import subprocess
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_clips import index_of, write_clip

from footage.core.errors import DecodeError
from footage.core.timeout import Pulse
from footage.core.types import Span, Video
from footage.core.windows import plan_windows, run_of, runs
from footage.inference.windows import cut_segment
from footage.media import demux
from footage.media.animation import write_animation
from footage.media.clip import write_clip as cut_clip
from footage.media.concat import Piece, write_reel
from footage.media.containers import check
from footage.media.discontinuities import GAP_SECONDS
from footage.media.frame_grid import read_grid
from footage.media.sandbox import copy_clip, write_thumbnail
from footage.media.segment import stretch_in
from footage.media.video import Sampler, frame_at, probe, sample
from footage.vlm.profiles import DEMO

FPS = 25
WRAP_SECONDS = 2**33 / 90_000
"""When the clock of a transport stream starts again."""
DAY = 86_400.0


def ffmpeg(*arguments):
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True, capture_output=True
    ).stdout


def pictures_of(path, size=(64, 48)):
    """Every picture of a file as FFmpeg's command decodes it, uint8 (frames, height, width, 3)."""
    scaled = f"scale={size[0]}:{size[1]}"
    raw = ffmpeg("-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-vf", scaled, *RAW)
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


RAW = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-")


def draw(path, *, seconds=2.0, picture="testsrc", tone=None, start=0.0, size="64x48", arguments=()):
    """A moving picture of FFmpeg's, with a tone where one is asked for."""
    sound = ["-f", "lavfi", "-i", f"sine={tone}:r=48000"] if tone else []
    codec = ["-c:v", "mpeg2video", "-q:v", "2"] if path.suffix == ".mpg" else ["-c:v", "libx264"]
    made = ["-f", "lavfi", "-i", f"{picture}=size={size}:rate={FPS}", *sound, "-t", seconds, *codec]
    ffmpeg(*made, "-pix_fmt", "yuv420p", "-g", "10", "-bf", "2", "-output_ts_offset", start, *arguments, path)
    return path


def join(path, *parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def table_of(path):
    return demux.read_table(check(path)[0], Pulse())


def difference(pictures, truth):
    """The mean difference of each picture from the true one, in grey levels."""
    assert len(pictures) == len(truth)
    return np.abs(np.asarray(pictures).astype(int) - truth).mean(axis=(1, 2, 3))


def frame_by_frame(path, times):
    return [frame_at(path, seconds, max_width=1 << 16) for seconds in times]


def dominant_hertz(path, span):
    """The loudest tone in a part of a file's sound."""
    raw = ffmpeg("-i", path, "-map", "0:a", "-ac", "1", "-ar", "8000", "-f", "f32le", "-")
    samples = np.frombuffer(raw, np.float32)[round(span[0] * 8000) : round(span[1] * 8000)]
    return float(np.abs(np.fft.rfft(samples)).argmax() * 8000 / len(samples))


# --- 1. Time stamps that start again ------------------------------------------------------------------------


def parts_of(tmp_path, kind):
    """The parts of a joined file, of 2 s each."""
    end = ".mpg" if kind == "program stream" else ".ts"
    starts = {
        "late first clock": (36_000.0, 0.0),  # FFmpeg takes it for a wrap, 16.5 hours later
        "wrap in the first part": (WRAP_SECONDS - 1, 0.0),
        "clock set back a little": (100.0, 101.5),
        "clock set back by a frame": (0.0, 1.96),
        "four parts": (0.0, 0.0, 0.0, 0.0),
        "no sound": (0.0, 0.0),
    }.get(kind, (0.0, 0.0))
    pictures = ("testsrc", "mandelbrot", "rgbtestsrc", "testsrc2")
    tones = (None,) * 4 if kind == "no sound" else (440, 880, 440, 880)
    arguments = ("-x264-params", "open-gop=1:bframes=3") if kind == "open groups" else ()
    return [
        draw(tmp_path / f"{n}{end}", picture=pictures[n], tone=tones[n], start=start, arguments=arguments)
        for n, start in enumerate(starts)
    ]


KINDS = (
    *("transport stream", "program stream", "no sound", "four parts", "open groups", "late first clock"),
    *("wrap in the first part", "clock set back a little", "clock set back by a frame"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_recordings_joined_end_to_end_are_read_one_after_the_other(tmp_path, kind):
    parts = parts_of(tmp_path, kind)
    path = join(tmp_path / f"joined{parts[0].suffix}", *parts)
    truth = np.concatenate([pictures_of(part) for part in parts])
    video = probe(path)
    assert len(truth) == 2 * FPS * len(parts)
    assert video.duration_seconds == pytest.approx(2 * len(parts), abs=1e-4) and video.gaps == ()
    assert not video.variable_frame_rate
    assert len(video.warnings) == 1 and "restart or jump at 2.0 s" in video.warnings[0]

    # Each picture by itself, which seeks, and all of them window by window.
    times = [n / FPS for n in range(1, len(truth), 24)]
    assert difference(frame_by_frame(path, times), truth[1::24]).max() < 2
    spans = [Span(1, 3), Span(2 * len(parts) - 1.6, 2 * len(parts))]
    sampler = Sampler(path, spans, fps=FPS, max_frames=2 * FPS, pixels_per_frame=64 * 64)
    for number, span in enumerate(spans):
        frames = sampler.take(number)
        shown = [round(seconds * FPS) for seconds in frames.times_seconds]
        assert shown == list(range(round(span.start_seconds * FPS), round(span.end_seconds * FPS)))
        assert np.allclose(frames.times_seconds, [n / FPS for n in shown], atol=1e-4)


def test_recordings_of_different_frame_rates_are_joined_without_an_overlap(tmp_path):
    first = draw(tmp_path / "a.ts", arguments=("-r", "12.5"))
    second = draw(tmp_path / "b.ts", picture="mandelbrot")
    path = join(tmp_path / "joined.ts", first, second)
    truth = np.concatenate([pictures_of(first), pictures_of(second)])
    assert len(truth) == 75 and probe(path).duration_seconds == pytest.approx(4, abs=1e-4)
    assert difference(frame_by_frame(path, [1.93, 2.0, 3.97]), truth[[24, 25, 74]]).max() < 2


def test_recordings_joined_in_the_middle_of_a_group_lose_only_what_cannot_be_decoded(tmp_path):
    first, second = draw(tmp_path / "a.ts"), draw(tmp_path / "b.ts", picture="mandelbrot")
    cut_off = tmp_path / "tail.ts"
    cut_off.write_bytes(second.read_bytes()[188 * (second.stat().st_size // 3 // 188) :])
    path = join(tmp_path / "joined.ts", first, cut_off)
    rest = pictures_of(cut_off)
    video = probe(path)
    assert 2 < video.duration_seconds < 4 and len(video.warnings) >= 1
    assert difference([frame_at(path, 1.96)], pictures_of(first)[-1:]).max() < 2
    assert difference([frame_at(path, video.duration_seconds - 0.01)], rest[-1:]).max() < 2


def test_clips_copies_reels_and_animations_hold_what_is_at_the_joint(tmp_path):
    parts = parts_of(tmp_path, "transport stream")
    path = join(tmp_path / "joined.ts", *parts)
    truth = np.concatenate([pictures_of(part) for part in parts])

    clip = cut_clip(path, Span(1, 3), tmp_path / "clip.mp4")
    assert (clip.span, clip.frames) == (Span(1, 3), 50)
    assert difference(pictures_of(clip.path), truth[25:75]).max() < 8
    assert dominant_hertz(clip.path, (0.1, 0.9)) == pytest.approx(440, abs=5)
    assert dominant_hertz(clip.path, (1.1, 1.9)) == pytest.approx(880, abs=5)

    later = cut_clip(path, Span(2.4, 3.2), tmp_path / "later.mp4")
    assert difference(pictures_of(later.path), truth[60:80]).max() < 8
    assert dominant_hertz(later.path, (0.1, 0.7)) == pytest.approx(880, abs=5)

    copy = copy_clip(path, Span(1.6, 2.8), tmp_path / "copy.mp4")
    first, past = (round(seconds * FPS) for seconds in (copy.span.start_seconds, copy.span.end_seconds))
    assert first <= 40 and past >= 70 and copy.frames == past - first
    assert difference(pictures_of(copy.path), truth[first:past]).max() < 1

    stretch = stretch_in(table_of(path), Span(1, 3))
    reel = write_reel([Piece(stretch)], tmp_path / "reel.mp4", rate=Fraction(FPS))
    assert difference(pictures_of(reel.path), truth[25:75]).max() < 20  # in other colours (BT.709)
    assert write_animation(path, Span(1, 3), tmp_path / "a.gif").stat().st_size > 0

    grid = read_grid(path)
    assert (grid.rate, grid.warnings) == (FPS, ())
    assert (grid.frame(stretch.begin), grid.frame(stretch.end)) == (25, 75)


def test_a_clock_that_wraps_goes_on_without_a_word(tmp_path):
    path = draw(tmp_path / "a.ts", start=WRAP_SECONDS - 2.4, tone=440)  # the muxer begins 1.4 s later
    plain = draw(tmp_path / "b.ts", tone=440)
    with av.open(str(path), container_options={"correct_ts_overflow": "0"}) as source:
        stamps = [packet.dts for packet in source.demux(video=0) if packet.dts is not None]
    assert any(later < earlier for earlier, later in pairwise(stamps))  # it does wrap
    video = probe(path)
    assert (video.duration_seconds, video.warnings) == (pytest.approx(2), ())
    times = [n / FPS for n in range(0, 50, 12)]
    assert difference(frame_by_frame(path, times), pictures_of(plain)[::12]).max() < 2


def test_what_was_found_out_before_does_not_lead_to_a_decoder_that_goes_by_the_file_s_clock(tmp_path):
    path = join(tmp_path / "joined.ts", *parts_of(tmp_path, "transport stream"))
    video = Video("", 4, 64, 48, FPS, "h264", decoder="torchcodec")  # as an older index has it
    assert sample(path, Span(2, 4), video=video).decoder == "pyav"


@pytest.mark.parametrize("name", ["a.ts", "a.mpg", "a.mkv", "a.mp4", "a.avi", "a.flv"])
@pytest.mark.parametrize(
    "x264", ["bframes=0", "bframes=8:b-adapt=0", "open-gop=1:bframes=3", "intra-refresh=1"]
)
def test_a_file_with_one_clock_has_no_parts(tmp_path, name, x264):
    path = draw(tmp_path / name, arguments=() if name == "a.mpg" else ("-x264-params", x264))
    assert table_of(path).parts is None


# --- 2. Pictures that change --------------------------------------------------------------------------------


def changing(tmp_path, *, size="96x48", arguments=(), end=".ts"):
    first = draw(tmp_path / f"1{end}", size="128x96")
    second = draw(tmp_path / f"2{end}", picture="mandelbrot", size=size, start=2.0, arguments=arguments)
    return join(tmp_path / f"changing{end}", first, second), first, second


@pytest.mark.parametrize("end", [".ts", ".mpg"])
@pytest.mark.parametrize("size", ["192x96", "256x192", "96x128", "64x48"])
def test_each_picture_is_scaled_by_its_own_size(tmp_path, size, end):
    path, _, second = changing(tmp_path, size=size, end=end)
    wide, high = map(int, size.split("x"))
    video = probe(path)
    assert (video.width, video.height) == (128, 96) and f"from 128x96 to {size}" in " ".join(video.warnings)
    assert video.duration_seconds == pytest.approx(4, abs=0.05)

    # Single pictures have their own size; thumbnails are as wide as they may be.
    own = frame_by_frame(path, [3.0])
    assert own[0].shape == (high, wide, 3)
    assert difference(own, pictures_of(second, (wide, high))[25:26]).max() < 4
    write_thumbnail(path, 3.0, tmp_path / "a.jpg", max_width=32)

    # Windows of the model: of one size, the shape of a picture kept.
    frames = sample(path, Span(1, 3), pixels_per_frame=128 * 96)
    tall, broad = frames.pixels.shape[1:3]
    assert (tall, broad) == (96, 128)
    share = min(broad / wide, tall / high)
    top, left = round((tall - high * share) / 2), round((broad - wide * share) / 2)
    last = frames.pixels[-1]
    assert last[top + 1 : tall - top - 1, left + 1 : broad - left - 1].mean() > 60
    assert not last[: max(0, top - 1)].any() and not last[:, : max(0, left - 1)].any()
    alone = sample(path, Span(2.5, 3.5), pixels_per_frame=128 * 96)  # a window of the second size alone
    assert alone.pixels[-1][0].any() and alone.pixels[-1][:, 0].any()


def test_exports_keep_the_shape_of_pictures_that_change_their_size(tmp_path):
    path, first, _ = changing(tmp_path, size="256x96")
    clip = cut_clip(path, Span(1, 3), tmp_path / "clip.mp4")
    pictures = pictures_of(clip.path)
    assert clip.frames == 50 and difference(pictures[:25], pictures_of(first)[25:]).max() < 8
    assert pictures[-1][:10].max() < 12 and pictures[-1][-10:].max() < 12  # 64x24 in the middle of 64x48
    assert pictures[-1][16:32].mean() > 60
    stretch = stretch_in(table_of(path), Span(1, 3))
    reel = write_reel([Piece(stretch, title="A")], tmp_path / "reel.mp4", rate=Fraction(FPS))
    assert pictures_of(reel.path)[-1][:10].max() < 12
    assert write_animation(path, Span(1, 3), tmp_path / "a.webp").stat().st_size > 0


@pytest.mark.parametrize("change", [("-pix_fmt", "yuv444p"), ("-bf", "0", "-refs", "1", "-coder", "vlc")])
def test_other_pixels_or_parameters_in_mid_stream_are_decoded(tmp_path, change):
    path, first, second = changing(tmp_path, size="128x96", arguments=change)
    truth = np.concatenate([pictures_of(part, (128, 96)) for part in (first, second)])
    assert probe(path).duration_seconds == pytest.approx(4, abs=0.01)
    assert difference(frame_by_frame(path, [n / FPS for n in range(0, 100, 24)]), truth[::24]).max() < 4
    frames = sample(path, Span(0, 4), fps=FPS, pixels_per_frame=64 * 64)
    assert len(frames.pixels) == 100


# --- 3. Time stamps that jump -------------------------------------------------------------------------------


def jump(path, *, by, at=1.0, seconds=4.0, fps=FPS):
    """Frames 0, 1, 2, … of which those from ``at`` on come ``by`` seconds later."""
    times = [n / fps for n in range(round(seconds * fps))]
    return write_clip(path, [t + by * (t >= at) for t in times], fps=fps)


@pytest.mark.parametrize("by", [31.0, 26 * 3600.0, 6 * DAY])
def test_windows_lie_only_where_there_are_frames(tmp_path, by):
    path = jump(tmp_path / ("a.mp4" if by < 60 else "a.mkv"), by=by)
    video = probe(path)
    with av.open(str(path)) as source:
        times = sorted(float(frame.pts * frame.time_base) for frame in source.decode(video=0))
    assert (times[25] - times[24]) == pytest.approx(by + 1 / FPS, abs=0.002)
    assert video.duration_seconds == pytest.approx(4 + by, abs=0.05)
    [gap] = video.gaps
    assert (gap.start_seconds, gap.end_seconds) == (
        pytest.approx(1, abs=0.01),
        pytest.approx(1 + by, abs=0.01),
    )
    assert video.footage_seconds == pytest.approx(4, abs=0.05) and video.fps == pytest.approx(25, rel=0.02)
    assert not video.variable_frame_rate and video.warnings == ()
    windows = plan_windows("", video.duration_seconds, window_seconds=30, overlap_seconds=5, gaps=video.gaps)
    assert [window.span for window in windows] == [
        Span(0, gap.start_seconds),
        Span(gap.end_seconds, video.duration_seconds),
    ]
    shown = [index_of(sample(path, window.span).pixels[-1]) for window in windows]
    assert shown == [24, 99]
    assert index_of(frame_at(path, 1 + by / 2)) == 24  # in the gap the picture from before it is on show
    assert cut_clip(path, Span(1 + by, 2 + by), tmp_path / "clip.mp4").frames == 25
    across = cut_clip(path, Span(0.5, 2 + by), tmp_path / "across.mp4")  # the longer run of frames, no gap
    assert (across.frames, across.span.duration_seconds) == (25, pytest.approx(1, abs=0.01))


@pytest.mark.parametrize("by", [8 * DAY, 20_000 * DAY, 3_000_000 * DAY])
def test_a_jump_of_any_size_loses_no_file(tmp_path, by):
    path = jump(tmp_path / "a.mkv", by=by)
    video = probe(path)
    assert video.duration_seconds == pytest.approx(4, abs=0.01) and video.gaps == ()
    assert "jump at 1.0 s" in video.warnings[0]
    assert [index_of(frame_at(path, n / FPS)) for n in range(1, 100, 24)] == list(range(1, 100, 24))


@pytest.mark.parametrize("step", [2.0, 20.0, 30.0])
def test_a_camera_of_few_frames_has_no_gaps(tmp_path, step):
    path = write_clip(tmp_path / "a.mkv", [n * step for n in range(12)], fps=1)
    video = probe(path)
    assert video.gaps == () and video.footage_seconds == video.duration_seconds == pytest.approx(
        11 * step + 1
    )


@pytest.mark.parametrize(("step", "ending"), [(60.0, "mkv"), (1500.0, "mp4")])
def test_frames_further_apart_than_a_window_make_one_window_each(tmp_path, step, ending):
    """A few kB that claim 58 h were planned as 8,400 windows, nearly all of them without a frame."""
    path = write_clip(tmp_path / f"a.{ending}", [n * step for n in range(140)], fps=1)
    video = probe(path)
    windows = plan_windows("v", video.duration_seconds, window_seconds=30, overlap_seconds=5, gaps=video.gaps)
    assert [each.span.start_seconds for each in windows] == [n * step for n in range(140)]


CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def with_boxes(data, payloads):
    """An MP4 with other payloads in some of its boxes; the sizes of those around them follow."""
    made, at = b"", 0
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        payload = payloads.get(name, data[at + 8 : at + size])
        if name in CONTAINERS:
            payload = with_boxes(payload, payloads)
        made += (8 + len(payload)).to_bytes(4) + name + payload
        at += size
    return made


def numbers(*values):
    return b"".join(value.to_bytes(4) for value in values)


def test_an_index_that_names_the_same_bytes_again_and_again_is_refused(tmp_path):
    """Twenty million frames may stand in a few hundred bytes."""
    path = write_clip(tmp_path / "a.mp4", count=140)
    data = path.read_bytes()
    begin = data.index(b"mdat") + 4
    size = int.from_bytes(data[begin - 8 : begin - 4]) - 8
    same = {
        b"stsc": numbers(0, 1, 1, 1, 1),
        b"stco": numbers(0, 140, *[begin] * 140),
        b"stsz": numbers(0, size, 140),
    }
    path.write_bytes(with_boxes(data, same))
    with pytest.raises(
        DecodeError, match=r"a\.mp4 is damaged: its index refers to the same bytes many times"
    ):
        probe(path)


def test_a_last_frame_that_claims_to_last_for_days_lasts_a_window(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=1, fps=10)
    data = path.read_bytes()
    at = data.index(b"stts") + 8  # how many entries: of each a count of frames, and their length
    assert (data[at : at + 4], data[at + 4 : at + 8]) == ((1).to_bytes(4), (1).to_bytes(4))
    path.write_bytes(data[: at + 8] + (2**31 - 1).to_bytes(4) + data[at + 12 :])
    assert probe(path).duration_seconds == GAP_SECONDS


def test_a_pause_shorter_than_a_window_is_none(tmp_path):
    assert probe(jump(tmp_path / "a.mkv", by=GAP_SECONDS - 1)).gaps == ()


def test_a_transport_stream_that_jumps_and_starts_again_has_both(tmp_path):
    parts = [draw(tmp_path / f"{n}.ts", start=start) for n, start in enumerate((0.0, 3602.08, 0.0))]
    path = join(tmp_path / "joined.ts", *parts)
    video = probe(path)
    [gap] = video.gaps
    assert gap.start_seconds == pytest.approx(2) and gap.end_seconds == pytest.approx(3602, abs=1e-4)
    assert video.duration_seconds == pytest.approx(3606, abs=1e-4) and "at 3604.0 s" in video.warnings[0]
    truth = np.concatenate([pictures_of(part) for part in parts])
    shown = frame_by_frame(path, [1.96, 3602.0, 3603.96, 3604.0, 3605.96])
    assert difference(shown, truth[[49, 50, 99, 100, 149]]).max() < 2


spans = st.lists(st.integers(0, 400), min_size=2, max_size=12, unique=True).map(sorted)


@given(spans, st.integers(1, 400), st.integers(0, 399), st.integers(2, 40), st.integers(0, 39))
def test_windows_cover_every_run_of_frames_and_no_gap(edges, duration, start, length, overlap):
    gaps = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False) if b <= duration]
    start, overlap = min(start, duration), min(overlap, length - 1)
    windows = plan_windows(
        *("v", duration), window_seconds=length, overlap_seconds=overlap, start_seconds=start, gaps=gaps
    )
    assert [window.index for window in windows] == list(range(len(windows)))
    covered = {second for each in windows for second in seconds_of(each.span)}
    empty = {second for gap in gaps for second in seconds_of(gap)}
    assert covered == set(range(start, duration)) - empty
    kept = [second for run in runs(Span(start, duration), gaps) for second in seconds_of(run)]
    assert sorted(covered) == kept
    for window in windows:
        assert window.span.duration_seconds <= length
        assert run_of(window.span, Span(0, duration), gaps).start_seconds <= window.span.start_seconds
    if start < duration:
        windows = cut_segment(
            Span(start, duration), DEMO, layout="separate", window_seconds=length, gaps=gaps
        )
        pieces = [window.span for window in windows]
        assert [s for each in pieces for s in (each.start_seconds, each.end_seconds)] == sorted(
            s for each in pieces for s in (each.start_seconds, each.end_seconds)
        )


def seconds_of(span):
    return range(round(span.start_seconds), round(span.end_seconds))
