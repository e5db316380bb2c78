"""What a hostile file does to its decoder costs that file alone; a stand-in for torchcodec plays its part."""

from __future__ import annotations

import os
import pickle
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_model import StandinEmbedder, StandinModel
from tiny_clips import index_of, write_clip

from footage.core.errors import DecodeError, DependencyError, NotAVideoError, VideoNotFoundError
from footage.core.types import Frames, Span, Video
from footage.media import sandbox
from footage.media import video as here
from footage.media.images import MOST_SIDE, StillImage
from footage.media.sandbox import plausible, pool
from footage.media.sandbox.messages import fits, packed, unpacked
from footage.media.subtitles import Cue
from footage.store import Store
from indexer.pipeline import index

RIGID = {"bf": "0"}  # without B-frames torchcodec comes first
linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    """Children decode with the stand-in as long as this lasts."""
    package = tmp_path_factory.mktemp("standin") / "torchcodec"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("standin_torchcodec.py"), package / "decoders.py")
    pool.end_children()
    sys.path.insert(0, str(package.parent))
    yield
    sys.path.remove(str(package.parent))
    pool.end_children()


@pytest.fixture
def hostile(standin, tmp_path):
    """Writes a clip that the stand-in is shown."""
    return lambda name: write_clip(tmp_path / name, count=20, options=RIGID)


def test_what_comes_through_the_door_is_what_is_decoded_here(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40)
    spans = [Span(0.0, 2.0), Span(1.5, 3.5)]
    assert sandbox.probe(path) == here.probe(path)
    sampler = sandbox.SandboxSampler(path, spans)
    for number, span in enumerate(spans):
        theirs, ours = sampler.take(number), here.sample(path, span)
        assert np.array_equal(theirs.pixels, ours.pixels) and theirs.times_seconds == ours.times_seconds
    assert index_of(sandbox.frame_at(path, 1.25)) == 12
    assert sandbox.cut_start(path, Span(1.05, 2)) == here.cut_start(path, Span(1.05, 2)) == 1.1
    with pytest.raises(VideoNotFoundError, match=r"^gone\.mp4 does not exist$"):
        sandbox.probe(tmp_path / "gone.mp4")
    (tmp_path / "none.mp4").write_bytes(b"")
    with pytest.raises(NotAVideoError, match="is empty"):
        sandbox.probe(tmp_path / "none.mp4")
    with pytest.raises(DecodeError, match=r"ends at 4\.0 s"):
        sandbox.sample(path, Span(5, 6))


def test_samplers_outlive_their_child_and_many_others(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40)
    spans = [Span(float(n), n + 1.0) for n in range(4)]
    first = sandbox.SandboxSampler(path, spans)
    assert index_of(first.take(0).pixels[0]) == 0
    for sampler in [sandbox.SandboxSampler(path, spans) for _ in range(20)]:
        sampler.take(1)
    assert index_of(first.take(2).pixels[0]) == 20
    pool.end_children()
    assert index_of(first.take(3).pixels[0]) == 30


def test_children_are_reused_and_several_work_at_once(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40)
    pids = set()

    def look():
        for _ in range(5):
            pids.add(pool.run("os:getpid", name="x", timeout_seconds=60))
            sandbox.frame_at(path, 1.0)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(pids) <= 2 and os.getpid() not in pids


def test_a_job_does_not_wait_for_a_child_that_starts_where_another_is_free_before(tmp_path, monkeypatch):
    (tmp_path / "av.py").write_text("import time\ntime.sleep(600)")
    pool.end_children()
    first = pool.run("os:getpid", name="x", timeout_seconds=60)
    busy = threading.Thread(target=partial(pool.run, "time:sleep", 1, name="x", timeout_seconds=60))
    with monkeypatch.context() as slow:
        slow.syspath_prepend(str(tmp_path))
        busy.start()
        busy.join(0.2)
        assert pool.run("os:getpid", name="x", timeout_seconds=60) == first
    busy.join()
    pool.end_children()


def test_a_machine_that_cannot_start_a_child_is_no_file_s_fault(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", count=4)
    (tmp_path / "av.py").write_text("raise ImportError('broken')")
    pool.end_children()
    with monkeypatch.context() as broken:
        broken.syspath_prepend(str(tmp_path))
        with pytest.raises(DependencyError, match=r"cannot start: it ended unexpectedly \(exit code 1\)$"):
            sandbox.probe(path)
    assert sandbox.probe(path).duration_seconds == pytest.approx(0.4)


@linux
def test_a_process_without_a_file_left_says_so(tmp_path):
    pool.end_children()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as last:
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 1, before[1]))
        try:
            with pytest.raises(DependencyError, match="cannot start: Too many open files"):
                pool.run("os:getpid", name="x", timeout_seconds=60)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert child_at_work()


SCRIPT = """
import sys
from footage.media import sandbox
from footage.core.types import Span
print(sandbox.probe(sys.argv[1]).duration_seconds, flush=True)
"""


def test_a_script_without_a_main_guard_works_and_leaves_no_process(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=40)
    (tmp_path / "script.py").write_text(SCRIPT)
    ran = subprocess.run(
        [sys.executable, tmp_path / "script.py", path], capture_output=True, text=True, timeout=200
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("4.0\n", "", 0)


def test_children_end_with_a_parent_that_is_killed(tmp_path):
    script = (
        "from footage.media.sandbox import pool\n"
        "print(pool.run('os:getpid', name='x', timeout_seconds=60), flush=True)\n"
        "pool.run('time:sleep', 600, name='x', timeout_seconds=600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while alive(pid):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_an_interrupt_ends_without_a_word_of_the_child(tmp_path):
    script = (
        "import signal\nfrom footage.media.sandbox import pool\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n"
        "    print(pool.run('os:getpid', name='x', timeout_seconds=60), flush=True)\n"
        "    pool.run('time:sleep', 600, name='x', timeout_seconds=600)\n"
        "except KeyboardInterrupt:\n"
        "    print('stopped')\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = int(parent.stdout.readline())
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to the parent and the child
    out, said = parent.communicate(timeout=60)
    assert (out, said) == ("stopped\n", "") and not alive(pid)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("crash.mp4", r"^crash\.mp4 cannot be decoded: its decoder crashed \(signal 11, SIGSEGV\)$"),
        ("killed.mp4", r"^killed\.mp4 cannot be decoded: its decoder was killed \(signal 9, SIGKILL\)$"),
        ("exit.mp4", r"its decoder ended unexpectedly \(exit code 3\)$"),
        ("hang.mp4", r"^hang\.mp4 was stopped: its decoder made no progress for 1 s$"),
        ("bug.mp4", r"^bug\.mp4 cannot be decoded: KeyError: "),
        pytest.param("memory.mp4", r"it needs more than 4 GiB of memory$", marks=linux),
    ],
)
def test_what_happens_to_a_decoder_is_a_sentence_about_its_file(hostile, name, sentence):
    path, good = hostile(name), hostile("good.mp4")
    assert sandbox.probe(good).decoder == "pyav"
    with pytest.raises(DecodeError, match=sentence):
        sandbox.probe(path, timeout_seconds=1 if "hang" in name else 120)
    assert sandbox.probe(good).duration_seconds == pytest.approx(2.0)


def test_a_crash_is_the_failure_of_one_file_and_the_run_goes_on(hostile, tmp_path):
    files = [hostile(f"library-{name}.mp4") for name in ("a", "crash", "z")]
    for path in files:
        os.utime(path, (1e9, 1e9))  # else it may still be being written
    store = Store.open(tmp_path / "index.lancedb", create=True)
    report = index(files, store=store, model=StandinModel(), embedder=StandinEmbedder())
    assert [(Path(file.path).name, file.state) for file in report.files] == [
        ("library-a.mp4", "indexed"),
        ("library-crash.mp4", "failed"),
        ("library-z.mp4", "indexed"),
    ]
    assert report.files[1].reason.endswith("its decoder crashed (signal 11, SIGSEGV)")


@linux
def test_a_decoder_reaches_no_network_and_writes_no_file(hostile, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        path = hostile(f"network_{server.getsockname()[1]}_.mp4")
        assert sandbox.probe(path).decoder == "pyav"  # the attempt fails, and the next way decodes
        with pytest.raises(TimeoutError):
            server.accept()
    assert sandbox.probe(hostile("write.mp4")).decoder == "pyav"
    assert not (tmp_path / "new.txt").exists()


# --- what crosses -----------------------------------------------------------------------------------------


def crossed(value):
    header, arrays = packed(value)
    data = iter(arrays)
    return unpacked(header, lambda array: np.copyto(array, next(data)))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.fractions().map(Fraction)
    | st.builds(Span, st.floats(0, 10), st.floats(10, 20)),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_what_crosses_arrives_as_it_was(value):
    assert crossed(value) == value


@pytest.mark.parametrize(
    ("value", "hint", "fitting"),
    [
        (1, float, True),
        (True, float, False),
        (1.0, int, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (1, Literal[True], False),
        ((1, 2), tuple[int, int], True),
        ((1,), tuple[int, int], False),
        ((1, 2, "x"), tuple[int, ...], False),
        ([1], tuple[int, ...], False),
        ({"a": 1}, dict[str, int], True),
        ({"a": "b"}, dict[str, int], False),
        (None, int | None, True),
        ("", int | None, False),
        (np.zeros(1), np.ndarray, True),
        ([0.0], np.ndarray, False),
        (Fraction(1), Fraction, True),
        (1, Fraction, False),
    ],
)
def test_a_value_fits_its_annotation(value, hint, fitting):
    assert fits(value, hint) is fitting


def video(**changed):
    return replace(Video("c", 40.0, 64, 48, 10.0, "h264", "mov", gaps=(Span(0, 31), Span(35, 38))), **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"content_id": "other"},
        {"width": 0},
        {"height": -1},
        {"width": -64, "height": -48},
        {"width": 1 << 20, "height": 1 << 20},
        {"duration_seconds": -1.0},
        {"duration_seconds": 1e9},
        {"gaps": (Span(35, 38), Span(0, 31))},
        {"gaps": (Span(0, 31), Span(30, 38))},
        {"gaps": (Span(35, 45),)},
        {"codec": "h" * 10_000},
        {"created_at": "\x1b[31m"},
        {"rotation_degrees": 1000},
    ],
)
def test_a_video_that_cannot_be_is_refused(changed):
    assert plausible.is_video(video(), content_id="c")
    assert not plausible.is_video(video(**changed), content_id="c")


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/etc/passwd"},
        {"pts": np.array([0, 2, 1])},
        {"pts": np.zeros(0, np.int64)},
        {"pts": np.array([0.0, 1.0, 2.0])},
        {"pts": np.zeros((3, 1), np.int64)},
        {"durations": np.array([1, 1])},
        {"durations": np.array([1, 0, 1])},
        {"keyframes": np.array([1])},
        {"keyframes": np.array([0, 3])},
        {"time_base": Fraction(0)},
        {"codec": "a\nb"},
    ],
)
def test_a_scan_that_cannot_be_is_refused(tmp_path, changed):
    path = str(write_clip(tmp_path / "a.mp4", count=3))
    source = sandbox.scan(path)
    assert plausible.is_source(source, path=path)
    assert not plausible.is_source(replace(source, table=replace(source.table, **changed)), path=path)


def test_frames_that_cannot_be_are_refused():
    pixels, span = np.zeros((2, 4, 4, 3), np.uint8), Span(0, 1)
    frames = Frames(pixels, (0.0, 0.5), span, "pyav")
    assert plausible.are_frames(frames, span=span)
    assert not plausible.are_frames(frames, span=Span(0, 2))
    assert not plausible.are_frames(replace(frames, times_seconds=(0.5, 0.0)), span=span)
    assert not plausible.are_frames(replace(frames, pixels=pixels.astype(np.int64)), span=span)
    assert not plausible.are_frames(replace(frames, pixels=pixels[:0], times_seconds=()), span=span)
    assert plausible.is_picture(pixels[0], max_width=4)
    for wrong in (pixels, pixels[0, :, :0], pixels[0].astype(float), np.zeros((4, 8, 3), np.uint8)):
        assert not plausible.is_picture(wrong, max_width=4)
    assert plausible.are_digests(["", "a" * 64], 2)
    for wrong in (["a" * 64], ["a" * 63, ""], ["Z" * 64, ""]):
        assert not plausible.are_digests(wrong, 2)


def test_images_and_subtitles_that_cannot_be_are_refused():
    image = StillImage(np.zeros((4, 8, 3), np.uint8), 8, 4, "JPEG")
    assert plausible.is_still_image(image)
    for changed in (
        {"pixels": np.zeros((4, 8), np.uint8)},
        {"pixels": np.zeros((8, MOST_SIDE + 1, 3), np.uint8)},
        {"pixels": np.zeros((MOST_SIDE + 1, 8, 3), np.uint8)},
        {"width": -8, "height": -4},
        {"width": 1 << 20, "height": 1 << 20},
        {"form": "EPS"},
    ):
        assert not plausible.is_still_image(replace(image, **changed))
    cues = [Cue(Span(0, 2), "a"), Cue(Span(1, 2), "b")]
    assert plausible.are_cues(cues) and plausible.are_cues([])
    for wrong in (cues[::-1], [Cue(Span(0, 1), "")], [Cue(Span(0, 1), "a\nb")], [Cue(Span(0, 1), "x" * 501)]):
        assert not plausible.are_cues(wrong)


def test_frames_and_videos_cross():
    frames = Frames(np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), (0.0, 0.5), Span(0, 1), "pyav")
    arrived = crossed(frames)
    assert np.array_equal(arrived.pixels, frames.pixels) and arrived.times_seconds == (0.0, 0.5)
    video = Video("c", 4.0, 64, 48, 10.0, "h264", "mov", gaps=(Span(1, 2),))
    assert crossed(video) == video


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[" * 100_000,
        b'{"@": "os:system", "v": ["true"]}',
        b'{"@": "footage.core.types:Path", "v": ["x"]}',
        b'{"@": "footage.media.clip:write_clip", "v": []}',
        b'{"@": "footage.core.types:Span", "v": [5.0, 1.0]}',
        b'{"@": "footage.core.types:Span", "v": ["a", "b"]}',
        b'{"@": "array", "v": ["|O", [1]]}',
        b'{"@": "array", "v": ["|u1", [1000000, 1000000]]}',
        b'{"@": "array", "v": ["|u1", [-1]]}',
        b'{"@": "fraction", "v": [1]}',
        pickle.dumps(os.getpid),
        b"[" * 40 + b"]" * 40,
        b"[" + b"1," * (1 << 20) + b"1]",
        b'{"@": "array", "v": ["|u1", [600000000]]}',
        b'{"@": "footage.core.types:Span", "v": [true, 1]}',
        b'{"@": "footage.core.types:Window", "v": ["", 1.5, {"@": "footage.core.types:Span", "v": [0, 1]}]}',
        b'{"@": "footage.core.types:Window", "v": ["", 1, null]}',
        b'{"@": "footage.media.audio_tracks:AudioTrack", "v": [1, 1, "aac", 2, "", ["title"], true]}',
    ],
)
def test_what_no_honest_child_sends_is_refused(header):
    with pytest.raises(ValueError, match="cannot be read"):
        unpacked(header, lambda array: None)


def ask(job, *arguments):
    return pool.run(f"standin_intruder:{job}", *arguments, name="x", timeout_seconds=60)


@linux
def test_every_thread_of_a_child_is_confined():
    assert [mode for mode in ask("threads") if mode != ["1", "2"]] == []


@linux
def test_code_in_a_child_changes_no_file_and_no_process(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("x")
    before = victim.stat()
    outcomes = ask("attempts", str(victim))
    assert {name for name, outcome in outcomes.items() if outcome == "done"} == set()
    assert victim.stat() == before
    assert ask("own_limits")


def test_a_child_sees_no_key(monkeypatch):
    monkeypatch.setenv("FOOTAGE_API_KEY", "secret")
    monkeypatch.setenv("HF_TOKEN", "secret")
    pool.end_children()
    seen = ask("environment")
    assert "PATH" in seen and not {"FOOTAGE_API_KEY", "HF_TOKEN"} & set(seen)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(ValueError, match="no finite number"):
        unpacked(number.encode(), lambda array: None)


def test_a_child_that_blames_the_index_is_a_fault_of_its_file():
    with pytest.raises(DecodeError, match="the disk is full") as caught:
        ask("lie")
    assert len(str(caught.value).encode()) < 3000


def test_a_child_that_blames_a_library_stops_no_run():
    with pytest.raises(DecodeError, match="torchcodec cannot be loaded"):
        ask("blame_a_library")


def test_a_library_that_is_missing_before_any_file_is_believed(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "a.mp4", count=4)
    (tmp_path / "torchcodec").mkdir()
    (tmp_path / "torchcodec" / "__init__.py").write_text("raise ImportError('broken')")
    pool.end_children()
    with monkeypatch.context() as broken:
        broken.syspath_prepend(str(tmp_path))
        with pytest.raises(DependencyError, match="torchcodec cannot be loaded"):
            sandbox.probe(path)
    pool.end_children()
    assert sandbox.probe(path).duration_seconds == pytest.approx(0.4)


def child_at_work():
    return pool.run("os:getpid", name="x", timeout_seconds=60, expected=int)


@linux
@pytest.mark.parametrize(
    ("header", "expected", "accept"),
    [
        ("null", Frames, None),
        ('"many"', int, None),
        ("true", int, None),
        ('{"@": "footage.core.types:Span", "v": [0, 1]}', Video, None),
        ("5", int, lambda number: number < 5),
        ("{", int, None),
    ],
)
def test_a_false_answer_is_the_file_s_fault_and_ends_its_child(header, expected, accept):
    before = child_at_work()
    assert child_at_work() == before
    with pytest.raises(DecodeError, match="its decoder sent an unreadable response"):
        pool.run(
            "standin_intruder:answer", header, name="x", timeout_seconds=60, expected=expected, accept=accept
        )
    assert child_at_work() != before and not alive(before)


def test_a_child_that_raised_what_nobody_foresaw_does_no_further_job():
    before = child_at_work()
    with pytest.raises(DecodeError, match="ZeroDivisionError"):
        pool.run("operator:truediv", 1, 0, name="x", timeout_seconds=60)
    assert child_at_work() != before


@linux
@pytest.mark.parametrize("job", ["fill", "fill_silently"])
def test_what_a_child_writes_stays_below_its_limit(tmp_path, job):
    with open(tmp_path / "out", "w+b") as file, pytest.raises(DecodeError, match=r"larger than 0\.1 GB"):
        pool.run(
            f"standin_intruder:{job}",
            name="x",
            timeout_seconds=60,
            place=file.fileno(),
            most_bytes=100_000_000,
        )


def test_a_job_that_writes_comes_to_an_end(tmp_path):
    with open(tmp_path / "out", "w+b") as file, pytest.raises(DecodeError, match="took longer than 1 s"):
        pool.run(
            "standin_intruder:beat_for_ever",
            name="x",
            timeout_seconds=60,
            most_seconds=1,
            place=file.fileno(),
        )


def test_a_child_fills_no_log(caplog):
    assert ask("chatter") == 1
    said = [record.getMessage() for record in caplog.records]
    assert sum("record" in each for each in said) <= 1001
    assert "footage: record 999" in said and "footage: record 1000" not in said


@linux
def test_an_answer_that_comes_byte_by_byte_is_given_up():
    with pytest.raises(DecodeError, match="no progress for 1 s"):
        pool.run("standin_intruder:drip", name="x", timeout_seconds=1)
