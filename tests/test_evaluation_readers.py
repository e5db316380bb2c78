"""Annotation readers: each format as it is, and the error for a broken file."""

from __future__ import annotations

import json

import pytest

from evaluation.readers import (
    read_activitynet,
    read_charades_sta,
    read_ground_truth,
    read_own,
    read_qvhighlights,
    read_qvhighlights_predictions,
    read_timelens,
)
from footage.core.errors import FileError, UsageError
from footage.core.types import Span

GOOD_TRUTH = {
    "annotator": "somebody",
    "videos": {
        "clips/a.mp4": {
            "duration": 20,
            "events": [
                {"id": "e1", "query": "a dog runs", "paraphrase": "running dog", "spans": [[1, 2.5], [7, 9]]}
            ],
        }
    },
    "negative_queries": ["a plane lands"],
}
QV_LINE = {"qid": 7, "query": "a dog", "vid": "v", "duration": 150, "relevant_windows": [[0, 8], [20, 30]]}


def written(tmp_path, content, name="file.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_ground_truth_is_read(tmp_path):
    truth = read_ground_truth(written(tmp_path, GOOD_TRUTH))
    [video] = truth.videos
    assert (video.name, video.duration_seconds) == ("clips/a.mp4", 20.0)
    assert video.events[0].query == "a dog runs"
    assert video.events[0].spans == (Span(1, 2.5), Span(7, 9))
    assert truth.negative_queries == ("a plane lands",)


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda t: t.pop("videos"), 'the key "videos" is missing'),
        (
            lambda t: t["videos"]["clips/a.mp4"].pop("events"),
            'video "clips/a.mp4": the key "events" is missing',
        ),
        (
            lambda t: t["videos"]["clips/a.mp4"].update(duration=7),
            "event 0: a span starts at 7 s, but the video lasts 7 s",
        ),
        (
            lambda t: t["videos"]["clips/a.mp4"]["events"][0].pop("query"),
            'event 0: the key "query" is missing',
        ),
        (lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(query=" "), "event 0: a query needs words"),
        (lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(to_check="yes"), "must be true or false"),
        (
            lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(spans=[["1:75", 90]]),
            "event 0: '1:75' is not a time",
        ),
        (lambda t: t.update(negative_queries=["a cat", ""]), "negative query 1: a query needs words"),
        (
            lambda t: t.update(negative_queries=["a dog runs"]),
            '"a dog runs" stands among the negative queries and among the events',
        ),
        (
            lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(spans=[]),
            "event 0: an event needs one span",
        ),
        (lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(spans=[[3, 1]]), "0 <= start <= end"),
        (
            lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(spans=[[1, "x"]]),
            "'x' is not a time",
        ),
        (lambda t: t["videos"]["clips/a.mp4"]["events"][0].update(query=3), "expected a text, got int"),
        (lambda t: t.update(videos=[]), "expected a JSON object, got list"),
        (lambda t: t.update(negative_queries="x"), "expected a list, got str"),
    ],
)
def test_broken_ground_truth_is_told_where(tmp_path, change, result):
    truth = json.loads(json.dumps(GOOD_TRUTH))
    change(truth)
    with pytest.raises(UsageError, match=result):
        read_ground_truth(written(tmp_path, truth))


def test_only_a_query_and_its_times_are_needed(tmp_path):
    events = [{"query": "a dog runs", "spans": [["1:23.5", "1:02:03"], [7, "0:09"]], "to_check": True}]
    truth = read_ground_truth(written(tmp_path, {"videos": {"a.mp4": {"events": events}}}))
    [video] = truth.videos
    [event] = video.events
    assert (video.duration_seconds, truth.negative_queries) == (None, ())
    assert event.spans == (Span(83.5, 3723), Span(7, 9))
    assert (event.id, event.paraphrase, event.to_check) == ("a.mp4/0", "", True)


def test_a_video_named_twice_is_told_and_does_not_vanish(tmp_path):
    twice = '{"videos": {"a.mp4": {"events": []}, "a.mp4": {"events": []}}}'
    with pytest.raises(UsageError, match=r'key "a\.mp4" stands twice'):
        read_ground_truth(written(tmp_path, twice))


def test_invalid_json_and_missing_files_are_told(tmp_path):
    with pytest.raises(UsageError, match="line 2: not valid JSON"):
        read_ground_truth(written(tmp_path, '{"videos":\n ,}'))
    with pytest.raises(FileError, match=r"missing\.json cannot be read: No such file"):
        read_ground_truth(tmp_path / "missing.json")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"caf\xe9")
    with pytest.raises(FileError, match="not UTF-8"):
        read_ground_truth(binary)


def test_qvhighlights_lines(tmp_path):
    [query] = read_qvhighlights(written(tmp_path, json.dumps(QV_LINE) + "\n\n"))
    assert (query.id, query.video, query.text, query.duration_seconds) == ("7", "v", "a dog", 150.0)
    assert query.spans == (Span(0, 8), Span(20, 30))


def test_qvhighlights_errors_name_the_line(tmp_path):
    good = json.dumps(QV_LINE)
    with pytest.raises(UsageError, match="line 2: not valid JSON"):
        read_qvhighlights(written(tmp_path, good + "\n{oops"))
    with pytest.raises(UsageError, match="query 7 occurs twice"):
        read_qvhighlights(written(tmp_path, good + "\n" + good))
    with pytest.raises(UsageError, match='line 1: the key "vid" is missing'):
        read_qvhighlights(written(tmp_path, json.dumps({k: v for k, v in QV_LINE.items() if k != "vid"})))


def test_predictions_that_are_no_interval_become_empty_spans(tmp_path):
    line = {"qid": 7, "pred_relevant_windows": [[5, 3, 0.9], [-100, -100, 0.2], [1, 2, 0.1]]}
    [predicted] = read_qvhighlights_predictions(written(tmp_path, json.dumps(line))).values()
    assert [p.span.duration_seconds for p in predicted] == [0, 0, 1]
    with pytest.raises(UsageError, match=r"line 1: a prediction must be \[start, end, score\]"):
        read_qvhighlights_predictions(
            written(tmp_path, json.dumps({"qid": 7, "pred_relevant_windows": [[1, 2]]}))
        )


def test_charades_lines(tmp_path):
    path = written(tmp_path, "AMT7R 4.3 12.5##a person puts ## up a picture.\n", "charades.txt")
    [query] = read_charades_sta(path)
    assert (query.id, query.video, query.spans) == ("1", "AMT7R", (Span(4.3, 12.5),))
    assert query.text == "a person puts ## up a picture."


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("AMT7R 4.3 12.5 a person", "line 1: expected"),
        ("AMT7R 4.3##a person", "line 1: expected"),
        ("AMT7R 4.3 x##a person", "line 1: expected a number, got 'x'"),
        ("AMT7R 9 4##a person", "0 <= start <= end"),
        ("AMT7R 1 4##  ", "line 1: expected"),
    ],
)
def test_broken_charades_lines_are_told(tmp_path, line, result):
    with pytest.raises(UsageError, match=result):
        read_charades_sta(written(tmp_path, line, "charades.txt"))


def test_activitynet_entries(tmp_path):
    content = {"v_1": {"duration": 10, "timestamps": [[0, 4], [3, 10.4]], "sentences": ["One.", " Two."]}}
    first, second = read_activitynet(written(tmp_path, content))
    assert (first.id, first.text, first.spans) == ("v_1/0", "One.", (Span(0, 4),))
    assert (second.text, second.spans) == ("Two.", (Span(3, 10),))
    content["v_1"]["sentences"].pop()
    with pytest.raises(UsageError, match='video "v_1": 2 timestamps but 1 sentences'):
        read_activitynet(written(tmp_path, content))


def test_public_annotation_files_are_read_whole(test_data):
    counts = {
        read_charades_sta: ("charades_sta/charades_sta_test_dev.txt", None),
        read_activitynet: ("anet/val_1.json", 17_505),
        read_qvhighlights: ("qvhighlights/highlight_val_release.jsonl", 1_550),
    }
    for reader, (name, expected) in counts.items():
        if not (test_data / name).exists():
            pytest.skip(f"needs {name}")
        queries = reader(test_data / name)
        assert len(queries) == expected if expected else queries
    assert len(read_ground_truth(test_data / "e2e" / "ground_truth_dev.json").videos) == 7


def test_timelens_and_own_truth_become_queries(tmp_path):
    lens = tmp_path / "lens.json"
    lens.write_text(
        '{"v": {"duration": 20.0, "spans": [[1, 5], [7, 9.5]], "queries": ["a dog runs", " it sits "]}}'
    )
    first, second = read_timelens(lens)
    assert (first.id, second.id, second.text, second.duration_seconds) == ("v/0", "v/1", "it sits", 20.0)
    assert second.spans == (Span(7, 9.5),)
    lens.write_text('{"v": {"duration": 20.0, "spans": [[1, 5]], "queries": []}}')
    with pytest.raises(UsageError, match="1 spans but 0 queries"):
        read_timelens(lens)
    own = tmp_path / "own.json"
    own.write_text(
        '{"videos": {"a.mp4": {"duration": 9, "events": '
        '[{"id": "e1", "query": "a dog runs", "spans": [[1, 2], [4, 5]]}]}}}'
    )
    (query,) = read_own(own)
    assert (query.id, query.video, query.spans) == ("e1", "a.mp4", (Span(1, 2), Span(4, 5)))
    assert query.duration_seconds == 9
