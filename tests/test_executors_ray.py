"""Index runs on a Ray cluster of nodes on this machine: the index is that of a local run, row by row."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cluster_parts import StandinParts, image_maker, run, settings
from standin_model import write_levels
from test_crashes import tables
from test_indexer_growing_files import Recorder, write_recording
from waiting import wait_until

from footage.core.errors import (
    DependencyError,
    ModelUnavailableError,
    UsageError,
    WrongCheckpointError,
)
from footage.core.tracks import SUBTITLE_TRACK
from footage.store import Store
from indexer.executors.caption_pool import CaptionPool
from indexer.executors.cluster import Cluster, cluster_address
from indexer.executors.on_ray import ClusterShares, RayExecutor
from indexer.executors.on_workers import CaptionWorker
from indexer.tracks.factories import maker_of

pytestmark = [
    pytest.mark.posix,
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
]
ROOT = Path(__file__).parent.parent
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_failure_threshold": 12,
}
LEVELS = [20] * 3 + [220] * 4 + [20] * 2 + [120] * 14 + [220] * 3 + [20] * 8


@pytest.fixture(scope="module")
def nodes():
    """A cluster of two nodes, of one core each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
        import ray
        from ray.cluster_utils import Cluster as Nodes

        made = Nodes(
            initialize_head=True,
            head_node_args={**NODE, "include_dashboard": False, "_system_config": HEALTH},
        )
        made.add_node(**NODE)
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.fixture(scope="module")
def cluster(nodes):
    made = Cluster(nodes.address)
    yield made
    made.close()


@pytest.fixture(scope="module")
def executor(cluster):
    made = RayExecutor(cluster, StandinParts(sleep_seconds=0.05))
    yield made
    made.close()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Clips of one camera in which often nothing changes, one of them damaged, one with subtitles."""
    folder = tmp_path_factory.mktemp("library")
    for number in range(4):
        write_levels(folder / f"gate{number}.mp4", LEVELS[number:])
    whole = (folder / "gate3.mp4").read_bytes()
    (folder / "torn.mp4").write_bytes(whole[: len(whole) // 3])
    os.utime(folder / "torn.mp4", (1e9, 1e9))  # long finished, so that it counts as damaged
    (folder / "gate1.en.srt").write_text("1\n00:00:01,000 --> 00:00:03,000\nA red car\n")
    return folder


def makers():
    return [maker_of(SUBTITLE_TRACK, settings()), image_maker()]


def everything(database):
    """All rows of an index."""
    store = Store.open(database)
    found = tables(database, embedder="standin")
    found["files"] = [file for file in found["files"] if file.state != "failed"]  # each run tries those
    for content in sorted(store.videos.all()):
        found |= {
            f"subtitles of {content}": store.windows.of(content, track=SUBTITLE_TRACK),
            f"stills of {content}": sorted(
                (row.window_index, row.levels.tobytes()) for row in store.stills.of([content])
            ),
            f"images of {content}": [
                (row.window_index, row.span, row.at_seconds, tuple(np.round(row.vector, 5)))
                for row in store.images.of("standin", content)
            ],
        }
    return found


@pytest.fixture(scope="module")
def expected(library, tmp_path_factory):
    """The index of a local run: with captions carried over, and without."""
    found = {}
    for reuse in ("yes", "no"):
        database = tmp_path_factory.mktemp("local") / "index.lancedb"
        run(library, database, model=StandinParts().model(), makers=makers(), reuse=reuse)
        found[reuse] = everything(database)
    return found


def same(database, expected, *, resumed=False):
    """Compare two indexes.

    What a stopped run left of an image window is read from the file, as locally: the pictures are of the
    same seconds, and not the same frames.
    """
    found = everything(database)
    assert found.keys() == expected.keys()
    for table, rows in expected.items():
        if resumed and table.startswith("images of"):
            assert {row[0] for row in found[table]} == {row[0] for row in rows}, f"windows of {table} differ"
        else:
            assert found[table] == rows, f"{table} differ"


@pytest.mark.parametrize("reuse", ["yes", "no"])
def test_the_index_equals_that_of_a_local_run(library, expected, executor, tmp_path, reuse):
    readings = []
    report = run(
        library, tmp_path / "i", executor=executor, makers=makers(), reuse=reuse, on_progress=readings.append
    )
    same(tmp_path / "i", expected[reuse])
    assert (report.indexed, report.failed) == (4, 1)
    assert (report.windows_reused > 10) == (reuse == "yes")
    assert {"decode", "caption", "write"} <= report.stage_seconds.keys()
    last = readings[-1]
    assert last.windows_done == last.windows_total and last.seconds_done == pytest.approx(last.seconds_total)
    again = run(library, tmp_path / "i", executor=executor, makers=makers(), reuse=reuse)
    assert (again.windows_captioned, again.windows_reused, again.unchanged) == (0, 0, report.indexed)


def test_a_lost_node_and_a_lost_worker_cost_nothing(library, expected, nodes, cluster, tmp_path):
    third = nodes.add_node(**NODE)
    parts = StandinParts(sleep_seconds=0.1, dies_once=tmp_path / "died")
    executor = RayExecutor(cluster, parts, shares=ClusterShares(models=3), batch_size=2)
    lost = []

    def lose(reading):
        if reading.windows_done >= 8 and not lost:
            lost.append(third)
            nodes.remove_node(third, allow_graceful=False)

    report = run(library, tmp_path / "i", executor=executor, makers=makers(), reuse="no", on_progress=lose)
    executor.close()
    assert lost and (tmp_path / "died").exists()
    assert report.failed + report.partial == 1  # the torn file, as locally
    same(tmp_path / "i", expected["no"])


def test_a_killed_driver_goes_on(library, expected, nodes, executor, tmp_path):
    log = tmp_path / "windows.log"
    command = [sys.executable, "-m", "cluster_parts", nodes.address, library, tmp_path / "i", log]
    with subprocess.Popen(list(map(str, command)), cwd=ROOT) as driver:
        wait_until(
            lambda: driver.poll() is not None or (log.exists() and log.read_text().count("\n") > 9),
            seconds=120,
        )
        assert driver.poll() is None, "it is to be killed in the middle"
        driver.kill()
    report = run(library, tmp_path / "i", executor=executor, makers=makers(), reuse="yes")
    assert report.windows_captioned > 0
    same(tmp_path / "i", expected["yes"], resumed=True)


def test_a_stopped_run_goes_on(library, expected, executor, tmp_path):
    done = []
    report = run(
        library,
        tmp_path / "i",
        executor=executor,
        makers=makers(),
        reuse="yes",
        on_progress=lambda reading: done.append(reading.windows_done),
        stop=lambda: bool(done) and done[-1] > 8,
    )
    assert report.stopped
    run(library, tmp_path / "i", executor=executor, makers=makers(), reuse="yes")
    same(tmp_path / "i", expected["yes"], resumed=True)


def test_a_file_that_a_node_cannot_read_is_named_with_the_node(executor, tmp_path):
    folder = tmp_path / "library"
    write_levels(folder / "a.mp4", [20] * 6)
    gone = write_levels(folder / "b.mp4", [20, 220] * 100)

    def remove(reading):
        if reading.windows_done:
            gone.unlink(missing_ok=True)

    report = run(folder, tmp_path / "i", executor=executor, on_progress=remove)
    (file,) = (file for file in report.files if file.path == str(gone))
    assert "the cluster node " in file.reason and f" cannot read {gone}: No such file" in file.reason
    assert "every node needs the file at the same path" in file.reason
    assert report.indexed == 1


def test_a_model_that_fails_ends_the_run_with_its_sentence(cluster, tmp_path):
    library = tmp_path / "library"  # of one window each: none waits for another to be committed
    for number in range(6):
        write_levels(library / f"{number}.mp4", [20 + 30 * number] * 4)
    executor = RayExecutor(cluster, StandinParts(stop_at=4), shares=ClusterShares(models=1))
    with pytest.raises(ModelUnavailableError, match="asked to stop"):
        run(library, tmp_path / "i", executor=executor, reuse="no")
    store = Store.open(tmp_path / "i")
    assert store.runs.all()[-1].outcome == "asked to stop"
    kept = sum(map(len, store.windows.spans().values()))
    assert kept in (3, 4), "what was captioned before is kept: the last batch has one window or two"
    executor.close()


def test_a_file_that_grows_is_followed(executor, tmp_path):
    whole = write_recording(tmp_path / "gate.ts", [20, 20, 20, 220, 220, 220, 20, 20, 220, 220, 220, 220])
    found = []
    for name in ("local", "ray"):
        (tmp_path / name).mkdir()
        recorder = Recorder(tmp_path / name, whole)
        how = {} if name == "local" else {"executor": executor}
        for share in (0.6, 1.0):
            recorder.write(share)
            recorder.look(follow=True, **how)
        recorder.clock.at += 60
        report = recorder.look(follow=True, **how)
        found.append([record.caption for record in recorder.store.windows.of(recorder.file().content_id)])
        assert report.indexed == 1
    assert found[0] == found[1] and len(found[0]) >= 4


def test_nodes_with_other_code_or_weights_are_refused(cluster):
    with pytest.raises(DependencyError, match=r"The cluster node .* has another version of footage"):
        CaptionWorker(StandinParts(), code="other", environment={}).load()
    revisions = iter("123")

    def start():
        parts = StandinParts(revision=next(revisions))
        return cluster.actor(CaptionWorker, parts, code="", environment={}, gpus=0)

    pool = CaptionPool(cluster, start, count=2)
    with pytest.raises(WrongCheckpointError, match="different weights of standin"):
        for reference in pool.references:
            pool.settle(reference)
    pool.close()


def test_addresses(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert cluster_address("ray") == ""
    assert cluster_address("ray://10.0.0.5:6379/") == "10.0.0.5:6379"
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert cluster_address("ray") == "head:6379"
    with pytest.raises(UsageError, match="no executor 'dask'"):
        cluster_address("dask")
    for address in (
        "ray://head",
        "ray://head:port",
        "ray://head:99999",
        "ray://head:6379/path",
        "ray://:6379",
    ):
        with pytest.raises(UsageError, match="must be ray://HOST:PORT"):
            cluster_address(address)


@pytest.mark.parametrize("source", ["setting", "variable", "option"])
def test_no_message_shows_the_password_of_an_address(source, monkeypatch):
    from footage.core.config import load_settings

    address = "ray://user:pw@127.0.0.1:1"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UsageError) as refused:
        if source == "option":
            load_settings(executor=address)
        else:
            cluster_address("ray" if source == "variable" else address)
    assert "pw" not in f"{refused.value} {refused.value.hint}" and "@" in str(refused.value)


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_an_address_where_no_ray_listens_is_named_at_once(answer):
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if answer is None:
            server.close()
        else:
            pool.submit(_answer_once, server, answer)
        with pytest.raises(DependencyError, match=f"The Ray cluster at {address} does not answer: "):
            Cluster(address)


def _answer_once(server, answer):
    connection, _ = server.accept()
    with connection:
        connection.recv(100)
        connection.sendall(answer)


def test_ray_starts_and_ends_without_a_word_beside_an_open_index(tmp_path):
    code = (
        "from footage.store import Store; from indexer.executors.cluster import Cluster; "
        f"Store.open({str(tmp_path / 'i')!r}, create=True); Cluster().close()"
    )
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_indexes_on_the_cluster_as_it_does_here(nodes, tmp_path, monkeypatch):
    """With the real demo model."""
    from typer.testing import CliRunner

    from ui.cli.main import app

    library = tmp_path / "library"
    library.mkdir()
    (library / "park.mp4").symlink_to(ROOT / "data" / "footage" / "park_dusk.mp4")
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    for executor in ("local", "ray"):
        options = ["--db", str(tmp_path / executor), "--model", "demo", "--tracks", "caption"]
        result = CliRunner().invoke(
            app, ["index", str(library / "park.mp4"), *options, "--executor", executor]
        )
        assert result.exit_code == 0, result.output
    found = [tables(tmp_path / name) for name in ("local", "ray")]
    assert found[0] == found[1] and found[0]["events"]
