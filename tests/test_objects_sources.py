"""Videos in object storage, indexed as files are: against a real S3 server, with faults."""

from __future__ import annotations

import os
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from s3_server import Fault, s3_environment
from standin_model import StandinEmbedder, StandinModel, write_levels, write_noise

from footage.core.disk_cache import Shelf
from footage.core.errors import FileError, SourceOfflineError, UsageError, VideoError
from footage.core.types import Span
from footage.media import sandbox
from footage.objects import blocks, client, requests
from footage.objects.blocks import BLOCK_BYTES, BlockReader
from footage.objects.paths import ObjectPath, media_path, typed_path
from footage.store import Store
from footage.store.location import IndexLocation
from indexer import library
from indexer.library import IgnoredEntry, Selection, walk
from indexer.pipeline import index

LEVELS = {
    "a.mp4": [20, 20, 20, 220, 220, 220, 220, 20, 20, 20],
    "sub/b c.mp4": [200] * 3,
    "sub/ü#1?.mp4": [30] * 5 + [240] * 2,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("objects") / "clips"
    (folder / "sub").mkdir(parents=True)
    for name, levels in LEVELS.items():
        write_levels(folder / name, levels)
    (folder / "sub" / "b c.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    (folder / ".hidden.mp4").write_bytes(b"x")
    return folder


@pytest.fixture(scope="module")
def server():
    with s3_environment("films") as served:
        yield served


@pytest.fixture
def served(server, folder, tmp_path):
    """The server with the clips under clips/, nothing cached and nothing remembered."""
    boto = server.client()
    for each in boto.list_objects_v2(Bucket="films").get("Contents", []):
        boto.delete_object(Bucket="films", Key=each["Key"])
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key = f"clips/{path.relative_to(folder).as_posix()}"
            boto.put_object(Bucket="films", Key=key, Body=path.read_bytes())
    server.faults.clear()
    server.requests.clear()
    server.before_answer.clear()
    requests.forget_statuses()
    blocks.use_cache(Shelf(tmp_path / "blocks", 50_000_000))
    return server


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "index.lancedb", create=True)


def run(store, *paths, model=None, **options):
    requests.forget_statuses()
    model = model or StandinModel()
    return index(list(paths), store=store, model=model, embedder=StandinEmbedder(), **options)


def states(store):
    return {file.path.rpartition("clips/")[2]: (file.state, file.reason) for file in store.files.all()}


def content_of(store):
    """Everything of an index that does not depend on where its files are."""
    return (
        sorted(
            (f.path.rpartition("clips/")[2], f.content_id, f.fingerprint, f.state) for f in store.files.all()
        ),
        store.videos.all(),
        {content: store.windows.of(content) for content in store.videos.all()},
        store.events.all(),
        sorted(
            (owner, row.text, row.span, tuple(np.round(row.vector, 5)))
            for content in store.videos.all()
            for owner, row in store.vectors.of("standin", content).items()
        ),
    )


# -- 1. The same index as from files ------------------------------------------


def test_objects_make_the_index_that_files_make(served, folder, store, tmp_path):
    from_files = Store.open(tmp_path / "files.lancedb", create=True)
    index([folder], store=from_files, model=StandinModel(), embedder=StandinEmbedder())
    report = run(store, "s3://films/clips")
    assert (report.indexed, report.failed) == (3, 0)
    assert content_of(store) == content_of(from_files)
    assert {file.path for file in store.files.all()} == {f"s3://films/clips/{name}" for name in LEVELS}
    assert {(file.collection, file.root) for file in store.files.all()} == {("clips", "s3://films/clips")}
    # Again: nothing is read and nothing is captioned.
    since = len(served.requests)
    again = run(store, "s3://films/clips")
    assert (again.windows_captioned, again.unchanged) == (0, 3)
    assert served.bytes_asked(since) == 0
    assert Counter(method for method, *_ in served.requests[since:])["GET"] == 2  # two listings


def test_a_copy_of_an_indexed_file_is_not_captioned_again(served, folder, store):
    run(store, folder / "a.mp4")
    report = run(store, folder, "s3://films/clips/a.mp4")
    assert report.windows_captioned == 3  # those of the other two files
    assert len({file.content_id for file in store.files.all() if file.path.endswith("a.mp4")}) == 1


def test_an_object_that_changed_is_indexed_anew_although_size_and_second_are_the_same(served, folder, store):
    run(store, "s3://films/clips")
    changed = bytearray((folder / "a.mp4").read_bytes())
    changed[len(changed) // 2] ^= 1
    before = library.fingerprint("s3://films/clips/a.mp4")
    served.client().put_object(Bucket="films", Key="clips/a.mp4", Body=bytes(changed))
    run(store, "s3://films/clips")
    assert store.files.at("s3://films/clips/a.mp4").fingerprint != before


# -- 2. Listing ----------------------------------------------------------------


def test_objects_are_found_by_the_rules_of_folders(served):
    boto = served.client()
    for key in ("clips/@eaDir/x.mp4", "clips/.trash/y.mp4", "clips/notes.txt", "clips/none//z.mp4", "clips/"):
        boto.put_object(Bucket="films", Key=key, Body=b"" if key.endswith("/") else b"x")
    boto.delete_object(Bucket="films", Key="clips/.hidden.mp4")
    found = list(walk(["s3://films/clips/", "s3://films/clips/a.mp4"], selection=Selection(exclude=("b *",))))
    whys = {
        each.path.removeprefix("s3://films/clips/"): each.why
        for each in found
        if isinstance(each, IgnoredEntry)
    }
    assert whys == {
        "@eaDir": "system folder",
        ".trash": "hidden",
        "notes.txt": "other file",
        "sub/b c.srt": "other file",
        "none": "folder with unreadable names",
    }
    [unlisted] = [each for each in found if isinstance(each, IgnoredEntry) and each.detail]
    assert "the key clips/none// has an empty part" in unlisted.detail
    skips = {
        str(each.path).partition("clips/")[2]: bool(each.skip)
        for each in found
        if not isinstance(each, IgnoredEntry)
    }
    assert skips == {"a.mp4": False, "sub/b c.mp4": True, "sub/ü#1?.mp4": False}


@pytest.mark.parametrize(
    ("address", "kind", "sentence"),
    [
        ("s3://films/empty.mp4", FileError, r"s3://films/empty\.mp4 does not exist: there is neither"),
        ("s3://films/clips/texts", FileError, "no video file found in s3://films/clips/texts"),
        ("s3://no-such-bucket/clips", SourceOfflineError, "there is no bucket no-such-bucket"),
        ("https://host/a.mp4?X-Amz-Signature=hunter2", UsageError, "a query or a fragment"),
        ("s3://key:hunter2@films/a.mp4", UsageError, "contains a user name"),
    ],
)
def test_what_cannot_be_listed_is_one_sentence_without_secrets(served, address, kind, sentence):
    served.client().put_object(Bucket="films", Key="clips/texts/a.txt", Body=b"x")
    with pytest.raises(kind, match=sentence) as failed:
        list(walk([typed_path(address)]))
    assert "hunter2" not in str(failed.value)


# -- 3. Reading ----------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "429", "cut", "slow"])
def test_reading_goes_on_through_faults(served, folder, fault):
    served.faults.append(Fault(fault, times=2, seconds=0.05))
    address = "s3://films/clips/a.mp4"
    assert sandbox.probe(address) == sandbox.probe(folder / "a.mp4")
    frames, same = (sandbox.sample(each, Span(2, 5)) for each in (address, folder / "a.mp4"))
    assert np.array_equal(frames.pixels, same.pixels)
    assert served.faults[0].times < 2


def test_refused_credentials_are_read_anew_once(served, monkeypatch):
    requests._renewed.clear()
    served.faults.append(Fault("400", method="HEAD"))
    assert media_path("s3://films/clips/a.mp4").is_file()
    requests.forget_statuses()
    served.faults.append(Fault("403", method="HEAD", times=9))
    with pytest.raises(SourceOfflineError, match=r"a\.mp4 cannot be read: access was denied"):
        sandbox.probe("s3://films/clips/a.mp4")


def test_an_object_that_changes_while_it_is_read_is_one_error(served, folder):
    reader = BlockReader(requests.look_at(ObjectPath("s3://films/clips/a.mp4").address))
    served.client().put_object(Bucket="films", Key="clips/a.mp4", Body=b"other")
    with pytest.raises(VideoError, match=r"s3://films/clips/a\.mp4 changed while it was read"):
        reader.block(0)


def test_a_child_process_gets_no_object_that_its_job_does_not_name(served, folder):
    from footage.media.sandbox import pool

    with pytest.raises(VideoError):
        pool.run(
            "footage.media.video:probe",
            "s3://films/clips/a.mp4",
            own={},
            name="a.mp4",
            timeout_seconds=20,
            sources=(str(folder / "a.mp4"),),
        )
    assert not [each for each in served.requests if "a.mp4" in each[1]]


def test_a_short_look_into_a_long_clip_fetches_a_part_of_it(served, tmp_path):
    path = write_noise(tmp_path / "long.mp4", seconds=60)
    size = os.path.getsize(path)
    assert size > 8 * BLOCK_BYTES
    served.client().upload_file(str(path), "films", "long.mp4")
    since = len(served.requests)
    span = Span(30, 32)
    frames = sandbox.sample("s3://films/long.mp4", span)
    assert np.array_equal(frames.pixels, sandbox.sample(path, span).pixels)
    assert served.bytes_asked(since) < size / 2
    assert len(served.requests) - since < 12
    # What was read is not fetched again, and the cache keeps its limit.
    since = len(served.requests)
    sandbox.sample("s3://films/long.mp4", span)
    assert served.bytes_asked(since) == 0
    blocks.use_cache(Shelf(tmp_path / "small", 3 * BLOCK_BYTES))
    assert library.content_id("s3://films/long.mp4") == library.content_id(path)
    held = [each.stat().st_size for each in (tmp_path / "small").iterdir()]
    assert 0 < sum(held) <= 3 * BLOCK_BYTES
    blocks.use_cache(Shelf(tmp_path / "none", 0), on=False)
    assert library.content_id("s3://films/long.mp4") == library.content_id(path)
    assert not (tmp_path / "none").exists()


def test_a_web_server_serves_one_object(tmp_path, folder):
    class Ranges(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            data = (folder / "a.mp4").read_bytes()
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            part = data[int(first) : int(last) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Last-Modified", self.date_time_string(1_700_000_000))
            self.end_headers()
            self.wfile.write(part)

        def do_HEAD(self):
            self.send_response(200 if self.path == "/x/a%20b.mp4" else 404)
            self.send_header("Content-Length", str(os.path.getsize(folder / "a.mp4")))
            self.send_header("Last-Modified", self.date_time_string(1_700_000_000))
            self.end_headers()

    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=str(folder)))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    blocks.use_cache(Shelf(tmp_path / "blocks", 50_000_000))
    try:
        root = f"http://127.0.0.1:{web.server_address[1]}/x"
        [found] = walk([f"{root}/a b.mp4"])
        assert (str(found.path), found.modified_at) == (f"{root}/a%20b.mp4", 1_700_000_000)
        assert library.fingerprint(found.path) == library.fingerprint(folder / "a.mp4")
        assert sandbox.probe(found.path) == sandbox.probe(folder / "a.mp4")
        with pytest.raises(VideoError, match="does not exist"):
            list(walk([f"{root}/folder/"]))
    finally:
        web.shutdown()
        web.server_close()


def test_credentials_come_from_a_profile_and_their_errors_name_none_of_them(monkeypatch, tmp_path):
    from footage.objects.profiles import profile_options

    credentials, config = tmp_path / "credentials", tmp_path / "config"
    credentials.write_text("[studio]\naws_access_key_id = AKIA\naws_secret_access_key = hunter2\n")
    config.write_text("[profile studio]\nregion = eu-west-3\nendpoint_url = http://127.0.0.1:9\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert profile_options() == {}  # no profile is named, and there is no default
    monkeypatch.setenv("AWS_PROFILE", "studio")
    assert profile_options() == {
        "access_key_id": "AKIA",
        "secret_access_key": "hunter2",
        "region": "eu-west-3",
        "endpoint": "http://127.0.0.1:9",
    }
    assert IndexLocation.of("s3://b/library").storage_options.items() >= profile_options().items()
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(UsageError, match="the AWS profile none does not exist"):
        profile_options()
    monkeypatch.setenv("AWS_PROFILE", "studio")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceOfflineError, match="the server cannot be reached") as failed:
        requests.look_at(ObjectPath("s3://from-a-profile/a.mp4").address)  # a bucket without a kept client
    assert "hunter2" not in f"{failed.value} {failed.value.hint}"


# -- 4. Runs that meet faults ----------------------------------------------------


def test_a_run_goes_on_past_a_changed_object_and_a_later_run_finishes(served, store, folder):
    other = (folder / "sub/b c.mp4").read_bytes()

    def change(method, path):
        if method == "GET" and path.endswith("/a.mp4"):
            served.before_answer.clear()
            served.client().put_object(Bucket="films", Key="clips/a.mp4", Body=other)

    served.before_answer.append(change)
    report = run(store, "s3://films/clips")
    assert (report.indexed, report.failed) == (2, 1)
    assert states(store)["a.mp4"] == ("failed", "s3://films/clips/a.mp4 changed while it was read")
    report = run(store, "s3://films/clips")
    assert (states(store)["a.mp4"][0], report.windows_captioned) == ("indexed", 0)  # it is a copy now


def test_a_store_that_is_away_makes_files_offline_and_costs_no_tries(served, store, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    client.forget_clients()
    served.faults.append(Fault("503", times=999, matches=lambda path: path.endswith("/a.mp4")))
    report = run(store, "s3://films/clips")
    assert report.indexed == 2
    state, reason = states(store)["a.mp4"]
    assert (state, reason) == (
        "offline",
        "s3://films/clips/a.mp4 cannot be read: the server answers with 503 (SlowDown)",
    )
    assert store.files.at("s3://films/clips/a.mp4").tries == 0
    # The whole bucket is away: everything is offline, as with a disk that is not plugged in.
    served.faults[:] = [Fault("503", times=999)]
    report = run(store, "s3://films/clips")
    assert {state for state, _ in states(store).values()} == {"offline"}
    # It is back, and one object is gone.
    served.faults.clear()
    served.client().delete_object(Bucket="films", Key="clips/sub/b c.mp4")
    report = run(store, "s3://films/clips")
    assert {name: state for name, (state, _) in states(store).items()} == {
        "a.mp4": "indexed",
        "sub/b c.mp4": "gone",
        "sub/ü#1?.mp4": "indexed",
    }
    assert report.windows_captioned == 3


def test_subtitles_beside_an_object_are_read(served, store):
    from indexer.tracks.subtitles import SubtitleMaker

    run(store, "s3://films/clips", makers=[SubtitleMaker()])
    texts = [
        event.caption.events[0].text
        for content in store.videos.all()
        for event in store.windows.of(content, track="subtitles")
        if event.caption.events
    ]
    assert texts == ["Hello."]


# -- 5. Odd keys, and roots that are out of reach ---------------------------------


@pytest.mark.parametrize("odd", ["clips/sub//bad.mp4", "clips/bad\x01.mp4", "clips/sub/../bad.mp4"])
def test_an_odd_key_takes_no_file_from_the_index(served, store, odd):
    run(store, "s3://films/clips")
    served.client().put_object(Bucket="films", Key=odd, Body=b"x")
    served.client().delete_object(Bucket="films", Key="clips/sub/b c.mp4")
    report = run(store, "s3://films/clips")
    assert report.ignored["folder with unreadable names"] == 1
    [[note]] = report.warnings.values()
    assert note.startswith(f"the key {odd[:10]}".rstrip("\x01")) and note.isprintable()
    assert {name: state for name, (state, _) in states(store).items()} == {
        "a.mp4": "indexed",
        "sub/b c.mp4": "gone",
        "sub/ü#1?.mp4": "indexed",
    }
    assert store.contents.prune() == (1, 1)
    assert store.texts.search("bright", owner_kinds=["event"])


def test_objects_behind_odd_keys_are_found(served):
    good = ("odd/a.mp4", "odd/b.mp4", "odd/c/d.mp4", "odd/é.mp4")
    for key in ("odd//x.mp4", "odd//y.mp4", "odd/../x.mp4", "odd/a\x02.mp4", *good):
        served.client().put_object(Bucket="films", Key=key, Body=b"x")
    found = list(walk(["s3://films/odd"]))
    paths = {str(each.path) for each in found if not isinstance(each, IgnoredEntry)}
    assert paths == {f"s3://films/{key}" for key in good}
    details = "; ".join(each.detail for each in found if isinstance(each, IgnoredEntry))
    assert "the key odd//" in details and r"the key odd/a\x02.mp4" in details


def test_a_key_with_a_slash_at_its_end_is_passed_over(served, store, folder):
    body = (folder / "a.mp4").read_bytes()
    served.client().put_object(Bucket="films", Key="clips/slash.mp4/", Body=body)
    for _ in range(2):
        report = run(store, "s3://films/clips")
        assert (report.failed, len(report.files)) == (0, 3)
        assert report.ignored["object with a slash at the end of its key"] == 1
    assert "slash.mp4" not in states(store)


def test_every_run_tells_why_a_root_is_out_of_reach(served, store, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    run(store, "s3://films/clips")
    served.faults[:] = [Fault("403", times=999), Fault("403", times=999, method="HEAD")]
    for _ in range(2):
        report = run(store, "s3://films/clips")
        assert (report.offline, report.gone, report.reached_nothing) == (3, 0, True)
        assert report.out_of_reach == {
            "s3://films/clips": "s3://films/clips cannot be read: access was denied"
        }
        assert set(states(store).values()) == {("offline", report.out_of_reach["s3://films/clips"])}
    # The objects go away after they were listed.
    served.faults[:] = [
        Fault("403", times=999, method=method, matches=lambda path: ".mp4" in path)
        for method in ("GET", "HEAD")
    ]
    report = run(store, "s3://films/clips", mix="replace")
    assert (report.offline, report.reached_nothing) == (3, True)
    assert "access was denied" in report.out_of_reach["s3://films/clips"]
