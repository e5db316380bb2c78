"""Where an index lies, what is cached of it, and that its repositories see each other's commits."""

from __future__ import annotations

import pytest

from footage.core.errors import StoreBusyError, UsageError
from footage.core.types import File, Video
from footage.store import IndexLocation, Store
from footage.store.tables import Tables
from footage.store.versioned_cache import VersionedCache
from footage.store.writing import locked


def test_an_index_is_named_by_a_path_a_string_or_a_file_uri(tmp_path):
    folder = tmp_path / "an index with spaces"
    Store.open(folder, create=True).files.put([File("/a.mp4", "a")])
    location = IndexLocation.of(folder)
    assert location.uri == folder.as_uri() and "%20" in location.uri
    for named in (folder, str(folder), location.uri, location):
        store = Store.open(named)
        assert store.path == folder and [file.path for file in store.files.all()] == ["/a.mp4"]


@pytest.mark.parametrize("uri", ["https://host/index", "file://host/share/index"])
def test_a_uri_of_another_kind_is_refused_and_makes_no_folder(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="a folder of this machine, or object storage") as error:
        Store.open(uri, create=True)
    assert "--db" in error.value.hint and not list(tmp_path.iterdir())


def test_the_write_lock_may_be_taken_again_by_its_holder_and_by_nobody_else(tmp_path):
    store = Store.open(tmp_path / "index", create=True)
    other = Store.open(IndexLocation.of(tmp_path / "index"))
    refused = pytest.raises(StoreBusyError, match="another run is writing")
    with store.writing(), store.unchanging(), store.writing(), refused, other.writing():
        pass
    with other.writing():
        pass


def test_a_value_is_built_again_only_when_one_of_its_tables_was_written_to(tmp_path):
    store = Store.open(tmp_path / "index", create=True)
    tables = Tables.connect(tmp_path / "index")
    built: list[list[str]] = []
    cache: VersionedCache[list[str]] = VersionedCache("files", "videos")

    def build() -> list[str]:
        built.append([row["path"] for row in tables.read("files")])
        return built[-1]

    assert cache.get(tables, build) is cache.get(tables, build) and len(built) == 1
    store.files.put([File("/a.mp4", "a")])
    assert cache.get(tables, build) == ["/a.mp4"] and len(built) == 2
    store.videos.put([Video("a", 10.0, 64, 48, 25.0, "h264")])
    assert cache.get(tables, build) is built[2]
    store.cameras.put_clock_offsets({"gate": 1.0})  # in "meta", which the value is not made from
    assert cache.get(tables, build) is built[2] and len(built) == 3
    with locked(tables):
        pass
