"""Finding video files, and telling what their bytes are."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.errors import FileError, NotAVideoError, UsageError, VideoNotFoundError
from indexer.library import (
    LINK_OUT,
    SAMPLE_BYTES,
    FoundFile,
    IgnoredEntry,
    Selection,
    content_id,
    fingerprint,
    is_under,
    shown,
    still_there,
    walk,
)


def files(*paths, **options):
    return [found for found in walk(paths, **options) if isinstance(found, FoundFile)]


def names(*paths, **options):
    return [str(found.path) for found in files(*paths, **options)]


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "films"
    for name in [
        "b.MP4",
        "a.mkv",
        "notes.txt",
        ".hidden.mp4",
        "sub/c.mov",
        ".cache/d.mp4",
        "sub/deep/e.3gp",
        "z.ts",
    ]:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_a_folder_is_walked_in_name_order_without_what_is_hidden(folder):
    found = files(folder)
    inside = [str(item.path.relative_to(folder)) for item in found]
    assert inside == ["a.mkv", "b.MP4", "z.ts", "sub/c.mov", "sub/deep/e.3gp"]
    assert {item.collection for item in found} == {"films"}
    assert found[0].size_bytes == 5 and found[0].modified_at == (folder / "a.mkv").stat().st_mtime


def test_a_file_named_by_itself_is_taken_whatever_its_name(folder):
    assert names(folder / "notes.txt", folder / ".hidden.mp4") == [
        str(folder / "notes.txt"),
        str(folder / ".hidden.mp4"),
    ]
    assert files(folder / "notes.txt")[0].collection == ""


def test_every_file_comes_once(folder):
    assert names(folder / "a.mkv", folder, folder / "sub") == names(folder / "a.mkv", folder)
    assert len(names(folder, folder)) == 5


def test_links_in_a_circle_do_no_harm(folder):
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "again").symlink_to(folder / "sub")
    found = names(folder)
    assert len(found) == 5
    assert {os.path.realpath(path) for path in found} == {
        str(folder / name) for name in ("a.mkv", "b.MP4", "z.ts", "sub/c.mov", "sub/deep/e.3gp")
    }


def test_links_that_lead_out_of_the_folder_are_followed_only_when_asked_for(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "far").mkdir()
    for name in ("secret.mp4", "far/f.mp4"):
        (outside / name).touch()
    (outside / "far" / "back").symlink_to(folder)  # a circle by way of another folder
    (folder / "secret.mp4").symlink_to(outside / "secret.mp4")
    (folder / "far").symlink_to(outside / "far")
    (folder / "near.mp4").symlink_to(folder / "a.mkv")
    ignored = [item for item in walk([folder]) if isinstance(item, IgnoredEntry)]
    result = {Path(item.path).name for item in ignored if item.why == LINK_OUT}
    assert result == {"secret.mp4", "far"}
    inside = {Path(path).name for path in names(folder)}
    assert "near.mp4" in inside and not inside & {"secret.mp4", "f.mp4"}
    followed = {Path(path).name for path in names(folder, selection=Selection(follow_links=True))}
    assert followed == inside | {"secret.mp4", "f.mp4"}


def test_what_lies_elsewhere_when_it_is_looked_at_is_passed_over(tmp_path):
    """A folder that may be indexed, in which somebody puts links in the place of what was there before."""
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    for place in (allowed / "cam", outside):
        place.mkdir(parents=True)
    for path in (allowed / "cam" / "a.mp4", allowed / "b.mp4", outside / "secret.mp4"):
        path.touch()
    selection = Selection(within=(str(allowed),), follow_links=True)
    (allowed / "way-out.mp4").symlink_to(outside / "secret.mp4")
    (allowed / "out").symlink_to(outside)
    found = {Path(path).name for path in names(allowed, selection=selection)}
    assert found == {"a.mp4", "b.mp4"}
    shutil.rmtree(allowed / "cam")
    (allowed / "cam").symlink_to(outside)
    for place in (
        allowed / "cam",
        allowed / "cam" / "secret.mp4",
        allowed / "way-out.mp4",
        outside,
        tmp_path,
    ):
        with pytest.raises(UsageError, match="points outside"):
            files(place, selection=selection)


def test_a_folder_of_links_out_of_it_says_how_to_follow_them(tmp_path):
    (tmp_path / "links").mkdir()
    (tmp_path / "a.mp4").touch()
    (tmp_path / "links" / "a.mp4").symlink_to(tmp_path / "a.mp4")
    with pytest.raises(FileError, match="no video file") as caught:
        files(tmp_path / "links")
    assert "--follow-links" in caught.value.hint
    assert len(files(tmp_path / "links" / "a.mp4")) == 1  # named by itself
    (tmp_path / "library").symlink_to(tmp_path / "links", target_is_directory=True)
    assert len(files(tmp_path / "library", selection=Selection(follow_links=True))) == 1


def test_what_is_named_like_a_video_and_is_no_regular_file_is_skipped(folder, monkeypatch):
    monkeypatch.chdir(folder)  # the path of a socket may not be long
    os.mkfifo(folder / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind("sub/s.mp4")
    skipped = {found.path.name: found.skip for found in files(folder) if found.skip}
    assert skipped == {
        "pipe.mp4": "it is a named pipe, not a video file",
        "s.mp4": "it is a socket, not a video file",
    }


def test_what_is_passed_over_is_told(folder):
    (folder / "locked").mkdir()
    (folder / "locked" / "f.mp4").touch()
    (folder / "dangling.mp4").symlink_to(folder / "nowhere.mp4")
    (folder / "locked").chmod(0)
    try:
        ignored = {
            (item.path.removeprefix(f"{folder}/"), item.why)
            for item in walk([folder])
            if isinstance(item, IgnoredEntry)
        }
    finally:
        (folder / "locked").chmod(0o700)
    locked = set() if os.geteuid() == 0 else {("locked", "folder without read permission")}
    assert ignored == {
        (".hidden.mp4", "hidden"),
        (".cache", "hidden"),
        ("notes.txt", "other file"),
        ("dangling.mp4", "link that cannot be followed"),
        *locked,
    }


def test_a_selection_says_why_a_file_is_left_out(folder):
    os.utime(folder / "z.ts", (1, 1))
    chosen = Selection(include=("*.m*", "*.M*", "z.ts"), exclude=("sub/*",), since=2)
    skipped = {found.path.name: found.skip for found in files(folder, selection=chosen)}
    assert skipped == {
        "a.mkv": "",
        "b.MP4": "",
        "z.ts": "it is older than --since",
        "c.mov": "it matches --exclude sub/*",
        "e.3gp": "it does not match --include (*.m*, *.M*, z.ts)",
    }
    (named,) = files(folder / "sub" / "c.mov", selection=Selection(exclude=("*",)))
    assert named.skip == ""


def test_whether_a_file_is_there_or_cannot_be_told(tmp_path):
    (tmp_path / "a").touch()
    assert still_there(str(tmp_path / "a")) is True
    assert still_there(str(tmp_path / "b")) is still_there(str(tmp_path / "a" / "c")) is False
    assert still_there(str(tmp_path / ("x" * 300))) is None


def test_a_relative_path_becomes_absolute(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert names("sub/../a.mkv") == [str(folder / "a.mkv")]


def test_what_is_not_there_is_named(folder):
    with pytest.raises(VideoNotFoundError, match=r"file or folder not found: .*lost\.mp4"):
        names(folder / "lost.mp4")
    (folder / "link.mp4").symlink_to(folder / "lost.mp4")
    with pytest.raises(VideoNotFoundError, match=r"link\.mp4 cannot be read"):
        names(folder / "link.mp4")


def test_nothing_to_index_is_said(tmp_path):
    with pytest.raises(UsageError, match="nothing to index"):
        names()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileError, match="no video file found in"):
        names(tmp_path)


def test_equal_bytes_have_equal_identity_wherever_they_lie(tmp_path):
    data = os.urandom(5 * SAMPLE_BYTES)
    for name in ("a.mp4", "b.mkv"):
        (tmp_path / name).write_bytes(data)
    assert content_id(tmp_path / "a.mp4") == content_id(tmp_path / "b.mkv")
    assert fingerprint(tmp_path / "a.mp4") == fingerprint(tmp_path / "b.mkv")
    assert len(content_id(tmp_path / "a.mp4")) == len(fingerprint(tmp_path / "a.mp4")) == 32


def test_a_fingerprint_may_miss_a_difference_that_the_full_hash_sees(tmp_path):
    data = bytearray(6 * SAMPLE_BYTES)
    (tmp_path / "a").write_bytes(data)
    data[SAMPLE_BYTES + 5] = 1
    (tmp_path / "b").write_bytes(data)
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    assert content_id(tmp_path / "a") != content_id(tmp_path / "b")
    data[0] = 1
    (tmp_path / "c").write_bytes(data)
    assert fingerprint(tmp_path / "c") != fingerprint(tmp_path / "b")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_short_files_are_told_apart(tmp_path_factory, one, other):
    folder = tmp_path_factory.mktemp("short")
    (folder / "1").write_bytes(one)
    (folder / "2").write_bytes(other)
    assert (fingerprint(folder / "1") == fingerprint(folder / "2")) == (one == other)
    assert (content_id(folder / "1") == content_id(folder / "2")) == (one == other)


@pytest.mark.parametrize("hash_of", [fingerprint, content_id])
def test_a_file_that_cannot_be_read_is_named(tmp_path, hash_of):
    with pytest.raises(VideoNotFoundError, match=r"lost\.mp4 does not exist"):
        hash_of(tmp_path / "lost.mp4")
    with pytest.raises(NotAVideoError, match="is a folder, not a video file"):
        hash_of(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotAVideoError, match=r"pipe\.mp4 is a named pipe, not a video file"):
        hash_of(tmp_path / "pipe.mp4")


def test_what_lies_under_a_folder():
    assert is_under("/films/a/b.mp4", ["/films"]) and is_under("/films/a.mp4", ["/films/a.mp4"])
    assert is_under("/a.mp4", ["/"]) and is_under("/films/a.mp4", ["/x", Path("/films/")])
    assert not is_under("/films2/a.mp4", ["/films"]) and not is_under("/films/a.mp4", [])


def test_a_name_that_is_no_text_can_be_shown():
    assert shown(os.fsdecode(b"caf\xe9.mp4")) == "caf\\udce9.mp4"
    assert shown("Grüße 🎬.mp4") == "Grüße 🎬.mp4"
