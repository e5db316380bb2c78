"""Audits of truth files: entries as written, arithmetic, judges, figures, keeping, corrections."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_auditor import StandinAuditor, shifted
from standin_truth import TruthModel
from tiny_clips import write_clip

from evaluation.audit.arithmetic import check_duration, check_equal_texts, check_times, clock, valid_spans
from evaluation.audit.correction import merged_text, write_correction
from evaluation.audit.figures import counted_share, figures_of_audit
from evaluation.audit.kept import KeptChecks
from evaluation.audit.run import open_videos, run_audit
from evaluation.audit.suggestions import suggested_span, suggested_text
from evaluation.audit.written import WRITTEN_FORMATS, WrittenEntry, read_written
from evaluation.outputs import check_outputs
from evaluation.readers import read_ground_truth
from evaluation.video_folder import VideoFolder
from evaluation.video_judges import WatchingRun, load_judges
from footage.core.config import Settings
from footage.core.errors import FileError, FootageError, ModelUnavailableError, UsageError
from footage.core.types import CaptionEvent, Span
from search.claims.records import Claim, ClaimError, WatchingJudge
from service.session import Loaders, Service

DATA = Path(__file__).resolve().parents[1] / "data" / "footage"


def quiet(stage, done, total):
    """Shows no progress."""


def entry(text="a dog runs", *pairs, id="1", duration=None):
    return WrittenEntry("v", id, text, tuple(pairs), duration)


def own_file(path, videos, **more):
    path.write_text(json.dumps({"videos": videos, **more}), encoding="utf-8")
    return path


def event(query, *spans, **more):
    return {"query": query, "spans": [list(span) for span in spans], **more}


def audit_of(truth, judges, *, form="footage", videos=None, kept=None, **options):
    written = read_written(truth, form)
    opened = open_videos(written, videos, on_progress=quiet, **options)
    keep = KeptChecks(kept or truth.parent / "kept")
    return written, run_audit(written, opened, judges, kept=keep, on_progress=quiet)


# --- entries as written -------------------------------------------------------------------------------------


def test_every_format_is_read_with_wrong_times_as_they_are(tmp_path):
    lines = {
        "qvhighlights": '{"qid": 1, "vid": "v", "query": "a", "duration": 9, "relevant_windows": [[8, 3]]}',
        "gmr": '{"qid": 1, "vid": "v", "query": "a", "duration": 9, "relevant_windows": [[8, 3]]}\n'
        '{"qid": 2, "vid": "v", "query": "b", "relevant_windows": []}',
        "charades": "v 8 3##a",
        "activitynet": '{"v": {"duration": 9, "timestamps": [[8, 3]], "sentences": ["a"]}}',
        "timelens": '{"v": {"duration": 9, "spans": [[8, 3]], "queries": ["a"]}}',
        "footage": '{"videos": {"v": {"events": [{"query": "a", "spans": [[8, "0:03"]]}]}}}',
        "dream1k": '{"idx": 4, "extra_info": {"duration": 9, "events": ["a", "b"]}}',
    }
    assert set(lines) == set(WRITTEN_FORMATS)
    for form, text in lines.items():
        path = tmp_path / form
        path.write_text(text + "\n", encoding="utf-8")
        first, *others = read_written(path, form).entries
        assert (first.video, first.text) == ("video_4" if form == "dream1k" else "v", "a")
        assert first.pairs == (() if form == "dream1k" else ((8.0, 3.0),))
        assert [each.absent for each in others] == {"gmr": [True], "dream1k": [False]}.get(form, [])


@pytest.mark.parametrize(
    ("form", "text", "response"),
    [
        ("footage", "{", "line 1: not valid JSON"),
        ("footage", '{"videos": {"v": {"events": [{"query": "a", "spans": [[1]]}]}}}', "events > 0 > spans"),
        ("footage", '{"videos": {"v": {"events": [{"query": "a", "spans": [["x", 2]]}]}}}', "not a time"),
        ("footage", '{"videos": {"v": {"events": []}, "v": {"events": []}}}', "stands twice"),
        ("footage", '{"videos": {}}', "holds no entry"),
        ("footage", '{"videos": {"v": {"events": [{"query": "a", "spans": [[NaN, 2]]}]}}}', "finite"),
        ("qvhighlights", '{"qid": 1}\n', "line 1"),
        ("qvhighlights", "[1]\n", "line 1"),
        ("qvhighlights", "[" * 100_000, "not valid JSON"),
        ("charades", "v 1 nan##a\n", "line 1"),
        ("charades", "v 1 2 a\n", "line 1"),
        (
            "activitynet",
            '{"v": {"duration": 9, "timestamps": [], "sentences": ["a"]}}',
            "0 times but 1 texts",
        ),
        ("timelens", "[]", "at"),
        ("dream1k", '{"idx": true}\n', "line 1"),
    ],
)
def test_what_is_not_of_the_format_is_one_sentence_with_the_place(tmp_path, form, text, response):
    path = tmp_path / "truth"
    path.write_text(text, encoding="utf-8")
    if form == "timelens":
        response = str(path)
    with pytest.raises(UsageError, match=response.replace("[", r"\[")) as caught:
        read_written(path, form)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "truth.json"
    path.write_bytes(b"\x00\xff\xfe\x00")
    with pytest.raises((FileError, UsageError)):
        read_written(path, "footage")
    with pytest.raises(FileError):
        read_written(tmp_path / "none.json", "footage")


def test_proposals_are_left_out_and_counted_and_names_are_unique(tmp_path):
    events = [event("a", (0, 1), to_check=True), event("b", (0, 1), id="x"), event("c", (0, 1), id="x")]
    written = read_written(own_file(tmp_path / "t.json", {"v": {"events": events}}), "footage")
    assert (written.proposals, [each.id for each in written.entries]) == (1, ["x", "x (2)"])


# --- places -------------------------------------------------------------------------------------------------


def test_videos_are_found_by_stem_in_any_container_and_never_outside(tmp_path):
    folder = tmp_path / "videos"
    (folder / "a").mkdir(parents=True)
    (folder / "b").mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"x")
    for name in ("one.mkv", "v_abc.def.webm", "a/two.mp4", "b/two.mp4"):
        (folder / name).write_bytes(b"x")
    videos = VideoFolder(folder)
    assert videos.place("one").path == videos.place("one.mp4").path == folder.resolve() / "one.mkv"
    assert videos.place("v_abc.def").path.name == "v_abc.def.webm"
    assert videos.place("b/two").path.parent.name == "b" and videos.place("a/two.mp4").path.parent.name == "a"
    assert "2 files" in videos.place("two").problem
    for name in ("../secret.mp4", str(tmp_path / "secret.mp4"), "secret", "", "\0", "..", "/", "nothing"):
        assert videos.place(name).path is None and videos.place(name).problem
    with pytest.raises(FileError, match="is not there"):
        VideoFolder(tmp_path / "none")


# --- arithmetic ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "severity", "suggestion"),
    [
        ((2, 10.05), None, ""),
        ((2, 10.06), "minor", "0:02.0-0:10.0"),
        ((2, 11), "minor", "0:02.0-0:10.0"),
        ((9, 14), "major", "0:09.0-0:10.0"),
        ((10, 12), "major", ""),  # begins when the video is over
        ((8, 3), "major", "0:03.0-0:08.0"),
        ((4, 4), "major", ""),
        ((-1, 4), "minor", "0:00.0-0:04.0"),
    ],
)
def test_times_that_cannot_be(pair, severity, suggestion):
    found = check_times(entry("a", pair), 10.0)
    assert [(e.severity, e.suggestion) for e in found] == (
        [] if severity is None else [(severity, suggestion)]
    )
    assert all(e.kind == "time" and e.is_consensus for e in found)


def test_an_end_that_is_rounded_is_no_error():
    for end, duration, errors in [(10.1, 10.06, 0), (11, 10.96, 0), (10.06, 10.056, 0), (10.06, 10.05, 1)]:
        assert len(check_times(entry("a", (2, end)), duration, is_written=True)) == errors, end


def test_without_a_duration_ends_cannot_be_wrong_and_overlaps_are_found():
    assert check_times(entry("a", (2, 1e6)), None) == []
    [found] = check_times(entry("a", (5, 9), (0, 6)), 10)
    assert suggested_span(found) == Span(0, 9)


@pytest.mark.parametrize(
    ("stated", "real", "severity"),
    [(10.9, 10, None), (11.2, 10, "major"), (101.5, 100, "minor"), (0, 10, "major"), (None, 10, None)],
)
def test_durations(stated, real, severity):
    assert [e.severity for e in check_duration(stated, real)] == ([] if severity is None else [severity])


def test_equal_texts_overlap_or_leave_each_other_out():
    one, two = entry("A dog runs.", (0, 5), id="1"), entry("a  dog runs", (4, 9), id="2")
    far = entry("A dog runs", (20, 25), id="3")
    own = check_equal_texts([one, two, far], is_own=True)
    assert set(own) == {"2"} and suggested_span(own["2"]) == Span(0, 9)
    field = check_equal_texts([one, two, far], is_own=False)
    assert {name: each.kind for name, each in field.items()} == {"1": "missing", "2": "time", "3": "missing"}
    same = check_equal_texts([one, replace(one, id="9")], is_own=False)
    assert set(same) == {"9"} and "same text and time" in same["9"].sentence
    untimed = check_equal_texts([entry("a"), entry("A.", id="2"), entry("b", id="3")], is_own=False)
    assert set(untimed) == {"2"}
    assert check_equal_texts([entry("", (0, 1)), entry("", (0, 1), id="2")], is_own=False) == {}


def test_many_equal_texts_take_no_square_of_time():
    many = [entry("a car", (n * 10, n * 10 + 5), id=str(n)) for n in range(20_000)]
    assert len(check_equal_texts(many, is_own=False)) == 20_000


numbers = st.floats(-50, 500, allow_nan=False)


@given(st.lists(st.tuples(numbers, numbers), max_size=5), st.none() | st.floats(0.1, 400))
def test_no_times_raise_and_valid_spans_lie_inside(pairs, duration):
    each = entry("a", *pairs)
    for error in check_times(each, duration):
        if error.suggestion:
            assert suggested_span(error) is not None
    assert all(
        duration is None or span.end_seconds <= duration + 1e-6 for span in valid_spans(each, duration)
    )


@given(st.floats(0, 1e5), st.floats(0, 1e5))
def test_a_suggested_time_is_read_as_it_was_written(a, b):
    span = Span(min(a, b), max(a, b))
    read = suggested_span(ClaimError("time", "minor", "", 1, 1, suggestion=clock(span)))
    assert abs(read.start_seconds - span.start_seconds) < 0.0501
    assert abs(read.end_seconds - span.end_seconds) < 0.0501


def test_a_suggestion_of_words_is_no_time():
    words = ClaimError("attribute", "minor", "", 1, 1, suggestion="A blue car stops.")
    assert suggested_span(words) is None and suggested_text(words) == "A blue car stops."
    assert suggested_text(ClaimError("time", "minor", "", 1, 1, suggestion="0:01.0-0:02.0")) == ""


# --- the run ------------------------------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path):
    """Two clips of two seconds, a file that is no video, and a truth file that names one more."""
    folder = tmp_path / "videos"
    folder.mkdir()
    write_clip(folder / "yard.mp4")
    write_clip(folder / "hall.mp4", count=30)
    (folder / "broken.mp4").write_bytes(b"no video at all")
    videos = {
        "yard.mp4": {
            "duration": 2.0,
            "events": [event("A red dog runs.", (0, 1), id="y1"), event("A car stops.", (1, 4), id="y2")],
        },
        "hall.mp4": {
            "duration": 9.0,
            "events": [event("A man waits.", (0, 1), (2, 3), id="h1", note="keep")],
        },
        "broken.mp4": {"events": [event("A cat sleeps.", (0, 1), id="b1")]},
        "gone.mp4": {"events": [event("A bird sings.", (0, 1), id="g1")]},
    }
    own_file(folder / "truth.json", videos, annotator="me", negative_queries=["a plane lands"])
    return folder


def red_is_blue(claim):
    return {"ruling": "contradicted", "instead": "blue", "frames": (0.5,)} if claim.part == "red" else None


def test_an_audit_names_every_entry_and_every_video(library):
    judges = [StandinAuditor("one", red_is_blue), StandinAuditor("two", red_is_blue), StandinAuditor("three")]
    _, audit = audit_of(library / "truth.json", judges)
    assert [video.name for video in audit.videos] == ["yard.mp4", "hall.mp4", "broken.mp4", "gone.mp4"]
    problems = {video.name: video.problem for video in audit.videos if video.problem}
    assert set(problems) == {"broken.mp4", "gone.mp4"} and "no such video" in problems["gone.mp4"]
    assert [entry.written.id for _, entry in audit.unchecked] == ["b1", "g1"]
    found = {entry.written.id: entry.errors for _, entry in audit.with_errors}
    assert set(found) == {"y1", "y2"}
    [colour], [late] = found["y1"], found["y2"]
    assert (colour.kind, colour.votes_for, colour.votes, colour.is_consensus) == ("attribute", 2, 3, True)
    assert colour.suggestion == "A blue dog runs." and late.kind == "time" and late.severity == "major"
    assert [error.sentence for error in audit.videos[1].errors] == ["The video lasts 3.0 s, not 9.0 s."]
    # The judges were asked about times as far as they can be.
    [(_, claims)] = [(p, c) for p, c in judges[0].asked if p.endswith("yard.mp4")]
    assert {claim.span for claim in claims if claim.entry == "y2"} == {Span(1, 2)}


def test_figures_by_hand(library):
    judges = [StandinAuditor("one", red_is_blue), StandinAuditor("two", shifted(h1=(0.5, 1.5)))]
    _, audit = audit_of(library / "truth.json", judges)
    figures = figures_of_audit(audit)
    shares = {row.name: (row.consensus.count, row.any.count, row.any.total) for row in figures.rows}
    assert shares["entries with an error"] == (1, 3, 3)  # one vote of two is no consensus; arithmetic is
    assert shares["entries with a major error"] == (1, 2, 3)
    assert shares["entries with a wrong attribute"] == (0, 1, 3)
    assert shares["entries with a wrong time"] == (1, 2, 3)
    assert shares["videos with an error"] == (1, 2, 2)
    assert shares["videos with a wrong duration"] == (1, 1, 2)
    assert [(each.judge, each.share.count, each.share.total) for each in figures.by_judge] == [
        ("one", 1, 3),
        ("two", 1, 3),
    ]
    assert figures.agreement is not None and figures.agreement < 0.5
    assert all(
        row.any.interval.low <= row.any.interval.value <= row.any.interval.high for row in figures.rows
    )


def test_entries_that_no_judge_could_check_are_no_part_of_the_shares(library):
    silent = StandinAuditor(
        "silent", lambda claim: {"ruling": None, "problem": "It is dark."} if claim.entry != "h1" else None
    )
    _, audit = audit_of(library / "truth.json", [silent])
    figures = figures_of_audit(audit)
    row = figures.row("entries with an error")
    assert (row.any.count, row.any.total) == (0, 1) and figures.agreement is None
    assert {entry.written.id: entry.problem for _, entry in audit.unchecked}["y1"] == "It is dark."


def test_without_judges_shares_are_of_all_entries(library):
    _, audit = audit_of(library / "truth.json", [])
    row = figures_of_audit(audit).row("entries with an error")
    assert (row.consensus.count, row.consensus.total) == (1, 5)


def test_a_share_has_the_interval_of_its_videos_or_the_exact_one():
    spread = counted_share([(0, 10), (10, 10), (0, 10), (5, 10)])
    assert spread.interval.value == 0.375 and spread.interval.high - spread.interval.low > 0.5  # not of 40
    none = counted_share([(0, 30), (0, 30)])
    assert none.interval.low == 0 and none.interval.high == pytest.approx(0.0596, abs=1e-3)
    assert counted_share([]).total == 0 and counted_share([(0, 0)]).total == 0


def test_a_sample_is_drawn_of_the_videos_that_are_there(library):
    _, audit = audit_of(library / "truth.json", [judge := StandinAuditor()], sample=1)
    _, again = audit_of(library / "truth.json", [StandinAuditor()], sample=1, kept=library / "other")
    assert len(judge.asked) == 1
    assert [v.is_drawn for v in audit.videos] == [v.is_drawn for v in again.videos]
    assert sorted(v.name for v in audit.videos if v.is_drawn and not v.problem) in (
        ["yard.mp4"],
        ["hall.mp4"],
    )
    assert len([v for v in audit.videos if v.problem]) == 2


def test_what_was_checked_is_kept_and_asked_again_only_where_something_changed(library):
    stopped = StandinAuditor(
        red_is_blue and "one", red_is_blue, fails_at=1, failure=ModelUnavailableError("away")
    )
    with pytest.raises(ModelUnavailableError):
        audit_of(library / "truth.json", [stopped])
    resumed = StandinAuditor("one", red_is_blue)
    _, audit = audit_of(library / "truth.json", [resumed])
    assert [Path(path).name for path, _ in resumed.asked] == ["hall.mp4"]
    assert [video.from_earlier for video in audit.videos] == [True, False, False, False]
    assert {entry.written.id for _, entry in audit.with_errors} == {"y1", "y2"}
    # Another judge, another text, another content: each asks anew.
    other = StandinAuditor("other")
    audit_of(library / "truth.json", [other])
    assert len(other.asked) == 2
    truth = json.loads((library / "truth.json").read_text())
    truth["videos"]["yard.mp4"]["events"][0]["query"] = "A red cat runs."
    (library / "truth.json").write_text(json.dumps(truth))
    write_clip(library / "hall.mp4", count=25)
    changed = StandinAuditor("one", red_is_blue)
    audit_of(library / "truth.json", [changed])
    assert len(changed.asked) == 2


def test_a_kept_file_that_is_damaged_is_checked_again(library, caplog):
    audit_of(library / "truth.json", [StandinAuditor()])
    for kept in (library / "kept").rglob("*.json"):
        kept.write_text('{"video": 1')
    again = StandinAuditor()
    audit_of(library / "truth.json", [again])
    assert len(again.asked) == 2 and "cannot be read" in caplog.text


def test_absent_and_wordless_entries_are_not_asked(tmp_path):
    write_clip(tmp_path / "v.mp4")
    lines = [
        {"qid": 1, "vid": "v", "query": "a", "duration": 2, "relevant_windows": []},
        {"qid": 2, "vid": "v", "query": " ", "duration": 2, "relevant_windows": [[0, 1]]},
        {"qid": 3, "vid": "v", "query": "a dog runs", "duration": 2, "relevant_windows": [[0, 1]]},
    ]
    truth = tmp_path / "t.jsonl"
    truth.write_text("\n".join(map(json.dumps, lines)))
    judge = StandinAuditor()
    _, audit = audit_of(truth, [judge], form="gmr")
    assert {claim.entry for _, claims in judge.asked for claim in claims} == {"3"}
    assert [entry.written.id for _, entry in audit.unchecked] == ["1", "2"]


def test_a_folder_without_any_of_the_videos_is_an_error(library, tmp_path):
    (tmp_path / "empty").mkdir()
    truth = shutil.copy(library / "truth.json", tmp_path / "truth.json")
    with pytest.raises(FileError, match="None of the 4 videos"):
        audit_of(truth, [], videos=tmp_path / "empty")
    with pytest.raises(FileError, match="is not there"):
        audit_of(truth, [], videos=tmp_path / "nowhere")


# --- the corrected file -------------------------------------------------------------------------------------


def test_a_correction_proposes_keeps_what_was_and_leaves_the_original(library, tmp_path):
    truth = library / "truth.json"
    before = truth.read_bytes()
    seen = CaptionEvent(Span(0.5, 1.5), "A fox sits.")
    says = lambda claim: red_is_blue(claim) or shifted(h1=(0.5, 1.5))(claim)  # noqa: E731
    written, audit = audit_of(truth, [StandinAuditor("one", says, unnamed={"yard.mp4": [seen]})])
    out = tmp_path / "out.json"
    made = write_correction(audit, written, out)
    assert (made.to_check, made.proposed, made.added) == (3, 3, 1)
    content = json.loads(out.read_text("utf-8"))
    assert truth.read_bytes() == before and content["annotator"] == "me"
    dog, car, fox = content["videos"]["yard.mp4"]["events"]
    assert (dog["query"], dog["was"]["query"], dog["to_check"]) == (
        "A blue dog runs.",
        "A red dog runs.",
        True,
    )
    assert (car["spans"], car["was"]["spans"]) == ([[1.0, 2.0]], [[1, 4]])
    assert (fox["query"], fox["spans"], fox["to_check"]) == ("A fox sits.", [[0.5, 1.5]], True)
    [man] = content["videos"]["hall.mp4"]["events"]
    assert man["spans"] == [[0.5, 1.5]] and man["note"] == "keep"
    assert content["videos"]["hall.mp4"]["duration"] == 3.0
    # It is a truth file of its own, whose proposals are not asked.
    read = read_ground_truth(out)
    assert sum(each.to_check for video in read.videos for each in video.events) == 4
    assert read_written(out, "footage").proposals == 4


def test_a_correction_of_a_benchmark_is_a_truth_file(tmp_path):
    write_clip(tmp_path / "v.mp4")
    truth = tmp_path / "charades.txt"
    truth.write_text("v 0.0 1.0##a dog runs\nv 1.0 9.0##a car stops\n")
    written, audit = audit_of(truth, [], form="charades")
    out = tmp_path / "out.json"
    assert write_correction(audit, written, out).proposed == 1
    [video] = read_ground_truth(out).videos
    assert [(each.id, each.to_check) for each in video.events] == [("v/1", False), ("v/2", True)]


def test_texts_are_merged_word_by_word():
    text = "A red car drives from right to left."
    both = ["A blue car drives from right to left.", "A red car drives from left to right."]
    assert merged_text(text, both) == "A blue car drives from left to right."
    assert merged_text(text, ["blue"]) == text and merged_text(text, []) == text
    assert merged_text(text, [both[0], "A green car drives from right to left."]) == both[0]


def test_outputs_are_refused_before_any_work(tmp_path):
    truth = tmp_path / "truth.json"
    truth.write_text("{}")
    (tmp_path / "there.json").write_text("{}")
    for outs in (
        {"--out": truth},
        {"--out": tmp_path / "." / "truth.json"},
        {"--out": tmp_path},
        {"--out": tmp_path / "there.json"},
        {"--out": tmp_path / "a", "--report": tmp_path / "a"},
    ):
        with pytest.raises(FootageError):
            check_outputs({"the truth file": truth}, outs, new=["--out"])
    outs = {"--out": tmp_path / "new.json", "--report": None}
    check_outputs({"the truth file": truth}, outs, new=["--out"])


# --- real clips, and judges of models -----------------------------------------------------------------------


def test_a_careful_annotation_of_real_clips_has_no_error_by_arithmetic(test_data, tmp_path):
    truth = shutil.copy(test_data / "e2e" / "ground_truth_dev.json", tmp_path / "truth.json")
    _, audit = audit_of(truth, [], videos=test_data, needed=False)
    opened = [video for video in audit.videos if video.duration_seconds is not None]
    assert len(opened) >= 5 and len(opened) + sum(bool(video.problem) for video in audit.videos) == len(
        audit.videos
    )
    found = [
        (video.name, each.written.id, each.errors) for video, each in audit.with_errors if video in opened
    ]
    assert found == [] and [video.name for video in opened if video.errors] == []


def judges_of(skills, **options):
    model = TruthModel()
    model.profile = replace(model.profile, skills=skills)
    settings = Settings(model="demo")
    loaders = Loaders(lambda settings: model)
    return load_judges(Service(settings, loaders=loaders), ["demo"], loaders=loaders, **options)


def test_a_model_judges_by_what_it_can():
    [grounding] = judges_of(("caption", "find", "ask"))
    [asking] = judges_of(("caption", "ask"))
    assert isinstance(grounding, WatchingJudge) and not isinstance(asking, WatchingJudge)
    assert grounding.name != asking.name
    with pytest.raises(UsageError, match="cannot judge: it can caption"):
        judges_of(("caption",))


def test_each_run_of_a_judge_is_a_judge_of_its_own():
    for skills in (("caption", "find"), ("ask",)):
        judges = judges_of(skills, runs=3)
        assert [judge.name[-5:] for judge in judges] == ["run 1", "run 2", "run 3"]
        assert all(isinstance(judge, WatchingJudge) is ("find" in skills) for judge in judges)
    first, second = WatchingRun(StandinAuditor("one"), 1), WatchingRun(StandinAuditor("one", red_is_blue), 2)
    view = second.watch(None, "a.mp4", [Claim("A red dog runs.", "attribute", None, "red")])
    assert (first.name, [vote.judge for vote in view.votes]) == ("one, run 1", ["one, run 2"])
    assert view.votes[0].ruling == "contradicted"
