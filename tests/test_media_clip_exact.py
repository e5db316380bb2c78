"""Clips and copies hold exactly the frames they say, with their sound in step."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from test_media_clip import frames_of
from tiny_clips import write_clip
from tiny_exports import NTSC, click_in, stretch_of, write_click, write_rated

from footage.core.errors import DecodeError, UsageError
from footage.core.types import Span
from footage.media.clip import copy_clip
from footage.media.clip import write_clip as cut_clip
from footage.media.segment import Stretch


@pytest.mark.parametrize("rate", [Fraction(25), NTSC, Fraction(25, 2)])
def test_a_clip_says_what_it_holds(tmp_path, rate):
    path = write_rated(tmp_path / "a.mp4", rate, count=100)
    written = cut_clip(path, Span(1.0, 2.0), tmp_path / "out.mp4")
    first, past = -(-1 * rate // 1), -(-2 * rate // 1)
    assert [index for _, index in frames_of(written.path)] == list(range(first, past))
    assert written.frames == past - first
    assert written.span.start_seconds == pytest.approx(float(first / rate), abs=1e-6)
    assert written.span.end_seconds == pytest.approx(float(past / rate), abs=1e-6)


def test_a_frame_that_begins_where_the_span_does_is_in_whatever_floats_do(tmp_path):
    path = write_rated(tmp_path / "a.mp4", NTSC, count=100)
    for first in range(1, 60, 7):
        stretch = stretch_of(path, Span(float(first / NTSC), float((first + 3) / NTSC)))
        assert (stretch.first, stretch.past) == (first, first + 3)
        again = stretch_of(path, stretch.span)
        assert (again.first, again.past) == (first, first + 3)


def test_a_stretch_is_cut_to_whole_frames_but_never_to_none(tmp_path):
    path = write_rated(tmp_path / "a.mp4", 25, count=100)
    stretch = stretch_of(path, Span(1, 3))
    assert stretch.at_most(0.99).past - stretch.first == 24
    assert stretch.at_most(1.0).past - stretch.first == 25
    assert stretch.at_most(10) == stretch
    assert stretch.at_most(0.001).past - stretch.first == 1


def test_pictures_keep_their_size_and_quality(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20, size=(1280, 720))
    with (
        av.open(str(cut_clip(path, Span(0.5, 1), tmp_path / "out.mp4").path)) as made,
        av.open(path) as source,
    ):
        pictures = [frame.to_ndarray(format="gray") for frame in made.decode(video=0)]
        truth = [frame.to_ndarray(format="gray") for frame in source.decode(video=0)][5:10]
    assert len(pictures) == 5 and pictures[0].shape == (720, 1280)
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(pictures, truth, strict=True)) < 2


def test_colours_are_said_to_be_what_they_are(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        stream.codec_context.color_range, stream.codec_context.colorspace = 2, 1
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 255, np.uint8), format="yuvj420p")
            frame.pts = index
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    with av.open(str(cut_clip(path, Span(0, 1), tmp_path / "out.mp4").path)) as source:
        frame = next(source.decode(video=0))
        assert (frame.format.name, int(frame.color_range), int(frame.colorspace)) == ("yuv420p", 1, 1)
        assert abs(int(frame.to_ndarray()[0, 0]) - 235) <= 1  # white of the full range is 235 of the limited


@pytest.mark.parametrize(("start", "end"), [(1.0, 3.0), (1.013, 2.49), (0.0, 2.0)])
def test_sound_stays_in_step_to_the_sample(tmp_path, start, end):
    path = write_click(tmp_path / "a.mp4", 4, 1.5)
    written = cut_clip(path, Span(start, end), tmp_path / "out.mp4")
    assert click_in(written.path) == pytest.approx(1.5 - written.span.start_seconds, abs=0.003)
    with av.open(str(written.path)) as source:
        lengths = [float(stream.duration * stream.time_base) for stream in source.streams]
    assert lengths == pytest.approx([written.span.duration_seconds] * 2, abs=0.001)


def test_sound_that_ends_early_is_followed_by_silence(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40, audio_seconds=1.5)
    with av.open(str(cut_clip(path, Span(1, 3), tmp_path / "out.mp4").path)) as source:
        sound = source.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(2, abs=0.001)
        late = [np.abs(frame.to_ndarray()).max() for frame in source.decode(sound) if frame.time > 0.6]
    assert len(late) > 20 and max(late) < 0.01


@pytest.mark.parametrize("reordered", ["0", "2"])
def test_a_copy_begins_with_a_keyframe_and_misses_nothing(tmp_path, reordered):
    path = write_clip(
        tmp_path / "a.mp4",
        count=60,
        keyframe_every=20,
        options={"bf": reordered, "sc_threshold": "0"},
        audio_seconds=6,
    )
    written = copy_clip(path, Span(2.5, 4.25), tmp_path / "out.mp4")
    frames = frames_of(written.path)
    indices = [index for _, index in frames]
    assert indices == list(range(20, 20 + len(indices))) and 43 <= indices[-1] + 1 <= 46
    assert written.frames == len(indices)
    assert written.span.start_seconds == 2.0
    assert written.span.end_seconds == pytest.approx((indices[-1] + 1) / 10)
    assert [seconds for seconds, _ in frames] == pytest.approx([k / 10 for k in range(len(frames))], abs=1e-3)


def test_a_copy_is_the_source_bit_by_bit_and_keeps_its_sound(tmp_path):
    path = write_click(tmp_path / "a.mp4", 4, 1.5)
    written = copy_clip(path, Span(1, 3), tmp_path / "out.mp4")
    with av.open(str(path)) as source, av.open(str(written.path)) as made:
        truth = {round(frame.time * 25): frame.to_ndarray() for frame in source.decode(video=0)}
        offset = round(written.span.start_seconds * 25)
        for frame in made.decode(video=0):
            assert np.array_equal(frame.to_ndarray(), truth[round(frame.time * 25) + offset])
    assert click_in(written.path) == pytest.approx(1.5 - written.span.start_seconds, abs=0.025)


def test_a_copy_of_a_turned_video_stays_turned(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20, rotation=90)
    with av.open(str(copy_clip(path, Span(0, 1), tmp_path / "out.mp4").path)) as source:
        assert next(source.decode(video=0)).rotation == 90


def test_streams_that_no_mp4_holds_are_not_copied(tmp_path):
    path = write_clip(tmp_path / "a.webm", count=20, codec="libvpx")
    with pytest.raises(DecodeError, match=r"a\.webm cannot be copied into an MP4") as caught:
        copy_clip(path, Span(0, 1), tmp_path / "out.mp4")
    assert "--copy" in caught.value.hint
    assert not list(tmp_path.glob("*.mp4")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("write", [cut_clip, copy_clip])
def test_a_source_is_never_written_over(tmp_path, write):
    path = write_clip(tmp_path / "a.mp4", count=20)
    before = path.read_bytes()
    (tmp_path / "link.mp4").symlink_to(path)
    for out in (path, tmp_path / "link.mp4", tmp_path / "x" / ".." / "a.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="must not be overwritten"):
            write(path, Span(0, 1), out)
    assert path.read_bytes() == before


FIRST_AND_LAST = (
    *("videos/tc_nasa_13013.mp4", "videos/dvrscan_traffic_camera.mp4", "videos/bgs_video02.avi"),
    *("videos/dvrscan_traffic_camera_vfr.mp4", "videos_derived/car_mpeg2_offset3600.ts"),
    *("videos_derived/car_rot90_remux.mp4", "videos_edge/tc_testsrc2_h265.mp4", "videos_edge/exo_desks.3gp"),
)


@pytest.mark.parametrize("name", FIRST_AND_LAST)
def test_the_first_and_last_frame_are_those_of_the_source(test_data, tmp_path, name):
    path = test_data / name
    written = cut_clip(path, Span(0.7, 1.45), tmp_path / "out.mp4")
    stretch = stretch_of(path, Span(0.7, 1.45))
    times = stretch.table.times_seconds
    assert times[stretch.first - 1] < 0.7 <= times[stretch.first] <= times[stretch.past - 1] < 1.45
    assert stretch.past == len(times) or times[stretch.past] >= 1.45
    with av.open(str(written.path)) as made:
        pictures = [frame.to_ndarray(format="gray").astype(int) for frame in made.decode(video=0)]
    assert len(pictures) == written.frames == stretch.past - stretch.first
    for place, picture in ((stretch.first, pictures[0]), (stretch.past - 1, pictures[-1])):
        truth = {near: _picture(stretch, near) for near in (place - 1, place, place + 1)}
        off = {near: np.abs(each - picture).mean() for near, each in truth.items() if each is not None}
        # Where next to nothing moves, neighbours are as near.
        assert off[place] <= min(off.values()) + 0.05 and off[place] < 4


def _picture(stretch, index):
    """Frame number ``index`` of the source, upright and grey; None past the end."""
    from footage.core.timeout import Pulse
    from footage.media import frame_reader

    if not 0 <= index < len(stretch.table.pts):
        return None
    [found] = frame_reader.decode(stretch.table, [index], Pulse())
    grey = np.round(found.pixels @ [0.299, 0.587, 0.114]).astype(int)
    assert isinstance(stretch, Stretch)
    return grey[: grey.shape[0] // 2 * 2, : grey.shape[1] // 2 * 2]


def test_the_last_picture_stays_as_long_as_it_did(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0, 0.1, 0.2, 0.3, 2.0, 2.1], fps=10)
    written = cut_clip(path, Span(0.1, 1.0), tmp_path / "out.mp4")
    assert written.span.end_seconds == pytest.approx(2.0)
    with av.open(str(written.path)) as source:
        video = source.streams.video[0]
        assert float(video.duration * video.time_base) == pytest.approx(1.9, abs=0.001)
