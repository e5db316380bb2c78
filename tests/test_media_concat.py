"""A reel shows its pieces one after the other, in step, whatever they are made of."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from tiny_clips import index_of, write_clip
from tiny_exports import NTSC, click_in, stretch_of, write_click, write_rated

from footage.core.errors import UsageError
from footage.core.types import Span
from footage.media.animation import MAX_SIDE, MOST_PICTURES, write_animation
from footage.media.concat import Piece, write_reel
from footage.media.text_overlay import write_on


def pictures_of(path):
    """(seconds, upright RGB picture) of every frame."""
    with av.open(str(path)) as source:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in source.decode(video=0)]


def lengths_of(path):
    with av.open(str(path)) as source:
        return [float(stream.duration * stream.time_base) for stream in source.streams]


def test_pieces_of_one_rate_are_joined_frame_by_frame(tmp_path):
    path = write_rated(tmp_path / "a.mp4", NTSC, count=120)
    pieces = [Piece(stretch_of(path, Span(*span))) for span in ((2.0, 2.5), (0.0, 0.2), (1.0, 1.01))]
    reel = write_reel(pieces, tmp_path / "out.mp4", rate=NTSC)
    expected = [*range(60, 75), *range(6), 30]
    assert [index_of(picture) for _, picture in pictures_of(reel.path)] == expected
    assert [seconds for seconds, _ in pictures_of(reel.path)] == pytest.approx(
        [float(number / NTSC) for number in range(len(expected))], abs=1e-4
    )
    ends = [0, 15, 21, 22]
    assert [span.start_seconds for span in reel.spans] == pytest.approx([float(e / NTSC) for e in ends[:3]])
    assert [span.end_seconds for span in reel.spans] == pytest.approx([float(e / NTSC) for e in ends[1:]])
    with av.open(str(reel.path)) as source:
        assert not source.streams.audio and source.streams.video[0].average_rate == NTSC


def test_other_rates_are_brought_to_one_at_their_own_speed(tmp_path):
    slow = write_clip(tmp_path / "slow.mp4", count=20, fps=10)
    uneven = write_clip(tmp_path / "uneven.mp4", [0, 0.1, 0.5, 0.52, 1.0], fps=25)
    pieces = [Piece(stretch_of(slow, Span(0, 1))), Piece(stretch_of(uneven, Span(0, 0.9)))]
    reel = write_reel(pieces, tmp_path / "out.mp4", rate=Fraction(25))
    pictures = pictures_of(reel.path)
    assert [seconds for seconds, _ in pictures] == pytest.approx([k / 25 for k in range(50)], abs=1e-3)
    first = [index_of(picture) for _, picture in pictures[:25]]
    assert first == [int(k / 25 * 10 + 1e-6) for k in range(25)]
    second = [index_of(picture) for _, picture in pictures[25:]]
    times = [0, 0.1, 0.5, 0.52, 1.0]
    assert second == [sum(k / 25 >= time - 1e-6 for time in times[1:4]) for k in range(25)]


def test_sizes_and_turns_are_fitted_into_one_picture(tmp_path):
    wide = write_clip(tmp_path / "wide.mp4", count=10, size=(128, 64))
    small = write_clip(tmp_path / "small.mp4", count=10, size=(64, 64))
    turned = write_clip(tmp_path / "turned.mp4", count=10, size=(128, 64), rotation=90)
    pieces = [Piece(stretch_of(path, Span(0.5, 0.9))) for path in (wide, small, turned)]
    reel = write_reel(pieces, tmp_path / "out.mp4", rate=Fraction(10))
    pictures = [picture for _, picture in pictures_of(reel.path)]
    assert {picture.shape for picture in pictures} == {(64, 128, 3)}
    assert pictures[1][:, :4].mean() > 60 and pictures[1][:, -4:].min() >= 0
    for picture, columns in ((pictures[5], 64), (pictures[9], 32)):
        filled = np.flatnonzero(picture.max(axis=(0, 2)) > 12)
        assert abs(len(filled) - columns) <= 4 and abs(filled.mean() - 63.5) < 3


def test_sound_is_in_step_behind_a_piece_without(tmp_path):
    mute = write_rated(tmp_path / "mute.mp4", 25, count=50)
    click = write_click(tmp_path / "click.mp4", 4, 2.5)
    pieces = [Piece(stretch_of(mute, Span(0, 1.4))), Piece(stretch_of(click, Span(2, 3)))]
    reel = write_reel(pieces, tmp_path / "out.mp4", rate=Fraction(25))
    assert click_in(reel.path) == pytest.approx(1.4 + 0.5, abs=0.003)
    assert lengths_of(reel.path) == pytest.approx([2.4, 2.4], abs=0.002)


def test_sound_does_not_drift_over_many_pieces(tmp_path):
    click = write_click(tmp_path / "click.mp4", 4, 2.5)
    short = stretch_of(click, Span(0.1, 0.3))
    pieces = [Piece(short)] * 40 + [Piece(stretch_of(click, Span(2, 3)))]
    reel = write_reel(pieces, tmp_path / "out.mp4", rate=NTSC)
    assert click_in(reel.path) == pytest.approx(reel.spans[-1].start_seconds + 0.5, abs=0.003)


def test_words_are_written_where_they_belong(tmp_path):
    path = write_clip(tmp_path / "a.mp4", [0, 0.1, 0.2, 0.3], size=(320, 240), fps=10)
    seen = []

    def clock(seconds):
        seen.append(seconds)
        return f"{seconds:.2f}"

    bare = write_reel([Piece(stretch_of(path, Span(0.1, 0.3)))], tmp_path / "bare.mp4", rate=Fraction(10))
    made = write_reel(
        [Piece(stretch_of(path, Span(0.1, 0.3)), "gate.mp4", clock)],
        tmp_path / "out.mp4",
        rate=Fraction(10),
    )
    assert seen == pytest.approx([0.1, 0.2])
    difference = np.abs(pictures_of(bare.path)[0][1].astype(int) - pictures_of(made.path)[0][1]).mean(axis=2)
    rows = np.flatnonzero(difference.max(axis=1) > 60)
    assert rows.min() < 40 and rows.max() > 200 and not ((rows > 60) & (rows < 180)).any()


@pytest.mark.parametrize("text", ["", "\x00\n", "a" * 500, "wörter 日本", "\u202egpj.exe"])
@pytest.mark.parametrize("size", [(48, 64), (240, 320), (2, 2), (1080, 1920)])
def test_any_words_go_onto_any_picture(text, size):
    planes = [np.full(size, 100, np.uint8)] + [np.full((size[0] // 2, size[1] // 2), 90, np.uint8)] * 2
    planes = [plane.copy() for plane in planes]
    write_on(planes, text, "bottom")
    assert [plane.shape for plane in planes] == [size, *[(size[0] // 2, size[1] // 2)] * 2]
    if len(text) > 100 and size[0] >= 240:
        assert planes[0].max() > 200 and planes[0].min() < 40


def test_a_reel_of_nothing_or_over_a_source_is_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    with pytest.raises(UsageError, match="no clips to join"):
        write_reel([], tmp_path / "out.mp4", rate=Fraction(25))
    with pytest.raises(UsageError, match="must not be overwritten"):
        write_reel([Piece(stretch_of(path, Span(0, 1)))], path, rate=Fraction(25))


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_an_animation_is_small_and_plays_at_the_right_speed(tmp_path, ending):
    path = write_clip(tmp_path / "a.mp4", count=140, size=(640, 360))
    for span in (Span(1, 3), Span(0, 14)):
        out = write_animation(path, span, tmp_path / f"out{ending}")
        with Image.open(out) as image:
            assert image.format == ending[1:].upper() and image.n_frames <= MOST_PICTURES
            assert max(image.size) <= MAX_SIDE and image.info["loop"] == 0
            total = 0
            for number in range(image.n_frames):
                image.seek(number)
                image.load()
                total += image.info["duration"]
            assert total / 1000 == pytest.approx(span.duration_seconds, abs=0.4)
        assert out.stat().st_size < 300_000


def test_an_animation_has_a_known_ending_and_may_be_of_one_frame(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=20)
    with pytest.raises(UsageError, match=r"out\.png is neither"):
        write_animation(path, Span(0, 1), tmp_path / "out.png")
    with Image.open(write_animation(path, Span(0.51, 0.52), tmp_path / "out.gif")) as image:
        assert image.size == (64, 48)


MIXED = (
    *("videos/tc_nasa_13013.mp4", "videos_derived/car_rot90_remux.mp4", "videos_edge/exo_desks.3gp"),
    *("videos/dvrscan_traffic_camera_vfr.mp4", "videos/bgs_video.avi", "videos/mpy_big_buck_bunny_0_30.webm"),
)


def test_real_clips_of_all_kinds_are_joined(test_data, tmp_path):
    pieces = [Piece(stretch_of(test_data / name, Span(1, 1.5)), name, str) for name in MIXED]
    reel = write_reel(pieces, tmp_path / "out.mp4", rate=NTSC, max_width=480)
    assert len(pictures_of(reel.path)) == round(reel.spans[-1].end_seconds * NTSC)
    assert lengths_of(reel.path) == pytest.approx([reel.spans[-1].end_seconds] * 2, abs=0.002)
    assert reel.spans[-1].end_seconds <= sum(piece.stretch.span.duration_seconds for piece in pieces)
