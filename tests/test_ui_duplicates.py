"""`footage status --duplicates` and `footage search --group scene`, on drawn footage and its copies."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from command_runner import CommandRunner
from hypothesis import given
from hypothesis import strategies as st
from standin_finder import TestVideo, index_videos

from footage.core.tracks import image_track
from footage.core.types import Caption, Match, Provenance, Span, Video, Window, WindowRecord
from footage.embed.text_embedder import load_embedder
from footage.store.records import ImageVectorRow
from footage.synthetic import clips
from footage.synthetic.writing import write_video
from search.query.parser import parse_query
from search.results import SearchCoverage, SearchResult, Timings
from search.scene_groups import apart, may_stand_for
from service.schemas.answers import MatchRecord
from ui.cli.main import app

runner = CommandRunner()
DOG = "A white dog runs."
SIZE = {"fps": 6, "width": 240, "height": 160}


def lines(*arguments: str) -> list[dict]:
    result = runner.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """An index of two clips, a part of the first that was scaled and encoded again, and one file twice."""
    folder = tmp_path_factory.mktemp("library")
    rng = np.random.default_rng(12)
    one, other = (
        clips.random_clip(rng, duration_seconds=30, scene=clips.random_scene(rng)) for _ in range(2)
    )
    for name, clip in (("one", one), ("other", other)):
        clips.write_clip(clip, folder / f"{name}.mp4", **SIZE)
    write_video(
        folder / "part.mp4",
        lambda times: clips.render(one, [7.4 + at for at in times], width=180, height=120),
        duration_seconds=20,
        fps=8,
        width=180,
        height=120,
        crf=30,
    )
    (folder / "again.mp4").write_bytes((folder / "other.mp4").read_bytes())
    db = str(folder / "index.lancedb")
    options = ["--tracks", "image", "--image-embedder", "demo-clip", "--db", db]
    assert runner.invoke(app, ["index", str(folder), *options]).exit_code == 0
    return db


def test_a_scaled_part_is_found_with_its_offset(drawn):
    same, copy, *_, coverage = lines("status", "--duplicates", "--db", drawn)
    assert [path.rsplit("/", 1)[1] for path in same["paths"]] == ["again.mp4", "other.mp4"]
    assert copy["type"] == "copy" and copy["video"].endswith("part.mp4")
    assert copy["original"].endswith("one.mp4") and copy["share"] > 0.9
    assert copy["original_start_seconds"] - copy["start_seconds"] == pytest.approx(7.4, abs=0.6)
    assert coverage["image_embedder"] == "demo-clip" and coverage["videos"] == 3
    shown = runner.invoke(app, ["status", "--duplicates", "--db", drawn])
    assert "part.mp4 is " in shown.stdout and "same bytes: " in shown.stdout
    assert "Compared 3 videos" in shown.stderr
    refused = runner.invoke(app, ["status", "--duplicates", "--files", "--db", drawn])
    assert refused.exit_code == 2 and "--duplicates" in refused.stderr


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    """An index of captions in which a dog runs twice in each of three videos."""
    videos = [TestVideo(name, 40, 25, {DOG: [(2, 6), (20, 24)]}) for name in ("a", "b", "c")]
    return index_videos(tmp_path_factory.mktemp("captioned"), videos, load_embedder())


def test_without_image_vectors_a_sentence_says_so_and_nothing_changes(captioned):
    search = ["search", DOG, "--no-ground", "-n", "20", "--db", str(captioned.path)]
    plain, grouped = lines(*search), lines(*search, "--group", "scene")
    assert grouped[:-1] == plain[:-1]
    (note,) = grouped[-1]["notes"]
    assert "no image vectors" in note and "--tracks image" in note
    listed = runner.invoke(app, ["status", "--duplicates", "--db", str(captioned.path)])
    assert listed.exit_code == 0 and "no image vectors" in listed.stderr
    assert lines("status", "--duplicates", "--db", str(captioned.path))[-1]["image_embedder"] == ""


def test_answers_of_one_scene_are_one_and_none_is_lost(captioned):
    search = ["search", DOG, "--no-ground", "-n", "20", "--db", str(captioned.path)]
    plain = lines(*search)[:-1]
    rng = np.random.default_rng(3)
    scenes = rng.normal(size=(40, 32))
    scenes /= np.linalg.norm(scenes, axis=1, keepdims=True)
    names = sorted({line["content_id"] for line in plain})
    for number, content_id in enumerate(names):  # the first two show one scene, then others
        shown = scenes[[max(0, number - 1)] * 30 + [10 * number + n for n in range(5, 15)]]
        rows = [ImageVectorRow(content_id, 0, Span(at, at + 1), at, v) for at, v in enumerate(shown)]
        captioned.images.put("any", rows)
        made = WindowRecord(
            Window(content_id, 0, Span(0, 40)),
            Caption("", (), "", "stop"),
            Provenance("any", "1", "1", "1"),
            image_track("any"),
        )
        captioned.windows.commit([made])
    grouped = lines(*search, "--group", "scene")[:-1]
    assert len(grouped) == 2 and sum(1 + line["others"] for line in grouped) == len(plain)
    kept = [
        (each["content_id"], each["start_seconds"]) for line in grouped for each in (line, *line["similar"])
    ]
    assert sorted(kept) == sorted((line["content_id"], line["start_seconds"]) for line in plain)
    assert {names[0], names[1]} in [
        {line["content_id"], *(each["content_id"] for each in line["similar"])} for line in grouped
    ]
    assert MatchRecord.model_validate(grouped[0]).fields() == grouped[0]
    assert lines(*search)[:-1] == plain  # the default order is that of before
    assert "more like it" in runner.invoke(app, [*search, "--group", "scene"]).stdout


answers = st.builds(
    lambda verdict, confidence: Match(
        Video("a", 1.0, 1, 1, 1.0, "h264"), "a", Span(0, 1), "", 0.5, True, verdict, confidence
    ),
    st.sampled_from(["found", "uncertain", "not checked", "not found"]),
    st.none() | st.floats(0, 1),
)


@given(st.lists(answers, min_size=2, max_size=2))
def test_an_answer_never_stands_for_a_better_one(pair):
    head, match = pair
    coverage = SearchCoverage(1, 1.0, 1.0, 0, "m")
    result = SearchResult(parse_query("a dog"), tuple(pair), coverage, Timings(0, 0, 0))
    if may_stand_for(result, head, match):
        assert match.verdict != "found" or head.verdict == "found"
        assert replace(result, matches=(head,)).outcome == result.outcome


def test_sets_of_pictures_without_pictures_are_apart_from_everything():
    one, none = np.eye(3), np.zeros((0, 3))
    assert apart(one, one) == 0 and apart(one, none) == float("inf") == apart(none, none)
    assert apart(one[:1], one[1:]) == 1
