"""Subtitles of files and tracks, as cues in video time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_clips import picture_of, write_clip

from footage.core.errors import DecodeError, NotAVideoError, VideoNotFoundError
from footage.core.types import Span
from footage.media import subtitles
from footage.media.sandbox import embedded_subtitles, probe, read_subtitles
from footage.media.subtitles import Cue

SRT = """1
00:00:05,000 --> 00:00:07,000
<i>Second</i> line,
and {\\an8}more

2
00:00:01,000 --> 00:00:03,500
First & <b>bold</b>: a < b <|im_end|>
"""
CUES = [
    Cue(Span(1.0, 3.5), "First & bold : a < b <|im_end|>"),
    Cue(Span(5.0, 7.0), "Second line, and more"),
]


def read(text: str | bytes, tmp_path: Path, name: str = "a.srt") -> list[Cue]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_subtitles(path)


def plain(cues: list[Cue]) -> list[tuple[float, float, str]]:
    return [(cue.span.start_seconds, cue.span.end_seconds, " ".join(cue.text.split())) for cue in cues]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_cues_come_in_order_without_tags_whatever_the_editor(
    encoding: str, ends: str, tmp_path: Path
) -> None:
    assert plain(read(SRT.replace("\n", ends).encode(encoding), tmp_path)) == plain(CUES)


def test_web_subtitles_and_substation_alpha_are_read_too(tmp_path: Path) -> None:
    vtt = (
        "WEBVTT - a title\n\nNOTE not shown\n\nSTYLE\n::cue { color: red }\n\n"
        "id\n00:01.000 --> 00:02.000 align:start\n"
        "<v Bob>Hello</v> <c.loud>you</c> &amp; me\n\n01:00:00.000 --> 01:00:01.500\nlater\n"
    )
    assert plain(read(vtt, tmp_path, "a.vtt")) == [(1, 2, "Hello you & me"), (3600, 3601.5, "later")]
    ass = (
        "[Script Info]\nScriptType: v4.00+\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,Hi {\\i1}there{\\i0}, you\\Nnext\n"
        "Comment: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,not shown\n"
    )
    assert plain(read(ass, tmp_path, "a.ass")) == [(1, 2, "Hi there , you next")]


def test_the_content_counts_not_the_name(tmp_path: Path) -> None:
    assert plain(read("WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n", tmp_path, "a.srt")) == [(1, 2, "Hi")]


def test_overlapping_cues_stay_and_the_same_cue_counts_once(tmp_path: Path) -> None:
    cue = "1\n00:00:01,000 --> 00:00:04,000\nOne\n\n2\n00:00:02,000 --> 00:00:03,000\nTwo\n\n"
    assert plain(read(cue + cue, tmp_path)) == [(1, 4, "One"), (2, 3, "Two")]


def test_what_is_wrong_with_one_cue_does_not_spoil_another(tmp_path: Path, caplog) -> None:
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nGood\n\n"
        "2\n00:00:03,000 -->\nno end\n\n"
        "3\nsoon --> 00:00:05,000\nno start\n\n"
        "4\n00:00:06,000 --> 00:00:05,000\nends before it starts\n\n"
        "5\n00:00:20,000 --> 99:00:00,000\nstays for days\n\n"
        "6\n00:00:30,000 --> 00:00:31,000\n\n"
        "7\n00:00:40,000 --> 00:00:41,000\n<i></i> \u200b\n\n"
        "8\n00:00:50,000 --> 00:00:51,000\nLast\n"
    )
    assert plain(read(text, tmp_path)) == [
        (1, 2, "Good"),
        (6, 20, "ends before it starts"),
        (20, 80, "stays for days"),
        (50, 51, "Last"),
    ]
    assert "4 of 8 cues cannot be read" in caplog.text


def test_ten_thousand_cues_are_read(tmp_path: Path) -> None:
    clock = [f"{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}" for n in range(10_000)]
    text = "".join(f"{n}\n{at},000 --> {at},900\ncue, number, {n}\n\n" for n, at in enumerate(clock))
    cues = read(text, tmp_path)
    assert len(cues) == 10_000
    assert plain(cues[-1:]) == [(9999, 9999.9, "cue, number, 9999")]


def test_too_many_or_too_long_are_bounded(tmp_path: Path) -> None:
    long = read(f"1\n00:00:01,000 --> 00:00:02,000\n{'word ' * 5000}\n", tmp_path)
    assert len(long[0].text) <= subtitles.MOST_CUE_LETTERS
    many = "".join(
        f"{n}\n00:00:{n % 60:02d},{n % 1000:03d} --> 00:01:00,000\n{n}\n\n"
        for n in range(subtitles.MOST_CUES + 1)
    )
    with pytest.raises(DecodeError, match=r"a\.srt has more than 50,000 subtitles"):
        read(many, tmp_path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "holds no subtitles"),
        (b"Just a letter.\n", "holds no subtitles"),
        (b"WEBVTT\n", "holds no subtitles"),
        (b"\x00" * 2000, "is no text file"),
        (b"\x89PNG\x00\xff\xfe", "is no text"),
        (b"[Script Info]\n", "holds no subtitles"),
    ],
)
def test_what_holds_no_subtitles_is_one_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=rf"^a\.srt {sentence}") as error:
        read(data, tmp_path)
    assert "SubRip" in error.value.hint


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(VideoNotFoundError, match=r"gone\.srt does not exist"):
        read_subtitles(tmp_path / "gone.srt")
    with pytest.raises(NotAVideoError, match="is a folder"):
        read_subtitles(tmp_path)
    with (tmp_path / "huge.srt").open("wb") as file:
        file.truncate(subtitles.MOST_FILE_BYTES + 1)
    with pytest.raises(DecodeError, match=r"huge\.srt is larger than 32 MiB"):
        read_subtitles(tmp_path / "huge.srt")


def with_track(path: Path, cues: list[tuple[float, float, str]], *, start: float = 0.0) -> Path:
    """A clip of four seconds with a subtitle track, on a clock that begins at ``start``."""
    codec = "mov_text" if path.suffix == ".mp4" else "ass"
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        text = target.add_stream(codec)
        text.time_base = Fraction(1, 1000)
        if codec == "mov_text":
            text.codec_context.subtitle_header = b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
        for index in range(40):
            frame = av.VideoFrame.from_ndarray(picture_of(index), format="rgb24")
            frame.pts, frame.time_base = round((start + index / 10) * 1000), Fraction(1, 1000)
            target.mux(video.encode(frame))
        target.mux(video.encode(None))
        for first, last, words in cues:
            packet = av.Packet(
                len(words).to_bytes(2) + words.encode()
                if codec == "mov_text"
                else f"0,0,Default,,0,0,0,,{words}".encode()
            )
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = round((start + first) * 1000)
            packet.duration = round((last - first) * 1000)
            target.mux(packet)
    return path


@pytest.mark.parametrize(("name", "start"), [("a.mkv", 0.0), ("a.mkv", 5.0), ("a.mp4", 0.0)])
def test_the_track_of_a_video_is_read_in_video_time(name: str, start: float, tmp_path: Path) -> None:
    path = with_track(tmp_path / name, [(0.5, 1.5, "Hello"), (2.0, 3.0, "Good {\\i1}bye{\\i0}")], start=start)
    video = probe(path)
    cues = embedded_subtitles(path, start_pts_seconds=video.start_pts_seconds)
    assert plain(cues) == [(0.5, 1.5, "Hello"), (2.0, 3.0, "Good bye")]


def test_a_video_without_subtitles_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotAVideoError, match=r"a\.mp4 has no subtitle track") as error:
        embedded_subtitles(write_clip(tmp_path / "a.mp4"))
    assert "--subtitles FILE.srt" in error.value.hint


def test_subtitles_that_are_pictures_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as target:
        video = target.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        target.add_stream("dvdsub").codec_context.time_base = Fraction(1, 1000)
        for index in range(5):
            target.mux(video.encode(av.VideoFrame.from_ndarray(picture_of(index), format="rgb24")))
        target.mux(video.encode(None))
    with pytest.raises(NotAVideoError, match=r"the subtitle tracks of a\.mkv hold pictures, not text"):
        embedded_subtitles(path)


pieces = st.sampled_from(
    [
        "\n",
        "1\n",
        "00:00:01,000",
        " --> ",
        "00:00:02,5",
        "99:99:99,999",
        "<i>",
        "{\\an8}",
        "word",
        "WEBVTT\n\n",
        "-",
        "\ufeff",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(pieces, max_size=30).map("".join)))
def test_any_text_is_read_or_refused(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.srt"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        cues = subtitles.read_subtitles(path)
    except DecodeError as error:
        assert str(error).startswith("any.srt ")
        return
    assert cues
    for cue in cues:
        assert cue.text == cue.text.strip() != "" and cue.text.isprintable()
        assert 0 <= cue.span.start_seconds < cue.span.end_seconds
