"""An index on object storage, against a real S3 server: equal to one in a folder, whatever fails."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runner import CommandRunner
from object_writer import Writer
from s3_server import Fault, s3_environment
from standin_model import BRIGHT, StandinEmbedder, StandinModel, write_levels
from waiting import wait_until

from footage.core.errors import FootageError, StoreBusyError, StoreCorruptError, StoreError, UsageError
from footage.core.index_place import state_folder
from footage.core.types import File, Span
from footage.store import Mark, Store
from footage.store.backup import backup, restore
from footage.store.checking import check
from footage.store.limits import Limits
from footage.store.maintenance import tidy
from footage.store.object_location import ObjectLocation
from footage.store.records import file_to_row
from footage.store.state.database import FILE_NAME as STATE_FILE
from footage.store.tables import Tables
from indexer.pipeline import index
from ui.cli.main import app

LEASE = ".writer-lease.json"
BUCKET = "footage"
TIMES = {"window_seconds": 2.0, "overlap_seconds": 0.5}


LONG = pytest.mark.skipif("FOOTAGE_TEST_KILLS" not in os.environ, reason="left to make stress")


@pytest.fixture(scope="module")
def server():
    with s3_environment(BUCKET) as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_MAX_ATTEMPTS", "2")
        yield served


@pytest.fixture
def address(server, request):
    """An address of its own for each test."""
    server.faults.clear()
    server.before_answer.clear()
    yield f"s3://{BUCKET}/{request.node.name.replace('[', '-').rstrip(']')}/library.lancedb"
    server.faults.clear()
    server.before_answer.clear()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    write_levels(folder / "a.mp4", [200, 200, 30, 30, 200])
    write_levels(folder / "b.mp4", [30, 30, 30, 220])
    return folder


@pytest.fixture(scope="module")
def local(library, tmp_path_factory):
    """The same library, indexed into a folder."""
    store = Store.open(tmp_path_factory.mktemp("local") / "index", create=True)
    fill(store, library)
    return store


def fill(store, library):
    index([library], store=store, model=StandinModel(**TIMES), embedder=StandinEmbedder())


def rows(store):
    """Everything that an index holds but when it was written."""
    contents = sorted(store.videos.all())
    return {
        "files": [replace(file, tried_at=0.0) for file in store.files.all()],
        "videos": store.videos.all(),
        "windows": {each: store.windows.of(each) for each in contents},
        "events": store.events.all(),
        "texts": sorted(map(repr, store.texts.all())),
        "vectors": [
            (owner, row.text, row.span, row.window_indexes, tuple(np.round(row.vector, 4)))
            for each in contents
            for owner, row in sorted(store.vectors.of("standin", each).items())
        ],
    }


def age(server, address, name=LEASE, seconds=3600.0):
    server.age(BUCKET, f"{address.removeprefix(f's3://{BUCKET}/')}/{name}", seconds)


def file(name):
    return File(path=f"/{name}.mp4", content_id=str(name), state="new")


def paths(store):
    return [each.path for each in store.files.all()]


def test_an_index_on_object_storage_equals_one_in_a_folder(server, address, library, local):
    store = Store.open(address, create=True)
    fill(store, library)
    assert rows(store) == rows(local)
    again = Store.open(address)
    query = StandinEmbedder().embed([BRIGHT])[0]

    def found(searched):
        hits = searched.vectors.search("standin", query, limit=3)
        return [(hit.content_id, hit.span, round(hit.score, 4)) for hit in hits]

    assert found(again) == found(local) and len(found(again)) == 3
    assert [hit.text for hit in again.texts.search("bright", limit=2)] == [
        hit.text for hit in local.texts.search("bright", limit=2)
    ]
    assert again.status() == local.status() and again.size_bytes() > 10_000
    assert not check(address).findings
    shown = CommandRunner().invoke(app, ["status", "--json", "--db", address])
    line = json.loads(shown.stdout.splitlines()[0])
    assert (line["db"], line["videos"]) == (address, 2)


def test_a_second_writer_is_refused_with_the_name_of_the_first_and_takes_over_when_that_is_killed(
    server, address
):
    first = Writer(address)
    try:
        assert [first.read(), first.commit(1)] == ["holds", "done 1"]
        second = Store.open(address)
        refused = pytest.raises(StoreBusyError, match=f"process {first.process.pid} on ")
        with refused as error, second.writing():
            pass
        assert "If it is dead, the index is free in " in error.value.hint
        first.process.kill()
        first.process.wait()
        age(server, address)
        with second.writing():
            second.files.put([file(2)])
        assert paths(Store.open(address)) == ["/1.mp4", "/2.mp4"]
        with Store.open(address).writing():  # released: free at once
            pass
    finally:
        first.end()


def test_a_writer_that_was_paused_while_another_took_over_commits_nothing_more(server, address):
    paused = Writer(address, lease_seconds=0.6, margin_seconds=1.0)
    try:
        assert [paused.read(), paused.commit(1)] == ["holds", "done 1"]
        os.kill(paused.process.pid, signal.SIGSTOP)
        store = Store.open(address)
        paused.send(2)
        held = []

        def taken():
            try:
                with store.writing():
                    held.append(1)
                    os.kill(paused.process.pid, signal.SIGCONT)
                    assert paused.read().startswith("error StoreBusyError this run has lost the index")
                    store.files.put([file(3)])
            except StoreBusyError:
                assert not held
            return held

        wait_until(taken)
        assert paused.commit(4).startswith("error StoreBusyError")
        assert paths(Store.open(address)) == ["/1.mp4", "/3.mp4"]
    finally:
        paused.end()


@pytest.mark.parametrize(
    ("kind", "cleaned"),
    [
        ("insert", True),
        ("tidy", False),
        *(
            pytest.param(*each, marks=LONG)
            for each in [("insert", False), ("upsert", False), ("upsert", True), ("tidy", True)]
        ),
    ],
)
def test_a_commit_that_is_late_meets_the_fence_of_the_new_holder(server, address, kind, cleaned):
    Store.open(address, create=True)
    old, new = (Tables.connect(address, limits=Limits(few_versions=0)) for _ in range(2))
    late = {
        "insert": lambda: old.insert("files", [file_to_row(file("late"))]),
        "upsert": lambda: old.upsert("files", [file_to_row(file("late"))]),
        "tidy": lambda: tidy(old, ["files"]),
    }
    done = []

    def take_over(method, path):
        if method == "PUT" and "files.lance/_versions/" in path:
            done.append(path)
        if len(done) == (2 if kind == "tidy" else 1) and done[-1] == path:  # tidying sets a fence first
            done.append("taken over")
            age(server, address)
            with new.writing():
                new.upsert("files", [file_to_row(file(2))])
                if cleaned:
                    tidy(new, ["files"])

    with pytest.raises(StoreBusyError, match="has lost the index"), old.writing():
        for number in (0, 1):
            old.upsert("files", [file_to_row(file(number))])
        server.before_answer.append(take_over)
        late[kind]()
    assert done and paths(Store.open(address)) == ["/0.mp4", "/1.mp4", "/2.mp4"]


def test_people_who_write_annotations_wait_for_each_other_and_for_no_indexer(server, address):
    store = Store.open(address, create=True)
    others = [Store.open(address) for _ in range(2)]

    def mark(number):
        span = Span(0.0, 1.0)
        for each in range(3):
            others[number].annotations.marks.put([Mark(f"{number}-{each}", "review", "1", span, "open")])

    threads = [threading.Thread(target=mark, args=[number]) for number in range(2)]
    with store.writing():
        for thread in threads:
            thread.start()
        store.files.put([file(1)])
        for thread in threads:
            thread.join()
    assert {each.id for each in store.annotations.marks.all()} == {f"{a}-{b}" for a in "01" for b in "012"}


def test_a_person_who_waits_too_long_is_given_the_name_of_the_holder(server, address):
    Store.open(address, create=True)
    impatient = Store.open(replace(ObjectLocation.parsed(address), annotations_patience_seconds=0.0))
    span = Span(0.0, 1.0)
    refused = pytest.raises(StoreError, match=f"for 0 s: process {os.getpid()} on ")
    with Store.open(address).unchanging_annotations(), refused:
        impatient.annotations.marks.put([Mark("a", "review", "1", span, "open")])
    impatient.annotations.marks.put([Mark("b", "review", "1", span, "open")])
    assert [each.id for each in impatient.annotations.marks.all()] == ["b"]


def test_a_reader_sees_complete_versions_while_a_writer_commits_and_tidies(server, address, library, local):
    writer = Store.open(address, create=True, limits=Limits(few_versions=3))
    reader = Store.open(address)
    seen: list[set[str]] = []

    def read(method, path):
        if method == "PUT" and ("windows.lance/_versions/" in path or "events.lance/_versions/" in path):
            seen.append({each.text for each in reader.texts.all()})

    server.before_answer.append(read)
    fill(writer, library)
    server.before_answer.clear()
    seen.append({each.text for each in reader.texts.all()})
    assert all(one <= two for one, two in itertools.pairwise(seen)) and len(seen) > 4
    assert seen[-1] == {each.text for each in local.texts.all()}


def refusals_from(number: int, *, method: str = "PUT") -> Fault:
    """The storage refuses every write from the given one on: to the index that is a killed writer."""
    count = iter(range(10**9))
    return Fault("403", times=10**9, method=method, matches=lambda path: next(count) >= number)


@pytest.mark.parametrize("number", [9, *(pytest.param(each, marks=LONG) for each in (1, 27))])
def test_a_creation_that_is_cut_short_is_finished_by_the_next_run(server, address, number):
    server.faults.append(refusals_from(number))
    with pytest.raises(StoreError, match="the storage refuses access"):
        Store.open(address, create=True)
    server.faults.clear()
    with pytest.raises(StoreError):
        Store.open(address)
    age(server, address)
    store = Store.open(address, create=True)
    assert not check(address).findings and store.row_counts()["meta"] == 2


@pytest.mark.parametrize("number", [19, pytest.param(5, marks=LONG)])
def test_an_index_run_that_is_cut_short_is_resumed_and_ends_as_an_unbroken_one(
    server, address, library, local, number
):
    store = Store.open(address, create=True)
    server.faults.append(refusals_from(number))
    with pytest.raises(FootageError):
        fill(store, library)
    server.faults.clear()
    before = {each: store.windows.of(each) for each in store.videos.all()}
    age(server, address)
    again = Store.open(address)
    fill(again, library)
    assert rows(again) == rows(local)
    for content, windows in before.items():
        assert all(window in again.windows.of(content) for window in windows)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("403", times=99), "the storage refuses access"),
        (Fault("503", times=99), "overloaded or has an error"),
        (Fault("gone", times=99), "cannot be reached"),
        (Fault("cut", times=99), "cannot be reached"),
    ],
    ids=["403", "503", "gone", "cut"],
)
def test_what_the_storage_does_not_do_is_one_clear_sentence(server, address, fault, sentence):
    store = Store.open(address, create=True)
    with store.writing():
        store.files.put([file(1)])
    data = [replace(fault, matches=lambda path: ".lance" in path), replace(fault, method="PUT")]
    data[1].matches = data[0].matches
    server.faults.extend(data)
    with pytest.raises(StoreError, match=sentence) as error:
        store.files.all()
    assert address in str(error.value) and error.value.hint and "\n" not in str(error.value)
    with pytest.raises(StoreError, match=sentence), store.writing():
        store.files.put([file(2)])
    server.faults.clear()
    assert paths(store) == ["/1.mp4"]


@pytest.mark.parametrize("kind", ["503", "gone", "lost"])
def test_a_commit_that_fails_once_is_repeated_and_made_once(server, address, kind):
    store = Store.open(address, create=True)
    with store.writing():
        for number, name in enumerate(("data", "_versions", "_transactions")):
            server.faults.append(
                Fault(kind, method="PUT", matches=lambda path, name=name: f"/{name}/" in path)
            )
            store.files.put([file(number)])
        assert all(each.times == 0 for each in server.faults)
    assert paths(store) == ["/0.mp4", "/1.mp4", "/2.mp4"] and store.row_counts()["files"] == 3


def test_a_bucket_that_is_not_there_and_places_without_an_index_are_named(server):
    with pytest.raises(StoreError, match="its bucket does not exist"):
        Store.open("s3://no-such-bucket/library.lancedb", create=True)
    with pytest.raises(StoreError, match=f"no index found at s3://{BUCKET}/nothing"):
        Store.open(f"s3://{BUCKET}/nothing/")
    server.client().put_object(Bucket=BUCKET, Key="clips/gate.mp4", Body=b"x")
    with pytest.raises(StoreCorruptError, match=r"is not an index: it holds 'gate\.mp4'"):
        Store.open(f"s3://{BUCKET}/clips", create=True)


def test_a_backup_of_it_is_a_folder_that_can_be_restored_anywhere(server, address, library, local, tmp_path):
    store = Store.open(address, create=True)
    fill(store, library)
    copied = backup(store, tmp_path / "copy")
    assert copied.rows["windows"] == local.row_counts()["windows"] and not copied.findings
    again = backup(store, tmp_path / "copy", incremental=True)
    assert again.new_files == 0
    restore(tmp_path / "copy", tmp_path / "folder")
    assert rows(Store.open(tmp_path / "folder")) == rows(local)

    elsewhere = address.replace("library", "restored")
    server.faults.append(refusals_from(20))
    with pytest.raises(StoreError, match="refuses access"):
        restore(tmp_path / "copy", elsewhere)
    server.faults.clear()
    age(server, elsewhere)
    with pytest.raises(StoreCorruptError, match="its restoration was cut short"):
        Store.open(elsewhere, create=True)
    restore(tmp_path / "copy", elsewhere)
    assert rows(Store.open(elsewhere)) == rows(local)
    with pytest.raises(UsageError, match="already exists"):
        restore(tmp_path / "copy", elsewhere)


def test_what_needs_a_folder_is_refused_before_anything_is_done(server, address, tmp_path):
    from footage.store.migrations import upgrade
    from indexer.repairing import repair

    store = Store.open(address, create=True)
    needs: dict[str, Callable[[], object]] = {
        "removing a video for good needs an index in a folder": lambda: store.contents.forget("1"),
        "a repair needs an index in a folder": lambda: repair(address, load=StandinEmbedder),
        "an upgrade of the tables needs an index in a folder": lambda: upgrade(Tables.connect(address)),
        "a copy of an index is a folder": lambda: backup(store, Path("s3://bucket/copy")),
    }
    server.requests.clear()
    for sentence, call in needs.items():
        with pytest.raises(UsageError, match=sentence) as error:
            call()
        assert error.value.hint
    assert not [path for method, path, _ in server.requests if method in ("PUT", "POST", "DELETE")]


def test_jobs_tokens_and_alerts_of_it_stay_in_the_state_folder_of_this_machine(
    server, address, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = state_folder(address)
    assert folder.is_relative_to(tmp_path / "state") and folder != state_folder(address + "2")
    runner = CommandRunner()
    made = runner.invoke(app, ["tokens", "create", "agent", "--db", address])
    assert made.exit_code == 0, made.output
    assert (folder / STATE_FILE).is_file() and folder.stat().st_mode & 0o077 == 0
    assert not Store.open(address, create=True).files.all()
    copied = tmp_path / "copy"
    backup(Store.open(address), copied)
    assert (copied / STATE_FILE).is_file()
    with pytest.raises(UsageError, match="jobs, alerts and tokens of an earlier index"):
        restore(copied, address)
