"""`footage export`, `reel` and `verify` on an index whose truth is known."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from command_runner import CommandRunner
from standin_finder import StandinFinder, TestVideo, index_videos, write_grey_video
from tiny_clips import write_clip

from footage.core.errors import UsageError
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.library import content_id, fingerprint
from service.session import Loaders
from ui.cli import exports
from ui.cli.main import app

runner = CommandRunner()
DOG, CAR = "A white dog runs.", "A red car drives by."
VIDEOS = [
    TestVideo("order", 40, 24.0, {CAR: [(2, 6)], DOG: [(8, 12)]}),
    TestVideo("dogs", 90, 24.0, {DOG: [(1, 4), (15, 20)]}),
    TestVideo("cars", 140, 24.0, {CAR: [(10, 13)]}),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return index_videos(tmp_path_factory.mktemp("export"), VIDEOS, load_embedder()).path


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: StandinFinder(VIDEOS)))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")  # its weights are here
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, db=made, **how):
        given = [str(each) for each in arguments]
        if given[0] != "verify":
            given += ["--db", str(db)]
        return runner.invoke(app, given, **how)

    return invoke


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).exists() else []


def test_what_is_found_is_written_and_verified(run):
    result = run("export", "a white dog runs", "--out", "out", "--format", "mp4", "--format", "edl")
    assert result.exit_code == 0, result.stderr
    assert len([name for name in names("out") if name.endswith(".mp4")]) == 3
    assert names("out")[:2] == ["a white dog runs.edl", "a white dog runs.manifest.json"]
    assert set(result.stdout.splitlines()) == {f"out/{name}" for name in names("out")}
    assert f"Wrote 4 files and a manifest to {Path('out').absolute()}." in result.stderr
    response = json.loads(Path("out/a white dog runs.manifest.json").read_text())
    clip = response["entries"][0]["clips"][0]
    assert (clip["query"], clip["verdict"], clip["grounded"]) == ("a white dog runs", "found", True)
    assert clip["captioned_by"] == {"model": "standin", "revision": "1", "prompt_version": "test"}
    assert clip["grounded_by"] == clip["captioned_by"]
    verified = run("verify", "out/a white dog runs.manifest.json")
    assert (verified.exit_code, verified.stdout) == (0, "Compared 4 files: no differences.\n")
    Path("out/a white dog runs.edl").unlink()
    verified = run("verify", "out/a white dog runs.manifest.json", "--json")
    assert verified.exit_code == 1
    assert lines(verified)[0] == {
        "type": "problem",
        "file": "a white dog runs.edl",
        "problem": "a white dog runs.edl is missing.",
    }


def test_json_tells_what_was_written(run):
    options = ("--limit", "1", "--json", "--handles", "1,2")
    result = run("export", "a red car drives by", "--out", "out", *options)
    *files, summary = lines(result)
    assert [each["type"] for each in files] == ["file"] and files[0]["format"] == "mp4"
    assert summary["files"] == 1 and Path(summary["manifest"]).is_file() and summary["warnings"] == []
    [entry] = json.loads(Path(summary["manifest"]).read_text())["entries"]
    span = entry["clips"][0]["span"]
    assert span["end_seconds"] - span["start_seconds"] == pytest.approx(
        {"order": 4, "cars": 3}[Path(entry["clips"][0]["source"]).stem] + 3
    )


def test_nothing_found_is_an_answer_and_writes_nothing(run):
    result = run("export", "a white dog runs", "--out", "out", "--no-ground")
    assert (result.exit_code, result.stdout, names("out")) == (0, "", [])
    assert "No results, so nothing was written." in result.stderr and "--uncertain" in result.stderr
    response = lines(run("export", "a white dog runs", "--out", "out", "--no-ground", "--json"))
    assert response[-1]["files"] == 0 and response[-1]["uncertain"] > 0
    reel = run("reel", "a white dog runs", "--no-ground")
    assert (reel.exit_code, names("."), reel.stdout) == (0, [], "")
    for more in ("--uncertain", "--all-verdicts"):
        result = run(
            "export", "a white dog runs", "--out", more.strip("-"), "--no-ground", more, "--limit", "2"
        )
        assert result.exit_code == 0 and len(names(more.strip("-"))) == 3


def test_printed_results_are_exported(run):
    printed = run("search", "a white dog runs", "--json", "-n", "2").stdout
    Path("r.jsonl").write_text(printed)
    result = run("export", "--results", "r.jsonl", "--out", "out", "--format", "jsonl", "--all-verdicts")
    assert result.exit_code == 0, result.stderr
    rows = [json.loads(line) for line in Path("out/a white dog runs.jsonl").read_text().splitlines()]
    matches = [json.loads(line) for line in printed.splitlines()][:-1]
    assert [(row["source"], row["span"]["start_seconds"], row["confidence"]) for row in rows] == [
        (match["video"], match["start_seconds"], match["confidence"]) for match in matches
    ]
    assert {row["query"] for row in rows} == {"a white dog runs"}
    how = ("--results", "-", "--out", "piped", "--format", "csv", "--all-verdicts")
    piped = run("export", *how, input=printed)
    assert piped.exit_code == 0 and names("piped") == [
        "a white dog runs.csv",
        "a white dog runs.manifest.json",
    ]


@pytest.mark.parametrize("indexed", [False, True])
def test_what_find_prints_is_exported_whether_or_not_an_index_knows_the_file(run, made, indexed):
    shutil.copy(made.parent / "dogs.mp4", "mine.mp4")
    found = runner.invoke(app, ["find", "mine.mp4", DOG, "--json"])
    assert found.exit_code == 0, found.stderr
    *matches, last = lines(found)
    assert {match["video"] for match in matches} == {str(Path("mine.mp4").absolute())}
    assert {match["content_id"] for match in matches} == {content_id("mine.mp4")}
    assert (last["type"], last["query"], last["answers"]) == ("coverage", DOG.rstrip("."), len(matches))
    how = ("--results", "-", "--out", "out", "--format", "mp4", "--uncertain")
    db = made if indexed else "none.lancedb"
    result = run("export", *how, db=db, input=found.stdout)
    assert result.exit_code == 0, result.stderr
    assert not Path("none.lancedb").exists()
    [made_of] = {Path(name).suffix for name in names("out") if not name.endswith(".json")}
    assert made_of == ".mp4"
    [manifest] = Path("out").glob("*.manifest.json")
    assert run("verify", manifest, "--sources").exit_code == 0
    shutil.copy(made.parent / "cars.mp4", "mine.mp4")
    replaced = run("export", *how, db=db, input=found.stdout)
    assert replaced.exit_code == 2 and "now contains another video" in replaced.stderr


def test_find_lists_so_many_answers_and_closes_with_a_sentence(run, tmp_path, monkeypatch):
    long = TestVideo("long", 190, 70.0, {DOG: [(8, 12), (50, 54)]})
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: StandinFinder([long])))
    clip = str(write_grey_video(tmp_path / "long.mp4", grey=190, seconds=70))
    every = runner.invoke(app, ["find", clip, DOG])
    assert every.stderr.splitlines()[-1] == "Nothing certain: the model looked at 1:10.0 of 1:10.0."
    answers = every.stdout.count("uncertain")
    assert answers > 1
    one = runner.invoke(app, ["find", clip, DOG, "-n", "1", "--from", "5"])
    assert one.stdout.count("uncertain") == 1
    assert one.stderr.splitlines()[-1].startswith(
        "Nothing certain: the model looked at 1:05.0 of 1:10.0; showing the best 1 of "
    )


def test_find_counts_no_gap_as_footage(run, tmp_path, monkeypatch):
    times = [number / 4 + 600 * (number >= 40) for number in range(80)]
    clip = write_clip(tmp_path / "pause.mkv", times, fps=4)
    long = TestVideo("long", 190, 70.0, {DOG: [(8, 12)]})
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: StandinFinder([long])))
    said = runner.invoke(app, ["find", str(clip), "a yacht sinks"])
    assert said.stderr.splitlines()[-1].endswith("the model looked at 0:20.0 of 0:20.0.")


MATCH = {
    "type": "match",
    "video": "",
    "content_id": "content-dogs",
    "start_seconds": 1.0,
    "end_seconds": 4.0,
    "verdict": "found",
    "confidence": 0.9,
    "grounded": True,
    "score": 0.9,
    "text": DOG,
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "something"}, 'its "type" is'),
        ({"video": "/etc/passwd"}, "cannot be used"),
        ({"video": "/etc/nothing"}, "the index has no file"),
        ({"video": 5}, "its 'video' is 5"),
        ({"content_id": "content-cars"}, "now contains another video"),
        ({"start_seconds": -1}, "there is no span"),
        ({"start_seconds": 5}, "there is no span"),
        ({"start_seconds": 24, "end_seconds": 30}, "there is no span"),
        ({"start_seconds": True}, "not a number"),
        ({"start_seconds": "1"}, "not a number"),
        ({"end_seconds": float("nan")}, "it is not valid JSON"),
        ({"end_seconds": 10**400}, "not a number"),
        ({"video": "\ud800"}, "is not text"),
        ({"video": "a\x00b"}, "the index has no file"),
        ({"verdict": "sure"}, "its \"verdict\" is 'sure'"),
        ({"confidence": 2}, "not from 0 to 1"),
        ({"grounded": "yes"}, "its 'grounded' is 'yes'"),
        ({"text": None}, "its 'text' is None"),
    ],
)
def test_results_are_believed_no_further_than_the_index_bears_them_out(run, made, change, says):
    row = {**MATCH, "video": str(made.parent / "dogs.mp4"), **change}
    Path("r.jsonl").write_text(json.dumps(row) + "\n")
    result = run("export", "--results", "r.jsonl", "--out", "out")
    assert result.exit_code == 2 and names("out") == []
    assert result.stderr.startswith("error: Line 1 of the results cannot be used: ")
    assert says in result.stderr


@pytest.mark.parametrize("text", ["[]", "{", "1", '"x"', "\x00", "[" * 100_000])
def test_results_that_are_no_objects_are_refused(run, text):
    Path("r.jsonl").write_text(text)
    result = run("export", "--results", "r.jsonl")
    assert result.exit_code == 2 and "Line 1 of the results cannot be used" in result.stderr


def test_a_query_of_several_events_is_covered_from_first_to_last(run):
    result = run("export", "a red car drives by THEN a white dog runs", "--out", "out", "--format", "jsonl")
    assert result.exit_code == 0, result.stderr
    [listed] = [name for name in names("out") if name.endswith(".jsonl")]
    first = json.loads(Path("out", listed).read_text().splitlines()[0])
    assert (Path(first["source"]).stem, first["span"]) == (
        "order",
        {"start_seconds": 2.0, "end_seconds": 12.0},
    )


def test_a_reel_is_no_longer_than_asked_for_and_verifies_with_its_sources(run, made, tmp_path):
    result = run("reel", "a white dog runs", "--max", "9s", "--out", "dogs.mp4", "--titles", "--burn-time")
    assert result.exit_code == 0, result.stderr
    assert names(".") == ["dogs.edl", "dogs.manifest.json", "dogs.mp4", "dogs.otio"]
    assert f"Wrote 3 files and a manifest to {tmp_path}." in result.stderr
    [film, *_] = json.loads(Path("dogs.manifest.json").read_text())["entries"]
    assert film["clips"][-1]["placed"]["end_seconds"] <= 9
    assert len(film["clips"]) == 2
    # The stand-in index has content ids of its own: every source seems to be another.
    assert run("verify", "dogs.manifest.json").exit_code == 0
    changed = run("verify", "dogs.manifest.json", "--sources")
    assert changed.exit_code == 1 and "has changed since the export." in changed.stdout
    response = json.loads(Path("dogs.manifest.json").read_text())
    for entry in response["entries"]:
        for clip in entry["clips"]:
            clip["content_id"] = content_id(clip["source"])
    Path("dogs.manifest.json").write_text(json.dumps(response))
    same = run("verify", "dogs.manifest.json", "--sources")
    assert same.exit_code == 0 and same.stdout.startswith("Compared 3 files and ")
    again = run("reel", "a white dog runs", "--max", "9s", "--out", "dogs.mp4")
    assert again.exit_code == 0 and "dogs_2.mp4" in names(".") and "dogs_2.otio" in names(".")


def test_a_source_that_is_gone_is_told_with_its_own_exit_code(run, made, tmp_path):
    shutil.copytree(made.parent, tmp_path / "copy")
    db = tmp_path / "copy" / made.name
    store = Store.open(db)
    for file in store.files.all():
        store.files.remove([file.path])
        store.files.put([replace(file, path=str(tmp_path / "copy" / Path(file.path).name))])
    printed = run("search", "a white dog runs", "--json", "-n", "5", db=db).stdout
    (tmp_path / "copy" / "dogs.mp4").unlink()
    result = run("export", "--results", "-", "--out", "out", "--uncertain", db=db, input=printed)
    assert result.exit_code == 3 and "dogs.mp4 does not exist" in result.stdout
    assert any(name.startswith("order_") for name in names("out"))


@pytest.mark.parametrize("command", [["export", "--out", "out"], ["reel", "--out", "out/film.mp4"]])
def test_a_file_that_was_replaced_after_indexing_is_not_exported(run, made, tmp_path, command):
    shutil.copytree(made.parent, tmp_path / "copy")
    db = tmp_path / "copy" / made.name
    store = Store.open(db)
    for file in store.files.all():
        store.files.remove([file.path])
        path = tmp_path / "copy" / Path(file.path).name
        status = path.stat()
        known = replace(file, size_bytes=status.st_size, modified_at=status.st_mtime)
        store.files.put([replace(known, path=str(path), fingerprint=fingerprint(path))])
    shutil.copyfile(tmp_path / "copy" / "cars.mp4", tmp_path / "copy" / "dogs.mp4")
    result = run(command[0], "a white dog runs", *command[1:], "--all-verdicts", db=db)
    assert result.exit_code == 3, result.stderr
    assert "dogs.mp4 differs from the indexed file" in result.stdout
    response = json.loads(next(Path("out").glob("*.manifest.json")).read_text())
    assert "dogs.mp4" not in json.dumps(response["entries"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["export"], "needs either a query or --results FILE"),
        (["export", "a dog", "--results", "x"], "needs either a query or --results FILE"),
        (["export", "a dog", "--format", "avi"], "--format cannot be 'avi'"),
        (["export", "a dog", "--handles", "x"], "--handles cannot be 'x'"),
        (["export", "a dog", "--handles", "-1"], "--handles cannot be '-1'"),
        (["export", "a dog", "--copy", "--join"], "both copied and joined"),
        (["reel", "a dog", "--start-timecode", "1"], "is not a timecode"),
        (["reel", "a dog", "--max", "0s"], "--max cannot be '0s'"),
        (["reel", "a dog", "--max", "soon"], "is not a time"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(run, arguments, says):
    result = run(*arguments)
    assert result.exit_code == 2 and says in result.stderr and names(".") == []


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("1m30s", 90), ("2m", 120), ("1h", 3600), ("90", 90), ("1:30", 90)]
)
def test_lengths_are_read(text, seconds):
    assert exports.read_length(text) == seconds


def test_handles_are_read():
    assert (exports.read_handles("2"), exports.read_handles("1,2.5")) == ((2, 2), (1, 2.5))
    for text in ("nan", "inf", "1,2,3", ""):
        with pytest.raises(UsageError, match="--handles cannot be"):
            exports.read_handles(text)
