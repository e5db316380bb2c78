"""`footage eval benchmark` end to end: drawn clips in each format, faults, kills, other model doors."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from command_runner import CommandRunner
from killing import processes
from standin_finder import StandinFinder, TestVideo, write_grey_video

from evaluation.benchmarks.measure import BenchmarkRequest, forecast, measure, set_up
from evaluation.benchmarks.names import BENCHMARKS, get_benchmark
from evaluation.benchmarks.protocol import Protocol
from evaluation.benchmarks.run import BenchmarkJob, plan_run, run_plan
from evaluation.suites.benchmark_folder import draw_benchmark
from footage.core.config import load_settings
from footage.core.errors import FileError, ModelError, UsageError, WindowRefusedError
from footage.core.timecode import iou
from footage.core.types import Span
from search.grounding.options import GroundingOptions
from service.session import Service
from ui.cli.main import app

ROOT = Path(__file__).resolve().parents[1]
DEMO = {"model": "demo-find", "device": "cpu"}
runner = CommandRunner()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Four drawn clips, one of them longer than the model's window, and their annotations."""
    return draw_benchmark(tmp_path_factory.mktemp("drawn"), seed=31, videos=4)


@pytest.fixture(scope="module")
def service():
    """A service whose model is loaded once."""
    return Service(load_settings(None, **DEMO))


def request(drawn, name, out, **more):
    return BenchmarkRequest(
        name=name, annotations=drawn.annotations[name], videos=drawn.videos, out=out, **more
    )


def run(service, asked):
    return measure(service, set_up(service, asked))


def lines_of(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


# -- Every format --------------------------------------------------------------------------------------------


@pytest.mark.demo_model
@pytest.mark.parametrize("name", list(BENCHMARKS))
def test_the_demo_model_runs_end_to_end_in_each_format(drawn, service, tmp_path, name):
    out = tmp_path / "predictions"
    setup = set_up(service, request(drawn, name, out))
    expected = forecast(setup)
    readings = []
    report = measure(service, setup, on_reading=readings.append)
    # The figures are those of a model that knows these clips, far from what needs no model.
    assert report.own["R@1@0.5"] >= 80
    assert report.own["mIoU"] >= 2 * report.beside["whole video"]["mIoU"]
    assert not report.failed and not report.missing and not report.comparable
    # What was forecast is what was done: one clip is longer than the window.
    assert (expected.single_pass, expected.in_windows) == (report.single_pass, report.in_windows) == (3, 1)
    assert expected.queries == report.queries == readings[-1].queries_done
    assert readings[-1].videos_done == 4 and readings[-1].eta_seconds == 0
    # The predictions are in the benchmark's own form, and say the same.
    if get_benchmark(name).form == "timelens":
        assert score_timelens(out) == pytest.approx(report.own["mIoU"], abs=0.01)
        return
    given = "charades" if name == "charades-sta" else "activitynet" if name == "youcook2" else name
    files = ("--annotations", str(drawn.annotations[name]), "--predictions", str(out))
    [scores] = lines_of(runner.invoke(app, ["eval", "grounding", *files, "--format", given, "--json"]))
    if name == "gmr":
        assert scores["metrics"] == report.generalised.metrics and scores["present"] == expected.queries - 8
        assert scores["metrics"]["AUROC"] >= 90
    else:
        assert {key: scores[key] for key in report.own} == report.own


def score_timelens(path):
    """MIoU in percent from a file of results alone, as TimeLens's evaluator has it."""
    ious = []
    for key, record in json.loads(path.read_text()).items():
        true = ast.literal_eval(key.split(">>>")[2])
        start, end = record["timestamps"][0]
        ious.append(iou(Span(*true), Span(start, end)) if end > start else 0.0)
    return 100 * sum(ious) / len(ious)


@pytest.mark.demo_model
def test_the_command_prints_a_table_and_a_line_and_asks_nothing_twice(drawn, service, tmp_path):
    arguments = [
        *("eval", "benchmark", "--name", "charades-timelens", "--videos", str(drawn.videos)),
        *("--annotations", str(drawn.annotations["charades-timelens"]), "--out", str(tmp_path / "p.json")),
        *("--model", "demo-find", "--device", "cpu"),
    ]
    [plan] = lines_of(runner.invoke(app, [*arguments, "--dry-run", "--json"]))
    assert plan["queries_done"] == 0 and plan["videos"] == 4 and not (tmp_path / "p.json.work").exists()
    shown = runner.invoke(app, [*arguments, "--dry-run"])
    assert f"{plan['requests']} questions to the model" in shown.output
    [scores] = lines_of(runner.invoke(app, [*arguments, "--json"]))
    assert scores["published"][0] == {
        **{"R@1@0.3": 59.7, "R@1@0.5": 37.8, "R@1@0.7": 16.6, "mIoU": 39.3, "system": "Qwen2.5-VL-7B"},
        "source": "README of github.com/TencentARC/TimeLens",
    }
    assert scores["notes"][0] == f"Not comparable: {scores['queries']} of 3,363 queries."
    kept = (tmp_path / "p.json.work").read_bytes()
    table = runner.invoke(app, arguments)
    for text in (
        "demo-find, here",
        "whole video",
        "TimeLens-8B",
        "Gemini-2.5-Pro",
        "not intended for use within",
    ):
        assert text in table.output
    assert (tmp_path / "p.json.work").read_bytes() == kept
    [plan] = lines_of(runner.invoke(app, [*arguments, "--dry-run", "--json"]))
    assert plan["queries_done"] == scores["queries"]


@pytest.mark.demo_model
def test_a_part_of_the_queries_is_asked_first_and_the_rest_later(drawn, service, tmp_path):
    whole = run(service, request(drawn, "qvhighlights", tmp_path / "whole"))
    part = run(service, request(drawn, "qvhighlights", tmp_path / "part", limit=3))
    assert part.queries == 3 and part.total == whole.total
    assert part.notes[0].startswith("Not comparable: 3 queries; published figures are about 1,550")
    assert run(service, request(drawn, "qvhighlights", tmp_path / "part")).own == whole.own


@pytest.mark.demo_model
def test_a_bad_video_is_listed_counts_as_misses_and_is_tried_again(drawn, service, tmp_path):
    videos = Path(shutil.copytree(drawn.videos, tmp_path / "videos"))
    bad = next(videos.glob("*.mp4"))
    good = bad.read_bytes()
    bad.write_bytes(b"no video at all" * 100)
    asked = request(drawn, "qvhighlights", tmp_path / "out")
    asked = BenchmarkRequest(name=asked.name, annotations=asked.annotations, videos=videos, out=asked.out)
    report = run(service, asked)
    assert list(report.failed) == [bad.stem] and report.queries == report.total
    rows = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert all(row["pred_relevant_windows"] == [[0, 0, 0]] for row in rows if row["vid"] == bad.stem)
    lost = sum(row["vid"] == bad.stem for row in rows)
    assert any(f"their {lost} queries count as misses" in note for note in report.notes)
    bad.write_bytes(good)
    assert not run(service, asked).failed


@pytest.mark.demo_model
def test_missing_videos_are_an_error_unless_allowed(drawn, service, tmp_path):
    videos = Path(shutil.copytree(drawn.videos, tmp_path / "videos"))
    gone = next(videos.glob("*.mp4"))
    gone.unlink()
    asked = partial(
        BenchmarkRequest,
        name="qvhighlights",
        annotations=drawn.annotations["qvhighlights"],
        videos=videos,
        out=tmp_path / "out",
    )
    with pytest.raises(FileError, match=f"1 of 4 videos are not in .*: {gone.stem}") as caught:
        set_up(service, asked())
    assert "--allow-missing" in caught.value.hint
    report = run(service, asked(allow_missing=True))
    assert report.missing == (gone.stem,) and report.videos == 3 and report.queries < report.total
    assert any(note.startswith("1 videos are missing; their") for note in report.notes)
    with pytest.raises(FileError, match="4 of 4 videos are not in"):
        set_up(service, request_of_empty(drawn, tmp_path))


def request_of_empty(drawn, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir(exist_ok=True)
    return BenchmarkRequest(
        name="qvhighlights",
        annotations=drawn.annotations["qvhighlights"],
        videos=empty,
        out=tmp_path / "out",
        allow_missing=True,
    )


@pytest.mark.demo_model
def test_another_model_file_or_protocol_does_not_mix(drawn, service, tmp_path):
    out = tmp_path / "out"
    run(service, request(drawn, "charades-sta", out, limit=1))
    with pytest.raises(UsageError, match="holds answers with another benchmark"):
        set_up(service, request(drawn, "youcook2", out))
    with pytest.raises(UsageError, match="holds answers with another protocol"):
        set_up(service, request(drawn, "charades-sta", out, passes="single"))
    other = Service(load_settings(None, model="demo", device="cpu"))
    with pytest.raises(UsageError, match="holds answers with another model"):
        set_up(other, request(drawn, "charades-sta", out))
    changed = tmp_path / "changed.txt"
    changed.write_text(drawn.annotations["charades-sta"].read_text() + "x 0.0 1.0##a dog runs\n")
    asked = BenchmarkRequest(
        name="charades-sta", annotations=changed, videos=drawn.videos, out=out, allow_missing=True
    )
    with pytest.raises(UsageError, match="holds answers with another annotation file"):
        set_up(service, asked)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--name", "charades"], "no benchmark 'charades'"),
        (["--annotations", "absent.json"], "cannot be read"),
        (["--videos", "absent"], "is not there"),
        (["--model", "molmo2-4b"], "molmo2-4b cannot find"),
        (["--name", "qvhighlights"], "not valid JSON"),
        (["--limit", "0"], "Invalid value"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_loaded(tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos").mkdir()
    (tmp_path / "a.txt").write_text("x 0.0 1.0##a dog runs\n")
    given = {"--name": "charades-sta", "--annotations": "a.txt", "--videos": "videos", "--model": "demo-find"}
    given |= dict(zip(arguments[::2], arguments[1::2], strict=True))
    result = runner.invoke(app, ["eval", "benchmark", *(part for pair in given.items() for part in pair)])
    assert result.exit_code != 0 and says in " ".join(result.output.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "videos"]


# -- Kills ---------------------------------------------------------------------------------------------------

GREY = [
    TestVideo(
        f"grey{n}", 30 + 20 * n, 20 if n % 2 else 50, {"a dog runs": [(3 + n, 8 + n)], "a cat": [(2, 4)]}
    )
    for n in range(10)
]


def grey_folder(folder: Path) -> Path:
    """Grey videos, some longer than the stand-in's window, and annotations about them."""
    (folder / "videos").mkdir(parents=True)
    truths = {}
    for video in GREY:
        write_grey_video(folder / "videos" / f"{video.name}.mp4", grey=video.grey, seconds=video.seconds)
        truths[video.name] = {
            "duration": video.seconds,
            "timestamps": [spans[0] for spans in video.events.values()],
            "sentences": list(video.events),
        }
    (folder / "truth.json").write_text(json.dumps(truths))
    return folder


def ask_grey(folder: Path, model=None) -> None:
    """Run the stand-in over the grey videos."""
    model = model or StandinFinder(GREY)
    looking = GroundingOptions()
    job = BenchmarkJob(
        benchmark=get_benchmark("activitynet"),
        annotations=folder / "truth.json",
        videos=folder / "videos",
        out=folder / "out.jsonl",
    )
    run_plan(plan_run(job), model, Protocol.of(model.profile, looking), looking)


class Killer(StandinFinder):
    """Kills its process at a batch."""

    def __init__(self, batch: int) -> None:
        super().__init__(GREY)
        self.batch = batch

    def run(self, requests):
        if len(self.batches) == self.batch:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(requests)


def ask_grey_until_killed(folder: Path, batch: int) -> None:
    """Body of the process that is killed."""
    ask_grey(folder, Killer(batch))


def killed(body, *arguments) -> None:
    """Run a body in a process that kills itself."""
    child = processes().Process(target=body, args=arguments)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL


def test_a_run_killed_at_any_batch_goes_on_and_ends_as_an_unbroken_one(tmp_path):
    folder = grey_folder(tmp_path / "grey")
    unbroken = Path(shutil.copytree(folder, tmp_path / "unbroken"))
    whole = StandinFinder(GREY)
    ask_grey(unbroken, whole)
    expected = (unbroken / "out.jsonl").read_bytes()
    work, kept = folder / "out.jsonl.work", [b""]
    # Each kill is a few batches further on: the third run goes on from what two killed ones left.
    for _ in range(3):
        killed(ask_grey_until_killed, folder, len(whole.batches) // 4)
        now = work.read_bytes()
        assert now.startswith(kept[-1]) and not (folder / "out.jsonl").exists()
        kept.append(now[: now.rfind(b"\n") + 1])
    assert kept[1].count(b"\n") < kept[3].count(b"\n") <= len(GREY)
    rest = StandinFinder(GREY)
    ask_grey(folder, rest)
    assert (folder / "out.jsonl").read_bytes() == expected
    assert work.read_bytes().startswith(kept[-1])
    assert len(work.read_bytes().splitlines()) == 1 + len(GREY)  # no video was answered twice
    assert 0 < len(rest.asked) < len(whole.asked)


def ask_demo_until_killed(folder: Path, out: Path, videos: int) -> None:
    """Run the demo model over drawn clips; die when some videos are done. Body of the process."""

    def die(reading):
        if reading.videos_done == videos:
            os.kill(os.getpid(), signal.SIGKILL)

    service = Service(load_settings(None, **DEMO))
    asked = BenchmarkRequest(
        name="qvhighlights",
        annotations=folder / "qvhighlights.jsonl",
        videos=folder / "videos",
        out=out,
    )
    measure(service, set_up(service, asked), on_reading=die)


@pytest.mark.demo_model
def test_a_run_of_the_demo_model_killed_in_the_middle_ends_as_an_unbroken_one(drawn, service, tmp_path):
    run(service, request(drawn, "qvhighlights", tmp_path / "unbroken"))
    out, work = tmp_path / "out", tmp_path / "out.work"
    killed(ask_demo_until_killed, drawn.videos.parent, out, 2)
    kept = work.read_bytes()
    assert not out.exists() and kept.count(b"\n") == 3
    run(service, request(drawn, "qvhighlights", out))
    assert work.read_bytes().startswith(kept)
    rows, expected = (
        [json.loads(line) for line in path.read_text().splitlines()] for path in (out, tmp_path / "unbroken")
    )
    for row, other in zip(rows, expected, strict=True):
        spans, others = row.pop("pred_relevant_windows"), other.pop("pred_relevant_windows")
        assert row == other and [span[:2] for span in spans] == [span[:2] for span in others]
        assert [span[2] for span in spans] == pytest.approx([span[2] for span in others], abs=1e-3)


# -- Faults of the model -------------------------------------------------------------------------------------


class Failing(StandinFinder):
    """Refuses windows of one video alone; or fails for good after so many batches."""

    def __init__(self, *, refused: str = "", dies_after: int = 10**9) -> None:
        super().__init__(GREY)
        self.refused, self.dies_after = refused, dies_after

    def run(self, requests):
        if len(self.batches) >= self.dies_after:
            raise ModelError("The model is gone.")
        if any(prepared.payload.name == self.refused for prepared, _ in requests):
            raise WindowRefusedError("This window is too large.")
        return super().run(requests)


def test_a_window_that_the_model_refuses_costs_its_own_video_alone(tmp_path):
    folder = grey_folder(tmp_path / "grey")
    ask_grey(folder, Failing(refused="grey3"))
    lines = [json.loads(line) for line in (folder / "out.jsonl.work").read_text().splitlines()[1:]]
    assert {line["video"]: line["problem"] for line in lines if line["problem"]} == {
        "grey3": "This window is too large."
    }
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert {row["vid"] for row in rows if not row["pred_relevant_windows"]} == {"grey3"}


def test_a_model_that_fails_stops_the_run_and_the_next_one_goes_on(tmp_path):
    folder = grey_folder(tmp_path / "grey")
    with pytest.raises(ModelError, match="is gone"):
        ask_grey(folder, Failing(dies_after=9))
    kept = (folder / "out.jsonl.work").read_bytes()
    assert kept.count(b"\n") > 1 and not (folder / "out.jsonl").exists()
    ask_grey(folder)
    assert (folder / "out.jsonl.work").read_bytes().startswith(kept)


def test_all_queries_about_a_window_are_asked_while_it_is_prepared(tmp_path):
    folder = grey_folder(tmp_path / "grey")
    model = StandinFinder(GREY)
    ask_grey(folder, model)
    short = [asked for asked in model.asked if asked[0] in {video.name for video in GREY[1::2]}]
    assert len(short) == len({(name, span, text) for name, span, text in short}) == 10  # once each
    assert max(model.batches) >= 4  # two windows with two queries each


# -- Another door --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    """The port of a server that answers everything alike."""
    script = str(ROOT / "tests" / "serve_demo.py")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", script, "--constant"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_server_is_asked_under_the_protocol_of_its_profile(drawn, server, tmp_path):
    model = f"http://127.0.0.1:{server}/v1?profile=timelens-8b#demo"
    settings = load_settings(None, model=model, accept_server_sampling=True)
    asked = request(drawn, "activitynet-timelens", tmp_path / "out.json")
    report = run(Service(settings), asked)
    assert report.protocol == "Each video in a single pass." and report.in_windows == 0
    records = json.loads((tmp_path / "out.json").read_text())
    assert len(records) == report.queries and not report.failed
    assert {json.dumps(record) for record in records.values()} == {
        json.dumps({"timestamps": [[1.0, 4.0]], "answers": "The event happens in 1.0 - 4.0 seconds."})
    }
