"""Faults under load: kills, full disks, everything at once, a clock that steps back; nothing may be lost.

`make test` runs a short form; `make stress` the long one, and prints the table of
docs/explanation/reliability.md:

    FOOTAGE_STRESS          run what `make test` leaves out
    FOOTAGE_TEST_KILLS      kills of each command
    FOOTAGE_STRESS_LEVELS   fill levels of the disk for each command
    FOOTAGE_STRESS_SECONDS  how long everything runs at once
    FOOTAGE_TEST_SEED       when
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import stressing
from killing import fresh_copy, processes
from standin_model import StandinEmbedder
from stressing import COMMANDS, captions, damage, everything, lost_captions

from footage.core.errors import FootageError, StoreFullError
from footage.core.types import Span
from footage.store import Store
from footage.store.backup import restore
from search.engine import Engine
from service import previews

LONG = bool(os.environ.get("FOOTAGE_STRESS"))
KILLS = int(os.environ.get("FOOTAGE_TEST_KILLS", "50" if LONG else "1"))
LEVELS = int(os.environ.get("FOOTAGE_STRESS_LEVELS", "10" if LONG else "1"))
SECONDS = float(os.environ.get("FOOTAGE_STRESS_SECONDS", "600" if LONG else "3"))
SEED = int(os.environ.get("FOOTAGE_TEST_SEED", "1"))
SEARCHES, PREVIEWS = (300, 100) if LONG else (60, 10)
KILLED = COMMANDS if LONG else [each for each in COMMANDS if each.name in ("projection", "reembed")]
STARVED = COMMANDS if LONG else [each for each in COMMANDS if each.name in ("forget", "upgrade")]
CLIP = Path(__file__).parent.parent / "data" / "footage" / "beach_dusk.mp4"

pytestmark = pytest.mark.timeout(300 + 60 * KILLS + 60 * LEVELS + 2 * SECONDS)


@pytest.fixture(scope="module")
def result():
    """Prints a line of the table of docs/explanation/reliability.md; `make stress` shows them."""

    def tell(line: str) -> None:
        sys.stdout.write(f"\n{line}\n")

    return tell


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Makes what a command starts from, once."""
    made: dict[str, Path] = {}

    def place(command: stressing.Command) -> Path:
        name = command.make.__name__
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name) / "place"
            made[name].mkdir()
            command.make(made[name])
        return made[name]

    return place


# -- killed --------------------------------------------------------------------------------------------------


def run_child(body, place: Path, kill_after: float | None = None) -> float:
    """Run a command in a process, kill it so many seconds after it begins, and say how long it ran."""
    context = processes()
    here, there = context.Pipe()
    child = context.Process(target=stressing.begin, args=(body, place, there))
    child.start()
    assert here.poll(60) and here.recv()
    began = time.monotonic()
    child.join(kill_after if kill_after is not None else 120)
    killed = child.is_alive()
    child.kill()
    child.join()
    assert kill_after is not None or not killed, f"{body.__name__} hangs"
    assert child.exitcode in ((0, -signal.SIGKILL) if killed else (0,))  # it may end as it is killed
    return time.monotonic() - began


@pytest.mark.parametrize("command", KILLED, ids=lambda command: command.name)
def test_a_command_killed_at_random_moments_loses_nothing(command, places, tmp_path, result):
    start = places(command)
    before = {} if command.name == "repair" else captions(start / "index")  # which cannot be read as it is
    forgotten = (start / "private").read_text() if command.name == "forget" else ""
    copies = tmp_path / "copies"
    whole = fresh_copy(start, copies)
    seconds = run_child(command.run, whole)
    expected = everything(whole / command.result, command.embedders)
    rng = random.Random(f"{SEED} {command.name}")
    for _ in range(KILLS):
        moment = rng.uniform(0, seconds)
        place = fresh_copy(start, copies)
        run_child(command.run, place, kill_after=moment)
        when = f"{command.name}, killed at {moment:.3f} of {seconds:.3f} s"
        if command.name != "repair":  # before that, one of its tables cannot be read at all
            assert lost_captions(before, place / "index", but=forgotten) == [], when
        command.run(place)
        assert everything(place / command.result, command.embedders) == expected, when
        assert damage(place / command.result) == [], when
        if forgotten:
            naming = [path for path in (place / "index").rglob("*") if path.is_file()]
            assert not [path for path in naming if forgotten.encode() in path.read_bytes()], when
    result(f"| {command.name} killed at a random moment | {KILLS} | nothing |")


# -- a full disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB."""
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root may mount a file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "footage-test", disk]).returncode:
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("command", STARVED, ids=lambda command: command.name)
def test_a_disk_that_runs_full_loses_nothing(command, places, small_disk, tmp_path, result):
    start = places(command)
    before = {} if command.name == "repair" else captions(start / "index")
    forgotten = (start / "private").read_text() if command.name == "forget" else ""
    copies = small_disk / "copies"
    whole = fresh_copy(start, copies)
    free = shutil.disk_usage(small_disk).free
    command.run(whole)
    expected = everything(whole / command.result, command.embedders)
    needed = max(free - shutil.disk_usage(small_disk).free, 100_000)
    stopped = 0
    for level in range(LEVELS):
        place = fresh_copy(start, copies)
        leaving = needed * level // LEVELS
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(max(0, shutil.disk_usage(small_disk).free - leaving)))
        try:
            command.run(place)
        except FootageError as error:
            assert isinstance(error, StoreFullError) and "\n" not in str(error) and error.hint, error
            stopped += 1
        when = f"{command.name} with {leaving} bytes left"
        if command.name != "repair":
            assert lost_captions(before, place / "index", but=forgotten) == [], when
        ballast.unlink()
        command.run(place)
        assert everything(place / command.result, command.embedders) == expected, when
        assert damage(place / command.result) == [], when
    assert stopped or command.name == "tidy", "no level was too little"
    result(f"| {command.name} on a disk that runs full | {LEVELS} | nothing |")


def test_an_index_on_a_read_only_disk_is_searched_and_not_written(places, small_disk, result):
    place = fresh_copy(places(COMMANDS[2]), small_disk / "copies")
    before = everything(place / "index")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    try:
        assert everything(place / "index") == before and damage(place / "index") == []
        assert Store.open(place / "index").texts.search("bright")
        for command in COMMANDS[1:6]:
            with pytest.raises(StoreFullError, match="read-only") as error:
                command.run(place)
            assert error.value.hint
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert everything(place / "index") == before
    result("| commands on a read-only disk | 5 | nothing |")


# -- everything at once --------------------------------------------------------------------------------------


def test_everything_at_once_loses_nothing(places, tmp_path, result):
    start = places(COMMANDS[2])
    place = fresh_copy(start, tmp_path / "copies")
    (place / "kept").write_text(stressing.content_of(place, "a"))
    stressing.index_again(Store.open(place / "index"), place, 0)  # the copied library lies at another place
    store = Store.open(place / "index")
    store.files.remove([file.path for file in store.files.all() if not file.path.startswith(str(place))])
    expected = everything(place / "index")
    context = processes()
    here, there = context.Pipe()
    ready = context.Barrier(len(stressing.WORK))
    children = [
        context.Process(target=stressing.work_until, args=(SECONDS, place, work, ready, there))
        for work in stressing.WORK
    ]
    for child in children:
        child.start()
    results = []
    for _ in children:
        assert here.poll(SECONDS + 120), f"something hangs; done: {results}"
        results.append(here.recv())
    for child in children:
        child.join(30)
    assert [error for *_, error in results if error] == []
    done = {work: number for work, number, _, _ in results}
    assert done["search"] and done["review"] and (all(done.values()) or SECONDS < 300), results

    stressing.index_again(Store.open(place / "index"), place, 0)  # what was forgotten last comes back
    after = everything(place / "index")
    marks = {mark.id for mark in after.pop("marks")}
    assert {f"review {number}" for number in range(done["review"])} <= marks
    private = (place / "private").read_text()
    assert {mark.id for mark in expected.pop("marks") if mark.content_id != private} <= marks
    assert after == expected and damage(place / "index") == []
    if (place / "copy").exists():
        restore(place / "copy", place / "back")
        assert damage(place / "back") == []
    counts = ", ".join(f"{number} x {work}" for work, number in sorted(done.items()))
    result(f"| index, search, review, forget and backup at once for {SECONDS:g} s | {counts} | nothing |")


# -- the clock -----------------------------------------------------------------------------------------------


CLOCKED = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
import stressing, time
place, clock = Path(sys.argv[2]), Path(sys.argv[3])
began = time.time()
stressing.make_indexed(place)
stressing.run_tidy(place)
clock.write_text("-3600")
assert time.time() < began - 3000, "the clock did not step back"
stressing.write_levels(place / "library" / "late.mp4", [20, 220, 20, 220])
for run in (stressing.run_index, stressing.run_tidy, stressing.run_reembed, stressing.run_backup):
    run(place)
stressing.run_forget(place)
private = (place / "private").read_text().encode()
files = [path for path in (place / "index").rglob("*.*") if path.is_file()]
assert not [path for path in files if private in path.read_bytes()]
stressing.run_index(place)
"""


@pytest.mark.skipif(not LONG, reason="left to make stress")
def test_a_clock_that_steps_back_an_hour_loses_nothing(tmp_path, result):
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs a C compiler on Linux, for a clock that can be set")
    shim, clock = tmp_path / "clock.so", tmp_path / "offset"
    source = Path(__file__).parent / "stepping_clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
    clock.write_text("0")
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", CLOCKED, f"{here.parent}:{here}", tmp_path / "place", clock],
        env={**os.environ, "LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(clock)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert damage(tmp_path / "place" / "index") == []
    stepped = everything(tmp_path / "place" / "index")
    fresh = tmp_path / "fresh"
    shutil.copytree(tmp_path / "place" / "library", fresh / "library")
    stressing.run_index(fresh)
    plain = everything(fresh / "index")
    for name in ("videos", "windows", "events", "texts", "vectors"):
        assert stepped[name] == plain[name], name
    result("| the clock steps back an hour between runs | 1 | nothing |")


# -- many at once, and for long ------------------------------------------------------------------------------


def memory_bytes() -> int:
    """What this process holds in memory."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def test_many_searches_and_previews_keep_memory_flat(places, tmp_path, result):
    if not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc, to see how much memory is held")
    place = fresh_copy(places(COMMANDS[2]), tmp_path / "copies")
    engine = Engine(Store.open(place / "index"), StandinEmbedder())
    queries = [f"the picture is {word} {number}" for number in range(25) for word in ("bright", "dark")]

    def search(number: int) -> None:
        assert engine.search(queries[number % len(queries)], ground=False).matches

    def preview(number: int) -> None:
        stretch = Span(number * 0.1, number * 0.1 + 1.5)
        assert previews.preview(tmp_path / "cache", str(CLIP), content_id="c", stretch=stretch).path.is_file()

    for number in range(50):
        search(number)
    searched = memory_bytes()
    for number in range(SEARCHES):
        search(number)
    assert memory_bytes() - searched < 20_000_000
    for number in range(20):
        preview(number)
    previewed = memory_bytes()
    for number in range(20, 20 + PREVIEWS):
        preview(number)
    assert memory_bytes() - previewed < 40_000_000
    result(f"| searches, then previews, memory flat | {SEARCHES}, {PREVIEWS} | nothing |")


@pytest.mark.skipif(not LONG, reason="left to make stress")
def test_20_sessions_search_at_once_and_get_the_same_answers(places, tmp_path, result):
    """All visitors of the app share one engine; here 20 threads ask it, while somebody marks."""
    place = fresh_copy(places(COMMANDS[2]), tmp_path / "copies")
    store = Store.open(place / "index")
    engine, ready = Engine(store, StandinEmbedder()), threading.Barrier(20)

    def session(number: int) -> list[list[str]]:
        ready.wait(30)
        answers = []
        for turn in range(5):
            found = engine.search(("bright", "dark")[turn % 2], ground=False, limit=3).matches
            answers.append([match.text for match in found])
            stressing.review(store, place, 100 * number + turn)
        return answers

    (place / "kept").write_text(stressing.content_of(place, "a"))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(session, range(20)))
    assert all(each == answers[0] for each in answers) and answers[0][0]
    assert len(store.annotations.marks.all()) == 3 + 20 * 5
    result("| 20 sessions, 5 searches and 5 marks each | 1 | nothing |")
