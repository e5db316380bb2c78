"""A preview shows the file that was indexed, never another one that took its place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import pytest
from tiny_clips import index_of, write_clip

from footage.core.errors import VideoError
from footage.core.types import File, Span
from indexer import library
from service import previews, sources

STRETCH = Span(1.0, 3.0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A clip whose pictures say their numbers, and one of the same length that says others."""
    folder = tmp_path_factory.mktemp("clips")
    write_clip(folder / "a.mp4", count=40, fps=10)
    write_clip(folder / "b.mp4", [n / 10 for n in range(80)], fps=10)
    return folder


def known(path: Path, **changes) -> File:
    """A file as an index has it."""
    status = path.stat()
    given = {
        "content_id": library.content_id(path),
        "size_bytes": status.st_size,
        "modified_at": status.st_mtime,
        "fingerprint": library.fingerprint(path),
        **changes,
    }
    return File(str(path), **given)


def cut(cache: Path, path: Path, file: File):
    return previews.preview(cache, str(path), content_id=file.content_id, stretch=STRETCH, file=file)


def first_picture(clip: Path) -> int:
    with av.open(str(clip)) as container:
        return index_of(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def replace_file(path: Path, by: Path, *, like: os.stat_result | None = None) -> None:
    """Put another file in the place of one, with its times if they are given."""
    shutil.copy(by, path)
    if like is not None:
        os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))


@pytest.mark.parametrize("kept_times", [False, True])
@pytest.mark.parametrize("cut_before", [False, True])
def test_a_file_that_was_replaced_is_refused_in_a_sentence(tmp_path, clips, kept_times, cut_before):
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "gate.mp4"))
    file, times = known(path), path.stat()
    if cut_before:
        assert first_picture(cut(tmp_path / "cache", path, file).path) == 10
    replace_file(path, clips / "b.mp4", like=times if kept_times else None)
    with pytest.raises(VideoError, match=r"gate\.mp4 differs from the indexed file") as result:
        cut(tmp_path / "cache", path, file)
    assert "footage index" in result.value.hint
    with pytest.raises(VideoError, match=r"gate\.mp4 differs from the indexed file"):
        previews.picture(tmp_path / "cache", str(path), content_id=file.content_id, seconds=1.0, file=file)
    assert len(list((tmp_path / "cache").rglob("*.*"))) == cut_before


def test_bytes_changed_in_place_are_noticed_by_their_time(tmp_path, clips):
    """Of a file much larger than the samples; only all of its bytes tell."""
    path = tmp_path / "large.mp4"
    path.write_bytes((clips / "a.mp4").read_bytes() + bytes(400_000))
    file = known(path)
    with path.open("r+b") as opened:
        opened.seek(80_000)
        opened.write(b"other bytes")
    os.utime(path, (1, 1))
    assert library.fingerprint(path) == file.fingerprint
    with pytest.raises(VideoError, match="differs from the indexed file"):
        cut(tmp_path / "cache", path, file)


def test_a_file_that_was_only_touched_is_still_itself(tmp_path, clips):
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "gate.mp4"))
    file = known(path)
    os.utime(path, (1, 1))
    assert first_picture(cut(tmp_path / "cache", path, file).path) == 10


def test_a_kept_preview_is_of_the_file_that_it_was_cut_from(tmp_path, clips):
    """Also where no index says what the file is: a finding of one file, or a page of before."""
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "gate.mp4"))
    cache, stretch = tmp_path / "cache", Span(0.0, 1.0)
    first = previews.preview(cache, str(path), content_id="c", stretch=stretch)
    replace_file(path, clips / "b.mp4")
    again = previews.preview(cache, str(path), content_id="c", stretch=stretch)
    assert again.path != first.path
    previews.forget(cache, "c")
    assert not list((cache / "previews").iterdir())


def test_what_was_cut_is_shown_while_its_disk_is_away(tmp_path, clips):
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "gate.mp4"))
    file = known(path)
    made = cut(tmp_path / "cache", path, file)
    path.unlink()
    assert cut(tmp_path / "cache", path, file) == made


def test_a_file_that_changes_while_it_is_read_is_not_shown(tmp_path, clips):
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "gate.mp4"))
    with (
        pytest.raises(VideoError, match="changed while it was read"),
        sources.unchanged(str(path), known(path)),
    ):
        replace_file(path, clips / "b.mp4")


def test_a_file_that_is_still_being_written_is_shown(tmp_path, clips):
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "gate.mp4"))
    file = known(path, content_id="growing-1", size_bytes=5, fingerprint="")
    assert first_picture(cut(tmp_path / "cache", path, file).path) == 10


# -- Only what may be shown ------------------------------------------------


@pytest.fixture
def inside(tmp_path):
    """The one folder that this process may show."""
    folder = tmp_path / "inside"
    folder.mkdir()
    roots = {os.path.realpath(folder)}
    sources.show_only(sources.ShownSources(lambda: roots))
    yield folder
    sources.show_only(None)


def test_no_row_of_an_index_opens_a_file_outside_of_the_folders_that_may_be_shown(tmp_path, clips, inside):
    """An import takes any path for a video; a link that nobody read here counts for what is behind it."""
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "private.mp4"))
    (inside / "way-out.mp4").symlink_to(path)
    for named in (path, inside / ".." / "private.mp4", inside / "way-out.mp4", tmp_path / "none.mp4"):
        for file in (File(str(named), "c"), None):
            with pytest.raises(VideoError, match="not in a folder that the app may show") as result:
                previews.preview(tmp_path / "cache", str(named), content_id="c", stretch=STRETCH, file=file)
            assert "--library-root" in result.value.hint
            with pytest.raises(VideoError, match="not in a folder that the app may show"):
                previews.picture(tmp_path / "cache", str(named), content_id="c", seconds=1.0, file=file)
    assert not list((tmp_path / "cache").rglob("*.*"))
    shutil.copy(clips / "a.mp4", inside / "gate.mp4")
    assert first_picture(cut(tmp_path / "cache", inside / "gate.mp4", known(inside / "gate.mp4")).path) == 10


def test_a_link_that_a_run_followed_is_shown_while_the_same_file_is_behind_it(tmp_path, clips, inside):
    path = Path(shutil.copy(clips / "a.mp4", tmp_path / "elsewhere.mp4"))
    (inside / "gate.mp4").symlink_to(path)
    file = known(inside / "gate.mp4")
    assert first_picture(cut(tmp_path / "cache", inside / "gate.mp4", file).path) == 10
    replace_file(path, clips / "b.mp4")
    with pytest.raises(VideoError, match="differs from the indexed file"):
        cut(tmp_path / "cache", inside / "gate.mp4", file)
