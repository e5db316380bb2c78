"""Parts of `footage eval benchmark`: the table, the folder, the protocol, the work file, the predictions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.benchmarks.answering import VideoTask
from evaluation.benchmarks.names import BENCHMARKS, get_benchmark
from evaluation.benchmarks.predictions import exist_score, timelens_key, timelens_query, write_predictions
from evaluation.benchmarks.protocol import SINGLE_PASS_SECONDS, Protocol
from evaluation.benchmarks.run import BenchmarkJob, BenchmarkPlan, default_out
from evaluation.benchmarks.scores import report_on
from evaluation.benchmarks.work_file import QueryAnswer, VideoAnswers, opened, read_answers
from evaluation.readers import FORMATS, MomentQuery, read_qvhighlights_predictions
from evaluation.video_folder import VideoFolder
from footage.core.errors import FileError, UsageError
from footage.core.types import Span, Video
from footage.vlm.profiles import DEMO_FIND, MARLIN_2B, PROFILES, TIMELENS_8B
from search.grounding.options import GroundingOptions

IDENTITY = {"annotation file": "sha256 1", "model": "demo", "protocol": "whole"}


# -- The table -----------------------------------------------------------------------------------------------


def test_the_table_has_the_published_counts_and_rows_that_make_sense():
    assert [BENCHMARKS[name].expected for name in list(BENCHMARKS)[:3]] == [(3363,), (4500,), (1541,)]
    for benchmark in BENCHMARKS.values():
        assert benchmark.format in FORMATS and benchmark.origin
        for row in benchmark.published:
            assert 0 < row.mean_iou < 100 and row.source
            # Recall falls as the threshold rises; the mean lies between what the thresholds allow.
            low, middle, high = row.recalls or (100, 50, 0)
            assert low > middle > high
            if row.recalls:
                assert 0.3 * (low - middle) + 0.5 * (middle - high) + 0.7 * high <= row.mean_iou
                assert row.mean_iou <= high + 0.7 * (middle - high) + 0.5 * (low - middle) + 0.3 * (100 - low)


def test_an_unknown_benchmark_names_the_nearest():
    assert get_benchmark(" Charades-TimeLens ").title == "Charades-TimeLens"
    with pytest.raises(UsageError, match="no benchmark 'charade-timelens'") as caught:
        get_benchmark("charade-timelens")
    assert "Did you mean charades-timelens?" in caught.value.hint and "qvhighlights" in caught.value.hint


# -- The folder ----------------------------------------------------------------------------------------------


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "videos"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("AO8RW.mp4", "AO8RW"),
        ("AO8RW.mp4", "AO8RW.mp4"),
        ("AO8RW.mkv", "AO8RW.mp4"),
        ("a/b/AO8RW.MP4", "AO8RW"),
        ("a/AO8RW.mp4", "a/AO8RW"),
        ("a/AO8RW.mp4", "a/AO8RW.mp4"),
        ("a/AO8RW.mp4", "other/AO8RW"),
        ("a/AO8RW.mp4", "a\\AO8RW.mp4"),
        ("NUsG9BgSes0_210.0_360.0.mp4", "NUsG9BgSes0_210.0_360.0"),
        ("v_QOlSCBRmfWY.mp4", "QOlSCBRmfWY"),
        ("QOlSCBRmfWY.webm", "v_QOlSCBRmfWY"),
        ("QOlSCBRmfWY.webm", "v_QOlSCBRmfWY.mp4"),
    ],
)
def test_a_video_is_found_by_the_name_in_the_annotations(tmp_path, file, name):
    folder = folder_of(tmp_path, file, "unrelated.mp4", "notes.txt")
    assert VideoFolder(folder).find([name]).found == {name: folder / file}


def test_a_path_goes_before_a_name_and_both_before_another_container(tmp_path):
    folder = folder_of(tmp_path, "a/x.mp4", "b/x.mp4", "y.mkv", "more/y.mp4")
    found = VideoFolder(folder).find(["a/x", "b/x.mp4", "more/y", "z", "z"])
    assert found.found == {
        "a/x": folder / "a/x.mp4",
        "b/x.mp4": folder / "b/x.mp4",
        "more/y": folder / "more/y.mp4",
    }
    assert found.missing == ("z",)
    with pytest.raises(UsageError, match='2 files fit the video "x"'):
        VideoFolder(folder).find(["x"])


def test_links_are_followed_and_loops_end(tmp_path):
    folder = folder_of(tmp_path, "a/x.mp4")
    elsewhere = folder_of(tmp_path / "disk", "y.mp4")
    (folder / "shard").symlink_to(elsewhere, target_is_directory=True)
    (folder / "a" / "again").symlink_to(folder, target_is_directory=True)
    found = VideoFolder(folder).find(["x", "y"])
    assert not found.missing and found.found["y"] == folder / "shard" / "y.mp4"


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(FileError, match="is not there"):
        VideoFolder(tmp_path / "absent").find(["x"])


NAMES = st.text("abcXYZ019._-", min_size=1, max_size=12).filter(lambda name: name[-1] != ".")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=6, unique_by=str.casefold))
def test_every_name_finds_its_own_file(tmp_path_factory, names):
    names = [f"{number}{name}" for number, name in enumerate(names)]
    folder = folder_of(tmp_path_factory.mktemp("names"), *(f"{name}.mp4" for name in names))
    assert VideoFolder(folder).find(names).found == {name: folder / f"{name}.mp4" for name in names}


# -- The protocol --------------------------------------------------------------------------------------------


def test_a_model_sees_a_video_whole_as_far_as_its_makers_show_it():
    looking = GroundingOptions()
    assert set(SINGLE_PASS_SECONDS) <= set(PROFILES)
    timelens = Protocol.of(TIMELENS_8B, looking)
    assert timelens.shown_as(100_000) == "single pass" and timelens.sentence == "Each video in a single pass."
    marlin = Protocol.of(MARLIN_2B, looking)
    assert (marlin.shown_as(120), marlin.shown_as(120.1)) == ("single pass", "windows")
    assert marlin.shown_as(50, has_gaps=True) == "windows"
    assert "2:00.0 in a single pass, longer ones in windows of 30 s that share 5 s" in marlin.sentence
    demo = Protocol.of(DEMO_FIND, looking)
    assert (demo.shown_as(16), demo.shown_as(17)) == ("single pass", "windows")
    assert Protocol.of(DEMO_FIND, looking, "single").shown_as(math.inf) == "single pass"
    assert Protocol.of(TIMELENS_8B, looking, "windows").shown_as(1) == "windows"


def test_windows_are_those_of_a_search_with_the_lengths_of_the_settings():
    video = Video("", 100.0, width=96, height=64, fps=10, codec="h264")
    looking = GroundingOptions(window_seconds=40, overlap_seconds=10)
    protocol = Protocol.of(MARLIN_2B, looking, "windows")
    spans = [window.span for window in protocol.windows(video, MARLIN_2B, looking)]
    assert spans[0] == Span(0, 40) and spans[1].start_seconds == 30 and spans[-1].end_seconds == 100
    [whole] = Protocol.of(MARLIN_2B, looking).windows(video, MARLIN_2B, looking)
    assert whole.span == Span(0, 100)


# -- The work file -------------------------------------------------------------------------------------------

ANSWERS = st.builds(
    VideoAnswers,
    video=st.sampled_from([f"video {n}" for n in range(4)]),
    size_bytes=st.integers(0, 10**12),
    answers=st.lists(
        st.builds(
            QueryAnswer,
            id=st.text(max_size=5),
            spans=st.lists(
                st.tuples(*[st.floats(0, 1e5, allow_nan=False)] * 2, st.floats(0, 1)), max_size=3
            ).map(tuple),
            raw=st.text(max_size=20),
        ),
        max_size=3,
    ).map(tuple),
    duration_seconds=st.floats(0, 1e5),
    shown_as=st.sampled_from(["single pass", "windows"]),
    problem=st.sampled_from(["", "It cannot be read:\nno \u2028 such file."]),
)


@settings(max_examples=60, deadline=None)
@given(written=st.lists(ANSWERS, max_size=5), cut=st.integers(0, 4000))
def test_a_file_cut_at_any_byte_keeps_its_whole_lines_and_goes_on(tmp_path_factory, written, cut):
    path = tmp_path_factory.mktemp("work") / "out.work"
    with opened(path, IDENTITY) as work:
        for answers in written:
            work.add(answers)
    head, *lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes((head + b"".join(lines))[: len(head) + cut])
    whole = sum(len(head) + len(b"".join(lines[:n])) <= len(head) + cut for n in range(1, len(lines) + 1))
    expected = {answers.video: answers for answers in written[:whole]}
    assert read_answers(path, IDENTITY) == expected
    with opened(path, IDENTITY) as work:
        assert work.answers == expected
        for answers in written[whole:]:
            work.add(answers)
    assert read_answers(path, IDENTITY) == {answers.video: answers for answers in written}


@pytest.mark.parametrize("kept", [0, 5, 60])
def test_a_file_cut_in_its_first_line_begins_anew(tmp_path, kept):
    path = tmp_path / "out.work"
    with opened(path, IDENTITY):
        pass
    path.write_bytes(path.read_bytes()[:kept])
    with opened(path, IDENTITY) as work:
        assert not work.answers
    assert json.loads(path.read_bytes())["about"] == IDENTITY


def test_answers_to_other_questions_do_not_mix(tmp_path):
    path = tmp_path / "out.work"
    with opened(path, IDENTITY):
        pass
    before = path.read_bytes()
    for name in IDENTITY:
        other = {**IDENTITY, name: "something else"}
        for look in (read_answers, lambda path, identity: opened(path, identity).__enter__()):
            with pytest.raises(
                UsageError, match=f"answers with another {name} .*now something else"
            ) as caught:
                look(path, other)
            assert "--out" in caught.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"hello\n", b'{"a": 1}\n', b"no line end", b"[1]\n", b'{"version": 9, "about": {}}\n']
)
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    path = tmp_path / "out.work"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"not a work file|another version"), opened(path, IDENTITY):
        pass
    assert path.read_bytes() == content


def test_a_broken_line_in_the_middle_is_an_error_with_its_number(tmp_path):
    path = tmp_path / "out.work"
    with opened(path, IDENTITY):
        pass
    path.write_bytes(path.read_bytes() + b'{"video": 3}\n')
    with pytest.raises(UsageError, match="line 2: not the answers about a video"):
        read_answers(path, IDENTITY)


def test_two_runs_do_not_write_to_one_file(tmp_path):
    path = tmp_path / "out.work"
    with (
        opened(path, IDENTITY),
        pytest.raises(FileError, match="Another run is writing"),
        opened(path, IDENTITY),
    ):
        pass
    with opened(path, IDENTITY):
        pass


# -- The predictions -----------------------------------------------------------------------------------------

QUERIES = (
    MomentQuery("7", "a", "The dog  runs. ", (Span(0, 4),), 20.0),
    MomentQuery("8", "a", "a cat", (Span(2, 3), Span(5, 9)), 20.0),
    MomentQuery("9", "b", "a bird", (Span(1, 2),), 10.0),
)
GIVEN = {
    "7": QueryAnswer("7", ((0.0, 5.0, 0.9), (7.0, 8.0, 0.3)), "From 0.0 to 5.0."),
    "8": QueryAnswer("8", (), "I see no cat."),
}


def written(tmp_path, form):
    path = tmp_path / "out"
    write_predictions(path, form, QUERIES, GIVEN, files={"a": "a.mp4", "b": "b.mkv"})
    return path


@pytest.mark.parametrize("form", ["windows", "qvhighlights", "gmr"])
def test_lines_are_read_by_the_readers_of_predictions(tmp_path, form):
    path = written(tmp_path, form)
    read = read_qvhighlights_predictions(path)
    assert list(read) == ["7", "8", "9"]
    assert [(each.span, each.score) for each in read["7"]] == [(Span(0, 5), 0.9), (Span(7, 8), 0.3)]
    assert [each.span for each in read["8"]] == ([Span(0, 0)] if form == "qvhighlights" else [])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["vid"] for line in lines] == ["a", "a", "b"]
    assert lines[0]["qid"] == ("7" if form == "windows" else 7)
    assert [line.get("pred_exist_score") for line in lines] == ([0.9, 0, 0] if form == "gmr" else [None] * 3)


def test_timelens_has_one_record_a_query_with_its_first_span_and_its_text(tmp_path):
    assert json.loads(written(tmp_path, "timelens").read_text()) == {
        "a.mp4>>>The dog runs>>>[0.0, 4.0]": {"timestamps": [[0.0, 5.0]], "answers": "From 0.0 to 5.0."},
        "a.mp4>>>a cat>>>[2.0, 3.0]": {"timestamps": [[-100.0, -100.0]], "answers": "I see no cat."},
        "b.mkv>>>a bird>>>[1.0, 2.0]": {"timestamps": [[-100.0, -100.0]], "answers": ""},
    }
    assert timelens_query("..a\n b  c. ") == "a b c"
    assert timelens_key(QUERIES[0], "a.mp4") == "a.mp4>>>The dog runs>>>[0.0, 4.0]"
    assert exist_score(GIVEN["7"]) == 0.9 and exist_score(GIVEN["8"]) == 0.0


def test_the_file_of_predictions_is_named_after_benchmark_and_model():
    assert str(default_out(get_benchmark("qvhighlights"), "marlin-2b")) == "qvhighlights.marlin-2b.jsonl"
    timelens = get_benchmark("charades-timelens")
    assert str(default_out(timelens, "/models/my model/")) == "charades-timelens.my-model.json"
    assert str(default_out(timelens, "http://h:8000/v1#org/m")) == "charades-timelens.org-m.json"
    assert str(default_out(timelens, "http://h:8000/v1")) == "charades-timelens.server.json"


# -- The scores ----------------------------------------------------------------------------------------------


def planned(name, queries, *, missing=()):
    by_video = {}
    for query in queries:
        by_video.setdefault(query.video, []).append(query)
    job = BenchmarkJob(
        benchmark=get_benchmark(name), annotations=Path("a"), videos=Path("v"), out=Path("out.jsonl")
    )
    tasks = tuple(VideoTask(video, Path(f"{video}.mp4"), tuple(of)) for video, of in by_video.items())
    return BenchmarkPlan(job, len(queries), tuple(queries), tasks, tuple(missing), len(missing), "0")


def answered(video, *spans, duration=20.0, **more):
    answers = tuple(QueryAnswer(id, ((*span, 0.5),) if span else ()) for id, span in spans)
    return VideoAnswers(video, 1, answers, duration_seconds=duration, windows=1, **more)


def report(name, queries, *found, profile=TIMELENS_8B, missing=()):
    protocol = Protocol.of(profile, GroundingOptions())
    plan = planned(name, queries, missing=missing)
    return report_on(plan, {each.video: each for each in found}, protocol, profile)


def test_a_bad_video_counts_as_misses_and_is_listed():
    bad = VideoAnswers("b", 0, (), problem="It cannot be read.")
    scored = report("charades-timelens", QUERIES, answered("a", ("7", (0, 4)), ("8", None)), bad)
    assert scored.own["mIoU"] == 33.33 and scored.queries == 3 and scored.without_span == 2
    assert scored.failed == {"b": "It cannot be read."}
    assert "1 videos could not be used; their 1 queries count as misses." in scored.notes
    assert scored.notes[0] == "Not comparable: 3 of 3,363 queries." and not scored.comparable


def test_a_video_without_answers_is_no_smaller_denominator():
    with pytest.raises(ValueError, match="1 videos have no answers, the first is 'b'"):
        report("charades-timelens", QUERIES, answered("a", ("7", (0, 4)), ("8", None)))


def test_annotations_that_timelens_cannot_tell_apart_count_once_there_alone():
    twice = (*QUERIES[:2], replace(QUERIES[0], id="70", text="The dog runs"))
    found = answered("a", ("7", (0, 1)), ("8", (2, 3)), ("70", (0, 4)))
    once = report("charades-timelens", twice, found)
    assert once.queries == 2 and once.own["mIoU"] == 100.0  # the last of equal ones, as in a dictionary
    assert any("1 annotations repeat" in note for note in once.notes)
    assert report("qvhighlights", twice, found).queries == 3


def test_true_spans_of_charades_are_cut_at_the_end_of_their_video():
    [query] = [MomentQuery("1", "a", "a person sits", (Span(10, 40),))]
    scored = report("charades-sta", [query], answered("a", ("1", (10, 20)), duration=20.0))
    assert scored.own["mIoU"] == 100.0 and scored.beside["whole video"]["mIoU"] == 50.0


def test_figures_are_comparable_with_all_queries_each_video_whole():
    queries = [MomentQuery(str(n), f"v{n}", "a dog", (Span(0, 4),), 20.0) for n in range(1541)]
    found = [answered(query.video, (query.id, (0, 4))) for query in queries]
    assert report("qvhighlights-timelens", queries, *found).comparable
    windowed = [replace(found[0], shown_as="windows"), *found[1:]]
    scored = report("qvhighlights-timelens", queries, *windowed)
    assert not scored.comparable and any(
        "1 of 1,541 videos were shown in windows" in note for note in scored.notes
    )
    scored = report("qvhighlights-timelens", queries, *found, missing=["x"])
    assert not scored.comparable and any("1 videos are missing" in note for note in scored.notes)


def test_another_cut_of_a_video_and_sparse_frames_are_noted():
    queries = [
        MomentQuery("1", "a", "a dog", (Span(0, 4),), 500.0),
        MomentQuery("2", "b", "a dog", (Span(0, 4),), 30.0),
    ]
    found = [answered("a", ("1", (0, 4)), duration=500.5), answered("b", ("2", (0, 4)), duration=45.0)]
    notes = report("charades-timelens", queries, *found).notes
    assert any("the first is b: 45.0 s instead of 30.0 s" in note for note in notes)
    assert any(note.startswith("1 videos are longer than 384 s") for note in notes)
