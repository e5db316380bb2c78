"""What is let through to FFmpeg, and how the rest is refused."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_clips import write_clip

from footage.core.errors import NotAVideoError, VideoError, VideoNotFoundError
from footage.media.containers import check, display_name, identify, refusal

REFUSED = {
    "an HLS playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "a concat script": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "a DASH manifest": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "an SDP session": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\n",
    "a playlist": b"[playlist]\nFile1=http://localhost/\n",
    "a JPEG image": b"\xff\xd8\xff\xe0" + bytes(20),
    "a PNG image": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "a GIF image": b"GIF89a" + bytes(20),
    "a WebP image": b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20),
    "a WAV audio file": b"RIFF\x10\0\0\0WAVEfmt " + bytes(20),
    "a HEIF or AVIF image": b"\0\0\0\x18ftypavif" + bytes(20),
    "a PDF document": b"%PDF-1.7\n" + bytes(20),
    "a text file": b"hello, this is no video\n",
    "not a supported video container": bytes(range(200, 256)) + bytes(range(1, 100)),
}


@pytest.mark.parametrize(("words", "content"), REFUSED.items(), ids=list(REFUSED))
def test_what_is_no_video_is_refused_by_name_whatever_it_is_called(tmp_path, words, content):
    path = tmp_path / "holiday.mp4"
    path.write_bytes(content)
    with pytest.raises(NotAVideoError) as caught:
        check(path)
    assert str(caught.value).startswith("holiday.mp4 is ")
    assert words in str(caught.value)


@pytest.mark.parametrize("lead", [b"RIFFaaaaAVI ", b"G" * 188 * 3])
@pytest.mark.parametrize("marker", [b"<MPD profiles='x'>", b"\nc=IN IP4 10.0.0.1\n"])
def test_a_signature_in_front_of_a_manifest_does_not_help(lead, marker):
    head = lead + marker + b"G" * 400
    assert identify(head) is not None
    assert "which can refer to other files and addresses" in refusal(head)


def test_a_playlist_with_a_byte_order_mark_is_still_one():
    assert "HLS playlist" in refusal(b"\xef\xbb\xbf#EXTM3U\n")


def test_missing_folder_empty_and_pipe_each_get_their_sentence(tmp_path):
    with pytest.raises(VideoNotFoundError, match=r"^gone\.mp4 does not exist$"):
        check(tmp_path / "gone.mp4")
    with pytest.raises(NotAVideoError, match="is a folder, not a video file"):
        check(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(NotAVideoError, match=r"empty\.mp4 is empty \(0 bytes\)"):
        check(tmp_path / "empty.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotAVideoError, match=r"pipe\.mp4 is a named pipe, not a video file"):
        check(tmp_path / "pipe.mp4")
    with pytest.raises(VideoNotFoundError, match="does not exist"):
        check(tmp_path / "empty.mp4" / "inside.mp4")
    with pytest.raises(VideoNotFoundError, match="cannot be read"):
        check("a\0b.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path):
    path = write_clip(tmp_path / "locked.mp4", count=2)
    path.chmod(0)
    with pytest.raises(VideoNotFoundError, match=r"locked\.mp4 may not be read"):
        check(path)


@pytest.mark.parametrize(
    "path", ["http:/localhost:1/a.mp4", "concat:a.mp4|b.mp4", "-i", "pipe:0", "file:x.mp4"]
)
def test_something_like_an_address_is_a_local_path_and_nothing_else(path):
    with pytest.raises(VideoNotFoundError, match="does not exist"):
        check(path)


def test_display_name_can_always_be_printed():
    assert display_name(b"/x/caf\xe9.mp4".decode("utf-8", "surrogateescape")) == "caf�.mp4"
    assert display_name("/x/ünï.mp4") == "ünï.mp4"


@given(st.binary(max_size=2000))
def test_any_bytes_are_let_through_or_refused_with_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "x.mp4"
    path.write_bytes(content)
    try:
        _, demuxer = check(path)
    except VideoError as exc:
        assert str(exc).startswith("x.mp4 ")
    else:
        assert demuxer in {"mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", "mxf"}
