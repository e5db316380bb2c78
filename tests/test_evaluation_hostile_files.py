"""Files that no careful hand wrote: broken JSON, names and texts that are no UTF-8, outputs in bad places."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command_runner import CommandRunner
from hypothesis import given
from hypothesis import strategies as st
from standin_auditor import StandinAuditor

from evaluation.audit.correction import write_correction
from evaluation.audit.figures import figures_of_audit
from evaluation.audit.kept import KeptChecks
from evaluation.audit.report import write_report
from evaluation.audit.run import open_videos, run_audit
from evaluation.audit.written import read_written
from evaluation.benchmarks.work_file import QueryAnswer, VideoAnswers, opened, read_answers
from evaluation.captions.readers import read_captions
from evaluation.captions.relations import ReferenceClip
from evaluation.captions.sources import places_beside, places_in
from evaluation.error_rate import JudgeAccuracy, corrected_error_rate
from evaluation.json_text import escaped_json, parsed_json, whole_text
from evaluation.outputs import check_outputs
from evaluation.own_library import read_truth
from evaluation.readers import FORMATS
from evaluation.video_folder import VideoFolder
from footage.core.errors import FileError, FootageError, UsageError
from ui.cli.main import app

DATA = Path(__file__).resolve().parents[1] / "data" / "footage"
LONG = "y" * 5000
"""Longer than any name of a file may be."""
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
"""Texts with every code point, unpaired surrogates included."""
BROKEN = ["{", "[" * 100_000, '{"a":1,"a":2}', f"[1{'0' * 5000}]", "", '{"a":}']


def quiet(stage, done, total):
    """Shows no progress."""


# --- JSON ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", BROKEN)
def test_broken_json_is_one_sentence_with_its_place(text):
    with pytest.raises(UsageError, match=r"^mine\.json") as error:
        parsed_json(text, "mine.json", lines=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", BROKEN[:-2])
@pytest.mark.parametrize("form", ["footage", "qvhighlights", "activitynet", "timelens", "gmr"])
def test_every_reader_refuses_broken_json(tmp_path, form, text):
    path = tmp_path / "annotations.json"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_written(path, form)
    if form in FORMATS:
        with pytest.raises(UsageError):
            FORMATS[form](path)
    with pytest.raises(UsageError):
        read_captions(path)


@pytest.mark.parametrize(
    "text", ["[]", "null", "3", '{"videos": {"a": 3}}', '{"videos": {"a": {"events": [3]}}}']
)
def test_messages_name_no_class_of_the_program(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="it should be an object") as error:
        read_written(path, "footage")
    assert "instance of" not in str(error.value)


@given(ANY_TEXT)
def test_any_text_can_be_written(text):
    whole = whole_text(text)
    whole.encode("utf-8")
    assert len(whole) == len(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert json.loads(escaped_json(json.dumps(paired, ensure_ascii=False))) == paired


# --- names and texts that are no UTF-8, or too long ---------------------------------------------------------


def test_a_name_too_long_for_a_file_is_a_video_that_is_not_there(tmp_path):
    shutil.copy(DATA / "beach_dusk.mp4", tmp_path / "a.mp4")
    place = VideoFolder(tmp_path, beside=tmp_path).place(LONG)
    assert place.path is None and "no such video" in place.problem
    clips = [ReferenceClip(LONG, "", video=LONG), ReferenceClip("a.mp4", "", video="a.mp4")]
    assert list(places_beside(tmp_path / "truth.json", clips)) == ["a.mp4"]
    assert list(places_in(tmp_path, clips)) == ["a.mp4"]
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"videos": {LONG: {"events": [{"query": "a car", "spans": [[1, 2]]}]}}}))
    assert read_truth(truth, library=tmp_path).present == 1


@pytest.mark.parametrize("folder", ["videos", "./videos/", "videos/../videos"])
def test_a_relative_folder_of_videos_is_searched(tmp_path, monkeypatch, folder):
    (tmp_path / "videos" / "more").mkdir(parents=True)
    (tmp_path / "videos" / "more" / "a.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    names = ("a", "a.mp4", "more/a.mp4")
    found = places_in(Path(folder), [ReferenceClip(name, "", video=name) for name in names])
    assert set(found.values()) == {tmp_path / "videos" / "more" / "a.mp4"} and set(found) == set(names)


def test_an_audit_of_texts_and_names_that_are_no_utf8_is_written_whole(tmp_path):
    odd = os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(DATA / "beach_dusk.mp4", tmp_path / odd)
    events = [
        {"query": "a \ud800 car\udfff", "spans": [[1, 25]]},
        {"query": "a <b>bus</b>", "spans": [[1, 2]]},
    ]
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"videos": {odd: {"events": events}, "\ud800": {"events": events}}}))
    written = read_written(truth, "footage")
    kept = KeptChecks(tmp_path / "kept")
    opened_videos = open_videos(written, tmp_path, on_progress=quiet)
    judge = StandinAuditor()
    first, again = (
        run_audit(written, opened_videos, [judge], kept=kept, on_progress=quiet) for _ in range(2)
    )
    assert len(judge.asked) == 1 and again.videos[0].from_earlier  # the kept result is read
    assert again.videos[0].entries == first.videos[0].entries
    write_report(again, figures_of_audit(again), tmp_path / "audit.html", on_progress=quiet)
    assert "<b>bus" not in (tmp_path / "audit.html").read_text("utf-8")
    assert write_correction(again, written, tmp_path / "new.json").to_check >= 1
    corrected = json.loads((tmp_path / "new.json").read_text("utf-8"))
    assert set(corrected["videos"]) == {odd, "\ud800"}
    assert read_written(tmp_path / "new.json", "footage").proposals >= 1


def test_a_work_file_keeps_names_that_are_no_utf8(tmp_path):
    odd, about = os.fsdecode(b"caf\xe9.mp4"), {"model": "m"}
    answers = VideoAnswers(odd, 1, (QueryAnswer("1", ((1.0, 2.0, 0.5),), raw="\ud800"),))
    with opened(tmp_path / "a.work", about) as work:
        work.add(answers)
    assert read_answers(tmp_path / "a.work", about) == {odd: answers}


# --- outputs ------------------------------------------------------------------------------------------------


def test_outputs_are_refused_before_any_work(tmp_path):
    truth, folder = tmp_path / "truth.json", tmp_path / "folder"
    truth.write_text("{}")
    folder.mkdir()
    inputs = {"the truth file": truth, "another": None}
    for outs in (
        {"--out": truth},
        {"--out": folder / ".." / "truth.json"},
        {"--out": folder},
        {"--out": truth / "below a file.json"},
        {"--out": truth / "further" / "below.json"},
        {"--keep": truth},
        {"--keep": truth / "below"},
        {"--out": tmp_path / "a", "--report": tmp_path / "a"},
    ):
        with pytest.raises(FootageError, match="--"):
            check_outputs(inputs, outs, folders=["--keep"])
    with pytest.raises(UsageError, match="there already"):
        check_outputs({}, {"--out": truth}, new=["--out"])
    good = {"--out": tmp_path / "x" / "y.json", "--report": None, "--keep": folder}
    check_outputs(inputs, good, new=["--out"], folders=["--keep"])
    assert sorted(tmp_path.iterdir()) == [folder, truth]  # nothing is made


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileError, match="not writable"):
            check_outputs({}, {"--out": tmp_path / "a.json"})
    finally:
        tmp_path.chmod(0o700)


# --- figures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("videos", [[(3, 3)], [(0, 4)], [(1, 2), (2, 4)]])
def test_a_corrected_share_of_few_entries_is_not_certain(videos):
    """Where all videos have the same share, drawing videos alone would show no uncertainty."""
    estimate = corrected_error_rate(videos, JudgeAccuracy(1000, 1000, 0, 1000))
    assert estimate.low <= estimate.value + 0.2 and estimate.high - estimate.low > 0.2
    many = corrected_error_rate(
        [(wrong * 500, total * 500) for wrong, total in videos], JudgeAccuracy(1000, 1000, 0, 1000)
    )
    assert many.high - many.low < 0.1


def test_an_unknown_judge_shows_before_a_video_is_opened(tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTAGE_CACHE_DIR", str(tmp_path / "cache"))
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"videos": {"a.mp4": {"events": [{"query": "a car", "spans": [[1, 2]]}]}}}))
    (tmp_path / "a.mp4").write_bytes(b"no video")
    for model in ("--judge", "--model"):
        result = CommandRunner().invoke(app, ["eval", "audit", str(truth), model, "nosuch"])
        assert result.exit_code == 2 and "there is no model 'nosuch'" in result.stderr
        assert "opening" not in result.stderr
