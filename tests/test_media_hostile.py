"""Files that were made to do harm: each is read within bounds, or refused with a sentence."""

from __future__ import annotations

import logging
import os
from fractions import Fraction

import av
import numpy as np
import pytest
from crafted_media import coded, tag, write_mkv, write_mp4
from tiny_clips import index_of, write_clip

from footage.core.errors import DecodeError, NotAVideoError
from footage.core.timeout import Pulse
from footage.core.types import Span
from footage.media import demux, frame_reader, sandbox
from footage.media.audio_tracks import MOST_TRACKS

CREATED = b"com.apple.quicktime.creationdate"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Decoder configuration, and 20 pictures that decode each for itself."""
    path = tmp_path_factory.mktemp("pictures") / "a.mp4"
    return coded(write_clip(path, count=20, keyframe_every=1, options={"bf": "0"}))


@pytest.fixture
def crafted(pictures, tmp_path):
    """Writes an MP4; see ``write_mp4``."""

    def write(**options):
        given = {"ticks": 100, "timescale": 1000} | options
        return write_mp4(tmp_path / "crafted.mov", *pictures, **given)

    return write


def test_a_crafted_file_is_read(crafted):
    path = crafted(more=tag(CREATED, b"2024-07-14T15:30:00+0200"))
    found = sandbox.probe(path)
    assert (found.duration_seconds, found.created_at) == (2.0, "2024-07-14T15:30:00+0200")
    assert index_of(sandbox.frame_at(path, 1.25)) == 12


@pytest.mark.parametrize("name", [CREATED, b"timecode"])
def test_a_tag_without_end_is_cut_short_and_cannot_colour_a_terminal(crafted, name):
    path = crafted(more=tag(name, b"2024-07-14T15:30\x1b[31m" + b"A" * 30_000_000))
    texts = sandbox.probe(path).created_at, sandbox.read_grid(path).timecode
    assert sorted(map(len, texts)) == [0, 200]
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"padding": 100_000, "ticks": 29, "timescale": 1},
            r"claims to hold 34 days of footage; at most 31 are",
        ),
        ({"padding": 50_000, "ticks": 31, "timescale": 1}, r"has 50,019 gaps of more than 30 s between its"),
        ({"ticks": 1, "timescale": 2**31 - 1}, r"frames have no duration$"),
    ],
)
def test_time_that_nobody_could_look_at_is_refused(crafted, options, sentence):
    with pytest.raises(DecodeError, match=sentence):
        sandbox.probe(crafted(**options))


def test_frames_that_claim_to_lie_ages_apart_are_refused(pictures, tmp_path):
    extradata, packets = pictures
    times = [0, 100, 2**60, 2**60 + 100, 5, 105]
    path = write_mkv(tmp_path / "ages.mkv", extradata, list(zip(times, packets, strict=False)))
    with pytest.raises(DecodeError, match=r"frames span [\d,]+ years$"):
        sandbox.probe(path)


@pytest.mark.parametrize("matrix", [(0,) * 9, (2**31 - 1,) * 9, (-(2**31),) * 9])
def test_a_picture_turned_by_nonsense_is_read(crafted, matrix):
    path = crafted(matrix=matrix)
    assert sandbox.probe(path).duration_seconds == 2.0
    assert sandbox.frame_at(path, 0.5).size


def test_what_does_not_decode_is_not_read_to_the_end_of_the_file(crafted, caplog):
    path = crafted(padding=20_000)
    with caplog.at_level(logging.INFO, "footage"):
        table = demux.read_table(str(path), Pulse())
        frames = list(frame_reader.decode(table, [10, 30], Pulse()))
    assert [index_of(frame.pixels) for frame in frames] == [10, 11][: len(frames)] and frames
    assert sum("a packet does not decode" in each.message for each in caplog.records) < 1000
    assert any("nothing more decodes" in each.message for each in caplog.records)


def test_a_file_that_is_a_hole_is_refused(tmp_path):
    path = write_clip(tmp_path / "hole.mp4", count=4)
    assert sandbox.probe(path).duration_seconds == pytest.approx(0.4)
    os.truncate(path, 10**11)
    if os.stat(path).st_blocks * 512 > 10**10:
        pytest.skip("the file system writes holes")
    with pytest.raises(
        NotAVideoError, match=r"^hole\.mp4 is almost empty: of 100 GB 0\.0\d\d GB are written"
    ):
        sandbox.probe(path)


def test_audio_tracks_without_end_are_passed_over(tmp_path):
    path = tmp_path / "tracks.mkv"
    with av.open(str(path), "w") as target:
        picture = target.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sounds = [target.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(MOST_TRACKS + 5)]
        sounds[0].metadata["title"] = "loud\n" + "T" * 10_000
        frame = av.VideoFrame.from_ndarray(np.zeros((72, 64), np.uint8), format="yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
    tracks = sandbox.read_grid(path).tracks
    assert len(tracks) == MOST_TRACKS
    assert tracks[0].title.startswith("loud T") and len(tracks[0].title) == 200


def test_a_picture_too_narrow_to_draw_is_refused_in_words(tmp_path):
    path = tmp_path / "narrow.mov"
    with av.open(str(path), "w") as target:
        picture = target.add_stream("png", rate=10)
        picture.width, picture.height, picture.pix_fmt = 1, 60_000, "gray"
        frame = av.VideoFrame.from_ndarray(np.zeros((60_000, 1), np.uint8), format="gray")
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
    for write, out in ((sandbox.write_animation, "a.webp"), (sandbox.write_clip, "a.mp4")):
        with pytest.raises(DecodeError, match=r"^narrow\.mov cannot be (drawn|cut): "):
            write(path, Span(0, 1), tmp_path / out)
